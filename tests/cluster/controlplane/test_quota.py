"""etcd at its quota: reads go on, writes are refused, leaders lose their leases; freed, everything goes on."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.cluster.cluster import Cluster
from apps.diagrams.figure import render
from apps.diagrams.options import Options
from tests.cluster.controlplane.world import CP, World

ACTS = ("fill", "free", "scale", "stop", "start", "power-off", "power-on")
NO_SPACE = "etcdserver: mvcc: database space exceeded"


def etcd(one: World, verb: str) -> str:
    return one.do(op="etcd", verb=verb)


@pytest.mark.parametrize("planes", [1, 3])
def test_what_a_full_database_stops_and_what_goes_on(planes: int) -> None:
    one = World(control_planes=planes)
    assert etcd(one, "fill") == ""
    assert etcd(one, "fill") == "etcd has raised the alarm NOSPACE already"
    assert one.scale(5) == NO_SPACE
    assert len(one.pods) == 3, "what is there can be read"
    pod, uids = next(iter(one.pods)), {name: obj["metadata"]["uid"] for name, obj in one.pods.items()}
    assert one.delete_pod(pod) == NO_SPACE, "a Pod on a node is marked first, and that is a write"
    assert one.do(op="delete", resource="configmaps", namespace="default", name="kube-root-ca.crt") == ""
    one.run(120)
    assert "election.lost" in one.told("election.lost"), "no lease can be renewed"
    assert one.told("apiserver.no-etcd") == [], "the API server has its etcd"
    assert {name: obj["metadata"]["uid"] for name, obj in one.pods.items()} == uids
    assert etcd(one, "free") == ""
    assert one.scale(5) == ""
    one.run(90)
    assert one.ready() == 5
    assert one.node_ready("worker-1") == "True"
    assert "kube-root-ca.crt" in one.table("configmaps"), "its controller has seen that it is gone"
    one.run(600)
    assert one.ready() == 5


def test_an_api_server_that_starts_meanwhile_serves_and_is_known_later() -> None:
    one = World(control_planes=3)
    etcd(one, "fill")
    one.component("crash", "kube-apiserver", CP)
    one.node("power-off", "control-plane-2")
    one.run(60)
    assert one.cluster.host.serves(CP)
    assert one.scale(4) == NO_SPACE
    etcd(one, "free")
    one.run(60)
    addresses = one.table("endpoints")["kubernetes"]["subsets"][0]["addresses"]
    assert [address["ip"] for address in addresses] == ["10.0.0.10", "10.0.0.12"]


def test_without_etcd_there_is_nothing_to_fill() -> None:
    one = World(workers=1, replicas=0)
    one.component("stop", "etcd", CP)
    one.run(35)
    assert "connection refused" in etcd(one, "fill")


def test_the_figure_of_etcd_shows_the_alarm_then_as_well_as_now() -> None:
    one = World(workers=1, replicas=0)
    etcd(one, "fill")
    foot = "fig-keys-foot"
    drawn = render(one.cluster.view(), "etcd", "en", Options(width="full"))
    assert "alarm NOSPACE" in drawn.parts[foot].text[0]
    etcd(one, "free")
    one.run(30)
    assert "NOSPACE" not in render(one.cluster.view(), "etcd", "en", Options(width="full")).parts[foot].text[0]
    trace = one.cluster.trace
    alarm = next(step for step in trace.steps if step.message == "etcd.nospace")
    then = one.cluster.view(alarm.revision, trace.after(alarm))
    assert "NOSPACE" in render(then, "etcd", "en", Options(width="full")).parts[foot].text[0]


@settings(max_examples=12, deadline=None)
@given(
    acts=st.lists(
        st.tuples(st.sampled_from(ACTS), st.integers(1, 90)),
        max_size=8,
    )
)
def test_filled_and_freed_at_any_moment_it_comes_back(acts: list[tuple[str, int]]) -> None:
    one = World(workers=2)
    for act, seconds in acts:
        if act in ("fill", "free"):
            etcd(one, act)
        elif act == "scale":
            one.scale(1 + seconds % 5)
        elif act in ("stop", "start"):
            one.component(act, "kube-apiserver", CP)
        else:
            one.node(act, "worker-1")
        one.run(seconds)
    again = Cluster.restore(json.loads(json.dumps(one.cluster.snapshot())))
    one.run(30)
    again.run_for(30_000)
    assert [step[:-2] for step in again.trace.steps] == [step[:-2] for step in one.cluster.trace.steps]
    one.component("start", "kube-apiserver", CP)
    one.node("power-on", "worker-1")
    one.run(60)
    etcd(one, "free")
    one.scale(3)
    one.run(400)
    assert one.ready() == 3
