"""What nobody's kubectl sends: every answer is a Status or a line of text, none is a 500, and the next one is well."""

from __future__ import annotations

import random
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from apps.scenarios import limits
from tests.kubeapi.conftest import API, Answer

MAPS = "/api/v1/namespaces/default/configmaps"
WEB = "/apis/apps/v1/namespaces/default/deployments"
JSON = "application/json"
DEEP = "[" * 5000 + "]" * 5000
BODIES = [
    ("", JSON),
    ("null", JSON),
    ("[]", JSON),
    ("3", JSON),
    ('"x"', JSON),
    ("{", JSON),
    ('{"metadata":null}', JSON),
    ('{"metadata":[]}', JSON),
    ('{"metadata":{"name":["x"]}}', JSON),
    ('{"metadata":{"name":"a\\u0000b"}}', JSON),
    ('{"metadata":{"name":"nul"},"data":{"a":"\\u0000"}}', JSON),
    ('{"metadata":{"name":"sur"},"data":{"a":"\\ud800"}}', JSON),
    ('{"metadata":{"name":"nan"},"spec":{"replicas":NaN}}', JSON),
    ('{"metadata":{"name":"big"},"spec":{"replicas":1e999}}', JSON),
    ('{"metadata":{"name":"inf"},"spec":{"replicas":' + "9" * 5000 + "}}", JSON),
    ('{"metadata":{"name":"deep"},"data":' + DEEP + "}", JSON),
    (DEEP, JSON),
    ('{"a":' * 2000 + "1" + "}" * 2000, JSON),
    ("a: &a [*a, *a]\nb: *a", "application/yaml"),
    ("a: b: c", "application/yaml"),
    ("{{", "application/yaml"),
    ("\x00", "application/yaml"),
    ("k8s\x00\xff\xff\xff", "application/vnd.kubernetes.protobuf"),
    ("k8s\x00", "application/vnd.kubernetes.protobuf"),
    ("garbage", "application/vnd.kubernetes.protobuf"),
    ("", "application/vnd.kubernetes.protobuf"),
    ("x", "text/plain"),
    ("x", "application/json; charset=latin-1; ="),
    ("{}", ";;;"),
]
PATCHES = [
    ("application/json-patch+json", "{}"),
    ("application/json-patch+json", '[{"op":"remove","path":"/metadata"}]'),
    ("application/json-patch+json", '[{"op":"add","path":"' + "/a" * 3000 + '","value":1}]'),
    ("application/json-patch+json", '[{"op":"x"}]'),
    ("application/json-patch+json", "[3]"),
    ("application/merge-patch+json", "[]"),
    ("application/merge-patch+json", '{"metadata":null}'),
    ("application/merge-patch+json", '{"data":{"a":"\\u0000"}}'),
    ("application/strategic-merge-patch+json", '{"$patch":"delete"}'),
    ("application/strategic-merge-patch+json", '{"metadata":{"finalizers":{"$patch":3}}}'),
    ("application/apply-patch+yaml", "{}"),
    ("application/apply-patch+yaml", ": :"),
    ("application/apply-patch+yaml", DEEP),
]
PATHS = [
    "/",
    "//",
    "/api/",
    "/api//v1",
    "/api/v1/namespaces//pods",
    "/api/v1/namespaces/default/pods/%00/log",
    "/api/v1/namespaces/default/pods/%2e%2e",
    "/api/v1/namespaces/%ED%95%9C/pods",
    "/api/v1/namespaces/default/pods/x/y/z/w",
    "/api/v1/namespaces/default/pods?limit=-1",
    "/api/v1/namespaces/default/pods?limit=" + "9" * 40,
    "/api/v1/namespaces/default/pods?limit=x",
    "/api/v1/namespaces/default/pods?continue=AAAA",
    "/api/v1/namespaces/default/pods?labelSelector=%3D%3D%3D",
    "/api/v1/namespaces/default/pods?fieldSelector=spec.x%3D1",
    "/api/v1/namespaces/default/pods?resourceVersion=-1",
    "/api/v1/namespaces/default/pods?resourceVersion=" + "1" * 5000,
    "/api/v1/namespaces/default/pods?watch=1&timeoutSeconds=-5",
    "/api/v1/namespaces/default/pods?watch=1&timeoutSeconds=1&resourceVersion=x",
    "/api/v1/namespaces/default/pods?watch=1&sendInitialEvents=true",
    "/api/v1/namespaces/default/pods?a=%FF%FE",
    "/apis/" + "x" * 5000,
    "/apis/apps/v1/namespaces/default/deployments/" + "x" * 3000,
    "/openapi/v3/apis/nope/v1",
    "/openapi/v2?hash=x",
    "/readyz/nope",
    "/healthz?exclude=etcd",
    "/kubeconfig/x",
]


