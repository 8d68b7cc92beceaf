"""ReplicationController: the older kind of ReplicaSet, run by the same code.

Models      pkg/controller/replication (conversion.go, replication_controller.go)
Leaves out  nothing beyond the ReplicaSet controller

Its selector is a plain map, nothing owns it, and its status does not count terminating Pods.
"""

from __future__ import annotations

from apps.cluster.apimachinery import selectors
from apps.cluster.apimachinery.meta import Obj
from apps.cluster.apimachinery.selectors import Selector
from apps.cluster.controllers.replicaset.replica_set import ReplicaSetController


class ReplicationManager(ReplicaSetController):
    """The ReplicaSet controller with another resource."""

    name = "replicationcontroller-controller"
    source = "replication-controller"
    resource = "replicationcontrollers"
    kind = "ReplicationController"
    component = "replication-controller"

    def selector(self, replica_set: Obj) -> Selector:
        return selectors.from_map(replica_set["spec"].get("selector"))

    def _report(self, replica_set: Obj, status: Obj) -> None:
        super()._report(replica_set, {key: value for key, value in status.items() if key != "terminatingReplicas"})
