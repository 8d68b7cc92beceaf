"""YAML as kubectl prints it, and read back as what it was."""

from __future__ import annotations

import doctest

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.scenarios import edits, inspect, yamlread, yamlwrite


@pytest.mark.parametrize("module", [pytest.param(m, id=m.__name__) for m in (yamlwrite, inspect, edits)])
def test_examples_in_docstrings_are_true(module):
    assert doctest.testmod(module).failed == 0


letters = st.characters(exclude_characters="\0", exclude_categories=["Cs"])  # what a database keeps
words = st.text(letters, max_size=12) | st.sampled_from(
    [
        "yes",
        "1",
        "0x1f",
        "a: b",
        "a #b",
        "- a",
        "-a",
        "- ",
        "#",
        "*a",
        "&a",
        "a:",
        " a",
        "a ",
        "{}",
        "[]",
        "~",
        "null",
        "'",
        '"',
        "a\nb\n",
        "a\n\nb",
        "\n",
        "x\n  y\n",
        "---",
        "--- a",
        "<<",
        "a\tb",
        "1.5",
        "%",
        "@",
        "`",
        "?",
        "? a",
        ":",
        ": a",
        "=",
        "한글",
        "a\n b\n\n",
        "!x",
        "|",
        ">",
        "é\n",
    ]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)


def same(a, b):
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, int | float) and not isinstance(a, bool):
        return not isinstance(b, bool) and isinstance(b, int | float) and a == b
    return type(a) is type(b) and a == b


@settings(max_examples=300, deadline=None)
@given(values)
def test_what_is_written_is_read_back(value):
    text = yamlwrite.dump(value)
    assert same(yamlread.load(text)[0], value), text


@settings(max_examples=100, deadline=None)
@given(values)
def test_any_yaml_reader_agrees(value):
    text = yamlwrite.dump(value)
    assert yaml.compose(text, Loader=yaml.CSafeLoader) is not None, text


def test_a_pod_is_printed_as_kubectl_prints_it():
    pod = {
        "metadata": {"name": "a", "labels": {"on": "true"}, "annotations": {"x": '{"a":1}'}},
        "kind": "Pod",
        "apiVersion": "v1",
        "spec": {"containers": [{"name": "c", "args": ["-v", "--a=b", "*"], "ports": [{"containerPort": 80}]}]},
    }
    assert (
        yamlwrite.dump(pod)
        == """\
apiVersion: v1
kind: Pod
metadata:
  annotations:
    x: '{"a":1}'
  labels:
    "on": "true"
  name: a
spec:
  containers:
  - args:
    - -v
    - --a=b
    - '*'
    name: c
    ports:
    - containerPort: 80
"""
    )


def test_only_what_changed_is_marked():
    before = {"status": {"conditions": [{"type": "A", "status": "False"}, {"type": "B", "status": "True"}]}}
    after = {"status": {"conditions": [{"type": "B", "status": "True"}, {"type": "A", "status": "True"}], "phase": "x"}}
    marked = [text.strip() for text, changed in yamlwrite.lines(after, before) if changed]
    assert marked == ['- status: "True"', "phase: x"] or marked == ['status: "True"', "phase: x"], marked
