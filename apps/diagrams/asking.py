"""The packet that a figure is about: the one that was asked for, or one worth looking at; and what became of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from apps.cluster.apimachinery.meta import name_of, namespace_of
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.dataplane.asks import Ask, Finding, Journey
from apps.cluster.dataplane.dataplane import Dataplane
from apps.cluster.network.machine import World
from apps.diagrams import packets
from apps.diagrams.options import Question
from apps.diagrams.packets import Step
from apps.diagrams.places import SnapshotLike, natural
from apps.diagrams.states import ready_condition

Obj = dict[str, Any]

NOT_FOUND = 404
TRIED = 8  # packets, for one worth showing
SYSTEM = frozenset({"kube-system", "kube-public", "kube-node-lease", "calico-system"})


class Asked(NamedTuple):
    """A question and its answer. `journey` is None where there is no network to ask, or nobody to ask about."""

    question: Question
    suggested: bool
    journey: Journey | None
    world: World
    steps: list[Step]
    missing: str = ""  # what is asked about is not there at this revision

    @property
    def chosen(self) -> Step | None:
        """The hop that the reader looks at."""
        return next((step for step in self.steps if step.number == self.question.hop), None)

    @property
    def for_name(self) -> bool:
        """Whether what is shown is the question to CoreDNS: there was no packet to send."""
        return self.journey is not None and self.journey.there is None and self.journey.dns is not None

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.journey.findings if self.journey is not None else ()

    @property
    def failure(self) -> Step | None:
        """Where the packet, or its answer, came to grief."""
        return next((step for step in self.steps if packets.failed(step)), None)


_last: tuple[SnapshotLike, Question | None, Asked] | None = None  # a figure and the words below it ask the same


def ask(snapshot: SnapshotLike, question: Question | None) -> Asked:
    """Send the packet that was asked for, or the one that is suggested.

    Raises:
        StatusError: 400 for what this cluster cannot be asked.
    """
    global _last
    known = _last
    if known is not None and known[0] is snapshot and known[1] == question:
        return known[2]
    asked = _ask(snapshot, question)
    _last = (snapshot, question, asked)
    return asked


def _ask(snapshot: SnapshotLike, question: Question | None) -> Asked:
    network = getattr(snapshot, "network", None)
    suggested = question is None or not (question.source or question.target)
    whole = question is not None and question.source and question.target
    wanted = question if question is not None and whole else _suggested(snapshot, question)
    if network is None or not wanted.source or not wanted.target:
        return Asked(wanted, suggested, None, World({}), [])
    try:
        journey = network.send(ask_of(wanted))
    except StatusError as error:
        if error.code != NOT_FOUND:
            raise
        return Asked(wanted, suggested, None, World({}), [], _missing(snapshot, wanted))
    # Where no packet could be sent since its name is not known, the question for it is what there is to follow.
    return Asked(wanted, suggested, journey, network.world(), packets.steps(journey.there or journey.dns, journey.back))


def _suggested(snapshot: SnapshotLike, question: Question | None) -> Question:
    """What a question leaves open, filled in with what is suggested."""
    asked = question or Question()
    found = suggestion(snapshot, asked.target)
    wanted = replace(
        asked,
        source=asked.source or found.source,
        target=asked.target or found.target,
        port=asked.port or (0 if asked.target else found.port),
    )
    network = getattr(snapshot, "network", None)
    packet = asked.packet or (_farthest(network, wanted) if network is not None and wanted.target else 0)
    return replace(wanted, packet=packet)


def _farthest(network: Dataplane, question: Question) -> int:
    """Which of the first packets has the way worth showing: through a tunnel, or to another than its sender."""
    best, found = 0, 0
    for number in range(TRIED):
        there = network.send(ask_of(replace(question, packet=number))).there
        if there is None or there.end != "delivered":
            return 0
        tunnel = any(hop.what == "network.encapsulated" for hop in there.hops)
        worth = 2 if tunnel else 1 if there.machine != there.hops[0].machine else 0
        if worth > found:
            best, found = number, worth
        if tunnel:
            break
    return best


def _missing(snapshot: SnapshotLike, question: Question) -> str:
    """The ref that a question names and this revision has not."""
    for ref in (question.source, question.target):
        resource, slash, key = ref.partition("/")
        if slash and key not in snapshot.objects.get(resource, {}):
            return ref
    return question.target


def ask_of(question: Question) -> Ask:
    """The question as the model takes it."""
    return Ask(question.source, question.target, question.port, question.protocol, question.packet, question.size)


def suggestion(snapshot: SnapshotLike, target: str = "") -> Question:
    """A packet worth following: from a Pod to the first Service, rather one of the reader's own; or to `target`."""
    services = snapshot.objects.get("services", {})
    ranked = sorted(services.items(), key=lambda item: (_theirs(item[1]), _rank(item[1]), natural(item[0])))
    key = target.removeprefix("services/") if target else next((key for key, _service in ranked), "")
    spec = (services.get(key) or {}).get("spec") or {}
    ports = spec.get("ports") or ()
    senders = [ref for ref in sources(snapshot) if ref != target]
    source = next(iter(senders), "")
    if source.startswith("pods/"):
        # Rather from a Pod that is not behind the Service: its packet has the longer way.
        own = [ref for ref in senders if ref.startswith("pods/") and ref.split("/")[1] not in SYSTEM]
        source = next((ref for ref in own if not _behind(snapshot, ref, spec.get("selector") or {})), source)
    return Question(source, target or (f"services/{key}" if key else ""), ports[0].get("port", 0) if ports else 0)


def sources(snapshot: SnapshotLike) -> list[str]:
    """Pods that can send, the reader's own first; then the nodes."""
    pods = [
        (_theirs(pod), ready_condition(pod) != "True", natural(key), f"pods/{key}")
        for key, pod in snapshot.objects.get("pods", {}).items()
        if sends(pod)
    ]
    nodes = sorted(snapshot.machines, key=natural)
    return [ref for *_rank, ref in sorted(pods)] + [f"nodes/{name}" for name in nodes]


def sends(pod: Obj) -> bool:
    """Whether a Pod has a network of its own, and an address in it."""
    status = pod.get("status") or {}
    return bool(not pod["spec"].get("hostNetwork") and status.get("podIP") and status.get("phase") == "Running")


def _theirs(obj: Obj) -> bool:
    return namespace_of(obj) in SYSTEM


def _rank(service: Obj) -> int:
    """Services that lead to Pods come first, then what has no selector, then another name for something outside."""
    spec = service.get("spec") or {}
    if spec.get("type") == "ExternalName":
        return 3
    return 2 if name_of(service) == "kubernetes" else 0 if spec.get("selector") else 1


def _behind(snapshot: SnapshotLike, ref: str, selector: dict[str, str]) -> bool:
    pod = snapshot.objects.get("pods", {}).get(ref.partition("/")[2])
    labels = (pod or {}).get("metadata", {}).get("labels") or {}
    return bool(selector) and all(labels.get(name) == value for name, value in selector.items())
