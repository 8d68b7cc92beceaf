"""DefaultBinder: POST pods/{name}/binding.

Models      pkg/scheduler/framework/plugins/defaultbinder/default_binder.go
Leaves out  nothing known
"""

from __future__ import annotations

from apps.cluster.client import Client
from apps.cluster.scheduler.pod_info import PodInfo

NAME = "DefaultBinder"


def bind(client: Client, pod: PodInfo, node: str, score: int, feasible: int) -> None:
    """Give the Pod its node: the best of so many `feasible` ones.

    Raises:
        StatusError: it is gone, is going, or has a node already.
    """
    metadata = pod.pod["metadata"]
    if feasible == 1:  # taken unscored
        client.bind(metadata["namespace"], metadata["name"], node, why="scheduler.bind-only", node=node)
    else:
        client.bind(
            *(metadata["namespace"], metadata["name"], node),
            why="scheduler.bind",
            node=node,
            score=score,
            feasible=feasible,
        )
