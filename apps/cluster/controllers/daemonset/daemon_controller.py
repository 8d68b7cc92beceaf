"""The DaemonSet controller: one Pod on every node that should have one.

Models      pkg/controller/daemon/daemon_controller.go (1.36)
Leaves out  expectations (one thread here: a lister is never behind its own controller's writes)
"""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery import selectors
from apps.cluster.apimachinery.meta import (
    EMPTY,
    Obj,
    controller_of,
    controller_ref,
    key_of,
    labels_of,
    name_of,
    namespace_of,
    uid_of,
)
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.controllers.daemonset import history, placement, plan
from apps.cluster.controllers.daemonset.roster import Roster
from apps.cluster.controllers.indexes import add_node_index, pods_on
from apps.cluster.controllers.pod_helpers import is_pod_ready, is_pod_terminal, pod_from_template
from apps.cluster.controllers.refs import RefManager, add_controller_index, orphans, owned, owned_or_orphaned
from apps.cluster.engine import Engine

BURST_REPLICAS = 250  # upstream's limit on what one sync may create or delete
FAILED_BACKOFF_MS = 1_000
FAILED_BACKOFF_MAX_MS = 15 * 60_000
NODE_KEY = "node:"  # prefix of a queue key that asks what a node's change means

# What the answer for a node rests on, and the answer.
_Run = tuple[Any, Any, tuple[bool, bool]]


STATUS_UPDATE_RETRIES = 1


