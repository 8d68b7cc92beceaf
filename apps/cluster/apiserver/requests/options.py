"""Query parameters: the options of each verb, checked as upstream checks them.

Models      metav1 CreateOptions, UpdateOptions, PatchOptions, DeleteOptions, ListOptions and their validation
Leaves out  `timeout`
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from apps.cluster.apimachinery.status import FieldError, bad_request, invalid
from apps.cluster.apiserver.listing import ListOptions

Obj = dict[str, Any]
Params = dict[str, list[str]]
MAX_MANAGER = 128
_WHOLE = re.compile(r"[+-]?[0-9]+")


class WriteOptions(NamedTuple):
    """Of a create, an update or a patch."""

    dry_run: bool
    field_manager: str
    field_validation: str  # Strict | Warn | Ignore
    force: bool | None


class DeleteOptions(NamedTuple):
    grace_period_seconds: int | None = None
    propagation: str | None = None
    uid: str = ""
    resource_version: str = ""
    dry_run: bool = False
    orphan_dependents: bool | None = None


def _first(params: Params, name: str) -> str:
    return params.get(name, [""])[0]


def _flag(params: Params, name: str) -> bool | None:
    """Any value but these is true, a bare name too."""
    if name not in params:
        return None
    return _first(params, name).lower() not in ("false", "0")


def _number(params: Params, name: str) -> int | None:
    text = _first(params, name)
    if not text:
        return None
    if _WHOLE.fullmatch(text) is None:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    if len(text) > 20 or not -(2**63) <= int(text) < 2**63:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": value out of range')
    return int(text)


def _dry_run(values: list[str], found: list[FieldError]) -> bool:
    for value in values:
        if value != "All":
            found.append(FieldError("Unsupported value", "dryRun", values, 'supported values: "All"'))
            break
    return bool(values)


def write_options(params: Params, kind: str, *, apply: bool = False) -> WriteOptions:
    """Raises: StatusError 422."""
    manager = _first(params, "fieldManager")
    found: list[FieldError] = []
    force = _flag(params, "force")
    if kind == "PatchOptions":
        if apply and not manager:
            found.append(FieldError("Required value", "fieldManager", None, "is required for apply patch"))
        elif not apply and force is not None:
            text = "may not be specified for non-apply patch"
            found.append(FieldError("Forbidden", "force", None, text))
    if len(manager) > MAX_MANAGER:
        found.append(FieldError("Too long", "fieldManager", None, f"may not be more than {MAX_MANAGER} bytes"))
    for at, char in enumerate(manager):
        if not char.isprintable():
            text = f"invalid character U+{ord(char):04X} (at position {at})"
            found.append(FieldError("Invalid value", "fieldManager", manager, text))
    dry_run = _dry_run(params.get("dryRun", []), found)
    validation = _first(params, "fieldValidation")
    if validation not in ("", "Strict", "Warn", "Ignore"):
        allowed = 'supported values: "", "Ignore", "Strict", "Warn"'
        found.append(FieldError("Unsupported value", "fieldValidation", validation, allowed))
    if found:
        raise invalid(kind, "meta.k8s.io", "", found)
    return WriteOptions(dry_run, manager, validation or "Warn", force)


def list_options(params: Params, *, watch: bool = False) -> ListOptions:
    """Raises: StatusError 400."""
    return ListOptions(
        label_selector=_first(params, "labelSelector"),
        field_selector=_first(params, "fieldSelector"),
        limit=max(_number(params, "limit") or 0, 0),
        continue_=_first(params, "continue"),
        resource_version=_first(params, "resourceVersion"),
        resource_version_match=_first(params, "resourceVersionMatch"),
        watch=watch or bool(_flag(params, "watch")),
        send_initial_events=_flag(params, "sendInitialEvents"),
        allow_watch_bookmarks=bool(_flag(params, "allowWatchBookmarks")),
        timeout_seconds=_number(params, "timeoutSeconds"),
    )


def delete_options(params: Params, body: Any) -> DeleteOptions:
    """From the body where there is one, else from the query.

    Raises:
        StatusError: 400, 422.
    """
    found: list[FieldError] = []
    if isinstance(body, dict) and body:
        wanted = body.get("preconditions") or {}
        grace = body.get("gracePeriodSeconds")
        policy = body.get("propagationPolicy")
        orphan = body.get("orphanDependents")
        uid, version = wanted.get("uid") or "", wanted.get("resourceVersion") or ""
        dry = body.get("dryRun") or []
        if grace is not None and (isinstance(grace, bool) or not isinstance(grace, int)):
            raise bad_request(
                "json: cannot unmarshal string into Go struct field DeleteOptions.gracePeriodSeconds of type int64"
            )
    else:
        grace = _number(params, "gracePeriodSeconds")
        policy = _first(params, "propagationPolicy") or None
        orphan = _flag(params, "orphanDependents")
        uid = version = ""
        dry = params.get("dryRun", [])
    if orphan is not None and policy is not None:
        text = "orphanDependents and deletionPropagation cannot be both set"
        found.append(FieldError("Invalid value", "propagationPolicy", policy, text))
    if policy is not None and policy not in ("Foreground", "Background", "Orphan"):
        allowed = 'supported values: "Background", "Foreground", "Orphan", "nil"'
        found.append(FieldError("Unsupported value", "propagationPolicy", policy, allowed))
    dry_run = _dry_run(dry, found)
    if found:
        raise invalid("DeleteOptions", "meta.k8s.io", "", found)
    if policy is None and orphan is not None:
        policy = "Orphan" if orphan else "Background"
    return DeleteOptions(grace, policy, uid, version, dry_run, orphan)
