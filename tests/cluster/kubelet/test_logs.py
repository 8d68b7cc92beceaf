"""What `kubectl logs` shows: what a container said, which run of it, and why there is nothing."""

from __future__ import annotations

import pytest

from apps.cluster.apiserver.requests import Request, handle
from apps.cluster.cluster import Cluster, Config
from apps.cluster.kubelet import logs

PODS = "/api/v1/namespaces/default/pods"


def pod(image="busybox", script="", probe=None, **status):
    container = {"name": "c", "image": image}
    if script:
        container["command"] = ["sh", "-c", script]
    if probe:
        container["readinessProbe"] = probe
    return {
        "metadata": {"name": "p", "namespace": "default"},
        "spec": {"containers": [container]},
        "status": {"podIP": "10.1.2.3", "hostIP": "10.0.0.11", **status},
    }


BEGUN = logs.Life(0, None)


def said(given, now_ms=10_000, run=BEGUN):
    return [text for _, text in logs.lines(given, given["spec"]["containers"][0], run, now_ms)]


@pytest.mark.parametrize(
    ("script", "told"),
    [
        pytest.param("echo hello", ["hello"], id="echo"),
        pytest.param("echo 'a  b' && sleep 5; echo later", ["a  b", "later"], id="one after the other"),
        pytest.param("echo now; sleep 1h; echo later", ["now"], id="what is still to come is not said yet"),
        pytest.param("date", ["Mon Nov 23 00:00:00 UTC 2026"], id="the time, as the cluster has it"),
        pytest.param(
            "i=0; while true; do echo $i: $(date); i=$((i+1)); sleep 4; done",
            [f"{count}: Mon Nov 23 00:00:{second:02} UTC 2026" for count, second in enumerate((0, 4, 8))],
            id="a loop that counts",
        ),
        pytest.param("while true; do echo x; done", ["x"], id="a loop that never sleeps"),
        pytest.param("echo a > /tmp/x; cat /etc/hosts", [], id="what goes elsewhere, and what we do not know"),
        pytest.param("echo {}", ["{}"], id="braces"),
        pytest.param("echo 'unclosed", ["'unclosed"], id="a quote that does not end"),
    ],
)
def test_a_shell_prints_what_it_is_told_to(script, told):
    assert said(pod(script=script)) == told


def test_a_server_says_that_it_started_and_who_asked():
    given = pod("nginx:1.27", probe={"httpGet": {"path": "/healthz", "port": 80}, "periodSeconds": 4})
    told = said(given)
    assert "2026/11/23 00:00:00 [notice] 1#1: nginx/1.27" in told
    probes = [line for line in told if "kube-probe" in line]
    assert len(probes) == 3
    assert probes[0] == (
        '10.0.0.11 - - [23/Nov/2026:00:00:01 +0000] "GET /healthz HTTP/1.1" 200 615 "-" "kube-probe/1.36" "-"'
    )


def test_a_server_that_runs_has_said_that_it_does():
    """A cluster at rest stands still in the moment in which its last container became ready."""
    assert said(pod("nginx:1.27"), now_ms=3)[-1].endswith("start worker process 30")
    assert said(pod("nginx:1.27"), now_ms=3, run=logs.Life(0, 3))[-1].endswith("start worker process 30")


def test_what_failed_says_so_last():
    assert said(pod("web-crash:1"), run=logs.Life(0, 1500, 1, "Error"))[-1] == "web-crash: fatal: exiting with code 1"


def test_a_loop_of_years_ends():
    assert len(said(pod(script="while true; do echo x; sleep 1; done"), 10**12)) == logs.MOST_LINES


RUNNING = {"name": "c", "state": {"running": {"startedAt": "2026-11-23T00:00:05Z"}}, "lastState": {}}
ENDED = {"terminated": {"startedAt": "2026-11-23T00:00:01Z", "finishedAt": "2026-11-23T00:00:03Z", "containerID": "x"}}


@pytest.mark.parametrize(
    ("status", "previous", "found"),
    [
        pytest.param(RUNNING, False, logs.Life(5_000, None), id="it runs"),
        pytest.param({**RUNNING, "lastState": ENDED}, True, logs.Life(1_000, 3_000), id="the run before"),
        pytest.param({"name": "c", "state": ENDED}, False, logs.Life(1_000, 3_000), id="it has ended"),
        pytest.param(
            {"name": "c", "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": ENDED},
            False,
            logs.Life(1_000, 3_000),
            id="between two runs, the last",
        ),
    ],
)
def test_which_run_is_shown(status, previous, found):
    assert logs.life(pod(containerStatuses=[status]), "c", previous=previous) == found


