"""Inter-pod affinity terms: which Pods they mean, and over which topology.

Models      staging/src/k8s.io/kube-scheduler/framework/types.go (AffinityTerm, GetAffinityTerms)
Leaves out  nothing known (matchLabelKeys are merged into the selector by the API server)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from apps.cluster.apimachinery.selectors import NOTHING, Selector, from_label_selector

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


class AffinityTerm(NamedTuple):
    """One parsed term. `weight` is 0 for a required one; terms with one `key` mean the same Pods."""

    topology_key: str
    selector: Selector
    namespaces: tuple[str, ...]
    namespace_selector: Selector
    weight: int
    key: str

    def matches(self, namespace: str, labels: Mapping[str, str], namespace_labels: Mapping[str, str]) -> bool:
        """Whether a Pod of that namespace and with those labels is meant."""
        if namespace not in self.namespaces and not self.namespace_selector.matches(namespace_labels):
            return False
        return self.selector.matches(labels)


class AffinityTerms(NamedTuple):
    """All terms of one Pod."""

    affinity: tuple[AffinityTerm, ...] = ()
    anti_affinity: tuple[AffinityTerm, ...] = ()
    preferred: tuple[AffinityTerm, ...] = ()
    preferred_anti: tuple[AffinityTerm, ...] = ()

    @property
    def none(self) -> bool:
        return not (self.affinity or self.anti_affinity or self.preferred or self.preferred_anti)

    @property
    def text(self) -> str:
        """The same for Pods whose terms are the same."""
        return json.dumps([[(term.topology_key, term.weight, term.key) for term in terms] for terms in self])


def _term(term: Mapping[str, Any], namespace: str, weight: int) -> AffinityTerm:
    named = term.get("namespaces") or ()
    selector = term.get("namespaceSelector")
    namespaces = (namespace,) if not named and selector is None else tuple(named)
    key = json.dumps([term.get("labelSelector"), sorted(namespaces), selector], sort_keys=True)
    return AffinityTerm(
        term["topologyKey"],
        from_label_selector(term.get("labelSelector")),
        namespaces,
        NOTHING if selector is None else from_label_selector(selector),
        weight,
        key,
    )


def affinity_terms(spec: Mapping[str, Any], namespace: str) -> AffinityTerms:
    """The terms in `spec.affinity`, of a Pod of that namespace."""
    affinity = spec.get("affinity")
    if not affinity:
        return AffinityTerms()
    pod, anti = affinity.get("podAffinity") or {}, affinity.get("podAntiAffinity") or {}

    def required(side: Mapping[str, Any]) -> tuple[AffinityTerm, ...]:
        return tuple(_term(term, namespace, 0) for term in side.get(_REQUIRED) or ())

    def preferred(side: Mapping[str, Any]) -> tuple[AffinityTerm, ...]:
        return tuple(
            _term(entry["podAffinityTerm"], namespace, entry["weight"]) for entry in side.get(_PREFERRED) or ()
        )

    return AffinityTerms(required(pod), required(anti), preferred(pod), preferred(anti))
