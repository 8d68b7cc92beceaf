"""The add-ons of kubeadm init: CoreDNS and kube-proxy.

Models      cmd/kubeadm/app/phases/addons/dns (manifests.go), addons/proxy (manifests.go)
Leaves out  what CoreDNS and kube-proxy are told in files besides the Corefile and the mode
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from apps.cluster.kubeadm import versions as v
from apps.cluster.kubeadm.cluster_objects import SYSTEM, account_binding, group_binding, role

Obj = dict[str, Any]

COREFILE = f""".:53 {{
    errors
    health {{
       lameduck 5s
    }}
    ready
    kubernetes {v.DNS_DOMAIN} in-addr.arpa ip6.arpa {{
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }}
    prometheus :9153
    forward . /etc/resolv.conf {{
       max_concurrent 1000
    }}
    cache 30 {{
       disable success {v.DNS_DOMAIN}
       disable denial {v.DNS_DOMAIN}
    }}
    loop
    reload
    loadbalance
}}
"""
IPTABLES = "iptables"  # kube-proxy's mode, unless another is asked for
_DNS = {"k8s-app": "kube-dns"}
_PROXY = {"k8s-app": "kube-proxy"}
_LINUX = {"kubernetes.io/os": "linux"}


def _http(path: str, port: int | str, **more: int) -> Obj:
    return {"httpGet": {"path": path, "port": port, "scheme": "HTTP"}, **more}


def coredns() -> Iterator[tuple[str, Obj]]:
    yield "configmaps", {"metadata": {"name": "coredns", "namespace": SYSTEM}, "data": {"Corefile": COREFILE}}
    yield (
        "clusterroles",
        {
            "metadata": {"name": "system:coredns"},
            "rules": [
                {
                    "apiGroups": [""],
                    "resources": ["endpoints", "services", "pods", "namespaces"],
                    "verbs": ["list", "watch"],
                },
                {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
            ],
        },
    )
    yield "clusterrolebindings", account_binding("system:coredns", "system:coredns", "coredns")
    yield "serviceaccounts", {"metadata": {"name": "coredns", "namespace": SYSTEM}}
    container: Obj = {
        "name": "coredns",
        "image": v.OTHER_IMAGES[0],
        "imagePullPolicy": "IfNotPresent",
        "args": ["-conf", "/etc/coredns/Corefile"],
        "ports": [
            {"containerPort": 53, "name": "dns", "protocol": "UDP"},
            {"containerPort": 53, "name": "dns-tcp", "protocol": "TCP"},
            {"containerPort": 9153, "name": "metrics", "protocol": "TCP"},
            {"containerPort": 8080, "name": "liveness-probe", "protocol": "TCP"},
            {"containerPort": 8181, "name": "readiness-probe", "protocol": "TCP"},
        ],
        "resources": {"limits": {"memory": "170Mi"}, "requests": {"cpu": "100m", "memory": "70Mi"}},
        "volumeMounts": [{"mountPath": "/etc/coredns", "name": "config-volume", "readOnly": True}],
        "livenessProbe": _http(
            "/health",
            "liveness-probe",
            initialDelaySeconds=60,
            timeoutSeconds=5,
            successThreshold=1,
            failureThreshold=5,
        ),
        "readinessProbe": _http("/ready", "readiness-probe"),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
    }
    spread = {
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {
                    "weight": 100,
                    "podAffinityTerm": {
                        "labelSelector": {
                            "matchExpressions": [{"key": "k8s-app", "operator": "In", "values": ["kube-dns"]}]
                        },
                        "topologyKey": "kubernetes.io/hostname",
                    },
                }
            ]
        }
    }
    yield (
        "deployments",
        {
            "metadata": {"name": "coredns", "namespace": SYSTEM, "labels": _DNS},
            "spec": {
                "replicas": 2,
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
                "selector": {"matchLabels": _DNS},
                "template": {
                    "metadata": {"labels": _DNS},
                    "spec": {
                        "priorityClassName": "system-cluster-critical",
                        "serviceAccountName": "coredns",
                        "affinity": spread,
                        "tolerations": [
                            {"key": "CriticalAddonsOnly", "operator": "Exists"},
                            {"key": v.CONTROL_PLANE_LABEL, "effect": "NoSchedule"},
                        ],
                        "nodeSelector": _LINUX,
                        "containers": [container],
                        "dnsPolicy": "Default",
                        "volumes": [
                            {
                                "name": "config-volume",
                                "configMap": {"name": "coredns", "items": [{"key": "Corefile", "path": "Corefile"}]},
                            }
                        ],
                    },
                },
            },
        },
    )
    yield (
        "services",
        {
            "metadata": {
                "name": "kube-dns",
                "namespace": SYSTEM,
                "labels": {
                    **_DNS,
                    "kubernetes.io/cluster-service": "true",
                    "kubernetes.io/name": "CoreDNS",
                },
                "annotations": {"prometheus.io/port": "9153", "prometheus.io/scrape": "true"},
            },
            "spec": {
                "clusterIP": v.DNS_IP,
                "clusterIPs": [v.DNS_IP],
                "selector": _DNS,
                "ports": [
                    {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53},
                    {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 53},
                    {"name": "metrics", "port": 9153, "protocol": "TCP", "targetPort": 9153},
                ],
            },
        },
    )


def kube_proxy(
    address: str, version: str = v.KUBERNETES, pod_subnet: str = v.POD_SUBNET, mode: str = IPTABLES
) -> Iterator[tuple[str, Obj]]:
    yield (
        "configmaps",
        {
            "metadata": {"name": "kube-proxy", "namespace": SYSTEM, "labels": {"app": "kube-proxy"}},
            "data": {
                "config.conf": (
                    "apiVersion: kubeproxy.config.k8s.io/v1alpha1\n"
                    f"clusterCIDR: {pod_subnet}\nkind: KubeProxyConfiguration\nmode: {mode}\n"
                ),
                "kubeconfig.conf": (
                    f"apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    server: https://{address}:{v.API_PORT}\n"
                ),
            },
        },
    )
    yield "serviceaccounts", {"metadata": {"name": "kube-proxy", "namespace": SYSTEM}}
    yield "clusterrolebindings", account_binding("kubeadm:node-proxier", "system:node-proxier", "kube-proxy")
    yield "roles", role("kube-proxy", SYSTEM, "configmaps", "kube-proxy")
    yield (
        "rolebindings",
        group_binding("kube-proxy", "Role", "kube-proxy", ["system:bootstrappers:kubeadm:default-node-token"], SYSTEM),
    )
    container: Obj = {
        "name": "kube-proxy",
        "image": v.image("kube-proxy", version),
        "imagePullPolicy": "IfNotPresent",
        "command": [
            "/usr/local/bin/kube-proxy",
            "--config=/var/lib/kube-proxy/config.conf",
            "--hostname-override=$(NODE_NAME)",
        ],
        "env": [{"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
        "securityContext": {"privileged": True},
        "volumeMounts": [
            {"mountPath": "/var/lib/kube-proxy", "name": "kube-proxy"},
            {"mountPath": "/run/xtables.lock", "name": "xtables-lock"},
            {"mountPath": "/lib/modules", "name": "lib-modules", "readOnly": True},
        ],
    }
    yield (
        "daemonsets",
        {
            "metadata": {"name": "kube-proxy", "namespace": SYSTEM, "labels": _PROXY},
            "spec": {
                "selector": {"matchLabels": _PROXY},
                "updateStrategy": {"type": "RollingUpdate"},
                "template": {
                    "metadata": {"labels": _PROXY},
                    "spec": {
                        "priorityClassName": "system-node-critical",
                        "serviceAccountName": "kube-proxy",
                        "hostNetwork": True,
                        "tolerations": [{"operator": "Exists"}],
                        "nodeSelector": _LINUX,
                        "containers": [container],
                        "volumes": [
                            {"name": "kube-proxy", "configMap": {"name": "kube-proxy"}},
                            {
                                "name": "xtables-lock",
                                "hostPath": {"path": "/run/xtables.lock", "type": "FileOrCreate"},
                            },
                            {"name": "lib-modules", "hostPath": {"path": "/lib/modules"}},
                        ],
                    },
                },
            },
        },
    )
