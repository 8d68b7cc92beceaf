"""The OpenAPI documents, held against those of Kubernetes 1.36.

`testdata/openapi/real.json` has digests of every address and definition in the documents of the real server, without
descriptions, enumerations, CBOR and the deprecated /watch/ addresses: `<v3> <v2>`, parameters of v2 written out.
"""

import gzip
import hashlib
import json
from pathlib import Path

import pytest

from apps.cluster.api.openapi import documents, gnostic
from apps.cluster.api.protobuf.wire import LENGTH, tags
from apps.cluster.apiserver.requests import Request, handle
from tests.cluster.apiserver.rest import Rest
from tests.cluster.apiserver.test_custom_kinds import CRDS, definition

REAL = json.loads((Path(__file__).parents[2] / "testdata" / "openapi" / "real.json").read_text())
# Where a real document has no description, it refers to a type in another way.
OTHERWISE = {
    "io.k8s.api.networking.v1.IngressRule",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps",
}
PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"


@pytest.fixture(scope="module")
def rest():
    return Rest()


def ask(rest, path, **headers):
    address, _, query = path.partition("?")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return handle(rest.server, Request("GET", address, query, named))


def document(rest, path, **headers):
    response = ask(rest, path, **headers)
    assert response.status == 200
    return json.loads(response.content())


def bare(value):
    """Without descriptions and enumerations."""
    if isinstance(value, list):
        return [bare(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: bare(item)
        for name, item in value.items()
        if not (name == "description" and isinstance(item, str)) and not (name == "enum" and isinstance(item, list))
    }


def digest(value):
    text = json.dumps(bare(value), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:8]


@pytest.mark.parametrize("key", REAL["documents"])
def test_a_document_of_v3_says_what_the_real_one_says(rest, key):
    found = document(rest, f"/openapi/v3/{key}")
    names = sorted(found["components"].get("schemas", {}))
    assert f"{len(found['paths'])} {len(names)} {digest(names)}" == REAL["documents"][key]
    for path, item in found["paths"].items():
        assert digest(item) == REAL["paths"][path].split()[0], path
    for name in names:
        if name in REAL["definitions"] and name not in OTHERWISE:
            assert digest(found["components"]["schemas"][name]) == REAL["definitions"][name].split()[0], name


def test_the_document_of_v2_says_what_the_real_one_says(rest):
    found = document(rest, "/openapi/v2")
    assert set(found["paths"]) == set(REAL["paths"])
    wrong = [path for path, item in found["paths"].items() if digest(item) != REAL["paths"][path].split()[1]]
    assert wrong == []
    told = {name: value.split()[1] for name, value in REAL["definitions"].items()}
    assert set(told) <= set(found["definitions"])
    wrong = [name for name, value in told.items() if digest(found["definitions"][name]) != value]
    assert wrong == []


def test_the_index_names_every_document(rest):
    found = document(rest, "/openapi/v3")["paths"]
    assert set(found) == set(REAL["documents"])
    url = found["apis/apps/v1"]["serverRelativeURL"]
    response = ask(rest, url, Accept="application/json")
    assert response.headers["Cache-Control"] == "public, immutable"
    assert f'"{url.partition("hash=")[2]}"' == response.headers["Etag"]
    assert ask(rest, url, If_None_Match=response.headers["Etag"]).status == 304
    other = ask(rest, "/openapi/v3/apis/apps/v1?hash=A")
    assert (other.status, other.headers["Location"]) == (301, url)


def test_values_that_a_field_may_have_are_told(rest):
    schemas = document(rest, "/openapi/v3/apis/apps/v1")["components"]["schemas"]
    strategy = schemas["io.k8s.api.apps.v1.DeploymentStrategy"]["properties"]["type"]
    assert strategy["enum"] == ["Recreate", "RollingUpdate"]
    claim = schemas["io.k8s.api.core.v1.PersistentVolumeClaimSpec"]["properties"]["accessModes"]
    assert "ReadWriteOnce" in claim["items"]["enum"]


@pytest.mark.parametrize(
    ("accept", "status", "media"),
    [
        pytest.param("", 200, "application/json", id="anything"),
        pytest.param("application/json, */*", 200, "application/json", id="JSON"),
        pytest.param(PROTOBUF, 200, "application/com.github.proto-openapi.spec.v2.v1.0+protobuf", id="protobuf"),
        pytest.param("application/yaml", 406, "", id="a form it has not"),
    ],
)
def test_forms_of_v2(rest, accept, status, media):
    response = ask(rest, "/openapi/v2", Accept=accept)
    assert response.status == status
    assert response.headers.get("Content-Type", "") == media


def test_a_client_that_takes_gzip_gets_it(rest):
    plain = ask(rest, "/openapi/v2").content()
    response = ask(rest, "/openapi/v2", Accept_Encoding="gzip")
    assert response.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(response.content()) == plain


def fields(data, start=0, end=None):
    """number -> values of one message."""
    found = {}
    for number, wire, at, after in tags(data, start, len(data) if end is None else end, "message"):
        found.setdefault(number, []).append(data[at:after] if wire == LENGTH else wire)
    return found


def test_protobuf_has_each_definition_and_address(rest):
    told = document(rest, "/openapi/v2")
    whole = fields(ask(rest, "/openapi/v2", Accept=PROTOBUF).content())
    assert whole[1] == [b"2.0"]
    definitions = {
        entry[1][0].decode(): fields(entry[2][0]) for entry in map(fields, fields(whole[9][0])[1]) if 2 in entry
    }
    assert set(definitions) == set(told["definitions"])
    spec = definitions["io.k8s.api.apps.v1.DeploymentSpec"]
    assert [name.decode() for name in spec[19]] == ["selector", "template"]
    properties = {entry[1][0].decode(): fields(entry[2][0]) for entry in map(fields, fields(spec[25][0])[1])}
    assert fields(properties["replicas"][22][0])[1] == [b"integer"]
    assert properties["selector"][1] == [b"#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector"]
    extension = fields(properties["strategy"][31][0])
    assert extension[1] == [b"x-kubernetes-patch-strategy"]
    assert fields(extension[2][0])[2] == [b'"retainKeys"\n']
    paths = {entry[1][0].decode(): fields(entry[2][0]) for entry in map(fields, fields(whole[8][0])[2])}
    assert set(paths) == set(told["paths"])
    patch = fields(paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"][8][0])
    body, *query = (fields(fields(one)[1][0]) for one in patch[8])
    assert fields(body[1][0])[2] == [b"body"]
    names = [fields(fields(one[2][0])[3][0])[4][0].decode() for one in query]
    assert names == ["dryRun", "fieldManager", "fieldValidation", "force"]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        pytest.param({"maximum": 1.5, "minLength": 2}, "39000000000000f83f6002", id="numbers"),
        pytest.param({"additionalProperties": False}, "aa01021000", id="a flag for the rest"),
        pytest.param({"default": {"a": 1}}, "2a0b12097b2261223a20317d0a", id="any value is YAML"),
    ],
)
def test_protobuf_of_custom_schemas(schema, expected):
    assert gnostic._message("Schema", schema).hex() == expected


