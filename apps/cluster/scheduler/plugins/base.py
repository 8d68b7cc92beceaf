"""What a plugin is: hooks that the framework calls at each extension point.

Models      staging/src/k8s.io/kube-scheduler/framework/interface.go
Leaves out  Permit, Reserve and PreBind as hooks of their own: only VolumeBinding has any, and the scheduler calls it
            by name
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol

from apps.cluster.apimachinery.meta import Obj
from apps.cluster.scheduler.cache import Cache
from apps.cluster.scheduler.node_info import NodeInfo
from apps.cluster.scheduler.pod_info import PodInfo
from apps.cluster.scheduler.status import Status

MAX_SCORE = 100


class Lister(Protocol):
    """The part of an informer that plugins use."""

    def get(self, key: str) -> Obj | None: ...
    def list(self, namespace: str = "") -> list[Obj]: ...


class Handle:
    """What plugins may look at: the cache, and objects by resource."""

    def __init__(self, cache: Cache, lister: Callable[[str], Lister]) -> None:
        self.cache = cache
        self._lister = lister
        self._listers: dict[str, Lister] = {}
        self.selectors_version = 0  # of Services, ReplicaSets … whose selectors say which Pods belong together

    def lister(self, resource: str) -> Lister:
        lister = self._listers.get(resource)
        if lister is None:
            lister = self._listers[resource] = self._lister(resource)
        return lister


class State(Protocol):
    """What a plugin keeps between extension points of one cycle. Cloned before trying what preemption would do."""

    def clone(self) -> State: ...


class CycleState:
    """One Pod's scheduling cycle: what each plugin kept, and which plugins have nothing to do."""

    __slots__ = ("data", "skip_filter", "skip_score")

    def __init__(self) -> None:
        self.data: dict[str, Any] = {}
        self.skip_filter: set[str] = set()
        self.skip_score: set[str] = set()

    def clone(self) -> CycleState:
        out = CycleState()
        out.data = {name: state.clone() for name, state in self.data.items()}
        out.skip_filter = self.skip_filter
        out.skip_score = self.skip_score
        return out


# An event that may make a Pod schedulable, such as "node/add", and what decides whether it does (None: it may).
Hint = Callable[[Obj, Obj | None, Obj | None], bool]
Hints = Mapping[str, Hint | None]


class Plugin:
    """Does nothing; a real plugin overrides the hooks of the extension points it names."""

    name: ClassVar[str] = ""
    weight: ClassVar[int] = 0
    filters: ClassVar[bool] = False
    scores: ClassVar[bool] = False
    # Filter and Score depend on the Pod's class and on one node, on nothing else: results are kept until the node
    # changes.
    local: ClassVar[bool] = False

    def __init__(self, handle: Handle) -> None:
        self.handle = handle

    def hints(self) -> Hints:
        """Events that may resolve a rejection by this plugin."""
        return {}

    def pre_enqueue(self, pod: Obj) -> Status | None:
        """Not None: the Pod may not enter the queue yet."""
        return None

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]) -> Status | None:
        """Look at the cluster once before nodes are filtered. Skip: Filter has nothing to do."""
        return None

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        return None

    def add_pod(self, state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo) -> None:
        """`other` is put on `node` to see what would be."""

    def remove_pod(self, state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo) -> None:
        """`other` is taken off `node` to see what would be."""

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]) -> Status | None:
        """Look at the nodes that passed. Skip: all score alike."""
        return None

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        return 0

    def score_all(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]) -> list[int]:
        """`score` of each node. To be overridden where that can be done faster."""
        return [self.score(state, pod, node) for node in nodes]

    def normalize(self, state: CycleState, nodes: Sequence[NodeInfo], scores: list[int]) -> list[int]:
        """From raw scores to 0 … 100, over the nodes that passed."""
        return scores


def default_normalize(scores: list[int], *, reverse: bool) -> list[int]:
    """Scale so that the largest becomes 100.

    >>> default_normalize([1, 2, 4], reverse=False), default_normalize([0, 1], reverse=True)
    ([25, 50, 100], [100, 0])
    """
    largest = max(scores, default=0)
    if largest <= 0:
        return [MAX_SCORE] * len(scores) if reverse else scores
    if reverse:
        return [MAX_SCORE - MAX_SCORE * score // largest for score in scores]
    return [MAX_SCORE * score // largest for score in scores]
