"""A Service: who comes to it, what every node's kube-proxy has written for it, and the Pods behind it.

On the left the ways in, then the nodes with what their rules lead to, the chains of one of them, and the endpoints as
the EndpointSlices have them. Where a node's rules are older than that, both can be seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

from apps.cluster.apimachinery.meta import name_of, namespace_of
from apps.cluster.dataplane import balancing
from apps.cluster.dataplane.agents import CUT, UP
from apps.cluster.dataplane.dataplane import Dataplane
from apps.diagrams import balance, chains, metrics, served, shapes
from apps.diagrams.balance import Balance
from apps.diagrams.graph import Element, Graph, Rect, Text
from apps.diagrams.ids import edge_id, element_id, part_id
from apps.diagrams.options import WIDTHS, Options
from apps.diagrams.places import SnapshotLike
from apps.diagrams.views import agents, sheet, splines
from apps.diagrams.views.scene import Scene

Obj = dict[str, Any]

BOX, BOX_GAP = 50, 14
CARD = 44
LINK, END = 36, 40  # rows of a chain, of an endpoint
ENDS = 10  # endpoints drawn
SLICES = 2
CELLS = 10  # squares of a node


class Layout(NamedTuple):
    ways: tuple[int, int]  # left and right
    nodes: tuple[int, int]
    chains: tuple[int, int]
    ends: tuple[int, int]
    most: int  # nodes drawn
    rows: int  # 1 all abreast, 2 chains and endpoints below, 3 everything under each other


LAYOUTS = {
    "full": Layout((0, 216), (256, 560), (600, 972), (1008, 1344), 8, 1),
    "wide": Layout((0, 176), (208, 448), (478, 806), (838, 1112), 8, 1),
    "medium": Layout((0, 208), (244, 744), (0, 400), (436, 744), 8, 2),
    "narrow": Layout((0, 358), (0, 358), (0, 358), (0, 358), 6, 3),
}


def build(snapshot: SnapshotLike, lang: str, options: Options) -> Graph:
    """The graph of a Service's figure."""
    scene = Scene(snapshot, lang, options)
    plane = agents.plane_of(scene)
    key = served.chosen(snapshot, options.focus) if plane is not None else ""
    if plane is None or not key:
        return agents.nothing(scene, "service", scene.say("service-view.title-none"))
    return _Drawing(scene, plane, key).graph()


