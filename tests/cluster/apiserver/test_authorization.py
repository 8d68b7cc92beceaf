"""Who may do what: RBAC, the Node authorizer, and the words of a refusal."""

from __future__ import annotations

import pytest

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apiserver import Actor
from apps.cluster.apiserver.authentication import SERVICE_ACCOUNTS, User, named, user_of
from apps.cluster.apiserver.authorization import Ask, decide
from apps.cluster.apiserver.authorization.rbac import allows
from apps.cluster.cluster import Cluster, Config
from apps.cluster.kubeadm.bootstrap_objects import policy


def rule(verbs="*", groups="*", resources="*", **more):
    return {"verbs": verbs.split(), "apiGroups": groups.split(","), "resources": resources.split(), **more}


JANE = User("jane", ("dev",))


@pytest.mark.parametrize(
    ("given", "asked", "allowed"),
    [
        pytest.param(rule(), Ask(JANE, "get", "apps", "deployments", "scale"), True, id="stars match everything"),
        pytest.param(rule("get", "", "pods"), Ask(JANE, "get", "", "pods"), True, id="an exact match"),
        pytest.param(rule("get", "", "pods"), Ask(JANE, "list", "", "pods"), False, id="another verb"),
        pytest.param(rule("get", "", "pods"), Ask(JANE, "get", "apps", "pods"), False, id="another group"),
        pytest.param(rule("get", "", "pods"), Ask(JANE, "get", "", "pods", "log"), False, id="not its subresource"),
        pytest.param(rule("get", "", "pods/log"), Ask(JANE, "get", "", "pods", "log"), True, id="the subresource"),
        pytest.param(rule("get", "*", "*/scale"), Ask(JANE, "get", "apps", "rs", "scale"), True, id="any scale"),
        pytest.param(rule("get", "*", "*/scale"), Ask(JANE, "get", "apps", "rs", "status"), False, id="scale alone"),
        pytest.param(
            rule("get", "*", "*/scale"), Ask(JANE, "get", "apps", "scale"), False, id="no resource of the name"
        ),
        pytest.param(
            rule("get", "", "pods", resourceNames=["a"]), Ask(JANE, "get", "", "pods", name="a"), True, id="by name"
        ),
        pytest.param(
            rule("get", "", "pods", resourceNames=["a"]), Ask(JANE, "get", "", "pods"), False, id="a name is needed"
        ),
        pytest.param(
            {"verbs": ["get"], "nonResourceURLs": ["/healthz/*"]},
            Ask(JANE, "get", path="/healthz/etcd"),
            True,
            id="a path by its beginning",
        ),
        pytest.param(
            {"verbs": ["get"], "nonResourceURLs": ["/healthz"]}, Ask(JANE, "get", path="/metrics"), False, id="no path"
        ),
    ],
)
def test_a_rule_allows(given, asked, allowed):
    assert allows(given, asked) is allowed


@pytest.fixture(scope="module")
def booted() -> Cluster:
    return Cluster.boot(Config(workers=1))


@pytest.mark.parametrize(
    "controller", sorted(set(SERVICE_ACCOUNTS.values()) - {"legacy-service-account-token-cleaner"})
)
def test_every_controller_has_a_role_of_its_own(booted, controller):
    table = booted.apiserver.tables
    in_namespaces = {("bootstrap-signer"), ("token-cleaner")}
    assert controller in in_namespaces or f"system:controller:{controller}" in table["clusterrolebindings"]


def test_the_default_policy_is_whole():
    counts = {resource: len(entries) for resource, entries in policy().items()}
    assert counts == {"clusterroles": 69, "clusterrolebindings": 50, "roles": 7, "rolebindings": 7}


def test_aggregated_roles_have_rules(booted):
    roles = booted.apiserver.tables["clusterroles"]
    view, edit, admin = (roles[name]["rules"] for name in ("view", "edit", "admin"))
    assert view
    assert [one for one in view if one not in edit] == []
    assert [one for one in edit if one not in admin] == []


