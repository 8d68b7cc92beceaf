"""How fast the model is: a Deployment of 1,000 Pods on 100 nodes from apply to Ready, and a reader's scenario replayed.

A real control plane (Kubernetes 1.36.2 with stand-in kubelets) needs 9 to 18 s for the first on a machine like ours.
Seconds are of the processor: the model is one thread that never waits, so on a quiet machine the clock says the same,
and on a busy one they still mean something. `python -m bench.model --profile` shows where they go.
"""

from __future__ import annotations

import sys
import time
from statistics import median
from typing import Any, NamedTuple

from apps.cluster.cluster import Cluster, Config
from apps.scenarios.collecting import settle_in
from bench.result import Result, table

THOUSANDS, READERS = 5, 15  # runs


def deployment(name: str, replicas: int, cpu: str = "100m") -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {
                    "containers": [{"name": "web", "image": "nginx:1.28", "resources": {"requests": {"cpu": cpu}}}]
                },
            },
        },
    }


def ready(cluster: Cluster, name: str) -> int:
    found = cluster.apiserver.tables["deployments"].get(f"default/{name}") or {}
    return int(found.get("status", {}).get("readyReplicas", 0))


class Watch:
    """Seconds since the last look, by the processor and by the clock."""

    def __init__(self) -> None:
        self.cpu, self.wall = time.process_time(), time.perf_counter()

    def look(self) -> tuple[float, float]:
        before = self.cpu, self.wall
        self.cpu, self.wall = time.process_time(), time.perf_counter()
        return self.cpu - before[0], self.wall - before[1]


class Thousand(NamedTuple):
    boot_s: float
    ready_s: float
    ready_wall_s: float
    revisions: int


def thousand_pods(replicas: int = 1000, nodes: int = 100) -> Thousand:
    """From apply to Ready, and the boot before it."""
    watch = Watch()
    cluster = Cluster.boot(Config(workers=nodes))
    boot, _ = watch.look()
    before = cluster.revision
    cluster.execute({"op": "apply", "objects": [deployment("web", replicas)]})
    while ready(cluster, "web") < replicas:
        cluster.engine.run_one()
    return Thousand(boot, *watch.look(), cluster.revision - before)


def readers_scenario() -> tuple[float, float]:
    """Seconds to boot four nodes, and to replay a log of two commands and 30 Pods on a restored boot."""
    watch = Watch()
    base = Cluster.boot(Config(workers=3)).snapshot()
    boot, _ = watch.look()
    cluster = Cluster.restore(base)
    cluster.execute({"op": "apply", "objects": [deployment("web", 20)]})
    cluster.run_for(5_000)
    cluster.execute({"op": "scale", "resource": "deployments", "namespace": "default", "name": "web", "replicas": 30})
    cluster.run_to_rest()
    assert ready(cluster, "web") == 30
    return boot, watch.look()[0]


def measure() -> list[Result]:
    settle_in()
    runs = [thousand_pods() for _ in range(THOUSANDS)]
    boots = [readers_scenario() for _ in range(READERS)]
    first = f"{median(run.ready_wall_s for run in runs):.2f} s by the clock, {runs[0].revisions} revisions"
    return [
        Result("1,000 Pods on 100 nodes, apply to Ready", median(run.ready_s for run in runs), "s", 0.6, first),
        Result("boot of 101 nodes", median(run.boot_s for run in runs), "s"),
        Result("boot of 4 nodes", median(boot for boot, _ in boots), "s"),
        Result("30 Pods and 2 commands replayed", median(replay for _, replay in boots), "s", 0.05),
    ]


def main() -> None:
    if "--profile" not in sys.argv:
        print(table(measure()))
        return
    import cProfile
    import pstats

    settle_in()
    profiler = cProfile.Profile()
    cluster = Cluster.boot(Config(workers=100))
    cluster.execute({"op": "apply", "objects": [deployment("web", 1000)]})
    profiler.enable()
    while ready(cluster, "web") < 1000:
        cluster.engine.run_one()
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(35)


if __name__ == "__main__":
    main()
