"""The data plane at one moment: every kernel, as far as anybody asks, and packets through it.

Models      what `iptables-save`, `ip route`, `birdc show protocols` and `calicoctl ipam show` would tell on each node
Leaves out  what each module says; without a trace (clusters of thousands of nodes) agents that do not run are taken to
            have seen what there is now
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple, Protocol

from apps.cluster.cni.calico.bird.sessions import sessions as bird_sessions
from apps.cluster.cni.calico.felix.tables import Programmed
from apps.cluster.controlplane.ledger import AWAY
from apps.cluster.controlplane.names import KUBELET
from apps.cluster.dataplane import balancing, nodes, outside, routes, sending
from apps.cluster.dataplane.agents import CALICO, CUT, LOST, PROXY, UP
from apps.cluster.dataplane.asks import Ask, Journey
from apps.cluster.dataplane.datastore import datastore_of, is_full_mesh
from apps.cluster.dataplane.facts import Facts, Objects
from apps.cluster.dataplane.marks import Marks
from apps.cluster.dataplane.past import Past
from apps.cluster.machines import Machine as Computer
from apps.cluster.network.iptables.save import save
from apps.cluster.network.machine import Machine, World
from apps.cluster.network.nftables.listing import listed
from apps.cluster.proxy import IPVS, InKernel, ProxyConfig, Ruleset, in_kernel, ruleset_for

Obj = dict[str, Any]


class Settings(Protocol):
    """What of a cluster's Config matters here."""

    @property
    def seed(self) -> int: ...
    @property
    def pod_subnet(self) -> str: ...
    @property
    def encapsulation(self) -> str: ...
    @property
    def cluster_routes(self) -> str: ...
    @property
    def proxy_mode(self) -> str: ...
    @property
    def load_balancer(self) -> str: ...
    @property
    def subnets(self) -> int: ...


class Source(NamedTuple):
    """What a data plane is read off. Each function takes how many steps had happened."""

    marks: Marks
    settings: Settings
    objects: Callable[[int], Objects]
    machines: Callable[[int], Mapping[str, Computer]]
    claims: Callable[[int], Mapping[str, str]]  # blocks that IPAM has given to nodes
    revision: Callable[[int], int]
    programs: Callable[[int], Mapping[str, str]]  # states of programs by "node/name"; who is not in it runs


class ProxyView(NamedTuple):
    """kube-proxy of one node. `revision`: what it had seen of the API server when it last synced."""

    state: str
    revision: int
    rules: Ruleset | None


class BGPSession(NamedTuple):
    """Between two nodes, by name. `state`: established, stale (routes are kept for a while), lost."""

    node: str
    peer: str
    state: str
    revision: int  # since when
    kind: str = "mesh"  # mesh; node or global: a BGPPeer asks for it
    reflector: str = ""  # the one of the two that reflects routes to the other, its client
    problem: str = ""  # why it can never come up: one-sided as password port


