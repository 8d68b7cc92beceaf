"""Which kinds there are.

Models      pkg/controlplane/instance.go (the groups served by default in 1.36), pkg/kubeapiserver storage prefixes
Leaves out  alpha and beta versions, conversion between versions
"""

from __future__ import annotations

import re
from functools import lru_cache

from apps.cluster.api import defaults, validation
from apps.cluster.api.resource import ResourceInfo

# apiVersion, kind, plural, short names, scope (N or C), subresources, etcd prefix when it is not the plural.
TABLE = """
v1 Binding bindings - N
v1 ComponentStatus componentstatuses cs C
v1 ConfigMap configmaps cm N
v1 Endpoints endpoints ep N - services/endpoints
v1 Event events ev N
v1 LimitRange limitranges limits N
v1 Namespace namespaces ns C finalize,status
v1 Node nodes no C proxy,status minions
v1 PersistentVolumeClaim persistentvolumeclaims pvc N status
v1 PersistentVolume persistentvolumes pv C status
v1 Pod pods po N attach,binding,ephemeralcontainers,eviction,exec,log,portforward,proxy,resize,status
v1 PodTemplate podtemplates - N
v1 ReplicationController replicationcontrollers rc N scale,status controllers
v1 ResourceQuota resourcequotas quota N status
v1 Secret secrets - N
v1 ServiceAccount serviceaccounts sa N token
v1 Service services svc N proxy,status services/specs
apiregistration.k8s.io/v1 APIService apiservices - C status apiregistration.k8s.io/apiservices
apps/v1 ControllerRevision controllerrevisions - N
apps/v1 DaemonSet daemonsets ds N status
apps/v1 Deployment deployments deploy N scale,status
apps/v1 ReplicaSet replicasets rs N scale,status
apps/v1 StatefulSet statefulsets sts N scale,status
authentication.k8s.io/v1 SelfSubjectReview selfsubjectreviews - C
authentication.k8s.io/v1 TokenReview tokenreviews - C
authorization.k8s.io/v1 LocalSubjectAccessReview localsubjectaccessreviews - N
authorization.k8s.io/v1 SelfSubjectAccessReview selfsubjectaccessreviews - C
authorization.k8s.io/v1 SelfSubjectRulesReview selfsubjectrulesreviews - C
authorization.k8s.io/v1 SubjectAccessReview subjectaccessreviews - C
autoscaling/v2 HorizontalPodAutoscaler horizontalpodautoscalers hpa N status
batch/v1 CronJob cronjobs cj N status
batch/v1 Job jobs - N status
certificates.k8s.io/v1 CertificateSigningRequest certificatesigningrequests csr C approval,status
networking.k8s.io/v1 IngressClass ingressclasses - C
networking.k8s.io/v1 Ingress ingresses ing N status ingress
networking.k8s.io/v1 IPAddress ipaddresses ip C
networking.k8s.io/v1 NetworkPolicy networkpolicies netpol N
networking.k8s.io/v1 ServiceCIDR servicecidrs - C status
policy/v1 PodDisruptionBudget poddisruptionbudgets pdb N status
rbac.authorization.k8s.io/v1 ClusterRoleBinding clusterrolebindings - C
rbac.authorization.k8s.io/v1 ClusterRole clusterroles - C
rbac.authorization.k8s.io/v1 RoleBinding rolebindings - N
rbac.authorization.k8s.io/v1 Role roles - N
storage.k8s.io/v1 CSIDriver csidrivers - C
storage.k8s.io/v1 CSINode csinodes - C
storage.k8s.io/v1 CSIStorageCapacity csistoragecapacities - N
storage.k8s.io/v1 StorageClass storageclasses sc C
storage.k8s.io/v1 VolumeAttachment volumeattachments - C status
storage.k8s.io/v1 VolumeAttributesClass volumeattributesclasses vac C
admissionregistration.k8s.io/v1 MutatingAdmissionPolicy mutatingadmissionpolicies - C
admissionregistration.k8s.io/v1 MutatingAdmissionPolicyBinding mutatingadmissionpolicybindings - C
admissionregistration.k8s.io/v1 MutatingWebhookConfiguration mutatingwebhookconfigurations - C
admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy validatingadmissionpolicies - C status
admissionregistration.k8s.io/v1 ValidatingAdmissionPolicyBinding validatingadmissionpolicybindings - C
admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration validatingwebhookconfigurations - C
apiextensions.k8s.io/v1 CustomResourceDefinition customresourcedefinitions crd,crds C status +
scheduling.k8s.io/v1 PriorityClass priorityclasses pc C
coordination.k8s.io/v1 Lease leases - N
node.k8s.io/v1 RuntimeClass runtimeclasses - C
discovery.k8s.io/v1 EndpointSlice endpointslices - N
resource.k8s.io/v1 DeviceClass deviceclasses - C
resource.k8s.io/v1 ResourceClaim resourceclaims - N status
resource.k8s.io/v1 ResourceClaimTemplate resourceclaimtemplates - N
resource.k8s.io/v1 ResourceSlice resourceslices - C
flowcontrol.apiserver.k8s.io/v1 FlowSchema flowschemas - C status
flowcontrol.apiserver.k8s.io/v1 PriorityLevelConfiguration prioritylevelconfigurations - C status
"""
IN_ALL = {"pods", "replicationcontrollers", "services", "daemonsets", "deployments", "replicasets", "statefulsets"} | {
    "horizontalpodautoscalers",
    "cronjobs",
    "jobs",
}
EXTENSIONS = {"apiregistration.k8s.io", "admissionregistration.k8s.io", "apiextensions.k8s.io"}
# Cluster-scoped kinds that old or third-party manifests bring; every other unknown kind is taken for namespaced.
CLUSTER_SCOPED = {
    "PodSecurityPolicy",
    "ClusterIssuer",
    "GatewayClass",
    "IPPool",
    "FelixConfiguration",
    "BGPConfiguration",
    "BGPPeer",
    "IPAMBlock",
    "BlockAffinity",
    "IPAMHandle",
    "IPAMConfig",
    "HostEndpoint",
    "GlobalNetworkPolicy",
    "GlobalNetworkSet",
    "ClusterInformation",
    "KubeControllersConfiguration",
    "Installation",
    "TigeraStatus",
    "VolumeSnapshotClass",
    "VolumeSnapshotContent",
    "ClusterTrustBundle",
    "StorageVersion",
    "StorageVersionMigration",
    "APIServer",
    "SecurityContextConstraints",
    "Project",
}


