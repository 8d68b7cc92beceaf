"""Which fields of a kind can be asked for: `spec.nodeName=worker-1` of Pods, names alone of most.

Models      AddFieldLabelConversionFunc of pkg/apis/*/v1/conversion.go, ToSelectableFields of pkg/registry/*/strategy.go
Leaves out  nothing known
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apps.cluster.api.resource import ResourceInfo
from apps.cluster.apimachinery.status import bad_request

Obj = dict[str, Any]
Matches = Callable[[Obj], bool]
Term = tuple[str, bool, str]  # label, equal, value

_NAMES = ("metadata.name", "metadata.namespace")
_EVENT = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
SUPPORTED: dict[str, tuple[str, ...]] = {
    "pods": (
        *_NAMES,
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.podIPs",
        "status.nominatedNodeName",
        "spec.host",
    ),
    "nodes": ("metadata.name", "spec.unschedulable"),
    "replicationcontrollers": (*_NAMES, "status.replicas"),
    "events": (
        *_NAMES,
        *(f"involvedObject.{name}" for name in _EVENT),
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    "namespaces": ("metadata.name", "status.phase"),
    "secrets": (*_NAMES, "type"),
    "services": (*_NAMES, "spec.clusterIP", "spec.type"),
    "jobs": (*_NAMES, "status.successful"),
    "certificatesigningrequests": ("metadata.name", "spec.signerName"),
    "resourceslices": ("metadata.name", "spec.nodeName", "spec.driver"),
}
RENAMED = {"pods": {"spec.host": "spec.nodeName"}}
MODERN_EVENT = {
    "reason": "reason",
    **{f"regarding.{name}": f"involvedObject.{name}" for name in _EVENT},
    "reportingController": "reportingComponent",
    "type": "type",
    "metadata.namespace": "metadata.namespace",
    "metadata.name": "metadata.name",
}


def split(text: str) -> list[Term]:
    r"""The terms of a selector.

    >>> split("metadata.name=web,status.phase!=Running")
    [('metadata.name', True, 'web'), ('status.phase', False, 'Running')]

    Raises:
        StatusError: 400, a term has no operator.
    """
    terms: list[Term] = []
    for part in _parts(text):
        if not part:
            continue
        at = min((found for sign in ("!=", "==", "=") if (found := part.find(sign)) >= 0), default=-1)
        if at < 0:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
        sign = next(sign for sign in ("!=", "==", "=") if part.startswith(sign, at))
        value = part[at + len(sign) :]
        terms.append((part[:at].strip(), sign != "!=", _unescaped(value)))
    return terms


def _parts(text: str) -> list[str]:
    parts, start, escaped = [], 0, False
    for at, char in enumerate(text):
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == ",":
            parts.append(text[start:at])
            start = at + 1
    return [*parts, text[start:]]


def _unescaped(value: str) -> str:
    out, escaped = [], False
    for char in value:
        if escaped:
            if char not in "\\,=":
                raise bad_request(f"invalid field selector: invalid escape sequence: \\{char}")
            out.append(char)
            escaped = False
        elif char == "\\":
            escaped = True
        elif char in ",=":
            raise bad_request(f"invalid field selector: unescaped character in value: {char}")
        else:
            out.append(char)
    return "".join(out)


def compiled(info: ResourceInfo, text: str, *, second: str = "", extra: tuple[str, ...] = ()) -> Matches | None:
    """A predicate; None for everything. `second` is the form that was asked for, `extra` a custom kind's own fields.

    Raises:
        StatusError: 400, the kind has no such field to select by.
    """
    checks: list[tuple[Callable[[Obj], str], bool, str]] = []
    for label, equal, value in split(text):
        checks.append((_getter(_known(info, label, second, extra)), equal, value))
    if not checks:
        return None

    def matches(obj: Obj) -> bool:
        return all((get(obj) == value) is equal for get, equal, value in checks)

    return matches


def _known(info: ResourceInfo, label: str, second: str, extra: tuple[str, ...]) -> str:
    if info.plural == "events" and second == "events.k8s.io/v1":
        if label not in MODERN_EVENT:
            raise bad_request(f"field label not supported: {label}")
        return MODERN_EVENT[label]
    names = SUPPORTED.get(info.plural)
    if names is not None:
        if label in names:
            return RENAMED.get(info.plural, {}).get(label, label)
        if info.plural == "jobs":
            raise bad_request(f'field label "{label}" not supported for Job')
        if info.plural == "resourceslices":
            raise bad_request(f"field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: {label}")
        raise bad_request(f"field label not supported: {label}")
    if label in _NAMES or label in extra:
        return label
    if not info.builtin:
        raise bad_request(f"field label not supported: {label}")
    raise bad_request(f'"{label}" is not a known field selector: only "metadata.name", "metadata.namespace"')


def _getter(label: str) -> Callable[[Obj], str]:
    if label in _SPECIAL:
        return _SPECIAL[label]
    path = label.split(".")

    def get(obj: Obj) -> str:
        value: Any = obj
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if value is None:
            return ""
        return str(value).lower() if isinstance(value, bool) else str(value)

    return get


def _source(event: Obj) -> str:
    return str((event.get("source") or {}).get("component") or event.get("reportingComponent") or "")


_SPECIAL: dict[str, Callable[[Obj], str]] = {
    "spec.hostNetwork": lambda pod: "true" if pod["spec"].get("hostNetwork") else "false",
    "spec.unschedulable": lambda node: "true" if node["spec"].get("unschedulable") else "false",
    "status.podIPs": lambda pod: "",  # accepted, and never set
    "status.replicas": lambda controller: str((controller.get("status") or {}).get("replicas", 0)),
    "status.successful": lambda job: str((job.get("status") or {}).get("succeeded", 0)),
    "source": _source,
}
