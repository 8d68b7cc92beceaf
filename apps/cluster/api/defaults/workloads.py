"""Defaults of apps/v1 and batch/v1.

Models      pkg/apis/apps/v1/defaults.go, pkg/apis/batch/v1/defaults.go
Leaves out  nothing of these kinds
"""

from __future__ import annotations

from apps.cluster.api.defaults.core import claim, filled, with_status
from apps.cluster.api.defaults.pod import mapped, template, with_field
from apps.cluster.apimachinery.meta import Obj

MAX_INT32 = (1 << 31) - 1


def _with_spec(obj: Obj, spec: Obj, **status: object) -> Obj:
    obj = with_field(obj, "spec", spec)
    return obj if "status" in obj else {**obj, "status": dict(status)}


def _templated(spec: Obj) -> Obj:
    return with_field(spec, "template", template(spec.get("template") or {}))


def deployment(obj: Obj) -> Obj:
    spec = _templated(obj.get("spec") or {})
    strategy: Obj = spec.get("strategy") or {}
    done = filled(strategy, type="RollingUpdate")
    if done["type"] == "RollingUpdate":
        rolling = done.get("rollingUpdate")
        done = with_field(done, "rollingUpdate", filled(rolling or {}, maxUnavailable="25%", maxSurge="25%"))
    spec = with_field(spec, "strategy", done)
    spec = filled(spec, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    return _with_spec(obj, spec)


def replica_set(obj: Obj) -> Obj:
    spec = filled(obj.get("spec") or {}, replicas=1)
    return _with_spec(obj, _templated(spec), replicas=0)


def daemon_set(obj: Obj) -> Obj:
    spec = _templated(obj.get("spec") or {})
    done = filled(spec.get("updateStrategy") or {}, type="RollingUpdate")
    if done["type"] == "RollingUpdate":
        rolling = done.get("rollingUpdate")
        done = with_field(done, "rollingUpdate", filled(rolling or {}, maxUnavailable=1, maxSurge=0))
    spec = with_field(spec, "updateStrategy", done)
    return _with_spec(
        obj,
        filled(spec, revisionHistoryLimit=10),
        currentNumberScheduled=0,
        numberMisscheduled=0,
        desiredNumberScheduled=0,
        numberReady=0,
    )


def stateful_set(obj: Obj) -> Obj:
    spec = _templated(obj.get("spec") or {})
    spec = filled(spec, podManagementPolicy="OrderedReady", replicas=1, revisionHistoryLimit=10)
    strategy: Obj = spec.get("updateStrategy") or {}
    if not strategy.get("type"):
        strategy = {**strategy, "type": "RollingUpdate", "rollingUpdate": strategy.get("rollingUpdate") or {}}
    rolling = strategy.get("rollingUpdate")
    if strategy["type"] == "RollingUpdate" and rolling is not None:
        strategy = with_field(strategy, "rollingUpdate", filled(rolling, partition=0))
    spec = with_field(spec, "updateStrategy", strategy)
    policy = spec.get("persistentVolumeClaimRetentionPolicy")
    spec = with_field(
        spec,
        "persistentVolumeClaimRetentionPolicy",
        filled(policy or {}, whenDeleted="Retain", whenScaled="Retain"),
    )
    claims = spec.get("volumeClaimTemplates")
    if claims:
        spec = with_field(spec, "volumeClaimTemplates", mapped(claims, _claim_template))
    return _with_spec(obj, spec, replicas=0)


def _claim_template(item: Obj) -> Obj:
    return claim(filled(item, apiVersion="v1", kind="PersistentVolumeClaim"))


def job_spec(spec: Obj) -> Obj:
    """A JobSpec, in a Job (a CronJob's template gets only its PodSpec's defaults)."""
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec = {**spec, "completions": 1, "parallelism": 1}
    spec = filled(
        spec,
        parallelism=1,
        backoffLimit=6 if spec.get("backoffLimitPerIndex") is None else MAX_INT32,
        completionMode="NonIndexed",
        suspend=False,
        podReplacementPolicy="TerminatingOrFailed" if spec.get("podFailurePolicy") is None else "Failed",
        manualSelector=False,
    )
    return _failure_policy(_templated(spec))


def _failure_policy(spec: Obj) -> Obj:
    policy = spec.get("podFailurePolicy")
    if not policy or not policy.get("rules"):
        return spec
    rules = mapped(policy["rules"], _failure_rule)
    return spec if rules is policy["rules"] else {**spec, "podFailurePolicy": {**policy, "rules": rules}}


def _failure_rule(rule: Obj) -> Obj:
    conditions = rule.get("onPodConditions")
    if not conditions:
        return rule
    return with_field(rule, "onPodConditions", mapped(conditions, lambda condition: filled(condition, status="True")))


def job(obj: Obj) -> Obj:
    spec = job_spec(obj.get("spec") or {})
    labels = (spec["template"].get("metadata") or {}).get("labels")
    if labels and not obj["metadata"].get("labels"):
        obj = {**obj, "metadata": {**obj["metadata"], "labels": labels}}
    return _with_spec(obj, spec)


def cron_job(obj: Obj) -> Obj:
    spec = filled(
        obj.get("spec") or {},
        concurrencyPolicy="Allow",
        suspend=False,
        successfulJobsHistoryLimit=3,
        failedJobsHistoryLimit=1,
    )
    job_template = spec.get("jobTemplate") or {}
    inner = _failure_policy(_templated(job_template.get("spec") or {}))
    spec = with_field(spec, "jobTemplate", with_field(job_template, "spec", inner))
    return with_status(_with_spec(obj, spec))
