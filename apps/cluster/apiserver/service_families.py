"""Which IP families a Service asks for, in a cluster whose Services have IPv4 addresses.

Models      pkg/registry/core/service/storage/alloc.go (initIPFamilyFields) with one family configured
Leaves out  nothing
"""

from __future__ import annotations

from typing import Any

from apps.cluster.api.validation.services import cluster_ip_fields
from apps.cluster.apimachinery.status import FieldError, StatusError, invalid
from apps.cluster.apiserver.service_types import has_cluster_ip

Obj = dict[str, Any]
Spec = dict[str, Any]

CONFIGURED = "IPv4"
SINGLE, PREFERRED, REQUIRED = "SingleStack", "PreferDualStack", "RequireDualStack"
BOTH = "must be 'RequireDualStack' or 'PreferDualStack' when multiple"
NOTHING: Spec = {}


def _refused(name: str, errors: list[FieldError]) -> StatusError:
    return invalid("Service", "", name, errors)


def stays_preferred(old: Spec, new: Spec) -> bool:
    """A Service that takes what it gets keeps what it got: clusters that learn a second family do not touch it."""
    same = all((old.get(field) or []) == (new.get(field) or []) for field in ("clusterIPs", "ipFamilies"))
    policies = (new.get("ipFamilyPolicy"), old.get("ipFamilyPolicy") or PREFERRED)
    return same and old.get("type") == new.get("type") and policies == (PREFERRED, PREFERRED)


def filled(service: Obj, old: Spec | None = None) -> Obj:
    """The Service with its families and their policy; `old` is its spec before a change.

    Raises:
        StatusError: 422, it wants a family that the cluster does not have, or its fields do not go together.
    """
    spec, name = dict(service["spec"]), service["metadata"]["name"]
    if not has_cluster_ip(spec) or (old is not None and stays_preferred(old, spec)):
        return service
    # Nobody allocates an address for it: whoever keeps its endpoints knows what they are.
    bare = spec.get("clusterIP") == "None" and not spec.get("selector")
    before = old if old is not None else NOTHING
    if not spec.get("ipFamilyPolicy"):
        spec["ipFamilyPolicy"] = before.get("ipFamilyPolicy") or (REQUIRED if bare else SINGLE)
    errors: list[FieldError] = []
    cluster_ip_fields(errors, spec, before)
    if errors:
        raise _refused(name, errors)
    addresses, families = _kept(errors, spec, before)
    if spec["ipFamilyPolicy"] == SINGLE:
        if len(addresses) == 2:
            _policy(errors, spec, f"{BOTH} cluster IPs are specified")
        if len(families) == 2:
            _policy(errors, spec, f"{BOTH} IP families are specified")
    for index, address in enumerate(addresses):
        if address == "None":
            break
        if index >= len(families):
            family = "IPv6" if ":" in address else "IPv4"
            if family == CONFIGURED:
                families.append(family)
            else:
                detail = f"{family} is not configured on this cluster"
                errors.append(FieldError("Invalid value", f"spec.clusterIPs[{index}]", addresses, detail))
    if errors:
        raise _refused(name, errors)
    if bare:
        families = families or [CONFIGURED]
        if len(families) < 2 and spec["ipFamilyPolicy"] != SINGLE:
            families.append("IPv6" if families[0] == "IPv4" else "IPv4")
    else:
        if spec["ipFamilyPolicy"] == REQUIRED:
            _policy(errors, spec, "this cluster is not configured for dual-stack services")
        for index, family in enumerate(families):
            if family != CONFIGURED:
                detail = "not configured on this cluster"
                errors.append(FieldError("Invalid value", f"spec.ipFamilies[{index}]", family, detail))
        if errors:
            raise _refused(name, errors)
        families = families or [CONFIGURED]
    spec["ipFamilies"] = families
    if addresses:
        spec["clusterIPs"] = addresses
    return {**service, "spec": spec}


def _policy(errors: list[FieldError], spec: Spec, detail: str) -> None:
    errors.append(FieldError("Invalid value", "spec.ipFamilyPolicy", spec["ipFamilyPolicy"], detail))


def _kept(errors: list[FieldError], spec: Spec, old: Spec) -> tuple[list[str], list[str]]:
    """(clusterIPs, ipFamilies): a second one goes when the policy says so, and not without."""
    addresses, families = list(spec.get("clusterIPs") or ()), list(spec.get("ipFamilies") or ())
    were, had = old.get("clusterIPs") or [], old.get("ipFamilies") or []
    if not old:
        return addresses, families
    if spec["ipFamilyPolicy"] == SINGLE:
        return addresses[:1] if addresses == were else addresses, families[:1] if families == had else families
    if addresses and len(addresses) < len(were):
        _policy(errors, spec, "must be 'SingleStack' to release the secondary cluster IP")
    if families and len(families) < len(had):
        _policy(errors, spec, "must be 'SingleStack' to release the secondary IP family")
    return addresses, families
