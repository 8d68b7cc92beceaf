"""kube-apiserver: the way of this step's request through its stages, from who asked to what etcd wrote.

Every stage keeps its place, whatever is said in it; what does not fit is in the words beside the figure.
"""

from __future__ import annotations

from collections.abc import Sequence

from apps.cluster.apiserver import chain as chain_
from apps.cluster.apiserver.chain import Line, Stage
from apps.diagrams import metrics, shapes, wording
from apps.diagrams.graph import Element, Graph, Rect, Text
from apps.diagrams.ids import part_id
from apps.diagrams.narration import asks, request_of, who
from apps.diagrams.options import WIDTHS, Options
from apps.diagrams.places import SnapshotLike
from apps.diagrams.views.scene import Scene

LINE = 17
NAMES = 150  # width of the column with the stages' names
SLOTS = {
    "authentication": (2, 3),
    "authorization": (2, 4),
    "mutating": (4, 5),
    "schema": (4, 5),
    "validating": (2, 3),
    "etcd": (2, 3),
}  # lines of words: on the desk, on the phone
EMPTY = tuple(Stage(name, ()) for name in chain_.STAGES)


def build(snapshot: SnapshotLike, lang: str, options: Options) -> Graph:
    """The graph of the API server's figure."""
    return _Drawing(Scene(snapshot, lang, options)).graph()


def said(line: Line, lang: str) -> str:
    """One line of a stage in a language."""
    return wording.say(lang, line.message, line.params)


def wrapped(texts: Sequence[str], room: float, most: int) -> list[str]:
    """Texts broken into lines that fit, at most `most`; the last says by an ellipsis that there was more."""
    out: list[str] = []
    for text in texts:
        line = ""
        for word in text.split(" "):
            longer = f"{line} {word}" if line else word
            if metrics.width(longer, 11.5, "sans") <= room or not line:
                line = longer
            else:
                out.append(line)
                line = word
        out.append(line)
    out = [metrics.fit(line, room, 11.5, "sans") for line in out]
    if len(out) > most:
        out = out[:most]
        out[-1] = metrics.fit(out[-1] + " …", room, 11.5, "sans") if not out[-1].endswith("…") else out[-1]
    return out


class _Drawing:
    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.width = WIDTHS[scene.options.width]
        self.narrow = scene.options.width == "narrow"
        step = scene.step
        self.step = step if asks(step) else None
        internals = getattr(scene.snapshot, "internals", None)
        stages = internals.chain(self.step) if internals is not None and self.step is not None else []
        self.stages: Sequence[Stage] = (*stages, *EMPTY[len(stages) :])

    def graph(self) -> Graph:
        scene = self.scene
        roots = [self._asker()]
        top = 44.0
        for number, stage in enumerate(self.stages):
            element = self._stage(number, stage, top)
            roots.append(element)
            top = element.shape.rect.bottom + 12
        roots.insert(0, Element("fig-way", "k-note", shapes.chain(((18.0, 24.0), (18.0, top - 12)))))
        return Graph(
            view="apiserver",
            lang=scene.lang,
            width=self.width,
            height=int(top - 12) + 2,
            title=scene.say("figure.title-apiserver"),
            roots=roots,
            edges=[],
            told=scene.told(),
        )

    def _asker(self) -> Element:
        scene, step = self.scene, self.step
        if step is None:
            words, request = scene.say("figure.api-nobody"), ""
        else:
            words, request = who(step), f"{request_of(step)} {step.ref.partition('/')[2]}"
        width = min(round(metrics.width(words, 11)) + 32, self.width // 2)
        rect = Rect(0, 1, self.width, 24)  # as wide as the stages below: whoever asks, nothing moves
        text = (
            Text(rect.x + 14, rect.cy + 4, "k-us"),
            Text(rect.x + width + 12, rect.cy + 4, "k-num"),
        )
        return Element(
            "fig-asker",
            "k-user" + (" hit" if step is not None else ""),
            shapes.box(rect, "k-c", 12, text),
            (metrics.fit(words, width - 20, 11), metrics.fit(request, self.width - width - 36)),
            label=f"{words} {request}".strip(),
        )

    def _stage(self, number: int, stage: Stage, top: float) -> Element:
        scene = self.scene
        slots = SLOTS[stage.name][self.narrow]
        head = 24 if self.narrow else 0
        rect = Rect(0, top, self.width, head + slots * LINE + 16)
        left = 34 if self.narrow else 34 + NAMES
        room = rect.w - left - 14
        lines = wrapped([said(line, scene.lang) for line in stage.lines], room, slots)
        first = top + head + 20
        name = scene.say(f"figure.stage-{stage.name}")
        texts = (
            Text(34, top + 21, "k-stn"),
            *(Text(left, first + LINE * place, "k-say") for place in range(slots)),
        )
        refused = any(line.message.startswith("chain.refused") for line in stage.lines)
        marks = "v-none" if not stage.lines else "v-no" if refused else "v-yes"
        wrote = self.step is not None and self.step.rank != "note"
        hot = " hot" if stage.name == "etcd" and wrote else ""
        verdict = shapes.verdict(18, top + 17)
        words = " ".join(said(line, scene.lang) for line in stage.lines)
        return Element(
            part_id("stage", stage.name),
            f"k-stage k-way {marks}{hot}",
            shapes.box(rect, "k-st", 4, texts, verdict),
            (metrics.fit(name, NAMES - 8, 11, "sans-500"), *lines, *([""] * (slots - len(lines)))),
            label=f"{number + 1}. {name}: {words}" if words else f"{number + 1}. {name}",
            href=scene.link(self.step.ref) if hot and self.step is not None else "",
        )