# ---- custom kinds ----------------------------------------------------------------------------------


TEXT = {"type": "string"}
WIDGETS = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "required": ["size", "loose"],
            "properties": {
                "size": {"type": "integer", "default": 1, "maximum": 9},
                "loose": {"type": "string", "nullable": True},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {"a": TEXT}},
                "port": {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True},
                "template": {"type": "object", "x-kubernetes-embedded-resource": True, "properties": {}},
            },
        }
    },
}


def test_custom_kinds_have_a_document_of_their_own():
    rest = Rest()
    before = document(rest, "/openapi/v3")["paths"]
    assert ask(rest, "/openapi/v3/apis/example.com/v1").status == 404
    crd = definition()
    version = {**crd["spec"]["versions"][0], "schema": {"openAPIV3Schema": WIDGETS}, "selectableFields": []}
    rest.post(CRDS, {**crd, "spec": {**crd["spec"], "versions": [version]}})
    rest.engine.run_to_rest(1_000)
    after = document(rest, "/openapi/v3")["paths"]
    assert set(after) - set(before) == {"apis/example.com/v1"}
    assert {name for name in before if before[name] != after[name]} == set()
    found = document(rest, after["apis/example.com/v1"]["serverRelativeURL"])
    widget = found["components"]["schemas"]["com.example.v1.Widget"]
    assert widget["x-kubernetes-group-version-kind"] == [{"group": "example.com", "kind": "Widget", "version": "v1"}]
    spec = widget["properties"]["spec"]
    assert spec["properties"]["size"] == {"type": "integer", "default": 1, "maximum": 9}
    assert set(spec["properties"]["template"]["properties"]) == {"apiVersion", "kind", "metadata"}
    assert spec["properties"]["template"]["required"] == ["kind", "apiVersion"]
    assert found["paths"]["/apis/example.com/v1/namespaces/{namespace}/widgets/{name}"]["patch"]["requestBody"][
        "content"
    ].keys() == {"application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json"}
    assert "com.example.v1.WidgetList" in found["components"]["schemas"]
    old = document(rest, "/openapi/v2")["definitions"]["com.example.v1.Widget"]["properties"]["spec"]
    assert old["required"] == ["size"]
    assert old["properties"]["loose"] == {}
    assert old["properties"]["free"] == {"x-kubernetes-preserve-unknown-fields": True}
    assert old["properties"]["port"] == {"x-kubernetes-int-or-string": True}
    assert old["properties"]["size"] == {"type": "integer", "default": 1, "maximum": 9}


def test_documents_of_built_in_kinds_are_made_once(rest, monkeypatch):
    ask(rest, "/openapi/v3/apis/batch/v1")
    monkeypatch.setattr(documents, "v3", None)
    assert ask(Rest(), "/openapi/v3/apis/batch/v1").status == 200
