"""Informers, recorders and work queues: what client-go promises a component."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from apps.cluster.apimachinery.status import bad_request
from apps.cluster.apiserver import APIServer
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.engine import Engine
from apps.cluster.etcd import Store


@pytest.fixture
def server():
    engine = Engine(1)
    server = APIServer(engine, Store())
    client = Client(server, "setup")
    client.create("namespaces", {"metadata": {"name": "default"}})
    client.create("serviceaccounts", {"metadata": {"name": "default", "namespace": "default"}})
    return server


@pytest.fixture
def client(server):
    return Client(server, "test")


def config(name, **labels):
    return {"metadata": {"name": name, "namespace": "default", "labels": labels}, "data": {}}


# ---- informers --------------------------------------------------------------------------------------


def listen(informer):
    heard = []
    informer.add_handler(
        lambda obj: heard.append(("add", obj["metadata"]["name"])),
        lambda old, new: heard.append(("update", new["metadata"]["name"])),
        lambda obj: heard.append(("delete", obj["metadata"]["name"])),
    )
    return heard


def test_a_handler_hears_what_is_there_and_what_comes(server, client):
    client.create("configmaps", config("old"))
    heard = listen(Informers(server)("configmaps"))
    client.create("configmaps", config("new"))
    client.patch("configmaps", "default", "new", {"data": {"a": "b"}})
    client.delete("configmaps", "default", "old")
    assert heard == [("add", "old"), ("add", "new"), ("update", "new"), ("delete", "old")]


def test_a_process_that_was_away_hears_the_difference(server, client):
    for name in ("kept", "gone", "changed"):
        client.create("configmaps", config(name))
    informers = Informers(server)
    heard = listen(informers("configmaps"))
    heard.clear()
    informers.stop()
    client.delete("configmaps", "default", "gone")
    client.patch("configmaps", "default", "changed", {"data": {"a": "b"}})
    client.create("configmaps", config("new"))
    assert heard == []
    assert informers("configmaps").get("default/gone") is not None, "cut off, it believes what it knew"
    informers.start()
    assert heard == [("delete", "gone"), ("update", "changed"), ("add", "new")]


def test_an_index_follows_changes(server, client):
    informer = Informers(server)("configmaps")
    informer.add_index("app", lambda obj: (obj["metadata"].get("labels") or {}).get("app", ""))
    client.create("configmaps", config("a", app="x"))
    client.create("configmaps", config("b", app="x"))
    client.patch("configmaps", "default", "a", {"metadata": {"labels": {"app": "y"}}})
    assert [obj["metadata"]["name"] for obj in informer.by_index("app", "x")] == ["b"]
    assert [obj["metadata"]["name"] for obj in informer.by_index("app", "y")] == ["a"]
    client.delete("configmaps", "default", "b")
    assert informer.by_index("app", "x") == []


# ---- events -----------------------------------------------------------------------------------------


@pytest.fixture
def subject(client):
    return client.create("configmaps", config("subject"))


def events(client):
    return [(event["message"], event["count"]) for event in client.list("events")]


def test_the_same_event_again_is_counted(server, client, subject):
    recorder = Recorder(server._engine, client, "test")
    for _ in range(3):
        recorder.event(subject, "Normal", "Done", "it is done")
    assert events(client) == [("it is done", 3)]


def test_after_ten_similar_events_they_are_told_as_one(server, client, subject):
    recorder = Recorder(server._engine, client, "test")
    for number in range(12):
        recorder.event(subject, "Normal", "Done", f"number {number}")
    told = events(client)
    assert told[:9] == [(f"number {number}", 1) for number in range(9)]
    assert told[9:] == [("(combined from similar events): number 11", 3)]


def test_a_flood_about_one_object_is_cut(server, client, subject):
    recorder = Recorder(server._engine, client, "test")
    for number in range(40):
        recorder.event(subject, "Normal", f"Reason{number}", "x")
    assert len(events(client)) == 25
    server._engine.run_until(300_000)
    recorder.event(subject, "Normal", "Later", "x")
    assert len(events(client)) == 26


def test_what_a_recorder_told_survives_being_saved(server, client, subject):
    recorder = Recorder(server._engine, client, "test")
    recorder.event(subject, "Normal", "Done", "it is done")
    other = Recorder(server._engine, client, "test")
    other.load(json.loads(json.dumps(recorder.save())))
    other.event(subject, "Normal", "Done", "it is done")
    assert events(client) == [("it is done", 2)]


# ---- work queues ------------------------------------------------------------------------------------


class Fragile(Controller):
    """Fails as often as it is told to."""

    name = "fragile"

    def __init__(self, *args):
        super().__init__(*args)
        self.failures_left = 0
        self.synced = []

    def sync(self, key):
        self.synced.append((self.engine.now_ms, key))
        if self.failures_left:
            self.failures_left -= 1
            raise bad_request("not now")


@pytest.fixture
def controller(server, client):
    engine = server._engine
    made = Fragile(engine, client, Informers(server), Recorder(engine, client, "fragile"))
    engine.register("fragile", made)
    return made


def test_a_key_asked_for_twice_is_synced_once(server, controller):
    controller.enqueue("a")
    controller.enqueue("a")
    controller.enqueue("a", 500)
    server._engine.run_until(1_000)
    assert controller.synced == [(10, "a")]


def test_an_earlier_turn_replaces_a_later_one(server, controller):
    controller.enqueue("a", 500)
    controller.enqueue("a", 50)
    server._engine.run_until(1_000)
    assert controller.synced == [(50, "a")]


def test_failures_back_off_and_success_forgets_them(server, controller):
    controller.failures_left = 5
    controller.enqueue("a")
    server._engine.run_until(10_000)
    times = [time for time, _ in controller.synced]
    assert [later - earlier for earlier, later in pairwise(times)] == [10, 10, 20, 40, 80]
    controller.failures_left = 1
    controller.enqueue("a")
    server._engine.run_until(20_000)
    assert controller.synced[-1][0] - controller.synced[-2][0] == 10


def test_a_stopped_controller_does_nothing(server, controller):
    controller.enqueue("a")
    controller.stop()
    server._engine.run_until(1_000)
    assert controller.synced == []
