"""A node under pressure: who is evicted and why, which images go, whom the kernel kills."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.kubelet import eviction, image_gc
from apps.cluster.kubelet.eviction import ContainerUse, PodUse
from tests.cluster.kubelet.node_world import NodeWorld, condition

MIB = 1 << 20
GIB = 1 << 30
FOREVER = {"command": ["sleep", "infinity"]}


def node(world: NodeWorld) -> dict[str, Any]:
    return world.apiserver.tables["nodes"]["worker-1"]["status"]


def use_memory(world: NodeWorld, mib: int) -> None:
    world.kubelets[0].pressure.fill("memory", mib * MIB)


def fill_disk(world: NodeWorld, gib: int) -> None:
    world.kubelets[0].pressure.fill("disk", gib * GIB)


def test_a_program_that_leaks_is_killed_at_its_limit_and_started_again() -> None:
    world = NodeWorld()
    world.pod("app:leak", container={"resources": {"limits": {"memory": "64Mi"}}})
    world.run(20_000)
    last = world.status()["containerStatuses"][0]["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"]) == (137, "OOMKilled")
    assert last["finishedAt"] > last["startedAt"]


def test_a_program_that_leaks_without_a_limit_is_evicted_when_the_node_runs_short() -> None:
    world = NodeWorld(memory="1Gi")
    world.pod("app:leak", name="leak")
    world.pod(name="calm", container={"resources": {"requests": {"memory": "64Mi"}}})
    world.run(150_000)
    status = world.status("leak")
    assert (status["phase"], status["reason"]) == ("Failed", "Evicted")
    assert status["message"].startswith("The node was low on resource: memory. Threshold quantity: 100Mi, available: ")
    assert ". Container c was using " in status["message"]
    assert status["message"].endswith(", request is 0, has larger consumption of memory. ")
    target = condition(status, "DisruptionTarget")
    assert (target["status"], target["reason"]) == ("True", "TerminationByKubelet")
    assert target["message"] == status["message"]
    assert world.status("calm")["phase"] == "Running"
    assert f"Evicted: {status['message']}" in world.events("leak")
    told = world.events("worker-1")
    assert "EvictionThresholdMet: Attempting to reclaim memory" in told
    assert "NodeHasInsufficientMemory: Node worker-1 status is now: NodeHasInsufficientMemory" in told
    assert condition(node(world), "MemoryPressure")["reason"] == "KubeletHasInsufficientMemory"


def test_pressure_lasts_five_minutes_longer_than_its_cause_and_keeps_pods_away_that_ask_for_nothing() -> None:
    world = NodeWorld(memory="1Gi")
    use_memory(world, 900)
    world.run(15_000)
    assert condition(node(world), "MemoryPressure")["status"] == "True"
    use_memory(world, -900)
    world.pod(name="nothing")
    world.pod(name="asks", container={"resources": {"requests": {"memory": "64Mi"}}})
    world.run(20_000)
    refused = world.status("nothing")
    assert (refused["phase"], refused["reason"]) == ("Failed", "Evicted")
    assert refused["message"] == "Pod was rejected: The node had condition: [MemoryPressure]. "
    assert world.status("asks")["phase"] == "Running"
    world.run(240_000)
    assert condition(node(world), "MemoryPressure")["status"] == "True"
    world.run(60_000)
    assert condition(node(world), "MemoryPressure")["status"] == "False"
    world.run(60_000)
    assert world.engine.at_rest


def test_critical_pods_stay() -> None:
    world = NodeWorld(memory="1Gi")
    world.client.create(
        "priorityclasses",
        {"metadata": {"name": "system-node-critical"}, "value": 2_000_001_000, "globalDefault": False},
    )
    world.pod(name="dear", priorityClassName="system-node-critical")
    world.pod(name="cheap")
    world.run(10_000)
    use_memory(world, 950)
    world.run(40_000)
    assert world.status("cheap")["reason"] == "Evicted"
    assert world.status("dear")["phase"] == "Running"


def test_unused_images_go_before_pods_do() -> None:
    world = NodeWorld()
    world.pod("mysql:8", name="once", container=FOREVER)
    world.run(60_000)
    world.client.delete("pods", "default", "once")
    world.pod("nginx:1.27", name="stays")
    world.run(150_000)
    kubelet = world.kubelets[0]
    fill_disk(world, 76)  # of 100, the system has 8: what the image weighs makes the difference
    available = kubelet.pressure.disk_available()
    kubelet.pressure.fill("disk", available - 15 * GIB + 200 * MIB)
    world.run(20_000)
    assert "docker.io/library/mysql:8" not in kubelet.runtime.images
    assert world.status("stays")["phase"] == "Running"
    assert condition(node(world), "DiskPressure")["status"] == "True"
    assert "EvictionThresholdMet: Attempting to reclaim ephemeral-storage" in world.events("worker-1")
    removed = [step for step in world.engine.trace.steps if step.verb == "RemoveImage"]
    assert [step.params["image"] for step in removed] == ["docker.io/library/mysql:8"]


def test_a_full_disk_ends_pods_and_is_told_again_and_again() -> None:
    world = NodeWorld()
    world.pod(name="web")
    world.run(10_000)
    fill_disk(world, 90)
    world.run(30_000)
    status = world.status()
    assert (status["phase"], status["reason"]) == ("Failed", "Evicted")
    assert status["message"].startswith("The node was low on resource: ephemeral-storage. Threshold quantity: ")
    world.run(900_000)
    told = world.events("worker-1")
    assert any(event.startswith("FreeDiskSpaceFailed: Insufficient free disk space on the node's") for event in told)
    assert any(event.startswith("ImageGCFailed: Insufficient free disk space on the node's") for event in told)


def test_a_program_that_writes_more_than_it_may_is_evicted() -> None:
    world = NodeWorld()
    world.pod("app:scribble", container={"resources": {"limits": {"ephemeral-storage": "1Gi"}}})
    world.run(60_000)
    status = world.status()
    assert (status["phase"], status["reason"]) == ("Failed", "Evicted")
    assert status["message"] == "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. "


def test_the_kernel_kills_before_the_kubelet_has_looked() -> None:
    world = NodeWorld(memory="1Gi", images={"burst": {"leak": 800 * MIB}})
    world.pod("burst:1", name="burst", container={"resources": {"requests": {"memory": "16Mi"}}})
    world.pod(name="calm")
    world.run(9_800)
    told = world.events("worker-1")
    assert any(event.startswith("SystemOOM: System OOM encountered, victim process: burst, pid: ") for event in told)
    last = world.status("burst")["containerStatuses"][0]
    ended = last["lastState"].get("terminated") or last["state"].get("terminated")
    assert (ended["reason"], ended["exitCode"]) == ("OOMKilled", 137)
    assert world.status("calm")["containerStatuses"][0]["restartCount"] == 0


def test_what_is_on_the_disk_outlives_a_power_cut_and_what_is_in_memory_does_not() -> None:
    world = NodeWorld()
    fill_disk(world, 10)
    use_memory(world, 100)
    world.kubelets[0].stop()
    world.kubelets[0].start()
    pressure = world.kubelets[0].pressure
    assert (pressure.disk_filled, pressure.memory_taken) == (10 * GIB, 0)


# ---- the rules ----------------------------------------------------------------------------------


def pod(name: str, request: str = "", *, priority: int = 0) -> dict[str, Any]:
    resources = {"requests": {"memory": request, "ephemeral-storage": request}} if request else {}
    spec = {"priority": priority, "containers": [{"name": "c", "resources": resources}]}
    return {"metadata": {"name": name, "uid": name}, "spec": spec}


@pytest.mark.parametrize(
    ("pods", "uses", "expected"),
    [
        pytest.param(
            [pod("under", "200Mi"), pod("over", "100Mi")],
            {"under": 150, "over": 110},
            ["over", "under"],
            id="who is over its request goes first",
        ),
        pytest.param(
            [pod("dear", "10Mi", priority=10), pod("cheap", "10Mi")],
            {"dear": 900, "cheap": 20},
            ["cheap", "dear"],
            id="of those, who matters less",
        ),
        pytest.param(
            [pod("little"), pod("much")], {"little": 10, "much": 20}, ["much", "little"], id="of those, who uses more"
        ),
        pytest.param(
            [pod("known"), pod("unknown")], {"known": 10}, ["unknown", "known"], id="who was not measured goes first"
        ),
    ],
)
def test_who_goes_first(pods: list[dict[str, Any]], uses: dict[str, int], expected: list[str]) -> None:
    def use(one: dict[str, Any]) -> PodUse | None:
        mib = uses.get(one["metadata"]["uid"])
        return PodUse(mib * MIB, mib * MIB) if mib is not None else None

    for rank in (eviction.rank_memory, eviction.rank_disk):
        assert [one["metadata"]["name"] for one in rank(pods, use)] == expected


def test_what_is_said_of_a_pod_with_resources_of_its_own() -> None:
    one = pod("web", "16Mi")
    one["spec"]["resources"] = {"requests": {"memory": "32Mi"}}
    used = PodUse(64 * MIB, 0, 1, (ContainerUse("c", 64 * MIB, 0),))
    met = [eviction.HARD[0]]
    text, annotations = eviction.message("memory", one, used, met, {"memory.available": (90 * MIB, 8 * GIB)})
    assert text == (
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 90Mi. "
        "Pod web was using 64Mi, request is 32Mi, has larger consumption of memory. "
        "Container c was using 64Mi, request is 16Mi, has larger consumption of memory. "
    )
    assert annotations["offending_containers"] == "c"
    assert annotations["starved_resource"] == "memory"


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param(1, ["old"], id="one is enough"),
        pytest.param(150, ["old", "older-use"], id="until there is room"),
        pytest.param(10_000, ["old", "older-use"], id="what is in use, pinned or new stays"),
    ],
)
def test_which_images_go(wanted: int, expected: list[str]) -> None:
    now = 1_000_000
    images = [
        image_gc.Stored("used", 100, 0, now, in_use=True),
        image_gc.Stored("pinned", 100, 0, pinned=True),
        image_gc.Stored("new", 100, now - 60_000),
        image_gc.Stored("older-use", 100, 0, 500_000),
        image_gc.Stored("old", 100, 0, 0),
    ]
    assert image_gc.plan(images, wanted, now)[0] == expected
