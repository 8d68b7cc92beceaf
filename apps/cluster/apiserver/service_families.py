"""Which IP families a Service asks for, in a cluster whose Services have IPv4 addresses.

Models      pkg/registry/core/service/storage/alloc.go (initIPFamilyFields) with one family configured
Leaves out  nothing
"""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery.status import FieldError, invalid

Obj = dict[str, Any]

CONFIGURED = "IPv4"
REQUIRED = "RequireDualStack"


def filled(service: Obj) -> Obj:
    """The Service with its families and their policy.

    Raises:
        StatusError: 422, it wants a family that the cluster does not have.
    """
    spec = dict(service["spec"])
    if spec.get("type") == "ExternalName":
        return service
    # Nobody allocates an address for it: whoever keeps its endpoints knows what they are.
    bare = spec.get("clusterIP") == "None" and not spec.get("selector")
    if not spec.get("ipFamilyPolicy"):
        spec["ipFamilyPolicy"] = REQUIRED if bare else "SingleStack"
    errors = []
    families = list(spec.get("ipFamilies") or ())
    addresses = spec.get("clusterIPs") or []
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
    if bare:
        families = families or [CONFIGURED]
        if len(families) < 2 and spec["ipFamilyPolicy"] != "SingleStack":
            families.append("IPv6" if families[0] == "IPv4" else "IPv4")
    elif not errors:
        if spec["ipFamilyPolicy"] == REQUIRED:
            detail = "this cluster is not configured for dual-stack services"
            errors.append(FieldError("Invalid value", "spec.ipFamilyPolicy", REQUIRED, detail))
        for index, family in enumerate(families):
            if family != CONFIGURED:
                detail = "not configured on this cluster"
                errors.append(FieldError("Invalid value", f"spec.ipFamilies[{index}]", family, detail))
        families = families or [CONFIGURED]
    if errors:
        raise invalid("Service", "", service["metadata"]["name"], errors)
    return {**service, "spec": {**spec, "ipFamilies": families}}
