"""Calico: pools, what runs on each node, BGP sessions between them, blocks and how full they are, routes of one node.

Sessions are arcs over the nodes while all nodes fit in a row; of more, those of one node are listed, what is wrong
first. Everything is what the agents have programmed, which may be older than what the API server says.
"""

from __future__ import annotations

from typing import NamedTuple

from apps.cluster.dataplane.agents import CALICO, CUT, DOWN, ESTABLISHED, LOST, STALE, UP
from apps.cluster.dataplane.dataplane import BGPSession, Dataplane
from apps.cluster.dataplane.datastore import is_full_mesh
from apps.cluster.dataplane.routes import DEVICES
from apps.cluster.network.addresses import within
from apps.cluster.network.machine import Route
from apps.diagrams import metrics, packets, shapes
from apps.diagrams.graph import Element, Graph, Rect, Text
from apps.diagrams.ids import edge_id, part_id
from apps.diagrams.options import WIDTHS, Options
from apps.diagrams.places import SnapshotLike
from apps.diagrams.views import agents, arcs, calico_node, sheet
from apps.diagrams.views.scene import Scene
from apps.diagrams.views.sheet import Cell

POOLS = 3
GAP = 12
SESSIONS, ROUTES = 8, 12  # rows
MODES = {"ipip": "IP-in-IP", "vxlan": "VXLAN"}


class Layout(NamedTuple):
    across: int  # nodes in a row; as many as their sessions are drawn of
    most: int  # nodes drawn


LAYOUTS = {"full": Layout(7, 14), "wide": Layout(6, 12), "medium": Layout(5, 10), "narrow": Layout(1, 5)}


def build(snapshot: SnapshotLike, lang: str, options: Options) -> Graph:
    """The graph of Calico's figure."""
    scene = Scene(snapshot, lang, options)
    plane = agents.plane_of(scene)
    title = scene.say("calico-view.title")
    return agents.nothing(scene, "calico", title) if plane is None else _Drawing(scene, plane).graph(title)


