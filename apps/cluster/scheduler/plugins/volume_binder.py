"""The volume binder: which volumes a Pod's claims have, could have, or would have to be given on a node.

Models      pkg/scheduler/framework/plugins/volumebinding/binder.go and component-helpers/storage/volume/pv_helpers.go
Leaves out  storage capacity tracking (CSIStorageCapacity), volume attributes classes, migration of in-tree volumes to
            CSI
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from apps.cluster.apimachinery.meta import Obj, annotations_of, controller_of, labels_of
from apps.cluster.apimachinery.node_selector import NodeSelector
from apps.cluster.apimachinery.quantity import value
from apps.cluster.apimachinery.selectors import from_label_selector
from apps.cluster.scheduler.node_info import NodeInfo
from apps.cluster.scheduler.plugins.base import Handle
from apps.cluster.scheduler.status import SchedulerError

SELECTED_NODE = "volume.kubernetes.io/selected-node"
BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
NO_PROVISIONER = "kubernetes.io/no-provisioner"
WAIT_FOR_FIRST_CONSUMER = "WaitForFirstConsumer"

BIND_CONFLICT = "node(s) didn't find available persistent volumes to bind"
NODE_CONFLICT = "node(s) didn't match PersistentVolume's node affinity"
VOLUME_GONE = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"

Binding = tuple[Obj, Obj]  # volume, claim


def class_of(obj: Obj) -> str:
    """The storage class of a claim or volume."""
    annotation = annotations_of(obj).get(BETA_CLASS)
    return annotation if annotation is not None else obj["spec"].get("storageClassName") or ""


def fully_bound(claim: Obj) -> bool:
    return bool(claim["spec"].get("volumeName")) and BIND_COMPLETED in annotations_of(claim)


def bound_to(volume: Obj, claim: Obj) -> bool:
    """Whether the volume refers to this claim (bound already, or meant for it beforehand)."""
    reference = volume["spec"].get("claimRef")
    if not reference:
        return False
    metadata = claim["metadata"]
    if reference.get("name") != metadata["name"] or reference.get("namespace") != metadata.get("namespace"):
        return False
    return not reference.get("uid") or reference["uid"] == metadata.get("uid")


def reaches(volume: Obj, node_labels: Mapping[str, str]) -> bool:
    """Whether the volume can be used from a node with these labels."""
    required = (volume["spec"].get("nodeAffinity") or {}).get("required")
    return required is None or NodeSelector(required).matches("", node_labels)


class Claims:
    """A Pod's claims, sorted by what has to happen to them."""

    __slots__ = ("bound", "delayed", "immediate", "volumes")

    def __init__(self) -> None:
        self.bound: list[Obj] = []
        self.delayed: list[Obj] = []  # wait for the Pod to have a node
        self.immediate: list[Obj] = []  # should have been bound by now
        self.volumes: dict[str, list[Obj]] = {}  # class -> volumes, for the delayed ones


