"""Hints by zone for Services that ask for them by annotation: each zone is served by as many endpoints as it has CPU.

Models      staging/src/k8s.io/endpointslice/topologycache (topologycache.go, utils.go, sliceinfo.go)
Leaves out  nothing that shows: where upstream leaves the choice of a zone to chance, the first by name is taken

`TopologyCache` is plain data that the controller saves; everything else is pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any, NamedTuple

from apps.cluster.apimachinery import quantity
from apps.cluster.apimachinery.conditions import is_true
from apps.cluster.apimachinery.meta import EMPTY, Obj, labels_of

ANNOTATION, OLD_ANNOTATION = "service.kubernetes.io/topology-mode", "service.kubernetes.io/topology-aware-hints"
ZONE_LABEL = "topology.kubernetes.io/zone"
EXCLUDED = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
OVERLOAD = 0.2  # how much more than its share an endpoint may be asked to bear
ENABLED, DISABLED = "TopologyAwareHintsEnabled", "TopologyAwareHintsDisabled"
NO_ZONE = "One or more endpoints do not have a zone specified"
NO_HINTS = "No hints allocated for zones"
NOW_ON, NOW_OFF = "Topology Aware Hints has been enabled", "Topology Aware Hints has been disabled"
NO_NODES = "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes"
ONE_ZONE = "Nodes only ready in one zone"
TOO_FEW = "Insufficient number of endpoints"
TOO_MANY = "Unable to allocate minimum required endpoints to each zone without exceeding overload threshold"

Told = tuple[str, str, str]  # an Event: type, reason, message
Counts = dict[str, int]


class Allocation(NamedTuple):
    """How many endpoints are to serve a zone."""

    minimum: int
    desired: float
    maximum: int = 0


@dataclass(slots=True)
class Plan:
    """The slices of one address type: to create, to update, and those that may stay."""

    create: list[Obj]
    update: list[Obj]
    unchanged: list[Obj]
    events: list[Told] = field(default_factory=list)


def enabled(service: Obj) -> bool:
    """Whether the Service's annotation asks for hints."""
    annotations = service["metadata"].get("annotations") or EMPTY
    return annotations.get(OLD_ANNOTATION, annotations.get(ANNOTATION)) in ("Auto", "auto")


def ratios_of(nodes: Iterable[Obj]) -> dict[str, float] | None:
    """Each zone's part of the CPU of the Ready nodes; None where that cannot be told, or there is one zone alone."""
    cpu: Counts = {}
    for node in nodes:
        labels = labels_of(node)
        status = node.get("status") or EMPTY
        if any(name in labels for name in EXCLUDED) or not is_true(status.get("conditions"), "Ready"):
            continue
        zone = labels.get(ZONE_LABEL)
        milli = quantity.milli(str((status.get("allocatable") or EMPTY).get("cpu", "0")))
        if not zone or not milli:
            return None
        cpu[zone] = cpu.get(zone, 0) + milli
    whole = sum(cpu.values())
    return {zone: milli / whole for zone, milli in sorted(cpu.items())} if len(cpu) > 1 else None


def allocations(ratios: Mapping[str, float] | None, count: int) -> tuple[dict[str, Allocation], str]:
    """(what each zone is to get, "") or (nothing, why not)."""
    if ratios is None:
        return {}, NO_NODES
    if len(ratios) < 2:
        return {}, ONE_ZONE
    counted = f"({count} endpoints, {len(ratios)} zones)"
    if len(ratios) > count:
        return {}, f"{TOO_FEW} {counted}"
    found: dict[str, Allocation] = {}
    for zone, ratio in ratios.items():
        desired = ratio * count
        minimum = ceil(desired * (1 / (1 + OVERLOAD)))
        found[zone] = Allocation(minimum, max(desired, float(minimum)))
        if sum(one.minimum for one in found.values()) > count:
            return {}, f"{TOO_MANY} {counted}"
    spare = count - sum(one.minimum for one in found.values())
    return {zone: one._replace(maximum=one.minimum + spare) for zone, one in found.items()}, ""


