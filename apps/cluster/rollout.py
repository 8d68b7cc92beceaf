"""`kubectl rollout`: undo, restart, pause, resume, and what status and history print.

Models      k8s.io/kubectl/pkg/polymorphichelpers (rollback.go, objectpauser.go, objectresumer.go, objectrestarter.go,
            history.go, rollout_status.go)
Leaves out  --dry-run; the details of one revision (history --revision)

This is the client's half: it reads, works out a patch and sends it. Nothing rolls back but by a new template,
which the controllers then roll out like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from apps.cluster.apimachinery import conditions, timestamps
from apps.cluster.apimachinery.meta import Obj, annotations_of, controller_of, name_of, namespace_of, uid_of
from apps.cluster.apimachinery.status import StatusError, bad_request
from apps.cluster.controllers.deployment.revisions import (
    NOT_COPIED,
    equal_ignore_hash,
    revision,
    without_hash,
)

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
CHANGE_CAUSE = "kubernetes.io/change-cause"
RESOURCES = ("deployments", "daemonsets", "statefulsets")


class Client(Protocol):
    """The part of a client that kubectl needs here."""

    def get(self, resource: str, namespace: str, name: str) -> Obj: ...
    def list(
        self, resource: str, namespace: str = "", label_selector: str = "", field_selector: str = ""
    ) -> list[Obj]: ...
    def patch(
        self, resource: str, namespace: str, name: str, body: Any, /, *, type: str, why: str, **params: Any
    ) -> Obj: ...


def perform(client: Client, verb: str, resource: str, namespace: str, name: str, to: int, now_ms: int) -> Obj:
    """Carry out one `kubectl rollout VERB RESOURCE/NAME` and give the object after it.

    `to` is the revision to undo to, 0 for the one before the present.

    Raises:
        StatusError: 400 with kubectl's own text where it refuses, or what the API server refused.
    """
    if resource not in RESOURCES:
        raise bad_request(f"rollouts of {resource} are not supported")
    obj = client.get(resource, namespace, name)
    if verb == "undo":
        return _undo(client, resource, obj, to)
    if verb == "restart":
        body = restart_patch(obj, now_ms)
    elif verb in ("pause", "resume"):
        body = pause_patch(obj, paused=verb == "pause")
    else:
        raise bad_request(f"unknown rollout verb {verb!r}")
    return client.patch(resource, namespace, name, body, type="strategic", why=f"kubectl.rollout-{verb}")


def pause_patch(obj: Obj, *, paused: bool) -> Obj:
    """The patch that pauses or resumes. Only Deployments can be paused."""
    if obj["kind"] != "Deployment":
        raise bad_request("pausing is not supported" if paused else "resuming is not supported")
    if bool(obj["spec"].get("paused")) is paused:
        raise bad_request(f'deployments.apps "{name_of(obj)}" is {"already" if paused else "not"} paused')
    return {"spec": {"paused": True if paused else None}}


def restart_patch(obj: Obj, now_ms: int) -> Obj:
    """The patch that gives the template a new annotation, and so every Pod a successor."""
    if obj["spec"].get("paused"):
        raise bad_request("can't restart paused deployment (run rollout resume first)")
    now = timestamps.format_ms(now_ms)
    annotations = (obj["spec"]["template"].get("metadata") or {}).get("annotations") or {}
    if annotations.get(RESTARTED_AT) == now:
        hint = "please wait before attempting to trigger another"
        raise bad_request(f"if restart has already been triggered within the past second, {hint}")
    return {"spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: now}}}}}


def _undo(client: Client, resource: str, obj: Obj, to: int) -> Obj:
    namespace, name = namespace_of(obj), name_of(obj)
    if to < 0:
        raise _no_revision(to)
    body: Any
    if resource == "deployments":
        body = deployment_undo_patch(obj, owned_by(obj, client.list("replicasets", namespace)), to)
        kind = "json"
    else:
        body = revision_undo_patch(obj, owned_by(obj, client.list("controllerrevisions", namespace)), to)
        kind = "strategic"
    if body is None:
        return obj
    try:
        return client.patch(resource, namespace, name, body, type=kind, why="kubectl.rollout-undo")
    except StatusError as error:
        text = f"failed restoring revision {to}: {error.message}"
        raise StatusError(error.code, error.reason, text, error.details) from error


def owned_by(owner: Obj, objects: Sequence[Obj]) -> list[Obj]:
    """Those whose controller is `owner`."""
    uid = uid_of(owner)
    return [obj for obj in objects if (controller_of(obj) or {}).get("uid") == uid]


def _no_revision(to: int) -> StatusError:
    return bad_request(f"unable to find specified revision {to} in history")


def deployment_undo_patch(deployment: Obj, replica_sets: Sequence[Obj], to: int) -> list[Obj] | None:
    """A JSON patch to the template of revision `to` (0: the one before the latest); None when it is there already."""
    by_number = sorted(replica_sets, key=revision)
    if to > 0:
        found = [rs for rs in by_number if revision(rs) == to]
        if not found:
            raise _no_revision(to)
        chosen = found[0]
    elif len(by_number) < 2:
        raise bad_request(f'no rollout history found for deployment "{name_of(deployment)}"')
    else:
        chosen = by_number[-2]
    if deployment["spec"].get("paused"):
        hint = f"resume it first with 'kubectl rollout resume deployment/{name_of(deployment)}' and try again"
        raise bad_request(f"you cannot rollback a paused deployment; {hint}")
    template = chosen["spec"]["template"]
    if equal_ignore_hash(template, deployment["spec"]["template"]):
        return None
    annotations = {key: value for key, value in annotations_of(deployment).items() if key in NOT_COPIED}
    annotations.update({key: value for key, value in annotations_of(chosen).items() if key not in NOT_COPIED})
    return [
        {"op": "replace", "path": "/spec/template", "value": without_hash(template)},
        {"op": "replace", "path": "/metadata/annotations", "value": annotations},
    ]


def revision_undo_patch(obj: Obj, revisions: Sequence[Obj], to: int) -> Obj | None:
    """The patch kept in ControllerRevision `to` of a DaemonSet or StatefulSet; None when it changes nothing."""
    by_number = sorted(revisions, key=lambda item: int(item["revision"]))
    if to == 0:
        if len(by_number) < 2:
            raise bad_request("no last revision to roll back to")
        chosen = by_number[-2]
    else:
        found = [item for item in by_number if int(item["revision"]) == to]
        if not found:
            raise _no_revision(to)
        chosen = found[0]
    data: Obj = chosen["data"]
    kept = {key: value for key, value in data["spec"]["template"].items() if key != "$patch"}
    return None if equal_ignore_hash(kept, obj["spec"]["template"]) else data


def history(obj: Obj, owned: Sequence[Obj]) -> list[tuple[int, str]]:
    """Revisions and their change causes, the lowest first; `owned` are ReplicaSets or ControllerRevisions."""
    rows = []
    for item in owned:
        number = int(item["revision"]) if item["kind"] == "ControllerRevision" else revision(item)
        rows.append((number, annotations_of(item).get(CHANGE_CAUSE, "<none>")))
    return sorted(rows)


def status(obj: Obj) -> tuple[str, bool]:
    """What `kubectl rollout status` prints for a Deployment, DaemonSet or StatefulSet, and whether it stops waiting.

    Raises:
        StatusError: 400, the progress deadline was exceeded, or there is no rolling update to tell of.
    """
    if obj["kind"] == "StatefulSet":
        return _stateful_set_status(obj)
    return _daemon_set_status(obj) if obj["kind"] == "DaemonSet" else _deployment_status(obj)


def _deployment_status(deployment: Obj) -> tuple[str, bool]:
    name, reported = name_of(deployment), deployment.get("status") or {}
    waiting = f'Waiting for deployment "{name}" rollout to finish:'
    if deployment["metadata"].get("generation", 0) > reported.get("observedGeneration", 0):
        return "Waiting for deployment spec update to be observed...", False
    progressing = conditions.find(reported.get("conditions"), "Progressing")
    if progressing is not None and progressing.get("reason") == "ProgressDeadlineExceeded":
        raise bad_request(f'deployment "{name}" exceeded its progress deadline')
    wanted, updated = deployment["spec"].get("replicas", 1), reported.get("updatedReplicas", 0)
    everyone, available = reported.get("replicas", 0), reported.get("availableReplicas", 0)
    if updated < wanted:
        return f"{waiting} {updated} out of {wanted} new replicas have been updated...", False
    if everyone > updated:
        return f"{waiting} {everyone - updated} old replicas are pending termination...", False
    if available < updated:
        return f"{waiting} {available} of {updated} updated replicas are available...", False
    return f'deployment "{name}" successfully rolled out', True


def _only_rolling(strategy: Obj) -> None:
    if strategy.get("type", "RollingUpdate") != "RollingUpdate":
        raise bad_request("rollout status is only available for RollingUpdate strategy type")


def _daemon_set_status(daemon: Obj) -> tuple[str, bool]:
    _only_rolling(daemon["spec"].get("updateStrategy") or {})
    name, reported = name_of(daemon), daemon.get("status") or {}
    if daemon["metadata"].get("generation", 0) > reported.get("observedGeneration", 0):
        return "Waiting for daemon set spec update to be observed...", False
    wanted, updated = reported.get("desiredNumberScheduled", 0), reported.get("updatedNumberScheduled", 0)
    available = reported.get("numberAvailable", 0)
    waiting = f'Waiting for daemon set "{name}" rollout to finish:'
    if updated < wanted:
        return f"{waiting} {updated} out of {wanted} new pods have been updated...", False
    if available < wanted:
        return f"{waiting} {available} of {wanted} updated pods are available...", False
    return f'daemon set "{name}" successfully rolled out', True


def _stateful_set_status(stateful_set: Obj) -> tuple[str, bool]:
    spec, reported = stateful_set["spec"], stateful_set.get("status") or {}
    strategy = spec.get("updateStrategy") or {}
    _only_rolling(strategy)
    observed = reported.get("observedGeneration", 0)
    if not observed or stateful_set["metadata"].get("generation", 0) > observed:
        return "Waiting for statefulset spec update to be observed...", False
    wanted, ready = spec.get("replicas"), reported.get("readyReplicas", 0)
    if wanted is not None and ready < wanted:
        return f"Waiting for {wanted - ready} pods to be ready...", False
    updated = reported.get("updatedReplicas", 0)
    rolling = strategy.get("rollingUpdate")
    if rolling is not None:
        partition = rolling.get("partition")
        if wanted is not None and partition is not None and updated < wanted - partition:
            left = wanted - partition
            waiting = "Waiting for partitioned roll out to finish:"
            return f"{waiting} {updated} out of {left} new pods have been updated...", False
        return f"partitioned roll out complete: {updated} new pods have been updated...", True
    current, newest = reported.get("currentRevision", ""), reported.get("updateRevision", "")
    if current != newest:
        waiting = f"waiting for statefulset rolling update to complete {updated} pods at revision {newest}..."
        return waiting, False
    pods = reported.get("currentReplicas", 0)
    return f"statefulset rolling update complete {pods} pods at revision {current}...", True
