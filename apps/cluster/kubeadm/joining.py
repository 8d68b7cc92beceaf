"""kubeadm join, phase by phase: a worker, or a further control plane.

Models      cmd/kubeadm/app/cmd/join.go and cmd/phases/join (1.36), discovery/token/token.go
Leaves out  --control-plane without --certificate-key; what a phase takes is ours
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.kubeadm import pki, static_manifests, tls_bootstrap, tokens

if TYPE_CHECKING:
    from apps.cluster.kubeadm.workflow import Kubeadm
    from apps.cluster.machines import Machine

NAME = "kubeadm"
WAIT_MS = 500
PATIENCE = 600  # looks at what is waited for: five minutes
PLANE = "plane:"  # before the phases of a control plane's join
Act = Callable[["Kubeadm", "Machine"], bool]  # True asks for another try


def run(kubeadm: Kubeadm, node: str, key: str) -> None:
    """One phase of a machine's join. `key` is its number, after PLANE for a control plane, and the tries so far."""
    phases = _CONTROL_PLANE if key.startswith(PLANE) else _WORKER
    prefix = PLANE if key.startswith(PLANE) else ""
    text, _, tried = key.removeprefix(PLANE).partition("/")
    index, tries = int(text), int(tried or 0)
    machine = kubeadm.machine(node)
    if machine is None or machine.power != "on":
        return  # taken away while it was joining, or it joins when it is switched on: its kubelet finds the API server
    phase, takes_ms, act = phases[index]
    if not tries:
        kubeadm.note(node, phase)
    try:
        again = act is not None and act(kubeadm, machine)
    except StatusError:
        again = True  # nobody answers
    if again:
        if tries < PATIENCE:
            kubeadm.wake(f"{node} {prefix}{index}/{tries + 1}", WAIT_MS)
        else:
            kubeadm.tell(node, "gave-up", phase=phase)
        return
    if index + 1 < len(phases):
        kubeadm.wake(f"{node} {prefix}{index + 1}", takes_ms)
    elif prefix:
        kubeadm.join_next_control_plane()


# ---- both -------------------------------------------------------------------------------------------


def _discover(kubeadm: Kubeadm, machine: Machine) -> bool:
    """Read cluster-info as nobody, and believe it because the token has signed it. Without a token, one is made."""
    client = kubeadm.client(machine.name)
    if kubeadm.problem(machine.name) is not None:
        return True
    identity = tokens.usable(client, kubeadm.now_ms)
    if not identity:
        identity, value = tokens.drawn(kubeadm.random)
        secret = tokens.secret(identity, value, kubeadm.now_ms)
        kubeadm.client().create("secrets", secret, why="kubeadm.token-create", token=identity)
    if not tokens.vouched(client, identity):
        return True
    kubeadm.tell(machine.name, "discover", token=identity)
    return False


def _start_kubelet(kubeadm: Kubeadm, machine: Machine) -> bool:
    """Its files, then the kubelet itself, which has but the token and asks for a certificate."""
    node = machine.name
    if node not in kubeadm.requests:
        for path in ("/etc/kubernetes/bootstrap-kubelet.conf", f"{pki.PKI}/ca.crt", "/var/lib/kubelet/config.yaml"):
            kubeadm.tell(node, "write-file", path=path)
        kubeadm.kubelet(node).start(connect=False)
        kubeadm.requests[node] = ""
    if kubeadm.problem(node) is not None:
        return True
    client = kubeadm.client(node)
    identity = tokens.usable(client, kubeadm.now_ms)
    if not identity:
        return True
    kubeadm.requests[node] = tls_bootstrap.request(tls_bootstrap.bearer(client, node, identity), node)
    return False


def _wait_bootstrap(kubeadm: Kubeadm, machine: Machine) -> bool:
    node = machine.name
    if kubeadm.problem(node) is not None:
        return True
    name = kubeadm.requests.get(node, "")
    if name:
        if not tls_bootstrap.granted(kubeadm.client(node), name):
            return True
        del kubeadm.requests[node]
        kubeadm.tell(node, "write-file", path="/etc/kubernetes/kubelet.conf")
        kubeadm.tell(node, "remove-file", path="/etc/kubernetes/bootstrap-kubelet.conf")
    kubelet = kubeadm.kubelet(node)
    kubelet.connect()
    return not kubelet.connected


# ---- a control plane ---------------------------------------------------------------------------------


def _download_certs(kubeadm: Kubeadm, machine: Machine) -> bool:
    if "kube-system/kubeadm-certs" not in kubeadm.tables("secrets"):
        if kubeadm.endpoint_problem(machine.name) is not None:
            return True
        kubeadm.upload_certs()  # its two hours are over: the administrator asks for it again
    for path in (
        *(f"{pki.PKI}/{name}" for name in ("ca.crt", "front-proxy-ca.crt", "etcd/ca.crt")),
        f"{pki.PKI}/sa.key",
    ):
        kubeadm.tell(machine.name, "write-file", path=path)
    return False


def _certs(kubeadm: Kubeadm, machine: Machine) -> bool:
    for certificate in pki.certificates(machine.name, machine.address, kubeadm.address):
        if certificate.authority:
            kubeadm.tell_certificate(machine.name, certificate)
    return False


def _kubeconfig(kubeadm: Kubeadm, machine: Machine) -> bool:
    for one in pki.kubeconfigs(machine.name, machine.address, kubeadm.address):
        if one.name in ("admin", "controller-manager", "scheduler"):
            kubeadm.tell_kubeconfig(machine.name, one)
    return False


def _manifests(kubeadm: Kubeadm, machine: Machine) -> bool:
    for name in static_manifests.CONTROL_PLANE:
        kubeadm.put_manifest(machine, name)
    return False


def _etcd_join(kubeadm: Kubeadm, machine: Machine) -> bool:
    others = [(one.name, one.address) for one in kubeadm.control_planes() if one.name != machine.name]
    others = [one for one in others if kubeadm.up(one[0])]
    kubeadm.put_manifest(machine, "etcd", others)
    return False


def _mark(kubeadm: Kubeadm, machine: Machine) -> bool:
    if machine.name not in kubeadm.tables("nodes"):
        return True
    kubeadm.mark(machine.name)
    return False


def _wait_control_plane(kubeadm: Kubeadm, machine: Machine) -> bool:
    return not kubeadm.up(machine.name)


# Phase, ms until the next one begins, what it does.
_WORKER: tuple[tuple[str, int, Act | None], ...] = (
    ("preflight", 300, _discover),
    ("kubelet-start", 400, _start_kubelet),
    ("kubelet-wait-bootstrap", 0, _wait_bootstrap),
)
_CONTROL_PLANE: tuple[tuple[str, int, Act | None], ...] = (
    ("preflight", 300, _discover),
    ("control-plane-prepare/download-certs", 100, _download_certs),
    ("control-plane-prepare/certs", 200, _certs),
    ("control-plane-prepare/kubeconfig", 100, _kubeconfig),
    ("control-plane-prepare/control-plane", 20, _manifests),
    ("check-etcd", 50, None),
    ("kubelet-start", 100, _start_kubelet),
    ("etcd-join", 100, _etcd_join),
    ("kubelet-wait-bootstrap", 50, _wait_bootstrap),
    ("control-plane-join/mark-control-plane", 50, _mark),
    ("wait-control-plane", 100, _wait_control_plane),
)
