"""What the first page shows, all of it read off one run: the figure, a Pod's life, a kubectl table, an address.

Computed once a language and process: a preset's run never changes.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from apps.diagrams.states import pod_state
from apps.scenarios import presets, service, source, steps
from apps.scenarios.replay import Run
from k8sdocs import ruler

PRESET = "rolling-update"
Obj = dict[str, Any]


class Stage(NamedTuple):
    """A moment of one Pod's life: the first revision at which it looks like this."""

    revision: int
    state: str
    place: float  # of the picture, percent
    tick: float  # on the ruler below it, percent


class Row(NamedTuple):
    """A line of `kubectl get pods`."""

    state: str
    name: str
    ready: str
    status: str
    restarts: int
    age: str


@lru_cache(maxsize=8)
def story(lang: str, layout: str = "full") -> dict[str, Any]:
    """The context of the home page."""
    token = presets.get(PRESET).link
    seen = source.open_link(token, lang)
    run = seen.run
    mark = run.marks[-1]
    base = max(run.base, mark.revision - 2)
    head = _last_change(run)
    pod = _followed_pod(run, mark.revision)
    stages = _life(run, pod)
    at = stages[-2].revision if len(stages) > 1 else base
    address = f"/{lang}/s/{token}/"
    return {
        "scenario": {
            "title": seen.title,
            "view": "cluster",
            "base": base,
            "head": head,
            "url": address,
            "frame_url": f"{address}frame/",
            "steps_url": f"{address}steps/",
            "pinned": True,
            "from_revision": base,
            "to_revision": head,
        },
        "frame": service.frame(seen, at, "cluster", lang, width=layout),
        "commands": [each for each in steps.commands_json(run.marks) if each["revision"] >= base],
        "nav": {
            "first": f"{address}?at={base}",
            "prev": f"{address}?at={at - 1}",
            "next": f"{address}?at={at + 1}",
            "last": f"{address}?at={head}",
        },
        "life": _strip(pod, stages, at),
        "table": _table(run, at),
        "share": {"focus": pod, "name": pod.rpartition("/")[2].rpartition("-")[2], "at": at, "url": address},
    }


def _last_change(run: Run) -> int:
    """The last revision at which something other than house-keeping was written."""
    for step in reversed(run.cluster.trace.steps):
        if step.rank == "change":
            return step.revision
    return run.head


def _followed_pod(run: Run, after: int) -> str:
    """The first Pod that the new ReplicaSet made."""
    for step in run.cluster.trace.between(after, run.head):
        if step.verb == "create" and step.ref.startswith("pods/"):
            return step.ref
    raise AssertionError("the rolling update made no Pod")


def _node(run: Run, revision: int, pod: Obj) -> Obj | None:
    name = pod.get("spec", {}).get("nodeName", "")
    return run.view(revision).get(f"nodes/{name}") if name else None


def _life(run: Run, ref: str) -> list[Stage]:
    """The revisions at which a Pod begins to look different, from its creation to Ready."""
    looks: list[tuple[str, str]] = []
    found: list[tuple[int, str]] = []
    for step in run.cluster.trace.steps:
        if step.ref != ref or step.after is None:
            continue
        mark, word = pod_state(step.after, _node(run, step.revision, step.after))
        if not looks or looks[-1] != (mark, word):
            looks.append((mark, word))
            found.append((step.revision, mark))
        if mark == "Ready":
            break
    first, last = found[0][0] - 1, found[-1][0] + 1
    width = 84 / max(1, len(found) - 1)
    return [
        Stage(revision, mark, round(8 + width * index, 2), ruler.position(revision, first, last))
        for index, (revision, mark) in enumerate(found)
    ]


def _strip(ref: str, stages: list[Stage], at: int) -> dict[str, Any]:
    first, last = stages[0].revision - 1, stages[-1].revision + 1
    return {
        "name": ref.rpartition("-")[2],
        "stages": stages,
        "at": at,
        "here": ruler.position(at, first, last),
        "ticks": ruler.ticks(first, last, room=60),
    }


def _table(run: Run, at: int) -> list[Row]:
    """`kubectl get pods -l app=web` at a revision."""
    snapshot = run.view(at)
    rows = []
    for pod in snapshot.objects.get("pods", {}).values():
        if pod["metadata"].get("labels", {}).get("app") != "web":
            continue
        state = pod_state(pod, _node(run, at, pod))
        containers = pod.get("status", {}).get("containerStatuses", [])
        ready = sum(1 for each in containers if each.get("ready"))
        rows.append(
            Row(
                state.mark,
                pod["metadata"]["name"],
                f"{ready}/{len(pod['spec']['containers'])}",
                state.word,
                sum(each.get("restartCount", 0) for each in containers),
                _age(pod, snapshot.time_ms),
            )
        )
    return sorted(rows, key=lambda row: row.name)


def _age(pod: Obj, now_ms: int) -> str:
    from apps.cluster.apimachinery.timestamps import parse

    seconds = (now_ms - parse(pod["metadata"]["creationTimestamp"])) // 1000
    return f"{seconds}s" if seconds < 120 else f"{seconds // 60}m"
