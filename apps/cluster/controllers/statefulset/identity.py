"""What makes a Pod a member of a StatefulSet: its ordinal, its name on the network, and its volume claims.

Models      pkg/controller/statefulset/stateful_set_utils.go
Leaves out  nothing that shows

Pure.
"""

from __future__ import annotations

from apps.cluster.apimachinery.meta import EMPTY, Obj, controller_ref, labels_of, name_of, namespace_of

REVISION_LABEL = "controller-revision-hash"
POD_NAME_LABEL = "statefulset.kubernetes.io/pod-name"
POD_INDEX_LABEL = "apps.kubernetes.io/pod-index"

_INT32_MAX = 2**31 - 1


def parent_and_ordinal(pod_name: str) -> tuple[str, int]:
    """The StatefulSet's name and the ordinal that a Pod's name says; ("", -1) when it says none.

    >>> parent_and_ordinal("db-2"), parent_and_ordinal("web-7d9c6b8f5-x2x4z")
    (('db', 2), ('', -1))
    """
    parent, dash, digits = pod_name.rpartition("-")
    if not dash or not (digits.isascii() and digits.isdigit()):
        return "", -1
    ordinal = int(digits)
    return parent, ordinal if ordinal <= _INT32_MAX else -1


def ordinal_of(pod: Obj) -> int:
    return parent_and_ordinal(name_of(pod))[1]


def is_member(stateful_set: Obj, pod: Obj) -> bool:
    """Whether the Pod's name is one this StatefulSet gives."""
    return parent_and_ordinal(name_of(pod))[0] == name_of(stateful_set)


def start_ordinal(stateful_set: Obj) -> int:
    ordinals = stateful_set["spec"].get("ordinals") or EMPTY
    return int(ordinals.get("start") or 0)


def replicas_of(stateful_set: Obj) -> int:
    replicas = stateful_set["spec"].get("replicas")
    return 1 if replicas is None else int(replicas)


def in_range(stateful_set: Obj, ordinal: int) -> bool:
    """Whether the ordinal is one the StatefulSet wants a Pod for."""
    start = start_ordinal(stateful_set)
    return start <= ordinal < start + replicas_of(stateful_set)


def claim_name(stateful_set: Obj, template: Obj, ordinal: int) -> str:
    return f"{template['metadata']['name']}-{name_of(stateful_set)}-{ordinal}"


def claims_of(stateful_set: Obj, ordinal: int) -> list[Obj]:
    """The PersistentVolumeClaims of the Pod with this ordinal, to be created, in the order of their templates."""
    selector = stateful_set["spec"]["selector"].get("matchLabels") or EMPTY
    claims = []
    for template in stateful_set["spec"].get("volumeClaimTemplates") or ():
        metadata = {
            **template["metadata"],
            "name": claim_name(stateful_set, template, ordinal),
            "namespace": namespace_of(stateful_set),
            "labels": {**(template["metadata"].get("labels") or EMPTY), **selector},
        }
        claims.append(
            {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": template["spec"]}
        )
    return claims


def volumes_of(stateful_set: Obj, spec: Obj, ordinal: int) -> list[Obj]:
    """The volumes of a Pod with this ordinal: a claim for each claim template, then what else `spec` has."""
    templates = stateful_set["spec"].get("volumeClaimTemplates") or ()
    volumes: list[Obj] = [
        {
            "name": template["metadata"]["name"],
            "persistentVolumeClaim": {"claimName": claim_name(stateful_set, template, ordinal)},
        }
        for template in templates
    ]
    claimed = {volume["name"] for volume in volumes}
    volumes.extend(volume for volume in spec.get("volumes") or () if volume["name"] not in claimed)
    return volumes


def new_pod(stateful_set: Obj, template: Obj, ordinal: int, revision: str) -> Obj:
    """The Pod with this ordinal at this revision, to be created. `template` is that revision's."""
    name = f"{name_of(stateful_set)}-{ordinal}"
    source = template.get("metadata") or EMPTY
    metadata: Obj = {
        "name": name,
        "generateName": name_of(stateful_set) + "-",
        "namespace": namespace_of(stateful_set),
        "labels": {
            **(source.get("labels") or EMPTY),
            POD_NAME_LABEL: name,
            POD_INDEX_LABEL: str(ordinal),
            REVISION_LABEL: revision,
        },
    }
    for field in ("annotations", "finalizers"):
        if source.get(field):
            metadata[field] = source[field]
    metadata["ownerReferences"] = [controller_ref(stateful_set)]
    spec = {**template["spec"], "hostname": name}
    service = stateful_set["spec"].get("serviceName")
    if service:
        spec["subdomain"] = service
    if stateful_set["spec"].get("volumeClaimTemplates"):
        spec["volumes"] = volumes_of(stateful_set, spec, ordinal)
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def identity_matches(stateful_set: Obj, pod: Obj) -> bool:
    """Whether name, namespace and the pod-name label are the ones of a member."""
    name = name_of(pod)
    parent, ordinal = parent_and_ordinal(name)
    return (
        ordinal >= 0
        and parent == name_of(stateful_set)
        and name == f"{parent}-{ordinal}"
        and namespace_of(pod) == namespace_of(stateful_set)
        and labels_of(pod).get(POD_NAME_LABEL) == name
    )


def storage_matches(stateful_set: Obj, pod: Obj) -> bool:
    """Whether the Pod mounts its own claim for each claim template."""
    templates = stateful_set["spec"].get("volumeClaimTemplates")
    ordinal = ordinal_of(pod)
    if ordinal < 0:
        return False
    if not templates:
        return True
    volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
    for template in templates:
        volume = volumes.get(template["metadata"]["name"]) or EMPTY
        claim = volume.get("persistentVolumeClaim") or EMPTY
        if claim.get("claimName") != claim_name(stateful_set, template, ordinal):
            return False
    return True


def with_identity(stateful_set: Obj, pod: Obj) -> Obj:
    """The Pod as a member should be: labels and volumes put right."""
    ordinal = ordinal_of(pod)
    name = f"{name_of(stateful_set)}-{ordinal}"
    out = pod
    if not identity_matches(stateful_set, pod):
        labels = {**labels_of(pod), POD_NAME_LABEL: name, POD_INDEX_LABEL: str(ordinal)}
        out = {**out, "metadata": {**pod["metadata"], "labels": labels}}
    if not storage_matches(stateful_set, pod):
        out = {**out, "spec": {**pod["spec"], "volumes": volumes_of(stateful_set, pod["spec"], ordinal)}}
    return out


def revision_of(pod: Obj) -> str:
    return labels_of(pod).get(REVISION_LABEL, "")
