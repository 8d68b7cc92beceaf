"""Job and CronJob; what a Job's status may say is in `jobstatus`.

Models      pkg/apis/batch/validation/validation.go
Leaves out  nothing
"""

from __future__ import annotations

import re
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apps.cluster.api.schema.internal import written
from apps.cluster.api.validation.apps import matches
from apps.cluster.api.validation.core import NO_MATCH, metadata_update
from apps.cluster.api.validation.fields import (
    IMMUTABLE,
    Errors,
    duplicate,
    immutable,
    invalid,
    nonnegative,
    not_supported,
    omitted,
    required,
    same,
    sorted_map,
    too_long,
    too_many,
)
from apps.cluster.api.validation.jobstatus import parse_indexes
from apps.cluster.api.validation.objectmeta import go_selector, label_selector, object_meta
from apps.cluster.api.validation.paths import qualified
from apps.cluster.api.validation.podspec import pod_template
from apps.cluster.api.validation.schedules import schedule_problem
from apps.cluster.api.validation.signers import prefixed_path
from apps.cluster.apimachinery import names
from apps.cluster.apimachinery.meta import EMPTY, Obj
from apps.cluster.apimachinery.status import FieldError

ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
STATUSES = ("False", "True", "Unknown")
SOFT_LIMIT, HIGH_LIMIT = 100_000, 10_000
LONGEST_INDEXES = 64 * 1024
INDEXED = "requires indexed completion mode"
ZONE_PART = re.compile(r"[A-Za-z.\-_0-9+]{1,14}", re.ASCII)
PREFIXES = ("", "batch.kubernetes.io/")
# What may change of a suspended Job's Pods, beside node affinity and resources.
MOVABLE = ("nodeSelector", "tolerations", "schedulingGates")
COUNTS = ("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished")


def _quoted(values: tuple[str, ...]) -> str:
    return "[" + " ".join(f'"{value}"' for value in values) + "]"


def _managed_by(errors: Errors, at: str, manager: str) -> None:
    prefixed_path(errors, at, manager)
    if len(manager.encode()) > 63:
        too_long(errors, at, 63)


def _indexed(errors: Errors, at: str, spec: Obj) -> None:
    mode, completions = spec.get("completionMode"), spec.get("completions")
    parallelism, failed = spec.get("parallelism"), spec.get("maxFailedIndexes")
    if mode is not None and mode not in ("NonIndexed", "Indexed"):
        not_supported(errors, f"{at}.completionMode", mode, ("NonIndexed", "Indexed"))
    if mode == "Indexed":
        if completions is None:
            required(errors, f"{at}.completions", "when completion mode is Indexed")
        if parallelism is not None and parallelism > SOFT_LIMIT:
            detail = f"must be less than or equal to {SOFT_LIMIT} when completion mode is Indexed"
            invalid(errors, f"{at}.parallelism", parallelism, detail)
        if completions is not None and failed is not None and failed > completions:
            invalid(errors, f"{at}.maxFailedIndexes", failed, "must be less than or equal to completions")
        if failed is not None and failed > SOFT_LIMIT:
            invalid(errors, f"{at}.maxFailedIndexes", failed, f"must be less than or equal to {SOFT_LIMIT}")
        if completions is not None and completions > SOFT_LIMIT and spec.get("backoffLimitPerIndex") is not None:
            detail = (
                f"must be less than or equal to {HIGH_LIMIT} when completions are above {SOFT_LIMIT} and used with"
                " backoff limit per index"
            )
            if failed is None:
                required(errors, f"{at}.maxFailedIndexes", f"must be specified when completions is above {SOFT_LIMIT}")
            if parallelism is not None and parallelism > HIGH_LIMIT:
                invalid(errors, f"{at}.parallelism", parallelism, detail)
            if failed is not None and failed > HIGH_LIMIT:
                invalid(errors, f"{at}.maxFailedIndexes", failed, detail)
    if mode in (None, "NonIndexed"):
        for field in ("backoffLimitPerIndex", "maxFailedIndexes"):
            if spec.get(field) is not None:
                invalid(errors, f"{at}.{field}", spec[field], INDEXED)


