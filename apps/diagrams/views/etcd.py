"""etcd: what is stored where, what this step wrote and on what condition, and who is told of it.

Prefixes stand in the order in which something was first stored under them, so that none moves when another comes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apps.cluster.controlplane import ledger
from apps.cluster.engine import Step
from apps.cluster.etcd import Record
from apps.cluster.internals import Internals, etcd_key, etcd_prefix
from apps.diagrams import calls, metrics, shapes
from apps.diagrams.graph import Element, Graph, Rect, Text
from apps.diagrams.ids import part_id
from apps.diagrams.narration import who
from apps.diagrams.options import WIDTHS, Options
from apps.diagrams.places import SnapshotLike
from apps.diagrams.views import sheet
from apps.diagrams.views.cluster import planes_of
from apps.diagrams.views.scene import Scene
from apps.diagrams.views.sheet import Cell

Obj = dict[str, Any]

_RAFT = ("leader", "campaign", "vote", "step-down", "catch-up", "snapshot", "member-added")
PREFIXES = 60  # rows; others are counted
TOLD = 7  # rows of who watches
TOLD_ABOVE = 4  # where the keys stand below them
WRITE = ("asks", "if", "then", "result")  # rows of the transaction


@dataclass(frozen=True, slots=True)
class Layout:
    keys: tuple[int, int]  # left and right
    write: tuple[int, int]
    columns: int
    beside: bool


LAYOUTS = {
    "full": Layout((0, 800), (828, 1344), 2, True),
    "wide": Layout((0, 656), (680, 1112), 2, True),
    "medium": Layout((0, 744), (0, 744), 2, False),
    "narrow": Layout((0, 358), (0, 358), 1, False),
}


def build(snapshot: SnapshotLike, lang: str, options: Options) -> Graph:
    """The graph of etcd's figure."""
    return _Drawing(Scene(snapshot, lang, options)).graph()


