"""The ReplicaSet controller: as many Pods as `spec.replicas` asks for.

Models      pkg/controller/replicaset/replica_set.go (1.36), which also serves ReplicationControllers
Leaves out  expectations (one thread here: a lister is never behind its own controller's writes)
"""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery import selectors
from apps.cluster.apimachinery.meta import Obj, controller_of, controller_ref, key_of, labels_of, name_of, namespace_of
from apps.cluster.apimachinery.selectors import Selector
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.controllers.pod_helpers import (
    find_min_next_pod_availability_check,
    is_pod_active,
    is_pod_terminal,
    is_pod_terminating,
    pod_from_template,
    ready_condition,
)
from apps.cluster.controllers.refs import RefManager, add_controller_index, orphans, owned
from apps.cluster.controllers.replicaset.census import Census, Tally, count
from apps.cluster.controllers.replicaset.scale import missing, pods_to_delete, slow_start_batches
from apps.cluster.controllers.replicaset.status import calculate_status
from apps.cluster.engine import Engine


class ReplicaSetController(Controller):
    """Level-triggered: a sync reads the whole state, never the event that woke it."""

    name = "replicaset-controller"
    resource = "replicasets"
    kind = "ReplicaSet"
    component = "replicaset"  # the first half of message ids

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.replica_sets = informers(self.resource)
        self.pods = informers("pods")
        add_controller_index(self.pods)
        add_controller_index(self.replica_sets)
        self.replica_sets.add_handler(self._changed, lambda _, new: self._changed(new), self._deleted)
        self.pods.add_handler(self._pod_added, self._pod_updated, self._pod_deleted)
        self._tallies: dict[str, Tally] = {}  # by ReplicaSet uid; made when first needed, forgotten when in doubt

    def stop(self) -> None:
        super().stop()
        self._tallies.clear()

    def set_state(self, data: dict[str, Any]) -> None:
        self._tallies.clear()

    # What wakes a ReplicaSet.

    def _changed(self, replica_set: Obj) -> None:
        self.enqueue(key_of(replica_set))

    def _deleted(self, replica_set: Obj) -> None:
        self._tallies.pop(replica_set["metadata"]["uid"], None)
        self.enqueue(key_of(replica_set))

    def _wake_controller(self, pod: Obj, reference: Obj) -> None:
        if reference["kind"] != self.kind:
            return
        key = f"{namespace_of(pod)}/{reference['name']}"
        replica_set = self.replica_sets.get(key)
        if replica_set is not None and replica_set["metadata"]["uid"] == reference["uid"]:
            self.enqueue(key)

    def _wake_matching(self, pod: Obj) -> None:
        """An orphan appeared or changed: whoever selects it may want to adopt it."""
        for replica_set in self.replica_sets.list(namespace_of(pod)):
            selector = self.selector(replica_set)
            if not selector.empty and selector.matches(labels_of(pod)):
                self.enqueue(key_of(replica_set))

    def _pod_added(self, pod: Obj) -> None:
        reference = controller_of(pod)
        if reference is not None:
            if (tally := self._tallies.get(reference["uid"])) is not None:
                tally.add(pod)
            self._wake_controller(pod, reference)
        elif "deletionTimestamp" not in pod["metadata"]:
            self._wake_matching(pod)

    def _pod_updated(self, old: Obj, new: Obj) -> None:
        if not self.replica_sets.cache or says_the_same(old, new):
            return  # there is nobody to wake; or upstream syncs all the same, and finds nothing to do
        reference, before = controller_of(new), controller_of(old)
        if before is not None and (tally := self._tallies.get(before["uid"])) is not None:
            tally.remove(old)
        if reference is not None and (tally := self._tallies.get(reference["uid"])) is not None:
            tally.add(new)
        if before is not None and before != reference:
            self._wake_controller(old, before)
        if reference is not None:
            self._wake_controller(new, reference)
        elif (before is not None or labels_of(old) != labels_of(new)) and "deletionTimestamp" not in new["metadata"]:
            self._wake_matching(new)

    def _pod_deleted(self, pod: Obj) -> None:
        reference = controller_of(pod)
        if reference is not None:
            if (tally := self._tallies.get(reference["uid"])) is not None:
                tally.remove(pod)
            self._wake_controller(pod, reference)

    # One turn.

    def selector(self, replica_set: Obj) -> Selector:
        return selectors.from_label_selector(replica_set["spec"].get("selector"))

    def sync(self, key: str) -> None:
        """Claim Pods, create or delete what the count asks for, report.

        Raises:
            StatusError: a creation or deletion was refused; it has been reported already.
        """
        replica_set = self.replica_sets.get(key)
        if replica_set is None:
            return  # deleted while queued; the garbage collector removes its Pods
        now = self.engine.now_ms
        active: list[Obj] | None = None
        census = self._known_census(replica_set)
        if census is None:
            active, terminating = self._claim_pods(replica_set)
            census = count(replica_set, active, terminating, now)
        refused: StatusError | None = None
        if "deletionTimestamp" not in replica_set["metadata"]:
            refused = self._manage_replicas(replica_set, census.pods, active)
        self._report(replica_set, calculate_status(replica_set, census, _text(refused), now))
        if refused is not None:
            raise refused
        if active is not None:
            self._look_again(key, replica_set, active, now)

    def _known_census(self, replica_set: Obj) -> Census | None:
        """The numbers of Pods when they are kept count of: nothing to adopt or release, no minReadySeconds."""
        if replica_set["spec"].get("minReadySeconds") or orphans(self.pods, replica_set):
            return None
        uid = replica_set["metadata"]["uid"]
        labels = labels_of(replica_set["spec"]["template"])
        tally = self._tallies.get(uid)
        if tally is None or (tally.labels is not labels and tally.labels != labels):
            tally = self._tallies[uid] = Tally(labels, owned(self.pods, replica_set))
        return tally.census() if tally.settled else None

    def _claim_pods(self, replica_set: Obj) -> tuple[list[Obj], int]:
        """The active Pods that are this ReplicaSet's, after adopting and releasing; how many more are terminating.

        A Pod that is going is counted until it has gone, but neither adopted nor released.
        """
        selector = self.selector(replica_set)
        active: list[Obj] = []
        terminating = 0
        strays = orphans(self.pods, replica_set)
        claimable = owned(self.pods, replica_set) + strays
        settled = not strays  # and so far nothing to release
        last: Any = self  # Pods of one template share their labels: most are matched by a look at the last
        matching = False
        for pod in claimable:
            labels = pod["metadata"].get("labels")
            if labels is not last:
                last, matching = labels, selector.matches(labels)
            if is_pod_active(pod):
                active.append(pod)
                settled = settled and matching
            elif matching and is_pod_terminating(pod):
                reference = controller_of(pod)
                terminating += reference is not None and reference["uid"] == replica_set["metadata"]["uid"]
        if not settled:
            manager = RefManager(self.client, "pods", replica_set, self.resource, selector, self.component)
            active = manager.claim(active)
        return active, terminating

    def _manage_replicas(self, replica_set: Obj, pods: int, active: list[Obj] | None) -> StatusError | None:
        """Create or delete Pods; the first refusal, if there was one. `active` are the `pods` Pods, if at hand."""
        change = missing(replica_set["spec"].get("replicas", 1), pods)
        if change > 0:
            return self._create(replica_set, change)
        if change < 0:
            if active is None:
                active, _ = self._claim_pods(replica_set)
            return self._delete(replica_set, active, -change)
        return None

    def _create(self, replica_set: Obj, count: int) -> StatusError | None:
        pod = pod_from_template(replica_set["spec"]["template"], replica_set, controller_ref(replica_set))
        why, owner = f"{self.component}.create-pod", name_of(replica_set)
        for batch in slow_start_batches(count):
            refused: StatusError | None = None
            for _ in range(batch):
                try:
                    created = self.client.create("pods", pod, why=why, owner=owner)
                except StatusError as error:
                    if _namespace_is_terminating(error):
                        continue  # any creation will fail until the namespace is gone, and that is no news
                    self.recorder.event(replica_set, "Warning", "FailedCreate", f"Error creating: {error.message}")
                    refused = refused or error
                else:
                    name = created["metadata"]["name"]
                    self.recorder.event(replica_set, "Normal", "SuccessfulCreate", "Created pod: " + name)
            if refused is not None:
                return refused
        return None

    def _delete(self, replica_set: Obj, active: list[Obj], count: int) -> StatusError | None:
        refused: StatusError | None = None
        why, owner = f"{self.component}.delete-pod", name_of(replica_set)
        for pod in pods_to_delete(active, self._related_pods(replica_set), count, self.engine.now_ms):
            name = name_of(pod)
            try:
                self.client.delete("pods", namespace_of(pod), name, why=why, owner=owner)
            except StatusError as error:
                if error.reason == "NotFound":
                    continue
                self.recorder.event(replica_set, "Warning", "FailedDelete", f"Error deleting: {error.message}")
                refused = refused or error
            else:
                self.recorder.event(replica_set, "Normal", "SuccessfulDelete", "Deleted pod: " + name)
        return refused

    def _related_pods(self, replica_set: Obj) -> list[Obj]:
        """The Pods of every ReplicaSet of the same Deployment, this one's included; none without a Deployment."""
        reference = controller_of(replica_set)
        if reference is None:
            return []
        siblings = self.replica_sets.by_index("controllerUID", reference["uid"])
        return [pod for sibling in siblings for pod in owned(self.pods, sibling)]

    def _report(self, replica_set: Obj, status: Obj) -> None:
        """Write the status if it differs from what is there."""
        before = replica_set.get("status") or {}
        generation = replica_set["metadata"].get("generation", 0)
        if generation:
            status["observedGeneration"] = generation
        if status == before:
            return
        counted = {"replicas": status["replicas"], "ready": status.get("readyReplicas", 0)}
        wanted = replica_set["spec"].get("replicas", 1)
        why = f"{self.component}.report"
        self.client.update_status(self.resource, {**replica_set, "status": status}, why=why, wanted=wanted, **counted)

    def _look_again(self, key: str, replica_set: Obj, active: list[Obj], now: int) -> None:
        """Ready Pods turn available without any event: come back when the first does."""
        min_ready = replica_set["spec"].get("minReadySeconds", 0)
        if min_ready:
            wait = find_min_next_pod_availability_check(active, min_ready, now, self.engine.now_ms)
            if wait is not None:
                self.enqueue(key, wait)


def says_the_same(old: Obj, new: Obj) -> bool:
    """Whether an update of a Pod changed nothing that a ReplicaSet counts or claims by."""
    before, after = old["metadata"], new["metadata"]
    if (
        before.get("labels") is not after.get("labels")
        or before.get("ownerReferences") is not after.get("ownerReferences")
        or before.get("deletionTimestamp") != after.get("deletionTimestamp")
    ):
        return False
    if old.get("status") is new.get("status"):
        return True
    return is_pod_terminal(old) == is_pod_terminal(new) and ready_condition(old) == ready_condition(new)


def _text(refused: StatusError | None) -> str | None:
    return refused.message if refused is not None else None


def _namespace_is_terminating(error: StatusError) -> bool:
    return any(cause.get("reason") == "NamespaceTerminating" for cause in error.details.get("causes") or ())
