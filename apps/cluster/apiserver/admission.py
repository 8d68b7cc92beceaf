"""Mutating and validating admission: what the API server adds to an object, or refuses, before it is stored.

Models      plugin/pkg/admission: NamespaceLifecycle, ServiceAccount, Priority, DefaultTolerationSeconds,
            StorageObjectInUseProtection, DefaultStorageClass, TaintNodesByCondition, PodTopologyLabels
Leaves out  LimitRanger, ResourceQuota, PodSecurity, webhooks and policies
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from apps.cluster.apimachinery.status import StatusError, forbidden, not_found

Obj = dict[str, Any]
Tables = Mapping[str, Mapping[str, Obj]]

TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 (a path)
IMMORTAL_NAMESPACES = ("default", "kube-system", "kube-public")
NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
MIRROR = "kubernetes.io/config.mirror"
TOPOLOGY = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")

_TOKEN_SOURCES = [
    {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
    {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
    {
        "downwardAPI": {
            "items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]
        }
    },
]


def namespace_lifecycle(tables: Tables, resource: str, namespace: str, name: str) -> None:
    """Nothing is created in a namespace that is missing or on its way out.

    Raises:
        StatusError: 404 or 403.
    """
    found = tables.get("namespaces", {}).get(namespace)
    if found is None:
        raise not_found("namespaces", namespace)
    if found.get("status", {}).get("phase") == "Terminating":
        error = forbidden(
            resource, name, f"unable to create new content in namespace {namespace} because it is being terminated"
        )
        error.details["causes"] = [
            {
                "reason": "NamespaceTerminating",
                "message": f"namespace {namespace} is being terminated",
                "field": "metadata.namespace",
            }
        ]
        raise error


def service_account_of(tables: Tables, namespace: str, spec: Mapping[str, Any], pod_name: str) -> Obj:
    """The Pod's service account.

    Raises:
        StatusError: 403, it does not exist.
    """
    name = spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"
    account = tables.get("serviceaccounts", {}).get(f"{namespace}/{name}")
    if account is None:
        raise forbidden(
            "pods",
            pod_name,
            f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found',
        )
    return account


def priority(tables: Tables, spec: dict[str, Any], pod_name: str) -> dict[str, Any]:
    """The spec with `priority` and `preemptionPolicy` resolved from its PriorityClass, or the global default.

    Raises:
        StatusError: 403, no such PriorityClass.
    """
    classes = tables.get("priorityclasses", {})
    name = spec.get("priorityClassName", "")
    if name:
        found = classes.get(name)
        if found is None:
            raise forbidden("pods", pod_name, f"no PriorityClass with name {name} was found")
    else:
        found = None
        for candidate in classes.values():
            if candidate.get("globalDefault") and (found is None or candidate["value"] < found["value"]):
                found = candidate
    out = {**spec, "priority": found["value"] if found else 0}
    if found is not None and not name:
        out["priorityClassName"] = found["metadata"]["name"]
    if out.get("preemptionPolicy") is None:
        out["preemptionPolicy"] = (found or {}).get("preemptionPolicy") or "PreemptLowerPriority"
    return out


def _tolerates(tolerations: list[dict[str, Any]], taint: str) -> bool:
    for toleration in tolerations:
        if toleration.get("effect") in ("NoExecute", "", None) and (
            toleration.get("key") == taint or (not toleration.get("key") and toleration.get("operator") == "Exists")
        ):
            return True
    return False


def default_toleration_seconds(spec: dict[str, Any]) -> dict[str, Any]:
    """The spec tolerating a NotReady and an unreachable node for 300 s, unless it says otherwise."""
    tolerations = list(spec.get("tolerations") or ())
    extra = [
        {"key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
        for taint in (NOT_READY, UNREACHABLE)
        if not _tolerates(tolerations, taint)
    ]
    return {**spec, "tolerations": tolerations + extra} if extra else spec


def service_account(spec: dict[str, Any], account: Obj) -> dict[str, Any]:
    """The spec naming its account and pulling with the account's secrets."""
    name = account["metadata"]["name"]
    out = {**spec, "serviceAccountName": name, "serviceAccount": name}
    if not out.get("imagePullSecrets") and account.get("imagePullSecrets"):
        out["imagePullSecrets"] = account["imagePullSecrets"]
    return out


