"""All that Felix programs into the iptables and ipsets of one node, worked out of the resources at one moment.

`Calculation(objects).node(name)`. What all nodes share (endpoints, policies in their order, sets) is made once.

Models      felix/calc (ActiveRulesCalculator, PolicySorter, PolicyResolver, RuleScanner), felix/dataplane/linux
            (endpoint_mgr.go, policy_mgr.go, masq_mgr.go, ipip_mgr.go, vxlan_mgr.go)
Leaves out  host endpoints, and policies before DNAT or without conntrack, which are theirs alone; staged policies' logs
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_network
from math import inf
from typing import Any, NamedTuple

from apps.cluster.apimachinery.meta import Obj
from apps.cluster.cni.calico import selector
from apps.cluster.cni.calico.bird.datastore import node_fields
from apps.cluster.cni.calico.bird.nodes import calico_node
from apps.cluster.cni.calico.conversion import (
    namespace_profile,
    network_policy,
    service_account_profile,
    workload_endpoint,
)
from apps.cluster.cni.calico.felix.encapsulation import EncapsulationCalculator
from apps.cluster.cni.calico.felix.endpoints import (
    Chains,
    Group,
    PolicyID,
    Tier,
    policy_chains,
    profile_chains,
    workload_chains,
)
from apps.cluster.cni.calico.felix.forwarding import (
    HOSTS,
    MASQUERADED,
    POOLS,
    VXLAN_HOSTS,
    NodeRules,
    ends,
    filter_table,
    jumps,
    nat_table,
)
from apps.cluster.cni.calico.felix.ipvs import THIS_HOST
from apps.cluster.cni.calico.felix.names import set_name
from apps.cluster.cni.calico.felix.rules import ParsedRule
from apps.cluster.cni.calico.felix.scanner import SetData, parsed, policy_selector
from apps.cluster.cni.calico.felix.sets import Endpoint, endpoint_of, members, network_set, service_members

Objects = Mapping[str, Mapping[str, Obj]]  # resource -> "namespace/name" -> object
WAYS = ("ingress", "egress")
DEFAULT_TIER = "default"
TIER_ORDERS = {"kube-admin": 1_000.0, "default": 1_000_000.0, "kube-baseline": 10_000_000.0}
TIER_ACTIONS = {"kube-admin": "Pass", "kube-baseline": "Pass"}
NOTHING: Mapping[str, Obj] = {}


class Programmed(NamedTuple):
    """`chains`: table -> Felix' own; `jumps`: table -> the kernel's chain -> rules at its head, `ends`: at its end."""

    chains: dict[str, Chains]
    jumps: dict[str, Chains]
    ends: dict[str, Chains]
    sets: dict[str, frozenset[str]]
    interfaces: tuple[str, ...]  # of the workloads

    def with_others(self, others: Mapping[str, Mapping[str, tuple[str, ...]]]) -> dict[str, Chains]:
        """All tables of a machine: Felix puts its rules before those that are in the kernel's chains already."""
        found: dict[str, Chains] = {}
        for table in dict.fromkeys((*others, *self.chains)):
            theirs = others.get(table, {})
            first, last = self.jumps.get(table, {}), self.ends.get(table, {})
            found[table] = {
                chain: (*first.get(chain, ()), *theirs.get(chain, ()), *last.get(chain, ()))
                for chain in dict.fromkeys((*first, *theirs, *last))
            }
            found[table] |= self.chains.get(table, {})
        return found


class Policy(NamedTuple):
    """A policy with its rules scanned."""

    id: PolicyID
    tier: str
    order: float
    selector: str
    governs: tuple[bool, bool]  # what comes in, what goes out
    rules: tuple[tuple[ParsedRule, ...], tuple[ParsedRule, ...]]
    sets: tuple[SetData, ...]


class Workload(NamedTuple):
    node: str
    interface: str
    profiles: tuple[str, ...]
    endpoint: Endpoint


def tables(node: str, objects: Objects, *, rules: NodeRules | None = None, family: int = 4) -> Programmed:
    """What Felix programs on one node. Who asks of several keeps the Calculation."""
    return Calculation(objects, rules=rules, family=family).node(node)


