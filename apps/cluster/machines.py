"""Machines: what Kubernetes runs on, and what a reader may do to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Machine:
    """One computer. `power` is on or off, `network` up or down; capacity as its kubelet will report it.

    `cut`: machines that it cannot reach, nor they it, though both have a network.
    """

    name: str
    role: str = "worker"  # control-plane | worker
    power: str = "on"
    network: str = "up"
    address: str = ""
    cpu: str = "4"
    memory: str = "8Gi"
    pods: int = 110
    cut: tuple[str, ...] = ()
    disk: str = "100Gi"

    def as_dict(self) -> dict[str, Any]:
        return {**{name: getattr(self, name) for name in FIELDS}, "cut": list(self.cut)}

    @classmethod
    def restore(cls, data: Mapping[str, Any]) -> Machine:
        return cls(**{**data, "cut": tuple(data["cut"])})


FIELDS = tuple(field.name for field in fields(Machine))
