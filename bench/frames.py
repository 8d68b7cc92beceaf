"""From a command to the frame that shows it, against spawning one bare `dot` on the same DOT.

The way is the site's own: the command is carried out and stored (`session.execute`: the cluster, SQLite on a disk),
the room hears of it, draws and encodes, and a viewer's writer hands the frame to the server. There is no network in it.
The clock of the scenario stands still, so that a frame is the answer to one command and to nothing else.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import Iterator
from statistics import median
from typing import Any, NamedTuple

from bench.model import deployment
from bench.result import Result
from bench.site import in_process

SIZES = ((4, 30, 0.3), (10, 100, 0.6))  # nodes, Pods, the aim for a new picture
PATCH_AIM = 0.1
SAMPLES = 30
WARM_UP = 3
WORKLOADS = 5  # that the Pods belong to, so that they are drawn one by one rather than as a crowd


class Sample(NamedTuple):
    """Milliseconds to the frame: since the command was given, and since it was accepted (stored, that is)."""

    given_ms: float
    accepted_ms: float
    frame: dict[str, Any]
    size: int


class Watched:
    """A stored scenario with one viewer, in this process."""

    def __init__(self, scenario_id: str, view: str) -> None:
        self.id, self.view = scenario_id, view
        self._arrived: asyncio.Queue[tuple[float, str]] = asyncio.Queue()
        self._accepted = 0.0

    async def open(self) -> None:
        from apps.live import hints
        from apps.live.hub import hub
        from apps.live.viewer import Viewer
        from apps.scenarios.signals import scenario_changed

        # Our watch is read before anybody else hears that the command is durable.
        scenario_changed.disconnect(dispatch_uid="live")
        scenario_changed.connect(self._note, dispatch_uid="bench")
        hints.connect()
        self.viewer = Viewer(self._send, self.view, "ko", "wide")
        self.room = await hub().enter(self.id, self.viewer, None)
        await asyncio.sleep(0.2)
        while not self._arrived.empty():
            self._arrived.get_nowait()

    async def close(self) -> None:
        from apps.live.hub import hub
        from apps.scenarios.signals import scenario_changed

        scenario_changed.disconnect(dispatch_uid="bench")
        self.viewer.close()
        await hub().leave(self.id, self.viewer)

    def _note(self, sender: Any, **kwargs: Any) -> None:
        self._accepted = time.perf_counter()

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "websocket.send":
            self._arrived.put_nowait((time.perf_counter(), message["text"]))

    async def give(self, command: dict[str, Any]) -> Sample:
        from apps.scenarios.session import session

        given = time.perf_counter()
        await self.room.work(lambda: session(self.id).execute(command))
        found: Sample | None = None
        while True:
            arrived, text = await asyncio.wait_for(self._arrived.get(), 5)
            frame = json.loads(text)
            if frame.get("figure"):
                found = Sample((arrived - given) * 1000, (arrived - self._accepted) * 1000, frame, len(text.encode()))
            elif frame["type"] == "BOOKMARK" and found is not None:
                return found


def make(nodes: int, pods: int) -> str:
    """A stored scenario at rest, its clock standing still."""
    from apps.scenarios import making
    from apps.scenarios.story import Entry, Story

    each = pods // WORKLOADS
    apply = {"op": "apply", "objects": [deployment(f"web-{n}", each, "20m") for n in range(WORKLOADS)]}
    story = Story({"workers": nodes, "seed": 1}, (Entry(0, apply),))
    made = making.make(story, preset="empty", begin_ms=120_000)
    made.scenario.speed = 0
    made.scenario.save()
    return made.scenario.id


def new_pods() -> Iterator[dict[str, Any]]:
    """Pods that stand on a node at once: each is a new picture of the cluster."""
    number = 0
    while True:
        number += 1
        spec = {"nodeName": f"worker-{1 + number % 4}", "terminationGracePeriodSeconds": 0}
        containers = [{"name": "web", "image": "nginx:1.28"}]
        metadata = {"name": f"probe-{number}", "namespace": "default"}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {**spec, "containers": containers}}
        yield {"op": "create", "objects": [pod]}
        yield {"op": "delete", "resource": "pods", "namespace": "default", "name": f"probe-{number}"}


def new_deployments() -> Iterator[dict[str, Any]]:
    """Deployments without Pods: each is a new picture of who owns what."""
    number = 0
    while True:
        number += 1
        yield {"op": "create", "objects": [deployment(f"probe-{number}", 0)]}
        yield {"op": "delete", "resource": "deployments", "namespace": "default", "name": f"probe-{number}"}


def cordons() -> Iterator[dict[str, Any]]:
    """Nodes closed and opened: the same picture, other classes and words."""
    while True:
        for verb in ("cordon", "uncordon"):
            yield {"op": "node", "verb": verb, "name": "worker-2"}


def scalings() -> Iterator[dict[str, Any]]:
    """Another number of replicas wanted: the same picture, other words."""
    while True:
        for replicas in (7, 8):
            yield {
                "op": "scale",
                "resource": "deployments",
                "namespace": "default",
                "name": "web-1",
                "replicas": replicas,
            }


async def measure_view(scenario_id: str, view: str) -> dict[str, Any]:
    """Medians in milliseconds for one scenario and view, commands and `dot` taking turns."""
    from apps.diagrams import dot
    from apps.scenarios import service
    from apps.scenarios.session import session

    watched = Watched(scenario_id, view)
    await watched.open()
    run = session(scenario_id).run
    text = dot.write(service.figure_of(run, run.view(), view, "ko").graph).encode()
    topology = new_pods() if view == "cluster" else new_deployments()
    patches = cordons() if view == "cluster" else scalings()
    spawned: list[float] = []
    pictures: list[Sample] = []
    changes: list[Sample] = []
    for turn in range(SAMPLES + WARM_UP):
        picture = await watched.give(next(topology))
        await watched.give(next(topology))  # gone again: that picture was drawn before
        change = await watched.give(next(patches))
        started = time.perf_counter()
        subprocess.run(["dot", "-Tsvg"], input=text, capture_output=True, check=True)
        if turn >= WARM_UP:
            spawned.append((time.perf_counter() - started) * 1000)
            pictures.append(picture)
            changes.append(change)
    await watched.close()
    assert all("svg" in sample.frame["figure"] for sample in pictures), "the picture did not change"
    assert all("patch" in sample.frame["figure"] for sample in changes), "more changed than words"
    return {
        "dot": median(spawned),
        "picture": summary(pictures),
        "patch": summary(changes),
    }


def summary(samples: list[Sample]) -> dict[str, float]:
    return {
        "accepted": median(sample.accepted_ms for sample in samples),
        "given": median(sample.given_ms for sample in samples),
        "kB": median(sample.size for sample in samples) / 1000,
    }


async def measure_all() -> list[Result]:
    from apps.live.hub import hub

    results = []
    for nodes, pods, aim in SIZES:
        scenario_id = await asyncio.to_thread(make, nodes, pods)
        for view in ("cluster", "ownership"):
            found = await measure_view(scenario_id, view)
            for kind, said, limit in (("picture", "new picture", aim), ("patch", "state only", PATCH_AIM)):
                times, dot = found[kind], found["dot"]
                how = f"{times['accepted']:.1f} ms by dot's {dot:.1f}, {times['kB']:.1f} kB"
                how += f"; with carrying out and storing {times['given']:.1f} ms ({times['given'] / dot:.2f})"
                name = f"command to frame, {nodes} nodes {pods} Pods, {view}, {said}"
                results.append(Result(name, times["accepted"] / dot, aim=limit, how=how))
    await hub().close()
    return results


def measure() -> list[Result]:
    with in_process():
        return asyncio.run(measure_all())
