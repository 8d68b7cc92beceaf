"""An evaluator counts objects of one kind; this one counts them as one each.

Models      staging/src/k8s.io/apiserver/pkg/quota/v1/generic/evaluator.go
Leaves out  nothing known
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from apps.cluster.apimachinery.resourcelist import ZERO, Amounts, add, count

Obj = dict[str, Any]
NOTHING: dict[str, Any] = {}
ONE = count(1)


def selectors_of(spec: Mapping[str, Any]) -> list[Obj]:
    """The scopes of a quota, each as a selector."""
    named: list[Obj] = [{"scopeName": scope, "operator": "Exists"} for scope in spec.get("scopes") or ()]
    return [*named, *((spec.get("scopeSelector") or NOTHING).get("matchExpressions") or ())]


class Evaluator:
    """Knows the names under which its objects count."""

    def __init__(self, names: tuple[str, ...] = ()) -> None:
        self.names = names

    def handles(self, operation: str, subresource: str, new: Obj, old: Obj | None) -> bool:
        """Whether a request may change what is used."""
        return operation == "CREATE" and not subresource

    def constraint(self, required: Sequence[str], obj: Obj) -> str:
        """What the object fails to say, "" when it says all."""
        return ""

    def matching(self, names: Iterable[str]) -> list[str]:
        """Those names of a quota that concern this kind."""
        return [name for name in names if name in self.names]

    def in_scope(self, selector: Mapping[str, Any], obj: Obj) -> bool:
        return False

    def usage(self, obj: Obj, now_ms: int) -> Amounts:
        return dict.fromkeys(self.names, ONE)

    # ---- the same for every kind ---------------------------------------------------------------

    def matches(self, quota: Obj, obj: Obj) -> bool:
        """Whether a quota counts the object: it names something of the kind, and every scope fits."""
        hard = (quota.get("status") or NOTHING).get("hard") or NOTHING
        if not self.matching(hard):
            return False
        return all(self.in_scope(selector, obj) for selector in selectors_of(quota.get("spec") or NOTHING))

    def total(self, spec: Mapping[str, Any], names: Sequence[str], objects: Iterable[Obj], now_ms: int) -> Amounts:
        """What all objects in a quota's scopes use together."""
        used: Amounts = dict.fromkeys(names, ZERO)
        selectors = selectors_of(spec)
        for obj in objects:
            if all(self.in_scope(selector, obj) for selector in selectors):
                used = add(used, self.usage(obj, now_ms))
        return used


def selected(selector: Mapping[str, Any], key: str, values: Iterable[str]) -> bool:
    """Whether one of `values` satisfies In, NotIn, Exists or DoesNotExist; no value at all is a case of its own."""
    operator, listed = selector.get("operator"), selector.get("values") or ()
    present = list(values)
    if operator == "In":
        return any(value in listed for value in present)
    if operator == "NotIn":
        return not present or any(value not in listed for value in present)
    if operator == "Exists":
        return bool(present)
    return operator == "DoesNotExist" and not present
