"""The largest cluster Kubernetes promises, in one process: 5,000 nodes and 150,000 Pods, built and Ready.

Models what https://kubernetes.io/docs/setup/best-practices/cluster-large/ names: no more than 110 Pods a node, 5,000
nodes, 150,000 Pods. The trace is not kept: nobody steps through a hundred and fifty thousand Pods. Seconds are of the
processor, and bytes a Pod are what the process grew by from the booted nodes to the last Pod Ready.

`python -m bench.largest [NODES PODS]`
"""

from __future__ import annotations

import resource
import sys

from apps.cluster.cluster import Cluster, Config
from apps.scenarios.collecting import settle_in
from bench.model import Watch, deployment, ready
from bench.result import Result, table

NODES, PODS = 5_000, 150_000
DEPLOYMENTS = 30  # of 5,000 Pods each: one Deployment of all of them would be nobody's cluster


def resident() -> int:
    """The most memory this process has held so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(nodes: int = NODES, pods: int = PODS) -> list[Result]:
    settle_in()
    watch = Watch()
    cluster = Cluster.boot(Config(workers=nodes, keep_trace=False, pod_subnet="10.128.0.0/9"))
    boot, _ = watch.look()
    held = resident()
    each, count = divmod(pods, DEPLOYMENTS)
    sizes = {f"app-{i}": each + (i < count) for i in range(DEPLOYMENTS)}
    for name, replicas in sizes.items():
        cluster.execute({"op": "apply", "objects": [deployment(name, replicas)]})
    while not all(ready(cluster, name) == replicas for name, replicas in sizes.items()):
        for _ in range(1000):
            cluster.engine.run_one()
    seconds, _ = watch.look()
    grown = resident() - held
    return [
        Result(f"{nodes:,} nodes booted", boot, "s"),
        Result(
            f"{nodes:,} nodes, {pods:,} Pods: built and Ready",
            boot + seconds,
            "s",
            90.0,
            f"{resident() / 2**30:.2f} GiB",
        ),
        Result("Pods a second", pods / seconds, "/s"),
        Result("bytes a Pod", grown / pods, "B"),
    ]


if __name__ == "__main__":
    print(table(measure(*(int(word) for word in sys.argv[1:]))))
