"""What kubeadm puts on disk: names, signers and lives of certificates (cmd/kubeadm/app/phases/certs/certlist.go)."""

from __future__ import annotations

import pytest

from apps.cluster.kubeadm import pki

NODE, ADDRESS, BALANCER = "control-plane-1", "10.0.0.10", "10.0.0.9"
MADE = {one.name: one for one in pki.certificates(NODE, ADDRESS, ADDRESS)}
CONFIGS = {one.name: one for one in pki.kubeconfigs(NODE, ADDRESS, BALANCER)}


def test_they_are_made_in_kubeadms_order() -> None:
    assert list(MADE) == [
        "ca",
        "apiserver",
        "apiserver-kubelet-client",
        "front-proxy-ca",
        "front-proxy-client",
        "etcd-ca",
        "etcd-server",
        "etcd-peer",
        "etcd-healthcheck-client",
        "apiserver-etcd-client",
    ]


@pytest.mark.parametrize(
    ("name", "subject", "authority", "years"),
    [
        pytest.param("ca", "CN = kubernetes", "", 10, id="the cluster's authority signs itself, for ten years"),
        pytest.param("apiserver", "CN = kube-apiserver", "ca", 1, id="the API server's own"),
        pytest.param("apiserver-kubelet-client", "CN = kube-apiserver-kubelet-client", "ca", 1, id="towards kubelets"),
        pytest.param("front-proxy-client", "CN = front-proxy-client", "front-proxy-ca", 1, id="towards extensions"),
        pytest.param("etcd-server", "CN = control-plane-1", "etcd-ca", 1, id="etcd is named after its node"),
        pytest.param("apiserver-etcd-client", "CN = kube-apiserver-etcd-client", "etcd-ca", 1, id="towards etcd"),
    ],
)
def test_who_is_who(name: str, subject: str, authority: str, years: int) -> None:
    one = MADE[name]
    assert (one.subject, one.authority, one.lasts_ms) == (subject, authority, years * 365 * pki.DAY_MS)


def test_the_api_server_answers_by_all_its_names() -> None:
    names = ["control-plane-1", "kubernetes", "kubernetes.default", "kubernetes.default.svc"]
    names += ["kubernetes.default.svc.cluster.local", "10.96.0.1", ADDRESS]
    assert list(MADE["apiserver"].names) == names
    behind = {one.name: one for one in pki.certificates(NODE, ADDRESS, BALANCER)}["apiserver"]
    assert list(behind.names) == [*names, BALANCER]


@pytest.mark.parametrize(
    ("name", "user", "groups", "host"),
    [
        pytest.param("admin", "kubernetes-admin", ("kubeadm:cluster-admins",), BALANCER, id="by a binding"),
        pytest.param("super-admin", "kubernetes-super-admin", ("system:masters",), BALANCER, id="past every rule"),
        pytest.param("kubelet", "system:node:control-plane-1", ("system:nodes",), BALANCER, id="as its node"),
        pytest.param("controller-manager", "system:kube-controller-manager", (), ADDRESS, id="asks its own machine"),
        pytest.param("scheduler", "system:kube-scheduler", (), ADDRESS, id="and so does the scheduler"),
    ],
)
def test_who_a_kubeconfig_makes_you(name: str, user: str, groups: tuple[str, ...], host: str) -> None:
    one = CONFIGS[name]
    assert (one.user, one.groups, one.server) == (user, groups, f"https://{host}:6443")
