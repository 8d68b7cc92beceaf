"""Validation, the tables that are not kept here: from the same test file as those of `validation.py`, run alike."""

from __future__ import annotations

from typing import Any

from apps.cluster.api.scheme import RESOURCES
from apps.cluster.api.validation import (
    addresses,
    claims,
    containers,
    core,
    environment,
    podresources,
    pods,
    podspec,
    podstatus,
    probes,
    projected,
    resources,
    scheduling,
    security,
    services,
    storage,
    volumes,
)
from apps.cluster.apimachinery import names
from apps.cluster.apimachinery.status import CAUSE_REASONS, FieldError
from tests.fidelity.tables.goform import api, errors_of
from tests.fidelity.tables.registry import Row, same
from tests.fidelity.tables.validation import (
    Obj,
    accepted,
    alike,
    around,
    contains,
    gates,
    is_good,
    judge,
    judged,
    table,
    texts,
    versioned,
)


def more(*tests: str) -> Any:
    return table(also=tests)


def found_by(rule: Any, *arguments: Any) -> list[FieldError]:
    errors: list[FieldError] = []
    rule(errors, *arguments)
    return errors


def first_is(
    errors: list[FieldError], kind: str | None, field: str = "", detail: str = "", *, fails: bool = True
) -> None:
    """No error for no kind; else the first of that kind, at a field that ends so, saying that."""
    shown = "; ".join(texts(errors))
    if not kind or not fails:
        same(texts(errors), [])
        return
    same(bool(errors), True, "an error")
    same(CAUSE_REASONS[errors[0].type], kind, shown)
    same(errors[0].field.endswith(field) and detail in errors[0].detail, True, f"{field}, {detail} in {shown}")


# Volumes.


@more("TestValidatePersistentVolumeSpec")
def volume_spec(row: Row) -> None:
    if row["isInlineSpec"]:
        found = judged(storage.inline_volume, "field", api("PersistentVolumeSpec", row["pvSpec"]))
    else:
        spec = api("PersistentVolumeSpec", row["pvSpec"])
        found = judge("persistentvolumes", {"metadata": {"name": "pv"}, "spec": spec})
    accepted(found, not row["isExpectedFailure"])


@more(
    "TestValidatePersistentVolumeSourceUpdate",
    "TestValidateVolumeNodeAffinityUpdate",
    "TestValidatePeristentVolumeAttributesClassUpdate",
    "TestAlphaPVVolumeModeUpdate",
)
def volume_update(row: Row) -> None:
    new, old = versioned(row["newVolume"] or row["newPV"]), versioned(row["oldVolume"] or row["oldPV"])
    classes = row["enableVolumeAttributesClass"] is not False or "Attributes" not in row.table
    with gates(MutablePVNodeAffinity=bool(row["mutablePVNodeAffinity"])):
        found = storage.persistent_volume_update(new, old, claims.Gates(classes=classes))
    accepted(texts(found), not row["isExpectedFailure"])


@more("TestValidateKeyToPath")
def key_to_path(row: Row) -> None:
    found = found_by(projected.items, "field", {"items": [api("KeyToPath", row["kp"])]})
    first_is(found, None if row["ok"] else row["errtype"])


VOLUME_RULES: Obj = {
    "NFS": (volumes.nfs, "NFSVolumeSource", "nfs"),
    "Glusterfs": (volumes.SOURCES["glusterfs"], "GlusterfsVolumeSource", "gfs"),
    "GlusterfsPersistent": (storage.SOURCES["glusterfs"], "GlusterfsPersistentVolumeSource", "gfs"),
    "CSI": (volumes.SOURCES["csi"], "CSIVolumeSource", "csi"),
    "CSIPersistent": (storage.SOURCES["csi"], "CSIPersistentVolumeSource", "csi"),
}


@more(
    "TestValidateNFSVolumeSource",
    "TestValidateGlusterfs",
    "TestValidateGlusterfsPersistentVolumeSource",
    "TestValidateCSIVolumeSource",
    "TestValidateCSIPersistentVolumeSource",
)
def volume_source(row: Row) -> None:
    which = row.table.rpartition("TestValidate")[2].removesuffix("VolumeSource")
    rule, struct, name = VOLUME_RULES[which]
    errors = found_by(rule, "field", api(struct, row[name] or {}))
    first_is(errors, row["errtype"], row["errfield"] or "", row["errdetail"] or "")


