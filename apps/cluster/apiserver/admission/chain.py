"""The admission plugins in their order, and how a request goes through them.

Models      pkg/kubeapiserver/options/plugins.go (AllOrderedPlugins, DefaultOffAdmissionPlugins),
            staging/src/k8s.io/apiserver/pkg/admission/chain.go
Leaves out  MutatingAdmissionWebhook, ValidatingAdmissionWebhook, MutatingAdmissionPolicy, ValidatingAdmissionPolicy;
            ClusterTrustBundleAttest, PodGroupWorkloadExists, PodGroupProtection, JobValidation and
            NodeDeclaredFeatureValidator (behind feature gates that are off); plugins that are off by default
"""

from __future__ import annotations

from functools import lru_cache

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apiserver.admission import (
    certificates,
    default_ingress_class,
    default_toleration_seconds,
    limit_ranger,
    namespace_lifecycle,
    node_restriction,
    nodes,
    pod_security,
    priority,
    resource_quota,
    runtime_class,
    service_account,
    storage,
)
from apps.cluster.apiserver.admission.attributes import Attributes, Look, Plugin, Tables

# Those that are on by default, and NodeRestriction, which kubeadm adds.
PLUGINS: tuple[Plugin, ...] = (
    namespace_lifecycle.PLUGIN,
    limit_ranger.PLUGIN,
    service_account.PLUGIN,
    node_restriction.PLUGIN,
    nodes.TAINT_NODES,
    pod_security.PLUGIN,
    priority.PLUGIN,
    default_toleration_seconds.PLUGIN,
    storage.DEFAULT_STORAGE_CLASS,
    storage.IN_USE_PROTECTION,
    storage.CLAIM_RESIZE,
    runtime_class.PLUGIN,
    certificates.APPROVAL,
    certificates.SIGNING,
    certificates.SUBJECT_RESTRICTION,
    default_ingress_class.PLUGIN,
    nodes.POD_TOPOLOGY_LABELS,
    resource_quota.PLUGIN,
)


@lru_cache(maxsize=4096)
def mutating(operation: str, resource: str) -> tuple[Plugin, ...]:
    """The plugins that may change such a request. `resource` with its subresource: "pods/status"."""
    return tuple(one for one in PLUGINS if one.mutate is not None and one.handles(operation, resource))


@lru_cache(maxsize=4096)
def validating(operation: str, resource: str) -> tuple[Plugin, ...]:
    """The plugins that may refuse such a request once it is complete."""
    return tuple(one for one in PLUGINS if one.validate is not None and one.handles(operation, resource))


def _resource(a: Attributes) -> str:
    return f"{a.info.plural}/{a.subresource}" if a.subresource else a.info.plural


def admit(a: Attributes, look: Look | None = None) -> None:
    """The mutating half. `look` is told what each plugin made of the object.

    Raises:
        StatusError: refused; it says by which plugin.
    """
    for plugin in mutating(a.operation, _resource(a)):
        assert plugin.mutate is not None
        before = a.obj
        try:
            plugin.mutate(a)
        except StatusError as error:
            error.stage, error.plugin = "mutating", plugin.name
            raise
        if look is not None:
            look(plugin.name, before, a.obj)


def validate(a: Attributes, look: Look | None = None) -> None:
    """The validating half.

    Raises:
        StatusError: refused; it says by which plugin.
    """
    for plugin in validating(a.operation, _resource(a)):
        assert plugin.validate is not None
        try:
            plugin.validate(a)
        except StatusError as error:
            error.stage, error.plugin = "validating", plugin.name
            raise
        if look is not None:
            look(plugin.name, a.obj, a.obj)


def judges_each_pod(tables: Tables, namespace: str) -> bool:
    """Whether a validating plugin looks at each Pod of a namespace, also at those made from a template it has seen."""
    quotas = tables.get("resourcequotas")
    if quotas and any(quota["metadata"]["namespace"] == namespace for quota in quotas.values()):
        return True
    labels = tables["namespaces"][namespace]["metadata"].get("labels") or {}
    return any(label.startswith("pod-security.kubernetes.io/") for label in labels)
