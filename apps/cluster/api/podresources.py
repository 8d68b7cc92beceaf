"""What a Pod asks for and may use, all of its containers taken together, exact to the last digit.

Containers add up; init containers run one after the other, so the largest counts; those that stay (sidecars) add to
what comes after them. What is asked for the Pod as a whole takes the place of the sum, and `overhead` comes on top.

Models      staging/src/k8s.io/component-helpers/resource/helpers.go
Leaves out  the hook that is told of each container
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from apps.cluster.apimachinery.meta import EMPTY, Obj
from apps.cluster.apimachinery.quantity import Quantity, minus_or_plus, parse

Amounts = dict[str, Quantity]
POD_LEVEL = ("cpu", "memory")


class Options(NamedTuple):
    """What is counted."""

    use_status: bool = False
    pod_level_resize: bool = False
    exclude_overhead: bool = False
    non_missing: Mapping[str, Any] = EMPTY
    skip_pod_level: bool = False
    skip_containers: bool = False
    claims: bool = False


PLAIN = Options()


def amounts(found: Mapping[str, Any] | None) -> Amounts:
    """A resource list, read."""
    return {name: parse(str(value)) for name, value in (found or EMPTY).items()}


def written(found: Amounts) -> dict[str, str]:
    """A resource list as the API has it."""
    return {name: value.canonical() for name, value in found.items()}


def _add(into: Amounts, more: Amounts) -> None:
    for name, value in more.items():
        into[name] = minus_or_plus(into[name], value, 1) if name in into else value


def _largest(into: Amounts, more: Amounts) -> None:
    for name, value in more.items():
        if name not in into or value.scaled(-9) > into[name].scaled(-9):
            into[name] = value


def _max(*lists: Amounts) -> Amounts:
    found = dict(lists[0])
    for other in lists[1:]:
        _largest(found, other)
    return found


def is_pod_level(name: str) -> bool:
    """A resource that can be asked for the Pod as a whole."""
    return name in POD_LEVEL or name.startswith("hugepages-")


def _of_pod(pod: Obj, kind: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = ((pod.get("spec") or EMPTY).get("resources") or EMPTY).get(kind) or EMPTY
    return found


def pod_level_requests_set(pod: Obj) -> bool:
    return any(map(is_pod_level, _of_pod(pod, "requests")))


def pod_level_limits_set(pod: Obj) -> bool:
    return any(map(is_pod_level, _of_pod(pod, "limits")))


def pod_level_set(pod: Obj) -> bool:
    return pod_level_requests_set(pod) or pod_level_limits_set(pod)


def _pending(pod: Obj) -> str:
    """Why a resize has not begun."""
    for condition in (pod.get("status") or EMPTY).get("conditions") or ():
        if condition.get("type") == "PodResizePending":
            return str(condition.get("reason", ""))
    return ""


def resize_is_infeasible(pod: Obj) -> bool:
    return _pending(pod) == "Infeasible"


def resize_is_deferred(pod: Obj) -> bool:
    return _pending(pod) == "Deferred"


def _in_force(pod: Obj, kind: str, spec: Amounts, actuated: Amounts, allocated: Amounts) -> Amounts:
    """While a resize is under way the larger counts, unless it will never be."""
    known = [actuated, allocated] if kind == "requests" else [actuated]
    return _max(*known) if resize_is_infeasible(pod) else _max(spec, *known)


def _container(pod: Obj, container: Obj, kind: str, statuses: Mapping[str, Obj] | None, options: Options) -> Amounts:
    own = amounts((container.get("resources") or EMPTY).get(kind))
    status = (statuses or EMPTY).get(container.get("name", ""))
    if status is not None and status.get("resources") is not None:
        actuated = amounts(status["resources"].get(kind))
        own = _in_force(pod, kind, own, actuated, amounts(status.get("allocatedResources")))
    if kind == "requests":
        for name, value in amounts(options.non_missing).items():
            own.setdefault(name, value)
    return own


def _is_sidecar(container: Obj) -> bool:
    return bool(container.get("restartPolicy") == "Always")


def _statuses(status: Obj) -> dict[str, Obj]:
    both: Iterable[Obj] = (*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ()))
    return {one.get("name", ""): one for one in both}


def aggregate(pod: Obj, kind: str, options: Options = PLAIN) -> Amounts:
    """What the containers come to; `kind` is requests or limits."""
    spec, status = pod.get("spec") or EMPTY, pod.get("status") or EMPTY
    statuses = _statuses(status) if options.use_status else None
    total: Amounts = {}
    for container in spec.get("containers") or ():
        _add(total, _container(pod, container, kind, statuses, options))
    sidecars: Amounts = {}
    largest: Amounts = {}
    for container in spec.get("initContainers") or ():
        own = _container(pod, container, kind, statuses if _is_sidecar(container) else None, options)
        if _is_sidecar(container):
            _add(total, own)
            _add(sidecars, own)
            own = sidecars
        else:
            _add(own, sidecars)
        _largest(largest, own)
    _largest(total, largest)
    if options.claims and kind == "requests":
        for claim in status.get("nodeAllocatableResourceClaimStatuses") or ():
            _add(total, amounts(claim.get("resources")))
    return total


def _instead(pod: Obj, kind: str, total: Amounts, options: Options) -> None:
    """What is asked for the Pod as a whole."""
    whole = (pod.get("status") or EMPTY).get("resources")
    own, force = amounts(_of_pod(pod, kind)), None
    if options.pod_level_resize and options.use_status and whole is not None:
        allocated = amounts((pod.get("status") or EMPTY).get("allocatedResources"))
        force = _in_force(pod, kind, own, amounts(whole.get(kind)), allocated)
    for name, value in own.items():
        if is_pod_level(name):
            total[name] = value if force is None else force.get(name, parse("0"))


def requests(pod: Obj, options: Options = PLAIN) -> Amounts:
    """What the whole Pod requests."""
    total = {} if options.skip_containers else aggregate(pod, "requests", options)
    if not options.skip_pod_level and pod_level_requests_set(pod):
        _instead(pod, "requests", total, options)
    if not options.exclude_overhead:
        _add(total, amounts((pod.get("spec") or EMPTY).get("overhead")))
    return total


def limits(pod: Obj, options: Options = PLAIN) -> Amounts:
    """What the whole Pod may use. Overhead comes on top of limits there are."""
    total = aggregate(pod, "limits", options)
    if not options.skip_pod_level and pod_level_set(pod):
        _instead(pod, "limits", total, options)
    if not options.exclude_overhead:
        for name, value in amounts((pod.get("spec") or EMPTY).get("overhead")).items():
            if name in total and total[name].unscaled:
                total[name] = minus_or_plus(total[name], value, 1)
    return total
