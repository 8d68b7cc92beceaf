"""Containers: ports, mounts, images, restart rules.

Models      pkg/apis/core/validation/validation.go (validateContainers, validateInitContainers, validateContainerCommon)
Leaves out  nothing that a created Pod or a template has
"""

from __future__ import annotations

from typing import NamedTuple

from apps.cluster.api.validation.environment import env, env_from
from apps.cluster.api.validation.fields import (
    Errors,
    all_invalid,
    duplicate,
    forbidden,
    invalid,
    not_found,
    not_supported,
    required,
    too_many,
)
from apps.cluster.api.validation.paths import dns_label, local_descending
from apps.cluster.api.validation.probes import lifecycle, probes
from apps.cluster.api.validation.resources import requirements
from apps.cluster.api.validation.security import container_context
from apps.cluster.api.validation.volumes import pull_policy
from apps.cluster.apimachinery import features, names
from apps.cluster.apimachinery.meta import Obj

PROTOCOLS = ("SCTP", "TCP", "UDP")
MESSAGE_POLICIES = ("File", "FallbackToLogsOnError")
PROPAGATIONS = ("Bidirectional", "HostToContainer", "None")
RECURSIVE = ("Disabled", "Enabled", "IfPossible")
RESTART_POLICIES = ("Always", "Never", "OnFailure")
NOT_WITH_ALWAYS = "restartPolicyRules are not allowed for init containers with restart policy Always"
NOT_INIT = "may not be set for init containers without restartPolicy=Always"


class Around(NamedTuple):
    """What judging a container needs to know of its Pod."""

    volumes: dict[str, Obj]
    claims: set[str]
    grace: int | None
    restart_policy: str
    host_users: bool
    system: str | None


def ports(errors: Errors, at: str, found: list[Obj]) -> None:
    seen: set[str] = set()
    for index, port in enumerate(found):
        name = port.get("name")
        if name:
            problems = names.port_name(name)
            if problems:
                all_invalid(errors, f"{at}[{index}].name", name, problems)
            elif name in seen:
                duplicate(errors, f"{at}[{index}].name", name)
            else:
                seen.add(name)
        number = port.get("containerPort", 0)
        if number == 0:
            required(errors, f"{at}[{index}].containerPort")
        elif not 1 <= number <= 65535:
            all_invalid(errors, f"{at}[{index}].containerPort", number, names.port_number(number))
        host = port.get("hostPort", 0)
        if host and not 1 <= host <= 65535:
            all_invalid(errors, f"{at}[{index}].hostPort", host, names.port_number(host))
        protocol = port.get("protocol", "")
        if protocol not in PROTOCOLS:
            if not protocol:
                required(errors, f"{at}[{index}].protocol")
            else:
                not_supported(errors, f"{at}[{index}].protocol", protocol, PROTOCOLS)


def _propagation(errors: Errors, at: str, mount: Obj, container: Obj) -> None:
    propagation = mount["mountPropagation"]
    if propagation not in PROPAGATIONS:
        not_supported(errors, f"{at}.mountPropagation", propagation, PROPAGATIONS)
    privileged = (container.get("securityContext") or {}).get("privileged")
    if propagation == "Bidirectional" and not privileged:
        detail = "Bidirectional mount propagation is available only to privileged containers"
        forbidden(errors, f"{at}.mountPropagation", detail)


def _recursive(errors: Errors, at: str, mount: Obj) -> None:
    recursive, where = mount["recursiveReadOnly"], f"{at}.recursiveReadOnly"
    if recursive not in RECURSIVE:
        not_supported(errors, where, recursive, RECURSIVE)
    elif recursive != "Disabled":
        if not mount.get("readOnly"):
            forbidden(errors, where, "may only be specified when readOnly is true")
        if mount.get("mountPropagation") not in (None, "None"):
            forbidden(errors, where, "may only be specified when mountPropagation is None or not specified")


def mounts(errors: Errors, at: str, container: Obj, volumes: dict[str, Obj]) -> None:
    blocks = {one.get("name"): one.get("devicePath") for one in container.get("volumeDevices") or ()}
    points: set[str] = set()
    for index, mount in enumerate(container["volumeMounts"]):
        name, path = mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            required(errors, f"{at}[{index}].name")
        if name not in volumes:
            not_found(errors, f"{at}[{index}].name", name)
        if not path:
            required(errors, f"{at}[{index}].mountPath")
        if path in points:
            invalid(errors, f"{at}[{index}].mountPath", path, "must be unique")
        points.add(path)
        if blocks:
            if name in blocks:
                invalid(errors, f"{at}[{index}].name", name, "must not already exist in volumeDevices")
            if path in blocks.values():
                detail = "must not already exist as a path in volumeDevices"
                invalid(errors, f"{at}[{index}].mountPath", path, detail)
        if mount.get("subPath"):
            local_descending(errors, f"{at}.subPath", mount["subPath"])
        if mount.get("subPathExpr"):
            if mount.get("subPath"):
                detail = "subPathExpr and subPath are mutually exclusive"
                invalid(errors, f"{at}[{index}].subPathExpr", mount["subPathExpr"], detail)
            local_descending(errors, f"{at}.subPathExpr", mount["subPathExpr"])
        if mount.get("mountPropagation") is not None:
            _propagation(errors, at, mount, container)
        if mount.get("recursiveReadOnly") is not None:
            _recursive(errors, at, mount)


