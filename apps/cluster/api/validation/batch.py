"""Job and CronJob.

Models      pkg/apis/batch/validation/validation.go
Leaves out  most of what a Job's status may not say; time zones are judged by their shape
"""

from __future__ import annotations

import re

from apps.cluster.api.validation.apps import matches
from apps.cluster.api.validation.core import NO_MATCH, metadata_update
from apps.cluster.api.validation.fields import (
    Errors,
    all_invalid,
    duplicate,
    immutable,
    invalid,
    nonnegative,
    not_supported,
    required,
    same,
    sorted_map,
    too_long,
    too_many,
)
from apps.cluster.api.validation.objectmeta import go_selector, label_selector, object_meta
from apps.cluster.api.validation.paths import qualified
from apps.cluster.api.validation.podspec import pod_template
from apps.cluster.api.validation.schedules import schedule_problem
from apps.cluster.apimachinery import names
from apps.cluster.apimachinery.meta import EMPTY, Obj
from apps.cluster.apimachinery.status import FieldError

ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
STATUSES = ("False", "True", "Unknown")
SOFT_LIMIT, HIGH_LIMIT = 100_000, 10_000
INDEXED = "requires indexed completion mode"
HTTP_PATH = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"
ZONE_PART = re.compile(r"[A-Za-z.\-_0-9+]{1,14}", re.ASCII)
COUNTS = ("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished")


def _quoted(values: tuple[str, ...]) -> str:
    return "[" + " ".join(f'"{value}"' for value in values) + "]"


def _managed_by(errors: Errors, at: str, manager: str) -> None:
    host, slash, path = manager.partition("/")
    if not manager:
        required(errors, at)
    elif not slash or not host or not path:
        invalid(errors, at, manager, 'must be a domain-prefixed path (such as "acme.io/foo")')
    else:
        all_invalid(errors, at, host, names.dns1123_subdomain(host))
        if not re.fullmatch(HTTP_PATH, path):
            invalid(errors, at, path, names.regex_error("Invalid path", HTTP_PATH))
    if len(manager) > 63:
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


def _omitted(errors: Errors, at: str, detail: str) -> None:
    """An invalid value that the message does not repeat."""
    errors.append(FieldError("Invalid value", at, None, detail))


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
            _omitted(errors, here, "specifying both OnExitCodes and OnPodConditions is not supported")
        if codes is None and not conditions:
            _omitted(errors, here, "specifying one of OnExitCodes and OnPodConditions is required")


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


def parse_indexes(text: str, completions: int) -> tuple[int, str]:
    """How many indexes "0,2-4" names, and what is wrong with it.

    >>> parse_indexes("0,2-4", 5), parse_indexes("3,1", 5)
    ((4, ''), (1, 'non-increasing order, previous: 3, current: 1'))
    """
    total, last = 0, -1
    for part in text.split(",") if text else ():
        limits = part.split("-")
        if len(limits) > 2:
            rule = "an index interval can have at most two parts separated by '-'"
            return total, f'the fragment "{part}" violates the requirement that {rule}'
        numbers = []
        for limit in limits:
            if not limit.isascii() or not limit.isdecimal():
                return total, f'cannot convert string to integer for index: "{limit}"'
            number = int(limit)
            if number >= completions:
                return total, f'too large index: "{limit}"'
            numbers.append(number)
        for number in numbers:
            if last >= number:
                return total, f"non-increasing order, previous: {last}, current: {number}"
            last = number
        total += numbers[-1] - numbers[0] + 1
    return total, ""


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
            invalid(errors, f"{at}.successPolicy", spec["successPolicy"], INDEXED)
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


def _selector(errors: Errors, obj: Obj, spec: Obj) -> None:
    """The selector, which the server makes unless manualSelector is set; before it did there is nothing to judge."""
    selector, manual = spec.get("selector"), bool(spec.get("manualSelector"))
    found = ((spec.get("template") or EMPTY).get("metadata") or EMPTY).get("labels")
    if selector is None:
        if manual:
            required(errors, "spec.selector")
        return
    metadata = obj["metadata"]
    if not manual and metadata.get("uid"):
        uid, name = metadata["uid"], metadata.get("name", "")
        for prefix in ("", "batch.kubernetes.io/"):
            _has_label(errors, found or {}, f"{prefix}controller-uid", uid)
            _has_label(errors, found or {}, f"{prefix}job-name", name)
        made = {f"{prefix}controller-uid": uid for prefix in ("", "batch.kubernetes.io/")}
        made |= {f"{prefix}job-name": name for prefix in ("", "batch.kubernetes.io/")}
        if not matches(selector, made):
            invalid(errors, "spec.selector", go_selector(selector), "`selector` not auto-generated")
    label_selector(errors, "spec.selector", selector)
    if not matches(selector, found):
        invalid(errors, "spec.template.metadata.labels", sorted_map(found), NO_MATCH)


