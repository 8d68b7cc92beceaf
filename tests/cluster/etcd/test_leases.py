"""Leases take their keys along, compaction takes the past, and neither takes what a reader looks back at."""

from __future__ import annotations

import json

import pytest

from apps.cluster.cluster import Cluster
from apps.cluster.etcd import Compacted, Store
from tests.cluster.controlplane.world import World
from tests.cluster.stories import digest


def test_a_lease_takes_its_keys_in_one_revision() -> None:
    store = Store()
    lease = store.grant(60, 0)
    for name in "abc":
        store.put(name, name, lease)
    store.put("b", "kept", 0)  # written again without a lease: it stays
    before = store.revision
    assert store.revoke(lease) == ["a", "c"]
    assert store.revision == before + 1
    assert [key for key, _ in store.range("")] == ["b"]
    assert [change.key for change in store.changes(before)] == ["a", "c"]
    assert store.revoke(lease) == []


def test_a_key_goes_with_the_lease_it_was_last_put_with() -> None:
    store = Store()
    first = store.grant(60, 0)
    store.put("a", 1, first)
    second = store.grant(60, 1000)
    store.put("a", 2, second)
    assert store.revoke(first) == []
    assert store.revoke(second) == ["a"]


def test_what_was_rewound_used_no_lease() -> None:
    store = Store()
    lease = store.grant(60, 0)
    store.put("a", 1, lease)
    saved = json.dumps(store.save())
    mark = store.revision
    store.put("b", 1, lease)
    store.put("a", 2, store.grant(60, 5))
    store.rewind(mark)
    assert json.dumps(store.save()) == saved


def test_events_live_an_hour_and_their_objects_on() -> None:
    world = World()
    events = len(world.table("events"))
    assert events > 10
    world.run(3500)
    assert len(world.table("events")) == events
    world.run(200)
    assert world.table("events") == {}
    assert world.ready() == 3
    gone = [step for step in world.cluster.trace.steps if step.message == "etcd.event-expired"]
    assert len(gone) >= events
    assert len({step.revision for step in gone}) < len(gone), "all that go with one lease go in one revision"
    lookback = world.cluster.view(gone[0].revision - 1)
    assert len([key for key in lookback.objects["events"] if key.startswith("default/")]) == events


def test_every_five_minutes_the_past_is_compacted_and_time_travel_goes_on() -> None:
    world = World()
    store, first = world.cluster.store, world.cluster.revision
    world.scale(1)
    world.run(5)
    shrunk = world.cluster.revision
    assert store.compact_revision == 0
    world.run(900)
    assert first < store.compact_revision < world.cluster.revision
    with pytest.raises(Compacted):
        store.changes(first)
    with pytest.raises(Compacted):
        store.get("/registry/deployments/default/web", first)
    assert len(world.cluster.view(first).objects["pods"]) == len(world.cluster.view(shrunk).objects["pods"]) + 2
    record = store.get("compact_rev_key")
    assert record is not None
    assert record.version == 3
    assert int(record.value) > store.compact_revision - 100
    assert len(world.told("etcd.compact")) == 2, "the first look only remembers where it was"
    world.scale(3)
    world.run(30)
    assert world.ready() == 3


@pytest.mark.parametrize("control_planes", [1, 3])
def test_a_snapshot_goes_on_alike_over_expiry_and_compaction(control_planes: int) -> None:
    world = World(control_planes=control_planes)
    world.run(1800)
    other = Cluster.restore(json.loads(json.dumps(world.cluster.snapshot())))
    for cluster in (world.cluster, other):
        cluster.run_for(2_400_000)
    assert digest(world.cluster) == digest(other)
    assert world.cluster.store.compact_revision == other.store.compact_revision


def test_while_no_member_can_write_leases_outlive_their_time() -> None:
    world = World()
    world.run(3000)
    world.component("stop", "etcd")
    world.run(1500)
    assert world.table("events")
    world.component("start", "etcd")
    world.run(400)
    assert not [event for event in world.table("events").values() if event["involvedObject"]["name"].startswith("web")]
