"""Leases: keys that go when their time is up. Events live an hour by one.

Models      etcd server/lease (lessor.go), k8s.io/apiserver storage/etcd3/lease_manager.go: one lease for all that is
            written within a minute, a thousand objects at most
Leaves out  keep-alives and checkpoints; the extra time that a new leader of etcd gives; the limit of 1000 revocations a
            second; leases of anything but Events
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apps.cluster.engine import Engine
from apps.cluster.etcd.store import Store

NAME = "etcd-leases"
EVENT_TTL_S = 3600  # --event-ttl
REUSE_S = 60  # how long one lease serves what is written
MOST_OBJECTS = 1000
RETRY_MS = 10_000  # while no member can write


class Lessor:
    """Grants leases to whoever writes with a time to live, and takes their keys away when it is over."""

    def __init__(
        self,
        engine: Engine,
        store: Store,
        expired: Callable[[list[str]], None],
        serves: Callable[[], bool],
        granted: Callable[[], None] = lambda: None,
    ) -> None:
        self._engine = engine
        self._store = store
        self._expired = expired  # told of the keys that have just gone
        self._serves = serves  # whether etcd can write now
        self._granted = granted  # a grant is an entry of the log, though no revision
        engine.register(NAME, self)

    def lease(self) -> int:
        """A lease for an object that is to live as long as Events do."""
        now = self._engine.now_ms
        last = self._store.last_lease()
        if last is not None:
            id_, granted_ms, count = last
            if now < granted_ms + REUSE_S * 1000 and count < MOST_OBJECTS:
                return id_
        ttl = EVENT_TTL_S + REUSE_S
        self._granted()
        id_ = self._store.grant(ttl, now)
        self._engine.wake(NAME, str(id_), ttl * 1000, quiet=True)
        return id_

    def run(self, key: str) -> None:
        """A lease has run out."""
        if not self._serves():
            self._engine.wake(NAME, key, RETRY_MS, quiet=True)
            return
        keys = self._store.revoke(int(key))
        if keys:
            self._expired(keys)

    def save(self) -> dict[str, Any]:
        return {}

    def load(self, data: Any) -> None:
        """Leases are the store's; the engine's queue remembers when they end."""
