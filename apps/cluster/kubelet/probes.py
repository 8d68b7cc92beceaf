"""Probes: when they are due, what they say when they fail, and what follows.

Models      pkg/kubelet/prober/worker.go (doProbe), prober.go (messages), results
Leaves out  the requests themselves (the image catalogue says how a program answers); timeouts; jitter. A probe that
            keeps passing takes no turn
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.cluster.kubelet.images import Image

STARTUP = "startup"
READINESS = "readiness"
LIVENESS = "liveness"
FIELDS = {STARTUP: "startupProbe", READINESS: "readinessProbe", LIVENESS: "livenessProbe"}
SPOKEN = {STARTUP: "Startup", READINESS: "Readiness", LIVENESS: "Liveness"}

SUCCESS = "success"
FAILURE = "failure"


def period_ms(probe: Mapping[str, Any]) -> int:
    return int(probe.get("periodSeconds") or 10) * 1000


def first_tick(probe: Mapping[str, Any], started_ms: int, since_ms: int) -> int:
    """When the first probe runs that may: ticks are a period apart, counted from the container's start.

    A tick before `initialDelaySeconds` have passed does nothing. `since_ms`: not before this instant (a startup probe
    may have come first).

    >>> first_tick({"periodSeconds": 10}, 0, 0), first_tick({"periodSeconds": 10, "initialDelaySeconds": 15}, 0, 0)
    (0, 20000)
    """
    period = period_ms(probe)
    earliest = max(started_ms + int(probe.get("initialDelaySeconds") or 0) * 1000, since_ms)
    return started_ms + -(-(earliest - started_ms) // period) * period


def outcome(kind: str, image: Image, started_ms: int, now_ms: int) -> str:
    """How the program answers a probe now."""
    age = now_ms - started_ms
    if kind == LIVENESS:
        return FAILURE if 0 <= image.sick_after_ms <= age else SUCCESS
    return FAILURE if image.never_ready or age < image.warm_up_ms else SUCCESS


def failed_message(kind: str, probe: Mapping[str, Any], address: str, ports: Mapping[str, int]) -> str:
    """The message of the Unhealthy event.

    >>> failed_message("readiness", {"tcpSocket": {"port": 80}}, "192.168.0.2", {})
    'Readiness probe failed: dial tcp 192.168.0.2:80: connect: connection refused'
    """
    if "httpGet" in probe:
        said = f"HTTP probe failed with statuscode: {500 if kind == LIVENESS else 503}"
    elif "tcpSocket" in probe:
        port = probe["tcpSocket"].get("port")
        number = ports.get(port, port) if isinstance(port, str) else port
        host = probe["tcpSocket"].get("host") or address
        said = f"dial tcp {host}:{number}: connect: connection refused"
    elif "grpc" in probe:
        said = 'service unhealthy (responded with "NOT_SERVING")'
    else:
        said = ""
    return f"{SPOKEN[kind]} probe failed: {said}"


def restart_message(kind: str, container: str) -> str:
    """The message of the Killing event when a probe has failed often enough."""
    return f"Container {container} failed {kind} probe, will be restarted"


def failure_threshold(probe: Mapping[str, Any]) -> int:
    return int(probe.get("failureThreshold") or 3)


def success_threshold(probe: Mapping[str, Any]) -> int:
    return int(probe.get("successThreshold") or 1)
