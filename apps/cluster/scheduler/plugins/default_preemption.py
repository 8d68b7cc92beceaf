"""DefaultPreemption: make room for a Pod by deleting less important ones.

Models      pkg/scheduler/framework/plugins/defaultpreemption/default_preemption.go, framework/preemption
            (preemption.go, executor.go)
Leaves out  Pods preempted while they wait for volumes (in memory only), Pod groups

Pure: it finds the node and the victims. The scheduler deletes them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

from apps.cluster.apimachinery import conditions
from apps.cluster.apimachinery.meta import Obj
from apps.cluster.apimachinery.selectors import from_label_selector
from apps.cluster.scheduler.fit_error import Diagnosis
from apps.cluster.scheduler.framework import Framework
from apps.cluster.scheduler.node_info import NodeInfo
from apps.cluster.scheduler.plugins.base import CycleState
from apps.cluster.scheduler.pod_info import PodInfo
from apps.cluster.scheduler.status import UNRESOLVABLE, UNSCHEDULABLE, Status

MIN_CANDIDATES_PERCENTAGE = 10
MIN_CANDIDATES = 100

NOT_HELPFUL = Status(UNRESOLVABLE, ("Preemption is not helpful for scheduling",))
NO_VICTIMS = Status(UNRESOLVABLE, ("No preemption victims found for incoming pod",))
NEVER = "not eligible due to preemptionPolicy=Never."
WAITING = "not eligible due to a terminating pod on the nominated node."


class Candidate(NamedTuple):
    """A node, who would have to leave it (most important first), and how many disruption budgets that breaks."""

    node: str
    victims: tuple[PodInfo, ...]
    violations: int


class Preemption(NamedTuple):
    """`nominated` is the node chosen, "" to withdraw an earlier choice, None to leave things as they are."""

    nominated: str | None
    message: str
    victims: tuple[PodInfo, ...] = ()
    candidates: tuple[Candidate, ...] = ()  # everyone that could have been chosen


class DefaultPreemption:
    name: ClassVar[str] = "DefaultPreemption"

    def __init__(self, framework: Framework, below: Callable[[int], int], now: Callable[[], str]) -> None:
        self.framework = framework
        self.below = below  # chance: a whole number below n
        self.now = now  # for Pods that have not started: they start now at the earliest

    def preempt(self, state: CycleState, pod: PodInfo, diagnosis: Diagnosis, budgets: Sequence[Obj]) -> Preemption:
        cache = self.framework.handle.cache
        nodes = cache.ordered()
        why_not = self.not_eligible(pod, diagnosis)
        if why_not:
            return Preemption(None, f"preemption: {why_not}")
        hopeful = [node for node in nodes if diagnosis.of(node.name).code == UNSCHEDULABLE]
        candidates: list[Candidate] = []
        statuses: dict[str, Status] = {}
        if hopeful:
            candidates, statuses = self.dry_run(state, pod, hopeful, budgets)
        if not candidates:
            outcome = Diagnosis()
            outcome.statuses, outcome.absent = statuses, NOT_HELPFUL
            return Preemption("", f"preemption: {outcome.message(len(nodes))}")
        best = pick_one(candidates, self.start_time)
        return Preemption(best.node, "", best.victims, tuple(candidates))

    def not_eligible(self, pod: PodInfo, diagnosis: Diagnosis) -> str:
        if pod.pod["spec"].get("preemptionPolicy") == "Never":
            return NEVER
        nominated = (pod.pod.get("status") or {}).get("nominatedNodeName")
        if nominated and diagnosis.of(nominated).code != UNRESOLVABLE:
            node = self.framework.handle.cache.nodes.get(nominated)
            if node is not None:
                for other in node.pods.values():
                    if other.kind.priority < pod.kind.priority and being_preempted(other.pod):
                        return WAITING
        return ""

    def dry_run(
        self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo], budgets: Sequence[Obj]
    ) -> tuple[list[Candidate], dict[str, Status]]:
        """Try nodes from a random one on, until there are enough candidates. Those that break no budget come first."""
        wanted = min(max(len(nodes) * MIN_CANDIDATES_PERCENTAGE // 100, MIN_CANDIDATES), len(nodes))
        start = self.below(len(nodes)) if len(nodes) > 1 else 0
        sound: list[Candidate] = []
        violating: list[Candidate] = []
        statuses: dict[str, Status] = {}
        for i in range(len(nodes)):
            node = nodes[(start + i) % len(nodes)]
            if not node.has_less_important(pod.kind.priority):
                statuses[node.name] = NO_VICTIMS
                continue
            found = self.select_victims(state.clone(), pod, node.clone(), budgets)
            if isinstance(found, Status):
                statuses[node.name] = found
                continue
            (violating if found.violations else sound).append(found)
            if sound and len(sound) + len(violating) >= wanted:
                break
        return sound + violating, statuses

    def select_victims(
        self, state: CycleState, pod: PodInfo, node: NodeInfo, budgets: Sequence[Obj]
    ) -> Candidate | Status:
        """The fewest, least important Pods whose leaving makes room. `state` and `node` are copies."""
        framework = self.framework
        potential = [other for other in node.pods.values() if other.kind.priority < pod.kind.priority]
        if not potential:
            return NO_VICTIMS
        for other in potential:
            framework.remove_pod(state, pod, other, node)
        status = framework.filter_with_nominated(state, pod, node)
        if status is not None:
            return status
        potential.sort(key=self.importance)
        victims: list[PodInfo] = []
        violations = 0
        violating, others = split_by_budget(potential, budgets)
        # Put back as many as fit: first those that a budget protects, each time from the most important on.
        for group in (violating, others):
            for other in group:
                framework.add_pod(state, pod, other, node)
                if framework.filter_with_nominated(state, pod, node) is not None:
                    framework.remove_pod(state, pod, other, node)
                    victims.append(other)
                    violations += group is violating
        if violating and others:
            victims.sort(key=self.importance)
        return Candidate(node.name, tuple(victims), violations)

    def importance(self, pod: PodInfo) -> tuple[int, str, str]:
        """Sorts the most important first: higher priority, then started earlier."""
        return (-pod.kind.priority, self.start_time(pod), pod.key)

    def start_time(self, pod: PodInfo) -> str:
        return (pod.pod.get("status") or {}).get("startTime") or self.now()


def being_preempted(pod: Obj) -> bool:
    """Terminating because the scheduler wanted its room."""
    if "deletionTimestamp" not in pod["metadata"]:
        return False
    condition = conditions.find((pod.get("status") or {}).get("conditions"), "DisruptionTarget")
    if condition is None:
        return False
    return condition.get("status") == "True" and condition.get("reason") == "PreemptionByScheduler"


def split_by_budget(pods: Sequence[PodInfo], budgets: Sequence[Obj]) -> tuple[list[PodInfo], list[PodInfo]]:
    """Pods whose leaving breaks a PodDisruptionBudget, and the others, in the order given."""
    allowed = [(budget.get("status") or {}).get("disruptionsAllowed", 0) for budget in budgets]
    selectors = [from_label_selector(budget["spec"].get("selector")) for budget in budgets]
    violating: list[PodInfo] = []
    others: list[PodInfo] = []
    for pod in pods:
        kind = pod.kind
        violated = False
        for i, budget in enumerate(budgets):
            if not kind.labels or budget["metadata"].get("namespace", "") != kind.namespace:
                continue
            if selectors[i].empty or not selectors[i].matches(kind.labels):
                continue
            if pod.pod["metadata"]["name"] in ((budget.get("status") or {}).get("disruptedPods") or {}):
                continue
            allowed[i] -= 1
            violated = violated or allowed[i] < 0
        (violating if violated else others).append(pod)
    return violating, others


def pick_one(candidates: Sequence[Candidate], start_time: Callable[[PodInfo], str]) -> Candidate:
    """The node whose victims are missed least.

    Fewest broken budgets; then the least important top victim; then the least sum of priorities; then the fewest
    victims; then the victims that started last; then the first.
    """

    def latest_start(candidate: Candidate) -> str:
        top = candidate.victims[0].kind.priority
        return min(start_time(victim) for victim in candidate.victims if victim.kind.priority == top)

    rules: tuple[Callable[[Candidate], int], ...] = (
        lambda c: c.violations,
        lambda c: c.victims[0].kind.priority,
        lambda c: sum(victim.kind.priority + 2**31 for victim in c.victims),
        lambda c: len(c.victims),
    )
    left = list(candidates)
    for rule in rules:
        least = min(rule(candidate) for candidate in left)
        left = [candidate for candidate in left if rule(candidate) == least]
        if len(left) == 1:
            return left[0]
    latest = max(latest_start(candidate) for candidate in left)
    return next(candidate for candidate in left if latest_start(candidate) == latest)
