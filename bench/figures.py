"""How fast figures are: against one bare `dot`, spawned, on the same DOT.

    python -m bench.figures

`first`     nothing drawn before: Graphviz is asked for every shape
`topology`  a Pod came: a new picture, most of whose shapes were drawn before
`patch`     a Pod turned Ready: classes and words only
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from apps.cluster.cluster import Cluster, Config
from apps.diagrams import dot, figure, places, shapes
from apps.diagrams.figure import difference, render
from apps.diagrams.options import Options
from apps.diagrams.views import lanes, plate
from bench.model import deployment

CACHED = (
    *(made for made in vars(shapes).values() if hasattr(made, "cache_clear")),
    plate.plate,
    lanes.lane,
    lanes._layout,
)


def timed(act: Callable[[], Any], times: int) -> float:
    """The median of some runs, in milliseconds."""
    found = []
    for _ in range(times):
        started = time.perf_counter()
        act()
        found.append((time.perf_counter() - started) * 1000)
    return median(found)


def forget() -> None:
    for made in CACHED:
        made.cache_clear()
    figure._svgs.clear()


def measure(nodes: int, pods: int, view: str) -> dict[str, float]:
    """Milliseconds for one size of cluster and one view."""
    cluster = Cluster.boot(Config(workers=nodes))
    # Several Deployments, so that Pods are drawn one by one rather than as tiles.
    each = max(1, pods // 5)
    cluster.execute({"op": "apply", "objects": [deployment(f"web-{n}", each, "20m") for n in range(5)]})
    cluster.run_to_rest()
    base, steps = cluster.view(cluster.base), cluster.trace.between(cluster.base, cluster.revision)
    places_before = places.at(base, steps)
    settled = cluster.view()
    options = Options(places=places_before)
    before = render(settled, view, "ko", options)
    before.svg  # noqa: B018
    text = dot.write(before.graph).encode()

    pod = next(
        step for step in reversed(steps) if step.ref.startswith("pods/default/") and step.subresource == "status"
    )
    later = cluster.view(pod.revision)
    places_then = places.at(base, cluster.trace.between(cluster.base, pod.revision - 1))
    earlier = render(cluster.view(pod.revision - 1), view, "ko", Options(places=places_then))

    cluster.execute(
        {"op": "scale", "resource": "deployments", "namespace": "default", "name": "web-0", "replicas": each + 1}
    )
    until = cluster.revision
    while not any(step.verb == "bind" for step in cluster.trace.between(until, cluster.revision)):
        cluster.engine.run_one()
    bound = next(step for step in cluster.trace.between(until, cluster.revision) if step.verb == "bind")
    moved = cluster.view(bound.revision)
    places_before_bind = places.at(base, cluster.trace.between(cluster.base, bound.revision - 1))

    def first() -> None:
        forget()
        render(settled, view, "ko", options).svg  # noqa: B018

    def topology() -> None:
        figure._svgs.clear()
        now = places.advance(places_before_bind, bound)
        fresh = render(moved, view, "ko", Options(places=now))
        difference(before, fresh)
        fresh.svg  # noqa: B018

    def patch() -> None:
        now = places.advance(places_then, pod)
        fresh = render(later, view, "ko", Options(places=now))
        difference(earlier, fresh)
        fresh.digest  # noqa: B018

    def spawned() -> None:
        subprocess.run(["dot", "-Tsvg"], input=text, capture_output=True, check=True)

    result = {"spawned": timed(spawned, 7), "first": timed(first, 7)}
    topology()
    return {**result, "topology": timed(topology, 30), "patch": timed(patch, 30)}


def main() -> None:
    print("figures: against one bare `dot` spawned on the same DOT (ms, then the ratio)")
    for nodes, pods in ((4, 30), (10, 100)):
        for view in ("cluster", "ownership"):
            found = measure(nodes, pods, view)
            spawned = found.pop("spawned")
            told = "  ".join(f"{name} {ms:.2f} ({ms / spawned:.3f})" for name, ms in found.items())
            print(f"  {nodes} nodes, {pods} Pods, {view}: dot {spawned:.1f}  {told}")


if __name__ == "__main__":
    main()
