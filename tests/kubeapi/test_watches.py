"""Watches over real HTTP: what they tell, that they end, and that nothing is left of a client that vanished."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

import pytest

from tests.kubeapi.conftest import API, WEB

MAPS = "/api/v1/namespaces/default/configmaps"


class Watcher:
    """One open watch."""

    def __init__(self, api: API, path: str) -> None:
        api = api.as_(api.token)
        self.response = api.open("GET", path)
        self.connection = api.connection
        assert self.response.status == 200

    def next(self) -> dict[str, Any]:
        return json.loads(self.response.readline())

    def rest(self) -> list[dict[str, Any]]:
        frames = [json.loads(line) for line in self.response.read().splitlines()]
        self.vanish()
        return frames

    def vanish(self) -> None:
        """Hang up without a word."""
        self.connection.close()
        self.response.close()


def change(api: API, name: str, value: str) -> dict[str, Any]:
    body = {"metadata": {"name": name}, "data": {"v": value}}
    answer = api.ask("POST", MAPS, body)
    return (answer if answer.status == 201 else api.ask("PUT", f"{MAPS}/{name}", body)).json


def told(frame: dict[str, Any]) -> tuple[str, str, str]:
    return frame["type"], frame["object"]["metadata"]["name"], frame["object"].get("data", {}).get("v", "")


def test_a_watch_tells_what_is_written_as_it_is_written(api):
    since = change(api, "one", "1")["metadata"]["resourceVersion"]
    watcher = Watcher(api, f"{MAPS}?watch=1&resourceVersion={since}")
    change(api, "one", "2")
    change(api, "two", "1")
    assert [told(watcher.next()), told(watcher.next())] == [("MODIFIED", "one", "2"), ("ADDED", "two", "1")]
    api.ask("DELETE", f"{MAPS}/two")
    assert told(watcher.next()) == ("DELETED", "two", "1")
    watcher.vanish()


def test_time_goes_on_while_somebody_watches(api):
    watcher = Watcher(api, "/api/v1/namespaces/default/pods?watch=1&labelSelector=app%3Dweb")
    api.ask("POST", "/apis/apps/v1/namespaces/default/deployments", WEB, Content_Type="application/yaml")
    ready: set[str] = set()
    while len(ready) < 2:
        pod = watcher.next()["object"]
        if any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", ())):
            ready.add(pod["metadata"]["name"])
    watcher.vanish()


def test_a_watch_ends_when_its_time_is_over_with_a_bookmark_before(api):
    begin = time.monotonic()
    watcher = Watcher(api, f"{MAPS}?watch=1&resourceVersion=0&timeoutSeconds=4&allowWatchBookmarks=true")
    frames = watcher.rest()
    assert 3 < time.monotonic() - begin < 20
    assert [frame["type"] for frame in frames] == ["ADDED", "BOOKMARK"]


def test_initial_events_end_with_a_marked_bookmark(api):
    query = "watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1"
    frames = Watcher(api, f"{MAPS}?{query}").rest()
    assert [frame["type"] for frame in frames] == ["ADDED", "BOOKMARK"]
    assert frames[-1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_a_version_that_is_gone_is_told_and_ends_the_watch(api):
    for _ in range(2):
        change(api, "one", str(_))
    frames = Watcher(api, f"{MAPS}?watch=1&resourceVersion=1&timeoutSeconds=1").rest()
    if frames and frames[0]["type"] == "ERROR":
        assert frames[0]["object"]["code"] == 410


def test_many_watch_at_once_and_nothing_is_left_of_who_vanished(api):
    since = change(api, "one", "0")["metadata"]["resourceVersion"]
    watchers = [Watcher(api, f"{MAPS}?watch=1&resourceVersion={since}") for _ in range(60)]
    for watcher in watchers[20:]:
        watcher.vanish()
    for number in range(1, 4):
        change(api, "one", str(number))
    for watcher in watchers[:20]:
        assert [told(watcher.next())[2] for _ in range(3)] == ["1", "2", "3"]
    deadline = time.monotonic() + 40
    while open_watches(api) > 20:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    for watcher in watchers[:20]:
        watcher.vanish()
    while open_watches(api):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def open_watches(api: API) -> int:
    """As the process counts them, in its metrics."""
    lines = api.get("/metrics").data.decode().splitlines()
    return int(next(line.split()[-1] for line in lines if line.startswith("apiserver_longrunning_requests")))


def test_many_kinds_at_once_as_a_dashboard_asks(api):
    """A list that takes what is at hand, and a watch from there, of twenty kinds."""
    groups = {
        "/api/v1": "pods services nodes namespaces configmaps secrets events serviceaccounts endpoints",
        "/apis/apps/v1": "deployments replicasets daemonsets statefulsets",
        "/apis/batch/v1": "jobs cronjobs",
        "/apis/networking.k8s.io/v1": "ingresses networkpolicies",
        "/apis/rbac.authorization.k8s.io/v1": "clusterroles rolebindings",
        "/apis/storage.k8s.io/v1": "storageclasses",
    }
    watchers = []
    for prefix, kinds in groups.items():
        for kind in kinds.split():
            listed = api.get(f"{prefix}/{kind}?resourceVersion=0").json
            since = listed["metadata"]["resourceVersion"]
            query = f"watch=1&allowWatchBookmarks=true&resourceVersion={since}&timeoutSeconds=3"
            watchers.append(Watcher(api, f"{prefix}/{kind}?{query}"))
    assert len(watchers) == 20
    change(api, "one", "1")
    frames = [watcher.rest() for watcher in watchers]
    assert [told(frame) for frame in frames[4] if frame["type"] == "ADDED"] == [("ADDED", "one", "1")]
    assert all(frame["type"] != "ERROR" for one in frames for frame in one)


def test_there_is_a_bound_to_watches(api):
    watchers = [Watcher(api, f"{MAPS}?watch=1&resourceVersion=0&timeoutSeconds=30") for _ in range(200)]
    answer = api.get(f"{MAPS}?watch=1")
    assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
    assert answer.json["message"] == "at most 200 watches of one scenario at a time"
    for watcher in watchers:
        watcher.vanish()


def test_who_does_not_read_is_cut_off_and_holds_up_nobody(api):
    raw = socket.create_connection(("127.0.0.1", api.site.port))
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    lines = [f"GET {api.base}{MAPS}?watch=1 HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {api.token}"]
    raw.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    watcher = Watcher(api, f"{MAPS}?watch=1")
    assert watcher.next()["type"] == "ADDED"
    for number in range(15):
        change(api, "one", f"{number}" + "x" * 900_000)
        assert told(watcher.next())[2].startswith(str(number))
    deadline = time.monotonic() + 40
    while open_watches(api) > 1:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    raw.close()
    watcher.vanish()


@pytest.mark.slow
def test_kubectl_drives_the_cluster(kubectl, api):
    watch = kubectl.start("get", "pods", "-w", "-o", "name")
    assert kubectl("apply", "--validate=false", "-f", "-", sent=WEB) == (0, "deployment.apps/web created\n", "")
    assert kubectl("scale", "deploy/web", "--replicas=3")[1] == "deployment.apps/web scaled\n"
    assert kubectl("rollout", "status", "deploy/web")[1].endswith('deployment "web" successfully rolled out\n')
    assert kubectl("get", "deploy", "web", "-o", "jsonpath={.status.readyReplicas}")[1] == "3"
    assert kubectl("delete", "deploy", "web")[1] == 'deployment.apps "web" deleted\n'
    assert kubectl("wait", "--for=delete", "pod", "-l", "app=web", "--timeout=40s")[0] == 0
    watch.terminate()
    assert len(set(watch.communicate()[0].split())) == 3
    assert {command["text"].partition(":")[0] for command in api.log()} == {"kubectl"}
