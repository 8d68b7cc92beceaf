"""Warnings about labels of nodes that have newer names.

Models      pkg/api/node/util.go
Leaves out  nothing known; where Go walks a map, names go in order
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from apps.cluster.apimachinery.names import label_value

DEPRECATED: Mapping[str, str] = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
    "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
    "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
    "app.kubernetes.io/created-by": "deprecated since v1.9",
    "scheduler.alpha.kubernetes.io/preferAvoidPods": "deprecated since v1.22; use Taints and Tolerations instead",
    "node-role.kubernetes.io/master": 'use "node-role.kubernetes.io/control-plane" instead',
}


def term(found: Mapping[str, Any], path: str, *, values: bool) -> Iterator[str]:
    """A NodeSelectorTerm. `values`: those of a preference are not validated, so they are warned of."""
    for position, expression in enumerate(found.get("matchExpressions") or ()):
        key = expression.get("key", "")
        if key in DEPRECATED:
            yield f"{path}.matchExpressions[{position}].key: {key} is {DEPRECATED[key]}"
        if values:
            for index, value in enumerate(expression.get("values") or ()):
                for problem in label_value(value):
                    yield f"{path}.matchExpressions[{position}].values[{index}]: {value} is invalid, {problem}"


def selector(found: Mapping[str, Any] | None, path: str) -> Iterator[str]:
    """A label selector over nodes."""
    if found is None:
        return
    for position, expression in enumerate(found.get("matchExpressions") or ()):
        key = expression.get("key", "")
        if key in DEPRECATED:
            yield f"{path}.matchExpressions[{position}].key: {key} is {DEPRECATED[key]}"
    for label in sorted(found.get("matchLabels") or ()):
        if label in DEPRECATED:
            yield f"{path}.matchLabels.{label}: {DEPRECATED[label]}"
