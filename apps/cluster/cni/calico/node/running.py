"""calico/node as it starts on each machine: the resources that are there once, and what a Node says of its network.

Models      node/pkg/lifecycle/startup (Run, ensureDefaultConfig, MarkNetworkAvailable), node/pkg/allocateip (Run),
            libcalico-go/lib/clientv3 (EnsureInitialized), lib/backend/k8s/resources/node.go (annotations)
Leaves out  that it writes a Node three times as it starts (addresses, tunnels, the condition): here it is once; the
            tiers of ClusterNetworkPolicy, the IPAMConfig; NetworkUnavailable as it shuts down
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from apps.cluster.apimachinery.conditions import find, without
from apps.cluster.apimachinery.meta import Obj
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apimachinery.timestamps import format_ms
from apps.cluster.apiserver import APIServer
from apps.cluster.client import Client
from apps.cluster.cni.calico.bird.nodes import ANNOTATIONS, calico_node
from apps.cluster.cni.calico.node.startup import Interface, configured_addresses, first_pools
from apps.cluster.engine import Engine

NAME = "calico-node"
POOLS, FELIX, BGP, INFORMATION, TIERS = (
    f"{plural}.crd.projectcalico.org"
    for plural in ("ippools", "felixconfigurations", "bgpconfigurations", "clusterinformations", "tiers")
)
FIRST = " first"  # of a key: it has started just now
START_MS = 10
RETRY_MS = 1_000
METADATA = {"projectcalico.org/metadata": '{"creationTimestamp":null}'}
DEFAULT_TIER_ORDER = 1_000_000
USES = ["Workload", "Tunnel"]


class Tunnels(Protocol):
    """IPAM, as far as a node's tunnels are concerned."""

    def reconcile(self, node: Obj, pools: list[Obj]) -> Obj:
        """The Calico Node with the addresses that its tunnels need.

        Raises:
            IPAMError: there is none left.
        """
        ...


class Host(NamedTuple):
    """What calico/node finds on the machines. `problem`: why a machine does not reach an API server, or None."""

    interfaces: Callable[[str], tuple[Interface, ...]]
    problem: Callable[[str], object]