class VolumeBinder:
    def __init__(self, handle: Handle) -> None:
        self.handle = handle

    def claim_for(self, pod: Obj, volume: Obj) -> tuple[Obj | None, str]:
        """The claim behind a volume of the Pod and what is wrong with it; (None, "") for a volume without claim."""
        metadata = pod["metadata"]
        namespace = metadata.get("namespace", "")
        ephemeral = "ephemeral" in volume
        if "persistentVolumeClaim" in volume:
            name = volume["persistentVolumeClaim"]["claimName"]
        elif ephemeral:
            name = f"{metadata['name']}-{volume['name']}"
        else:
            return None, ""
        claim = self.handle.lister("persistentvolumeclaims").get(f"{namespace}/{name}")
        if claim is None:
            if ephemeral:
                return None, f'waiting for ephemeral volume controller to create the persistentvolumeclaim "{name}"'
            return None, f'persistentvolumeclaim "{name}" not found'
        if (claim.get("status") or {}).get("phase") == "Lost":
            lost = claim["spec"].get("volumeName", "")
            return None, f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{lost}"'
        if "deletionTimestamp" in claim["metadata"]:
            return None, f'persistentvolumeclaim "{name}" is being deleted'
        if ephemeral:
            owner = controller_of(claim)
            if owner is None or owner.get("uid") != metadata.get("uid"):
                mine = f"{namespace}/{metadata['name']}"
                return None, f"PVC {namespace}/{name} was not created for pod {mine} (pod is not owner)"
        return claim, ""

    def claims(self, pod: Obj) -> Claims:
        """The Pod's claims. All of them must be there (see `claim_for`)."""
        out = Claims()
        for volume in pod["spec"].get("volumes") or ():
            claim, _ = self.claim_for(pod, volume)
            if claim is None:
                continue
            if fully_bound(claim):
                out.bound.append(claim)
            elif self._delayed(claim) and not claim["spec"].get("volumeName"):
                out.delayed.append(claim)
            else:
                out.immediate.append(claim)
        if out.delayed:
            all_volumes = self.handle.lister("persistentvolumes").list()
            for claim in out.delayed:
                name = class_of(claim)
                out.volumes[name] = [volume for volume in all_volumes if class_of(volume) == name]
        return out

    def _delayed(self, claim: Obj) -> bool:
        storage_class = self.handle.lister("storageclasses").get(class_of(claim))
        return storage_class is not None and storage_class.get("volumeBindingMode") == WAIT_FOR_FIRST_CONSUMER

    def find(self, claims: Claims, node: NodeInfo) -> tuple[list[Binding], list[Obj], list[str]]:
        """On that node: volumes to bind, claims to provision, and what is in the way."""
        reasons: list[str] = []
        gone = False
        for claim in claims.bound:
            volume = self.handle.lister("persistentvolumes").get(claim["spec"]["volumeName"])
            if volume is None:
                gone = True
                break
            if not reaches(volume, node.labels):
                reasons.append(NODE_CONFLICT)
                break
        bindings: list[Binding] = []
        provision: list[Obj] = []
        if claims.delayed:
            satisfied, bindings, provision = self._delayed_on(claims, node)
            if not satisfied:
                reasons.append(BIND_CONFLICT)
        if gone:
            reasons.append(VOLUME_GONE)
        return bindings, provision, reasons

    def _delayed_on(self, claims: Claims, node: NodeInfo) -> tuple[bool, list[Binding], list[Obj]]:
        provision: list[Obj] = []
        match: list[Obj] = []
        for claim in claims.delayed:
            selected = annotations_of(claim).get(SELECTED_NODE)
            if selected is None:
                match.append(claim)
            elif selected != node.name:
                return False, [], []
            else:
                provision.append(claim)
        bindings: list[Binding] = []
        taken: set[str] = set()
        for claim in sorted(match, key=_size):
            volume = find_matching_volume(claim, claims.volumes[class_of(claim)], node.labels, taken)
            if volume is None:
                provision.append(claim)
            else:
                taken.add(volume["metadata"]["name"])
                bindings.append((volume, claim))
        return all(self._provisionable(claim, node) for claim in provision), bindings, provision

    def _provisionable(self, claim: Obj, node: NodeInfo) -> bool:
        name = class_of(claim)
        storage_class = self.handle.lister("storageclasses").get(name)
        if storage_class is None:
            raise SchedulerError(f'failed to find storage class "{name}"')
        if storage_class.get("provisioner") in (None, "", NO_PROVISIONER):
            return False
        terms = storage_class.get("allowedTopologies")
        return not terms or any(_topology_matches(term, node.labels) for term in terms)

    def check(self, node: NodeInfo, bindings: Sequence[Obj], provision: Sequence[Obj]) -> bool:
        """Whether everything asked of the persistent volume controller is done; raises when it has gone wrong.

        `bindings` are volumes, `provision` claims, as they were written.
        """
        lister = self.handle.lister
        for asked in bindings:
            volume = lister("persistentvolumes").get(asked["metadata"]["name"])
            if volume is None:
                raise SchedulerError(
                    f'failed to check binding: could not find v1.PersistentVolume "{asked["metadata"]["name"]}"'
                )
            reference = volume["spec"].get("claimRef") or {}
            if not reference.get("uid"):
                raise SchedulerError(f'ClaimRef got reset for pv "{volume["metadata"]["name"]}"')
            claim = lister("persistentvolumeclaims").get(f"{reference['namespace']}/{reference['name']}")
            if claim is None or not fully_bound(claim):
                return False
        for asked in provision:
            key = f"{asked['metadata']['namespace']}/{asked['metadata']['name']}"
            claim = lister("persistentvolumeclaims").get(key)
            if claim is None:
                raise SchedulerError(
                    f'failed to check provisioning pvc: could not find v1.PersistentVolumeClaim "{key}"'
                )
            if annotations_of(claim).get(SELECTED_NODE) != node.name:
                raise SchedulerError(f'provisioning failed for PVC "{claim["metadata"]["name"]}"')
            name = claim["spec"].get("volumeName")
            if name:
                volume = lister("persistentvolumes").get(name)
                if volume is None:
                    return False
                if not reaches(volume, node.labels):
                    raise SchedulerError(
                        f'pv "{name}" node affinity doesn\'t match node "{node.name}": no matching NodeSelectorTerms'
                    )
            if not fully_bound(claim):
                return False
        return True


