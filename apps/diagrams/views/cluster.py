"""The cluster: nodes and what runs on them, the control plane included, and the way each request takes."""

from __future__ import annotations

from typing import Any

from apps.cluster.controlplane import ledger
from apps.diagrams import metrics, roles, shapes
from apps.diagrams.graph import Element, Graph, Rect, Text
from apps.diagrams.ids import edge_id, part_id
from apps.diagrams.narration import edges_of, request_of
from apps.diagrams.options import Options
from apps.diagrams.places import SnapshotLike, natural
from apps.diagrams.states import NodeState, node_state
from apps.diagrams.views import drum, workers
from apps.diagrams.views.plate import MAX_POD_ROWS, Plate, columns, per_row, plate, rows_for
from apps.diagrams.views.scene import Scene

Obj = dict[str, Any]

# Controllers named in the figure; the line ends with whoever else acts.
CONTROLLERS = ("deployment", "replicaset", "daemonset", "statefulset", "job", "endpointslice", "node-lifecycle")
_CONTROLLER_SIZE = 10.5
_OTHER = "…"
_UNREADY = (*ledger.AWAY, ledger.STARTING, ledger.WAITING, ledger.LONELY)
_LEADS = (ledger.LEADING, ledger.SERVING)
_BEST = (
    *(ledger.LEADING, ledger.SERVING, ledger.RUNNING, ledger.STANDBY),
    *(ledger.LONELY, ledger.WAITING, ledger.STARTING, ledger.DOWN, ledger.STOPPED),
)
SEAT = 18  # width of the box that stands for one of several machines


def build(snapshot: SnapshotLike, lang: str, options: Options) -> Graph:
    """The graph of the cluster figure."""
    scene = Scene(snapshot, lang, options)
    sorted_pods = _Sorted(scene)
    place = _plate(scene, sorted_pods)
    roots = [_control_plane(scene, place, sorted_pods)]
    roots += workers.build(scene, place, sorted_pods.on, sorted_pods.chips)
    roots.append(_kubectl(scene, place))
    roots.append(_gate(scene, place, sorted_pods))
    title = scene.say("figure.title-cluster")
    links = [
        (part, "fig-kube-apiserver") for part in ("fig-kubectl", "fig-kube-controller-manager", "fig-kube-scheduler")
    ]
    links += [(part_id(node, "kubelet"), "fig-kube-apiserver") for node in (sorted_pods.control, *scene.places.cells)]
    links.append(("fig-kube-apiserver", "fig-etcd"))
    told = scene.told()
    return Graph("cluster", lang, place.width, place.height, title, roots, _edges(scene, place), links, told)


class _Sorted:
    """The Pods by what they are in the figure: on a node, waiting, chips, parts of the control plane."""

    def __init__(self, scene: Scene) -> None:
        self.on: dict[str, list[tuple[str, Obj]]] = {}
        self.chips: dict[tuple[str, str], tuple[str, Obj]] = {}
        self.parts: dict[str, tuple[str, Obj]] = {}
        self.control = framed(scene)
        for key, pod in scene.pods.items():
            ref = f"pods/{key}"
            node = pod["spec"].get("nodeName", "")
            special = roles.special(pod)
            if special in roles.CHIPS:
                self.chips[node, special] = (ref, pod)
            elif special:
                self.parts[special] = (ref, pod)
            else:
                self.on.setdefault(node, []).append((ref, pod))


def framed(scene: Scene) -> str:
    """The machine whose chips and Pods stand in the control plane's frame; others have frames of their own."""
    return scene.places.framed or "control-plane-1"


