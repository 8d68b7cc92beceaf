"""Three runtimes behind the same calls: ids, versions, processes, words; and images that somebody pushes anew."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.kubelet.cri.flavours import CONTAINERD, CRI_DOCKERD, CRIO, Flavour, flavour_of
from tests.cluster.kubelet.node_world import NodeWorld, look


@pytest.mark.parametrize(
    ("flavour", "version", "container", "image", "image_id"),
    [
        pytest.param(
            CRIO, "cri-o://1.36", "cri-o://", "docker.io/library/nginx:1.27", "docker.io/library/nginx@", id="CRI-O"
        ),
        pytest.param(
            CONTAINERD,
            "containerd://2.",
            "containerd://",
            "docker.io/library/nginx:1.27",
            "docker.io/library/nginx@",
            id="containerd",
        ),
        pytest.param(
            CRI_DOCKERD, "docker://", "docker://", "nginx:1.27", "docker-pullable://nginx@", id="Docker Engine"
        ),
    ],
)
def test_how_a_runtime_shows(flavour: Flavour, version: str, container: str, image: str, image_id: str) -> None:
    world = NodeWorld(flavour=flavour)
    world.pod()
    world.run(20_000)
    node = world.apiserver.tables["nodes"]["worker-1"]["status"]
    assert node["nodeInfo"]["containerRuntimeVersion"].startswith(version)
    status = world.status()["containerStatuses"][0]
    assert status["containerID"].startswith(container)
    assert status["image"] == image
    assert status["imageID"].startswith(image_id)


@pytest.mark.parametrize(
    ("flavour", "image", "expected"),
    [
        pytest.param(
            CONTAINERD,
            "nginx:nope",
            'failed to pull and unpack image "docker.io/library/nginx:nope": failed to resolve reference '
            '"docker.io/library/nginx:nope": docker.io/library/nginx:nope: not found',
            id="containerd, no such tag",
        ),
        pytest.param(
            CRI_DOCKERD,
            "does-not-exist",
            "Error response from daemon: pull access denied for does-not-exist, repository does not exist or may "
            "require 'docker login': denied: requested access to the resource is denied",
            id="Docker Engine, no such repository",
        ),
        pytest.param(
            CRI_DOCKERD,
            "nginx:nope",
            "Error response from daemon: manifest for nginx:nope not found: manifest unknown: manifest unknown",
            id="Docker Engine, no such tag",
        ),
    ],
)
def test_a_missing_image_in_its_own_words(flavour: Flavour, image: str, expected: str) -> None:
    world = NodeWorld(flavour=flavour)
    world.pod(image)
    world.run(3_000)
    waiting = world.status()["containerStatuses"][0]["state"]["waiting"]
    assert expected in waiting["message"]


@pytest.mark.parametrize(
    ("flavour", "spec", "expected"),
    [
        pytest.param(CRIO, {}, [("crio", "RunPodSandbox"), ("pinns", "create"), ("cni", "ADD")], id="CRI-O pins"),
        pytest.param(
            CRIO,
            {"shareProcessNamespace": True},
            [("crio", "RunPodSandbox"), ("crun", "create"), ("cni", "ADD")],
            id="a Pod whose containers see each other's processes has a pause container",
        ),
        pytest.param(
            CONTAINERD,
            {},
            [("containerd", "RunPodSandbox"), ("runc", "create"), ("cni", "ADD")],
            id="containerd",
        ),
        pytest.param(
            CRI_DOCKERD, {"hostNetwork": True}, [("cri-dockerd", "RunPodSandbox"), ("runc", "create")], id="no CNI"
        ),
    ],
)
def test_what_is_behind_a_sandbox(flavour: Flavour, spec: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    world = NodeWorld(flavour=flavour)
    world.pod(**spec)
    world.run(100)
    steps = [step for step in world.engine.trace.steps if step.rank == "note" and step.ref == "pods/default/web"]
    assert [(step.component, step.verb) for step in steps] == expected
    assert {step.cause for step in steps[1:]} == {steps[0].index}


def test_a_kubelet_asks_first_who_it_talks_to() -> None:
    world = NodeWorld(flavour=CONTAINERD)
    first = [step for step in world.engine.trace.steps if step.component == "containerd"]
    assert [step.verb for step in first] == ["Version", "Status"]
    assert first[0].params["socket"] == "unix:///run/containerd/containerd.sock"


def test_no_other_runtime_is_known() -> None:
    with pytest.raises(StatusError) as caught:
        flavour_of("dockershim")
    assert "cri-o, containerd, cri-dockerd" in caught.value.message


def test_a_sandbox_that_did_not_outlive_its_machine_is_made_anew() -> None:
    world = NodeWorld(flavour=CONTAINERD)
    world.pod()
    world.run(20_000)
    world.kubelets[0].stop()
    world.kubelets[0].start()
    world.run(20_000)
    assert "SandboxChanged: Pod sandbox changed, it will be killed and re-created." in world.events()
    assert look(world.status()) == "Running/running/ready"


def test_a_pushed_image_comes_with_the_next_pull() -> None:
    world = NodeWorld()
    world.pod("web:1")
    world.run(20_000)
    world.registry.push("web:1", {"exit_after": 2, "exit_code": 3, "message": "no config"})
    world.pod("web:1", name="there")
    world.pod("web:1", name="always", container={"imagePullPolicy": "Always"})
    world.run(20_000)
    assert look(world.status()) == "Running/running/ready"
    # The machine has an image of that name: nobody looks whether the registry has another by now …
    assert look(world.status("there")) == "Running/running/ready"
    # … but whoever must pull.
    ended = world.status("always")["containerStatuses"][0]["lastState"]["terminated"]
    assert (ended["exitCode"], ended["message"]) == (3, "no config")
    assert (
        world.status("always")["containerStatuses"][0]["imageID"] != world.status()["containerStatuses"][0]["imageID"]
    )


def test_a_missing_image_may_be_pushed() -> None:
    world = NodeWorld()
    world.pod("web:missing")
    world.run(5_000)
    assert look(world.status()) == "Pending/ImagePullBackOff"
    world.registry.push("web:missing", {"missing": False, "size_mib": 20, "pull_seconds": 2})
    world.run(30_000)
    assert look(world.status()) == "Running/running/ready"