def job(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    metadata, spec = obj["metadata"], obj.get("spec") or EMPTY
    object_meta(errors, metadata, True, names.dns1123_subdomain)
    _spec(errors, "spec", spec)
    _selector(errors, obj, spec)
    completions = spec.get("completions") or 0
    if spec.get("completionMode") == "Indexed" and completions > 0 and metadata.get("name"):
        host = f"{metadata['name']}-{completions - 1}"
        if names.dns1123_label(host):
            detail = f"will not able to create pod with invalid DNS label: {host}"
            invalid(errors, "metadata.name", metadata["name"], detail)
    return errors


def job_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    spec, before = new.get("spec") or EMPTY, old.get("spec") or EMPTY
    if spec is before:
        return errors
    _spec(errors, "spec", spec)
    _selector(errors, new, spec)
    completions, was = spec.get("completions"), before.get("completions")
    elastic = spec.get("completionMode") == "Indexed" and completions is not None and was is not None
    if not (elastic and completions == spec.get("parallelism")):
        immutable(errors, "spec.completions", completions, was)
    if not same(spec.get("selector"), before.get("selector")):
        immutable(errors, "spec.selector", go_selector(spec.get("selector")), go_selector(before.get("selector")))
    _template_update(errors, spec, before)
    for field in ("completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"):
        immutable(errors, f"spec.{field}", spec.get(field), before.get(field))
    return errors


def _template_update(errors: Errors, spec: Obj, before: Obj) -> None:
    """The template is fixed; a suspended Job's resources and scheduling directives are not."""
    template, was = spec.get("template") or EMPTY, before.get("template") or EMPTY
    if template is was or same(template, was):
        return
    if before.get("suspend"):
        kept = {"metadata": template.get("metadata") or {}, "spec": _movable(template.get("spec") or EMPTY)}
        old = {"metadata": template.get("metadata") or {}, "spec": _movable(was.get("spec") or EMPTY)}
        if same(kept, old):
            return
    immutable(errors, "spec.template", template, was)


def _movable(pod: Obj) -> Obj:
    """A PodSpec without what a suspended Job may change."""
    kept = {
        name: value
        for name, value in pod.items()
        if name not in ("nodeSelector", "tolerations", "schedulingGates", "affinity")
    }
    affinity = {name: value for name, value in (pod.get("affinity") or EMPTY).items() if name != "nodeAffinity"}
    if affinity:
        kept["affinity"] = affinity
    for kind in ("containers", "initContainers"):
        if kept.get(kind):
            kept[kind] = [
                {name: value for name, value in container.items() if name != "resources"} for container in kept[kind]
            ]
    return kept


def job_status_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    status = new.get("status") or EMPTY
    for field in ("active", "succeeded", "failed", "ready", "terminating"):
        nonnegative(errors, f"status.{field}", status.get(field))
    if status.get("ready", 0) > status.get("active", 0):
        invalid(errors, "status.ready", status.get("ready", 0), "cannot set more ready pods than active")
    return errors


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


def _cron_spec(errors: Errors, spec: Obj) -> None:
    schedule, zone = spec.get("schedule", ""), spec.get("timeZone")
    if not schedule:
        required(errors, "spec.schedule")
    else:
        problem = schedule_problem(schedule)
        if problem:
            invalid(errors, "spec.schedule", schedule, problem)
        if "TZ" in schedule:
            detail = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
            invalid(errors, "spec.schedule", schedule, detail)
    nonnegative(errors, "spec.startingDeadlineSeconds", spec.get("startingDeadlineSeconds"))
    if zone is not None:
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
    _cron_spec(errors, obj.get("spec") or EMPTY)
    name = obj["metadata"].get("name", "")
    if len(name) > 52:
        invalid(errors, "metadata.name", name, "must be no more than 52 characters")
    return errors


def cron_job_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    if new.get("spec") is not old.get("spec"):
        _cron_spec(errors, new.get("spec") or EMPTY)
    return errors
