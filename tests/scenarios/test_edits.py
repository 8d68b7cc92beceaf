"""What a form changed, and nothing else: whatever was written by hand is still there afterwards."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.cluster.api import schema
from apps.cluster.apimachinery import patch as patches
from apps.scenarios import edits

names = st.text("abcdefgh", min_size=1, max_size=6)
quantities = st.sampled_from(["100m", "1", "250m", "64Mi"])
containers = st.lists(
    st.fixed_dictionaries(
        {"image": st.sampled_from(["a:1", "b:2"])},
        optional={
            "env": st.lists(
                st.fixed_dictionaries({"name": names, "value": names}), max_size=2, unique_by=lambda e: e["name"]
            ),
            "resources": st.fixed_dictionaries(
                {},
                optional={
                    "requests": st.dictionaries(st.sampled_from(["cpu", "memory", "ephemeral-storage"]), quantities),
                    "limits": st.dictionaries(st.sampled_from(["cpu", "memory"]), quantities),
                },
            ),
            "args": st.lists(names, max_size=2),
        },
    ),
    min_size=1,
    max_size=3,
)
pods = st.fixed_dictionaries(
    {"containers": containers},
    optional={
        "nodeSelector": st.dictionaries(names, names, max_size=3),
        "tolerations": st.lists(st.fixed_dictionaries({"key": names, "operator": st.just("Exists")}), max_size=2),
        "hostNetwork": st.just(True),
        "priorityClassName": names,
    },
)


@st.composite
def deployments(draw):
    pod = draw(pods)
    pod = {**pod, "containers": [{"name": f"c{i}", **c} for i, c in enumerate(pod["containers"])]}
    strategy = draw(
        st.sampled_from(
            [
                None,
                {"type": "Recreate"},
                {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 2, "maxUnavailable": "10%"}},
            ]
        )
    )
    spec = {
        "replicas": draw(st.integers(0, 9)),
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": pod},
    }
    if strategy:
        spec["strategy"] = strategy
    if draw(st.booleans()):
        spec["minReadySeconds"] = 5
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "annotations": {"by": "hand"}},
        "spec": spec,
    }


changes = st.fixed_dictionaries(
    {},
    optional={
        "image": st.sampled_from(["x:1", "y:2"]),
        "replicas": st.integers(0, 20),
        "cpu": st.sampled_from(["", "2", "10m"]),
        "memory": st.sampled_from(["", "1Gi"]),
        "paused": st.booleans(),
        "node_selector": st.dictionaries(names, names, max_size=2).map(edits.selector_text),
        "tolerations": st.sampled_from(["", "*", "gpu:NoExecute for 30s", "dedicated=db:NoSchedule\nkey"]),
        "strategy": st.sampled_from(["Recreate", "RollingUpdate"]),
    },
)


def without_what_the_form_says(obj):
    """The object without the fields that the form is about."""
    rest = copy.deepcopy(obj)
    spec = rest["spec"]
    for field in ("replicas", "strategy", "paused"):
        spec.pop(field, None)
    pod = spec["template"]["spec"]
    for field in ("nodeSelector", "tolerations"):
        pod.pop(field, None)
    first = pod["containers"][0]
    first.pop("image", None)
    resources = first.get("resources") or {}
    requests = {key: value for key, value in (resources.get("requests") or {}).items() if key not in ("cpu", "memory")}
    first["resources"] = {
        **({"limits": resources["limits"]} if resources.get("limits") else {}),
        **({"requests": requests} if requests else {}),
    }
    return rest


@settings(max_examples=300, deadline=None)
@given(deployments(), changes)
def test_a_patch_makes_the_change_and_leaves_the_rest(obj, changed):
    before = copy.deepcopy(obj)
    body = edits.patch(obj, changed)
    assert obj == before
    if body is None:
        assert not changed
        return
    after = patches.strategic_merge(obj, body, schema.kind("apps/v1", "Deployment"))
    assert without_what_the_form_says(after) == without_what_the_form_says(before)
    values = edits.values_of(after)
    for field, value in changed.items():
        if field == "node_selector":
            assert edits.read_selector(values[field]) == edits.read_selector(value)
        else:
            assert values[field] == value, field
    untouched = edits.values_of(before)
    for field in set(untouched) - set(changed) - ({"max_surge", "max_unavailable"} if "strategy" in changed else set()):
        assert values[field] == untouched[field], field


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_a_selector_or_a_named_line(text):
    for read in (edits.read_selector, edits.read_tolerations):
        assert refused_line(read, text) in text


def refused_line(read, text: str) -> str:
    """The line that is refused, "" when none is."""
    try:
        read(text)
    except edits.LineError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "tolerations",
    [
        pytest.param([{"operator": "Exists"}], id="every taint"),
        pytest.param([{"key": "a", "operator": "Equal", "value": "b", "effect": "NoSchedule"}], id="one taint's value"),
        pytest.param(
            [{"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}], id="for a while"
        ),
        pytest.param([{"key": "a", "operator": "Exists"}, {"operator": "Exists", "effect": "NoExecute"}], id="two"),
    ],
)
def test_tolerations_go_out_and_come_back(tolerations):
    assert edits.read_tolerations(edits.tolerations_text(tolerations)) == tolerations


@pytest.mark.parametrize("name", ["web", "my.app", "a" * 80, "a.b.c-"])
def test_a_container_gets_a_name_that_may_be(name):
    import re

    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", edits.container_name(name))
