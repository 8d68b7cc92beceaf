"""Why a packet went as it did, in Kubernetes' terms: what an engineer would find who looked in the right place.

Models      the usual suspects: no ready endpoints, a targetPort that nobody listens on, NetworkPolicy, an agent that
            does not run, routes withdrawn, MTU
Leaves out  what is seen only over time: packets lost now and then, full tables
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from apps.cluster.dataplane.agents import CALICO, ESTABLISHED, PROXY, UP
from apps.cluster.dataplane.asks import Finding, Journey
from apps.cluster.network.walk import Hop, Walk

if TYPE_CHECKING:
    from apps.cluster.dataplane.dataplane import Dataplane

Obj = dict[str, Any]

_SAID = re.compile(r'--comment "?([^"]+?)"?(?: -|$)')
_POLICY = re.compile(r"(NetworkPolicy|GlobalNetworkPolicy|KubernetesNetworkPolicy) (\S+) (ingress|egress)")


def findings(plane: Dataplane, journey: Journey, ref: str = "") -> tuple[Finding, ...]:
    """Everything there is to say. `ref`: the object that the packet was sent to, as far as it is known."""
    found: dict[Finding | tuple[Any, ...], Finding] = {}
    for one in _all(plane, journey, ref):
        found.setdefault((one.message, tuple(one.params.items()), one.ref), one)
    return tuple(found.values())


def _all(plane: Dataplane, journey: Journey, ref: str) -> Iterator[Finding]:
    if journey.there is None:
        yield from _no_address(plane, journey, ref)
        return
    walk = journey.there
    if walk.end != "delivered":
        yield from _failed(plane, journey, walk, ref)
    elif journey.back is not None and journey.back.end != "delivered":
        yield Finding("finding.answer-lost", {"name": journey.back.machine})
        yield from _failed(plane, journey, journey.back, ref)
    else:
        yield from _hairpin(walk)
    yield from _behind(plane, walk)


def _no_address(plane: Dataplane, journey: Journey, ref: str) -> Iterator[Finding]:
    if journey.dns is not None and journey.lookup is None:
        yield Finding("finding.dns-unreachable", {"name": _asked(journey)}, "services/kube-system/kube-dns")
        yield from _failed(plane, journey, journey.dns, "services/kube-system/kube-dns")
        yield from _behind(plane, journey.dns)
    elif journey.lookup is None:
        yield Finding("finding.outside-resolver", {"name": _asked(journey)})
    else:
        service = plane.facts.table("services").get(ref.partition("/")[2]) if ref.startswith("services/") else None
        if service is not None and service["spec"].get("clusterIP") == "None":
            yield from _endpoints(plane, ref)
        yield Finding("finding.no-such-name", {"name": _asked(journey)})


def _asked(journey: Journey) -> str:
    """What was asked for, without the kind of a ref."""
    return journey.ask.target.removeprefix("services/")


def _failed(plane: Dataplane, journey: Journey, walk: Walk, ref: str) -> Iterator[Finding]:
    last = walk.hops[-1]
    what = last.what.removeprefix("network.")
    facts = plane.facts
    if what in ("dropped", "rejected"):
        yield from _stopped(plane, last, ref)
    elif what == "no-real-server":
        yield from _no_real_server(plane, last)
    elif what == "nobody-listens":
        yield from _nobody_listens(plane, walk, ref)
    elif what in ("no-route", "blackhole", "not-forwarding"):
        yield from _no_way(plane, walk)
    elif what in ("nobody", "no-neighbour"):
        yield Finding("finding.address-of-nobody", {"address": last.after.destination})
    elif what == "machine-down":
        yield Finding("finding.machine-off", {"name": last.machine}, f"nodes/{last.machine}")
        yield from _still_listed(plane, last.machine)
    elif what == "cable-cut":
        yield Finding("finding.cable-cut", {"name": last.machine, "peer": str(last.params.get("machine", ""))})
    elif what == "too-big":
        yield Finding("finding.too-big", {"size": last.params["size"], "mtu": last.params["mtu"]})
    elif what == "no-tunnel":
        yield Finding("finding.no-tunnel", {"name": last.machine}, f"nodes/{last.machine}")
    service = facts.service_at(journey.address)
    if service is not None and not ref:
        yield from _endpoints(plane, f"services/{service[0]}", only_missing=True)


def _stopped(plane: Dataplane, hop: Hop, ref: str) -> Iterator[Finding]:
    """A rule said no."""
    visit = hop.visits[-1] if hop.visits else None
    text = visit.text if visit is not None else ""
    chain = visit.chain if visit is not None else ""
    said = _SAID.search(text)
    comment = said.group(1) if said else ""
    if "has no endpoints" in comment or "has no local endpoints" in comment:
        name = comment.partition(" ")[0].partition(":")[0]
        local = "local" in comment
        yield Finding(
            "finding.no-local-endpoints" if local else "finding.no-endpoints", {"name": name}, f"services/{name}"
        )
        yield from _endpoints(plane, f"services/{name}")
    elif "has no healthy node" in comment:
        name = comment.partition(" ")[0]
        yield Finding("finding.no-healthy-node", {"name": name}, f"services/{name}")
    elif visit is not None and visit.table.endswith(" kube-proxy"):
        yield from _by_nftables(plane, hop)
    elif chain.startswith("cali"):
        yield from _by_calico(plane, hop, chain, comment)
    elif chain == "KUBE-IPVS-FILTER" and (found := plane.facts.service_at(hop.after.destination)) is not None:
        yield _no_virtual_server(hop.machine, found[0])
    else:
        yield Finding("finding.dropped", {"chain": chain, "name": hop.machine})


def _no_real_server(plane: Dataplane, hop: Hop) -> Iterator[Finding]:
    """IPVS has a virtual server, and nobody behind it."""
    packet = hop.after
    found = plane.facts.service_at(packet.destination) or plane.facts.service_on(packet.port)
    if found is None:
        return
    key, service = found
    local = (
        service["spec"].get("internalTrafficPolicy") == "Local"
        and service["spec"].get("clusterIP") == packet.destination
    )
    ready = any(slice_.get("endpoints") for slice_ in plane.facts.slices_of(key))
    message = "finding.no-local-endpoints" if local and ready else "finding.no-endpoints"
    yield Finding(message, {"name": key}, f"services/{key}")
    yield from _endpoints(plane, f"services/{key}")


def _no_virtual_server(node: str, service: str) -> Finding:
    return Finding("finding.no-virtual-server", {"name": node, "service": service}, f"services/{service}")


def _by_nftables(plane: Dataplane, hop: Hop) -> Iterator[Finding]:
    """A verdict of kube-proxy's table: of what element it came tells why."""
    facts, packet = plane.facts, hop.after
    found = facts.service_at(packet.destination) or facts.service_on(packet.port)
    key = found[0] if found is not None else ""
    missing = next((visit.element for visit in hop.visits if "no-endpoint" in visit.element), "")
    if key and missing:
        message = "finding.no-local-endpoints" if "drop" in missing else "finding.no-endpoints"
        yield Finding(message, {"name": key}, f"services/{key}")
        yield from _endpoints(plane, f"services/{key}")
    elif key and any(visit.chain == "cluster-ips-check" and visit.matched for visit in hop.visits):
        params = {"name": hop.machine, "service": key}
        yield Finding("finding.no-rules-for-port", params, f"services/{key}")
    else:
        yield Finding("finding.dropped", {"chain": hop.visits[-1].chain, "name": hop.machine})


