"""What an API server answers from outside while its etcd is away."""

from __future__ import annotations

import pytest

from apps.cluster.apiserver.authentication import User
from apps.cluster.apiserver.requests import Request, Response, handle
from tests.cluster.controlplane.world import World

ADMIN = User("kubernetes-admin", ("system:masters", "system:authenticated"))
PODS = "/api/v1/namespaces/default/pods"


def ask(world: World, path: str, query: str = "", method: str = "GET") -> Response:
    return handle(world.cluster.apiserver, Request(method, path, query=query, user=ADMIN))


def test_a_healthy_server_says_so() -> None:
    world = World(replicas=1)
    assert [ask(world, path).status for path in ("/livez", "/readyz", PODS)] == [200, 200, 200]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        pytest.param("", 500, id="a consistent list asks etcd"),
        pytest.param("resourceVersion=0", 200, id="any version will do: the watch cache has one"),
        pytest.param("watch=1&resourceVersion=0", 200, id="a watch comes from the cache"),
    ],
)
def test_without_etcd(query: str, code: int) -> None:
    world = World(replicas=1)
    world.component("stop", "etcd")
    world.run(2)
    assert ask(world, PODS, query).status == code


def test_without_etcd_it_is_neither_alive_nor_ready() -> None:
    world = World(replicas=0)
    world.component("stop", "etcd")
    world.run(2)
    for path in ("/livez", "/readyz"):
        answer = ask(world, path)
        assert answer.status == 500
        assert "[-]etcd failed: reason withheld\n" in str(answer.body)
        assert str(answer.body).endswith(f"{path[1:]} check failed\n")
    world.component("start", "etcd")
    world.run(5)
    assert ask(world, "/readyz").status == 200


def test_without_a_quorum_the_watch_cache_is_not_ready_either() -> None:
    world = World(control_planes=3, replicas=1)
    for plane in ("control-plane-2", "control-plane-3"):
        world.component("stop", "etcd", plane)
    world.run(5)
    assert ask(world, PODS).body["message"] == "etcdserver: request timed out"  # type: ignore[index,call-overload]
    answer = ask(world, PODS, "resourceVersion=0")
    assert (answer.status, answer.body["message"]) == (429, "storage is (re)initializing")  # type: ignore[index,call-overload]


def test_without_an_api_server_nobody_answers() -> None:
    world = World(replicas=0)
    world.component("stop", "kube-apiserver")
    world.run(3)
    assert ask(world, PODS).status == 503
