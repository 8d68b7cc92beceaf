"""How many Pods a ReplicaSet has, by what its status tells of them: counted, or kept count of.

Models      pkg/controller/replicaset/replica_set_utils.go (the counting half of calculateStatus)
Leaves out  nothing

Upstream counts all Pods in every sync. A thousand Pods that become ready one after another would be counted hundreds of
times, so a `Tally` follows the Pods' changes instead; the two give the same numbers, which a test holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from apps.cluster.apimachinery import selectors
from apps.cluster.apimachinery.meta import Obj, labels_of
from apps.cluster.controllers.pod_helpers import (
    is_pod_active,
    is_pod_available,
    is_pod_ready,
    is_pod_terminating,
    ready_condition,
)

ACTIVE, READY, LABELLED, TERMINATING = 1, 2, 4, 8


class Census(NamedTuple):
    """`pods` are the active ones, and the next three are of them; `terminating` are those on their way out."""

    pods: int = 0
    labelled: int = 0
    ready: int = 0
    available: int = 0
    terminating: int = 0


def count(replica_set: Obj, active: Sequence[Obj], terminating: int, now_ms: int) -> Census:
    """The census of a ReplicaSet's active Pods, one by one."""
    spec = replica_set["spec"]
    template_labels = selectors.from_map(labels_of(spec["template"]))
    min_ready = spec.get("minReadySeconds", 0)
    labelled = ready = available = 0
    last: Any = replica_set  # Pods of one template share their labels: most are matched by a look at the last
    matching = False
    for pod in active:
        labels = pod["metadata"].get("labels")
        if labels is not last:
            last, matching = labels, template_labels.matches(labels)
        if matching:
            labelled += 1
        condition = ready_condition(pod)
        if condition is not None and condition["status"] == "True":
            ready += 1
            if min_ready == 0 or is_pod_available(pod, min_ready, now_ms):
                available += 1
    return Census(len(active), labelled, ready, available, terminating)


class Tally:
    """The Pods of one ReplicaSet by their marks. `labels` are those of its template, by which they are judged."""

    __slots__ = ("_by_mark", "_selector", "labels")

    def __init__(self, labels: dict[str, str], pods: Iterable[Obj]) -> None:
        self.labels = labels
        self._selector = selectors.from_map(labels)
        self._by_mark = [0] * 16
        for pod in pods:
            self.add(pod)

    def add(self, pod: Obj) -> None:
        self._by_mark[self._mark(pod)] += 1

    def remove(self, pod: Obj) -> None:
        self._by_mark[self._mark(pod)] -= 1

    def _mark(self, pod: Obj) -> int:
        labels = pod["metadata"].get("labels")
        mark = LABELLED if labels is self.labels or self._selector.matches(labels) else 0
        if is_pod_active(pod):
            mark |= ACTIVE
        elif is_pod_terminating(pod):
            mark |= TERMINATING
        return mark | READY if is_pod_ready(pod) else mark

    @property
    def settled(self) -> bool:
        """Every Pod has the template's labels, and with them those of the selector: none needs to be released."""
        return not any(
            self._by_mark[mark] for mark in range(16) if mark & (ACTIVE | TERMINATING) and not mark & LABELLED
        )

    def census(self) -> Census:
        """The numbers, when ready is available (minReadySeconds is 0) and `settled`."""
        by_mark = self._by_mark
        ready = by_mark[ACTIVE | READY | LABELLED]
        pods = by_mark[ACTIVE | LABELLED] + ready
        return Census(
            pods, pods, ready, ready, by_mark[TERMINATING | LABELLED] + by_mark[TERMINATING | LABELLED | READY]
        )
