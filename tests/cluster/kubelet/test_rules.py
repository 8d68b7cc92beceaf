"""The small rules: images, back-off, probes, needs, addresses."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.kubelet import probes
from apps.cluster.kubelet.backoff import Backoff, spoken
from apps.cluster.kubelet.hooks import pre_stop_ms
from apps.cluster.kubelet.images import Image, behaviour, look_up, normalize, with_default_tag
from apps.cluster.kubelet.needs import missing_env, missing_volume


@pytest.mark.parametrize(
    ("image", "full"),
    [
        pytest.param("nginx", "docker.io/library/nginx:latest", id="a bare name"),
        pytest.param("bitnami/redis:7", "docker.io/bitnami/redis:7", id="an organisation's"),
        pytest.param("quay.io/calico/node:v3", "quay.io/calico/node:v3", id="with its registry"),
        pytest.param("localhost:5000/app", "localhost:5000/app:latest", id="a port is no tag"),
        pytest.param("nginx@sha256:ab", "docker.io/library/nginx@sha256:ab", id="a digest needs no tag"),
    ],
)
def test_names_in_full(image: str, full: str) -> None:
    assert normalize(image) == full


def test_the_default_tag() -> None:
    assert with_default_tag("nginx") == "nginx:latest"
    assert with_default_tag("nginx:1") == "nginx:1"


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        pytest.param("nginx:1.27", {"error": "", "ends_after_ms": -1}, id="runs"),
        pytest.param("web:crash", {"ends_after_ms": 1500, "exit_code": 1}, id="crashes"),
        pytest.param("crashloop", {"exit_code": 1}, id="crashes by its repository's name"),
        pytest.param("app:oom", {"exit_code": 137, "reason": "OOMKilled"}, id="outgrows its memory"),
        pytest.param("bloom:1", {"exit_code": 0}, id="oom is a word of its own"),
        pytest.param("app:unready", {"never_ready": True}, id="never ready"),
        pytest.param("app:unhealthy", {"sick_after_ms": 20_000}, id="falls ill"),
    ],
)
def test_names_tell_what_happens(image: str, expected: dict[str, Any]) -> None:
    found = look_up(image)
    assert {field: getattr(found, field) for field in expected} == expected


@pytest.mark.parametrize(
    ("image", "why"),
    [
        pytest.param("nginx:bad", "manifest unknown", id="a tag that is not there"),
        pytest.param("nginx:does-not-exist", "manifest unknown", id="said in full"),
        pytest.param(
            "does-not-exist", "requested access to the resource is denied", id="a repository that is not there"
        ),
        pytest.param("ghcr.io/acme/missing:1", "requested access to the resource is denied", id="in any registry"),
    ],
)
def test_missing_images(image: str, why: str) -> None:
    assert look_up(image).error.endswith(why)


def test_known_images_have_believable_sizes() -> None:
    assert 150e6 < look_up("nginx:1.27").size < 250e6
    assert look_up("nginx:1.27-alpine").size < 60e6
    assert look_up("mysql:8").size > 500e6
    assert look_up("quay.io/calico/node:v3.31.3").size == pytest.approx(404e6, rel=0.01)
    assert look_up("example.com/whatever:1").size == look_up("example.com/whatever:1").size > 4e6


@pytest.mark.parametrize(
    ("container", "spec", "expected"),
    [
        pytest.param({"image": "nginx"}, {}, -1, id="a server serves"),
        pytest.param({"image": "busybox"}, {}, 50, id="a shell without a terminal ends at once"),
        pytest.param({"image": "busybox", "command": ["sleep", "90"]}, {}, 90_050, id="sleeps and ends"),
        pytest.param({"image": "busybox", "command": ["sh", "-c", "sleep 2m"]}, {}, 120_050, id="in minutes"),
        pytest.param(
            {"image": "busybox", "args": ["/bin/sh", "-c", "while true; do date; sleep 1; done"]},
            {},
            -1,
            id="a loop has no end",
        ),
        pytest.param({"image": "busybox", "command": ["sleep", "infinity"]}, {}, -1, id="nor has infinity"),
        pytest.param({"image": "acme/report:1"}, {"restartPolicy": "OnFailure"}, 5_000, id="a job gets done"),
        pytest.param({"image": "nginx"}, {"restartPolicy": "Never"}, -1, id="a server serves in any Pod"),
        pytest.param(
            {"image": "perl:5.34.0", "command": ["perl", "-Mbignum=bpi", "-wle", "print bpi(2000)"]},
            {"restartPolicy": "Never"},
            5_000,
            id="the digits of pi",
        ),
    ],
)
def test_how_long_it_runs(container: dict[str, Any], spec: dict[str, Any], expected: int) -> None:
    assert behaviour({"metadata": {}, "spec": spec}, container).ends_after_ms == expected


def test_overrides_and_annotations_have_the_last_word() -> None:
    pod = {"metadata": {"annotations": {"sim/start-ms": "50"}}, "spec": {}}
    found = behaviour(pod, {"image": "nginx:1"}, overrides={"nginx": {"start_ms": 9_000, "warm_up_ms": 100}})
    assert (found.start_ms, found.warm_up_ms) == (50, 100)


def test_back_off_doubles_and_is_forgotten_after_ten_quiet_minutes() -> None:
    backoff = Backoff()
    assert [backoff.next("a", 0) for _ in range(7)] == [10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]
    assert backoff.remaining_since("a", 0, 100_000) == 200_000
    assert backoff.remaining_since("a", 0, 400_000) == 0
    assert backoff.remaining_since("b", 0, 0) == 0
    assert backoff.next("a", 600_000) == 300_000
    assert backoff.next("a", 1_200_001) == 10_000


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0, "0s"), (1, "1ms"), (10_000, "10s"), (160_000, "2m40s"), (300_000, "5m0s"), (3_661_500, "1h1m1.5s")],
)
def test_durations_as_go_prints_them(ms: int, text: str) -> None:
    assert spoken(ms) == text


@pytest.mark.parametrize(
    ("probe", "expected"),
    [
        pytest.param({}, 1_000, id="at once"),
        pytest.param({"initialDelaySeconds": 5, "periodSeconds": 2}, 7_000, id="at the first tick after the delay"),
        pytest.param({"initialDelaySeconds": 10, "periodSeconds": 10}, 11_000, id="a delay of one period"),
        pytest.param({"initialDelaySeconds": 11, "periodSeconds": 10}, 21_000, id="a little more is a period more"),
    ],
)
def test_the_first_probe(probe: dict[str, int], expected: int) -> None:
    assert probes.first_tick(probe, 1_000, 1_000) == expected


@pytest.mark.parametrize(
    ("kind", "probe", "expected"),
    [
        pytest.param(
            "liveness",
            {"httpGet": {"port": 80}},
            "Liveness probe failed: HTTP probe failed with statuscode: 500",
            id="http",
        ),
        pytest.param(
            "readiness",
            {"tcpSocket": {"port": "db"}},
            "Readiness probe failed: dial tcp 192.168.0.9:5432: connect: connection refused",
            id="tcp, a port by its name",
        ),
        pytest.param("startup", {"exec": {"command": ["true"]}}, "Startup probe failed: ", id="exec"),
        pytest.param(
            "readiness",
            {"grpc": {"port": 1}},
            'Readiness probe failed: service unhealthy (responded with "NOT_SERVING")',
            id="grpc",
        ),
    ],
)
def test_what_a_failed_probe_says(kind: str, probe: dict[str, Any], expected: str) -> None:
    assert probes.failed_message(kind, probe, "192.168.0.9", {"db": 5432}) == expected


def test_how_programs_answer_probes() -> None:
    sick = Image("x", "y", sick_after_ms=10)
    assert [probes.outcome("liveness", sick, 0, now) for now in (9, 10)] == ["success", "failure"]
    slow = Image("x", "y", warm_up_ms=10)
    assert [probes.outcome("readiness", slow, 0, now) for now in (9, 10)] == ["failure", "success"]


@pytest.mark.parametrize(
    ("hook", "ms"),
    [
        pytest.param(None, 0, id="none"),
        pytest.param({"sleep": {"seconds": 7}}, 7_000, id="sleep"),
        pytest.param(
            {"exec": {"command": ["/bin/sh", "-c", "sleep 15 && nginx -s quit"]}}, 15_000, id="a shell that sleeps"
        ),
        pytest.param({"httpGet": {"port": 1}}, 100, id="a request"),
    ],
)
def test_pre_stop(hook: dict[str, Any] | None, ms: int) -> None:
    assert pre_stop_ms({"lifecycle": {"preStop": hook}} if hook else {}) == ms


def _find(resource: str, name: str) -> dict[str, Any] | None:
    return {"data": {"color": "blue"}} if (resource, name) == ("configmaps", "here") else None


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        pytest.param({"env": [{"name": "A", "value": "1"}]}, "", id="plain values need nothing"),
        pytest.param({"envFrom": [{"configMapRef": {"name": "here"}}]}, "", id="all of what is there"),
        pytest.param({"envFrom": [{"secretRef": {"name": "key"}}]}, 'secret "key" not found', id="a Secret is missing"),
        pytest.param({"envFrom": [{"secretRef": {"name": "key", "optional": True}}]}, "", id="an optional one is not"),
        pytest.param(
            {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "here", "key": "size"}}}]},
            "couldn't find key size in ConfigMap default/here",
            id="a key is missing",
        ),
    ],
)
def test_missing_env(container: dict[str, Any], expected: str) -> None:
    assert missing_env(container, "default", _find) == expected


def test_missing_volume_key() -> None:
    items = [{"key": "size", "path": "size"}]
    pod = {"metadata": {}, "spec": {"volumes": [{"name": "v", "configMap": {"name": "here", "items": items}}]}}
    assert missing_volume(pod, _find) == (
        'MountVolume.SetUp failed for volume "v" : references non-existent config key: size'
    )