def check(answer: Answer) -> None:
    assert answer.status < 500 or answer.status == 504, (answer.status, answer.data[:500])
    assert b"Traceback" not in answer.data
    if answer.data and answer.status >= 400 and answer.headers["Content-Type"].startswith("application/json"):
        assert answer.json["kind"] == "Status"


def test_odd_bodies(api):
    for body, content_type in BODIES:
        for method, path in (("POST", MAPS), ("POST", WEB), ("PUT", f"{MAPS}/x"), ("DELETE", f"{MAPS}/x")):
            check(api.ask(method, path, body.encode("utf-8", "surrogatepass"), Content_Type=content_type))
    assert api.get(MAPS).status == 200


def test_odd_patches(api):
    api.ask("POST", MAPS, {"metadata": {"name": "x"}, "data": {"a": "1"}})
    for content_type, body in PATCHES:
        check(api.ask("PATCH", f"{MAPS}/x?fieldManager=me", body.encode(), Content_Type=content_type))
        check(api.ask("PATCH", f"{MAPS}/x/scale?fieldManager=me", body.encode(), Content_Type=content_type))
    assert api.get(f"{MAPS}/x").json["data"]["a"] == "1"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"])
def test_odd_addresses(api, method):
    for path in PATHS:
        check(api.ask(method, path))


def test_odd_headers(api):
    for name, value in (
        ("Accept", "application/xml"),
        ("Accept", ";;;,,,"),
        ("Accept", "application/json;as=Table;v=v9;g=meta.k8s.io"),
        ("Authorization", "Bearer"),
        ("Authorization", "Basic ::::"),
        ("Authorization", "Bearer " + "x" * 8000),
        ("Authorization", "Bearer a.b.c"),
        ("Impersonate_User", "x" * 3000),
        ("Impersonate_Group", "system:masters"),
        ("Impersonate_Extra_a%ZZ", "x"),
        ("User_Agent", ""),
        ("User_Agent", "x" * 4000),
        ("User_Agent", "<script>/1"),
        ("Host", "evil.example"),
        ("Cookie", "k8sdocs_key_x=y; csrftoken=" + "z" * 4000),
    ):
        for method in ("GET", "POST"):
            body = None if method == "GET" else {"metadata": {"generateName": "x-"}}
            check(api.ask(method, MAPS, body, **{name: value}))
    assert api.get(MAPS).status == 200


def test_chance(api):
    """Half-made requests of every sort, and connections that are hung up in the middle of one."""
    chance = random.Random(7)
    heads = [f"GET {api.base}{path} HTTP/1.1\r\nHost: 127.0.0.1\r\n" for path in PATHS[:6]]
    heads.append(f"POST {api.base}{MAPS} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n")
    heads.append(f"GET {api.base}{MAPS}?watch=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n")
    for _ in range(60):
        with socket.create_connection(("127.0.0.1", api.site.port)) as raw:
            text = f"{chance.choice(heads)}Authorization: Bearer {api.token}\r\n\r\n{{"
            raw.sendall(text[: chance.randrange(1, len(text) + 1)].encode())
    assert api.get(MAPS).status == 200
    log = api.site.log.read_text()
    assert "Traceback" not in log, log[-3000:]


def test_who_asks_too_often_is_told_to_wait(api: API):
    def ask(_: int) -> Answer:
        return api.as_("wrong").get("/version")

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(2 * limits.UNKNOWN_BURST)))
    refused = [answer for answer in answers if answer.status != 200]
    assert refused
    assert {(answer.status, answer.json["reason"]) for answer in refused} == {(429, "TooManyRequests")}
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in refused)
