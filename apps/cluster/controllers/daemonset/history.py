"""A DaemonSet's revisions: find or make the one of the present template, number it, throw old ones away.

Models      pkg/controller/daemon/update.go (constructHistory, dedupCurHistories, snapshot, cleanupHistory)
Leaves out  labelling revisions from before Kubernetes 1.7
"""

from __future__ import annotations

from collections.abc import Iterable

from apps.cluster.api.podtemplate_hash import pod_template_hash
from apps.cluster.apimachinery.meta import EMPTY, Obj, annotations_of, labels_of, name_of, namespace_of
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.client import Client
from apps.cluster.controllers.daemonset.placement import HASH_LABEL
from apps.cluster.controllers.history.revisions import new_revision, surplus_by_hash, template_patch

DEFAULT_LIMIT = 10


def split(daemon_set: Obj, revisions: Iterable[Obj]) -> tuple[list[Obj], list[Obj]]:
    """(revisions of the present template, the others)"""
    wanted = template_patch(daemon_set)
    current: list[Obj] = []
    old: list[Obj] = []
    for revision in revisions:
        (current if revision.get("data") == wanted else old).append(revision)
    return current, old


def construct(client: Client, daemon_set: Obj, revisions: Iterable[Obj], pods: Iterable[Obj]) -> tuple[Obj, list[Obj]]:
    """The current revision, made or renumbered as need be, and the old ones.

    Raises:
        StatusError: a write was refused; a name taken by another template counts as one (the next sync tries again).
    """
    current, old = split(daemon_set, revisions)
    number = max((int(revision["revision"]) for revision in old), default=0) + 1
    if not current:
        return _snapshot(client, daemon_set, number), old
    kept = _deduplicate(client, daemon_set, current, pods)
    if kept["revision"] < number:
        why = "daemonset.renumber-revision"
        kept = client.update("controllerrevisions", {**kept, "revision": number}, why=why, revision=number)
    return kept, old


def is_settled(daemon_set: Obj, current: list[Obj], old: list[Obj]) -> bool:
    """Whether `construct` and `clean_up` have nothing to write."""
    newest = max((int(revision["revision"]) for revision in old), default=0)
    return len(current) == 1 and current[0]["revision"] > newest and len(old) <= _limit(daemon_set)


def _snapshot(client: Client, daemon_set: Obj, number: int) -> Obj:
    collisions = (daemon_set.get("status") or EMPTY).get("collisionCount")
    hash_ = pod_template_hash(daemon_set["spec"]["template"], collisions)
    template = daemon_set["spec"]["template"]
    labels = {**((template.get("metadata") or EMPTY).get("labels") or EMPTY), HASH_LABEL: hash_}
    revision = new_revision(
        daemon_set,
        template_patch(daemon_set),
        number,
        hash_,
        labels=labels,
        annotations=annotations_of(daemon_set),
    )
    try:
        return client.create(
            "controllerrevisions", revision, why="daemonset.create-revision", owner=name_of(daemon_set), revision=number
        )
    except StatusError as error:
        if error.reason != "AlreadyExists":
            raise
        there = client.get("controllerrevisions", namespace_of(daemon_set), name_of(revision))
        if there.get("data") == revision["data"]:
            return there
        # Another template has the same hash: count the collision, so that the next hash is another.
        status = {**(daemon_set.get("status") or EMPTY), "collisionCount": (collisions or 0) + 1}
        client.update_status("daemonsets", {**daemon_set, "status": status}, why="daemonset.collision")
        raise


def _deduplicate(client: Client, daemon_set: Obj, current: list[Obj], pods: Iterable[Obj]) -> Obj:
    """The revision with the highest number; its twins go, and Pods of theirs are relabelled first."""
    if len(current) == 1:
        return current[0]
    kept = current[0]
    for revision in current:
        if revision["revision"] >= kept["revision"]:
            kept = revision
    namespace = namespace_of(daemon_set)
    hash_ = labels_of(kept).get(HASH_LABEL)
    for pod in pods:
        if labels_of(pod).get(HASH_LABEL) != hash_:
            body = {"metadata": {"labels": {HASH_LABEL: hash_}}}
            client.patch("pods", namespace, name_of(pod), body, type="merge", why="daemonset.relabel-pod")
    for revision in current:
        if revision is not kept:
            client.delete("controllerrevisions", namespace, name_of(revision), why="daemonset.delete-revision")
    return kept


def clean_up(client: Client, daemon_set: Obj, old: list[Obj], pods: Iterable[Obj]) -> None:
    """Delete old revisions beyond `revisionHistoryLimit` that no Pod is of."""
    limit = _limit(daemon_set)
    if len(old) <= limit:
        return
    live = {labels_of(pod).get(HASH_LABEL, "") for pod in pods}
    for revision in surplus_by_hash(old, HASH_LABEL, live, limit):
        why = "daemonset.delete-revision"
        client.delete("controllerrevisions", namespace_of(daemon_set), name_of(revision), why=why)


def _limit(daemon_set: Obj) -> int:
    limit = daemon_set["spec"].get("revisionHistoryLimit")
    return DEFAULT_LIMIT if limit is None else int(limit)
