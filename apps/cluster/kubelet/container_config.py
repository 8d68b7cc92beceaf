"""What a kubelet works out of a container's spec: words with variables in them, ports, its hash.

Models      pkg/kubelet/container/helpers.go, third_party/forked/golang/expansion
Leaves out  nothing of its own
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Obj = dict[str, Any]


def find(pod: Mapping[str, Any], name: str) -> Obj | None:
    """A container of a Pod by its name, of whatever kind."""
    spec = pod["spec"]
    for kind in ("containers", "initContainers", "ephemeralContainers"):
        for container in spec.get(kind) or ():
            if container.get("name") == name:
                return container  # type: ignore[no-any-return]
    return None


def expanded(text: str, value_of: Callable[[str], str]) -> str:
    """$(NAME) replaced by its value; $$ is a dollar.

    >>> expanded("$(A)-$$(A)-$(B", {"A": "1"}.get)
    '1-$(A)-$(B'
    """
    out = []
    at = 0
    while at < len(text):
        if text[at] != "$" or at + 1 == len(text):
            out.append(text[at])
            at += 1
        elif text[at + 1] == "$":
            out.append("$")
            at += 2
        elif text[at + 1] == "(" and (end := text.find(")", at + 2)) >= 0:
            out.append(value_of(text[at + 2 : end]))
            at = end + 1
        else:
            out.append(text[at : at + 2])
            at += 2
    return "".join(out)


def words(texts: Sequence[str] | None, values: Mapping[str, str]) -> list[str]:
    """A command or its arguments; a variable that nobody knows stays as it is written."""
    return [expanded(text, lambda name: values.get(name, f"$({name})")) for text in texts or ()]


def sub_path(expression: str, values: Mapping[str, str]) -> str | None:
    """`subPathExpr` of a mount; None when it names a variable that has no value."""
    missing: list[str] = []

    def value_of(name: str) -> str:
        value = values.get(name, "")
        if not value:
            missing.append(name)
        return value

    path = expanded(expression, value_of)
    return None if missing else path


def port_mappings(container: Mapping[str, Any]) -> list[Obj]:
    """The ports that a sandbox is asked for: of ports that say the same, the first."""
    out = []
    seen = set()
    for port in container.get("ports") or ():
        protocol, host_ip = port.get("protocol", ""), port.get("hostIP", "")
        family = "any" if not host_ip else "v6" if ":" in host_ip else "v4"
        inner, outer = port.get("containerPort", 0), port.get("hostPort", 0)
        name = port.get("name") or f"{family}-{protocol}-{host_ip}:{inner}:{outer}"
        if name in seen:
            continue
        seen.add(name)
        out.append({"protocol": protocol, "containerPort": inner, "hostPort": outer, "hostIP": host_ip})
    return out


def is_privileged(pod: Mapping[str, Any]) -> bool:
    """Whether any of its containers may do what root on the machine may."""
    spec = pod["spec"]
    every = [*(spec.get("initContainers") or ()), *spec.get("containers", ()), *(spec.get("ephemeralContainers") or ())]
    return any((one.get("securityContext") or {}).get("privileged") for one in every)


def container_hash(container: Mapping[str, Any]) -> int:
    """What a running container's spec must hash to, or it is replaced: only its name and image count.

    >>> container_hash({"name": "foo", "image": "bar", "resources": {"requests": {"cpu": "1"}}})
    296146646
    """
    fields = {"image": container.get("image", ""), "name": container.get("name", "")}
    text = json.dumps(fields, separators=(",", ":"), ensure_ascii=False)
    return _fnv32a(f"([]uint8)[{' '.join(str(byte) for byte in text.encode())}]".encode())


def _fnv32a(data: Iterable[int]) -> int:
    out = 0x811C9DC5
    for byte in data:
        out = ((out ^ byte) * 0x01000193) & 0xFFFFFFFF
    return out


def recursive_read_only(mount: Mapping[str, Any], *, supported: bool) -> bool:
    """Whether what is mounted below a read-only mount is read-only too.

    Raises: ValueError when that was asked for and cannot be.
    """
    mode = mount.get("recursiveReadOnly")
    if mode in (None, "Disabled"):
        return False
    asked = f'volume "{mount["name"]}" requested recursive read-only mode, but it is'
    if not mount.get("readOnly"):
        raise ValueError(f"{asked} not read-only")
    propagation = mount.get("mountPropagation")
    if propagation not in (None, "None"):
        raise ValueError(f'{asked} not compatible with propagation "{propagation}"')
    if mode == "IfPossible":
        return supported
    if mode != "Enabled":
        raise ValueError(f'unknown recursive read-only mode "{mode}"')
    if not supported:
        raise ValueError(f"{asked} not supported by the runtime")
    return True
