"""Revisions of a Deployment: which ReplicaSet is the new one, which number it has, what annotations it carries.

Models      pkg/controller/deployment/util/deployment_util.go
Leaves out  the rollback annotation of extensions/v1beta1
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from apps.cluster.apimachinery.meta import Obj, annotations_of
from apps.cluster.controllers.deployment.counts import by_creation, max_surge, size

REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED_REPLICAS = "deployment.kubernetes.io/desired-replicas"
MAX_REPLICAS = "deployment.kubernetes.io/max-replicas"
POD_TEMPLATE_HASH = "pod-template-hash"
NOT_COPIED = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        "deprecated.deployment.rollback.to",
        REVISION,
        REVISION_HISTORY,
        DESIRED_REPLICAS,
        MAX_REPLICAS,
    }
)
MAX_HISTORY_CHARACTERS = 2000


def revision(obj: Obj) -> int:
    """The revision annotation; 0 when there is none or it is not a number."""
    return _number(annotations_of(obj).get(REVISION, ""))


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return 0


def max_revision(replica_sets: Iterable[Obj]) -> int:
    return max((revision(replica_set) for replica_set in replica_sets), default=0)


def by_revision(replica_set: Obj) -> tuple[int, str, str]:
    """Sort key: the lowest revision first, then the oldest."""
    return revision(replica_set), *by_creation(replica_set)


def count_of(replica_set: Obj, annotation: str) -> int | None:
    """A replica count kept in an annotation; None when absent or not a 32 bit count."""
    text = annotations_of(replica_set).get(annotation)
    if text is None or not text.isdecimal() or int(text) > 2**31 - 1:
        return None
    return int(text)


def without_hash(template: Obj) -> Obj:
    """The Pod template without its pod-template-hash label."""
    metadata = template.get("metadata") or {}
    labels = metadata.get("labels") or {}
    if POD_TEMPLATE_HASH not in labels:
        return template
    rest = {key: value for key, value in labels.items() if key != POD_TEMPLATE_HASH}
    return {**template, "metadata": {**metadata, "labels": rest}}


def equal_ignore_hash(one: Obj, other: Obj) -> bool:
    """Whether two Pod templates say the same but for the hash label."""
    if one is other:
        return True
    if one.get("spec") is not other.get("spec") and one.get("spec") != other.get("spec"):
        return False
    return _described(one) == _described(other)


def _described(template: Obj) -> Obj:
    """The template's metadata without the hash, and without what is empty, which means the same as absent."""
    metadata = without_hash(template).get("metadata") or {}
    return {key: value for key, value in metadata.items() if value not in (None, {}, [])}


def find_new(deployment: Obj, replica_sets: Sequence[Obj]) -> Obj | None:
    """The ReplicaSet of the present template. Should hashes have collided, the oldest of several counts."""
    template = deployment["spec"]["template"]
    matching = [rs for rs in replica_sets if equal_ignore_hash(rs["spec"]["template"], template)]
    return min(matching, key=by_creation) if matching else None


def new_annotations(deployment: Obj, replica_set: Obj, new_revision: int, *, exists: bool) -> dict[str, str] | None:
    """The new ReplicaSet's annotations as they should be; None when they are so already.

    The Deployment's own are copied, but for those that belong to one object. A higher revision replaces the
    old one, which is kept in the history annotation. The two replica counts are set on creation only: later
    they change together with the size.
    """
    now = annotations_of(replica_set)
    annotations = dict(now)
    for key, value in annotations_of(deployment).items():
        if key not in NOT_COPIED:
            annotations[key] = value
    before = now.get(REVISION, "")
    if before and not before.lstrip("+-").isdecimal():
        return None  # somebody else's number: upstream leaves all alone
    if _number(before) < new_revision:
        annotations[REVISION] = str(new_revision)
        if before:
            annotations[REVISION_HISTORY] = _lengthened(now.get(REVISION_HISTORY, ""), before)
    if not exists:
        annotations.update(replica_annotations(deployment))
    return annotations if annotations != now else None


def _lengthened(history: str, entry: str) -> str:
    """The comma-separated history with one more entry; the oldest are dropped to stay within the limit."""
    if not history:
        return entry
    entries = [*history.split(","), entry]
    length = len(history) + len(entry) + 1
    while length > MAX_HISTORY_CHARACTERS and len(entries) > 1:
        length -= len(entries.pop(0)) + 1
    return ",".join(entries)


def replica_annotations(deployment: Obj) -> dict[str, str]:
    """What the Deployment asks for and may at most have: a later scaling is proportional to these."""
    wanted = size(deployment)
    return {DESIRED_REPLICAS: str(wanted), MAX_REPLICAS: str(wanted + max_surge(deployment))}