class _Drawing:
    def __init__(self, scene: Scene, plane: Dataplane) -> None:
        self.scene, self.plane, self.facts = scene, plane, plane.facts
        self.layout, self.width = LAYOUTS[scene.options.width], WIDTHS[scene.options.width]
        self.upright = scene.options.width == "narrow"
        self.chosen = agents.chosen_node(scene, plane)
        everybody = agents.ordered(scene, plane)
        shown = everybody[: self.layout.most]
        if self.chosen not in shown:
            shown[-1] = self.chosen
        self.nodes, self.hidden = shown, len(everybody) - len(shown)
        self.drawn = len(everybody) <= (self.layout.most if self.upright else self.layout.across)
        # Between nodes of which one has not spoken yet there is none that could be lost.
        self.sessions = [one for one in plane.sessions() if one.state != LOST or one.revision or one.problem]
        self.backend = bool(self.sessions) or any(self._bird(pool.tunnel) for pool in self.facts.pools)
        self.roots: list[Element] = []
        self.edges: list[Element] = []

    def graph(self, title: str) -> Graph:
        scene = self.scene
        top = self._pools(0)
        top = self._told_sessions(top)
        top = self._nodes(top)
        if not self.drawn and self.sessions:
            top = self._listed(top + 16)
        bottom = self._routes(top + 16)
        return Graph(
            view="calico",
            lang=scene.lang,
            width=self.width,
            height=int(bottom) + 2,
            title=title,
            roots=self.roots,
            edges=self.edges,
            links=[
                (scene.id_of(f"nodes/{one.node}"), scene.id_of(f"nodes/{one.peer}"))
                for one in self.sessions[:100]
                if one.state == ESTABLISHED
            ],
            told=scene.told(),
        )

    # Pools

    def _pools(self, top: float) -> float:
        scene = self.scene
        pools = self.facts.pools
        for place, pool in enumerate(pools[:POOLS]):
            y = top + 14 + place * (38 if self.upright else 20)
            kind = scene.say(f"calico-view.mode-{self._mode(pool.ipip, pool.vxlan)}", tunnel=MODES.get(pool.tunnel, ""))
            said = " · ".join(
                [
                    kind,
                    *([scene.say("calico-view.nat")] if pool.nat_outgoing else []),
                    scene.say(f"calico-view.routes-by-{'felix' if self.facts.by_felix(pool) else 'bird'}"),
                ]
            )
            name = f"{pool.name} {pool.cidr}"
            at = 0.0 if self.upright else metrics.width(name, 12) + 14
            if place == 0 and len(pools) > POOLS:
                said += " · " + scene.say("calico-view.more-pools", count=len(pools) - POOLS)
            texts = (Text(0, y, "k-fh"), Text(at, y + (18 if self.upright else 0), "k-say"))
            text = (metrics.fit(name, self.width, 12), metrics.fit(said, self.width - at, 12, "sans"))
            ref = f"ippools.crd.projectcalico.org/{pool.name}"
            known = scene.snapshot.objects.get("ippools.crd.projectcalico.org", {}).get(pool.name) is not None
            self.roots.append(
                Element(
                    part_id("pool", pool.name),
                    "k-said",
                    shapes.words(texts),
                    text,
                    label=f"IPPool {name}: {said}",
                    href=scene.link(ref) if known else "",
                )
            )
        return top + max(min(len(pools), POOLS), 1) * (38 if self.upright else 20) + 2

    @staticmethod
    def _mode(ipip: str, vxlan: str) -> str:
        mode = ipip if ipip != "Never" else vxlan
        return {"Always": "always", "CrossSubnet": "cross"}.get(mode, "never")

    def _bird(self, tunnel: str) -> bool:
        """Whether BIRD runs: not where the tunnel is VXLAN, whose routes are Felix' alone."""
        return tunnel != "vxlan"

    # Sessions

    def _told_sessions(self, top: float) -> float:
        """How many BGP sessions there are, and which of them are not as they should be."""
        scene, sessions = self.scene, self.sessions
        if not self.backend:
            said = scene.say("calico-view.no-bgp")
        else:
            mesh = "mesh" if is_full_mesh(self.facts) else "peers"
            count = {state: sum(one.state == state for one in sessions) for state in (ESTABLISHED, STALE, LOST)}
            said = scene.say(f"calico-view.bgp-{mesh}", count=len(sessions), **count)
        wrong = [one for one in sessions if one.state != ESTABLISHED]
        label = said
        if wrong:
            label += ": " + "; ".join(self._said(one) for one in wrong[:20])
        room = self.width - (0 if self.width < 700 or not sessions else 270)
        bad = any(one.state == LOST for one in sessions)
        self.roots.append(
            Element(
                "fig-bgp",
                f"k-said {'v-no' if bad else 'v-yes'}",
                shapes.words((Text(0, top + 14, "k-say"),)),
                (metrics.fit(said, room, 12, "sans"),),
                label=label,
                href=scene.options.part_link("bird") if scene.options.part_link else "",
            )
        )
        if sessions and self.width >= 700:
            self._legend(top + 14)
        return top + (24 if sessions else 30)

    def _said(self, one: BGPSession) -> str:
        scene = self.scene
        said = scene.say(f"calico-view.session-{one.state}", node=one.node, peer=one.peer)
        if one.problem:
            said += f" ({scene.say(f'calico-view.problem-{one.problem}')})"
        return said

    def _legend(self, y: float) -> None:
        x = float(self.width)
        for state in (LOST, STALE, ESTABLISHED):
            word = self.scene.say(f"calico-view.{state}")
            x -= metrics.width(word, 11, "sans")
            text = (Text(round(x), y, "k-fs"),)
            sample = f'<path d="M{round(x) - 30:g} {y - 3.5:g}h24" class="k-l"/>'
            cross = shapes.verdict(round(x) - 18, y - 4) if state == LOST else ""
            marks = f"k-note k-bgp {state}{' v-no' if state == LOST else ''}"
            self.roots.append(Element(f"fig-legend-{state}", marks, shapes.words(text, sample + cross), (word,)))
            x -= 48

    def _arcs(self, middles: list[float], base: float) -> None:
        places = {name: place for place, name in enumerate(self.nodes)}
        known = [one for one in self.sessions if one.node in places and one.peer in places]
        pairs = [(places[one.node], places[one.peer]) for one in known]
        hot = self._hot_pairs()
        for one, (points, middle) in zip(known, arcs.arcs(pairs, middles, base, upright=self.upright), strict=True):
            lit = " on" if any(pair <= {one.node, one.peer} for pair in hot) else ""
            marks = f"k-line k-bgp {one.state}{lit}"
            self.edges.append(Element(edge_id("bgp", one.node, one.peer), marks, shapes.line(points)))
            if one.state == LOST:
                cross = shapes.words((Text(middle[0], middle[1], "k-fs"),), shapes.verdict(middle[0], middle[1]))
                self.roots.append(Element(part_id("lost", f"{one.node} {one.peer}"), "k-note v-no", cross, ("",)))

    def _hot_pairs(self) -> list[set[str]]:
        """Sessions that this step is about: of one node with everybody, or between two."""
        step = self.scene.step
        if step is None or step.component != "bird":
            return []
        return [{name for name in (str(step.params.get("name", "")), str(step.params.get("peer", ""))) if name}]

    def _listed(self, top: float) -> float:
        """Sessions of the chosen node, where there are too many nodes to draw them all."""
        scene = self.scene
        mine = [one for one in self.sessions if self.chosen in (one.node, one.peer)]
        mine.sort(key=lambda one: (one.state == ESTABLISHED, one.state == STALE))
        rows = min(len(mine), SESSIONS)
        rect = Rect(0, top, self.width, sheet.height(rows, 24))
        frame = sheet.panel("fig-sessions", rect, scene.say("calico-view.sessions", node=self.chosen), "")
        self.roots.append(frame)
        for number, one in enumerate(mine[:SESSIONS]):
            place = sheet.line(rect, number)
            other = one.peer if one.node == self.chosen else one.node
            words = [scene.say(f"calico-view.{one.state}")]
            words += [scene.say(f"calico-view.problem-{one.problem}")] if one.problem else []
            cells = [
                Cell(place.x + 26, other, place.w * 0.4 - 30, "k-nm"),
                Cell(place.x + place.w * 0.4, " · ".join(words), place.w * 0.6 - 90),
                Cell(place.right - 4, f"rev {one.revision}", 84, "k-num", "end"),
            ]
            mark = {ESTABLISHED: "v-yes", STALE: "v-skip"}.get(one.state, "v-no")
            frame.children.append(
                sheet.row(part_id("session", str(number)), place, cells, cls=mark, verdict=True,
                          label=self._said(one), href=scene.link(f"nodes/{other}"))
            )  # fmt: skip
        over = len(mine) - rows
        text = Text(rect.x + 12, rect.bottom - 8, "k-fs")
        said = scene.say("figure.more", count=over) if over else ""
        frame.children.append(Element("fig-sessions-more", "k-note", shapes.words((text,)), (said,)))
        return rect.bottom

    # Nodes

    def _nodes(self, top: float) -> float:
        nodes, upright = self.nodes, self.upright
        across = self.layout.across  # however many there are: a node that joins moves nobody
        ever = max(len(nodes), min(self.scene.places.size + 1, self.layout.most if upright else across))
        arced = self.drawn and bool(self.sessions)
        left = arcs.height(ever) if upright and arced else 0
        left = min(left, 118)
        w = (self.width - left - GAP * (across - 1)) / across
        if arced and not upright:
            top += arcs.height(ever)
        base = top
        if self.facts.subnets > 1 and not upright and len(nodes) <= across:
            top = self._subnets(top, w)
        lines = self._block_lines()
        height, fill = calico_node.height(w, lines), calico_node.fill(self.facts)
        middles = []
        for number, name in enumerate(nodes):
            x = left + (number % across) * (w + GAP)
            rect = Rect(round(x), top + (number // across) * (height + GAP), round(x + w) - round(x), height)
            card = calico_node.Card(self.scene, self.plane, name, rect, lines, fill, bgp=self.backend)
            self.roots.append(card.drawn(name == self.chosen))
            middles.append(rect.cy if upright else rect.cx)
        for number in range(len(nodes), across):
            x = left + number * (w + GAP)
            room = Rect(round(x), top, round(x + w) - round(x), height)
            self.roots.append(Element(f"fig-room-{number}", "k-slot", shapes.slot(room)))
        if arced:
            self._arcs(middles, left - 4 if upright else base - 2)
        bottom = top + -(-len(nodes) // across) * (height + GAP) - GAP
        if self.hidden:
            deaf = sum(self.plane.past.state(name, CALICO) != UP for name in self.plane.nodes if name not in nodes)
            said = self.scene.say("calico-view.more-nodes", count=self.hidden, deaf=deaf)
            text = Text(12, bottom + 18, "k-fs")
            self.roots.append(Element("fig-more-nodes", "k-said", shapes.words((text,)), (said,)))
            bottom += 24
        return bottom

    def _subnets(self, top: float, w: float) -> float:
        """A brace over the nodes of each subnet, with its name."""
        groups: dict[str, list[int]] = {}
        for number, name in enumerate(self.nodes):
            subnet = f"{self.facts.address(name).rpartition('.')[0]}.0/{self.facts.length()}"
            groups.setdefault(subnet, []).append(number)
        for subnet, members in groups.items():
            x0, x1 = round(members[0] * (w + GAP)), round(members[-1] * (w + GAP) + w)
            said = self.scene.say("calico-view.subnet", subnet=subnet)
            brace = f'<path d="M{x0 + 0.5:g} {top + 24:g}v-4.5H{x1 - 0.5:g}v4.5" class="k-tree"/>'
            texts = (Text(x0, top + 15, "k-fs"),)
            fitted = metrics.fit(said, x1 - x0, 11, "sans")
            self.roots.append(Element(part_id("subnet", subnet), "k-said", shapes.words(texts, brace), (fitted,), said))
        return top + 28

    def _block_lines(self) -> int:
        return min(max((len(self.facts.blocks_of(name)) for name in self.nodes), default=1), 2) or 1

    # Routes

    def _routes(self, top: float) -> float:
        """Routes of the chosen node to the blocks of others, and who programmed each."""
        scene, name = self.scene, self.chosen
        found = [route for route in self.plane.machine(name).routes if self._tells(route)]
        local = sum(route.device.startswith("cali") for route in self.plane.machine(name).routes)
        ways, own = [r for r in found if r.kind == "unicast"], [r for r in found if r.kind != "unicast"]
        owners = self.facts.blocks
        order = {node: place for place, node in enumerate(self.nodes)}
        ways.sort(key=lambda route: (order.get(owners.get(route.to, ""), len(order)), route.to))
        rows = [*own[:1], *ways, *own[1:]]
        shown = rows[:ROUTES]
        rect = Rect(0, top, self.width, sheet.height(max(len(shown), 2), 24))
        frozen = self.plane.past.frozen(name, CALICO)
        state = self.plane.past.state(name, CALICO)
        note = ""
        if state in (CUT, DOWN) and frozen is not None:
            note = scene.say("calico-view.as-of", revision=self.plane.revision_at(frozen.position))
        frame = sheet.panel("fig-routes", rect, scene.say("calico-view.routes", node=name), note)
        self.roots.append(frame)
        hot = scene.step.component if scene.step is not None else ""
        lit = name in agents.acts_on(scene.step, self.plane, "felix", "bird") or (
            hot == "bird" and scene.step is not None and scene.step.params.get("name") in owners.values()
        )
        about = str(scene.step.params.get("name", "")) if scene.step is not None and hot == "bird" else ""
        for number in range(max(len(shown), 2)):
            place = sheet.line(rect, number)
            if number >= len(shown):
                frame.children.append(sheet.row(part_id("route", str(number)), place, [], cls="k-empty"))
                continue
            route = shown[number]
            owner = owners.get(route.to, "")
            marks = "hot" if lit and about in (owner, name) and about else ""
            frame.children.append(self._route(number, route, owner, place, marks))
        more = []
        if len(rows) > len(shown):
            more.append(scene.say("figure.more", count=len(rows) - len(shown)))
        more.append(scene.say("calico-view.local", count=local))
        text = Text(rect.x + 12, rect.bottom - 8, "k-fs")
        said = metrics.fit(" · ".join(more), rect.w - 24, 11, "sans")
        frame.children.append(Element("fig-routes-more", "k-said", shapes.words((text,)), (said,)))
        return rect.bottom

    def _tells(self, route: Route) -> bool:
        if route.device.startswith("cali") or route.by in ("kernel", "dhcp"):
            return False
        return any(within(route.to.partition("/")[0], pool.cidr) for pool in self.facts.pools)

    def _route(self, number: int, route: Route, owner: str, place: Rect, marks: str) -> Element:
        scene = self.scene
        by = packets.said_by(packets.by_of(route), scene.lang)
        if route.kind != "unicast":
            way, how = route.kind, scene.say("calico-view.own-block")
        else:
            way = f"via {route.via} dev {route.device}" if route.via else f"dev {route.device}"
            how = self._how(route, owner)
        x, w = place.x, place.w
        if self.upright:
            short = route.device or route.kind
            cells = [
                Cell(x + 4, route.to, 128, "k-num"),
                Cell(x + 136, short, 84, "k-num"),
                Cell(x + 224, owner if route.kind == "unicast" else "", w - 224 - 40, "k-fs"),
                Cell(place.right - 4, by, 40, "k-fs", "end"),
            ]
        else:
            cells = [
                Cell(x + 4, route.to, 142, "k-num"),
                Cell(x + 150, way, 250, "k-num"),
                Cell(x + 404, owner if route.kind == "unicast" else "", 120, "k-nm"),
                Cell(x + 404 if w < 800 else x + 530, "" if w < 800 else how, w - 530 - 70),
                Cell(place.right - 4, by, 66, "k-fs", "end"),
            ]
        label = scene.say("calico-view.aria-route", to=route.to, way=way, how=how, by=by, owner=owner or "-")
        href = scene.link(f"nodes/{owner}") if owner else ""
        return sheet.row(part_id("route", str(number)), place, cells, cls=marks, label=label, href=href)

    def _how(self, route: Route, owner: str) -> str:
        """What happens to a packet that takes it."""
        kind = next((kind for kind, device in DEVICES.items() if device == route.device), "")
        if kind:
            mine = self.facts.address(self.chosen)
            theirs = self.facts.address(owner) if owner in self.facts.machines else route.via
            return self.scene.say("calico-view.wrapped", kind=MODES[kind], outer=f"{mine} → {theirs}")
        direct = owner in self.facts.machines and self.facts.address(owner) == route.via
        return self.scene.say("calico-view.unwrapped" if direct else "calico-view.by-router")
