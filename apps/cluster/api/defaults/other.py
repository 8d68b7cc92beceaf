"""Defaults of the remaining groups.

Models      pkg/apis/*/v1*/defaults.go and zz_generated.defaults.go
Leaves out  when a device was tainted, if a ResourceSlice does not say
"""

from __future__ import annotations

from typing import Any

from apps.cluster.api.defaults.core import filled
from apps.cluster.api.defaults.pod import mapped, with_field
from apps.cluster.apimachinery.meta import Obj

RBAC = "rbac.authorization.k8s.io"


def endpoint_slice(obj: Obj) -> Obj:
    ports = obj.get("ports")
    return with_field(obj, "ports", mapped(ports, _endpoint_port)) if ports else obj


def _endpoint_port(port: Obj) -> Obj:
    if port.get("name") is None:
        port = {**port, "name": ""}
    return filled(port, protocol="TCP")


def _policy_rule(rule: Obj) -> Obj:
    ports = rule.get("ports")
    return with_field(rule, "ports", mapped(ports, lambda port: filled(port, protocol="TCP"))) if ports else rule


def network_policy(obj: Obj) -> Obj:
    old: Obj = obj.get("spec") or {}
    spec = old
    for name in ("ingress", "egress"):
        if spec.get(name):
            spec = with_field(spec, name, mapped(spec[name], _policy_rule))
    if not spec.get("policyTypes"):
        spec = {**spec, "policyTypes": ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]}
    return obj if spec is old else {**obj, "spec": spec}


def ingress(obj: Obj) -> Obj:
    return obj if "status" in obj else {**obj, "status": {"loadBalancer": {}}}


def ingress_class(obj: Obj) -> Obj:
    parameters = (obj.get("spec") or {}).get("parameters")
    if not parameters or parameters.get("scope"):
        return obj
    return {**obj, "spec": {**obj["spec"], "parameters": {**parameters, "scope": "Cluster"}}}


def role_binding(obj: Obj) -> Obj:
    obj = with_field(obj, "roleRef", filled(obj.get("roleRef") or {}, apiGroup=RBAC))
    subjects = obj.get("subjects")
    return with_field(obj, "subjects", mapped(subjects, _subject)) if subjects else obj


def _subject(subject: Obj) -> Obj:
    return filled(subject, apiGroup=RBAC) if subject.get("kind") in ("User", "Group") else subject


def priority_class(obj: Obj) -> Obj:
    return filled(obj, preemptionPolicy="PreemptLowerPriority")


def storage_class(obj: Obj) -> Obj:
    return filled(obj, reclaimPolicy="Delete", volumeBindingMode="Immediate")


def csi_driver(obj: Obj) -> Obj:
    spec = filled(
        obj.get("spec") or {},
        attachRequired=True,
        podInfoOnMount=False,
        storageCapacity=False,
        fsGroupPolicy="ReadWriteOnceWithFSType",
        requiresRepublish=False,
        seLinuxMount=False,
    )
    if not spec.get("volumeLifecycleModes"):
        spec = {**spec, "volumeLifecycleModes": ["Persistent"]}
    return with_field(obj, "spec", spec)


_SCALE_DOWN = [{"type": "Percent", "value": 100, "periodSeconds": 15}]
_SCALE_UP = [{"type": "Pods", "value": 4, "periodSeconds": 15}, *_SCALE_DOWN]


