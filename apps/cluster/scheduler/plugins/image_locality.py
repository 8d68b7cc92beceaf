"""ImageLocality: prefer nodes that have the images already, the larger and the wider spread the better.

Models      pkg/scheduler/framework/plugins/imagelocality/image_locality.go
Leaves out  nothing known
"""

from __future__ import annotations

from typing import ClassVar

from apps.cluster.scheduler.node_info import NodeInfo
from apps.cluster.scheduler.plugins.base import MAX_SCORE, CycleState, Plugin
from apps.cluster.scheduler.pod_info import PodClass, PodInfo

MB = 1024 * 1024
LEAST = 23 * MB  # images smaller than this in all are not worth a point
MOST = 1000 * MB  # a container; more gives no more points
MOST_MARKED = 3  # images whose choices are all looked at


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
        return _points(size, pod.kind.image_count)

    def marks(self, kind: PodClass) -> tuple[int, ...]:
        """What the scores of such Pods rest on besides the node itself: as long as it is the same, so are they.

        That is every score a node can have, one for each choice of images it may hold. A new node with an image
        often changes the count and none of the scores.
        """
        cache = self.handle.cache
        images = [image for image in kind.images if cache.image_nodes.get(image)]
        sizes = [cache.image_sizes[image] for image in images]
        if len(images) > MOST_MARKED or -1 in sizes:
            return tuple(cache.image_nodes[image] for image in images)
        total = len(cache.order)
        sums = [0]
        for image, size in zip(images, sizes, strict=True):
            scaled = int(size * (cache.image_nodes[image] / total))
            sums += [scaled + other for other in sums]
        return tuple([_points(size, kind.image_count) for size in sums])


def _points(size: int, containers: int) -> int:
    most = MOST * containers
    return MAX_SCORE * (min(max(size, LEAST), most) - LEAST) // (most - LEAST)
