"""Deployment, ReplicaSet, DaemonSet, StatefulSet, ControllerRevision.

Models      pkg/apis/apps/validation/validation.go
Leaves out  nothing: a DaemonSet's deprecated templateGeneration is counted by the server itself and never wrong
"""

from __future__ import annotations

from typing import Any

from apps.cluster.api.validation.claims import claim_spec
from apps.cluster.api.validation.core import NO_MATCH, always_restarts, counts, metadata_update
from apps.cluster.api.validation.fields import (
    Errors,
    all_invalid,
    forbidden,
    immutable,
    invalid,
    nonnegative,
    not_supported,
    required,
    same,
    sorted_map,
)
from apps.cluster.api.validation.objectmeta import (
    go_selector,
    is_empty_selector,
    label_selector,
    labels,
    object_meta,
)
from apps.cluster.api.validation.paths import dns_label
from apps.cluster.api.validation.podspec import pod_template
from apps.cluster.apimachinery import names
from apps.cluster.apimachinery.intstr import int_value
from apps.cluster.apimachinery.meta import EMPTY, Obj
from apps.cluster.apimachinery.selectors import from_label_selector
from apps.cluster.apimachinery.status import FieldError

STRATEGY_FIELDS = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy',"
    " 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)
CHANGEABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)


def count_or_percent(errors: Errors, at: str, value: int | str) -> None:
    if isinstance(value, str):
        all_invalid(errors, at, value, names.percent(value))
    else:
        nonnegative(errors, at, value)


def _percent(value: int | str) -> int | None:
    return int(value[:-1]) if isinstance(value, str) and not names.percent(value) else None


def _number(value: int | str) -> int:
    percent = _percent(value)
    return percent if percent is not None else int_value(value)


def at_most_all(errors: Errors, at: str, value: int | str) -> None:
    percent = _percent(value)
    if percent is not None and percent > 100:
        invalid(errors, at, value, "must not be greater than 100%")


def selector_of(errors: Errors, spec: Obj, kind: str) -> None:
    """spec.selector of a workload: there, well formed, not everything."""
    selector = spec.get("selector")
    if selector is None:
        required(errors, "spec.selector")
        return
    label_selector(errors, "spec.selector", selector)
    if is_empty_selector(selector):
        invalid(errors, "spec.selector", go_selector(selector), f"empty selector is invalid for {kind}")


def _well_formed(selector: Obj | None) -> bool:
    errors: Errors = []
    label_selector(errors, "", selector)
    return not errors


def matches(selector: Obj | None, found: dict[str, str] | None) -> bool:
    """No selector selects nothing, an empty one everything."""
    if selector is None:
        return False
    return is_empty_selector(selector) or from_label_selector(selector).matches(found or {})


def template_labels(errors: Errors, spec: Obj, *, empty_is_fine: bool = True) -> bool:
    """The template carries what the selector asks for. False when the selector is too broken to say."""
    selector = spec.get("selector")
    if not _well_formed(selector):
        invalid(errors, "spec.selector", go_selector(selector), "invalid label selector")
        return False
    if selector is not None and is_empty_selector(selector) and empty_is_fine:
        return True
    found: dict[str, Any] | None = ((spec.get("template") or EMPTY).get("metadata") or EMPTY).get("labels")
    if not matches(selector, found):
        invalid(errors, "spec.template.metadata.labels", sorted_map(found), NO_MATCH)
    return True


def _replica_template(errors: Errors, spec: Obj) -> None:
    if not template_labels(errors, spec):
        return
    template = spec.get("template") or EMPTY
    pod_template(errors, "spec.template", template)
    always_restarts(errors, "spec.template.spec", template.get("spec") or EMPTY, "ReplicaSet")


