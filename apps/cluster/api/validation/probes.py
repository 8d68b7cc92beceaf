"""Probes and lifecycle hooks.

Models      pkg/apis/core/validation/validation.go (validateHandler, validateProbe, validateLifecycle)
Leaves out  nothing
"""

from __future__ import annotations

from apps.cluster.api.validation.fields import Errors, forbidden, invalid, nonnegative, not_supported, required
from apps.cluster.api.validation.paths import port_or_name
from apps.cluster.apimachinery import features, names
from apps.cluster.apimachinery.meta import Obj

HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")
COUNTS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
# Linux signals a container may be stopped by, sorted as upstream lists them.
_NAMES = (
    "ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP"
    " TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX"
)
_REAL_TIME = [f"RTMIN+{number}" for number in range(1, 16)] + [f"RTMAX-{number}" for number in range(1, 15)]
SIGNALS = tuple(sorted(f"SIG{name}" for name in (*_NAMES.split(), *_REAL_TIME)))


def _http(errors: Errors, at: str, action: Obj) -> None:
    if not action.get("path"):
        required(errors, f"{at}.path")
    port_or_name(errors, f"{at}.port", action.get("port"))
    if action.get("scheme", "") not in ("HTTP", "HTTPS"):
        not_supported(errors, f"{at}.scheme", action.get("scheme", ""), ("HTTP", "HTTPS"))
    for header in action.get("httpHeaders") or ():
        for problem in names.http_header_name(header.get("name", "")):
            invalid(errors, f"{at}.httpHeaders", header.get("name", ""), problem)


def _action(errors: Errors, at: str, kind: str, action: Obj, grace: int | None) -> None:
    if kind == "exec":
        if not action.get("command"):
            required(errors, f"{at}.command")
    elif kind == "httpGet":
        _http(errors, at, action)
    elif kind in ("tcpSocket", "grpc"):
        port_or_name(errors, f"{at}.port", action.get("port"))
    else:
        sleep(errors, at, action.get("seconds", 0), grace)


def sleep(errors: Errors, at: str, seconds: int, grace: int | None) -> None:
    if not features.enabled("PodLifecycleSleepActionAllowZero"):
        if grace is not None and not 0 < seconds <= grace:
            detail = (
                f"must be greater than 0 and less than terminationGracePeriodSeconds ({grace})."
                " Enable AllowPodLifecycleSleepActionZeroValue feature gate for zero sleep."
            )
            invalid(errors, at, seconds, detail)
    elif grace is not None and not 0 <= seconds <= grace:
        detail = f"must be non-negative and less than terminationGracePeriodSeconds ({grace})"
        invalid(errors, at, seconds, detail)


def handler(errors: Errors, at: str, found: Obj, grace: int | None) -> None:
    """Exactly one kind of action."""
    count = 0
    for kind in HANDLERS:
        action = found.get(kind)
        if action is None:
            continue
        if count:
            forbidden(errors, f"{at}.{kind}", "may not specify more than 1 handler type")
        else:
            count += 1
            _action(errors, f"{at}.{kind}", kind, action, grace)
    if not count:
        required(errors, at, "must specify a handler type")


def probe_of(errors: Errors, at: str, found: Obj, grace: int | None) -> None:
    """A probe of any kind."""
    handler(errors, at, found, grace)
    for count in COUNTS:
        nonnegative(errors, f"{at}.{count}", found.get(count))
    own = found.get("terminationGracePeriodSeconds")
    if own is not None and own <= 0:
        invalid(errors, f"{at}.terminationGracePeriodSeconds", own, "must be greater than 0")


def probes(errors: Errors, at: str, container: Obj, grace: int | None) -> None:
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = container.get(name)
        if probe is None:
            continue
        here = f"{at}.{name}"
        probe_of(errors, here, probe, grace)
        own = probe.get("terminationGracePeriodSeconds")
        if name == "readinessProbe":
            if own is not None:
                detail = "must not be set for readinessProbes"
                invalid(errors, f"{here}.terminationGracePeriodSeconds", own, detail)
        elif probe.get("successThreshold", 0) != 1:
            invalid(errors, f"{here}.successThreshold", probe.get("successThreshold", 0), "must be 1")


def lifecycle(errors: Errors, at: str, found: Obj, grace: int | None, system: str | None) -> None:
    for hook in ("postStart", "preStop"):
        if found.get(hook) is not None:
            handler(errors, f"{at}.{hook}", found[hook], grace)
    signal = found.get("stopSignal")
    if signal is not None:
        stop_signal(errors, f"{at}.stopSignal", signal, system)


def stop_signal(errors: Errors, at: str, signal: str, system: str | None) -> None:
    if system is None:
        forbidden(errors, at, "may not be set for containers with empty `spec.os.name`")
    elif system == "windows" and signal not in ("SIGKILL", "SIGTERM"):
        not_supported(errors, at, signal, ("SIGKILL", "SIGTERM"))
    elif system == "linux" and signal not in SIGNALS:
        not_supported(errors, at, signal, SIGNALS)
