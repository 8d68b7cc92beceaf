"""Which objects are valid, in the words of the real API server: a function a kind, found by resource."""

from __future__ import annotations

from apps.cluster.api.resource import Validate, ValidateUpdate
from apps.cluster.api.validation import (
    apps,
    batch,
    claims,
    core,
    networking,
    nodes,
    other,
    pods,
    policies,
    services,
    storage,
)
from apps.cluster.api.validation.fields import Errors
from apps.cluster.api.validation.objectmeta import object_meta, object_meta_update, path_segment
from apps.cluster.api.validation.podspec import pod_template
from apps.cluster.apimachinery import names
from apps.cluster.apimachinery.meta import Obj
from apps.cluster.apimachinery.status import FieldError


def _pod_template(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], True, names.dns1123_subdomain)
    pod_template(errors, "template", obj.get("template") or {})
    return errors


# resource -> creation, change, change of status; None where only metadata is judged.
_TABLE: dict[str, tuple[Validate, ValidateUpdate | None, ValidateUpdate | None]] = {
    "pods": (pods.pod, pods.pod_update, pods.pod_status_update),
    "podtemplates": (_pod_template, None, None),
    "services": (services.service, services.service_update, services.service_status_update),
    "endpoints": (services.endpoints, services.endpoints_update, None),
    "namespaces": (core.namespace, None, core.namespace_status_update),
    "nodes": (nodes.node, nodes.node_update, nodes.node_update),
    "configmaps": (core.config_map, core.config_map_update, None),
    "secrets": (core.secret, core.secret_update, None),
    "events": (core.event, None, None),
    "replicationcontrollers": (
        core.replication_controller,
        core.replication_controller_update,
        core.replicas_status_update,
    ),
    "limitranges": (policies.limit_range, None, None),
    "resourcequotas": (policies.resource_quota, policies.resource_quota_update, policies.resource_quota_status_update),
    "persistentvolumes": (
        storage.persistent_volume,
        storage.persistent_volume_update,
        storage.persistent_volume_status_update,
    ),
    "persistentvolumeclaims": (claims.claim, claims.claim_update, claims.claim_status_update),
    "deployments": (apps.deployment, apps.deployment_update, apps.deployment_status_update),
    "replicasets": (apps.replica_set, apps.replica_set_update, core.replicas_status_update),
    "daemonsets": (apps.daemon_set, apps.daemon_set_update, apps.daemon_set_status_update),
    "statefulsets": (apps.stateful_set, apps.stateful_set_update, apps.stateful_set_status_update),
    "controllerrevisions": (apps.controller_revision, apps.controller_revision_update, None),
    "jobs": (batch.job, batch.job_update, batch.job_status_update),
    "cronjobs": (batch.cron_job, batch.cron_job_update, None),
    "networkpolicies": (networking.network_policy, networking.network_policy_update, None),
    "ingresses": (networking.ingress, networking.ingress_update, None),
    "ingressclasses": (networking.ingress_class, networking.ingress_class_update, None),
    "endpointslices": (networking.endpoint_slice, networking.endpoint_slice_update, None),
    "poddisruptionbudgets": (
        other.disruption_budget,
        other.disruption_budget_update,
        other.disruption_budget_status_update,
    ),
    "roles": (other.role, None, None),
    "clusterroles": (other.cluster_role, None, None),
    "rolebindings": (other.role_binding, other.role_binding_update, None),
    "clusterrolebindings": (other.cluster_role_binding, other.cluster_role_binding_update, None),
    "priorityclasses": (other.priority_class, other.priority_class_update, None),
    "leases": (other.lease, other.lease_update, None),
    "storageclasses": (storage.storage_class, storage.storage_class_update, None),
    "horizontalpodautoscalers": (
        other.autoscaler,
        other.autoscaler_update,
        other.autoscaler_status_update,
    ),
}


def _metadata(namespaced: bool, builtin: bool) -> Validate:
    rule = names.dns1123_subdomain if builtin else path_segment

    def validate(obj: Obj) -> list[FieldError]:
        errors: Errors = []
        object_meta(errors, obj["metadata"], namespaced, rule)
        return errors

    return validate


def _metadata_update(new: Obj, old: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta_update(errors, new["metadata"], old["metadata"])
    return errors


_ANY = {namespaced: _metadata(namespaced, True) for namespaced in (True, False)}
_CUSTOM = {namespaced: _metadata(namespaced, False) for namespaced in (True, False)}


def create_of(resource: str, namespaced: bool) -> Validate:
    """The rule for creations. An empty resource stands for a kind that is not built in."""
    if resource in _TABLE:
        return _TABLE[resource][0]
    return (_ANY if resource else _CUSTOM)[namespaced]


def update_of(resource: str) -> ValidateUpdate:
    """The rule for changes, `(new, old)`."""
    found = _TABLE[resource][1] if resource in _TABLE else None
    return found or _metadata_update


def status_update_of(resource: str) -> ValidateUpdate:
    """The rule for changes of the status subresource, `(new, old)`."""
    found = _TABLE[resource][2] if resource in _TABLE else None
    return found or _metadata_update
