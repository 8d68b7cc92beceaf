"""Inside one machine: kubelet, container runtime, what stays as the parent of each container, and the CRI's calls.

What stands here is told by the runtime's calls, not by the API: a machine that is cut off goes on as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apps.cluster.apimachinery.meta import name_of, namespace_of
from apps.cluster.controlplane import ledger
from apps.cluster.engine import Step
from apps.diagrams import calls, metrics, roles, shapes
from apps.diagrams.graph import Element, Graph, Rect, Text
from apps.diagrams.ids import element_id, part_id
from apps.diagrams.narration import sentence
from apps.diagrams.options import WIDTHS, Options
from apps.diagrams.places import SnapshotLike, natural
from apps.diagrams.states import node_state
from apps.diagrams.views import sheet
from apps.diagrams.views.scene import Scene
from apps.diagrams.views.sheet import Cell

Obj = dict[str, Any]

BLOCKS = 24  # Pods drawn; others are counted
CALLS = 14  # the latest of them
BLOCK = 56  # height of a Pod's block
GAP = 10
STAGE_H = 44
SUFFIX = 5  # letters that a controller puts behind a Pod's name
SPECIAL = (*roles.PARTS, *roles.CHIPS)

MARKS = {
    calls.CREATED: "ContainerCreating",
    calls.RUNNING: "Running",
    calls.STOPPING: "Terminating",
    calls.EXITED: "Completed",
}


@dataclass(frozen=True, slots=True)
class Layout:
    pods: tuple[int, int]
    calls: tuple[int, int]
    columns: int
    beside: bool


LAYOUTS = {
    "full": Layout((0, 880), (908, 1344), 2, True),
    "wide": Layout((0, 712), (736, 1112), 2, True),
    "medium": Layout((0, 744), (0, 744), 2, False),
    "narrow": Layout((0, 358), (0, 358), 1, False),
}


def build(snapshot: SnapshotLike, lang: str, options: Options) -> Graph:
    """The graph of a node's figure."""
    return _Drawing(Scene(snapshot, lang, options)).graph()


def machine_of(snapshot: SnapshotLike, focus: str) -> str:
    """The machine that the figure is about: the one chosen, that of the Pod chosen, where this step acts, or one."""
    resource, _, key = focus.partition("/")
    if resource == "nodes" and key in snapshot.machines:
        return key
    if resource == "pods":
        found = (snapshot.objects.get("pods", {}).get(key) or {}).get("spec", {}).get("nodeName", "")
        if found in snapshot.machines:
            return str(found)
    workers = sorted((n for n, machine in snapshot.machines.items() if machine.role != "control-plane"), key=natural)
    return next(iter(workers or sorted(snapshot.machines, key=natural)), "")


