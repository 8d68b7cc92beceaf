"""Tokens of ServiceAccounts: what is asked for, what they say, what is refused."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest

from apps.cluster.apiserver.requests import Request, handle, tokens
from apps.cluster.cluster import Cluster, Config
from tests.cluster.apiserver.rest import Rest

ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
TOKEN = f"{ACCOUNTS}/default/token"


@pytest.fixture
def rest():
    return Rest()


def said(token):
    """What each of the first two parts of a token says."""
    return [json.loads(base64.urlsafe_b64decode(part + "===")) for part in token.split(".")[:2]]


def pod(name="web", account="default"):
    spec = {"serviceAccountName": account, "nodeName": "worker-1", "containers": [{"name": "c", "image": "nginx"}]}
    return {"metadata": {"name": name}, "spec": spec}


def bound(kind, name, **more):
    return {"spec": {"boundObjectRef": {"apiVersion": "v1", "kind": kind, "name": name, **more}}}


def test_a_token_says_whose_it_is(rest):
    made = rest.post(TOKEN, {"spec": {}})
    account = rest.get(f"{ACCOUNTS}/default")
    assert (made["kind"], made["apiVersion"]) == ("TokenRequest", "authentication.k8s.io/v1")
    assert made["spec"]["expirationSeconds"] == 3600
    header, claims = said(made["status"]["token"])
    assert header["alg"] == "RS256"
    assert list(claims) == ["aud", "exp", "iat", "iss", "jti", "kubernetes.io", "nbf", "sub"]
    assert claims["exp"] - claims["iat"] == 3600
    assert claims["sub"] == "system:serviceaccount:default:default"
    uid = account["metadata"]["uid"]
    assert claims["kubernetes.io"] == {"namespace": "default", "serviceaccount": {"name": "default", "uid": uid}}
    assert made["status"]["expirationTimestamp"] == "2026-11-23T01:00:00Z"


def test_nothing_is_stored_and_chance_is_as_it_was(rest):
    before, drawn = rest.server.store.revision, rest.engine.random.save()
    rest.post(TOKEN, {"spec": {}})
    assert (rest.server.store.revision, rest.engine.random.save()) == (before, drawn)


def test_a_token_for_a_pod_names_its_node_and_lasts_a_year(rest):
    rest.post("/api/v1/namespaces/default/pods", pod())
    asked = bound("Pod", "web")
    asked["spec"]["expirationSeconds"] = 3607
    claims = said(rest.post(TOKEN, asked)["status"]["token"])[1]
    told = claims["kubernetes.io"]
    assert (told["pod"]["name"], told["node"]) == ("web", {"name": "worker-1"})
    assert told["warnafter"] == claims["iat"] + 3607
    assert claims["exp"] == claims["iat"] + 365 * 24 * 3600


@pytest.mark.parametrize(
    ("path", "body", "code", "told"),
    [
        pytest.param(f"{ACCOUNTS}/nope/token", {}, 404, 'serviceaccounts "nope" not found', id="no such account"),
        pytest.param(
            TOKEN,
            {"spec": {"expirationSeconds": 599}},
            422,
            "spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes",
            id="too short",
        ),
        pytest.param(
            TOKEN,
            {"metadata": {"name": "other"}},
            422,
            'metadata.name: Invalid value: "other": must match the service account name if specified',
            id="another's name",
        ),
        pytest.param(
            TOKEN,
            {"metadata": {"uid": "x"}},
            409,
            'Operation cannot be fulfilled on TokenRequest.authentication.k8s.io "default": the UID in the token '
            "request (x) does not match the UID of the service account",
            id="another of that name",
        ),
        pytest.param(TOKEN, bound("Pod", "nope"), 404, 'pods "nope" not found', id="no such Pod"),
        pytest.param(
            TOKEN,
            bound("ConfigMap", "c"),
            400,
            "cannot bind token to object of type /v1, Kind=ConfigMap",
            id="nothing that a token is bound to",
        ),
        pytest.param(
            TOKEN,
            {"kind": "ConfigMap", "apiVersion": "v1"},
            400,
            "cannot be handled as a TokenRequest",
            id="another kind",
        ),
    ],
)
def test_what_is_refused(rest, path, body, code, told):
    sent = rest.send("POST", path, body)
    assert sent.status == code
    assert told in sent.body["message"]


def test_a_pod_of_another_account_is_no_reason_for_a_token(rest):
    rest.post(ACCOUNTS, {"metadata": {"name": "robot"}})
    rest.post("/api/v1/namespaces/default/pods", pod(account="robot"))
    sent = rest.send("POST", TOKEN, bound("Pod", "web"))
    assert sent.body["message"] == (
        'cannot bind token for serviceaccount "default" to pod running with different serviceaccount name.'
    )


def test_an_object_made_anew_is_another(rest):
    rest.post("/api/v1/namespaces/default/secrets", {"metadata": {"name": "s"}})
    sent = rest.send("POST", TOKEN, bound("Secret", "s", uid="x"))
    assert sent.status == 409
    assert "The object might have been deleted and then recreated" in sent.body["message"]


def test_a_signed_token_is_believed_until_it_is_over_or_its_account_is_gone():
    cluster = Cluster.boot(Config(workers=1))
    server = cluster.apiserver

    def token() -> str:
        body = json.dumps({"spec": {"expirationSeconds": 600}})
        asked = Request("POST", TOKEN, "", {"Content-Type": "application/json"}, body)
        return handle(server, asked).body["status"]["token"]

    assert tokens.user_of(server, token()) is None  # nobody signs
    server.sign = lambda data: hashlib.sha256(b"secret" + data).digest()
    given = token()
    assert tokens.user_of(server, given).name == "system:serviceaccount:default:default"
    head, claims, signature = given.split(".")
    for wrong in (f"{given[:-4]}AAAA", f"{head}.{claims[:-4]}AAAA.{signature}", "a.b.c", "한.글.x", ""):
        assert tokens.user_of(server, wrong) is None
    cluster.run_for(601_000)
    assert tokens.user_of(server, given) is None
    again = token()
    cluster.execute({"op": "delete", "resource": "serviceaccounts", "name": "default"})
    cluster.run_for(5_000)  # it is made anew, with another uid
    assert tokens.user_of(server, again) is None