@more("TestValidateFlexVolumeSource")
def flex(row: Row) -> None:
    expected: dict[str, str] = row["expectedErrs"] or {}
    errors = found_by(volumes.flex, "", api("FlexVolumeSource", row["source"]))
    same(len(errors), len(expected), "; ".join(texts(errors)))
    for error in errors:
        contains([str(error)], expected.get(error.field.lstrip("."), "nothing of this field"))


@more("TestValidatePVSecretReference")
def secret_reference(row: Row) -> None:
    found = judged(storage.secret_reference, "name", api("SecretReference", row["args"]["secretRef"]))
    if row["expectError"]:
        same(bool(found), True, "an error")
        contains(found[:1], row["expectedError"] or "")
    else:
        same(found, [])


@more("TestAlphaLocalStorageCapacityIsolation")
def local_storage(row: Row) -> None:
    accepted(judged(volumes.volumes, "spec", [{"name": "tmpvol", **api("VolumeSource", dict(row))}]), True)


@more("TestAlphaVolumePVCDataSource", "TestCrossNamespaceSource", "TestAnyDataSource", "testAnyDataSource")
def data_source(row: Row) -> None:
    found = judged(claims.claim_spec, "spec", api("PersistentVolumeClaimSpec", row["claimSpec"]))
    accepted(found, not row["expectedFail"])


@more("TestValidationOptionsForPersistentVolume")
def volume_options(row: Row) -> None:
    switched = claims.Gates(classes=bool(row["enableVolumeAttributesClass"]))
    same(storage.options(row["oldPv"], switched), row["expectValidationOpts"])


# Containers and their parts.


@more("TestPVCVolumeMode")
def claim_mode(row: Row) -> None:
    accepted(judge("persistentvolumeclaims", dict(row)), is_good(row))


@more("TestHugePagesIsolation")
def huge_pages(row: Row) -> None:
    accepted(judge("pods", row["pod"]), not row["expectError"])


@more("TestValidatePorts")
def ports(row: Row) -> None:
    errors = found_by(containers.ports, "field", api("ContainerPort", row["P"] or []))
    same(bool(errors), True, "an error")
    for error in errors:
        same(CAUSE_REASONS[error.type], row["T"], str(error))
        same((row["F"] or "") in error.field and (row["D"] or "") in error.detail, True, str(error))


@more("TestValidateEnvVarValueFromFileKeyRef")
def file_key_ref(row: Row) -> None:
    found = judged(environment.env, "valueFrom", [api("EnvVar", row["envVar"])])
    alike(
        [text.replace("valueFrom[0].valueFrom", "valueFrom") for text in found],
        errors_of(row["expectedErrs"]),
        ordered=False,
    )


@more("TestValidateMountPropagation")
def propagation(row: Row) -> None:
    # Nothing is asked of a mount that is in no container.
    given = api("Container", row["container"]) if "container" in row else {"securityContext": {"privileged": True}}
    container = {**given, "volumeMounts": [api("VolumeMount", row["mount"])]}
    known = {"foo": {"hostPath": {"path": "/foo/baz", "type": ""}}}
    accepted(judged(containers.mounts, "field", container, known), not row["expectError"])


@more("TestValidateProbe")
def probe(row: Row) -> None:
    found = api("Probe", dict(row) if row else row.value)
    accepted([] if found is None else judged(probes.probe_of, "field", found, 30), is_good(row))


@more("Test_validateProbe")
def one_probe(row: Row) -> None:
    found = api("Probe", row["args"]["probe"])
    alike(
        [] if found is None else judged(probes.probe_of, row["args"]["fldPath"]["name"], found, 30),
        errors_of(row["want"]),
    )


@more("TestValidateHandler")
def handler(row: Row) -> None:
    accepted(judged(probes.handler, "field", api("ProbeHandler", dict(row)), 30), is_good(row))


@more("TestValidateResizePolicy")
def resize_policy(row: Row) -> None:
    found = judged(
        containers.resize_policy,
        "field",
        api("ContainerResizePolicy", row["PolicyList"]) or [],
        row["PodRestartPolicy"] or "",
    )
    same(found, errors_of(row["Errors"]) if row["ExpectError"] else [])


