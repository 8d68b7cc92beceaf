"""The stories about Services show what their words promise."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.controllers.metallb.election import announcer
from apps.cluster.controllers.servicelb.pool import pool
from apps.scenarios import presets, replay

Obj = dict[str, Any]
LABEL = "kubernetes.io/service-name"


def ready_over_time(name: str, service: str) -> list[tuple[float, int]]:
    """(second of the story, ready endpoints of a Service), where the number changed."""
    run = replay.settled(presets.get(name).story)
    slices: dict[str, int] = {}
    out: list[tuple[float, int]] = []
    for step in run.cluster.trace.steps:
        about = step.after or step.before or {}
        if step.ref.startswith("endpointslices/default/") and about["metadata"]["labels"].get(LABEL) == service:
            endpoints = (step.after or {}).get("endpoints") or ()
            slices[step.ref] = sum(1 for one in endpoints if one["conditions"].get("ready"))
            if not out or out[-1][1] != sum(slices.values()):
                out.append(((step.time_ms - run.base_ms) / 1000, sum(slices.values())))
    return out


def last(name: str, service: str) -> Obj:
    return replay.settled(presets.get(name).story).view().objects["services"][f"default/{service}"]


@pytest.mark.parametrize(
    ("preset", "service", "counts"),
    [
        pytest.param("clusterip", "web", [0, 3, 5, 6], id="a Pod of another version comes when it is ready"),
        pytest.param("no-endpoints", "web", [0, 3], id="a typo, mended"),
        pytest.param("no-endpoints", "api", [0, 2], id="Pods that are not ready, and then others"),
        pytest.param("local-traffic", "web", [0, 2, 3, 1], id="more nodes, then fewer"),
        pytest.param("headless", "db", [0, 1, 2, 3, 2, 3, 4], id="a Pod that comes back"),
    ],
)
def test_endpoints_come_and_go_as_told(preset: str, service: str, counts: list[int]) -> None:
    seen = [count for _, count in ready_over_time(preset, service)]
    assert seen[-1] == counts[-1]
    rest = iter(seen)
    assert all(count in rest for count in counts), seen  # in this order, with others between


def test_node_ports_are_asked_for_and_given() -> None:
    assert last("nodeport", "web")["spec"]["ports"][0]["nodePort"] == 30080
    assert last("nodeport", "api")["spec"]["ports"][0]["nodePort"] in range(30086, 32768)


def test_a_name_outside_becomes_a_service_inside() -> None:
    spec = last("externalname", "db")["spec"]
    assert (spec["type"], "externalName" in spec, spec["clusterIP"][:3]) == ("ClusterIP", False, "10.")


def test_the_flow_begins_on_one_node_and_ends_on_each() -> None:
    run = replay.settled(presets.get("service-flow").story)
    first = run.base + 1
    nodes: set[str] = set()
    for step in run.cluster.trace.steps:
        if step.revision > first and step.ref.startswith("endpointslices/default/web-") and step.after:
            nodes = {one["nodeName"] for one in step.after["endpoints"] if one["conditions"]["ready"]}
            if len(nodes) == 3:
                break
    assert nodes == {"worker-1", "worker-2", "worker-3"}
    assert run.view().objects["pods"]["default/client"]["spec"]["nodeName"] == "worker-1"


def test_affinity_is_given_up_at_the_end() -> None:
    assert last("session-affinity", "web")["spec"]["sessionAffinity"] == "None"


def test_a_cloud_builds_a_balancer_and_tells_it_its_nodes() -> None:
    run = replay.settled(presets.get("loadbalancer").story)
    service = run.view().objects["services"]["default/web"]
    assert [one["ip"] for one in service["status"]["loadBalancer"]["ingress"]] == ["203.0.113.1"]
    behind = {backend.node: backend.problem for backend in pool(run.view().objects, service)}
    assert behind == {"worker-1": "", "worker-2": "no-endpoint", "worker-3": "", "worker-4": ""}


def test_a_node_takes_over_an_address_that_another_answered_for() -> None:
    run = replay.settled(presets.get("loadbalancer-metallb").story)
    told = [
        (step.node, step.params["service"])
        for step in run.cluster.trace.steps
        if step.message == "metallb.announce" and step.time_ms > run.base_ms
    ]
    web, api = "default/web", "default/api"
    assert told == [("worker-1", web), ("worker-2", web), ("worker-1", web), ("worker-3", api)]
    objects = run.view().objects
    assert [announcer(objects, objects["services"][key]) for key in (web, api)] == ["worker-1", "worker-3"]
