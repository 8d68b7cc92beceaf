"""Protobuf bodies: kubectl's own, one of every kind, and bytes that are none.

`testdata/protobuf/kubectl-1.32.json` has what kubectl 1.32 sent for a command, and the JSON that the same command
prints of the same object (`--dry-run=client -o json`). `every-kind.json` was written by Google's protobuf library from
Kubernetes' proto files, each field of each message filled with a value of its own: apiVersion, kind, body, how many
values, and a digest of them, sorted.
"""

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest

from apps.cluster.api import protobuf
from apps.cluster.api.decode import decode as decoded
from apps.cluster.api.protobuf import tables
from apps.cluster.api.protobuf.read import message as read_message
from apps.cluster.api.schema import kind as struct_of_kind
from apps.cluster.apimachinery.status import StatusError

DATA = Path(__file__).parents[2] / "testdata" / "protobuf"
KUBECTL = json.loads((DATA / "kubectl-1.32.json").read_text())
KINDS = json.loads((DATA / "every-kind.json").read_text())


def without_nulls(value):
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("command", [command for command, row in KUBECTL.items() if "json" in row])
def test_what_kubectl_sends_is_what_it_prints(command):
    row = KUBECTL[command]
    found = protobuf.decode(base64.b64decode(row["body"]))
    assert found == without_nulls(row["json"])


@pytest.mark.parametrize("command", KUBECTL)
def test_nothing_of_it_is_lost_when_it_is_judged(command):
    found = protobuf.decode(base64.b64decode(KUBECTL[command]["body"]))
    strict = []
    again = without_nulls(decoded(found, strict).obj)
    assert not strict
    assert again == found


def leaves(value):
    if isinstance(value, dict):
        for name, item in value.items():
            if re.fullmatch(r"k\d+", name):
                yield name
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    else:
        yield "DUR" if isinstance(value, str) and re.fullmatch(r"(\d+[hm])*\d+s", value) else value


@pytest.mark.parametrize("api_version, kind, body, count, digest", KINDS, ids=[f"{row[0]} {row[1]}" for row in KINDS])
def test_every_field_of_every_kind_is_read(api_version, kind, body, count, digest):
    found = protobuf.decode(base64.b64decode(body))
    assert (found.pop("apiVersion"), found.pop("kind")) == (api_version, kind)
    values = sorted(map(str, leaves(found)))
    assert len(values) == count
    assert hashlib.sha256("\n".join(values).encode()).hexdigest()[:16] == digest


@pytest.mark.parametrize(
    "api_version, kind, body",
    [row[:3] for row in KINDS if struct_of_kind(*row[:2]) and not row[1].endswith("TemplateSpec")],
    ids=lambda value: value if len(value) < 60 else "",
)
def test_the_names_are_those_that_json_has(api_version, kind, body):
    strict = []
    found = protobuf.decode(base64.b64decode(body))
    decoded({name: value for name, value in found.items() if name != "data"}, strict)
    assert not strict


# ---- by hand ---------------------------------------------------------------------------------------


def varint(value):
    value &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def body(api_version, kind, raw):
    return b"k8s\0" + field(1, field(1, api_version) + field(2, kind)) + field(2, raw) + field(3, "") + field(4, "")


def read(kind, raw, api_version="v1"):
    found = protobuf.decode(body(api_version, kind, raw))
    return {name: value for name, value in found.items() if name not in ("apiVersion", "kind")}


NAMED = field(1, field(1, "a"))  # metadata.name