class _Drawing:
    def __init__(self, scene: Scene, plane: Dataplane, key: str) -> None:
        self.scene, self.plane, self.facts, self.key = scene, plane, plane.facts, key
        self.service: Obj = self.facts.table("services")[key]
        self.spec: Obj = self.service["spec"]
        self.layout, self.width = LAYOUTS[scene.options.width], WIDTHS[scene.options.width]
        self.mode = plane.settings.proxy_mode
        self.chosen = agents.chosen_node(scene, plane)
        self.ports: list[Obj] = self.spec.get("ports") or []
        self.port: Obj = self.ports[0] if self.ports else {}
        self.entries = served.entries(self.facts, key, self.port.get("name") or "")
        self.roots: list[Element] = []
        self.edges: list[Element] = []

    @property
    def headless(self) -> bool:
        return self.spec.get("clusterIP") == "None"

    @property
    def elsewhere(self) -> str:
        return str(self.spec.get("externalName") or "") if self.spec.get("type") == "ExternalName" else ""

    @property
    def proxied(self) -> bool:
        """Whether kube-proxy does anything for it."""
        return not self.headless and not self.elsewhere

    @property
    def exposed(self) -> bool:
        """Whether it can be reached from outside: then what is counted is what comes from there."""
        port = self.mine.port
        return port is not None and port.externally_accessible

    @cached_property
    def lit(self) -> frozenset[str]:
        """The nodes whose kube-proxy writes rules for this Service in this step."""
        step = self.scene.step
        told = str(step.params.get("services", "")).split(", ") if step is not None else []
        if step is not None and step.message == "kube-proxy.sync" and self.key not in told:
            return frozenset()
        return agents.acts_on(step, self.plane, "kube-proxy")

    @cached_property
    def balances(self) -> dict[str, Balance]:
        return {name: balance.of_node(self.plane, name, self.key) for name in agents.ordered(self.scene, self.plane)}

    @cached_property
    def mine(self) -> Balance:
        return self.balances[self.chosen]

    @cached_property
    def ends(self) -> list[str]:
        """`address:port` of everybody who is an endpoint, or is taken for one by the chosen node."""
        known = set(self.entries) | (set(self.mine.reached) if self.proxied else set())
        return sorted(known)

    def graph(self) -> Graph:
        scene = self.scene
        top = self._head()
        if self.elsewhere:
            bottom = self._outside(top)
        elif self.headless:
            bottom = self._ends(top, top)
        else:
            bottom = self._whole(top)
        return Graph(
            view="service",
            lang=scene.lang,
            width=self.width,
            height=int(bottom) + 2,
            title=scene.say("service-view.title", name=self.key),
            roots=self.roots,
            edges=self.edges,
            links=[("fig-chains", ident) for ident in self._end_ids()] if self.proxied else [],
            told=scene.told(),
        )

    def _whole(self, top: float) -> float:
        """The ways in, the nodes, one node's chains, the endpoints."""
        rows = self.layout.rows
        ways, anchors = self._ways(top)
        nodes = self._nodes(ways + 14 if rows == 3 else top, anchors)
        under = max(ways, nodes) + 16
        start = top if rows == 1 else under
        low, at = self._chains(start)
        bottom = self._ends(low + 14 if rows == 3 else start, at if rows < 3 else 0)
        return max(under - 16, low, bottom)

    # What it is called

    def _head(self) -> float:
        scene, spec = self.scene, self.spec
        kind = "Headless" if self.headless else spec.get("type", "ClusterIP")
        facts = [kind]
        facts += [f"{name}: Local" for name in ("internalTrafficPolicy", "externalTrafficPolicy")
                  if spec.get(name) == "Local"]  # fmt: skip
        facts += ["sessionAffinity: ClientIP"] if spec.get("sessionAffinity") == "ClientIP" else []
        facts += [self.mode] if self.proxied and self.mode != "iptables" else []
        if len(self.ports) > 1:
            facts.append(scene.say("service-view.ports", count=len(self.ports), name=self.port.get("name", "")))
        said = " · ".join(facts)
        ref, name = f"services/{self.key}", self.key.removeprefix("default/")
        narrow = self.layout.rows == 3
        at = 0.0 if narrow else metrics.width(name, 12) + 14
        texts = (Text(0, 14, "k-fh"), Text(at, 32 if narrow else 14, "k-say"))
        self.roots.append(
            Element(
                scene.id_of(ref),
                f"k-said{scene.marks(ref)}",
                shapes.words(texts),
                (metrics.fit(name, self.width, 12), metrics.fit(said, self.width - at, 12, "sans")),
                label=f"Service {self.key}: {said}",
                href=scene.link(ref),
            )
        )
        y = 52 if narrow else 34
        name, answer = served.answered(self.facts, self.key)
        told = self._answer(answer.records, answer.outside)
        texts = (
            Text(0, y, "k-num"),
            Text(0 if narrow else metrics.width(name, 11) + 12, y + (18 if narrow else 0), "k-say"),
        )
        room = self.width - texts[1].x
        text = (metrics.fit(name, self.width), metrics.fit(told, room, 12, "sans"))
        ident = "fig-dns"
        self.roots.append(Element(ident, "k-said", shapes.words(texts), text, label=f"{name}: {told}"))
        return y + (36 if narrow else 18)

    def _answer(self, records: tuple[Any, ...], outside: str) -> str:
        """What CoreDNS answers, in a line."""
        scene = self.scene
        cname = next((one.data for one in records if one.type == "CNAME"), self.elsewhere)
        found = [one.data for one in records if one.type in ("A", "AAAA")]
        if cname:
            return scene.say("service-view.dns-cname", name=cname.rstrip("."))
        if not found:
            return scene.say("service-view.dns-nothing")
        more = len(found) - 3
        told = ", ".join(found[:3]) + (f" +{more}" if more > 0 else "")
        return scene.say("service-view.dns-a", addresses=told)

    def _outside(self, top: float) -> float:
        """A name for something outside: the cluster has nothing but that name."""
        scene = self.scene
        rect = Rect(0, top + 4, min(self.width, 520), 60)
        texts = (Text(rect.x + 12, rect.y + 22, "k-fh"), Text(rect.x + 12, rect.y + 44, "k-say"))
        said = scene.say("service-view.outside")
        text = (metrics.fit(self.elsewhere, rect.w - 24, 12), metrics.fit(said, rect.w - 24, 12, "sans"))
        self.roots.append(
            Element("fig-outside", "k-place k-outside", shapes.box(rect, "k-f", 6, texts), text,
                    label=f"{self.elsewhere}: {said}")
        )  # fmt: skip
        return rect.bottom

    # Ways in

    def _ways(self, top: float) -> tuple[float, dict[str, Rect]]:
        """Boxes under each other: Pods inside, clients outside, the balancer."""
        scene = self.scene
        left, right = self.layout.ways
        port = self.port.get("port", "")
        addresses = balancing.given(self.service)
        boxes = [("inside", "service-view.inside", f"{self.spec.get('clusterIP')}:{port}", "k-place")]
        node_port = self.port.get("nodePort")
        external = self.spec.get("externalIPs") or []
        if addresses or node_port or external or self.spec.get("type") == "LoadBalancer":
            # What a client asks: the balancer's address, another one, or that of any node.
            asked = f"{addresses[0]}:{port}" if addresses else f"{external[0]}:{port}" if external else ""
            asked = asked or (scene.say("service-view.any-node", port=node_port) if node_port else "")
            boxes.append(("client", "service-view.client", asked, "k-place k-outside"))
        if self.spec.get("type") == "LoadBalancer":
            backends = balancing.backends(self.plane, self.service)
            healthy = sum(one.healthy for one in backends)
            said = scene.say("service-view.healthy", count=healthy, total=len(backends)) if addresses else ""
            boxes.append(("balancer", "service-view.balancer", said or scene.say("service-view.pending"), "k-place"))
        rects: dict[str, Rect] = {}
        for number, (ident, title, line, cls) in enumerate(boxes):
            rect = Rect(left, top + number * (BOX + BOX_GAP), right - left, BOX)
            rects[ident] = rect
            texts = (Text(rect.x + 12, rect.y + 20, "k-lh"), Text(rect.x + 12, rect.y + 38, "k-num"))
            word = scene.say(title)
            text = (metrics.fit(word, rect.w - 24, 11, "sans-500"), metrics.fit(line, rect.w - 24))
            self.roots.append(
                Element(f"fig-{ident}", cls, shapes.box(rect, "k-f", 6, texts), text, label=f"{word}: {line}")
            )
        if "balancer" in rects:
            start, tip = rects["client"], rects["balancer"]
            down = splines.straight((start.x + 24, start.bottom), (start.x + 24, tip.y))
            self.edges.append(Element(edge_id("client", "balancer"), "k-edge k-flow", shapes.edge(down)))
        return top + len(boxes) * (BOX + BOX_GAP) - BOX_GAP, rects

    # Nodes

    def _shown(self) -> tuple[list[str], int]:
        """The nodes that are drawn: all, or those that are behind before the others; and how many are not."""
        everybody = list(self.balances)
        most = self.layout.most
        if len(everybody) <= most:
            return everybody, 0
        first = [name for name in everybody if self._wrong(self.balances[name]) or name == self.chosen]
        chosen = set([self.chosen, *first][:most])
        chosen.update([name for name in everybody if name not in chosen][: most - len(chosen)])
        return [name for name in everybody if name in chosen], len(everybody) - len(chosen)

    @staticmethod
    def _wrong(one: Balance) -> bool:
        return one.state != UP or one.late

    def _nodes(self, top: float, anchors: dict[str, Rect]) -> float:
        scene = self.scene
        left, right = self.layout.nodes
        shown, hidden = self._shown()
        foot = 26 if hidden else 10
        rect = Rect(left, top, right - left, sheet.HEAD + CARD * len(shown) + foot)
        node_port = self.port.get("nodePort")
        comes = f":{node_port}" if node_port else "" if self.exposed else str(self.spec.get("clusterIP"))
        frame = sheet.panel("fig-nodes", rect, scene.say("service-view.nodes"), comes)
        self.roots.append(frame)
        lit = self.lit
        healthy = self._healthy()
        for number, name in enumerate(shown):
            place = Rect(rect.x + 8, rect.y + sheet.HEAD + CARD * number, rect.w - 16, CARD)
            frame.children += self._node(name, place, lit)
            self._comes(name, place, anchors, healthy)
        if hidden:
            wrong = sum(self._wrong(one) for name, one in self.balances.items() if name not in shown)
            said = scene.say("service-view.more-nodes", count=hidden, wrong=wrong)
            text = Text(rect.x + 12, rect.bottom - 9, "k-fs")
            shape = shapes.words((text,))
            frame.children.append(
                Element("fig-nodes-more", "k-said", shape, (metrics.fit(said, rect.w - 24, 11, "sans"),), said)
            )
        if self.layout.rows < 3:
            inside = anchors["inside"]
            line = splines.straight((inside.right, rect.y + 17), (rect.x, rect.y + 17))
            self.edges.append(Element(edge_id("inside", "nodes"), "k-edge k-flow", shapes.edge(line)))
        return rect.bottom

    def _healthy(self) -> frozenset[str] | None:
        """The nodes that a balancer sends to; None without one."""
        if self.spec.get("type") != "LoadBalancer":
            return None
        return frozenset(one.node for one in balancing.backends(self.plane, self.service) if one.healthy)

    def _node(self, name: str, place: Rect, lit: frozenset[str]) -> Iterator[Element]:
        """A node: how its kube-proxy is, what it had seen, and which endpoints its rules lead to."""
        scene, found = self.scene, self.balances[name]
        if not found.written:
            said = scene.say("service-view.nothing-written")
        elif found.state == UP:
            said = scene.say("service-view.late" if found.late else "service-view.synced", revision=found.revision)
        else:
            said = scene.say(f"service-view.proxy-{found.state}", revision=found.revision)
        cells = self._cells(found)
        ends = found.outside if self.exposed else found.inside
        count = len(ends)
        right = f"{count}/{len(self.entries)}" if len(self.ends) > CELLS else ""
        mark = (
            "v-no" if found.state not in (UP, CUT) or not found.written else "v-skip" if self._wrong(found) else "v-yes"
        )
        marks = f"k-row k-agentrow {mark}{' hot' if name in lit else ''}{' selected' if name == self.chosen else ''}"
        texts = (
            Text(place.x + 26, place.y + 18, "k-nm"),
            Text(place.x + 26, place.y + 35, "k-fs"),
            Text(place.right - 6, place.y + 18, "k-num", "end"),
        )
        room = place.w - 34 - (len(cells) * 11 + 8 if cells else 0)
        text = (
            metrics.fit(name, place.w - 60 - (len(cells) * 11), 11.5),
            metrics.fit(said, place.w - 34, 11, "sans"),
            right,
        )
        label = scene.say(
            "service-view.aria-node", name=name, state=said, ends=", ".join(str(one) for one in ends[:20]) or "-"
        )
        yield Element(
            part_id("kernel", name),
            marks,
            shapes.ruled(place, texts, True),
            text,
            label=label,
            href=scene.link(f"nodes/{name}"),
        )
        if cells and room > 0:
            shape = shapes.tally(place.right - 6 - len(cells) * 11, place.y + 10, cells)
            yield Element(part_id("reach", name), f"k-note{' late' if self._wrong(found) else ''}", shape)

    def _cells(self, found: Balance) -> str:
        """A square for each endpoint: taken, left out, or taken though it is none any more."""
        ends = self.ends
        if len(ends) > CELLS or not ends:
            return ""
        reached = {str(one) for one in (found.outside if self.exposed else found.inside)}
        return "".join("0" if one not in reached else "1" if one in self.entries else "x" for one in ends)

    def _comes(self, name: str, place: Rect, anchors: dict[str, Rect], healthy: frozenset[str] | None) -> None:
        """The line on which connections from outside come to a node."""
        if self.layout.rows == 3 or "client" not in anchors:
            return
        source = anchors.get("balancer", anchors["client"])
        if healthy is not None and name not in healthy:
            return
        if not self.port.get("nodePort") and healthy is None:
            return
        middle = source.right + 14
        tip = (place.x - 8.0, place.y + CARD / 2)
        corners = ((source.right, source.cy), (middle, source.cy), (middle, tip[1]), tip)
        line = splines.route(corners) if abs(source.cy - tip[1]) > 4 else splines.straight((source.right, tip[1]), tip)
        self.edges.append(Element(edge_id("comes", name), "k-edge k-flow k-outer", shapes.edge(line)))

    # One node's chains

    def _chains(self, top: float) -> tuple[float, float]:
        """Where the panel ends, and where its endpoints begin."""
        scene, found = self.scene, self.mine
        left, right = self.layout.chains
        links = chains.links(self.mode, found)
        ends = self.ends[:ENDS]
        hidden = len(self.ends) - len(ends)
        at = top + sheet.HEAD + LINK * max(len(links), 1)
        rect = Rect(left, top, right - left, at - top + END * len(ends) + (28 if hidden else 10))
        note = f"rev {found.revision}" if found.written else ""
        title = scene.say(f"service-view.chains-{self.mode}", name=self.chosen)
        frame = sheet.panel("fig-chains", rect, title, note)
        self.roots.append(frame)
        hot = self.chosen in self.lit
        for number in range(max(len(links), 1)):
            place = Rect(rect.x + 8, rect.y + sheet.HEAD + LINK * number, rect.w - 16, LINK)
            one = links[number] if number < len(links) else None
            frame.children.append(self._link(number, one, place, hot))
        outer, inner = (chains.chances(self.mode, one) for one in (found.local, found.cluster))
        for number, text in enumerate(ends):
            place = Rect(rect.x + 8, at + END * number, rect.w - 16, END)
            frame.children.append(self._end_chain(text, place, inner.get(text, ""), outer.get(text, "")))
        if hidden:
            said = scene.say("figure.more", count=hidden)
            text_at = Text(rect.x + 12, rect.bottom - 9, "k-fs")
            frame.children.append(Element("fig-chains-more", "k-said", shapes.words((text_at,)), (said,)))
        self._into(rect)
        return rect.bottom, at

    def _into(self, rect: Rect) -> None:
        """From the chosen node to its chains."""
        shown, _hidden = self._shown()
        if self.layout.rows > 1 or self.chosen not in shown:
            return
        right = self.layout.nodes[1]
        y = rect.y + sheet.HEAD + CARD * shown.index(self.chosen) + CARD / 2
        middle = (right + rect.x) / 2
        corners = ((right - 8.0, y), (middle, y), (middle, rect.y + 17), (rect.x, rect.y + 17))
        self.edges.append(Element(edge_id("chains"), "k-edge k-flow", shapes.edge(splines.route(corners))))

    def _link(self, number: int, one: chains.Link | None, place: Rect, hot: bool) -> Element:
        scene = self.scene
        texts = (Text(place.x + 4, place.y + 15, "k-on"), Text(place.x + 14, place.y + 30, "k-num"))
        if one is None:
            said = scene.say("service-view.nothing-written" if not self.mine.written else "service-view.no-rules")
            shape = shapes.ruled(place, (Text(place.x + 4, place.y + 22, "k-fs"),), False)
            return Element("fig-link-0", "k-row k-empty", shape, (said,), said)
        way = f"{one.match} → {chains.short(one.to) if not one.refuses else one.to}" if one.to else one.match
        text = (metrics.fit(one.name, place.w - 8), metrics.fit(way, place.w - 18))
        marks = f"k-row{' k-refuses' if one.refuses else ''}{' hot' if hot else ''}"
        label = f"{one.name}: {one.match}{f' → {one.to}' if one.to else ''}"
        return Element(part_id("link", str(number)), marks, shapes.ruled(place, texts, False), text, label)

    def _end_chain(self, text: str, place: Rect, inner: str, outer: str) -> Element:
        """The chain of one endpoint, and with what probability each of the sharing chains takes it."""
        scene, found = self.scene, self.mine
        endpoint = found.reached.get(text)
        texts = (Text(place.x + 14, place.y + 17, "k-on"), Text(place.x + 14, place.y + 33, "k-num"))
        shape = shapes.ruled(place, texts, False)
        ident = part_id("end", text)
        if endpoint is None:
            said = scene.say("service-view.not-in-rules")
            return Element(ident, "k-row v-none", shape, ("–", metrics.fit(said, place.w - 24, 11)), f"{text}: {said}")
        chain = chains.endpoint_chain(self.mode, found, endpoint)
        both = bool(inner) and bool(outer)
        names = ("SVC ", "SVL ") if self.mode == "iptables" else ("", "local ")
        words = [
            f"{name if both or name == names[1] else ''}p {one}"
            for name, one in zip(names, (inner, outer), strict=True)
            if one
        ]
        stale = text not in self.entries
        if stale:
            words.append(scene.say("service-view.stale"))
        said = " · ".join(words)
        fitted = (metrics.fit(chain, place.w - 20), metrics.fit(said, place.w - 24))
        label = f"{chain} → {text}: {said}"
        return Element(ident, f"k-row k-sep{' k-refuses' if stale else ''}", shape, fitted, label)

    # Endpoints

    def _ends(self, top: float, at: float) -> float:
        """The EndpointSlices and what is in them; a row beside the chain that leads there."""
        scene = self.scene
        left, right = self.layout.ends if self.proxied else (0, min(self.width, 640))
        slices = served.slices(self.facts, self.key)
        shown, ends = slices[:SLICES], self.ends[:ENDS]
        room = sheet.HEAD + 22 * max(len(shown), 1) + 8
        start = max(at, top + room) if self.layout.rows < 3 and self.proxied else top + room
        if start > at and at and self.proxied:
            start = at if at - top >= sheet.HEAD + 4 else start
        hidden = len(self.ends) - len(ends)
        height = start - top + max(END * len(ends), 30) + (28 if hidden else 10)
        rect = Rect(left, top, right - left, height)
        ready = sum(one.ready for one in self.entries.values())
        note = scene.say("figure.endpoints", ready=ready, total=len(self.entries))
        frame = sheet.panel("fig-ends", rect, scene.say("service-view.ends"), note)
        self.roots.append(frame)
        fits = int((start - top - sheet.HEAD) // 22)
        for number, one in enumerate(shown[: max(fits, 1)]):
            ref = f"endpointslices/{namespace_of(one)}/{name_of(one)}"
            place = Rect(rect.x + 8, top + sheet.HEAD + 22 * number, rect.w - 16, 20)
            over = len(slices) - len(shown[: max(fits, 1)])
            more = f" +{over}" if over and number == len(shown[: max(fits, 1)]) - 1 else ""
            count = len(one.get("endpoints") or ())
            cells = [
                sheet.Cell(place.x + 4, f"{name_of(one)}{more}", place.w - 44, "k-on"),
                sheet.Cell(place.right - 4, str(count), 34, "k-num", "end"),
            ]
            label = scene.say("service-view.aria-slice", name=name_of(one), count=count)
            marks, href = scene.marks(ref).strip(), scene.link(ref)
            ident = part_id("slice", str(number))
            frame.children.append(sheet.row(ident, place, cells, cls=marks, label=label, href=href))
        if not ends:
            said = scene.say("service-view.no-ends")
            text = Text(rect.x + 12, start + 20, "k-say")
            fitted = metrics.fit(said, rect.w - 24, 12, "sans")
            frame.children.append(Element("fig-no-ends", "k-said v-no", shapes.words((text,)), (fitted,), said))
        for number, key in enumerate(ends):
            place = Rect(rect.x + 8, start + END * number, rect.w - 16, END)
            frame.children += self._end(key, place)
            if self.proxied and self.layout.rows < 3 and key in self.mine.reached:
                tip = (place.x + 4.0, place.y + END / 2)
                line = splines.straight((self.layout.chains[1] - 8.0, tip[1]), tip)
                stale = " stale" if key not in self.entries else ""
                self.edges.append(Element(edge_id("end", key), f"k-edge k-flow{stale}", shapes.edge(line)))
        if hidden:
            text = Text(rect.x + 12, rect.bottom - 9, "k-fs")
            said = scene.say("figure.more", count=hidden)
            frame.children.append(Element("fig-ends-more", "k-said", shapes.words((text,)), (said,)))
        return rect.bottom

    def _end_ids(self) -> list[str]:
        return [element_id(entry.ref) if entry.ref else part_id("at", key) for key, entry in self.entries.items()][
            :ENDS
        ]

    def _end(self, key: str, place: Rect) -> Iterator[Element]:
        """An endpoint: its Pod, its address, its node, its conditions."""
        scene, entry = self.scene, self.entries.get(key)
        x = place.x + 6 + 112
        texts = (Text(x + 8, place.y + 17, "k-num"), Text(x + 8, place.y + 33, "k-fs"))
        room = place.right - x - 10
        if entry is None:
            said = scene.say("service-view.gone")
            text = (metrics.fit(key, room), metrics.fit(said, room, 11, "sans"))
            yield Element(part_id("at", key), "k-said v-no", shapes.words(texts), text, f"{key}: {said}")
            return
        words = [entry.node] if entry.node else []
        words.append(
            scene.say(f"service-view.{'ready' if entry.ready else 'serving' if entry.serving else 'not-ready'}")
        )
        words += [scene.say("service-view.terminating")] if entry.terminating else []
        if self.headless and entry.host:
            words.insert(0, f"{entry.host}.{self.key.partition('/')[2]}")
        said = " · ".join(words)
        pod = scene.pods.get(entry.ref.partition("/")[2]) if entry.ref else None
        box = Rect(place.x + 6, place.y + 6, 108, 28)
        label = f"{key}: {said}"
        address = key if entry.port else entry.address
        text = (metrics.fit(address, room), metrics.fit(said, room, 11, "sans"))
        if pod is not None:
            drawn = scene.pod(entry.ref, pod, shapes.pod(box), box.w - 30)
            # Not held to a place: rows stand in the order of the rules, into which an address may come anywhere.
            yield Element(drawn.id, drawn.cls, drawn.shape, (drawn.text[0], ""), drawn.label, drawn.href)
        yield Element(part_id("at", key), "k-said", shapes.words(texts), text, label)