def _deployment_strategy(errors: Errors, strategy: Obj) -> None:
    kind, rolling = strategy.get("type", ""), strategy.get("rollingUpdate")
    at = "spec.strategy.rollingUpdate"
    if kind == "Recreate":
        if rolling is not None:
            forbidden(errors, at, "may not be specified when strategy `type` is 'Recreate'")
    elif kind != "RollingUpdate":
        shown = {"Type": kind, "RollingUpdate": rolling}
        not_supported(errors, "spec.strategy", shown, ("Recreate", "RollingUpdate"))
    elif rolling is None:
        required(errors, at, "this should be defaulted and never be nil")
    else:
        unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
        count_or_percent(errors, f"{at}.maxUnavailable", unavailable)
        count_or_percent(errors, f"{at}.maxSurge", surge)
        if _number(unavailable) == 0 and _number(surge) == 0:
            invalid(errors, f"{at}.maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0")
        at_most_all(errors, f"{at}.maxUnavailable", unavailable)


def _deployment_spec(errors: Errors, spec: Obj) -> None:
    nonnegative(errors, "spec.replicas", spec.get("replicas"))
    selector_of(errors, spec, "deployment")
    _replica_template(errors, spec)
    _deployment_strategy(errors, spec.get("strategy") or EMPTY)
    nonnegative(errors, "spec.minReadySeconds", spec.get("minReadySeconds"))
    nonnegative(errors, "spec.revisionHistoryLimit", spec.get("revisionHistoryLimit"))
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None:
        nonnegative(errors, "spec.progressDeadlineSeconds", deadline)
        if deadline <= spec.get("minReadySeconds", 0):
            invalid(errors, "spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")


def deployment(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], True, names.dns1123_subdomain)
    _deployment_spec(errors, obj.get("spec") or EMPTY)
    return errors


def _fixed_selector(errors: Errors, new: Obj, old: Obj) -> None:
    after, before = new.get("selector"), old.get("selector")
    if after is not before and not same(after, before):
        immutable(errors, "spec.selector", go_selector(after), go_selector(before))


def deployment_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    spec, before = new.get("spec") or EMPTY, old.get("spec") or EMPTY
    if spec is not before:
        _deployment_spec(errors, spec)
        _fixed_selector(errors, spec, before)
    return errors


def _replica_set_spec(errors: Errors, spec: Obj) -> None:
    nonnegative(errors, "spec.replicas", spec.get("replicas"))
    nonnegative(errors, "spec.minReadySeconds", spec.get("minReadySeconds"))
    selector_of(errors, spec, "deployment")
    _replica_template(errors, spec)


def replica_set(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], True, names.dns1123_subdomain)
    _replica_set_spec(errors, obj.get("spec") or EMPTY)
    return errors


def replica_set_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    spec, before = new.get("spec") or EMPTY, old.get("spec") or EMPTY
    if spec is not before:
        _replica_set_spec(errors, spec)
        _fixed_selector(errors, spec, before)
    return errors


def _daemon_strategy(errors: Errors, strategy: Obj) -> None:
    kind, rolling = strategy.get("type", ""), strategy.get("rollingUpdate")
    at = "spec.updateStrategy.rollingUpdate"
    if kind == "OnDelete":
        return
    if kind != "RollingUpdate":
        shown = {"Type": kind, "RollingUpdate": rolling}
        not_supported(errors, "spec.updateStrategy", shown, ("RollingUpdate", "OnDelete"))
        return
    if rolling is None:
        required(errors, at)
        return
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    count_or_percent(errors, f"{at}.maxUnavailable", unavailable)
    count_or_percent(errors, f"{at}.maxSurge", surge)
    at_most_all(errors, f"{at}.maxUnavailable", unavailable)
    at_most_all(errors, f"{at}.maxSurge", surge)
    if _number(unavailable) and _number(surge):
        invalid(errors, f"{at}.maxSurge", surge, "may not be set when maxUnavailable is non-zero")
    elif not _number(unavailable) and not _number(surge):
        required(errors, f"{at}.maxUnavailable", "cannot be 0 when maxSurge is 0")


