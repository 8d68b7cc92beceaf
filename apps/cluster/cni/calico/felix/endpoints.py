"""The chains of a workload: what comes to it and what goes from it, through each tier's policies, then its profiles.

Models      felix/rules/endpoints.go (WorkloadEndpointToIptablesChains, PolicyGroup), felix/rules/policy.go
            (PolicyToIptablesChains, ProfileToIptablesChains)
Leaves out  host endpoints, QoS, flow logs
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha3_224
from typing import NamedTuple

from apps.cluster.cni.calico.felix.names import ENDPOINT, GROUP, KINDS, LONGEST_CHAIN, POLICY, PROFILE, encoded, limited
from apps.cluster.cni.calico.felix.rules import Marks, ParsedRule, rendered

Chains = dict[str, tuple[str, ...]]
WAYS = ("ingress", "egress")
VXLAN_PORT = 4789


class PolicyID(NamedTuple):
    kind: str
    name: str
    namespace: str = ""

    @property
    def short(self) -> str:
        middle = f"{self.namespace}/" if self.namespace else ""
        return f"{KINDS.get(self.kind, self.kind)}/{middle}{self.name}"

    @property
    def staged(self) -> bool:
        return self.kind.startswith("Staged")

    def __str__(self) -> str:
        return f"{{Name: {self.name}, Namespace: {self.namespace}, Kind: {self.kind}}}"


class Group(NamedTuple):
    """Policies of a tier that follow one another and have the same selector: if more than one, a chain of their own."""

    policies: tuple[PolicyID, ...]
    selector: str = ""

    @property
    def enforced(self) -> tuple[PolicyID, ...]:
        return tuple(policy for policy in self.policies if not policy.staged)

    def chain(self, way: str) -> str:
        direction = {"ingress": "inbound", "egress": "outbound"}[way]
        told = [self.selector, direction, str(len(self.policies)), *map(str, self.policies)]
        digest = sha3_224("".join(f"{one}\n" for one in told).encode()).digest()
        return GROUP[way] + encoded(digest)[: LONGEST_CHAIN - len(GROUP[way])]


class Tier(NamedTuple):
    name: str
    groups: tuple[tuple[Group, ...], tuple[Group, ...]]  # of what comes in, of what goes out
    default_action: str = "Deny"


def policy_chains(
    policy: PolicyID, rules: tuple[Iterable[ParsedRule], Iterable[ParsedRule]], family: int, marks: Marks
) -> Chains:
    """The two chains of a policy; of one that is only staged, none."""
    if policy.staged:
        return {}
    where = f"{policy.namespace}/{policy.name}" if policy.namespace else policy.name
    return {
        limited(POLICY[way], policy.short): tuple(rendered(those, family, marks, f"{policy.kind} {where} {way}"))
        for way, those in zip(WAYS, rules, strict=True)
    }


def profile_chains(
    name: str, rules: tuple[Iterable[ParsedRule], Iterable[ParsedRule]], family: int, marks: Marks
) -> Chains:
    return {
        limited(PROFILE[way], name): tuple(rendered(those, family, marks, f"Profile {name} {way}"))
        for way, those in zip(WAYS, rules, strict=True)
    }


def group_chain(group: Group, way: str, marks: Marks) -> Chains:
    """A group's chain: its policies until one decides. Every fifth jump is preceded by a way out."""
    both = marks.accept | marks.passed
    rules: list[str] = []
    for place, policy in enumerate(group.enforced):
        jump = f"--jump {limited(POLICY[way], policy.short)}"
        if place % 5:
            rules.append(f"-m mark --mark 0/{both:#x} {jump}")
            continue
        if place:
            words = '-m comment --comment "Return on verdict"'
            rules.append(f"{words} -m mark ! --mark 0/{both:#x} --jump RETURN")
        rules.append(jump)
    return {group.chain(way): tuple(rules)}


def workload_chains(
    interface: str, tiers: Sequence[Tier], profiles: Sequence[str], marks: Marks, *, up: bool = True
) -> Chains:
    """The two chains of a workload's interface, and those of its groups of policies."""
    found: Chains = {}
    for place, way in enumerate(WAYS):
        name = limited(ENDPOINT[way], interface)
        found[name] = tuple(_endpoint(way, place, tiers, profiles, marks) if up else [_said("Endpoint admin disabled")])
        for tier in tiers:
            for group in tier.groups[place]:
                if len(group.enforced) > 1:
                    found |= group_chain(group, way, marks)
    return found


def _said(words: str, match: str = "", jump: str = "--jump DROP") -> str:
    return " ".join(part for part in (f'-m comment --comment "{words}"', match, jump) if part)


def _endpoint(way: str, place: int, tiers: Sequence[Tier], profiles: Sequence[str], marks: Marks) -> list[str]:
    accepted, not_passed = f"-m mark --mark {marks.accept:#x}/{marks.accept:#x}", f"-m mark --mark 0/{marks.passed:#x}"
    rules = [
        "-m conntrack --ctstate RELATED,ESTABLISHED --jump ACCEPT",
        "-m conntrack --ctstate INVALID --jump DROP",
        f"--jump MARK --set-mark 0/{marks.accept | marks.passed:#x}",
    ]
    if way == "egress":  # what is wrapped up before it is sent would pass by the policies
        ports = f"-p 17 -m multiport --destination-ports {VXLAN_PORT}"
        rules.append(_said("Drop VXLAN encapped packets originating in workloads", ports))
        rules.append(_said("Drop IPinIP encapped packets originating in workloads", "-p 4"))
    for tier in tiers:
        groups = tier.groups[place]
        if not groups:
            continue
        rules.append(_said(f"Start of tier {tier.name}", jump=f"--jump MARK --set-mark 0/{marks.passed:#x}"))
        enforced = [group for group in groups if group.enforced]
        for group in enforced:
            only = limited(POLICY[way], group.enforced[0].short)
            rules.append(f"{not_passed} --jump {group.chain(way) if len(group.enforced) > 1 else only}")
            rules.append(_said("Return if policy accepted", accepted, "--jump RETURN"))
        if enforced and tier.default_action != "Pass":
            rules.append(_said(f"End of tier {tier.name}. Drop if no policies passed packet", not_passed))
    for profile in profiles:
        rules.append(f"--jump {limited(PROFILE[way], profile)}")
        rules.append(_said("Return if profile accepted", accepted, "--jump RETURN"))
    return [*rules, _said("Drop if no profiles matched")]
