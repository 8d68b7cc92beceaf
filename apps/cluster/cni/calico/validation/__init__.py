"""Validation of Calico's resources: `validate(obj)` says what is wrong with one, `validate_part(type, it)` with a part.

Models      libcalico-go/lib/validator/v3, the custom resource definitions in api/config/crd
Leaves out  rules about what was there before (a pool's CIDR cannot be changed); StagedKubernetesNetworkPolicy
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from apps.cluster.apimachinery.meta import Obj
from apps.cluster.cni.calico.validation import ports, resources, rules
from apps.cluster.cni.calico.validation.schema import TYPES, Problem, problems

RULES: dict[str, Callable[[Obj, bool], Iterator[str]]] = {
    "Rule": rules.rule,
    "EntityRule": rules.entity,
    "ICMPFields": rules.icmp,
    "HTTPMatch": rules.http,
    "RuleMetadata": rules.annotated,
    "NetworkPolicySpec": rules.policy,
    "StagedNetworkPolicySpec": rules.policy,
    "GlobalNetworkPolicySpec": rules.global_policy,
    "StagedGlobalNetworkPolicySpec": rules.global_policy,
    "HostEndpointSpec": rules.host_endpoint,
    "EndpointPort": rules.endpoint_port,
    "BGPConfigurationSpec": rules.bgp_configuration,
    "BGPPeerSpec": rules.bgp_peer,
    "BGPFilterRuleV4": rules.filter_rule,
    "BGPFilterRuleV6": rules.filter_rule,
    "BlockAffinitySpec": rules.block_affinity,
    "Template": rules.annotated,
    "IPPoolSpec": resources.ip_pool,
    "IPAMConfigurationSpec": resources.ipam_configuration,
    "NodeSpec": resources.node_spec,
    "WorkloadEndpointSpec": resources.workload_endpoint,
    "WorkloadEndpointPort": resources.workload_port,
    "IPNAT": resources.nat,
    "ProtoPort": resources.proto_port,
    "FelixConfigurationSpec": resources.felix,
    "HealthTimeoutOverride": resources.health_timeout,
    "RouteTableRange": resources.table_range,
    "RouteTableIDRange": resources.table_ids,
}
# These are rules of the whole resource, not of its spec.
_OF_POLICY = tuple(f"{staged}{kind}NetworkPolicySpec" for staged in ("", "Staged") for kind in ("", "Global"))
VALUES: dict[str, Callable[[Any], str]] = {
    "Port": ports.wrong_port,
    "Protocol": ports.wrong_protocol,
    "DSCP": ports.wrong_dscp,
}
SPECS = {
    type_.removesuffix("Spec"): type_ for type_ in TYPES if type_.endswith("Spec") and type_ != "WorkloadEndpointSpec"
}


def validate(obj: Obj) -> list[Problem]:
    """What is wrong with a whole resource; of a kind that is not known, nothing."""
    kind = obj["kind"]
    if kind not in SPECS:
        return []
    found = [Problem("metadata", "", reason) for reason in resources.metadata(kind, obj)]
    found += [Problem("spec", "", reason) for reason in resources.resource(kind, obj)]
    return found + list(_of(SPECS[kind], obj.get("spec") or {}, "spec", whole=True))


def validate_part(type_: str, value: Any) -> list[Problem]:
    """What the library's validator says of a value by itself: a rule, a spec, a port."""
    if type_ in VALUES:
        return [Problem(type_, value, reason) for reason in (VALUES[type_](value),) if reason]
    return list(_of(type_, value, "", whole=False))


def _of(type_: str, value: Obj, at: str, *, whole: bool) -> Iterator[Problem]:
    found: Iterable[tuple[str, str, Any]] = [(type_, at, value)]
    if type_ in TYPES:
        found = problems(type_, value, at, whole=whole)
    for kind, path, one in found:
        if not kind:
            yield one
        elif kind in VALUES:
            reason = VALUES[kind](one)
            if reason:
                yield Problem(path, one, reason)
        elif kind in RULES and (whole or kind not in _OF_POLICY):
            yield from (Problem(path, "", reason) for reason in RULES[kind](one, whole))
