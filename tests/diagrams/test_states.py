"""The state of a Pod: kubectl's word, as upstream's own table of printPod has it, and the mark drawn for it."""

import json
from pathlib import Path

import pytest

from apps.diagrams.states import State, node_state, pod_state, status_word

TABLE = json.loads((Path(__file__).parents[1] / "testdata" / "diagrams" / "print-pod.json").read_text())


@pytest.mark.parametrize("expected, pod", [pytest.param(*row, id=f"{n}-{row[0]}") for n, row in enumerate(TABLE)])
def test_the_word_is_kubectls(expected, pod):
    assert status_word(pod) == expected


def pod(phase="Running", *, node="worker-1", state=None, ready=False, deleted=False, **status):
    metadata = {"name": "web-0", **({"deletionTimestamp": "2026-11-23T00:00:00Z"} if deleted else {})}
    containers = [{"name": "web", "state": state, "ready": ready}] if state else []
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    spec = {"nodeName": node} if node else {}
    return {
        "metadata": metadata,
        "spec": spec,
        "status": {"phase": phase, "conditions": conditions, "containerStatuses": containers, **status},
    }


def node(ready):
    return {"metadata": {"name": "worker-1"}, "status": {"conditions": [{"type": "Ready", "status": ready}]}}


def waiting(reason):
    return {"waiting": {"reason": reason}}


@pytest.mark.parametrize(
    "obj, on, expected, tag",
    [
        pytest.param(pod("Pending", node=""), None, State("Pending", "Pending"), "", id="waits for a node"),
        pytest.param(
            pod("Pending", state=waiting("ContainerCreating")),
            node("True"),
            State("ContainerCreating", "ContainerCreating"),
            "",
            id="its kubelet makes the containers",
        ),
        pytest.param(pod("Pending"), node("True"), State("ContainerCreating", "Pending"), "", id="bound a moment ago"),
        pytest.param(
            pod(state={"running": {}}), node("True"), State("Running", "Running"), "", id="runs, the probe says no"
        ),
        pytest.param(pod(state={"running": {}}, ready=True), node("True"), State("Ready", "Running"), "", id="ready"),
        pytest.param(
            pod(state=waiting("CrashLoopBackOff")),
            node("True"),
            State("Failed", "CrashLoopBackOff"),
            "CrashLoopBackOff",
            id="crashes in a loop",
        ),
        pytest.param(
            pod("Pending", state=waiting("ErrImagePull")),
            node("True"),
            State("Failed", "ErrImagePull"),
            "ErrImagePull",
            id="its image cannot be pulled",
        ),
        pytest.param(
            pod(state={"running": {}}, ready=True, deleted=True),
            node("True"),
            State("Terminating", "Terminating"),
            "",
            id="is being deleted",
        ),
        pytest.param(
            pod(state={"running": {}}, ready=True),
            node("Unknown"),
            State("Unknown", "Running"),
            "",
            id="on a node nobody hears of",
        ),
        pytest.param(
            pod("Succeeded", state={"terminated": {"exitCode": 0, "reason": "Completed"}}),
            node("True"),
            State("Completed", "Completed"),
            "",
            id="ran to its end",
        ),
        pytest.param(
            pod("Failed", reason="Evicted"), node("True"), State("Failed", "Evicted"), "Evicted", id="was evicted"
        ),
    ],
)
def test_the_mark(obj, on, expected, tag):
    state = pod_state(obj, on)
    assert state == expected
    assert state.tag == tag


def test_a_cordoned_node_that_is_off_says_both():
    class Off:
        power, network = "off", "up"

    cordoned = {**node("Unknown"), "spec": {"unschedulable": True}}
    state = node_state(cordoned, Off())
    assert state.words == ("figure.powered-off", "figure.not-ready", "figure.cordoned")
    assert state.classes == " off not-ready cordoned"
