"""Commands nobody would type: whatever is sent, the answer is a Status, and the cluster and its pages live on."""

from __future__ import annotations

import json
import random

import pytest

from apps.cluster.apimachinery.status import StatusError
from apps.scenarios import commands, edits, files, limits, presets, service, steps, tables
from apps.scenarios.inspect import inspect
from apps.scenarios.replay import Run

ODD = [
    None,
    0,
    -1,
    1,
    True,
    "",
    "x",
    "a/b",
    [],
    {},
    [1],
    {"a": 1},
    "25%",
    "1e9",
    10**12,
    1.5,
    "5m",
    "default",
    "kube-system",
]
FIELDS = [
    "foo",
    "replicas",
    "name",
    "namespace",
    "spec",
    "labels",
    "finalizers",
    "ownerReferences",
    "deletionTimestamp",
    "selector",
]
PATHS = [
    "/spec/replicas",
    "/spec",
    "/metadata/labels/x",
    "/metadata/finalizers",
    "/spec/taints",
    "/status/conditions",
    "",
    "x",
    7,
]
CORPUS = [
    obj
    for preset in presets.library().values()
    for entry in preset.story.entries
    for obj in entry.body.get("objects", ())
] + [
    {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"pods": "3"}}},
    {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "j"},
        "spec": {"template": {"spec": {"restartPolicy": "Never"}}},
    },
    {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": ["x"], "status": []},
]


def odd(chance: random.Random):
    return json.loads(json.dumps(chance.choice(ODD)))


def spoiled(value, chance: random.Random):
    """The value with one to three things in it replaced, removed or added."""
    value = json.loads(json.dumps(value))
    for _ in range(chance.randint(1, 3)):
        node = value
        while isinstance(node, dict | list) and node:
            key = chance.choice(sorted(node)) if isinstance(node, dict) else chance.randrange(len(node))
            inner = node[key]
            if chance.random() < 0.35 or not isinstance(inner, dict | list) or not inner:
                if chance.random() < 0.5:
                    node[key] = odd(chance)
                elif isinstance(node, list):
                    node.append(odd(chance))
                elif chance.random() < 0.5:
                    del node[key]
                else:
                    node[chance.choice(FIELDS)] = odd(chance)
                break
            node = inner
    return value


def command(run: Run, chance: random.Random):
    """Some command about something that is there, or nearly."""
    there = {resource: table for resource, table in run.view().objects.items() if table}
    resource = chance.choice(sorted(there))
    key = chance.choice(sorted(there[resource]))
    namespace, _slash, name = key.rpartition("/")
    target = {"resource": resource, "namespace": namespace, "name": name}
    kind = chance.choice(["objects"] * 4 + ["patch"] * 3 + ["delete", "node", "scale", "rollout", "component", "etcd"])
    if kind == "objects":
        objects = [spoiled(chance.choice(CORPUS), chance) for _ in range(chance.choice([1, 1, 2]))]
        return {"op": chance.choice(["apply", "apply", "create", "replace"]), "objects": objects}
    if kind == "patch":
        subresource = chance.choice(["", "", "status", "scale"])
        if chance.random() < 0.3:
            step = {
                "op": chance.choice(["add", "replace", "remove", "test", "move", "x"]),
                "path": chance.choice(PATHS),
                "value": odd(chance),
            }
            return {"op": "patch", **target, "type": "json", "body": [step], "subresource": subresource}
        body = spoiled(
            {k: v for k, v in there[resource][key].items() if k in ("spec", "status", "metadata", "data")}, chance
        )
        return {
            "op": "patch",
            **target,
            "type": chance.choice(["merge", "strategic"]),
            "body": body,
            "subresource": subresource,
        }
    if kind == "delete":
        return {"op": "delete", **target, "propagation": chance.choice(commands.PROPAGATION)}
    if kind == "node":
        return {
            "op": "node",
            "verb": chance.choice(commands.NODE_VERBS),
            "name": chance.choice(["worker-1", "control-plane-1", "worker-7", "Bad_"]),
        }
    if kind == "component":
        return {
            "op": "component",
            "verb": chance.choice(["stop", "crash", "start"]),
            "name": chance.choice(["kubelet", "crio", "kube-scheduler"]),
            "node": chance.choice(["worker-1", "control-plane-1", "worker-7", "Bad_"]),
        }
    if kind == "etcd":
        return {"op": "etcd", "verb": chance.choice(["fill", "free", "free", "burn"])}
    if kind == "scale":
        return {"op": "scale", **target, "replicas": chance.choice([0, 1, 7])}
    return {
        "op": "rollout",
        "verb": chance.choice(commands.ROLLOUT_VERBS),
        **target,
        "revision": chance.choice([0, 1, 5]),
    }


@pytest.mark.parametrize("seed", range(40))
def test_no_command_trips_the_cluster_or_its_pages(seed):
    chance = random.Random(seed)
    run = Run(presets.get(chance.choice(["empty", "rolling-update", "statefulset", "daemonset"])).story)
    run.advance(20_000)
    refused: list[int] = []
    for _ in range(12):
        body = command(run, chance)
        try:
            run.execute(run.done_ms + chance.choice([0, 50, 3000]), commands.check(body))
        except limits.LimitExceeded:
            return  # whoever holds the run throws it away
        except StatusError as error:
            refused.append(error.code)
    # 503: its control plane may be off. 500: what a real server says of a strategic patch that it cannot merge.
    assert all(400 <= code < 500 or code in (500, 503) for code in refused)
    run.settle()
    snapshot = run.view()
    for view in service.VIEWS:
        assert service.figure_of(run, snapshot, view, "ko").parts
    assert all("⟦" not in step["text"] for step in steps.steps_json(run, "ko", run.base, run.head))
    for resource, table in snapshot.objects.items():
        for key in table:
            inspect(snapshot, f"{resource}/{key}", step_json=lambda step: {})
    assert tables.tables({name: list(table.values()) for name, table in snapshot.objects.items()}, run.cluster.now_ms)
    assert files.manifest(files.own_objects(snapshot)) is not None
    for resource in edits.RESOURCES.values():
        for obj in snapshot.objects.get(resource, {}).values():
            edits.values_of(obj)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(
            {"op": "replace", "objects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}]},
            400,
            id="replacing what has no name",
        ),
        pytest.param(
            {
                "op": "patch",
                "resource": "configmaps",
                "namespace": "kube-system",
                "name": "coredns",
                "body": {},
                "subresource": "scale",
            },
            404,
            id="the scale of what has none",
        ),
        pytest.param(
            {
                "op": "apply",
                "objects": [{"apiVersion": "v9", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": 1}],
            },
            404,
            id="a built-in kind of a version nobody has",
        ),
        pytest.param(
            {
                "op": "patch",
                "resource": "nodes",
                "name": "worker-1",
                "type": "json",
                "body": [{"op": "replace", "path": "", "value": 1}],
            },
            400,
            id="a patch that leaves a number",
        ),
    ],
)
def test_what_was_once_tripped_over(body, code):
    run = Run(presets.get("empty").story)
    with pytest.raises(StatusError) as caught:
        run.execute(0, commands.check(body))
    assert caught.value.code == code
