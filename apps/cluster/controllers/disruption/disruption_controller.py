"""The disruption controller: keeps each PodDisruptionBudget's count of Pods that may be disrupted.

Models      pkg/controller/disruption/disruption.go, component-helpers/apps/poddisruptionbudget
Leaves out  nothing known
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from apps.cluster.apimachinery import conditions, timestamps
from apps.cluster.apimachinery.meta import EMPTY, Obj, key_of, name_of, namespace_of
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apimachinery.timestamps import format_ms
from apps.cluster.apiserver.eviction import ALLOWED, allowed_condition, is_ready, selects
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.controllers.disruption.expected import CannotCount, Scales, expected
from apps.cluster.engine import Engine

DELETION_TIMEOUT_MS = 120_000  # a Pod whose eviction was granted should be on its way out by then
STALE_MS = 120_000  # and one marked for disruption that is not, will not be
STALE = "stale "  # queue keys of Pods: "stale default/web-0"
UNMANAGED = (
    "Pods selected by this PodDisruptionBudget (selector: {selector}) were found to be unmanaged. As a result, the "
    "status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these "
    'pods please set ".spec.minAvailable" field of the PDB to an integer value.'
)


def disrupted_map(pods: Sequence[Obj], budget: Obj, now_ms: int) -> tuple[dict[str, str], list[Obj], int | None]:
    """Evictions that were granted and still show no deletion; those whose time is over; ms until the next one's is."""
    granted = (budget.get("status") or EMPTY).get("disruptedPods") or EMPTY
    kept: dict[str, str] = {}
    overdue: list[Obj] = []
    recheck: int | None = None
    for pod in pods:
        at = granted.get(name_of(pod))
        if at is None or "deletionTimestamp" in pod["metadata"]:
            continue
        due = timestamps.parse(at) + DELETION_TIMEOUT_MS
        if due < now_ms:
            overdue.append(pod)
            continue
        kept[name_of(pod)] = at
        recheck = due - now_ms if recheck is None else min(recheck, due - now_ms)
    return kept, overdue, recheck


def healthy(pods: Sequence[Obj], disrupted: Mapping[str, str], now_ms: int) -> int:
    """Pods that are ready and not about to go."""
    return sum(
        1
        for pod in pods
        if "deletionTimestamp" not in pod["metadata"]
        and not (name_of(pod) in disrupted and timestamps.parse(disrupted[name_of(pod)]) + DELETION_TIMEOUT_MS > now_ms)
        and is_ready(pod)
    )


def up_to_date(budget: Obj, wanted: Mapping[str, Any]) -> bool:
    """The stored status says just that, and its condition fits."""
    status = budget.get("status") or EMPTY
    for field in ("currentHealthy", "desiredHealthy", "expectedPods", "disruptionsAllowed"):
        if status.get(field, 0) != wanted[field]:
            return False
    if (status.get("disruptedPods") or EMPTY) != (wanted.get("disruptedPods") or EMPTY):
        return False
    if status.get("observedGeneration", 0) != budget["metadata"].get("generation", 0):
        return False
    found = conditions.find(status.get("conditions"), ALLOWED)
    if found is None:
        return False
    if status.get("disruptionsAllowed", 0) > 0:
        return bool(found["status"] == "True" and found["reason"] == "SufficientPods")
    return bool(found["status"] == "False" and found["reason"] == "InsufficientPods")


def stale_in_ms(pod: Obj, now_ms: int) -> int | None:
    """Ms until the Pod's mark of disruption means nothing any more; None: it has none, or is going."""
    if "deletionTimestamp" in pod["metadata"] or pod["status"].get("phase") in ("Succeeded", "Failed"):
        return None
    found = conditions.find(pod["status"].get("conditions"), "DisruptionTarget")
    if found is None or found.get("status") != "True" or found.get("reason") == "TerminationByKubelet":
        return None
    return max(0, STALE_MS - (now_ms - timestamps.parse(found["lastTransitionTime"])))


def selector_text(selector: Mapping[str, Any] | None) -> str:
    """As Go prints a *LabelSelector.

    >>> selector_text({"matchLabels": {"app": "web"}})
    '&LabelSelector{MatchLabels:map[string]string{app: web,},MatchExpressions:[]LabelSelectorRequirement{},}'
    """
    if selector is None:
        return "nil"
    labels = "".join(f"{name}: {value}," for name, value in sorted((selector.get("matchLabels") or EMPTY).items()))
    expressions = "".join(
        f"LabelSelectorRequirement{{Key:{one.get('key', '')},Operator:{one.get('operator', '')},"
        f"Values:[{' '.join(one.get('values') or ())}],}},"
        for one in selector.get("matchExpressions") or ()
    )
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )


