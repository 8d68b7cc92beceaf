"""The geometry of a packet's way: machines side by side above the network that joins them, or one under the other.

Pure: numbered hops and the world they were in -> where each machine, Pod, interface, hop and wire stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from apps.cluster.network.machine import Machine, World
from apps.diagrams import metrics
from apps.diagrams.graph import Rect
from apps.diagrams.packets import OUTSIDE, Step

ROW = 22
HEAD = 34  # of a machine
POD_HEAD = 30
CHIP = 18
PAD = 12
CABLE = 10  # between a Pod's interface and its other end
GAP = 32  # between columns
OUTSIDER = 184  # width of a column of a machine outside
LEAST = 320  # a node's column; with less room the machines stand under each other
WIRE, PIPE = 32, 54  # heights of a packet on the network, bare and in a tunnel
BETWEEN = 8
STACKED = 744  # machines under each other are no wider
NOWHERE = Rect(0, 0, 0, 0)
INDENT = 24  # of the network, where machines stand under each other


class Wire(NamedTuple):
    """A packet between two machines, over a cable: the hop it left with, and where it went."""

    step: Step
    source: str
    target: str

    @property
    def height(self) -> int:
        return WIRE if self.step.hop.outer is None else PIPE


class Lane(NamedTuple):
    """Hops of one direction in one machine, each with its place, and the line they stand on. `up`: the first lowest."""

    steps: tuple[tuple[Step, Rect], ...]
    x: float
    top: float
    bottom: float
    up: bool
    back: bool


@dataclass(slots=True)
class Box:
    """A machine or a Pod: its hops, and where it stands with its interfaces; of a node, the Pods in it."""

    name: str
    machine: Machine | None
    there: list[Step] = field(default_factory=list)
    back: list[Step] = field(default_factory=list)
    pods: list[Box] = field(default_factory=list)
    rect: Rect = NOWHERE
    lanes: list[Lane] = field(default_factory=list)
    chips: list[tuple[str, Rect]] = field(default_factory=list)
    cables: list[tuple[float, float, float]] = field(default_factory=list)  # x, from y to y

    @property
    def outside(self) -> bool:
        return self.name in OUTSIDE

    @property
    def plug(self) -> tuple[float, float]:
        """Where the machine's cable comes out of it."""
        chip = next((rect for name, rect in self.chips if _kind(self, name) == "ethernet"), self.rect)
        return round(chip.cx), chip.bottom


class Way(NamedTuple):
    """Where everything is. A wire's packet runs forward (rightward, downward) or not; `drops` are cables: x, y, y."""

    boxes: list[Box]
    wires: list[tuple[Wire, Rect, bool]]
    drops: list[tuple[str, float, float, float]]
    bottom: float
    stacked: bool


def home_of(name: str, machines: Mapping[str, Machine]) -> str:
    """The node that a Pod is on; any other machine is at home in itself."""
    machine = machines.get(name)
    if machine is None or machine.kind != "pod":
        return name
    peers = (interface.peer[0] for interface in machine.interfaces.values() if interface.kind == "veth")
    return next((peer for peer in peers if peer in machines), name)


def boxes(steps: Sequence[Step], world: World, also: Sequence[str] = ()) -> list[Box]:
    """The machines on the way in the order in which the packet came to them, Pods within their nodes."""
    machines = world.machines
    found: dict[str, Box] = {}
    for name in (*(step.hop.machine for step in steps), *also):
        home = home_of(name, machines)
        box = found.setdefault(home, Box(home, machines.get(home)))
        if home != name and name not in {pod.name for pod in box.pods}:
            box.pods.append(Box(name, machines.get(name)))
    for step in steps:
        box = found[home_of(step.hop.machine, machines)]
        own = next((pod for pod in box.pods if pod.name == step.hop.machine), box)
        (own.back if step.back else own.there).append(step)
    return list(found.values())


def wires(steps: Sequence[Step], world: World) -> list[Wire]:
    """Every time the packet went from one machine to another over the network."""
    out = []
    for one, other in pairwise(steps):
        source, target = (home_of(step.hop.machine, world.machines) for step in (one, other))
        if one.back == other.back and source != target:
            out.append(Wire(one, source, target))
    return out


