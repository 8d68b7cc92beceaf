"""The nodes behind a cloud's load balancer, and what its health check finds on each.

Models      k8s.io/cloud-provider/service/helpers (GetServiceHealthCheckPathPort), pkg/proxy/healthcheck
            (proxy_health.go: /healthz on 10256; service_health.go: healthCheckNodePort), KEP-3458, KEP-3836
Leaves out  the intervals of a health check, and how many answers it believes

Pure: objects in, nodes out. Who knows more of a machine than its Node tells says so with `answers`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from apps.cluster.apimachinery.conditions import is_true
from apps.cluster.apimachinery.meta import EMPTY, Obj, key_of, labels_of, namespace_of
from apps.cluster.controllers.servicelb.cloud import ingress_of
from apps.cluster.controllers.servicelb.nodes import included, not_deleted, untainted

PROXY_HEALTH_PORT, PATH = 10256, "/healthz"
SERVICE_LABEL = "kubernetes.io/service-name"
SILENT, LEAVING, NO_ENDPOINT = "silent", "leaving", "no-endpoint"  # why a node fails

Objects = Mapping[str, Mapping[str, Obj]]


class Check(NamedTuple):
    """What the balancer asks every node behind it, over HTTP."""

    port: int
    path: str = PATH


class Backend(NamedTuple):
    """A node behind the balancer. `problem`: why it is sent nothing, "" when it is."""

    node: str
    address: str
    problem: str

    @property
    def healthy(self) -> bool:
        return not self.problem


def check_of(service: Obj) -> Check:
    """Local traffic: whether this node has endpoints of this Service; otherwise: whether its kube-proxy is well."""
    spec = service["spec"]
    if spec.get("externalTrafficPolicy") == "Local" and spec.get("healthCheckNodePort"):
        return Check(int(spec["healthCheckNodePort"]))
    return Check(PROXY_HEALTH_PORT)


def nodes_with_endpoints(objects: Objects, service: Obj) -> dict[str, int]:
    """How many ready endpoints of a Service there are on each node."""
    found: dict[str, int] = {}
    name, namespace = key_of(service).rpartition("/")[2], namespace_of(service)
    for part in objects.get("endpointslices", EMPTY).values():
        if labels_of(part).get(SERVICE_LABEL) != name or namespace_of(part) != namespace:
            continue
        for endpoint in part.get("endpoints") or ():
            node = endpoint.get("nodeName")
            if node and (endpoint.get("conditions") or EMPTY).get("ready") is not False:
                found[node] = found.get(node, 0) + 1
    return found


def _ready(objects: Objects) -> Callable[[str], bool]:
    nodes = objects.get("nodes", EMPTY)
    return lambda name: is_true((nodes[name].get("status") or EMPTY).get("conditions"), "Ready")


def pool(objects: Objects, service: Obj, answers: Callable[[str], bool] | None = None) -> tuple[Backend, ...]:
    """Every node behind a Service's balancer; none before it is built.

    `answers`: whether the kube-proxy of a node answers the health check; without it, a Ready node is taken to have one
    that does.
    """
    if service["spec"].get("type") != "LoadBalancer" or not ingress_of(service):
        return ()
    answers = answers or _ready(objects)
    local = check_of(service).port != PROXY_HEALTH_PORT
    endpoints = nodes_with_endpoints(objects, service) if local else {}
    out = []
    for name, node in objects.get("nodes", EMPTY).items():
        if not included(node) or not not_deleted(node):
            continue
        problem = ""
        if not answers(name):
            problem = SILENT
        elif not local and not untainted(node):
            problem = LEAVING  # kube-proxy says so itself, before the balancer is told of its nodes again
        elif local and not endpoints.get(name):
            problem = NO_ENDPOINT
        out.append(Backend(name, _address(node), problem))
    return tuple(out)


def _address(node: Obj) -> str:
    found = (node.get("status") or EMPTY).get("addresses") or ()
    return next((str(one["address"]) for one in found if one["type"] == "InternalIP"), "")
