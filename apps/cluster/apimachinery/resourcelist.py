"""Resource lists: quantities by name, and sums over them.

Models      staging/src/k8s.io/apiserver/pkg/quota/v1/resources.go, resource.Quantity (Add, Sub, Cmp)
Leaves out  nothing known
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from apps.cluster.apimachinery.quantity import DECIMAL_SI, Quantity, parse

Amounts = dict[str, Quantity]
ZERO = Quantity(0, 0, DECIMAL_SI, False, "")


def amounts(listed: Mapping[str, Any] | None) -> Amounts:
    """A `requests`, `hard` or `used` of an object."""
    return {name: parse(str(text)) for name, text in listed.items()} if listed else {}


def written(listed: Mapping[str, Quantity]) -> dict[str, str]:
    """As an object holds it, by name."""
    return {name: listed[name].written() for name in sorted(listed)}


def count(number: int) -> Quantity:
    """So many, as `resource.NewQuantity(n, DecimalSI)`."""
    return Quantity(number, 0, DECIMAL_SI, False, "")


def nano(amount: Quantity) -> int:
    """For comparing."""
    return amount.scaled(-9)


def plus(left: Quantity, right: Quantity, sign: int = 1) -> Quantity:
    """The sum; it is written in the left one's manner, unless that is nothing.

    >>> plus(parse("512Mi"), parse("0.5Gi")).canonical(), plus(parse("1"), parse("500m"), -1).canonical()
    ('1Gi', '500m')
    """
    style = right.format if left.unscaled == 0 else left.format
    scale = min(left.scale, right.scale)
    number = left.unscaled * int(10 ** (left.scale - scale)) + sign * right.unscaled * int(10 ** (right.scale - scale))
    return Quantity(number, scale, style, False, "")


def add(left: Mapping[str, Quantity], right: Mapping[str, Quantity]) -> Amounts:
    out = dict(left)
    for name, amount in right.items():
        there = out.get(name)
        out[name] = amount if there is None else plus(there, amount)
    return out


def subtract(left: Mapping[str, Quantity], right: Mapping[str, Quantity]) -> Amounts:
    """What only the right one has comes out negative."""
    out = {name: plus(amount, right[name], -1) if name in right else amount for name, amount in left.items()}
    for name, amount in right.items():
        if name not in out:
            out[name] = plus(ZERO, amount, -1)
    return out


def larger(left: Mapping[str, Quantity], right: Mapping[str, Quantity]) -> Amounts:
    """By name the larger of the two."""
    out = dict(left)
    for name, amount in right.items():
        there = out.get(name)
        if there is None or nano(amount) > nano(there):
            out[name] = amount
    return out


def masked(listed: Mapping[str, Quantity], names: Iterable[str]) -> Amounts:
    return {name: listed[name] for name in names if name in listed}


def exceeding(used: Mapping[str, Quantity], hard: Mapping[str, Quantity]) -> list[str]:
    """The names of which `used` is more than `hard`, sorted."""
    return sorted(name for name, amount in used.items() if name in hard and nano(amount) > nano(hard[name]))


def same(left: Mapping[str, Quantity], right: Mapping[str, Quantity]) -> bool:
    return left.keys() == right.keys() and all(nano(left[name]) == nano(right[name]) for name in left)


def pod_amounts(
    spec: Mapping[str, Any], kind: str, *, overhead: bool = True, status: Mapping[str, Any] | None = None
) -> Amounts:
    """A Pod's `requests` or `limits`: containers and sidecars add up, of init containers the largest counts.

    A value for the whole Pod replaces the sum. With `status` what a container has got counts too, while it is resized.
    """
    total: Amounts = {}
    for container in spec.get("containers") or ():
        total = add(total, _own(container, kind, status, "containerStatuses"))
    sidecars: Amounts = {}
    largest: Amounts = {}
    for container in spec.get("initContainers") or ():
        sidecar = container.get("restartPolicy") == "Always"
        own = _own(container, kind, status if sidecar else None, "initContainerStatuses")
        if sidecar:
            total = add(total, own)
            sidecars = add(sidecars, own)
            largest = larger(largest, sidecars)
        else:
            largest = larger(largest, add(own, sidecars))
    total = larger(total, largest)
    for name, amount in amounts((spec.get("resources") or {}).get(kind)).items():
        if name in ("cpu", "memory") or name.startswith("hugepages-"):
            total[name] = amount
    if overhead and spec.get("overhead"):
        extra = amounts(spec["overhead"])
        if kind == "limits":  # only what is limited is limited further
            extra = {name: amount for name, amount in extra.items() if name in total and total[name].unscaled}
        total = add(total, extra)
    return total


def _own(container: Mapping[str, Any], kind: str, status: Mapping[str, Any] | None, field: str) -> Amounts:
    """What one container asks for or has got, whichever is more."""
    asked = amounts((container.get("resources") or {}).get(kind))
    if not status:
        return asked
    for there in status.get(field) or ():
        if there.get("name") != container.get("name") or there.get("resources") is None:
            continue
        got = amounts(there["resources"].get(kind))
        if kind == "requests":
            got = larger(got, amounts(there.get("allocatedResources")))
        conditions = status.get("conditions") or ()
        infeasible = any(
            one.get("type") == "PodResizePending" and one.get("reason") == "Infeasible" for one in conditions
        )
        return got if infeasible else larger(asked, got)
    return asked
