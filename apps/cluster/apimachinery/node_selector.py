"""Node selectors and tolerations, parsed once and asked about many nodes.

Models      staging/src/k8s.io/component-helpers/scheduling/corev1 (nodeaffinity/nodeaffinity.go, helpers.go)
Leaves out  nothing known (Lt and Gt tolerate only when asked for: their feature gate is off in 1.36)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from apps.cluster.apimachinery.meta import Obj
from apps.cluster.apimachinery.selectors import Requirement

_OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!", "Gt": "gt", "Lt": "lt"}
_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")

_WHOLE = re.compile(r"-?(0|[1-9][0-9]*)\Z")
DO_NOT_SCHEDULE = ("NoSchedule", "NoExecute")


class NodeSelectorTerm:
    """One term: all its requirements on labels and on metadata.name must hold. An ill-formed one matches nothing."""

    __slots__ = ("broken", "fields", "labels")

    def __init__(self, term: Mapping[str, Any]) -> None:
        self.broken = False
        self.labels: list[Requirement] = []
        self.fields: list[tuple[str, bool, str]] = []  # field, whether it must be equal, value
        for expression in term.get("matchExpressions") or ():
            operator = _OPERATORS.get(expression["operator"])
            values = tuple(expression.get("values") or ())
            if operator is None or not _well_formed(expression["key"], operator, values):
                self.broken = True
            else:
                self.labels.append(Requirement(expression["key"], operator, values))
        for expression in term.get("matchFields") or ():
            values = tuple(expression.get("values") or ())
            if expression["operator"] not in ("In", "NotIn") or len(values) != 1:
                self.broken = True
            else:
                self.fields.append((expression["key"], expression["operator"] == "In", values[0]))

    def matches(self, name: str, labels: Mapping[str, str]) -> bool:
        if self.broken:
            return False
        for requirement in self.labels:
            if not requirement.matches(labels):
                return False
        if not name:  # a node without a name has no fields to look at
            return True
        return all(
            ((name if field == "metadata.name" else "") == value) is equal for field, equal, value in self.fields
        )


def _well_formed(key: str, operator: str, values: tuple[str, ...]) -> bool:
    """What labels.NewRequirement insists on."""
    if not _KEY.fullmatch(key):
        return False
    if operator in ("in", "notin"):
        if not values:
            return False
    elif operator in ("exists", "!"):
        if values:
            return False
    elif len(values) != 1 or not re.fullmatch(r"[+-]?\d+", values[0]):
        return False
    return all(len(value) <= 63 and _VALUE.fullmatch(value) for value in values)


class NodeSelector:
    """Terms, any of which may hold. Without terms nothing matches."""

    __slots__ = ("terms",)

    def __init__(self, selector: Mapping[str, Any]) -> None:
        self.terms = [
            NodeSelectorTerm(term)
            for term in selector.get("nodeSelectorTerms") or ()
            if term.get("matchExpressions") or term.get("matchFields")
        ]

    def matches(self, name: str, labels: Mapping[str, str]) -> bool:
        return any(term.matches(name, labels) for term in self.terms)


class RequiredNodeAffinity:
    """`spec.nodeSelector` and the required node affinity of a Pod, together."""

    __slots__ = ("labels", "selector", "trivial")

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self.labels: tuple[tuple[str, str], ...] = tuple((spec.get("nodeSelector") or {}).items())
        affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
        required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
        self.selector = NodeSelector(required) if required is not None else None
        self.trivial = not self.labels and self.selector is None

    def matches(self, name: str, labels: Mapping[str, str]) -> bool:
        for key, value in self.labels:
            if labels.get(key) != value:
                return False
        return self.selector is None or self.selector.matches(name, labels)


def preferred_terms(spec: Mapping[str, Any]) -> list[tuple[int, NodeSelectorTerm]] | None:
    """Weight and term of each preferred node affinity; None when the Pod states none."""
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    preferred = affinity.get("preferredDuringSchedulingIgnoredDuringExecution")
    if preferred is None:
        return None
    out = []
    for entry in preferred:
        term = entry.get("preference") or {}
        if entry["weight"] and (term.get("matchExpressions") or term.get("matchFields")):
            out.append((entry["weight"], NodeSelectorTerm(term)))
    return out


def named_nodes(spec: Mapping[str, Any]) -> set[str] | None:
    """The node names that the required affinity leaves (a DaemonSet's Pods name one); None when it names none."""
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    terms = (required or {}).get("nodeSelectorTerms")
    if not terms:
        return None
    names: set[str] = set()
    for term in terms:
        of_term: set[str] | None = None
        for field in term.get("matchFields") or ():
            if field["key"] == "metadata.name" and field["operator"] == "In":
                values = set(field.get("values") or ())
                of_term = values if of_term is None else of_term & values
        if of_term is None:
            return None
        names |= of_term
    return names


def tolerates(toleration: Obj, taint: Obj, compare: bool = False) -> bool:
    """Whether one toleration covers one taint. `compare`: Lt and Gt mean something (a feature gate that is off)."""
    effect = toleration.get("effect")
    if effect and effect != taint["effect"]:
        return False
    key = toleration.get("key")
    if key and key != taint["key"]:
        return False
    operator = toleration.get("operator") or "Equal"
    if operator == "Exists":
        return True
    ours, theirs = toleration.get("value") or "", taint.get("value") or ""
    if operator in ("Lt", "Gt"):
        if not compare or not (_WHOLE.match(ours) and _WHOLE.match(theirs)):
            return False
        return int(theirs) < int(ours) if operator == "Lt" else int(theirs) > int(ours)
    return operator == "Equal" and ours == theirs


def untolerated(taints: Iterable[Obj], tolerations: Sequence[Obj], compare: bool = False) -> Obj | None:
    """The first taint that forbids scheduling and that no toleration covers."""
    for taint in taints:
        if taint["effect"] in DO_NOT_SCHEDULE and not any(tolerates(one, taint, compare) for one in tolerations):
            return taint
    return None
