"""What `kubectl apply` of MetalLB's manifest writes, and the pool and the advertisement that an administrator adds.

Models      metallb config/manifests/metallb-native.yaml; the configuration of https://metallb.io/configuration/
Leaves out  the kinds of BGP mode; the webhook, its Service and Secrets; fields of the kinds that layer 2 does not need

The pool lies in the nodes' own network, where nobody else has its addresses.
"""

from __future__ import annotations

from collections.abc import Iterator

from apps.cluster.apimachinery.meta import Obj
from apps.cluster.controllers.metallb.election import (
    ADVERTISEMENTS,
    COMPONENT,
    CONTROLLER,
    NAMESPACE,
    SPEAKER,
    STATUSES,
)
from apps.cluster.controllers.metallb.pools import POOLS

GROUP, VERSION = "metallb.io", "v1beta1"
IMAGE_VERSION = "v0.15.3"
RANGE = "10.0.250.1-10.0.250.99"
POOL = "nodes"
_LABELS = {"app": "metallb"}
_RBAC = "rbac.authorization.k8s.io"
_TEXTS: Obj = {"type": "array", "items": {"type": "string"}}
_SELECTORS: Obj = {"type": "array", "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
_NUMBER: Obj = {"type": "integer", "format": "int64"}


def objects() -> Iterator[tuple[str, Obj]]:
    """(resource, object) in the order in which they are written."""
    privileged = {f"pod-security.kubernetes.io/{mode}": "privileged" for mode in ("audit", "enforce", "warn")}
    yield "namespaces", {"metadata": {"name": NAMESPACE, "labels": privileged}}
    for definition in (_pools(), _advertisements(), _statuses()):
        yield "customresourcedefinitions", definition
    for account in (CONTROLLER, SPEAKER):
        yield "serviceaccounts", {"metadata": _named(account)}
    yield from _access()
    yield "deployments", _controller()
    yield "daemonsets", _speaker()


def settings() -> Iterator[tuple[str, Obj]]:
    """One pool, told of by every node."""
    kind = {"apiVersion": f"{GROUP}/{VERSION}", "metadata": {"name": POOL, "namespace": NAMESPACE}}
    yield POOLS, {**kind, "kind": "IPAddressPool", "spec": {"addresses": [RANGE]}}
    yield ADVERTISEMENTS, {**kind, "kind": "L2Advertisement", "spec": {"ipAddressPools": [POOL]}}


def _named(name: str, **labels: str) -> Obj:
    return {"name": name, "namespace": NAMESPACE, "labels": {**_LABELS, **labels}}


def _kind(plural: str, kind: str, spec: Obj, status: Obj, columns: list[tuple[str, str, str]]) -> Obj:
    schema = {
        "type": "object",
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": {"type": "object", **spec},
            "status": {"type": "object", **status},
        },
    }
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": schema},
        "additionalPrinterColumns": [{"name": name, "type": type_, "jsonPath": path} for name, type_, path in columns],
    }
    names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
    return {
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]},
    }


def _pools() -> Obj:
    allocation = {
        "type": "object",
        "properties": {"priority": {"type": "integer"}, "namespaces": _TEXTS, "serviceSelectors": _SELECTORS},
    }
    spec = {
        "required": ["addresses"],
        "properties": {
            "addresses": _TEXTS,
            "autoAssign": {"type": "boolean", "default": True},
            "avoidBuggyIPs": {"type": "boolean", "default": False},
            "serviceAllocation": allocation,
        },
    }
    counts = ("assignedIPv4", "assignedIPv6", "availableIPv4", "availableIPv6")
    columns = [
        ("Auto Assign", "boolean", ".spec.autoAssign"),
        ("Avoid Buggy IPs", "boolean", ".spec.avoidBuggyIPs"),
        ("Addresses", "string", ".spec.addresses"),
    ]
    status = {"properties": dict.fromkeys(counts, _NUMBER)}
    return _kind("ipaddresspools", "IPAddressPool", spec, status, columns)


def _advertisements() -> Obj:
    preference = {
        "type": "object",
        "required": ["weight", "preference"],
        "properties": {"weight": {"type": "integer"}, "preference": _SELECTORS["items"]},
    }
    spec = {
        "properties": {
            "ipAddressPools": _TEXTS,
            "ipAddressPoolSelectors": _SELECTORS,
            "interfaces": _TEXTS,
            "nodeSelectors": _SELECTORS,
            "serviceSelectors": _SELECTORS,
            "preferredNodeSelectors": {"type": "array", "items": preference},
        }
    }
    columns = [
        ("IPAddressPools", "string", ".spec.ipAddressPools"),
        ("IPAddressPool Selectors", "string", ".spec.ipAddressPoolSelectors"),
        ("Interfaces", "string", ".spec.interfaces"),
    ]
    return _kind("l2advertisements", "L2Advertisement", spec, {}, columns)


