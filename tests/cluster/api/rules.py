"""Rows of tests/testdata/api/rules.json: an object a kind, what is set in it, what it was, and every error in order."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from apps.cluster.api.scheme import RESOURCES

Obj = dict[str, Any]
KINDS = {info.kind: info for info in RESOURCES.values() if info.builtin}


def made(base: Obj, kind: str, fields: Obj, *, changed: bool) -> Obj:
    """The kind's object with these fields: `{"spec.nodeName": "n"}`."""
    info = KINDS[kind]
    obj = deepcopy(base)
    given = obj.get("metadata") or {}
    obj["metadata"] = {"name": "x", **({"namespace": "default"} if info.namespaced else {}), **given}
    if changed:
        obj["metadata"] |= {"uid": "1", "resourceVersion": "1", "creationTimestamp": "2026-11-23T00:00:00Z"}
    for path, value in fields.items():
        *parents, last = path.split(".")
        place = obj
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return obj


def errors_of(bases: Obj, row: Obj) -> list[str]:
    """Errors of a creation, or of a change where the row says what was there before."""
    kind, info = row["kind"], KINDS[row["kind"]]
    changed = "old" in row
    new = made(bases[kind], kind, row["set"], changed=changed)
    if changed:
        old = made(bases[kind], kind, row["old"], changed=True)
        judge = info.validate_status if row.get("part") == "status" else info.validate_update
        return [str(error) for error in judge(new, old)]
    return [str(error) for error in info.validate(new)]
