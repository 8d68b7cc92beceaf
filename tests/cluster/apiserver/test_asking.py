"""In somebody else's name: kubectl --as, reviews, and what nobody may grant."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apiserver import Actor
from apps.cluster.cluster import Cluster, Config

RBAC = "rbac.authorization.k8s.io"


def role(name: str, *rules: tuple[str, str, str]) -> dict[str, Any]:
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "Role",
        "metadata": {"name": name},
        "rules": [
            {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split()}
            for group, resources, verbs in rules
        ],
    }


def binding(name: str, to: str, user: str, kind: str = "Role") -> dict[str, Any]:
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": RBAC, "kind": kind, "name": to},
        "subjects": [{"kind": "User", "name": user, "apiGroup": RBAC}],
    }


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    made = Cluster.boot(Config(workers=1))
    rules = (("", "configmaps", "get create"), (RBAC, "roles rolebindings", "get create update"))
    made.execute({"op": "apply", "objects": [role("writer", *rules), binding("jane", "writer", "jane")]})
    return made


def as_jane(cluster: Cluster, obj: dict[str, Any], op: str = "apply") -> str:
    try:
        cluster.execute({"op": op, "objects": [obj], "as": "jane", "as_groups": ["dev"]})
    except StatusError as error:
        return error.message
    return ""


def test_a_reader_may_ask_in_anothers_name(cluster):
    assert as_jane(cluster, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}) == ""
    step = next(step for step in reversed(cluster.trace.steps) if step.ref == "configmaps/default/c")
    assert step.asker == "jane\ndev"
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": []}}
    refused = 'pods "p" is forbidden: User "jane" cannot get resource "pods" in API group "" in the namespace "default"'
    assert as_jane(cluster, pod) == refused
    assert as_jane(cluster, pod, "create") == (
        'pods is forbidden: User "jane" cannot create resource "pods" in API group "" in the namespace "default"'
    )


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        pytest.param(role("less", ("", "configmaps", "get")), "", id="less than she may"),
        pytest.param(
            role("more", ("", "configmaps secrets", "get list")),
            'roles.rbac.authorization.k8s.io "more" is forbidden: user "jane" (groups=["dev" "system:authenticated"]) '
            "is attempting to grant RBAC permissions not currently held:\n"
            '{APIGroups:[""], Resources:["configmaps"], Verbs:["list"]}\n'
            '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}',
            id="more than she may",
        ),
        pytest.param(binding("self", "writer", "joe"), "", id="a binding to what she may"),
        pytest.param(
            binding("lost", "nowhere", "joe"), 'roles.rbac.authorization.k8s.io "nowhere" not found', id="to no role"
        ),
    ],
)
def test_nobody_grants_what_they_do_not_have(cluster, obj, message):
    assert as_jane(cluster, obj, "create") == message


def test_nobody_becomes_cluster_admin_by_binding(cluster):
    told = as_jane(cluster, binding("root", "cluster-admin", "jane", "ClusterRole"), "create")
    assert told.startswith('rolebindings.rbac.authorization.k8s.io "root" is forbidden: user "jane" (groups=["dev" ')
    assert '{APIGroups:["*"], Resources:["*"], Verbs:["*"]}\n{NonResourceURLs:["*"], Verbs:["*"]}' in told


ADMIN = Actor("kubectl")


def review(cluster: Cluster, resource: str, spec: dict[str, Any], actor: Actor = ADMIN) -> dict[str, Any]:
    return cluster.apiserver.create(actor, resource, {"metadata": {}, "spec": spec})["status"]


JANE = Actor("kubectl", "", "jane", ("dev",))


def test_reviews_answer_the_truth(cluster):
    before = cluster.revision
    assert review(cluster, "selfsubjectreviews", {}) == {
        "userInfo": {"username": "kubernetes-admin", "groups": ["kubeadm:cluster-admins", "system:authenticated"]}
    }
    wanted = {"resourceAttributes": {"verb": "get", "resource": "configmaps", "namespace": "default"}}
    assert review(cluster, "selfsubjectaccessreviews", wanted, JANE) == {
        "allowed": True,
        "reason": 'RBAC: allowed by RoleBinding "jane/default" of Role "writer" to User "jane"',
    }
    asked = {"user": "jane", "resourceAttributes": {"verb": "delete", "resource": "nodes"}}
    assert review(cluster, "subjectaccessreviews", asked) == {"allowed": False}
    node = {
        "user": "system:node:worker-1",
        "groups": ["system:nodes"],
        "resourceAttributes": {"verb": "get", "resource": "nodes", "name": "control-plane-1"},
    }
    assert review(cluster, "subjectaccessreviews", node) == {
        "allowed": False,
        "reason": "node 'worker-1' cannot read 'control-plane-1', only its own Node object",
    }
    version = {"nonResourceAttributes": {"verb": "get", "path": "/version"}}
    assert review(cluster, "selfsubjectaccessreviews", version, JANE)["allowed"]
    rules = review(cluster, "selfsubjectrulesreviews", {"namespace": "default"}, JANE)
    assert {"verbs": ["get", "create"], "apiGroups": [""], "resources": ["configmaps"]} in rules["resourceRules"]
    assert rules["incomplete"] is False
    assert cluster.revision == before, "a review is never stored"
