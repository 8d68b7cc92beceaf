"""One turn of the Deployment controller: what it writes, in the order in which the real one writes it.

Models      pkg/controller/deployment/sync.go, rolling.go, recreate.go
Leaves out  nothing that shows

Upstream writes from a copy taken when the sync began, so within one sync a second write to the same object is refused
as a conflict and left to the next. Here it is simply not sent: the first write has already asked for that next
turn. Hence a new ReplicaSet's revision and its Deployment's counts are two changes, as in a real cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from apps.cluster.api.podtemplate_hash import pod_template_hash
from apps.cluster.apimachinery import conditions
from apps.cluster.apimachinery.meta import (
    Obj,
    annotations_of,
    controller_of,
    controller_ref,
    name_of,
    namespace_of,
    uid_of,
    with_metadata,
)
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.client import Client, Recorder
from apps.cluster.controllers.deployment import progress, proportions, rolling
from apps.cluster.controllers.deployment.counts import (
    active,
    has_progress_deadline,
    has_revision_history_limit,
    is_disposable,
    is_rolling_update,
    new_replica_set_size,
    size,
)
from apps.cluster.controllers.deployment.revisions import (
    POD_TEMPLATE_HASH,
    REVISION,
    by_revision,
    equal_ignore_hash,
    find_new,
    max_revision,
    new_annotations,
    replica_annotations,
)
from apps.cluster.engine import Engine

MAX_NAME = 253  # of a ReplicaSet: "<deployment>-<hash>"


def replica_set_name(deployment: str, hash_: str) -> str:
    """The name of a ReplicaSet: as much of its Deployment's as leaves room for the hash."""
    return f"{deployment[: MAX_NAME - 1 - len(hash_)]}-{hash_}"


