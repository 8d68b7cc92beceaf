"""A Job's new Pods: from its template, with the finalizer, and an index where the Job has indexes.

Models      pkg/controller/job/job_controller.go (manageJob), indexed_job_utils.go (addCompletionIndexEnvVariables,
            addIndexFailureCountAnnotation)
Leaves out  nothing
"""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery.meta import Obj, controller_ref, name_of
from apps.cluster.controllers.job.indexes import (
    COMPLETION_INDEX,
    FAILURE_COUNT,
    IGNORED_FAILURE_COUNT,
    failure_count,
    generate_name,
    ignored_failure_count,
    is_indexed,
)
from apps.cluster.controllers.job.policies import judge
from apps.cluster.controllers.job.turn import TRACKING
from apps.cluster.controllers.pod_helpers import pod_from_template

INDEX_ENV = "JOB_COMPLETION_INDEX"
_FROM_LABEL = {"fieldRef": {"fieldPath": f"metadata.labels['{COMPLETION_INDEX}']"}}


class PodMaker:
    """Makes the Pods of one Job in one turn; what they have in common is made once."""

    def __init__(self, job: Obj) -> None:
        self.job = job
        pod = pod_from_template(job["spec"]["template"], job, controller_ref(job))
        finalizers = pod["metadata"].get("finalizers") or []
        if TRACKING not in finalizers:
            finalizers = [*finalizers, TRACKING]
        self.pod: Obj = {**pod, "metadata": {**pod["metadata"], "finalizers": finalizers}}
        if is_indexed(job):
            self.pod["spec"] = _with_index_env(pod["spec"])

    def plain(self) -> Obj:
        """A Pod of a NonIndexed Job."""
        return self.pod

    def indexed(self, index: int, replaced: Obj | None = None) -> Obj:
        """The Pod of an index. `replaced`: the failed Pod of that index, whose failures it takes over."""
        metadata, text = self.pod["metadata"], str(index)
        annotations = {**(metadata.get("annotations") or {}), COMPLETION_INDEX: text}
        if self.job["spec"].get("backoffLimitPerIndex") is not None:
            annotations |= _failure_counts(self.job, replaced)
        name = name_of(self.job)
        return {
            **self.pod,
            "metadata": {
                **metadata,
                "generateName": generate_name(name, index),
                "labels": {**(metadata.get("labels") or {}), COMPLETION_INDEX: text},
                "annotations": annotations,
            },
            "spec": {**self.pod["spec"], "hostname": f"{name}-{index}"},
        }


def _failure_counts(job: Obj, replaced: Obj | None) -> dict[str, str]:
    """How often the index has failed so far, and how often that was ignored."""
    if replaced is None:
        return {FAILURE_COUNT: "0"}
    failures, ignored = failure_count(replaced), ignored_failure_count(replaced)
    if judge(job["spec"].get("podFailurePolicy"), replaced).counts:
        failures += 1
    else:
        ignored += 1
    counts = {FAILURE_COUNT: str(failures)}
    return {**counts, IGNORED_FAILURE_COUNT: str(ignored)} if ignored else counts


def _with_index_env(spec: Obj) -> Obj:
    """The Pod spec with JOB_COMPLETION_INDEX in the environment of every container."""

    def told(container: dict[str, Any]) -> dict[str, Any]:
        env = container.get("env") or []
        if any(entry["name"] == INDEX_ENV for entry in env):
            return container
        return {**container, "env": [*env, {"name": INDEX_ENV, "valueFrom": _FROM_LABEL}]}

    lists = {kind: [told(one) for one in spec[kind]] for kind in ("initContainers", "containers") if spec.get(kind)}
    return {**spec, **lists}
