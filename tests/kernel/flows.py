"""The same flows through the model and a real kernel: what a client hears, whatever chance decides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import ceil, log
from typing import NamedTuple

from apps.cluster.network.iptables.evaluate import Chance
from apps.cluster.network.machine import World
from apps.cluster.network.packet import Packet
from apps.cluster.network.walk import answer, send
from tests.kernel.build import Built, Question

MOST_WAYS = 200
DOUBT = 1e-7  # how likely it may be that somebody who answers is never heard of
SHORT, LONG = 0.5, 5.0  # seconds to wait where nobody answers; where somebody does, on a busy machine


class Flow(NamedTuple):
    start: str
    address: str
    port: int
    protocol: str = "tcp"


def ways(world: World, flow: Flow) -> Iterator[tuple[float, str]]:
    """All that may happen to a flow, with its probability."""
    taken: list[bool] = []
    for _way in range(MOST_WAYS):
        at = 0
        weight = 1.0

        def chance(probability: float) -> bool:
            nonlocal at, weight
            if at == len(taken):
                taken.append(True)
            happens = taken[at]
            at += 1
            weight *= probability if happens else 1 - probability
            return happens

        heard = _heard(world, flow, chance)
        yield weight, heard
        while taken and not taken[-1]:
            taken.pop()
        if not taken:
            return
        taken[-1] = False
    raise AssertionError(f"{flow}: too many ways")


def _heard(world: World, flow: Flow, chance: Chance) -> str:
    there = send(world, flow.start, Packet("", flow.address, flow.protocol, flow.port), chance)
    if there.end not in ("delivered", "refused"):
        return "no answer"
    # A refusal has to come back as well, and both from whom the client has asked.
    back = answer(world, there, lambda _probability: True)
    if back.end != "delivered" or back.machine != flow.start or back.packet.source != flow.address:
        return "no answer"
    return f"{there.machine} {there.packet.source}" if there.end == "delivered" else "refused"


def modelled(world: World, flow: Flow) -> dict[str, float]:
    """What may be heard, with its probability."""
    found: dict[str, float] = {}
    for weight, heard in ways(world, flow):
        if weight:
            found[heard] = found.get(heard, 0.0) + weight
    return found


def check(world: World, there: Built, flows: Iterable[Flow]) -> None:
    """Each flow from the kernel and from the model; all questions are asked at once."""
    asked = list(flows)
    expected = [modelled(world, flow) for flow in asked]
    questions = [
        Question(flow.start, flow.protocol, flow.address, flow.port, times(those), patience(those))
        for flow, those in zip(asked, expected, strict=True)
    ]
    differs = []
    for flow, those, told in zip(asked, expected, there.ask_all(questions), strict=True):
        heard = set(told)
        if heard == {"unreachable"} and set(those) == {"no answer"}:
            continue  # a program hears so only when its own machine, or the router's ARP, says so in time
        if heard != set(those):
            whom = f"{flow.start} to {flow.protocol} {flow.address}:{flow.port}"
            differs.append(f"{whom}: the kernel {sorted(heard)}, the model {sorted(those)}")
    assert not differs, "\n".join(differs)


def times(expected: dict[str, float]) -> int:
    """How often to ask, so that whoever may answer has done so."""
    if len(expected) == 1:
        return 1
    return ceil(log(DOUBT / len(expected)) / log(1 - min(expected.values())))


def patience(expected: dict[str, float]) -> float:
    return SHORT if "no answer" in expected else LONG