def bind_volume_to_claim(volume: Obj, claim: Obj) -> Obj:
    """The volume, referring to the claim from now on."""
    if bound_to(volume, claim) and volume["spec"]["claimRef"].get("uid"):
        return volume
    metadata = volume["metadata"]
    if not bound_to(volume, claim):
        metadata = {**metadata, "annotations": {**annotations_of(volume), BOUND_BY_CONTROLLER: "yes"}}
    of_claim = claim["metadata"]
    reference: dict[str, Any] = {
        "kind": "PersistentVolumeClaim",
        "namespace": of_claim["namespace"],
        "name": of_claim["name"],
        "uid": of_claim.get("uid", ""),
        "apiVersion": "v1",
        "resourceVersion": of_claim.get("resourceVersion", ""),
    }
    return {**volume, "metadata": metadata, "spec": {**volume["spec"], "claimRef": reference}}


def select_node(claim: Obj, node: str) -> Obj:
    """The claim, asking to be provisioned for that node."""
    metadata = claim["metadata"]
    return {**claim, "metadata": {**metadata, "annotations": {**annotations_of(claim), SELECTED_NODE: node}}}


def find_matching_volume(
    claim: Obj, volumes: Sequence[Obj], node_labels: Mapping[str, str], taken: set[str]
) -> Obj | None:
    """A volume meant for the claim, else the smallest available one that satisfies it on that node."""
    spec = claim["spec"]
    wanted = _size(claim)
    selector = from_label_selector(spec["selector"]) if spec.get("selector") else None
    modes = set(spec.get("accessModes") or ())
    best: Obj | None = None
    for volume in volumes:
        of_volume = volume["spec"]
        if volume["metadata"]["name"] in taken:
            continue
        meant = bound_to(volume, claim)
        if of_volume.get("claimRef") and not meant:
            continue
        if _capacity(volume) < wanted or spec.get("volumeMode", "Filesystem") != of_volume.get(
            "volumeMode", "Filesystem"
        ):
            continue
        if "deletionTimestamp" in volume["metadata"]:
            continue
        near = reaches(volume, node_labels)
        if meant:
            return volume if near else None
        if not near or (volume.get("status") or {}).get("phase") != "Available":
            continue
        if selector is not None and not selector.matches(labels_of(volume)):
            continue
        if not modes <= set(of_volume.get("accessModes") or ()):
            continue
        if best is None or _capacity(volume) < _capacity(best):
            best = volume
    return best


def _size(claim: Obj) -> int:
    return value(((claim["spec"].get("resources") or {}).get("requests") or {}).get("storage", 0))


def _capacity(volume: Obj) -> int:
    return value((volume["spec"].get("capacity") or {}).get("storage", 0))


def _topology_matches(term: Obj, labels: Mapping[str, str]) -> bool:
    expressions = term.get("matchLabelExpressions") or ()
    return bool(expressions) and all(labels.get(e["key"]) in e["values"] for e in expressions)