def place(steps: Sequence[Step], world: World, width: int, top: float, also: Sequence[str] = ()) -> Way:
    """Everything in its place below `top`. `also`: machines that are shown though the packet did not come to them."""
    found = boxes(steps, world, also)
    crossed = wires(steps, world)
    outside = sum(box.outside for box in found)
    nodes = len(found) - outside
    room = width - GAP * (len(found) - 1) - OUTSIDER * outside
    if len(found) < 2 or not nodes or room / nodes < LEAST:
        return _stacked(found, crossed, width, top)
    return _abreast(found, crossed, room / nodes, top)


def _stacked(found: list[Box], crossed: list[Wire], width: int, top: float) -> Way:
    at = {box.name: number for number, box in enumerate(found)}
    width = min(width, STACKED)
    placed: list[tuple[Wire, Rect, bool]] = []
    y = top
    for number, box in enumerate(found):
        before = [pod for pod in box.pods if _first(pod) <= _first(box)]
        y = _fill(box, Rect(0, y, width, 0), before, upright=False)
        mine = [wire for wire in crossed if min(at[wire.source], at[wire.target]) == number]
        y += 10
        for wire in mine:
            placed.append((wire, Rect(INDENT, y, width - INDENT, wire.height), at[wire.source] < at[wire.target]))
            y += wire.height + BETWEEN
        y += 2
    return Way(found, placed, [], y - 12, True)


def _abreast(found: list[Box], crossed: list[Wire], room: float, top: float) -> Way:
    x, columns = 0.0, []
    for box in found:
        wide = OUTSIDER if box.outside else room
        columns.append(Rect(round(x), top, round(wide), 0))
        x += wide + GAP
    floor = max(_fill(box, rect, box.pods, upright=True) for box, rect in zip(found, columns, strict=True))
    for box, rect in zip(found, columns, strict=True):
        own = _fill(box, rect, box.pods, upright=True)
        if box.outside:  # stands on the floor, no higher than it has to be
            _fill(box, rect._replace(y=top + floor - own), box.pods, upright=True)
        else:
            _fill(box, rect, box.pods, upright=True, floor=floor)
    every = {box.name: box for box in found}
    placed: list[tuple[Wire, Rect, bool]] = []
    lowest: dict[str, float] = {}
    y = floor + 20
    for wire in crossed:
        one, other = every[wire.source].plug[0], every[wire.target].plug[0]
        placed.append((wire, Rect(min(one, other), y, abs(other - one), wire.height), one < other))
        lowest[wire.source] = lowest[wire.target] = y + wire.height / 2
        y += wire.height + BETWEEN
    drops = [(name, *every[name].plug, until) for name, until in lowest.items()]
    return Way(found, placed, drops, y - BETWEEN if crossed else floor, False)


def _first(box: Box) -> int:
    return min((step.number for step in (*box.there, *box.back)), default=0)


def _fill(box: Box, rect: Rect, upper: Sequence[Box], *, upright: bool, floor: float = 0) -> float:
    """Put a machine's inside in place: Pods above, its own hops, Pods below. Gives where it ends.

    `upright`: its cable comes out below, and hops begin at the side where the packet came in. Otherwise the way there
    runs downward and the way back upward. `floor`: where it has to end.
    """
    box.lanes, box.chips, box.cables = [], [], []
    lower = [pod for pod in box.pods if pod not in upper]
    inner = Rect(rect.x + PAD, rect.y + HEAD, rect.w - 2 * PAD, 0)
    y = inner.y
    if upper:
        wide = (inner.w - BETWEEN * (len(upper) - 1)) / len(upper)
        y = max(
            _pod(box, pod, Rect(round(inner.x + n * (wide + BETWEEN)), y, round(wide), 0), below=True)
            for n, pod in enumerate(upper)
        )
    names = own_interfaces(box)
    chips_first = not upright and bool(names) and not upper
    if chips_first:
        y = _chips(box, names, None, y, inner) + 8
    if box.outside:
        high: float = ROW * (len(box.there) + len(box.back)) + (6 if box.there and box.back else 0)
        half = ROW * len(box.there)
        _lane(box, box.there, inner, y, y + half, up=False)
        _lane(box, box.back, inner, y + high - ROW * len(box.back), y + high, up=False)
    else:
        high = ROW * max(len(box.there), len(box.back))
        if floor:
            high = max(high, floor - PAD - CHIP - 8 - y)
        both = bool(box.there and box.back)
        wide = (inner.w - PAD) / 2 if both else inner.w
        up_there = upright and comes_up(box, box.there)
        up_back = comes_up(box, box.back) if upright else True
        _lane(box, box.there, inner._replace(w=wide), y, y + high, up=up_there)
        right = inner._replace(x=inner.right - wide, w=wide)
        _lane(box, box.back, right, y, y + high, up=up_back)
    y += high
    if names and not chips_first:
        y = _chips(box, names, inner.x if box.outside else None, y + 8, inner)
    for pod in lower:
        y = _pod(box, pod, Rect(inner.x, y + 8, inner.w, 0), below=False)
    box.rect = Rect(rect.x, rect.y, rect.w, y + PAD - rect.y)
    return y + PAD


