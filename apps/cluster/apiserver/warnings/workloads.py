"""Warnings about what makes Pods: Deployments, StatefulSets, Jobs and the rest.

Models      pkg/registry/{apps,batch,core}/*/strategy.go (WarningsOnCreate, WarningsOnUpdate), pkg/api/job/warnings.go
Leaves out  nothing known
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from apps.cluster.apimachinery.names import dns1123_label
from apps.cluster.apiserver.warnings import claims, pods

Obj = dict[str, Any]
NOTHING: dict[str, Any] = {}
MANY_COMPLETIONS, MUCH_PARALLELISM = 100_000, 10_000
TOO_MANY = (
    "In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes "
    "might not be able to track completedIndexes when a big number of indexes fail"
)
NEGATIVE_HISTORY = (
    "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended"
)
NAMED = ("deployments", "replicasets", "replicationcontrollers", "jobs", "cronjobs")


def name(obj: Mapping[str, Any], where: str) -> Iterator[str]:
    problems = dns1123_label(obj["metadata"].get("name", ""))
    if problems:
        yield (
            f"metadata.name: this is used in {where}, which can result in surprising behavior; a DNS label is "
            f"recommended: [{' '.join(problems)}]"
        )


def job_spec(spec: Mapping[str, Any], path: str) -> Iterator[str]:
    if (
        spec.get("completionMode") == "Indexed"
        and (spec.get("completions") or 0) > MANY_COMPLETIONS
        and (spec.get("parallelism") or 0) > MUCH_PARALLELISM
    ):
        yield f"{path}: {TOO_MANY}"
    yield from pods.template(spec.get("template"), f"{path}.template")


def of(resource: str, obj: Obj, old: Obj | None) -> Iterator[str]:
    """A template is looked at again when the wanted state has changed."""
    spec = obj.get("spec") or NOTHING
    if old is None and resource in NAMED:
        yield from name(obj, "Pod names and hostnames")
    changed = old is None or _changed(resource, obj, old)
    if resource == "jobs":
        if changed:
            yield from job_spec(spec, "spec")
    elif resource == "cronjobs":
        if changed:
            yield from job_spec((spec.get("jobTemplate") or NOTHING).get("spec") or NOTHING, "spec.jobTemplate.spec")
        if old is not None and "TZ" in spec.get("schedule", ""):
            yield (
                "cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see "
                "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
            )
    elif changed:
        # A changed ReplicationController is warned of the template that it had: upstream has the two mixed up.
        shown = old if old is not None and resource == "replicationcontrollers" else obj
        yield from pods.template((shown.get("spec") or NOTHING).get("template"), "spec.template")
    if resource == "statefulsets":
        for position, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
            place = f"spec.volumeClaimTemplates[{position}]" + (".Spec" if old is not None else "")
            yield from claims.claim_spec(claim.get("spec") or NOTHING, place)
        if (spec.get("revisionHistoryLimit") or 0) < 0:
            yield NEGATIVE_HISTORY


def _changed(resource: str, obj: Obj, old: Obj) -> bool:
    if resource == "daemonsets":
        return bool((obj.get("spec") or NOTHING).get("template") != (old.get("spec") or NOTHING).get("template"))
    return bool(obj["metadata"].get("generation") != old["metadata"].get("generation"))
