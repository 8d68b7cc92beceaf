"""Is the API server well? /healthz, /livez and /readyz, and each check by its own address.

Models      apiserver pkg/server/healthz (handleRootHealth), pkg/server/healthz.go (which checks each address has)
Leaves out  the grace period of livez while the server starts
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from apps.cluster.apiserver.requests.messages import Request, Response

if TYPE_CHECKING:
    from apps.cluster.apiserver.server import APIServer

TEXT = {
    "Cache-Control": "no-cache, private",
    "Content-Type": "text/plain; charset=utf-8",
    "X-Content-Type-Options": "nosniff",
}
ETCD = frozenset({"etcd", "etcd-readiness"})  # the checks that ask etcd
READY_ONLY = frozenset({"etcd-readiness", "informer-sync", "shutdown"})
HOOKS = (
    "start-apiserver-admission-initializer",
    "generic-apiserver-start-informers",
    "priority-and-fairness-config-consumer",
    "priority-and-fairness-filter",
    "storage-object-count-tracker-hook",
    "start-apiextensions-informers",
    "start-apiextensions-controllers",
    "crd-informer-synced",
    "start-system-namespaces-controller",
    "peer-endpoint-reconciler-controller",
    "start-cluster-authentication-info-controller",
    "start-kube-apiserver-identity-lease-controller",
    "start-kube-apiserver-identity-lease-garbage-collector",
    "storage-readiness",
    "start-legacy-token-tracking-controller",
    "start-service-ip-repair-controllers",
    "rbac/bootstrap-roles",
    "scheduling/bootstrap-system-priority-classes",
    "priority-and-fairness-config-producer",
    "bootstrap-controller",
    "start-kubernetes-service-cidr-controller",
    "aggregator-reload-proxy-client-cert",
    "start-kube-aggregator-informers",
    "apiservice-status-local-available-controller",
    "apiservice-status-remote-available-controller",
    "apiservice-registration-controller",
    "apiservice-wait-for-first-sync",
    "apiservice-discovery-controller",
    "kube-apiserver-autoregistration",
    "autoregister-completion",
    "apiservice-openapi-controller",
    "apiservice-openapiv3-controller",
)
CHECKS = (
    "ping",
    "log",
    "etcd",
    "etcd-readiness",
    "informer-sync",
    *(hook if hook == "autoregister-completion" else f"poststarthook/{hook}" for hook in HOOKS),
    "shutdown",
)


def checks(address: str) -> list[str]:
    """The checks of one address: "healthz", "livez" or "readyz"."""
    return [check for check in CHECKS if address == "readyz" or check not in READY_ONLY]


def answer(server: APIServer, request: Request) -> Response | None:
    """The answer to such an address; None to any other."""
    address, _, one = request.path.strip("/").partition("/")
    if address not in ("healthz", "livez", "readyz"):
        return None
    failing = set(ETCD) if server.unhealthy else set()
    if one:
        if one not in checks(address):
            return None
        if one in failing:
            return Response(500, "internal server error: context deadline exceeded\n", dict(TEXT))
        return Response(200, "ok", {name: value for name, value in TEXT.items() if name != "X-Content-Type-Options"})
    return _all(address, failing, request)


def _all(address: str, failing: set[str], request: Request) -> Response:
    params = request.params()
    excluded = set(params.get("exclude", ()))
    unknown = set(excluded)
    lines = []
    for check in checks(address):
        if check in excluded:
            unknown.discard(check)
            lines.append(f"[+]{check} excluded: ok")
        elif check in failing:
            lines.append(f"[-]{check} failed: reason withheld")
        else:
            lines.append(f"[+]{check} ok")
    if unknown:
        named = ",".join(json.dumps(name, ensure_ascii=False) for name in sorted(unknown))
        lines.append(f"warn: some health checks cannot be excluded: no matches for {named}")
    if failing & set(checks(address)) - excluded:
        return Response(500, "\n".join([*lines, f"{address} check failed", ""]), dict(TEXT))
    if "verbose" not in params:
        return Response(200, "ok", dict(TEXT))
    return Response(200, "\n".join([*lines, f"{address} check passed", ""]), dict(TEXT))
