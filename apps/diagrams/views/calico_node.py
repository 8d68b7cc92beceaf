"""A node as Calico sees it: the Pod calico-node and the programs in it, the tunnel's device, blocks and how full."""

from __future__ import annotations

from collections.abc import Mapping

from apps.cluster.dataplane.agents import CALICO, DOWN, GONE, UP
from apps.cluster.dataplane.dataplane import Dataplane
from apps.cluster.dataplane.facts import Facts, block_of
from apps.cluster.dataplane.routes import DEVICES
from apps.diagrams import metrics, shapes
from apps.diagrams.graph import Element, Rect, Text
from apps.diagrams.ids import part_id
from apps.diagrams.views import agents
from apps.diagrams.views.scene import Scene

ADDRESSES = 64  # of a block
HEAD, POD, TUNNEL = 34, 54, 24
ROOMY, TIGHT = 240, 160  # a card with room for a block on one line; one too small for its count behind it
PROGRAMS = ("felix", "bird", "confd")
NAMES = {"felix": "Felix", "bird": "BIRD", "confd": "confd"}


def height(w: float, lines: int) -> int:
    """Of a card so wide with so many blocks."""
    return HEAD + POD + 10 + TUNNEL + lines * (22 if w >= ROOMY else 34) + 10


def fill(facts: Facts) -> dict[str, int]:
    """Addresses taken in each block: of Pods, and of the tunnels' own devices."""
    found = dict.fromkeys(facts.blocks, 0)
    tunnels = (facts.tunnel_address(node, kind) for node in facts.nodes for kind in facts.tunnels)
    for address in {*facts.by_ip, *filter(None, tunnels)}:
        block = block_of(address)
        if block in found:
            found[block] += 1
    return found


