"""Processes: what runs together, and stops and starts together."""

from __future__ import annotations

from typing import Any, Protocol

from apps.cluster.client import Informers


class Part(Protocol):
    """Something inside a process."""

    def stop(self) -> None: ...
    def start(self) -> None: ...


class Process:
    """One program, such as kube-controller-manager: its shared informers and the parts that use them."""

    def __init__(self, name: str, informers: Informers, parts: list[Any]) -> None:
        self.name = name
        self.informers = informers
        self.parts = parts
        self.running = True

    def stop(self) -> None:
        """It dies: what it had in memory is gone, what it wrote stays."""
        if self.running:
            self.running = False
            self.informers.stop()
            self.informers.forget()
            for part in self.parts:
                part.stop()

    def start(self) -> None:
        """It comes back with empty caches, lists, and watches."""
        if not self.running:
            self.running = True
            for part in self.parts:
                part.start()
            self.informers.start()

    def save(self) -> dict[str, Any]:
        return {"running": self.running, "informers": self.informers.save()}

    def load(self, data: dict[str, Any]) -> None:
        self.running = data["running"]
        self.informers.load(data["informers"])
