"""Worker nodes: frame, name, cpu gauge, the node's own programs, and Pods in their slots."""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery import quantity
from apps.cluster.controlplane import ledger
from apps.cluster.dataplane.agents import CUT, DOWN
from apps.diagrams import metrics, roles, shapes
from apps.diagrams.graph import Element, Rect, Shape, Text
from apps.diagrams.ids import part_id
from apps.diagrams.narration import RUNTIMES
from apps.diagrams.states import NodeState, node_state
from apps.diagrams.views.plate import Plate, Worker
from apps.diagrams.views.scene import Scene, remember, remembered

Obj = dict[str, Any]
Found = list[tuple[str, Obj]]
Chips = dict[tuple[str, str], tuple[str, Obj]]

CRIO = "CRI-O"
_CHIP_ACTORS = {"kube-proxy": ("kube-proxy",), "calico-node": ("calico-node", "felix", "bird"), CRIO: RUNTIMES}

_requests: dict[str, tuple[Obj, int]] = {}


def build(scene: Scene, place: Plate, on: dict[str, Found], chips_of: Chips) -> list[Element]:
    """Every worker, in the order of their cells."""
    cells = sorted(scene.places.cells.items(), key=lambda item: item[1])
    return [_worker(scene, place.workers[cell], name, on.get(name, []), chips_of) for name, cell in cells]


def _worker(scene: Scene, place: Worker, name: str, pods: Found, chips_of: Chips) -> Element:
    ref = f"nodes/{name}"
    node = scene.nodes.get(name)
    state = node_state(node, scene.snapshot.machines.get(name))
    machine = scene.snapshot.machines.get(name)
    plane = node is not None and roles.is_control_plane(node)
    words = [scene.say(word) for word in state.words]
    apart = getattr(machine, "cut", ())
    if apart and state.connected:
        words.insert(0, scene.say("figure.cut-from", names=", ".join(apart)))
    heard = [*words, *([scene.say("figure.control-plane")] if plane else [])]
    if scene.program(name, "kubelet") in ledger.AWAY:  # its chip shows it
        heard = [scene.say("figure.kubelet-stopped"), *heard]
    if heard:
        label = scene.say("aria.node-words", name=name, words=", ".join(heard))
    else:
        label = scene.say("aria.node", name=name)
    small = not place.chips
    children = [_name(scene, place, name, ref, state, words, label)]
    children.append(_gauge(scene, place, name, node, pods, chips_of, small))
    children += chips(scene, name, place.kubelet, place.chips, chips_of, small=small)
    children += seated(scene, name, place.slots, pods, ticks=not small and not plane)
    return Element(
        scene.id_of(ref),
        f"k-node k-worker{' k-plane' if plane else ''}{state.classes}{' hot' if ref == scene.hot else ''}"
        f"{' selected' if ref == scene.options.focus else ''}",
        shapes.frame(place.frame, place.header),
        label=label,
        ref=ref,
        children=children,
    )


def _name(scene: Scene, place: Worker, name: str, ref: str, state: NodeState, words: list[str], label: str) -> Element:
    """Name and words of the header; a long name gives way to the words."""
    size = 11 if not place.chips else 12
    said = words[0] if words else ""
    if len(words) > 1 and metrics.width(name + " ".join(words), size) < place.room - 30:
        said = " · ".join(words)
    taken = metrics.width(said, 11, "sans") + 8 if said else 0
    shown = metrics.fit(name, max(place.room - taken, 40), size)
    note = Text(place.name.x + round(metrics.width(shown, size) * 1.02) + 8, place.name.y, "k-fs")
    return Element(
        part_id(name, "name"),
        f"k-name{scene.marks(ref)}",
        shapes.words((place.name, note)),
        (shown, said),
        label=label,
        href=scene.link(ref),
        ref=ref,
    )


def _gauge(
    scene: Scene, place: Worker, name: str, node: Obj | None, pods: Found, chips_of: Chips, small: bool
) -> Element:
    """How much of the node's cpu is asked for by the Pods on it."""
    used = sum(_cpu(ref, pod) for ref, pod in pods)
    for part in roles.CHIPS:
        if (name, part) in chips_of:
            used += _cpu(*chips_of[name, part])
    status = (node or {}).get("status") or {}
    total = quantity.milli((status.get("allocatable") or status.get("capacity") or {}).get("cpu", "0"))
    x, y, w = place.gauge
    filled = min(round(used / total * w), int(w)) if total else 0
    figures = {"used": f"{used / 1000:.2f}", "total": f"{total / 1000:g}"}
    wide = place.room > 150 or w == 56
    text = scene.say("figure.cpu" if wide else "figure.cpu-short", **figures)
    shape = shapes.gauge(x, y, w, filled, place.cpu)
    return Element(part_id(name, "cpu"), "k-cpu", shape, ("" if small else text,))


def _cpu(ref: str, pod: Obj) -> int:
    """The cpu a Pod asks for, in thousandths; none once it has ended. Remembered by its spec, which updates share."""
    if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return 0
    spec = pod["spec"]
    known = _requests.get(ref)
    if known is not None and known[0] is spec:
        return known[1]
    running = init = 0
    for container in spec.get("containers") or ():
        running += _asked(container)
    for container in spec.get("initContainers") or ():
        if container.get("restartPolicy") == "Always":
            running += _asked(container)
        else:
            init = max(init, running + _asked(container))
    total = max(running, init) + quantity.milli((spec.get("overhead") or {}).get("cpu", "0"))
    if len(_requests) > 20_000:
        _requests.clear()
    _requests[ref] = (spec, total)
    return total


