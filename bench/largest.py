"""The largest cluster Kubernetes promises, in one process: 5,000 nodes and 150,000 Pods, built and Ready.

Models what https://kubernetes.io/docs/setup/best-practices/cluster-large/ names: no more than 110 Pods a node, 5,000
nodes, 150,000 Pods. The trace is not kept: nobody steps through a hundred and fifty thousand Pods. As in `manage.py
simulate` the collector of cycles rests. Seconds are of the processor, and bytes a Pod are what the process grew by from
the booted nodes to the last Pod Ready.

To take gigabytes of small objects apart takes longer than to build a tenth of them, so the process leaves them to the
system when it ends.

`python -m bench.largest [NODES PODS]`; `--profile` shows where the time goes.
"""

from __future__ import annotations

import os
import resource
import sys
from typing import NoReturn

from apps.cluster.cluster import Cluster, Config
from apps.scenarios.collecting import paused, settle_in
from bench.model import Watch, deployment, ready
from bench.result import Result, table

NODES, PODS = 5_000, 150_000
DEPLOYMENTS = 30  # of 5,000 Pods each: one Deployment of all of them would be nobody's cluster
POD_SUBNET = "10.128.0.0/9"  # the usual /16 has too few blocks of 64 addresses for so many nodes
GIB = 2**30
KEPT: list[Cluster] = []  # so that what was measured is not taken apart before its figures are printed


def resident() -> int:
    """The most memory this process has held so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(nodes: int = NODES, pods: int = PODS) -> list[Result]:
    settle_in()
    with paused():
        return _measure(nodes, pods)


def _measure(nodes: int, pods: int) -> list[Result]:
    watch = Watch()
    cluster = Cluster.boot(Config(workers=nodes, keep_trace=False, pod_subnet=POD_SUBNET))
    KEPT.append(cluster)
    boot, _ = watch.look()
    held = resident()
    each, rest = divmod(pods, DEPLOYMENTS)
    sizes = {f"app-{i}": each + (i < rest) for i in range(DEPLOYMENTS)}
    for name, replicas in sizes.items():
        cluster.execute({"op": "apply", "objects": [deployment(name, replicas)]})
    while not all(ready(cluster, name) == replicas for name, replicas in sizes.items()):
        for _ in range(1000):
            cluster.engine.run_one()
    seconds, _ = watch.look()
    what = f"{nodes:,} nodes, {pods:,} Pods"
    return [
        Result(f"{nodes:,} nodes booted", boot, "s"),
        Result(f"{what}: built and Ready", boot + seconds, "s", 90.0),
        Result(f"{what}: memory", resident() / GIB, "GiB", 6.0),
        Result("Pods a second", pods / seconds, "/s"),
        Result("bytes a Pod", (resident() - held) / pods, "B"),
    ]


def leave() -> NoReturn:
    """End the process without taking the cluster apart."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def main() -> None:
    words = [word for word in sys.argv[1:] if word != "--profile"]
    sizes = [int(word) for word in words]
    if "--profile" not in sys.argv:
        print(table(measure(*sizes)))
        leave()
    import cProfile
    import pstats

    profiler = cProfile.Profile()
    profiler.enable()
    found = measure(*sizes)
    profiler.disable()
    print(table(found))
    pstats.Stats(profiler).sort_stats("tottime").print_stats(35)
    leave()


if __name__ == "__main__":
    main()
