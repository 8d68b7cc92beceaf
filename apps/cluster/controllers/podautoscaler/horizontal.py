"""The HorizontalPodAutoscaler controller: a size that follows what the Pods use.

Models      pkg/controller/podautoscaler/horizontal.go (reconcileAutoscaler), 1.36 with its default flags: a look every
            15 s, 5 minutes before a size goes down, 10 per cent of tolerance
Leaves out  scaling to zero (HPAScaleToZero: alpha, off)

It looks every 15 s for as long as there is an autoscaler: house-keeping, as far as the cluster's rest is concerned.
"""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery import conditions, selectors
from apps.cluster.apimachinery.meta import EMPTY, Obj, key_of, labels_of, name_of, namespace_of
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apimachinery.timestamps import format_ms
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.controllers.podautoscaler.metric_specs import Failure, propose
from apps.cluster.controllers.podautoscaler.recommendations import (
    Memory,
    normalize,
    normalize_with_behavior,
    scaled,
)
from apps.cluster.controllers.podautoscaler.replica_calculator import Timing
from apps.cluster.engine import Engine

SYNC_MS = 15_000  # --horizontal-pod-autoscaler-sync-period
DOWNSCALE_MS = 300_000  # --horizontal-pod-autoscaler-downscale-stabilization
EMPTY_METRIC = {"type": ""}  # what the status says of a metric that could not be had


class _Round:
    """One look at one autoscaler: its status as it grows. Nothing of it outlives the turn."""

    def __init__(self, hpa: Obj, now: str) -> None:
        self.hpa = hpa
        self.key = key_of(hpa)
        self.now = now
        status = hpa.get("status") or EMPTY
        self.conditions: list[Obj] = list(status.get("conditions") or ())
        self.current = 0
        self.metrics: list[Obj] | None = None

    def say(self, type_: str, status: str, reason: str, message: str) -> None:
        new = {"type": type_, "status": status, "reason": reason, "message": message}
        self.conditions = conditions.set_condition(self.conditions, new, self.now)


