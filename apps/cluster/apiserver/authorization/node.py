"""The Node authorizer: a kubelet may touch what concerns its own node, and no more.

Models      plugin/pkg/auth/authorizer/node (node_authorizer.go, graph.go, graph_populator.go)
Leaves out  CSI drivers that migrate in-tree volumes; device claims of a Pod's extended resources

Upstream keeps a graph of what each node may reach; here the question is asked of the stored objects themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from apps.cluster.apiserver.admission.service_account import MIRROR, secret_names
from apps.cluster.apiserver.authentication import node_of
from apps.cluster.apiserver.authorization.rbac import NOTHING, Ask, Obj, Tables, allows

READ = ("get", "list", "watch")


def authorize(tables: Tables, ask: Ask, rules: list[Obj]) -> tuple[bool, str]:
    """Allowed or not, and why not. `rules`: those of the role system:node."""
    node = node_of(ask.user)
    if node is None:
        return False, ""
    if not node:
        return False, f'unknown node for user "{ask.user.name}"'
    if ask.path:
        return any(allows(rule, ask) for rule in rules), ""
    judge = _JUDGES.get((ask.group, ask.resource))
    if judge is not None:
        return judge(tables, ask, node)
    return any(allows(rule, ask) for rule in rules), ""


def _related(tables: Tables, ask: Ask, node: str) -> tuple[bool, str]:
    if not ask.name:
        return False, "No Object name found"
    if reaches(tables, node, ask.resource, ask.namespace, ask.name):
        return True, ""
    return False, f"no relationship found between node '{node}' and this object"


def _read_namespaced(tables: Tables, ask: Ask, node: str) -> tuple[bool, str]:
    if ask.verb not in READ:
        return False, "can only read resources of this type"
    if ask.subresource:
        return False, "cannot read subresource"
    if not ask.namespace:
        return False, "can only read namespaced object of this type"
    return _related(tables, ask, node)


def _get(tables: Tables, ask: Ask, node: str) -> tuple[bool, str]:
    if ask.verb != "get":
        return False, "can only get individual resources of this type"
    if ask.subresource:
        return False, "cannot get subresource"
    return _related(tables, ask, node)


def _claim(tables: Tables, ask: Ask, node: str) -> tuple[bool, str]:
    if ask.subresource != "status":
        return _get(tables, ask, node)
    if ask.verb not in ("update", "patch"):
        return False, "can only get/update/patch this type"
    return _related(tables, ask, node)


def _account(tables: Tables, ask: Ask, node: str) -> tuple[bool, str]:
    if ask.verb == "get" and not ask.subresource:
        return _read_namespaced(tables, ask, node)
    if ask.verb != "create" or not ask.name:
        return False, "can only create tokens for individual service accounts"
    if ask.subresource != "token":
        return False, "can only create token subresource of serviceaccount"
    return _related(tables, ask, node)


def _lease(tables: Tables, ask: Ask, node: str) -> tuple[bool, str]:
    if ask.verb not in ("get", "create", "update", "patch", "delete"):
        return False, "can only get, create, update, patch, or delete a node lease"
    if ask.namespace != "kube-node-lease":
        return False, 'can only access leases in the "kube-node-lease" system namespace'
    if ask.verb != "create" and ask.name != node:
        return False, "can only access node lease with the same name as the requesting node"
    return True, ""


def _csi_node(tables: Tables, ask: Ask, node: str) -> tuple[bool, str]:
    if ask.verb not in ("get", "create", "update", "patch", "delete"):
        return False, "can only get, create, update, patch, or delete a CSINode"
    if ask.subresource:
        return False, "cannot authorize CSINode subresources"
    if ask.verb != "create" and ask.name != node:
        return False, "can only access CSINode with the same name as the requesting node"
    return True, ""


def _slice(tables: Tables, ask: Ask, node: str) -> tuple[bool, str]:
    if ask.subresource:
        return False, "cannot authorize ResourceSlice subresources"
    if ask.verb == "create":
        return True, ""
    if ask.verb in ("get", "update", "patch", "delete"):
        return _related(tables, ask, node)
    if ask.verb in ("watch", "list", "deletecollection"):
        if ("spec.nodeName", node) in ask.fields:
            return True, ""
        return False, "can only list/watch/deletecollection resourceslices with nodeName field selector"
    return False, (
        "only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, "
        "deletecollection"
    )


def _node(tables: Tables, ask: Ask, node: str) -> tuple[bool, str]:
    if not ask.subresource:
        if ask.verb in ("create", "update", "patch"):
            return True, ""
        if ask.verb in READ:
            if ask.name == node:
                return True, ""
            if not ask.name:
                return False, f"node '{node}' cannot read all nodes, only its own Node object"
            return False, f"node '{node}' cannot read '{ask.name}', only its own Node object"
    return ask.subresource == "status" and ask.verb in ("update", "patch"), ""


def _pod(tables: Tables, ask: Ask, node: str) -> tuple[bool, str]:
    if not ask.subresource:
        if ask.verb == "get":
            return _get(tables, ask, node)
        if ask.verb in ("list", "watch"):
            if ("spec.nodeName", node) in ask.fields:
                return True, ""
            if ask.name:
                return _related(tables, ask, node)
            return False, "can only list/watch pods with spec.nodeName field selector"
        return ask.verb in ("create", "delete"), ""
    if ask.subresource == "status":
        return ask.verb in ("update", "patch"), ""
    return ask.subresource == "eviction" and ask.verb == "create", ""


def _pod_certificate(tables: Tables, ask: Ask, node: str) -> tuple[bool, str]:
    return False, ""  # behind a feature gate that is off


_JUDGES = {
    ("", "secrets"): _read_namespaced,
    ("", "configmaps"): _read_namespaced,
    ("", "persistentvolumeclaims"): _claim,
    ("", "persistentvolumes"): _get,
    ("resource.k8s.io", "resourceclaims"): _get,
    ("storage.k8s.io", "volumeattachments"): _get,
    ("", "serviceaccounts"): _account,
    ("coordination.k8s.io", "leases"): _lease,
    ("storage.k8s.io", "csinodes"): _csi_node,
    ("resource.k8s.io", "resourceslices"): _slice,
    ("", "nodes"): _node,
    ("", "pods"): _pod,
    ("certificates.k8s.io", "podcertificaterequests"): _pod_certificate,
}


def reaches(tables: Tables, node: str, resource: str, namespace: str, name: str) -> bool:
    """Whether an object leads to the node: a Pod there uses it, or it names the node itself."""
    if resource == "pods":
        pod = tables.get("pods", NOTHING).get(f"{namespace}/{name}")
        return pod is not None and pod["spec"].get("nodeName") == node
    if resource == "volumeattachments":
        found = tables.get("volumeattachments", NOTHING).get(name)
        return found is not None and (found.get("spec") or NOTHING).get("nodeName") == node
    if resource == "resourceslices":
        found = tables.get("resourceslices", NOTHING).get(name)
        return found is not None and (found.get("spec") or NOTHING).get("nodeName") == node
    if resource == "persistentvolumes":
        volume = tables.get("persistentvolumes", NOTHING).get(name)
        claim = ((volume or NOTHING).get("spec") or NOTHING).get("claimRef") or NOTHING
        return bool(claim) and reaches(
            tables, node, "persistentvolumeclaims", claim.get("namespace", ""), claim.get("name", "")
        )
    if resource == "secrets" and _volume_secret(tables, node, namespace, name):
        return True
    return any(
        (resource, name) in set(references(pod))
        for pod in tables.get("pods", NOTHING).values()
        if pod["spec"].get("nodeName") == node and pod["metadata"]["namespace"] == namespace
    )


def _volume_secret(tables: Tables, node: str, namespace: str, name: str) -> bool:
    """Secrets that a bound PersistentVolume names."""
    for volume in tables.get("persistentvolumes", NOTHING).values():
        spec = volume.get("spec") or NOTHING
        named = spec.get("claimRef") and (namespace, name) in set(_secrets_of_volume(spec))
        if named and reaches(tables, node, "persistentvolumes", "", volume["metadata"]["name"]):
            return True
    return False


def _secrets_of_volume(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    home = (spec.get("claimRef") or NOTHING).get("namespace", "")
    for source in spec.values():
        if not isinstance(source, dict):
            continue
        for field, reference in source.items():
            if field.lower().endswith("secretref") and isinstance(reference, dict):
                yield reference.get("namespace") or home, reference.get("name", "")
        if source.get("secretName"):
            yield source.get("secretNamespace") or home, source["secretName"]


def references(pod: Obj) -> Iterator[tuple[str, str]]:
    """What a Pod lets its node read: (resource, name). A mirror Pod lets it read nothing."""
    if MIRROR in (pod["metadata"].get("annotations") or NOTHING):
        return
    spec = pod["spec"]
    if spec.get("serviceAccountName"):
        yield "serviceaccounts", spec["serviceAccountName"]
    for name in secret_names(spec):
        yield "secrets", name
    for name in config_map_names(spec):
        yield "configmaps", name
    for volume in spec.get("volumes") or ():
        claim = volume.get("persistentVolumeClaim")
        if claim:
            yield "persistentvolumeclaims", claim.get("claimName", "")
        elif volume.get("ephemeral"):
            yield "persistentvolumeclaims", f"{pod['metadata']['name']}-{volume['name']}"
    for claim in (pod.get("status") or NOTHING).get("resourceClaimStatuses") or ():
        if claim.get("resourceClaimName"):
            yield "resourceclaims", claim["resourceClaimName"]
    for claim in spec.get("resourceClaims") or ():
        if claim.get("resourceClaimName"):
            yield "resourceclaims", claim["resourceClaimName"]


def config_map_names(spec: Mapping[str, Any]) -> Iterator[str]:
    """Every ConfigMap that a Pod names."""
    for field in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(field) or ():
            for source in container.get("envFrom") or ():
                if source.get("configMapRef"):
                    yield source["configMapRef"].get("name", "")
            for variable in container.get("env") or ():
                reference = (variable.get("valueFrom") or NOTHING).get("configMapKeyRef")
                if reference:
                    yield reference.get("name", "")
    for volume in spec.get("volumes") or ():
        if volume.get("configMap"):
            yield volume["configMap"].get("name", "")
        for part in (volume.get("projected") or NOTHING).get("sources") or ():
            if part.get("configMap"):
                yield part["configMap"].get("name", "")
