"""Phase, conditions and container statuses against the tables of Kubernetes' own tests."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.kubelet import conditions, status
from apps.cluster.kubelet.phase import any_regular_container_started, get_phase, should_restart
from apps.cluster.kubelet.resources import pod_amounts, rejection, status_resources
from tests.cluster.kubelet.tables import attempts, rows, title, without_defaults

# The gate is on by default in 1.36, so the rows that switch it off expect no resources in the status.
NO_RESOURCES = ("resources", "allocatedResources")


@pytest.mark.parametrize("row", [pytest.param(row, id=title(row)) for row in rows("phase")])
def test_phase(row: dict[str, Any]) -> None:
    pod = row.get("pod") or {"spec": row["spec"], "status": {"containerStatuses": row["statuses"]}}
    given = pod.get("status") or {}
    statuses = [*(given.get("containerStatuses") or ()), *(given.get("initContainerStatuses") or ())]
    found = get_phase(
        pod["spec"],
        statuses,
        terminal=row.get("podIsTerminal", False),
        initialized=row.get("podHasInitialized", False),
    )
    assert found == (row.get("status") if "status" in row else row["expectedPhase"])


@pytest.mark.parametrize("row", [pytest.param(row, id=title(row)) for row in rows("started")])
def test_a_regular_container_has_started(row: dict[str, Any]) -> None:
    active = row["podStatus"]["ActiveContainerStatuses"] or ()
    names = [one["Name"] for one in active if one["State"] in ("running", "exited")]
    assert any_regular_container_started(row["spec"], names) is row["expected"]


def _generate(row: dict[str, Any]) -> dict[str, Any]:
    pod = {**row["pod"], "status": row["pod"].get("status") or {}}
    runtime = attempts(row["currentStatus"])
    sandboxes = row["currentStatus"]["SandboxStatuses"]
    names = [one["name"] for one in [*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"]]]
    return status.generate(
        pod,
        row["previousStatus"],
        runtime,
        dict.fromkeys(names, (True, True)),
        "2026-11-23T04:22:00Z",
        sandbox_ip=sandboxes[0]["network"]["ip"] if sandboxes else None,
        host_ip="127.0.0.1",
        terminal=row["isPodTerminal"],
        resources=status_resources(pod["spec"]) if row["inPlacePodLevelResourcesVerticalScalingEnabled"] else None,
    )


def _container_facts(one: dict[str, Any]) -> Any:
    """All but times: the fixtures count from 1970, our clock begins later."""
    kept = {key: one.get(key) for key in ("name", "restartCount", "containerID", "resources", "allocatedResources")}
    for field in ("state", "lastState"):
        for state, said in (one.get(field) or {}).items():
            kept[field] = [state, {key: value for key, value in said.items() if not key.endswith("At")}]
    return without_defaults(kept)


@pytest.mark.parametrize("row", [pytest.param(row, id=title(row)) for row in rows("status")])
def test_status(row: dict[str, Any]) -> None:
    expected = row["expected"]
    made = _generate(row)
    assert made["phase"] == expected["phase"]
    for field in ("reason", "message"):
        assert made.get(field, "") == expected.get(field, "")
    assert made.get("qosClass", expected.get("qosClass")) == expected.get("qosClass")
    for field in ("containerStatuses", "initContainerStatuses"):
        ours = [_container_facts(one) for one in made.get(field) or ()]
        theirs = [_container_facts(one) for one in expected.get(field) or ()]
        assert ours == theirs
    if row["inPlacePodLevelResourcesVerticalScalingEnabled"]:
        for field in NO_RESOURCES:
            assert made.get(field, {}) == expected.get(field, {})


@pytest.mark.parametrize("row", [pytest.param(row, id=title(row)) for row in rows("status")])
def test_conditions(row: dict[str, Any]) -> None:
    """The fake prober of that test says ready for every container, running or not: so the findings are compared on
    its container statuses, not on ours."""
    expected = row["expected"]
    made = _generate(row)
    wanted = {one["type"]: one for one in [*expected["conditions"], row["expectedPodReadyToStartContainersCondition"]]}
    disruption = row.get("expectedPodDisruptionCondition")
    if disruption and disruption.get("type"):
        wanted[disruption["type"]] = disruption
    ours = {one["type"]: one for one in made["conditions"]}
    spec = row["pod"]["spec"]
    statuses = [*expected["containerStatuses"], *(expected.get("initContainerStatuses") or ())]
    by_name = {one["name"]: one for one in statuses}
    ready = conditions.containers_ready(spec, by_name, expected["phase"])
    for type_ in (conditions.READY, conditions.CONTAINERS_READY):
        assert (wanted[type_]["status"], wanted[type_].get("reason", ""), wanted[type_].get("message", "")) == ready
        ours.pop(type_)
        wanted.pop(type_)
    wanted.pop("ObservedGeneration", None)
    assert {type_: one["status"] for type_, one in ours.items()} == {
        type_: one["status"] for type_, one in wanted.items() if type_
    }


# Two rows of the table resize a Pod in place, which the model leaves out.
ASKED = [row for row in rows("pod-resources") if not row["options"]["UseStatusResources"]]


@pytest.mark.parametrize("row", [pytest.param(row, id=title(row)) for row in ASKED])
def test_what_a_pod_asks_for(row: dict[str, Any]) -> None:
    spec = {"containers": row["containers"], "initContainers": row["initContainers"]}
    assert pod_amounts(spec, "requests") == row["expectedRequests"]
    assert pod_amounts(spec, "limits") == row["expectedLimits"]


@pytest.mark.parametrize(
    ("container", "policy", "code", "expected"),
    [
        pytest.param({}, "Always", 0, True, id="always starts again what ended well"),
        pytest.param({}, "OnFailure", 0, False, id="on failure lets rest what ended well"),
        pytest.param({}, "OnFailure", 1, True, id="on failure starts again what failed"),
        pytest.param({}, "Never", 1, False, id="never is never"),
        pytest.param({"restartPolicy": "Always"}, "Never", 0, True, id="the container's own policy comes first"),
        pytest.param(
            {"restartPolicyRules": [{"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}]},
            "Never",
            42,
            True,
            id="a rule for this exit code comes before any policy",
        ),
        pytest.param(
            {"restartPolicyRules": [{"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}]},
            "Never",
            1,
            False,
            id="a rule for another exit code does not count",
        ),
    ],
)
def test_should_restart(container: dict[str, Any], policy: str, code: int, expected: bool) -> None:
    assert should_restart(container, policy, code) is expected


@pytest.mark.parametrize(
    ("wanted", "used", "expected"),
    [
        pytest.param((1000, 0), (3000, 0, 5), None, id="what fits exactly is taken"),
        pytest.param((1001, 0), (3000, 0, 5), "OutOfcpu", id="a thousandth of a core too much is refused"),
        pytest.param((0, 0), (9000, 0, 5), None, id="who asks for nothing is never short of it"),
        pytest.param((0, 2 << 30), (0, 0, 5), "OutOfmemory", id="memory counts too"),
        pytest.param((0, 0), (0, 0, 110), "OutOfpods", id="a node takes so many Pods"),
    ],
)
def test_admission(wanted: tuple[int, int], used: tuple[int, int, int], expected: str | None) -> None:
    refused = rejection(wanted, used, (4000, 1 << 30, 110))
    assert (refused[0] if refused else None) == expected


def test_a_condition_that_says_the_same_is_the_same_object() -> None:
    finding = (("Ready", ("False", "ContainersNotReady", "x")),)
    first = conditions.merged(finding, (), 1, "t0")
    again = conditions.merged(finding, first, 1, "t1")
    assert again[0] is first[0]


def test_transition_time_moves_only_with_the_status() -> None:
    first = conditions.merged((("Ready", ("False", "A", "")),), (), 1, "t0")
    reason = conditions.merged((("Ready", ("False", "B", "")),), first, 1, "t1")
    turned = conditions.merged((("Ready", ("True", "", "")),), reason, 1, "t2")
    assert [one[0]["lastTransitionTime"] for one in (first, reason, turned)] == ["t0", "t0", "t2"]


def test_conditions_of_others_are_kept() -> None:
    foreign = {"type": "example.com/gate", "status": "True"}
    made = conditions.merged((("Ready", ("True", "", "")),), [foreign], 0, "t0")
    assert made[0] is foreign


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        pytest.param(
            [],
            'corresponding condition of pod readiness gate "example.com/gate" does not exist.',
            id="a gate nobody has answered yet",
        ),
        pytest.param(
            [{"type": "example.com/gate", "status": "False"}],
            'the status of pod readiness gate "example.com/gate" is not "True", but False',
            id="a gate that is shut",
        ),
    ],
)
def test_readiness_gates(others: list[dict[str, Any]], expected: str) -> None:
    gates = [{"conditionType": "example.com/gate"}]
    found = conditions.ready(gates, others, conditions.TRUE)
    assert found == ("False", "ReadinessGatesNotReady", expected)
