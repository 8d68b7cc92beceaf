"""What becomes of a Pod on its node: the states it goes through, the Events told, the calls to the runtime."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.kubelet.images import look_up
from tests.cluster.kubelet.node_world import NodeWorld, condition, look

READING = "reading manifest nope in docker.io/library/nginx: manifest unknown"
MISSING = (
    f"unable to pull image or OCI artifact: pull image err: initializing source docker://nginx:nope: {READING}; "
    f"artifact err: get manifest: build image source: {READING}"
)
TOO_MUCH = "OutOfcpu: Node didn't have enough resource: cpu, requested: 5000, used: 0, capacity: 4000"


def pulled(image: str, took: str) -> str:
    size = look_up(image).size
    return (
        f'Pulled: Successfully pulled image "{image}" in {took} ({took} including waiting). Image size: {size} bytes.'
    )


PROBE = {"httpGet": {"path": "/", "port": 80}}
ACCEPTED = "Pending/ContainerCreating"
READY = "Running/running/ready"


@pytest.mark.parametrize(
    ("image", "more", "ms", "expected"),
    [
        pytest.param("nginx:1.27", {}, 20_000, [ACCEPTED, READY], id="a plain Pod takes two status writes"),
        pytest.param(
            "nginx:1.27",
            {"container": {"readinessProbe": {**PROBE, "initialDelaySeconds": 5}}},
            30_000,
            [ACCEPTED, "Running/running", READY],
            id="a readiness probe adds one",
        ),
        pytest.param(
            "busybox",
            {"restartPolicy": "Never", "container": {"command": ["sleep", "3"]}},
            20_000,
            [ACCEPTED, READY, "Running/terminated 0", "Succeeded/terminated 0"],
            id="what ends well is Succeeded once its sandbox has stopped",
        ),
        pytest.param(
            "busybox",
            {"restartPolicy": "Never", "container": {"command": ["sh", "-c", "sleep 1; exit 3"]}},
            20_000,
            [ACCEPTED, READY, "Running/terminated 3", "Failed/terminated 3"],
            id="what ends badly is Failed",
        ),
        pytest.param(
            "nginx:nope",
            {},
            9_000,
            [ACCEPTED, "Pending/ErrImagePull", "Pending/ImagePullBackOff"],
            id="a missing image is pulled in vain, then backed off from",
        ),
        pytest.param("nginx:bad", {}, 600_000, None, id="an image called bad never makes a Pod ready"),
        pytest.param(
            "crash:1",
            {},
            16_000,
            [
                ACCEPTED,
                READY,
                "Running/terminated 1",
                READY,
                "Running/terminated 1",
                "Running/CrashLoopBackOff",
            ],
            id="the first crash is restarted at once, the second waits",
        ),
        pytest.param(
            "unready:1",
            {"container": {"readinessProbe": PROBE}},
            60_000,
            [ACCEPTED, "Running/running"],
            id="a failing readiness probe keeps a running Pod out of service",
        ),
        pytest.param(
            "nginx",
            {"container": {"envFrom": [{"configMapRef": {"name": "settings"}}]}},
            9_000,
            [ACCEPTED, "Pending/CreateContainerConfigError"],
            id="an environment that is not there",
        ),
        pytest.param(
            "nginx",
            {"container": {"imagePullPolicy": "Never"}},
            5_000,
            [ACCEPTED, "Pending/ErrImageNeverPull"],
            id="an image that may not be pulled",
        ),
        pytest.param(
            "nginx",
            {"container": {"resources": {"requests": {"cpu": "5"}}}},
            5_000,
            ["Failed"],
            id="a Pod that does not fit is turned away",
        ),
    ],
)
def test_states(image: str, more: dict[str, Any], ms: int, expected: list[str] | None) -> None:
    world = NodeWorld()
    world.pod(image, **more)
    world.run(ms)
    if expected is None:
        assert not any("ready" in state for state in world.history())
    else:
        assert world.history() == expected


@pytest.mark.parametrize(
    ("image", "more", "ms", "expected"),
    [
        pytest.param(
            "busybox:1.37",
            {"container": {"command": ["sleep", "infinity"]}},
            9_000,
            [
                'Pulling: Pulling image "busybox:1.37"',
                pulled("busybox:1.37", "471ms"),
                "Created: Container created",
                "Started: Container started",
            ],
            id="a Pod that starts",
        ),
        pytest.param(
            "nginx:nope",
            {},
            9_000,
            [
                'Pulling: Pulling image "nginx:nope"',
                f'Failed: Failed to pull image "nginx:nope": {MISSING}',
                "Failed: Error: ErrImagePull",
                'BackOff: Back-off pulling image "nginx:nope"',
                "Failed: Error: ImagePullBackOff",
            ],
            id="an image that is not there",
        ),
        pytest.param(
            "nginx",
            {"container": {"envFrom": [{"configMapRef": {"name": "settings"}}]}},
            9_000,
            [
                'Pulling: Pulling image "nginx"',
                pulled("nginx", "3.606s"),
                'Failed: Error: configmap "settings" not found',
            ],
            id="a ConfigMap that is not there",
        ),
        pytest.param(
            "nginx",
            {"volumes": [{"name": "data", "secret": {"secretName": "key"}}]},
            400,
            ['FailedMount: MountVolume.SetUp failed for volume "data" : secret "key" not found'],
            id="a volume whose Secret is not there",
        ),
        pytest.param(
            "nginx",
            {"container": {"resources": {"requests": {"cpu": "5"}}}},
            5_000,
            [TOO_MUCH],
            id="a Pod that does not fit",
        ),
    ],
)
def test_events(image: str, more: dict[str, Any], ms: int, expected: list[str]) -> None:
    world = NodeWorld()
    world.pod(image, **more)
    world.run(ms)
    assert world.events() == expected


def test_the_calls_to_the_runtime() -> None:
    world = NodeWorld()
    world.pod()
    world.run(20_000)
    world.client.delete("pods", "default", "web")
    world.run(5_000)
    assert world.calls() == [
        "RunPodSandbox",
        "PullImage",
        "CreateContainer",
        "StartContainer",
        "StopContainer",
        "StopPodSandbox",
        "RemoveContainer",
        "RemovePodSandbox",
    ]
    assert world.get() is None


def test_a_ready_pod_says_all_of_this() -> None:
    world = NodeWorld()
    world.pod(container={"resources": {"requests": {"cpu": "100m"}, "limits": {"memory": "64Mi"}}})
    world.run(20_000)
    status = world.status()
    assert status["hostIP"] == "10.0.0.11"
    assert status["podIPs"] == [{"ip": status["podIP"]}]
    assert status["startTime"] == "2026-11-23T00:00:00Z"
    assert status["observedGeneration"] == 1
    assert status["allocatedResources"] == {"cpu": "100m", "memory": "64Mi"}
    assert status["resources"] == {
        "limits": {"memory": "64Mi"},
        "requests": {"cpu": "100m", "memory": "64Mi"},
    }
    assert [one["type"] for one in status["conditions"]] == [
        "PodReadyToStartContainers",
        "Initialized",
        "Ready",
        "ContainersReady",
        "PodScheduled",
    ]
    container = status["containerStatuses"][0]
    assert container["image"] == "docker.io/library/nginx:1.27"
    assert container["imageID"].startswith("docker.io/library/nginx@sha256:")
    assert container["containerID"].startswith("cri-o://")
    assert (container["ready"], container["started"], container["restartCount"]) == (True, True, 0)
    token = container["volumeMounts"][0]
    assert (token["readOnly"], token["recursiveReadOnly"]) == (True, "Disabled")


def test_crash_back_off_doubles_up_to_five_minutes() -> None:
    world = NodeWorld()
    world.pod("crash:1")
    world.run(2_000_000)
    waits = []
    for step in world.engine.trace.steps:
        if step.message == "kubelet.container-waiting" and step.after is not None:
            waiting = step.after["status"]["containerStatuses"][0]["state"]["waiting"]
            assert waiting["reason"] == "CrashLoopBackOff"
            waits.append(waiting["message"].split()[1])
    assert waits[:7] == ["10s", "20s", "40s", "1m20s", "2m40s", "5m0s", "5m0s"]
    assert waiting["message"].endswith(
        f"restarting failed container=c pod=web_default({world.get()['metadata']['uid']})"
    )


def test_a_restarted_container_remembers_its_last_end() -> None:
    world = NodeWorld()
    world.pod("crash:1")
    world.run(9_000)
    container = world.status()["containerStatuses"][0]
    assert container["restartCount"] == 1
    assert container["lastState"]["terminated"]["exitCode"] == 1
    assert container["lastState"]["terminated"]["reason"] == "Error"


def test_a_failing_liveness_probe_restarts_the_container() -> None:
    world = NodeWorld()
    world.pod("unhealthy:1", container={"livenessProbe": PROBE})
    world.run(60_000)
    assert "Unhealthy: Liveness probe failed: HTTP probe failed with statuscode: 500" in world.events()
    assert "Killing: Container c failed liveness probe, will be restarted" in world.events()
    assert world.status()["containerStatuses"][0]["restartCount"] == 1


def test_a_startup_probe_holds_the_others_back() -> None:
    world = NodeWorld(images={"slow": {"warm_up_ms": 25_000}})
    world.pod("slow", container={"startupProbe": {**PROBE, "failureThreshold": 9}, "readinessProbe": PROBE})
    world.run(20_000)
    assert world.status()["containerStatuses"][0]["started"] is False
    world.run(20_000)
    assert look(world.status()) == READY
    assert [event for event in world.events() if event.startswith("Unhealthy")] == [
        "Unhealthy: Startup probe failed: HTTP probe failed with statuscode: 503"
    ]


def test_init_containers_run_one_after_the_other_and_sidecars_stay() -> None:
    world = NodeWorld()
    world.pod(
        initContainers=[
            {"name": "first", "image": "busybox"},
            {"name": "proxy", "image": "redis", "restartPolicy": "Always"},
            {"name": "second", "image": "busybox"},
        ]
    )
    world.run(2_000)
    assert condition(world.status(), "Initialized")["message"] == (
        "containers with incomplete status: [first proxy second]"
    )
    world.run(30_000)
    status = world.status()
    assert look(status) == READY
    assert condition(status, "Initialized")["status"] == "True"
    first, proxy, second = status["initContainerStatuses"]
    assert "terminated" in first["state"]
    assert "running" in proxy["state"]
    assert first["state"]["terminated"]["finishedAt"] <= proxy["state"]["running"]["startedAt"]
    assert proxy["state"]["running"]["startedAt"] <= second["state"]["terminated"]["startedAt"]


def test_an_init_container_that_fails_for_good_fails_the_pod() -> None:
    world = NodeWorld()
    world.pod(
        restartPolicy="Never",
        initContainers=[{"name": "first", "image": "busybox", "command": ["sh", "-c", "sleep 1; exit 2"]}],
    )
    world.run(20_000)
    assert world.status()["phase"] == "Failed"


def test_sidecars_go_when_the_pod_is_done() -> None:
    world = NodeWorld()
    world.pod(
        "busybox",
        restartPolicy="Never",
        container={"command": ["sleep", "2"]},
        initContainers=[{"name": "proxy", "image": "redis", "restartPolicy": "Always"}],
    )
    world.run(60_000)
    status = world.status()
    assert status["phase"] == "Succeeded"
    assert "terminated" in status["initContainerStatuses"][0]["state"]


def test_deletion_waits_for_the_program() -> None:
    world = NodeWorld()
    world.pod(meta={"annotations": {"sim/stop-ms": "4000"}})
    world.run(20_000)
    world.client.delete("pods", "default", "web")
    world.run(3_000)
    assert world.get() is not None
    assert "Killing: Stopping container c" in world.events()
    world.run(1_500)
    assert world.get() is None
    assert world.history()[-1] == "Succeeded/terminated 0"


def test_a_program_that_will_not_go_is_killed_when_its_grace_is_over() -> None:
    world = NodeWorld()
    world.pod(meta={"annotations": {"sim/stop-ms": "90000"}}, terminationGracePeriodSeconds=5)
    world.run(20_000)
    world.client.delete("pods", "default", "web")
    world.run(4_900)
    assert world.get() is not None
    world.run(200)
    assert world.get() is None
    assert world.history()[-1] == "Failed/terminated 137"


def test_a_pre_stop_hook_takes_its_time() -> None:
    world = NodeWorld()
    world.pod(container={"lifecycle": {"preStop": {"sleep": {"seconds": 3}}}})
    world.run(20_000)
    world.client.delete("pods", "default", "web")
    world.run(3_500)
    assert world.get() is not None
    world.run(200)
    assert world.get() is None


def test_a_pod_without_containers_yet_goes_at_once() -> None:
    world = NodeWorld()
    world.pod()
    world.run(1_000)
    world.client.delete("pods", "default", "web")
    world.run(50)
    assert world.get() is None


def test_forced_deletion_stops_what_runs() -> None:
    world = NodeWorld()
    world.pod()
    world.run(20_000)
    world.client.delete("pods", "default", "web", grace_period_seconds=0)
    world.run(50)
    assert world.calls()[-1] == "StopContainer"
    assert world.kubelets[0].workers.workers == {}
    assert world.kubelets[0].workers.used[2] == 1  # what still runs still counts
    world.run(2_000)
    assert world.calls()[-3:] == ["StopPodSandbox", "RemoveContainer", "RemovePodSandbox"]
    assert world.kubelets[0].workers.used == [0, 0, 0, 0]
    assert world.kubelets[0].workers.orphans == {}


def test_another_pod_of_the_same_name_is_another_pod() -> None:
    world = NodeWorld()
    first = world.pod()
    world.run(20_000)
    world.client.delete("pods", "default", "web", grace_period_seconds=0)
    second = world.pod()
    world.run(20_000)
    assert first["metadata"]["uid"] != second["metadata"]["uid"]
    assert look(world.status()) == READY
    assert world.status()["containerStatuses"][0]["restartCount"] == 0


def test_a_new_image_restarts_the_container() -> None:
    world = NodeWorld()
    world.pod()
    world.run(20_000)
    world.client.patch("pods", "default", "web", {"spec": {"containers": [{"name": "c", "image": "nginx:1.28"}]}})
    world.run(20_000)
    container = world.status()["containerStatuses"][0]
    assert (container["image"], container["restartCount"]) == ("docker.io/library/nginx:1.28", 1)
    assert "Killing: Container c definition changed, will be restarted" in world.events()


def test_active_deadline() -> None:
    world = NodeWorld()
    world.pod(activeDeadlineSeconds=15)
    world.run(20_000)
    status = world.status()
    assert (status["phase"], status["reason"]) == ("Failed", "DeadlineExceeded")
    assert status["message"] == "Pod was active on the node longer than the specified deadline"


def test_images_are_pulled_one_at_a_time_and_once_a_node() -> None:
    world = NodeWorld()
    for name in ("a", "b"):
        world.pod(name=name)
    world.run(20_000)
    second = max(world.events("a")[1], world.events("b")[1], key=lambda event: "in 250ms" in event)
    assert second.startswith('Pulled: Successfully pulled image "nginx:1.27" in 250ms (3.')
    world.pod(name="c")
    world.run(5_000)
    assert world.events("c")[0] == (
        'Pulled: Container image "nginx:1.27" already present on machine and can be accessed by the pod'
    )
    world.pod(name="d", container={"imagePullPolicy": "Always"})
    world.run(5_000)
    assert world.events("d")[0] == 'Pulling: Pulling image "nginx:1.27"'


def test_a_missing_config_map_is_found_when_it_comes() -> None:
    world = NodeWorld()
    world.pod(volumes=[{"name": "data", "configMap": {"name": "settings"}}])
    world.run(3_000)
    assert look(world.status()) == ACCEPTED
    world.client.create("configmaps", {"metadata": {"name": "settings", "namespace": "default"}})
    world.run(20_000)
    assert look(world.status()) == READY


def test_readiness_gates_are_waited_for() -> None:
    world = NodeWorld()
    world.pod(readinessGates=[{"conditionType": "example.com/gate"}])
    world.run(20_000)
    assert condition(world.status(), "Ready")["reason"] == "ReadinessGatesNotReady"
    pod = world.get()
    assert pod is not None
    opened = [*pod["status"]["conditions"], {"type": "example.com/gate", "status": "True"}]
    world.client.update_status("pods", {**pod, "status": {**pod["status"], "conditions": opened}})
    world.run(100)
    assert look(world.status()) == READY


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        pytest.param({"sim/seconds": "2"}, "Succeeded/terminated 0", id="ends after so many seconds"),
        pytest.param({"sim/seconds": "2", "sim/exit": "7"}, "Failed/terminated 7", id="with this code"),
    ],
)
def test_annotations_tell_how_a_container_behaves(annotations: dict[str, str], expected: str) -> None:
    world = NodeWorld()
    world.pod(restartPolicy="Never", meta={"annotations": annotations})
    world.run(20_000)
    assert look(world.status()) == expected


def test_a_running_pod_costs_no_turns() -> None:
    world = NodeWorld()
    world.pod(container={"livenessProbe": PROBE, "readinessProbe": PROBE})
    world.run(30_000)
    assert world.engine.at_rest
