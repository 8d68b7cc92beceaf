"""The event recorder: core/v1 Events about objects, correlated as client-go does it.

Models      client-go tools/record (event.go, events_cache.go) and, for `action`, tools/events
Leaves out  Event series of events.k8s.io
"""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apimachinery.timestamps import format_micro, format_ms
from apps.cluster.client.client import Client
from apps.cluster.engine import Engine

Obj = dict[str, Any]

AGGREGATE_AFTER = 10  # similar events before they are told as one
AGGREGATE_WINDOW_MS = 600_000
SPAM_BURST = 25  # events about one object from one source …
SPAM_REFILL_MS = 300_000  # … and how long it takes to earn one more
CACHE_SIZE = 4096
COMBINED = "(combined from similar events): "
QUEUE_SIZE = 1000  # Events that wait while the API server does not answer; more are dropped
RETRY_LIMIT_MS = 120_000  # twelve attempts, ten seconds apart; then the Event at the head of the queue is given up


class Recorder:
    """One a component. `component` is what Events name as their source."""

    __slots__ = (
        "_aggregates",
        "_client",
        "_component",
        "_engine",
        "_held",
        "_holding_ms",
        "_node",
        "_seen",
        "_spam",
        "modern",
    )

    def __init__(self, engine: Engine, client: Client, component: str, node: str = "", *, modern: bool = False) -> None:
        self._engine = engine
        self._client = client
        self._component = component
        self._node = node
        self.modern = modern  # events.k8s.io style: eventTime and action instead of counts (the scheduler)
        # Values are replaced, never changed: what is kept of a busy recorder is saved with every command.
        self._seen: dict[str, tuple[str, str, int, str]] = {}  # what was told: key -> namespace, name, count, message
        self._aggregates: dict[str, tuple[int, tuple[str, ...]]] = {}  # key without message -> last_ms, messages
        self._spam: dict[str, tuple[int, int]] = {}  # object -> tokens, last_ms
        self._holding_ms = -1  # since when the API server does not answer, -1: it does
        self._held: list[list[Any]] = []  # what is to be told when it does: time and arguments of `event`

    def event(
        self,
        obj: Obj,
        type_: str,
        reason: str,
        message: str,
        *,
        action: str = "",
        field_path: str = "",
        related: Obj | None = None,
    ) -> None:
        """Tell of something that happened to `obj`: `type_` is Normal or Warning. Never raises."""
        if self._holding_ms >= 0:
            if len(self._held) < QUEUE_SIZE:
                now = self._engine.now_ms
                self._held.append([now, obj, type_, reason, message, action, field_path, related])
            return
        self._record(self._engine.now_ms, obj, type_, reason, message, action, field_path, related)

    def move(self, node: str) -> None:
        """The component acts on another machine from now on."""
        if self._node:
            self._node = node

    def hold(self, wait: bool) -> None:
        """The API server does not answer: Events queue up. Or it does again: `flush` tells them."""
        if wait and self._holding_ms < 0:
            self._holding_ms = self._engine.now_ms

    def flush(self) -> None:
        """Tell what has queued up, with the times at which it happened."""
        if self._holding_ms < 0:
            return
        lost = (self._engine.now_ms - self._holding_ms) // RETRY_LIMIT_MS
        held, self._held, self._holding_ms = self._held[lost:], [], -1
        for entry in held:
            self._record(*entry)

    def _record(
        self,
        now: int,
        obj: Obj,
        type_: str,
        reason: str,
        message: str,
        action: str,
        field_path: str,
        related: Obj | None,
    ) -> None:
        metadata = obj["metadata"]
        uid = metadata.get("uid", "")
        subject = f"{uid}{field_path}"
        try:
            if self.modern:
                self._create(now, obj, type_, reason, message, 0, action, field_path, related)
            elif not self._spammed(subject, now):
                self._correlate(now, obj, subject, type_, reason, message, field_path)
        except StatusError:
            pass  # a namespace on its way out takes no Events; nobody waits for them

    def _spammed(self, subject: str, now: int) -> bool:
        bucket = self._spam.get(subject)
        if bucket is None:
            if len(self._spam) >= CACHE_SIZE:
                del self._spam[next(iter(self._spam))]
            self._spam[subject] = (SPAM_BURST - 1, now)
            return False
        tokens, last = bucket
        earned = (now - last) // SPAM_REFILL_MS
        if earned:
            tokens, last = min(SPAM_BURST, tokens + earned), last + earned * SPAM_REFILL_MS
        spent = tokens <= 0
        self._spam[subject] = (tokens if spent else tokens - 1, last)
        return spent

    def _correlate(
        self, now: int, obj: Obj, subject: str, type_: str, reason: str, message: str, field_path: str
    ) -> None:
        group = f"{subject}|{type_}|{reason}"
        aggregate = self._aggregates.get(group)
        if aggregate is None or now - aggregate[0] > AGGREGATE_WINDOW_MS:
            if len(self._aggregates) >= CACHE_SIZE:
                del self._aggregates[next(iter(self._aggregates))]
            aggregate = (now, ())
        messages = aggregate[1]
        new = message not in messages
        if new:
            messages = (*messages, message)
        full = new and len(messages) >= AGGREGATE_AFTER
        self._aggregates[group] = (now, messages[1:] if full else messages)
        if full:
            self._tell(now, obj, group, type_, reason, COMBINED + message, field_path)
            return
        self._tell(now, obj, f"{group}|{message}", type_, reason, message, field_path)

    def _tell(self, now: int, obj: Obj, key: str, type_: str, reason: str, message: str, field_path: str) -> None:
        seen = self._seen.get(key)
        if seen is not None:
            namespace, name, count, last = seen
            self._seen[key] = (namespace, name, count + 1, message)
            body: Obj = {"count": count + 1, "lastTimestamp": format_ms(now)}
            if last != message:
                body["message"] = message
            try:
                self._client.patch("events", namespace, name, body, type="merge")
                return
            except StatusError:
                pass  # it has expired: tell it anew
        if len(self._seen) >= CACHE_SIZE:
            del self._seen[next(iter(self._seen))]
        created = self._create(now, obj, type_, reason, message, 1, "", field_path, None)
        self._seen[key] = (created["metadata"]["namespace"], created["metadata"]["name"], 1, message)

    def _create(
        self,
        now_ms: int,
        obj: Obj,
        type_: str,
        reason: str,
        message: str,
        count: int,
        action: str,
        field_path: str,
        related: Obj | None,
    ) -> Obj:
        engine = self._engine
        involved = _reference(obj)
        if field_path:
            involved["fieldPath"] = field_path
        namespace = involved.get("namespace") or "default"
        # Upstream ends the name with the nanoseconds in hex; revision and time make ours as unique.
        stamp = 0x18EA930000000000 + engine.now_ms * 1_000_000 + engine.revision
        metadata = {"name": f"{involved['name']}.{stamp:x}", "namespace": namespace}
        if self.modern:
            event: Obj = {
                "metadata": metadata,
                "involvedObject": involved,
                "reason": reason,
                "message": message,
                "type": type_,
                "source": {},
                "firstTimestamp": None,
                "lastTimestamp": None,
                "eventTime": format_micro(now_ms),
                "action": action,
                "reportingComponent": self._component,
                "reportingInstance": f"{self._component}-{self._node}" if self._node else self._component,
            }
            if related is not None:
                event["related"] = _reference(related)
        else:
            now = format_ms(now_ms)
            source = {"component": self._component}
            if self._node and self._component == "kubelet":
                source["host"] = self._node
            event = {
                "metadata": metadata,
                "involvedObject": involved,
                "reason": reason,
                "message": message,
                "type": type_,
                "source": source,
                "firstTimestamp": now,
                "lastTimestamp": now,
                "count": count,
                "eventTime": None,
                "reportingComponent": self._component,
                "reportingInstance": source.get("host", ""),
            }
        return self._client.create("events", event)

    def forget(self) -> None:
        """The process has died, and with it the memory of what was told."""
        self._seen, self._aggregates, self._spam = {}, {}, {}
        self._held = []

    def save(self) -> dict[str, Any]:
        return {
            "seen": dict(self._seen),
            "aggregates": dict(self._aggregates),
            "spam": dict(self._spam),
            "holding_ms": self._holding_ms,
            "held": list(self._held),
        }

    def load(self, data: dict[str, Any]) -> None:
        self._seen = {key: tuple(value) for key, value in data["seen"].items()}
        self._aggregates = {key: (last, tuple(messages)) for key, (last, messages) in data["aggregates"].items()}
        self._spam = {key: tuple(value) for key, value in data["spam"].items()}
        self._holding_ms = data["holding_ms"]
        self._held = list(data["held"])


def _reference(obj: Obj) -> Obj:
    metadata = obj["metadata"]
    out: Obj = {"kind": obj["kind"]}
    if metadata.get("namespace"):
        out["namespace"] = metadata["namespace"]
    out["name"] = metadata["name"]
    out["uid"] = metadata.get("uid", "")
    out["apiVersion"] = obj["apiVersion"]
    if "resourceVersion" in metadata:
        out["resourceVersion"] = metadata["resourceVersion"]
    return out
