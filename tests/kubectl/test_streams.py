"""What goes on while one looks: watches of kubectl, logs that are followed, many watches at once, as k9s has them."""

from __future__ import annotations

import json
import re
import shutil
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.kubectl import served
from tests.kubectl.conftest import FILES
from tests.kubectl.programs import Kubectl
from tests.kubectl.served import Served
from tests.live import servers

# What k9s and its like look at: every kind that a first screen may show.
KINDS = (
    *(f"/api/v1/{name}" for name in ("pods", "services", "nodes", "namespaces", "events", "configmaps", "secrets")),
    *(f"/api/v1/{name}" for name in ("persistentvolumes", "persistentvolumeclaims", "serviceaccounts", "endpoints")),
    *(f"/apis/apps/v1/{name}" for name in ("deployments", "replicasets", "daemonsets", "statefulsets")),
    *(f"/apis/batch/v1/{name}" for name in ("jobs", "cronjobs")),
    "/apis/autoscaling/v2/horizontalpodautoscalers",
    "/apis/networking.k8s.io/v1/ingresses",
    "/apis/policy/v1/poddisruptionbudgets",
)
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


@pytest.fixture
def here(kubectl: Kubectl, namespace: str, tmp_path: Path) -> Kubectl:
    """kubectl, in a namespace of its own."""
    shutil.copytree(FILES, tmp_path, dirs_exist_ok=True)
    shutil.copy(kubectl.config, tmp_path / "config")
    mine = Kubectl(kubectl.program, tmp_path / "config", tmp_path)
    assert mine("config", "set-context", "--current", f"--namespace={namespace}").rc == 0
    return mine


def test_get_watches(here: Kubectl) -> None:
    assert here("apply", "-f", "pod.yaml").rc == 0
    assert here("wait", "pod/solo", "--for=condition=Ready", "--timeout=30s").rc == 0
    watch = ("get", "pod", "solo", "-w", "--no-headers", "-o", "custom-columns=P:.status.phase")
    ran = here.until(3, *watch, begun=lambda: here("delete", "pod", "solo", "--wait=false"))
    seen = ran.out.split()
    assert (seen[0], seen[-1]) == ("Running", "Succeeded")


def test_watch_events_are_named(here: Kubectl) -> None:
    assert here("apply", "-f", "dep.yaml").rc == 0
    ran = here.until(4, "get", "deploy", "-w", "--output-watch-events")
    lines = [line.split()[:2] for line in ran.out.splitlines()]
    assert lines[:2] == [["EVENT", "NAME"], ["ADDED", "web"]]
    assert {tuple(line) for line in lines[2:]} == {("MODIFIED", "web")}


def test_events_are_watched(here: Kubectl) -> None:
    assert here("apply", "-f", "pod.yaml").rc == 0
    ran = here.until(5, "events", "--watch", "--for=pod/solo")
    assert re.search(r"Normal +Scheduled +Pod/solo +Successfully assigned", ran.out)
    assert re.search(r"Normal +Started +Pod/solo", ran.out)


def test_a_log_is_followed_to_its_end(here: Kubectl) -> None:
    script = "echo one; sleep 5; echo two; sleep 5; echo three"
    assert here("run", "talker", "--image=busybox:1.36", "--restart=Never", "--", "sh", "-c", script).rc == 0
    assert here("wait", "pod/talker", "--for=condition=Ready", "--timeout=30s").rc == 0
    ran = here("logs", "-f", "talker")
    assert (ran.rc, ran.out) == (0, "one\ntwo\nthree\n"), ran.err


def test_cluster_info_is_dumped(here: Kubectl, namespace: str) -> None:
    assert here("apply", "-f", "pod.yaml").rc == 0
    assert here("wait", "pod/solo", "--for=condition=Ready", "--timeout=30s").rc == 0
    ran = here("cluster-info", "dump", f"--namespaces={namespace}")
    assert ran.rc == 0, ran.err
    assert '"kind": "NodeList"' in ran.out
    assert f"==== START logs for container c of pod {namespace}/solo ====" in ran.out


def test_a_proxy_leads_to_the_cluster(here: Kubectl, namespace: str) -> None:
    found: list[str] = []
    port = servers.free_port()

    def ask() -> None:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/namespaces/{namespace}", timeout=10) as answer:
            found.append(json.load(answer)["metadata"]["name"])

    here.until(1, "proxy", "--append-server-path", f"--port={port}", begun=ask)
    assert found == [namespace]


