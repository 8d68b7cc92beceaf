"""The door over real HTTP: who may ask, what the statuses and headers are, what is kept in the log."""

from __future__ import annotations

import gzip

import pytest

from tests.kubeapi.conftest import API

PODS = "/api/v1/namespaces/default/pods"
MAPS = "/api/v1/namespaces/default/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"


def a_map(name: str, **data: str) -> dict:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


@pytest.mark.parametrize(
    ("token", "method", "path", "status", "reason"),
    [
        pytest.param(None, "GET", PODS, 401, "Unauthorized", id="nobody may not read"),
        pytest.param("wrong", "GET", PODS, 401, "Unauthorized", id="a wrong token is nobody"),
        pytest.param(None, "GET", "/version", 200, "", id="anybody may ask the version"),
        pytest.param(None, "GET", "/healthz", 200, "", id="and whether it is well"),
        pytest.param("key", "GET", "/api", 200, "", id="the key may read"),
        pytest.param("view", "GET", PODS, 200, "", id="the view token may read"),
        pytest.param("view", "GET", "/api/v1/secrets", 403, "Forbidden", id="but no Secrets"),
        pytest.param("view", "DELETE", f"{PODS}/x", 403, "Forbidden", id="and change nothing"),
        pytest.param("key", "GET", f"{PODS}/nope", 404, "NotFound", id="no such Pod"),
        pytest.param("key", "GET", "/apis/nope/v1/foos", 404, "", id="no such group"),
        pytest.param("key", "PUT", PODS, 405, "MethodNotAllowed", id="nothing puts a collection"),
        pytest.param("key", "OPTIONS", PODS, 405, "MethodNotAllowed", id="no options"),
        pytest.param("key", "GET", f"{PODS}?resourceVersion=999999", 504, "Timeout", id="a version to come"),
    ],
)
def test_who_may_ask_what(api, token, method, path, status, reason):
    tokens = {"key": api.made["key"], "view": api.made["view_token"]}
    answer = api.as_(tokens.get(token, token)).ask(method, path)
    assert answer.status == status, answer.data
    if reason:
        assert (answer.json["kind"], answer.json["reason"], answer.json["code"]) == ("Status", reason, status)
    assert answer.headers["Audit-Id"]


def test_no_such_scenario(api):
    api.base = "/k8s/zzzzzzzzzz"
    answer = api.get("/api")
    assert (answer.status, answer.json["reason"]) == (404, "NotFound")


def test_what_is_written_is_in_the_log_and_what_is_refused_is_not(api):
    made = api.ask("POST", MAPS, a_map("one", a="1"), User_Agent="kubectl/v1.32.4 (linux/amd64)")
    assert made.status == 201
    uid = made.json["metadata"]["uid"]
    assert api.ask("POST", MAPS, a_map("one")).json["reason"] == "AlreadyExists"
    assert api.ask("POST", f"{MAPS}?dryRun=All", a_map("two")).status == 201
    assert api.ask("PUT", f"{MAPS}/one", a_map("one", a="1")).status == 200  # changes nothing
    stale = {**a_map("one", a="2"), "metadata": {"name": "one", "resourceVersion": "1"}}
    assert api.ask("PUT", f"{MAPS}/one", stale).status == 409
    assert api.ask("POST", DEPLOYMENTS, {"metadata": {"name": "empty"}}).status == 422
    assert api.ask("POST", MAPS, b"x", Content_Type="text/plain").status == 415
    assert api.ask("POST", MAPS, b"{", Content_Type="application/json").status == 400
    assert api.ask("DELETE", f"{MAPS}/one", {"preconditions": {"uid": "other"}}).status == 409
    log = api.log()
    assert [command["text"] for command in log] == ["kubectl: POST configmaps/one"]
    step = next(s for s in api.site.get(f"/en/s/{api.made['id']}/steps/")["steps"] if s["ref"].endswith("/one"))
    assert (step["who"], step["verb"]) == ("kubectl", "create")
    assert api.ask("DELETE", f"{MAPS}/one", {"preconditions": {"uid": uid}}).status == 200
    assert len(api.log()) == 2