class Dataplane:
    """Once `position` steps have happened. Nothing is worked out before it is asked for."""

    def __init__(self, source: Source, position: int) -> None:
        self._source = source
        self.settings = source.settings
        self.position = position
        self.past = Past(source.marks, position)
        self._facts: dict[int, Facts] = {}
        self._rulesets: dict[str, Ruleset | None] = {}

    # ---- what there is -------------------------------------------------------------------------

    @property
    def facts(self) -> Facts:
        return self.facts_at(self.position)

    @property
    def nodes(self) -> tuple[str, ...]:
        return self.facts.nodes

    def facts_at(self, position: int) -> Facts:
        found = self._facts.get(position)
        if found is None:
            source, settings = self._source, self.settings
            found = self._facts[position] = Facts(
                source.objects(position),
                source.machines(position),
                pod_subnet=settings.pod_subnet,
                encapsulation=settings.encapsulation,
                cluster_routes=settings.cluster_routes,
                subnets=settings.subnets,
                proxy_mode=settings.proxy_mode,
                claims=source.claims(position),
            )
        return found

    def revision_at(self, position: int) -> int:
        return self._source.revision(position) if position else 0

    # ---- kube-proxy ----------------------------------------------------------------------------

    def proxy(self, node: str) -> ProxyView:
        seen = self.past.seen(node, PROXY)
        revision = self.revision_at(seen.position) if seen.position is not None else 0
        return ProxyView(seen.state, revision, self.ruleset(node))

    def ruleset(self, node: str) -> Ruleset | None:
        """What kube-proxy has written there; None: nothing."""
        if node not in self._rulesets:
            seen = self.past.seen(node, PROXY)
            self._rulesets[node] = None if seen.position is None else self._rules(node, self.facts_at(seen.position))
        return self._rulesets[node]

    def _rules(self, node: str, facts: Facts) -> Ruleset:
        labels = facts.table("nodes").get(node, {}).get("metadata", {}).get("labels") or {}
        address = self.facts.address(node)
        mode = self.settings.proxy_mode
        own = [address]
        if mode == IPVS:  # it serves node ports at each address that the machine has
            own += [facts.tunnel_address(node, kind) for kind in facts.tunnels]
        cidrs = tuple(cidr for one in facts.table("servicecidrs").values() for cidr in one["spec"]["cidrs"])
        config = ProxyConfig(
            node, tuple(filter(None, own)), 4, self.settings.pod_subnet, labels=labels, service_cidrs=cidrs
        )
        rules = ruleset_for(mode, config)
        for key, service in facts.table("services").items():
            namespace, _, name = key.partition("/")
            rules.service(namespace, name, service)
        for slice_ in facts.table("endpointslices").values():
            rules.slice_(slice_)
        rules.sync()
        return rules

    # ---- kernels -------------------------------------------------------------------------------

    @cached_property
    def _remote(self) -> routes.Remote:
        return routes.Remote(self.facts_at)

    @cached_property
    def _programs(self) -> Mapping[str, str]:
        return self._source.programs(self.position)

    @cached_property
    def _machines(self) -> _Machines:
        return _Machines(self)

    def machine(self, name: str) -> Machine:
        """A network namespace: a node, a Pod by namespace/name, client, router or balancer, internet.

        Raises:
            KeyError: there is none of that name.
        """
        return self._machines[name]

    @cached_property
    def _world(self) -> World:
        facts = self.facts
        segments: dict[str, dict[str, tuple[str, str]]] = {
            outside.OUTSIDE: {
                outside.CLIENT_IP: (outside.CLIENT, "eth0"),
                outside.INTERNET_IP: (outside.INTERNET, "eth0"),
                outside.GATEWAY_IP: (self.edge, "eth0"),
            }
        }
        for node in facts.nodes:
            segments.setdefault(nodes.segment(facts, node), {})[facts.address(node)] = (node, "eth0")
        for interface in self.machine(self.edge).interfaces.values():
            if interface.kind == "ethernet" and interface.name != "eth0":
                segments[interface.peer[1]][interface.addresses[0].partition("/")[0]] = (self.edge, interface.name)
        for address, node in self.announced.items():
            segments[nodes.segment(facts, node)][address] = (node, "eth0")
        cut = set()
        for name, computer in facts.machines.items():
            if computer.network != "up":
                cut |= {(name, other) for other in (*facts.nodes, self.edge) if other != name}
            cut |= {(name, other) for other in computer.cut}
        return World(self._machines, segments, frozenset(cut))

    def world(self) -> World:
        """Everything that a packet may come to; machines are made when they are looked at."""
        return self._world

    @property
    def edge(self) -> str:
        """The machine between the nodes and the outside."""
        return outside.BALANCER if self.settings.load_balancer == "cloud" else outside.ROUTER

    @cached_property
    def announced(self) -> dict[str, str]:
        """Addresses of load balancers that a node says are its own (MetalLB): address -> node."""
        if self.settings.load_balancer != "metallb":
            return {}
        return dict(balancing.announced(self))

    def build(self, name: str) -> Machine | None:
        """A machine, made anew."""
        facts = self.facts
        if "/" in name:
            workload = facts.workloads.get(name)
            if workload is None or workload.node not in facts.machines:
                return None
            return nodes.pod_machine(facts, workload, up=facts.machines[workload.node].power == "on")
        if name == outside.CLIENT:
            return outside.client()
        if name == outside.INTERNET:
            return outside.internet()
        if name == self.edge:
            balanced = balancing.balanced(self) if name == outside.BALANCER else ()
            return outside.router(name, facts, balanced, balancing.routed(self), self.announced)
        return self._node(name) if name in facts.nodes else None

    def _node(self, name: str) -> Machine:
        facts = self.facts
        proxy, past = self.past.state(name, PROXY), self.past.frozen(name, CALICO)
        calico = self.past.state(name, CALICO)
        rules = self.ruleset(name)
        ways = nodes.own_routes(facts, name)
        made = in_kernel(rules) if rules is not None else InKernel()
        tables = nodes.by_kube_proxy(made)
        sets = {one: ipset.members for one, ipset in made.sets.items()}
        if past is not None:
            then = self.facts_at(past.position)
            ways += routes.own_blocks(then, name)
            ways += self._remote.of(name, past)
            felix = then.felix.node(name)
            tables, sets = felix.with_others(tables), {**sets, **felix.sets}
        ways += routes.local(facts, name)
        on = facts.machines[name].power == "on"
        listening = nodes.host_listens(
            facts,
            name,
            kubelet=self._programs.get(f"{name}/{KUBELET}") not in AWAY,
            proxy=proxy in (UP, CUT),
            calico=calico in (UP, CUT),
        )
        return Machine(
            name,
            "node",
            nodes.interfaces(facts, name, calico=past is not None, virtual=made.addresses),
            tuple(ways),
            tables,
            sets,
            nft=made.nft,
            virtual=made.virtual,
            listens=frozenset(listening),
            forwards=True,
            up=on,
        )

    def felix(self, node: str) -> Programmed | None:
        """What Felix has written into iptables and ipsets there; None: nothing since the machine was switched on."""
        past = self.past.frozen(node, CALICO)
        return None if past is None else self.facts_at(past.position).felix.node(node)

    def save(self, node: str) -> str:
        """`iptables-save` on a node. Raises: KeyError, there is no such node."""
        return save(self.machine(node).tables)

    def nft(self, node: str) -> str:
        """`nft list table ip kube-proxy` on a node; "" where kube-proxy works otherwise."""
        return "".join(listed(table) for table in self.machine(node).nft)

    # ---- Calico --------------------------------------------------------------------------------

    def sessions(self) -> list[BGPSession]:
        """Each pair once. None where the backend is VXLAN: there BIRD does not run."""
        names = self.nodes if not self.settings.encapsulation.startswith("vxlan") else ()
        if names and not is_full_mesh(self.facts):
            return self._asked_sessions()
        found = []
        for place, one in enumerate(names):
            for other in names[place + 1 :]:
                state, since = self.past.session(one, other)
                found.append(BGPSession(one, other, state, self.revision_at(since)))
        return found

    def _asked_sessions(self) -> list[BGPSession]:
        """Where BGPPeers or a BGPConfiguration say who speaks to whom."""
        found: dict[tuple[str, str], BGPSession] = {}
        for side in bird_sessions(datastore_of(self.facts)):
            if not side.peer:
                continue
            pair = (min(side.node, side.peer), max(side.node, side.peer))
            state, since = self.past.session(*pair)
            known = found.get(pair)
            reflector = side.node if side.client else known.reflector if known else ""
            problem = side.problem or (known.problem if known else "")
            found[pair] = BGPSession(
                *pair, LOST if problem else state, self.revision_at(since), side.kind, reflector, problem
            )
        return list(found.values())

    def blocks(self) -> dict[str, str]:
        """Block -> the node it is affine to."""
        return dict(self.facts.blocks)

    # ---- packets -------------------------------------------------------------------------------

    def send(self, ask: Ask) -> Journey:
        """One packet of a new connection, there and back.

        Raises:
            StatusError: 400 or 404, there is no such source or target.
        """
        return sending.Sender(self).send(ask)

    def distribution(self, ask: Ask, count: int = 1000) -> dict[str, int]:
        """Where so many connections end, each with a chance of its own, from `ask.packet` on."""
        return sending.Sender(self).distribution(ask, count)


class _Machines(Mapping[str, Machine]):
    """Machines by name, made when they are first looked at."""

    def __init__(self, plane: Dataplane) -> None:
        self._plane = plane
        self._made: dict[str, Machine | None] = {}

    def __getitem__(self, name: str) -> Machine:
        if name not in self._made:
            self._made[name] = self._plane.build(name)
        found = self._made[name]
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        facts = self._plane.facts
        yield from facts.nodes
        yield from facts.workloads
        yield from (outside.CLIENT, self._plane.edge, outside.INTERNET)

    def __len__(self) -> int:
        return sum(1 for _ in self)
