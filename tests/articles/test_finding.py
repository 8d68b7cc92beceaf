"""Naming a step by what it is."""

from __future__ import annotations

import pytest

from apps.articles.finding import find, matches, value_at
from apps.cluster.engine import Step


def step(index=1, component="kubelet", verb="update", ref="pods/default/web-1", before=None, after=None, **more):
    fields = {
        "index": index, "revision": index, "time_ms": 0, "component": component, "node": "", "verb": verb, "ref": ref,
        "subresource": "", "message": "", "params": {}, "cause": 0, "before": before, "after": after, "rank": "change",
    }  # fmt: skip
    return Step(**{**fields, **more})


def pod(ready):
    return {"status": {"conditions": [{"type": "Ready", "status": ready}]}}


@pytest.mark.parametrize(
    ("finder", "expected"),
    [
        pytest.param({"who": "kubelet"}, True, id="by who did it"),
        pytest.param({"who": "kube-scheduler"}, False, id="another did it"),
        pytest.param({"ref": "pods/default/web-*"}, True, id="by a pattern of its object"),
        pytest.param({"ready": True}, True, id="it became ready"),
        pytest.param({"ready": False}, False, id="it did not become unready"),
        pytest.param({"rank": "note"}, False, id="a change is no note"),
        pytest.param({"changed": ["status.conditions[type=Ready].status"]}, True, id="a field changed"),
        pytest.param({"status": {"status.phase": "*"}}, False, id="a field that is not there has no value"),
        pytest.param({"status": {"status.phase": ""}}, True, id="and can be asked to be absent"),
        pytest.param({"gone": True}, False, id="it is still there"),
        pytest.param({"gone": False}, True, id="and can be asked to be"),
    ],
)
def test_matches(finder, expected):
    assert matches(step(before=pod("False"), after=pod("True")), finder) is expected


def test_the_second_match_can_be_asked_for():
    steps = [step(1), step(2, component="kubectl"), step(3)]
    assert find(steps, {"who": "kubelet", "nth": 2}) == 2


def test_what_never_happens_is_an_error():
    with pytest.raises(LookupError):
        find([step()], {"who": "nobody"})


def test_a_condition_that_does_not_exist_is_an_error():
    with pytest.raises(ValueError, match="whom"):
        find([step()], {"whom": "kubelet"})


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("a.b[0].c", 1, id="by position"),
        pytest.param("a.b[name=x].c", 1, id="by a field"),
        pytest.param("a.b[name=y].c", None, id="nothing has that field"),
        pytest.param("a.b.c", None, id="a list is no map"),
    ],
)
def test_value_at(path, expected):
    assert value_at({"a": {"b": [{"name": "x", "c": 1}]}}, path) == expected