def test_a_patch_of_each_kind(api):
    api.ask("POST", MAPS, a_map("one", a="1"))
    for content_type, body in (
        ("application/merge-patch+json", {"data": {"b": "2"}}),
        ("application/strategic-merge-patch+json", {"data": {"c": "3"}}),
        ("application/json-patch+json", [{"op": "add", "path": "/data/d", "value": "4"}]),
    ):
        assert api.ask("PATCH", f"{MAPS}/one", body, Content_Type=content_type).status == 200
    text = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {e: '5'}\n"
    path = f"{MAPS}/one?fieldManager=me"
    applied = api.ask("PATCH", path, text, Content_Type="application/apply-patch+yaml")
    assert applied.json["data"] == {"a": "1", "b": "2", "c": "3", "d": "4", "e": "5"}
    assert api.ask("PATCH", f"{MAPS}/one", b"x", Content_Type="text/plain").status == 415


def test_warnings_and_strict_validation_reach_the_client(api):
    body = '{"metadata":{"name":"w"},"data":{"a":"1"},"daten":1,"data":{"a":"2"}}'
    json_type = {"Content_Type": "application/json"}
    warned = api.ask("POST", f"{MAPS}?fieldValidation=Warn", body, **json_type)
    assert warned.status == 201
    assert warned.headers.get_all("Warning") == [
        '299 - "unknown field \\"daten\\""',
        '299 - "duplicate field \\"data\\""',
    ]
    assert api.ask("POST", f"{MAPS}?fieldValidation=Strict", body.replace('"w"', '"s"'), **json_type).status == 400


def test_limits_are_named(api):
    long = a_map("big", a="x" * (1024 * 1024))
    answer = api.ask("POST", MAPS, long)
    assert (answer.status, answer.json["message"]) == (413, "Request entity too large: limit is 1048576")
    many = api.ask("POST", DEPLOYMENTS, {"metadata": {"name": "many"}, "spec": {"replicas": 100_000}})
    assert many.status == 422
    assert "1,000" in many.json["message"]


def test_big_answers_are_packed_for_who_can_unpack_them(api):
    for name in ("one", "two"):
        api.ask("POST", MAPS, a_map(name, a="x" * 90_000))
    plain, packed = api.get(MAPS), api.get(MAPS, Accept_Encoding="gzip")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert "Content-Encoding" not in api.get(f"{MAPS}/one", Accept_Encoding="gzip").headers


def test_who_has_discovery_already_is_told_so(api):
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    first = api.get("/apis", Accept=accept)
    again = api.get("/apis", Accept=accept, If_None_Match=first.headers["Etag"])
    assert (again.status, again.data, again.headers["Etag"]) == (304, b"", first.headers["Etag"])
    assert api.get("/apis", Accept=accept, If_None_Match='"other"').status == 200


def test_a_page_of_the_site_may_read_and_with_the_cookie_and_its_token_write(api):
    page = api.as_(None)
    assert page.get(PODS, Sec_Fetch_Site="same-origin").status == 200
    assert page.get(PODS, Sec_Fetch_Site="cross-site").status == 401
    assert page.get(PODS, Referer=f"http://127.0.0.1:{api.site.port}/en/s/{api.made['id']}/").status == 200
    assert page.get(PODS, Referer="https://evil.example/").status == 401
    assert page.get(PODS, Referer="http://[").status == 401
    assert page.ask("POST", MAPS, a_map("x"), Sec_Fetch_Site="same-origin").status == 403
    cookie = f"k8sdocs_key_{api.made['id']}={api.made['key']}; csrftoken={'a' * 32}"
    origin = f"http://127.0.0.1:{api.site.port}"
    refused = page.ask("POST", MAPS, a_map("x"), Cookie=cookie, Origin=origin)
    assert (refused.status, "X-CSRFToken" in refused.json["message"]) == (403, True)
    foreign = page.ask("POST", MAPS, a_map("x"), Cookie=cookie, X_CSRFToken="a" * 32, Origin="https://evil.example")
    assert foreign.status == 403
    assert page.ask("POST", MAPS, a_map("x"), Cookie=cookie, X_CSRFToken="a" * 32, Origin=origin).status == 201


