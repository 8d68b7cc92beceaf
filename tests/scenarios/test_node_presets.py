"""The presets about nodes tell what they say they tell."""

from __future__ import annotations

import pytest

from apps.scenarios import presets, replay

SCHEDULER = "pods/kube-system/kube-scheduler-control-plane-1"


@pytest.fixture(scope="module")
def told():
    runs = {}

    def run(name):
        if name not in runs:
            runs[name] = replay.settled(presets.get(name).story)
        return runs[name]

    return run


def events(run, name: str) -> list[str]:
    return [
        f"{event['reason']}: {event['message']}"
        for event in run.view().objects["events"].values()
        if event["involvedObject"]["name"] == name
    ]


def status(run, name: str):
    return run.view().objects["pods"][f"default/{name}"]["status"]


def removed_images(run) -> list[str]:
    return [step.params["image"] for step in run.cluster.trace.steps if step.verb == "RemoveImage"]


def test_probes(told):
    run = told("probes")
    assert status(run, "slow")["containerStatuses"][0]["restartCount"] == 0
    assert status(run, "sick")["containerStatuses"][0]["restartCount"] > 0
    assert "Killing: Container web failed liveness probe, will be restarted" in events(run, "sick")
    assert not status(run, "mute")["containerStatuses"][0]["ready"]


def test_a_crash_loop_ends_with_another_image(told):
    run = told("crash-loop")
    pods = [pod for key, pod in run.view().objects["pods"].items() if key.startswith("default/web-")]
    assert len(pods) == 2
    assert all(pod["status"]["containerStatuses"][0]["restartCount"] == 0 for pod in pods)
    assert any(
        state.get("waiting", {}).get("reason") == "CrashLoopBackOff"
        for step in run.cluster.trace.steps
        if step.ref.startswith("pods/default/web-") and step.after and step.rank == "change"
        for one in step.after["status"].get("containerStatuses", ())
        if (state := one["state"])
    )


def test_memory_pressure(told):
    run = told("memory-pressure")
    assert status(run, "unlimited")["reason"] == "Evicted"
    assert status(run, "calm")["phase"] == "Running"
    last = status(run, "limited")["containerStatuses"][0]["lastState"]["terminated"]
    assert last["reason"] == "OOMKilled"
    assert "NodeHasInsufficientMemory: Node worker-1 status is now: NodeHasInsufficientMemory" in events(
        run, "worker-1"
    )


def test_disk_pressure_takes_images_first_and_pods_then(told):
    run = told("disk-pressure")
    assert "docker.io/library/mysql:8" in removed_images(run)
    assert status(run, "web")["reason"] == "Evicted"
    assert not run.view().objects["nodes"]["worker-1"]["spec"].get("taints")


@pytest.mark.parametrize(
    ("preset", "component"), [("containerd", "containerd"), ("cri-dockerd", "cri-dockerd")], ids=lambda value: value
)
def test_another_runtime(told, preset, component):
    steps = [step for step in told(preset).cluster.trace.steps if step.rank == "note"]
    calls = {step.verb for step in steps if step.component == component}
    assert {"Version", "RunPodSandbox", "PullImage", "CreateContainer", "StartContainer", "StopContainer"} <= calls
    assert not [step for step in steps if step.component == "crio"]


def test_the_mirror_of_a_static_pod_comes_back(told):
    run = told("static-pods")
    shown = [
        step.time_ms - run.base_ms
        for step in run.cluster.trace.steps
        if step.message == "kubelet.mirror-pod" and step.ref == SCHEDULER
    ]
    assert [at // 1000 for at in shown[-2:]] == [2, 40]
    stops = [step for step in run.cluster.trace.steps if step.verb == "StopContainer" and step.ref == SCHEDULER]
    assert len(stops) == 1  # when its manifest was taken away, and not before


def test_a_sidecar_is_no_reason_for_a_job_to_go_on(told):
    job = told("sidecars").view().objects["jobs"]["default/report"]
    assert [one["type"] for one in job["status"]["conditions"] if one["status"] == "True"][-1] == "Complete"
