"""Machines: what Kubernetes runs on, and what a reader may do to them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Machine:
    """One computer. `power` is on or off, `network` up or down; capacity as its kubelet will report it."""

    name: str
    role: str = "worker"  # control-plane | worker
    power: str = "on"
    network: str = "up"
    address: str = ""
    cpu: str = "4"
    memory: str = "8Gi"
    pods: int = 110

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in FIELDS}


FIELDS = tuple(field.name for field in fields(Machine))