CLAIM_VOLUMES: Obj = {
    "pvc": {"persistentVolumeClaim": {"claimName": "testclaim1"}},
    "blk": {"persistentVolumeClaim": {"claimName": "testclaim1"}},
    "vol": {"emptyDir": {}},
}


@more("TestValidateContainers")
def regular_containers(row: Row) -> None:
    found = api("Container", row["containers"])
    alike(judged(containers.containers, "containers", found, around("Always")), errors_of(row["expectedErrors"]))


@more("TestValidateInitContainers")
def initial_containers(row: Row) -> None:
    others = [{"name": "app", "image": "nginx", "imagePullPolicy": "IfNotPresent", "terminationMessagePolicy": "File"}]
    found = api("Container", row["initContainers"])
    errors = judged(containers.init_containers, "initContainers", found, others, around("Never"))
    alike(errors, errors_of(row["expectedErrors"]))


@more("TestValidateResourceRequirements")
def resource_requirements(row: Row) -> None:
    found = judged(resources.requirements, "resources", api("ResourceRequirements", row["requirements"]), set())
    accepted(found, not row.part.startswith("err"))


@more("TestValidatePodResources")
def pod_resources(row: Row) -> None:
    spec: Obj = {"containers": [], "resources": api("ResourceRequirements", row["podResources"])}
    if row["osName"]:
        spec["os"] = {"name": row["osName"]}
    found = judged(podresources.pod_resources, "spec", spec, {"resource-claim"})
    alike(found, errors_of(row["expectedErrors"]), ordered=False)


@more("TestValidatePodResourceNames")
def pod_resource_names(row: Row) -> None:
    accepted(judged(resources.pod_resource, "field", row["input"] or ""), not row["expectedFailure"])


@more("TestValidateSecurityContext")
def security_context(row: Row) -> None:
    context = api("SecurityContext", row["sc"])
    hosted = bool(row["hostUsers"]) if is_good(row) else True
    errors = found_by(security.container_context, "field", context, hosted)
    first_is(errors, None if is_good(row) else row["errorType"], "", row["errorDetail"] or "")


@more("TestValidateWindowsSecurityContextOptions")
def windows_options(row: Row) -> None:
    options = api("WindowsSecurityContextOptions", row["windowsOptions"])
    contains(judged(security.windows_options, "field", options), row["expectedErrorSubstring"] or "")


@more("TestValidateSleepAction")
def sleep(row: Row) -> None:
    with gates(PodLifecycleSleepActionAllowZero=bool(row["zeroValueEnabled"])):
        found = judged(probes.sleep, "root", row["action"].get("Seconds") or 0, row["gracePeriod"] or 0)
    same(found[:1], errors_of(row["expectErr"])[:1])


@more("TestValidateStopSignal")
def stop_signal(row: Row) -> None:
    system = (row["os"] or {}).get("Name")
    found = judged(probes.stop_signal, "root", row["stopsignal"], system)
    same(
        [text.split(": supported")[0] for text in found[:1]],
        [text.split(": supported")[0] for text in errors_of(row["expectErr"])[:1]],
    )


# Pod specs.


@more("TestValidateRestartPolicy", "TestValidateDNSPolicy")
def policies(row: Row) -> None:
    valid = podspec.RESTART_POLICIES if "Restart" in row.table else podspec.DNS_POLICIES
    accepted(judged(podspec.choice, "field", row.value or "", valid), is_good(row))


@more("TestValidatePodDNSConfig")
def dns_config(row: Row) -> None:
    spec = {"dnsPolicy": row["dnsPolicy"] or "ClusterFirst", "dnsConfig": api("PodDNSConfig", row["dnsConfig"])}
    relaxed = (row["opts"] or {}).get("AllowRelaxedDNSSearchValidation", False)
    with gates(RelaxedDNSSearchValidation=bool(relaxed), StrictIPCIDRValidation=not row["legacyIPs"]):
        accepted(judged(podspec.dns_config, "dnsConfig", spec), not row["expectedError"])


@more("TestValidatePodReadinessGates")
def readiness_gates(row: Row) -> None:
    spec = {"readinessGates": api("PodReadinessGate", row["readinessGates"])}
    accepted(judged(podspec.gates, "field", spec), is_good(row))


