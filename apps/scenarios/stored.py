"""What etcd holds at one revision: keys as a tree with their revisions, and every version of one key. Data, no HTML.

Models      etcdctl get --prefix --keys-only -w fields, and etcdctl get --rev
Leaves out  -
"""

from __future__ import annotations

from typing import Any

from apps.cluster.internals import Internals, etcd_key, etcd_prefix
from apps.cluster.snapshot import Snapshot

KEYS = 100  # of one prefix, the latest first
VERSIONS = 20  # of one key, the latest first

Row = dict[str, Any]


def stored(snapshot: Snapshot, focus: str) -> Row:
    """The prefixes with their keys; the one that this step or the reader points at is open."""
    internals = snapshot.internals
    step = snapshot.step if snapshot.step is not None and snapshot.step.rank != "note" else None
    written = step.ref if step is not None else ""
    ref = focus if "/" in focus else written
    resources = internals.resources() if internals is not None else sorted(snapshot.objects)
    return {
        "revision": snapshot.revision,
        "compacted": internals.compact_revision if internals is not None else 0,
        "lost": internals.lost if internals is not None else 0,
        "keys": sum(len(table) for table in snapshot.objects.values()),
        "key": etcd_key(ref) if ref else "",
        "ref": ref,
        "versions": _versions(internals, ref) if internals is not None and ref else [],
        "prefixes": [_prefix(snapshot, internals, resource, ref, written) for resource in resources],
    }


def _prefix(snapshot: Snapshot, internals: Internals | None, resource: str, ref: str, written: str) -> Row:
    table = snapshot.objects.get(resource, {})
    newest = sorted(table.items(), key=lambda item: -_mod(item[1]))
    opened = ref.partition("/")[0] == resource
    return {
        "prefix": etcd_prefix(resource),
        "count": len(table),
        "open": opened,  # its keys are listed; of the others the newest key leads there
        "newest": f"{resource}/{newest[0][0]}" if newest else "",
        "hot": written.partition("/")[0] == resource,
        "more": max(len(table) - KEYS, 0),
        "keys": [_key(internals, f"{resource}/{key}", _mod(obj), written, ref) for key, obj in newest[:KEYS]]
        if opened
        else [],
    }


def _key(internals: Internals | None, ref: str, mod: int, written: str, chosen: str) -> Row:
    key = etcd_key(ref)
    record = internals.record(key) if internals is not None else None
    return {
        "ref": ref,
        "name": ref.partition("/")[2],
        "create": record.create_revision if record is not None else "",
        "mod": record.mod_revision if record is not None else mod,
        "version": record.version if record is not None else "",
        "hot": ref == written,
        "chosen": ref == chosen,
    }


def _versions(internals: Internals, ref: str) -> list[Row]:
    out = []
    for record in internals.versions(etcd_key(ref)):
        out.append(
            {
                "mod": record.mod_revision,
                "create": record.create_revision,
                "version": record.version,
                "deleted": not record.version,
                "now": not out,
            }
        )
        if len(out) == VERSIONS:
            break
    return out


def _mod(obj: dict[str, Any]) -> int:
    version = obj["metadata"].get("resourceVersion", "")
    return int(version) if version.isdigit() else 0
