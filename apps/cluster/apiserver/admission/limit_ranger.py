"""LimitRanger: the LimitRanges of a namespace give defaults to containers, and bound what Pods and claims ask for.

Models      plugin/pkg/admission/limitranger
Leaves out  nothing known; where Go walks a map, names go in order
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from apps.cluster.apimachinery.quantity import Quantity, parse
from apps.cluster.apimachinery.resourcelist import Amounts, amounts, pod_amounts
from apps.cluster.apiserver.admission.attributes import CREATE, NOTHING, UPDATE, Attributes, Obj, Plugin

ANNOTATION = "kubernetes.io/limit-ranger"
MAX_MILLI_VALUE = ((1 << 63) - 1) // 1000
EMPTY: Amounts = {}


def ranges_of(a: Attributes) -> list[Obj]:
    return [found for found in a.table("limitranges").values() if found["metadata"]["namespace"] == a.namespace]


def _concerns(a: Attributes) -> bool:
    if a.info.plural == "pods" and a.operation == UPDATE and a.subresource != "resize":
        return False
    return a.old is None or "deletionTimestamp" not in a.old["metadata"]


def admit(a: Attributes) -> None:
    """A container that names no request or limit gets the namespace's defaults, and an annotation tells of it."""
    if a.info.plural == "pods" and a.table("limitranges") and _concerns(a):
        for limit_range in ranges_of(a):
            a.obj = with_defaults(a.obj, limit_range)


def validate(a: Attributes) -> None:
    """Raises: StatusError 403, with every bound that is broken."""
    if not a.table("limitranges") or not _concerns(a):
        return
    for limit_range in ranges_of(a):
        problems = list(dict.fromkeys(broken(a.info.plural, a.obj, limit_range)))
        if problems:
            raise a.forbidden(problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]")


def with_defaults(pod: Obj, limit_range: Obj) -> Obj:
    """The Pod with the defaults of one LimitRange."""
    requests: dict[str, str] = {}
    limits: dict[str, str] = {}
    for item in (limit_range.get("spec") or NOTHING).get("limits") or ():
        if item.get("type") == "Container":
            requests.update(item.get("defaultRequest") or NOTHING)
            limits.update(item.get("default") or NOTHING)
    told: list[str] = []
    spec = dict(pod["spec"])
    for field, called in (("containers", "container"), ("initContainers", "init container")):
        if spec.get(field):
            spec[field] = [_merged(container, requests, limits, called, told) for container in spec[field]]
    if not told:
        return pod
    annotations = {
        **(pod["metadata"].get("annotations") or NOTHING),
        ANNOTATION: "LimitRanger plugin set: " + "; ".join(told),
    }
    return {**pod, "metadata": {**pod["metadata"], "annotations": annotations}, "spec": spec}


def _merged(container: Obj, requests: Obj, limits: Obj, called: str, told: list[str]) -> Obj:
    resources = dict(container.get("resources") or NOTHING)
    for field, word, defaults in (("requests", "request", requests), ("limits", "limit", limits)):
        own = resources.get(field) or NOTHING
        missing = sorted(name for name in defaults if name not in own)
        if missing:
            resources[field] = {**own, **{name: defaults[name] for name in missing}}
            told.append(f"{', '.join(missing)} {word} for {called} {container['name']}")
    return {**container, "resources": resources}


def broken(resource: str, obj: Obj, limit_range: Obj) -> Iterator[str]:
    """What the object breaks of one LimitRange."""
    spec = obj.get("spec") or NOTHING
    for item in (limit_range.get("spec") or NOTHING).get("limits") or ():
        kind = item.get("type", "")
        if resource == "persistentvolumeclaims":
            if kind == "PersistentVolumeClaim":
                requests = amounts((spec.get("resources") or NOTHING).get("requests"))
                for name, bound in _bounds(item, "min"):
                    yield from minimum(kind, name, bound, requests, EMPTY)
                for name, bound in _bounds(item, "max"):
                    yield from _maximum_request(kind, name, bound, requests)
        elif kind == "Container":
            for field in ("containers", "initContainers"):
                for container in spec.get(field) or ():
                    own = container.get("resources") or NOTHING
                    yield from _judge(item, kind, amounts(own.get("requests")), amounts(own.get("limits")))
        elif kind == "Pod":
            yield from _judge(
                item, kind, pod_amounts(spec, "requests", overhead=False), pod_amounts(spec, "limits", overhead=False)
            )


