"""A StatefulSet's revisions: the current one, the one to update to, and the ones to throw away.

Models      pkg/controller/statefulset/stateful_set_control.go (getStatefulSetRevisions, truncateHistory)
Leaves out  comparing a template with one that an older Kubernetes wrote in another form
"""

from __future__ import annotations

from collections.abc import Iterable

from apps.cluster.api.podtemplate_hash import controller_revision_hash
from apps.cluster.apimachinery.meta import EMPTY, Obj, annotations_of, name_of, namespace_of
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.client import Client
from apps.cluster.controllers.history.revisions import (
    by_revision,
    new_revision,
    next_number,
    revision_name,
    surplus,
    template_patch,
)
from apps.cluster.controllers.statefulset.identity import revision_of

HASH_LABEL = "controller.kubernetes.io/hash"
DEFAULT_LIMIT = 10


def construct(client: Client, stateful_set: Obj, ordered: list[Obj]) -> tuple[Obj, Obj, int]:
    """(current revision, revision to update to, collision count); `ordered` is sorted by `by_revision`.

    A template that was there before is found again and gets the next number: that is what a rollback is.

    Raises:
        StatusError: a write was refused.
    """
    status = stateful_set.get("status") or EMPTY
    collisions = int(status.get("collisionCount") or 0)
    data = template_patch(stateful_set)
    number = next_number(ordered)
    equal = [revision for revision in ordered if revision.get("data") == data]
    if equal and ordered[-1].get("data") == data:
        update = ordered[-1]
    elif equal:
        # Read again: it may just have been adopted.
        found = client.get("controllerrevisions", namespace_of(stateful_set), name_of(equal[-1]))
        why = "statefulset.renumber-revision"
        update = client.update("controllerrevisions", {**found, "revision": number}, why=why, revision=number)
    else:
        update, collisions = _create(client, stateful_set, data, number, collisions)
    wanted = status.get("currentRevision")
    current = next((revision for revision in ordered if name_of(revision) == wanted), update)
    return current, update, collisions


def _create(client: Client, stateful_set: Obj, data: Obj, number: int, collisions: int) -> tuple[Obj, int]:
    hash_ = controller_revision_hash(data, collisions)
    template = stateful_set["spec"]["template"]
    labels = {**((template.get("metadata") or EMPTY).get("labels") or EMPTY), HASH_LABEL: hash_}
    revision = new_revision(stateful_set, data, number, hash_, labels=labels, annotations=annotations_of(stateful_set))
    owner = name_of(stateful_set)
    while True:
        try:
            why = "statefulset.create-revision"
            return client.create("controllerrevisions", revision, why=why, owner=owner, revision=number), collisions
        except StatusError as error:
            if error.reason != "AlreadyExists":
                raise
        there = client.get("controllerrevisions", namespace_of(stateful_set), name_of(revision))
        if there.get("data") == data:
            return there, collisions
        collisions += 1  # another template has this hash: one more digit goes into the next
        name = revision_name(stateful_set, controller_revision_hash(data, collisions))
        revision = {**revision, "metadata": {**revision["metadata"], "name": name}}


def truncate(
    client: Client, stateful_set: Obj, revisions: Iterable[Obj], pods: Iterable[Obj], current: Obj, update: Obj
) -> None:
    """Delete revisions beyond `revisionHistoryLimit` that neither the status nor a Pod names."""
    limit = stateful_set["spec"].get("revisionHistoryLimit")
    limit = DEFAULT_LIMIT if limit is None else int(limit)
    live = {name_of(current), name_of(update), *(revision_of(pod) for pod in pods)}
    for revision in surplus(by_revision(revisions), live, limit):
        why = "statefulset.delete-revision"
        client.delete("controllerrevisions", namespace_of(stateful_set), name_of(revision), why=why)
