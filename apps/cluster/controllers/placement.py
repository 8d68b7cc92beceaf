"""Whether a Pod may stand on a node: required node affinity, and taints against tolerations.

Models      k8s.io/component-helpers/scheduling/corev1 (GetRequiredNodeAffinity, FindMatchingUntoleratedTaint)
Leaves out  nothing known (tolerations that compare numbers are refused: their feature gate is off)

Pure. Controllers ask it about nodes; the scheduler has its own plugins.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from apps.cluster.apimachinery.meta import EMPTY, Obj, labels_of, name_of

NO_SCHEDULE = ("NoSchedule", "NoExecute")
NO_EXECUTE = ("NoExecute",)


def tolerates(toleration: Obj, taint: Obj) -> bool:
    """Whether one toleration covers one taint.

    >>> tolerates({"operator": "Exists"}, {"key": "a", "effect": "NoSchedule"})
    True
    >>> tolerates({"key": "a", "value": "x"}, {"key": "a", "value": "y", "effect": "NoSchedule"})
    False
    """
    effect = toleration.get("effect")
    if effect and effect != taint["effect"]:
        return False
    key = toleration.get("key")
    if key and key != taint["key"]:
        return False
    operator = toleration.get("operator") or "Equal"
    if operator == "Exists":
        return True
    return operator == "Equal" and bool(key) and (toleration.get("value") or "") == (taint.get("value") or "")


def untolerated(taints: Iterable[Obj], tolerations: Sequence[Obj], effects: tuple[str, ...]) -> Obj | None:
    """The first taint with one of `effects` that no toleration covers, or None."""
    for taint in taints:
        if taint["effect"] in effects and not any(tolerates(toleration, taint) for toleration in tolerations):
            return taint
    return None


def matches_node(pod_spec: Obj, node: Obj) -> bool:
    """Whether `nodeSelector` and the required node affinity of a Pod spec let it onto `node`."""
    labels = labels_of(node)
    for key, value in (pod_spec.get("nodeSelector") or EMPTY).items():
        if labels.get(key) != value:
            return False
    affinity = (pod_spec.get("affinity") or EMPTY).get("nodeAffinity") or EMPTY
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    return required is None or matches_selector_terms(required.get("nodeSelectorTerms") or (), node)


def matches_selector_terms(terms: Iterable[Obj], node: Obj) -> bool:
    """Whether any of the terms of a NodeSelector matches; a term without requirements matches nothing."""
    labels = labels_of(node)
    for term in terms:
        expressions = term.get("matchExpressions") or ()
        fields = term.get("matchFields") or ()
        if not expressions and not fields:
            continue
        if all(_matches(need, labels.get(need["key"])) for need in expressions) and all(
            need["key"] == "metadata.name" and _matches(need, name_of(node)) for need in fields
        ):
            return True
    return False


def _matches(need: Obj, value: str | None) -> bool:
    operator = need["operator"]
    if operator == "In":
        return value is not None and value in need["values"]
    if operator == "NotIn":
        return value is None or value not in need["values"]
    if operator == "Exists":
        return value is not None
    if operator == "DoesNotExist":
        return value is None
    if value is None:
        return False
    try:
        have, bound = int(value), int(need["values"][0])
    except (ValueError, IndexError):
        return False  # not a number: no match, as upstream
    return have > bound if operator == "Gt" else have < bound
