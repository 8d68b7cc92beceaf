"""Which Services a Pod's change concerns, and when that change happened: shared by the two endpoint controllers.

Models      staging/src/k8s.io/endpointslice/util/{controller_utils.go,trigger_time_tracker.go}
Leaves out  nothing that shows
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from apps.cluster.apimachinery.meta import EMPTY, Obj, key_of, labels_of, namespace_of
from apps.cluster.apimachinery.timestamps import parse
from apps.cluster.client import REACTION_MS, Informer
from apps.cluster.controllers.endpointslice.endpoints import pod_changed
from apps.cluster.controllers.pod_helpers import ready_condition

MS_PER_ENDPOINT = 0.1  # a sync of many endpoints takes its time: what changes meanwhile is taken together
NAMESPACE_INDEX = "selecting in namespace"
SELECTOR_INDEX = "a selector's label in namespace"


def _selecting(service: Obj) -> Any:
    return namespace_of(service) if service["spec"].get("selector") else ""


class _LabelIndex:
    """namespace/key=value for each label of a Pod. Pods of one owner share their labels, so the last answer is kept."""

    __slots__ = ("_answer", "_labels", "_namespace")

    def __init__(self) -> None:
        self._labels: dict[str, str] | None = None
        self._namespace = ""
        self._answer: tuple[str, ...] = ()

    def __call__(self, pod: Obj) -> tuple[str, ...]:
        metadata = pod["metadata"]
        labels, namespace = metadata.get("labels"), metadata["namespace"]
        if labels is not self._labels or namespace != self._namespace:
            self._labels, self._namespace = labels, namespace
            self._answer = tuple([f"{namespace}/{key}={value}" for key, value in (labels or EMPTY).items()])
        return self._answer


class PodWatch:
    """Tells `wake(key of a Service)` about Pods that come, go, or change in what they offer."""

    def __init__(self, services: Informer, pods: Informer, wake: Callable[[str], None]) -> None:
        self.services = services
        self.wake = wake
        services.add_index(NAMESPACE_INDEX, _selecting)
        pods.add_handler(self._came_or_went, self._updated, self._came_or_went)

    def _selected_by(self, namespace: str, labels: dict[str, str]) -> list[str]:
        keys = []
        for service in self.services.by_index(NAMESPACE_INDEX, namespace):
            if matches(service, labels):
                keys.append(key_of(service))
        return keys

    def _came_or_went(self, pod: Obj) -> None:
        for key in self._selected_by(namespace_of(pod), labels_of(pod)):
            self.wake(key)

    def _updated(self, old: Obj, new: Obj) -> None:
        if not self.services.by_index(NAMESPACE_INDEX, new["metadata"]["namespace"]):
            return
        changed, moved = pod_changed(old, new)
        if not changed and not moved:
            return
        now = self._selected_by(namespace_of(new), labels_of(new))
        if moved:
            before = self._selected_by(namespace_of(old), labels_of(old))
            if changed:
                now += [key for key in before if key not in now]
            else:
                now = [key for key in now if key not in before] + [key for key in before if key not in now]
        for key in now:
            self.wake(key)


def reaction_ms(endpoints: int) -> int:
    """From a Pod's change to the sync of a Service with so many endpoints."""
    return REACTION_MS + int(endpoints * MS_PER_ENDPOINT)


def matches(service: Obj, labels: dict[str, str]) -> bool:
    """Whether the Service selects these labels. One without a selector selects nothing."""
    selector = service["spec"].get("selector")
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def add_label_index(pods: Informer) -> None:
    """Let `selected_pods` find Pods without a scan."""
    pods.add_index(SELECTOR_INDEX, _LabelIndex())


def selected_pods(pods: Informer, service: Obj) -> list[Obj]:
    """The Pods that a Service selects."""
    selector = service["spec"]["selector"]
    namespace = namespace_of(service)
    key, value = next(iter(selector.items()))
    found = pods.by_index(SELECTOR_INDEX, f"{namespace}/{key}={value}")
    return found if len(selector) == 1 else [pod for pod in found if matches(service, labels_of(pod))]


class TriggerTimes:
    """When the change happened that a sync answers: the annotation endpoints.kubernetes.io/last-change-trigger-time."""

    def __init__(self) -> None:
        # Service key -> [creation of the Service seen, {Pod name: last change of readiness seen}]
        self.seen: dict[str, list[Any]] = {}
        self._looked_at: dict[str, dict[str, tuple[Obj, str]]] = {}  # what is known of Pods that are the same objects

    def compute(self, key: str, service: Obj, pods: Sequence[Obj]) -> str:
        """The oldest change since the last sync, as a timestamp; "" when nothing changed that has a time."""
        created = service["metadata"].get("creationTimestamp", "")
        known = self.seen.get(key)
        before = known[1] if known is not None else EMPTY
        looked_at = self._looked_at.get(key, {})
        fresh: dict[str, tuple[Obj, str]] = {}
        now: dict[str, str] = {}
        oldest = ""
        for pod in pods:
            name = pod["metadata"]["name"]
            entry = looked_at.get(name)
            if entry is None or entry[0] is not pod:
                condition = ready_condition(pod)
                entry = (pod, (condition.get("lastTransitionTime") or "") if condition is not None else "")
            fresh[name] = entry
            since = entry[1]
            if since:
                now[name] = since
                last = before.get(name)
                if since == last:
                    continue
                if (last is None or parse(since) > parse(last)) and (not oldest or parse(since) < parse(oldest)):
                    oldest = since
        self.seen[key] = [created, now]
        self._looked_at[key] = fresh
        if known is None:
            return str(created)
        if created != known[0] and parse(created) > parse(known[0]) and (not oldest or parse(created) < parse(oldest)):
            oldest = created
        return oldest

    def forget(self, key: str) -> None:
        self.seen.pop(key, None)
        self._looked_at.pop(key, None)