def _daemon_set_spec(errors: Errors, spec: Obj) -> None:
    selector = spec.get("selector")
    label_selector(errors, "spec.selector", selector)
    template = spec.get("template") or EMPTY
    found: dict[str, Any] | None = (template.get("metadata") or EMPTY).get("labels")
    if _well_formed(selector) and not matches(selector, found):
        invalid(errors, "spec.template.metadata.labels", sorted_map(found), NO_MATCH)
    if selector is not None and is_empty_selector(selector):
        invalid(errors, "spec.selector", go_selector(selector), "empty selector is invalid for daemonset")
    pod_template(errors, "spec.template", template)
    always_restarts(errors, "spec.template.spec", template.get("spec") or EMPTY, "DaemonSet")
    nonnegative(errors, "spec.minReadySeconds", spec.get("minReadySeconds"))
    _daemon_strategy(errors, spec.get("updateStrategy") or EMPTY)
    nonnegative(errors, "spec.revisionHistoryLimit", spec.get("revisionHistoryLimit"))


def daemon_set(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], True, names.dns1123_subdomain)
    _daemon_set_spec(errors, obj.get("spec") or EMPTY)
    return errors


def daemon_set_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    spec, before = new.get("spec") or EMPTY, old.get("spec") or EMPTY
    if spec is not before:
        _fixed_selector(errors, spec, before)
        _daemon_set_spec(errors, spec)
    return errors


def _stateful_strategy(errors: Errors, strategy: Obj) -> None:
    kind, rolling = strategy.get("type", ""), strategy.get("rollingUpdate")
    at = "spec.updateStrategy"
    if not kind:
        required(errors, at)
    elif kind == "OnDelete":
        if rolling is not None:
            shown = {"Partition": rolling.get("partition", 0), "MaxUnavailable": rolling.get("maxUnavailable")}
            detail = "only allowed for updateStrategy 'RollingUpdate'"
            invalid(errors, f"{at}.rollingUpdate", shown, detail)
    elif kind != "RollingUpdate":
        shown = {"Type": kind, "RollingUpdate": rolling}
        invalid(errors, at, shown, "must be 'RollingUpdate' or 'OnDelete'")
    elif rolling is not None:
        nonnegative(errors, f"{at}.rollingUpdate.partition", rolling.get("partition"))
        unavailable = rolling.get("maxUnavailable")
        if unavailable is not None:
            where = f"{at}.rollingUpdate.maxUnavailable"
            count_or_percent(errors, where, unavailable)
            if _number(unavailable) == 0:
                invalid(errors, where, unavailable, "cannot be 0")
            at_most_all(errors, where, unavailable)


def _stateful_template(spec: Obj) -> Obj:
    """The template as its Pods will have it: the claims' volumes in, host names out."""
    template: Obj = spec.get("template") or EMPTY
    pod: Obj = template.get("spec") or EMPTY
    claims = spec.get("volumeClaimTemplates") or ()
    if not claims and not pod.get("subdomain") and not pod.get("hostname"):
        return template
    made = {(claim.get("metadata") or EMPTY).get("name", "") for claim in claims}
    volumes = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in sorted(made)]
    volumes += [volume for volume in pod.get("volumes") or () if volume.get("name", "") not in made]
    kept = {name: value for name, value in pod.items() if name not in ("subdomain", "hostname")}
    return {**template, "spec": {**kept, "volumes": volumes}}


