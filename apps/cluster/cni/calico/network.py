"""The Pods' network: the CNI plugins `calico` and `calico-ipam` on every machine, and the addresses behind them.

Models      cni-plugin/pkg/plugin and pkg/ipamplugin (ADD, DEL), kube-controllers/pkg/controllers/node (ipam.go: what
            becomes of the addresses of a node that is gone)
Leaves out  blocks, affinities and handles as objects: IPAM keeps them as its own data (two more writes a Pod would
            drown every story), so nobody sees them through the API, nor changes them there; that a plugin needs an API
            server; addresses of a deleted IPPool's blocks stay with their Pods until these go
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from apps.cluster.apimachinery.meta import Obj
from apps.cluster.apiserver import APIServer
from apps.cluster.cni.calico.ipam import IPAM, Config, IPAMError, Owner, plugin, pool_of, tunnels
from apps.cluster.cni.calico.ipam.claims import Claims
from apps.cluster.cni.calico.ipam.pools import Reservations
from apps.cluster.engine import Engine

NAME = "calico-ipam"
POOLS, RESERVATIONS, CONFIGS = (f"{one}.crd.projectcalico.org" for one in ("ippools", "ipreservations", "ipamconfigs"))
CONF: Obj = {"name": "k8s-pod-network", "ipam": {"type": "calico-ipam"}}
HANDLE = plugin.handle_of(CONF, "")
COLLECT_MS = 5_000


class Agent(Protocol):
    """calico-node, which starts where the network does."""

    def up(self, node: str) -> None: ...
    def forget(self, node: str) -> None: ...


class _Labels(Mapping[str, Mapping[str, str]]):
    """The labels of the nodes, as they are now."""

    def __init__(self, apiserver: APIServer) -> None:
        self._apiserver = apiserver

    def __getitem__(self, name: str) -> Mapping[str, str]:
        return self._nodes()[name]["metadata"].get("labels") or {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._nodes())

    def __len__(self) -> int:
        return len(self._nodes())

    def _nodes(self) -> Mapping[str, Obj]:
        return self._apiserver.tables.get("nodes", {})


class CalicoNetwork:
    """Which node has Calico running, which block is whose, which Pod has which address.

    Pools, reservations and the IPAMConfig are those of the API; `assumed` are pools while it has none.
    """

    def __init__(self, engine: Engine, apiserver: APIServer, assumed: Iterable[Obj] = ()) -> None:
        self._engine = engine
        self._apiserver = apiserver
        self._assumed = tuple(assumed)
        self.agent: Agent | None = None
        self.claims = Claims(engine.trace.keep)
        engine.record(NAME, self.claims)
        self.ipam = IPAM(told=self._claimed)
        self.ipam.nodes = _Labels(apiserver)
        self._up: dict[str, bool] = {}
        self._pods: dict[str, dict[str, str]] = {}  # node -> the UIDs of its Pods and their addresses
        self._gone: dict[str, list[str]] = {}  # a node that has left -> UIDs whose addresses it still has
        self._plain = False  # one pool serves all
        self._selective = False  # some pool chooses namespaces
        self._stale = True  # what the API has may be other than what IPAM knows
        for resource in (POOLS, RESERVATIONS, CONFIGS):
            apiserver.watch(resource, self._changed)
        apiserver.watch("nodes", self._node)

    # ---- the kubelet's Network -----------------------------------------------------------------

    def ready(self, node: str) -> bool:
        return self._up.get(node, False)

    def up(self, node: str) -> None:
        self._up[node] = True
        if self.agent is not None:
            self.agent.up(node)

    def add(self, node: str, pod: Obj) -> str:
        """Raises: IPAMError, none is left."""
        metadata = pod["metadata"]
        uid = metadata.get("uid", "")
        mine = self._pods.get(node)
        if mine is None:
            mine = self._pods[node] = {}
        address = mine.get(uid)
        if address is None:
            if self._stale:
                self._look()
            address = mine[uid] = self._address(node, uid, metadata)
        return address

    def _address(self, node: str, uid: str, metadata: Obj) -> str:
        namespace, name = metadata.get("namespace", ""), metadata.get("name", "")
        if self._plain:
            who = Owner(HANDLE + uid, (("namespace", namespace), ("node", node), ("pod", name)))
            address = self.ipam.one_of_its_own(node, who)
            if address:
                return address
        labels = self._labels_of(namespace) if self._selective else None
        attributes = {"namespace": namespace, "node": node, "pod": name}
        got = plugin.request(self.ipam, CONF, node, uid, attributes, labels, self._engine.now_ms)
        return got[0].partition("/")[0]

    def delete(self, node: str, pod: Obj) -> None:
        uid = pod["metadata"].get("uid", "")
        if self._pods.get(node, {}).pop(uid, None) is not None:
            plugin.delete(self.ipam, CONF, uid)

    def wiped(self, node: str) -> None:
        """No Pod of the node holds an address any more; its blocks and its tunnel's address stay its own."""
        for uid in self._pods.pop(node, {}):
            plugin.delete(self.ipam, CONF, uid)

    # ---- what becomes of nodes -----------------------------------------------------------------

    def forget(self, node: str) -> None:
        """Nothing of Kubernetes runs on the machine any more: what it has is given back once its Pods are gone."""
        self._up.pop(node, None)
        if self.agent is not None:
            self.agent.forget(node)
        self._leave(node)
        if node in self._gone:
            self._collect(node)

    def _node(self, key: str, before: Obj | None, after: Obj | None) -> None:
        """kube-controllers hears that a Node is gone."""
        if after is None:
            self._leave(key)
            self._engine.wake(NAME, key, COLLECT_MS, quiet=True)

    def _leave(self, node: str) -> None:
        left = [*self._gone.get(node, ()), *self._pods.pop(node, ())]
        if left or self.ipam.blocks_of(node):
            self._gone[node] = left

    def _collect(self, node: str) -> None:
        """A Pod that is told of keeps its address, whether or not anything is left of it; a Node its blocks."""
        told = {pod["metadata"]["uid"] for pod in self._apiserver.pods_on(node).values()}
        kept = []
        for uid in self._gone[node]:
            if uid in told:
                kept.append(uid)
            else:
                plugin.delete(self.ipam, CONF, uid)
        if kept:
            self._gone[node] = kept
            self._engine.wake(NAME, node, COLLECT_MS, quiet=True)
            return
        del self._gone[node]
        if node not in self._apiserver.tables.get("nodes", {}):
            for tunnel in tunnels.TUNNELS.values():
                tunnels.release(self.ipam, f"{tunnel.handle}-{node}")
            self.ipam.release_host(node)

    def run(self, key: str) -> None:
        if key in self._gone:
            self._collect(key)

    def reconcile(self, node: Obj, pools: list[Obj]) -> Obj:
        """The Calico Node with the addresses of its tunnels; without, when none is left."""
        if self._stale:
            self._look()
        try:
            return tunnels.reconcile(self.ipam, node, pools)
        except IPAMError:
            return node

    # ---- what the API says ---------------------------------------------------------------------

    def _changed(self, key: str, before: Obj | None, after: Obj | None) -> None:
        self._stale = True

    def _look(self) -> None:
        tables = self._apiserver.tables
        pools = [obj for _, obj in sorted(tables.get(POOLS, {}).items())] or self._assumed
        reserved = [obj["spec"].get("reservedCIDRs") or () for obj in tables.get(RESERVATIONS, {}).values()]
        config = (tables.get(CONFIGS, {}).get("default") or {}).get("spec") or {}
        self.ipam.pools = [pool_of(obj) for obj in pools]
        self.ipam.reserved = Reservations(cidr for cidrs in reserved for cidr in cidrs)
        self.ipam.config = Config(
            bool(config.get("strictAffinity")),
            config.get("autoAllocateBlocks", True),
            config.get("maxBlocksPerHost") or 0,
        )
        self._plain = self.ipam.serves_all
        self._selective = any(pool.namespace_selector for pool in self.ipam.pools)
        self._stale = False

    def _labels_of(self, namespace: str) -> Mapping[str, str]:
        found = self._apiserver.tables.get("namespaces", {}).get(namespace)
        return (found["metadata"].get("labels") or {}) if found is not None else {}

    def _claimed(self, block: str, affinity: str) -> None:
        self.claims.write(len(self._engine.trace.steps), block, affinity.partition(":")[2])

    # ---- saving --------------------------------------------------------------------------------

    def save(self) -> dict[str, Any]:
        return {
            "up": dict(self._up),
            "blocks": self.ipam.save(),
            "pods": {node: dict(pods) for node, pods in self._pods.items()},
            "gone": {node: list(uids) for node, uids in self._gone.items()},
        }

    def load(self, data: Mapping[str, Any]) -> None:
        self._up = dict(data["up"])
        self.ipam.load(data["blocks"])
        self._pods = {node: dict(pods) for node, pods in data["pods"].items()}
        self._gone = {node: list(uids) for node, uids in data["gone"].items()}
        self._stale = True