def _bounds(item: Mapping[str, Any], field: str) -> Iterator[tuple[str, Quantity]]:
    for name, text in sorted((item.get(field) or NOTHING).items()):
        yield name, parse(str(text))


def _judge(item: Mapping[str, Any], kind: str, requests: Amounts, limits: Amounts) -> Iterator[str]:
    for name, bound in _bounds(item, "min"):
        yield from minimum(kind, name, bound, requests, limits)
    for name, bound in _bounds(item, "max"):
        yield from maximum(kind, name, bound, requests, limits)
    for name, bound in _bounds(item, "maxLimitRequestRatio"):
        yield from ratio(kind, name, bound, requests, limits)


def _comparable(request: Quantity | None, limit: Quantity | None, bound: Quantity) -> tuple[int, int, int]:
    """In thousandths where all three can be."""
    scale = 0
    if all(one is None or one.scaled(0) <= MAX_MILLI_VALUE for one in (request, limit, bound)):
        scale = -3
    return request.scaled(scale) if request else 0, limit.scaled(scale) if limit else 0, bound.scaled(scale)


def minimum(kind: str, name: str, bound: Quantity, requests: Amounts, limits: Amounts) -> Iterator[str]:
    request, limit = requests.get(name), limits.get(name)
    wanted, most, least = _comparable(request, limit, bound)
    said = f"minimum {name} usage per {kind} is {bound.written()}"
    if request is None:
        yield f"{said}.  No request is specified"
    elif wanted < least:
        yield f"{said}, but request is {request.written()}"
    elif limit is not None and most < least:
        yield f"{said}, but limit is {limit.written()}"


def maximum(kind: str, name: str, bound: Quantity, requests: Amounts, limits: Amounts) -> Iterator[str]:
    request, limit = requests.get(name), limits.get(name)
    wanted, most, top = _comparable(request, limit, bound)
    said = f"maximum {name} usage per {kind} is {bound.written()}"
    if limit is None:
        yield f"{said}.  No limit is specified"
    elif most > top:
        yield f"{said}, but limit is {limit.written()}"
    elif request is not None and wanted > top:
        yield f"{said}, but request is {request.written()}"


def _maximum_request(kind: str, name: str, bound: Quantity, requests: Amounts) -> Iterator[str]:
    request = requests.get(name)
    wanted, _, top = _comparable(request, None, bound)
    said = f"maximum {name} usage per {kind} is {bound.written()}"
    if request is None:
        yield f"{said}.  No request is specified"
    elif wanted > top:
        yield f"{said}, but request is {request.written()}"


def ratio(kind: str, name: str, bound: Quantity, requests: Amounts, limits: Amounts) -> Iterator[str]:
    request, limit = requests.get(name), limits.get(name)
    wanted, most, _ = _comparable(request, limit, bound)
    said = f"{name} max limit to request ratio per {kind} is {bound.written()}"
    if request is None or wanted == 0:
        yield f"{said}, but no request is specified or request is 0"
    elif limit is None or most == 0:
        yield f"{said}, but no limit is specified or limit is 0"
    elif most / wanted * 1000 > bound.scaled(-3):
        yield f"{said}, but provided ratio is {most / wanted:f}"


PLUGIN = Plugin(
    "LimitRanger",
    frozenset({CREATE, UPDATE}),
    frozenset({"pods", "pods/resize", "persistentvolumeclaims"}),
    admit,
    validate,
)