class DaemonSetController(Controller):
    """Level-triggered: a sync reads the whole state, never the event that woke it."""

    name = "daemonset-controller"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.daemon_sets = informers("daemonsets")
        self.revisions = informers("controllerrevisions")
        self.pods = informers("pods")
        self.nodes = informers("nodes")
        add_controller_index(self.pods)
        add_controller_index(self.revisions)
        add_node_index(self.pods)
        self.daemon_sets.add_handler(self._changed, lambda _, new: self._changed(new), self._deleted)
        self.pods.add_handler(self._pod_added, self._pod_updated, self._pod_deleted)
        self.revisions.add_handler(self._revision_added, self._revision_updated, self._revision_deleted)
        self.nodes.add_handler(self._node_added, self._node_updated, self._touch)
        self._backoff: dict[str, list[int]] = {}  # "uid/generation/node" -> [back-off ms, when it was set]
        # Answers of node_should_run by DaemonSet uid, kept while template and node stay the same objects.
        self._runs: dict[str, tuple[Obj, Obj, dict[str, _Run]]] = {}
        self._rosters: dict[str, Roster] = {}  # by DaemonSet uid; made when first needed, forgotten when in doubt

    # What wakes a DaemonSet. A node that goes wakes none: its Pods do, when they are collected.

    def _changed(self, daemon_set: Obj) -> None:
        self.enqueue(key_of(daemon_set))

    def _deleted(self, daemon_set: Obj) -> None:
        self._runs.pop(uid_of(daemon_set), None)
        self._rosters.pop(uid_of(daemon_set), None)
        self.enqueue(key_of(daemon_set))

    def _owner(self, obj: Obj, reference: Obj) -> Obj | None:
        if reference["kind"] != "DaemonSet":
            return None
        found = self.daemon_sets.get(f"{namespace_of(obj)}/{reference['name']}")
        return found if found is not None and uid_of(found) == reference["uid"] else None

    def _wake_owner(self, obj: Obj, reference: Obj) -> Obj | None:
        daemon_set = self._owner(obj, reference)
        if daemon_set is not None:
            self.enqueue(key_of(daemon_set))
        return daemon_set

    def _wake_matching(self, obj: Obj) -> None:
        """An orphan appeared or changed: whoever selects it may want to adopt it."""
        for daemon_set in self.daemon_sets.list(namespace_of(obj)):
            selector = selectors.from_label_selector(daemon_set["spec"].get("selector"))
            if not selector.empty and selector.matches(labels_of(obj)):
                self.enqueue(key_of(daemon_set))

    def _pod_added(self, pod: Obj) -> None:
        reference = controller_of(pod)
        if reference is not None:
            if reference["kind"] == "DaemonSet":
                if (roster := self._rosters.get(reference["uid"])) is not None:
                    roster.add(pod)
                self._wake_owner(pod, reference)
        elif "deletionTimestamp" not in pod["metadata"]:
            self._wake_matching(pod)

    def _pod_updated(self, old: Obj, new: Obj) -> None:
        reference = controller_of(new)
        if self._rosters:
            before = controller_of(old)
            if before is not None and (roster := self._rosters.get(before["uid"])) is not None:
                roster.remove(old)
            if reference is not None and (roster := self._rosters.get(reference["uid"])) is not None:
                roster.add(new)
        if old["metadata"].get("ownerReferences") is not new["metadata"].get("ownerReferences"):
            before = controller_of(old)
            if before is not None and before != reference:
                self._wake_owner(old, before)
        if reference is not None:
            if reference["kind"] != "DaemonSet":
                return
            daemon_set = self._wake_owner(new, reference)
            minimum = daemon_set["spec"].get("minReadySeconds") if daemon_set is not None else 0
            if minimum and not is_pod_ready(old) and is_pod_ready(new):
                # A second more, for the clocks of a real cluster differ.
                self.enqueue(f"{namespace_of(new)}/{reference['name']}", (minimum + 1) * 1000)
        elif "deletionTimestamp" not in new["metadata"] and (
            controller_of(old) is not None or labels_of(old) != labels_of(new)
        ):
            self._wake_matching(new)

    def _pod_deleted(self, pod: Obj) -> None:
        reference = controller_of(pod)
        if reference is not None and reference["kind"] == "DaemonSet":
            if (roster := self._rosters.get(reference["uid"])) is not None:
                roster.remove(pod)
            self._wake_owner(pod, reference)

    def _revision_added(self, revision: Obj) -> None:
        if controller_of(revision) is None:
            self._wake_matching(revision)

    def _revision_updated(self, old: Obj, new: Obj) -> None:
        reference, before = controller_of(new), controller_of(old)
        if before is not None and before != reference:
            self._wake_owner(old, before)
        if reference is not None:
            self._wake_owner(new, reference)
        elif before is not None or labels_of(old) != labels_of(new):
            self._wake_matching(new)

    def _revision_deleted(self, revision: Obj) -> None:
        reference = controller_of(revision)
        if reference is not None:
            self._wake_owner(revision, reference)

    def _touch(self, node: Obj) -> None:
        for roster in self._rosters.values():
            roster.touch(name_of(node))

    def _node_added(self, node: Obj) -> None:
        self._touch(node)
        self.enqueue(NODE_KEY + name_of(node))

    def _node_updated(self, old: Obj, new: Obj) -> None:
        if labels_of(old) != labels_of(new) or _taints(old) != _taints(new):
            self._touch(new)
            self.enqueue(NODE_KEY + name_of(new))

    # One turn.

    def sync(self, key: str) -> None:
        """Bring the Pods of one DaemonSet in line, or find which DaemonSets a node's change concerns.

        Raises:
            StatusError: a write was refused; the turn is tried again later.
        """
        if key.startswith(NODE_KEY):
            self._sync_node(key[len(NODE_KEY) :])
            return
        daemon_set = self.daemon_sets.get(key)
        if daemon_set is None:
            return
        selector = selectors.from_label_selector(daemon_set["spec"].get("selector"))
        if selector.empty:
            message = "This daemon set is selecting all pods. A non-empty selector is required."
            self.recorder.event(daemon_set, "Warning", "SelectingAll", message)
            return
        if "deletionTimestamp" in daemon_set["metadata"]:
            return
        claims = RefManager(self.client, "controllerrevisions", daemon_set, "daemonsets", selector, "daemonset")
        revisions = claims.claim(owned_or_orphaned(self.revisions, daemon_set))
        if self._without_looking(daemon_set, selector, revisions):
            return
        pods = self._claim(daemon_set, selector)
        current, old = history.construct(self.client, daemon_set, revisions, pods)
        refused = self._update(daemon_set, selector, labels_of(current).get(placement.HASH_LABEL, ""), old)
        if refused is not None:
            raise refused

    def _without_looking(self, daemon_set: Obj, selector: selectors.Selector, revisions: list[Obj]) -> bool:
        """Make the Pods that are missing and report the numbers; False when a look at every node is needed.

        Raises:
            StatusError: as `sync`.
        """
        spec = daemon_set["spec"]
        current, old = history.split(daemon_set, revisions)
        if spec.get("minReadySeconds") or not history.is_settled(daemon_set, current, old):
            return False
        if any(selector.matches(labels_of(pod)) for pod in orphans(self.pods, daemon_set)):
            return False
        hash_ = labels_of(current[0]).get(placement.HASH_LABEL, "")
        version = (hash_, placement.template_generation(daemon_set))
        uid = uid_of(daemon_set)
        roster = self._rosters.get(uid)
        if roster is None or roster.version != version:
            roster = self._rosters[uid] = Roster(version, selector, owned(self.pods, daemon_set))
            for node in self.nodes.list():
                roster.touch(name_of(node))

        def wants(name: str) -> bool | None:
            return self._wants(daemon_set, name)

        refused: StatusError | None = None
        if not roster.calm(wants):
            if not roster.lacks_only or not hash_:
                return False
            missing = roster.missing
            nodes = [name for name in self.nodes.cache if name in missing]
            refused = self._carry_out(daemon_set, plan.Changes(create=nodes), self._target(daemon_set, hash_))
            roster.calm(wants)
            if not roster.lacks_only:
                return False
        try:
            status = plan.calm_status(daemon_set, roster.desired, roster.ready, len(roster.missing))
            self._report(daemon_set, status, 0)
        except StatusError as error:
            refused = refused or error
        if refused is not None:
            raise refused
        return True

    def _target(self, daemon_set: Obj, hash_: str) -> plan.Target:
        return plan.Target(
            min_ready_seconds=int(daemon_set["spec"].get("minReadySeconds") or 0),
            hash=hash_,
            generation=placement.template_generation(daemon_set),
            surges=plan.surge_count(daemon_set, 1) > 0,
            now_ms=self.engine.now_ms,
        )

    def _claim(self, daemon_set: Obj, selector: selectors.Selector) -> list[Obj]:
        manager = RefManager(self.client, "pods", daemon_set, "daemonsets", selector, "daemonset")
        return manager.claim(owned_or_orphaned(self.pods, daemon_set))

    def _update(self, daemon_set: Obj, selector: selectors.Selector, hash_: str, old: list[Obj]) -> StatusError | None:
        nodes = [name_of(node) for node in self.nodes.list()]
        runs = self._should_run(daemon_set)
        strategy = (daemon_set["spec"].get("updateStrategy") or EMPTY).get("type")
        target = self._target(daemon_set, hash_)
        pods = self._claim(daemon_set, selector)
        by_node = _by_node(nodes, pods)
        changes = plan.manage(nodes, by_node, runs, target, lambda node: self._failed_wait(daemon_set, node))
        refused = self._carry_out(daemon_set, changes, target)
        seen = not (changes.create or changes.delete)  # whether `pods` and `by_node` are what there is
        if refused is None and strategy == "RollingUpdate":
            if not seen:
                pods = self._claim(daemon_set, selector)
                by_node, seen = _by_node(nodes, pods), True
            changes = self._roll(daemon_set, nodes, by_node, runs, target)
            refused = self._carry_out(daemon_set, changes, target)
            seen = not (changes.create or changes.delete)
        if not seen:
            pods = self._claim(daemon_set, selector)
            by_node = _by_node(nodes, pods)
        if refused is None:
            history.clean_up(self.client, daemon_set, old, pods)
        status = plan.status_of(daemon_set, nodes, by_node, runs, target)
        try:
            self._report(daemon_set, status, target.min_ready_seconds)
        except StatusError as error:
            refused = refused or error  # what kept the Pods from being right is told first
        return refused

    def _roll(
        self,
        daemon_set: Obj,
        nodes: list[str],
        by_node: dict[str, list[Obj]],
        runs: dict[str, tuple[bool, bool]],
        target: plan.Target,
    ) -> plan.Changes:
        wanted = [node for node in nodes if runs[node][0]]
        everywhere = {node: by_node.get(node, []) for node in nodes if node in by_node or runs[node][0]}
        everywhere.update((node, pods) for node, pods in by_node.items() if node not in runs)
        surge = plan.surge_count(daemon_set, len(wanted))
        unavailable = plan.unavailable_count(daemon_set, len(wanted))
        if wanted and not surge and not unavailable:
            unavailable = 1
        if surge:
            return plan.replace_by_surge(everywhere, runs, surge, len(wanted), target)
        return plan.Changes(delete=plan.replace_in_place(everywhere, unavailable, target))

    def _should_run(self, daemon_set: Obj) -> dict[str, tuple[bool, bool]]:
        """`node_should_run` for every node."""
        spec, answers = self._answers(daemon_set)
        return {name_of(node): _answer(spec, answers, node) for node in self.nodes.list()}

    def _wants(self, daemon_set: Obj, name: str) -> bool | None:
        """Whether a node should have a Pod; None when there is no such node."""
        node = self.nodes.get(name)
        return None if node is None else _answer(*self._answers(daemon_set), node)[0]

    def _answers(self, daemon_set: Obj) -> tuple[Obj, dict[str, _Run]]:
        """The Pod spec that nodes are judged by, and what was found for them so far."""
        template = daemon_set["spec"]["template"]
        kept = self._runs.get(uid_of(daemon_set))
        if kept is None or kept[0] is not template:
            kept = self._runs[uid_of(daemon_set)] = (template, placement.pod_spec(template), {})
        return kept[1], kept[2]

    # Failed Pods.

    def _backoff_key(self, daemon_set: Obj, node: str) -> str:
        observed = (daemon_set.get("status") or EMPTY).get("observedGeneration", 0)
        return f"{uid_of(daemon_set)}/{observed}/{node}"

    def _failed_wait(self, daemon_set: Obj, node: str) -> int:
        """How long a failed Pod on the node is still left alone; 0 also starts the next, longer wait."""
        key, now = self._backoff_key(daemon_set, node), self.engine.now_ms
        entry = self._backoff.get(key)
        if entry is not None and now - entry[1] > 2 * FAILED_BACKOFF_MAX_MS:
            entry = None
        if entry is None:
            self._backoff[key] = [FAILED_BACKOFF_MS, now]
            return 0
        if now - entry[1] < entry[0]:
            return entry[0]
        self._backoff[key] = [min(2 * entry[0], FAILED_BACKOFF_MAX_MS), now]
        return 0

    # Carrying out.

    def _carry_out(self, daemon_set: Obj, changes: plan.Changes, target: plan.Target) -> StatusError | None:
        """Create and delete; the first refusal, if there was one."""
        namespace, owner = namespace_of(daemon_set), name_of(daemon_set)
        if changes.retry_ms is not None:
            self.enqueue(key_of(daemon_set), changes.retry_ms)
        for pod, node in changes.failed:
            message = f"Found failed daemon pod {namespace}/{pod} on node {node}, will try to kill it"
            self.recorder.event(daemon_set, "Warning", "FailedDaemonPod", message)
        for pod, node in changes.succeeded:
            message = f"Found succeeded daemon pod {namespace}/{pod} on node {node}, will try to delete it"
            self.recorder.event(daemon_set, "Normal", "SucceededDaemonPod", message)
        refused = self._create(daemon_set, changes.create[:BURST_REPLICAS], target) if changes.create else None
        for name in changes.delete[:BURST_REPLICAS]:
            try:
                self.client.delete("pods", namespace, name, why="daemonset.delete-pod", owner=owner)
            except StatusError as error:
                if error.reason != "NotFound":
                    self.recorder.event(daemon_set, "Warning", "FailedDelete", f"Error deleting: {error.message}")
                    refused = refused or error
            else:
                self.recorder.event(daemon_set, "Normal", "SuccessfulDelete", "Deleted pod: " + name)
        return refused

    def _create(self, daemon_set: Obj, nodes: list[str], target: plan.Target) -> StatusError | None:
        template = daemon_set["spec"]["template"]
        spec = placement.pod_spec(template)
        labels = placement.pod_labels(template, target.generation, target.hash)
        source = {"metadata": {**(template.get("metadata") or EMPTY), "labels": labels}, "spec": spec}
        base = pod_from_template(source, daemon_set, controller_ref(daemon_set))
        batch = 1  # doubles while all goes well, so that a refusal is met by few
        position = 0
        while position < len(nodes):
            refused: StatusError | None = None
            for node in nodes[position : position + batch]:
                pod = {**base, "spec": placement.pinned(spec, node)}
                why, owner = "daemonset.create-pod", name_of(daemon_set)
                try:
                    created = self.client.create("pods", pod, why=why, owner=owner, target=node)
                except StatusError as error:
                    if _namespace_is_terminating(error):
                        continue
                    self.recorder.event(daemon_set, "Warning", "FailedCreate", f"Error creating: {error.message}")
                    refused = refused or error
                else:
                    message = "Created pod: " + created["metadata"]["name"]
                    self.recorder.event(daemon_set, "Normal", "SuccessfulCreate", message)
            if refused is not None:
                return refused
            position += batch
            batch *= 2
        return None

    def _report(self, daemon_set: Obj, status: Obj, min_ready_seconds: int) -> None:
        if status != (daemon_set.get("status") or EMPTY):
            self._store(daemon_set, status)
        if min_ready_seconds and status["numberReady"] != status.get("numberAvailable", 0):
            self.enqueue(key_of(daemon_set), min_ready_seconds * 1000)

    def _store(self, daemon_set: Obj, status: Obj) -> None:
        """Write the status, on the object as it is now if the first attempt is refused."""
        why, ready, desired = "daemonset.report", status["numberReady"], status["desiredNumberScheduled"]
        for attempt in range(STATUS_UPDATE_RETRIES + 1):
            told = {**daemon_set, "status": {**(daemon_set.get("status") or EMPTY), **status}} if attempt else None
            try:
                self.client.update_status(
                    "daemonsets", told or {**daemon_set, "status": status}, why=why, ready=ready, desired=desired
                )
            except StatusError:
                if attempt == STATUS_UPDATE_RETRIES:
                    raise
                daemon_set = self.client.get("daemonsets", namespace_of(daemon_set), name_of(daemon_set))
            else:
                return

    # Nodes.

    def _sync_node(self, name: str) -> None:
        """Wake the DaemonSets for which a node's change means work."""
        if self.nodes.get(name) is None:
            return
        here: set[str] = set()
        for pod in pods_on(self.pods, name):
            reference = controller_of(pod)
            if reference is not None and reference["kind"] == "DaemonSet":
                here.add(f"{namespace_of(pod)}/{reference['name']}")
        for daemon_set in self.daemon_sets.list():
            key = key_of(daemon_set)
            should_run, may_stay = self._should_run_on(daemon_set, name)
            misscheduled = (daemon_set.get("status") or EMPTY).get("numberMisscheduled", 0) > 0
            if (not may_stay or misscheduled) if key in here else should_run:
                self.enqueue(key)

    def _should_run_on(self, daemon_set: Obj, name: str) -> tuple[bool, bool]:
        node = self.nodes.get(name)
        assert node is not None
        return _answer(*self._answers(daemon_set), node)

    # What outlives the process's turn.

    def stop(self) -> None:
        super().stop()
        self._backoff.clear()
        self._rosters.clear()

    def state(self) -> dict[str, Any]:
        return {"backoff": {key: list(entry) for key, entry in self._backoff.items()}}

    def set_state(self, data: dict[str, Any]) -> None:
        self._backoff = {key: list(entry) for key, entry in data["backoff"].items()}
        self._rosters.clear()