class DisruptionController(Controller):
    """A sync counts the Pods of one budget anew."""

    name = "disruption-controller"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.budgets = informers("poddisruptionbudgets")
        self.pods = informers("pods")
        self._informers = {
            resource: informers(resource)
            for resource in ("replicationcontrollers", "replicasets", "deployments", "statefulsets")
        }
        self.budgets.add_handler(
            lambda budget: self.enqueue(key_of(budget)),
            lambda _, budget: self.enqueue(key_of(budget)),
            lambda budget: self.enqueue(key_of(budget)),
        )
        self.pods.add_handler(self._pod, lambda _, pod: self._pod(pod), self._pod_gone)

    # ---- what wakes it -------------------------------------------------------------------------

    def _pod(self, pod: Obj) -> None:
        if self.budgets.cache:
            self._pod_gone(pod)
        if pod["status"].get("conditions"):
            wait = stale_in_ms(pod, self.engine.now_ms)
            if wait is not None:
                self.enqueue(STALE + key_of(pod), wait, quiet=True)

    def _pod_gone(self, pod: Obj) -> None:
        if not self.budgets.cache:
            return
        labels = pod["metadata"].get("labels") or EMPTY
        found = [
            budget for budget in self.budgets.list(namespace_of(pod)) if selects(budget.get("spec") or EMPTY, labels)
        ]
        if not found:
            return
        if len(found) > 1:
            said = (
                f'Pod "{namespace_of(pod)}"/"{name_of(pod)}" matches multiple PodDisruptionBudgets.  '
                f'Chose "{name_of(found[0])}" arbitrarily.'
            )
            self.recorder.event(pod, "Warning", "MultiplePodDisruptionBudgets", said)
        self.enqueue(key_of(found[0]))

    # ---- syncs ---------------------------------------------------------------------------------

    def sync(self, key: str) -> None:
        """Raises: StatusError, to be tried again."""
        if key.startswith(STALE):
            self._sync_stale(key[len(STALE) :])
            return
        budget = self.budgets.get(key)
        if budget is None:
            return
        try:
            self._count(budget)
        except CannotCount as error:
            self._fail_safe(budget, str(error))

    def _count(self, budget: Obj) -> None:
        spec = budget.get("spec") or EMPTY
        pods = [
            pod for pod in self.pods.list(namespace_of(budget)) if selects(spec, pod["metadata"].get("labels") or EMPTY)
        ]
        if not pods:
            self.recorder.event(budget, "Normal", "NoPods", "No matching pods found")
        try:
            wanted = expected(spec, pods, Scales(self._find, self._resource_of))
        except CannotCount as error:
            said = f"Failed to calculate the number of expected pods: {error}"
            self.recorder.event(budget, "Warning", "CalculateExpectedPodCountFailed", said)
            raise
        if wanted.unmanaged:
            said = UNMANAGED.format(selector=selector_text(spec.get("selector")))
            self.recorder.event(budget, "Warning", "UnmanagedPods", said)
        now_ms = self.engine.now_ms
        disrupted, overdue, recheck = disrupted_map(pods, budget, now_ms)
        for pod in overdue:
            # The name stands where the namespace does twice, as upstream has it.
            said = f"Pod was expected by PDB {namespace_of(budget)}/{namespace_of(budget)} to be deleted but it wasn't"
            self.recorder.event(pod, "Warning", "NotDeleted", said)
        self._write(budget, healthy(pods, disrupted, now_ms), wanted.healthy, wanted.pods, disrupted)
        if recheck is not None:
            self.enqueue(key_of(budget), recheck + 1000)

    def _find(self, resource: str, key: str) -> Obj | None:
        informer = self._informers.get(resource)
        if informer is not None:
            return informer.get(key)
        namespace, _, name = key.partition("/")
        try:
            return self.client.get(resource, namespace, name)
        except StatusError:
            return None

    def _resource_of(self, api_version: str, kind: str) -> tuple[str, str, bool] | None:
        for info in self.client.apiserver.infos.values():
            if info.kind == kind and info.api_version == api_version:
                qualified = f"{info.resource}.{info.group}" if info.group else info.resource
                return info.plural, qualified, "scale" in info.subresources
        return None

    def _write(self, budget: Obj, current: int, desired: int, pods: int, disrupted: dict[str, str]) -> None:
        allowed = current - desired
        if pods <= 0 or allowed <= 0:
            allowed = 0
        status: dict[str, Any] = {
            "observedGeneration": budget["metadata"].get("generation", 0),
            "disruptionsAllowed": allowed,
            "currentHealthy": current,
            "desiredHealthy": desired,
            "expectedPods": pods,
        }
        if disrupted:
            status["disruptedPods"] = disrupted
        if up_to_date(budget, status):
            return
        before = (budget.get("status") or EMPTY).get("conditions")
        now = format_ms(self.engine.now_ms)
        status["conditions"] = allowed_condition({**status, "conditions": before}, now)
        self.client.update_status(
            "poddisruptionbudgets",
            {**budget, "status": status},
            why="disruption.status",
            name=name_of(budget),
            allowed=allowed,
        )

    def _fail_safe(self, budget: Obj, why: str) -> None:
        """What cannot be counted must not be disrupted."""
        status = budget.get("status") or EMPTY
        condition = {
            "type": ALLOWED,
            "status": "False",
            "observedGeneration": status.get("observedGeneration", 0),
            "reason": "SyncFailed",
            "message": why,
        }
        now = format_ms(self.engine.now_ms)
        new = {
            **status,
            "disruptionsAllowed": 0,
            "conditions": conditions.set_condition(status.get("conditions"), condition, now),
        }
        self.client.update_status(
            "poddisruptionbudgets", {**budget, "status": new}, why="disruption.fail-safe", name=name_of(budget)
        )

    def _sync_stale(self, key: str) -> None:
        """The mark of a disruption that never came is taken back."""
        pod = self.pods.get(key)
        wait = stale_in_ms(pod, self.engine.now_ms) if pod is not None else None
        if pod is None or wait is None:
            return
        if wait > 0:
            self.enqueue(STALE + key, wait, quiet=True)
            return
        generation = pod["metadata"].get("generation", 1)
        condition: Obj = {"type": "DisruptionTarget", "observedGeneration": generation, "status": "False"}
        condition["lastProbeTime"] = None
        now = format_ms(self.engine.now_ms)
        status = {**pod["status"], "conditions": conditions.set_condition(pod["status"]["conditions"], condition, now)}
        self.client.update_status("pods", {**pod, "status": status}, why="disruption.stale", name=name_of(pod))
