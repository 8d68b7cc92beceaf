"""An object that did not change does not move: random histories, both views; and the places are a pure fold."""

from __future__ import annotations

import random

import pytest

from apps.diagrams import places
from apps.diagrams.figure import VIEWS, render
from apps.diagrams.options import Options
from tests.diagrams import clusters
from tests.diagrams.clusters import World

STATES = (
    "Ready",
    "Ready",
    "Ready",
    "Running",
    "ContainerCreating",
    "Failed:CrashLoopBackOff",
    "Terminating",
    "Completed",
)


class Chance:
    """A reader and a cluster that do anything at any time."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.world: World = clusters.base(self.random.randint(1, 4))
        self.number = 0

    def act(self) -> None:
        act = self.random.choice(
            [self.create] * 6
            + [self.bind] * 6
            + [self.change] * 8
            + [self.delete] * 5
            + [self.workload] * 2
            + [self.revise] * 2
            + [self.drop, self.node, self.silence, self.plain]
        )
        act()

    def owners(self) -> list[tuple[str, str]]:
        kinds = {"replicasets": "ReplicaSet", "daemonsets": "DaemonSet", "statefulsets": "StatefulSet"}
        return [
            (kind, key.partition("/")[2])
            for resource, kind in kinds.items()
            for key in self.world.objects.get(resource, {})
        ]

    def pods(self) -> list[str]:
        return [key for key in self.world.objects["pods"] if key.startswith("default/")]

    def create(self) -> None:
        self.number += 1
        owners = self.owners()
        # One owner is favoured, so that crowds form.
        owner = owners[0] if owners and self.random.random() < 0.6 else self.random.choice([*owners, None])
        name = f"{owner[1]}-{self.number:05}" if owner else f"bare-{self.number}"
        self.world.pod(name, state="Pending", owner=owner)

    def workers(self) -> list[str]:
        return [name for name in self.world.objects["nodes"] if name != clusters.CONTROL]

    def bind(self) -> None:
        waiting = [key for key in self.pods() if not self.world.objects["pods"][key]["spec"].get("nodeName")]
        workers = self.workers()
        if waiting and workers:
            pod = self.world.objects["pods"][self.random.choice(waiting)]
            node = workers[0] if self.random.random() < 0.5 else self.random.choice(workers)
            spec = {**pod["spec"], "nodeName": node}
            self.world.write("pods", {**pod, "spec": spec}, by="kube-scheduler", verb="bind")

    def change(self) -> None:
        bound = [key for key in self.pods() if self.world.objects["pods"][key]["spec"].get("nodeName")]
        if bound:
            pod = self.world.objects["pods"][self.random.choice(bound)]
            state = self.random.choice(STATES)
            metadata = dict(pod["metadata"])
            if state == "Terminating":
                metadata["deletionTimestamp"] = "2026-11-23T00:00:00Z"
            changed = {**pod, "metadata": metadata, "status": clusters.status_of(state)}
            self.world.write("pods", changed, by="kubelet", node=pod["spec"]["nodeName"])

    def delete(self) -> None:
        pods = self.pods()
        if pods:
            self.world.delete(f"pods/{self.random.choice(pods)}", by="kubelet", node="worker-1")

    def workload(self) -> None:
        self.number += 1
        kind = self.random.choice(["Deployment", "DaemonSet", "StatefulSet"])
        self.world.workload(kind, f"{kind[0].lower()}{self.number}", 0, 2)

    def revise(self) -> None:
        deployments = list(self.world.objects.get("deployments", {}))
        if deployments:
            self.number += 1
            name = self.random.choice(deployments).partition("/")[2]
            self.world.workload(
                "ReplicaSet", f"{name}-{self.number}", 0, self.random.choice([0, 2]), owner=name, revision=self.number
            )

    def drop(self) -> None:
        resource = self.random.choice(["deployments", "replicasets", "daemonsets"])
        keys = list(self.world.objects.get(resource, {}))
        if keys:
            self.world.delete(f"{resource}/{self.random.choice(keys)}")

    def node(self) -> None:
        workers = self.workers()
        if len(workers) > 1 and self.random.random() < 0.3:
            name = self.random.choice(workers)
            for key, pod in list(self.world.objects["pods"].items()):
                if pod["spec"].get("nodeName") == name:
                    self.world.delete(f"pods/{key}")
            self.world.delete(f"nodes/{name}")
        elif len(workers) < 9:
            self.number += 1
            self.world.machine(f"extra-{self.number}")

    def silence(self) -> None:
        name = self.random.choice(self.workers() or [clusters.CONTROL])
        self.world.machine(name, ready=self.random.choice(["True", "Unknown"])) if name != clusters.CONTROL else None

    def plain(self) -> None:
        self.number += 1
        self.world.plain(
            *self.random.choice([("services", "Service"), ("widgets.example.com", "Widget")]), f"x{self.number}"
        )


def moved(before, after, was, now):
    """Elements of objects that are the same object as before, drawn elsewhere."""
    out = []

    def visit(element):
        if element.ref and element.id in was:
            old, new = before.objects, after.objects
            resource, _, key = element.ref.partition("/")
            same = key in new.get(resource, {}) and old.get(resource, {}).get(key) is new[resource][key]
            if same and was[element.id].geometry != element.shape.key and not queued(was[element.id], element):
                out.append((element.id, was[element.id].geometry, element.shape.key))
        for child in element.children:
            visit(child)

    for root in now.graph.roots:
        visit(root)
    return out


def queued(was, element):
    """From queue to queue, in its own row: which queue a Pod waits in is not written in the Pod."""
    before, after = was.geometry.split(" "), element.shape.key.split(" ")
    return before[0] == after[0] == "waiting" and before[2:] == after[2:]


def only_down(geometry, later):
    """A plate that needs more room gets it below: x stays, y does not get less."""
    before, after = geometry.split(" "), later.split(" ")
    numbers = [part.partition(",")[0] for part in before[1:]], [part.partition(",")[0] for part in after[1:]]
    if before[0] == "words":
        return True  # a name in a header of a machine; the machine itself is looked at
    start = 1 if before[0] == "box" else 0
    x, y = float(numbers[0][start]), float(numbers[0][start + 1])
    later_x, later_y = float(numbers[1][start]), float(numbers[1][start + 1])
    return x == later_x and y <= later_y


@pytest.mark.parametrize("width", ["wide", "narrow"])
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("seed", range(6))
def test_what_did_not_change_does_not_move(seed, view, width):
    chance = Chance(seed)
    snapshot = chance.world.snapshot()
    now = places.start(snapshot)
    figure = render(snapshot, view, "en", Options(width=width, places=now))
    for _ in range(120):
        done = len(chance.world.steps)
        chance.act()
        for step in chance.world.steps[done:]:
            now = places.advance(now, step)
        after = chance.world.snapshot()
        next_figure = render(after, view, "en", Options(width=width, places=now))
        changed = moved(snapshot, after, figure.parts, next_figure)
        if next_figure.height > figure.height:
            changed = [one for one in changed if not only_down(*one[1:])]
        assert changed == [], f"seed {seed}, step {done}"
        snapshot, figure = after, next_figure


@pytest.mark.parametrize("seed", range(8))
def test_every_pod_has_a_seat_and_no_seat_two_pods(seed):
    chance = Chance(seed)
    now = places.start(chance.world.snapshot())
    for _ in range(150):
        done = len(chance.world.steps)
        chance.act()
        for step in chance.world.steps[done:]:
            now = places.advance(now, step)
        for seating in (now.by_node, now.by_owner):
            for area, seats in seating.seats.items():
                assert len(set(seats.values())) == len(seats), f"two in one seat of {area}"
            for name, guest in seating.guests.items():
                equal = seating.crowds.get((guest.area, guest.group), {}).get(guest.mark, {})
                occupant = (guest.group, guest.mark) if len(equal) > 1 else name
                assert occupant in seating.seats[guest.area]
        drawn = render(chance.world.snapshot(), "cluster", "en", Options(places=now))
        ids = [name for name in drawn.parts if name.startswith("fig-")]
        assert len(ids) == len(set(ids))


@pytest.mark.parametrize("seed", range(3))
def test_any_worker_folds_to_the_same_places(seed):
    chance = Chance(seed)
    first = chance.world.snapshot()
    done = len(chance.world.steps)
    carried = places.start(first)
    for _ in range(100):
        chance.act()
    for step in chance.world.steps[done:]:
        carried = places.advance(carried, step)
    again = places.at(first, chance.world.steps[done:])
    last = chance.world.snapshot()
    for view in VIEWS:
        one = render(last, view, "ko", Options(places=carried))
        other = render(last, view, "ko", Options(places=again))
        assert one.digest == other.digest


def test_a_step_that_seats_nobody_costs_nothing():
    world = clusters.rollout()
    now = places.start(world.snapshot())
    world.pod(f"{clusters.NEW}-kz7wd", node="worker-1", state="Running", owner=("ReplicaSet", clusters.NEW))
    assert places.advance(now, world.steps[-1]) is now


def test_a_rollout_moves_no_row_of_the_drum():
    world = clusters.base()
    world.workload("Deployment", "web", 3, 3)
    world.workload("ReplicaSet", "web-1", 3, 3, owner="web", revision=1)
    world.workload("StatefulSet", "db", 1, 1)
    snapshot = world.snapshot()
    now = places.start(snapshot)
    before = render(snapshot, "cluster", "ko", Options(places=now))
    world.workload("ReplicaSet", "web-2", 0, 1, owner="web", revision=2)
    now = places.advance(now, world.steps[-1])
    after = render(world.snapshot(), "cluster", "ko", Options(places=now))
    for name in ("fig-deployments-default-web", "fig-replicasets-default-web-1", "fig-statefulsets-default-db"):
        assert before.parts[name].geometry == after.parts[name].geometry
    assert before.parts["fig-replicasets-default-web-1"].cls != after.parts["fig-replicasets-default-web-2"].cls


def test_more_than_eight_equal_pods_become_one_tile_and_come_back():
    world = clusters.base(1)
    world.workload("ReplicaSet", "web", 9, 9)
    for number in range(8):
        world.pod(f"web-{number:05}", node="worker-1", owner=("ReplicaSet", "web"))
    now = places.start(world.snapshot())
    seats = dict(now.by_node.seats["worker-1"])
    assert len(seats) == 8
    world.pod("web-00008", node="worker-1", owner=("ReplicaSet", "web"))
    now = places.advance(now, world.steps[-1])
    assert now.by_node.seats["worker-1"] == {("uid-replicasets-default/web", "Ready"): 0}
    figure = render(world.snapshot(), "cluster", "ko", Options(places=now))
    tile = figure.parts["fig-replicasets-default-web-worker-1-Ready"]
    assert tile.text[0] == "×9"
    world.delete("pods/default/web-00003")
    now = places.advance(now, world.steps[-1])
    assert len(now.by_node.seats["worker-1"]) == 8
    assert now.by_node.seats["worker-1"]["pods/default/web-00000"] == 0
