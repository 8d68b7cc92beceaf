"""The scheduler: who waits in which queue, the extension points that one Pod went through, and what came of each node.

A Pod keeps its row for as long as it waits, and goes from queue to queue within it; a node keeps its row for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apps.cluster.apimachinery.meta import name_of, namespace_of
from apps.cluster.scheduler.decision import Decision
from apps.cluster.scheduler.journal import BINDING, Scheduling, Waiting
from apps.diagrams import metrics, roles, shapes, tints
from apps.diagrams.graph import Element, Graph, Rect, Text
from apps.diagrams.ids import element_id, part_id
from apps.diagrams.options import WIDTHS, Options
from apps.diagrams.places import SnapshotLike, natural
from apps.diagrams.views.scene import Scene

Obj = dict[str, Any]

STAGES = (
    "PreEnqueue",
    "QueueSort",
    "PreFilter",
    "Filter",
    "PostFilter",
    "PreScore",
    "Score",
    "Reserve",
    "Permit",
    "PreBind",
    "Bind",
)
LANES = ("active", "backoff", "unschedulable", BINDING)
MIN_ROWS, MAX_ROWS = 3, 6  # of Pods in the queues; who is further back is counted
NODES = 40  # rows of nodes; others are counted
ROW = 30
STAGE_H = 40


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the parts stand. `across`: stages in a row; `lanes`, `nodes`: left and right of both areas."""

    across: int
    lanes: tuple[int, int]
    nodes: tuple[int, int]
    beside: bool


LAYOUTS = {
    "full": Layout(11, (0, 560), (592, 1344), True),
    "wide": Layout(11, (0, 468), (496, 1112), True),
    "medium": Layout(6, (0, 744), (0, 744), False),
    "narrow": Layout(3, (0, 358), (0, 358), False),
}


def build(snapshot: SnapshotLike, lang: str, options: Options) -> Graph:
    """The graph of the scheduler's figure."""
    return _Drawing(Scene(snapshot, lang, options)).graph()


def subject_of(snapshot: SnapshotLike, focus: str) -> str:
    """The Pod that the figure is about: the one chosen, else the one decided about last; "" for none."""
    resource, _, key = focus.partition("/")
    if resource == "pods":
        return key
    scheduling: Scheduling | None = getattr(snapshot, "scheduling", None)
    return scheduling.latest()[1] if scheduling is not None else ""


