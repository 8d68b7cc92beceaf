"""Several processes, and API servers that do not answer."""

from __future__ import annotations

import json
import shutil
import time

import pytest

from tests.kubeapi.conftest import API, new
from tests.kubeapi.test_watches import MAPS, Watcher, change, told
from tests.live import servers

PODS = "/api/v1/namespaces/default/pods"


@pytest.mark.services
@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("redis-server"), reason="no redis-server on this machine")
@pytest.mark.skipif(servers.postgres_programs() is None, reason="no PostgreSQL on this machine")
def test_a_watch_in_one_process_tells_what_another_wrote(tmp_path):
    with servers.redis(tmp_path) as redis_url, servers.postgres(tmp_path / "pg") as database_url:
        more = {"REDIS_URL": redis_url, "DATABASE_URL": database_url}
        servers.manage(tmp_path, "migrate", "-v0", **more)
        made = new(tmp_path, 1, **more)[0]
        with servers.site(tmp_path, **more) as first, servers.site(tmp_path, **more) as second:
            one, two = API(first, made, made["key"]), API(second, made, made["key"])
            since = change(one, "one", "0")["metadata"]["resourceVersion"]
            watcher = Watcher(two, f"{MAPS}?watch=1&resourceVersion={since}")
            begin = time.monotonic()
            for number in range(1, 6):
                change(one if number % 2 else two, "one", str(number))
            assert [told(watcher.next())[2] for _ in range(5)] == ["1", "2", "3", "4", "5"]
            assert time.monotonic() - begin < 9.5  # by hints, not by the refresh
            assert len(one.log()) == len(two.log()) == 6
            watcher.vanish()


def command(api: API, **body: str) -> None:
    """What no kubectl can do: an act on a machine or on one of its programs, by the socket of the page."""
    with api.site.socket(f"/ws/scenarios/{api.made['id']}/", api.made["key"]) as socket:
        socket.send(json.dumps({"type": "COMMAND", "id": "1", "command": body}))
        while (frame := json.loads(socket.recv(timeout=10)))["type"] != "STATUS":
            pass
    assert frame["object"]["status"] == "Success", frame


def test_an_api_server_that_is_stopped_answers_503_and_its_watches_end(api):
    watcher = Watcher(api, f"{PODS}?watch=1")
    command(api, op="component", verb="stop", name="kube-apiserver")
    assert watcher.rest() == []
    for path in (PODS, "/api", "/version", "/readyz"):
        answer = api.get(path)
        assert (answer.status, "was refused" in answer.json["message"]) == (503, True)
        assert "Retry-After" not in answer.headers  # client-go would wait, and ask ten times
    assert api.ask("POST", MAPS, {"metadata": {"name": "x"}}).status == 503
    command(api, op="component", verb="start", name="kube-apiserver")
    deadline = time.monotonic() + 40
    while api.get(PODS).status != 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_an_api_server_without_etcd_says_so(api):
    command(api, op="component", verb="stop", name="etcd")
    deadline = time.monotonic() + 40
    while (answer := api.get("/readyz")).status == 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert b"etcd failed" in answer.data
    answer = api.ask("POST", MAPS, {"metadata": {"name": "x"}})
    assert answer.status >= 500
    assert answer.json["kind"] == "Status"


def test_who_looks_at_the_page_sees_what_kubectl_did(api):
    with api.site.socket(f"/ws/scenarios/{api.made['id']}/?lang=en") as page:
        assert json.loads(page.recv(timeout=10))["type"] == "BOOKMARK"  # it has taken its seat
        agent = "kubectl/v1.32.4 (linux/amd64) kubernetes/4ea3eb5"
        api.ask("POST", MAPS, {"metadata": {"name": "seen"}}, User_Agent=agent)
        steps, commands = [], []
        while not commands:
            frame = json.loads(page.recv(timeout=10))
            steps += [frame["step"]] if "step" in frame else []
            commands += frame.get("commands", ())
    made = next(step for step in steps if step["ref"] == "configmaps/default/seen")
    assert (made["who"], made["edges"]) == ("kubectl", ["edge-kubectl", "edge-etcd"])
    assert commands[-1]["text"] == "kubectl: POST configmaps/seen"
    frame = api.site.get(f"/en/s/{api.made['id']}/frame/?view=apiserver&at={made['revision']}")
    assert agent in frame["detail"] + frame["text"]


def test_who_looks_at_the_page_sees_what_was_only_asked(api):
    """Reads, dry runs and refusals leave no step; what is written does, and is not told twice."""
    with api.site.socket(f"/ws/scenarios/{api.made['id']}/", api.made["key"]) as socket:

        def next_request() -> dict[str, object]:
            while (frame := json.loads(socket.recv(timeout=10)))["type"] != "REQUEST":
                assert frame["type"] != "ERROR"
            return frame["request"]

        json.loads(socket.recv(timeout=10))
        agent = "kubectl/v1.36.2 (linux/amd64) kubernetes/abc"
        api.get(f"{PODS}?limit=5", User_Agent=agent)
        assert next_request() == {"agent": "kubectl/v1.36.2", "method": "GET", "path": PODS, "status": 200}
        api.as_("wrong").get(PODS)  # a stranger is not shown
        config = {"metadata": {"name": "one"}}
        maps = "/api/v1/namespaces/default/configmaps"
        assert api.ask("POST", maps, config).status == 201  # a step
        assert api.ask("POST", f"{maps}?dryRun=All", {"metadata": {"name": "two"}}).status == 201
        assert next_request() == {"agent": "", "method": "POST", "path": maps, "status": 201}
        assert api.ask("POST", maps, config).status == 409
        assert next_request()["status"] == 409