def _by_calico(plane: Dataplane, hop: Hop, chain: str, comment: str) -> Iterator[Finding]:
    if "Unknown interface" in comment or "Unknown endpoint" in comment:
        yield Finding("finding.felix-unknown", {"name": hop.machine}, f"nodes/{hop.machine}")
        return
    policies: dict[tuple[str, str], None] = {}
    for visit in hop.visits:
        found = _POLICY.search(visit.text)
        if found:
            policies[found.group(2), found.group(3)] = None
    way = "ingress" if chain.startswith(("cali-tw", "cali-pi", "cali-gi", "cali-pri")) else "egress"
    names = [name for name, side in policies if side == way] or [name for name, _side in policies]
    workload = plane.facts.by_ip.get(hop.after.destination if way == "ingress" else hop.after.source)
    params: dict[str, str | int] = {"name": workload.key if workload is not None else hop.machine}
    if names:
        params["policies"] = ", ".join(names)
        policy = f"networkpolicies/{names[0]}" if "/" in names[0] else ""
        yield Finding(f"finding.policy-{way}", params, policy)
    else:
        yield Finding(f"finding.denied-{way}", params)


def _endpoints(plane: Dataplane, ref: str, *, only_missing: bool = False) -> Iterator[Finding]:
    """Why a Service has no endpoint that could take the packet."""
    key = ref.partition("/")[2]
    facts = plane.facts
    service = facts.table("services").get(key)
    if service is None:
        return
    ready = [
        endpoint
        for slice_ in facts.slices_of(key)
        for endpoint in slice_.get("endpoints") or ()
        if (endpoint.get("conditions") or {}).get("ready") is not False
    ]
    if ready and only_missing:
        return
    selector = service["spec"].get("selector")
    if not selector:
        if not ready:
            yield Finding("finding.no-selector", {"name": key}, ref)
        return
    namespace = key.partition("/")[0]
    chosen = [
        (name, pod)
        for name, pod in facts.table("pods").items()
        if pod["metadata"].get("namespace") == namespace
        and all((pod["metadata"].get("labels") or {}).get(one) == value for one, value in selector.items())
    ]
    text = ",".join(f"{name}={value}" for name, value in selector.items())
    if not chosen:
        yield Finding("finding.selects-nothing", {"name": key, "selector": text}, ref)
        return
    unready = [name for name, pod in chosen if not _ready(pod)]
    if unready:
        yield Finding(
            "finding.not-ready", {"pods": ", ".join(unready[:3]), "count": len(unready)}, f"pods/{unready[0]}"
        )


