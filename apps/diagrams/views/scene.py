"""What every view needs of a snapshot: states of Pods, whose they are, who acts, what the reader chose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apps.cluster.apimachinery.meta import name_of, namespace_of
from apps.cluster.controlplane import ledger
from apps.cluster.dataplane.agents import AGENTS
from apps.diagrams import metrics, roles, tints, wording
from apps.diagrams import places as places_
from apps.diagrams.graph import Element, Rect, Shape
from apps.diagrams.ids import element_id
from apps.diagrams.narration import controller_name, sentence
from apps.diagrams.options import Options
from apps.diagrams.places import SnapshotLike
from apps.diagrams.states import State, pod_state, ready_condition

Obj = dict[str, Any]

MEMORY = 20_000
_states: dict[str, tuple[Obj, bool, State]] = {}  # ref -> Pod, whether its node is silent, its state


def state_of(ref: str, pod: Obj, node: Obj | None, silent: bool) -> State:
    """`pod_state`, remembered while the Pod is the same object and its node as silent."""
    known = _states.get(ref)
    if known is not None and known[0] is pod and known[1] is silent:
        return known[2]
    state = pod_state(pod, node)
    if len(_states) > MEMORY:
        _states.clear()
    _states[ref] = (pod, silent, state)
    return state


# What was drawn last of a Pod at a place: most Pods of a frame are what they were in the frame before.
_drawn: dict[tuple[str, str, Shape], tuple[Obj, State, str, object, Element]] = {}


def remembered(key: tuple[str, str, Shape], obj: Obj, state: State, marks: str, link: object) -> Element | None:
    """The element made for a Pod when nothing that goes into it has changed."""
    known = _drawn.get(key)
    if known is not None and known[0] is obj and known[1] is state and known[2] == marks and known[3] is link:
        return known[4]
    return None


def remember(
    key: tuple[str, str, Shape], obj: Obj, state: State, marks: str, link: object, element: Element
) -> Element:
    if len(_drawn) > MEMORY:
        _drawn.clear()
    _drawn[key] = (obj, state, marks, link, element)
    return element


class Scene:
    """One snapshot, about to be drawn."""

    def __init__(self, snapshot: SnapshotLike, lang: str, options: Options) -> None:
        self.snapshot = snapshot
        self.lang = lang
        self.options = options
        self.objects = snapshot.objects
        self.places = options.places or places_.start(snapshot)
        self.nodes: dict[str, Obj] = self.objects.get("nodes", {})
        self.pods: dict[str, Obj] = self.objects.get("pods", {})
        self.silent = {name for name, node in self.nodes.items() if ready_condition(node) == "Unknown"}
        self.owners = tints.by_uid(self.places, self.objects)
        self.step = None if options.still else options.step or snapshot.step
        self.hot = self.step.ref if self.step is not None and self.step.rank != "note" else ""
        self.beat = f" on on-{self.step.index % 2}" if self.step is not None else ""
        self.actor = self.step.component if self.step is not None else ""
        self.acting_node = self.step.node if self.step is not None else ""
        self.controller = controller_name(self.actor)
        self.link: Callable[[str], str] = options.link or (lambda _ref: "")
        self._ids: dict[str, str] = {}

    def say(self, message: str, **params: Any) -> str:
        return wording.say(self.lang, message, params)

    def program(self, node: str, name: str) -> str:
        """The state of a program of a machine: running, stopped, down, starting, waiting, serving, leading, standby."""
        internals = getattr(self.snapshot, "internals", None)
        return internals.program(node, name) if internals is not None else ledger.RUNNING

    def agent(self, node: str, name: str) -> str:
        """What kube-proxy or calico-node does on a node: up, cut (it hears of nothing), down, gone; "" for others."""
        network = getattr(self.snapshot, "network", None)
        return network.past.state(node, name) if network is not None and name in AGENTS else ""

    def told(self) -> str:
        """What the acting step says."""
        return sentence(self.step, self.lang) if self.step is not None else ""

    def marks(self, ref: str) -> str:
        """Classes of what the step touches and of what the reader chose, each with a space before it."""
        return (" hot" if ref == self.hot else "") + (" selected" if ref == self.options.focus else "")

    def id_of(self, ref: str) -> str:
        """The element's id; in the rare case that two refs share one, the second gets a letter more."""
        name = element_id(ref)
        owner = self._ids.setdefault(name, ref)
        while owner != ref:
            name += "_"
            owner = self._ids.setdefault(name, ref)
        return name

    def owner_of(self, pod: Obj) -> tuple[str, str]:
        """A Pod's owner: its ref ("" when it has none that is here) and the classes of its tint."""
        return self.owners.get(roles.owner_uid(pod), ("", tints.NOBODY))

    def state(self, ref: str, pod: Obj) -> State:
        name = pod["spec"].get("nodeName", "")
        return state_of(ref, pod, self.nodes.get(name), name in self.silent)

    def pod(self, ref: str, pod: Obj, shape: Shape, room: float) -> Element:
        """A Pod in its place."""
        state = self.state(ref, pod)
        marks = f"{self.owner_of(pod)[1]} st-{state.mark}{self.marks(ref)}"
        ident = self.id_of(ref)
        key = (ref, self.lang, shape)
        link = self.options.link
        known = remembered(key, pod, state, marks, link)
        if known is not None and known.id == ident:
            return known
        name = name_of(pod)
        namespace = namespace_of(pod)
        full = name if namespace == "default" else f"{namespace}/{name}"
        said = self.say(f"state.{state.mark}")
        if state.tag:
            label = self.say("aria.pod-word", name=full, state=said, word=state.word)
        else:
            label = self.say("aria.pod", name=full, state=said)
        tag = tag_text(state.tag, shape.rect)
        text = (roles.short_name(pod, room), tag) if len(shape.texts) == 2 else ("",)
        element = Element(ident, f"k-pod {marks}", shape, text, label=label, href=self.link(ref), ref=ref)
        return remember(key, pod, state, marks, link, element)

    def tile(self, area: str, owner: str, mark: str, members: list[str], shape: Shape) -> Element:
        """Equal Pods as one: ×N. It is touched when one of them is, and leads to their owner."""
        ref, tint = self.owners.get(owner, ("", tints.NOBODY))
        name = ref.rpartition("/")[2]
        marks = "".join(self.marks(member) for member in members if member in (self.hot, self.options.focus))
        text = (f"×{len(members)}", "") if len(shape.texts) == 2 else (f"×{len(members)}",)
        return Element(
            f"{element_id(ref or 'pods/')}-{element_id(area)[4:]}-{mark}",
            f"k-pod k-many {tint} st-{mark}{marks}",
            shape,
            text,
            label=self.say("aria.pods", count=len(members), owner=name, state=self.say(f"state.{mark}")),
            href=self.link(ref) if ref else "",
            ref=ref,
        )


def tag_text(word: str, rect: Rect) -> str:
    """The word under a Pod, as much of it as fits between its neighbours."""
    return metrics.fit(word, rect.w + 6 + len(word) / 4, 10, "sans-500") if word else ""  # tracking is -0.25 px