def _stateful_set_spec(errors: Errors, spec: Obj, *, created: bool, judge_template: bool = True) -> None:
    policy = spec.get("podManagementPolicy", "")
    if not policy:
        required(errors, "spec.podManagementPolicy")
    elif policy not in ("OrderedReady", "Parallel"):
        invalid(errors, "spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'")
    _stateful_strategy(errors, spec.get("updateStrategy") or EMPTY)
    retention = spec.get("persistentVolumeClaimRetentionPolicy")
    for field in ("whenDeleted", "whenScaled") if retention is not None else ():
        value = (retention or EMPTY).get(field, "")
        if value not in ("Retain", "Delete"):
            at = f"spec.persistentVolumeClaimRetentionPolicy.{field}"
            not_supported(errors, at, value, ("Retain", "Delete"))
    if created:
        for index, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
            claim_spec(errors, f"spec.volumeClaimTemplates[{index}].spec", claim.get("spec") or EMPTY)
    nonnegative(errors, "spec.replicas", spec.get("replicas"))
    nonnegative(errors, "spec.minReadySeconds", spec.get("minReadySeconds"))
    if spec.get("ordinals") is not None:
        nonnegative(errors, "spec.ordinals.start", spec["ordinals"].get("start"))
    if created and spec.get("serviceName"):
        dns_label(errors, "spec.serviceName", spec["serviceName"])
    selector_of(errors, spec, "statefulset")
    template = spec.get("template") or EMPTY
    pod = template.get("spec") or EMPTY
    if not _well_formed(spec.get("selector")):
        invalid(errors, "spec.selector", go_selector(spec.get("selector")), "")
    else:
        found: dict[str, Any] | None = (template.get("metadata") or EMPTY).get("labels")
        selector = spec.get("selector")
        if not (selector is not None and is_empty_selector(selector)) and not matches(selector, found):
            invalid(errors, "spec.template.metadata.labels", sorted_map(found), NO_MATCH)
        if judge_template:
            pod_template(errors, "spec.template", _stateful_template(spec))
        labels(errors, "spec.template.labels", found)
    always_restarts(errors, "spec.template.spec", pod, "StatefulSet")


def stateful_set(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], True, names.dns1123_label)
    _stateful_set_spec(errors, obj.get("spec") or EMPTY, created=True)
    return errors


def stateful_set_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    spec, before = new.get("spec") or EMPTY, old.get("spec") or EMPTY
    if spec is before:
        return errors
    _stateful_set_spec(errors, spec, created=False)
    fixed_new, fixed_old = (
        {name: value for name, value in one.items() if name not in CHANGEABLE} for one in (spec, before)
    )
    if not same(fixed_new, fixed_old):
        forbidden(errors, "spec", STRATEGY_FIELDS)
    return errors


DEPLOYMENT_COUNTS = (
    "observedGeneration",
    "replicas",
    "updatedReplicas",
    "readyReplicas",
    "availableReplicas",
    "unavailableReplicas",
    "terminatingReplicas",
    "collisionCount",
)
STATEFUL_COUNTS = ("replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")
DAEMON_COUNTS = (
    "currentNumberScheduled",
    "numberMisscheduled",
    "desiredNumberScheduled",
    "numberReady",
    "observedGeneration",
    "updatedNumberScheduled",
    "numberAvailable",
    "numberUnavailable",
    "collisionCount",
)


def _collisions(errors: Errors, new: Obj, old: Obj) -> None:
    after, before = new.get("collisionCount"), old.get("collisionCount")
    if before is not None and (after is None or after < before):
        invalid(errors, "status.collisionCount", after or 0, "cannot be decremented")


def deployment_status_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    status = new.get("status") or EMPTY
    bounded = ("updatedReplicas", "readyReplicas", "availableReplicas")
    counts(errors, status, DEPLOYMENT_COUNTS, bounded, "readyReplicas")
    _collisions(errors, status, old.get("status") or EMPTY)
    return errors


def daemon_set_status_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    status = new.get("status") or EMPTY
    for field in DAEMON_COUNTS:
        nonnegative(errors, f"status.{field}", status.get(field))
    _collisions(errors, status, old.get("status") or EMPTY)
    return errors


def stateful_set_status_update(new: Obj, old: Obj) -> list[FieldError]:
    errors: Errors = []
    status = new.get("status") or EMPTY
    fields = (*STATEFUL_COUNTS, "observedGeneration", "collisionCount")
    counts(errors, status, fields, STATEFUL_COUNTS[1:], "status.readyReplicas")
    errors += metadata_update(new, old)
    _collisions(errors, status, old.get("status") or EMPTY)
    return errors


def controller_revision(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], True, names.dns1123_subdomain)
    nonnegative(errors, "revision", obj.get("revision"))
    data = obj.get("data")
    if data is None:
        required(errors, "data", "data is mandatory")
    elif not isinstance(data, dict):
        required(errors, "data", "data must be a valid JSON object")
    return errors


def controller_revision_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    nonnegative(errors, "revision", new.get("revision"))
    if new.get("data") is not old.get("data"):
        immutable(errors, "data", new.get("data"), old.get("data"))
    return errors
