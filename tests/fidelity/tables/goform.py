"""Go structs as the tables dump them, made API objects again.

What is not a whole API object was dumped with Go's field names, every field, the nil ones too:
`{"Name": "abc", "VolumeSource": {"HostPath": {"Path": "/", "Type": null}, "EmptyDir": null, …}}`.
"""

from __future__ import annotations

from typing import Any

from apps.cluster.api.schema.internal import HOST_FLAGS, Line, lines, tables

INITIALS = {
    "UID": "uid",
    "IP": "ip",
    "ID": "id",
    "TTY": "tty",
    "OS": "os",
    "GRPC": "grpc",
    "API": "api",
    "URI": "uri",
    "CIDR": "cidr",
}


def camel(name: str) -> str:
    """`MatchLabels` -> `matchLabels`, for what no table of fields knows."""
    for initials, small in INITIALS.items():
        if name.startswith(initials) and not name[len(initials) : len(initials) + 1].islower():
            return small + name[len(initials) :]
    return name[:1].lower() + name[1:]


def api(name: str, value: Any) -> Any:
    """A dumped struct of pkg/apis/core as the API object it stands for."""
    if isinstance(value, list):
        return [api(name, one) for one in value]
    if not isinstance(value, dict) or "metadata" in value:
        return value
    if name not in tables()["core"]:
        return loose(value)
    made: dict[str, Any] = {}
    for line in lines("core", name):
        if line.embedded:
            short = line.embedded.rpartition(".")[2]
            inner = value.get(short)
            if short == "ObjectMeta":
                made["metadata"] = loose(inner or {})
            elif short != "TypeMeta":
                made.update(api(short, inner if isinstance(inner, dict) else value))
            continue
        _field(made, line, value.get(line.name, value.get(line.json)))
    if name == "PodSpec":
        context = made.get("securityContext") or {}
        made |= {flag: context.pop(flag) for flag in HOST_FLAGS if flag in context}
        made = {key: one for key, one in made.items() if key != "securityContext" or one}
    return made


def _field(made: dict[str, Any], line: Line, value: Any) -> None:
    if value is None or (not line.pointer and value in ("", 0, False) and not isinstance(value, (list, dict))):
        return
    kind = line.type
    assert kind is not None
    while kind.kind in ("slice", "map", "ptr") and kind.elem is not None:
        kind = kind.elem
    if kind.kind == "struct":
        owner, name = kind.struct_ref or ("", "")
        if line.type is not None and line.type.kind == "map":
            made[line.json] = value
        elif owner == "core" and name in tables()["core"]:
            made[line.json] = api(name, value)
        else:
            made[line.json] = loose(value)
        return
    made[line.json] = value


def loose(value: Any) -> Any:
    """Fields written small, what is nil left out: for structs whose JSON names are their Go names."""
    if isinstance(value, list):
        return [loose(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        camel(key) if key[:1].isupper() else key: (
            one if key in ("MatchLabels", "Annotations", "Labels") else loose(one)
        )
        for key, one in value.items()
        if one is not None
    }


def whole(value: Any) -> Any:
    """A whole object of a kind whose types were dumped by their Go names."""
    if not isinstance(value, dict) or "ObjectMeta" not in value:
        return value
    made = {name: one for name, one in value.items() if name not in ("ObjectMeta", "TypeMeta")}
    return {"metadata": value["ObjectMeta"], **loose(made)}


def errors_of(value: Any) -> list[str]:
    """`[{"__error": "field[0].name: Required value"}]` as texts."""
    return [one["__error"] if isinstance(one, dict) and "__error" in one else one for one in value or ()]