def wants_token(spec: Mapping[str, Any], account: Obj) -> bool:
    wanted = spec.get("automountServiceAccountToken")
    if wanted is None:
        wanted = account.get("automountServiceAccountToken")
    return wanted is not False


def mount_token(spec: dict[str, Any], suffix: Callable[[int], str]) -> dict[str, Any]:
    """The spec with the projected token volume, mounted wherever nothing else sits at its path.

    The volume's name is drawn for each Pod, so this part is never shared between Pods.
    """
    name = ""
    for volume in spec.get("volumes") or ():
        if volume["name"].startswith("kube-api-access-"):
            name = volume["name"]
    created = not name
    if created:
        name = f"kube-api-access-{suffix(5)}"
    mount = {"name": name, "readOnly": True, "mountPath": TOKEN_PATH}
    used = False
    out = dict(spec)
    for field in ("initContainers", "containers"):
        containers = spec.get(field)
        if not containers:
            continue
        mounted = []
        for container in containers:
            mounts = container.get("volumeMounts")
            if mounts and any(there["mountPath"] == TOKEN_PATH for there in mounts):
                mounted.append(container)
                continue
            used = True
            mounted.append({**container, "volumeMounts": [*mounts, mount] if mounts else [mount]})
        out[field] = mounted
    if used and created:
        volume = {"name": name, "projected": {"sources": _TOKEN_SOURCES, "defaultMode": 420}}
        out["volumes"] = [*(spec.get("volumes") or ()), volume]
    return out


def topology_labels(tables: Tables, node: str) -> dict[str, str]:
    """The zone and region of a node, which a Pod takes over when it is bound."""
    found = tables.get("nodes", {}).get(node)
    labels = (found["metadata"].get("labels") or {}) if found is not None else {}
    return {name: labels[name] for name in TOPOLOGY if name in labels}


def with_finalizer(obj: Obj, finalizer: str) -> Obj:
    finalizers = obj["metadata"].get("finalizers") or []
    if finalizer in finalizers:
        return obj
    return {**obj, "metadata": {**obj["metadata"], "finalizers": [*finalizers, finalizer]}}


def claim(tables: Tables, obj: Obj) -> Obj:
    """A PersistentVolumeClaim with its protection finalizer and, if it names none, the default StorageClass."""
    obj = with_finalizer(obj, "kubernetes.io/pvc-protection")
    spec = obj.get("spec") or {}
    beta = (obj["metadata"].get("annotations") or {}).get("volume.beta.kubernetes.io/storage-class")
    if spec.get("storageClassName") is not None or beta is not None:
        return obj
    best: Obj | None = None
    for candidate in tables.get("storageclasses", {}).values():
        annotations = candidate["metadata"].get("annotations") or {}
        if annotations.get("storageclass.kubernetes.io/is-default-class") != "true":
            continue
        # Of several defaults the newest wins, then the first name.
        rank = (candidate["metadata"]["creationTimestamp"], candidate["metadata"]["name"])
        if best is None or (rank[0] > best["metadata"]["creationTimestamp"]):
            best = candidate
    if best is None:
        return obj
    return {**obj, "spec": {**spec, "storageClassName": best["metadata"]["name"]}}


def node(obj: Obj) -> Obj:
    """A new Node is tainted not-ready until its kubelet says otherwise and the node controller believes it."""
    spec = obj.get("spec") or {}
    taints = spec.get("taints") or []
    if any(taint["key"] == NOT_READY for taint in taints):
        return obj
    return {**obj, "spec": {**spec, "taints": [*taints, {"key": NOT_READY, "effect": "NoSchedule"}]}}


def refuse_immortal(name: str) -> StatusError | None:
    """Some namespaces may not be deleted."""
    if name in IMMORTAL_NAMESPACES:
        return forbidden("namespaces", name, "this namespace may not be deleted")
    return None
