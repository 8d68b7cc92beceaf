"""What a kubelet decides of a Pod: restarts, admission, conditions. (Kubernetes' own tables: tests/fidelity.)"""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.kubelet import admission, conditions
from apps.cluster.kubelet.phase import should_restart

ON_42 = {"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}


@pytest.mark.parametrize(
    ("container", "policy", "code", "expected"),
    [
        pytest.param({}, "Always", 0, True, id="always starts again what ended well"),
        pytest.param({}, "OnFailure", 0, False, id="on failure lets rest what ended well"),
        pytest.param({}, "OnFailure", 1, True, id="on failure starts again what failed"),
        pytest.param({}, "Never", 1, False, id="never is never"),
        pytest.param({"restartPolicy": "Always"}, "Never", 0, True, id="the container's own policy comes first"),
        pytest.param(
            {"restartPolicy": "Never", "restartPolicyRules": [ON_42]},
            "Never",
            42,
            True,
            id="a rule for this exit code comes before any policy",
        ),
        pytest.param(
            {"restartPolicy": "Never", "restartPolicyRules": [ON_42]},
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
    room = admission.Room({"pods": (used[2], 110), "cpu": (used[0], 4000), "memory": (used[1], 1 << 30)})
    asked = {"pods": 1, "cpu": wanted[0], "memory": wanted[1]}
    refused = admission.predicates({"metadata": {}, "spec": {}}, asked, None, room)
    assert [one.reason for one in refused] == ([expected] if expected else [])


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
