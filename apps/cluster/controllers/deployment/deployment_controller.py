"""The Deployment controller: rolls Pod templates out through ReplicaSets.

Models      pkg/controller/deployment/deployment_controller.go (1.36)
Leaves out  the rollback annotation of extensions/v1beta1; giving up after 15 failed attempts
"""

from __future__ import annotations

from apps.cluster.apimachinery import selectors
from apps.cluster.apimachinery.meta import Obj, controller_of, key_of, labels_of, namespace_of, uid_of
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.controllers.deployment.counts import active, size
from apps.cluster.controllers.deployment.revisions import DESIRED_REPLICAS, count_of
from apps.cluster.controllers.deployment.sync import Turn
from apps.cluster.controllers.refs import RefManager, add_controller_index, owned, owned_or_orphaned
from apps.cluster.engine import Engine


class DeploymentController(Controller):
    """Level-triggered: a sync reads the whole state, never the event that woke it."""

    name = "deployment-controller"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.deployments = informers("deployments")
        self.replica_sets = informers("replicasets")
        self.pods = informers("pods")
        add_controller_index(self.replica_sets)
        add_controller_index(self.pods)
        self.deployments.add_handler(self._changed, lambda _, new: self._changed(new), self._changed)
        self.replica_sets.add_handler(self._replica_set_added, self._replica_set_updated, self._replica_set_deleted)
        self.pods.add_handler(on_delete=self._pod_deleted)

    # What wakes a Deployment.

    def _changed(self, deployment: Obj) -> None:
        self.enqueue(key_of(deployment))

    def _owner(self, obj: Obj) -> Obj | None:
        """The Deployment that controls a ReplicaSet, if it is still the same one."""
        reference = controller_of(obj)
        if reference is None or reference["kind"] != "Deployment":
            return None
        deployment = self.deployments.get(f"{namespace_of(obj)}/{reference['name']}")
        return deployment if deployment is not None and uid_of(deployment) == reference["uid"] else None

    def _wake_owner(self, replica_set: Obj) -> None:
        deployment = self._owner(replica_set)
        if deployment is not None:
            self.enqueue(key_of(deployment))

    def _wake_matching(self, replica_set: Obj) -> None:
        """An orphan appeared or changed: whoever selects it may want to adopt it."""
        for deployment in self.deployments.list(namespace_of(replica_set)):
            selector = selectors.from_label_selector(deployment["spec"].get("selector"))
            if not selector.empty and selector.matches(labels_of(replica_set)):
                self.enqueue(key_of(deployment))

    def _replica_set_added(self, replica_set: Obj) -> None:
        if controller_of(replica_set) is not None:
            self._wake_owner(replica_set)
        elif "deletionTimestamp" not in replica_set["metadata"]:
            self._wake_matching(replica_set)

    def _replica_set_updated(self, old: Obj, new: Obj) -> None:
        before, now = controller_of(old), controller_of(new)
        if before is not None and before != now:
            self._wake_owner(old)
        if now is not None:
            self._wake_owner(new)
        elif before is not None or labels_of(old) != labels_of(new):
            self._wake_matching(new)

    def _replica_set_deleted(self, replica_set: Obj) -> None:
        if controller_of(replica_set) is not None:
            self._wake_owner(replica_set)

    def _pod_deleted(self, pod: Obj) -> None:
        """Recreate waits for the last old Pod to go, and no ReplicaSet need change when it does."""
        reference = controller_of(pod)
        if reference is None or reference["kind"] != "ReplicaSet":
            return
        replica_set = self.replica_sets.get(f"{namespace_of(pod)}/{reference['name']}")
        if replica_set is None or uid_of(replica_set) != reference["uid"]:
            return
        deployment = self._owner(replica_set)
        if deployment is None or deployment["spec"]["strategy"].get("type") != "Recreate":
            return
        if not any(owned(self.pods, sibling) for sibling in owned(self.replica_sets, deployment)):
            self.enqueue(key_of(deployment))

    # One turn.

    def sync(self, key: str) -> None:
        """Claim ReplicaSets and take the next step: a status, a scaling, or one move of a rollout.

        Raises:
            StatusError: a write was refused; the turn is tried again later.
        """
        deployment = self.deployments.get(key)
        if deployment is None:
            return
        selector = selectors.from_label_selector(deployment["spec"].get("selector"))
        if selector.empty:
            message = "This deployment is selecting all pods. A non-empty selector is required."
            self.recorder.event(deployment, "Warning", "SelectingAll", message)
            return
        candidates = owned_or_orphaned(self.replica_sets, deployment)
        manager = RefManager(self.client, "replicasets", deployment, "deployments", selector, "deployment")
        replica_sets = manager.claim(candidates)
        turn = Turn(self.engine, self.client, self.recorder, deployment, replica_sets)
        if "deletionTimestamp" in deployment["metadata"]:
            turn.sync_status_only()
            return
        # Resumed, a Deployment goes on at once with what a paused one had let wait.
        turn.check_paused_conditions()
        if deployment["spec"].get("paused") or self._is_scaling_event(turn):
            turn.sync()
        elif turn.ended:
            return
        elif deployment["spec"]["strategy"].get("type") == "Recreate":
            turn.rollout_recreate(self._old_pods_running)
        else:
            turn.rollout_rolling()
        if turn.look_again_ms is not None:
            self.enqueue(key, turn.look_again_ms)

    def _is_scaling_event(self, turn: Turn) -> bool:
        """Whether `spec.replicas` has changed since the ReplicaSets with Pods were last given a size."""
        new, old = turn.find(create=False)
        everyone = [*old, new] if new is not None else old
        wanted = size(turn.deployment)
        return not turn.ended and any(
            count is not None and count != wanted
            for count in (count_of(rs, DESIRED_REPLICAS) for rs in active(everyone))
        )

    def _old_pods_running(self, old: list[Obj]) -> bool:
        """Whether Pods of old ReplicaSets still run, terminating ones included, finished ones not."""
        if sum((rs.get("status") or {}).get("replicas", 0) for rs in old) > 0:
            return True
        for replica_set in old:
            for pod in owned(self.pods, replica_set):
                if pod.get("status", {}).get("phase") not in ("Failed", "Succeeded"):
                    return True
        return False