def test_the_kubeconfig_holds_the_token_of_who_asks(api):
    """In the address, where there is no TLS: kubectl would keep it to itself."""
    assert f"/k8s/{api.made['id']}:{api.made['key']}\n" in api.get("/kubeconfig").data.decode()
    nobody = api.as_(None)
    told = nobody.get("/kubeconfig").data.decode()
    assert f"/k8s/{api.made['id']}:" in told
    assert api.made["key"] not in told  # one that reads
    nobody.base += f":{api.made['view_token']}"
    assert nobody.get(PODS).status == 200
    nobody.base += "x"
    assert nobody.get(PODS).status == 401


def test_asking_in_another_name_is_told_in_the_log(api: API):
    asked = api.ask("POST", MAPS, a_map("one"), Impersonate_User="jane")
    assert asked.json["message"].startswith('configmaps is forbidden: User "jane" cannot create')
    group = api.ask("POST", MAPS, a_map("one"), Impersonate_User="jane", Impersonate_Group="kubeadm:cluster-admins")
    assert group.status == 201
    assert api.log()[-1]["text"].endswith("--as=jane --as-group=kubeadm:cluster-admins")


def test_the_version_says_that_it_is_a_model(api):
    version = api.get("/version").json
    assert (version["major"], version["minor"], version["gitVersion"]) == ("1", "36", "v1.36.2")
    assert "model" in version["gitCommit"]


def test_an_address_without_its_beginning_is_found_by_the_token(api):
    """kubectl get --raw leaves the path of the server's address out."""
    api.base = ""
    assert api.get("/api/v1/nodes").json["kind"] == "NodeList"
    raw = api.as_(api.made["view_token"])
    raw.base = ""
    assert raw.get("/version").json["minor"] == "36"
    raw = api.as_("wrong")
    raw.base = ""
    assert raw.get("/healthz").data == b"ok\n"  # the site's own


def test_a_token_of_an_account_is_let_in_and_reviewed(api):
    account = "/api/v1/namespaces/default/serviceaccounts/default"
    token = api.ask("POST", f"{account}/token", {"spec": {"expirationSeconds": 600}}).json["status"]["token"]
    review = {"spec": {"token": token}}
    status = api.ask("POST", "/apis/authentication.k8s.io/v1/tokenreviews", review).json["status"]
    assert (status["authenticated"], status["user"]["username"]) == (True, "system:serviceaccount:default:default")
    wrong = {"spec": {"token": f"{token[:-4]}AAAA"}}
    status = api.ask("POST", "/apis/authentication.k8s.io/v1/tokenreviews", wrong).json["status"]
    assert status == {"user": {}, "error": "invalid bearer token"}
    asker = api.as_(token)
    assert asker.get("/version").status == 200
    refused = asker.get(PODS)
    assert refused.status == 403
    assert 'User "system:serviceaccount:default:default" cannot list resource "pods"' in refused.json["message"]
    grant = {
        "metadata": {"name": "edit"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "default"}],
        "roleRef": {"kind": "ClusterRole", "name": "edit", "apiGroup": "rbac.authorization.k8s.io"},
    }
    bindings = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings"
    assert api.ask("POST", bindings, grant).status == 201
    assert asker.ask("POST", MAPS, a_map("mine")).status == 201
    assert asker.ask("DELETE", f"{bindings}/edit").status == 403
    assert [command["text"].partition(" -")[0] for command in api.log()][-1] == "HTTP: POST configmaps/mine"
    assert api.as_(f"{token[:-4]}AAAA").get(PODS).status == 401