@pytest.mark.parametrize(
    ("status", "previous", "why"),
    [
        pytest.param({"name": "other"}, False, 'container "c" in pod "p" is not available', id="not reported yet"),
        pytest.param(RUNNING, True, 'previous terminated container "c" in pod "p" not found', id="no run before"),
        pytest.param(
            {"name": "c", "state": {"waiting": {"reason": "ContainerCreating"}}},
            False,
            'container "c" in pod "p" is waiting to start: ContainerCreating',
            id="waiting",
        ),
        pytest.param(
            {"name": "c", "state": {"waiting": {"reason": "ImagePullBackOff"}}},
            False,
            'container "c" in pod "p" is waiting to start: trying and failing to pull image',
            id="without its image",
        ),
    ],
)
def test_why_there_is_no_log(status, previous, why):
    with pytest.raises(logs.Unavailable, match=f"^{why}$"):
        logs.life(pod(containerStatuses=[status]), "c", previous=previous)


# ---- through the API --------------------------------------------------------------------------------

SCRIPT = "echo one; sleep 5; echo two; sleep 5; echo three; sleep 3600"


@pytest.fixture(scope="module")
def cluster():
    cluster = Cluster.boot(Config(workers=1))
    one = {"name": "c", "image": "busybox", "command": ["sh", "-c", SCRIPT]}
    for name, containers in (("p", [one]), ("two", [one, {**one, "name": "d"}])):
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": containers}}
        cluster.execute({"op": "create", "objects": [body]})
    cluster.run_for(60_000)
    return cluster


def get(cluster, path):
    address, _, query = path.partition("?")
    return handle(cluster.apiserver, Request("GET", f"{PODS}/{address}", query))


@pytest.mark.parametrize(
    ("path", "told"),
    [
        pytest.param("p/log", "one\ntwo\nthree\n", id="the only container"),
        pytest.param("two/log?container=d", "one\ntwo\nthree\n", id="the one named"),
        pytest.param("p/log?tailLines=1", "three\n", id="the last lines"),
        pytest.param("p/log?tailLines=0", "", id="no lines"),
        pytest.param("p/log?limitBytes=5", "one\nt", id="so many bytes"),
        pytest.param("p/log?sinceSeconds=1", "", id="nothing of late"),
        pytest.param("p/log?sinceTime=2026-11-23T00:00:00Z&tailLines=1", "three\n", id="since a time"),
    ],
)
def test_a_log(cluster, path, told):
    sent = get(cluster, path)
    assert (sent.status, sent.body, sent.headers["Content-Type"]) == (200, told, "text/plain")


def test_lines_with_their_times(cluster):
    began = cluster.apiserver.get("pods", "default", "p")["status"]["containerStatuses"][0]["state"]["running"]
    assert get(cluster, "p/log?timestamps=true&tailLines=3").body.startswith(
        began["startedAt"][:-1] + ".000000000Z one\n"
    )


@pytest.mark.parametrize(
    ("path", "code", "message"),
    [
        pytest.param("nope/log", 404, 'pods "nope" not found', id="no such Pod"),
        pytest.param(
            "two/log",
            400,
            "a container name must be specified for pod two, choose one of: [c d]",
            id="which container?",
        ),
        pytest.param("p/log?container=x", 400, "container x is not valid for pod p", id="no such container"),
        pytest.param(
            "p/log?previous=true", 400, 'previous terminated container "c" in pod "p" not found', id="no run before"
        ),
        pytest.param(
            "p/log?tailLines=-1",
            422,
            'PodLogOptions "p" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0',
            id="fewer than no lines",
        ),
        pytest.param("p/log?tailLines=x", 400, 'strconv.ParseInt: parsing "x": invalid syntax', id="no number"),
    ],
)
def test_no_log(cluster, path, code, message):
    sent = get(cluster, path)
    assert (sent.status, sent.body["message"]) == (code, message)


def test_a_log_is_followed_until_its_container_ends():
    cluster = Cluster.boot(Config(workers=1))
    script = "echo one; sleep 5; echo two; sleep 5"
    container = {"name": "c", "image": "busybox", "command": ["sh", "-c", script]}
    spec = {"restartPolicy": "Never", "containers": [container]}
    cluster.execute(
        {"op": "create", "objects": [{"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p"}, "spec": spec}]}
    )
    cluster.run_for(4_000)
    sent = get(cluster, "p/log?follow=true")
    assert sent.body == "one\n"
    assert sent.tail.poll(cluster.apiserver) == ""
    cluster.run_for(5_000)
    assert (sent.tail.poll(cluster.apiserver), sent.tail.done) == ("two\n", False)
    cluster.run_for(20_000)
    assert (sent.tail.poll(cluster.apiserver), sent.tail.done) == ("", True)


def test_a_kubelet_that_is_stopped_tells_nothing(cluster):
    cluster.execute({"op": "component", "verb": "stop", "name": "kubelet", "node": "worker-1"})
    sent = get(cluster, "p/log")
    where = f"{cluster.machines['worker-1'].address}:10250"
    told = f'Get "https://{where}/containerLogs/default/p/c": dial tcp {where}: connect: connection refused'
    assert (sent.status, sent.body["message"]) == (500, told)
