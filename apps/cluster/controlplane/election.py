"""Leader election through Leases: of several kube-controller-managers (or schedulers) one acts.

Models      client-go tools/leaderelection (leaderelection.go, resourcelock/leaselock.go) with the settings of
            kube-controller-manager and kube-scheduler: 15 s lease, 10 s renew deadline, 2 s retry period
Leaves out  coordinated leader election; a standby's look at the lease every few seconds shows in when it takes over,
            not as turns; where there is no other candidate, one renewal in five is written
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Protocol
from zlib import crc32

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apimachinery.timestamps import format_micro
from apps.cluster.apiserver import APIServer
from apps.cluster.client import Client, Recorder
from apps.cluster.engine import Engine

Obj = dict[str, Any]

NAMESPACE = "kube-system"
LEASE_MS, RENEW_DEADLINE_MS, RETRY_MS = 15_000, 10_000, 2_000
JITTER_MS = 2_400  # a standby looks every RETRY_MS and up to so much more
ALONE_EVERY = 5  # renewals of which one is written while nobody else waits
RENEW, DEADLINE, ATTEMPT = "renew", "deadline", "attempt"
EVENT_SOURCES = {"kube-scheduler": "default-scheduler"}  # the scheduler records in its profile's name


class Office(Protocol):
    """What an election needs of the control plane."""

    def can_write(self, node: str) -> bool:
        """Whether a control-plane program on that machine reaches an API server that can write."""
        ...

    def sees(self, node: str) -> bool:
        """Whether it reaches an API server that can read."""
        ...

    def lead(self, name: str, node: str) -> None: ...
    def lost(self, name: str, node: str) -> None: ...


class Election:
    """One lock: who are candidates on which machine, who holds the lease. The lease itself is in the API server."""

    def __init__(
        self, engine: Engine, apiserver: APIServer, name: str, office: Office, wake: Callable[..., None]
    ) -> None:
        self._engine = engine
        self._apiserver = apiserver
        self._office = office
        self._wake = wake  # key, delay_ms, quiet
        self.name = name
        self.leader = ""  # the machine whose process leads
        self.candidates: dict[
            str, list[Any]
        ] = {}  # machine -> identity, since when it can see the lease (-1: it cannot)
        self.renewed_ms = 0  # when the lease was last renewed, written or not
        self.failing_ms = -1  # since when the leader cannot renew it
        self._round = 0  # tells this round of renewals from earlier ones
        self._joined = 0  # processes that have been candidates
        self._attempts: dict[str, int] = {}  # machine -> when it will try, so that it is not asked twice

    # ---- what happens to the processes ----------------------------------------------------------

    def join(self, node: str) -> None:
        """A process has started on a machine: it is a candidate under a name of its own."""
        self._joined += 1
        text = sha256(f"{self.name}/{node}/{self._engine.now_ms}/{self._joined}".encode()).hexdigest()
        identity = f"{node}_{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:32]}"
        self.candidates[node] = [identity, -1]
        self.review()

    def leave(self, node: str) -> None:
        """Its process is gone. If it led, nobody does until the lease has run out."""
        self.candidates.pop(node, None)
        self._attempts.pop(node, None)
        if node == self.leader:
            if self.failing_ms < 0:
                self._account()
            self.leader = ""
            self.failing_ms = -1
        self.review()

    def review(self) -> None:
        """Look at who can write now: called whenever that may have changed."""
        now = self._engine.now_ms
        for node, candidate in self.candidates.items():
            if candidate[1] < 0 and self._office.sees(node):
                candidate[1] = now
        if self.leader:
            if self._office.can_write(self.leader):
                if self.failing_ms >= 0:
                    self.failing_ms = -1
                    self._renew()
                return
            if self.failing_ms < 0:
                self._account()
                self.failing_ms = now
                wait = max(0, self.renewed_ms + RENEW_DEADLINE_MS - now)
                self._wake(f"{DEADLINE} {self.name} {self.leader}", wait, quiet=False)
        self._plan()

    # ---- turns ---------------------------------------------------------------------------------

    def turn(self, what: str, node: str) -> None:
        if what == RENEW and node == str(self._round):
            self._renew()
        elif what == DEADLINE:
            self._give_up(node)
        elif what == ATTEMPT and self._attempts.get(node) == self._engine.now_ms:
            del self._attempts[node]
            self._attempt(node)

    def _plan(self) -> None:
        """Every standby tries when it thinks that the lease has run out."""
        now = self._engine.now_ms
        lease = self._lease()
        for node, (_, since) in self.candidates.items():
            if node == self.leader or since < 0 or not self._office.can_write(node):
                continue
            if lease is None or not lease["spec"]["holderIdentity"]:
                due = now
            else:
                seen = max(since, self.renewed_ms)
                due = max(now, seen + LEASE_MS) + crc32(f"{node}/{self.name}/{seen}".encode()) % JITTER_MS
            waiting = self._attempts.get(node)
            if waiting is None or waiting < now or waiting > due:
                self._attempts[node] = due
                self._wake(f"{ATTEMPT} {self.name} {node}", due - now, quiet=False)

    def _attempt(self, node: str) -> None:
        candidate = self.candidates.get(node)
        if candidate is None or self.leader or not self._office.can_write(node):
            return
        if not self._write(node, take=True):
            self._plan()

    def _renew(self) -> None:
        """The leader says again that it is there."""
        node = self.leader
        if not node or not self._office.can_write(node):
            return
        alone = len(self.candidates) < 2
        if self._write(node):
            self._schedule(RETRY_MS * (ALONE_EVERY if alone else 1))

    def _schedule(self, wait_ms: int) -> None:
        self._round += 1
        self._wake(f"{RENEW} {self.name} {self._round}", wait_ms, quiet=True)

    def _account(self) -> None:
        """Renewals that were not written, though they took place, up to now."""
        elapsed = self._engine.now_ms - self.renewed_ms
        self.renewed_ms += elapsed - elapsed % RETRY_MS

    def _give_up(self, node: str) -> None:
        """Ten seconds without a renewal: the leader stops leading, and its process ends."""
        if node != self.leader or self.failing_ms < 0:
            return
        if self._engine.now_ms < self.renewed_ms + RENEW_DEADLINE_MS:
            return
        identity = self.candidates[node][0]
        self.leader = ""
        self.failing_ms = -1
        self._engine.note(self.name, node, "stop-leading", f"nodes/{node}", "election.lost", {"identity": identity})
        self._office.lost(self.name, node)
        self.review()

    # ---- the lease -----------------------------------------------------------------------------

    def _lease(self) -> Obj | None:
        return self._apiserver.tables.get("leases", {}).get(f"{NAMESPACE}/{self.name}")

    def _write(self, node: str, *, take: bool = False) -> bool:
        """Create, take over or renew the lease; whoever takes it begins to lead."""
        now = self._engine.now_ms
        client = Client(self._apiserver, self.name, node)
        identity = self.candidates[node][0]
        lease = self._lease()
        spec: Obj = {
            "holderIdentity": identity,
            "leaseDurationSeconds": LEASE_MS // 1000,
            "acquireTime": format_micro(now),
            "renewTime": format_micro(now),
            "leaseTransitions": 0,
        }
        try:
            if lease is None:
                metadata = {"name": self.name, "namespace": NAMESPACE}
                lease = client.create(
                    "leases", {"metadata": metadata, "spec": spec}, why="election.acquire", name=self.name
                )
            else:
                old = lease["spec"]
                if old["holderIdentity"] == identity:
                    spec["acquireTime"], spec["leaseTransitions"] = old["acquireTime"], old["leaseTransitions"]
                else:
                    spec["leaseTransitions"] = old.get("leaseTransitions", 0) + 1
                why = "election.acquire" if take else "heartbeat.leader"
                lease = client.update("leases", {**lease, "spec": spec}, why=why, name=self.name)
        except StatusError:
            return False
        self.renewed_ms = now
        if take:
            self.leader = node
            self.failing_ms = -1
            self._attempts.clear()
            source = EVENT_SOURCES.get(self.name, self.name)
            Recorder(self._engine, client, source, node).event(
                lease, "Normal", "LeaderElection", f"{identity} became leader"
            )
            self._office.lead(self.name, node)
            self._schedule(RETRY_MS)
        return True

    # ---- saving --------------------------------------------------------------------------------

    def save(self) -> dict[str, Any]:
        return {
            "leader": self.leader,
            "candidates": {node: list(candidate) for node, candidate in self.candidates.items()},
            "renewed_ms": self.renewed_ms,
            "failing_ms": self.failing_ms,
            "round": self._round,
            "joined": self._joined,
            "attempts": dict(self._attempts),
        }

    def load(self, data: Mapping[str, Any]) -> None:
        self.leader = data["leader"]
        self.candidates = {node: list(candidate) for node, candidate in data["candidates"].items()}
        self.renewed_ms = data["renewed_ms"]
        self.failing_ms = data["failing_ms"]
        self._round, self._joined = data["round"], data["joined"]
        self._attempts = dict(data["attempts"])
