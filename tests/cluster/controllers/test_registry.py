"""All controllers together: what holds for every one of them."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from pathlib import Path
from typing import Any

import pytest

import apps.cluster.controllers as room
from apps.cluster.controllers.registry import CONTROLLERS
from apps.diagrams import wording
from tests.cluster.controllers.batch import cron_job, job
from tests.cluster.controllers.objects import CLAIM_TEMPLATES, daemon_set, deployment, image, service, stateful_set
from tests.cluster.controllers.objects import storage_class as a_class
from tests.cluster.controllers.world import World

ROOM = Path(room.__file__).parent
MODULES = sorted(name for _, name, package in pkgutil.walk_packages([str(ROOM)], room.__name__ + ".") if not package)


def test_names_are_unique() -> None:
    names = [kind.name for kind in CONTROLLERS]
    assert len(set(names)) == len(names)
    assert all(names)


@pytest.mark.parametrize("name", [name for name in MODULES if name.count(".") > 3])
def test_every_module_says_what_it_models_and_leaves_out(name: str) -> None:
    text = importlib.import_module(name).__doc__ or ""
    assert re.search(r"^Models {6}\S", text, re.MULTILINE), name
    assert re.search(r"^Leaves out {2}\S", text, re.MULTILINE), name


@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_reason_given_for_a_write_has_its_sentence(language: str) -> None:
    found = set()
    for path in ROOM.rglob("*.py"):
        found |= set(re.findall(r'"([a-z-]+\.[a-z-]+)"', path.read_text()))
    found -= {"metallb.io"}  # an API group
    known = {name.partition(".")[0] for name in wording.messages(language)}
    reasons = {name for name in found if name.partition(".")[0] in known}
    assert len(reasons) > 80
    assert [name for name in sorted(reasons) if not wording.has(language, name)] == []


def story(made: World) -> None:
    """A little of everything."""
    made.create(a_class())
    made.create(deployment())
    made.create(service("web"))
    made.create(daemon_set())
    made.create(stateful_set(volumeClaimTemplates=CLAIM_TEMPLATES))
    made.create(job(completions=3, parallelism=2))
    made.create(cron_job())
    made.run(6_000)
    made.power_off("worker-3")
    made.kubectl.patch("daemonsets", "default", "agent", image("agent:2"), type="strategic")
    made.run(30_000)


def ending(made: World) -> None:
    made.delete("deployments", "web", propagation="Foreground")
    made.patch("jobs", "sum", {"spec": {"suspend": True}})
    made.kubectl.patch("statefulsets", "default", "db", image("nginx:2"), type="strategic")
    made.run(400_000)


def steps(made: World) -> list[Any]:
    return [(step.time_ms, step.component, step.verb, step.ref, step.message) for step in made.engine.trace.steps]


def test_the_same_seed_tells_the_same_story() -> None:
    first, second = World(seed=7), World(seed=7)
    for made in (first, second):
        story(made)
        ending(made)
    assert steps(first) == steps(second)
    assert all(controller.errors == 0 for controller in first.controllers.values())


def test_what_controllers_remember_is_plain_data_and_lets_them_go_on() -> None:
    straight, halted = World(seed=7), World(seed=7)
    for made in (straight, halted):
        story(made)
    saved = {name: controller.save() for name, controller in halted.controllers.items()}
    plain = json.dumps(saved)  # a tuple comes back as a list, and is loaded as what it was
    assert json.dumps(json.loads(plain)) == plain
    for name, controller in halted.controllers.items():
        controller.stop()
        controller.load(json.loads(json.dumps(saved[name])))
    for made in (straight, halted):
        ending(made)
    assert steps(straight) == steps(halted)
