"""PodSpec, wherever it stands: in a Pod or in a template.

Models      pkg/apis/core/validation/validation.go (ValidatePodSpec, ValidatePodTemplateSpec)
Leaves out  nothing
"""

from __future__ import annotations

from apps.cluster.api.memo import IdentityMemo
from apps.cluster.api.validation import scheduling, security
from apps.cluster.api.validation.addresses import ip
from apps.cluster.api.validation.containers import Around, containers, ephemeral_containers, init_containers
from apps.cluster.api.validation.fields import (
    Errors,
    all_invalid,
    duplicate,
    forbidden,
    invalid,
    not_found,
    not_supported,
    required,
    too_long,
)
from apps.cluster.api.validation.objectmeta import annotation_map, labels
from apps.cluster.api.validation.paths import dns_label, dns_subdomain, qualified
from apps.cluster.api.validation.podresources import pod_resources
from apps.cluster.api.validation.resources import requirements
from apps.cluster.api.validation.volumes import volumes
from apps.cluster.apimachinery import features, names
from apps.cluster.apimachinery.meta import EMPTY, Obj

MAX_INT32 = (1 << 31) - 1
RESTART_POLICIES = ("Always", "OnFailure", "Never")
DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
SYSTEMS = ("linux", "windows")
MIRROR = "kubernetes.io/config.mirror"
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
GOOD: IdentityMemo[bool] = IdentityMemo()


def choice(errors: Errors, at: str, value: str, valid: tuple[str, ...]) -> None:
    if value in valid:
        return
    if not value:
        required(errors, at)
    else:
        not_supported(errors, at, value, valid)


def dns_config(errors: Errors, at: str, spec: Obj) -> None:
    config, none = spec.get("dnsConfig"), spec.get("dnsPolicy") == "None"
    if config is None:
        if none:
            required(errors, at, "must provide `dnsConfig` when `dnsPolicy` is None")
        return
    servers, searches = config.get("nameservers") or [], config.get("searches") or []
    if none and not servers:
        detail = "must provide at least one DNS nameserver when `dnsPolicy` is None"
        required(errors, f"{at}.nameservers", detail)
        return
    if len(servers) > 3:
        invalid(errors, f"{at}.nameservers", servers, "must not have more than 3 nameservers")
    for index, server in enumerate(servers):
        ip(errors, f"{at}.nameservers[{index}]", server)
    if len(searches) > 32:
        invalid(errors, f"{at}.searches", searches, "must not have more than 32 search paths")
    if len(" ".join(searches)) > 2048:
        detail = "must not have more than 2048 characters (including spaces) in the search list"
        invalid(errors, f"{at}.searches", searches, detail)
    for index, search in enumerate(searches):
        if not features.enabled("RelaxedDNSSearchValidation"):
            dns_subdomain(errors, f"{at}.searches[{index}]", search.removesuffix("."))
        elif search != ".":
            where, search = f"{at}.searches[{index}]", search.removesuffix(".")
            all_invalid(errors, where, search, names.dns1123_subdomain_with_underscore(search))
    for index, option in enumerate(config.get("options") or ()):
        if not option.get("name"):
            required(errors, f"{at}.options[{index}]", "must not be empty")


def _host_network(errors: Errors, at: str, spec: Obj, is_pod: bool) -> None:
    for index, container in enumerate(spec.get("containers") or ()):
        for place, port in enumerate(container.get("ports") or ()):
            host, number = port.get("hostPort", 0), port.get("containerPort", 0)
            if (is_pod or host) and host != number:
                detail = "must match `containerPort` when `hostNetwork` is true"
                invalid(errors, f"{at}.containers[{index}].ports[{place}].hostPort", host, detail)


def gates(errors: Errors, at: str, spec: Obj) -> None:
    for index, gate in enumerate(spec.get("readinessGates") or ()):
        qualified(errors, f"{at}.readinessGates[{index}].conditionType", gate.get("conditionType", ""))
    scheduling_gates(errors, f"{at}.schedulingGates", spec.get("schedulingGates") or [])


