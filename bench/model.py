"""How fast the model is: a Deployment of 1,000 Pods on 100 nodes from apply to Ready, and a reader's scenario replayed.

A real control plane (Kubernetes 1.36.2 with stand-in kubelets) needs 9 to 18 s for the first on a machine like ours.
"""

from __future__ import annotations

import gc
import sys
import time
from statistics import median
from typing import Any

from apps.cluster.cluster import Cluster, Config


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


def thousand_pods(replicas: int = 1000, nodes: int = 100) -> tuple[float, float, int]:
    """Seconds to boot, seconds from apply to Ready, and revisions written by the latter."""
    started = time.perf_counter()
    cluster = Cluster.boot(Config(workers=nodes))
    booted = time.perf_counter()
    before = cluster.revision
    cluster.execute({"op": "apply", "objects": [deployment("web", replicas)]})
    while ready(cluster, "web") < replicas:
        cluster.engine.run_one()
    return booted - started, time.perf_counter() - booted, cluster.revision - before


def readers_scenario() -> tuple[float, float]:
    """Seconds to boot four nodes, and to replay a log of three commands and 30 Pods on a restored boot."""
    started = time.perf_counter()
    base = Cluster.boot(Config(workers=3)).snapshot()
    booted = time.perf_counter()
    cluster = Cluster.restore(base)
    cluster.execute({"op": "apply", "objects": [deployment("web", 20)]})
    cluster.run_for(5_000)
    cluster.execute({"op": "scale", "resource": "deployments", "namespace": "default", "name": "web", "replicas": 30})
    cluster.run_to_rest()
    assert ready(cluster, "web") == 30
    return booted - started, time.perf_counter() - booted


def main() -> None:
    if "--profile" in sys.argv:
        import cProfile
        import pstats

        profiler = cProfile.Profile()
        cluster = Cluster.boot(Config(workers=100))
        cluster.execute({"op": "apply", "objects": [deployment("web", 1000)]})
        profiler.enable()
        while ready(cluster, "web") < 1000:
            cluster.engine.run_one()
        profiler.disable()
        pstats.Stats(profiler).sort_stats("tottime").print_stats(35)
        return
    gc.freeze()
    runs = [thousand_pods() for _ in range(3)]
    boots = [readers_scenario() for _ in range(5)]
    print(
        f"1,000 Pods on 100 nodes, apply to Ready   {median(run[1] for run in runs):6.3f} s   (aim 0.6; real 9 to 18)"
    )
    print(f"    revisions written                     {runs[0][2]:6d}")
    print(f"    boot of 101 nodes                     {median(run[0] for run in runs):6.3f} s")
    print(f"boot of 4 nodes                           {median(boot[0] for boot in boots) * 1000:6.1f} ms")
    print(f"30 Pods, 2 commands, replayed             {median(boot[1] for boot in boots) * 1000:6.1f} ms  (aim 50)")


if __name__ == "__main__":
    main()
