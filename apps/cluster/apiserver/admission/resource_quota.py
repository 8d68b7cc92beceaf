"""ResourceQuota: the last plugin. What a request uses must fit every quota of its namespace, and is charged at once.

Models      staging/src/k8s.io/apiserver/pkg/admission/plugin/resourcequota
Leaves out  limitedResources of its configuration file (none by default); batches and retries (one writer at a time)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from apps.cluster.apimachinery.quantity import Quantity
from apps.cluster.apimachinery.resourcelist import (
    Amounts,
    add,
    amounts,
    exceeding,
    masked,
    nano,
    same,
    subtract,
    written,
)
from apps.cluster.apiserver.admission.attributes import CREATE, NOTHING, UPDATE, Attributes, Obj, Plugin
from apps.cluster.apiserver.quota import evaluator_for
from apps.cluster.apiserver.quota.evaluator import Evaluator


class Charge(NamedTuple):
    """A quota with the request on its account."""

    quota: Obj
    used: Amounts


def validate(a: Attributes) -> None:
    """Check and charge the quotas of the namespace.

    Raises:
        StatusError: 403.
    """
    table = a.table("resourcequotas")
    if not table or not a.namespace:
        return
    quotas = [quota for quota in table.values() if quota["metadata"]["namespace"] == a.namespace]
    evaluator = evaluator_for(a.info.group, a.info.resource) if quotas else None
    if evaluator is None or not evaluator.handles(a.operation, a.subresource, a.obj, a.old):
        return
    for charge in check(a, sorted(quotas, key=lambda quota: str(quota["metadata"]["name"])), evaluator):
        if not a.dry_run and a.charge is not None:
            status = {**charge.quota["status"], "used": written(charge.used)}
            a.charge({**charge.quota, "status": status})


def check(a: Attributes, quotas: Iterable[Obj], evaluator: Evaluator) -> list[Charge]:
    """What is to be written to which quota.

    Raises:
        StatusError: 403, some quota does not allow the request.
    """
    interesting = []
    for quota in quotas:
        if not evaluator.matches(quota, a.obj):
            continue
        name, status = quota["metadata"]["name"], quota["status"]
        restricted = evaluator.matching(status.get("hard") or NOTHING)
        missing = evaluator.constraint(restricted, a.obj)
        if missing:
            raise a.forbidden(f"failed quota: {name}: {missing}")
        if any(one not in (status.get("used") or NOTHING) for one in restricted):
            raise a.forbidden(f"status unknown for quota: {name}, resources: {','.join(sorted(restricted))}")
        interesting.append(quota)
    usage = evaluator.usage(a.obj, 0)
    negative = sorted(name for name, amount in usage.items() if nano(amount) < 0)
    if negative:
        raise a.forbidden(f"quota usage is negative for resource(s): {','.join(negative)}")
    more = usage
    if a.operation == UPDATE and a.old is not None:
        before = evaluator.usage(a.old, 0)
        more = {name: amount for name, amount in subtract(usage, before).items() if nano(amount) > 0}
    charges = []
    for quota in interesting:
        delta = more if a.operation == UPDATE and a.old is not None and evaluator.matches(quota, a.old) else usage
        delta = {name: amount for name, amount in delta.items() if amount.unscaled}
        charge = _charge(a, quota, delta)
        if charge is not None:
            charges.append(charge)
    return charges


def _charge(a: Attributes, quota: Obj, delta: Mapping[str, Quantity]) -> Charge | None:
    status = quota["status"]
    hard, used = amounts(status.get("hard")), amounts(status.get("used"))
    requested = masked(delta, [name for name in hard if name in delta])
    new = add(used, requested)
    over = exceeding(masked(new, requested), hard) if a.subresource != "status" else []
    if over:
        raise a.forbidden(
            f"exceeded quota: {quota['metadata']['name']}, requested: {listed(masked(requested, over))}, "
            f"used: {listed(masked(used, over))}, limited: {listed(masked(hard, over))}"
        )
    return None if same(new, used) else Charge(quota, new)


def listed(some: Mapping[str, Quantity]) -> str:
    """`cpu=1,memory=1Gi`, by name."""
    return ",".join(f"{name}={some[name].written()}" for name in sorted(some))


PLUGIN = Plugin(
    "ResourceQuota",
    frozenset({CREATE, UPDATE}),
    frozenset({"*", "pods/resize", "persistentvolumeclaims/status"}),
    None,
    validate,
)
