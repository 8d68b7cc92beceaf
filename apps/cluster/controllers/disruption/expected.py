"""How many Pods a budget counts on: what the controllers of its Pods want in all, or simply how many there are.

Models      pkg/controller/disruption/disruption.go (getExpectedPodCount, getExpectedScale and its finders)
Leaves out  nothing known
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from apps.cluster.apimachinery.intstr import scaled
from apps.cluster.apimachinery.meta import Obj, controller_of, name_of, namespace_of, uid_of

EMPTY: dict[str, Any] = {}
Find = Callable[[str, str], Obj | None]  # resource, key
# kind -> its resource and the groups it may come from
_SCALED = {
    "ReplicationController": ("replicationcontrollers", ("",)),
    "ReplicaSet": ("replicasets", ("apps", "extensions")),
    "StatefulSet": ("statefulsets", ("apps",)),
}


class CannotCount(Exception):
    """The Pods' controllers do not say how many there should be."""


class Expected(NamedTuple):
    pods: int
    healthy: int  # as many of them must stay
    unmanaged: list[str]


class Scales(NamedTuple):
    """Where sizes are asked for: stored objects, and which resource a kind is (None: nobody knows the kind)."""

    find: Find
    # apiVersion, kind -> its resource, that with its group, and whether it has a scale subresource
    resource_of: Callable[[str, str], tuple[str, str, bool] | None]


def expected(spec: Mapping[str, Any], pods: Sequence[Obj], scales: Scales) -> Expected:
    """What a budget's status is worked out from.

    Raises:
        CannotCount: with upstream's message.
    """
    most_missing, least = spec.get("maxUnavailable"), spec.get("minAvailable")
    if most_missing is not None:
        count, unmanaged = expected_scale(pods, scales)
        return Expected(count, max(count - scaled(most_missing, count, True), 0), unmanaged)
    if isinstance(least, int):
        return Expected(len(pods), least, [])
    if isinstance(least, str):
        count, unmanaged = expected_scale(pods, scales)
        return Expected(count, scaled(least, count, True), unmanaged)
    return Expected(0, 0, [])


def expected_scale(pods: Sequence[Obj], scales: Scales) -> tuple[int, list[str]]:
    """The sum of what the Pods' controllers want, and the Pods that have none."""
    sizes: dict[str, int] = {}
    unmanaged: list[str] = []
    for pod in pods:
        owner = controller_of(pod)
        if owner is None:
            unmanaged.append(name_of(pod))
        elif owner["uid"] not in sizes:
            found = _size(owner, namespace_of(pod), scales)
            if found is None:
                raise CannotCount(f'found no controllers for pod "{name_of(pod)}"')
            sizes[found[0]] = found[1]
    return sum(sizes.values()), unmanaged


def _size(owner: Mapping[str, Any], namespace: str, scales: Scales) -> tuple[str, int] | None:
    """The uid and the wanted size of a Pod's controller; a ReplicaSet's Deployment speaks for it."""
    group = owner["apiVersion"].rpartition("/")[0]
    known = _SCALED.get(owner["kind"])
    if known is not None and group in known[1]:
        found = scales.find(known[0], f"{namespace}/{owner['name']}")
        if found is not None and uid_of(found) == owner["uid"]:
            above = controller_of(found) if owner["kind"] == "ReplicaSet" else None
            if above is None or above["kind"] != "Deployment":
                return uid_of(found), replicas(found)
            if above["apiVersion"].rpartition("/")[0] in ("apps", "extensions"):
                deployment = scales.find("deployments", f"{namespace}/{above['name']}")
                if deployment is not None and uid_of(deployment) == above["uid"]:
                    return uid_of(deployment), replicas(deployment)
    return _by_scale(owner, namespace, scales)


def _by_scale(owner: Mapping[str, Any], namespace: str, scales: Scales) -> tuple[str, int] | None:
    """Any other kind is asked through its scale subresource."""
    mapping = scales.resource_of(owner["apiVersion"], owner["kind"])
    if mapping is None:
        raise CannotCount(f'no matches for kind "{owner["kind"]}" in version "{owner["apiVersion"]}"')
    resource, qualified, scales_itself = mapping
    if not scales_itself:
        raise CannotCount(f"{qualified} does not implement the scale subresource")
    found = scales.find(resource, f"{namespace}/{owner['name']}")
    if found is None or uid_of(found) != owner["uid"]:
        return None
    return uid_of(found), replicas(found)


def replicas(obj: Obj) -> int:
    wanted = (obj.get("spec") or EMPTY).get("replicas")
    return 1 if wanted is None else int(wanted)
