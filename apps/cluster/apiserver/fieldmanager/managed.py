"""The managers of one object, and what a write makes of them.

Models      k8s.io/apimachinery/pkg/util/managedfields/internal (fieldmanager.go and the managers it stacks),
            sigs.k8s.io/structured-merge-diff merge/update.go
Leaves out  managers that wrote another version of the kind
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from apps.cluster.apimachinery.status import StatusError, bad_request
from apps.cluster.apiserver.fieldmanager import typed
from apps.cluster.apiserver.fieldmanager.fieldset import NONE, Path, Paths, from_fields, in_order, text_of, to_fields
from apps.cluster.apiserver.fieldmanager.types import Node

Obj = dict[str, Any]

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
MAX_UPDATERS = 10  # entries of Updates that are kept apart; the oldest are merged
STRIPPED = frozenset(
    {("f:apiVersion",), ("f:kind",), ("f:metadata",)}
    | {
        ("f:metadata", f"f:{name}")
        for name in (
            "name",
            "namespace",
            "creationTimestamp",
            "selfLink",
            "uid",
            "clusterName",
            "generation",
            "managedFields",
            "resourceVersion",
        )
    }
)


class Manager(NamedTuple):
    """Who a set of fields belongs to. Of an applier the version is no part: one entry, whichever it applied."""

    name: str
    operation: str  # Apply | Update
    api_version: str
    subresource: str


class Fields(NamedTuple):
    paths: Paths
    api_version: str
    time: str


Managed = Mapping[Manager, Fields]
Keep = Callable[[Iterable[Path]], Paths]  # the fields that a request may touch, of those given


class Conflicts(Exception):
    """Fields of an apply that others own: (manager, its fields), by manager."""

    def __init__(self, found: list[tuple[Manager, Fields, list[Path]]]) -> None:
        super().__init__("conflicts")
        self.found = found

    def as_error(self) -> StatusError:
        pairs = [(_print(manager, fields), path) for manager, fields, paths in self.found for path in paths]
        if len(pairs) == 1:
            text = f"Apply failed with 1 conflict: conflict with {pairs[0][0]}: {text_of(pairs[0][1])}"
        else:
            lines: list[str] = []
            for manager, fields, paths in self.found:
                lines.append(f"conflicts with {_print(manager, fields)}:")
                lines += [f"- {text_of(path)}" for path in paths]
            text = f"Apply failed with {len(pairs)} conflicts: " + "\n".join(lines)
        causes = [
            {"reason": "FieldManagerConflict", "message": f"conflict with {who}", "field": text_of(path)}
            for who, path in pairs
        ]
        return StatusError(409, "Conflict", text, {"causes": causes})


def _print(manager: Manager, fields: Fields) -> str:
    text = json.dumps(manager.name, ensure_ascii=False)
    if manager.subresource:
        text += f" with subresource {json.dumps(manager.subresource)}"
    if manager.operation == "Update":
        text += f" using {manager.api_version}"
    return text


def manager_for(name: str, operation: str, api_version: str, subresource: str = "") -> Manager:
    return Manager(name or "unknown", operation, "" if operation == "Apply" else api_version, subresource)


# ---- the written form ----------------------------------------------------------------------------


def encode(managed: Managed) -> list[Obj]:
    """`metadata.managedFields`."""
    entries = []
    for manager, fields in sorted(managed.items(), key=_entry_order):
        entry: Obj = {"manager": manager.name, "operation": manager.operation, "apiVersion": fields.api_version}
        if fields.time:
            entry["time"] = fields.time
        entry["fieldsType"] = "FieldsV1"
        entry["fieldsV1"] = to_fields(fields.paths)
        if manager.subresource:
            entry["subresource"] = manager.subresource
        entries.append(entry)
    return entries


def _entry_order(item: tuple[Manager, Fields]) -> tuple[str, str, str, str, str]:
    manager, fields = item
    return manager.operation, fields.time[:19], manager.name, fields.api_version, manager.subresource


def decode(entries: Any) -> Managed:
    """Raises: ValueError, one of the entries is malformed."""
    found: dict[Manager, Fields] = {}
    for at, entry in enumerate(entries or ()):
        operation = entry.get("operation", "")
        if operation not in ("Apply", "Update"):
            raise ValueError("operation must be `Apply` or `Update`")
        if not entry.get("apiVersion"):
            raise ValueError("apiVersion must not be empty")
        if entry.get("fieldsType") != "FieldsV1":
            raise ValueError(f"invalid fieldsType {entry.get('fieldsType')!r} in managed fields entry {at}")
        version = entry["apiVersion"]
        manager = manager_for(entry.get("manager", ""), operation, version, entry.get("subresource", ""))
        found[manager] = Fields(from_fields(entry.get("fieldsV1") or {}), version, entry.get("time") or "")
    return found


def from_request(entries: Any) -> Managed | None:
    """What a written object says of its managers: None for nothing, {} when it wants them forgotten."""
    if entries is None:
        return None
    if not entries or (len(entries) == 1 and not any(entries[0].values())):
        return {}
    try:
        return decode(entries) or None
    except (ValueError, AttributeError, TypeError):
        return None


# ---- writes --------------------------------------------------------------------------------------


def updated(
    managed: Managed, old: Obj, new: Obj, manager: Manager, now: str, node: Node, keep: Keep | None = None
) -> Managed:
    """After a create, update or patch by `manager`. A new object's `old` is empty."""
    if not managed and "uid" in (old.get("metadata") or {}):
        return managed  # from before its managers were followed, or reset: only an apply begins anew
    compared = typed.compare(old, new, node)
    removed, changed = frozenset(compared.removed), frozenset(compared.modified | compared.added)
    if keep is not None:
        removed, changed = keep(removed), keep(changed)
    out: dict[Manager, Fields] = {}
    lost = removed | changed
    for there, fields in managed.items():
        left = fields.paths - lost
        if left:
            out[there] = fields if left == fields.paths else fields._replace(paths=left)
    # The writer's own entry loses what others would lose too, and gains what this write changed.
    mine = changed - STRIPPED
    if mine:
        before = out.get(manager)
        out[manager] = Fields(mine | (before.paths if before else NONE), manager.api_version, now)
    return _capped(out)