def _pod(box: Box, pod: Box, rect: Rect, *, below: bool) -> float:
    """A Pod with its interface on the edge that looks at its machine, and the cable's other end in the machine.

    Gives where the next thing may stand.
    """
    name = next((i.peer[1] for i in pod.machine.interfaces.values() if i.kind == "veth"), "") if pod.machine else ""
    end, own = chip_width(name), chip_width("eth0")
    cx = round(rect.x + rect.w / 2)
    rows = ROW * max(len(pod.there), len(pod.back), 1)
    high = POD_HEAD + rows + CHIP / 2 + 4
    y = rect.y
    if not below:
        box.chips.append((name, Rect(cx - end / 2, y, end, CHIP)))
        box.cables.append((cx, y + CHIP, y + CHIP + CABLE))
        y += CHIP + CABLE + CHIP / 2
    pod.rect = Rect(rect.x, y, rect.w, high)
    edge = y + high if below else y
    pod.chips = [("eth0", Rect(cx - own / 2, edge - CHIP / 2, own, CHIP))]
    pod.lanes = []
    inner = Rect(rect.x + 16, 0, rect.w - 24, 0)
    both = bool(pod.there and pod.back)
    wide = (inner.w - PAD) / 2 if both else inner.w
    top = y + POD_HEAD + (0 if below else 2)
    for steps, place in ((pod.there, inner), (pod.back, inner._replace(x=inner.right - wide))):
        up = bool(steps) and (steps[0].hop.what == "network.sent") is not below
        _lane(pod, steps, place._replace(w=wide), top, top + rows, up=up)
    if not below:
        return y + high
    far = y + high + CHIP / 2 + CABLE
    box.cables.append((cx, y + high + CHIP / 2, far))
    box.chips.append((name, Rect(cx - end / 2, far, end, CHIP)))
    return far + CHIP + 8


def _lane(box: Box, steps: Sequence[Step], rect: Rect, top: float, bottom: float, *, up: bool) -> None:
    if not steps:
        return
    placed = []
    for number, step in enumerate(steps):
        y = bottom - ROW * (number + 1) if up else top + ROW * number
        placed.append((step, Rect(round(rect.x), round(y), round(rect.w), ROW)))
    box.lanes.append(Lane(tuple(placed), round(rect.x) + 11, top, bottom, up, steps[0].back))


def _chips(box: Box, names: Sequence[str], left: float | None, y: float, inner: Rect | None = None) -> float:
    """Interfaces in a row, from `left` on or in the middle; the cable's in the middle of the row. Gives its end."""
    total = sum(chip_width(name) + 8 for name in names) - 8
    if left is None and inner is not None:
        left = inner.x + (inner.w - total) / 2
    x = round(left or 0)
    for name in names:
        wide = chip_width(name)
        box.chips.append((name, Rect(x, round(y), wide, CHIP)))
        x += wide + 8
    return round(y) + CHIP


def chip_width(name: str) -> int:
    return round(metrics.width(name, 10.5)) + 14


def own_interfaces(box: Box) -> list[str]:
    """The machine's own interfaces that the packet came through, its network card last."""
    used = dict.fromkeys(step.hop.interface for step in (*box.there, *box.back) if step.hop.interface)
    named = [name for name in used if _kind(box, name) in {"ethernet", "ipip", "vxlan"}]
    return sorted(named, key=lambda name: (_kind(box, name) == "ethernet", name))


def _kind(box: Box, name: str) -> str:
    interface = box.machine.interfaces.get(name) if box.machine is not None else None
    return interface.kind if interface is not None else ""


def comes_up(box: Box, steps: Sequence[Step]) -> bool:
    """Whether the packet came in at the cable's side and went on to a Pod or a program."""
    if not steps:
        return False
    first, last = steps[0].hop, steps[-1].hop
    wired = {"ethernet", "ipip", "vxlan"}
    came = first.what != "network.sent" and _kind(box, first.interface) in wired
    gone = last.what == "network.left" and _kind(box, last.interface) in wired
    return came and not gone
