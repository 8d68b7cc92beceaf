"""A watch of someone outside: plain data that is asked for what has happened since.

Models      apiserver pkg/storage/cacher (cacher.go, cache_watcher.go, watch_cache.go), endpoints/handlers/watch.go
Leaves out  the bound of the watch cache: what the store has not compacted can be watched from

A real watch is sent events as they come, so compaction never overtakes it. This one reads on when it is polled, however
long that takes: only what it would have been sent, and can no longer be, ends it.

Nothing is registered anywhere. A watch is where it stands, and `poll` reads on from there in the store's history; so
it can be kept, saved, and polled whenever its reader is ready, and the same history gives the same events.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from apps.cluster.api.resource import ResourceInfo
from apps.cluster.apimachinery.status import StatusError, gone
from apps.cluster.apiserver import listing
from apps.cluster.etcd import Compacted, Record

if TYPE_CHECKING:
    from apps.cluster.apiserver.server import APIServer

Obj = dict[str, Any]
DEFAULT_TIMEOUT_S = 1800  # --min-request-timeout; a real server adds up to as much again, by chance
BOOKMARK_EVERY_MS = 60_000
BOOKMARK_BEFORE_END_MS = 2_000
INITIAL_EVENTS_END = "k8s.io/initial-events-end"


@dataclass(slots=True)
class Event:
    """ADDED, MODIFIED or DELETED with the object's record; BOOKMARK with an object of its own; ERROR with a Status."""

    type: str
    record: Record | None = None
    obj: Obj = field(default_factory=dict)
    revision: int = 0  # of the deletion, where the record is what was there before it


@dataclass(slots=True)
class Watch:
    """Where one watch stands."""

    resource: str
    namespace: str
    label_selector: str
    field_selector: str
    second: str  # the apiVersion of another form than the stored one, as of Events of events.k8s.io
    revision: int
    deadline_ms: int
    bookmarks: bool = False
    next_bookmark_ms: int = 0  # -1: the last one has been sent
    initial: str = ""  # "": none due; "list": objects that are there; "marked": these, and a bookmark that ends them
    columns_sent: bool = False  # of a watch as Tables: only the first event says which columns there are
    established: bool = False  # it has been polled: from then on it is sent all there is
    closed: bool = False

    def save(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def load(cls, data: dict[str, Any]) -> Watch:
        return cls(**data)

    def poll(self, server: APIServer) -> list[Event]:
        """What has happened since the last time, in order. After the last event of a watch it is `closed`."""
        if self.closed:
            return []
        info = server.info(self.resource)
        selection = server.selection(info, self.namespace, self.label_selector, self.field_selector, self.second)
        events: list[Event] = []
        try:
            if self.initial:
                events += self._initial(server, info, selection)
            events += self._changes(server, selection)
        except Compacted as error:
            text = f"too old resource version: {self.revision} ({error.compact_revision - 1})"
            events.append(Event("ERROR", obj=gone(text).as_status()))
            self.closed = True
            return events
        self.established = True
        now = server.now_ms
        if self.bookmarks and 0 <= self.next_bookmark_ms <= now:
            events.append(self._bookmark(info))
            last = self.deadline_ms - BOOKMARK_BEFORE_END_MS
            self.next_bookmark_ms = min(now + BOOKMARK_EVERY_MS, last) if now < last else -1
        if now >= self.deadline_ms:
            self.closed = True
        return events

    def _initial(self, server: APIServer, info: ResourceInfo, selection: listing.Selection) -> list[Event]:
        marked, self.initial = self.initial == "marked", ""
        self.revision = server.store.revision
        events = [
            Event("ADDED", record)
            for _, record in server.store.range(selection.prefix)
            if selection.matches(record.value)
        ]
        if marked and self.bookmarks:
            events.append(self._bookmark(info, end=True))
        return events

    def _changes(self, server: APIServer, selection: listing.Selection) -> list[Event]:
        events = []
        store = server.store
        if self.revision >= store.revision:
            return []
        after = self.revision
        if self.established and store.forgotten(selection.prefix) <= after < store.compact_revision:
            after = store.compact_revision  # compaction took nothing that this watch is about
        for change in store.changes(after):
            if not change.key.startswith(selection.prefix):
                continue
            event = _event(server, selection, change.key, change.revision, change.value, change.previous)
            if event is not None:
                events.append(event)
        self.revision = store.revision
        return events

    def _bookmark(self, info: ResourceInfo, *, end: bool = False) -> Event:
        api_version = self.second or info.api_version
        metadata: Obj = {"resourceVersion": str(self.revision)}
        if end:
            metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
        return Event("BOOKMARK", obj={"kind": info.kind, "apiVersion": api_version, "metadata": metadata})


def _event(
    server: APIServer, selection: listing.Selection, key: str, revision: int, value: Obj | None, previous: Obj | None
) -> Event | None:
    is_in = value is not None and selection.matches(value)
    was_in = previous is not None and selection.matches(previous)
    if is_in:
        return Event("MODIFIED" if was_in else "ADDED", server.store.get(key, revision))
    if was_in:
        before = server.history(key, revision - 1)
        return Event("DELETED", before, previous or {}, revision)
    return None


def open_watch(
    server: APIServer, info: ResourceInfo, namespace: str, options: listing.ListOptions, second: str = ""
) -> Watch:
    """A watch as its query asks for it.

    Raises:
        StatusError: 400 for a selector or version that is none, 504 for initial events of a version to come.
    """
    server.selection(info, namespace, options.label_selector, options.field_selector, second)
    wanted = listing.parse_version(options.resource_version)
    now = server.now_ms
    initial = ""
    if options.send_initial_events is not None:
        if wanted > server.store.revision:
            raise listing.too_large(wanted, server.store.revision)
        initial = "marked" if options.send_initial_events else ""
        if not options.send_initial_events and not wanted:
            wanted = server.store.revision
    elif wanted == 0:
        initial = "list"
    timeout = options.timeout_seconds or DEFAULT_TIMEOUT_S
    return Watch(
        info.plural,
        namespace,
        options.label_selector,
        options.field_selector,
        second,
        revision=server.store.revision if initial else wanted,
        deadline_ms=now + timeout * 1000,
        bookmarks=options.allow_watch_bookmarks,
        next_bookmark_ms=now + max(min(BOOKMARK_EVERY_MS, timeout * 1000 - BOOKMARK_BEFORE_END_MS), 0),
        initial=initial,
    )


def error_event(error: StatusError) -> Event:
    return Event("ERROR", obj=error.as_status())