def _capped(managed: dict[Manager, Fields]) -> Managed:
    updaters = [manager for manager in managed if manager.operation == "Update"]
    if len(updaters) <= MAX_UPDATERS:
        return managed
    updaters.sort(key=lambda manager: (managed[manager].time, manager))
    count = len(updaters)
    first: dict[str, Manager] = {}
    for manager in updaters:
        if count <= MAX_UPDATERS:
            break
        fields = managed[manager]
        bucket = Manager("ancient-changes", "Update", fields.api_version, "")
        if fields.api_version not in first:
            first[fields.api_version] = manager
            continue
        if bucket not in managed:
            managed[bucket] = managed.pop(first[fields.api_version])
        managed[bucket] = fields._replace(paths=fields.paths | managed[bucket].paths)
        del managed[manager]
        count -= 1
    return managed


class Applied(NamedTuple):
    """What an apply makes: the object (None: as it was) and its managers."""

    obj: Obj | None
    managed: Managed


def applied(
    managed: Managed,
    live: Obj,
    config: Obj,
    manager: Manager,
    now: str,
    node: Node,
    *,
    force: bool,
    keep: Keep | None = None,
) -> Applied:
    """After a server-side apply of `config`.

    Raises:
        Conflicts: others own what it says otherwise, and it is not forced.
        StatusError: 400, 500, the configuration is none.
    """
    if not managed and "uid" in (live.get("metadata") or {}):
        before = Manager("before-first-apply", "Update", live["apiVersion"], "")
        managed = updated({}, {}, live, before, now, node)
    try:
        return _applied(managed, live, config, manager, now, node, force, keep)
    except Conflicts as conflicts:
        if manager.name != "kubectl":
            raise
        left = _not_excused(conflicts, live, config, node)
        if left:
            raise Conflicts(left) from None
        return _applied(managed, live, config, manager, now, node, True, keep)


