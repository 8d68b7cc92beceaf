"""A packet's way: the machines it came to, their interfaces, every hop there and back, the tunnel with both headers.

Hops have numbers along the way; the machines stand on the network that joins them. What comes to grief has a cross and
a hatch, not only a colour.
"""

from __future__ import annotations

from apps.diagrams import asking, metrics, packets, shapes
from apps.diagrams.graph import Element, Graph, Rect, Shape, Text
from apps.diagrams.ids import edge_id, element_id, part_id
from apps.diagrams.options import WIDTHS, Options
from apps.diagrams.packets import Step
from apps.diagrams.places import SnapshotLike
from apps.diagrams.views import splines, ways
from apps.diagrams.views.apiserver import wrapped
from apps.diagrams.views.scene import Scene
from apps.diagrams.views.ways import Box, Lane, Wire

LINE = 18
SLOTS = {"full": 4, "wide": 4, "medium": 5, "narrow": 6}  # most lines of words above the machines
ENOUGH = 3  # lines of what matters most, where all went well
WORDS = 26  # from a hop's left edge to its words
COLUMN = 118  # and to the column of what it happened with, where there is room for one
ROOMY, TIGHT = 250, 200  # lanes with room for that column; lanes in which only what fits whole is said, or tells most
LEAST = 60


def build(snapshot: SnapshotLike, lang: str, options: Options) -> Graph:
    """The graph of the packet's figure."""
    return _Drawing(Scene(snapshot, lang, options)).graph()