def _asked(container: Obj) -> int:
    return quantity.milli(((container.get("resources") or {}).get("requests") or {}).get("cpu", "0"))


def chips(
    scene: Scene, node: str, kubelet: Rect, rects: tuple[Rect, ...], chips_of: Chips, *, small: bool, off: bool = False
) -> list[Element]:
    """kubelet, CRI-O, kube-proxy and calico-node of a machine. `off`: it has no power, and no frame that says so."""
    acts = scene.actor == "kubelet" and scene.acting_node == node
    tiny = kubelet.h < 12
    stopped = off or scene.program(node, "kubelet") in ledger.AWAY
    part_link = scene.options.part_link
    text = () if tiny else (Text(kubelet.cx, kubelet.cy + 4, "k-cp", "middle"),)
    out = [
        Element(
            part_id(node, "kubelet"),
            "k-chip k-kubelet" + (" down" if stopped else "") + (" hit" if acts else ""),
            shapes.box(kubelet, "k-c", 2 if tiny else 3, text),
            () if tiny else ("✕ kubelet" if stopped else "kubelet",),
            label=_on_node(scene, "kubelet", node, stopped),
            href=part_link("kubelet") if part_link else "",
        )
    ]
    for part, rect in zip((CRIO, *roles.CHIPS), rects, strict=False):
        found = chips_of.get((node, part))
        hit = " hit" if scene.acting_node == node and scene.actor in _CHIP_ACTORS[part] else ""
        if found is None:
            away = part == CRIO and (off or scene.program(node, "crio") in ledger.AWAY)
            label = _on_node(scene, part, node, away)
            href = part_link(part) if part_link else ""
            classes = f"k-chip{' down st-Failed' if away else '' if part == CRIO else ' absent'}{hit}"
            out.append(Element(part_id(node, part), classes, shapes.chip(rect), (part,), label, href))
        else:
            out.append(_chip(scene, node, part, shapes.chip(rect), found, (" down" if off else "") + hit))
    return out


def _on_node(scene: Scene, part: str, node: str, stopped: bool) -> str:
    if stopped:
        return scene.say("aria.on-node-state", part=part, node=node, state=scene.say("figure.program-stopped"))
    return scene.say("aria.on-node", part=part, node=node)


def _chip(scene: Scene, node: str, part: str, shape: Shape, found: tuple[str, Obj], hit: str) -> Element:
    """A DaemonSet's Pod, drawn as the program it is."""
    ref, pod = found
    state = scene.state(ref, pod)
    agent = scene.agent(node, part)
    mark = {CUT: "Unknown", DOWN: "Failed"}.get(agent, state.mark)
    marks = f" st-{mark}{f' {agent}' if agent in (CUT, DOWN) else ''}{scene.marks(ref)}{hit}"
    key = (ref, scene.lang, shape)
    part_link = scene.options.part_link
    link = part_link or scene.options.link
    known = remembered(key, pod, state, marks, link)
    if known is not None:
        return known
    said = scene.say(f"net.agent-{agent}" if agent in (CUT, DOWN) else f"state.{state.mark}")
    label = scene.say("aria.on-node-state", part=part, node=node, state=said)
    href = part_link(part) if part_link else scene.link(ref)
    element = Element(part_id(node, part), f"k-chip{marks}", shape, (part,), label, href, ref)
    return remember(key, pod, state, marks, link, element)


def seated(scene: Scene, area: str, slots: tuple[Rect, ...], pods: Found, *, ticks: bool) -> list[Element]:
    """The Pods of a node (or those that wait) in their slots; the last slot counts those that found none."""
    seating = scene.places.by_node
    seats = seating.seats.get(area, {})
    crowds: dict[tuple[str, str], list[str]] = {}
    taken: dict[int, Element] = {}
    over = 0
    last = len(slots) - 1
    full = max(seats.values(), default=-1) > last
    for ref, pod in pods:
        seat = seats.get(ref)
        if seat is None:
            crowds.setdefault((roles.owner_uid(pod), scene.state(ref, pod).mark), []).append(ref)
        elif seat > last or (full and seat == last):
            over += 1
        else:
            rect = slots[seat]
            shape = shapes.pod(rect) if rect.w >= 56 else shapes.mini(rect)
            taken[seat] = scene.pod(ref, pod, shape, rect.w - (27 if rect.w >= 64 else 24))
    for (owner, mark), members in crowds.items():
        seat = seats.get((owner, mark))
        if seat is None or seat > last or (full and seat == last):
            over += len(members)
            continue
        rect = slots[seat]
        shape = shapes.pod(rect) if rect.w >= 56 else shapes.mini(rect)
        taken[seat] = scene.tile(area, owner, mark, members, shape)
    if over and slots:
        rect = slots[last]
        text = (Text(rect.cx, rect.cy + 4, "k-more", "middle"),)
        label = scene.say("aria.pods-more", count=over)
        taken[last] = Element(
            part_id(area or "waiting", "more"), "k-over", shapes.box(rect, "k-o", 3, text), (f"+{over}",), label
        )
    out = []
    for number, rect in enumerate(slots):
        element = taken.get(number)
        if element is not None:
            out.append(element)
        elif ticks:
            out.append(Element(part_id(area or "waiting", f"slot-{number}"), "k-slot", shapes.slot(rect)))
    return out
