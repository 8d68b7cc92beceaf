"""One node's network namespace from inside: Pods at the ends of their veth pairs, hooks with whose rules, routes.

A packet from a Pod comes in at the top, goes through the hooks, and leaves by the interface that a route names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from apps.cluster.dataplane.agents import CALICO, PROXY, UP
from apps.cluster.network.machine import Interface, Machine, Route
from apps.diagrams import metrics, packets, shapes
from apps.diagrams.graph import Element, Graph, Rect, Text
from apps.diagrams.ids import part_id
from apps.diagrams.options import WIDTHS, Options
from apps.diagrams.places import SnapshotLike
from apps.diagrams.states import node_state
from apps.diagrams.views import sheet
from apps.diagrams.views.node import machine_of
from apps.diagrams.views.scene import Scene
from apps.diagrams.views.sheet import Cell

HOOKS = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
TABLES = ("raw", "mangle", "nat", "filter")  # in the order in which a hook calls them
TRACKED = ("PREROUTING", "OUTPUT")  # where conntrack looks up the connection, before the table nat
LINES = 3  # of a hook's box
PODS = {"full": 12, "wide": 10, "medium": 8, "narrow": 6}  # drawn; the others are counted
ROUTES = 16
POD, CHIP, GAP = 52, 20, 12
LINE = 16
OWNERS = (("KUBE-", "kube-proxy"), ("cali", "Felix"))
_JUMP = re.compile(r"(?:-j|-g|--jump|--goto) (\S+)")


class Hung(NamedTuple):
    """What hangs on a hook: a table, whose rules, how many; the chains to which the hook itself leads."""

    table: str
    whose: str
    rules: int
    chains: tuple[str, ...] = ()


def build(snapshot: SnapshotLike, lang: str, options: Options) -> Graph:
    """The graph of a node's network."""
    return _Drawing(Scene(snapshot, lang, options)).graph()


def owner(chain: str) -> str:
    """Whose a chain is, "" for the kernel's own.

    >>> owner("KUBE-SERVICES"), owner("cali-FORWARD"), owner("FORWARD")
    ('kube-proxy', 'Felix', '')
    """
    return next((name for prefix, name in OWNERS if chain.startswith(prefix)), "")


def hung(machine: Machine, hook: str) -> list[Hung]:
    """The rules that a packet may come to at a hook, by table and by whose they are."""
    found: list[Hung] = []
    for table in TABLES:
        chains = machine.tables.get(table, {})
        counts: dict[str, int] = {}
        for chain in _reached(chains, hook):
            whose = owner(chain)
            for rule in chains[chain]:
                jump = _JUMP.search(rule)
                mine = whose or owner(jump.group(1) if jump else "") or "Felix"  # what accepts at the end is Felix'
                counts[mine] = counts.get(mine, 0) + 1
        first = [target for rule in chains.get(hook, ()) for target in _JUMP.findall(rule)]
        for whose, count in counts.items():
            found.append(Hung(table, whose, count, tuple(one for one in first if owner(one) == whose)))
    for nft in machine.nft:
        for kind in ("nat", "filter"):
            bases = nft.bases(kind, hook.lower())
            chains = {name: chain.rules for name, chain in nft.chains.items()}
            reached = dict.fromkeys(one for base in bases for one in _reached(chains, base, nft=True))
            count = sum(len(chains[one]) for one in reached)
            if count:
                found.append(Hung(f"nft {kind}", "kube-proxy", count, tuple(bases)))
    return found


def _reached(chains: Mapping[str, Sequence[Any]], first: str, *, nft: bool = False) -> list[str]:
    """A chain and all that its rules lead to."""
    seen: dict[str, None] = {}
    wanted = [first]
    while wanted:
        chain = wanted.pop()
        if chain in seen or chain not in chains:
            continue
        seen[chain] = None
        for rule in chains[chain]:
            text = str(rule)
            targets: Iterable[str] = re.findall(r"(?:jump|goto) (\S+)", text) if nft else _JUMP.findall(text)
            wanted += targets
    return list(seen)


