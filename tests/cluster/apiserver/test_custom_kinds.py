"""CustomResourceDefinitions: how a kind comes to be, what its schema does to objects, how both go."""

from __future__ import annotations

import pytest

from apps.cluster.apiserver.customresources import rules, structural
from apps.cluster.apiserver.customresources.validation import validate
from apps.cluster.cluster import Cluster, Config
from tests.cluster.apiserver.rest import MERGE, Rest

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGETS = "/apis/example.com/v1/namespaces/default/widgets"
SCHEMA = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "required": ["color"],
            "properties": {
                "color": {"type": "string", "enum": ["red", "blue"]},
                "replicas": {"type": "integer", "default": 1, "minimum": 0, "maximum": 10},
                "parts": {
                    "type": "array",
                    "maxItems": 2,
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    "items": {"type": "object", "properties": {"name": {"type": "string", "pattern": "^[a-z]+$"}}},
                },
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            },
        },
        "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    },
}


def definition(**names):
    scale = {
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.selector",
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget", **names},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": SCHEMA},
                    "subresources": {"status": {}, "scale": scale},
                    "selectableFields": [{"jsonPath": ".spec.color"}],
                    "additionalPrinterColumns": [
                        {"name": "Size", "type": "integer", "jsonPath": ".spec.replicas"},
                    ],
                }
            ],
        },
    }


def widget(name="a", **spec):
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": name}, "spec": spec}


@pytest.fixture
def rest():
    rest = Rest()
    rest.post(CRDS, definition())
    rest.engine.run_to_rest(1_000)
    return rest


def conditions(rest):
    status = rest.get(f"{CRDS}/widgets.example.com")["status"]
    return {one["type"]: (one["status"], one["reason"]) for one in status["conditions"]}


def test_a_kind_is_served_once_it_is_established():
    rest = Rest()
    made = rest.post(CRDS, definition())
    assert made["spec"]["names"] == {
        "plural": "widgets",
        "kind": "Widget",
        "singular": "widget",
        "listKind": "WidgetList",
    }
    assert made["status"]["storedVersions"] == ["v1"]
    assert rest.send("GET", WIDGETS).body == "404 page not found\n"
    rest.engine.run_to_rest(1_000)
    assert conditions(rest) == {
        "NamesAccepted": ("True", "NoConflicts"),
        "Established": ("True", "InitialNamesAccepted"),
    }
    assert rest.get(WIDGETS)["kind"] == "WidgetList"
    assert "widgets" in [found["name"] for found in rest.get("/apis/example.com/v1")["resources"]]


def test_names_are_taken_once(rest):
    other = definition(plural="gadgets", shortNames=["w"])
    other["metadata"]["name"] = "gadgets.example.com"
    rest.post(CRDS, other)
    rest.engine.run_to_rest(1_000)
    found = rest.get(f"{CRDS}/gadgets.example.com")["status"]["conditions"]
    assert [(one["type"], one["status"], one["reason"]) for one in found] == [
        ("NamesAccepted", "False", "ListKindConflict"),
        ("Established", "False", "NotAccepted"),
    ]
    assert found[0]["message"] == '"WidgetList" is already in use'


def test_objects_are_pruned_and_filled(rest):
    made = rest.send("POST", WIDGETS, {**widget(color="red", size=3), "status": {"replicas": 9}})
    assert made.warnings == ['unknown field "spec.size"']
    assert (made.body["spec"], "status" in made.body) == ({"color": "red", "replicas": 1}, False)
    strict = rest.send("POST", f"{WIDGETS}?fieldValidation=Strict", widget("b", color="red", size=3))
    assert (strict.status, strict.body["message"]) == (
        400,
        'Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown field "spec.size"',
    )


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({}, ["spec.color: Required value"], id="required"),
        pytest.param(
            {"color": "green"},
            ['spec.color: Unsupported value: "green": supported values: "blue", "red"'],
            id="enum",
        ),
        pytest.param(
            {"color": "red", "replicas": "3"},
            ['spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"'],
            id="type",
        ),
        pytest.param(
            {"color": "red", "replicas": 11},
            ["spec.replicas: Invalid value: 11: spec.replicas in body should be less than or equal to 10"],
            id="maximum",
        ),
        pytest.param(
            {"color": "red", "parts": [{"name": "A"}]},
            ["spec.parts[0].name: Invalid value: \"A\": spec.parts[0].name in body should match '^[a-z]+$'"],
            id="pattern",
        ),
        pytest.param(
            {"color": "red", "parts": [{"name": "a"}, {"name": "a"}]},
            ['spec.parts[1]: Duplicate value: {"name":"a"}'],
            id="a key twice",
        ),
        pytest.param(
            {"color": "red", "parts": [{"name": "a"}, {"name": "b"}, {"name": "c"}]},
            ["spec.parts: Too many: 3: must have at most 2 items"],
            id="too many",
        ),
        pytest.param(
            {"color": "red", "labels": {"a": 1}},
            ['spec.labels.a: Invalid value: "integer": spec.labels.a in body must be of type string: "integer"'],
            id="a map's values",
        ),
    ],
)
def test_validation(spec, expected):
    assert [str(error) for error in validate({"spec": spec}, SCHEMA)] == expected