def _taints(node: Obj) -> Any:
    return (node.get("spec") or EMPTY).get("taints")


def _answer(spec: Obj, answers: dict[str, _Run], node: Obj) -> tuple[bool, bool]:
    """`node_should_run`, worked out anew only for a node whose labels or taints are other ones."""
    name, labels, taints = name_of(node), node["metadata"].get("labels"), _taints(node)
    answer = answers.get(name)
    if answer is None or answer[0] is not labels or answer[1] is not taints:
        answer = answers[name] = (labels, taints, placement.node_should_run(spec, node))
    return answer[2]


def _by_node(nodes: list[str], pods: list[Obj]) -> dict[str, list[Obj]]:
    """Daemon Pods by the node they are on or meant for, in the order of `nodes`; finished ones that go aside."""
    found: dict[str, list[Obj]] = {}
    for pod in pods:
        if "deletionTimestamp" in pod["metadata"] and is_pod_terminal(pod):
            continue
        node = placement.target_node(pod)
        if node is not None:
            found.setdefault(node, []).append(pod)
    ordered = {node: found[node] for node in nodes if node in found}
    ordered.update(found)
    return ordered


def _namespace_is_terminating(error: StatusError) -> bool:
    return any(cause.get("reason") == "NamespaceTerminating" for cause in error.details.get("causes") or ())
