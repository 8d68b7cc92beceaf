"""What the local plugins say of every node, for Pods that are alike to them.

Models      pkg/scheduler/framework/runtime/framework.go (RunFilterPlugins and RunScorePlugins, for the plugins that
            look at one node alone)
Leaves out  -

The result of a local plugin depends on what a Pod asks for and on one node. Pods of many owners often ask for the same,
so what is found for one serves them all: a `Table` adds what sets them apart.
"""

from __future__ import annotations

from apps.cluster.scheduler.cache import Cache
from apps.cluster.scheduler.framework import Framework
from apps.cluster.scheduler.node_info import NodeInfo
from apps.cluster.scheduler.plugins.base import CycleState, Plugin
from apps.cluster.scheduler.plugins.image_locality import ImageLocality
from apps.cluster.scheduler.pod_info import PodInfo
from apps.cluster.scheduler.status import SKIP, Status


class Local:
    """Verdicts and raw scores of such Pods on all nodes, by the node's place in the order."""

    __slots__ = (
        "_locality",
        "_order",
        "_seen",
        "filters",
        "images",
        "pod",
        "raws",
        "scores",
        "state",
        "used",
        "verdicts",
    )

    def __init__(self, framework: Framework, pod: PodInfo) -> None:
        pod = self.pod = PodInfo(pod.pod, pod.kind)  # a Pod of its own: the one that came first will be bound
        self.state = CycleState()
        self.filters = [p for p in framework.local_filters if _takes_part(p.pre_filter(self.state, pod, ()))]
        self.scores: list[Plugin] = [p for p in framework.local_scores if _takes_part(p.pre_score(self.state, pod, ()))]
        self.verdicts: list[Status | None] = []
        self.raws: list[tuple[int, ...]] = []
        self.images: tuple[int, ...] = ()
        self._locality = next((plugin for plugin in self.scores if isinstance(plugin, ImageLocality)), None)
        self._seen = 0
        self._order = -1
        self.used = 0

    def refresh(self, cache: Cache) -> None:
        """Take note of every change since the last time."""
        nodes = cache.ordered()
        images = self._locality.marks(self.pod.kind) if self._locality is not None else ()
        end = cache.log_start + len(cache.log)
        if self._order != cache.order_version or self._seen < cache.log_start or images != self.images:
            self._order, self.images = cache.order_version, images
            self.verdicts = [None] * len(nodes)
            self.raws = [()] * len(nodes)
            for info in nodes:
                self._evaluate(info)
        elif self._seen < end:
            for info in cache.changed_since(self._seen):
                if info.index >= 0:
                    self._evaluate(info)
        self._seen = end

    def _evaluate(self, info: NodeInfo) -> None:
        i, pod, state = info.index, self.pod, self.state
        for plugin in self.filters:
            verdict = plugin.filter(state, pod, info)
            if verdict is not None:
                self.verdicts[i] = verdict
                return
        self.verdicts[i] = None
        self.raws[i] = tuple([plugin.score(state, pod, info) for plugin in self.scores])


def _takes_part(status: Status | None) -> bool:
    return status is None or status.code != SKIP