def scheduling_gates(errors: Errors, at: str, gates: list[Obj]) -> None:
    seen: set[str] = set()
    for index, gate in enumerate(gates):
        name, here = gate.get("name", ""), f"{at}[{index}]"
        qualified(errors, here, name)
        if name in seen:
            duplicate(errors, here, name)
        seen.add(name)


def host_users(errors: Errors, at: str, spec: Obj) -> None:
    detail = "when `hostUsers` is false"
    for field, shown in (("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC")):
        if field == "hostNetwork" and features.enabled("UserNamespacesHostNetworkSupport"):
            continue
        if spec.get(field):
            forbidden(errors, f"{at}.{shown}", detail)
    for where, container in security.containers_of(spec):
        if container.get("volumeDevices"):
            forbidden(errors, f"{at}.{where}.volumeDevices", detail)


def hostname(errors: Errors, at: str, spec: Obj) -> None:
    override = spec.get("hostnameOverride")
    if override is None:
        return
    where = f"{at}.hostnameOverride"
    for field in ("setHostnameAsFQDN", "hostNetwork"):
        if spec.get(field):
            forbidden(errors, where, f"may not be specified when {field} is true")
    if len(override) > 64:
        too_long(errors, where, 64)
    dns_subdomain(errors, where, override)


def _claims(errors: Errors, at: str, claims: list[Obj], mirror: bool) -> set[str]:
    seen: set[str] = set()
    for index, claim in enumerate(claims):
        here, name = f"{at}[{index}]", claim.get("name", "")
        if mirror:
            forbidden(errors, "", "static pods do not support resource claims")
            continue
        if not name:
            required(errors, f"{here}.name")
        elif name in seen:
            duplicate(errors, f"{here}.name", name)
        else:
            dns_label(errors, f"{here}.name", name)
            seen.add(name)
        sources = [
            field for field in ("resourceClaimName", "resourceClaimTemplateName") if claim.get(field) is not None
        ]
        shown = {
            "Name": name,
            "ResourceClaimName": claim.get("resourceClaimName"),
            "ResourceClaimTemplateName": claim.get("resourceClaimTemplateName"),
        }
        if len(sources) == 2:
            detail = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
            invalid(errors, here, shown, detail)
        if not sources:
            invalid(errors, here, shown, "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`")
        for field in sources:
            all_invalid(errors, f"{here}.{field}", claim[field], names.dns1123_subdomain(claim[field]))
    return {claim.get("name", "") for claim in claims}


def system(errors: Errors, at: str, spec: Obj) -> None:
    name = spec["os"].get("name", "")
    if not name:
        required(errors, f"{at}.os.name")
    elif name not in SYSTEMS:
        not_supported(errors, f"{at}.os", name, SYSTEMS)
    elif name == "linux":
        linux(errors, at, spec)
    else:
        windows(errors, at, spec)


def linux(errors: Errors, at: str, spec: Obj) -> None:
    """What a Pod for Linux may not have."""
    detail = "windows options cannot be set for a linux pod"
    if (spec.get("securityContext") or EMPTY).get("windowsOptions") is not None:
        forbidden(errors, f"{at}.securityContext.windowsOptions", detail)
    for where, container in security.containers_of(spec):
        if (container.get("securityContext") or EMPTY).get("windowsOptions") is not None:
            forbidden(errors, f"{at}.{where}.securityContext.windowsOptions", detail)


# In the order in which the real server looks at them; what begins with a dot stands in the security context.
WINDOWS_POD = (
    ".appArmorProfile",
    ".seLinuxOptions",
    "hostUsers",
    "hostPID",
    "hostIPC",
    ".seccompProfile",
    ".fsGroup",
    ".fsGroupChangePolicy",
    ".sysctls",
    "shareProcessNamespace",
    ".runAsUser",
    ".runAsGroup",
    ".supplementalGroups",
    ".supplementalGroupsPolicy",
    ".seLinuxChangePolicy",
)
WINDOWS_CONTAINER = (
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "capabilities",
    "readOnlyRootFilesystem",
    "privileged",
    "allowPrivilegeEscalation",
    "procMount",
    "runAsUser",
    "runAsGroup",
)


