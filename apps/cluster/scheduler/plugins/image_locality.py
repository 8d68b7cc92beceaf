"""ImageLocality: prefer nodes that have the images already, the larger and the wider spread the better.

Models      pkg/scheduler/framework/plugins/imagelocality/image_locality.go
Leaves out  nothing known
"""

from __future__ import annotations

from typing import ClassVar

from apps.cluster.scheduler.node_info import NodeInfo
from apps.cluster.scheduler.plugins.base import MAX_SCORE, CycleState, Plugin
from apps.cluster.scheduler.pod_info import PodInfo

MB = 1024 * 1024
LEAST = 23 * MB  # images smaller than this in all are not worth a point
MOST = 1000 * MB  # a container; more gives no more points


class ImageLocality(Plugin):
    name: ClassVar[str] = "ImageLocality"
    weight: ClassVar[int] = 1
    scores: ClassVar[bool] = True
    local: ClassVar[bool] = True

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        here = node.images
        if not here:
            return 0
        cache = self.handle.cache
        total = len(cache.order)
        size = 0
        for image in pod.kind.images:
            if image in here:
                # Scaled by how many nodes have it, so that one node is not heated up by being the first.
                size += int(here[image] * (cache.image_nodes[image] / total))
        most = MOST * pod.kind.image_count
        return MAX_SCORE * (min(max(size, LEAST), most) - LEAST) // (most - LEAST)