class _Drawing:
    def __init__(self, scene: Scene) -> None:
        self.scene, self.lang = scene, scene.lang
        self.width = WIDTHS[scene.options.width]
        self.asked = asking.ask(scene.snapshot, scene.options.packet)
        self.question = self.asked.question
        chosen = self.asked.chosen
        self.now = chosen.number if chosen is not None else 0
        self.edges: list[Element] = []

    def graph(self) -> Graph:
        narrow = self.width < 800
        told = self._slots()
        first = 54 if narrow else 38
        roots = [self._head(), *self._legend(), self._told(first, told)]
        top = first + LINE * (max(told, 1) - 1) + 18.0
        way = ways.place(self.asked.steps, self.asked.world, self.width, top, self._also())
        roots += [self._machine(box) for box in way.boxes]
        for name, x, start, end in way.drops:
            self.edges.append(self._line(("drop", name), ((x, start), (x, end)), "k-cable"))
        roots += [self._wire(n, wire, rect, forward, way.stacked) for n, (wire, rect, forward) in enumerate(way.wires)]
        return Graph(
            view="packet",
            lang=self.lang,
            width=self.width,
            height=int(max(way.bottom, top)) + 6,
            title=self._title(),
            roots=roots,
            edges=self.edges,
            links=[(f"fig-hop-{n}", f"fig-hop-{n + 1}") for n in range(1, len(self.asked.steps))],
            told=self._text(),
        )

    # Words

    def _title(self) -> str:
        return self.scene.say("packet.title", source=self._short(self.question.source), target=self._to())

    def _short(self, ref: str) -> str:
        resource, slash, key = ref.partition("/")
        return packets.machine_name(key if slash and resource in ("pods", "nodes", "services") else ref, self.lang)

    def _to(self) -> str:
        journey = self.asked.journey
        port = self.question.port or (journey.port if journey is not None else 0)
        return f"{self._short(self.question.target)}:{port}" if port else self._short(self.question.target)

    def _also(self) -> list[str]:
        """A source that could send nothing is shown all the same."""
        if self.asked.steps or not self.asked.world.machines:
            return []
        name = self.question.source.removeprefix("pods/").removeprefix("nodes/")
        return [name] if name in self.asked.world.machines else []

    def outcome(self) -> str:
        """What became of the packet, in one line."""
        scene, journey = self.scene, self.asked.journey
        if self.asked.missing:
            return scene.say("packet.told-missing", name=self._short(self.asked.missing))
        if journey is None:
            return scene.say("packet.told-nobody")
        failure = self.asked.failure
        if failure is not None:
            said = "packet.told-failed-back" if failure.back else "packet.told-failed"
            said = "packet.told-failed-name" if self.asked.for_name else said
            where = packets.machine_name(failure.hop.machine, self.lang)
            end = scene.say(f"packet.end-{failure.end}")
            return scene.say(said, end=end, machine=where, number=failure.number)
        if journey.there is None:
            return scene.say("packet.told-nothing")
        where = packets.machine_name(journey.there.machine, self.lang)
        said = "packet.told-answered" if journey.back is not None else "packet.told-delivered"
        return scene.say(said, machine=where, count=len(journey.there.hops))

    def _head(self) -> Element:
        asked = self.asked
        good = asked.failure is None and bool(asked.steps) and not asked.for_name
        name = f"{self._short(self.question.source)} → {self._to()}" if self.question.source else ""
        narrow = self.width < 800
        most = self.width - 20 - (0 if self.width < 700 else 200) if narrow else self.width * 0.45
        room = min(metrics.width(name, 12), most) if name else 0
        at = (20, 32) if narrow else (20 + room + 12, 14)
        texts = (Text(20, 14, "k-fh"), Text(at[0], at[1], "k-say"))
        said = self.outcome()
        most = self.width - at[0] - (0 if narrow else 200)
        return Element(
            "fig-outcome",
            f"k-said {'v-yes' if good else 'v-no' if asked.steps or asked.journey is not None else 'v-none'}",
            shapes.words(texts, shapes.verdict(8, 10)),
            (metrics.fit(name, room + 1, 12), metrics.fit(said, most, 12, "sans")),
            label=f"{name}: {said}" if name else said,
        )

    def lines(self, chosen: Step | None) -> list[str]:
        """What there is to say above the machines: of the hop that was chosen, or of what matters most."""
        asked = self.asked
        lookup = asked.journey.lookup if asked.journey is not None else None
        if chosen is not None:
            return [packets.plain(chosen, self.lang)]
        if asked.failure is not None:
            out = [packets.plain(asked.failure, self.lang)]
        else:
            worth = ("network.dnat", "network.virtual-server", "network.encapsulated")
            out = [packets.plain(s, self.lang) for s in asked.steps if s.hop.what in worth and not s.back]
        out += [packets.found(finding, self.lang) for finding in asked.findings]
        if lookup is not None and lookup.questions:
            out.append(packets.looked_up(lookup, self.lang))
        if asked.suggested and asked.steps:
            out.append(self.scene.say("packet.suggested"))
        return out

    def _wrapped(self, chosen: Step | None, most: int) -> list[str]:
        room = (self.width - 24) * 11.5 / 12  # they are set a little larger than they are measured
        return wrapped(self.lines(chosen), room, most)

    def _slots(self) -> int:
        """Lines that any hop of this way needs: whichever is chosen, nothing moves. What went wrong has its room."""
        most = SLOTS[self.scene.options.width]
        hops = max((len(self._wrapped(step, most)) for step in self.asked.steps), default=0)
        whole = len(self._wrapped(None, most))
        return max(hops, whole if self.asked.failure is not None or not hops else min(whole, ENOUGH))

    def _told(self, first: int, slots: int) -> Element:
        lines = self._wrapped(self.asked.chosen, max(slots, 1))
        texts = tuple(Text(20, first + LINE * place, "k-say") for place in range(slots))
        if not texts:
            texts = (Text(20, first, "k-say"),)
        return Element("fig-told", "k-told", shapes.words(texts), (*lines, *([""] * (len(texts) - len(lines)))))

    def _legend(self) -> list[Element]:
        """How the way there and the way back are drawn."""
        if self.width < 700:
            return []
        out, x = [], float(self.width)
        for ident, cls in (("back", "k-hop tells back"), ("there", "k-hop tells")):
            word = self.scene.say(f"packet.way-{ident}")
            x -= metrics.width(word, 11, "sans")
            circle = f'<circle cx="{x - 13:g}" cy="10.5" r="6" class="k-hn"/>'
            text = (Text(round(x), 14, "k-fs"),)
            out.append(Element(f"fig-legend-{ident}", cls, shapes.words(text, circle), (word,)))
            x -= 40
        return out

    def _text(self) -> str:
        """Every hop as a line, in the order in which it happened."""
        out = [f"{self._title()}: {self.outcome()}"]
        journey = self.asked.journey
        out += [packets.found(finding, self.lang) for finding in self.asked.findings]
        lookup = journey.lookup if journey is not None else None
        if lookup is not None and lookup.questions:
            out.append(packets.looked_up(lookup, self.lang))
        back = False
        for step in self.asked.steps:
            if step.number == 1 or (step.back and not back):
                there = "packet.way-name" if self.asked.for_name else "packet.way-there"
                out.append(self.scene.say("packet.way-back" if step.back else there))
            back = step.back
            out.append(packets.plain(step, self.lang))
        return "\n".join(out)

    # Machines

    def _machine(self, box: Box) -> Element:
        scene = self.scene
        rect = box.rect
        name = packets.machine_name(box.name, self.lang)
        address = self._address(box)
        texts = (Text(rect.x + 12, rect.y + 21, "k-fh"), Text(rect.right - 12, rect.y + 21, "k-num", "end"))
        shown = address if metrics.width(name, 12) + metrics.width(address, 11) + 32 <= rect.w else ""
        room = rect.w - 24 - (metrics.width(shown, 11) + 12 if shown else 0)
        off = box.machine is not None and not box.machine.up
        kind = "k-outside" if box.outside else "k-worker"
        frame = Element(
            part_id("way", box.name),
            f"k-place {kind}{' off' if off else ''}{self._here(box)}",
            shapes.box(rect, "k-f", 6, texts),
            (metrics.fit(name, room, 12), shown),
            label=scene.say("packet.aria-machine", name=name, address=address or "-"),
            ref="" if box.outside else f"nodes/{box.name}",
        )
        frame.children += self._lanes(box)
        for pod in box.pods:
            frame.children.append(self._pod(pod))
        frame.children += self._chips(box)
        for number, (x, start, end) in enumerate(box.cables):
            self.edges.append(self._line(("veth", box.name, str(number)), ((x, start), (x, end)), "k-cable"))
        return frame

    def _here(self, box: Box) -> str:
        """Whether the hop that was chosen is in this machine."""
        here = any(step.number == self.now for step in (*box.there, *box.back))
        return " here" if here else ""

    def _address(self, box: Box) -> str:
        machine = box.machine
        if machine is None:
            return ""
        card = next((i for i in machine.interfaces.values() if i.kind == "ethernet" and i.addresses), None)
        return card.addresses[0].partition("/")[0] if card is not None else ""

    def _pod(self, box: Box) -> Element:
        scene, rect = self.scene, box.rect
        ref = f"pods/{box.name}"
        pod = scene.pods.get(box.name)
        name = packets.machine_name(box.name, self.lang)
        own = box.machine.interfaces.get("eth0") if box.machine is not None else None
        address = own.addresses[0].partition("/")[0] if own is not None and own.addresses else ""
        if rect.w < 240:
            address = ""
        room = rect.w - 42 - metrics.width(address, 11)
        tint = scene.owner_of(pod)[1] if pod is not None else ""
        mark = f" st-{scene.state(ref, pod).mark}" if pod is not None else " st-Ready"
        frame = Element(
            scene.id_of(ref),
            f"k-pod k-inner {tint}{mark}{scene.marks(ref)}{self._here(box)}",
            shapes.inner(rect),
            (metrics.fit_end(name, room), address),
            label=scene.say("packet.aria-pod", name=name, address=address or "-"),
            ref=ref,
        )
        frame.children += self._lanes(box)
        frame.children += self._chips(box)
        return frame

    def _chips(self, box: Box) -> list[Element]:
        used = next((step.hop.interface for step in self.asked.steps if step.number == self.now), "")
        out = []
        for name, rect in box.chips:
            texts = (Text(rect.cx, rect.y + 12.5, "k-if", "middle"),)
            tunnel = " k-tunnel" if self._kind(box, name) in {"ipip", "vxlan"} else ""
            hot = " hot" if name == used and self._here(box) else ""
            ident = f"fig-if-{element_id(box.name)[4:]}-{element_id(name)[4:]}"
            out.append(Element(ident, f"k-iface{tunnel}{hot}", shapes.box(rect, "k-c", 3, texts), (name,)))
        return out

    def _kind(self, box: Box, name: str) -> str:
        interface = box.machine.interfaces.get(name) if box.machine is not None else None
        return interface.kind if interface is not None else ""

    # Hops

    def _lanes(self, box: Box) -> list[Element]:
        out = []
        for number, lane in enumerate(box.lanes):
            out.append(self._rail(box, number, lane))
            out += [self._hop(step, rect) for step, rect in lane.steps]
        return out

    def _rail(self, box: Box, number: int, lane: Lane) -> Element:
        ident = f"fig-rail-{element_id(box.name)[4:]}-{number}"
        shape = shapes.chain(((lane.x, lane.top), (lane.x, lane.bottom)))
        return Element(ident, "k-note k-rail back" if lane.back else "k-note k-rail", shape)

    def _hop(self, step: Step, rect: Rect) -> Element:
        hop = step.hop
        caption, detail = packets.caption(hop, self.lang), packets.detail(hop)
        wide = metrics.width(caption, 11.5, "sans-500")
        at = COLUMN if rect.w >= ROOMY else WORDS + round(wide) + 10
        room = rect.w - at - 6
        if rect.w < TIGHT and metrics.width(detail, 11) > room:  # of what changed, the end says most
            detail = metrics.fit_end(detail, room) if hop.what in packets.TELLING and room >= LEAST else ""
        text = [str(step.number), metrics.fit(caption, rect.w - WORDS, 11.5, "sans")]
        if detail:
            text.append(metrics.fit(detail, room))
        marks = "k-hop"
        marks += " tells" if hop.what in packets.TELLING else ""
        marks += " back" if step.back else ""
        marks += " now" if step.number == self.now else ""
        marks += " failed" if packets.failed(step) else " arrived" if step.last else ""
        return Element(
            f"fig-hop-{step.number}",
            marks,
            shapes.hop(rect, at if detail else 0),
            tuple(text),
            label=packets.plain(step, self.lang),
            href=self._link(step),
        )

    def _link(self, step: Step) -> str:
        return f"?{self.question.query(hop=step.number)}" if self.scene.options.link is not None else ""

    # Between machines

    def _line(self, name: tuple[str, ...], points: tuple[tuple[float, float], ...], cls: str) -> Element:
        (x0, y0), (x1, y1) = points
        return Element(edge_id(*name), f"k-line {cls}", shapes.line(((x0, y0), (x0, y0), (x1, y1), (x1, y1))))

    def _header(self, step: Step, room: float) -> str:
        """A header on a wire; where it is short, whom the packet goes to, or whom the answer comes from."""
        packet = step.hop.after
        whole = str(packet)
        if metrics.width(whole, 11) <= room:
            return whole
        return f"{packets.source_of(packet)} →" if step.back else f"→ {packets.target(packet)}"

    def _wire(self, number: int, wire: Wire, rect: Rect, forward: bool, stacked: bool) -> Element:
        """A packet on the network: its header on a line with an arrow, or in a tunnel's pipe."""
        step, hop = wire.step, wire.step.hop
        outer = hop.outer
        left, room = rect.x, rect.w
        inset = 0 if stacked else 34
        cls = f"k-edge k-way{' back' if step.back else ''}{' now' if step.number == self.now else ''}"
        if stacked:
            ends = ((rect.x - 12, rect.y), (rect.x - 12, rect.bottom))
            start, tip = ends if forward else ends[::-1]
        else:
            y = rect.y + rect.h / 2 if outer is not None else rect.y + rect.h - 10
            start, tip = ((rect.x, y), (rect.right, y)) if forward else ((rect.right, y), (rect.x, y))
            if outer is not None:  # into the pipe, and out of it
                into = rect.x + inset if forward else rect.right - inset
                self.edges.append(self._line(("into", str(number)), (start, (into, y)), cls.replace("k-edge ", "")))
                start = (rect.right - inset if forward else rect.x + inset, y)
        self.edges.append(Element(edge_id("way", str(number)), cls, shapes.edge(splines.straight(start, tip))))
        marks = f"k-wire{' back' if step.back else ''}{' now' if step.number == self.now else ''}"
        shape: Shape
        if outer is None:
            base = rect.y + (rect.h / 2 + 4 if stacked else rect.h - 16)
            anchor, at = ("start", left) if stacked else ("middle", rect.cx)
            shape = shapes.words((Text(at, base, "k-num", anchor),))
            text: tuple[str, ...] = (metrics.fit(self._header(step, room - 24), room - 24),)
        else:
            pipe = Rect(rect.x + inset, rect.y, rect.w - 2 * inset, rect.h)
            shape = shapes.pipe(pipe)
            kind = {"ipip": "IP-in-IP", "vxlan": "VXLAN"}.get(outer.kind, outer.kind)
            around = self.scene.say("packet.outer", kind=kind, outer=f"{outer.source} -> {outer.destination}")
            inside = self.scene.say("packet.inner", inner=str(hop.after))
            if metrics.width(inside, 11) > pipe.w - 40:
                inside = self.scene.say("packet.inner", inner=str(hop.after).partition(" ")[2].replace(" -> ", "→"))
            text = (metrics.fit(around, pipe.w - 34), metrics.fit(inside, pipe.w - 40))
        return Element(
            f"fig-wire-{number}",
            marks,
            shape,
            text,
            label=", ".join(text),
            href=self._link(step),
        )