def test_top_tells_what_is_used(site: servers.Site, kubectl: Kubectl, tmp_path: Path) -> None:
    """In a cluster with a metrics-server."""
    made = json.loads(servers.manage(site.var, "scenario", "new", "--preset", "hpa"))
    one = Served(site, {"id": made["id"], "key": made["key"], "view": made["view_token"]})
    one.set_speed(60)
    metrics = "/apis/metrics.k8s.io/v1beta1"
    one.until("/apis/apiregistration.k8s.io/v1/apiservices", _measured)
    served.patiently(lambda: one.ask("GET", f"{metrics}/nodes")[1].get("items"))
    served.patiently(lambda: one.ask("GET", f"{metrics}/pods")[1].get("items"))
    mine = Kubectl(kubectl.program, one.write_config(tmp_path / "config"), tmp_path)
    nodes, pods = mine("top", "nodes"), mine("top", "pods", "-A", "--containers", "--sort-by=cpu")
    one.close()
    assert nodes.out.splitlines()[0].split()[:3] == ["NAME", "CPU(cores)", "CPU(%)"], nodes.err
    assert re.search(r"(?m)^worker-1 +\d+m +\d+% +\d+Mi +\d+% *$", nodes.out)
    assert pods.out.splitlines()[0].split() == ["NAMESPACE", "POD", "NAME", "CPU(cores)", "MEMORY(bytes)"], pods.err
    assert re.search(r"(?m)^kube-system +etcd-control-plane-1 +etcd +\d+m +\d+Mi", pods.out)


def _measured(services: list[dict[str, object]]) -> bool:
    found = [one for one in services if one["metadata"]["name"] == "v1beta1.metrics.k8s.io"]  # type: ignore[index]
    conditions = (one.get("status", {}).get("conditions", []) for one in found)  # type: ignore[attr-defined]
    return any(each["status"] == "True" for listed in conditions for each in listed)


def test_twenty_watches_at_once_miss_nothing(scenario: Served, namespace: str) -> None:
    """Each begins where a list from the cache ended; a change of each of three kinds reaches its watch, once."""
    assert len(KINDS) == 20
    scenario.settle()
    maps = f"/api/v1/namespaces/{namespace}/configmaps"
    with ExitStack() as stack:
        streams = {}
        for path in KINDS:
            status, listed = scenario.ask("GET", f"{path}?resourceVersion=0", Accept=TABLE)
            assert (status, listed["kind"]) == (200, "Table"), path
            version = listed["metadata"]["resourceVersion"]
            query = f"watch=1&allowWatchBookmarks=true&resourceVersion={version}&timeoutSeconds=60"
            streams[path] = stack.enter_context(scenario.watch(f"{path}?{query}"))
        for name in ("a", "b"):
            assert scenario.ask("POST", maps, {"metadata": {"name": name}})[0] == 201
        assert scenario.ask("DELETE", f"{maps}/a")[0] == 200
        seen = [(event["type"], event["object"]["metadata"]["name"]) for event in _of(streams, "configmaps", 3)]
        assert seen == [("ADDED", "a"), ("ADDED", "b"), ("DELETED", "a")]
        pod = {"metadata": {"name": "one"}, "spec": {"containers": [{"name": "c", "image": "nginx:1"}]}}
        assert scenario.ask("POST", f"/api/v1/namespaces/{namespace}/pods", pod)[0] == 201
        added = _of(streams, "pods", 1)[0]
        assert (added["type"], added["object"]["metadata"]["name"]) == ("ADDED", "one")
        assert {one["object"]["involvedObject"]["name"] for one in _of(streams, "events", 2)} == {"one"}


def _of(streams, name, number):  # type: ignore[no-untyped-def]
    stream = next(stream for path, stream in streams.items() if path.endswith(f"/{name}"))
    return [next(event for event in stream if event["type"] != "BOOKMARK") for _ in range(number)]


def test_a_list_is_read_in_pages_of_one_moment(scenario: Served, namespace: str) -> None:
    maps = f"/api/v1/namespaces/{namespace}/configmaps"
    for number in range(5):
        assert scenario.ask("POST", maps, {"metadata": {"name": f"m{number}"}})[0] == 201
    first = scenario.get(f"{maps}?limit=2")
    assert scenario.ask("DELETE", f"{maps}/m4")[0] == 200
    names, token = [one["metadata"]["name"] for one in first["items"]], first["metadata"]["continue"]
    while token:
        page = scenario.get(f"{maps}?limit=2&continue={token}")
        names += [one["metadata"]["name"] for one in page["items"]]
        token = page["metadata"].get("continue")
    assert names == ["kube-root-ca.crt", "m0", "m1", "m2", "m3", "m4"]
