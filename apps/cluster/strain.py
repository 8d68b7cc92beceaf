"""What a reader does to machines and images besides switching and cutting: filling, shutting down, pushing.

A full disk and a full memory are things of a machine, a pushed image is one of the registry: no API server is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from apps.cluster.apimachinery.status import StatusError, bad_request, not_found
from apps.cluster.engine import Engine
from apps.cluster.kubelet import Kubelet
from apps.cluster.kubelet.images import normalize
from apps.cluster.kubelet.registry import FIELDS, Registry
from apps.cluster.kubelet.registry import NAME as REGISTRY
from apps.cluster.machines import Machine

NAME = "strain"
MIB = 1 << 20
MOST_MIB = 10_000_000
FILLS = {
    "fill-disk": ("disk", 1),
    "free-disk": ("disk", -1),
    "use-memory": ("memory", 1),
    "free-memory": ("memory", -1),
}
SHUT_DOWN = "shut-down"
DEFAULT_SECONDS, MOST_SECONDS = 30, 3_600  # shutdownGracePeriod
LAST_WORDS_MS = 1_000  # from the end of the last Pod until the machine is off
PURGE = "purge"


class Plant(Protocol):
    """What is needed of a cluster."""

    @property
    def engine(self) -> Engine: ...
    @property
    def machines(self) -> Mapping[str, Machine]: ...
    @property
    def kubelets(self) -> dict[str, Kubelet]: ...
    def power(self, name: str, *, on: bool) -> None: ...


class Strain:
    """Registered with the engine as `strain`: a machine that was asked to shut down goes off when its Pods are gone."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant
        plant.engine.register(NAME, self)

    def node(self, verb: str, name: str, command: Mapping[str, Any]) -> None:
        """Fill the disk or the memory of a machine, give it back, or ask the machine to shut down.

        Raises: StatusError 404 for no such machine, 409 when it is off, 400 for a bad amount.
        """
        machine = self._plant.machines.get(name)
        if machine is None:
            raise not_found("machines", name)
        kubelet = self._plant.kubelets.get(name)
        if machine.power != "on" or kubelet is None:
            raise StatusError(409, "Conflict", f'machine "{name}" is switched off')
        if verb == SHUT_DOWN:
            self._shut_down(name, kubelet, int(command.get("seconds", DEFAULT_SECONDS)))
            return
        mib = command.get("mib")
        if not isinstance(mib, int) or not 1 <= mib <= MOST_MIB:
            raise bad_request(f"node {verb}: mib must be between 1 and {MOST_MIB}")
        resource, sign = FILLS[verb]
        self._note(verb, name, {"name": name, "mib": mib})
        kubelet.pressure.fill(resource, sign * mib * MIB)

    def _shut_down(self, name: str, kubelet: Kubelet, seconds: int) -> None:
        self._note(SHUT_DOWN, name, {"name": name, "seconds": seconds})
        takes_ms = kubelet.shut_down(seconds)
        self._plant.engine.wake(NAME, name, min(takes_ms + LAST_WORDS_MS, seconds * 1000))

    def run(self, key: str) -> None:
        machine = self._plant.machines.get(key)
        if machine is not None and machine.power == "on":
            self._plant.power(key, on=False)

    def push(self, command: Mapping[str, Any]) -> None:
        """Somebody pushes another image. Nodes keep what they have until they pull again; `purge` makes them forget it.

        Raises: StatusError 400 for a field that is unknown or out of bounds, or before there is a cluster.
        """
        registry = self._plant.engine.component(REGISTRY)
        if not isinstance(registry, Registry):
            raise bad_request("image: there is no cluster yet")
        said = {field: value for field, value in command.items() if field in FIELDS}
        name = registry.push(command["name"], said)
        what = ", ".join(f"{field}={_spoken(value)}" for field, value in said.items()) or "-"
        engine = self._plant.engine
        engine.note("machine", "", "push", f"images/{name}", "machine.push", {"image": name, "what": what})
        if command.get(PURGE):
            for node, kubelet in self._plant.kubelets.items():
                if normalize(name) in kubelet.runtime.images:
                    kubelet.runtime.remove_image(name, PURGE)
                    self._note(PURGE, node, {"name": node, "image": name})

    def _note(self, verb: str, node: str, params: dict[str, Any]) -> None:
        self._plant.engine.note("machine", node, verb, f"nodes/{node}", f"machine.{verb}", params)

    def save(self) -> None:
        """It keeps nothing of its own."""

    def load(self, data: Any) -> None:
        """Nothing to go on from."""


def _spoken(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
