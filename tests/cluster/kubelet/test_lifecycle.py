"""Hooks, the order in which containers end, restarts of everything, containers that come later, other resources."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.kubelet.stopping import Ending, plan
from tests.cluster.kubelet.node_world import NodeWorld, condition, look

PROBE = {"httpGet": {"path": "/healthz", "port": "web"}, "periodSeconds": 5}
LATE = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
SLEEPER = {"command": ["sleep", "infinity"]}


@pytest.mark.parametrize(
    ("running", "grace", "expected"),
    [
        pytest.param([("a", False, 0, 600)], 30, {"a": (0, 600, False)}, id="alone"),
        pytest.param([("a", False, 5_000, 600)], 30, {"a": (5_000, 5_600, False)}, id="its hook comes first"),
        pytest.param([("a", False, 40_000, 600)], 10, {"a": (10_000, 10_600, False)}, id="a hook that takes too long"),
        pytest.param([("a", False, 0, -1)], 10, {"a": (0, 10_000, True)}, id="who ignores SIGTERM is killed"),
        pytest.param([("a", False, 0, -1)], 0, {"a": (0, 2_000, True)}, id="never at once: two seconds at least"),
        pytest.param(
            [("first", True, 0, 600), ("second", True, 0, 600), ("main", False, 0, 1_000)],
            30,
            {"main": (0, 1_000, False), "second": (1_000, 1_600, False), "first": (1_600, 2_200, False)},
            id="sidecars after the others, the last one first",
        ),
        pytest.param(
            [("side", True, 0, 600), ("main", False, 0, -1)],
            10,
            {"main": (0, 10_000, True), "side": (10_000, 10_600, False)},
            id="who comes last has two seconds of its own",
        ),
    ],
)
def test_the_order_of_the_end(running: list[Any], grace: int, expected: dict[str, tuple[int, int, bool]]) -> None:
    ordered = any(sidecar for _, sidecar, _, _ in running)
    ways = plan([Ending(*one) for one in running], grace, ordered=ordered)
    assert {way.name: (way.signal_ms, way.end_ms, way.killed) for way in ways} == expected


def test_a_post_start_hook_holds_back_what_is_said() -> None:
    world = NodeWorld()
    world.pod(container={"lifecycle": {"postStart": {"exec": {"command": ["sleep", "5"]}}}})
    world.run(8_000)
    assert look(world.status()) == "Pending/ContainerCreating"
    world.run(5_000)
    assert look(world.status()) == "Running/running/ready"


def test_a_post_start_hook_that_fails_ends_the_container() -> None:
    world = NodeWorld()
    world.pod(container={"lifecycle": {"postStart": {"exec": {"command": ["sh", "-c", "exit 3"]}}}})
    world.run(8_000)
    assert "FailedPostStartHook: PostStartHook failed" in world.events()
    assert "Killing: FailedPostStartHook" in world.events()
    world.run(30_000)
    waiting = [
        step.after["status"]["containerStatuses"][0]["state"].get("waiting", {}).get("reason")
        for step in world.engine.trace.steps
        if step.ref == "pods/default/web" and step.subresource == "status" and step.after
    ]
    assert "PostStartHookError" in waiting
    assert "CrashLoopBackOff" in waiting


def test_sidecars_end_after_the_others_in_reverse() -> None:
    world = NodeWorld()
    world.pod(
        initContainers=[
            {"name": "one", "image": "redis", "restartPolicy": "Always"},
            {"name": "two", "image": "redis", "restartPolicy": "Always"},
        ]
    )
    world.run(30_000)
    world.client.delete("pods", "default", "web")
    world.run(10_000)
    stops = [
        (step.time_ms, step.params["container"])
        for step in world.engine.trace.steps
        if step.verb == "StopContainer" and step.ref == "pods/default/web"
    ]
    assert [name for _, name in stops] == ["c", "two", "one"]
    assert stops[0][0] < stops[1][0] < stops[2][0]
    assert world.get() is None


def test_a_job_is_done_though_its_sidecar_would_go_on() -> None:
    world = NodeWorld()
    world.pod(
        "busybox",
        restartPolicy="Never",
        container={"command": ["sleep", "3"]},
        initContainers=[{"name": "log", "image": "redis", "restartPolicy": "Always"}],
    )
    world.run(30_000)
    assert world.status()["phase"] == "Succeeded"


def test_a_sidecar_is_said_to_run_before_the_next_container_begins() -> None:
    world = NodeWorld()
    world.pod(initContainers=[{"name": "log", "image": "redis", "restartPolicy": "Always"}])
    world.run(30_000)
    steps = [step for step in world.engine.trace.steps if step.ref == "pods/default/web"]
    told = next(
        step.index
        for step in steps
        if step.subresource == "status"
        and step.after is not None
        and "running" in step.after["status"]["initContainerStatuses"][0]["state"]
    )
    pulled = next(step.index for step in steps if step.verb == "PullImage" and "nginx" in step.params["image"])
    assert told < pulled


def test_a_sidecar_that_ends_is_started_again_beside_the_others() -> None:
    world = NodeWorld()
    world.pod(
        restartPolicy="Never",
        initContainers=[{"name": "log", "image": "crash:1", "restartPolicy": "Always"}],
    )
    world.run(30_000)
    status = world.status()
    assert status["phase"] == "Running"
    assert status["initContainerStatuses"][0]["restartCount"] >= 1
    assert status["containerStatuses"][0]["restartCount"] == 0


def test_a_failed_probe_of_a_sidecar_is_told_in_its_own_words() -> None:
    world = NodeWorld()
    sidecar = {"name": "log", "image": "unhealthy:1", "restartPolicy": "Always", "livenessProbe": PROBE}
    world.pod(initContainers=[sidecar])
    world.run(60_000)
    assert "Killing: Init container log failed liveness probe" in world.events()


def restart_all(code: int) -> dict[str, Any]:
    return {
        "restartPolicy": "Never",
        "restartPolicyRules": [
            {"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [code]}},
        ],
    }


def test_one_exit_code_restarts_every_container() -> None:
    world = NodeWorld()
    world.pod(
        "busybox",
        restartPolicy="Never",
        container={"command": ["sh", "-c", "sleep 10; exit 42"], **restart_all(42)},
        initContainers=[{"name": "first", "image": "busybox"}],
    )
    world.run(35_000)
    status = world.status()
    assert status["phase"] == "Running"
    assert status["containerStatuses"][0]["restartCount"] >= 1
    assert status["initContainerStatuses"][0]["restartCount"] >= 1
    assert condition(status, "Initialized")["status"] == "True"
    said = [
        (one["status"], one.get("reason", ""))
        for step in world.engine.trace.steps
        if step.ref == "pods/default/web" and step.subresource == "status" and step.after
        for one in step.after["status"]["conditions"]
        if one["type"] == "AllContainersRestarting"
    ]
    assert ("True", "RestartAllContainersStarted") in said
    assert said[-1] == ("False", "")


def test_another_exit_code_is_the_end() -> None:
    world = NodeWorld()
    world.pod(
        "busybox", restartPolicy="Never", container={"command": ["sh", "-c", "sleep 2; exit 1"], **restart_all(42)}
    )
    world.run(20_000)
    assert world.status()["phase"] == "Failed"
    assert condition(world.status(), "AllContainersRestarting")["reason"] == "PodFailed"


def test_an_ephemeral_container_comes_later_and_does_not_count() -> None:
    world = NodeWorld()
    pod = world.pod()
    world.run(20_000)
    pod = world.get() or {}
    debug = {"name": "debug", "image": "busybox", "command": ["sleep", "5"], "targetContainerName": "c"}
    kubelet = world.kubelets[0]
    changed = {**pod, "spec": {**pod["spec"], "ephemeralContainers": [debug]}}
    world.apiserver.tables["pods"]["default/web"] = changed
    kubelet.informers("pods").cache["default/web"] = changed
    kubelet.wake("default/web")
    world.run(3_000)
    status = world.status()
    assert "running" in status["ephemeralContainerStatuses"][0]["state"]
    assert world.events()[-1] == "Started: Container started"
    world.run(10_000)
    status = world.status()
    assert status["ephemeralContainerStatuses"][0]["state"]["terminated"]["reason"] == "Completed"
    assert look(status) == "Running/running/ready"


def resized(world: NodeWorld, cpu: str, **more: Any) -> None:
    """What the resize subresource would leave behind."""
    kubelet = world.kubelets[0]
    pod = world.get() or {}
    generation = pod["metadata"]["generation"] + 1
    container = {**pod["spec"]["containers"][0], "resources": {"requests": {"cpu": cpu}}, **more}
    changed = {
        **pod,
        "metadata": {**pod["metadata"], "generation": generation},
        "spec": {**pod["spec"], "containers": [container]},
    }
    world.apiserver.tables["pods"]["default/web"] = changed
    kubelet.informers("pods").cache["default/web"] = changed
    kubelet.wake("default/web")


def test_a_resize_that_fits_is_made_while_the_container_runs() -> None:
    world = NodeWorld()
    world.pod(container={"resources": {"requests": {"cpu": "1"}}})
    world.run(20_000)
    resized(world, "2")
    world.run(80)
    status = world.status()
    assert condition(status, "PodResizeInProgress")["status"] == "True"
    assert status["containerStatuses"][0]["allocatedResources"] == {"cpu": "2"}
    assert status["containerStatuses"][0]["resources"] == {"requests": {"cpu": "1"}}
    world.run(1_000)
    status = world.status()
    assert not [one for one in status["conditions"] if one["type"].startswith("PodResize")]
    assert status["containerStatuses"][0]["resources"] == {"requests": {"cpu": "2"}}
    assert status["containerStatuses"][0]["restartCount"] == 0
    assert world.kubelets[0].workers.used[0] == 2_000
    summary = '{"containers":[{"name":"c","resources":{"requests":{"cpu":"2"}}}],"generation":2}'
    assert world.events()[-2:] == [
        f"ResizeStarted: Pod resize started: {summary}",
        f"ResizeCompleted: Pod resize completed: {summary}",
    ]


def test_a_resize_that_does_not_fit_waits_until_it_does() -> None:
    world = NodeWorld()
    world.pod(container={"resources": {"requests": {"cpu": "1"}}})
    world.pod(name="other", container={"resources": {"requests": {"cpu": "2"}}})
    world.run(20_000)
    resized(world, "3")
    world.run(1_000)
    status = world.status()
    pending = condition(status, "PodResizePending")
    assert (pending["status"], pending["reason"]) == ("True", "Deferred")
    assert pending["message"] == "Node didn't have enough resource: cpu, requested: 3000, used: 2000, capacity: 4000"
    assert status["containerStatuses"][0]["allocatedResources"] == {"cpu": "1"}
    assert any(event.startswith("ResizeDeferred: Pod resize Deferred: {") for event in world.events())
    world.client.delete("pods", "default", "other")
    world.run(10_000)
    status = world.status()
    assert status["containerStatuses"][0]["resources"] == {"requests": {"cpu": "3"}}
    assert not [one for one in status["conditions"] if one["type"] == "PodResizePending"]


def test_a_resize_policy_may_want_a_restart() -> None:
    world = NodeWorld()
    policy = [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]
    world.pod(container={"resources": {"requests": {"cpu": "1"}}, "resizePolicy": policy})
    world.run(20_000)
    resized(world, "2")
    world.run(20_000)
    assert "Killing: Container c resize requires restart" in world.events()
    assert world.status()["containerStatuses"][0]["restartCount"] == 1


@pytest.mark.parametrize(
    ("probe", "image", "expected"),
    [
        pytest.param(
            {"httpGet": {"path": "/healthz", "port": "web"}},
            {"answer_ms": 3_000},
            f'Get "http://{{ip}}:8080/healthz": {LATE}',
            id="http, no answer in time",
        ),
        pytest.param(
            {"exec": {"command": ["cat", "/tmp/ok"]}, "timeoutSeconds": 2},
            {"answer_ms": 3_000},
            'command timed out: "cat /tmp/ok" timed out after 2s',
            id="exec, no answer in time",
        ),
        pytest.param(
            {"grpc": {"port": 9000}},
            {"answer_ms": 3_000},
            "timeout: health rpc did not complete within 1s",
            id="grpc, no answer in time",
        ),
        pytest.param(
            {"tcpSocket": {"port": "web"}},
            {"never_ready": True},
            "dial tcp {ip}:8080: connect: connection refused",
            id="tcp, nobody listens",
        ),
    ],
)
def test_what_probes_say(probe: dict[str, Any], image: dict[str, Any], expected: str) -> None:
    world = NodeWorld(images={"nginx": image})
    world.pod(container={"readinessProbe": probe, "ports": [{"name": "web", "containerPort": 8080}]})
    world.run(20_000)
    assert f"Unhealthy: Readiness probe failed: {expected.format(ip=world.status()['podIP'])}" in world.events()


def test_a_back_off_longer_than_a_minute_is_told_every_minute() -> None:
    world = NodeWorld()
    world.pod("crash:1")
    world.run(300_000)
    (told,) = [
        event
        for event in world.apiserver.tables["events"].values()
        if event["reason"] == "BackOff" and event["involvedObject"]["name"] == "web"
    ]
    restarts = world.status()["containerStatuses"][0]["restartCount"]
    assert told["count"] > restarts


def test_a_missing_image_is_told_again_while_it_is_backed_off_from() -> None:
    world = NodeWorld()
    world.pod("nginx:nope")
    world.run(300_000)
    told = {event["reason"]: event["count"] for event in world.apiserver.tables["events"].values()}
    assert told["BackOff"] > told["Pulling"]


def test_a_container_is_killed_that_ignores_sigterm() -> None:
    world = NodeWorld(images={"nginx": {"ignores_sigterm": True}})
    world.pod(terminationGracePeriodSeconds=5)
    world.run(20_000)
    world.client.delete("pods", "default", "web")
    world.run(4_000)
    assert world.get() is not None
    world.run(2_000)
    assert world.get() is None
    last = [step for step in world.engine.trace.steps if step.message == "oci.ended"][-1]
    assert last.params["code"] == 137


def test_a_changed_static_pod_ends_before_the_new_one_begins() -> None:
    world = NodeWorld()
    manifest = {
        "metadata": {"name": "etcd", "namespace": "kube-system", "labels": {"component": "etcd"}},
        "spec": {"hostNetwork": True, "containers": [{"name": "etcd", "image": "nginx:1"}]},
    }
    world.kubelets[0].add_manifest(manifest)
    world.run(20_000)
    changed = {**manifest, "spec": {**manifest["spec"], "containers": [{"name": "etcd", "image": "nginx:2"}]}}
    world.kubelets[0].add_manifest(changed)
    world.run(20_000)
    calls = [
        step.verb
        for step in world.engine.trace.steps
        if step.component == "crio" and step.ref == "pods/kube-system/etcd-worker-1"
    ]
    second = calls.index("RunPodSandbox", 1)
    assert calls.index("StopContainer") < calls.index("StopPodSandbox") < second