class _Drawing:
    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.layout = LAYOUTS[scene.options.width]
        self.width = WIDTHS[scene.options.width]
        self.name = machine_of(scene.snapshot, scene.options.focus)
        self.node: Obj | None = scene.nodes.get(self.name)
        self.flavour = calls.flavour_of(self.node)
        internals = getattr(scene.snapshot, "internals", None)
        self.notes: list[Step] = internals.notes(self.name) if internals is not None else []
        self.now = calls.now(self.notes, scene.snapshot)
        self.sandboxes = calls.standing(self.notes)
        self.roots: list[Element] = []

    def graph(self) -> Graph:
        scene = self.scene
        top = self._stages(self._head())
        pods = self._pods(top + 18)
        told = self._calls(top + 18 if self.layout.beside else pods + 16)
        return Graph(
            view="node",
            lang=scene.lang,
            width=self.width,
            height=int(max(pods, told)) + 2,
            title=scene.say("figure.title-node", name=self.name),
            roots=self.roots,
            edges=[],
            told=scene.told(),
        )

    # The machine

    def _head(self) -> float:
        scene = self.scene
        machine = scene.snapshot.machines.get(self.name)
        state = node_state(self.node, machine)
        words = [scene.say(word) for word in state.words]
        said = " · ".join([self.flavour.runtime_version, *words])
        start = 12 + metrics.width(self.name, 12)
        texts = (Text(0, 14, "k-fh"), Text(start, 14, "k-say"))
        label = scene.say("aria.node-words", name=self.name, words=said)
        marks = "" if state.powered and state.ready == "True" else " st-Failed"
        self.roots.append(
            Element(
                scene.id_of(f"nodes/{self.name}"),
                f"k-said{marks}{scene.marks(f'nodes/{self.name}')}",
                shapes.words(texts),
                (self.name, metrics.fit(said, self.width - start, 12, "sans")),
                label=label,
                href=scene.link(f"nodes/{self.name}"),
                ref=f"nodes/{self.name}",
            )
        )
        return 28

    def _stages(self, top: float) -> float:
        """kubelet, runtime, OCI runtime with its monitor, network plugin: who acted in this revision."""
        scene, flavour = self.scene, self.flavour
        step = scene.step
        wrote = step is not None and step.rank != "note" and step.component == "kubelet" and step.node == self.name
        last = {note.component: note for note in self.now}
        behind = (flavour.oci, flavour.monitor, "pinns", "runc", "crun")
        stages = (
            ("kubelet", "kubelet", ("kubelet",)),
            (flavour.component, flavour.component, (flavour.component, *flavour.daemons)),
            ("oci", f"{flavour.oci} · {flavour.monitor}", behind),
            ("cni", "CNI", ("cni", "calico-node", "felix")),
        )
        across = 2 if self.width < 400 else 4
        gap = 16
        w = (self.width - gap * (across - 1)) // across
        lines = -(-len(stages) // across)
        machine = scene.snapshot.machines.get(self.name)
        on = machine is None or machine.power == "on"
        for line in range(lines):
            y = top + line * (STAGE_H + 10) + STAGE_H / 2
            self.roots.append(Element(f"fig-chain-{line}", "k-note", shapes.chain(((0, y), (self.width, y)))))
        for number, (ident, name, actors) in enumerate(stages):
            rect = Rect((number % across) * (w + gap), top + (number // across) * (STAGE_H + 10), w, STAGE_H)
            acted = next((last[actor] for actor in actors if actor in last), None)
            said = acted.verb if acted is not None else ""
            program = ident if ident in ("kubelet", flavour.component) else ""
            state = scene.program(self.name, program) if program and on else ledger.RUNNING
            marks = "v-ran"
            if not on or state in ledger.AWAY:
                marks, said = "v-no", scene.say("figure.powered-off" if not on else f"figure.program-{state}")
            elif acted is not None or (ident == "kubelet" and (wrote or self.now)):
                marks = "v-ran hot"
            elif program:
                said = scene.say("figure.program-running")
            label = f"{name}: {said}" if said else name
            self.roots.append(
                Element(
                    part_id("inside", ident),
                    f"k-stage {marks}",
                    shapes.stage(rect),
                    (metrics.fit(name, w - 26, 11, "sans-500"), metrics.fit(said, w - 14, 10.5, "sans")),
                    label=label,
                )
            )
        return top + lines * (STAGE_H + 10) - 10

    # Its Pods

    def _pods(self, top: float) -> float:
        scene = self.scene
        left, right = self.layout.pods
        columns = self.layout.columns
        blocks = self._blocks()
        special = len(roles.PARTS) + len(roles.CHIPS) if self._is_plane() else len(roles.CHIPS)
        seats = max(special + scene.places.by_node.high.get(self.name, 0), 4)
        count = min(seats, BLOCKS)
        lines = -(-count // columns)
        rect = Rect(left, top, right - left, sheet.HEAD + (BLOCK + GAP) * lines + 18)
        note = scene.say("figure.node-count", sandboxes=len(self.sandboxes))
        frame = sheet.panel("fig-kubepods", rect, "kubepods.slice", note)
        self.roots.append(frame)
        w = (rect.w - 24 - 12 * (columns - 1)) / columns
        hidden = 0
        for seat, ref, members in sorted(blocks):
            if seat >= count:
                hidden += len(members) or 1
                continue
            x = rect.x + 12 + (seat % columns) * (w + 12)
            place = Rect(x, rect.y + sheet.HEAD + (BLOCK + GAP) * (seat // columns), w, BLOCK)
            frame.children.append(self._many(ref, members, place) if members else self._pod(ref, place))
        text = Text(rect.x + 12, rect.bottom - 7, "k-fs")
        said = scene.say("figure.more", count=hidden) if hidden else ""
        frame.children.append(Element("fig-kubepods-more", "k-note", shapes.words((text,)), (said,)))
        return rect.bottom

    def _is_plane(self) -> bool:
        machine = self.scene.snapshot.machines.get(self.name)
        return machine is not None and machine.role == "control-plane"

    def _blocks(self) -> list[tuple[int, str, list[str]]]:
        """Seat, Pod, and the Pods that share the seat: what every machine has comes first, in an order of its own."""
        scene = self.scene
        order = SPECIAL if self._is_plane() else roles.CHIPS
        out: list[tuple[int, str, list[str]]] = []
        for key, pod in scene.pods.items():
            if pod["spec"].get("nodeName") == self.name:
                special = roles.special(pod)
                if special in order:
                    out.append((order.index(special), f"pods/{key}", []))
        seating = scene.places.by_node
        for occupant, seat in seating.seats.get(self.name, {}).items():
            if isinstance(occupant, str):
                if occupant.partition("/")[2] in scene.pods:
                    out.append((len(order) + seat, occupant, []))
            else:
                members = list(seating.crowds.get((self.name, occupant[0]), {}).get(occupant[1], {}))
                if members:
                    out.append((len(order) + seat, members[0], members))
        return out

    def _pod(self, ref: str, rect: Rect) -> Element:
        scene = self.scene
        pod = scene.pods[ref.partition("/")[2]]
        state = scene.state(ref, pod)
        sandbox = self.sandboxes.get(ref)
        known = namespace_of(pod) == "default" or roles.is_system(pod)
        name = name_of(pod) if known else f"{namespace_of(pod)}/{name_of(pod)}"
        facts = [calls.qos_of(pod)]
        if sandbox is not None and sandbox.ip and rect.w > 300:
            facts.append(sandbox.ip)
        right = " ".join(facts)
        room = rect.w - 42 - metrics.width(right, 11)
        touched = any(note.ref == ref for note in self.now)
        marks = scene.marks(ref)
        if touched and " hot" not in marks:
            marks = f" hot{marks}"
        block = Element(
            scene.id_of(ref),
            f"k-pod k-inner {scene.owner_of(pod)[1]} st-{state.mark}{marks}",
            shapes.inner(rect),
            (metrics.fit_end(name, room), right),
            label=self._told(ref, pod, sandbox),
            href=scene.link(ref),
            ref=ref,
        )
        return _Block(self, block, rect, ref, pod, sandbox).drawn()

    def _told(self, ref: str, pod: Obj, sandbox: calls.Sandbox | None) -> str:
        scene = self.scene
        said = scene.say(f"state.{scene.state(ref, pod).mark}")
        words = [scene.say("aria.pod", name=name_of(pod), state=said), calls.qos_of(pod)]
        if sandbox is not None:
            words.append(scene.say("aria.sandbox", id=sandbox.id, ip=sandbox.ip or "-"))
            words += [
                scene.say("aria.container", name=one.name, state=scene.say(f"figure.container-{one.state}"), id=one.id)
                for one in sandbox.containers.values()
            ]
        return ", ".join(words)

    def _many(self, ref: str, members: list[str], rect: Rect) -> Element:
        scene = self.scene
        pod = scene.pods[ref.partition("/")[2]]
        owner, tint = scene.owner_of(pod)
        mark = scene.state(ref, pod).mark
        words = scene.say(
            "aria.pods", count=len(members), owner=owner.rpartition("/")[2], state=scene.say(f"state.{mark}")
        )
        hot = "".join(scene.marks(member) for member in members if member in (scene.hot, scene.options.focus))
        return Element(
            f"{element_id(owner or 'pods/')}-{mark}-inside",
            f"k-pod k-inner k-many {tint} st-{mark}{hot}",
            shapes.inner(rect),
            (f"×{len(members)} {metrics.fit(owner.rpartition('/')[2], rect.w - 150)}", calls.qos_of(pod)),
            label=words,
            href=scene.link(owner) if owner else "",
        )

    # The calls

    def _calls(self, top: float) -> float:
        scene = self.scene
        left, right = self.layout.calls
        rect = Rect(left, top, right - left, sheet.height(CALLS))
        frame = sheet.panel(
            "fig-calls", rect, scene.say("figure.node-calls"), f"{self.flavour.socket.rpartition('/')[2]}"
        )
        self.roots.append(frame)
        asked = [note for note in self.notes if note.component != "machine"][-CALLS:]
        fresh = {note.index for note in self.now}
        base = max([getattr(scene.snapshot, "time_ms", 0), *(note.time_ms for note in asked)])
        for number in range(CALLS):
            note = asked[number] if number < len(asked) else None
            place = sheet.line(rect, number)
            ago = f"−{(base - note.time_ms) / 1000:.2f} s" if note is not None else ""
            about = _about(note) if note is not None else ""
            cells = [
                Cell(place.x + 4, note.component if note is not None else "", 58),
                Cell(place.x + 64, note.verb if note is not None else "", 118, "k-nm"),
                Cell(place.x + 186, about, place.w - 186 - 64, "k-num"),
                Cell(place.right - 4, ago, 62, "k-num", "end"),
            ]
            marks = "k-empty" if note is None else "hot" if note.index in fresh else ""
            label = sentence(note, scene.lang) if note is not None else ""
            href = scene.link(note.ref) if note is not None and note.ref else ""
            frame.children.append(
                sheet.row(part_id("call", str(number)), place, cells, cls=marks, label=label, href=href)
            )
        return rect.bottom


def _about(note: Step) -> str:
    """The object of a call in a word or two: the image, or what tells the Pod from others and the container."""
    if note.params.get("image") and note.verb in ("PullImage", "RemoveImage"):
        return str(note.params["image"])
    resource, _, key = note.ref.partition("/")
    name = key.rpartition("/")[2]
    suffix = name.rpartition("-")[2]
    if resource == "pods" and len(suffix) == SUFFIX:
        name = suffix
    container = note.params.get("container", "")
    return f"{container} {name}" if container and container != name else name


class _Block:
    """A Pod's containers within its block, each under the monitor that stays its parent."""

    def __init__(
        self, drawing: _Drawing, block: Element, rect: Rect, ref: str, pod: Obj, sandbox: calls.Sandbox | None
    ) -> None:
        self.drawing, self.block, self.rect, self.ref, self.pod, self.sandbox = drawing, block, rect, ref, pod, sandbox

    def drawn(self) -> Element:
        rect, drawing = self.rect, self.drawing
        specs = [*(self.pod["spec"].get("initContainers") or ()), *(self.pod["spec"].get("containers") or ())]
        known = self.sandbox.containers if self.sandbox is not None else {}
        lanes = 3 if rect.w > 300 else 2
        w = (rect.w - 16 - 6 * (lanes - 1)) // lanes
        shown = specs[:lanes] if len(specs) <= lanes else specs[: lanes - 1]
        fresh = {note.params.get("container") for note in drawing.now if note.ref == self.ref}
        for number, spec in enumerate(shown):
            place = Rect(rect.x + 10 + number * (w + 6), rect.y + 27, w, 22)
            self.block.children.append(
                self._container(spec["name"], known.get(spec["name"]), place, spec["name"] in fresh)
            )
        left_out = len(specs) - len(shown)
        if left_out:
            text = Text(rect.right - 10, rect.y + 42, "k-num", "end")
            name = f"{self.block.id}-more"
            self.block.children.append(Element(name, "k-note", shapes.words((text,)), (f"+{left_out}",)))
        return self.block

    def _container(self, name: str, found: calls.Container | None, rect: Rect, hot: bool) -> Element:
        scene = self.drawing.scene
        ident = f"{self.block.id}-{part_id('c', name)[4:]}"
        if found is None:
            label = scene.say("aria.container", name=name, state=scene.say("figure.container-none"), id="-")
            text = metrics.fit(name, rect.w - 26, 10.5, "sans")
            return Element(ident, "k-chip k-cont absent", shapes.container(rect), (text,), label=label)
        mark = MARKS[found.state]
        if found.state == calls.EXITED and found.code:
            mark = "Failed"
        attempt = f" #{found.attempt}" if found.attempt else ""
        state = scene.say(f"figure.container-{found.state}")
        label = scene.say("aria.container", name=name, state=state, id=found.id)
        text = metrics.fit(f"{name}{attempt}", rect.w - 26, 10.5, "sans")
        return Element(
            ident, f"k-chip k-cont st-{mark}{' hot' if hot else ''}", shapes.container(rect), (text,), label=label
        )
