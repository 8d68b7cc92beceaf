"""What the API server fills in. `for_kind(api_version, kind)` gives the function of a kind."""

from __future__ import annotations

from apps.cluster.api.defaults import core, other, pod, workloads
from apps.cluster.api.resource import Default
from apps.cluster.apimachinery.meta import Obj


def unchanged(obj: Obj) -> Obj:
    """A kind with no defaults."""
    return obj


_TABLE: dict[tuple[str, str], Default] = {
    ("v1", "Pod"): pod.pod,
    ("v1", "PodTemplate"): core.pod_template,
    ("v1", "Service"): core.service,
    ("v1", "Namespace"): core.namespace,
    ("v1", "Secret"): core.secret,
    ("v1", "PersistentVolume"): core.persistent_volume,
    ("v1", "PersistentVolumeClaim"): core.claim,
    ("v1", "Node"): core.node,
    ("v1", "Endpoints"): core.endpoints,
    ("v1", "ReplicationController"): core.replication_controller,
    ("v1", "LimitRange"): core.limit_range,
    ("apps/v1", "Deployment"): workloads.deployment,
    ("apps/v1", "ReplicaSet"): workloads.replica_set,
    ("apps/v1", "DaemonSet"): workloads.daemon_set,
    ("apps/v1", "StatefulSet"): workloads.stateful_set,
    ("batch/v1", "Job"): workloads.job,
    ("batch/v1", "CronJob"): workloads.cron_job,
    ("discovery.k8s.io/v1", "EndpointSlice"): other.endpoint_slice,
    ("networking.k8s.io/v1", "NetworkPolicy"): other.network_policy,
    ("networking.k8s.io/v1", "Ingress"): other.ingress,
    ("networking.k8s.io/v1", "IngressClass"): other.ingress_class,
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): other.role_binding,
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): other.role_binding,
    ("scheduling.k8s.io/v1", "PriorityClass"): other.priority_class,
    ("storage.k8s.io/v1", "StorageClass"): other.storage_class,
    ("storage.k8s.io/v1", "CSIDriver"): other.csi_driver,
    ("autoscaling/v2", "HorizontalPodAutoscaler"): other.horizontal_pod_autoscaler,
    ("policy/v1", "PodDisruptionBudget"): other.disruption_budget,
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"): other.validating_webhooks,
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"): other.mutating_webhooks,
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"): other.admission_policy,
    ("admissionregistration.k8s.io/v1", "MutatingAdmissionPolicy"): other.admission_policy,
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding"): other.admission_binding,
    ("admissionregistration.k8s.io/v1", "MutatingAdmissionPolicyBinding"): other.admission_binding,
    ("apiregistration.k8s.io/v1", "APIService"): other.api_service,
    ("flowcontrol.apiserver.k8s.io/v1", "FlowSchema"): other.flow_schema,
    ("flowcontrol.apiserver.k8s.io/v1", "PriorityLevelConfiguration"): other.priority_level,
    ("resource.k8s.io/v1", "ResourceClaim"): other.resource_claim,
    ("resource.k8s.io/v1", "ResourceClaimTemplate"): other.resource_claim_template,
    ("resource.k8s.io/v1", "ResourceSlice"): other.resource_slice,
}


def for_kind(api_version: str, kind: str) -> Default:
    """The defaulting function of a kind; one that changes nothing where there is none."""
    return _TABLE.get((api_version, kind), unchanged)
