"""Same seed, same story: in one process, in two, and across a snapshot."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.cluster.cluster import Cluster
from tests.cluster.stories import booted, digest, play, rough_stories, stories, workload

ROOT = pathlib.Path(__file__).parents[2]
EXAMPLES = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Base:
    """A booted cluster to begin from. Wrapped, since a failing example would print all of it."""

    def __init__(self):
        self.data = booted().snapshot()

    def __repr__(self):
        return "Base()"


@pytest.fixture(scope="module")
def base():
    return Base()


def restored(data):
    return Cluster.restore(data.data if isinstance(data, Base) else data)


@given(story=rough_stories)
@EXAMPLES
def test_the_same_story_twice_is_the_same_history(base, story):
    one, two = restored(base), restored(base)
    assert play(one, story) == play(two, story)
    one.run_for(60_000)
    two.run_for(60_000)
    assert digest(one) == digest(two)


@given(story=rough_stories, cut=st.integers(0, 8), pause=st.integers(0, 5_000))
@EXAMPLES
def test_a_snapshot_goes_on_as_if_nothing_had_been(base, story, cut, pause):
    whole = restored(base)
    play(whole, story[:cut])
    whole.run_for(pause)
    saved = json.loads(json.dumps(whole.snapshot()))  # plain data survives JSON
    other = restored(saved)
    for cluster in (whole, other):
        play(cluster, story[cut:])
        cluster.run_for(60_000)
    assert digest(other) == digest(whole)


BAD_POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bad"}, "spec": {"containers": []}}
REFUSED = [
    pytest.param(
        {"op": "scale", "resource": "deployments", "namespace": "default", "name": "nobody", "replicas": 1},
        'deployments.apps "nobody" not found',
        id="scaling what is not there",
    ),
    pytest.param(
        {
            "op": "apply",
            "objects": [
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
                workload("Deployment", "web", 4, "web:3.0"),
                {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}},
                BAD_POD,
            ],
        },
        'Pod "bad" is invalid: spec.containers: Required value',
        id="the last of several objects",
    ),
    pytest.param(
        {"op": "node", "verb": "drain", "name": "nobody"}, 'nodes "nobody" not found', id="draining what is not there"
    ),
    pytest.param(
        {"op": "node", "verb": "join", "name": "control-plane-1"},
        'machine "control-plane-1" already exists',
        id="joining under a name that is taken",
    ),
]


@pytest.mark.parametrize(("command", "message"), REFUSED)
@given(story=stories)
@settings(EXAMPLES, max_examples=8)
def test_a_refused_command_leaves_no_trace(base, command, message, story):
    cluster = restored(base)
    play(cluster, story)
    cluster.run_for(0)  # what is due now is not the refused command's doing
    before = digest(cluster)
    saved = json.dumps(cluster.snapshot(), sort_keys=True)
    assert play(cluster, [(0, command)]) == [message]
    assert digest(cluster) == before
    assert json.dumps(cluster.snapshot(), sort_keys=True) == saved


@given(story=rough_stories)
@EXAMPLES
def test_every_past_world_is_the_one_that_was(base, story):
    cluster = restored(base)
    seen = {}
    for wait, command in story:
        play(cluster, [(wait, command)])
        seen[cluster.revision] = {resource: dict(table) for resource, table in cluster.view().objects.items() if table}
    for revision, objects in seen.items():
        past = cluster.view(revision).objects
        assert {resource: dict(table) for resource, table in past.items() if table} == objects


SCRIPT = """
import json, random, sys
from apps.cluster.cluster import Cluster
from tests.cluster.stories import NAMES, booted, digest, play, workload
out = []
for seed in range(int(sys.argv[1]), int(sys.argv[2])):
    dice = random.Random(seed)
    cluster = booted(seed % 3)
    story = []
    for _ in range(dice.randrange(1, 7)):
        name = dice.choice(NAMES)
        story.append((dice.randrange(12000), dice.choice([
            {"op": "apply", "objects": [workload(dice.choice(["Deployment", "DaemonSet", "StatefulSet"]), name,
                                                 dice.randrange(6), dice.choice(["web:1.0", "web:2.0", "crash:1"]))]},
            {"op": "scale", "resource": "deployments", "namespace": "default", "name": name,
             "replicas": dice.randrange(6)},
            {"op": "node", "verb": dice.choice(["drain", "uncordon", "power-off", "power-on"]), "name": "worker-1"},
            {"op": "rollout", "verb": "undo", "resource": "deployments", "namespace": "default", "name": name},
            {"op": "component", "verb": dice.choice(["stop", "crash", "start"]), "node": "control-plane-1",
             "name": dice.choice(["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet"])},
            {"op": "node", "verb": dice.choice(["cut-network", "restore-network"]), "name": "worker-2"},
        ])))
    play(cluster, story)
    cluster.run_for(30000)
    out.append(digest(cluster))
print(json.dumps(out))
"""


def test_two_processes_tell_a_thousand_stories_alike():
    """With different hash seeds: nothing may depend on the order of a set."""
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, "0", "1000"],
            env={**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in (1, 2)
    ]
    outputs = [run.communicate(timeout=600)[0] for run in runs]
    assert all(run.returncode == 0 for run in runs)
    one, two = (json.loads(output) for output in outputs)
    assert len(one) == 1000
    assert one == two
    assert len(set(one)) > 700, "most stories differ"


def test_a_seed_makes_a_history():
    assert digest(booted(1)) == digest(booted(1))
    assert digest(booted(1)) != digest(booted(2))