def _exit_codes(errors: Errors, at: str, codes: Obj, known: set[str]) -> None:
    operator, values, container = codes.get("operator", ""), codes.get("values") or [], codes.get("containerName")
    if not operator:
        required(errors, f"{at}.operator", f"valid values: {_quoted(('In', 'NotIn'))}")
    elif operator not in ("In", "NotIn"):
        not_supported(errors, f"{at}.operator", operator, ("In", "NotIn"))
    if container is not None and container not in known:
        detail = "must be one of the container or initContainer names in the pod template"
        invalid(errors, f"{at}.containerName", container, detail)
    if not values:
        invalid(errors, f"{at}.values", values or None, "at least one value is required")
    elif len(values) > 255:
        too_many(errors, f"{at}.values", len(values), 255)
    for index, value in enumerate(values):
        if operator == "In" and value == 0:
            invalid(errors, f"{at}.values[{index}]", value, "must not be 0 for the In operator")
        if value in values[:index]:
            duplicate(errors, f"{at}.values[{index}]", value)
    if values != sorted(values):
        invalid(errors, f"{at}.values", values, "must be ordered")


def _failure_policy(errors: Errors, at: str, spec: Obj) -> None:
    rules = spec["podFailurePolicy"].get("rules") or []
    pod = (spec.get("template") or EMPTY).get("spec") or EMPTY
    known = {c.get("name", "") for kind in ("containers", "initContainers") for c in pod.get(kind) or ()}
    if len(rules) > 20:
        too_many(errors, f"{at}.rules", len(rules), 20)
    for index, rule in enumerate(rules):
        here, action = f"{at}.rules[{index}]", rule.get("action", "")
        if not action:
            required(errors, f"{here}.action", f"valid values: {_quoted(ACTIONS)}")
        elif action == "FailIndex":
            if spec.get("backoffLimitPerIndex") is None:
                invalid(errors, f"{here}.action", action, "requires the backoffLimitPerIndex to be set")
        elif action not in ACTIONS:
            not_supported(errors, f"{here}.action", action, ACTIONS)
        codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions") or []
        if codes is not None:
            _exit_codes(errors, f"{here}.onExitCodes", codes, known)
        if len(conditions) > 20:
            too_many(errors, f"{here}.onPodConditions", len(conditions), 20)
        for place, condition in enumerate(conditions):
            where, status = f"{here}.onPodConditions[{place}]", condition.get("status", "")
            qualified(errors, f"{where}.type", condition.get("type", ""))
            if not status:
                required(errors, f"{where}.status", f"valid values: {_quoted(STATUSES)}")
            elif status not in STATUSES:
                not_supported(errors, f"{where}.status", status, STATUSES)
        if codes is not None and conditions:
            omitted(errors, here, "specifying both OnExitCodes and OnPodConditions is not supported")
        if codes is None and not conditions:
            omitted(errors, here, "specifying one of OnExitCodes and OnPodConditions is required")


def _success_policy(errors: Errors, at: str, spec: Obj) -> None:
    rules, completions = spec["successPolicy"].get("rules") or [], spec.get("completions") or 0
    if not rules:
        required(errors, f"{at}.rules", "at least one rules must be specified when the successPolicy is specified")
    if len(rules) > 20:
        too_many(errors, f"{at}.rules", len(rules), 20)
    for index, rule in enumerate(rules):
        here, count, indexes = f"{at}.rules[{index}]", rule.get("succeededCount"), rule.get("succeededIndexes")
        if count is None and indexes is None:
            required(errors, here, "at least one of succeededCount or succeededIndexes must be specified")
        total = 0
        if indexes is not None:
            if len(indexes) > LONGEST_INDEXES:
                too_long(errors, f"{here}.succeededIndexes", LONGEST_INDEXES)
            total, problem = parse_indexes(indexes, completions)
            if problem:
                detail = f"error parsing succeededIndexes: {problem}"
                invalid(errors, f"{here}.succeededIndexes", indexes, detail)
        if count is not None:
            nonnegative(errors, f"{here}.succeededCount", count)
            if count > completions:
                detail = f"must be less than or equal to {completions} (the number of specified completions)"
                invalid(errors, f"{here}.succeededCount", count, detail)
            if indexes is not None and count > total:
                detail = (
                    f"must be less than or equal to {total} (the number of indexes in the specified succeededIndexes"
                    " field)"
                )
                invalid(errors, f"{here}.succeededCount", count, detail)


