"""What a kubelet says of its machine: it registers the Node, keeps its status and its lease, and tells of what changes.

Models      pkg/kubelet/kubelet_node_status.go (registerWithAPIServer, updateNodeStatus), pkg/kubelet/nodelease
Leaves out  nothing of its own: node_status.py says what a Node does not say
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apimachinery.timestamps import format_micro, format_ms
from apps.cluster.client import REACTION_MS, Client
from apps.cluster.engine import Engine
from apps.cluster.kubelet import attaching, failing, node_status

if TYPE_CHECKING:
    from apps.cluster.kubelet.kubelet import Kubelet

Obj = dict[str, Any]

LEASE_MS = 10_000  # a quarter of leaseDurationSeconds
STATUS_MS = 300_000  # nodeStatusReportFrequency
RETRY_MS = 1_000  # from a request that was not answered to the next
REGISTER = "@register"


class NodeReporter:
    """One a kubelet, whose turns it shares."""

    __slots__ = ("_client", "_engine", "_kubelet", "_reported_images", "_reported_ms", "node", "registered")

    def __init__(self, kubelet: Kubelet, engine: Engine, client: Client) -> None:
        self._kubelet = kubelet
        self._engine = engine
        self._client = client
        self.node = kubelet.node
        self.registered = False  # the API server knows the node
        self._reported_ms = 0
        self._reported_images: list[str] = []

    def wake(self, key: str, delay_ms: int = REACTION_MS, *, quiet: bool = False) -> None:
        self._kubelet.wake(key, delay_ms, quiet=quiet)

    def _status(self, existing: Obj | None) -> Obj:
        now = self._engine.now_ms
        self._reported_ms = now
        self._reported_images = list(self._kubelet.runtime.images)
        return node_status.status(
            self._kubelet.machine,
            self._kubelet.boots,
            node_status.Condition(
                self._kubelet.network.ready(self.node),
                self._kubelet.workers.pressures,
                failing.runtime_error(self._kubelet),
                self._kubelet.workers.shutting_down,
            ),
            self._kubelet.runtime,
            existing["status"] if existing is not None else {},
            format_ms(now),
            self._kubelet.version,
            self._kubelet.workers.volumes_in_use(),
        )

    def register(self) -> None:
        """Create the Node, or find it as it was. An API server that does not answer is asked again."""
        try:
            existing: Obj | None = self._client.get("nodes", "", self.node)
        except StatusError as error:
            if error.code != 404:
                self._engine.wake(self._kubelet.name, REGISTER, RETRY_MS, quiet=True)
                return
            existing = None
        made = self._status(existing)
        try:
            if existing is None:
                metadata: Obj = {
                    "name": self.node,
                    "labels": node_status.labels(self.node),
                    "annotations": {"volumes.kubernetes.io/controller-managed-attach-detach": "true"},
                }
                node = self._client.create(
                    "nodes", {"metadata": metadata, "spec": {}, "status": made}, why="kubelet.register-node"
                )
            else:
                node = self._client.update_status("nodes", {**existing, "status": made}, why="kubelet.node-again")
        except StatusError:
            self._engine.wake(self._kubelet.name, REGISTER, RETRY_MS, quiet=True)
            return
        self.registered = True
        self._describe_storage(node)
        if existing is not None:
            boot = made["nodeInfo"]["bootID"]
            if boot != existing["status"].get("nodeInfo", {}).get("bootID"):
                self._tell(node, "Warning", "Rebooted", f"Node {self.node} has been rebooted, boot id: {boot}")
            if self._kubelet.network.ready(self.node) and not is_true(existing, "Ready"):
                self._tell_status(node, "NodeReady")
        self._tell(node, "Normal", "Starting", "Starting kubelet.")
        for reason in ("NodeHasSufficientMemory", "NodeHasNoDiskPressure", "NodeHasSufficientPID"):
            self._tell_status(node, reason)

    def _describe_storage(self, node: Obj) -> None:
        """A CSINode beside the Node, on which drivers of storage would be listed."""
        if self._kubelet.find("csinodes", "", self.node) is None:
            with suppress(StatusError):
                self._client.create("csinodes", attaching.csi_node(node), why="kubelet.csi-node")

    def report_volumes(self) -> None:
        """Say on the Node which volumes are needed here: they are attached then, and not taken off before."""
        node = self._kubelet.find("nodes", "", self.node) if self._kubelet.connected else None
        if node is not None and (node["status"].get("volumesInUse") or []) != self._kubelet.workers.volumes_in_use():
            self.report(why="kubelet.volumes-in-use")

    def report(self, *, quiet: bool = False, why: str = "kubelet.node-ready") -> None:
        """Write the node's status, and tell of what has changed in it."""
        node = self._kubelet.find("nodes", "", self.node)
        if node is None:
            return  # it was deleted, or nobody answers: a kubelet registers when it starts, not again
        made = self._status(node)
        turned = is_true(node, "Ready") is not is_true({"status": made}, "Ready")
        if quiet and turned:
            why = "kubelet.node-runtime-down" if failing.runtime_error(self._kubelet) else "kubelet.node-ready"
        elif quiet:
            why = "heartbeat.node-status"
        try:
            written = self._client.update_status("nodes", {**node, "status": made}, why=why)
        except StatusError:
            self._reported_ms = 0  # tried again with the next heartbeat
            return
        for reason in node_status.told(node["status"].get("conditions") or (), made["conditions"]):
            self._tell_status(written, reason)

    def pressure_changed(self) -> None:
        """Memory or disk have become short, or are so no longer."""
        if self._kubelet.connected:
            self.report(why="kubelet.node-pressure")

    def shutting_down(self) -> None:
        """The node says that it is not Ready any more, while its Pods are being stopped."""
        if self._kubelet.connected:
            self.report(why="kubelet.node-shutdown")

    def tell_node(self, type_: str, reason: str, message: str) -> None:
        """Record an Event about the node."""
        if self._kubelet.connected:
            self._tell({"apiVersion": "v1", "kind": "Node", "metadata": {}}, type_, reason, message)

    def _tell_status(self, node: Obj, reason: str) -> None:
        self._tell(node, "Normal", reason, f"Node {self.node} status is now: {reason}")

    def _tell(self, node: Obj, type_: str, reason: str, message: str) -> None:
        # Upstream's events about nodes name the node as uid, not the uid of its object.
        self._kubelet.recorder.event(
            {**node, "metadata": {"name": self.node, "uid": self.node}}, type_, reason, message
        )

    def beat(self, key: str) -> None:
        """Ten seconds have passed: the lease, and the status when it is time or when images have come or gone."""
        if self._kubelet.access.open:
            self.renew_lease()
            late = self._engine.now_ms - self._reported_ms >= STATUS_MS
            if self.registered and (
                late
                or failing.runtime_error(self._kubelet)
                or self._reported_images != list(self._kubelet.runtime.images)
            ):
                self.report(quiet=True)
        self._engine.wake(self._kubelet.name, key, LEASE_MS, quiet=True)

    def renew_lease(self) -> None:
        renewed = format_micro(self._engine.now_ms)
        lease = self._kubelet.find("leases", "kube-node-lease", self.node)
        try:
            if lease is None:
                node = self._client.get("nodes", "", self.node)
                self._client.create("leases", node_status.lease(node, renewed), why="heartbeat.lease")
            else:
                spec = {**lease["spec"], "renewTime": renewed}
                self._client.update("leases", {**lease, "spec": spec}, why="heartbeat.lease")
        except StatusError:
            pass  # the node or its namespace is not there, or nobody answers: tried again in ten seconds

    def save(self) -> dict[str, Any]:
        return {
            "registered": self.registered,
            "reported_ms": self._reported_ms,
            "reported_images": list(self._reported_images),
        }

    def load(self, data: Mapping[str, Any]) -> None:
        self.registered = data["registered"]
        self._reported_ms = data["reported_ms"]
        self._reported_images = list(data["reported_images"])


def is_true(node: Obj, type_: str) -> bool:
    return any(
        condition["type"] == type_ and condition["status"] == "True"
        for condition in node["status"].get("conditions") or ()
    )
