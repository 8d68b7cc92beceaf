"""The conditions of a namespace that is being emptied.

Models      pkg/controller/namespace/deletion/status_condition_utils.go
Leaves out  failures of discovery

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from apps.cluster.apimachinery.conditions import find
from apps.cluster.apimachinery.meta import Obj

DISCOVERY_FAILURE = "NamespaceDeletionDiscoveryFailure"
PARSING_FAILURE = "NamespaceDeletionGroupVersionParsingFailure"
CONTENT_FAILURE = "NamespaceDeletionContentFailure"
CONTENT_REMAINING = "NamespaceContentRemaining"
FINALIZERS_REMAINING = "NamespaceFinalizersRemaining"

_FINE = {
    DISCOVERY_FAILURE: ("ResourcesDiscovered", "All resources successfully discovered"),
    PARSING_FAILURE: ("ParsedGroupVersions", "All legacy kube types successfully parsed"),
    CONTENT_FAILURE: ("ContentDeleted", "All content successfully deleted, may be waiting on finalization"),
    CONTENT_REMAINING: ("ContentRemoved", "All content successfully removed"),
    FINALIZERS_REMAINING: ("ContentHasNoFinalizers", "All content-preserving finalizers finished"),
}

Trouble = Mapping[str, tuple[str, str]]  # condition type -> (reason, message)


def remaining(counts: Mapping[str, int], finalizers: Mapping[str, int]) -> dict[str, tuple[str, str]]:
    """What is still there, by "resource.group" and by finalizer, in the words of the two conditions about it."""
    out: dict[str, tuple[str, str]] = {}
    if counts:
        texts = sorted(f"{name} has {count} resource instances" for name, count in counts.items())
        out[CONTENT_REMAINING] = ("SomeResourcesRemain", "Some resources are remaining: " + ", ".join(texts))
    if finalizers:
        texts = sorted(f"{name} in {count} resource instances" for name, count in finalizers.items())
        message = "Some content in the namespace has finalizers remaining: " + ", ".join(texts)
        out[FINALIZERS_REMAINING] = ("SomeFinalizersRemain", message)
    return out


def failed(errors: Sequence[str]) -> dict[str, tuple[str, str]]:
    """What could not be deleted."""
    if not errors:
        return {}
    message = f"Failed to delete all resource types, {len(errors)} remaining: " + ", ".join(sorted(errors))
    return {CONTENT_FAILURE: ("ContentDeletionFailed", message)}


def update(conditions: Sequence[Obj] | None, trouble: Trouble, now: str) -> list[Obj] | None:
    """The five conditions with what is in trouble True and the rest False; None when that is what they say already."""
    out: list[Obj] = list(conditions or ())
    changed = False
    for kind, fine in _FINE.items():
        bad = trouble.get(kind)
        reason, message = bad or fine
        new = {
            "type": kind,
            "status": "True" if bad else "False",
            "lastTransitionTime": now,
            "reason": reason,
            "message": message,
        }
        old = find(out, kind)
        if old is None:
            out.append(new)
            changed = True
        elif any(old[name] != new[name] for name in ("status", "reason", "message")):
            if old["status"] == new["status"]:
                new["lastTransitionTime"] = old["lastTransitionTime"]
            out = [new if one is old else one for one in out]
            changed = True
    return out if changed else None