@more("TestValidateTopologySpreadConstraints")
def spread(row: Row) -> None:
    found = api("TopologySpreadConstraint", row["constraints"])
    alike(judged(scheduling.spread, "field", found), errors_of(row["wantFieldErrors"]), ordered=False)


@more("TestNumericTolerationsWithFeatureGate")
def tolerations(row: Row) -> None:
    with gates(TaintTolerationComparisonOperators=bool(row["featureGateOn"])):
        found = judged(scheduling.tolerations, "tolerations", [api("Toleration", row["toleration"])])
    contains(found, row["errorMsg"] or "")


@more("TestValidateHostUsers")
def host_users(row: Row) -> None:
    options = row["opts"] or {}
    with gates(UserNamespacesHostNetworkSupport=bool(options.get("AllowUserNamespacesHostNetworkSupport"))):
        spec = api("PodSpec", row["spec"])
        found = judged(podspec.host_users, "spec", spec) if spec.get("hostUsers") is False else []
    if options.get("AllowUserNamespacesWithVolumeDevices"):  # of Pods that had some before it was forbidden
        found = [text for text in found if "volumeDevices" not in text]
    accepted(found, bool(row["success"]))


@more("TestValidatePodHostName")
def host_name(row: Row) -> None:
    found = judged(podspec.hostname, "spec", api("PodSpec", row["spec"]))
    alike(found, errors_of(row["expectedErrs"]), ordered=False)


@more("TestValidateWindowsHostProcessPod")
def host_process(row: Row) -> None:
    found = judged(security.host_process, "spec", api("PodSpec", row["podSpec"]))
    if not row["allowPrivileged"] and row["expectError"]:
        return  # whether privileged containers are allowed is the server's option, and they are
    accepted(found, not row["expectError"])


@more("TestValidateOS")
def system(row: Row) -> None:
    spec = api("PodSpec", row["podSpec"])
    accepted([] if spec.get("os") is None else judged(podspec.system, "spec", spec), not row["expectError"])


@more("TestValidateWindowsPodSecurityContext", "TestValidateLinuxPodSecurityContext")
def pod_of_a_system(row: Row) -> None:
    spec = api("PodSpec", row["podSec"] or row["podSpec"] or {})
    rule = podspec.windows if "Windows" in row.table else podspec.linux
    first_is(
        found_by(rule, "field", spec), row["errorType"], "", row["errorDetail"] or "", fails=bool(row["expectErr"])
    )


@more("TestValidateWindowsSecurityContext", "TestValidateLinuxSecurityContext")
def container_of_a_system(row: Row) -> None:
    spec = api("PodSpec", row["sc"])
    fails = bool(row["expectError"] or row["expectErr"])
    rule = podspec.windows if "Windows" in row.table else podspec.linux
    first_is(
        found_by(rule, "field", spec), row["errorType"], "", row["errorMsg"] or row["errorDetail"] or "", fails=fails
    )


@more("TestValidateFileKeyRefVolume")
def file_ref_volumes(row: Row) -> None:
    alike(
        judged(podspec.file_refs, "spec", api("PodSpec", row["podSpec"])), errors_of(row["expectedErrs"]), ordered=False
    )


@more("TestValidateDynamicResourceAllocation")
def claims_of_pods(row: Row) -> None:
    metadata: Obj = {"name": "some-pod"}
    if row.title.startswith("static pod"):
        metadata["annotations"] = {podspec.MIRROR: "True"}
    accepted(judged(podspec.pod_spec, "field", row["spec"], metadata), is_good(row))


@more("TestValidateSELinuxChangePolicy")
def selinux(row: Row) -> None:
    if row["allowOnlyRecursive"]:
        return  # another gate than 1.36's
    pod = row["pod"]
    same(judged(podspec.pod_spec, "spec", pod["spec"], pod["metadata"]), errors_of(row["wantErrs"]))


@more("TestValidateSeccompAnnotationsAndFieldsMatch")
def seccomp_match(row: Row) -> None:
    profile = api("SeccompProfile", row["seccompField"])
    field = security.mismatch(profile, row["annotationValue"] or "") if profile else ""
    same(bool(field), row["expectedErr"] is not None, field)


@more("TestIsValidSysctlName")
def sysctl_name(row: Row) -> None:
    spec: Obj = {}
    accepted(judged(security.sysctls, "field", spec, [{"name": row.value or ""}]), row.part.startswith("valid"))


