"""Pods that have a node and wait there for their volumes.

Models      pkg/scheduler/framework/plugins/volumebinding (PreBindPreFlight, PreBind) and binder.go (BindPodVolumes,
            checkBindings)
Leaves out  nothing known; as upstream, it looks once a second
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apps.cluster.apimachinery.meta import Obj, key_of
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.scheduler.algorithm import Result
from apps.cluster.scheduler.plugins.volume_binder import bind_volume_to_claim, select_node
from apps.cluster.scheduler.plugins.volume_binding import PodVolumes
from apps.cluster.scheduler.pod_info import PodInfo
from apps.cluster.scheduler.queue import QueuedPod
from apps.cluster.scheduler.status import SchedulerError

if TYPE_CHECKING:
    from apps.cluster.scheduler.scheduler import Scheduler

POLL_MS = 1_000
TIMEOUT_MS = 600_000


class WaitingVolumes:
    """By Pod: its node, since when it waits, and for which volumes and claims. Plain data throughout."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._waiting: dict[str, dict[str, Any]] = {}

    def begin(self, queued: QueuedPod, info: PodInfo, result: Result) -> bool:
        """Ask for what the chosen node needs; True when the Pod has to wait for it."""
        scheduler = self._scheduler
        assert result.state is not None
        kept: PodVolumes | None = result.state.data.get(scheduler.framework.volumes.name)
        todo = kept.by_node.get(result.node) if kept is not None else None
        if todo is None:
            return False
        bindings, provision = todo
        # Others (a cluster autoscaler, say) are told where the Pod is going to be.
        scheduler.patch_status(info.pod, {"nominatedNodeName": result.node}, "scheduler.reserve", node=result.node)
        volumes: list[str] = []
        claims: list[str] = []
        self._waiting[info.key] = {
            "node": result.node,
            "score": result.score,
            "feasible": result.feasible,
            "since": scheduler.engine.now_ms,
            "volumes": volumes,
            "claims": claims,
            "uid": info.uid,
            "attempts": queued.attempts,
            "unschedulable": queued.unschedulable,
            "cause": queued.cause,
        }
        try:
            for volume, claim in bindings:
                name = volume["metadata"]["name"]
                scheduler.client.update(
                    "persistentvolumes",
                    bind_volume_to_claim(volume, claim),
                    why="scheduler.bind-volume",
                    claim=key_of(claim),
                )
                volumes.append(name)
            for claim in provision:
                scheduler.client.update(
                    "persistentvolumeclaims",
                    select_node(claim, result.node),
                    why="scheduler.select-node",
                    node=result.node,
                )
                claims.append(key_of(claim))
        except StatusError as error:
            self._failed(info.key, error.message)
            return True
        self._ask(info.key, POLL_MS, quiet=True)
        return True

    def _ask(self, key: str, delay_ms: int, *, quiet: bool) -> None:
        self._scheduler.engine.wake(self._scheduler.name, f"volumes/{key}", delay_ms, quiet=quiet)

    def look_again(self) -> None:
        """A claim or volume changed: the next look, due on the second, may find what it waits for."""
        now = self._scheduler.engine.now_ms
        for key, entry in self._waiting.items():
            self._ask(key, POLL_MS - (now - entry["since"]) % POLL_MS, quiet=False)

    def check(self, key: str) -> None:
        """One look at the volumes of one Pod."""
        entry = self._waiting.get(key)
        scheduler = self._scheduler
        now = scheduler.engine.now_ms
        if entry is None or entry.get("looked") == now or (now - entry["since"]) % POLL_MS:
            return
        entry["looked"] = now
        node = scheduler.cache.nodes.get(entry["node"])
        if node is None or node.node is None:
            self._failed(
                key, f'binding volumes: failed to get node "{entry["node"]}": node "{entry["node"]}" not found'
            )
            return
        try:
            done = scheduler.framework.volumes.binder.check(
                node, [_named(name) for name in entry["volumes"]], [_keyed(claim) for claim in entry["claims"]]
            )
        except SchedulerError as error:
            self._failed(key, f"binding volumes: {error}")
            return
        if done:
            info = scheduler.cache.pods.get(key)
            del self._waiting[key]
            if info is not None:
                scheduler.engine.cause = entry["cause"]
                scheduler.finish(
                    self._queued(key, entry, info.pod), info, entry["node"], entry["score"], entry["feasible"]
                )
        elif now - entry["since"] >= TIMEOUT_MS:
            self._failed(key, "binding volumes: context deadline exceeded")
        else:
            self._ask(key, POLL_MS, quiet=True)

    def _failed(self, key: str, message: str) -> None:
        """Take the Pod off its node again; it will be tried anew after a back-off."""
        entry = self._waiting.pop(key)
        scheduler = self._scheduler
        info = scheduler.cache.pods.get(key)
        scheduler.cache.forget(key)
        if info is not None:
            scheduler.fail(
                self._queued(key, entry, info.pod),
                info,
                f'running PreBind plugin "VolumeBinding": {message}',
                (),
                "",
                reason="SchedulerError",
            )

    def _queued(self, key: str, entry: dict[str, Any], pod: Obj) -> QueuedPod:
        queued = QueuedPod(key, pod, entry["since"], entry["cause"])
        queued.attempts, queued.unschedulable = entry["attempts"], entry["unschedulable"]
        return queued

    def drop(self, key: str) -> None:
        self._waiting.pop(key, None)

    def save(self) -> dict[str, Any]:
        return {key: dict(entry) for key, entry in self._waiting.items()}

    def load(self, data: dict[str, Any]) -> None:
        self._waiting = {key: dict(entry) for key, entry in data.items()}


def _named(name: str) -> Obj:
    return {"metadata": {"name": name}}


def _keyed(key: str) -> Obj:
    namespace, _, name = key.partition("/")
    return {"metadata": {"namespace": namespace, "name": name}}