def devices(errors: Errors, at: str, container: Obj, volumes: dict[str, Obj]) -> None:
    mounted = {one.get("name"): one.get("mountPath") for one in container.get("volumeMounts") or ()}
    paths: set[str] = set()
    seen: set[str] = set()
    for index, device in enumerate(container["volumeDevices"]):
        here = f"{at}[{index}]"
        name, path = device.get("name", ""), device.get("devicePath", "")
        volume = volumes.get(name)
        if not name:
            required(errors, f"{here}.name")
        if name in seen:
            invalid(errors, f"{here}.name", name, "must be unique")
        if volume is None:
            not_found(errors, f"{here}.name", name)
        elif volume.get("persistentVolumeClaim") is None and volume.get("ephemeral") is None:
            detail = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
            invalid(errors, f"{here}.name", name, detail)
        if not path:
            required(errors, f"{here}.devicePath")
        if path in paths:
            invalid(errors, f"{here}.devicePath", path, "must be unique")
        if ".." in path.split("/"):
            invalid(errors, f"{here}.devicePath", path, "can not contain backsteps ('..')")
        else:
            paths.add(path)
        if name in mounted:
            invalid(errors, f"{here}.name", name, "must not already exist in volumeMounts")
        if path in mounted.values():
            invalid(errors, f"{here}.devicePath", path, "must not already exist as a path in volumeMounts")
        if name:
            seen.add(name)


def resize_policy(errors: Errors, at: str, policies: list[Obj], restart_policy: str) -> None:
    seen: set[str] = set()
    for index, policy in enumerate(policies):
        resource, restart = policy.get("resourceName", ""), policy.get("restartPolicy", "")
        if resource in seen:
            duplicate(errors, f"{at}[{index}]", resource)
        seen.add(resource)
        for value, valid in ((resource, ("cpu", "memory")), (restart, ("NotRequired", "RestartContainer"))):
            if not value:
                required(errors, at)
            elif value not in valid:
                not_supported(errors, at, value, valid)
        if restart_policy == "Never" and restart != "NotRequired":
            invalid(errors, at, restart, "must be 'NotRequired' when pod `restartPolicy` is 'Never'")


def _restart(errors: Errors, at: str, container: Obj) -> None:
    policy, rules = container.get("restartPolicy"), container.get("restartPolicyRules") or []
    restart_all = features.enabled("RestartAllContainersOnContainerExits")
    actions = ("Restart", "RestartAllContainers") if restart_all else ("Restart",)
    if policy is None:
        if not rules:
            return
        required(errors, f"{at}.restartPolicy", "must specify restartPolicy when restart rules are used")
    elif policy not in RESTART_POLICIES:
        not_supported(errors, f"{at}.restartPolicy", policy, RESTART_POLICIES)
    if len(rules) > 20:
        too_many(errors, f"{at}.restartPolicyRules", len(rules), 20)
    for index, rule in enumerate(rules):
        here, codes = f"{at}.restartPolicyRules[{index}]", rule.get("exitCodes")
        if rule.get("action", "") not in actions:
            not_supported(errors, f"{here}.action", rule.get("action", ""), actions)
        if codes is None:
            required(errors, f"{here}.exitCodes", "must be specified")
            continue
        if codes.get("operator", "") not in ("In", "NotIn"):
            not_supported(errors, f"{here}.exitCodes.operator", codes.get("operator", ""), ("In", "NotIn"))
        if len(codes.get("values") or ()) > 255:
            too_many(errors, f"{here}.exitCodes.values", len(codes["values"]), 255)


def common(errors: Errors, at: str, container: Obj, around: Around) -> None:
    """What every kind of container is judged by."""
    name = container.get("name", "")
    if not name:
        required(errors, f"{at}.name")
    else:
        dns_label(errors, f"{at}.name", name)
    if not container.get("image"):
        required(errors, f"{at}.image")
    policy = container.get("terminationMessagePolicy", "")
    if policy not in MESSAGE_POLICIES:
        if not policy:
            required(errors, f"{at}.terminationMessagePolicy")
        else:
            not_supported(errors, f"{at}.terminationMessagePolicy", policy, MESSAGE_POLICIES)
    if container.get("ports"):
        ports(errors, f"{at}.ports", container["ports"])
    if container.get("env"):
        env(errors, f"{at}.env", container["env"])
    if container.get("envFrom"):
        env_from(errors, f"{at}.envFrom", container["envFrom"])
    if container.get("volumeMounts"):
        mounts(errors, f"{at}.volumeMounts", container, around.volumes)
    if container.get("volumeDevices"):
        devices(errors, f"{at}.volumeDevices", container, around.volumes)
    pull_policy(errors, f"{at}.imagePullPolicy", container.get("imagePullPolicy", ""))
    requirements(errors, f"{at}.resources", container.get("resources"), around.claims)
    if container.get("resizePolicy"):
        resize_policy(errors, f"{at}.resizePolicy", container["resizePolicy"], around.restart_policy)
    if container.get("securityContext"):
        container_context(errors, f"{at}.securityContext", container["securityContext"], around.host_users)