class Card:
    """A node: calico-node with its three programs, the tunnel's device, its blocks."""

    def __init__(
        self, scene: Scene, plane: Dataplane, name: str, rect: Rect, lines: int, fill: Mapping[str, int], *, bgp: bool
    ) -> None:
        self.scene, self.plane, self.facts = scene, plane, plane.facts
        self.name, self.rect, self.lines, self.fill, self.bgp = name, rect, lines, fill, bgp
        self.state = plane.past.state(name, CALICO)
        machine = self.facts.machines[name]
        self.off, self.cut = machine.power != "on", machine.network != "up"

    def drawn(self, chosen: bool) -> Element:
        scene, rect, name = self.scene, self.rect, self.name
        address = self.facts.address(name)
        room = rect.w - 24
        shown = address if metrics.width(name, 12) + metrics.width(address, 11) + 12 <= room else ""
        marks = f"k-place k-worker{' off' if self.off else ''}{' netcut' if self.cut else ''}"
        marks += " chosen" if chosen else ""
        lit = agents.acts_on(scene.step, self.plane, "felix", "bird", "confd", "calico-node")
        marks += " hot" if name in lit else ""
        left = room - (metrics.width(shown, 11) + 12 if shown else 0)
        ref = f"nodes/{name}"
        said = scene.say("calico-view.aria-node", name=name, address=address)
        for word, so in (("figure.powered-off", self.off), ("figure.disconnected", self.cut)):
            said += f", {scene.say(word)}" if so else ""
        card = Element(scene.id_of(ref), marks, shapes.box(rect, "k-f", 6), label=said, ref=ref)
        texts = (Text(rect.x + 12, rect.y + 21, "k-fh"), Text(rect.right - 12, rect.y + 21, "k-num", "end"))
        words = (metrics.fit(name, left, 12), shown)
        head = Element(part_id(name, "name"), "k-name", shapes.words(texts), words, label=name, href=scene.link(ref))
        card.children += [head, self._agent()]
        top = rect.y + HEAD + POD + 10
        card.children.append(self._tunnel(top))
        card.children += self._blocks(top + 24)
        return card

    def _agent(self) -> Element:
        """The Pod calico-node, and in it Felix, BIRD and confd."""
        scene, rect = self.scene, Rect(self.rect.x + 8, self.rect.y + HEAD, self.rect.w - 16, POD)
        found = agents.pod_of(scene, self.name, "calico-node")
        said = scene.say(f"net.agent-{self.state or 'none'}")
        word = "" if self.state == UP or metrics.width(said, 11) > rect.w - 120 else said
        if found is None:
            ident, marks, name, href, ref = part_id(self.name, "calico-pod"), "st-Pending", "calico-node", "", ""
        else:
            ref, pod = found
            ident, name = scene.id_of(ref), str(pod["metadata"]["name"])
            mark = "Failed" if self.state in (DOWN, GONE) else scene.state(ref, pod).mark
            marks, href = f"{scene.owner_of(pod)[1]} st-{mark}{scene.marks(ref)}", scene.link(ref)
        if word or self.state != UP or metrics.width(name, 11) > rect.w - 36:
            name = "calico-node"
        label = scene.say("calico-view.aria-agent", name=name, state=said)
        block = Element(ident, f"k-pod k-inner {marks}", shapes.inner(rect), (name, word), label, ref=ref)
        if href:  # the name leads to the Pod, the programs to their articles
            under = f'<rect x="{rect.x + 8:g}" y="{rect.y + 2:g}" width="{rect.w - 16:g}" height="22" class="k-hit"/>'
            shape = shapes.words((Text(rect.x + 28, rect.y + 19, "k-pn"),), under)
            block.children.append(Element(f"{ident}-name", "k-name", shape, ("",), label=name, href=href))
        w = (rect.w - 16 - 12) / 3
        for number, program in enumerate(PROGRAMS):
            place = Rect(round(rect.x + 8 + number * (w + 6)), rect.y + 26, round(w), 20)
            block.children.append(self._program(program, place))
        return block

    def _program(self, program: str, rect: Rect) -> Element:
        scene = self.scene
        here = self.bgp or program == "felix"
        step = scene.step
        lit = step is not None and step.component == program and self.name in agents.acts_on(step, self.plane, program)
        marks = agents.mark_of(self.state) if here else " absent"
        state = self.state or "none"
        said = scene.say(f"net.agent-{state}" if here else "calico-view.not-run")
        href = scene.options.part_link(program) if scene.options.part_link else ""
        return Element(
            part_id(self.name, program),
            f"k-chip k-agent{marks.replace(' st-Failed', '').replace(' st-Unknown', '')}{' hit' if lit else ''}",
            shapes.box(rect, "k-c", 3, (Text(rect.cx, rect.cy + 4, "k-cp", "middle"),)),
            (NAMES[program],),
            label=f"{NAMES[program]}: {said}",
            href=href,
        )

    def _tunnel(self, top: float) -> Element:
        scene, rect = self.scene, self.rect
        kind = next(iter(self.facts.tunnels), "")
        interfaces = self.plane.machine(self.name).interfaces
        device = DEVICES.get(kind, "")
        own = interfaces.get(device)
        address = own.addresses[0].partition("/")[0] if own is not None and own.addresses else ""
        if not kind:
            device, address = "eth0", scene.say("calico-view.no-tunnel")
        w = metrics.width(device, 10.5) + 14
        chip = Rect(rect.x + 8, top, round(w), 18)
        text = Text(chip.right + 8, top + 13, "k-num" if kind else "k-fs")
        texts = (Text(chip.cx, top + 12.5, "k-if", "middle"), text)
        over = (
            f'<rect x="{chip.x + 0.5:g}" y="{chip.y + 0.5:g}" width="{chip.w - 1:g}" height="17" rx="3" class="k-c"/>'
        )
        face = "mono" if kind else "sans"
        marks = f"k-iface{' k-tunnel' if kind and own is not None else ''}"
        cut = metrics.fit_end if kind else metrics.fit
        room = rect.right - 10 - text.x
        said = cut(address or "-", room, 11, face) if room > 48 or not address else ""
        return Element(
            part_id(self.name, "tunnel"), marks, shapes.words(texts, over), (device, said), label=f"{device} {address}"
        )

    def _blocks(self, top: float) -> list[Element]:
        """Its blocks: which addresses they are, and how many of them are taken."""
        scene, rect = self.scene, self.rect
        blocks = self.facts.blocks_of(self.name)
        roomy = rect.w >= ROOMY
        step = 22 if roomy else 34
        out = []
        for number in range(self.lines):
            y = top + number * step
            if number >= len(blocks):
                said = scene.say("calico-view.no-block") if not blocks and number == 0 else ""
                shape = shapes.words((Text(rect.x + 10, y + 14, "k-fs"),))
                out.append(Element(part_id(self.name, f"block-{number}"), "k-said", shape, (said,)))
                continue
            block, taken = blocks[number], self.fill.get(blocks[number], 0)
            last = number == self.lines - 1
            over = f" +{len(blocks) - self.lines}" if last and len(blocks) > self.lines else ""
            x0 = rect.x + 10
            bar = Rect(x0 + 132 if roomy else x0, y + (11 if roomy else 26), 0, 0)
            w = round(rect.right - 10 - bar.x - (52 if roomy or rect.w < TIGHT else 0))
            label = scene.say("calico-view.aria-block", block=block, taken=taken, total=ADDRESSES)
            tight = rect.w < TIGHT  # then the count stands beside the bar
            right = Text(rect.right - 10, y + (30 if tight else 14), "k-num", "end")
            filled = round(w * min(taken, ADDRESSES) / ADDRESSES)
            shape = shapes.fill(bar.x, bar.y, w, filled, (Text(x0, y + 14, "k-num"), right))
            text = (block, f"{taken}/{ADDRESSES}{over}")
            out.append(Element(part_id(self.name, f"block-{number}"), "k-said k-block", shape, text, label))
        return out
