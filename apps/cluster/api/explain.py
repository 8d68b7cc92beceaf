"""Refusals taken apart, so that they can be told in the reader's language: which field, what is wrong, what to do.

`explain` gives message ids and parameters; the texts are in the wording catalogue (`rejections.toml`: `rejected.<id>`
says
what is wrong, `rejected.fix.<id>` what to do). Kubernetes' own message stays what it is and is shown beside.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from apps.cluster.api import schema
from apps.cluster.api.scheme import KINDS
from apps.cluster.apimachinery.status import FieldError, StatusError

UNKNOWN = re.compile(r'(unknown|duplicate) field "((?:[^"\\]|\\.)*)"')
HANDLED = re.compile(r'^(\w+) in version "([^"]*)" cannot be handled as a (\w+): ')
WRONG_TYPE = re.compile(
    r"json: cannot unmarshal (\w+)(?: (\S+))? into Go (?:struct field (\w+)\.(\S+) of|value of) type (\S+)$"
)
SETS = re.compile(r"supported values: (.*)$")
BETWEEN = re.compile(r"must be between (-?\d+) and (-?\d+), inclusive")
LIMIT = re.compile(r"must be (?:less than or equal to|equal to) (\S+) limit of (\S+)")
AT_MOST = re.compile(r"must be no more than (\d+) (?:characters|bytes)|may not be more than (\d+) bytes")


@dataclass(frozen=True, slots=True)
class Explanation:
    """One thing wrong: `message_id` and `fix_id` (may be empty) are said with `params`; `field` is its path, "" if
    none."""

    message_id: str
    params: dict[str, Any]
    field: str = ""
    fix_id: str = ""


# Texts in the detail of a field error -> the message's id; the first that is found counts.
DETAILS: tuple[tuple[str, str], ...] = (
    ("`selector` does not match template `labels`", "selector-mismatch"),
    ("empty selector is invalid for", "selector-empty"),
    ("field is immutable", "immutable"),
    ("pod updates may not change fields other than", "pod-fixed"),
    ("pod updates may not add or remove containers", "pod-fixed"),
    ("updates to statefulset spec for fields other than", "statefulset-fixed"),
    ("spec is immutable after creation", "claim-fixed"),
    ("may not change once set", "immutable"),
    ("a lowercase RFC 1123 label must", "name-label"),
    ("must not contain dots", "name-label"),
    ("a lowercase RFC 1123 subdomain must", "name-subdomain"),
    ("a DNS-1035 label must", "name-service"),
    ("a valid label must be an empty string", "label-value"),
    ("name part must", "label-key"),
    ("prefix part must", "label-key"),
    ("a valid label key must", "label-key"),
    ("name part must be non-empty", "label-key"),
    ("must contain at least one letter", "port-name"),
    ("must contain only alpha-numeric characters (a-z, 0-9), and hyphens", "port-name"),
    ("must not contain consecutive hyphens", "port-name"),
    ("must not begin or end with a hyphen", "port-name"),
    ("a valid environment variable name", "env-name"),
    ("a valid config key", "config-key"),
    ("a valid percent string", "percent"),
    ("must not be greater than 100%", "percent"),
    ("may not be 0 when `maxSurge` is 0", "surge-and-unavailable"),
    ("cannot be 0 when maxSurge is 0", "surge-and-unavailable"),
    ("may not be set when maxUnavailable is non-zero", "daemonset-surge"),
    ("may not be specified when strategy `type` is 'Recreate'", "recreate-rolling"),
    ("must specify a handler type", "no-handler"),
    ("may not specify more than 1 handler type", "two-handlers"),
    ("must specify a volume type", "no-volume-type"),
    ("may not specify more than 1 volume type", "two-volume-types"),
    ("must be greater than minReadySeconds", "deadline"),
    ("must not have leading or trailing whitespace", "image-space"),
    ("Limit must be set for non overcommitable resources", "limit-missing"),
    ("must be a standard resource", "resource-name"),
    ("doesn't follow extended resource name standard", "resource-name"),
    ("must be a valid IP address", "ip"),
    ("must not have leading 0s", "ip"),
    ("must be a valid CIDR", "cidr"),
    ("must not have bits set beyond the prefix length", "cidr"),
    ('valid values: "OnFailure", "Never"', "job-restart"),
    ("may not be set for init containers", "init-container"),
    ("must match `containerPort` when `hostNetwork` is true", "host-port"),
    ("operator must be Exists when `key` is empty", "toleration-key"),
    ("effect must be 'NoExecute' when `tolerationSeconds` is set", "toleration-seconds"),
    ("may not be used when `type` is 'ClusterIP'", "node-port"),
    ("may only be set for externally-accessible services", "external-policy"),
    ("must be greater than or equal to 0", "negative"),
    ("must be greater than zero", "not-positive"),
    ("must be an integer", "not-whole"),
    ("expected exactly 5 fields", "schedule"),
    ("at least 1 access mode is required", "access-mode"),
    ("must be an absolute path", "absolute-path"),
    ("must be a relative path", "relative-path"),
    ("must not contain '..'", "backstep"),
    ("must be a number between 0 and 0777", "file-mode"),
    ("not allowed on this type", "no-namespace"),
)
# What kubeadm and machines refuse, which no field error tells: pattern -> the message's id; groups are its parameters.
MACHINES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r'machine "(?P<name>[^"]*)" (?:runs no kubelet|has not joined)$'), "machine-out"),
    (re.compile(r'machine "(?P<name>[^"]*)" is switched off$'), "machine-off"),
    (re.compile(r'machine "(?P<name>[^"]*)" already exists$'), "machine-in"),
    (re.compile(r'machine "(?P<name>[^"]*)" runs the control plane and cannot be'), "machine-control-plane"),
    (re.compile(r'a Node with name "(?P<name>[^"]*)" and status "Ready" already exists'), "node-alive"),
    (re.compile(r'the kubelet of "(?P<name>[^"]*)" is at (?P<version>\S+) already$'), "kubelet-at"),
    (re.compile(r"the control plane is at (?P<version>[^;]*); an upgrade goes to a later version$"), "version-earlier"),
    (re.compile(r"etcdserver: mvcc: database space exceeded$"), "etcd-full"),
    (re.compile(r"etcd has raised the alarm NOSPACE already$"), "etcd-full"),
)
TYPES = {
    "Required value": "required",
    "Duplicate value": "duplicate",
    "Unsupported value": "unsupported",
    "Not found": "not-found",
    "Too long": "too-long",
    "Too many": "too-many",
    "Forbidden": "forbidden",
}
WITH_FIX = {
    *(name for _, name in DETAILS),
    "required",
    "duplicate",
    "unsupported",
    "too-long",
    "between",
    "port",
    "mount",
    "over-limit",
    "selector-missing",
    "not-always",
    "unknown-field",
    "unknown-field-near",
    "duplicate-field",
    "wrong-type",
    "no-kind",
    "no-api-version",
    "quantity",
    "base64",
    "time",
    "yaml",
    "no-name",
    "already-exists",
    "namespace-missing",
    "conflict",
    "machine-out",
    "machine-off",
    "etcd-full",
    "node-alive",
    "version-earlier",
}


def explain(error: StatusError, most: int = 1000) -> list[Explanation]:
    """What a refusal says, one thing at a time, `most` of them; never empty.

    >>> from apps.cluster.apimachinery import status
    >>> one, = explain(status.bad_request('Pod in version "v1" cannot be handled as a Pod: strict decoding error: '
    ...     'unknown field "spec.containers[0].imgae"'))
    >>> one.message_id, one.field, one.params["near"]
    ('rejected.unknown-field-near', 'spec.containers[0].imgae', 'image')
    """
    if error.errors:
        return [_field(one) for one in error.errors[:most]]
    found = list(islice(_decoding(error.message), most))
    return found or [_status(error)]


def _made(name: str, field: str = "", **params: Any) -> Explanation:
    fix = f"rejected.fix.{name}" if name in WITH_FIX else ""
    return Explanation(f"rejected.{name}", {"field": field, **params}, field, fix)


def _short(value: Any) -> str:
    text = (
        value if isinstance(value, str) else FieldError("Invalid value", "", value).body.removeprefix("Invalid value: ")
    )
    return text if len(text) <= 80 else text[:79] + "…"


def _field(error: FieldError) -> Explanation:
    field, detail = error.field, error.detail
    value = _short(error.value) if error.value is not None else "null"
    if error.type == "Required value" and not detail:
        return _made("selector-missing" if field == "spec.selector" else "required", field)
    for text, name in DETAILS:
        if text in detail:
            return _made(name, field, value=value)
    if detail == "name or generateName is required":
        return _made("no-name", field)
    match = BETWEEN.search(detail)
    if match:
        port = "port" in field.rpartition(".")[2].lower()
        return _made("port" if port else "between", field, value=value, low=match[1], high=match[2])
    match = LIMIT.search(detail)
    if match:
        return _made("over-limit", field, value=value, resource=match[1], limit=match[2])
    match = AT_MOST.search(detail)
    if match:
        return _made("too-long", field, limit=match[1] or match[2])
    match = SETS.search(detail)
    if error.type == "Unsupported value" and match:
        if field.endswith("template.spec.restartPolicy") and match[1] == '"Always"':
            return _made("not-always", field, value=value)
        return _made("unsupported", field, value=value, supported=match[1].replace('"', ""))
    if error.type == "Not found" and ".volumeMounts[" in field:
        return _made("mount", field, value=value)
    return _made(TYPES.get(error.type, "invalid"), field, value=value, detail=detail)


def _decoding(message: str) -> Iterator[Explanation]:
    handled = HANDLED.match(message)
    kind, version = (handled[1], handled[2]) if handled else ("", "")
    rest = message[handled.end() :] if handled else message
    if "strict decoding error" in rest:
        for one in UNKNOWN.finditer(rest):
            what, path = one[1], one[2]
            if what == "duplicate":
                yield _made("duplicate-field", path)
                continue
            near = _nearest(kind, version, path)
            yield _made("unknown-field-near" if near else "unknown-field", path, kind=kind, near=near)
        return
    match = WRONG_TYPE.search(rest)
    if match:
        yield _made("wrong-type", match[4] or "", got=_got(match[1], match[2]), wanted=_wanted(match[5]))
    elif "quantities must match" in rest or "unable to parse quantity" in rest or "numeric part of quantity" in rest:
        yield _made("quantity")
    elif rest.startswith("illegal base64 data"):
        yield _made("base64")
    elif rest.startswith("parsing time"):
        yield _made("time")
    elif message.startswith("Object 'Kind' is missing"):
        yield _made("no-kind", "kind")
    elif message.startswith("Object 'apiVersion' is missing"):
        yield _made("no-api-version", "apiVersion")
    elif message.startswith("error converting YAML to JSON"):
        yield _made("yaml", detail=message.rpartition("yaml: ")[2])


def _got(word: str, literal: str | None) -> str:
    return f"{word} {literal}" if literal else word


def _wanted(go_type: str) -> str:
    """A Go type in JSON's words."""
    name = go_type.rpartition(".")[2]
    if go_type.startswith("[]"):
        return "array"
    if go_type.startswith(("int", "uint")):
        return "integer"
    if go_type.startswith(("map", "v1.", "v2.")):
        return "object"
    return {"string": "string", "bool": "boolean", "float64": "number"}.get(name, name)