def host_port_conflicts(errors: Errors, at: str, containers: list[Obj]) -> None:
    seen: set[str] = set()
    for index, container in enumerate(containers):
        for place, port in enumerate(container.get("ports") or ()):
            number = port.get("hostPort", 0)
            if not number:
                continue
            shown = f"{port.get('protocol', '')}/{port.get('hostIP', '')}/{number}"
            if shown in seen:
                duplicate(errors, f"{at}[{index}].ports[{place}].hostPort", shown)
            seen.add(shown)


def containers(errors: Errors, at: str, found: list[Obj], around: Around) -> None:
    if not found:
        required(errors, at)
        return
    seen: set[str] = set()
    for index, container in enumerate(found):
        here = f"{at}[{index}]"
        common(errors, here, container, around)
        name = container.get("name", "")
        if name in seen:
            duplicate(errors, f"{here}.name", name)
        seen.add(name)
        if container.get("lifecycle"):
            lifecycle(errors, f"{here}.lifecycle", container["lifecycle"], around.grace, around.system)
        probes(errors, here, container, around.grace)
        _restart(errors, here, container)
    host_port_conflicts(errors, at, found)


def init_containers(errors: Errors, at: str, found: list[Obj], regular: list[Obj], around: Around) -> None:
    """Init containers; with restartPolicy Always they are sidecars, and judged as such."""
    seen = {container.get("name", "") for container in regular}
    for index, container in enumerate(found):
        here = f"{at}[{index}]"
        common(errors, here, container, around)
        sidecar = container.get("restartPolicy") == "Always"
        if sidecar and not features.enabled("RestartAllContainersOnContainerExits"):
            if container.get("restartPolicyRules"):
                forbidden(errors, f"{here}.restartPolicyRules", NOT_WITH_ALWAYS)
        else:
            _restart(errors, here, container)
        name = container.get("name", "")
        if name in seen:
            duplicate(errors, f"{here}.name", name)
        elif name:
            seen.add(name)
        host_port_conflicts(errors, at, [container])
        if sidecar:
            if container.get("lifecycle"):
                lifecycle(errors, f"{here}.lifecycle", container["lifecycle"], around.grace, around.system)
            probes(errors, here, container, around.grace)
            continue
        for field in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe"):
            if container.get(field) is not None:
                forbidden(errors, f"{here}.{field}", NOT_INIT)
        for place, policy in enumerate(container.get("resizePolicy") or ()):
            if policy.get("restartPolicy") == "RestartContainer":
                detail = "must not be set to 'RestartContainer' for non-sidecar initContainers"
                invalid(errors, f"{here}.resizePolicy[{place}].restartPolicy", "RestartContainer", detail)


# What a container may have and an ephemeral one may not, in the order of the struct.
NOT_EPHEMERAL = (
    "ports",
    "resources",
    "resizePolicy",
    "restartPolicy",
    "restartPolicyRules",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
)


def ephemeral_containers(errors: Errors, at: str, found: list[Obj], others: list[Obj], around: Around) -> None:
    detail = "cannot be set for an Ephemeral Container"
    known = {container.get("name", "") for container in others}
    seen = set(known)
    for index, container in enumerate(found):
        here = f"{at}[{index}]"
        common(errors, here, container, around)
        image_spaces(errors, here, container)
        name = container.get("name", "")
        if name in seen:
            duplicate(errors, f"{here}.name", name)
        seen.add(name)
        target = container.get("targetContainerName", "")
        if target and target not in known:
            not_found(errors, f"{here}.targetContainerName", target)
        for field in NOT_EPHEMERAL:
            if container.get(field) not in (None, {}, []):
                forbidden(errors, f"{here}.{field}", detail)
        for place, mount in enumerate(container.get("volumeMounts") or ()):
            for field in ("subPath", "subPathExpr"):
                if mount.get(field):
                    forbidden(errors, f"{here}.volumeMounts[{place}].{field}", detail)


def image_spaces(errors: Errors, at: str, container: Obj) -> None:
    image = container.get("image", "")
    if image and (image[0].isspace() or image[-1].isspace()):
        invalid(errors, f"{at}.image", image, "must not have leading or trailing whitespace")