def _statuses() -> Obj:
    fields = ("node", "serviceName", "serviceNamespace")
    status = {"properties": {field: {"type": "string"} for field in fields}}
    columns = [
        ("Allocated Node", "string", ".status.node"),
        ("Service Name", "string", ".status.serviceName"),
        ("Service Namespace", "string", ".status.serviceNamespace"),
    ]
    return _kind(STATUSES.partition(".")[0], "ServiceL2Status", {}, status, columns)


def _rule(group: str, resources: list[str], verbs: list[str]) -> Obj:
    return {"apiGroups": [group], "resources": resources, "verbs": verbs}


def _access() -> Iterator[tuple[str, Obj]]:
    read, tell = ["get", "list", "watch"], ["create", "patch"]
    rules = {
        CONTROLLER: [
            _rule("", ["services", "namespaces"], read),
            _rule("", ["nodes"], ["list"]),
            _rule("", ["services/status"], ["update"]),
            _rule("", ["events"], tell),
        ],
        SPEAKER: [
            _rule(GROUP, ["servicel2statuses", "servicel2statuses/status"], ["*"]),
            _rule("", ["services", "endpoints", "nodes", "namespaces"], read),
            _rule("discovery.k8s.io", ["endpointslices"], read),
            _rule("", ["events"], tell),
        ],
    }
    own = {
        CONTROLLER: [
            _rule(GROUP, ["ipaddresspools", "l2advertisements"], read),
            _rule(GROUP, ["ipaddresspools/status"], ["update"]),
        ],
        "pod-lister": [
            _rule("", ["pods"], ["list", "get"]),
            _rule(GROUP, ["l2advertisements", "ipaddresspools"], read),
        ],
    }
    for name, ruled in own.items():
        yield "roles", {"metadata": _named(name), "rules": ruled}
    for name, ruled in rules.items():
        yield "clusterroles", {"metadata": {"name": f"{NAMESPACE}:{name}", "labels": _LABELS}, "rules": ruled}
    for name, account in ((CONTROLLER, CONTROLLER), ("pod-lister", SPEAKER)):
        yield "rolebindings", {"metadata": _named(name), **_bound("Role", name, account)}
    for name in rules:
        whole = f"{NAMESPACE}:{name}"
        yield (
            "clusterrolebindings",
            {"metadata": {"name": whole, "labels": _LABELS}, **_bound("ClusterRole", whole, name)},
        )


def _bound(kind: str, name: str, account: str) -> Obj:
    subject = {"kind": "ServiceAccount", "name": account, "namespace": NAMESPACE}
    return {"roleRef": {"apiGroup": _RBAC, "kind": kind, "name": name}, "subjects": [subject]}


def _container(name: str, **more: object) -> Obj:
    probe = {"httpGet": {"path": "/healthz", "port": 17472}, "initialDelaySeconds": 10, "periodSeconds": 10}
    ready = {**probe, "httpGet": {"path": "/readyz", "port": 17472}}
    ports = [{"name": "metricshttps", "containerPort": 9120}]
    if name == SPEAKER:
        ports += [{"name": "memberlist-tcp", "containerPort": 7946}]
        ports += [{"name": "memberlist-udp", "containerPort": 7946, "protocol": "UDP"}]
    return {
        "name": name,
        "image": f"quay.io/metallb/{name}:{IMAGE_VERSION}",
        "args": ["--port=9120", "--log-level=info"],
        "ports": ports,
        "livenessProbe": probe,
        "readinessProbe": ready,
        **more,
    }


def _template(name: str, spec: Obj) -> Obj:
    common = {"serviceAccountName": name, "nodeSelector": {"kubernetes.io/os": "linux"}}
    return {"metadata": {"labels": {**_LABELS, COMPONENT: name}}, "spec": {**common, **spec}}


def _controller() -> Obj:
    labels = {**_LABELS, COMPONENT: CONTROLLER}
    spec = {"containers": [_container(CONTROLLER)], "terminationGracePeriodSeconds": 0}
    return {
        "metadata": _named(CONTROLLER, component=CONTROLLER),
        "spec": {
            "revisionHistoryLimit": 3,
            "selector": {"matchLabels": labels},
            "template": _template(CONTROLLER, spec),
        },
    }


def _speaker() -> Obj:
    plane = "node-role.kubernetes.io"
    allowed: Obj = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True}
    allowed["capabilities"] = {"add": ["NET_RAW"], "drop": ["ALL"]}
    spec = {
        "hostNetwork": True,
        "containers": [_container(SPEAKER, securityContext=allowed)],
        "terminationGracePeriodSeconds": 2,
        "tolerations": [
            {"key": f"{plane}/{role}", "operator": "Exists", "effect": "NoSchedule"}
            for role in ("master", "control-plane")
        ],
    }
    labels = {**_LABELS, COMPONENT: SPEAKER}
    metadata = _named(SPEAKER, component=SPEAKER)
    return {"metadata": metadata, "spec": {"selector": {"matchLabels": labels}, "template": _template(SPEAKER, spec)}}