def test_pruning_goes_to_every_depth_and_keeps_what_it_is_told_to():
    unknown = []
    obj = {"kind": "Widget", "x": 1, "spec": {"parts": [{"name": "a", "y": 1}]}, "status": {"any": {"thing": 1}}}
    assert structural.prune(obj, SCHEMA, unknown) == {
        "kind": "Widget",
        "spec": {"parts": [{"name": "a"}]},
        "status": {"any": {"thing": 1}},
    }
    assert unknown == ["spec.parts[0].y", "x"]


def test_status_and_scale_are_subresources(rest):
    rest.post(WIDGETS, widget(color="red"))
    rest.send("PATCH", f"{WIDGETS}/a/status", {"status": {"replicas": 1, "selector": "a=b"}}, MERGE)
    scale = rest.send("PATCH", f"{WIDGETS}/a/scale", {"spec": {"replicas": 3}}, MERGE).body
    assert (scale["kind"], scale["spec"], scale["status"]) == (
        "Scale",
        {"replicas": 3},
        {"replicas": 1, "selector": "a=b"},
    )
    again = rest.send("PATCH", f"{WIDGETS}/a", {"status": None, "spec": {"color": "blue"}}, MERGE).body
    assert again["status"]["replicas"] == 1, "the main resource leaves the status alone"
    assert again["metadata"]["generation"] == 3


def test_selectable_fields_and_columns(rest):
    rest.post(WIDGETS, widget("a", color="red"))
    rest.post(WIDGETS, widget("b", color="blue"))
    found = rest.get(f"{WIDGETS}?fieldSelector=spec.color%3Dblue")["items"]
    assert [one["metadata"]["name"] for one in found] == ["b"]
    table = rest.send("GET", WIDGETS, accept="application/json;as=Table;g=meta.k8s.io;v=v1").body
    assert [row["cells"] for row in table["rows"]] == [["a", 1], ["b", 1]]


def test_a_definition_takes_its_objects_with_it(rest):
    rest.post(WIDGETS, widget(color="red"))
    left = rest.send("DELETE", f"{CRDS}/widgets.example.com").body
    assert left["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]
    assert conditions(rest)["Terminating"] == ("True", "InstanceDeletionPending")
    rest.engine.run_to_rest(60_000)
    assert rest.send("GET", f"{CRDS}/widgets.example.com").status == 404
    assert rest.send("GET", WIDGETS).body == "404 page not found\n"
    assert not rest.server.tables["widgets.example.com"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            lambda crd: crd["metadata"].update(name="w.example.com"),
            'metadata.name: Invalid value: "w.example.com": must be spec.names.plural+"."+spec.group',
            id="the name says it all",
        ),
        pytest.param(
            lambda crd: crd["spec"]["versions"][0].pop("schema"),
            "spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required",
            id="a schema must be",
        ),
        pytest.param(
            lambda crd: crd["spec"]["versions"][0].update(storage=False),
            "must have exactly one version marked as storage version",
            id="one version is stored",
        ),
    ],
)
def test_definitions_that_are_refused(change, message):
    import copy

    crd = rules.defaulted(copy.deepcopy(definition()))
    change(crd)
    assert any(message in str(error) for error in rules.validate(crd))


def test_a_manifest_may_hold_the_definition_and_an_object():
    cluster = Cluster.boot(Config(workers=0))
    made = cluster.execute({"op": "apply", "objects": [widget(color="red"), definition()]})
    assert made[0]["spec"] == {"color": "red", "replicas": 1}
    cluster.run_to_rest()
    again = Cluster.restore(cluster.snapshot())
    table = again.apiserver.tables["widgets.example.com"]
    assert list(table) == ["default/a"]
    with pytest.raises(Exception, match="Unsupported value"):
        again.execute({"op": "apply", "objects": [widget(color="green")]})


def test_other_kinds_are_kept_as_they_are():
    cluster = Cluster.boot(Config(workers=0))
    gadget = {"apiVersion": "acme.io/v1", "kind": "Gadget", "metadata": {"name": "g"}, "spec": {"any": [1]}}
    made = cluster.execute({"op": "apply", "objects": [gadget]})
    assert made[0]["spec"] == {"any": [1]}
