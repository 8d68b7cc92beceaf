"""kubectl drain: evicts a node's Pods, and asks again each five seconds for those that a disruption budget keeps.

Models      k8s.io/kubectl/pkg/drain (evictPods)
Leaves out  the timeout, and the wait for the Pods to be gone; it acts as with --ignore-daemonsets
            --delete-emptydir-data --force

A drain that is held up waits like a terminal that nobody closes: by itself it keeps no cluster from coming to rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apps.cluster.apimachinery.meta import EMPTY, Obj, key_of
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.client import Client
from apps.cluster.engine import Engine

NAME = "kubectl-drain"
RETRY_MS = 5_000


class Drains:
    """Every `kubectl drain` that is still running. Keys of its turns are nodes."""

    def __init__(self, engine: Engine, client: Client) -> None:
        self._engine = engine
        self._client = client
        self._waiting: dict[str, dict[str, str]] = {}  # node -> Pods it waits for, by key: their uids
        self._told: dict[str, str] = {}  # Pod -> why it was refused, as last told
        self._due: dict[str, int] = {}
        client.apiserver.watch("poddisruptionbudgets", self._budget)

    def begin(self, node: str, pods: Sequence[Obj]) -> None:
        """Evict these Pods, now and until it is done."""
        self._waiting[node] = {key_of(pod): str(pod["metadata"]["uid"]) for pod in pods}
        self._try(node)

    def waiting(self, node: str) -> list[str]:
        """Pods whose eviction has been refused so far, "default/web-0"."""
        return list(self._waiting.get(node, ()))

    def run(self, key: str) -> None:
        if self._due.get(key) == self._engine.now_ms:
            del self._due[key]
            self._try(key)

    def _try(self, node: str) -> None:
        left: dict[str, str] = {}
        for key, uid in self._waiting.pop(node, {}).items():
            if not self._evict(node, key, uid):
                left[key] = uid
        if left:
            self._waiting[node] = left
            self._wake(node, self._engine.now_ms + RETRY_MS, quiet=True)

    def _evict(self, node: str, key: str, uid: str) -> bool:
        """Whether nothing more is to be done about that Pod."""
        namespace, _, name = key.partition("/")
        try:
            if self._client.get("pods", namespace, name)["metadata"]["uid"] != uid:
                return True
            self._client.evict(namespace, name, why="kubectl.drain", name=name, node=node)
        except StatusError as error:
            if error.reason == "NotFound":
                return True
            causes = error.details.get("causes") or ()
            again = error.reason == "TooManyRequests" or any(
                cause.get("reason") == "NamespaceTerminating" for cause in causes
            )
            why = next((cause["message"] for cause in causes if cause.get("message")), error.message)
            if not again or self._told.get(key) != why:
                self._told[key] = why
                message = "kubectl.drain-refused" if again else "kubectl.drain-failed"
                params = {"name": name, "node": node, "why": why}
                cause = self._engine.cause
                self._engine.note("kubectl", "", "evict", f"pods/{key}", message, params)
                self._engine.cause = cause  # what follows does not follow from the refusal
            return not again
        self._told.pop(key, None)
        return True

    def _budget(self, key: str, before: Obj | None, after: Obj | None) -> None:
        """A budget has changed: the next attempt may fare better, so time has to reach it."""
        if not self._waiting or (after is not None and not (after.get("status") or EMPTY).get("disruptionsAllowed")):
            return
        namespace = key.partition("/")[0]
        for node, pods in self._waiting.items():
            if node in self._due and any(pod.partition("/")[0] == namespace for pod in pods):
                self._engine.wake(NAME, node, self._due[node] - self._engine.now_ms)

    def _wake(self, node: str, due_ms: int, *, quiet: bool) -> None:
        self._due[node] = due_ms
        self._engine.wake(NAME, node, due_ms - self._engine.now_ms, quiet=quiet)

    # ---- saving --------------------------------------------------------------------------------

    def save(self) -> dict[str, Any]:
        return {
            "waiting": {node: dict(pods) for node, pods in self._waiting.items()},
            "told": dict(self._told),
            "due": dict(self._due),
        }

    def load(self, data: dict[str, Any]) -> None:
        self._waiting = {node: dict(pods) for node, pods in data["waiting"].items()}
        self._told = dict(data["told"])
        self._due = dict(data["due"])
