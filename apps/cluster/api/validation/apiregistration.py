"""APIService.

Models      k8s.io/kube-aggregator/pkg/apis/apiregistration/validation/validation.go
Leaves out  nothing
"""

from __future__ import annotations

from base64 import b64decode

from apps.cluster.api.validation.fields import Errors, all_invalid, invalid, not_supported, required
from apps.cluster.api.validation.objectmeta import object_meta, object_meta_update, path_segment
from apps.cluster.apimachinery import names
from apps.cluster.apimachinery.meta import EMPTY, Obj
from apps.cluster.apimachinery.status import FieldError, go_quoted

LOWEST_GROUP, LOWEST_VERSION = 20_000, 1_000  # exclusive, whatever the messages say
STATUSES = ("True", "False", "Unknown")


def api_service(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    spec = obj.get("spec") or EMPTY
    group, version = spec.get("group", ""), spec.get("version", "")
    needed = f"{version}.{group}"

    def named(name: str) -> tuple[str, ...]:
        problems = path_segment(name)
        if problems or name == needed:
            return problems
        return (f'must be `spec.version+"."+spec.group`: {go_quoted(needed)}',)

    object_meta(errors, obj["metadata"], False, named)
    if not group and version != "v1":
        required(errors, "spec.group", "only v1 may have an empty group and it better be legacy kube")
    if group:
        all_invalid(errors, "spec.group", group, names.dns1123_subdomain(group))
    all_invalid(errors, "spec.version", version, names.dns1035_label(version))
    for field, most in (("groupPriorityMinimum", LOWEST_GROUP), ("versionPriority", LOWEST_VERSION)):
        priority = spec.get(field, 0)
        if not 0 < priority <= most:
            invalid(errors, f"spec.{field}", priority, f"must be positive and less than {most}")
    service, bundle, blind = spec.get("service"), spec.get("caBundle"), spec.get("insecureSkipTLSVerify", False)
    at = "spec.insecureSkipTLSVerify"
    if service is None:
        if bundle:
            size = f"{len(b64decode(bundle))} bytes"
            invalid(errors, "spec.caBundle", size, "local APIServices may not have a caBundle")
        if blind:
            invalid(errors, at, blind, "local APIServices may not have insecureSkipTLSVerify")
        return errors
    for field in ("namespace", "name"):
        if not service.get(field):
            required(errors, f"spec.service.{field}")
    problems = names.port_number(service.get("port", 443))
    if problems:
        invalid(errors, "spec.service.port", service["port"], "port is not valid: " + ", ".join(problems))
    if blind and bundle:
        invalid(errors, at, blind, "may not be true if caBundle is present")
    return errors


def api_service_update(new: Obj, old: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta_update(errors, new["metadata"], old["metadata"])
    return errors + api_service(new)


def api_service_status_update(new: Obj, old: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta_update(errors, new["metadata"], old["metadata"])
    for index, one in enumerate((new.get("status") or EMPTY).get("conditions") or ()):
        if one.get("status", "") not in STATUSES:
            not_supported(errors, f"status.conditions[{index}].status", one.get("status", ""), STATUSES)
    return errors
