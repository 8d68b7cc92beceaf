"""The manifests that kubeadm writes to /etc/kubernetes/manifests: the control plane as static Pods.

Models      cmd/kubeadm/app/phases/controlplane/manifests.go, phases/etcd/local.go
Leaves out  flags that say nothing to a reader (paths of certificates); volumes of certificates; security contexts
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apps.cluster.kubeadm import versions as v

Obj = dict[str, Any]


def _probe(path: str, port: int, host: str, **more: int) -> Obj:
    return {
        "httpGet": {"host": host, "path": path, "port": port, "scheme": "HTTPS" if port != 2381 else "HTTP"},
        "timeoutSeconds": 15,
        **more,
    }


def _pod(name: str, image: str, command: list[str], cpu: str, probes: Obj, annotations: Obj, memory: str = "") -> Obj:
    requests = {"cpu": cpu, **({"memory": memory} if memory else {})}
    container: Obj = {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": command,
        "resources": {"requests": requests},
        **probes,
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    }
    return {
        "metadata": {
            "name": name,
            "namespace": "kube-system",
            "labels": {"component": name, "tier": "control-plane"},
            "annotations": annotations,
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
        },
    }


def _probes(host: str, port: int, live: str, ready: str) -> Obj:
    return {
        "livenessProbe": _probe(live, port, host, initialDelaySeconds=10, periodSeconds=10, failureThreshold=8),
        "readinessProbe": _probe(ready, port, host, periodSeconds=1, failureThreshold=3),
        "startupProbe": _probe(live, port, host, initialDelaySeconds=10, periodSeconds=10, failureThreshold=24),
    }


def etcd(node: str, address: str, others: Sequence[tuple[str, str]] = ()) -> Obj:
    """`others`: names and addresses of the members that it joins."""
    cluster = ",".join(f"{name}=https://{where}:2380" for name, where in (*others, (node, address)))
    client = f"https://{address}:2379"
    return _pod(
        "etcd",
        v.CONTROL_PLANE_IMAGES[3],
        [
            "etcd",
            f"--advertise-client-urls={client}",
            "--client-cert-auth=true",
            "--data-dir=/var/lib/etcd",
            f"--initial-advertise-peer-urls=https://{address}:2380",
            f"--initial-cluster={cluster}",
            *(["--initial-cluster-state=existing"] if others else []),
            f"--listen-client-urls=https://127.0.0.1:2379,{client}",
            "--listen-metrics-urls=http://127.0.0.1:2381",
            f"--listen-peer-urls=https://{address}:2380",
            f"--name={node}",
            "--snapshot-count=10000",
        ],
        "100m",
        _probes("127.0.0.1", 2381, "/livez", "/readyz"),
        {"kubeadm.kubernetes.io/etcd.advertise-client-urls": client},
        memory="100Mi",
    )


def kube_apiserver(node: str, address: str) -> Obj:
    return _pod(
        "kube-apiserver",
        v.CONTROL_PLANE_IMAGES[0],
        [
            "kube-apiserver",
            f"--advertise-address={address}",
            "--allow-privileged=true",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--enable-bootstrap-token-auth=true",
            "--etcd-servers=https://127.0.0.1:2379",
            f"--secure-port={v.API_PORT}",
            f"--service-cluster-ip-range={v.SERVICE_SUBNET}",
        ],
        "250m",
        _probes(address, v.API_PORT, "/livez", "/readyz"),
        {"kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint": f"{address}:{v.API_PORT}"},
    )


def kube_controller_manager(node: str, address: str) -> Obj:
    return _pod(
        "kube-controller-manager",
        v.CONTROL_PLANE_IMAGES[1],
        [
            "kube-controller-manager",
            "--allocate-node-cidrs=true",
            "--bind-address=127.0.0.1",
            f"--cluster-cidr={v.POD_SUBNET}",
            f"--cluster-name={v.CLUSTER_NAME}",
            "--controllers=*,bootstrapsigner,tokencleaner",
            "--leader-elect=true",
            f"--service-cluster-ip-range={v.SERVICE_SUBNET}",
            "--use-service-account-credentials=true",
        ],
        "200m",
        _without_readiness(_probes("127.0.0.1", 10257, "/healthz", "/healthz")),
        {},
    )


def kube_scheduler(node: str, address: str) -> Obj:
    return _pod(
        "kube-scheduler",
        v.CONTROL_PLANE_IMAGES[2],
        ["kube-scheduler", "--bind-address=127.0.0.1", "--leader-elect=true"],
        "100m",
        _probes("127.0.0.1", 10259, "/livez", "/readyz"),
        {},
    )


def _without_readiness(probes: Obj) -> Obj:
    return {name: probe for name, probe in probes.items() if name != "readinessProbe"}


CONTROL_PLANE = {
    "kube-apiserver": kube_apiserver,
    "kube-controller-manager": kube_controller_manager,
    "kube-scheduler": kube_scheduler,
}
