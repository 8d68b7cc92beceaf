"""Reading YAML as kubectl does, within bounds."""

from __future__ import annotations

import doctest
import os
from pathlib import Path

import pytest

from apps.scenarios import limits, manifests, yamlread

REFERENCE = Path(os.environ.get("K8SDOCS_REFERENCE", Path(__file__).parents[3] / "shared"))


@pytest.mark.parametrize("module", [pytest.param(m, id=m.__name__) for m in (yamlread, manifests)])
def test_examples_in_docstrings_are_true(module):
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("yes", True, id="yes is a boolean"),
        pytest.param("y", True, id="y is a boolean, as go-yaml has it"),
        pytest.param("'yes'", "yes", id="quoted yes is text"),
        pytest.param("0644", 420, id="a leading 0 is octal"),
        pytest.param("0o17", 15, id="0o is octal"),
        pytest.param("1_000", 1000, id="underscores part digits"),
        pytest.param("2026-11-23", "2026-11-23", id="a date is text"),
        pytest.param("1.27", 1.27, id="a number with a point"),
        pytest.param("100m", "100m", id="a quantity is text"),
        pytest.param("12:30:45", "12:30:45", id="no base 60"),
        pytest.param("!!str 5", "5", id="a tag says text"),
        pytest.param("18446744073709551616", 18446744073709551616.0, id="beyond 64 bits it is a float"),
        pytest.param("{true: 1, 2: x}", {"true": 1, "2": "x"}, id="keys become text"),
        pytest.param("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}, id="an alias stands for its anchor"),
        pytest.param(
            "a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}", {"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}}, id="merge"
        ),
        pytest.param("a: 1\na: 2", {"a": 2}, id="the last of two equal keys counts"),
        pytest.param("a: |\n  x\n   y\n", {"a": "x\n y\n"}, id="a block keeps its lines"),
        pytest.param("# nothing\n", None, id="only a comment"),
    ],
)
def test_values_are_those_kubectl_would_send(text, expected):
    assert yamlread.load(text)[0] == expected


BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param(BOMB, "manifest_nodes", id="a billion laughs"),
        pytest.param("[" * 100_000, "manifest_depth", id="a hundred thousand brackets"),
        pytest.param("[" + "1," * 300_000 + "1]", "manifest_nodes", id="three hundred thousand numbers"),
        pytest.param("{a: " * 100 + "}" * 100, "manifest_depth", id="a hundred braces"),
        pytest.param('{"a":' * 100 + "1" + "}" * 100, "manifest_depth", id="JSON a hundred maps deep"),
        pytest.param("a: " + "x" * (limits.MANIFEST_BYTES + 1), "manifest_bytes", id="more than a mebibyte"),
        pytest.param("--- \napiVersion: v1\nkind: A\n" * 1001, "documents", id="a thousand and one documents"),
    ],
)
def test_texts_that_unfold_into_too_much_are_refused_with_the_limit(text, name):
    with pytest.raises(limits.LimitExceeded) as caught:
        manifests.read(text)
    assert caught.value.name == name
    assert f"{caught.value.limit:,}" in caught.value.message


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        pytest.param("a:\n\tb: 1", "line 2: found character that cannot start any token", 2, id="a tab"),
        pytest.param("kind: A\nb: c: d", "line 2: mapping values are not allowed in this context", 2, id="two colons"),
        pytest.param("a: *b", "unknown anchor 'b' referenced", 1, id="an alias of nothing"),
        pytest.param("a: &a [*a]", "unknown anchor 'a' referenced", 1, id="an anchor inside itself"),
        pytest.param("a: .nan", "json: unsupported value: .nan", 1, id="not a number"),
        pytest.param("{[a]: b}", "invalid map key", 1, id="a list as a key"),
        pytest.param("a: \x00", "control characters are not allowed", 1, id="a control character"),
    ],
)
def test_broken_yaml_is_refused_in_kubectls_words(text, message, line):
    with pytest.raises(manifests.ManifestError) as caught:
        manifests.read(text)
    (problem,) = caught.value.problems
    assert problem.error.message == f"error converting YAML to JSON: yaml: {message}"
    assert problem.line == line


def test_every_broken_document_is_named_with_its_line():
    text = "apiVersion: v1\nkind: Pod\n---\n# a note\nkind: Service\n---\n- a\n---\nb: [\n"
    with pytest.raises(manifests.ManifestError) as caught:
        manifests.read(text)
    assert [(p.number, p.line) for p in caught.value.problems] == [(2, 5), (3, 7), (4, 10)]
    assert caught.value.problems[0].error.message == "Object 'apiVersion' is missing in '{\"kind\":\"Service\"}'"


def test_lists_are_taken_apart_and_empty_documents_passed_over():
    items = "- {apiVersion: v1, kind: A, metadata: {name: a}}\n- {apiVersion: v1, kind: B}\n"
    text = "---\n# nothing\n---\napiVersion: v1\nkind: List\nitems:\n" + items
    documents = manifests.read(text)
    assert [(d.kind, d.name, d.number, d.line) for d in documents] == [("A", "a", 1, 4), ("B", "", 1, 4)]


def test_a_field_is_found_in_the_text():
    ports = "spec:\n  ports:\n  - port: 80\n  - name: x\n    port: 99999\n"
    text = "apiVersion: v1\nkind: A\n---\napiVersion: v1\nkind: B\n" + ports
    second = manifests.read(text)[1]
    assert second.line_of("spec.ports[1].port") == 10
    assert second.line_of("spec.ports[1].protocol") == 9
    assert second.line_of("status") == 4


def test_every_real_manifest_is_read():
    folder = REFERENCE / "manifests"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    for path in sorted(folder.glob("*.yaml")):
        assert manifests.read(path.read_text(encoding="utf-8")), path.name