def _spec(errors: Errors, at: str, spec: Obj) -> None:
    for field in COUNTS:
        nonnegative(errors, f"{at}.{field}", spec.get(field))
    nonnegative(errors, f"{at}.backoffLimitPerIndex", spec.get("backoffLimitPerIndex"))
    if spec.get("maxFailedIndexes") is not None:
        nonnegative(errors, f"{at}.maxFailedIndexes", spec["maxFailedIndexes"])
        if spec.get("backoffLimitPerIndex") is None:
            required(errors, f"{at}.backoffLimitPerIndex", "when maxFailedIndexes is specified")
    if spec.get("managedBy") is not None:
        _managed_by(errors, f"{at}.managedBy", spec["managedBy"])
    _indexed(errors, at, spec)
    failure = spec.get("podFailurePolicy")
    if failure is not None:
        _failure_policy(errors, f"{at}.podFailurePolicy", spec)
    if spec.get("successPolicy") is not None:
        if spec.get("completionMode") != "Indexed":
            shown = written("SuccessPolicy", spec["successPolicy"], "batch")
            invalid(errors, f"{at}.successPolicy", shown, INDEXED)
        else:
            _success_policy(errors, f"{at}.successPolicy", spec)
    replacement = spec.get("podReplacementPolicy")
    valid = ("Failed",) if failure is not None else ("Failed", "TerminatingOrFailed")
    if replacement is not None and replacement not in valid:
        not_supported(errors, f"{at}.podReplacementPolicy", replacement, valid)
    template = spec.get("template") or EMPTY
    pod_template(errors, f"{at}.template", template)
    restart, where = (template.get("spec") or EMPTY).get("restartPolicy", ""), f"{at}.template.spec.restartPolicy"
    if restart in ("", "Always"):
        required(errors, where, 'valid values: "OnFailure", "Never"')
    elif restart not in ("OnFailure", "Never"):
        not_supported(errors, where, restart, ("OnFailure", "Never"))
    elif failure is not None and restart != "Never":
        invalid(errors, where, restart, 'only "Never" is supported when podFailurePolicy is specified')


def _has_label(errors: Errors, labels: Obj, key: str, expected: str) -> None:
    at = "spec.template.metadata.labels"
    if key not in labels:
        required(errors, f"{at}[{key}]", f"must be '{expected}'")
    elif labels[key] != expected:
        invalid(errors, f"{at}[{key}]", labels[key], f"must be '{expected}'")


def _generated(errors: Errors, obj: Obj, prefixes: tuple[str, ...]) -> None:
    """The selector that the server made, and the labels that it gave the template."""
    metadata, spec = obj["metadata"], obj.get("spec") or EMPTY
    selector = spec.get("selector")
    if spec.get("manualSelector") or selector is None or not metadata.get("uid"):
        return
    found = ((spec.get("template") or EMPTY).get("metadata") or EMPTY).get("labels") or {}
    made = {}
    for prefix in prefixes:
        for label, value in (("controller-uid", metadata["uid"]), ("job-name", metadata.get("name", ""))):
            _has_label(errors, found, f"{prefix}{label}", value)
            made[f"{prefix}{label}"] = value
    if not matches(selector, made):
        invalid(errors, "spec.selector", go_selector(selector), "`selector` not auto-generated")


def _whole_spec(errors: Errors, spec: Obj, *, any_value: bool = False) -> None:
    """The spec with its selector, which the server makes unless it is manual: before it did there is none to judge."""
    _spec(errors, "spec", spec)
    selector = spec.get("selector")
    if selector is None:
        if spec.get("manualSelector"):
            required(errors, "spec.selector")
        return
    label_selector(errors, "spec.selector", selector, any_value=any_value)
    found = ((spec.get("template") or EMPTY).get("metadata") or EMPTY).get("labels")
    if not matches(selector, found):
        invalid(errors, "spec.template.metadata.labels", sorted_map(found), NO_MATCH)