def _nearest(kind: str, version: str, path: str) -> str:
    """The field that was probably meant: the nearest name among those that may stand there."""
    api_version = next((api for api, name in KINDS if name == kind and api.rpartition("/")[2] == version), "")
    found = schema.kind(api_version, kind) if api_version else None
    *parents, name = re.sub(r"\[\d+\]", "", path).split(".")
    for parent in parents:
        if found is None:
            return ""
        found = found.patch_field(parent)[0]
    if found is None:
        return ""
    known = list(found.by_json)
    lowered = {one.lower(): one for one in known}
    if name.lower() in lowered:
        return lowered[name.lower()]
    near = difflib.get_close_matches(name, known, 1, 0.7)
    return near[0] if near else ""


def _status(error: StatusError) -> Explanation:
    named = error.details
    params = {"name": named.get("name", ""), "resource": named.get("kind", ""), "message": error.message}
    if error.reason == "NotFound" and named.get("kind") == "namespaces":
        return Explanation("rejected.namespace-missing", params, "", "rejected.fix.namespace-missing")
    for pattern, known in MACHINES:
        match = pattern.match(error.message)
        if match:
            fix = f"rejected.fix.{known}" if known in WITH_FIX else ""
            return Explanation(f"rejected.{known}", {**params, **match.groupdict()}, "", fix)
    names = {
        "AlreadyExists": "already-exists",
        "NotFound": "absent",
        "Conflict": "conflict",
        "Forbidden": "not-allowed",
    }
    name = names.get(error.reason, "other")
    fix = f"rejected.fix.{name}" if name in WITH_FIX else ""
    return Explanation(f"rejected.{name}", params, "", fix)