@more("TestValidateAppArmorProfileFormat")
def apparmor(row: Row) -> None:
    annotations = {security.APPARMOR + "c": row["profile"] or ""}
    found = judged(security.legacy_annotations, "field", annotations, {"containers": [{"name": "c"}]})
    accepted(found, bool(row["expectValid"]))


# Whole Pods.


@more("TestValidatePodCreateWithSchedulingGates")
def gated_pod(row: Row) -> None:
    pod = row["pod"]
    container = {"name": "con", "image": "pause", "imagePullPolicy": "IfNotPresent", "terminationMessagePolicy": "File"}
    spec = {
        "containers": [container],
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "terminationGracePeriodSeconds": 30,
    }
    full = {**pod, "metadata": {"name": "pod", "namespace": "ns", **pod["metadata"]}, "spec": {**pod["spec"], **spec}}
    same(judge("pods", full), errors_of(row["wantFieldErrors"]))


@more("TestValidatePodEphemeralContainersUpdate")
def ephemeral_update(row: Row) -> None:
    new, old = versioned(row["new"]), versioned(row["old"])
    contains(texts(pods.ephemeral_containers_update(new, old)), row["err"] or "")


@more("TestValidateNodeAllocatableResourceClaimStatus")
def allocatable_claims(row: Row) -> None:
    status, spec = api("PodStatus", row["podStatus"]), api("PodSpec", row["spec"])
    errors = found_by(podstatus.node_allocatable, "status.nodeAllocatableResourceClaimStatuses", status, spec)
    if not row["expectError"]:
        same(texts(errors), [])
        return
    wanted = (row["errorType"], row["errorField"])
    same(wanted in [(CAUSE_REASONS[one.type], one.field) for one in errors], True, f"{wanted} in {texts(errors)}")


@more("TestValidateContainerStateTransition", "TestValidateInitContainerStateTransition")
def state_transition(row: Row) -> None:
    of = "initContainers" if "Init" in row.table else "containers"
    new, old = (api("ContainerStatus", row[name]) or [] for name in ("newStatuses", "oldStatuses"))
    accepted(judged(podstatus.transitions, "field", of, new, old, api("PodSpec", row["podSpec"])), not row["expectErr"])


# Other kinds.


@more("TestValidateReplicationControllerStatus")
def controller_status(row: Row) -> None:
    status = {name: row[name] or 0 for name in core.REPLICA_COUNTS}
    found = judged(core.counts, status, core.REPLICA_COUNTS, core.BOUNDED, "readyReplicas")
    same(bool(found), bool(row["expectedErr"]), "; ".join(found))


@more("TestValidateReplicationControllerStatusUpdate", "TestValidateReplicationControllerUpdate")
def controller_update(row: Row) -> None:
    info = RESOURCES["replicationcontrollers"]
    rule = info.validate_status if "Status" in row.table else info.validate_update
    found = texts(rule(versioned(row["update"]), versioned(row["old"])))
    if row["expectedErrs"]:
        alike(found, errors_of(row["expectedErrs"]), ordered=False)
    else:
        accepted(found, is_good(row))


@more("TestValidateNode", "TestValidateNodeCIDRs")
def node(row: Row) -> None:
    with gates(StrictIPCIDRValidation=not row.part.startswith("legacy")):
        found = judge("nodes", row["node"] or dict(row))
    accepted(found, not row["expectError"] if "expectError" in row else is_good(row))


@more("TestValidateNodeUpdate")
def node_update(row: Row) -> None:
    found = RESOURCES["nodes"].validate_update(versioned(row["node"]), versioned(row["oldNode"]))
    accepted(texts(found), bool(row["valid"]))


@more("TestValidateNodeDeclaredFeatures")
def declared_features(row: Row) -> None:
    node_of = {"metadata": {"name": "n"}, "status": {"declaredFeatures": row["declaredFeatures"] or []}}
    bare = {"metadata": {"name": "n"}, "status": {}}
    info = RESOURCES["nodes"]
    for errors in (info.validate(node_of), info.validate_update(versioned(node_of), versioned(bare))):
        if not row["expectErr"]:
            same(texts(errors), [])
            continue
        kind, path, said = row["expectedErrType"], row["expectedErrPath"], row["expectedErrMsg"] or ""
        hits = [
            one
            for one in errors
            if not kind or (CAUSE_REASONS[one.type] == kind and one.field == path and said in str(one))
        ]
        same(bool(hits), True, "; ".join(texts(errors)))


