"""What one sync of a StatefulSet will do: ordinal by ordinal, the lowest first up, the highest first down.

Models      pkg/controller/statefulset/stateful_set_control.go (updateStatefulSet, processReplica, processCondemned)
Leaves out  nothing that shows

Pure: no client, no clock. OrderedReady stops at the first Pod that it has to wait for: nothing above it is made,
nothing is scaled down, nothing is updated. That is also why a rollout stuck on a broken Pod stays stuck until
someone deletes the Pod. Parallel does not wait to create and scale, only to update.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from apps.cluster.apimachinery.intstr import scaled
from apps.cluster.apimachinery.meta import EMPTY, Obj
from apps.cluster.controllers.pod_helpers import is_pod_available, is_pod_ready
from apps.cluster.controllers.statefulset import retention
from apps.cluster.controllers.statefulset.identity import (
    claim_name,
    claims_of,
    identity_matches,
    new_pod,
    ordinal_of,
    replicas_of,
    revision_of,
    start_ordinal,
    storage_matches,
)

# create: a Pod and its claims; delete: a Pod; claims: the missing claims of a pending Pod;
# repair: identity, volumes and claim owners of a Pod; retain: claim owners of a condemned Pod
Verb = Literal["create", "delete", "claims", "repair", "retain"]


@dataclass(frozen=True, slots=True)
class Revision:
    """A ControllerRevision as far as making Pods goes."""

    name: str
    template: Obj


@dataclass(slots=True)
class Plan:
    """Acts in order, each a verb and a Pod (one still to be made for "create"), and the status that follows."""

    acts: list[tuple[Verb, Obj]] = field(default_factory=list)
    status: Obj = field(default_factory=dict)
    updating: str = ""  # name of the first Pod deleted for the rolling update, "" when none
    rolled: list[str] = field(default_factory=list)  # names of all of them; the status counts them as gone already


ClaimLookup = Callable[[str], Obj | None]  # name of a claim in the set's namespace -> the claim, or None


def plan(
    stateful_set: Obj,
    pods: Sequence[Obj],
    current: Revision,
    update: Revision,
    claim: ClaimLookup,
    now_ms: int,
    collisions: int = 0,
) -> Plan:
    """Compare the Pods there are with the ordinals wanted."""
    out = Plan()
    spec = stateful_set["spec"]
    minimum = int(spec.get("minReadySeconds") or 0)
    start, count = start_ordinal(stateful_set), replicas_of(stateful_set)
    have = {ordinal_of(pod): pod for pod in pods}
    replicas = [have.get(ordinal) for ordinal in range(start, start + count)]
    condemned = [have[ordinal] for ordinal in sorted(have, reverse=True) if not start <= ordinal < start + count]
    going = False
    if "deletionTimestamp" not in stateful_set["metadata"]:
        in_order = spec.get("podManagementPolicy") != "Parallel"
        going = (
            _living(out, stateful_set, replicas, (current, update), in_order, minimum, claim, now_ms)
            and _retain_condemned(out, stateful_set, condemned, claim)
            and _condemned(out, replicas, condemned, in_order, minimum, now_ms)
        )
    out.status = _status(stateful_set, pods, current, update, minimum, now_ms, collisions)
    if going and (spec.get("updateStrategy") or EMPTY).get("type") != "OnDelete":
        _roll(out, stateful_set, replicas, update, minimum, now_ms)
    _complete(stateful_set, out.status)
    return out


def version_for(stateful_set: Obj, ordinal: int, current: Revision, update: Revision) -> Revision:
    """The revision at which a missing Pod is made: below the partition the current one, else the updated one."""
    strategy = stateful_set["spec"].get("updateStrategy") or EMPTY
    rolling = strategy.get("rollingUpdate")
    if rolling is not None:
        below = int(rolling.get("partition") or 0)
    elif strategy.get("type") == "RollingUpdate":
        below = int((stateful_set.get("status") or EMPTY).get("currentReplicas") or 0)
    else:
        below = 0
    return current if ordinal < start_ordinal(stateful_set) + below else update


def _living(
    out: Plan,
    stateful_set: Obj,
    replicas: Sequence[Obj | None],
    revisions: tuple[Revision, Revision],
    in_order: bool,
    minimum: int,
    claim: ClaimLookup,
    now_ms: int,
) -> bool:
    """See to each wanted ordinal, the lowest first. False: something has to be waited for."""
    start = start_ordinal(stateful_set)
    for index, pod in enumerate(replicas):
        if pod is None:
            ordinal = start + index
            version = version_for(stateful_set, ordinal, *revisions)
            new = new_pod(stateful_set, version.template, ordinal, version.name)
            if not any(retention.is_stale(found, stateful_set, new) for found in _claims(stateful_set, ordinal, claim)):
                out.acts.append(("create", new))
            if in_order:
                return False
            continue
        phase = pod["status"].get("phase")
        terminating = "deletionTimestamp" in pod["metadata"]
        if phase in ("Failed", "Succeeded"):
            if not terminating:
                out.acts.append(("delete", pod))
            if in_order:
                return False
            continue
        if phase == "Pending" and _claims_lacking(stateful_set, pod, claim):
            out.acts.append(("claims", pod))
        if in_order and (
            terminating
            or phase != "Running"
            or not is_pod_ready(pod)
            or (minimum and not is_pod_available(pod, minimum, now_ms))
        ):
            return False
        if not (
            identity_matches(stateful_set, pod)
            and storage_matches(stateful_set, pod)
            and _owners_match(stateful_set, pod, claim)
        ):
            out.acts.append(("repair", pod))
    return True


def _claims(stateful_set: Obj, ordinal: int, claim: ClaimLookup) -> list[Obj]:
    """The claims there are for an ordinal."""
    templates = stateful_set["spec"].get("volumeClaimTemplates") or ()
    found = (claim(claim_name(stateful_set, template, ordinal)) for template in templates)
    return [one for one in found if one is not None]


def _claims_lacking(stateful_set: Obj, pod: Obj, claim: ClaimLookup) -> bool:
    if not stateful_set["spec"].get("volumeClaimTemplates"):
        return False
    wanted = claims_of(stateful_set, ordinal_of(pod))
    found = [claim(one["metadata"]["name"]) for one in wanted]
    return any(one is None or "deletionTimestamp" in one["metadata"] for one in found) or not _owners_match(
        stateful_set, pod, claim
    )


def _owners_match(stateful_set: Obj, pod: Obj, claim: ClaimLookup) -> bool:
    return all(
        retention.is_claim_owner_up_to_date(found, stateful_set, pod)
        for found in _claims(stateful_set, ordinal_of(pod), claim)
    )


def _retain_condemned(out: Plan, stateful_set: Obj, condemned: Sequence[Obj], claim: ClaimLookup) -> bool:
    for pod in condemned:
        if not _owners_match(stateful_set, pod, claim):
            out.acts.append(("retain", pod))
    return True


def _condemned(
    out: Plan, replicas: Sequence[Obj | None], condemned: Sequence[Obj], in_order: bool, minimum: int, now_ms: int
) -> bool:
    """Scale down, the highest ordinal first. False: something has to be waited for."""
    if not condemned:
        return True
    first = next(
        (pod for pod in (*replicas, *reversed(condemned)) if pod is None or _unavailable(pod, minimum, now_ms)), None
    )
    for pod in condemned:
        if "deletionTimestamp" in pod["metadata"]:
            if in_order:
                return False
            continue
        if in_order and pod is not first and not _running_and_available(pod, minimum, now_ms):
            return False
        out.acts.append(("delete", pod))
        if in_order:
            return False
    return True


def _running_and_available(pod: Obj, minimum: int, now_ms: int) -> bool:
    return pod["status"].get("phase") == "Running" and is_pod_available(pod, minimum, now_ms)


def _unavailable(pod: Obj | None, minimum: int, now_ms: int) -> bool:
    return pod is None or "deletionTimestamp" in pod["metadata"] or not is_pod_available(pod, minimum, now_ms)


def max_unavailable(stateful_set: Obj) -> int | None:
    """`rollingUpdate.maxUnavailable` in Pods, rounded down but at least 1; None when it is not set."""
    rolling = (stateful_set["spec"].get("updateStrategy") or EMPTY).get("rollingUpdate") or EMPTY
    value = rolling.get("maxUnavailable")
    return None if value is None else max(scaled(value, replicas_of(stateful_set), False), 1)


def _roll(
    out: Plan, stateful_set: Obj, replicas: Sequence[Obj | None], update: Revision, minimum: int, now_ms: int
) -> None:
    """Delete Pods of another revision, the highest ordinal first, down to the partition."""
    rolling = (stateful_set["spec"].get("updateStrategy") or EMPTY).get("rollingUpdate") or EMPTY
    partition = int(rolling.get("partition") or 0)
    allowed = max_unavailable(stateful_set)
    left = 1
    if allowed is not None:
        left = allowed - sum(_unavailable(pod, minimum, now_ms) for pod in replicas)
    for index in range(len(replicas) - 1, partition - 1, -1):
        if left <= 0:
            return
        pod = replicas[index]
        if pod is not None and revision_of(pod) != update.name and "deletionTimestamp" not in pod["metadata"]:
            out.acts.append(("delete", pod))
            out.updating = out.updating or pod["metadata"]["name"]
            out.rolled.append(pod["metadata"]["name"])
            out.status["currentReplicas"] = out.status.get("currentReplicas", 0) - 1
            left -= 1
        elif allowed is None and _unavailable(pod, minimum, now_ms):
            return  # one at a time: wait for the last one


def _status(
    stateful_set: Obj,
    pods: Sequence[Obj],
    current: Revision,
    update: Revision,
    minimum: int,
    now_ms: int,
    collisions: int,
) -> Obj:
    ready = available = of_current = of_update = 0
    for pod in pods:
        if pod["status"].get("phase") == "Running" and is_pod_ready(pod):
            ready += 1
            available += is_pod_available(pod, minimum, now_ms)
        if "deletionTimestamp" not in pod["metadata"]:
            revision = revision_of(pod)
            of_current += revision == current.name
            of_update += revision == update.name
    return {
        "observedGeneration": stateful_set["metadata"].get("generation", 0),
        "replicas": len(pods),
        "readyReplicas": ready,
        "currentReplicas": of_current,
        "updatedReplicas": of_update,
        "currentRevision": current.name,
        "updateRevision": update.name,
        "collisionCount": collisions,
        "availableReplicas": available,
    }


def _complete(stateful_set: Obj, status: Obj) -> None:
    """Once every Pod is updated and ready, the updated revision is the current one. Zeros the API omits go."""
    wanted = replicas_of(stateful_set)
    if (
        (stateful_set["spec"].get("updateStrategy") or EMPTY).get("type") == "RollingUpdate"
        and status["updatedReplicas"] == wanted
        and status["readyReplicas"] == wanted
        and status["replicas"] == wanted
    ):
        status["currentReplicas"] = status["updatedReplicas"]
        status["currentRevision"] = status["updateRevision"]
    for name in ("readyReplicas", "currentReplicas", "updatedReplicas"):
        if not status[name]:
            del status[name]


_COMPARED = (
    "replicas",
    "currentReplicas",
    "readyReplicas",
    "updatedReplicas",
    "currentRevision",
    "availableReplicas",
    "updateRevision",
)


def is_inconsistent(old: Obj, new: Obj) -> bool:
    """Whether the status has to be written."""
    if new["observedGeneration"] > (old.get("observedGeneration") or 0):
        return True
    return any((old.get(name) or 0) != (new.get(name) or 0) for name in _COMPARED)
