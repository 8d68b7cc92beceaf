"""Hints by zone for Services that ask for them by annotation, as Kubernetes' own tests have them."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.controllers.endpointslice.topology import (
    Allocation,
    Plan,
    TopologyCache,
    allocations,
    enabled,
    giving_and_receiving,
    hints_of,
    overloaded,
    ratios_of,
    redistribute,
    without_hints,
)
from tests.cluster.controllers.objects import deployment, service
from tests.cluster.controllers.world import World

Obj = dict[str, Any]


def node(name: str, zone: str, cpu: str = "1", *, ready: str = "True", **labels: str) -> Obj:
    status = {"allocatable": {"cpu": cpu}, "conditions": [{"type": "Ready", "status": ready}]}
    found = {"topology.kubernetes.io/zone": zone, **labels} if zone else labels
    return {"metadata": {"name": name, "labels": found}, "status": status}


def part(*endpoints: str, hints: str = "") -> Obj:
    """A slice: `a` is a ready endpoint in zone a, `a!` one that is not ready. `hints` names a zone for each."""
    out = []
    for place, text in enumerate(endpoints):
        one: Obj = {"addresses": ["10.0.0.1"], "conditions": {"ready": "!" not in text}}
        if zone := text.rstrip("!"):
            one["zone"] = zone
        if hints:
            one["hints"] = {"forZones": [{"name": hints[place]}]}
        out.append(one)
    return {"metadata": {"name": "s"}, "endpoints": out}


def shown(slices: list[Obj]) -> list[str]:
    """The zone each endpoint is meant for, "-" for none."""
    return [
        "".join(((one.get("hints") or {}).get("forZones") or [{"name": "-"}])[0]["name"] for one in found["endpoints"])
        for found in slices
    ]


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        pytest.param([], None, id="empty"),
        pytest.param([node("1", "a"), node("2", "a")], None, id="single zone"),
        pytest.param([node("1", "a"), node("2", "b")], {"a": 0.5, "b": 0.5}, id="two zones"),
        pytest.param([node("1", "a"), node("2", "b"), node("3", "")], None, id="a node without a zone"),
        pytest.param(
            [node("1", "a"), node("2", "b"), node("3", "", ready="False")], {"a": 0.5, "b": 0.5}, id="not ready"
        ),
        pytest.param([node("1", "a", "3"), node("2", "b", "1")], {"a": 0.75, "b": 0.25}, id="by CPU"),
        pytest.param(
            [node("1", "a"), node("2", "b"), node("3", "b", **{"node-role.kubernetes.io/control-plane": ""})],
            {"a": 0.5, "b": 0.5},
            id="not the control plane",
        ),
        pytest.param([node("1", "a"), node("2", "b", "0")], None, id="no CPU"),
    ],
)
def test_zones_have_their_part_of_the_cpu(nodes: list[Obj], expected: dict[str, float] | None) -> None:
    assert ratios_of(nodes) == expected


@pytest.mark.parametrize(
    ("ratios", "count", "problem"),
    [
        pytest.param(
            None,
            5,
            "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes",
            id="no nodes",
        ),
        pytest.param({"a": 1.0}, 5, "Nodes only ready in one zone", id="one zone"),
        pytest.param({"a": 0.5, "b": 0.5}, 1, "Insufficient number of endpoints (1 endpoints, 2 zones)", id="too few"),
        pytest.param(
            {"a": 0.75, "b": 0.25},
            2,
            "Unable to allocate minimum required endpoints to each zone without exceeding overload threshold "
            "(2 endpoints, 2 zones)",
            id="too uneven",
        ),
        pytest.param({"a": 0.5, "b": 0.5}, 4, "", id="enough"),
    ],
)
def test_where_there_cannot_be_hints_it_is_said_why(ratios: dict[str, float] | None, count: int, problem: str) -> None:
    assert allocations(ratios, count)[1] == problem


def test_what_each_zone_is_to_get() -> None:
    found, _ = allocations({"a": 0.5, "b": 0.5}, 6)
    assert found == {"a": Allocation(3, 3.0, 3), "b": Allocation(3, 3.0, 3)}
    found, _ = allocations({"a": 0.4, "b": 0.6}, 10)
    assert found == {"a": Allocation(4, 4.0, 5), "b": Allocation(5, 6.0, 6)}


@pytest.mark.parametrize(
    ("desired", "hints", "giving", "receiving"),
    [
        pytest.param({}, {}, {}, {}, id="empty"),
        pytest.param({"a": 2.0, "b": 2.0}, {"a": 1, "b": 1}, {}, {}, id="all are short"),
        pytest.param({"a": 2.0, "b": 2.0}, {"a": 3, "b": 1}, {"a": 1}, {"b": 1}, id="one to give"),
        pytest.param({"a": 2.4, "b": 1.6}, {"a": 2, "b": 2}, {}, {}, id="less than half is not worth it"),
        pytest.param({"a": 5.0, "b": 3.0, "c": 1.0}, {"a": 2, "b": 3, "c": 4}, {"c": 3}, {"a": 3}, id="three to give"),
    ],
)
def test_who_gives_and_who_receives(
    desired: dict[str, float], hints: dict[str, int], giving: dict[str, int], receiving: dict[str, int]
) -> None:
    wanted = {zone: Allocation(1, number) for zone, number in desired.items()}
    assert giving_and_receiving(wanted, hints) == (giving, receiving)


def test_endpoints_are_handed_to_zones_that_have_too_few() -> None:
    slices, change = redistribute([part("a", "a!", "a", "b")], {"a": 1}, {"b": 1})
    assert shown(slices) == ["b---"]
    assert change == {"a": -1, "b": 1}


@pytest.mark.parametrize(
    ("one", "so_far", "expected"),
    [
        pytest.param(part("a", hints="a"), {}, {"a": 1}, id="may stay"),
        pytest.param(part("a"), {}, None, id="no hints yet"),
        pytest.param(part("a", hints="z"), {}, None, id="a zone that is no more"),
        pytest.param(part("a", "a", hints="aa"), {"a": 2}, None, id="more than a zone may have"),
        pytest.param(part("a!", hints="z"), {}, {}, id="not ready does not count"),
    ],
)
def test_whether_the_hints_of_a_slice_may_stay(
    one: Obj, so_far: dict[str, int], expected: dict[str, int] | None
) -> None:
    wanted = {"a": Allocation(1, 2.0, 3), "b": Allocation(1, 1.0, 2)}
    assert hints_of(one, so_far, wanted) == expected


@pytest.mark.parametrize(
    ("hints", "ratios", "expected"),
    [
        pytest.param({}, {"a": 0.5, "b": 0.5}, False, id="no hints"),
        pytest.param({"a": 1}, None, True, id="no nodes"),
        pytest.param({"a": 5}, {"a": 0.5, "b": 0.5}, True, id="a zone without any"),
        pytest.param({"a": 6, "b": 4}, {"a": 0.5, "b": 0.5}, True, id="a little uneven"),
        pytest.param({"a": 5, "b": 5}, {"a": 0.5, "b": 0.5}, False, id="even"),
    ],
)
def test_a_service_with_too_few_endpoints_for_a_zone(
    hints: dict[str, int], ratios: dict[str, float] | None, expected: bool
) -> None:
    assert overloaded(hints, ratios) is expected


def test_hints_are_added_kept_and_taken_away() -> None:
    cache = TopologyCache()
    cache.set_nodes([node("1", "a"), node("2", "b")])
    plan = cache.add_hints("ns/web", "IPv4", Plan([part("a", "a", "a", "b")], [], []))
    assert sorted(shown(plan.create)[0]) == ["a", "a", "b", "b"]
    assert plan.events == [
        ("Normal", "TopologyAwareHintsEnabled", "Topology Aware Hints has been enabled, addressType: IPv4")
    ]
    again = cache.add_hints("ns/web", "IPv4", Plan([], [], plan.create))
    assert (again.update, again.events) == ([], [])
    other = TopologyCache()
    other.load(cache.save())
    assert other.drop("ns/web", "IPv4") == [
        ("Warning", "TopologyAwareHintsDisabled", "Topology Aware Hints has been disabled, addressType: IPv4")
    ]
    bare = without_hints(Plan([], [], plan.create))
    assert (shown(bare.update), bare.unchanged) == (["----"], [])


def test_an_endpoint_without_a_zone_takes_all_hints_away() -> None:
    cache = TopologyCache()
    cache.set_nodes([node("1", "a"), node("2", "b")])
    plan = cache.add_hints("ns/web", "IPv4", Plan([part("a", "", "b")], [], [part("b", hints="b")]))
    assert (shown(plan.create), shown(plan.update)) == (["---"], ["-"])
    assert plan.events == [
        (
            "Warning",
            "TopologyAwareHintsDisabled",
            "One or more endpoints do not have a zone specified, addressType: IPv4",
        )
    ]


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        pytest.param({}, False, id="none"),
        pytest.param({"service.kubernetes.io/topology-mode": "Auto"}, True, id="Auto"),
        pytest.param({"service.kubernetes.io/topology-mode": "auto"}, True, id="auto"),
        pytest.param({"service.kubernetes.io/topology-mode": "Disabled"}, False, id="another word"),
        pytest.param(
            {"service.kubernetes.io/topology-aware-hints": "x", "service.kubernetes.io/topology-mode": "Auto"},
            False,
            id="the older one decides",
        ),
    ],
)
def test_a_service_asks_by_annotation(annotations: dict[str, str], expected: bool) -> None:
    assert enabled({"metadata": {"annotations": annotations}}) is expected


def test_a_services_slice_points_every_zone_at_endpoints_of_its_own() -> None:
    world = World(nodes=())
    for name, zone in (("n1", "a"), ("n2", "b")):
        world.join(name, labels={"topology.kubernetes.io/zone": zone})
        made = world.get("nodes", name)
        allocatable = {"cpu": "4", "memory": "8Gi", "pods": "110"}
        world.kubectl.update_status("nodes", {**made, "status": {**made["status"], "allocatable": allocatable}})
    asked = service("web", selector={"app": "web"})
    asked["metadata"]["annotations"] = {"service.kubernetes.io/topology-mode": "Auto"}
    world.create(asked)
    world.create(deployment(replicas=4))
    world.run(3_000)
    (found,) = [one for one in world.list("endpointslices") if one["endpoints"]]
    assert shown([found]) == ["".join(one["zone"] for one in found["endpoints"])]
    assert world.events("TopologyAwareHintsEnabled") == ["Topology Aware Hints has been enabled, addressType: IPv4"]
    world.patch("services", "web", {"metadata": {"annotations": {"service.kubernetes.io/topology-mode": None}}})
    world.run(3_000)
    (found,) = [one for one in world.list("endpointslices") if one["endpoints"]]
    assert shown([found]) == ["----"]
    assert world.events("TopologyAwareHintsDisabled")[-1] == (
        "Topology Aware Hints has been disabled, addressType: IPv4"
    )