def _ready(pod: Obj) -> bool:
    return any(
        one["type"] == "Ready" and one["status"] == "True" for one in (pod.get("status") or {}).get("conditions") or ()
    )


def _nobody_listens(plane: Dataplane, walk: Walk, ref: str) -> Iterator[Finding]:
    packet = walk.packet
    workload = plane.facts.by_ip.get(packet.destination)
    service = plane.facts.service_at(packet.destination)
    if workload is None and service is not None and plane.machine(walk.machine).virtual:
        yield _no_virtual_server(walk.machine, service[0])
        return
    if workload is None:
        yield Finding("finding.nothing-on-port", {"name": walk.machine, "port": packet.port})
        return
    listening = plane.machine(workload.key).listens
    ports = ", ".join(str(port) for protocol, port in sorted(listening) if protocol == packet.protocol)
    pod = f"pods/{workload.key}"
    if not ports:
        yield Finding("finding.no-program", {"name": workload.key, "port": packet.port}, pod)
    elif ref.startswith("services/"):
        name = ref.partition("/")[2]
        headless = plane.facts.table("services").get(name, {}).get("spec", {}).get("clusterIP") == "None"
        message = "finding.headless-port" if headless else "finding.wrong-target-port"
        yield Finding(message, {"name": name, "port": packet.port, "listens": ports}, ref)
    else:
        yield Finding("finding.listens-elsewhere", {"name": workload.key, "port": packet.port, "listens": ports}, pod)


def _no_way(plane: Dataplane, walk: Walk) -> Iterator[Finding]:
    """No route, or one that leads nowhere: whose block it is, and what became of the one who should tell of it."""
    hop = walk.hops[-1]
    facts, address = plane.facts, hop.after.destination
    on_the_way = [one.machine for one in walk.hops if one.machine in facts.nodes]
    last = on_the_way[-1] if on_the_way else ""
    if facts.pool_of(address) is None:
        service = facts.service_at(address)
        if service is not None and service[1]["spec"].get("clusterIP") == address:
            if on_the_way:
                node = on_the_way[0]
                state = plane.past.state(node, PROXY)
                yield Finding(
                    "finding.no-rules" if state != UP else "finding.no-rules-for-port",
                    {"name": node, "service": service[0]},
                    f"services/{service[0]}",
                )
            else:
                yield Finding("finding.cluster-ip-outside", {"name": service[0]}, f"services/{service[0]}")
        else:
            yield Finding("finding.no-route", {"name": hop.machine, "address": address})
        return
    owner = facts.blocks.get(facts.block_of(address), "")
    if hop.what == "network.blackhole" or owner == hop.machine:
        yield Finding("finding.address-free", {"address": address, "name": owner or hop.machine})
        return
    if not last:
        yield Finding("finding.pods-unknown-outside", {"address": address})
        return
    if owner:
        for node in (last, owner):
            state = plane.past.state(node, CALICO)
            if state != UP:
                yield Finding("finding.calico-not-running", {"name": node}, f"nodes/{node}")
        session = plane.past.session(last, owner)
        if session.state != ESTABLISHED:
            yield Finding(f"finding.bgp-{session.state}", {"name": last, "peer": owner}, f"nodes/{owner}")
        elif hop.machine not in facts.nodes and not facts.same_subnet(last, owner):
            yield Finding("finding.no-tunnel-between-subnets", {"name": last, "peer": owner, "address": address})
        return
    yield Finding("finding.no-block", {"address": address})


def _still_listed(plane: Dataplane, node: str) -> Iterator[Finding]:
    """A dead machine's Pods are endpoints until the node controller says that they are not ready."""
    obj = plane.facts.table("nodes").get(node)
    if obj is None:
        return
    ready = next((one for one in obj["status"].get("conditions") or () if one["type"] == "Ready"), None)
    if ready is not None and ready["status"] == "True":
        yield Finding("finding.not-noticed", {"name": node}, f"nodes/{node}")


def _hairpin(walk: Walk) -> Iterator[Finding]:
    """A Pod that got its own packet back."""
    if walk.hops and walk.hops[0].machine == walk.machine and "/" in walk.machine and len(walk.hops) > 2:
        yield Finding("finding.hairpin", {"name": walk.machine}, f"pods/{walk.machine}")


def _behind(plane: Dataplane, walk: Walk) -> Iterator[Finding]:
    """Agents on the way that do not hear of changes any more."""
    for machine in dict.fromkeys(hop.machine for hop in walk.hops):
        if machine not in plane.facts.nodes:
            continue
        seen = plane.past.seen(machine, PROXY)
        if seen.state != UP and seen.position is not None:
            revision = plane.revision_at(seen.position)
            yield Finding(f"finding.proxy-{seen.state}", {"name": machine, "revision": revision}, f"nodes/{machine}")
        elif seen.position is None:
            yield Finding("finding.proxy-never", {"name": machine}, f"nodes/{machine}")
        calico = plane.past.state(machine, CALICO)
        if calico and calico != UP:
            yield Finding(f"finding.calico-{calico}", {"name": machine}, f"nodes/{machine}")
