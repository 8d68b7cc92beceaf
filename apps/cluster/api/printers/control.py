"""Tables of who may do what, of certificates, of admission and of the API server's own kinds.

Models      pkg/printers/internalversion/printers.go (printRoleBinding, extractCSRStatus, printFlowSchema, …)
Leaves out  nothing
"""

from __future__ import annotations

from typing import Any

from apps.cluster.api.printers.words import (
    NONE,
    UNSET,
    Cells,
    Look,
    cut,
    format_labels,
    name_of,
    spec_of,
    status_of,
)
from apps.cluster.apimachinery.meta import EMPTY, Obj
from apps.cluster.apimachinery.timestamps import human_duration


def binding(obj: Obj, look: Look) -> Cells:
    """A RoleBinding or ClusterRoleBinding."""
    role = obj.get("roleRef") or EMPTY
    cells: Cells = [name_of(obj), f"{role.get('kind', '')}/{role.get('name', '')}", look.age(obj)]
    if look.wide:
        subjects = obj.get("subjects") or ()
        for kind in ("User", "Group", "ServiceAccount"):
            found = [one for one in subjects if one.get("kind") == kind]
            account = kind == "ServiceAccount"
            shown = (f"{one.get('namespace', '')}/{one['name']}" if account else one["name"] for one in found)
            cells.append(", ".join(shown))
    return cells


def signing_request(obj: Obj, look: Look) -> Cells:
    spec, status = spec_of(obj), status_of(obj)
    kinds = {one.get("type") for one in status.get("conditions") or ()}
    word = "Denied" if "Denied" in kinds else "Approved" if "Approved" in kinds else "Pending"
    word += (",Failed" if "Failed" in kinds else "") + (",Issued" if status.get("certificate") else "")
    seconds = spec.get("expirationSeconds")
    lasts = NONE if seconds is None else human_duration(seconds * 1000)
    signer = spec.get("signerName") or NONE
    return [name_of(obj), look.age(obj), signer, spec.get("username", ""), lasts, word]


def trust_bundle(obj: Obj, look: Look) -> Cells:
    return [name_of(obj), spec_of(obj).get("signerName") or NONE]


def pod_certificate_request(obj: Obj, look: Look) -> Cells:
    spec = spec_of(obj)
    kinds = [one.get("type") for one in status_of(obj).get("conditions") or ()]
    word = next((kind for kind in reversed(kinds) if kind in ("Issued", "Denied", "Failed")), "Pending")
    fields = ("podName", "serviceAccountName", "nodeName", "signerName")
    cells: Cells = [name_of(obj), *(spec.get(field, "") for field in fields), word]
    return [*cells, format_labels(spec.get("unverifiedUserAnnotations"))] if look.wide else cells


def webhooks(obj: Obj, look: Look) -> Cells:
    return [name_of(obj), len(obj.get("webhooks") or ()), look.age(obj)]


def admission_policy(obj: Obj, look: Look) -> Cells:
    spec = spec_of(obj)
    rules = spec.get("validations" if obj.get("kind") == "ValidatingAdmissionPolicy" else "mutations")
    kind = spec.get("paramKind")
    shown = UNSET if kind is None else f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}"
    return [name_of(obj), len(rules or ()), shown, look.age(obj)]


def admission_policy_binding(obj: Obj, look: Look) -> Cells:
    spec = spec_of(obj)
    reference, shown = spec.get("paramRef"), UNSET
    if reference is not None and reference.get("name"):
        shown = f"{reference.get('namespace') or '*'}/{reference['name']}"
    elif reference is not None and reference.get("selector") is not None:
        shown = _go_selector(reference["selector"])
    return [name_of(obj), spec.get("policyName", ""), shown, look.age(obj)]


def _go_selector(selector: Obj) -> str:
    """A label selector as its Go type prints itself."""
    labels = selector.get("matchLabels") or EMPTY
    listed = "".join(f"{key}: {labels[key]}," for key in sorted(labels))
    rules = "".join(
        "LabelSelectorRequirement{"
        f"Key:{one.get('key', '')},Operator:{one.get('operator', '')},Values:[{' '.join(one.get('values') or ())}],}},"
        for one in selector.get("matchExpressions") or ()
    )
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{listed}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{rules}}},}}"
    )


def api_service(obj: Obj, look: Look) -> Cells:
    service = spec_of(obj).get("service")
    where = "Local" if service is None else f"{service.get('namespace', '')}/{service.get('name', '')}"
    said = "Unknown"
    for one in status_of(obj).get("conditions") or ():
        if one["type"] == "Available":
            said = one["status"]
            if said != "True" and one.get("reason"):
                said = f"{said} ({one['reason']})"
            break
    return [name_of(obj), where, said, look.age(obj)]


def flow_schema(obj: Obj, look: Look) -> Cells:
    spec = spec_of(obj)
    method = spec.get("distinguisherMethod")
    dangling = (one.get("status", "") for one in status_of(obj).get("conditions") or () if one["type"] == "Dangling")
    return [
        name_of(obj),
        (spec.get("priorityLevelConfiguration") or EMPTY).get("name", ""),
        spec.get("matchingPrecedence", 0),
        NONE if method is None else method.get("type", ""),
        look.age(obj),
        next(dangling, "?"),
    ]


def flow_order(obj: Obj) -> Any:
    """FlowSchemas are listed as they are tried."""
    return spec_of(obj).get("matchingPrecedence", 0), name_of(obj)


def priority_level(obj: Obj, look: Look) -> Cells:
    spec = spec_of(obj)
    limited = spec.get("limited")
    shares: Any = NONE
    queues: Cells = [NONE, NONE, NONE]
    if limited is not None:
        shares = limited.get("nominalConcurrencyShares", 0)
        queuing = (limited.get("limitResponse") or EMPTY).get("queuing")
        if queuing is not None:
            queues = [queuing.get(field, 0) for field in ("queues", "handSize", "queueLengthLimit")]
    return [name_of(obj), spec.get("type", ""), shares, *queues, look.age(obj)]


def storage_version(obj: Obj, look: Look) -> Cells:
    status = status_of(obj)
    common = status.get("commonEncodingVersion")
    found = [f"{one['apiServerID']}={one['encodingVersion']}" for one in status.get("storageVersions") or ()]
    return [name_of(obj), UNSET if common is None else common, cut(found), look.age(obj)]


def storage_version_migration(obj: Obj, look: Look) -> Cells:
    resource = spec_of(obj).get("resource") or EMPTY
    word = "Unknown"
    for one in status_of(obj).get("conditions") or ():
        if one.get("status") == "True" and one.get("type") in ("Running", "Failed", "Succeeded"):
            word = one["type"]
    group = resource.get("group", "")
    return [name_of(obj), resource.get("resource", "") + (f".{group}" if group else ""), word]
