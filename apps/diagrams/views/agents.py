"""What the figures of the network share: the nodes in order, what their agents do, which of them a step is about."""

from __future__ import annotations

from typing import Any

from apps.cluster.dataplane.agents import CALICO, CUT, DOWN, GONE, PROXY, UP
from apps.cluster.dataplane.dataplane import Dataplane
from apps.cluster.engine import Step
from apps.diagrams import roles, shapes
from apps.diagrams.graph import Element, Graph, Text
from apps.diagrams.options import WIDTHS
from apps.diagrams.places import natural
from apps.diagrams.views.node import machine_of
from apps.diagrams.views.scene import Scene

Obj = dict[str, Any]

CHANGES = (CUT, DOWN, GONE, "")  # states in which what an agent has programmed stays as it is
PROGRAMS = {"kube-proxy": PROXY, "felix": CALICO, "bird": CALICO, "confd": CALICO}


def plane_of(scene: Scene) -> Dataplane | None:
    """The data plane; None where a snapshot has none, or no node has registered yet."""
    plane: Dataplane | None = getattr(scene.snapshot, "network", None)
    return plane if plane is not None and plane.nodes else None


def nothing(scene: Scene, view: str, title: str) -> Graph:
    """The figure of a cluster that has no network to tell of yet."""
    said = Element("fig-none", "k-said v-none", shapes.words((Text(20, 22, "k-say"),)), (scene.say("net.none"),))
    return Graph(view, scene.lang, WIDTHS[scene.options.width], 40, title, [said], [], told=scene.told())


def ordered(scene: Scene, plane: Dataplane) -> list[str]:
    """The nodes: subnet by subnet, the control plane first, workers as they stand in the cluster's figure."""
    cells = scene.places.cells
    facts = plane.facts

    def key(name: str) -> tuple[Any, ...]:
        subnet = facts.address(name).rpartition(".")[0] if facts.subnets > 1 else ""
        plain = not roles.is_control_plane(facts.table("nodes")[name])
        return natural(subnet), plain, cells.get(name, len(cells)) if plain else 0, natural(name)

    return sorted(plane.nodes, key=key)


def chosen_node(scene: Scene, plane: Dataplane) -> str:
    """The node that is looked into: that of what the reader chose, otherwise the first worker."""
    name = machine_of(scene.snapshot, scene.options.focus)
    return name if name in plane.nodes else plane.nodes[0]


def acts_on(step: Step | None, plane: Dataplane, *components: str) -> frozenset[str]:
    """The nodes on which a step's agent acts; a note may be about every node whose agent hears of changes."""
    if step is None or step.component not in components:
        return frozenset()
    peer = str(step.params.get("peer", ""))
    if step.node:
        return frozenset(name for name in (step.node, peer) if name in plane.nodes)
    agent = PROGRAMS.get(step.component, CALICO)
    return frozenset(name for name in plane.nodes if plane.past.state(name, agent) == UP)


def mark_of(state: str) -> str:
    """The class of an agent in a state: running, deaf, or not running."""
    return {UP: "", CUT: " cut st-Unknown", "": " absent"}.get(state, " down st-Failed")


def pod_of(scene: Scene, node: str, name: str) -> tuple[str, Obj] | None:
    """The Pod in which an agent runs on a node."""
    for key, pod in scene.pods.items():
        if pod["spec"].get("nodeName") == node and roles.special(pod) == name:
            return f"pods/{key}", pod
    return None