@pytest.mark.parametrize(
    ("user", "asked", "message"),
    [
        pytest.param(
            "jane",
            ("list", "", "pods", "default", ""),
            'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "default"',
            id="nobody bound her",
        ),
        pytest.param(
            "jane",
            ("get", "apps", "deployments", "default", "web"),
            'deployments.apps "web" is forbidden: User "jane" cannot get resource "deployments" in API group "apps" '
            'in the namespace "default"',
            id="by name and group",
        ),
        pytest.param(
            "system:anonymous",
            ("list", "", "nodes", "", ""),
            'nodes is forbidden: User "system:anonymous" cannot list resource "nodes" in API group "" at the cluster '
            "scope",
            id="at the cluster scope",
        ),
        pytest.param(
            "system:serviceaccount:default:default",
            ("get", "", "secrets", "kube-system", "x"),
            'secrets "x" is forbidden: User "system:serviceaccount:default:default" cannot get resource "secrets" in '
            'API group "" in the namespace "kube-system"',
            id="a service account",
        ),
    ],
)
def test_a_refusal_in_upstreams_words(booted, user, asked, message):
    verb, group, what, namespace, name = asked
    with pytest.raises(StatusError) as refused:
        booted.apiserver.authorizer.check(Actor("kubectl", "", user), verb, group, what, "", namespace, name)
    assert refused.value.message == message
    assert (refused.value.code, refused.value.reason, refused.value.stage) == (403, "Forbidden", "authorization")


@pytest.mark.parametrize(
    ("asked", "allowed", "reason"),
    [
        pytest.param(("get", "", "nodes", "", "worker-1"), True, "", id="its own node"),
        pytest.param(
            ("get", "", "nodes", "", "worker-2"),
            False,
            "node 'worker-1' cannot read 'worker-2', only its own Node object",
            id="another node",
        ),
        pytest.param(
            ("get", "", "secrets", "default", "s"),
            False,
            "no relationship found between node 'worker-1' and this object",
            id="a secret that no Pod of its uses",
        ),
        pytest.param(("get", "", "secrets", "default", "used"), True, "", id="a secret that one uses"),
        pytest.param(
            ("create", "", "secrets", "default", ""), False, "can only read resources of this type", id="no writing"
        ),
        pytest.param(
            ("update", "coordination.k8s.io", "leases", "kube-node-lease", "worker-2"),
            False,
            "can only access node lease with the same name as the requesting node",
            id="another's lease",
        ),
        pytest.param(("create", "", "events", "default", ""), True, "", id="events by rule"),
    ],
)
def test_a_node_may(asked, allowed, reason):
    pod = {
        "metadata": {"name": "p", "namespace": "default"},
        "spec": {
            "nodeName": "worker-1",
            "containers": [{"name": "c"}],
            "volumes": [{"name": "v", "secret": {"secretName": "used"}}],
        },
    }
    roles = {role["metadata"]["name"]: role for role in policy()["clusterroles"]}
    tables = {"pods": {"default/p": pod}, "clusterroles": roles}
    verb, group, resource, namespace, name = asked
    answer = decide(tables, Ask(user_of(Actor("kubelet", "worker-1")), verb, group, resource, "", namespace, name))
    assert (answer.allowed, answer.reason) == (allowed, reason)


def test_a_binding_takes_effect_at_once_and_ends_at_once():
    cluster = Cluster.boot(Config(workers=1))
    jane = Actor("kubectl", "", "jane")

    def attempt() -> None:
        cluster.apiserver.create(jane, "configmaps", {"metadata": {"name": "c", "generateName": ""}}, dry_run=True)

    with pytest.raises(StatusError):
        attempt()
    cluster.execute(
        {
            "op": "apply",
            "objects": [
                {
                    "apiVersion": "rbac.authorization.k8s.io/v1",
                    "kind": "RoleBinding",
                    "metadata": {"name": "jane"},
                    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"},
                    "subjects": [{"kind": "User", "name": "jane", "apiGroup": "rbac.authorization.k8s.io"}],
                }
            ],
        }
    )
    attempt()
    cluster.execute({"op": "delete", "resource": "rolebindings", "namespace": "default", "name": "jane"})
    with pytest.raises(StatusError):
        attempt()


def test_impersonating_an_account_brings_its_groups():
    assert named("system:serviceaccount:a:b").groups == (
        "system:serviceaccounts",
        "system:serviceaccounts:a",
        "system:authenticated",
    )