def _whole(obj: Obj, old: Obj | None) -> list[FieldError]:
    """A Job as it stands; of one that was there before, what was wrong then may stay."""
    errors: Errors = []
    metadata, spec = obj["metadata"], obj.get("spec") or EMPTY
    object_meta(errors, metadata, True, names.dns1123_subdomain)
    prefixes: tuple[str, ...] = PREFIXES
    if old is not None:
        had = (((old.get("spec") or EMPTY).get("template") or EMPTY).get("metadata") or EMPTY).get("labels") or {}
        if not all(f"{PREFIXES[1]}{label}" in had for label in ("job-name", "controller-uid")):
            prefixes = PREFIXES[:1]
    _generated(errors, obj, prefixes)
    _whole_spec(errors, spec, any_value=old is not None and _lax(old))
    completions = spec.get("completions") or 0
    if spec.get("completionMode") == "Indexed" and completions > 0 and metadata.get("name"):
        host = f"{metadata['name']}-{completions - 1}"
        if names.dns1123_label(host):
            detail = f"will not able to create pod with invalid DNS label: {host}"
            invalid(errors, "metadata.name", metadata["name"], detail)
    return errors


def _lax(old: Obj) -> bool:
    """The old selector already has a value that no label may have."""
    errors: Errors = []
    label_selector(errors, "", (old.get("spec") or EMPTY).get("selector"))
    return bool(errors)


def job(obj: Obj) -> list[FieldError]:
    return _whole(obj, None)


def job_update(new: Obj, old: Obj) -> list[FieldError]:
    """The server judges the new Job whole, and then again as a change of the old one."""
    spec, before = new.get("spec") or EMPTY, old.get("spec") or EMPTY
    if spec is before:
        return metadata_update(new, old)
    errors = _whole(new, old) + metadata_update(new, old)
    _whole_spec(errors, spec, any_value=_lax(old))
    completions, was = spec.get("completions"), before.get("completions")
    if spec.get("completionMode") != "Indexed":
        immutable(errors, "spec.completions", completions, was)
    elif completions not in (None, was) and completions != spec.get("parallelism"):
        invalid(errors, "spec.completions", completions, "can only be modified in tandem with spec.parallelism")
    if not same(spec.get("selector"), before.get("selector")):
        immutable(errors, "spec.selector", go_selector(spec.get("selector")), go_selector(before.get("selector")))
    _template_update(errors, spec, old)
    for field in ("completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"):
        value, had = spec.get(field), before.get(field)
        if value is not had and not same(value, had):
            shown = written(field[0].upper() + field[1:], value, "batch") if field.endswith("Policy") else value
            invalid(errors, f"spec.{field}", shown, IMMUTABLE)
    return errors


def _template_update(errors: Errors, spec: Obj, old: Obj) -> None:
    """The template is fixed, but for a suspended Job's resources and scheduling while none of its Pods runs."""
    before: Obj = old.get("spec") or EMPTY
    template, was = spec.get("template") or EMPTY, before.get("template") or EMPTY
    if template is was or same(template, was):
        return
    status = old.get("status") or EMPTY
    conditions = status.get("conditions") or ()
    stopped = any(c.get("type") == "Suspended" and c.get("status") == "True" for c in conditions)
    idle = (status.get("startTime") is None or stopped) and not status.get("active")
    if not (before.get("suspend") and idle):
        invalid(errors, "spec.template", written("PodTemplateSpec", template), IMMUTABLE)
        return
    pod: Obj = template.get("spec") or EMPTY
    if not same(pod, _moved(was.get("spec") or EMPTY, pod)):
        invalid(errors, "spec.template.spec", written("PodSpec", pod), IMMUTABLE)