def _applied(
    managed: Managed,
    live: Obj,
    config: Obj,
    manager: Manager,
    now: str,
    node: Node,
    force: bool,
    keep: Keep | None,
) -> Applied:
    metadata = config.get("metadata") or {}
    where = f"{metadata.get('namespace', '')}/{metadata.get('name', '')}"
    api_version = config["apiVersion"]
    try:
        paths = typed.field_set(config, node)
        merged = typed.merge(live, config, node)
    except typed.Unfit as error:
        group_kind = f"{api_version}, Kind={config['kind']}"
        text = f"failed to create typed patch object ({where}; {group_kind}): {error}"
        raise StatusError(500, "", text) from None
    if keep is not None:
        paths = keep(paths)
    last = managed.get(manager)
    others = {there: fields for there, fields in managed.items() if there != manager}
    merged = _pruned(merged, last.paths if last else NONE, paths, others, node)

    compared = typed.compare(live, merged, node)
    removed, changed = frozenset(compared.removed), frozenset(compared.modified | compared.added)
    if keep is not None:
        removed, changed = keep(removed), keep(changed)
    conflicts = []
    for there in sorted(others):
        taken = others[there].paths & changed
        if taken:
            conflicts.append((there, others[there], in_order(taken)))
    if conflicts and not force:
        raise Conflicts(conflicts)
    out: dict[Manager, Fields] = {}
    lost = removed | changed
    for there, fields in others.items():
        left = fields.paths - lost
        if left:
            out[there] = fields._replace(paths=left)
    mine = paths - removed - STRIPPED
    unchanged = not (compared.removed or compared.modified or compared.added)
    if mine:
        time = last.time if unchanged and last is not None else now
        out[manager] = Fields(mine, api_version, time)
    return Applied(None if unchanged else merged, out)


def _pruned(merged: Obj, last: Paths, paths: Paths, others: Managed, node: Node) -> Obj:
    """Without what was applied last time, is not this time, and nobody else owns."""
    if not last:
        return merged
    named_last = typed.with_named(last, node)
    pruned = typed.remove(merged, named_last, node)
    owned = frozenset(paths).union(*(fields.paths for fields in others.values()))
    all_of = typed.with_named(_fields_of(merged, node), node)
    kept = typed.with_named(_fields_of(pruned, node), node) | typed.with_named(owned, node)
    pruned = typed.remove(merged, all_of - kept, node)
    kept = typed.with_named(_fields_of(pruned, node), node)
    out: Obj = typed.remove(merged, (all_of - kept) & named_last, node)
    return out


def _fields_of(obj: Obj, node: Node) -> Paths:
    return typed.field_set(obj, node)


def _not_excused(conflicts: Conflicts, live: Obj, config: Obj, node: Node) -> list[tuple[Manager, Fields, list[Path]]]:
    """Conflicts that kubectl's own last client-side apply does not account for."""
    text = ((live.get("metadata") or {}).get("annotations") or {}).get(LAST_APPLIED, "")
    try:
        last = json.loads(text)
        if last.get("apiVersion") != live["apiVersion"]:
            return conflicts.found
        compared = typed.compare(last, live, node)
        mine = typed.field_set(last, node) - compared.modified - compared.added - compared.removed
    except (ValueError, AttributeError, typed.Unfit):
        return conflicts.found
    left = []
    for manager, fields, paths in conflicts.found:
        others = [path for path in paths if path not in mine]
        if others:
            left.append((manager, fields, others))
    return left


def check_config(config: Any, api_version: str, kind: str) -> None:
    """Raises: StatusError 400, the applied object is of another kind, or brings managers of its own."""
    if not config.get("apiVersion") or not config.get("kind"):
        raise bad_request("Object 'Kind' is missing" if not config.get("kind") else "Object 'apiVersion' is missing")
    if (config["apiVersion"], config["kind"]) != (api_version, kind):
        if config["kind"] != kind:
            raise bad_request(f"invalid object type: {config['apiVersion']}, Kind={config['kind']}")
        raise bad_request(
            "Incorrect version specified in apply patch. Specified patch version: "
            f"{config['apiVersion']}, expected: {api_version}"
        )
    if (config.get("metadata") or {}).get("managedFields") is not None:
        raise bad_request("metadata.managedFields must be nil")


def same_fields(one: Managed, other: Managed) -> bool:
    """The same owners of the same fields, whenever they came to own them."""
    return one.keys() == other.keys() and all(one[manager].paths == other[manager].paths for manager in one)
