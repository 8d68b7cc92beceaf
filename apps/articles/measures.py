"""What the model answers when the reader is asked to predict.

    {kind = "extreme", which = "fewest" | "most", count = "pods" | "ready" | "live", labels = "app=web", until = {…}}
    {kind = "first"}                         which option's `find` comes first: the answer is its id
    {kind = "count", find = {…}, until = {…}}        how many steps match
    {kind = "node", of = "pod"}              the node of a captured Pod, once it has one
    {kind = "seconds", find = {…}}           whole seconds until the first match
    {kind = "name", find = {…}}              the name of the object of the first match
    {kind = "largest", src = "pod", dst = "other"}   bytes of the largest ping from one Pod that reaches the other
    {kind = "reached", src = "pod", dst = "services/default/web"}    how many Pods answer to connections from there
                                             src: captured, or `client` outside; with `port`, if the first is not meant

`live` counts Pods that are not terminating. `until` ends the search; without it, the run's end does.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

from apps.articles import finding
from apps.cluster.apimachinery.selectors import parse
from apps.cluster.dataplane import Ask
from apps.cluster.dataplane.dataplane import Dataplane
from apps.cluster.engine import Step
from apps.cluster.network.walk import HEADERS
from apps.scenarios.replay import Run

CONNECTIONS = 200  # enough for chance to have come to every endpoint
JUMBO = 9001  # no network here takes larger packets
Answer = tuple[str, int]  # what to say, and the revision that shows it


def measure(
    data: Mapping[str, Any],
    options: Sequence[Mapping[str, Any]],
    run: Run,
    start: int,
    names: Mapping[str, str],
    position: int = 0,
) -> Answer:
    """The model's answer, from the steps after revision `start`, or where `position` of them had happened.

    Raises:
        LookupError: what is asked about never happens; ValueError: no such kind of question.
    """
    trace = run.cluster.trace
    position = position or trace.position(start)
    steps: Sequence[Step] = trace.steps[position:]
    if "until" in data:
        steps = steps[: finding.find(steps, data["until"]) + 1]
    kind = data["kind"]
    if kind == "extreme":
        return _extreme(data, run, start, steps)
    if kind == "first":
        return _first(options, steps)
    if kind == "count":
        found = [step for step in steps if finding.matches(step, data["find"])]
        return str(len(found)), found[-1].revision if found else start
    if kind == "node":
        ref = names[data["of"]]
        for step in steps:
            if step.ref == ref and step.after is not None and step.after["spec"].get("nodeName"):
                return step.after["spec"]["nodeName"], step.revision
        raise LookupError(f"{ref} never gets a node")
    if kind == "reached":
        ask = Ask(names.get(data["src"], data["src"]), data["dst"], int(data.get("port", 0)))
        ends = _network(run, start).distribution(ask, CONNECTIONS)
        return str(sum(1 for end in ends if "/" in end)), start
    if kind == "largest":
        return _largest(data, run, start, names)
    step = steps[finding.find(steps, data["find"])]
    if kind == "seconds":
        began = trace.steps[position - 1].time_ms if position else 0
        return str(round((step.time_ms - began) / 1000)), step.revision
    if kind == "name":
        return step.ref.rpartition("/")[2], step.revision
    raise ValueError(f"unknown kind of question {kind!r}")


def _first(options: Sequence[Mapping[str, Any]], steps: Sequence[Step]) -> Answer:
    best: tuple[int, str, int] | None = None
    for option in options:
        if "find" not in option:
            continue
        try:
            position = finding.find(steps, option["find"])
        except LookupError:
            continue
        if best is None or position < best[0]:
            best = (position, option["id"], steps[position].revision)
    if best is None:
        raise LookupError("none of the options ever happens")
    return best[1], best[2]


def _network(run: Run, start: int) -> Dataplane:
    network = run.view(start).network
    assert network is not None  # only snapshots made by hand have none
    return network


def _largest(data: Mapping[str, Any], run: Run, start: int, names: Mapping[str, str]) -> Answer:
    network = _network(run, start)

    def arrives(size: int) -> bool:
        there = network.send(Ask(names[data["src"]], names[data["dst"]], protocol="icmp", size=size)).there
        return there is not None and there.end == "delivered"

    if not arrives(HEADERS):
        raise LookupError("not even an empty packet arrives")
    return str(bisect_left(range(JUMBO), True, HEADERS, key=lambda size: not arrives(size)) - 1), start


def _extreme(data: Mapping[str, Any], run: Run, start: int, steps: Sequence[Step]) -> Answer:
    selector = parse(data["labels"])
    what = data["count"]
    pods = {
        f"pods/{key}": pod
        for key, pod in run.cluster.trace.world(start).get("pods", {}).items()
        if selector.matches(pod["metadata"].get("labels"))
    }

    def count() -> int:
        return sum(1 for pod in pods.values() if _counts(pod, what))

    best, shows = count(), start
    fewest = data["which"] == "fewest"
    for step in steps:
        if not step.ref.startswith("pods/") or step.rank == "note":
            continue
        if step.after is None:
            pods.pop(step.ref, None)
        elif selector.matches(step.after["metadata"].get("labels")):
            pods[step.ref] = step.after
        now = count()
        if (now < best) if fewest else (now > best):
            best, shows = now, step.revision
    return str(best), shows


def _counts(pod: dict[str, Any], what: str) -> bool:
    if what == "pods":
        return True
    if what == "live":
        return "deletionTimestamp" not in pod["metadata"]
    if what == "ready":
        conditions = pod.get("status", {}).get("conditions") or ()
        return any(entry["type"] == "Ready" and entry["status"] == "True" for entry in conditions)
    raise ValueError(f"cannot count {what!r}")
