"""Tables of Deployments, ReplicaSets, DaemonSets, StatefulSets, Jobs, CronJobs, autoscalers and disruption budgets.

Models      pkg/printers/internalversion/printers.go (printDeployment, printJob, formatHPAMetrics, …)
Leaves out  nothing
"""

from __future__ import annotations

from typing import Any

from apps.cluster.api.printers.words import (
    NONE,
    UNKNOWN,
    UNSET,
    Cells,
    Look,
    condition_is,
    containers_of,
    format_labels,
    format_selector,
    is_going,
    name_of,
    names_and_images,
    spec_of,
    status_of,
    truth,
)
from apps.cluster.apimachinery.meta import EMPTY, Obj, controller_of
from apps.cluster.apimachinery.selectors import from_label_selector
from apps.cluster.apimachinery.timestamps import human_duration, parse

# What a Job is called by, the first condition that holds; one that is going is so after it has ended.
ENDED = (("Complete", "Complete"), ("Failed", "Failed"))
UNDER_WAY = ("Suspended", "FailureTarget", "SuccessCriteriaMet")


def _wide(look: Look, template: Obj | None, selector: str) -> Cells:
    return [*names_and_images(containers_of(template)), selector] if look.wide else []


def deployment(obj: Obj, look: Look) -> Cells:
    spec, status = spec_of(obj), status_of(obj)
    cells: Cells = [name_of(obj), f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}"]
    cells += [status.get("updatedReplicas", 0), status.get("availableReplicas", 0), look.age(obj)]
    return cells + _wide(look, spec.get("template"), str(from_label_selector(spec.get("selector"))))


def replica_set(obj: Obj, look: Look) -> Cells:
    spec, status = spec_of(obj), status_of(obj)
    cells: Cells = [name_of(obj), spec.get("replicas", 0), status.get("replicas", 0), status.get("readyReplicas", 0)]
    return [*cells, look.age(obj), *_wide(look, spec.get("template"), format_selector(spec.get("selector")))]


def stateful_set(obj: Obj, look: Look) -> Cells:
    spec, status = spec_of(obj), status_of(obj)
    ready = f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}"
    more = names_and_images(containers_of(spec.get("template"))) if look.wide else []
    return [name_of(obj), ready, look.age(obj), *more]


def daemon_set(obj: Obj, look: Look) -> Cells:
    spec, status = spec_of(obj), status_of(obj)
    counts = ("desiredNumberScheduled", "currentNumberScheduled", "numberReady", "updatedNumberScheduled")
    nodes = ((spec.get("template") or EMPTY).get("spec") or EMPTY).get("nodeSelector")
    cells: Cells = [name_of(obj), *(status.get(field, 0) for field in (*counts, "numberAvailable"))]
    cells += [format_labels(nodes), look.age(obj)]
    return cells + _wide(look, spec.get("template"), format_selector(spec.get("selector")))


def controller_revision(obj: Obj, look: Look) -> Cells:
    owner = controller_of(obj)
    shown = NONE
    if owner is not None:
        group = owner["apiVersion"].rpartition("/")[0]
        shown = f"{owner['kind']}.{group}".removesuffix(".").lower() + f"/{owner['name']}"
    return [name_of(obj), shown, obj.get("revision", 0), look.age(obj)]


def _job_word(obj: Obj) -> str:
    conditions = status_of(obj).get("conditions")
    for kind, word in ENDED:
        if condition_is(conditions, kind):
            return word
    if is_going(obj):
        return "Terminating"
    return next((kind for kind in UNDER_WAY if condition_is(conditions, kind)), "Running")


def job(obj: Obj, look: Look) -> Cells:
    spec, status = spec_of(obj), status_of(obj)
    wanted, succeeded = spec.get("completions"), status.get("succeeded", 0)
    if wanted is not None:
        done = f"{succeeded}/{wanted}"
    else:
        parallel = spec.get("parallelism") or 0
        done = f"{succeeded}/1 of {parallel}" if parallel > 1 else f"{succeeded}/1"
    start, end = status.get("startTime"), status.get("completionTime")
    took = human_duration((parse(end) if end else look.now_ms) - parse(start)) if start else ""
    cells: Cells = [name_of(obj), _job_word(obj), done, took, look.age(obj)]
    return cells + _wide(look, spec.get("template"), format_selector(spec.get("selector")))


def cron_job(obj: Obj, look: Look) -> Cells:
    spec, status = spec_of(obj), status_of(obj)
    last = status.get("lastScheduleTime")
    zone = spec.get("timeZone")
    cells: Cells = [name_of(obj), spec.get("schedule", ""), NONE if zone is None else zone, truth(spec.get("suspend"))]
    cells += [len(status.get("active") or ()), look.since(last) if last else NONE, look.age(obj)]
    inner = spec_of(spec.get("jobTemplate") or EMPTY)
    return cells + _wide(look, inner.get("template"), format_selector(inner.get("selector")))


def disruption_budget(obj: Obj, look: Look) -> Cells:
    spec = spec_of(obj)
    words = ("N/A" if spec.get(field) is None else str(spec[field]) for field in ("minAvailable", "maxUnavailable"))
    return [name_of(obj), *words, status_of(obj).get("disruptionsAllowed", 0), look.age(obj)]


def _percent(value: int | None, absent: str) -> str:
    return absent if value is None else f"{value}%"


def _metric(spec: Obj, status: Obj | None) -> str:
    """`cpu: 20%/80%`, `<unknown>/100`."""
    kind = spec.get("type", "")
    field = kind[:1].lower() + kind[1:]
    if kind not in ("External", "Pods", "Object", "Resource", "ContainerResource"):
        return "<unknown type>"
    wanted: Obj = (spec.get(field) or EMPTY).get("target") or EMPTY
    seen: Any = (status or EMPTY).get(field)
    current: Obj = (seen or EMPTY).get("current") or EMPTY
    average = wanted.get("averageValue")
    if kind in ("External", "Object"):
        if average is not None:
            return f"{current.get('averageValue') or UNKNOWN}/{average} (avg)"
        return f"{current.get('value') or '0' if seen is not None else UNKNOWN}/{wanted.get('value')}"
    if kind == "Pods":
        return f"{current.get('averageValue') if seen is not None else UNKNOWN}/{average}"
    name = (spec.get(field) or EMPTY).get("name", "")
    if average is not None:
        return f"{name}: {current.get('averageValue') if seen is not None else UNKNOWN}/{average}"
    now, target = current.get("averageUtilization"), wanted.get("averageUtilization")
    return f"{name}: {_percent(now, UNKNOWN)}/{_percent(target, '<auto>')}"


def _metrics(specs: list[Obj], statuses: list[Obj]) -> str:
    if not specs:
        return NONE
    found = [_metric(spec, statuses[index] if index < len(statuses) else None) for index, spec in enumerate(specs)]
    more = f" + {len(found) - 2} more..." if len(found) > 2 else ""
    return ", ".join(found[:2]) + more


def autoscaler(obj: Obj, look: Look) -> Cells:
    spec, status = spec_of(obj), status_of(obj)
    target = spec.get("scaleTargetRef") or EMPTY
    least = spec.get("minReplicas")
    return [
        name_of(obj),
        f"{target.get('kind', '')}/{target.get('name', '')}",
        _metrics(spec.get("metrics") or [], status.get("currentMetrics") or []),
        UNSET if least is None else str(least),
        spec.get("maxReplicas", 0),
        status.get("currentReplicas", 0),
        look.age(obj),
    ]