def most(zones: Mapping[str, float]) -> tuple[str, float]:
    """The zone with the most, "" where none has any."""
    best, number = "", 0.0
    for zone in sorted(zones):
        if zones[zone] > number:
            best, number = zone, zones[zone]
    return best, number


def giving_and_receiving(wanted: Mapping[str, Allocation], hints: Mapping[str, int]) -> tuple[Counts, Counts]:
    """How many endpoints each zone hands to others, and how many it gets from them."""
    surplus = {zone: hints.get(zone, 0) - one.desired for zone, one in wanted.items()}
    give = {zone: left for zone, left in surplus.items() if left > 0}
    take = {zone: -left for zone, left in surplus.items() if left < 0}
    giving: Counts = {}
    receiving: Counts = {}
    while True:
        giver, more = most(give)
        taker, less = most(take)
        if not giver or not taker or (more < 1.0 and less < 1.0) or more < 0.5 or less < 0.5:
            return giving, receiving
        giving[giver] = giving.get(giver, 0) + 1
        receiving[taker] = receiving.get(taker, 0) + 1
        give[giver] -= 1
        take[taker] -= 1


def redistribute(slices: Sequence[Obj], giving: Counts, receiving: Counts) -> tuple[list[Obj], Counts]:
    """(the slices with some hints pointing elsewhere, the change by zone). Uses up `giving` and `receiving`."""
    change: Counts = {}
    out = []
    for one in slices:
        endpoints = []
        for endpoint in one.get("endpoints") or ():
            zone = endpoint.get("zone")
            if is_ready(endpoint) and zone and giving.get(zone) and receiving:
                other = min(receiving)
                endpoint = {**endpoint, "hints": {"forZones": [{"name": other}]}}
                for counts, name in ((giving, zone), (receiving, other)):
                    counts[name] -= 1
                    if not counts[name]:
                        del counts[name]
                change[other] = change.get(other, 0) + 1
                change[zone] = change.get(zone, 0) - 1
            endpoints.append(endpoint)
        out.append({**one, "endpoints": endpoints})
    return out, change


def is_ready(endpoint: Obj) -> bool:
    return bool((endpoint.get("conditions") or EMPTY).get("ready"))


def hints_of(one: Obj, so_far: Mapping[str, int], wanted: Mapping[str, Allocation]) -> Counts | None:
    """The hints of a slice by zone; None where they cannot stay as they are."""
    found: Counts = {}
    for endpoint in one.get("endpoints") or ():
        if not is_ready(endpoint):
            continue
        zones = (endpoint.get("hints") or EMPTY).get("forZones") or ()
        if not zones or any(zone["name"] not in wanted for zone in zones):
            return None
        for zone in zones:
            found[zone["name"]] = found.get(zone["name"], 0) + 1
    if any(number + so_far.get(zone, 0) > wanted[zone].maximum for zone, number in found.items()):
        return None
    return found


def overloaded(hints: Mapping[str, int], ratios: Mapping[str, float] | None) -> bool:
    """Whether a zone has fewer endpoints than it needs at the least."""
    if not hints:
        return False
    if not ratios:
        return True
    count = float(sum(hints.values()))
    return any(
        zone not in hints or hints[zone] < ceil(count * ratio * (1 / (1 + OVERLOAD))) for zone, ratio in ratios.items()
    )


def without_hints(plan: Plan) -> Plan:
    """The plan with every hint taken away, also where nothing else would change."""
    stale = [one for one in plan.unchanged if _bare(one) is not one]
    kept = [one for one in plan.unchanged if _bare(one) is one]
    return Plan([_bare(one) for one in plan.create], [_bare(one) for one in (*plan.update, *stale)], kept, plan.events)


def _bare(one: Obj) -> Obj:
    endpoints = one.get("endpoints") or []
    if not any("hints" in endpoint for endpoint in endpoints):
        return one
    bare = [{name: value for name, value in endpoint.items() if name != "hints"} for endpoint in endpoints]
    return {**one, "endpoints": bare}


