"""Requests with Impersonate headers: who may be taken for whom, and what is answered when they may not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apps.cluster.apiserver.authentication import User
from apps.cluster.apiserver.requests import Request, Response, handle
from apps.cluster.apiserver.requests.messages import ADMIN
from apps.cluster.cluster import Cluster, Config
from tests.cluster.apiserver.test_asking import RBAC, binding, role

AUTHN = "authentication.k8s.io"
JANE = User("jane", ("dev", "system:authenticated"))
PODS = "/api/v1/namespaces/default/pods"
MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    made = Cluster.boot(Config(workers=1))
    rules = (("", "configmaps", "get create"), (RBAC, "roles rolebindings", "get create update"))
    made.execute({"op": "apply", "objects": [role("writer", *rules), binding("jane", "writer", "jane")]})
    return made


def may(*rules: tuple[str, str, str]) -> list[dict[str, Any]]:
    """What jane is allowed cluster-wide."""
    granted = role("impersonator", *rules)
    bound = binding("impersonator", "impersonator", "jane", "ClusterRole")
    for obj in (granted, bound):
        obj["kind"] = f"Cluster{obj['kind']}"
    return [granted, bound]


def asked(cluster: Cluster, path: str, user: User = ADMIN, **headers: str | tuple[str, ...]) -> Response:
    named = {f"Impersonate-{name}": value for name, value in headers.items()}
    return handle(cluster.apiserver, Request("GET", path, headers=named, user=user))


def test_the_administrator_reads_as_somebody_else(cluster):
    assert asked(cluster, PODS).status == 200
    refused = asked(cluster, PODS, User="bob").body
    text = 'pods is forbidden: User "bob" cannot list resource "pods" in API group "" in the namespace "default"'
    assert (refused["code"], refused["message"]) == (403, text)
    assert asked(cluster, PODS, User="bob", Group=("dev", "system:masters")).status == 200
    assert asked(cluster, f"{MAPS}/kube-root-ca.crt", User="jane").status == 200


def test_what_is_written_in_anothers_name_is_that_ones(cluster):
    headers = {"Impersonate-User": "jane", "Content-Type": "application/json"}
    body = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"hers"}}'
    assert handle(cluster.apiserver, Request("POST", MAPS, headers=headers, body=body)).status == 201
    step = next(step for step in reversed(cluster.trace.steps) if step.ref == "configmaps/default/hers")
    assert step.asker.partition("\n")[0] == "jane"


def test_an_accounts_groups_come_with_its_name(cluster):
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    headers = {"Impersonate-User": "system:serviceaccount:dev:builder", "Content-Type": "application/json"}
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    response = handle(cluster.apiserver, Request("POST", path, headers=headers, body=json.dumps(review)))
    assert response.body["status"]["userInfo"] == {
        "username": "system:serviceaccount:dev:builder",
        "groups": ["system:serviceaccounts", "system:serviceaccounts:dev", "system:authenticated"],
    }


@pytest.mark.parametrize(
    ("rules", "headers", "said"),
    [
        pytest.param(
            (),
            {"User": "bob"},
            'pods is forbidden: User "jane" cannot impersonate-on:user-info:list resource "pods" in API group "" '
            'in the namespace "default"',
            id="nobody's name at all",
        ),
        pytest.param(
            (("", "pods", "impersonate-on:user-info:list"),),
            {"User": "bob"},
            'users.authentication.k8s.io "bob" is forbidden: User "jane" cannot impersonate:user-info resource "users" '
            'in API group "authentication.k8s.io" at the cluster scope',
            id="not this one's",
        ),
        pytest.param(
            (("", "users", "impersonate"),),
            {"User": "system:node:worker-1", "Group": "system:nodes"},
            'groups "system:nodes" is forbidden: User "jane" cannot impersonate resource "groups" in API group "" '
            "at the cluster scope",
            id="a node's group is asked for as ever",
        ),
        pytest.param(
            (),
            {"User": "system:serviceaccount:dev:builder"},
            'pods is forbidden: User "jane" cannot impersonate-on:serviceaccount:list resource "pods" in API group "" '
            'in the namespace "default"',
            id="an account's name",
        ),
        pytest.param(
            (("", "pods", "impersonate-on:user-info:list"), (AUTHN, "users groups", "*")),
            {"User": "bob", "Group": ("system:masters",)},
            'groups.authentication.k8s.io "system:masters" is forbidden: User "jane" cannot impersonate:user-info '
            'resource "groups" in API group "authentication.k8s.io" at the cluster scope: '
            "impersonating the system:masters group is not allowed",
            id="the masters are nobody's to be",
        ),
        pytest.param(
            (("", "users", "impersonate"),),
            {"User": "bob"},
            'pods is forbidden: User "bob" cannot list resource "pods" in API group "" in the namespace "default"',
            id="allowed, and bob may not",
        ),
        pytest.param(
            (
                ("", "pods", "impersonate-on:user-info:list"),
                (AUTHN, "users", "impersonate:user-info"),
            ),
            {"User": "bob"},
            'pods is forbidden: User "bob" cannot list resource "pods" in API group "" in the namespace "default"',
            id="allowed for this verb, and bob may not",
        ),
    ],
)
def test_who_may_take_whose_name(cluster, rules, headers, said):
    cluster = Cluster.restore(cluster.snapshot())
    if rules:
        cluster.execute({"op": "apply", "objects": may(*rules)})
    refused = asked(cluster, PODS, JANE, **headers).body
    assert (refused["code"], refused["message"]) == (403, said)


def test_groups_without_a_user_are_a_bad_request(cluster):
    refused = asked(cluster, PODS, Group="dev").body
    shown = '&user.DefaultInfo{Name:"", UID:"", Groups:[]string{"dev"}, Extra:map[string][]string(nil)}'
    assert (refused["code"], refused["message"]) == (400, f"requested {shown} without impersonating a user name")