class Calculation:
    """`rules` says what no resource does: marks, what becomes of packets to the host; its tunnels and natOutgoing are
    the pools' to decide."""

    def __init__(self, objects: Objects, *, rules: NodeRules | None = None, family: int = 4) -> None:
        self.family = family
        self._slices = list(objects.get("endpointslices", NOTHING).values())
        self._profiles = {
            profile["metadata"]["name"]: profile
            for profile in (
                *map(namespace_profile, objects.get("namespaces", NOTHING).values()),
                *map(service_account_profile, objects.get("serviceaccounts", NOTHING).values()),
                *calicos(objects, "profiles"),
            )
        }
        self._workloads = [self._workload(pod) for pod in objects.get("pods", NOTHING).values() if has_own_network(pod)]
        self._endpoints = [one.endpoint for one in self._workloads]
        for plural in ("networksets", "globalnetworksets"):
            self._endpoints += [network_set(obj, self._profiles) for obj in calicos(objects, plural)]
        self._tiers = {obj["metadata"]["name"]: obj.get("spec") or {} for obj in calicos(objects, "tiers")}
        self._policies = sorted(self._all_policies(objects), key=self._place)
        self._pools = [pool["spec"] for pool in calicos(objects, "ippools")]
        self._nodes = objects.get("nodes", NOTHING)
        self._hosts = self._addresses_of_nodes(objects)
        self._members: dict[str, frozenset[str]] = {}
        self.rules = (rules or NodeRules())._replace(
            tunnels=self._tunnels(), nat_outgoing=any(pool.get("natOutgoing") for pool in self._pools)
        )

    def node(self, name: str) -> Programmed:
        local = [one for one in self._workloads if one.node == name]
        marks = self.rules.marks
        interfaces = tuple(sorted(one.interface for one in local))
        chains: Chains = {}
        sets: dict[str, frozenset[str]] = {}
        used: dict[PolicyID, Policy] = {}
        profiles: dict[str, None] = {}
        for one in sorted(local, key=lambda one: one.interface):
            mine = [policy for policy in self._policies if selector.parse(policy.selector).matches(one.endpoint.labels)]
            used.update((policy.id, policy) for policy in mine)
            profiles.update(dict.fromkeys(one.profiles))
            chains |= workload_chains(one.interface, self._grouped(mine), one.profiles, marks)
        for policy in used.values():
            chains |= policy_chains(policy.id, policy.rules, self.family, marks)
            sets |= self._sets(policy.sets)
        for profile in profiles:
            both, needed = self._scanned(self._profiles.get(profile, {}).get("spec") or {}, "")
            chains |= profile_chains(profile, both, self.family, marks)
            sets |= self._sets(needed)
        base = filter_table(self.rules, interfaces, self.family)
        return Programmed(
            {"filter": {**base, **chains}, "nat": nat_table(self.rules, self.family)},
            jumps(),
            ends(marks),
            {**self._own_sets(name), **sets},
            interfaces,
        )

    # ---- what there is -------------------------------------------------------------------------

    def _workload(self, pod: Obj) -> Workload:
        made = workload_endpoint(pod)
        spec = made["spec"]
        return Workload(spec["node"], spec["interfaceName"], tuple(spec["profiles"]), endpoint_of(made, self._profiles))

    def _all_policies(self, objects: Objects) -> Iterable[Policy]:
        for obj in objects.get("networkpolicies", NOTHING).values():
            yield self._policy("KubernetesNetworkPolicy", network_policy(obj))
        for plural, kind in (("networkpolicies", "NetworkPolicy"), ("globalnetworkpolicies", "GlobalNetworkPolicy")):
            for obj in calicos(objects, plural):
                spec = obj.get("spec") or {}
                if not spec.get("doNotTrack") and not spec.get("preDNAT"):
                    yield self._policy(kind, obj)

    def _policy(self, kind: str, obj: Obj) -> Policy:
        metadata, spec = obj["metadata"], obj.get("spec") or {}
        namespace = metadata.get("namespace", "")
        types = spec.get("types") or default_types(spec)
        rules, sets = self._scanned(spec, namespace)
        return Policy(
            PolicyID(kind, metadata["name"], namespace),
            spec.get("tier") or DEFAULT_TIER,
            inf if spec.get("order") is None else float(spec["order"]),
            policy_selector(obj),
            ("Ingress" in types, "Egress" in types),
            rules,
            sets,
        )

    def _scanned(
        self, spec: Obj, namespace: str
    ) -> tuple[tuple[tuple[ParsedRule, ...], tuple[ParsedRule, ...]], tuple[SetData, ...]]:
        found = [[parsed(rule, namespace) for rule in spec.get(way) or ()] for way in WAYS]
        sets = tuple(data for way in found for _rule, needed in way for data in needed)
        return (tuple(rule for rule, _sets in found[0]), tuple(rule for rule, _sets in found[1])), sets

    def _place(self, policy: Policy) -> tuple[Any, ...]:
        """Tier by tier, then by order; those without one last."""
        given = self._tiers.get(policy.tier, {}).get("order")
        tier = TIER_ORDERS.get(policy.tier, inf) if given is None else float(given)
        id_ = policy.id
        return tier, policy.tier, policy.order, f"{id_.name}/{id_.namespace}/{id_.kind}"

    def _grouped(self, policies: Iterable[Policy]) -> list[Tier]:
        """The policies of one workload, tier by tier: those that follow one another with one selector are a group."""
        by_tier: dict[str, list[Policy]] = {}
        for policy in policies:
            by_tier.setdefault(policy.tier, []).append(policy)
        return [
            Tier(name, (_groups(mine, 0), _groups(mine, 1)), self._default_action(name))
            for name, mine in by_tier.items()
        ]

    def _default_action(self, tier: str) -> str:
        return str(self._tiers.get(tier, {}).get("defaultAction") or TIER_ACTIONS.get(tier, "Deny"))

    # ---- sets ----------------------------------------------------------------------------------

    def _sets(self, needed: Iterable[SetData]) -> dict[str, frozenset[str]]:
        for data in needed:
            if data.id not in self._members:
                self._members[data.id] = (
                    service_members(data, self._slices, self.family)
                    if data.service
                    else members(data, self._endpoints, self.family)
                )
        return {set_name(data.id, self.family): self._members[data.id] for data in needed}

    def _own_sets(self, node: str) -> dict[str, frozenset[str]]:
        pools = [pool for pool in self._pools if ip_network(pool["cidr"], strict=False).version == self.family]
        pools = [pool for pool in pools if (pool.get("allowedUses") or [""]) != ["LoadBalancer"]]
        found = {
            POOLS: frozenset(pool["cidr"] for pool in pools),
            MASQUERADED: frozenset(pool["cidr"] for pool in pools if pool.get("natOutgoing")),
        }
        if self.rules.ipvs:
            found[THIS_HOST] = frozenset(self._addresses_of(node))
        if "ipip" in self.rules.tunnels and self.family == 4:
            found[HOSTS] = frozenset(self._hosts.values())
        if ("vxlan" if self.family == 4 else "vxlan_v6") in self.rules.tunnels:
            found[VXLAN_HOSTS] = frozenset(at for other, at in self._hosts.items() if other != node)
        return {set_name(id_, self.family): those for id_, those in found.items()}

    def _tunnels(self) -> tuple[str, ...]:
        calculator = EncapsulationCalculator()
        for pool in self._pools:
            calculator.pool(pool)
        result = calculator.result()
        found = (("ipip", result.ipip), ("vxlan", result.vxlan), ("vxlan_v6", result.vxlan6))
        return tuple(name for name, on in found if on)

    def _addresses_of_nodes(self, objects: Objects) -> dict[str, str]:
        """Each node's address in the family: what calico/node has noted, or else its InternalIP."""
        found = {}
        for name, node in objects.get("nodes", NOTHING).items():
            address = node_fields(calico_node(node)).address(self.family) or self._internal(node)
            if address:
                found[name] = address
        return found

    def _addresses_of(self, node: str) -> Iterable[str]:
        """What the interfaces of a node have, but for kube-ipvs0."""
        yield "127.0.0.1" if self.family == 4 else "::1"
        yield from (self._hosts[node] for _once in range(node in self._hosts))
        spec = calico_node(self._nodes[node])["spec"] if node in self._nodes else {}
        tunnels = (
            (spec.get("bgp") or {}).get("ipv4IPIPTunnelAddr"),
            spec.get("ipv4VXLANTunnelAddr"),
            spec.get("ipv6VXLANTunnelAddr"),
        )
        yield from (address for address in tunnels if address and (":" in address) == (self.family == 6))

    def _internal(self, node: Obj) -> str:
        told = (node.get("status") or {}).get("addresses") or ()
        mine = (one["address"] for one in told if one["type"] == "InternalIP")
        return next((address for address in mine if (":" in address) == (self.family == 6)), "")


