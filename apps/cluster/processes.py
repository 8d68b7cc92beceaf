"""Processes: what runs together, and stops and starts together."""

from __future__ import annotations

from typing import Any, Protocol

from apps.cluster.apiserver import Actor
from apps.cluster.client import Access, Client, Informers, Problem, Recorder


class Part(Protocol):
    """Something inside a process."""

    @property
    def client(self) -> Client: ...
    @property
    def recorder(self) -> Recorder: ...

    def stop(self) -> None: ...
    def start(self) -> None: ...


class Process:
    """One program, such as kube-controller-manager: its shared informers and the parts that use them.

    Where several machines run the program, this is the one that leads; `node` says where it is.
    """

    def __init__(self, name: str, informers: Informers, parts: list[Any]) -> None:
        self.name = name
        self.informers = informers
        self.parts: list[Part] = parts
        self.running = True
        self.node = ""
        self.access = Access(informers.apiserver, [part.client for part in parts], [part.recorder for part in parts])

    def stop(self) -> None:
        """It dies: what it had in memory is gone, what it wrote stays."""
        if self.running:
            self.running = False
            self.informers.stop()
            self.informers.forget()
            for part in self.parts:
                part.stop()

    def start(self, node: str = "") -> None:
        """It comes back, perhaps on another machine, with empty caches, lists, and watches."""
        if not self.running:
            self.running = True
            if node:
                self._move(node)
            self.access.change(None)
            for part in self.parts:
                part.recorder.flush()
            for part in self.parts:
                part.start()
            self.informers.start()

    def _move(self, node: str) -> None:
        self.node = node
        for part in self.parts:
            part.client.actor = Actor(part.client.actor.component, node)
            part.recorder.move(node)

    def lose(self, problem: Problem) -> None:
        """Its API server does not answer: requests fail, its caches stay as they are."""
        if self.running and self.access.change(problem):
            self.informers.stop()

    def find(self) -> None:
        """It answers again: Events are told, caches are brought up to date."""
        if self.running and self.access.change(None):
            for part in self.parts:
                part.recorder.flush()
            self.informers.start()

    def save(self) -> dict[str, Any]:
        problem = self.access.problem
        return {
            "running": self.running,
            "node": self.node,
            "problem": list(problem) if problem is not None else None,
            "informers": self.informers.save(),
        }

    def load(self, data: dict[str, Any]) -> None:
        self.running = data["running"]
        if data["node"]:
            self._move(data["node"])
        self.access.change(Problem(*data["problem"]) if data["problem"] is not None else None)
        self.informers.load(data["informers"])