def windows(errors: Errors, at: str, spec: Obj) -> None:
    """What a Pod for Windows may not have."""
    detail = "cannot be set for a windows pod"
    context = spec.get("securityContext") or EMPTY
    for field in WINDOWS_POD:
        value = context.get(field[1:]) if field.startswith(".") else spec.get(field)
        if field in ("hostPID", "hostIPC", ".sysctls"):
            value = value or None
        if value is not None:
            forbidden(errors, f"{at}.securityContext{field}" if field.startswith(".") else f"{at}.{field}", detail)
    for where, container in security.containers_of(spec):
        context = container.get("securityContext") or EMPTY
        for field in WINDOWS_CONTAINER:
            if context.get(field) is not None:
                forbidden(errors, f"{at}.{where}.securityContext.{field}", detail)


def file_refs(errors: Errors, at: str, spec: Obj) -> None:
    sources: dict[str, Obj] | None = None
    for where, container in security.containers_of(spec):
        for index, variable in enumerate(container.get("env") or ()):
            reference = (variable.get("valueFrom") or EMPTY).get("fileKeyRef")
            if reference is None:
                continue
            if sources is None:
                sources = {volume.get("name", ""): volume for volume in spec.get("volumes") or ()}
            name = reference.get("volumeName", "")
            here = f"{at}.{where}.env[{index}].valueFrom.fileKeyRef.volumeName"
            if name not in sources:
                not_found(errors, here, name)
            elif sources[name].get("emptyDir") is None:
                invalid(errors, here, name, "referenced volume must be of type emptyDir")


def _names(errors: Errors, at: str, spec: Obj) -> None:
    for field in ("serviceAccountName", "nodeName"):
        name = spec.get(field)
        if name:
            dns_subdomain(errors, f"{at}.{field}", name)
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= MAX_INT32:
        invalid(errors, f"{at}.activeDeadlineSeconds", deadline, names.between(1, MAX_INT32))
    for field in ("hostname", "subdomain"):
        name = spec.get(field)
        if name:
            dns_label(errors, f"{at}.{field}", name)
    if spec.get("tolerations"):
        scheduling.tolerations(errors, f"{at}.tolerations", spec["tolerations"])
    for index, alias in enumerate(spec.get("hostAliases") or ()):
        ip(errors, f"{at}.hostAliases[{index}].ip", alias.get("ip", ""))
        for place, name in enumerate(alias.get("hostnames") or ()):
            dns_subdomain(errors, f"{at}.hostAliases[{index}].hostnames[{place}]", name)
    if spec.get("priorityClassName"):
        dns_subdomain(errors, f"{at}.priorityClassName", spec["priorityClassName"])
    if spec.get("runtimeClassName") is not None:
        dns_subdomain(errors, f"{at}.runtimeClassName", spec["runtimeClassName"])
    preemption = spec.get("preemptionPolicy")
    if preemption is not None:
        choice(errors, f"{at}.preemptionPolicy", preemption, ("PreemptLowerPriority", "Never"))