class CalicoNode:
    """All machines' calico/node. A node is told of with `up` when the process runs there."""

    def __init__(self, engine: Engine, apiserver: APIServer, host: Host, tunnels: Tunnels, version: str) -> None:
        self._engine = engine
        self._apiserver = apiserver
        self._host = host
        self._tunnels = tunnels
        self._version = version
        self._up: dict[str, None] = {}
        apiserver.watch(POOLS, self._pool)
        apiserver.watch("nodes", self._node)

    def up(self, node: str) -> None:
        self._up[node] = None
        self._engine.wake(NAME, f"{node}{FIRST}", START_MS)

    def forget(self, node: str) -> None:
        self._up.pop(node, None)

    def _pool(self, key: str, before: Obj | None, after: Obj | None) -> None:
        """allocate-tunnel-addrs hears of every pool."""
        if before is None or after is None or before["spec"] != after["spec"]:
            for node in self._up:
                self._engine.wake(NAME, node, START_MS)

    def _node(self, key: str, before: Obj | None, after: Obj | None) -> None:
        """A pool may choose nodes by their labels; a Node that is new has to be told its addresses."""
        if after is None or key not in self._up:
            return
        if before is None:
            self._engine.wake(NAME, key, RETRY_MS)
            return
        was, now = before["metadata"].get("labels"), after["metadata"].get("labels")
        if was is not now and was != now:
            self._engine.wake(NAME, key, START_MS)

    def run(self, key: str) -> None:
        name = key.removesuffix(FIRST)
        if name not in self._up:
            return
        if self._host.problem(name) is not None:
            self._engine.wake(NAME, key, RETRY_MS, quiet=True)
            return
        client = Client(self._apiserver, NAME, name)
        node = self._table("nodes").get(name)
        if node is None:
            return
        try:
            environment = self._environment()
            if key != name:
                self._pools(client, environment)
                self._defaults(client, environment)
            pools = list(self._table(POOLS).values())
            self._write(client, node, environment, pools)
        except StatusError:
            self._engine.wake(NAME, key, RETRY_MS, quiet=True)

    def _table(self, resource: str) -> Mapping[str, Obj]:
        return self._apiserver.tables.get(resource, {})

    def _environment(self) -> dict[str, str]:
        """As the DaemonSet gives it to the container."""
        daemon_set = self._table("daemonsets").get("kube-system/calico-node")
        if daemon_set is None:
            return {}
        container = daemon_set["spec"]["template"]["spec"]["containers"][0]
        return {one["name"]: one["value"] for one in container.get("env") or () if "value" in one}

    def _pools(self, client: Client, environment: Mapping[str, str]) -> None:
        if self._table(POOLS):
            return
        for pool in first_pools({"CALICO_IPV6POOL_CIDR": "none", **environment}):
            spec = {name: value for name, value in pool["spec"].items() if value is not False}
            client.create(
                POOLS,
                _resource(pool["metadata"]["name"], {**spec, "allowedUses": USES}),
                why="calico-node.pool",
                cidr=spec["cidr"],
                ipip=spec["ipipMode"],
                vxlan=spec["vxlanMode"],
            )

    def _defaults(self, client: Client, environment: Mapping[str, str]) -> None:
        if "default" not in self._table(INFORMATION):
            kubeadm = ["kubeadm"] if "kube-system/kubeadm-config" in self._table("configmaps") else []
            types = [*filter(None, environment.get("CLUSTER_TYPE", "").split(",")), *kubeadm, "kdd"]
            spec = {
                "calicoVersion": self._version,
                "clusterGUID": self._engine.random.uuid_of("calico").replace("-", ""),
                "clusterType": ",".join(types),
                "datastoreReady": True,
            }
            client.create(
                INFORMATION, _resource("default", spec), why="calico-node.cluster-information", version=self._version
            )
        if "default" not in self._table(TIERS):
            tier = {"order": DEFAULT_TIER_ORDER, "defaultAction": "Deny"}
            client.create(TIERS, _resource("default", tier), why="calico-node.tier")
        self._felix(client)
        if "default" not in self._table(BGP):
            client.create(BGP, _resource("default", {}), why="calico-node.bgp-configuration")

    def _felix(self, client: Client) -> None:
        usual = {"logSeverityScreen": "Info", "reportingInterval": "0s"}
        there = self._table(FELIX).get("default")
        if there is None:
            client.create(FELIX, _resource("default", usual), why="calico-node.felix-configuration")
            return
        spec = {**usual, **(there.get("spec") or {})}
        if spec != there.get("spec"):
            client.update(FELIX, {**there, "spec": spec}, why="calico-node.felix-configuration")

    def _write(self, client: Client, node: Obj, environment: Mapping[str, str], pools: list[Obj]) -> None:
        interfaces = self._host.interfaces(node["metadata"]["name"])
        ours, _ = configured_addresses(calico_node(node), node, environment, interfaces)
        ours = self._tunnels.reconcile(ours, pools)
        annotations = {**(node["metadata"].get("annotations") or {})}
        for name, path in ANNOTATIONS.items():
            value: Any = ours["spec"]
            for step in path:
                value = value.get(step) or {}
            annotations.pop(name, None)
            if value:
                annotations[name] = str(value)
        status = node.get("status", {})
        conditions = status.get("conditions") or []
        available = find(conditions, "NetworkUnavailable")
        if available is None or available["status"] != "False":
            now = format_ms(self._engine.now_ms)
            fresh = {
                "type": "NetworkUnavailable",
                "status": "False",
                "lastHeartbeatTime": now,
                "reason": "CalicoIsUp",
                "message": "Calico is running on this node",
            }
            fresh["lastTransitionTime"] = now
            conditions = [fresh, *without(conditions, "NetworkUnavailable")]  # what a patch adds comes first
        elif annotations == (node["metadata"].get("annotations") or {}):
            return
        client.update_status(
            "nodes",
            {
                **node,
                "metadata": {**node["metadata"], "annotations": annotations},
                "status": {**status, "conditions": conditions},
            },
            why="calico-node.node",
            name=node["metadata"]["name"],
            address=annotations.get("projectcalico.org/IPv4Address", "none"),
            tunnel=_tunnel(annotations),
        )

    def save(self) -> dict[str, Any]:
        return {"up": list(self._up)}

    def load(self, data: Mapping[str, Any]) -> None:
        self._up = dict.fromkeys(data["up"])


def _resource(name: str, spec: Obj) -> Obj:
    return {"metadata": {"name": name, "annotations": METADATA}, "spec": spec}


def _tunnel(annotations: Mapping[str, str]) -> str:
    found = (annotations.get(f"projectcalico.org/IPv4{kind}TunnelAddr") for kind in ("IPIP", "VXLAN"))
    return next(filter(None, found), "none")