class _Drawing:
    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.width = WIDTHS[scene.options.width]
        self.narrow = scene.options.width == "narrow"
        self.name = machine_of(scene.snapshot, scene.options.focus)
        self.network = getattr(scene.snapshot, "network", None)
        found = None
        if self.network is not None and self.name in self.network.nodes:
            found = self.network.machine(self.name)
        self.machine: Machine | None = found
        step = scene.step
        acts = step is not None and (step.node == self.name or (not step.node and step.rank == "note"))
        self.acting = step.component if step is not None and acts else ""
        self.roots: list[Element] = []

    def graph(self) -> Graph:
        scene = self.scene
        bottom = self._head()
        if self.machine is not None and self.machine.up:
            bottom = self._pods(bottom)
            bottom = self._hooks(bottom + 14)
            bottom = self._routes(bottom + 14)
            bottom = self._devices(bottom + 14)
        return Graph(
            view="network",
            lang=scene.lang,
            width=self.width,
            height=int(bottom) + 4,
            title=scene.say("figure.title-network", name=self.name),
            roots=self.roots,
            edges=[],
            told=scene.told(),
        )

    # ---- the machine ---------------------------------------------------------------------------

    def _head(self) -> float:
        scene = self.scene
        state = node_state(scene.nodes.get(self.name), scene.snapshot.machines.get(self.name))
        words = [scene.say(word) for word in state.words]
        if self.machine is not None and self.machine.up:
            words += [self._agent(PROXY), self._agent(CALICO)]
        elif not words:
            words = [scene.say("figure.network-none")]
        said = " · ".join(words)
        start = 12 + metrics.width(self.name, 12)
        ref = f"nodes/{self.name}"
        marks = "" if state.powered and state.ready == "True" else " st-Failed"
        self.roots.append(
            Element(
                scene.id_of(ref),
                f"k-said{marks}{scene.marks(ref)}",
                shapes.words((Text(0, 14, "k-fh"), Text(start, 14, "k-say"))),
                (self.name, metrics.fit(said, self.width - start, 12, "sans")),
                label=scene.say("aria.node-words", name=self.name, words=said),
                href=scene.link(ref),
                ref=ref,
            )
        )
        return 28

    def _agent(self, agent: str) -> str:
        assert self.network is not None
        state, position = self.network.past.seen(self.name, agent)
        if state == UP:
            return agent
        revision = self.network.revision_at(position) if position else 0
        word = self.scene.say(f"figure.agent-{state or 'never'}")
        return f"{agent}: {word}" + (f" (rev {revision})" if revision else "")

    # ---- Pods ----------------------------------------------------------------------------------

    def _pods(self, top: float) -> float:
        scene = self.scene
        assert self.network is not None
        assert self.machine is not None
        workloads = self.network.facts.by_node.get(self.name, [])
        most = PODS[scene.options.width]
        shown = workloads[:most]
        across = 1 if self.narrow else 5 if self.width > 1200 else 4 if self.width > 1000 else 3
        width = (self.width - GAP * (across - 1)) / across
        height = POD + 16 + CHIP
        for number, workload in enumerate(shown):
            x = round((number % across) * (width + GAP))
            y = top + (number // across) * (height + GAP)
            self._pod(workload.key, workload.ip, workload.interface, Rect(x, y, int(width), POD))
        rows = -(-len(shown) // across)
        bottom = top + rows * (height + GAP) - (GAP if rows else 0)
        more = len(workloads) - len(shown)
        words = scene.say("figure.more", count=more) if more else scene.say("figure.network-no-pods")
        if more or not workloads:
            text = Text(0, bottom + 16, "k-say")
            self.roots.append(Element("fig-pods-more", "k-note", shapes.words((text,)), (words,)))
            bottom += 20
        return bottom

    def _pod(self, key: str, ip: str, interface: str, rect: Rect) -> None:
        scene = self.scene
        ref = f"pods/{key}"
        pod = scene.pods[key]
        state = scene.state(ref, pod)
        name = key.removeprefix("default/")
        room = rect.w - 40 - metrics.width(ip, 11)
        acts = " hot" if self.acting == "felix" and scene.step is not None and scene.step.ref == ref else ""
        self.roots.append(
            Element(
                scene.id_of(ref),
                f"k-pod k-inner {scene.owner_of(pod)[1]} st-{state.mark}{scene.marks(ref) or acts}",
                shapes.inner(rect),
                (metrics.fit_end(name, room), ip),
                label=scene.say("aria.network-pod", name=name, ip=ip, interface=interface),
                href=scene.link(ref),  # not held to a place: they stand by age, as their interfaces do
            )
        )
        # The two ends of the veth pair: eth0 in the Pod, and the host's, which has the Pod's hash for a name.
        end = Rect(rect.x + 16, rect.bottom - 24, 44, 18)
        chip = Rect(rect.x + 16, rect.bottom + 16, min(118, rect.w - 32), CHIP)
        wire = shapes.chain(((chip.x + 22, end.bottom), (chip.x + 22, chip.y)))
        self.roots.append(Element(part_id(interface, "wire"), "k-note", wire))
        for ident, name, place in ((f"{interface}-eth0", "eth0", end), (interface, interface, chip)):
            texts = (Text(place.cx, place.cy + 4, "k-if", "middle"),)
            shape = shapes.box(place, "k-c", 3, texts)
            self.roots.append(Element(part_id(self.name, ident), f"k-iface{acts}", shape, (name,), label=name))

    # ---- hooks ---------------------------------------------------------------------------------

    def _hooks(self, top: float) -> float:
        """What is forwarded goes along the upper line; what is the machine's own comes in and goes out below."""
        height = 30 + LINE * LINES
        if self.narrow:
            for number, hook in enumerate(HOOKS):
                self._hook(hook, Rect(0, top + number * (height + GAP), self.width, height))
            return top + len(HOOKS) * (height + GAP) - GAP
        gap = 32
        width = int((self.width - 2 * gap) / 3)
        xs = (0, width + gap, 2 * (width + gap))
        below = top + height + 20
        places = {
            "PREROUTING": (xs[0], top),
            "FORWARD": (xs[1], top),
            "POSTROUTING": (xs[2], top),
            "INPUT": (xs[0], below),
            "OUTPUT": (xs[2], below),
        }
        middle = top + height / 2
        lines = (
            ((xs[0], middle), (xs[2] + width, middle)),
            ((xs[0] + width / 2, middle), (xs[0] + width / 2, below + height / 2)),
            ((xs[0] + width / 2, below + height / 2), (xs[2] + width / 2, below + height / 2)),
            ((xs[2] + width / 2, below + height / 2), (xs[2] + width / 2, middle)),
        )
        for number, line in enumerate(lines):
            self.roots.append(Element(f"fig-hooks-{number}", "k-note", shapes.chain(line)))
        for hook in HOOKS:
            self._hook(hook, Rect(*places[hook], width, height))
        self._programs(Rect(xs[1], below, width, height))
        return below + height

    def _hook(self, hook: str, rect: Rect) -> None:
        scene = self.scene
        assert self.machine is not None
        lines = hung(self.machine, hook)
        hot = any(one.whose.lower() == self.acting for one in lines)
        said = [
            (f"{one.table} · {one.whose}{': ' if one.chains else ''}{', '.join(one.chains)}", str(one.rules))
            for one in lines
        ]
        if len(said) > LINES:
            said = [*said[: LINES - 1], (scene.say("figure.more", count=len(said) - LINES + 1), "")]
        words = ", ".join(
            scene.say("aria.network-rules", table=one.table, whose=one.whose, count=one.rules) for one in lines
        )
        label = f"{hook}: {words}" if words else hook
        self._box(hook, rect, said, f"{'v-ran' if lines else 'v-none'}{' hot' if hot else ''}", label)

    def _programs(self, rect: Rect) -> None:
        """The machine's own programs, by the ports on which they listen."""
        scene = self.scene
        assert self.machine is not None
        ports: dict[str, list[int]] = {}
        for protocol, port in sorted(self.machine.listens):
            ports.setdefault(protocol, []).append(port)
        said = [
            (protocol, " ".join(map(str, those[:6])) + (" …" if len(those) > 6 else ""))
            for protocol, those in ports.items()
        ]
        name = scene.say("figure.network-programs")
        label = f"{name}: " + ", ".join(f"{protocol} {those}" for protocol, those in said)
        self._box(name, rect, said[:LINES], "v-ran", label, ident="programs")

    def _box(self, name: str, rect: Rect, said: list[tuple[str, str]], cls: str, label: str, ident: str = "") -> None:
        texts = [Text(rect.x + 10, rect.y + 19, "k-stn"), Text(rect.right - 10, rect.y + 19, "k-fs", "end")]
        words = [name, "conntrack" if name in TRACKED else ""]
        for place in range(LINES):
            left, right = said[place] if place < len(said) else ("", "")
            y = rect.y + 38 + LINE * place
            texts += [Text(rect.x + 10, y, "k-sts"), Text(rect.right - 10, y, "k-num", "end")]
            room = rect.w - 28 - metrics.width(right, 11)
            words += [metrics.fit(left, room, 10.5, "sans"), metrics.fit(right, rect.w - 40)]
        self.roots.append(
            Element(
                part_id(self.name, ident or name),
                f"k-stage {cls}",
                shapes.box(rect, "k-st", 4, tuple(texts)),
                tuple(words),
                label=label,
            )
        )

    # ---- routes --------------------------------------------------------------------------------

    def _routes(self, top: float) -> float:
        scene = self.scene
        assert self.machine is not None
        routes = sorted(self.machine.routes, key=_place)
        shown = routes[: ROUTES if len(routes) <= ROUTES else ROUTES - 1]
        rows = len(shown) + (1 if len(routes) > len(shown) else 0)
        rect = Rect(0, top, self.width, sheet.height(rows))
        frame = sheet.panel(part_id(self.name, "routes"), rect, scene.say("figure.network-routes"), str(len(routes)))
        self.roots.append(frame)
        for number, route in enumerate(shown):
            frame.children.append(self._route(route, sheet.line(rect, number)))
        if rows > len(shown):
            words = scene.say("figure.more", count=len(routes) - len(shown))
            place = sheet.line(rect, len(shown))
            frame.children.append(
                sheet.row("fig-routes-more", place, [Cell(place.x + 4, words, place.w)], cls="k-empty")
            )
        return rect.bottom

    def _route(self, route: Route, place: Rect) -> Element:
        by = packets.by_of(route)
        said = packets.said_by(by, self.scene.lang)
        end = metrics.width(said, 11, "sans") + 12
        way = str(route).partition(" proto ")[0]
        to = route.to if route.to != "0.0.0.0/0" else "default"
        rest = way.removeprefix(f"{route.kind} ").removeprefix(to.removesuffix("/32")).strip()
        rest = f"{route.kind} {rest}".strip() if route.kind != "unicast" else rest
        column = 150 if self.width > 400 else 132
        cells = [
            Cell(place.x + 4, to.removesuffix("/32"), column - 8, "k-nm" if self.width > 400 else "k-num"),
            Cell(place.x + column, rest, place.w - column - end - 8, "k-num"),
            Cell(place.right - 4, said, end, "k-fs", "end"),
        ]
        hot = "hot" if (by == "bird" and self.acting in ("bird", "confd")) else ""
        ident = part_id(self.name, f"route-{route.to}-{route.via}")
        return sheet.row(ident, place, cells, cls=hot, label=f"{route} ({said})")

    # ---- the other interfaces ------------------------------------------------------------------

    def _devices(self, top: float) -> float:
        assert self.machine is not None
        devices = [one for one in self.machine.interfaces.values() if one.kind not in ("veth",)]
        across = 1 if self.narrow else max(len(devices), 3)
        width = (self.width - GAP * (across - 1)) / across
        for number, device in enumerate(devices):
            rect = Rect(round((number % across) * (width + GAP)), top + (number // across) * (44 + GAP), int(width), 44)
            self._device(device, rect)
        return top + -(-len(devices) // across) * (44 + GAP) - GAP

    def _device(self, device: Interface, rect: Rect) -> None:
        address = ", ".join(device.addresses)
        facts = f"{address}  mtu {device.mtu}".strip()
        if device.kind == "ethernet":
            facts += f"  {device.peer[1]}"
        texts = (Text(rect.x + 10, rect.y + 18, "k-stn"), Text(rect.x + 10, rect.y + 35, "k-num"))
        state = "v-ran" if device.up else "v-no"
        self.roots.append(
            Element(
                part_id(self.name, device.name),
                f"k-stage {state}",
                shapes.box(rect, "k-st", 4, texts),
                (device.name, metrics.fit(facts, rect.w - 18)),
                label=f"{device.name}: {facts}",
            )
        )


def _place(route: Route) -> tuple[int, str]:
    """The default route, the node's own network, other nodes' blocks, its own, its Pods."""
    if route.to == "0.0.0.0/0":
        return 0, ""
    if route.kind == "blackhole":
        return 3, route.to
    if route.device.startswith("cali"):
        return 4, route.to
    return (1 if route.by == "kernel" else 2), route.to
