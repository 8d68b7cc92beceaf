"""kube-scheduler: takes Pods off the queue one by one, finds each a node, and binds it.

Models      pkg/scheduler/schedule_one.go (ScheduleOne, bindingCycle, handleSchedulingFailure, updatePod) and
            scheduler.go
Leaves out  binding next to scheduling (a Pod is bound in the same turn, unless its volumes have to be waited for),
            metrics
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, ClassVar

from apps.cluster.apimachinery.meta import EMPTY, Obj, is_terminating
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apimachinery.timestamps import format_ms
from apps.cluster.client import Client, Informers, Recorder
from apps.cluster.engine import Engine
from apps.cluster.scheduler.algorithm import Algorithm, Result
from apps.cluster.scheduler.cache import Cache
from apps.cluster.scheduler.decision import NO_SHEET, Decision, Plain
from apps.cluster.scheduler.event_handlers import EventHandlers
from apps.cluster.scheduler.fit_error import NO_NODES, Diagnosis, note
from apps.cluster.scheduler.framework import Framework
from apps.cluster.scheduler.journal import BINDING, Journal, Waiting
from apps.cluster.scheduler.nominator import Nominator
from apps.cluster.scheduler.plugins import default_binder, dynamic_resources
from apps.cluster.scheduler.plugins.base import Handle
from apps.cluster.scheduler.plugins.default_preemption import DefaultPreemption, Preemption
from apps.cluster.scheduler.pod_info import PodInfo
from apps.cluster.scheduler.pod_status import pod_condition, status_patch
from apps.cluster.scheduler.queue import FLUSH_EVERY_MS, UNSCHEDULABLE, QueuedPod, SchedulingQueue
from apps.cluster.scheduler.status import SchedulerError
from apps.cluster.scheduler.volumes import WaitingVolumes

TURN_MS = 4  # what one Pod takes, and what a new Pod waits for at least

BACKOFF_KEY = "backoff"
LEFTOVER_KEY = "leftover"
VOLUMES_KEY = "volumes/"


class Scheduler:
    """The component. `run("")` schedules one Pod."""

    name: ClassVar[str] = "kube-scheduler"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        self.engine = engine
        self.client = client
        self.informers = informers
        self.recorder = recorder
        self.running = True
        self.journal = Journal(engine.trace.keep)
        engine.record(self.name, self.journal)
        self._turn = False
        self._fresh()
        self.handlers = EventHandlers(self)

    def _fresh(self) -> None:
        """Everything that is kept in memory, empty."""
        self.cache = Cache()
        self.handle = Handle(self.cache, self.informers)
        self.nominator = Nominator()
        self.framework = Framework(self.handle, self.nominator)
        self.queue = SchedulingQueue(self.framework, self._moved if self.journal.keep else None)
        self.algorithm = Algorithm(self.framework, self.engine.random.below)
        self.preemption = DefaultPreemption(
            self.framework, self.engine.random.below, lambda: format_ms(self.engine.now_ms)
        )
        self.volumes = WaitingVolumes(self)
        self.in_hand = ""  # the Pod of the present turn
        self._due: int | None = None  # when the next turn is asked for
        self._last = -TURN_MS
        self._retry: int | None = None
        self._leftover = False

    # What others may ask

    def decision(self, key: str) -> Decision | None:
        """The latest decision about a Pod such as "default/web-0", if it is remembered."""
        return self.journal.decisions.get(key)

    def pending(self) -> dict[str, list[str]]:
        """Keys of waiting Pods by queue: active, backoff, error-backoff, unschedulable."""
        out: dict[str, list[str]] = {}
        for key, queued in self.queue.pods.items():
            out.setdefault(queued.where, []).append(key)
        return out

    # Turns

    def wake(self) -> None:
        """Ask for a turn if there is a Pod to try."""
        if self._due is None and self.queue.ready:
            now = self.engine.now_ms
            self._due = max(now, self._last) + TURN_MS
            self.engine.wake(self.name, "", self._due - now)
        if not self._leftover and self.queue.count(UNSCHEDULABLE):
            self._leftover = True
            self.engine.wake(self.name, LEFTOVER_KEY, FLUSH_EVERY_MS, quiet=True)

    def run(self, key: str) -> None:
        if self.running:
            self._turn = True
            try:
                self._run(key)
            finally:
                self._turn = False

    def _run(self, key: str) -> None:
        now = self.engine.now_ms
        if not key:
            if self._due != now:
                return  # asked for by a process that has died since
            self._due = None
            self._last = now
            self.queue.flush_backoff(now)
            self.schedule_one()
        elif key == BACKOFF_KEY:
            if self._retry == now:
                self._retry = None
                self.queue.flush_backoff(now)
        elif key == LEFTOVER_KEY:
            self._leftover = False
            self.queue.flush_leftover(now, self.engine.cause)
        elif key.startswith(VOLUMES_KEY):
            self.volumes.check(key[len(VOLUMES_KEY) :])
        self.wake()
        self._retry_later()

    def _retry_later(self) -> None:
        """Pods that met an error are tried again when their back-off ends, and not before."""
        at = self.queue.next_error_retry()
        now = self.engine.now_ms
        if at is not None and (self._retry is None or at < self._retry):
            self._retry = max(at, now + 1)
            # Without any node there is nothing to hope for until one comes; that is no unrest.
            self.engine.wake(self.name, BACKOFF_KEY, self._retry - now, quiet=not self.cache.ordered())

    def schedule_one(self) -> None:
        """The next Pod of the queue, from the queue to its node, or back."""
        queued = self.queue.pop()
        if queued is None:
            return
        engine = self.engine
        outer, engine.cause = engine.cause, queued.cause
        self.in_hand = queued.key
        try:
            self._schedule(queued)
        finally:
            self.in_hand = ""
            engine.cause = outer

    def _schedule(self, queued: QueuedPod) -> None:
        pod = queued.pod
        if is_terminating(pod):
            self.recorder.event(
                pod, "Warning", "FailedScheduling", f"skip schedule deleting pod: {queued.key}", action="Scheduling"
            )
            return
        info = self.cache.classes.info(pod)
        if not self.cache.ordered():
            self._remember(queued, None, NO_NODES, None)
            self.fail(queued, info, NO_NODES, (), "")
            return
        try:
            result = self.algorithm.schedule(info)
        except SchedulerError as error:
            self.fail(queued, info, str(error), (), "", reason="SchedulerError")
            return
        if result.node:
            self._remember(queued, result, "", None)
            self._bind(queued, info, result)
        else:
            self._unschedulable(queued, info, result)

    # A node was found

    def _bind(self, queued: QueuedPod, info: PodInfo, result: Result) -> None:
        self.cache.assume(info, result.node)
        self.nominator.remove(info.key)
        if result.state is not None and self.volumes.begin(queued, info, result):
            self._note(queued, BINDING)
            return
        self.finish(queued, info, result.node, result.score, result.feasible)

    def finish(self, queued: QueuedPod, info: PodInfo, node: str, score: int, feasible: int) -> None:
        """Bind an assumed Pod."""
        pod = info.pod
        self._note(queued, "")
        try:
            default_binder.bind(self.client, info, node, score, feasible)
        except StatusError as error:
            self.cache.forget(info.key)
            self.fail(
                queued, info, f'running Bind plugin "DefaultBinder": {error.message}', (), "", reason="SchedulerError"
            )
            return
        self.recorder.event(pod, "Normal", "Scheduled", f"Successfully assigned {info.key} to {node}", action="Binding")

    def give_up(self, key: str) -> None:
        """An assumed Pod is being deleted: free its room."""
        self.cache.forget(key)
        self.volumes.drop(key)
        self.journal.write(Waiting(self._step(), key, ""))

    # No node was found

    def _unschedulable(self, queued: QueuedPod, info: PodInfo, result: Result) -> None:
        diagnosis, state = result.diagnosis, result.state
        assert diagnosis is not None
        assert state is not None
        if diagnosis.pre_filter:
            outcome = Preemption(None, dynamic_resources.NO_STATE)
        else:
            budgets = self.informers("poddisruptionbudgets").list()
            outcome = self.preemption.preempt(state, info, diagnosis, budgets)
            if outcome.message:
                outcome = outcome._replace(message=f"{dynamic_resources.NOTHING_TO_DEALLOCATE}, {outcome.message}")
        diagnosis.post_filter = outcome.message
        message = diagnosis.message(len(self.cache.order))
        self._remember(queued, result, message, outcome)
        self.fail(queued, info, message, tuple(sorted(diagnosis.plugins)), outcome.nominated, diagnosis=diagnosis)
        if outcome.nominated:
            self._clear_node(info, outcome)

    def fail(
        self,
        queued: QueuedPod,
        info: PodInfo,
        message: str,
        plugins: tuple[str, ...],
        nominated: str | None,
        *,
        reason: str = "Unschedulable",
        diagnosis: Diagnosis | None = None,
    ) -> None:
        """Put the Pod back, and say why in its status and in an Event. `nominated`: see Preemption."""
        current = self.informers("pods").get(queued.key)
        if current is None or current["spec"].get("nodeName") or current["metadata"].get("uid") != queued.uid:
            return
        queued.pod = current
        self.queue.add_unschedulable(queued, plugins, self.engine.now_ms)
        status = current.get("status") or EMPTY
        had = status.get("nominatedNodeName") or ""
        self.nominator.add(info, had if nominated is None else nominated)
        condition = pod_condition(current, "PodScheduled", "False", reason, message)
        body = status_patch(current, condition, nominated, format_ms(self.engine.now_ms))
        if body:
            why = "scheduler.unschedulable" if reason == "Unschedulable" else "scheduler.error"
            params: dict[str, Any] = {"message": message, "reasons": message}
            if diagnosis is not None:
                params["reasons"] = diagnosis.reasons(len(self.cache.order))
            if nominated:
                why, params["node"] = "scheduler.nominate", nominated
            self.patch_status(current, body, why, **params)
        self.recorder.event(current, "Warning", "FailedScheduling", note(message), action="Scheduling")

    def patch_status(self, pod: Obj, status: dict[str, Any], why: str, **params: Any) -> None:
        metadata = pod["metadata"]
        namespace, name = metadata["namespace"], metadata["name"]
        with suppress(StatusError):  # deleted meanwhile; upstream logs it and goes on
            self.client.patch("pods", namespace, name, {"status": status}, subresource="status", why=why, **params)

    # Preemption

    def _clear_node(self, preemptor: PodInfo, outcome: Preemption) -> None:
        """Delete the victims, and tell less important Pods that had hoped for the node."""
        node = outcome.nominated
        assert node
        for other in list(self.nominator.on(node)):
            if other.kind.priority < preemptor.kind.priority:
                current = self.informers("pods").get(other.key)
                if current is not None and current["status"].get("nominatedNodeName"):
                    self.patch_status(current, {"nominatedNodeName": None}, "scheduler.withdraw", node=node)
        for victim in outcome.victims:
            if not is_terminating(victim.pod):
                self._evict(victim, preemptor, node)

    def _evict(self, victim: PodInfo, preemptor: PodInfo, node: str) -> None:
        pod = self.informers("pods").get(victim.key)
        if pod is None:
            return
        name = preemptor.pod["spec"].get("schedulerName", "default-scheduler")
        why = f"{name}: preempting to accommodate a higher priority pod"
        condition = pod_condition(pod, "DisruptionTarget", "True", "PreemptionByScheduler", why)
        body = status_patch(pod, condition, None, format_ms(self.engine.now_ms))
        if body:
            self.patch_status(pod, body, "scheduler.disrupt", node=node, by=preemptor.key)
        metadata = pod["metadata"]
        try:
            self.client.delete(
                "pods", metadata["namespace"], metadata["name"], why="scheduler.preempt", node=node, by=preemptor.key
            )
        except StatusError:
            return  # gone already
        self.recorder.event(
            pod,
            "Normal",
            "Preempted",
            f"Preempted by pod {preemptor.uid} on node {node}",
            action="Preempting",
            related=preemptor.pod,
        )

    # Bookkeeping for the event handlers

    def nominate(self, pod: Obj, node: str) -> None:
        self.nominator.add(self.cache.classes.info(pod), node)

    def forget_waiting(self, key: str) -> None:
        """The Pod has a node, or is gone."""
        self.queue.delete(key)
        self.nominator.remove(key)

    def volumes_changed(self) -> None:
        self.volumes.look_again()

    def _step(self) -> int:
        """The step from which on what happens now is so: in a turn of one's own, the one that is to come."""
        return len(self.engine.trace.steps) + self._turn

    def _moved(self, queued: QueuedPod) -> None:
        self._note(queued, queued.where)

    def _note(self, queued: QueuedPod, where: str) -> None:
        if not self.journal.keep:
            return
        until = 0 if where in ("", "active", BINDING) else self.queue.backoff_until(queued)
        self.journal.write(
            Waiting(
                self._step(),
                queued.key,
                where,
                queued.priority,
                queued.attempts,
                queued.queued_ms,
                until,
                queued.plugins,
                queued.gate,
            )
        )

    def _remember(self, queued: QueuedPod, result: Result | None, message: str, outcome: Preemption | None) -> None:
        key, uid, attempt, now, nodes = (
            queued.key,
            queued.uid,
            queued.attempts,
            self.engine.now_ms,
            len(self.cache.order),
        )
        diagnosis = result.diagnosis if result is not None else None
        plugins = tuple(sorted(diagnosis.plugins)) if message and diagnosis is not None else ()

        def work_out() -> Plain:
            found = {"pod": key, "uid": uid, "time_ms": now, "attempt": attempt, "nodes": nodes, "message": message}
            found |= {"evaluated": 0, "feasible": 0, "chosen": "", "score": 0, "rejected_by": list(plugins)}
            sheet = NO_SHEET
            if result is not None:
                found |= {"evaluated": result.evaluated, "feasible": result.feasible}
                found |= {"chosen": result.node, "score": result.score, "filters": list(result.filters)}
                if result.details is not None:
                    sheet = result.details()
            if outcome is not None:
                found["nominated"] = outcome.nominated or ""
                found["victims"] = [victim.key for victim in outcome.victims]
                found["candidates"] = [
                    [one.node, [victim.key for victim in one.victims], one.violations] for one in outcome.candidates
                ]
            found["sheet"] = list(sheet)
            return found

        self.journal.decisions.keep(self._step(), key, work_out)

    # The process

    def stop(self) -> None:
        """kube-scheduler is gone: Pods stay Pending."""
        self.running = False
        self.journal.process(self._step(), False)
        self._fresh()

    def start(self) -> None:
        """It is back; its informers will tell it of everything there is."""
        self.running = True
        self.journal.process(self._step(), True)

    def save(self) -> dict[str, Any]:
        return {
            "running": self.running,
            "due": self._due,
            "last": self._last,
            "retry": self._retry,
            "leftover": self._leftover,
            "start": self.algorithm.start,
            "cache": self.cache.save(),
            "queue": self.queue.save(),
            "nominated": self.nominator.save(),
            "volumes": self.volumes.save(),
        }

    def load(self, data: dict[str, Any]) -> None:
        self._fresh()
        self.running = data["running"]
        self._due, self._last, self._retry = data["due"], data["last"], data["retry"]
        self._leftover = data["leftover"]
        self.algorithm.start = data["start"]
        if not self.running:
            return
        pods = self.informers("pods")
        self.cache.fill(
            data["cache"], self.informers("namespaces").list(), self.informers("nodes").list(), pods.list(), pods.get
        )
        self.queue.load(data["queue"], pods.cache)
        for key, node in data["nominated"].items():
            pod = pods.get(key)
            if pod is not None:
                self.nominate(pod, node)
        self.volumes.load(data["volumes"])
