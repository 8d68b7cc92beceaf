"""NamespaceLifecycle: nothing new in a namespace that is missing or being emptied; three namespaces stay for ever.

Models      staging/src/k8s.io/apiserver/pkg/admission/plugin/namespace/lifecycle
Leaves out  the wait for a namespace made a moment ago (the cache here is never behind)
"""

from __future__ import annotations

from apps.cluster.apimachinery import status as errors
from apps.cluster.apiserver.admission.attributes import CREATE, DELETE, NOTHING, UPDATE, Attributes, Plugin

IMMORTAL_NAMESPACES = ("default", "kube-system", "kube-public")


def admit(a: Attributes) -> None:
    """Raises: StatusError 404 or 403."""
    resource = a.info.plural
    if resource == "namespaces":
        if a.operation == DELETE and a.name in IMMORTAL_NAMESPACES:
            raise errors.forbidden("namespaces", a.name, "this namespace may not be deleted")
        return
    if not a.namespace or a.operation == DELETE or resource == "localsubjectaccessreviews":
        return
    namespace = a.table("namespaces").get(a.namespace)
    if namespace is None:
        raise errors.not_found("namespaces", a.namespace)
    if a.operation != CREATE or namespace.get("status", NOTHING).get("phase") != "Terminating":
        return
    error = a.forbidden(f"unable to create new content in namespace {a.namespace} because it is being terminated")
    error.details["causes"] = [
        {
            "reason": "NamespaceTerminating",
            "message": f"namespace {a.namespace} is being terminated",
            "field": "metadata.namespace",
        }
    ]
    raise error


PLUGIN = Plugin(
    "NamespaceLifecycle",
    frozenset({CREATE, UPDATE, DELETE}),
    frozenset({"*", "pods/binding", "pods/eviction"}),
    admit,
    None,
)
