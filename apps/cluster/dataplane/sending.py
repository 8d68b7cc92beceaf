"""From what a reader asks to a packet's way: who sends it, which name becomes which address, there and back.

Models      getaddrinfo with the Pod's resolv.conf, the question to CoreDNS as a packet of its own, connect()
Leaves out  caches of names; CoreDNS knows at once what the API server knows; names outside the cluster all have one
            address
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import lcm
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

from apps.cluster.apimachinery.status import bad_request, not_found
from apps.cluster.coredns import Zone
from apps.cluster.coredns.resolver import Lookup, ResolvConf, lookup, resolv_conf
from apps.cluster.dataplane import balancing, outside
from apps.cluster.dataplane.asks import BALANCER, CLIENT, Ask, Finding, Journey
from apps.cluster.dataplane.facts import Facts
from apps.cluster.dataplane.findings import findings
from apps.cluster.engine.randomness import Randomness
from apps.cluster.network.addresses import family_of
from apps.cluster.network.machine import World
from apps.cluster.network.packet import Packet
from apps.cluster.network.walk import EPHEMERAL, HEADERS, Walk, answer, send

if TYPE_CHECKING:
    from apps.cluster.dataplane.dataplane import Dataplane

Obj = dict[str, Any]

DNS_SERVICE, DNS_PORT, WEB_PORT = "kube-system/kube-dns", 53, 80
PROTOCOLS = ("tcp", "udp", "sctp", "icmp")
PORTS = 28_000  # source ports that are told apart
LARGEST = 65_535
MOST = 10_000  # packets of one distribution
SCALE = 1 << 30


class Target(NamedTuple):
    """Whom a packet is to be sent to. `name`: what has to be looked up first, "" for nothing."""

    name: str
    address: str
    port: int
    ref: str = ""
    protocol: str = ""


class Sender:
    """Sends packets through one data plane."""

    def __init__(self, plane: Dataplane) -> None:
        self.plane = plane
        self.facts: Facts = plane.facts

    # ---- one packet ----------------------------------------------------------------------------

    def send(self, ask: Ask) -> Journey:
        self._check(ask)
        start, problem = self._source(ask.source)
        target, wrong = self._target(ask, start)
        journey = Journey(ask, target.address, target.port)
        missing = problem or wrong
        if missing is not None:
            return journey._replace(findings=(missing,))
        if target.name:
            found = self._look_up(ask, start, target.name)
            journey = journey._replace(**found)
            if not journey.address:
                return journey._replace(findings=findings(self.plane, journey, target.ref))
        there, back = self._both_ways(self.plane.world(), start, ask, journey.address, target)
        journey = journey._replace(port=target.port, there=there, back=back)
        return journey._replace(findings=findings(self.plane, journey, target.ref))

    def _both_ways(self, world: World, start: str, ask: Ask, address: str, target: Target) -> tuple[Walk, Walk | None]:
        protocol = target.protocol or ask.protocol
        packet, size = _packet(ask, address, target.port, protocol), ask.size or HEADERS
        there = send(world, start, packet, self._chance(ask), size=size, turn=ask.packet)
        if there.end != "delivered":
            return there, None
        return there, answer(world, there, self._chance(ask), size=size)

    def _chance(self, ask: Ask) -> Callable[[float], bool]:
        return _chance(self.plane.settings.seed, ask)

    def _check(self, ask: Ask) -> None:
        if ask.protocol not in PROTOCOLS:
            raise bad_request(f"protocol: must be one of {', '.join(PROTOCOLS)}")
        if not 0 <= ask.port <= LARGEST:
            raise bad_request(f"port: must be between 1 and {LARGEST}")
        if not 0 <= ask.size <= LARGEST or 0 < ask.size < HEADERS:
            raise bad_request(f"size: must be between {HEADERS} and {LARGEST} bytes")
        if not 0 <= ask.packet < 1 << 31:
            raise bad_request("packet: must not be negative")

    # ---- who, and to whom ----------------------------------------------------------------------

    def _source(self, source: str) -> tuple[str, Finding | None]:
        """The machine that sends, and why it cannot."""
        if source == CLIENT:
            return outside.CLIENT, None
        if source == BALANCER:
            if self.plane.edge != outside.BALANCER:
                raise bad_request("source: this cluster has no load balancer")
            return outside.BALANCER, None
        kind, _, key = source.partition("/")
        if kind == "nodes" and key in self.facts.nodes:
            return key, None
        if kind == "pods":
            pod = self.facts.table("pods").get(key)
            if pod is None:
                raise not_found("pods", key.partition("/")[2] or key)
            if key in self.facts.workloads and self._runs(pod):
                return key, None
            if pod["spec"].get("hostNetwork") and pod["spec"].get("nodeName") in self.facts.nodes:
                return pod["spec"]["nodeName"], None
            return key, Finding("finding.source-not-running", {"name": key}, source)
        if kind == "nodes":
            raise not_found("nodes", key)
        raise bad_request('source: must be "pods/namespace/name", "nodes/name", "client" or "balancer"')

    def _runs(self, pod: Obj) -> bool:
        statuses = (pod.get("status") or {}).get("containerStatuses") or ()
        return any("running" in (status.get("state") or {}) for status in statuses)

    def _target(self, ask: Ask, start: str) -> tuple[Target, Finding | None]:
        kind, slash, key = ask.target.partition("/")
        if slash and kind == "pods":
            return self._pod(ask, key)
        if slash and kind == "services":
            return self._service(ask, key, start)
        if slash and kind == "nodes":
            if key not in self.facts.nodes:
                raise not_found("nodes", key)
            return Target("", self.facts.address(key), ask.port or WEB_PORT, ask.target), None
        return self._typed(ask, start)

    def _pod(self, ask: Ask, key: str) -> tuple[Target, Finding | None]:
        pod = self.facts.table("pods").get(key)
        if pod is None:
            raise not_found("pods", key.partition("/")[2] or key)
        ref = f"pods/{key}"
        ip = (pod.get("status") or {}).get("podIP") or ""
        protocol = ask.protocol.upper()
        ports = [port for one in pod["spec"].get("containers") or () for port in one.get("ports") or ()]
        fits = [int(port["containerPort"]) for port in ports if port.get("protocol", "TCP") == protocol]
        port = ask.port or next(iter(fits), WEB_PORT)
        if not ip:
            return Target("", "", port, ref), Finding("finding.target-no-address", {"name": key}, ref)
        return Target("", ip, port, ref), None

    def _service(self, ask: Ask, key: str, start: str) -> tuple[Target, Finding | None]:
        service = self.facts.table("services").get(key)
        if service is None:
            raise not_found("services", key.partition("/")[2] or key)
        ref, spec = f"services/{key}", service["spec"]
        namespace, _, name = key.partition("/")
        ports = spec.get("ports") or ()
        chosen = next((one for one in ports if ask.port and one["port"] == ask.port), None)
        if chosen is None and not ask.port:
            fits = [one for one in ports if one.get("protocol", "TCP").lower() == ask.protocol]
            chosen = next(iter(fits or ports), None)
        port = int(chosen["port"]) if chosen else ask.port or WEB_PORT
        asked = ask.port or ask.protocol == "icmp"  # a ping has no port, and stays one
        protocol = ask.protocol if asked or not chosen else chosen.get("protocol", "TCP").lower()
        if "/" in start:  # a Pod asks for the name, as short as its own namespace lets it
            home = start.partition("/")[0]
            return Target(name if home == namespace else f"{name}.{namespace}", "", port, ref, protocol), None
        if start not in (CLIENT, BALANCER):
            address = spec.get("clusterIP") or ""
            if address not in ("", "None"):
                return Target("", address, port, ref, protocol), None
            return Target("", "", port, ref), Finding("finding.no-cluster-ip", {"name": key}, ref)
        addresses = [*balancing.given(service), *(spec.get("externalIPs") or ())]
        if addresses:
            return Target("", addresses[0], port, ref, protocol), None
        node_port = int((chosen or {}).get("nodePort") or 0)
        if node_port:
            workers = [
                node
                for node in self.facts.nodes
                if self.facts.machines[node].role == "worker" and self.facts.machines[node].power == "on"
            ]
            node = next(iter(workers or self.facts.nodes), "")
            return Target("", self.facts.address(node) if node else "", node_port, ref, protocol), None
        address = spec.get("clusterIP") or ""
        if address in ("", "None"):
            return Target("", "", port, ref), Finding("finding.no-outside-address", {"name": key}, ref)
        return Target("", address, port, ref, protocol), None

    def _typed(self, ask: Ask, start: str) -> tuple[Target, Finding | None]:
        text = ask.target.strip()
        if not text or len(text) > 253 or any(letter.isspace() or letter in '/?#@"<>' for letter in text):
            raise bad_request("target: must be a Pod, a Service, a node, a name or an address")
        port = ask.port or WEB_PORT
        try:
            if family_of(text) == 4:
                return Target("", text, port), None
        except ValueError:
            pass
        if ":" in text:
            raise bad_request("target: only IPv4 addresses, and names; the port has a field of its own")
        return Target(text, "", port), None

    # ---- names ---------------------------------------------------------------------------------

    def _look_up(self, ask: Ask, start: str, name: str) -> Mapping[str, Any]:
        """Fields of the Journey: what was asked and answered, how the question went, the address."""
        pod = self.facts.table("pods").get(start) if "/" in start else None
        facts = self.facts
        service = facts.table("services").get(DNS_SERVICE)
        server = service["spec"].get("clusterIP", "") if service is not None else ""
        host = ResolvConf((outside.INTERNET_IP,), ())
        conf = resolv_conf(pod, dns=server, host=host) if pod is not None else host
        zone = Zone(facts.table("services"), facts.table("endpointslices").values(), list(facts.table("namespaces")))
        if conf.nameservers and conf.nameservers[0] == server:
            question = Ask(ask.source, server, DNS_PORT, "udp", ask.packet)
            target = Target("", server, DNS_PORT)
            way, back = self._both_ways(self.plane.world(), start, question, server, target)
            if way.end != "delivered" or back is None or back.end != "delivered":
                return {"dns": way if way.end != "delivered" or back is None else back}
            found = lookup(zone, name, conf)
            return {"dns": way, "lookup": found, "address": self._address(found, ask.packet)}
        inside = lookup(zone, name, conf)
        inside = Lookup(inside.questions[-1:]) if inside.questions else inside
        address = outside.address_of(inside.questions[-1].answer.outside) if inside.questions else ""
        if address:
            return {"lookup": inside, "address": address}
        return {"lookup": None}  # whom this machine asks knows nothing of the cluster's names

    def _address(self, found: Lookup, packet: int) -> str:
        """One of the addresses: a headless Service has many, and CoreDNS turns them round."""
        addresses = [address for address in found.addresses if family_of(address) == 4]
        if addresses:
            return addresses[packet % len(addresses)]
        last = found.questions[-1].answer if found.questions else None
        return outside.address_of(last.outside) if last is not None and last.outside else ""

    # ---- many packets --------------------------------------------------------------------------

    def distribution(self, ask: Ask, count: int) -> dict[str, int]:
        """Where they end: a Pod's or machine's name, or how it failed."""
        if not 1 <= count <= MOST:
            raise bad_request(f"count: must be between 1 and {MOST}")
        self._check(ask)
        start, problem = self._source(ask.source)
        target, wrong = self._target(ask, start)
        if problem is not None or wrong is not None:
            return {}
        ends: dict[str, int] = {}
        world = self.plane.world()
        known = _Known()
        addresses: list[str] = [target.address]
        if target.name:
            found = self._look_up(ask, start, target.name)
            names: Lookup | None = found.get("lookup")
            if not found.get("address"):
                return {}
            addresses = [one for one in names.addresses if family_of(one) == 4] if names else []
            addresses = addresses or [found["address"]]
        for number in range(ask.packet, ask.packet + count):
            one = ask._replace(packet=number)
            address = addresses[number % len(addresses)]
            end, world = self._end(world, start, one, address, target, known)
            ends[end] = ends.get(end, 0) + 1
        return ends

    def _end(
        self, world: World, start: str, ask: Ask, address: str, target: Target, known: _Known
    ) -> tuple[str, World]:
        """Ways that chance has chosen before are not walked again, unless a kernel remembers this one (affinity)."""
        chance = self._chance(ask)
        tree = known.tree(address, ask.packet)
        end = tree.end(chance)
        if end is not None:
            return end, world
        drawn: list[tuple[float, bool]] = []
        again = self._chance(ask)

        def noted(probability: float) -> bool:
            happens = again(probability)
            drawn.append((probability, happens))
            return happens

        protocol = target.protocol or ask.protocol
        size = ask.size or HEADERS
        walk = send(world, start, _packet(ask, address, target.port, protocol), noted, size=size, turn=ask.packet)
        fresh = {
            name: lists
            for name, lists in walk.recent.items()
            if any(sources - world.machines[name].recent.get(one, frozenset()) for one, sources in lists.items())
        }
        told = walk.machine if walk.end == "delivered" else walk.why
        if not fresh:
            known.learn(address, ask.packet, walk.turns, drawn, told)
            return told, world
        known.trees.clear()
        changed = {
            name: world.machines[name]._replace(recent={**world.machines[name].recent, **lists})
            for name, lists in fresh.items()
        }
        return told, world._replace(machines=_Over(changed, world.machines))


class _Over(Mapping[str, Any]):
    """Some machines changed, the others as they were."""

    def __init__(self, changed: Mapping[str, Any], below: Mapping[str, Any]) -> None:
        self._changed, self._below = changed, below

    def __getitem__(self, name: str) -> Any:
        return self._changed[name] if name in self._changed else self._below[name]

    def __iter__(self) -> Any:
        return iter(self._below)

    def __len__(self) -> int:
        return len(self._below)


class _Known:
    """Ways walked so far, by the address that was asked for and by whose turn it was at IPVS."""

    def __init__(self) -> None:
        self.turns = 1
        self.trees: dict[tuple[str, int], _Tree] = {}

    def tree(self, address: str, packet: int) -> _Tree:
        return self.trees.setdefault((address, packet % self.turns), _Tree())

    def learn(self, address: str, packet: int, turns: int, drawn: list[tuple[float, bool]], end: str) -> None:
        both = lcm(self.turns, turns)
        if both != self.turns:  # what was learnt of fewer turns says nothing of more
            self.turns = both
            self.trees.clear()
        self.tree(address, packet).learn(drawn, end)


class _Tree:
    """What chance was asked on the ways walked so far, and where each ended."""

    def __init__(self) -> None:
        self._probability = 0.0
        self._end: str | None = None
        self._sides: dict[bool, _Tree] = {}

    def end(self, chance: Callable[[float], bool]) -> str | None:
        node: _Tree | None = self
        while node is not None:
            if node._end is not None or not node._sides:
                return node._end
            node = node._sides.get(chance(node._probability))
        return None

    def learn(self, drawn: list[tuple[float, bool]], end: str) -> None:
        node = self
        for probability, happens in drawn:
            node._probability = probability
            node = node._sides.setdefault(happens, _Tree())
        node._end = end


def _packet(ask: Ask, address: str, port: int, protocol: str) -> Packet:
    source_port = 0 if protocol == "icmp" else EPHEMERAL + ask.packet % PORTS
    return Packet("", address, protocol, 0 if protocol == "icmp" else port, source_port)


def _chance(seed: int, ask: Ask) -> Callable[[float], bool]:
    """The same packet of the same scenario falls the same way every time."""
    words = f"{seed} {ask.source} {ask.target} {ask.packet}".encode()
    randomness = Randomness(crc32(words))
    return lambda probability: randomness.below(SCALE) < probability * SCALE