class _Drawing:
    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.layout = LAYOUTS[scene.options.width]
        self.width = WIDTHS[scene.options.width]
        self.internals: Internals | None = getattr(scene.snapshot, "internals", None)
        step = scene.step
        self.step = step if step is not None and step.rank != "note" else None
        self.roots: list[Element] = []

    def graph(self) -> Graph:
        scene = self.scene
        # Who is told stands last where nothing comes after it, for it is as long as there are programs that watch.
        write = self._write(0) + 16
        told = self._told(self._members(write - 16) + 16) if self.layout.beside else self._members(self._told(write))
        bottom = max(self._keys(0), told) if self.layout.beside else self._keys(told + 16)
        return Graph(
            view="etcd",
            lang=scene.lang,
            width=self.width,
            height=int(bottom) + 2,
            title=scene.say("figure.title-etcd"),
            roots=self.roots,
            edges=[],
            told=scene.told(),
        )

    # What this step wrote

    def _write(self, top: float) -> float:
        scene, step = self.scene, self.step
        left, right = self.layout.write
        rect = Rect(left, top, right - left, sheet.height(len(WRITE)))
        revision = scene.say("figure.revision", revision=scene.snapshot.revision)
        frame = sheet.panel("fig-txn", rect, scene.say("figure.etcd-txn"), revision)
        self.roots.append(frame)
        lines = [("asks", scene.say("figure.etcd-wrote-nothing"), ""), *((name, "", "") for name in WRITE[1:])]
        if step is not None:
            key = etcd_key(step.ref)
            gone = step.after is None
            found = _version(step.before) or "0"
            room = rect.w - 16 - 70
            verb = "delete" if gone else "put"
            lines = [
                ("asks", who(step), ""),
                ("if", f"mod({_cut(key, room, f'mod() = {found}')}) = {found}", ""),
                ("then", f"{verb} {_cut(key, room, verb + ' ')}", "hot"),
                ("result", self._outcome(self._record(key), gone), ""),
            ]
        for number, (name, text, cls) in enumerate(lines):
            place = sheet.line(rect, number)
            words = scene.say(f"figure.etcd-{name}")
            cells = [
                Cell(place.x + 4, words, 58),
                Cell(place.x + 66, text, place.w - 70, "k-num"),
            ]
            href = scene.link(step.ref if step is not None else "") if name == "then" else ""
            frame.children.append(
                sheet.row(f"fig-txn-{name}", place, cells, cls=cls, label=f"{words} {text}", href=href)
            )
        return rect.bottom

    def _outcome(self, record: Record | None, gone: bool) -> str:
        scene = self.scene
        if gone:
            return scene.say("figure.etcd-deleted", revision=scene.snapshot.revision)
        if record is None:
            return scene.say("figure.revision", revision=scene.snapshot.revision)
        return f"create {record.create_revision} · mod {record.mod_revision} · version {record.version}"

    def _record(self, key: str) -> Record | None:
        return self.internals.record(key) if self.internals is not None else None

    # Who is told

    def _told(self, top: float) -> float:
        scene = self.scene
        left, right = self.layout.write
        resource = self._looked_at()
        prefix = etcd_prefix(resource) if resource else ""
        told = self.internals.watchers(resource) if resource and self.internals is not None else []
        rows = [("kube-apiserver", scene.say("figure.etcd-cache"))] if resource else []
        rows += [
            (f"{one.component} {one.node}" if one.selector else one.component, one.selector)
            for one in _without_twins(told)
        ]
        most = max(min(len(rows), TOLD + 1), 2) if self.layout.beside else TOLD_ABOVE
        over = len(rows) > most
        rect = Rect(left, top, right - left, sheet.height(most, 18 if over or not self.layout.beside else sheet.FOOT))
        frame = sheet.panel("fig-watch", rect, scene.say("figure.etcd-watch"), prefix)
        self.roots.append(frame)
        for number in range(most):
            name, note = rows[number] if number < len(rows) else ("", "")
            place = sheet.line(rect, number)
            indent = 16 if number else 0
            alone = self.width < 400 and number  # on the phone the selector says what the name says
            names = place.w - 8 if alone else (place.w - 8) * 0.52
            cells = [
                Cell(place.x + 4 + indent, name, names - indent - 8, "k-nm"),
                Cell(
                    place.x + names + 4,
                    "" if alone else note,
                    place.w - names - 8,
                    "k-num" if number else "k-fs",
                    tail=bool(number),
                ),
            ]
            marks = "" if name else "k-empty"
            if name and number and self.step is not None and self._hears(note):
                marks = "hot"
            frame.children.append(sheet.row(part_id("watch", str(number)), place, cells, cls=marks))
        text = Text(rect.x + 12, rect.bottom - 7, "k-fs")
        more = len(rows) - most
        said = scene.say("figure.more", count=more) if more > 0 else ""
        frame.children.append(Element("fig-watch-more", "k-note", shapes.words((text,)), (said,)))
        return rect.bottom

    def _hears(self, selector: str) -> bool:
        """Whether this step is told to a watch with this selector."""
        if not selector.startswith("spec.nodeName="):
            return True
        step = self.step
        obj = (step.after or step.before or {}) if step is not None else {}
        return (obj.get("spec") or {}).get("nodeName") == selector.partition("=")[2]

    def _looked_at(self) -> str:
        """The resource whose watchers are shown: what this step wrote, else what the reader chose."""
        if self.step is not None:
            return self.step.ref.partition("/")[0]
        return self.scene.options.focus.partition("/")[0]

    # Its members

    def _members(self, top: float) -> float:
        """Of several: who leads, in which term, and how far each is."""
        scene = self.scene
        if self.internals is None:
            return top
        planes = [name for name in planes_of(scene) if self.internals.member(name)[0] != ledger.NO_MEMBER]
        if len(planes_of(scene)) < 2:
            return top
        left, right = self.layout.write
        rect = Rect(left, top + 16, right - left, sheet.height(len(planes)))
        running = [name for name in planes if self._state(name) in (ledger.LEADING, ledger.STANDBY)]
        note = scene.say("figure.etcd-quorum", members=len(running), total=len(planes))
        frame = sheet.panel("fig-members", rect, scene.say("figure.etcd-members"), note)
        self.roots.append(frame)
        for number, name in enumerate(planes):
            place = sheet.line(rect, number)
            term, behind = self.internals.member(name)
            state = self._state(name)
            revision = behind or str(scene.snapshot.revision)
            cells = [
                Cell(place.x + 26, name, place.w * 0.4 - 26, "k-nm"),
                Cell(place.x + place.w * 0.4, scene.say(f"figure.member-{state}"), place.w * 0.26),
                Cell(place.right - 84, f"term {term or '-'}", 60, "k-num", "end"),
                Cell(place.right - 4, f"rev {revision}", 76, "k-num", "end"),
            ]
            mark = "v-pick" if state == ledger.LEADING else "v-yes" if state == ledger.STANDBY else "v-no"
            hot = " hot" if any(note.verb in _RAFT for note in self._now(name)) else ""
            frame.children.append(
                sheet.row(
                    part_id("member", name),
                    place,
                    cells,
                    cls=mark + hot,
                    href=scene.link(f"nodes/{name}"),
                    verdict=True,
                )
            )
        return rect.bottom

    def _state(self, node: str) -> str:
        machine = self.scene.snapshot.machines.get(node)
        return self.scene.program(node, "etcd") if machine is None or machine.power == "on" else ledger.DOWN

    def _now(self, node: str) -> list[Step]:
        assert self.internals is not None
        return calls.now(self.internals.notes(node), self.scene.snapshot)

    # What is stored

    def _keys(self, top: float) -> float:
        scene = self.scene
        left, right = self.layout.keys
        order = self._resources()
        shown = order[:PREFIXES]
        columns = self.layout.columns
        lines = -(-max(len(shown), 1) // columns)
        rect = Rect(left, top, right - left, sheet.height(lines, 28))
        total = sum(len(table) for table in scene.objects.values())
        note = scene.say("figure.etcd-size", revision=scene.snapshot.revision, keys=total)
        frame = sheet.panel("fig-keys", rect, "etcd  /registry", note)
        self.roots.append(frame)
        w = (rect.w - 16 - 16 * (columns - 1)) / columns
        written = self.step.ref.partition("/")[0] if self.step is not None else ""
        chosen = scene.options.focus.partition("/")[0]
        for number, resource in enumerate(shown):
            x = rect.x + 8 + (number % columns) * (w + 16)
            place = Rect(x, rect.y + sheet.HEAD + sheet.ROW * (number // columns), w, sheet.ROW)
            table = scene.objects.get(resource, {})
            latest = max((int(_version(obj) or 0) for obj in table.values()), default=0)
            cells = [
                Cell(place.x + 4, etcd_prefix(resource), w - 110, "k-on", tail=True),
                Cell(place.right - 60, str(len(table)), 40, "k-num", "end"),
                Cell(place.right - 4, str(latest) if latest else "", 50, "k-num", "end"),
            ]
            marks = " ".join(
                word for word, so in (("hot", resource == written), ("selected", resource == chosen)) if so
            )
            label = scene.say("aria.prefix", prefix=etcd_prefix(resource), count=len(table), revision=latest)
            frame.children.append(sheet.row(part_id("prefix", resource), place, cells, cls=marks, label=label))
        text = Text(rect.x + 12, rect.bottom - 10, "k-fs")
        left_out = len(order) - len(shown)
        full = self.internals is not None and self.internals.etcd_full
        said = scene.say("figure.more", count=left_out) if left_out and not full else self._compacted()
        frame.children.append(Element("fig-keys-foot", "k-note", shapes.words((text,)), (said,)))
        return rect.bottom

    def _resources(self) -> list[str]:
        if self.internals is not None:
            return self.internals.resources()
        return sorted(self.scene.objects)

    def _compacted(self) -> str:
        scene = self.scene
        if self.internals is not None and self.internals.etcd_full:
            return scene.say("figure.etcd-nospace")
        compacted = self.internals.compact_revision if self.internals is not None else 0
        if compacted:
            return scene.say("figure.etcd-compacted", revision=compacted)
        return scene.say("figure.etcd-columns")


def _cut(key: str, room: float, around: str) -> str:
    """As much of a key's end as fits beside other words."""
    return metrics.fit_end(key, room - metrics.width(around, 11))


def _version(obj: Obj | None) -> str:
    return obj["metadata"].get("resourceVersion", "") if obj is not None else ""


def _without_twins(told: list[Any]) -> list[Any]:
    """One row a program: several controllers share the watch of their process."""
    seen: dict[tuple[str, str, str], Any] = {}
    for one in told:
        seen.setdefault((one.component, one.node if one.selector else "", one.selector), one)
    return list(seen.values())
