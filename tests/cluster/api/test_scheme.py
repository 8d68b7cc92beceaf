"""Which kinds there are, and what is known of each."""

import pytest

from apps.cluster.api import schema
from apps.cluster.api.scheme import RESOURCES, by_kind, info_for, pluralize, unknown


@pytest.mark.parametrize(
    ("resource", "prefix"),
    [
        pytest.param("pods", "pods", id="most kinds lie under their plural"),
        pytest.param("nodes", "minions", id="nodes under their first name"),
        pytest.param("services", "services/specs", id="services beside their endpoints"),
        pytest.param("endpoints", "services/endpoints", id="endpoints beside their services"),
        pytest.param("replicationcontrollers", "controllers", id="the first controllers"),
        pytest.param("ingresses", "ingress", id="ingresses in the singular"),
        pytest.param(
            "customresourcedefinitions",
            "apiextensions.k8s.io/customresourcedefinitions",
            id="another server's kinds under their group",
        ),
    ],
)
def test_where_etcd_keeps_them(resource, prefix):
    assert RESOURCES[resource].etcd_prefix == prefix


def test_every_kind_with_a_table_of_fields_is_found_by_its_kind():
    for info in RESOURCES.values():
        assert by_kind(info.api_version, info.kind) is info
        if info.group not in ("apiextensions.k8s.io", "apiregistration.k8s.io") and info.kind != "Binding":
            assert schema.kind(info.api_version, info.kind) is not None, info.kind


def test_every_type_that_a_table_names_exists():
    for table in schema.API_VERSIONS.values():
        for name in schema.table(table)["structs"]:
            for field in schema.struct(table, name).fields:
                inner = field.type
                while inner.elem is not None:
                    inner = inner.elem
                if inner.kind == "struct":
                    assert inner.struct.fields is not None


def test_a_kind_that_is_not_built_in_passes_through():
    info = unknown("example.com/v1", "Widget")
    assert (info.plural, info.resource, info.namespaced, info.builtin) == (
        "widgets.example.com",
        "widgets",
        True,
        False,
    )
    assert info_for("policy/v1beta1", "PodSecurityPolicy").namespaced is False
    assert info.default({"a": 1}) == {"a": 1}


@pytest.mark.parametrize(
    ("kind", "plural"), [("NetworkPolicy", "networkpolicies"), ("Ingress", "ingresses"), ("Gateway", "gateways")]
)
def test_plurals(kind, plural):
    assert pluralize(kind) == plural