@pytest.mark.parametrize(
    ("kind", "api_version", "raw", "expected"),
    [
        pytest.param("ConfigMap", "v1", NAMED, {"metadata": {"name": "a"}}, id="what is not there is not there"),
        pytest.param(
            "Deployment", "apps/v1", field(2, field(1, 0)), {"spec": {"replicas": 0}}, id="a pointer to zero is shown"
        ),
        pytest.param(
            "Deployment", "apps/v1", field(2, field(5, 0)), {"spec": {}}, id="a zero that JSON leaves out is left out"
        ),
        pytest.param(
            "PriorityClass",
            "scheduling.k8s.io/v1",
            NAMED,
            {"metadata": {"name": "a"}, "value": 0},
            id="and one it shows",
        ),
        pytest.param(
            "ConfigMap",
            "v1",
            field(1, field(1, "a")) + field(1, field(3, "b")),
            {"metadata": {"name": "a", "namespace": "b"}},
            id="a message that comes twice is merged",
        ),
        pytest.param(
            "ConfigMap",
            "v1",
            field(1, field(1, "a")) + field(1, field(1, "b")),
            {"metadata": {"name": "b"}},
            id="of a text that comes twice the last counts",
        ),
        pytest.param(
            "ConfigMap",
            "v1",
            field(2, field(2, "x")) + field(99, "y") + field(98, 3),
            {"data": {"": "x"}},
            id="an entry may lack its key, and unknown fields are passed over",
        ),
        pytest.param(
            "Secret",
            "v1",
            field(2, field(1, "k") + field(2, b"\xff\0")),
            {"data": {"k": "/wA="}},
            id="bytes are base64",
        ),
        pytest.param(
            "Pod",
            "v1",
            field(2, field(4, -1) + field(25, -2)),
            {"spec": {"terminationGracePeriodSeconds": -1, "priority": -2}},
            id="numbers below zero",
        ),
        pytest.param(
            "Pod",
            "v1",
            field(1, field(8, b"") + field(9, field(1, 1764193200) + field(2, 5))),
            {"metadata": {"deletionTimestamp": "2025-11-26T21:40:00Z"}},
            id="no time is nothing, and times are whole seconds",
        ),
        pytest.param(
            "Lease",
            "coordination.k8s.io/v1",
            field(2, field(3, field(1, 0) + field(2, 1500))),
            {"spec": {"acquireTime": "1970-01-01T00:00:00.000001Z"}},
            id="micro times are",
        ),
        pytest.param(
            "PodDisruptionBudget",
            "policy/v1",
            field(2, field(1, field(1, 1) + field(2, 7) + field(3, "50%"))),
            {"spec": {"minAvailable": "50%"}},
            id="a number or a text: the type says which",
        ),
        pytest.param(
            "ControllerRevision",
            "apps/v1",
            field(2, field(1, '{"spec":{"a":[1,null]}}')) + field(3, 0),
            {"data": {"spec": {"a": [1, None]}}, "revision": 0},
            id="JSON inside",
        ),
        pytest.param(
            "SubjectAccessReview",
            "authorization.k8s.io/v1",
            field(2, field(5, field(1, "scopes") + field(2, field(1, "a") + field(1, "b")))),
            {"spec": {"extra": {"scopes": ["a", "b"]}}},
            id="lists inside a map",
        ),
        pytest.param(
            "Pod",
            "v1",
            field(2, field(14, field(4, b"\x01\x02\x03") + field(4, 4))),
            {"spec": {"securityContext": {"supplementalGroups": [1, 2, 3, 4]}}},
            id="packed numbers and others",
        ),
        pytest.param(
            "DeleteOptions",
            "apps/v1",
            field(1, 0) + field(2, field(1, "u")) + field(4, "Foreground"),
            {"gracePeriodSeconds": 0, "preconditions": {"uid": "u"}, "propagationPolicy": "Foreground"},
            id="options of every group",
        ),
        pytest.param("Widget", "example.com/v1", NAMED, {}, id="a kind that has no message"),
    ],
)
def test_read(kind, api_version, raw, expected):
    found = read(kind, raw, api_version)
    assert expected is None or found == expected


def test_a_schema_may_be_a_flag_or_a_list():
    props = field(1, field(30, field(1, 1)) + field(24, field(2, field(5, "string"))))
    table = tables.message("apiextensions", "CustomResourceValidation")
    found = read_message(table, props, 0, len(props))["openAPIV3Schema"]
    assert found == {"items": [{"type": "string"}], "additionalProperties": True}


POD = 'Pod in version "v1" cannot be handled as a Pod: '


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        pytest.param(b"", "unrecognized (must be of type Pod): empty data (<empty>)", id="nothing"),
        pytest.param(
            b'{"kind":"Pod"}',
            "the object provided is unrecognized (must be of type Pod): provided data does not appear to be a protobuf"
            ' message, expected prefix [107 56 115 0] ({"kind":"Pod"})',
            id="JSON",
        ),
        pytest.param(b"k8s\0", "unrecognized (must be of type Pod): empty body (6b387300)", id="the prefix alone"),
        pytest.param(
            b"k8s\0\x0a\x05\x0a", "unrecognized (must be of type Pod): unexpected EOF (6b3873000a050a)", id="cut"
        ),
        pytest.param(body("v1", "Pod", b"\x0a\x7f"), POD + "unexpected EOF", id="a length beyond the end"),
        pytest.param(body("v1", "Pod", b"\x80" * 11), POD + "proto: integer overflow", id="a number that does not end"),
        pytest.param(
            body("v1", "Pod", field(1, 3)), POD + "proto: wrong wireType = 0 for field ObjectMeta", id="wrong type"
        ),
        pytest.param(
            body("v1", "Pod", b"\x0c"), POD + "proto: Pod: wiretype end group for non-group", id="the end of no group"
        ),
        pytest.param(body("v1", "Pod", b"\x00"), POD + "proto: Pod: illegal tag 0 (wire type 0)", id="no tag"),
        pytest.param(body("v1", "Pod", b"\x0f"), POD + "proto: illegal wireType 7", id="a wire type that is none"),
        pytest.param(
            body("v1", "Pod", b"\x0a" + varint(1 << 63)),
            POD + "proto: negative length found during unmarshaling",
            id="less than nothing",
        ),
    ],
)
def test_what_is_no_body_is_refused(sent, message):
    with pytest.raises(StatusError) as refused:
        protobuf.decode(sent, "v1", "Pod")
    assert refused.value.code == 400
    assert message in refused.value.message


def test_a_body_as_deep_as_it_is_long_is_refused():
    props = b""
    for _ in range(400):
        props = field(28, props)
    definition = field(2, field(7, field(4, field(1, props))))
    with pytest.raises(StatusError, match="exceeded max depth"):
        read("CustomResourceDefinition", definition, "apiextensions.k8s.io/v1")