def calicos(objects: Objects, plural: str) -> Iterable[Obj]:
    """The objects of one of Calico's own resources, in whichever group they are served; by name."""
    found = [
        obj
        for resource, those in objects.items()
        if resource.partition(".")[0] == plural and "projectcalico.org" in (resource if "." in resource else _of(those))
        for obj in those.values()
    ]
    return sorted(found, key=lambda obj: (obj["metadata"].get("namespace", ""), obj["metadata"]["name"]))


def _of(those: Mapping[str, Obj]) -> str:
    """The group of the first of some objects."""
    first = next(iter(those.values()), None)
    return "" if first is None else str(first.get("apiVersion", ""))


def default_types(spec: Obj) -> list[str]:
    """What a policy of Calico's that does not say governs: that of which it has rules; without any what comes in."""
    if spec.get("egress"):
        return ["Ingress", "Egress"] if spec.get("ingress") else ["Egress"]
    return ["Ingress"]


def has_own_network(pod: Obj) -> bool:
    """Whether a Pod is a workload: on a node, with an address that is not the node's, and not at its end."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    ended = status.get("phase") in ("Succeeded", "Failed")
    return bool(spec.get("nodeName") and status.get("podIP")) and not spec.get("hostNetwork") and not ended


def _groups(policies: Iterable[Policy], place: int) -> tuple[Group, ...]:
    found: list[Group] = []
    for policy in policies:
        if not policy.governs[place]:
            continue
        if found and found[-1].selector == policy.selector:
            found[-1] = found[-1]._replace(policies=(*found[-1].policies, policy.id))
        else:
            found.append(Group((policy.id,), policy.selector))
    return tuple(found)
