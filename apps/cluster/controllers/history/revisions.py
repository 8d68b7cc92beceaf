"""ControllerRevisions: the templates a DaemonSet or StatefulSet has had, kept so that it can go back to one.

Models      pkg/controller/history/controller_history.go; getPatch and truncateHistory of the two controllers
Leaves out  nothing that shows

Pure. A revision's `data` is a patch that puts the template back; two revisions are equal when their data is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from apps.cluster.apimachinery.meta import Obj, controller_ref, name_of, namespace_of

MAX_PREFIX = 223  # of the owner's name, so that name and hash fit a DNS subdomain


def template_patch(owner: Obj) -> Obj:
    """The `data` of a revision of `owner`: a strategic merge patch that replaces the whole template."""
    return {"spec": {"template": {**owner["spec"]["template"], "$patch": "replace"}}}


def template_of(revision: Obj) -> Obj:
    """The Pod template that a revision holds."""
    template: Obj = revision["data"]["spec"]["template"]
    return {name: value for name, value in template.items() if name != "$patch"}


def revision_name(owner: Obj, hash_: str) -> str:
    return f"{name_of(owner)[:MAX_PREFIX]}-{hash_}"


def new_revision(
    owner: Obj,
    data: Obj,
    number: int,
    hash_: str,
    *,
    labels: dict[str, str],
    annotations: dict[str, str],
) -> Obj:
    """A ControllerRevision of `owner`, to be created."""
    metadata: dict[str, Any] = {"name": revision_name(owner, hash_), "namespace": namespace_of(owner), "labels": labels}
    if annotations:
        metadata["annotations"] = annotations
    metadata["ownerReferences"] = [controller_ref(owner)]
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": metadata,
        "data": data,
        "revision": number,
    }


def by_revision(revisions: Iterable[Obj]) -> list[Obj]:
    """Oldest first: by number, then age, then name."""
    return sorted(
        revisions,
        key=lambda revision: (
            revision["revision"],
            revision["metadata"].get("creationTimestamp", ""),
            revision["metadata"]["name"],
        ),
    )


def next_number(ordered: Sequence[Obj]) -> int:
    """One more than the last of revisions sorted by `by_revision`."""
    return int(ordered[-1]["revision"]) + 1 if ordered else 1


def surplus(ordered: Sequence[Obj], live: set[str], limit: int) -> list[Obj]:
    """Revisions to delete so that at most `limit` remain that no Pod and no status names (a StatefulSet's rule).

    `live` holds names of revisions; `ordered` is sorted by `by_revision`.
    """
    dead = [revision for revision in ordered if name_of(revision) not in live]
    return dead[: len(dead) - limit] if 0 <= limit < len(dead) else []


def surplus_by_hash(old: Sequence[Obj], hash_label: str, live_hashes: set[str], limit: int) -> list[Obj]:
    """Revisions to delete so that `limit` old ones remain (a DaemonSet's rule).

    Those whose hash a Pod still carries are kept, and yet count: with limit 0 they alone remain.
    """
    excess = len(old) - limit
    doomed = []
    for revision in by_revision(old):
        if excess <= 0:
            break
        if revision["metadata"].get("labels", {}).get(hash_label) in live_hashes:
            continue
        doomed.append(revision)
        excess -= 1
    return doomed