@more("TestValidateLimitRange", "TestValidateLimitRangeForLocalStorage")
def limit_range(row: Row) -> None:
    if "R" in row:
        found = RESOURCES["limitranges"].validate(row["R"])
        same(bool(found) and all((row["D"] or "") in one.detail for one in found), True, "; ".join(texts(found)))
        return
    named = {"name": row["name"], "namespace": "foo"}
    same(judge("limitranges", {"metadata": named, "spec": api("LimitRangeSpec", row["spec"])}), [])


@more("TestValidateResourceQuota")
def quota(row: Row) -> None:
    found = RESOURCES["resourcequotas"].validate(row["rq"])
    if not row["errDetail"] and not row["errField"]:
        same(texts(found), [])
        return
    same(bool(found) and all((row["errDetail"] or "") in one.detail for one in found), True, "; ".join(texts(found)))


@more(
    "TestValidateSecret",
    "TestValidateDockerConfigSecret",
    "TestValidateBasicAuthSecret",
    "TestValidateSSHAuthSecret",
    "TestValidateConfigMap",
)
def valid_or_not(row: Row) -> None:
    resource = "secrets" if row["secret"] is not None else "configmaps"
    valid = row["valid"] if "valid" in row else row["isValid"]
    accepted(judge(resource, row["secret"] if row["secret"] is not None else row["cfg"]), bool(valid))


@more("TestValidateSecretUpdate")
def secret_update(row: Row) -> None:
    found = RESOURCES["secrets"].validate_update(row["newSecret"], row["oldSecret"])
    accepted(texts(found), bool(row["valid"]))


@more("TestValidateTLSSecret")
def tls_secret(row: Row) -> None:
    found = RESOURCES["secrets"].validate(row["secrets"] if "secrets" in row else dict(row))
    first_is(found, row["errorType"], "", row["errorDetail"] or "")


@more("TestValidateEndpointsCreate")
def endpoints(row: Row) -> None:
    with gates(StrictIPCIDRValidation=not row.part.startswith("legacy")):
        found = judge("endpoints", row["endpoints"])
    alike(found, errors_of(row["expectedErrs"]), ordered=False)


@more("TestValidateOrSetClientIPAffinityConfig")
def client_ip(row: Row) -> None:
    config = api("SessionAffinityConfig", dict(row) if row else row.value)
    found = judged(services.affinity, {"sessionAffinity": "ClientIP", "sessionAffinityConfig": config})
    accepted(found, is_good(row))


# Addresses.


def said_of(errors: list[FieldError], detail: str | None) -> None:
    same(len(errors), 1 if detail else 0, "; ".join(texts(errors)))
    for error in errors:
        same((detail or "") in error.detail, True, str(error))


@more("TestIsValidIP", "TestIsValidCIDR")
def addresses_taken(row: Row) -> None:
    which = "ip" if row.table.endswith("IP") else "cidr"
    strict = getattr(addresses, f"canonical_{which}")
    old = getattr(addresses, f"legacy_{which}")
    said_of(found_by(strict, "", row["in"] or ""), row["err"])
    said_of(found_by(old, "", row["in"] or "", False), row["legacyErr"])
    said_of(found_by(old, "", row["in"] or "", True), row["legacyStrictErr"])


@more("TestIsValidInterfaceAddress")
def interface_addresses(row: Row) -> None:
    said_of(found_by(addresses.interface_address, "", row["in"] or ""), row["err"])


@more("TestGetWarningsForIP", "TestGetWarningsForCIDR")
def address_warnings(row: Row) -> None:
    rule = addresses.ip_warnings if row.table.endswith("IP") else addresses.cidr_warnings
    wanted: list[str] = row["want"] or row["expected"] or []
    field = wanted[0].partition(": ")[0] if wanted else "spec"
    same(rule(field, row["address"] or row["cidr"] or row["ip"] or row["in"] or ""), wanted)


@more("TestIsInRange")
def in_range(row: Row) -> None:
    value, low, high = row["value"] or 0, row["min"] or 0, row["max"] or 0
    accepted(names.in_range(value, low, high), is_good(row))