def _plate(scene: Scene, pods: _Sorted) -> Plate:
    places, width = scene.places, scene.options.width
    across, lane = columns(width, places.dense), per_row(width, places.dense)
    cells = max(places.size, 1)
    needed = [1 if places.dense else 2] * -(-cells // across)
    for name, cell in places.cells.items():
        lines = -(-places.by_node.high.get(name, 0) // lane)
        row = cell // across
        needed[row] = max(needed[row], min(lines, MAX_POD_ROWS))
    control = places.by_node.high.get(pods.control, 0)
    control_rows = min(3, -(-control // (4 if width == "narrow" else 3)))
    return plate(width, rows_for(places.rows.drum.high), cells, tuple(needed), control_rows, places.dense)


def _part(scene: Scene, name: str, pods: _Sorted) -> tuple[str, str, str, str]:
    """Classes, label and ref of a part of the control plane, and a word about it when it does not simply run."""
    found = pods.parts.get(name)
    hit = " hit" if _acts(scene, name) else ""
    ref = found[0] if found is not None else ""
    program = _program(scene, name, pods)
    word = scene.say(f"figure.program-{program}") if program in _UNREADY else ""
    if word:
        down = " down" if program in ledger.AWAY else ""
        mark = "Failed" if down else "Pending"
        return (
            f" st-{mark}{down}{scene.marks(ref)}{hit}",
            scene.say("aria.part-state", name=name, state=word),
            ref,
            word,
        )
    if found is None:
        return hit, scene.say("aria.part", name=name), "", ""
    state = scene.state(*found)
    label = scene.say("aria.part-state", name=name, state=scene.say(f"state.{state.mark}"))
    return f" st-{state.mark}{scene.marks(ref)}{hit}", label, ref, ""


def planes_of(scene: Scene) -> list[str]:
    """The machines of the control plane, by number."""
    machines = scene.snapshot.machines
    return sorted((name for name, machine in machines.items() if machine.role == "control-plane"), key=natural)


def _program(scene: Scene, name: str, pods: _Sorted) -> str:
    """The state of a program of the control plane; where several machines run it, the best of theirs."""
    states = [_state_on(scene, node, name) for node in planes_of(scene) or [pods.control]]
    return next((state for state in _BEST if state in states), states[0])


def _state_on(scene: Scene, node: str, name: str) -> str:
    machine = scene.snapshot.machines.get(node)
    return scene.program(node, name) if machine is None or machine.power == "on" else ledger.DOWN


def _seats(scene: Scene, part: str, x: float, y: float) -> list[Element]:
    """Of several machines with the same program, which run it and which of them leads: a box a machine, by number."""
    planes = planes_of(scene)
    if len(planes) < 2:
        return []
    out = []
    for number, node in enumerate(planes, 1):
        rect = Rect(x + (number - 1) * (SEAT + 4), y, SEAT, 16)
        state = _state_on(scene, node, part)
        kind = "away" if state in ledger.AWAY else "lead" if state in _LEADS else "wait" if state in _UNREADY else "by"
        text = Text(rect.cx, rect.cy + 4, "k-seat-n", "middle")
        said = scene.say(f"figure.program-{state}")
        out.append(
            Element(
                f"fig-{part}-{number}",
                f"k-seat {kind}",
                shapes.box(
                    rect,
                    "k-c",
                    3,
                    (text,),
                    f'<path d="M{rect.x + 3:g} {rect.y + 3:g}l{SEAT - 6} 10" class="k-strike"/>',
                ),
                (str(number),),
                label=scene.say("aria.on-node-state", part=part, node=node, state=said),
            )
        )
    return out


def seats_width(scene: Scene) -> float:
    """The width that the boxes of the machines take."""
    planes = planes_of(scene)
    return (SEAT + 4) * len(planes) if len(planes) > 1 else 0


def _acts(scene: Scene, name: str) -> bool:
    if name == "kube-controller-manager":
        return bool(scene.controller) or scene.actor == name
    if name == "kube-scheduler":
        return scene.actor in (name, "default-scheduler")
    return scene.actor == name


def part_href(scene: Scene, part: str, ref: str) -> str:
    """Where a part leads: to its article when the page says how, else to its object."""
    if scene.options.part_link is not None:
        return scene.options.part_link(part)
    return scene.link(ref) if ref else ""


def _control_plane(scene: Scene, place: Plate, pods: _Sorted) -> Element:
    state = node_state(scene.nodes.get(pods.control), scene.snapshot.machines.get(pods.control))
    x, y = place.control.x, place.control.y
    inset = 16 if place.width > 600 else 10
    name_width = metrics.width(pods.control, 12) * 1.02
    named = Text(x + inset, y + (22 if place.width > 600 else 20), "k-fh")
    note = Text(named.x + name_width + 10, named.y, "k-fs")
    words = [scene.say("figure.control-plane"), *(scene.say(word) for word in state.words)]
    planes = planes_of(scene)
    off_alone = False  # the first machine has no power, but the control plane goes on
    if len(planes) > 1:
        off = [name for name in planes if _unreachable(scene, name)]
        words = [scene.say("figure.planes", count=len(planes))]
        words += [scene.say("figure.plane-off", names=", ".join(off))] if off else []
        alone, state = state, _best_of(scene, planes)
        off_alone = state.powered and not alone.powered
    room = (place.control_chips[0].x if place.width > 600 else place.kubectl.x) - note.x - 12
    ref = f"nodes/{pods.control}"
    children = [
        Element(
            part_id(pods.control, "name"),
            f"k-name{scene.marks(ref)}",
            shapes.words((named, note)),
            (pods.control, metrics.fit(" · ".join(words), room, 11, "sans")),
            label=scene.say("aria.control-plane", name=pods.control),
            href=part_href(scene, "control-plane", ref),
            ref=ref,
        ),
        *workers.chips(
            scene, pods.control, place.control_chips[0], place.control_chips[1:], pods.chips, small=True, off=off_alone
        ),
        drum.build(scene, place, _part(scene, "etcd", pods), seats_width(scene)),
        *_seats(scene, "etcd", place.drum.x + 50, place.drum.y + (19 if place.width > 600 else 17)),
        _manager(scene, place, pods),
        _scheduler(scene, place, pods),
        *workers.seated(scene, pods.control, place.control_slots, pods.on.get(pods.control, []), ticks=False),
    ]
    return Element(
        scene.id_of(ref),
        f"k-node k-control{state.classes}",
        shapes.frame(place.control, 30),
        label=scene.say("aria.control-plane", name=pods.control),
        ref=ref,
        children=children,
    )


def _best_of(scene: Scene, planes: list[str]) -> NodeState:
    """The frame stands for all machines of the control plane: it is off, silent or cordoned when all of them are."""
    each = [node_state(scene.nodes.get(name), scene.snapshot.machines.get(name)) for name in planes]
    return NodeState(
        ready="True" if any(one.ready == "True" for one in each) else each[0].ready,
        cordoned=all(one.cordoned for one in each),
        powered=any(one.powered for one in each),
        connected=any(one.connected for one in each),
    )


def _gate(scene: Scene, place: Plate, pods: _Sorted) -> Element:
    classes, label, ref, word = _part(scene, "kube-apiserver", pods)
    low = place.gate.h < 60
    wide = seats_width(scene) - 4
    seats = _seats(
        scene,
        "kube-apiserver",
        place.gate.x + (130 if low else (place.gate.w - wide) // 2),
        place.gate.y + (10 if low else place.gate.h - 24),
    )
    return Element(
        "fig-kube-apiserver",
        f"k-gate{classes}",
        shapes.box(place.gate, "k-g", 3, place.gate_texts),
        ("kube-apiserver", metrics.fit(word or request_of(scene.step), place.gate.w - 16, 10.5)),
        label=label,
        href="" if seats else part_href(scene, "kube-apiserver", ref),
        ref=ref,
        children=seats,
    )


def _kubectl(scene: Scene, place: Plate) -> Element:
    outside = scene.step is not None and scene.actor in ("kubectl", "kubeadm")
    return Element(
        "fig-kubectl",
        "k-user" + (" hit" if outside else ""),
        shapes.pill(place.kubectl),
        (scene.actor if outside else "kubectl",),
        label=scene.say("aria.part", name="kubectl"),
        href=part_href(scene, "kubectl", ""),
    )


def _manager(scene: Scene, place: Plate, pods: _Sorted) -> Element:
    classes, label, ref, word = _part(scene, "kube-controller-manager", pods)
    rect = place.manager
    narrow = place.width < 600
    crowded = seats_width(scene) and rect.w < 280
    title = "controller-manager" if narrow or crowded else "kube-controller-manager"
    tabs = (
        ""
        if narrow
        else "".join(
            f'<rect x="{rect.x - 4.5:g}" y="{rect.y + dy + 0.5:g}" width="9" height="6" class="k-tab"/>'
            for dy in (12, 25)
        )
    )
    heading = Element(
        "fig-kube-controller-manager-name",
        "k-title",
        shapes.words((Text(place.manager_x, rect.y + 22, "k-ph"),)),
        (title,),
        label=label,
        href=part_href(scene, "kube-controller-manager", ref),
    )
    return Element(
        "fig-kube-controller-manager",
        f"k-part{classes}",
        shapes.box(rect, "k-p", 3, (), tabs),
        label=label,
        ref=ref,
        children=[
            heading,
            *_seats(
                scene, "kube-controller-manager", rect.right - 8 - seats_width(scene), rect.y + (62 if narrow else 10)
            ),
            _word("kube-controller-manager", rect, word, narrow, seats_width(scene)),
            *_controllers(scene, place),
        ],
    )


def _controllers(scene: Scene, place: Plate) -> list[Element]:
    """The controllers by name, as many as fit; the last place is for any other that acts."""
    rect = place.manager
    gap = 10
    x, y, line = place.manager_x, rect.y + 41, 1
    end = rect.right - 8
    last = metrics.width("garbage-collector", _CONTROLLER_SIZE)
    spots: list[tuple[str, float, float]] = []
    for name in CONTROLLERS:
        room = metrics.width(name, _CONTROLLER_SIZE)
        if x + room > end:
            if line == place.manager_lines:
                break
            x, y, line = place.manager_x, y + 16, line + 1
        spots.append((name, x, y))
        x += room + gap
    while x + last > end and line == place.manager_lines and spots:
        _, x, y = spots.pop()
    if x + last > end:
        x, y = place.manager_x, y + 16
    shown = {name for name, _, _ in spots}
    other = scene.controller if scene.controller and scene.controller not in shown else ""
    spots.append((metrics.fit(other, end - x, _CONTROLLER_SIZE) if other else _OTHER, x, y))
    out = []
    for name, at, base in spots:
        named = name in shown
        acts = name == scene.controller or (not named and other)
        shape = shapes.words((Text(at, base, "k-ct"),))
        ident = f"fig-controller-{name if named else 'other'}"
        out.append(Element(ident, "k-ctl" + (" on" if scene.controller and acts else ""), shape, (name,)))
    return out


def _scheduler(scene: Scene, place: Plate, pods: _Sorted) -> Element:
    classes, label, ref, word = _part(scene, "kube-scheduler", pods)
    rect = place.scheduler
    narrow = place.width < 600
    heading = Element(
        "fig-kube-scheduler-name",
        "k-title",
        shapes.words((Text(rect.x + (10 if narrow else 14), rect.y + 22, "k-ph"),)),
        ("kube-scheduler",),
        label=label,
        href=part_href(scene, "kube-scheduler", ref),
    )
    seats = seats_width(scene)
    children = [
        heading,
        *_seats(scene, "kube-scheduler", rect.right - 8 - seats, rect.y + (62 if narrow else 10)),
        _word("kube-scheduler", rect, word or ("" if narrow else scene.say("figure.waiting")), narrow, seats),
    ]
    children += workers.seated(scene, "", place.waiting, pods.on.get("", []), ticks=True)
    return Element(
        "fig-kube-scheduler", f"k-part{classes}", shapes.box(rect, "k-p", 3), label=label, ref=ref, children=children
    )


def _word(part: str, rect: Rect, word: str, narrow: bool, taken: float) -> Element:
    """What is to be said of a part, in its upper right corner; where there is no room, at its foot."""
    y = rect.bottom - 8 if narrow else rect.y + 22
    text = Text(rect.right - 12 - taken, y, "k-fs", "end")
    room = rect.w - 24 - taken - (0 if narrow else 8 + metrics.width(part, 12))
    said = word if not taken or metrics.width(word, 11, "sans") <= room else ""
    return Element(f"fig-{part}-word", "k-note k-word", shapes.words((text,)), (said,))


def _edges(scene: Scene, place: Plate) -> list[Element]:
    acting = edges_of(scene.step)
    hop = {edge: f"{scene.beat} hop-{number}" for number, edge in enumerate(acting, 1)}
    names = {
        edge_id("kubectl"): place.edges["kubectl"],
        edge_id("kube-controller-manager"): place.edges["kube-controller-manager"],
        edge_id("kube-scheduler"): place.edges["kube-scheduler"],
    }
    control = framed(scene)
    out = []
    for name, points in names.items():
        part = name.removeprefix("edge-")
        away = all(_state_on(scene, node, part) in ledger.AWAY for node in planes_of(scene) or [control])
        out.append(Element(name, f"k-edge{' off' if away else ''}{hop.get(name, '')}", shapes.edge(points)))
    own = edge_id("kubelet", control)
    out.append(
        Element(own, f"k-edge{_broken(scene, control, control)}{hop.get(own, '')}", shapes.edge(place.edges["kubelet"]))
    )
    for name, cell in scene.places.cells.items():
        edge = edge_id("kubelet", name)
        quiet = " k-quiet" if scene.places.dense else ""
        shape = shapes.edge(place.workers[cell].edge)
        out.append(Element(edge, f"k-edge{quiet}{_broken(scene, name, control)}{hop.get(edge, '')}", shape))
    gone = all(_state_on(scene, node, "etcd") in ledger.AWAY for node in planes_of(scene) or [control])
    stored = " off" if gone else ""
    out.append(
        Element(edge_id("etcd"), f"k-edge{stored}{hop.get(edge_id('etcd'), '')}", shapes.edge(place.edges["etcd"]))
    )
    return out


def _broken(scene: Scene, name: str, control: str) -> str:
    """Why a kubelet does not reach the API server: its machine or itself is off, or a cable is cut."""
    machines = scene.snapshot.machines
    state = node_state(scene.nodes.get(name), machines.get(name))
    if not state.powered or scene.program(name, "kubelet") in ledger.AWAY:
        return " off"
    if name == control:
        return ""
    servers = [machines[plane] for plane in planes_of(scene)]
    apart = servers and all(server.network != "up" or name in getattr(server, "cut", ()) for server in servers)
    return " cut" if apart or not state.connected else ""


def _unreachable(scene: Scene, name: str) -> bool:
    """A machine of the control plane that is off, or cut off from everyone."""
    machine = scene.snapshot.machines[name]
    return bool(machine.power != "on" or machine.network != "up")