class HorizontalController(Controller):
    """A turn reads the scale, asks for the metrics, decides, scales, and reports."""

    name = "horizontal-pod-autoscaler-controller"
    source = "horizontal-pod-autoscaler"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.hpas = informers("horizontalpodautoscalers")
        self.pods = informers("pods")
        self.memory: dict[str, Memory] = {}
        self.selectors: dict[str, str] = {}  # which Pods an autoscaler was found to move: key -> selector
        self.hpas.add_handler(self._changed, lambda _, new: self._changed(new))

    def _changed(self, hpa: Obj) -> None:
        self.enqueue(key_of(hpa), SYNC_MS, quiet=True)

    def next_run_ms(self) -> int | None:
        """When it will look at an autoscaler next, None while there is none."""
        return min(self._due.values(), default=None)

    def sync(self, key: str) -> None:
        hpa = self.hpas.get(key)
        if hpa is None:
            self.memory.pop(key, None)
            self.selectors.pop(key, None)
            return
        self.enqueue(key, SYNC_MS, quiet=True)
        try:
            self._reconcile(_Round(hpa, format_ms(self.engine.now_ms)))
        except StatusError:
            self.errors += 1  # no sooner than the next look, as upstream

    # ---- one autoscaler ------------------------------------------------------------------------

    def _reconcile(self, look: _Round) -> None:
        spec, key = look.hpa["spec"], look.key
        target = self._scale(look)
        if target is None:
            return
        resource, scale = target
        pods_selector = scale["status"].get("selector", "")
        current = look.current = int(scale["spec"].get("replicas", 0))
        now = self.engine.now_ms
        memory = self.memory.get(key) or Memory(recommendations=((current, now),))
        self.memory[key] = memory
        least, most = spec.get("minReplicas", 1), spec["maxReplicas"]
        desired, reason, rescale = current, "", True
        if current == 0:
            rescale = False
            told = "scaling is disabled since the replica count of the target is zero"
            look.say("ScalingActive", "False", "ScalingDisabled", told)
        elif current > most:
            desired, reason = most, "Current number of replicas above Spec.MaxReplicas"
        elif current < least:
            desired, reason = least, "Current number of replicas below Spec.MinReplicas"
        else:
            wanted = self._compute(look, pods_selector)
            if wanted is None:
                return
            proposed, metric = wanted
            if proposed > current:
                reason = f"{metric} above target"
            elif proposed < current:
                reason = "All metrics below target"
            behavior = spec.get("behavior")
            if behavior is None:
                settled, memory = normalize(memory, current, proposed, least, most, DOWNSCALE_MS, now)
            else:
                settled, memory = normalize_with_behavior(
                    memory, _with_window(behavior), current, proposed, least, most, now
                )
            self.memory[key] = memory
            look.say("AbleToScale", "True", *settled.able)
            look.say("ScalingLimited", "True" if settled.limited else "False", *settled.limit)
            desired = settled.replicas
            rescale = desired != current
        if rescale and not self._rescale(look, resource, scale, desired, reason):
            return
        self._report(look, desired, rescaled=rescale)

    def _scale(self, look: _Round) -> tuple[str, Obj] | None:
        """(resource, Scale) of what is to be scaled, or None once it has been said why not."""
        hpa = look.hpa
        ref = hpa["spec"]["scaleTargetRef"]
        version = ref.get("apiVersion", "")
        group = version.rpartition("/")[0]
        if version.count("/") > 1:
            problem = f"unexpected GroupVersion string: {version}"
        else:
            infos = self.client.apiserver.infos.values()
            info = next((one for one in infos if one.kind == ref["kind"] and one.group == group), None)
            problem = f'no matches for kind "{ref["kind"]}" in group "{group}"'
            if info is not None:
                try:
                    scale = self.client.scale(info.plural, namespace_of(hpa), ref["name"])
                except StatusError as error:
                    problem = error.message
                else:
                    told = "the HPA controller was able to get the target's current scale"
                    look.say("AbleToScale", "True", "SucceededGetScale", told)
                    return info.plural, scale
        self.recorder.event(hpa, "Warning", "FailedGetScale", problem)
        told = f"the HPA controller was unable to get the target's current scale: {problem}"
        look.say("AbleToScale", "False", "FailedGetScale", told)
        self._write(look, hpa.get("status") or EMPTY)
        return None

    def _compute(self, look: _Round, selector: str) -> tuple[int, str] | None:
        """The most replicas that a metric asks for, and which; None when nothing may be decided."""
        hpa = look.hpa
        specs = hpa["spec"].get("metrics") or []
        timing = Timing(self.engine.now_ms)
        replicas, metric = 0, ""
        look.metrics = None
        failures: list[Failure] = []
        problem = self._ambiguous(look, selector)
        if not problem:
            matcher = selectors.parse(selector)
            pods = [pod for pod in self.pods.list(namespace_of(hpa)) if matcher.matches(labels_of(pod))]
            look.metrics = []
            for spec in specs:
                try:
                    one = propose(self.client, hpa, spec, look.current, selector, pods, timing)
                except Failure as failure:
                    self.recorder.event(hpa, "Warning", failure.reason, failure.message)
                    failures.append(failure)
                    look.metrics.append(EMPTY_METRIC)
                    continue
                look.metrics.append(one.status)
                if replicas == 0 or one.replicas > replicas:
                    replicas, metric = one.replicas, one.metric
            if failures:
                counted = f"{len(failures)} invalid out of {len(specs)}"
                problem = f"invalid metrics ({counted}), first error is: {failures[0]}"
            if not failures or (len(failures) < len(specs) and replicas >= look.current):
                told = f"the HPA was able to successfully calculate a replica count from {metric}"
                look.say("ScalingActive", "True", "ValidMetricFound", told)
                return replicas, metric
            first = failures[0]
            told = f"the HPA was unable to compute the replica count: {first.message}"
            look.say("ScalingActive", "False", first.reason, told)
        self._report(look, (hpa.get("status") or EMPTY).get("desiredReplicas", 0), rescaled=False)
        self.recorder.event(hpa, "Warning", "FailedComputeMetricsReplicas", problem)
        return None

    def _ambiguous(self, look: _Round, selector: str) -> str:
        """Why the target's Pods cannot be told: it has no selector, or other autoscalers move the same Pods."""
        hpa, namespace = look.hpa, namespace_of(look.hpa)
        if not selector:
            self.recorder.event(hpa, "Warning", "SelectorRequired", "selector is required")
            look.say("ScalingActive", "False", "InvalidSelector", "the HPA target's scale is missing a selector")
            return "selector is required"
        self.selectors[look.key] = selector
        rivals = [key for key in self.hpas.cache if key in self.selectors and key.partition("/")[0] == namespace]
        if len(rivals) < 2:
            return ""
        mine = selectors.parse(selector)
        pods = [pod for pod in self.pods.list(namespace) if mine.matches(labels_of(pod))]
        matched: list[str] = []
        for key in rivals:
            theirs = selectors.parse(self.selectors[key])
            if any(theirs.matches(labels_of(pod)) for pod in pods):
                matched.append(key)
        if len(matched) < 2:
            return ""
        told = f"pods by selector {selector} are controlled by multiple HPAs: [{' '.join(matched)}]"
        self.recorder.event(hpa, "Warning", "AmbiguousSelector", told)
        look.say("ScalingActive", "False", "AmbiguousSelector", told)
        return told

    def _rescale(self, look: _Round, resource: str, scale: Obj, desired: int, reason: str) -> bool:
        hpa, current = look.hpa, look.current
        try:
            self.client.update(
                resource,
                {**scale, "spec": {**scale["spec"], "replicas": desired}},
                subresource="scale",
                why="autoscaler.scale",
                owner=name_of(hpa),
                before=current,
                replicas=desired,
            )
        except StatusError as error:
            told = f"New size: {desired}; reason: {reason}; error: {error.message}"
            self.recorder.event(hpa, "Warning", "FailedRescale", told)
            told = f"the HPA controller was unable to update the target scale: {error.message}"
            look.say("AbleToScale", "False", "FailedUpdateScale", told)
            self._report(look, (hpa.get("status") or EMPTY).get("desiredReplicas", 0), rescaled=False)
            return False
        told = f"the HPA controller was able to update the target scale to {desired}"
        look.say("AbleToScale", "True", "SucceededRescale", told)
        self.recorder.event(hpa, "Normal", "SuccessfulRescale", f"New size: {desired}; reason: {reason}")
        memory = self.memory[look.key]
        self.memory[look.key] = scaled(memory, hpa["spec"].get("behavior"), current, desired, self.engine.now_ms)
        return True

    # ---- reporting -----------------------------------------------------------------------------

    def _report(self, look: _Round, desired: int, *, rescaled: bool) -> None:
        old = look.hpa.get("status") or EMPTY
        status: Obj = {"currentReplicas": look.current, "desiredReplicas": desired, "currentMetrics": look.metrics}
        if rescaled:
            status["lastScaleTime"] = look.now
        elif old.get("lastScaleTime"):
            status["lastScaleTime"] = old["lastScaleTime"]
        if not look.current:
            del status["currentReplicas"]
        self._write(look, status)

    def _write(self, look: _Round, status: Obj) -> None:
        hpa = look.hpa
        status = {**status, "conditions": look.conditions}
        if status == hpa.get("status"):
            return
        name, desired = name_of(hpa), status.get("desiredReplicas", 0)
        try:
            self.client.update_status(
                "horizontalpodautoscalers", {**hpa, "status": status}, why="autoscaler.report", replicas=desired
            )
        except StatusError as error:
            self.recorder.event(hpa, "Warning", "FailedUpdateStatus", error.message)
            raise StatusError(error.code, error.reason, f"failed to update status for {name}") from None

    # ---- saving --------------------------------------------------------------------------------

    def stop(self) -> None:
        super().stop()
        self.memory, self.selectors = {}, {}

    def state(self) -> dict[str, Any]:
        return {"memory": dict(self.memory), "selectors": dict(self.selectors)}

    def set_state(self, data: dict[str, Any]) -> None:
        self.memory = {
            key: Memory(*(tuple((number, at) for number, at in part) for part in parts))
            for key, parts in data["memory"].items()
        }
        self.selectors = dict(data["selectors"])


def _with_window(behavior: Obj) -> Obj:
    """How long a size waits before it goes down is a flag where the autoscaler does not say."""
    down = behavior["scaleDown"]
    if down.get("stabilizationWindowSeconds") is not None:
        return behavior
    return {**behavior, "scaleDown": {**down, "stabilizationWindowSeconds": DOWNSCALE_MS // 1000}}