class TopologyCache:
    """What is known of the zones, and which Services have hints by zone at present."""

    def __init__(self) -> None:
        self.ratios: dict[str, float] | None = None
        self.services: dict[str, dict[str, Counts]] = {}  # Service key -> address type -> zone -> endpoints
        self.populated: list[str] = []

    def set_nodes(self, nodes: Iterable[Obj]) -> None:
        self.ratios = ratios_of(nodes)

    def overloaded(self) -> list[str]:
        """Services with too few endpoints for a zone."""
        return [
            key
            for key, types in self.services.items()
            if any(overloaded(hints, self.ratios) for hints in types.values())
        ]

    def set_hints(self, key: str, address_type: str, hints: Counts) -> None:
        self.services = {**self.services, key: {**self.services.get(key, {}), address_type: hints}}
        if key not in self.populated:
            self.populated = [*self.populated, key]

    def remove_hints(self, key: str, address_type: str) -> None:
        types = {name: hints for name, hints in self.services.get(key, {}).items() if name != address_type}
        rest = {name: found for name, found in self.services.items() if name != key}
        self.services = {**rest, key: types} if types else rest
        self.populated = [name for name in self.populated if name != key]

    def add_hints(self, key: str, address_type: str, plan: Plan) -> Plan:
        """The plan with hints for zones, or without any and the reason told."""
        everything = (*plan.create, *plan.update, *plan.unchanged)
        count = sum(1 for one in everything for endpoint in one.get("endpoints") or () if is_ready(endpoint))
        wanted, problem = allocations(self.ratios, count)
        if problem:
            return self._give_up(key, address_type, plan, problem)
        hints: Counts = {}
        update, kept = list(plan.update), []
        for one in plan.unchanged:
            found = hints_of(one, hints, wanted)
            if found is None:
                update.append(one)
                continue
            kept.append(one)
            for zone, number in found.items():
                hints[zone] = hints.get(zone, 0) + number
        fresh: list[Obj] = []
        for one in (*plan.create, *update):
            endpoints = []
            for endpoint in one.get("endpoints") or ():
                if is_ready(endpoint):
                    zone = endpoint.get("zone")
                    if not zone:
                        whole = Plan(plan.create, update, kept, plan.events)
                        return self._give_up(key, address_type, whole, NO_ZONE)
                    hints[zone] = hints.get(zone, 0) + 1
                    endpoint = {**endpoint, "hints": {"forZones": [{"name": zone}]}}
                endpoints.append(endpoint)
            fresh.append({**one, "endpoints": endpoints})
        fresh, change = redistribute(fresh, *giving_and_receiving(wanted, hints))
        for zone, number in change.items():
            hints[zone] = hints.get(zone, 0) + number
        new = Plan(fresh[: len(plan.create)], fresh[len(plan.create) :], kept, plan.events)
        if not hints:
            return self._give_up(key, address_type, new, NO_HINTS)
        if key not in self.populated:
            new.events.append(("Normal", ENABLED, f"{NOW_ON}, addressType: {address_type}"))
        self.set_hints(key, address_type, hints)
        return new

    def drop(self, key: str, address_type: str) -> list[Told]:
        """The Service asks for hints no more: what there is to tell."""
        told = [("Warning", DISABLED, f"{NOW_OFF}, addressType: {address_type}")] if key in self.populated else []
        self.remove_hints(key, address_type)
        return told

    def _give_up(self, key: str, address_type: str, plan: Plan, problem: str) -> Plan:
        self.remove_hints(key, address_type)
        plan.events.append(("Warning", DISABLED, f"{problem}, addressType: {address_type}"))
        return without_hints(plan)

    def save(self) -> dict[str, Any]:
        return {"ratios": self.ratios, "services": self.services, "populated": self.populated}

    def load(self, data: dict[str, Any]) -> None:
        self.ratios, self.services, self.populated = data["ratios"], data["services"], data["populated"]