def pod_spec(errors: Errors, at: str, spec: Obj, metadata: Obj | None = None, is_pod: bool = False) -> None:
    """`metadata` is the Pod's, None for a template."""
    grace = spec.get("terminationGracePeriodSeconds")
    if grace is None:
        required(errors, f"{at}.terminationGracePeriodSeconds")
    is_pod = is_pod or metadata is not None
    meta: Obj = metadata if metadata is not None else EMPTY
    hosted = spec.get("hostUsers") is not False
    good = volumes(errors, f"{at}.volumes", spec.get("volumes") or [], meta.get("name", ""), is_pod)
    mirror = MIRROR in (meta.get("annotations") or EMPTY)
    claims = _claims(errors, f"{at}.resourceClaims", spec.get("resourceClaims") or [], mirror)
    restart = spec.get("restartPolicy", "")
    system_name = (spec.get("os") or EMPTY).get("name") if spec.get("os") is not None else None
    around = Around(good, claims, grace, restart, hosted, system_name)
    regular, initial = spec.get("containers") or [], spec.get("initContainers") or []
    containers(errors, f"{at}.containers", regular, around)
    if initial:
        init_containers(errors, f"{at}.initContainers", initial, regular, around)
    if spec.get("ephemeralContainers"):
        others = [*regular, *initial]
        ephemeral_containers(errors, f"{at}.ephemeralContainers", spec["ephemeralContainers"], others, around)
    if spec.get("resources"):
        pod_resources(errors, at, spec, claims)
    if spec.get("hostNetwork"):
        _host_network(errors, at, spec, is_pod)
    choice(errors, f"{at}.restartPolicy", restart, RESTART_POLICIES)
    choice(errors, f"{at}.dnsPolicy", spec.get("dnsPolicy", ""), DNS_POLICIES)
    if spec.get("nodeSelector"):
        labels(errors, f"{at}.nodeSelector", spec["nodeSelector"])
    security.pod_context(errors, at, spec)
    scheduling.affinity(errors, f"{at}.affinity", spec.get("affinity"))
    dns_config(errors, f"{at}.dnsConfig", spec)
    if spec.get("readinessGates") or spec.get("schedulingGates"):
        gates(errors, at, spec)
    if spec.get("topologySpreadConstraints"):
        scheduling.spread(errors, f"{at}.topologySpreadConstraints", spec["topologySpreadConstraints"])
    security.host_process(errors, at, spec)
    if not hosted:
        host_users(errors, at, spec)
    hostname(errors, at, spec)
    _names(errors, at, spec)
    if spec.get("overhead") is not None:
        requirements(errors, f"{at}.overhead", {"limits": spec["overhead"]}, set())
    if spec.get("os") is not None:
        system(errors, at, spec)
    group = spec.get("schedulingGroup")
    if group is not None:
        name = group.get("podGroupName")
        where = f"{at}.schedulingGroup.podGroupName"
        if name is None:
            invalid(errors, where, None, "must specify one of: `podGroupName`")
        else:
            all_invalid(errors, where, name, names.dns1123_subdomain(name))
    file_refs(errors, at, spec)


def pod_annotations(errors: Errors, at: str, found: dict[str, str], spec: Obj) -> None:
    """Annotations that mean something to a Pod."""
    if MIRROR in found and not spec.get("nodeName"):
        invalid(errors, f"{at}[{MIRROR}]", found[MIRROR], "must set spec.nodeName if mirror pod annotation is set")
    cost = found.get(DELETION_COST)
    if cost is not None:
        digits = cost.removeprefix("-")
        fits = digits.isascii() and digits.isdecimal() and -(1 << 31) <= int(cost) <= MAX_INT32
        if not fits or (cost != "0" and (digits.startswith("0") or cost.startswith("+"))):
            invalid(errors, f"{at}[{DELETION_COST}]", cost, "must be a 32bit integer")
    security.legacy_annotations(errors, at, found, spec)


def pod_template(errors: Errors, at: str, template: Obj) -> None:
    """A PodTemplateSpec. One that was found good at a path is not looked at again."""
    if GOOD.get(template):
        return
    before = len(errors)
    metadata, spec = template.get("metadata") or EMPTY, template.get("spec") or EMPTY
    if metadata.get("labels"):
        labels(errors, f"{at}.labels", metadata["labels"])
    found = metadata.get("annotations")
    if found:
        annotation_map(errors, f"{at}.annotations", found)
        pod_annotations(errors, f"{at}.annotations", found, spec)
    pod_spec(errors, f"{at}.spec", spec)
    if found:
        security.annotations_match(errors, f"{at}.spec", found, spec)
    if spec.get("ephemeralContainers"):
        forbidden(errors, f"{at}.spec.ephemeralContainers", "ephemeral containers not allowed in pod template")
    if len(errors) == before:
        GOOD.put(template, True)
