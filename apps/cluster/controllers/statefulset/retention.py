"""Who owns the volume claims of a StatefulSet: nobody, the set, or the Pod that is being scaled away.

Models      pkg/controller/statefulset/stateful_set_utils.go (isClaimOwnerUpToDate, updateClaimOwnerRefForSetAndPod)
Leaves out  nothing that shows

`persistentVolumeClaimRetentionPolicy` works through the garbage collector: a claim that should go with the set is owned
by the set, one that should go with a condemned Pod is owned by that Pod.

    whenScaled  whenDeleted  owner of the claim
    Retain      Retain       none
    Retain      Delete       the set
    Delete      Retain       the Pod, once it is out of range
    Delete      Delete       the set; the Pod, once it is out of range

Pure.
"""

from __future__ import annotations

from apps.cluster.apimachinery.meta import EMPTY, Obj, controller_ref, uid_of
from apps.cluster.controllers.statefulset.identity import in_range, ordinal_of

RETAIN, DELETE = "Retain", "Delete"


def policy_of(stateful_set: Obj) -> tuple[str, str]:
    """(whenScaled, whenDeleted)"""
    policy = stateful_set["spec"].get("persistentVolumeClaimRetentionPolicy") or EMPTY
    return policy.get("whenScaled") or RETAIN, policy.get("whenDeleted") or RETAIN


def _references(obj: Obj) -> list[Obj]:
    return obj["metadata"].get("ownerReferences") or []


def matches_ref(reference: Obj, obj: Obj) -> bool:
    """Whether an owner reference names `obj`, whatever its uid."""
    named = (reference.get("apiVersion"), reference.get("kind"), reference.get("name"))
    return named == (obj["apiVersion"], obj["kind"], obj["metadata"].get("name", ""))


def has_owner(claim: Obj, owner: Obj) -> bool:
    uid = uid_of(owner)
    return any(reference["uid"] == uid for reference in _references(claim))


def has_stale_owner(claim: Obj, owner: Obj) -> bool:
    """Whether the claim belongs to an earlier object of the owner's name."""
    for reference in _references(claim):
        if matches_ref(reference, owner):
            return bool(reference["uid"] != uid_of(owner))
    return False


def has_unexpected_controller(claim: Obj, stateful_set: Obj, pod: Obj) -> bool:
    """Whether someone else controls the claim, or an earlier set or Pod of the same name owns it."""
    if policy_of(stateful_set) == (RETAIN, RETAIN):
        return False
    for reference in _references(claim):
        for own in (stateful_set, pod):
            if matches_ref(reference, own):
                if reference["uid"] != uid_of(own):
                    return True
                break
        else:
            if reference.get("controller"):
                return True
    return False


def _has_plain_owner(claim: Obj, stateful_set: Obj, pod: Obj) -> bool:
    uids = (uid_of(stateful_set), uid_of(pod))
    return any(reference["uid"] in uids and not reference.get("controller") for reference in _references(claim))


def is_claim_owner_up_to_date(claim: Obj, stateful_set: Obj, pod: Obj) -> bool:
    """Whether the claim's owners are those of the table above; also when they are such that we keep our hands off."""
    if has_stale_owner(claim, stateful_set) or has_stale_owner(claim, pod):
        return True
    set_owns, pod_owns = has_owner(claim, stateful_set), has_owner(claim, pod)
    if has_unexpected_controller(claim, stateful_set, pod):
        return not (set_owns or pod_owns)
    if _has_plain_owner(claim, stateful_set, pod):
        return False
    return (set_owns, pod_owns) == _wanted(stateful_set, pod)


def _wanted(stateful_set: Obj, pod: Obj) -> tuple[bool, bool]:
    """(the set owns, the Pod owns)"""
    when_scaled, when_deleted = policy_of(stateful_set)
    condemned = when_scaled == DELETE and not in_range(stateful_set, ordinal_of(pod))
    return when_deleted == DELETE and not condemned, condemned


def with_owners(claim: Obj, stateful_set: Obj, pod: Obj) -> Obj:
    """The claim with the owners of the table above; with neither of ours when another controls it."""
    unexpected = has_unexpected_controller(claim, stateful_set, pod)
    references = [
        reference
        for reference in _references(claim)
        if not matches_ref(reference, stateful_set) and not matches_ref(reference, pod)
    ]
    if not unexpected:
        for wanted, owner in zip(_wanted(stateful_set, pod), (stateful_set, pod), strict=True):
            if wanted and not any(reference["uid"] == uid_of(owner) for reference in references):
                references.append(controller_ref(owner))
    metadata = {**claim["metadata"], "ownerReferences": references}
    if not references:
        del metadata["ownerReferences"]
    return {**claim, "metadata": metadata}


def is_stale(claim: Obj, stateful_set: Obj, pod: Obj) -> bool:
    """Whether the claim is on its way out with an earlier Pod of this name, so that a new one has to wait."""
    return policy_of(stateful_set)[0] == DELETE and has_stale_owner(claim, pod)
