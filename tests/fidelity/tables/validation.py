"""Validation: which objects are refused, with which errors, as pkg/apis/core/validation expects it.

Tests upstream look at errors more or less closely: at how many there are, at a part of their text, at their kinds and
fields, or at all of it. Each adaptor looks as closely as its test.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from apps.cluster.api.scheme import RESOURCES
from apps.cluster.api.validation import (
    claims,
    containers,
    core,
    environment,
    logs,
    pods,
    podspec,
    podstatus,
    services,
    signers,
)
from apps.cluster.api.validation.podresources import consistency
from apps.cluster.api.validation.resources import requirements, resource_name
from apps.cluster.api.validation.volumes import volumes
from apps.cluster.apimachinery import features, names
from apps.cluster.apimachinery.status import CAUSE_REASONS, FieldError
from tests.fidelity.tables.goform import api, errors_of
from tests.fidelity.tables.registry import Row, adaptor, same

GOOD_PARTS = ("good", "success", "legacyValidation")
Obj = dict[str, Any]


def table(*tests: str, also: tuple[str, ...] = ()) -> Callable[[Callable[[Row], None]], Callable[[Row], None]]:
    before = "validation__validation__"
    return adaptor(*(before + test for test in tests), also=tuple(before + test for test in also))


def texts(errors: Iterable[FieldError]) -> list[str]:
    return [str(error) for error in errors]


def judged(rule: Callable[..., object], *arguments: Any) -> list[str]:
    """What a rule that appends its errors has to say."""
    errors: list[FieldError] = []
    rule(errors, *arguments)
    return texts(errors)


def accepted(errors: Iterable[object], good: bool) -> None:
    found = list(errors)
    same(not found, good, "; ".join(map(str, found)) or "no error")


def contains(errors: list[str], part: str) -> None:
    """No error for no text; else the text somewhere in the whole message."""
    if not part:
        same(errors, [])
    else:
        same(part in ", ".join(errors), True, f"{part!r} in {errors}")


KINDS = "|".join(CAUSE_REASONS)


def kind_and_field(text: str) -> str:
    found = re.match(rf"(.*?): ({KINDS})", text, re.S)
    return f"{found[1]}: {found[2]}" if found else text


def alike(errors: list[str], expected: list[str], *, ordered: bool = True, value: bool = False) -> None:
    """The same kinds of errors at the same fields, and what the expected ones say in detail within the real detail."""

    def cut(text: str) -> str:
        return re.sub(
            r"^(.*?: (?:Invalid|Unsupported|Duplicate) value: (?:\"(?:[^\"\\]|\\.)*\"|[\w.-]+)).*",
            r"\1",
            text,
            flags=re.S,
        )

    shorten = cut if value else kind_and_field
    ours, theirs = [shorten(text) for text in errors], [shorten(text) for text in expected]
    same(ours if ordered else sorted(ours), theirs if ordered else sorted(theirs), "; ".join(errors))


def judge(resource: str, obj: Obj) -> list[str]:
    return texts(RESOURCES[resource].validate(obj))


def versioned(obj: Obj, **more: Any) -> Obj:
    return {**obj, "metadata": {"resourceVersion": "1", **(obj.get("metadata") or {}), **more}}


def is_good(row: Row) -> bool:
    return row.part.startswith(GOOD_PARTS)


@contextmanager
def gates(**states: bool) -> Iterator[None]:
    """Run with feature gates as the row has them."""
    before = dict(features.GATES)
    features.GATES.update(states)
    try:
        yield
    finally:
        features.GATES.update(before)


# Names.


def named(rule: Callable[[Any], tuple[str, ...]], *tests: str, also: tuple[str, ...] = ()) -> None:
    @table(*tests, also=also)
    def check(row: Row) -> None:
        if row:
            same(list(rule(row["value"] or "")), row["expected"] or [])
        else:
            accepted(rule(row.value if row.value is not None else ""), is_good(row))


named(names.dns1123_label, "TestIsDNS1123Label")
named(names.dns1123_subdomain, "TestIsDNS1123Subdomain")
named(names.dns1123_subdomain_with_underscore, also=("TestIsDNS1123SubdomainWithUnderscore",))
named(names.dns1035_label, also=("TestIsDNS1035Label",))
named(names.qualified_name, "TestIsQualifiedName")
named(names.label_value, also=("TestIsValidLabelValue",))
named(names.http_header_name, also=("TestIsHTTPHeaderName",))
named(names.percent, "TestIsValidPercent")
named(names.config_map_key, "TestIsConfigMapKey")
named(names.wildcard_dns1123_subdomain, also=("TestIsWildcardDNS1123Subdomain",))
named(names.relaxed_env_var_name, also=("TestIsRelaxedEnvVarName",))
named(names.port_name, also=("TestIsValidPortName",))
named(names.port_number, also=("TestIsValidPortNum",))
named(names.group_id, also=("TestIsValidGroupID",))
named(names.user_id, also=("TestIsValidUserID",))


def with_path(rule: Callable[..., object], *tests: str, also: tuple[str, ...] = ()) -> None:
    @table(*tests, also=also)
    def check(row: Row) -> None:
        found = judged(rule, "test", row["targetName"] if "targetName" in row else row["value"] if row else row.value)
        if "expected" in row or "name" in row:
            if "err" in row or row.part == "messageTests":
                contains(found, row["err"] or "")
            else:
                contains(found, "".join(errors_of(row["expected"])[:1]))
                same(len(found), len(row["expected"] or ()))
        else:
            accepted(found, is_good(row))


with_path(signers.qualified_name, "TestIsFullyQualifiedName")
with_path(signers.qualified_domain_name, also=("TestIsFullyQualifiedDomainName",))
with_path(signers.prefixed_path, "TestIsDomainPrefixedPath")
with_path(signers.prefixed_key, "TestIsDomainPrefixedKey")


# Containers and their parts.

DEVICE_VOLUMES: Obj = {
    "abc": {"persistentVolumeClaim": {"claimName": "testclaim1"}},
    "abc-123": {"persistentVolumeClaim": {"claimName": "testclaim2"}},
    "def": {"hostPath": {"path": "/foo/baz", "type": ""}},
    "ephemeral": {"ephemeral": {"volumeClaimTemplate": {}}},
}
BAD_MOUNTS = [{"name": "abc", "mountPath": "/foo"}, {"name": "abc-123", "mountPath": "/this/path/exists"}]


@table("TestAlphaValidateVolumeDevices")
def volume_devices(row: Row) -> None:
    container = {"volumeDevices": api("VolumeDevice", row.value), "volumeMounts": BAD_MOUNTS}
    accepted(judged(containers.devices, "field", container, DEVICE_VOLUMES), is_good(row))


@table("TestHugePagesEnv", also=("TestLocalStorageEnvWithFeatureGate",))
def huge_pages_env(row: Row) -> None:
    accepted(judged(environment.env, "field", [api("EnvVar", dict(row))]), True)


@table("TestRelaxedValidateEnvFrom", also=("TestValidateEnvFrom",))
def env_from(row: Row) -> None:
    if is_good(row):
        accepted(judged(environment.env_from, "field", [api("EnvFromSource", dict(row))]), True)
        return
    found = judged(environment.env_from, "field", api("EnvFromSource", row["envs"]))
    same(bool(found), True)
    for text in found:
        contains([text], row["expectedError"])


@table(
    also=(
        "TestRelaxedValidateEnv",
        "TestValidateEnv",
    )
)
def env(row: Row) -> None:
    if is_good(row):
        accepted(judged(environment.env, "field", [api("EnvVar", dict(row))]), True)
        return
    with gates(EnvFiles=False):
        found = judged(environment.env, "field", api("EnvVar", row["envs"]))
    same(bool(found), True, "an error")
    for text in found:
        same((row["expectedError"] or "") in text, True, text)


MOUNT_VOLUMES: Obj = {
    "abc": {"persistentVolumeClaim": {"claimName": "testclaim1"}},
    "abc-123": {"persistentVolumeClaim": {"claimName": "testclaim2"}},
    "123": {"hostPath": {"path": "/foo/baz", "type": ""}},
    "ephemeral": {"ephemeral": {"volumeClaimTemplate": {}}},
}
GOOD_DEVICES = [{"name": "xyz", "devicePath": "/foofoo"}, {"name": "uvw", "devicePath": "/foofoo/share/test"}]


@table(
    "TestValidateDisabledSubpathExpr",
    also=(
        "TestValidateSubpathMutuallyExclusive",
        "TestValidateVolumeMounts",
    ),
)
def volume_mounts(row: Row) -> None:
    mounts = row.get("mounts", row.value)
    container = {"volumeMounts": api("VolumeMount", mounts), "volumeDevices": GOOD_DEVICES}
    good = not row["expectError"] if "expectError" in row else is_good(row)
    accepted(judged(containers.mounts, "field", container, MOUNT_VOLUMES), good)


@table("TestValidatePullPolicy")
def pull_policy(row: Row) -> None:
    accepted(judged(containers.pull_policy, "field", row["Container"]["ImagePullPolicy"]), True)


EPHEMERAL_VOLUMES: Obj = {
    "blk": {"persistentVolumeClaim": {"claimName": "pvc"}},
    "vol": {"emptyDir": {}},
}
CONTAINER: Obj = {"image": "image", "imagePullPolicy": "IfNotPresent", "terminationMessagePolicy": "File"}
OTHERS = [{**CONTAINER, "name": "ctr"}], [{**CONTAINER, "name": "ictr"}]


def around(policy: str, volumes: Obj | None = None) -> containers.Around:
    return containers.Around(volumes or {}, set(), 30, policy, True, None)


@table("TestValidateEphemeralContainers")
def ephemeral_containers(row: Row) -> None:
    found = api("EphemeralContainer", row["ephemeralContainers"])
    others = [*OTHERS[0], *OTHERS[1]]
    for policy in ("Never", "Always", "OnFailure"):
        errors = judged(
            containers.ephemeral_containers, "ephemeralContainers", found, others, around(policy, EPHEMERAL_VOLUMES)
        )
        if is_good(row):
            same(errors, [])
        else:
            alike(errors, errors_of(row["expectedErrors"]))


@table("TestValidateContainerRestartPolicy")
def container_restart_policy(row: Row) -> None:
    container = {
        **CONTAINER,
        "name": "name",
        "restartPolicyRules": api("ContainerRestartRule", row["RestartPolicyRules"] or row["restartPolicyRules"] or []),
    }
    policy = row["RestartPolicy"] if "RestartPolicy" in row else row["restartPolicy"]
    if policy is not None:
        container["restartPolicy"] = policy
    if row.part == "cases":
        with gates(RestartAllContainersOnContainerExits=bool((row["opts"] or {}).get("AllowRestartAllContainers"))):
            errors = judged(containers.init_containers, "initContainers", [container], [], around("Always"))
    else:
        errors = judged(containers.containers, "containers", [container], around("Always"))
    expected = errors_of(row["ExpectedErrors"] or row["expectedErrors"])
    alike(errors, expected)


@table("TestValidateVolumes")
def pod_volumes(row: Row) -> None:
    errors: list[FieldError] = []
    options = row["opts"] or {}
    volumes(errors, "field", [api("Volume", row["vol"])], "", options.get("ResourceIsPod", False))
    expected = row["errs"] or []
    same(len(errors), len(expected), "; ".join(texts(errors)))
    for error, want in zip(errors, expected, strict=True):
        same(CAUSE_REASONS[error.type], want["etype"])
        same(error.field.endswith(want["field"]), True, f"{want['field']} at the end of {error.field}")
        same(want["detail"] in error.detail, True, f"{want['detail']!r} in {error.detail!r}")


@table("TestValidateOverhead")
def overhead(row: Row) -> None:
    accepted(judged(requirements, "overheads", {"limits": row["overhead"]}, set()), row.part.startswith("success"))


@table("TestValidateResourceNames")
def resource_names(row: Row) -> None:
    accepted(judged(resource_name, "field", row["input"] or ""), bool(row["success"]))


@table("TestValidatePodResourceConsistency")
def pod_resource_consistency(row: Row) -> None:
    spec = {
        "containers": api("Container", row["containers"]),
        "resources": api("ResourceRequirements", row["podResources"]),
    }
    found = judged(consistency, "resources", spec)
    expected = row["expectedErrors"] or []
    same(len(found), len(expected), "; ".join(found))
    for text, part in zip(found, expected, strict=True):
        contains([text], part)


# Pod specs.


@table("TestValidateSchedulingGates")
def scheduling_gates(row: Row) -> None:
    found = judged(podspec.scheduling_gates, "field", api("PodSchedulingGate", row["schedulingGates"]) or [])
    alike(found, errors_of(row["wantFieldErrors"]), value=True)


@table("TestValidatePodDNSConfigWithRelaxedSearchDomain")
def dns_config(row: Row) -> None:
    spec = {"dnsPolicy": "ClusterFirst", "dnsConfig": api("PodDNSConfig", row["dnsConfig"])}
    with gates(RelaxedDNSSearchValidation=bool(row["featureEnabled"])):
        accepted(judged(podspec.dns_config, "dnsConfig", spec), not row["expectError"])


@table("TestValidatePodSpec", "TestValidatePodSchedulingGroup")
def pod_spec(row: Row) -> None:
    spec = (row["pod"] or row)["spec"]
    with gates(StrictIPCIDRValidation=not row.part.startswith("legacyValidation")):
        found = judged(podspec.pod_spec, "field", spec, None, True)
    if row["expectedErrors"]:
        alike(found, errors_of(row["expectedErrors"]))
    elif is_good(row):
        same(found, [])
    elif "pod" not in row:
        same(bool(found), True, "an error")


@table("TestValidatePodTemplateSpecSeccomp")
def seccomp(row: Row) -> None:
    template = {"metadata": row["spec"]["ObjectMeta"], "spec": row["spec"]["Spec"]}
    template["spec"] = api("PodSpec", template["spec"]) if "Containers" in template["spec"] else template["spec"]
    alike(judged(podspec.pod_template, row["fldPath"]["name"], template), errors_of(row["expectedErr"]))


# Whole Pods.


@table("TestValidatePod")
def pod(row: Row) -> None:
    if is_good(row):
        same(judge("pods", dict(row)), [])
        return
    found = judge("pods", row["spec"])
    same(bool(found), True, "an error")
    contains(found, row["expectedError"])


@table(also=("TestValidatePodUpdate",))
def pod_update(row: Row) -> None:
    new, old = versioned(row["new"]), versioned(row["old"])
    contains(texts(RESOURCES["pods"].validate_update(*filled(new, old))), row["err"])


FILLED = (
    ("containers", [{**CONTAINER, "name": "autoadded"}]),
    ("dnsPolicy", "ClusterFirst"),
    ("restartPolicy", "Always"),
)


def filled(new: Obj, old: Obj) -> tuple[Obj, Obj]:
    """That test gives Pods that lack them a name and what a spec must have."""
    both = [new, old]
    for field, value in (("name", "name"), ("namespace", "namespace")):
        if not any(one["metadata"].get(field) for one in both):
            both = [{**one, "metadata": {**one["metadata"], field: value}} for one in both]
    for field, filler in FILLED:
        if not any(one["spec"].get(field) for one in both):
            both = [{**one, "spec": {**one["spec"], field: filler}} for one in both]
    return both[0], both[1]


@table("TestValidatePodStatusUpdate")
def pod_status_update(row: Row) -> None:
    new, old, given = versioned(row["new"]), versioned(row["old"]), row["validationOptions"] or {}
    gates = podstatus.Gates(
        restart_rules=given.get("AllowContainerRestartPolicyRules", False),
        restart_all=given.get("AllowRestartAllContainers", False),
        clear_nominated=bool(row["enableClearingNominatedNodeNameAfterBinding"]),
        image_digests=given.get("AllowImageVolumeWithDigest", False),
    )
    contains(texts(pods.pod_status_update(new, old, gates)), row["err"])


@table("TestValidatePodResize")
def pod_resize(row: Row) -> None:
    extra = {"name": "pod", "namespace": "namespace"}
    new, old = (
        {**one, "metadata": {**extra, **(one.get("metadata") or {}), "resourceVersion": "1"}}
        for one in (row["new"], row["old"])
    )
    with gates(InPlacePodVerticalScalingInitContainers=not row["disableInitCtrResize"]):
        contains(texts(pods.pod_resize(new, old)), row["err"])


@table("TestPodIPsValidation", also=("TestHostIPsValidation",))
def pod_ips(row: Row) -> None:
    new = versioned(row["pod"])
    old = {**new, "status": {}}
    with gates(StrictIPCIDRValidation=not row["legacyIPs"]):
        found = texts(RESOURCES["pods"].validate_status(new, old))
    accepted(found, not row["expectError"])


@table("TestValidatePodConditions")
def pod_conditions(row: Row) -> None:
    found = judged(podstatus.conditions, "field", api("PodCondition", row["podConditions"]) or [])
    accepted(found, row.part.startswith("success"))


@table(
    "TestValidateContainerStatusAllocatedResourcesStatus",
    also=("TestValidateContainerStatusNoAllocatedResourcesStatus",),
)
def allocated_resources(row: Row) -> None:
    found = judged(
        podstatus.allocated_resources,
        "spec.containers",
        api("ContainerStatus", row["containerStatuses"]),
        api("Container", row["containers"]),
    )
    same(found, errors_of(row["wantFieldErrors"]))


@table("TestValidPodLogOptions")
def pod_logs(row: Row) -> None:
    found = logs.pod_log_options(row["opt"], bool(row["allowStreamSelection"]))
    same(len(found), row["errs"] or 0, "; ".join(texts(found)))


# Volumes and claims.


@table("TestValidateLocalVolumes", also=("TestValidatePersistentVolumes",))
def persistent_volumes(row: Row) -> None:
    accepted(judge("persistentvolumes", row["volume"]), not row["isExpectedFailure"])


@table("TestPVVolumeMode")
def volume_mode(row: Row) -> None:
    accepted(judge("persistentvolumes", dict(row)), is_good(row))


@table("TestAlphaVolumeSnapshotDataSource")
def snapshot_source(row: Row) -> None:
    accepted(judged(claims.claim_spec, "spec", api("PersistentVolumeClaimSpec", dict(row))), is_good(row))


@table("TestVolumeAttributesClass")
def attributes_class(row: Row) -> None:
    found = judged(claims.claim_spec, "spec", api("PersistentVolumeClaimSpec", row["claimSpec"]))
    accepted(found, not row["expectedFail"])


@table("testValidatePVC")
def claim(row: Row) -> None:
    template = row.title.endswith(" (2)")  # the test is run over claims, then over templates of ephemeral volumes
    if template:
        found = judged(claims.claim_template, "template", row["claim"])
    else:
        found = judge("persistentvolumeclaims", row["claim"])
    accepted(found, not row["isExpectedFailure"])


@table("TestValidatePersistentVolumeClaimUpdate")
def claim_update(row: Row) -> None:
    new, old = versioned(row["newClaim"]), versioned(row["oldClaim"])
    gates = claims.Gates(
        recover=bool(row["enableRecoverFromExpansion"]), classes=bool(row["enableVolumeAttributesClass"])
    )
    accepted(texts(claims.claim_update(new, old, gates)), not row["isExpectedFailure"])


@table("TestValidatePersistentVolumeClaimStatusUpdate")
def claim_status_update(row: Row) -> None:
    new, old = versioned(row["newClaim"]), versioned(row["oldClaim"])
    gates = claims.Gates(recover=bool(row["enableRecoverFromExpansion"]))
    accepted(texts(claims.claim_status_update(new, old, gates)), not row["isExpectedFailure"])


@table("TestValidationOptionsForPersistentVolumeClaim")
def claim_options(row: Row) -> None:
    gates = claims.Gates(classes=bool(row["enableVolumeAttributesClass"]))
    found = claims.options(row["oldPvc"], gates)
    same(found, row["expectValidationOpts"])


@table("TestValidationOptionsForPersistentVolumeClaimTemplate")
def template_options(row: Row) -> None:
    gates = claims.Gates(classes=bool(row["enableVolumeAttributesClass"]))
    same(
        claims.template_options(api("PersistentVolumeClaimTemplate", row["oldPvcTemplate"]), gates),
        row["expectValidationOpts"],
    )


# Other kinds.


@table("TestValidateNamespace")
def namespace(row: Row) -> None:
    accepted(judge("namespaces", row["R"] if "R" in row else dict(row)), is_good(row))


@table("TestValidateNamespaceStatusUpdate")
def namespace_status(row: Row) -> None:
    new, old = versioned(row["namespace"]), versioned(row["oldNamespace"])
    accepted(RESOURCES["namespaces"].validate_status(new, old), bool(row["valid"]))


@table(
    also=(
        "TestValidateNamespaceUpdate",
        "TestValidateNamespaceFinalizeUpdate",
    )
)
def namespace_update(row: Row) -> None:
    new, old = versioned(row["namespace"]), versioned(row["oldNamespace"])
    rule = core.namespace_finalize_update if "Finalize" in row.table else RESOURCES["namespaces"].validate_update
    accepted(rule(new, old), bool(row["valid"]))


@table("TestValidateNodeSwapStatus")
def node_swap(row: Row) -> None:
    accepted(judge("nodes", row["node"]), not row["expectError"])


@table("TestValidateConfigMapUpdate")
def config_map_update(row: Row) -> None:
    accepted(RESOURCES["configmaps"].validate_update(row["newCfg"], row["oldCfg"]), bool(row["valid"]))


@table("TestValidateReplicationController")
def replication_controller(row: Row) -> None:
    if is_good(row):
        same(judge("replicationcontrollers", dict(row)), [])
    else:
        alike(judge("replicationcontrollers", row["input"]), errors_of(row["expectedErrs"]), ordered=False)


# Rows that hold a Go function each; what it does to a Service is told here, by the row's name.

BALANCER: Obj = {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": True}
LOCAL: Obj = {"externalTrafficPolicy": "Local"}
CHECK: Obj = {"healthCheckNodePort": 34567}
TRAFFIC: dict[str, Obj] = {
    "valid loadBalancer service with externalTrafficPolicy and healthCheckNodePort set": BALANCER | LOCAL | CHECK,
    "valid nodePort service with externalTrafficPolicy set": {"type": "NodePort"} | LOCAL,
    "valid clusterIP service with none of externalTrafficPolicy and healthCheckNodePort set": {"type": "ClusterIP"},
    "cannot set healthCheckNodePort field on loadBalancer service with externalTrafficPolicy!=Local": BALANCER
    | {"externalTrafficPolicy": "Cluster"}
    | CHECK,
    "cannot set healthCheckNodePort field on nodePort service": {"type": "NodePort"} | LOCAL | CHECK,
    "cannot set externalTrafficPolicy or healthCheckNodePort fields on clusterIP service": {"type": "ClusterIP"}
    | LOCAL
    | CHECK,
    "cannot set externalTrafficPolicy field on ExternalName service": {"type": "ExternalName"} | LOCAL,
    "externalTrafficPolicy is required on NodePort service": {"type": "NodePort"},
    "externalTrafficPolicy is required on LoadBalancer service": {"type": "LoadBalancer"},
    "externalTrafficPolicy is required on ClusterIP service with externalIPs": {
        "type": "ClusterIP",
        "externalIPs": ["1.2.3,4"],
    },
}


@table("TestValidateServiceExternalTrafficPolicy")
def external_traffic(row: Row) -> None:
    found = judged(services.external_traffic, TRAFFIC[row["name"]])
    same(len(found), row["numErrs"] or 0, "; ".join(found))


def ingress(*addresses: str, mode: str | None = "VIP") -> Obj:
    return {"ingress": [{"ip": one, **({"ipMode": mode} if mode else {})} for one in addresses]}


OLD = ingress("1.2.3.04")
STATUSES: dict[str, tuple[Obj, Obj, str]] = {
    "type is not LB": ({}, ingress("1.2.3.4", mode=None), "ClusterIP"),
    "valid vip ipMode": ({}, ingress("1.2.3.4"), "LoadBalancer"),
    "valid proxy ipMode": ({}, ingress("1.2.3.4", mode="Proxy"), "LoadBalancer"),
    "invalid ipMode": ({}, ingress("1.2.3.4", mode="dummy"), "LoadBalancer"),
    "missing ipMode": ({}, ingress("1.2.3.4", mode=None), "LoadBalancer"),
    "missing ip with ipMode present": ({}, ingress("", mode="Proxy"), "LoadBalancer"),
    "legacy IP with legacy validation": ({}, ingress("001.002.003.004"), "LoadBalancer"),
    "legacy IP with strict validation": ({}, ingress("001.002.003.004"), "LoadBalancer"),
    "invalid ingress IP ignored on update": (OLD, OLD, "LoadBalancer"),
    "invalid ingress IP ignored when adding IP": (OLD, ingress("1.2.3.04", "5.6.7.8"), "LoadBalancer"),
    "invalid ingress IP can be fixed": (OLD, ingress("1.2.3.4"), "LoadBalancer"),
}


@table("TestValidateLoadBalancerStatus")
def balancer_status(row: Row) -> None:
    old, new, kind = STATUSES[row["name"]]
    with gates(StrictIPCIDRValidation=not row["legacyIPs"]):
        found = judged(services.load_balancer_status, "status", new, old, kind)
    same(len(found), row["numErrs"] or 0, "; ".join(found))
