"""NodeRestriction: a kubelet changes its own Node, its own lease and the Pods that run on it, and nothing else.

Models      plugin/pkg/admission/noderestriction
Leaves out  the audiences of requested tokens; PodCertificateRequests (behind a feature gate that is off)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.cluster.apimachinery import status as errors
from apps.cluster.apiserver.admission.attributes import CREATE, DELETE, NOTHING, UPDATE, Attributes, Obj, Plugin
from apps.cluster.apiserver.admission.certificates import subject_of
from apps.cluster.apiserver.admission.service_account import MIRROR, secret_names
from apps.cluster.apiserver.authentication import NODE_PREFIX, node_of
from apps.cluster.apiserver.authorization.node import config_map_names

RESTRICTED = "node-restriction.kubernetes.io"
KUBELET_LABELS = frozenset(
    {
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
        "topology.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/region",
        "beta.kubernetes.io/instance-type",
        "node.kubernetes.io/instance-type",
        "kubernetes.io/os",
        "kubernetes.io/arch",
        "beta.kubernetes.io/os",
        "beta.kubernetes.io/arch",
    }
)
KUBELET_SIGNERS = ("kubernetes.io/kubelet-serving", "kubernetes.io/kube-apiserver-client-kubelet")
KUBELET_NAMESPACES = ("kubelet.kubernetes.io", "node.kubernetes.io")
# Volume sources whose use lets a mirror Pod reach into the API, with how the refusal calls them.
_REACHING = {
    "configMap": "configmaps (via configmap volumes)",
    "secret": "secrets (via secret volumes)",
    "csi": "csidrivers (via CSI volumes)",
    "glusterfs": "endpoints (via glusterFS volumes)",
    "persistentVolumeClaim": "persistentvolumeclaims",
    "ephemeral": "persistentvolumeclaims (via ephemeral volumes)",
    "azureFile": "secrets (via azureFile volumes)",
}
_REACHING_PROJECTED = {
    "configMap": "configmaps (via projected volumes)",
    "secret": "secrets (via projected volumes)",
    "serviceAccountToken": "serviceaccounts (via projected volumes)",
    "clusterTrustBundle": "clustertrustbundles",
    "podCertificate": "podcertificates",
}


def admit(a: Attributes) -> None:
    """Raises: StatusError 403, 404."""
    node = node_of(a.user)
    if node is None:
        return
    if not node:
        raise a.forbidden(f'could not determine node from user "{a.user.name}"')
    judge = _JUDGES.get(a.info.plural)
    if judge is not None:
        judge(a, node)


def _pod(a: Attributes, node: str) -> None:
    if a.subresource == "status":
        _pod_status(a, node)
    elif a.subresource == "eviction":
        if _existing(a)["spec"].get("nodeName") != node:
            raise a.forbidden(f"node {node} can only evict pods with spec.nodeName set to itself")
    elif a.subresource:
        raise a.forbidden(f"unexpected pod subresource \"{a.subresource}\", only 'status' and 'eviction' are allowed")
    elif a.operation == CREATE:
        _mirror_pod(a, node)
    elif a.operation == DELETE:
        if _existing(a)["spec"].get("nodeName") != node:
            raise a.forbidden(f'node "{node}" can only delete pods with spec.nodeName set to itself')
    else:
        raise a.forbidden(f'unexpected operation "{a.operation}", node "{node}" can only create and delete mirror pods')


def _existing(a: Attributes) -> Obj:
    found = a.table("pods").get(f"{a.namespace}/{a.name}")
    if found is None:
        raise errors.not_found("pods", a.name)
    return found


def _mirror_pod(a: Attributes, node: str) -> None:
    metadata, spec = a.obj["metadata"], a.obj["spec"]
    if MIRROR not in (metadata.get("annotations") or NOTHING):
        raise a.forbidden(f'pod does not have "{MIRROR}" annotation, node "{node}" can only create mirror pods')
    if spec.get("nodeName") != node:
        raise a.forbidden(f'node "{node}" can only create pods with spec.nodeName set to itself')
    owners = metadata.get("ownerReferences") or ()
    said = f'node "{node}" can only create pods with'
    if len(owners) > 1:
        raise a.forbidden(f"{said} a single owner reference set to itself")
    if not owners:
        raise a.forbidden(f"{said} an owner reference set to itself")
    owner = owners[0]
    if owner.get("apiVersion") != "v1" or owner.get("kind") != "Node" or owner.get("name") != node:
        raise a.forbidden(f"{said} an owner reference set to itself")
    if not owner.get("controller"):
        raise a.forbidden(f"{said} a controller owner reference set to itself")
    if owner.get("blockOwnerDeletion"):
        raise a.forbidden(f'node "{node}" must not set blockOwnerDeletion on an owner reference')
    found = a.table("nodes").get(node)
    if found is None:
        raise errors.not_found("nodes", node)
    if owner.get("uid") != found["metadata"]["uid"]:
        raise a.forbidden(f"node {node} UID mismatch: expected {owner.get('uid')} got {found['metadata']['uid']}")
    reaching = api_reference(spec)
    if reaching:
        raise a.forbidden(f'node "{node}" can not create pods that reference {reaching}')


def api_reference(spec: Mapping[str, Any]) -> str:
    """What of the API a Pod refers to, "" for nothing."""
    if spec.get("serviceAccountName"):
        return "serviceaccounts"
    for volume_free, called in ((secret_names, "secrets"), (config_map_names, "configmaps")):
        if any(True for _ in volume_free({**spec, "volumes": None})):
            return called
    if any(True for _ in secret_names(spec)):
        return "secrets"
    if any(True for _ in config_map_names(spec)):
        return "configmaps"
    if spec.get("resourceClaims"):
        return "resourceclaims"
    for volume in spec.get("volumes") or ():
        for source, called in _REACHING.items():
            if volume.get(source) is not None:
                return called
        for part in (volume.get("projected") or NOTHING).get("sources") or ():
            for source, called in _REACHING_PROJECTED.items():
                if part.get(source) is not None:
                    return called
    return ""


def harmless_status(node: str, old: Obj, new: Obj) -> bool:
    """Whether a kubelet's report on a Pod is one that is never refused: of its own Pod, and of its status alone.

    Told apart here because every start of a container is such a report.
    """
    was, now = old.get("status") or NOTHING, new["status"]
    return (
        old["spec"].get("nodeName") == node
        and old["metadata"] is new["metadata"]
        and "resourceClaimStatuses" not in was
        and "resourceClaimStatuses" not in now
        and "extendedResourceClaimStatus" not in was
        and "extendedResourceClaimStatus" not in now
    )


def _pod_status(a: Attributes, node: str) -> None:
    if a.operation != UPDATE or a.old is None:
        raise a.forbidden(f'unexpected operation "{a.operation}"')
    old, new = a.old, a.obj
    if old["spec"].get("nodeName") != node:
        raise a.forbidden(f'node "{node}" can only update pod status for pods with spec.nodeName set to itself')
    before, after = old["metadata"], new["metadata"]
    if before is not after and (before.get("labels") or NOTHING) != (after.get("labels") or NOTHING):
        raise a.forbidden(f'node "{node}" cannot update labels through pod status')
    was, now = old.get("status") or NOTHING, new.get("status") or NOTHING
    if (was.get("resourceClaimStatuses") or []) != (now.get("resourceClaimStatuses") or []):
        raise a.forbidden(f'node "{node}" cannot update resource claim statues')
    if was.get("extendedResourceClaimStatus") != now.get("extendedResourceClaimStatus"):
        raise a.forbidden(f'node "{node}" cannot update extended resource claim status')


def _node(a: Attributes, node: str) -> None:
    name = a.name or a.obj.get("metadata", NOTHING).get("name", "")
    if name != node:
        raise a.forbidden(f'node "{node}" is not allowed to modify node "{name}"')
    spec = a.obj.get("spec") or NOTHING
    labels = (a.obj.get("metadata") or NOTHING).get("labels") or NOTHING
    if a.operation == CREATE:
        if spec.get("configSource") is not None:
            raise a.forbidden(f'node "{node}" is not allowed to create pods with a non-nil configSource')
        refused = forbidden_labels(labels, NOTHING)
        if refused:
            raise a.forbidden(f'node "{node}" is not allowed to set the following labels: {", ".join(refused)}')
    elif a.operation == UPDATE and a.old is not None:
        before = a.old.get("spec") or NOTHING
        if spec.get("configSource") is not None and spec["configSource"] != before.get("configSource"):
            raise a.forbidden(f'node "{node}" is not allowed to update configSource to a new non-nil configSource')
        if (spec.get("taints") or []) != (before.get("taints") or []):
            raise a.forbidden(f'node "{node}" is not allowed to modify taints')
        was = a.old["metadata"]
        if (a.obj["metadata"].get("ownerReferences") or []) != (was.get("ownerReferences") or []):
            raise a.forbidden(f'node "{node}" is not allowed to modify ownerReferences')
        refused = forbidden_labels(labels, was.get("labels") or NOTHING)
        if refused:
            raise a.forbidden(f"is not allowed to modify labels: {', '.join(refused)}")


def forbidden_labels(new: Mapping[str, str], old: Mapping[str, str]) -> list[str]:
    """Labels that a kubelet may not change but did."""
    if new is old:
        return []
    changed = sorted(name for name in new.keys() | old.keys() if new.get(name) != old.get(name))
    return [name for name in changed if _off_limits(name)]


def _off_limits(label: str) -> bool:
    namespace = label.partition("/")[0] if "/" in label else ""
    if _within(namespace, RESTRICTED):
        return True
    if not (_within(namespace, "kubernetes.io") or _within(namespace, "k8s.io")):
        return False
    return label not in KUBELET_LABELS and not any(_within(namespace, allowed) for allowed in KUBELET_NAMESPACES)


def _within(namespace: str, domain: str) -> bool:
    return namespace == domain or namespace.endswith("." + domain)


def _claim(a: Attributes, node: str) -> None:
    if a.subresource != "status":
        raise a.forbidden("may only update PVC status")
    if a.operation != UPDATE or a.old is None:
        raise a.forbidden(f'unexpected operation "{a.operation}"')
    if _without_sizes(a.obj) != _without_sizes(a.old):
        raise a.forbidden(
            f'node "{node}" is not allowed to update fields other than status.quantity and status.conditions'
        )


def _without_sizes(claim: Obj) -> Obj:
    own = ("capacity", "conditions", "allocatedResourceStatuses", "allocatedResources")
    status = {name: value for name, value in (claim.get("status") or NOTHING).items() if name not in own}
    metadata = {
        name: value for name, value in claim["metadata"].items() if name not in ("resourceVersion", "managedFields")
    }
    return {**claim, "metadata": metadata, "status": status}


def _account(a: Attributes, node: str) -> None:
    if a.operation != CREATE or a.subresource != "token":
        return
    reference = (a.obj.get("spec") or NOTHING).get("boundObjectRef") or NOTHING
    if reference.get("apiVersion") != "v1" or reference.get("kind") != "Pod" or not reference.get("name"):
        raise a.forbidden("node requested token not bound to a pod")
    if not reference.get("uid"):
        raise a.forbidden("node requested token with a pod binding without a uid")
    pod = a.table("pods").get(f"{a.namespace}/{reference['name']}")
    if pod is None:
        raise errors.not_found("pods", reference["name"])
    if reference["uid"] != pod["metadata"]["uid"]:
        raise a.forbidden(
            f"the UID in the bound object reference ({reference['uid']}) does not match the UID in record. "
            "The object might have been deleted and then recreated"
        )
    if pod["spec"].get("nodeName") != node:
        raise a.forbidden("node requested token bound to a pod scheduled on a different node")


def _lease(a: Attributes, node: str) -> None:
    if a.namespace != "kube-node-lease":
        raise a.forbidden('can only access leases in the "kube-node-lease" system namespace')
    if (a.name or a.obj["metadata"].get("name")) != node:
        raise a.forbidden("can only access node lease with the same name as the requesting node")


def _csi_node(a: Attributes, node: str) -> None:
    if (a.name or a.obj["metadata"].get("name")) != node:
        raise a.forbidden("can only access CSINode with the same name as the requesting node")


def _signing_request(a: Attributes, node: str) -> None:
    spec = a.obj.get("spec") or NOTHING
    if a.operation != CREATE or spec.get("signerName") not in KUBELET_SIGNERS:
        return
    try:
        name, _ = subject_of(a.obj)
    except ValueError as error:
        raise a.forbidden(f"unable to parse csr: {error}") from None
    if name != f"{NODE_PREFIX}{node}":
        raise a.forbidden(f"can only create a node CSR with CN={NODE_PREFIX}{node}")


def _slice(a: Attributes, node: str) -> None:
    if a.operation == CREATE:
        if (a.obj.get("spec") or NOTHING).get("nodeName") != node:
            raise a.forbidden("can only create ResourceSlice with the same NodeName as the requesting node")
    elif a.operation == DELETE and ((a.old or NOTHING).get("spec") or NOTHING).get("nodeName") != node:
        raise a.forbidden("can only delete ResourceSlice with the same NodeName as the requesting node")


_JUDGES = {
    "pods": _pod,
    "nodes": _node,
    "persistentvolumeclaims": _claim,
    "serviceaccounts": _account,
    "leases": _lease,
    "csinodes": _csi_node,
    "resourceslices": _slice,
    "certificatesigningrequests": _signing_request,
}
PLUGIN = Plugin(
    "NodeRestriction",
    frozenset({CREATE, UPDATE, DELETE}),
    frozenset(
        {
            *_JUDGES,
            "pods/status",
            "pods/eviction",
            "pods/binding",
            "pods/resize",
            "pods/ephemeralcontainers",
            "nodes/status",
            "persistentvolumeclaims/status",
            "serviceaccounts/token",
        }
    ),
    admit,
    None,
)
