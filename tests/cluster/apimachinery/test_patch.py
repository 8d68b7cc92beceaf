"""Patches: the RFCs' own examples, and Kubernetes' tables for the strategic one. None changes what it is given."""

import copy

import pytest

from apps.cluster.api import schema
from apps.cluster.apimachinery import patch
from apps.cluster.apimachinery.status import StatusError

POD = {"containers": [{"name": "a", "image": "x", "env": [{"name": "K", "value": "1"}]}, {"name": "b", "image": "y"}]}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(
            {"containers": [{"name": "a", "image": "z"}]},
            {"containers": [{**POD["containers"][0], "image": "z"}, POD["containers"][1]]},
            id="a container is found by its name",
        ),
        pytest.param(
            {"containers": [{"name": "b", "$patch": "delete"}]},
            {"containers": [POD["containers"][0]]},
            id="and deleted by it",
        ),
        pytest.param(
            {"containers": [{"name": "a", "env": [{"name": "L", "value": "2"}]}]},
            {
                "containers": [
                    {
                        **POD["containers"][0],
                        "env": [{"name": "L", "value": "2"}, {"name": "K", "value": "1"}],
                    },
                    POD["containers"][1],
                ]
            },
            id="what the patch names comes first",
        ),
        pytest.param(
            {"tolerations": [{"key": "k"}]}, {**POD, "tolerations": [{"key": "k"}]}, id="tolerations are replaced whole"
        ),
    ],
)
def test_a_pod_spec(change, expected):
    assert patch.strategic_merge(POD, change, schema.struct("core", "PodSpec")) == expected


@pytest.mark.parametrize(
    ("document", "operations", "expected"),
    [
        pytest.param({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": 1}], {"foo": "bar", "baz": 1}, id="A.1"),
        pytest.param(
            {"foo": ["bar", "baz"]},
            [{"op": "add", "path": "/foo/1", "value": "qux"}],
            {"foo": ["bar", "qux", "baz"]},
            id="A.2",
        ),
        pytest.param({"a": 1, "b": 2}, [{"op": "remove", "path": "/a"}], {"b": 2}, id="A.3"),
        pytest.param({"f": [1, 2, 3]}, [{"op": "remove", "path": "/f/1"}], {"f": [1, 3]}, id="A.4"),
        pytest.param({"a": 1}, [{"op": "replace", "path": "/a", "value": 2}], {"a": 2}, id="A.5"),
        pytest.param(
            {"f": {"b": 1, "w": 2}, "q": {"c": 3}},
            [{"op": "move", "from": "/f/w", "path": "/q/t"}],
            {"f": {"b": 1}, "q": {"c": 3, "t": 2}},
            id="A.6",
        ),
        pytest.param({"f": [1]}, [{"op": "add", "path": "/f/-", "value": [2]}], {"f": [1, [2]]}, id="A.16"),
        pytest.param({"/": 9, "~1": 10}, [{"op": "test", "path": "/~01", "value": 10}], {"/": 9, "~1": 10}, id="A.14"),
    ],
)
def test_json_patch(document, operations, expected):
    before = copy.deepcopy(document)
    assert patch.json_patch(document, operations) == expected
    assert document == before


@pytest.mark.parametrize(
    "operations",
    [
        pytest.param([{"op": "remove", "path": "/nope/x"}], id="nothing there"),
        pytest.param([{"op": "test", "path": "/a", "value": 2}], id="another value"),
        pytest.param([{"op": "test", "path": "/a", "value": True}], id="true is not 1"),
        pytest.param([{"op": "add", "path": "/l/5", "value": 1}], id="beyond the end"),
        pytest.param([{"op": "add", "path": "/a"}], id="no value"),
        pytest.param([{"op": "turn", "path": "/a", "value": 1}], id="no such operation"),
    ],
)
def test_a_json_patch_that_cannot_be_done_is_refused_whole(operations):
    with pytest.raises(StatusError) as caught:
        patch.json_patch({"a": 1, "l": []}, operations)
    assert (caught.value.code, caught.value.reason) == (422, "Invalid")


@pytest.mark.parametrize(
    ("document", "change", "expected"),
    [
        pytest.param({"a": "b"}, {"a": "c"}, {"a": "c"}, id="replaces"),
        pytest.param({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}, id="null removes"),
        pytest.param({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}, id="lists are values"),
        pytest.param({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}, id="nulls leave nothing behind"),
        pytest.param(["a"], {"a": "b"}, {"a": "b"}, id="a map in place of a list"),
    ],
)
def test_merge_patch(document, change, expected):
    assert patch.merge_patch(document, change) == expected


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        pytest.param(
            {"spec": {"$patch": "mix"}}, 500, "unknown patch type: mix in map: map[$patch:mix]", id="a directive"
        ),
        pytest.param(
            {"spec": {"containers": [{"image": "x"}]}},
            500,
            "map: map[image:x] does not contain declared merge key: name",
            id="an item without its key",
        ),
        pytest.param(
            {"spec": {"containers": ["x"]}},
            500,
            "list element types are not identical: [[map[image:nginx name:a]] [x]]",
            id="items of two sorts",
        ),
        pytest.param(
            {"spec": {"containers": [{"$patch": "merge", "name": "a"}]}},
            500,
            "merging lists cannot yet be specified in the patch",
            id="a merge by name",
        ),
        pytest.param(
            {"spec": {"$retainKeys": ["containers"], "nodeName": "n"}},
            400,
            "invalid patch format of retainKeys",
            id="more than is retained",
        ),
    ],
)
def test_patches_that_cannot_be_merged(change, code, message):
    obj = {"spec": {"containers": [{"name": "a", "image": "nginx"}]}}
    with pytest.raises(StatusError) as caught:
        patch.strategic_merge(obj, change, schema.kind("v1", "Pod"))
    assert (caught.value.code, caught.value.message) == (code, message)


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        pytest.param(
            {"containers": [{"image": "z"}]},
            500,
            "map: map[image:z] does not contain declared merge key: name",
            id="an element without its key",
        ),
        pytest.param(
            {"containers": ["a"]},
            500,
            "list element types are not identical: [[map[env:[map[name:K value:1]] image:x name:a] "
            "map[image:y name:b]] [a]]",
            id="elements of two types",
        ),
        pytest.param({"containers": [["a"]]}, 500, "list element types", id="a list in a list of maps"),
        pytest.param(
            {"$setElementOrder/containers": "a"},
            500,
            "expected a []interface {}, but received a string",
            id="an order that is no list",
        ),
        pytest.param(
            {"$setElementOrder/containers": [{"name": "a"}], "containers": "a"},
            500,
            "expected a []interface {}, but received a string",
            id="an order of no list",
        ),
        pytest.param(
            {"$setElementOrder/containers": ["a"], "containers": [{"name": "a"}]},
            500,
            "expected a map[string]interface {}, but received a string",
            id="an order of names",
        ),
        pytest.param({"$retainKeys": "a"}, 400, "invalid patch format of retainKeys", id="keys that are no list"),
    ],
)
def test_a_strategic_patch_that_cannot_be_carried_out(change, code, said):
    """Only what upstream knows as a bad format is the client's fault; the rest comes out as 500, without a reason."""
    with pytest.raises(StatusError) as refused:
        patch.strategic_merge(POD, change, schema.struct("core", "PodSpec"))
    assert (refused.value.code, refused.value.message[: len(said)]) == (code, said)