class Turn:
    """The working state of one sync: the Deployment as this turn knows it, and its ReplicaSets as they were found."""

    def __init__(
        self, engine: Engine, client: Client, recorder: Recorder, deployment: Obj, replica_sets: Sequence[Obj]
    ) -> None:
        self.engine = engine
        self.client = client
        self.recorder = recorder
        self.deployment = deployment
        self.replica_sets = replica_sets
        self.ended = False  # a ReplicaSet was changed that the rest of this turn would need as it now is
        self.look_again_ms: int | None = None
        self._stored = deployment
        self._written = False  # the Deployment; see the module's text

    # ---- the five things a turn can be -----------------------------------------------------------

    def sync_status_only(self) -> None:
        """A Deployment that is being deleted: report, touch nothing."""
        new, old = self.find(create=False)
        self._write_status(progress.calculate_status(self.deployment, _all(old, new), new, self.engine.now_ms))

    def sync(self) -> None:
        """Paused, or scaled: bring the sizes in line without moving the rollout on."""
        new, old = self.find(create=False)
        self._scale_all(new, old)
        if self.deployment["spec"].get("paused"):
            self._clean_up(old)
        self._write_status(progress.calculate_status(self.deployment, _all(old, new), new, self.engine.now_ms))

    def check_paused_conditions(self) -> None:
        """Report that the Deployment was paused or resumed."""
        told = progress.paused_condition(self.deployment, self.engine.now_ms)
        if told is not None:
            self._write_status(progress.with_condition(self.deployment.get("status") or {}, told))

    def rollout_rolling(self) -> None:
        """RollingUpdate: grow the new ReplicaSet, else shrink old ones."""
        new, old = self.find(create=True)
        if new is None:
            return
        everyone = [*old, new]
        scaled = self._scale(new, rolling.reconcile_new(self.deployment, everyone, new)) is not new
        if not scaled:
            latest: dict[str, Obj] = {}
            for replica_set, target in rolling.reconcile_old(self.deployment, everyone, active(old), new):
                name = name_of(replica_set)
                latest[name] = self._scale(latest.get(name, replica_set), target)
                scaled = True
        self._finish_rollout(everyone, old, new, clean_up=not scaled)

    def rollout_recreate(self, old_pods_running: Callable[[list[Obj]], bool]) -> None:
        """Recreate: stop all that is old, wait until it is gone, then start the new."""
        new, old = self.find(create=False)
        running = active(old)
        for replica_set in running:
            self._scale(replica_set, 0)
        if running or old_pods_running(old):
            self._finish_rollout(_all(old, new), old, new, clean_up=False)
            return
        if new is None:
            new, old = self.find(create=True)
            if new is None:
                return
        everyone = [*old, new]
        self._scale(new, size(self.deployment))
        self._finish_rollout(everyone, old, new, clean_up=True)

    def _finish_rollout(self, everyone: list[Obj], old: list[Obj], new: Obj | None, *, clean_up: bool) -> None:
        """Remove old revisions beyond the limit once all is done, and report progress."""
        if clean_up and progress.is_complete(self.deployment, self.deployment.get("status") or {}):
            self._clean_up(old)
        now = self.engine.now_ms
        status = progress.rollout_status(self.deployment, everyone, new, now)
        if status == (self.deployment.get("status") or {}):
            self._watch_deadline(status, now)
        else:
            self._write_status(status)

    def _watch_deadline(self, status: Obj, now: int) -> None:
        """Nothing moves: come back when the deadline has passed.

        Upstream sleeps until then. Here the sleep is cut into naps that double, so that the cluster comes to rest
        soon after a rollout that did finish, and not a whole deadline later.
        """
        left = progress.deadline_left_ms(self.deployment, status, now)
        if left is not None:
            waited = self.deployment["spec"]["progressDeadlineSeconds"] * 1000 - left
            self.look_again_ms = max(1, min(left + 1, max(1000, waited)))

    # ---- the new ReplicaSet ------------------------------------------------------------------------

    def find(self, *, create: bool) -> tuple[Obj | None, list[Obj]]:
        """The ReplicaSet of the present template, its revision brought up to date, and all the others."""
        new = find_new(self.deployment, self.replica_sets)
        old = [replica_set for replica_set in self.replica_sets if replica_set is not new]
        number = max_revision(old) + 1
        if new is not None:
            return self._keep_up(new, number), old
        return (self._create(old, number) if create else None), old

    def _keep_up(self, new: Obj, number: int) -> Obj:
        """Annotations and minReadySeconds of a new ReplicaSet that exists already."""
        annotations = new_annotations(self.deployment, new, number, exists=True)
        min_ready = self.deployment["spec"].get("minReadySeconds", 0)
        if annotations is not None or new["spec"].get("minReadySeconds", 0) != min_ready:
            spec = {**new["spec"], "minReadySeconds": min_ready}
            if not min_ready:
                del spec["minReadySeconds"]
            wanted = with_metadata(new, annotations=annotations or annotations_of(new))
            self.ended = True
            why = "deployment.update-revision"
            return self.client.update("replicasets", {**wanted, "spec": spec}, why=why, revision=str(number))
        told = None
        progressing = conditions.find((self.deployment.get("status") or {}).get("conditions"), "Progressing")
        if has_progress_deadline(self.deployment) and progressing is None:
            message = f'Found new replica set "{name_of(new)}"'
            told = progress.condition("Progressing", "True", "FoundNewReplicaSet", message, self.engine.now_ms)
        self._set_revision(annotations_of(new).get(REVISION, ""), told)
        return new

    def _set_revision(self, number: str, told: Obj | None) -> None:
        """Note on the Deployment which revision it is at, and `told` about its progress."""
        if told is None and annotations_of(self.deployment).get(REVISION) == number:
            return
        annotated = {**annotations_of(self.deployment), REVISION: number}
        self.deployment = with_metadata(self.deployment, annotations=annotated)
        status = self.deployment.get("status") or {}
        self._write_status(progress.with_condition(status, told) if told is not None else status)

    def _create(self, old: list[Obj], number: int) -> Obj:
        """Make the new ReplicaSet, at the size that the strategy allows at once.

        Raises:
            StatusError: refused; reported as an Event and, but for a name that is taken, as a condition.
        """
        wanted = self._new_replica_set(old, number)
        name, replicas = name_of(wanted), size(wanted)
        try:
            why = "deployment.create-replica-set"
            created = self.client.create("replicasets", wanted, why=why, revision=str(number), replicas=replicas)
        except StatusError as error:
            if error.reason == "AlreadyExists":
                return self._existing(wanted, number, error)
            if not any(cause.get("reason") == "NamespaceTerminating" for cause in error.details.get("causes") or ()):
                self._report_failed_create(name, error)
            raise
        if replicas > 0:
            self._event("Normal", "ScalingReplicaSet", f"Scaled up replica set {name} from 0 to {replicas}")
        told = None
        if has_progress_deadline(self.deployment):
            message = f'Created new replica set "{name}"'
            told = progress.condition("Progressing", "True", "NewReplicaSetCreated", message, self.engine.now_ms)
        self._set_revision(str(number), told)
        return created

    def _new_replica_set(self, old: list[Obj], number: int) -> Obj:
        deployment, spec = self.deployment, self.deployment["spec"]
        template = spec["template"]
        hash_ = pod_template_hash(template, (deployment.get("status") or {}).get("collisionCount"))
        labels = {**((template.get("metadata") or {}).get("labels") or {}), POD_TEMPLATE_HASH: hash_}
        selector = spec["selector"]
        # The spec is the Deployment's own, by identity, and so will be that of every Pod.
        labelled = {**template, "metadata": {**(template.get("metadata") or {}), "labels": labels}}
        chosen = {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), POD_TEMPLATE_HASH: hash_}}
        metadata = {
            "name": replica_set_name(name_of(deployment), hash_),
            "namespace": namespace_of(deployment),
            "labels": labels,
            "ownerReferences": [controller_ref(deployment)],
        }
        replica_set_spec = {
            "replicas": new_replica_set_size(deployment, old, 0),
            "selector": chosen,
            "template": labelled,
        }
        if spec.get("minReadySeconds"):
            replica_set_spec["minReadySeconds"] = spec["minReadySeconds"]
        wanted: Obj = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": metadata,
            "spec": replica_set_spec,
        }
        annotations = new_annotations(deployment, wanted, number, exists=False)
        return with_metadata(wanted, annotations=annotations or {})

    def _existing(self, wanted: Obj, number: int, error: StatusError) -> Obj:
        """The name is taken: by our own ReplicaSet, or by another template with the same hash."""
        existing = self.client.get("replicasets", namespace_of(wanted), name_of(wanted))
        ours = (controller_of(existing) or {}).get("uid") == uid_of(self.deployment)
        if ours and equal_ignore_hash(existing["spec"]["template"], wanted["spec"]["template"]):
            self._set_revision(str(number), None)
            return existing
        # The next hash is made with the number of collisions so far, and comes out differently.
        status = self.deployment.get("status") or {}
        self._write_status({**status, "collisionCount": status.get("collisionCount", 0) + 1})
        raise error

    def _report_failed_create(self, name: str, error: StatusError) -> None:
        message = f'Failed to create new replica set "{name}": {error.message}'
        if has_progress_deadline(self.deployment):
            told = progress.condition("Progressing", "False", "ReplicaSetCreateError", message, self.engine.now_ms)
            self._write_status(progress.with_condition(self.deployment.get("status") or {}, told))
        self._event("Warning", "ReplicaSetCreateError", message)

    # ---- sizes -------------------------------------------------------------------------------------

    def _scale_all(self, new: Obj | None, old: list[Obj]) -> None:
        """Give the ReplicaSets the sizes that a changed `spec.replicas` means for them."""
        alone = proportions.find_active_or_latest(new, old)
        if alone is not None:
            self._scale(alone, size(self.deployment))
        elif proportions.is_saturated(self.deployment, new):
            for replica_set in active(old):
                self._scale(replica_set, 0)
        elif is_rolling_update(self.deployment):
            for replica_set, target in proportions.proportional_sizes(self.deployment, _all(old, new)):
                self._scale(replica_set, target, refresh=True)

    def _scale(self, replica_set: Obj, target: int, *, refresh: bool = False) -> Obj:
        """Set a ReplicaSet's size, and the annotations that go with it; the object itself when nothing changes.

        `refresh`: write the annotations even when the size is right.
        """
        current = size(replica_set)
        counts = replica_annotations(self.deployment)
        if current == target and (not refresh or counts.items() <= annotations_of(replica_set).items()):
            return replica_set
        annotated = with_metadata(replica_set, annotations={**annotations_of(replica_set), **counts})
        wanted = {**annotated, "spec": {**replica_set["spec"], "replicas": target}}
        direction = "up" if target > current else "down"
        why = f"deployment.scale-{direction}" if target != current else "deployment.note-size"
        updated = self.client.update("replicasets", wanted, why=why, size=target, before=current)
        if target != current:
            name = name_of(replica_set)
            text = f"Scaled {direction} replica set {name} from {current} to {target}"
            self._event("Normal", "ScalingReplicaSet", text)
        return updated

    def _clean_up(self, old: list[Obj]) -> None:
        """Delete the oldest revisions beyond `spec.revisionHistoryLimit`, but none that has Pods."""
        if not has_revision_history_limit(self.deployment):
            return
        alive = [rs for rs in old if "deletionTimestamp" not in rs["metadata"]]
        surplus = len(alive) - self.deployment["spec"]["revisionHistoryLimit"]
        if surplus <= 0:
            return
        for replica_set in sorted(alive, key=by_revision)[:surplus]:
            if not is_disposable(replica_set):
                continue
            try:
                self.client.delete(
                    "replicasets", namespace_of(replica_set), name_of(replica_set), why="deployment.forget-revision"
                )
            except StatusError as error:
                if error.reason != "NotFound":
                    raise

    # ---- the Deployment ----------------------------------------------------------------------------

    def _write_status(self, status: Obj) -> None:
        """Report `status`, and the annotations that this turn set, unless that is what is there already."""
        self.deployment = {**self.deployment, "status": status}
        if not self._written and self.deployment != self._stored:
            self._written = True
            counted = {"updated": status.get("updatedReplicas", 0), "available": status.get("availableReplicas", 0)}
            self.client.update_status(
                "deployments", self.deployment, why="deployment.report", wanted=size(self.deployment), **counted
            )

    def _event(self, type_: str, reason: str, message: str) -> None:
        self.recorder.event(self.deployment, type_, reason, message)


def _all(old: Sequence[Obj], new: Obj | None) -> list[Obj]:
    return [*old, new] if new is not None else list(old)
