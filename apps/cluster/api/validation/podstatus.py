"""The status of a Pod: what a kubelet may write.

Models      pkg/apis/core/validation/validation.go (ValidatePodStatusUpdate and what it calls)
Leaves out  users, devices and volumes in container statuses; resource claim statuses
"""

from __future__ import annotations

import ipaddress
from typing import Any

from apps.cluster.api.validation.fields import Errors, all_invalid, forbidden, immutable, invalid
from apps.cluster.api.validation.paths import ip, qualified
from apps.cluster.apimachinery import names
from apps.cluster.apimachinery.meta import EMPTY, Obj

SYSTEM_CONDITIONS = {"PodScheduled", "Ready", "Initialized"}
NOT_BACK = "may not be transitioned to non-terminated state"


def _rule_restarts(container: Obj, policy: str, code: int) -> bool:
    """Whether a container that ended with `code` is started again, by its own rules or its Pod's policy."""
    for rule in container.get("restartPolicyRules") or ():
        codes = rule.get("exitCodes") or EMPTY
        listed = code in (codes.get("values") or ())
        if (codes.get("operator") == "In") == listed and codes:
            return True
    policy = container.get("restartPolicy") or policy
    return policy == "Always" or (policy == "OnFailure" and code != 0)


def _all_could_restart(spec: Obj) -> bool:
    return any(
        rule.get("action") == "RestartAllContainers"
        for kind in ("containers", "initContainers")
        for container in spec.get(kind) or ()
        for rule in container.get("restartPolicyRules") or ()
    )


def _transitions(errors: Errors, kind: str, of: str, new: Obj, old: Obj, spec: Obj) -> None:
    before, after = old.get(kind) or [], new.get(kind) or []
    if not before or before is after or _all_could_restart(spec):
        return
    policy = spec.get("restartPolicy", "")
    for index, was in enumerate(before):
        ended = (was.get("state") or EMPTY).get("terminated")
        if ended is None:
            continue
        now = next((one for one in after if one.get("name") == was.get("name")), None)
        if now is None or (now.get("state") or EMPTY).get("terminated") is not None:
            continue
        container = next((one for one in spec.get(of) or () if one.get("name") == was.get("name")), EMPTY)
        if of == "ephemeralContainers" or not _rule_restarts(container, policy, ended.get("exitCode", 0)):
            forbidden(errors, f"status.{kind}[{index}].state", NOT_BACK)


def pod_status(errors: Errors, new: Obj, old: Obj) -> None:
    status, before = new.get("status") or EMPTY, old.get("status") or EMPTY
    for index, condition in enumerate(status.get("conditions") or ()):
        if condition.get("observedGeneration", 0) < 0:
            where = f"status.conditions[{index}].observedGeneration"
            invalid(errors, where, condition["observedGeneration"], "must be a non-negative integer")
        if condition.get("type") not in SYSTEM_CONDITIONS:
            qualified(errors, f"status.conditions[{index}].Type", condition.get("type", ""))
    node = (old.get("spec") or EMPTY).get("nodeName", "")
    if (new.get("spec") or EMPTY).get("nodeName", "") != node:
        forbidden(errors, "status.nodeName", "may not be changed directly")
    nominated = status.get("nominatedNodeName", "")
    if nominated and nominated != before.get("nominatedNodeName", ""):
        all_invalid(errors, "status.nominatedNodeName", nominated, names.dns1123_subdomain(nominated))
        if node:
            forbidden(errors, "status.nominatedNodeName", "may not be set on pods that are already bound to a node")
    if status.get("observedGeneration", 0) < 0:
        invalid(errors, "status.observedGeneration", status["observedGeneration"], "must be a non-negative integer")
    immutable(errors, "status.qosClass", status.get("qosClass", ""), before.get("qosClass", ""))
    spec = old.get("spec") or EMPTY
    _transitions(errors, "containerStatuses", "containers", status, before, spec)
    _transitions(errors, "initContainerStatuses", "initContainers", status, before, spec)
    _transitions(errors, "ephemeralContainerStatuses", "ephemeralContainers", status, before, spec)


def _families(errors: Errors, at: str, found: list[Obj]) -> None:
    versions: list[int] = []
    for one in found:
        try:
            versions.append(ipaddress.ip_address(one.get("ip", "")).version)
        except ValueError:
            versions.append(0)
    if len(found) > 1 and (len(found) > 2 or len(set(versions)) != 2):
        invalid(errors, at, found, "may specify no more than one IP for each IP family")


def ips(errors: Errors, status: Obj, before: Obj) -> None:
    for kind in ("podIPs", "hostIPs"):
        found: list[Any] = status.get(kind) or []
        if not found or found is before.get(kind):
            continue
        if kind == "hostIPs" and status.get("hostIP", "") != found[0].get("ip", ""):
            invalid(errors, "status.hostIPs[0].ip", found[0].get("ip", ""), "must be equal to `hostIP`")
        known = {one.get("ip", "") for one in before.get(kind) or ()}
        for index, one in enumerate(found):
            if one.get("ip", "") not in known:
                ip(errors, f"status.{kind}[{index}]", one.get("ip", ""))
        _families(errors, f"status.{kind}", found)
