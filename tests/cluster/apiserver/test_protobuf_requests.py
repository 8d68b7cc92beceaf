"""Requests whose bodies are protobuf, as kubectl and typed clients send them."""

import base64
import json
from pathlib import Path

import pytest

from apps.cluster.apiserver.requests import Request, handle
from tests.cluster.apiserver.rest import MAPS, Rest
from tests.cluster.apiserver.test_custom_kinds import CRDS, definition

DATA = Path(__file__).parents[2] / "testdata" / "protobuf" / "kubectl-1.32.json"
PROTOBUF = "application/vnd.kubernetes.protobuf"
SENT = json.loads(DATA.read_text())
# Namespace, kind and name are checked by others; these are refused for what they ask, as their JSON would be.
REFUSED = {"create quota q1 --hard=cpu=1,memory=1G,pods=20 --scopes=BestEffort"}


@pytest.fixture(scope="module")
def rest():
    return Rest()


def send(rest, method, path, body):
    headers = {"Content-Type": PROTOBUF, "Accept": f"{PROTOBUF},application/json"}
    return handle(rest.server, Request(method, path, "dryRun=All", headers, body))


@pytest.mark.parametrize("command", [name for name in SENT if name.startswith("create") and "token" not in name])
def test_it_is_answered_as_its_json_is(rest, command):
    row = SENT[command]
    response = send(rest, "POST", row["path"], base64.b64decode(row["body"]))
    same = rest.send("POST", row["path"] + "?dryRun=All", row["json"])
    assert response.status == same.status == (422 if command in REFUSED else 201)
    for body in (response.body, same.body):
        for name in ("uid", "managedFields"):
            body["metadata"].pop(name, None)
    assert response.body == same.body
    assert response.headers["Content-Type"] == "application/json"


def test_another_kind_than_the_addresss_is_refused(rest):
    body = base64.b64decode(SENT["create namespace ns1"]["body"])
    response = send(rest, "POST", MAPS, body)
    told = (
        'Namespace in version "v1" cannot be handled as a ConfigMap: converting (v1.Namespace) to (core.ConfigMap):'
        " unknown conversion"
    )
    assert (response.status, response.body["message"]) == (400, told)


def test_options_of_a_deletion(rest):
    rest.post(MAPS, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "doomed"}})
    raw = b"\x12\x03\x0a\x01x"  # preconditions.uid = "x"
    body = b"k8s\0\x0a\x13\x0a\x02v1\x12\x0dDeleteOptions\x12" + bytes([len(raw)]) + raw
    response = send(rest, "DELETE", f"{MAPS}/doomed", body)
    assert response.status == 409
    assert "the UID in the precondition (x) does not match" in response.body["message"]


def test_no_body_at_all_is_refused(rest):
    response = send(rest, "POST", MAPS, b"")
    told = "the object provided is unrecognized (must be of type ConfigMap): empty data (<empty>)"
    assert (response.status, response.body["message"]) == (400, told)


def test_custom_kinds_have_no_messages():
    rest = Rest()
    rest.post(CRDS, definition())
    rest.engine.run_to_rest(1_000)
    response = send(rest, "POST", "/apis/example.com/v1/namespaces/default/widgets", b"k8s\0")
    told = (
        "the body of the request was in an unknown format - accepted media types include:"
        " application/json, application/yaml"
    )
    assert (response.status, response.body["message"]) == (415, told)
