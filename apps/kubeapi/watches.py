"""A watch as a stream. Its events follow the cluster's history; its timeout and its bookmarks follow the wall clock.

A cluster at rest stands still, and whoever watches it would else wait for ever for what a real API server sends every
minute.
"""

from __future__ import annotations

from typing import Any

from apps.cluster.api.resource import ResourceInfo
from apps.cluster.apimachinery.status import gone
from apps.cluster.apiserver import APIServer
from apps.cluster.apiserver.requests import Response, presenting, reads
from apps.cluster.apiserver.watching import BOOKMARK_BEFORE_END_MS, BOOKMARK_EVERY_MS, Event, Watch
from apps.kubeapi import talk
from apps.kubeapi.talk import go_json
from apps.scenarios.session import Session

NEVER_MS = 2**62
Written = dict[Any, bytes]  # events of this moment that have been written down already
LONGEST_S = 4 * 3600.0  # --streaming-connection-idle-timeout of a kubelet


class WatchSource:
    """One watch, and where it stands."""

    def __init__(self, found: Session, watch: Watch, form: presenting.Form, now: float) -> None:
        self.done = False
        self._watch, self._form = watch, form
        self._epoch = found.epoch
        self.ends_at = now + min((watch.deadline_ms - found.run.cluster.now_ms) / 1000, LONGEST_S)
        watch.deadline_ms, watch.next_bookmark_ms = NEVER_MS, -1
        self._bookmark_at = self._after(now) if watch.bookmarks else None

    def _after(self, now: float) -> float | None:
        """When the next bookmark is due: a minute later, and shortly before the end."""
        last = self.ends_at - BOOKMARK_BEFORE_END_MS / 1000
        return min(now + BOOKMARK_EVERY_MS / 1000, last) if now < last else None

    def next_at(self) -> float | None:
        return self._bookmark_at

    def poll(self, found: Session, now: float, written: Written) -> bytes:
        """The lines to send now."""
        watch = self._watch
        if found.epoch != self._epoch:
            if not self._still_true(found):
                self.done = True
                text = f"too old resource version: {watch.revision} (history was written anew)"
                return _line({"type": "ERROR", "object": gone(text).as_status()})
            self._epoch = found.epoch
        due = self._bookmark_at is not None and now >= self._bookmark_at
        watch.next_bookmark_ms = 0 if due else -1
        server = found.run.cluster.apiserver
        info = server.info(watch.resource)
        lines = [self._written(server, info, event, written) for event in watch.poll(server)]
        if due:
            self._bookmark_at = self._after(now)
        watch.next_bookmark_ms = -1
        self.done = watch.closed
        return b"".join(lines)

    def _written(self, server: APIServer, info: ResourceInfo, event: Event, written: Written) -> bytes:
        """An event as a line. Fifty who watch the same are sent the same bytes."""
        watch, form = self._watch, self._form
        record = event.record
        if record is None:
            return _line(reads.frame(server, info, watch, event, form))
        metadata = record.value["metadata"]
        key = (
            event.type,
            watch.resource,
            metadata.get("namespace", ""),
            metadata["name"],
            event.revision or record.mod_revision,
            watch.second,
            form.as_,
            form.include_object,
            watch.columns_sent,
        )
        line = written.get(key)
        if line is None:
            line = written[key] = _line(reads.frame(server, info, watch, event, form))
        watch.columns_sent = watch.columns_sent or form.as_ == "table"
        return line

    def _still_true(self, found: Session) -> bool:
        """Whether history, told anew, is the same up to where the watch stands."""
        run = found.run
        if self._watch.revision > run.head:
            return False
        step = run.cluster.trace.at(self._watch.revision)
        return step is None or step.time_ms - run.base_ms <= found.same_until(self._epoch)


class LogSource:
    """A log that is followed, until its container ends."""

    def __init__(self, found: Session, response: Response, now: float) -> None:
        assert response.tail is not None
        self.done = False
        self.ends_at = now + LONGEST_S
        self._tail = response.tail
        self._first = talk.content(response, pretty=False)

    def next_at(self) -> float | None:
        return None

    def poll(self, found: Session, now: float, written: Written) -> bytes:
        """What has been said since."""
        first, self._first = self._first, b""
        text = first + self._tail.poll(found.run.cluster.apiserver).encode()
        self.done = self._tail.done
        return text


def _line(frame: object) -> bytes:
    return (go_json(frame) + "\n").encode("utf-8", "replace")
