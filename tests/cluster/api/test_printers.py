"""Tables as kubectl is given them; the cells of every kind are held against Kubernetes' own in tests/fidelity."""

import pytest

from apps.cluster.api.printers import table
from apps.cluster.api.printers.custom import find
from apps.cluster.api.scheme import RESOURCES, unknown

NOW = 100_000
MADE = "2026-11-23T00:00:00Z"


def obj(kind, name="a", **fields):
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "creationTimestamp": MADE}, **fields}


def cells(resource, one, **options):
    (row,) = table(RESOURCES[resource], [one], NOW, **options)["rows"]
    return row["cells"]


POD = obj("Pod", "web-0", spec={"containers": [{"name": "c"}]}, status={"phase": "Succeeded"})


def test_a_table_of_pods_has_the_columns_of_wide_and_marks_those_that_are():
    found = table(RESOURCES["pods"], [POD], NOW, metadata={"resourceVersion": "7"})
    assert [one["name"] + "+" * one["priority"] for one in found["columnDefinitions"]] == [
        *("Name", "Ready", "Status", "Restarts", "Age", "IP+", "Node+", "Nominated Node+", "Readiness Gates+"),
    ]
    assert (found["kind"], found["apiVersion"], found["metadata"]) == (
        "Table",
        "meta.k8s.io/v1",
        {"resourceVersion": "7"},
    )
    (row,) = found["rows"]
    assert row["cells"] == ["web-0", "0/1", "Succeeded", "0", "100s", "<none>", "<none>", "<none>", "<none>"]
    assert row["object"] == {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": POD["metadata"],
    }


def test_what_has_ended_is_marked_so_that_a_client_can_leave_it_out():
    (row,) = table(RESOURCES["pods"], [POD], NOW)["rows"]
    assert row["conditions"] == [
        {
            "type": "Completed",
            "status": "True",
            "reason": "Succeeded",
            "message": "The pod has completed successfully.",
        }
    ]


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        pytest.param("None", None, id="nothing"),
        pytest.param("Object", POD, id="the whole object"),
    ],
)
def test_a_row_carries_as_much_of_its_object_as_is_asked_for(include, expected):
    (row,) = table(RESOURCES["pods"], [POD], NOW, include=include)["rows"]
    assert row["object"] == expected


def test_a_kind_without_a_printer_shows_its_name_and_when_it_was_made():
    found = table(RESOURCES["roles"], [obj("Role")], NOW)
    assert [(one["name"], one["type"]) for one in found["columnDefinitions"]] == [
        ("Name", "string"),
        ("Created At", "date"),
    ]
    assert found["rows"][0]["cells"] == ["a", MADE]
    assert table(RESOURCES["roles"], [], NOW)["rows"] is None
    assert table(RESOURCES["pods"], [], NOW)["rows"] == []


def metric(kind, target, **more):
    return {"type": kind, kind[0].lower() + kind[1:]: {"target": target, **more}}


@pytest.mark.parametrize(
    ("spec", "status", "expected"),
    [
        pytest.param([], [], "<none>", id="no metric"),
        pytest.param(
            [metric("Resource", {"averageUtilization": 80}, name="cpu")],
            [],
            "cpu: <unknown>/80%",
            id="not yet seen",
        ),
        pytest.param(
            [metric("Resource", {"averageUtilization": 80}, name="cpu")],
            [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 20}}}],
            "cpu: 20%/80%",
            id="a share of what is asked for",
        ),
        pytest.param(
            [metric("External", {"averageValue": "100m"}), metric("Pods", {"averageValue": "5"}), metric("Other", {})],
            [],
            "<unknown>/100m (avg), <unknown>/5 + 1 more...",
            id="two are shown, the others counted",
        ),
    ],
)
def test_metrics_of_an_autoscaler(spec, status, expected):
    one = obj(
        "HorizontalPodAutoscaler",
        spec={"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "metrics": spec, "maxReplicas": 5},
        status={"currentMetrics": status},
    )
    assert cells("horizontalpodautoscalers", one) == ["a", "Deployment/web", expected, "<unset>", 5, 0, "100s"]


def test_flow_schemas_stand_in_the_order_they_are_tried():
    schemas = [
        obj("FlowSchema", name, spec={"matchingPrecedence": rank}) for name, rank in (("b", 9), ("a", 9), ("c", 1))
    ]
    rows = table(RESOURCES["flowschemas"], schemas, NOW)["rows"]
    assert [row["cells"][0] for row in rows] == ["c", "a", "b"]


def test_a_custom_kind_shows_what_its_definition_asks_for():
    wanted = [
        {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
        {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'},
        {"name": "Since", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
        {"name": "Gone", "type": "string", "jsonPath": ".spec.gone", "priority": 1},
    ]
    widget = obj(
        "Widget",
        spec={"size": 3},
        status={"conditions": [{"type": "Old", "status": "False"}, {"type": "Ready", "status": "True"}]},
    )
    found = table(unknown("example.com/v1", "Widget"), [widget], NOW, printer_columns=wanted)
    assert found["rows"][0]["cells"] == ["a", 3, "True", "100s", None]
    assert [one["priority"] for one in found["columnDefinitions"]] == [0, 0, 0, 0, 1]


def test_a_custom_kind_that_asks_for_nothing_shows_its_age():
    found = table(unknown("example.com/v1", "Widget"), [obj("Widget")], NOW)
    assert ([one["name"] for one in found["columnDefinitions"]], found["rows"][0]["cells"]) == (
        ["Name", "Age"],
        ["a", "100s"],
    )


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param(".a.b", [1], id="a field of a field"),
        pytest.param(".list[0].n", [1], id="an entry by number"),
        pytest.param(".list[-1].n", [2], id="the last entry"),
        pytest.param(".list[*].n", [1, 2], id="every entry"),
        pytest.param(r".labels.app\.kubernetes\.io/name", ["x"], id="a key with dots"),
        pytest.param(".labels['app.kubernetes.io/name']", ["x"], id="a key in quotes"),
        pytest.param(".a.c", [], id="nothing there"),
    ],
)
def test_paths(path, expected):
    found = {"a": {"b": 1}, "list": [{"n": 1}, {"n": 2}], "labels": {"app.kubernetes.io/name": "x"}}
    assert find(path, found) == expected
