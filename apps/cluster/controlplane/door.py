"""What an API server without its etcd answers to a request from outside: what its watch cache holds, errors else.

Models      k8s.io/apiserver storage/cacher (reads with resourceVersion 0 and watches come from memory; without a leader
            of etcd the cache's own watch ends, and it is not ready), storage/etcd3 (all other requests ask etcd)
Leaves out  consistent lists that the cache could still serve in the moment before etcd's progress is asked for
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apiserver.requests import Attributes, Request
from apps.cluster.client import Problem, Unreachable
from apps.cluster.controlplane.topology import ETCD_DOWN

if TYPE_CHECKING:
    from apps.cluster.apiserver import APIServer

INITIALIZING = "storage is (re)initializing"


class Door:
    """A gate of the reader's API server. `problem`: what it suffers from."""

    def __init__(self, server: APIServer) -> None:
        self.problem: Problem | None = None
        self._server = server
        server.gates.append(self.gate)

    def set(self, problem: Problem | None) -> None:
        self.problem = problem
        self._server.unhealthy = problem is not None

    def gate(self, server: APIServer, request: Request, attributes: Attributes) -> None:
        """Raises: StatusError, the request gets no further. Code 503: no API server has answered at all."""
        problem = self.problem
        if problem is None:
            return
        if problem.code == 0:
            raise Unreachable(problem)
        if not attributes.is_resource:
            return
        if cached(request, attributes):
            if problem == ETCD_DOWN:
                return
            raise StatusError(429, "TooManyRequests", INITIALIZING, {"retryAfterSeconds": 1})
        raise Unreachable(problem)


def cached(request: Request, attributes: Attributes) -> bool:
    """Whether the watch cache answers without asking etcd."""
    if attributes.verb == "watch":
        return True
    return attributes.verb in ("get", "list") and request.params().get("resourceVersion") == ["0"]
