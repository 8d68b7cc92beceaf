"""The manifests that kubeadm writes to /etc/kubernetes/manifests: the control plane as static Pods.

Models      cmd/kubeadm/app/phases/controlplane/manifests.go, phases/etcd/local.go
Leaves out  folders of certificates that only some distributions have; extra arguments, volumes and patches
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from apps.cluster.kubeadm import versions as v
from apps.cluster.machines import Machine

Obj = dict[str, Any]

_PKI = "/etc/kubernetes/pki"
_DIRECTORY, _FILE = "DirectoryOrCreate", "FileOrCreate"
_CERTIFICATES = (("ca-certs", "/etc/ssl/certs", _DIRECTORY), ("k8s-certs", _PKI, _DIRECTORY))


def _probe(path: str, port: int, host: str, **more: int) -> Obj:
    return {
        "httpGet": {"host": host, "path": path, "port": port, "scheme": "HTTPS" if port != 2381 else "HTTP"},
        "timeoutSeconds": 15,
        **more,
    }


def _pod(
    name: str,
    image: str,
    arguments: list[str],
    cpu: str,
    probes: Obj,
    volumes: Sequence[tuple[str, str, str]],
    *,
    annotations: Obj | None = None,
    memory: str = "",
) -> Obj:
    """`arguments`: sorted, as kubeadm writes them. `volumes`: name, path on the machine and in the container, type."""
    requests = {"cpu": cpu, **({"memory": memory} if memory else {})}
    container: Obj = {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": [name, *sorted(arguments)],
        "resources": {"requests": requests},
        **probes,
        "volumeMounts": [
            # Only etcd writes to what it is given, and to all of that.
            {"name": volume, "mountPath": path, **({} if name == "etcd" else {"readOnly": True})}
            for volume, path, _ in volumes
        ],
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    }
    return {
        "metadata": {
            "name": name,
            "namespace": "kube-system",
            "labels": {"component": name, "tier": "control-plane"},
            **({"annotations": annotations} if annotations else {}),
        },
        "spec": {
            "containers": [container],
            "hostNetwork": True,
            "priority": 2000001000,
            "priorityClassName": "system-node-critical",
            "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
            "dnsPolicy": "ClusterFirst",
            "enableServiceLinks": True,
            "schedulerName": "default-scheduler",
            "volumes": [{"name": volume, "hostPath": {"path": path, "type": type_}} for volume, path, type_ in volumes],
        },
    }


def _probes(host: str, port: int, live: str, ready: str) -> Obj:
    return {
        "livenessProbe": _probe(live, port, host, initialDelaySeconds=10, periodSeconds=10, failureThreshold=8),
        "readinessProbe": _probe(ready, port, host, periodSeconds=1, failureThreshold=3),
        "startupProbe": _probe(live, port, host, initialDelaySeconds=10, periodSeconds=10, failureThreshold=24),
    }


def etcd(machine: Machine, version: str, pod_subnet: str, others: Sequence[tuple[str, str]]) -> Obj:
    """`others`: names and addresses of the members that it joins."""
    node, address = machine.name, machine.address
    cluster = ",".join(f"{name}=https://{where}:2380" for name, where in (*others, (node, address)))
    client = f"https://{address}:2379"
    return _pod(
        "etcd",
        v.image("etcd", version),
        [
            f"--advertise-client-urls={client}",
            f"--cert-file={_PKI}/etcd/server.crt",
            "--client-cert-auth=true",
            "--data-dir=/var/lib/etcd",
            "--feature-gates=InitialCorruptCheck=true",
            f"--initial-advertise-peer-urls=https://{address}:2380",
            f"--initial-cluster={cluster}",
            *(["--initial-cluster-state=existing"] if others else []),
            f"--key-file={_PKI}/etcd/server.key",
            f"--listen-client-urls=https://127.0.0.1:2379,{client}",
            "--listen-metrics-urls=http://127.0.0.1:2381",
            f"--listen-peer-urls=https://{address}:2380",
            f"--name={node}",
            f"--peer-cert-file={_PKI}/etcd/peer.crt",
            "--peer-client-cert-auth=true",
            f"--peer-key-file={_PKI}/etcd/peer.key",
            f"--peer-trusted-ca-file={_PKI}/etcd/ca.crt",
            "--snapshot-count=10000",
            f"--trusted-ca-file={_PKI}/etcd/ca.crt",
            "--watch-progress-notify-interval=5s",
        ],
        "100m",
        _probes("127.0.0.1", 2381, "/livez", "/readyz"),
        (("etcd-data", "/var/lib/etcd", _DIRECTORY), ("etcd-certs", f"{_PKI}/etcd", _DIRECTORY)),
        annotations={"kubeadm.kubernetes.io/etcd.advertise-client-urls": client},
        memory="100Mi",
    )


def kube_apiserver(machine: Machine, version: str, pod_subnet: str, others: Sequence[tuple[str, str]]) -> Obj:
    address = machine.address
    return _pod(
        "kube-apiserver",
        v.image("kube-apiserver", version),
        [
            f"--advertise-address={address}",
            "--allow-privileged=true",
            "--authorization-mode=Node,RBAC",
            f"--client-ca-file={_PKI}/ca.crt",
            "--enable-admission-plugins=NodeRestriction",
            "--enable-bootstrap-token-auth=true",
            f"--etcd-cafile={_PKI}/etcd/ca.crt",
            f"--etcd-certfile={_PKI}/apiserver-etcd-client.crt",
            f"--etcd-keyfile={_PKI}/apiserver-etcd-client.key",
            "--etcd-servers=https://127.0.0.1:2379",
            f"--kubelet-client-certificate={_PKI}/apiserver-kubelet-client.crt",
            f"--kubelet-client-key={_PKI}/apiserver-kubelet-client.key",
            "--kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname",
            f"--proxy-client-cert-file={_PKI}/front-proxy-client.crt",
            f"--proxy-client-key-file={_PKI}/front-proxy-client.key",
            "--requestheader-allowed-names=front-proxy-client",
            f"--requestheader-client-ca-file={_PKI}/front-proxy-ca.crt",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-username-headers=X-Remote-User",
            f"--secure-port={v.API_PORT}",
            f"--service-account-issuer=https://kubernetes.default.svc.{v.DNS_DOMAIN}",
            f"--service-account-key-file={_PKI}/sa.pub",
            f"--service-account-signing-key-file={_PKI}/sa.key",
            f"--service-cluster-ip-range={v.SERVICE_SUBNET}",
            f"--tls-cert-file={_PKI}/apiserver.crt",
            f"--tls-private-key-file={_PKI}/apiserver.key",
        ],
        "250m",
        _probes(address, v.API_PORT, "/livez", "/readyz"),
        _CERTIFICATES,
        annotations={"kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint": f"{address}:{v.API_PORT}"},
    )


def kube_controller_manager(machine: Machine, version: str, pod_subnet: str, others: Sequence[tuple[str, str]]) -> Obj:
    conf = "/etc/kubernetes/controller-manager.conf"
    return _pod(
        "kube-controller-manager",
        v.image("kube-controller-manager", version),
        [
            "--allocate-node-cidrs=true",
            f"--authentication-kubeconfig={conf}",
            f"--authorization-kubeconfig={conf}",
            "--bind-address=127.0.0.1",
            f"--client-ca-file={_PKI}/ca.crt",
            f"--cluster-cidr={pod_subnet}",
            f"--cluster-name={v.CLUSTER_NAME}",
            f"--cluster-signing-cert-file={_PKI}/ca.crt",
            f"--cluster-signing-key-file={_PKI}/ca.key",
            "--controllers=*,bootstrapsigner,tokencleaner",
            f"--kubeconfig={conf}",
            "--leader-elect=true",
            f"--requestheader-client-ca-file={_PKI}/front-proxy-ca.crt",
            f"--root-ca-file={_PKI}/ca.crt",
            f"--service-account-private-key-file={_PKI}/sa.key",
            f"--service-cluster-ip-range={v.SERVICE_SUBNET}",
            "--use-service-account-credentials=true",
        ],
        "200m",
        _without_readiness(_probes("127.0.0.1", 10257, "/healthz", "/healthz")),
        (*_CERTIFICATES, ("kubeconfig", conf, _FILE)),
    )


def kube_scheduler(machine: Machine, version: str, pod_subnet: str, others: Sequence[tuple[str, str]]) -> Obj:
    conf = "/etc/kubernetes/scheduler.conf"
    return _pod(
        "kube-scheduler",
        v.image("kube-scheduler", version),
        [
            f"--authentication-kubeconfig={conf}",
            f"--authorization-kubeconfig={conf}",
            "--bind-address=127.0.0.1",
            f"--kubeconfig={conf}",
            "--leader-elect=true",
        ],
        "100m",
        _probes("127.0.0.1", 10259, "/livez", "/readyz"),
        (("kubeconfig", conf, _FILE),),
    )


def _without_readiness(probes: Obj) -> Obj:
    return {name: probe for name, probe in probes.items() if name != "readinessProbe"}


_MAKERS: dict[str, Callable[[Machine, str, str, Sequence[tuple[str, str]]], Obj]] = {
    "etcd": etcd,
    "kube-apiserver": kube_apiserver,
    "kube-controller-manager": kube_controller_manager,
    "kube-scheduler": kube_scheduler,
}
CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")


def manifest(name: str, machine: Machine, version: str, pod_subnet: str, others: Sequence[tuple[str, str]] = ()) -> Obj:
    """The manifest of one of the control plane's programs, on a machine."""
    return _MAKERS[name](machine, version, pod_subnet, others)
