"""Warnings about the kinds that make no Pods.

Models      pkg/api/service/warnings.go, pkg/api/storage/util.go, pkg/registry/*/strategy.go (WarningsOnCreate,
            WarningsOnUpdate), staging/src/k8s.io/apiserver/pkg/endpoints/deprecation
Leaves out  whether a TLS Secret's certificate and key belong together; formats in CustomResourceDefinitions; finalizers
            of custom resources
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from apps.cluster.apimachinery.quantity import parse
from apps.cluster.apiserver.warnings import addresses, nodes

Obj = dict[str, Any]
NOTHING: dict[str, Any] = {}
TOPOLOGY_HINTS, TOPOLOGY_MODE = "service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode"
INGRESS_CLASS = "kubernetes.io/ingress.class"
MOUNTABLE = "kubernetes.io/enforce-mountable-secrets"
MANAGED_SLICE = "endpointslice.kubernetes.io/managed-by"
MANAGED_ENDPOINTS = "endpoints.kubernetes.io/managed-by"
TOKENS_IN_SECRETS = (
    "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible "
    "logging of tokens in volume attributes"
)
STATIC = ".static.k8s.io"
# Kinds that are on their way out: said to whoever asks for them, whatever the verb.
DEPRECATED = {
    "componentstatuses": "v1 ComponentStatus is deprecated in v1.19+",
    "endpoints": "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
}


def service(obj: Obj, old: Obj | None) -> Iterator[str]:
    spec = obj.get("spec") or NOTHING
    kind = spec.get("type") or "ClusterIP"
    headless = kind == "ClusterIP" and spec.get("clusterIP") == "None"
    outside = spec.get("externalIPs") or ()
    if TOPOLOGY_HINTS in (obj["metadata"].get("annotations") or NOTHING):
        yield f"annotation {TOPOLOGY_HINTS} is deprecated, please use {TOPOLOGY_MODE} instead"
    if spec.get("clusterIP") not in (None, "", "None"):
        for position, address in enumerate(spec.get("clusterIPs") or ()):
            yield from addresses.ip(f"spec.clusterIPs[{position}]", address)
    if headless:
        if spec.get("loadBalancerIP"):
            yield "spec.loadBalancerIP is ignored for headless services"
        if outside:
            yield "spec.externalIPs is ignored for headless services"
        if (spec.get("sessionAffinity") or "None") != "None":
            yield "spec.SessionAffinity is ignored for headless services"
    for position, address in enumerate(outside):
        yield from addresses.ip(f"spec.externalIPs[{position}]", address)
    if outside and not headless and kind != "ExternalName":
        yield "spec.externalIPs is deprecated and may no longer be implemented in some clusters"
    if spec.get("loadBalancerIP"):
        yield from addresses.ip("spec.loadBalancerIP", spec["loadBalancerIP"])
    for position, value in enumerate(spec.get("loadBalancerSourceRanges") or ()):
        yield from addresses.cidr(f"spec.loadBalancerSourceRanges[{position}]", value)
    if kind == "ExternalName" and outside:
        yield 'spec.externalIPs is ignored when spec.type is "ExternalName"'
    if kind != "ExternalName" and spec.get("externalName"):
        yield 'spec.externalName is ignored when spec.type is not "ExternalName"'
    if spec.get("trafficDistribution") == "PreferClose":
        yield 'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"'


def node(obj: Obj, old: Obj | None) -> Iterator[str]:
    spec = obj.get("spec") or NOTHING
    if spec.get("configSource") is not None:
        yield "spec.configSource: the feature is removed"
    if spec.get("externalID"):
        yield "spec.externalID: this field is deprecated, and is unused by Kubernetes"
    for position, value in enumerate(spec.get("podCIDRs") or ()):
        yield from addresses.cidr(f"spec.podCIDRs[{position}]", value)


def runtime_class(obj: Obj, old: Obj | None) -> Iterator[str]:
    for key in sorted((obj.get("scheduling") or NOTHING).get("nodeSelector") or ()):
        if key in nodes.DEPRECATED:
            yield f"scheduling.nodeSelector: {nodes.DEPRECATED[key]}"


def network_policy(obj: Obj, old: Obj | None) -> Iterator[str]:
    spec = obj.get("spec") or NOTHING
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for position, rule in enumerate(spec.get(direction) or ()):
            for index, peer in enumerate(rule.get(peers) or ()):
                block = peer.get("ipBlock")
                if block is None:
                    continue
                place = f"spec.{direction}[{position}].{peers}[{index}].ipBlock"
                yield from addresses.cidr(f"{place}.cidr", block.get("cidr", ""))
                for number, value in enumerate(block.get("except") or ()):
                    yield from addresses.cidr(f"{place}.except[{number}]", value)


def ingress(obj: Obj, old: Obj | None) -> Iterator[str]:
    annotated = INGRESS_CLASS in (obj["metadata"].get("annotations") or NOTHING)
    if old is None and annotated and (obj.get("spec") or NOTHING).get("ingressClassName") is None:
        yield f"annotation \"{INGRESS_CLASS}\" is deprecated, please use 'spec.ingressClassName' instead"


def endpoint_slice(obj: Obj, old: Obj | None) -> Iterator[str]:
    if old is None and obj.get("addressType") == "FQDN":
        yield "spec.addressType: FQDN endpoints are deprecated"
    manager = (obj["metadata"].get("labels") or NOTHING).get(MANAGED_SLICE)
    if manager in ("endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io"):
        return
    for position, endpoint in enumerate(obj.get("endpoints") or ()):
        for index, address in enumerate(endpoint.get("addresses") or ()):
            yield from addresses.ip(f"endpoints[{position}].addresses[{index}]", address)


def endpoints(obj: Obj, old: Obj | None) -> Iterator[str]:
    yield DEPRECATED["endpoints"]
    if (obj["metadata"].get("labels") or NOTHING).get(MANAGED_ENDPOINTS) == "endpoint-controller":
        return
    for position, subset in enumerate(obj.get("subsets") or ()):
        for field in ("addresses", "notReadyAddresses"):
            for index, address in enumerate(subset.get(field) or ()):
                yield from addresses.ip(f"subsets[{position}].{field}[{index}].ip", address.get("ip", ""))


def service_account(obj: Obj, old: Obj | None) -> Iterator[str]:
    had = old is not None and MOUNTABLE in (old["metadata"].get("annotations") or NOTHING)
    if not had and MOUNTABLE in (obj["metadata"].get("annotations") or NOTHING):
        yield (
            f"metadata.annotations[{MOUNTABLE}]: deprecated in v1.32+; prefer separate namespaces to isolate access to "
            "mounted secrets"
        )


def resource_quota(obj: Obj, old: Obj | None) -> Iterator[str]:
    hard = (obj.get("spec") or NOTHING).get("hard") or NOTHING
    for name in ("cpu", "memory", "storage", "ephemeral-storage"):
        asked = f"requests.{name}"
        if asked not in hard and name in ("cpu", "memory") and name in hard:
            asked = name
        limited = f"limits.{name}"
        if asked in hard and limited in hard:
            request, limit = parse(str(hard[asked])), parse(str(hard[limited]))
            if request.scaled(-9) > limit.scaled(-9):
                yield (f"ResourceQuota {asked} ({request.written()}) should be less than {limited} ({limit.written()})")


def storage_class(obj: Obj, old: Obj | None) -> Iterator[str]:
    for position, topology in enumerate(obj.get("allowedTopologies") or ()):
        for index, expression in enumerate(topology.get("matchLabelExpressions") or ()):
            key = expression.get("key", "")
            if key in nodes.DEPRECATED:
                place = f"allowedTopologies[{position}].matchLabelExpressions[{index}].key"
                yield f"{place}: {nodes.DEPRECATED[key]}"


def storage_capacity(obj: Obj, old: Obj | None) -> Iterator[str]:
    yield from nodes.selector(obj.get("nodeTopology"), "nodeTopology")


def csi_driver(obj: Obj, old: Obj | None) -> Iterator[str]:
    spec = obj.get("spec") or NOTHING
    before = (old.get("spec") or NOTHING).get("tokenRequests") if old is not None else None
    tokens = spec.get("tokenRequests")
    if tokens and tokens != before and spec.get("serviceAccountTokenInSecrets") is None:
        yield TOKENS_IN_SECRETS


def resource_slice(obj: Obj, old: Obj | None) -> Iterator[str]:
    driver = (obj.get("spec") or NOTHING).get("driver", "")
    if driver != driver.lower():
        yield f'spec.driver: driver names should be lowercase; "{driver}" contains uppercase characters'


def component_status(obj: Obj, old: Obj | None) -> Iterator[str]:
    yield "v1 ComponentStatus is deprecated in v1.19+"


def static_name(obj: Obj, old: Obj | None) -> Iterator[str]:
    if obj["metadata"].get("name", "").endswith(STATIC):
        yield (
            f'metadata.name: names ending with "{STATIC}" are reserved for static manifest-based configurations and '
            "cannot be managed via the API"
        )


KINDS: dict[str, Callable[[Obj, Obj | None], Iterator[str]]] = {
    "services": service,
    "nodes": node,
    "runtimeclasses": runtime_class,
    "networkpolicies": network_policy,
    "ingresses": ingress,
    "endpointslices": endpoint_slice,
    "endpoints": endpoints,
    "serviceaccounts": service_account,
    "resourcequotas": resource_quota,
    "storageclasses": storage_class,
    "csistoragecapacities": storage_capacity,
    "csidrivers": csi_driver,
    "resourceslices": resource_slice,
    "componentstatuses": component_status,
    "validatingadmissionpolicies": static_name,
    "validatingadmissionpolicybindings": static_name,
    "mutatingadmissionpolicies": static_name,
    "mutatingadmissionpolicybindings": static_name,
    "validatingwebhookconfigurations": static_name,
    "mutatingwebhookconfigurations": static_name,
}