def _moved(old: Obj, new: Obj) -> Obj:
    """The old PodSpec with everything of the new one that a suspended Job may change."""
    kept = {name: value for name, value in old.items() if name not in MOVABLE}
    kept |= {name: new[name] for name in MOVABLE if name in new}
    affinity: Obj | None = new.get("affinity")
    was: Obj | None = old.get("affinity")
    if was is not None or affinity is not None:
        rest = {name: value for name, value in (was or EMPTY).items() if name != "nodeAffinity"}
        if affinity is not None and affinity.get("nodeAffinity") is not None:
            rest["nodeAffinity"] = affinity["nodeAffinity"]
        if rest or affinity is not None:
            kept["affinity"] = rest
        else:
            kept.pop("affinity", None)
    for kind in ("containers", "initContainers"):
        after, before = new.get(kind) or [], old.get(kind) or []
        if before and len(after) == len(before):
            kept[kind] = [
                {**had, "resources": has.get("resources")} if had.get("name") == has.get("name") else had
                for has, had in zip(after, before, strict=True)
            ]
    return kept


def _time_zone(errors: Errors, at: str, zone: str) -> None:
    if not zone:
        invalid(errors, at, zone, "timeZone must be nil or non-empty string")
        return
    for part in zone.split("/"):
        if part in (".", "..") or part.startswith("-") or not ZONE_PART.fullmatch(part):
            invalid(errors, at, zone, f"unknown time zone {zone}")
            return
    if zone.lower() == "local":
        detail = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        invalid(errors, at, zone, detail)
    elif not is_zone(zone):
        invalid(errors, at, zone, f"unknown time zone {zone}")


@cache
def is_zone(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _cron_spec(errors: Errors, spec: Obj, old: Obj | None) -> None:
    schedule, zone = spec.get("schedule", ""), spec.get("timeZone")
    if not schedule:
        required(errors, "spec.schedule")
    else:
        problem = schedule_problem(schedule)
        if problem:
            invalid(errors, "spec.schedule", schedule, problem)
        had_zone = "TZ" in (old or EMPTY).get("schedule", "")
        if "TZ" in schedule and not had_zone:
            detail = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
            invalid(errors, "spec.schedule", schedule, detail)
        elif "TZ" in schedule and zone is not None:
            detail = "cannot use both timeZone field and TZ or CRON_TZ in schedule"
            invalid(errors, "spec.schedule", schedule, detail)
    nonnegative(errors, "spec.startingDeadlineSeconds", spec.get("startingDeadlineSeconds"))
    if zone is not None and (old is None or old.get("timeZone") != zone):
        _time_zone(errors, "spec.timeZone", zone)
    policy, valid = spec.get("concurrencyPolicy", ""), ("Allow", "Forbid", "Replace")
    if not policy:
        required(errors, "spec.concurrencyPolicy")
    elif policy not in valid:
        not_supported(errors, "spec.concurrencyPolicy", policy, valid)
    inner = (spec.get("jobTemplate") or EMPTY).get("spec") or EMPTY
    _spec(errors, "spec.jobTemplate.spec", inner)
    if inner.get("selector") is not None:
        detail = "`selector` will be auto-generated"
        invalid(errors, "spec.jobTemplate.spec.selector", go_selector(inner["selector"]), detail)
    if inner.get("manualSelector"):
        not_supported(errors, "spec.jobTemplate.spec.manualSelector", True, ("nil", "false"))
    nonnegative(errors, "spec.successfulJobsHistoryLimit", spec.get("successfulJobsHistoryLimit"))
    nonnegative(errors, "spec.failedJobsHistoryLimit", spec.get("failedJobsHistoryLimit"))


def cron_job(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], True, names.dns1123_subdomain)
    _cron_spec(errors, obj.get("spec") or EMPTY, None)
    name = obj["metadata"].get("name", "")
    if len(name) > 52:
        invalid(errors, "metadata.name", name, "must be no more than 52 characters")
    return errors


def cron_job_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    if new.get("spec") is not old.get("spec"):
        _cron_spec(errors, new.get("spec") or EMPTY, old.get("spec") or EMPTY)
    return errors
