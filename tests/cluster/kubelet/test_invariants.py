"""What holds for every Pod on every node, whatever happens: over seeds, each failure naming its seed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apps.cluster.client import Problem
from apps.cluster.engine import Randomness
from tests.cluster.kubelet.node_world import NodeWorld, condition

IMAGES = (
    "nginx",
    "nginx:1.28",
    "redis",
    "busybox",
    "crash",
    "nginx:nope",
    "app:oom",
    "app:unready",
    "app:unhealthy",
    "app:leak",
    "app:stubborn",
    "app:scribble",
)
POLICIES = ("Always", "OnFailure", "Never")
PROBE = {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 3}
STEPS = 40
GONE = Problem(0, "ServiceUnavailable", "dial tcp 10.0.0.10:6443: connect: connection refused")


def _random_pod(draw: Randomness) -> dict[str, Any]:
    more: dict[str, Any] = {"restartPolicy": draw.choice(POLICIES)}
    if draw.below(3) == 0:
        more["container"] = {"readinessProbe": PROBE, "livenessProbe": PROBE}
    if draw.below(4) == 0:
        more["initContainers"] = [{"name": "first", "image": draw.choice(IMAGES)}]
    if draw.below(5) == 0:
        more["initContainers"] = [{"name": "beside", "image": "redis", "restartPolicy": "Always"}]
    if draw.below(4) == 0:
        more["terminationGracePeriodSeconds"] = draw.below(3)
    if draw.below(4) == 0:
        hooks = {"postStart": {"exec": {"command": ["sleep", "1"]}}, "preStop": {"exec": {"command": ["sleep", "1"]}}}
        more["container"] = {**more.get("container", {}), "lifecycle": hooks}
    if draw.below(5) == 0:
        limits = {"memory": "64Mi", "ephemeral-storage": "1Gi"}
        more["container"] = {**more.get("container", {}), "resources": {"limits": limits}}
    if draw.below(5) == 0:
        rule = {"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [1]}}
        more["container"] = {
            **more.get("container", {}),
            "restartPolicy": "Never",
            "restartPolicyRules": [rule],
        }
    return more


def _live(seed: int) -> NodeWorld:
    """A few nodes, and a reader who does not know what they want."""
    draw = Randomness(seed)
    world = NodeWorld(3)
    for number in range(STEPS):
        names = [key.partition("/")[2] for key in world.apiserver.tables.get("pods", {})]
        act = draw.below(12)
        kubelet = world.kubelets[draw.below(3)]
        if act < 4 or not names:
            world.pod(draw.choice(IMAGES), name=f"p{number}", node=kubelet.node, **_random_pod(draw))
        elif act < 7:
            grace = 0 if draw.below(4) == 0 else None
            world.client.delete("pods", "default", draw.choice(names), grace_period_seconds=grace)
        elif act == 7 and kubelet.running:
            kubelet.stop()
        elif act == 8:
            kubelet.start()
        elif act == 10 and kubelet.running:
            resource, sign = draw.choice(("disk", "memory")), draw.choice((1, -1))
            kubelet.pressure.fill(resource, sign * (1 + draw.below(90)) * (1 << (30 if resource == "disk" else 26)))
        elif act == 11 and kubelet.running:
            kubelet.reach(None if kubelet.offline else GONE)
        world.run(draw.below(8_000))
    return world


@pytest.mark.parametrize("seed", range(1, 9))
def test_statuses_are_never_absurd(seed: int) -> None:
    world = _live(seed)
    last: dict[str, dict[str, Any]] = {}
    addresses: dict[str, str] = {}
    for step in world.engine.trace.steps:
        if not step.ref.startswith("pods/") or step.rank != "change":
            continue
        if step.after is None:
            assert step.before is not None
            addresses = {ip: uid for ip, uid in addresses.items() if uid != step.before["metadata"]["uid"]}
            continue
        uid, status = step.after["metadata"]["uid"], step.after["status"]
        before = last.get(uid, {})
        last[uid] = status
        if before.get("phase") in ("Succeeded", "Failed"):
            assert status["phase"] == before["phase"], f"seed {seed}: {step.ref} left a terminal phase"
        counts = {one["name"]: one["restartCount"] for one in before.get("containerStatuses") or ()}
        for one in status.get("containerStatuses") or ():
            assert one["restartCount"] >= counts.get(one["name"], 0), f"seed {seed}: {step.ref} forgot a restart"
            assert len(one["state"]) == 1, f"seed {seed}: {step.ref} {one['state']}"
            if one["ready"]:
                assert "running" in one["state"], f"seed {seed}: {step.ref} is ready and does not run"
        if status.get("conditions") and condition(status, "Ready")["status"] == "True":
            assert all(one["ready"] for one in status["containerStatuses"]), f"seed {seed}: {step.ref}"
            assert status["podIP"]
            owner = addresses.setdefault(status["podIP"], uid)
            assert owner == uid, f"seed {seed}: {step.ref} has another Pod's address"
        elif status.get("podIP"):
            addresses.pop(status["podIP"], None)


@pytest.mark.parametrize("seed", range(1, 5))
def test_nothing_is_left_when_all_pods_are_gone(seed: int) -> None:
    world = _live(seed)
    for kubelet in world.kubelets:
        kubelet.start()
        kubelet.reach(None)
        for resource in ("disk", "memory"):
            kubelet.pressure.fill(resource, -(1 << 50))
    for key in list(world.apiserver.tables["pods"]):
        world.client.delete("pods", "default", key.partition("/")[2])
    world.run(420_000)
    assert not world.apiserver.tables["pods"], f"seed {seed}"
    for kubelet in world.kubelets:
        assert kubelet.workers.used == [0, 0, 0, 0], f"seed {seed}"
        assert kubelet.workers.workers == {}, f"seed {seed}"
        assert kubelet.workers.containers.crashes.entries == {}, f"seed {seed}"
    assert not any(world.network.save()["pods"].values()), f"seed {seed}"
    assert all(not block["used"] for block in world.network.save()["blocks"].values()), f"seed {seed}"
    assert world.engine.at_rest, f"seed {seed}"


def test_the_same_seed_lives_the_same_life() -> None:
    assert _live(5).engine.trace.steps == _live(5).engine.trace.steps


@pytest.mark.parametrize("seed", range(1, 5))
def test_a_kubelet_that_was_saved_goes_on_the_same(seed: int) -> None:
    whole = _live(seed)
    saved = json.loads(json.dumps(whole.engine.component("kubelet/worker-1").save()))  # type: ignore[union-attr]
    kubelet = whole.kubelets[0]
    kubelet.load(saved)
    assert json.loads(json.dumps(kubelet.save())) == saved
    other = _live(seed)
    whole.run(100_000)
    other.run(100_000)
    assert whole.apiserver.tables == other.apiserver.tables, f"seed {seed}"
