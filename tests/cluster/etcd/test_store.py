"""The store: revisions, transactions, the past, and what compaction takes away."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.cluster.etcd import Change, Compacted, Compare, Delete, Put, Store


def test_every_write_is_a_revision_and_every_key_counts_its_versions():
    store = Store()
    assert store.revision == 1
    store.put("/a", "1")
    store.put("/b", "1")
    store.put("/a", "2")
    record = store.get("/a")
    assert record is not None
    assert (record.create_revision, record.mod_revision, record.version, record.value) == (2, 4, 2, "2")


def test_a_key_that_was_deleted_begins_again():
    store = Store()
    store.put("/a", "1")
    store.delete("/a")
    assert store.get("/a") is None
    store.put("/a", "2")
    record = store.get("/a")
    assert record is not None
    assert (record.create_revision, record.version) == (4, 1)


@pytest.mark.parametrize(
    ("compare", "wrote"),
    [
        pytest.param(Compare("/new", "create", 0), True, id="create only if absent"),
        pytest.param(Compare("/a", "create", 0), False, id="create refused when present"),
        pytest.param(Compare("/a", "mod", 2), True, id="update of the version that was read"),
        pytest.param(Compare("/a", "mod", 1), False, id="update of a stale version refused"),
        pytest.param(Compare("/a", "version", 1), True, id="version counts writes of the key"),
    ],
)
def test_a_transaction_writes_only_if_its_comparisons_hold(compare, wrote):
    store = Store()
    store.put("/a", "1")
    succeeded, revision = store.txn([compare], [Put("/x", "y"), Put("/z", "y")])
    assert succeeded is wrote
    assert revision == (3 if wrote else 2)
    assert (store.get("/z") is not None) is wrote


def test_deleting_what_is_not_there_is_no_revision():
    store = Store()
    assert store.txn([], [Delete("/nothing")]) == (True, 1)


def test_a_watch_begins_with_what_was_missed():
    store = Store()
    store.put("/a", "1")
    store.put("/a", "2")
    store.delete("/a")
    assert store.changes(2) == [Change(3, "/a", "2", "1"), Change(4, "/a", None, "2")]


def test_compaction_keeps_the_present_and_refuses_the_past():
    store = Store()
    store.put("/a", "1")  # 2
    store.put("/a", "2")  # 3
    store.put("/gone", "1")  # 4
    store.delete("/gone")  # 5
    store.put("/a", "3")  # 6
    store.compact(5)
    with pytest.raises(Compacted):
        store.get("/a", 3)
    with pytest.raises(Compacted):
        store.changes(2)
    at_five = store.get("/a", 5)
    assert at_five is not None
    assert at_five.value == "2"
    assert [key for key, _ in store.range("/")] == ["/a"]
    assert store.changes(5) == [Change(6, "/a", "3", "2")]


writes = st.lists(st.tuples(st.sampled_from(["/a", "/b", "/c"]), st.one_of(st.none(), st.integers(0, 9))), max_size=30)


@given(writes=writes, compact=st.integers(0, 100))
def test_the_past_reads_as_it_was(writes, compact):
    store = Store()
    worlds: dict[int, dict[str, int]] = {1: {}}
    world: dict[str, int] = {}
    for key, value in writes:
        if value is None:
            if key not in world:
                continue
            del world[key]
            store.delete(key)
        else:
            world[key] = value
            store.put(key, value)
        worlds[store.revision] = dict(world)
    oldest = 1
    if 1 < compact <= store.revision:
        store.compact(compact)
        oldest = compact
    copy = Store()
    copy.load(store.save())
    for revision in range(oldest, store.revision + 1):
        for one in (store, copy):
            assert {key: record.value for key, record in one.range("/", revision)} == worlds[revision]