class _Drawing:
    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.layout = LAYOUTS[scene.options.width]
        self.width = WIDTHS[scene.options.width]
        self.narrow = scene.options.width == "narrow"
        self.scheduling: Scheduling | None = getattr(scene.snapshot, "scheduling", None)
        self.subject = subject_of(scene.snapshot, scene.options.focus)
        self.decision: Decision | None = None
        self.queued: dict[str, Waiting] = {}
        if self.scheduling is not None:
            self.decision = self.scheduling.decision(self.subject) if self.subject else None
            self.queued = {
                one.key: one
                for queue in self.scheduling.queues().values()
                for one in queue
                if not _placed(scene.pods.get(one.key))
            }
        self.roots: list[Element] = []

    def graph(self) -> Graph:
        scene = self.scene
        bottom = self._stages(self._head())
        nodes = self._nodes(bottom + 20)
        lanes = self._lanes(bottom + 20 if self.layout.beside else nodes + 16)
        return Graph(
            view="scheduler",
            lang=scene.lang,
            width=self.width,
            height=int(max(lanes, nodes)) + 2,
            title=scene.say("figure.title-scheduler"),
            roots=self.roots,
            edges=[],
            told=scene.told(),
        )

    # What it is about

    def _head(self) -> float:
        scene, decision = self.scene, self.decision
        running = self.scheduling is None or self.scheduling.running
        words = "kube-scheduler" if running else f"kube-scheduler · {scene.say('figure.stopped')}"
        marks = "" if running else " st-Failed"
        told = self._told()
        if self.narrow:
            texts = (Text(0, 14, "k-fh"), Text(0, 34, "k-say"))
            said = (words, metrics.fit(told, self.width, 12, "sans"))
        else:
            start = 12 + metrics.width(words, 12)
            texts = (Text(0, 14, "k-fh"), Text(start, 14, "k-say"))
            said = (words, metrics.fit(told, self.width - start, 12, "sans"))
        self.roots.append(
            Element(
                "fig-scheduling",
                f"k-said{marks}",
                shapes.words(texts),
                said,
                label=f"{words}: {told}" if told else words,
                href=scene.link(f"pods/{self.subject}") if decision is not None and self.subject else "",
            )
        )
        return 46 if self.narrow else 28

    def _told(self) -> str:
        """The whole decision in one line."""
        scene, decision = self.scene, self.decision
        if not self.subject:
            return scene.say("figure.sched-nothing")
        name = self.subject.partition("/")[2] if self.subject.startswith("default/") else self.subject
        if decision is None:
            waiting = self.queued.get(self.subject)
            if waiting is not None:
                said = "figure.sched-gated" if waiting.gate else "figure.sched-not-yet"
                return scene.say(said, pod=name, plugin=waiting.gate)
            return scene.say("figure.sched-never", pod=name)
        about = {"pod": name, "attempt": decision.attempt, "feasible": decision.feasible, "nodes": decision.nodes}
        if decision.chosen:
            if not decision.scores:
                return scene.say("figure.sched-only", node=decision.chosen, **about)
            ties = len(decision.ties)
            said = "figure.sched-tie" if ties > 1 else "figure.sched-best"
            return scene.say(said, node=decision.chosen, score=decision.score, ties=ties, **about)
        if decision.nominated:
            return scene.say("figure.sched-preempts", node=decision.nominated, victims=len(decision.victims), **about)
        return scene.say("figure.sched-none", **about)

    # Extension points

    def _stages(self, top: float) -> float:
        across, gap = self.layout.across, 8
        w = (self.width - gap * (across - 1)) // across
        done = self._outcomes()
        children: list[Element] = []
        lines = -(-len(STAGES) // across)
        acting = self._acting(done)
        for number, name in enumerate(STAGES):
            rect = Rect((number % across) * (w + gap), top + (number // across) * (STAGE_H + 8), w, STAGE_H)
            marks, said = done.get(name, ("v-none", ""))
            marks += " hot" if name == acting else ""
            label = f"{name}: {said}" if said else name
            children.append(
                Element(
                    part_id("stage", name),
                    f"k-stage {marks}",
                    shapes.stage(rect),
                    (name, metrics.fit(said, w - 14, 10.5, "sans")),
                    label=label,
                )
            )
        for line in range(lines):
            last = min(across, len(STAGES) - line * across) * (w + gap) - gap
            y = top + line * (STAGE_H + 8) + STAGE_H / 2
            self.roots.append(Element(f"fig-stages-{line}", "k-note", shapes.chain(((0, y), (last, y)))))
        self.roots += children
        return top + lines * (STAGE_H + 8) - 8

    def _acting(self, done: dict[str, tuple[str, str]]) -> str:
        """The stage at which the acting step came about: the last that did anything."""
        step = self.scene.step
        if step is None or step.component != "kube-scheduler" or step.ref != f"pods/{self.subject}":
            return ""
        return next(
            (name for name in reversed(STAGES) if done.get(name, ("v-skip",))[0] not in ("v-skip", "v-none")), ""
        )

    def _outcomes(self) -> dict[str, tuple[str, str]]:
        """Extension point -> its classes, and what came of it."""
        scene, decision = self.scene, self.decision
        waiting = self.queued.get(self.subject)
        if decision is None:
            if waiting is None:
                return {}
            gate = ("v-no", waiting.gate) if waiting.gate else ("v-yes", "")
            return {"PreEnqueue": gate}
        done = {"PreEnqueue": ("v-yes", ""), "QueueSort": ("v-yes", "PrioritySort")}
        if decision.evaluated == 0:
            plugins = ", ".join(decision.rejected_by)
            done["PreFilter"] = ("v-no", plugins or scene.say("figure.sched-no-nodes"))
            return done
        done["PreFilter"] = ("v-yes", "")
        passed = scene.say("figure.sched-of", count=decision.feasible, total=decision.evaluated)
        done["Filter"] = ("v-yes" if decision.feasible else "v-no", passed)
        if not decision.chosen:
            said = decision.nominated or scene.say("figure.sched-no-help")
            done["PostFilter"] = ("v-yes" if decision.nominated else "v-no", said)
            return done
        done["PostFilter"] = ("v-skip", "")
        if decision.scores:
            plugins = scene.say("figure.sched-plugins", count=len(decision.scores[0].scores))
            done["PreScore"], done["Score"] = ("v-yes", ""), ("v-yes", plugins)
        elif decision.feasible > 1:
            done["PreScore"], done["Score"] = ("v-yes", ""), ("v-yes", str(decision.score))
        else:
            done["PreScore"] = done["Score"] = ("v-skip", scene.say("figure.sched-single"))
        done["Reserve"], done["Permit"] = ("v-yes", decision.chosen), ("v-yes", "")
        bound = _placed(scene.pods.get(self.subject))
        if waiting is not None and waiting.where == BINDING and not bound:
            done["PreBind"] = ("v-now", scene.say("figure.sched-volumes"))
        else:
            done["PreBind"] = ("v-yes", "")
            if bound:
                done["Bind"] = ("v-pick", decision.chosen)
        return done

    # Queues

    def _lanes(self, top: float) -> float:
        scene = self.scene
        seats = scene.places.by_node
        rows = min(max(seats.high.get("", 0), MIN_ROWS), MAX_ROWS)
        left, right = self.layout.lanes
        gap = 6 if self.narrow else 8
        w = (right - left - gap * (len(LANES) - 1)) // len(LANES)
        height = 34 + ROW * rows + 24
        members: dict[str, list[tuple[int, Element]]] = {lane: [] for lane in LANES}
        shown: set[str] = set()
        for occupant, seat in seats.seats.get("", {}).items():
            if seat >= rows:
                continue
            for number, lane in enumerate(LANES):
                x = left + number * (w + gap)
                rect = Rect(x + 6, top + 34 + ROW * seat, w - 12, 24)
                if isinstance(occupant, str):
                    waiting = self._waits(occupant)
                    if waiting is not None and _lane(waiting) == lane:
                        members[lane].append((seat, self._pod(occupant, waiting, rect)))
                        shown.add(occupant)
                    continue
                crowd = [
                    ref
                    for ref in seats.crowds.get(("", occupant[0]), {}).get(occupant[1], {})
                    if (one := self._waits(ref)) is not None and _lane(one) == lane
                ]
                if crowd:
                    members[lane].append((seat, self._tile(occupant, lane, crowd, rect)))
                    shown.update(crowd)
        for number, lane in enumerate(LANES):
            rect = Rect(left + number * (w + gap), top, w, height)
            here = [f"pods/{key}" for key, one in self.queued.items() if _lane(one) == lane]
            more = sum(1 for ref in here if ref not in shown)
            self.roots.append(
                self._lane(lane, rect, len(here), more, [e for _, e in sorted(members[lane], key=_first)])
            )
        return top + height

    def _waits(self, ref: str) -> Waiting | None:
        return self.queued.get(ref.partition("/")[2])

    def _lane(self, lane: str, rect: Rect, count: int, more: int, pods: list[Element]) -> Element:
        scene = self.scene
        x, y, w, h = rect
        edge = 6 if self.narrow else 8  # on the phone the count stands under the name's end
        title = metrics.fit(
            scene.say(f"figure.queue-{lane}"), w - 2 * edge - (0 if self.narrow else 10), 11, "sans-500"
        )
        texts = (
            Text(x + edge, y + 20, "k-lh"),
            Text(x + w - edge, y + (h - 9 if self.narrow else 20), "k-num", "end"),
            Text(x + edge, y + h - 9, "k-fs"),
        )
        said = (
            title,
            str(count) if count else "",
            metrics.fit(scene.say("figure.more", count=more), w - 12, 11, "sans") if more else "",
        )
        label = scene.say("aria.queue", queue=scene.say(f"figure.queue-{lane}"), count=count)
        words = Element(f"fig-queue-{lane}-words", "k-note", shapes.words(texts), said)
        frame = Element(f"fig-queue-{lane}", "k-lane", shapes.box(rect, "k-f", 4), label=label)
        frame.children = [words, *pods]
        return frame

    def _pod(self, ref: str, waiting: Waiting, rect: Rect) -> Element:
        scene = self.scene
        pod = scene.pods[waiting.key]
        name = name_of(pod)
        namespace = namespace_of(pod)
        full = name if namespace == "default" else f"{namespace}/{name}"
        attempts = f"{waiting.attempts}×" if waiting.attempts else ""
        room = rect.w - 18 - (metrics.width(attempts, 11) + 6 if attempts else 4)
        picked = " picked" if waiting.key == self.subject else ""
        return Element(
            scene.id_of(ref),
            f"k-pod k-queued {scene.owner_of(pod)[1]}{scene.marks(ref)}{picked}",
            shapes.waiting(rect),
            (roles.short_name(pod, room), attempts),
            label=scene.say("aria.queued", name=full, attempts=waiting.attempts),
            href=scene.link(ref),
            ref=ref,
        )

    def _tile(self, occupant: tuple[str, str], lane: str, members: list[str], rect: Rect) -> Element:
        scene = self.scene
        ref, tint = scene.owners.get(occupant[0], ("", tints.NOBODY))
        hot = "".join(scene.marks(member) for member in members if member in (scene.hot, scene.options.focus))
        picked = " picked" if f"pods/{self.subject}" in members else ""
        return Element(
            f"{element_id(ref or 'pods/')}-{lane}",
            f"k-pod k-queued k-many {tint}{hot}{picked}",
            shapes.waiting(rect),
            (f"×{len(members)}", ""),
            label=scene.say(
                "aria.pods", count=len(members), owner=ref.rpartition("/")[2], state=_queue_word(scene, lane)
            ),
            href=scene.link(ref) if ref else "",
            ref=ref,
        )

    # Nodes

    def _nodes(self, top: float) -> float:
        scene, decision = self.scene, self.decision
        left, right = self.layout.nodes
        cells = scene.places.cells
        planes = [name for name, node in scene.nodes.items() if roles.is_control_plane(node) and name not in cells]
        control = sorted(planes, key=natural)
        rows = {name: row for row, name in enumerate(control)}
        rows.update({name: len(control) + cell for name, cell in scene.places.cells.items()})
        count = len(control) + scene.places.size
        title = scene.say("figure.sched-nodes")
        height = 34 + ROW * min(count, NODES) + 24
        frame = Element(
            "fig-verdicts", "k-lane", shapes.box(Rect(left, top, right - left, height), "k-f", 4), label=title
        )
        texts = (Text(left + 12, top + 20, "k-lh"), Text(right - 12, top + 20, "k-fs", "end"))
        points = scene.say("figure.sched-points") if decision is not None and decision.scores else ""
        frame.children.append(Element("fig-verdicts-words", "k-note", shapes.words(texts), (title, points)))
        most = max((node.total for node in decision.scores), default=0) if decision is not None else 0
        for name, row in sorted(rows.items(), key=lambda item: item[1]):
            if row < NODES:
                rect = Rect(left + 8, top + 34 + ROW * row, right - left - 16, ROW)
                frame.children += self._node(name, rect, most)
        text = Text(left + 12, top + height - 9, "k-fs")
        left_out = scene.say("figure.more", count=count - NODES) if count > NODES else self._footnote()
        said = metrics.fit(left_out, right - left - 24, 11, "sans")
        frame.children.append(Element("fig-verdicts-more", "k-note", shapes.words((text,)), (said,)))
        self.roots.append(frame)
        return top + height

    def _footnote(self) -> str:
        decision = self.decision
        if decision is None:
            return ""
        if decision.evaluated and not decision.verdicts:
            return self.scene.say("figure.sched-large")
        ties = len(decision.ties)
        if decision.chosen and ties > 1:
            return self.scene.say("figure.sched-chance", ties=ties)
        return ""

    def _node(self, name: str, rect: Rect, most: int) -> list[Element]:
        scene, decision = self.scene, self.decision
        ref = f"nodes/{name}"
        verdict = next((v for v in decision.verdicts if v.node == name), None) if decision is not None else None
        score = next((s for s in decision.scores if s.node == name), None) if decision is not None else None
        chosen = decision is not None and decision.chosen == name
        nominated = decision is not None and decision.nominated == name
        marks, said, number = "v-none", "", ""
        if chosen:
            marks = "v-pick"
            said = "" if score is not None else scene.say("figure.sched-taken")
        elif verdict is not None:
            marks = "v-yes" if verdict.passed else "v-no"
            said = "" if verdict.passed else f"{verdict.plugin}: {', '.join(verdict.reasons)}"
        elif decision is not None:
            said = scene.say("figure.sched-not-looked") if decision.verdicts else ""
        if nominated and decision is not None:
            marks, said = "v-pick", scene.say("figure.sched-victims", pods=", ".join(_short(decision.victims)))
        if score is not None:
            number = str(score.total)
        x, y, w, h = rect
        names = 128 if not self.narrow else 112
        bar_at = x + 26 + names
        room = w - 26 - names - 8
        texts = (
            Text(x + 26, y + h / 2 + 4, "k-nm"),
            Text(bar_at, y + h / 2 + 4, "k-fs"),
            Text(x + w - 4, y + h / 2 + 4, "k-num", "end"),
        )
        label = scene.say("aria.verdict", node=name, verdict=self._verdict(marks, said, number))
        row = Element(
            scene.id_of(ref),
            f"k-row {marks}{scene.marks(ref)}",
            shapes.ruled(rect, texts),
            (metrics.fit(name, names - 8, 11.5), metrics.fit(said, room, 11, "sans"), number),
            label=label,
            href=scene.link(ref),
            ref=ref,
        )
        if score is None or not most:
            return [row]
        filled = round((room - 52) * score.total / most)
        bar = shapes.bar(bar_at, y + h / 2, filled)
        return [row, Element(part_id("points", name), f"k-note {marks}", bar)]

    def _verdict(self, marks: str, said: str, number: str) -> str:
        scene = self.scene
        words = {"v-pick": "sched-chosen", "v-yes": "sched-passed", "v-no": "sched-refused"}
        told = scene.say(f"figure.{words[marks]}") if marks in words else scene.say("figure.sched-not-looked")
        return ", ".join(word for word in (told, said if marks != "v-none" else "", number) if word)


def _placed(pod: Obj | None) -> bool:
    """It has a node, or is gone."""
    return pod is None or bool(pod["spec"].get("nodeName"))


def _lane(waiting: Waiting) -> str:
    return "backoff" if waiting.where == "error-backoff" else waiting.where


def _queue_word(scene: Scene, lane: str) -> str:
    return scene.say(f"figure.queue-{lane}")


def _first(item: tuple[int, Element]) -> int:
    return item[0]


def _short(keys: tuple[str, ...]) -> list[str]:
    return [key.removeprefix("default/") for key in keys]
