"""Which objects are valid, in the words of the real API server: a function a kind, found by resource.

Models      pkg/registry/*/*/strategy.go (what each kind asks for), apiserver/pkg/registry/rest (what all are asked for)
Leaves out  rules of admissionregistration, apiextensions, resource.k8s.io beyond their metadata
"""

from __future__ import annotations

from collections.abc import Callable

from apps.cluster.api.resource import Validate, ValidateUpdate
from apps.cluster.api.validation import (
    apiregistration,
    apps,
    autoscaling,
    batch,
    certificates,
    claims,
    core,
    csi,
    discovery,
    flowcontrol,
    jobstatus,
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


def _pod_template_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = _metadata_update(new, old)
    pod_template(errors, "template", new.get("template") or {})
    return errors


def _limit_range_update(new: Obj, old: Obj) -> list[FieldError]:
    return policies.limit_range(new)


# resource -> creation, change, change of status; None where only metadata is judged.
_TABLE: dict[str, tuple[Validate, ValidateUpdate | None, ValidateUpdate | None]] = {
    "pods": (pods.pod, pods.pod_update, pods.pod_status_update),
    "podtemplates": (_pod_template, _pod_template_update, None),
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
    "limitranges": (policies.limit_range, _limit_range_update, None),
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
    "jobs": (batch.job, batch.job_update, jobstatus.job_status_update),
    "cronjobs": (batch.cron_job, batch.cron_job_update, None),
    "networkpolicies": (networking.network_policy, networking.network_policy_update, None),
    "ingresses": (networking.ingress, networking.ingress_update, networking.ingress_status_update),
    "ingressclasses": (networking.ingress_class, networking.ingress_class_update, None),
    "ipaddresses": (networking.ip_address, networking.ip_address_update, None),
    "servicecidrs": (networking.service_cidr, networking.service_cidr_update, None),
    "endpointslices": (discovery.endpoint_slice, discovery.endpoint_slice_update, None),
    "poddisruptionbudgets": (
        other.disruption_budget,
        other.disruption_budget_update,
        other.disruption_budget_status_update,
    ),
    "roles": (other.role, other.role_update, None),
    "clusterroles": (other.cluster_role, other.cluster_role_update, None),
    "rolebindings": (other.role_binding, other.role_binding_update, None),
    "clusterrolebindings": (other.cluster_role_binding, other.cluster_role_binding_update, None),
    "priorityclasses": (other.priority_class, other.priority_class_update, None),
    "leases": (other.lease, other.lease_update, None),
    "runtimeclasses": (other.runtime_class, other.runtime_class_update, None),
    "storageclasses": (csi.storage_class, csi.storage_class_update, None),
    "volumeattributesclasses": (csi.attributes_class, csi.attributes_class_update, None),
    "volumeattachments": (csi.attachment, csi.attachment_update, csi.attachment_update),
    "csidrivers": (csi.csi_driver, csi.csi_driver_update, None),
    "csinodes": (csi.csi_node, csi.csi_node_update, None),
    "csistoragecapacities": (csi.capacity, csi.capacity_update, None),
    "certificatesigningrequests": (
        certificates.request,
        certificates.request_update,
        certificates.request_status_update,
    ),
    "apiservices": (
        apiregistration.api_service,
        apiregistration.api_service_update,
        apiregistration.api_service_status_update,
    ),
    "flowschemas": (flowcontrol.flow_schema, flowcontrol.flow_schema_update, flowcontrol.status_update),
    "prioritylevelconfigurations": (
        flowcontrol.priority_level,
        flowcontrol.priority_level_update,
        flowcontrol.status_update,
    ),
    "horizontalpodautoscalers": (
        autoscaling.autoscaler,
        autoscaling.autoscaler_update,
        autoscaling.autoscaler_status_update,
    ),
}


def _metadata(namespaced: bool, builtin: bool) -> Validate:
    rule = names.dns1123_subdomain if builtin else path_segment

    def validate(obj: Obj) -> list[FieldError]:
        errors: Errors = []
        object_meta(errors, obj["metadata"], namespaced, rule, kube=builtin)
        return errors

    return validate


def _metadata_update(new: Obj, old: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta_update(errors, new["metadata"], old["metadata"])
    return errors


def _custom_update(new: Obj, old: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta_update(errors, new["metadata"], old["metadata"], kube=False)
    return errors


_ANY = {namespaced: _metadata(namespaced, True) for namespaced in (True, False)}
_CUSTOM = {namespaced: _metadata(namespaced, False) for namespaced in (True, False)}


def create_of(resource: str, namespaced: bool) -> Validate:
    """The rule for creations. An empty resource stands for a kind that is not built in."""
    if resource in _TABLE:
        return _TABLE[resource][0]
    return (_ANY if resource else _CUSTOM)[namespaced]


# Kinds of which a change is judged by the rules for creations too, first.
_WHOLE: dict[str, Callable[[Obj, Obj], list[FieldError]]] = {
    "namespaces": lambda new, old: core.namespace(new),
    "nodes": lambda new, old: nodes.node(new),
    "persistentvolumes": lambda new, old: storage.persistent_volume(new, storage.options(old)),
    "runtimeclasses": lambda new, old: other.runtime_class(new),
    "ipaddresses": lambda new, old: networking.ip_address(new),
}
# Kinds whose own rules for changes say nothing of how metadata may change.
_SILENT = {
    "limitranges",
    "poddisruptionbudgets",
    "endpointslices",
    "csinodes",
    "volumeattachments",
    "flowschemas",
    "prioritylevelconfigurations",
}


def _common(new: Obj, old: Obj, namespaced: bool) -> list[FieldError]:
    """What the server asks of every change of any kind, before the kind's own rules."""
    errors: Errors = []
    object_meta(errors, new["metadata"], namespaced, path_segment, kube=False)
    object_meta_update(errors, new["metadata"], old["metadata"], kube=False)
    return errors


def _as_asked(resource: str, rule: ValidateUpdate, *, whole: bool) -> ValidateUpdate:
    """A kind's rule as the server puts it: after what every kind is asked.

    Most rules judge metadata once more themselves, so where they find nothing wrong there is nothing wrong.
    """
    first = _WHOLE.get(resource) if whole else None

    def common(new: Obj, old: Obj, found: list[FieldError]) -> list[FieldError]:
        return _common(new, old, bool(old["metadata"].get("namespace"))) + found

    def plain(new: Obj, old: Obj) -> list[FieldError]:
        found = rule(new, old)
        return common(new, old, found) if found else found

    def with_whole(new: Obj, old: Obj) -> list[FieldError]:
        found = rule(new, old)
        if first is not None and (found or "spec" not in new or new["spec"] is not old.get("spec")):
            found = first(new, old) + found
        return common(new, old, found) if found else found

    def silent(new: Obj, old: Obj) -> list[FieldError]:
        return common(new, old, rule(new, old))

    if resource in _SILENT:
        return silent
    return plain if first is None else with_whole


def update_of(resource: str) -> ValidateUpdate:
    """The rule for changes, `(new, old)`."""
    found = _TABLE[resource][1] if resource in _TABLE else None
    return _as_asked(resource, found or (_metadata_update if resource else _custom_update), whole=True)


def status_update_of(resource: str) -> ValidateUpdate:
    """The rule for changes of the status subresource, `(new, old)`."""
    found = _TABLE[resource][2] if resource in _TABLE else None
    return _as_asked(resource, found or (_metadata_update if resource else _custom_update), whole=False)
