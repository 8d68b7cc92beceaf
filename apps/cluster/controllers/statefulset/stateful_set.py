"""The StatefulSet controller: Pods with a name, an order and storage of their own.

Models      pkg/controller/statefulset/stateful_set.go (1.36)
Leaves out  nothing that shows
"""

from __future__ import annotations

from apps.cluster.apimachinery import selectors
from apps.cluster.apimachinery.meta import (
    EMPTY,
    Obj,
    controller_of,
    key_of,
    labels_of,
    name_of,
    namespace_of,
    uid_of,
)
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.controllers.history.revisions import by_revision, template_of
from apps.cluster.controllers.pod_helpers import find_min_next_pod_availability_check, is_pod_ready
from apps.cluster.controllers.refs import RefManager, add_controller_index, owned_or_orphaned
from apps.cluster.controllers.statefulset import history
from apps.cluster.controllers.statefulset.identity import in_range, is_member, ordinal_of, start_ordinal
from apps.cluster.controllers.statefulset.plan import Plan, Revision, is_inconsistent, plan
from apps.cluster.controllers.statefulset.pod_control import PodControl
from apps.cluster.engine import Engine


class StatefulSetController(Controller):
    """Level-triggered: a sync reads the whole state, never the event that woke it."""

    name = "statefulset-controller"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.sets = informers("statefulsets")
        self.revisions = informers("controllerrevisions")
        self.pods = informers("pods")
        self.claims = informers("persistentvolumeclaims")
        add_controller_index(self.pods)
        add_controller_index(self.revisions)
        self.sets.add_handler(self._changed, lambda _, new: self._changed(new), self._changed)
        self.pods.add_handler(self._pod_added, self._pod_updated, self._pod_deleted)

    # What wakes a StatefulSet. Its claims do not: it looks at them when it looks at its Pods.

    def _changed(self, stateful_set: Obj) -> None:
        self.enqueue(key_of(stateful_set))

    def _wake_owner(self, pod: Obj, reference: Obj) -> Obj | None:
        if reference["kind"] != "StatefulSet":
            return None
        found = self.sets.get(f"{namespace_of(pod)}/{reference['name']}")
        if found is None or uid_of(found) != reference["uid"]:
            return None
        self.enqueue(key_of(found))
        return found

    def _wake_matching(self, pod: Obj) -> None:
        """An orphan appeared or changed: whoever selects it may want to adopt it."""
        for stateful_set in self.sets.list(namespace_of(pod)):
            selector = selectors.from_label_selector(stateful_set["spec"].get("selector"))
            if not selector.empty and selector.matches(labels_of(pod)):
                self.enqueue(key_of(stateful_set))

    def _pod_added(self, pod: Obj) -> None:
        reference = controller_of(pod)
        if reference is not None:
            if reference["kind"] == "StatefulSet":
                self._wake_owner(pod, reference)
        elif "deletionTimestamp" not in pod["metadata"]:
            self._wake_matching(pod)

    def _pod_updated(self, old: Obj, new: Obj) -> None:
        if not self.sets.cache:
            return
        reference = controller_of(new)
        if old["metadata"].get("ownerReferences") is not new["metadata"].get("ownerReferences"):
            before = controller_of(old)
            if before is not None and before != reference:
                self._wake_owner(old, before)
        if reference is not None:
            if reference["kind"] != "StatefulSet":
                return
            stateful_set = self._wake_owner(new, reference)
            minimum = stateful_set["spec"].get("minReadySeconds") if stateful_set is not None else 0
            if minimum and not is_pod_ready(old) and is_pod_ready(new):
                self.enqueue(f"{namespace_of(new)}/{reference['name']}", minimum * 1000)
        elif controller_of(old) is not None or labels_of(old) != labels_of(new):
            self._wake_matching(new)

    def _pod_deleted(self, pod: Obj) -> None:
        reference = controller_of(pod)
        if reference is not None and reference["kind"] == "StatefulSet":
            self._wake_owner(pod, reference)

    # One turn.

    def sync(self, key: str) -> None:
        """Take the next step: in order, or all at once.

        Raises:
            StatusError: a write was refused; the turn is tried again later.
        """
        stateful_set = self.sets.get(key)
        if stateful_set is None:
            return
        selector = selectors.from_label_selector(stateful_set["spec"].get("selector"))
        adopt = RefManager(self.client, "controllerrevisions", stateful_set, "statefulsets", selector, "statefulset")
        revisions = by_revision(adopt.claim(owned_or_orphaned(self.revisions, stateful_set)))
        claims = RefManager(
            self.client,
            "pods",
            stateful_set,
            "statefulsets",
            selector,
            "statefulset",
            filters=(lambda pod: is_member(stateful_set, pod),),
        )
        pods = claims.claim(owned_or_orphaned(self.pods, stateful_set))
        current, update, collisions = history.construct(self.client, stateful_set, revisions)
        namespace, now = namespace_of(stateful_set), self.engine.now_ms
        decided = plan(
            stateful_set,
            pods,
            Revision(name_of(current), template_of(current)),
            Revision(name_of(update), template_of(update)),
            lambda name: self.claims.get(f"{namespace}/{name}"),
            now,
            collisions,
        )
        refused = self._carry_out(stateful_set, decided)
        self._report(stateful_set, decided.status)
        history.truncate(self.client, stateful_set, revisions, pods, current, update)
        if refused is not None:
            raise refused
        self._look_again(key, stateful_set, pods, decided.status, now)

    def _carry_out(self, stateful_set: Obj, decided: Plan) -> StatusError | None:
        """Do as planned up to the first refusal, and give that. A Parallel set does 1, 2, 4 … Pods side by side: what
        is refused one of them stops those of the next batch."""
        control = PodControl(self.client, self.recorder, self.pods, self.claims, stateful_set)
        parallel = stateful_set["spec"].get("podManagementPolicy") == "Parallel"
        updating = False
        rolled = set(decided.rolled)
        refused: StatusError | None = None
        refused_in, dropped = (False, 0), 0
        for verb, pod in decided.acts:
            ordinal = ordinal_of(pod)
            kept = in_range(stateful_set, ordinal)
            if not kept and verb == "delete":
                dropped += 1
            place = ordinal - start_ordinal(stateful_set) if kept else dropped - 1
            batch = (kept, (place + 1).bit_length())
            if refused is not None and (not parallel or batch != refused_in):
                break
            try:
                if verb == "create":
                    control.create(pod)
                elif verb == "delete":
                    updating = updating or (decided.updating != "" and name_of(pod) == decided.updating)
                    control.delete(pod, _why_delete(stateful_set, pod, updating))
                    rolled.discard(name_of(pod))
                elif verb == "claims":
                    control.create_missing_claims(pod)
                elif verb == "repair":
                    control.repair(pod)
                else:
                    control.set_claim_owners(pod)
            except StatusError as error:
                refused, refused_in = refused or error, batch
        if rolled:  # those that are still there are still of the current revision
            decided.status["currentReplicas"] += len(rolled)
        return refused

    def _report(self, stateful_set: Obj, status: Obj) -> None:
        before = stateful_set.get("status") or EMPTY
        if is_inconsistent(before, status):
            ready, wanted = status.get("readyReplicas", 0), stateful_set["spec"].get("replicas", 1)
            self.client.update_status(
                "statefulsets",
                {**stateful_set, "status": status},
                why="statefulset.report",
                ready=ready,
                replicas=wanted,
            )

    def _look_again(self, key: str, stateful_set: Obj, pods: list[Obj], status: Obj, now: int) -> None:
        """Ready Pods turn available without any event: come back when the first does."""
        minimum = stateful_set["spec"].get("minReadySeconds", 0)
        if minimum and status.get("readyReplicas", 0) != status["availableReplicas"]:
            wait = find_min_next_pod_availability_check(pods, minimum, now, self.engine.now_ms)
            self.enqueue(key, minimum * 1000 if wait is None else wait)


def _why_delete(stateful_set: Obj, pod: Obj, updating: bool) -> str:
    if updating:
        return "statefulset.delete-outdated"
    if not in_range(stateful_set, ordinal_of(pod)):
        return "statefulset.scale-down"
    return "statefulset.delete-finished"
