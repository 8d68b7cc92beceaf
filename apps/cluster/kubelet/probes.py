"""Probes: when they are due, what they say when they fail, and what follows.

Models      pkg/kubelet/prober/worker.go (doProbe), prober.go (messages), results; pkg/probe/http, tcp, exec, grpc
Leaves out  the requests themselves: the image catalogue says how a program answers. A probe that keeps passing takes no
            turn
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
NO_PROBE: Mapping[str, Any] = {}


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


def outcome(kind: str, image: Image, started_ms: int, now_ms: int, probe: Mapping[str, Any] = NO_PROBE) -> str:
    """How the program answers a probe now."""
    age = now_ms - started_ms
    if image.answer_ms and too_late(image, probe):
        return FAILURE
    if kind == LIVENESS:
        return FAILURE if 0 <= image.sick_after_ms <= age else SUCCESS
    return FAILURE if image.never_ready or age < image.warm_up_ms else SUCCESS


def too_late(image: Image, probe: Mapping[str, Any]) -> bool:
    """The answer takes longer than `timeoutSeconds`. A connection is made by the kernel, at once."""
    return "tcpSocket" not in probe and image.answer_ms > int(probe.get("timeoutSeconds") or 1) * 1000


def failed_message(
    kind: str, probe: Mapping[str, Any], address: str, ports: Mapping[str, int], *, late: bool = False
) -> str:
    """The message of the Unhealthy event. `late`: there was no answer within `timeoutSeconds`.

    >>> failed_message("readiness", {"tcpSocket": {"port": 80}}, "192.168.0.2", {})
    'Readiness probe failed: dial tcp 192.168.0.2:80: connect: connection refused'
    """
    seconds = int(probe.get("timeoutSeconds") or 1)
    if "httpGet" in probe:
        said = f"HTTP probe failed with statuscode: {500 if kind == LIVENESS else 503}"
        if late:
            said = (
                f'Get "{url(probe["httpGet"], address, ports)}": context deadline exceeded '
                "(Client.Timeout exceeded while awaiting headers)"
            )
    elif "tcpSocket" in probe:
        action = probe["tcpSocket"]
        said = f"dial tcp {action.get('host') or address}:{_port(action, ports)}: connect: connection refused"
    elif "grpc" in probe:
        said = 'service unhealthy (responded with "NOT_SERVING")'
        if late:
            said = f"timeout: health rpc did not complete within {seconds}s"
    else:
        said = ""
        if late:
            command = " ".join((probe.get("exec") or NO_PROBE).get("command") or ())
            said = f'command timed out: "{command}" timed out after {seconds}s'
    return f"{SPOKEN[kind]} probe failed: {said}"


def url(action: Mapping[str, Any], address: str, ports: Mapping[str, int]) -> str:
    """The address that an HTTP probe or hook asks for.

    >>> url({"port": "web", "path": "healthz"}, "192.168.0.2", {"web": 8080})
    'http://192.168.0.2:8080/healthz'
    """
    scheme = str(action.get("scheme") or "HTTP").lower()
    path = action.get("path") or "/"
    if not path.startswith("/"):
        path = f"/{path}"
    return f"{scheme}://{action.get('host') or address}:{_port(action, ports)}{path}"


def _port(action: Mapping[str, Any], ports: Mapping[str, int]) -> Any:
    port = action.get("port")
    return ports.get(port, port) if isinstance(port, str) else port


def restart_message(kind: str, container: str, *, sidecar: bool = False, restart: bool = True) -> str:
    """The message of the Killing event when a probe has failed often enough.

    >>> restart_message("liveness", "web"), restart_message("startup", "proxy", sidecar=True)
    ('Container web failed liveness probe, will be restarted', 'Init container proxy failed startup probe')
    """
    if sidecar:
        return f"Init container {container} failed {kind} probe"
    return f"Container {container} failed {kind} probe{', will be restarted' if restart else ''}"


def failure_threshold(probe: Mapping[str, Any]) -> int:
    return int(probe.get("failureThreshold") or 3)


def success_threshold(probe: Mapping[str, Any]) -> int:
    return int(probe.get("successThreshold") or 1)