def horizontal_pod_autoscaler(obj: Obj) -> Obj:
    spec = filled(obj.get("spec") or {}, minReplicas=1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec = {**spec, "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]}
    behavior = spec.get("behavior")
    if behavior is not None:
        up = {"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": _SCALE_UP}
        down = {"selectPolicy": "Max", "policies": _SCALE_DOWN}
        done = {
            **behavior,
            "scaleUp": _rules(behavior, "scaleUp", up),
            "scaleDown": _rules(behavior, "scaleDown", down),
        }
        spec = {**spec, "behavior": done}
    obj = with_field(obj, "spec", spec)
    return obj if "status" in obj else {**obj, "status": {"desiredReplicas": 0, "currentMetrics": None}}


def _rules(behavior: Obj, name: str, defaults: Obj) -> Obj:
    given = behavior.get(name) or {}
    return {**defaults, **{key: value for key, value in given.items() if value is not None}}


def disruption_budget(obj: Obj) -> Obj:
    if "status" in obj:
        return obj
    zero = {"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0}
    return {**obj, "status": zero}


def _webhook(hook: Obj) -> Obj:
    done = filled(
        hook, failurePolicy="Fail", matchPolicy="Equivalent", namespaceSelector={}, objectSelector={}, timeoutSeconds=10
    )
    client = done.get("clientConfig") or {}
    if client.get("service"):
        done = {**done, "clientConfig": {**client, "service": filled(client["service"], port=443)}}
    if done.get("rules"):
        done = with_field(done, "rules", mapped(done["rules"], lambda rule: filled(rule, scope="*")))
    return done


def validating_webhooks(obj: Obj) -> Obj:
    return _webhooks(obj, _webhook)


def mutating_webhooks(obj: Obj) -> Obj:
    return _webhooks(obj, lambda hook: filled(_webhook(hook), reinvocationPolicy="Never"))


def _webhooks(obj: Obj, default: Any) -> Obj:
    hooks = obj.get("webhooks")
    return with_field(obj, "webhooks", mapped(hooks, default)) if hooks else obj


def _match_resources(found: Obj) -> Obj:
    found = filled(found, matchPolicy="Equivalent", namespaceSelector={}, objectSelector={})
    for name in ("resourceRules", "excludeResourceRules"):
        if found.get(name):
            found = with_field(found, name, mapped(found[name], lambda rule: filled(rule, scope="*")))
    return found


def _matching(spec: Obj, name: str) -> Obj:
    return spec if spec.get(name) is None else with_field(spec, name, _match_resources(spec[name]))


def admission_policy(obj: Obj) -> Obj:
    spec = filled(obj.get("spec") or {}, failurePolicy="Fail")
    return with_field(obj, "spec", _matching(spec, "matchConstraints"))


def admission_binding(obj: Obj) -> Obj:
    return with_field(obj, "spec", _matching(obj.get("spec") or {}, "matchResources"))


def api_service(obj: Obj) -> Obj:
    spec = obj.get("spec") or {}
    service = spec.get("service")
    if service is None or service.get("port") is not None:
        return obj
    return {**obj, "spec": {**spec, "service": {**service, "port": 443}}}


def flow_schema(obj: Obj) -> Obj:
    spec = obj.get("spec") or {}
    return obj if spec.get("matchingPrecedence") else {**obj, "spec": {**spec, "matchingPrecedence": 1000}}


def priority_level(obj: Obj) -> Obj:
    spec = obj.get("spec") or {}
    limited, exempt = spec.get("limited"), spec.get("exempt")
    if limited is not None:
        done = filled(limited, nominalConcurrencyShares=30, lendablePercent=0)
        response = done.get("limitResponse") or {}
        queuing = response.get("queuing")
        if queuing is not None:
            sizes = {"queues": 64, "handSize": 8, "queueLengthLimit": 50}
            full = {**queuing, **{name: size for name, size in sizes.items() if not queuing.get(name)}}
            done = {**done, "limitResponse": {**response, "queuing": full}}
        spec = {**spec, "limited": done}
    if exempt is not None:
        spec = {**spec, "exempt": filled(exempt, nominalConcurrencyShares=0, lendablePercent=0)}
    return obj if spec is obj.get("spec") else {**obj, "spec": spec}


def _device_request(request: Obj) -> Obj:
    request = filled(request, allocationMode="ExactCount")
    if request["allocationMode"] == "ExactCount" and not request.get("count"):
        request = {**request, "count": 1}
    tolerations = request.get("tolerations")
    if not tolerations:
        return request
    return with_field(request, "tolerations", mapped(tolerations, lambda one: filled(one, operator="Equal")))


def _claim_request(request: Obj) -> Obj:
    if request.get("exactly") is not None:
        request = with_field(request, "exactly", _device_request(request["exactly"]))
    if request.get("firstAvailable"):
        request = with_field(request, "firstAvailable", mapped(request["firstAvailable"], _device_request))
    return request


def _claim_spec(spec: Obj) -> Obj:
    devices = spec.get("devices") or {}
    if not devices.get("requests"):
        return spec
    return {**spec, "devices": with_field(devices, "requests", mapped(devices["requests"], _claim_request))}


def resource_claim(obj: Obj) -> Obj:
    return with_field(obj, "spec", _claim_spec(obj.get("spec") or {}))


def resource_claim_template(obj: Obj) -> Obj:
    spec = obj.get("spec") or {}
    return with_field(obj, "spec", {**spec, "spec": _claim_spec(spec.get("spec") or {})})


def resource_slice(obj: Obj) -> Obj:
    spec = obj.get("spec") or {}
    if not spec.get("devices"):
        return obj
    return with_field(obj, "spec", with_field(spec, "devices", mapped(spec["devices"], _device)))


def _device(device: Obj) -> Obj:
    mappings = device.get("nodeAllocatableResourceMappings")
    if not mappings:
        return device
    done = {name: filled(mapping, allocationMultiplier="1") for name, mapping in mappings.items()}
    return {**device, "nodeAllocatableResourceMappings": done}