# What a CustomResourceDefinition may be called: group, version and kind end up in addresses and etcd keys.
_LABEL = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_API_VERSION = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*/)?{_LABEL}")
_KIND = re.compile(r"[A-Za-z]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?")


def may_be(api_version: str, kind: str) -> bool:
    """Whether there could be such a kind, built in or not.

    >>> may_be("example.com/v1", "Widget"), may_be("v1", "a/b"), may_be("../v1", "Pod")
    (True, False, False)
    """
    return len(api_version) <= 253 and bool(_API_VERSION.fullmatch(api_version)) and bool(_KIND.fullmatch(kind))


def pluralize(kind: str) -> str:
    """The plural that a client guesses from a kind (meta.UnsafeGuessKindToResource).

    A vowel before the y keeps it, as the authors of such kinds do.

    >>> pluralize("NetworkPolicy"), pluralize("Ingress"), pluralize("Endpoints"), pluralize("Gateway")
    ('networkpolicies', 'ingresses', 'endpoints', 'gateways')
    """
    word = kind.lower()
    if word.endswith("endpoints"):
        return word
    if word.endswith("s"):
        return word + "es"
    if word.endswith("y") and word[-2:-1] not in tuple("aeiou"):
        return word[:-1] + "ies"
    return word + "s"


def _row(line: str) -> ResourceInfo:
    api_version, kind, plural, short, scope, *rest = line.split()
    group, _, version = api_version.rpartition("/")
    subresources = tuple(rest[0].split(",")) if rest and rest[0] != "-" else ()
    prefix = rest[1] if len(rest) > 1 else plural
    return ResourceInfo(
        group=group,
        version=version,
        kind=kind,
        plural=plural,
        singular=kind.lower(),
        short_names=() if short == "-" else tuple(short.split(",")),
        namespaced=scope == "N",
        etcd_prefix=f"{group}/{plural}" if prefix == "+" else prefix,
        subresources=subresources,
        categories=("all",) if plural in IN_ALL else ("api-extensions",) if group in EXTENSIONS else (),
        builtin=True,
        default=defaults.for_kind(api_version, kind),
        validate=validation.create_of(plural, scope == "N"),
        validate_update=validation.update_of(plural),
        validate_status=validation.status_update_of(plural),
    )


RESOURCES: dict[str, ResourceInfo] = {info.plural: info for info in map(_row, TABLE.strip().splitlines())}
KINDS: dict[tuple[str, str], ResourceInfo] = {(info.api_version, info.kind): info for info in RESOURCES.values()}


def by_kind(api_version: str, kind: str) -> ResourceInfo | None:
    """The built-in resource of an apiVersion and kind, or None."""
    return KINDS.get((api_version, kind))


@lru_cache(maxsize=1024)
def unknown(api_version: str, kind: str, plural: str = "", namespaced: bool | None = None) -> ResourceInfo:
    """What is not built in: stored, listed and drawn as it is, and only its metadata is judged."""
    group, _, version = api_version.rpartition("/")
    plural = plural or pluralize(kind)
    scoped = kind not in CLUSTER_SCOPED if namespaced is None else namespaced
    return ResourceInfo(
        group=group,
        version=version,
        kind=kind,
        plural=f"{plural}.{group}" if group else plural,
        singular=kind.lower(),
        short_names=(),
        namespaced=scoped,
        etcd_prefix=f"{group}/{plural}" if group else plural,
        subresources=("status",),
        categories=(),
        builtin=False,
        default=defaults.unchanged,
        validate=validation.create_of("", scoped),
        validate_update=validation.update_of(""),
        validate_status=validation.status_update_of(""),
    )


def info_for(api_version: str, kind: str) -> ResourceInfo:
    """`by_kind`, else `unknown`."""
    return KINDS.get((api_version, kind)) or unknown(api_version, kind)
