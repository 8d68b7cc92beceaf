"""What kubectl does on its own side before it asks: apply, drain, scale, the rollout verbs; and acts on machines.

Models      k8s.io/kubectl/pkg/cmd (apply, create, replace, patch, delete, scale, rollout, cordon, drain)
Leaves out  output and flags; what drain.py says

A command is plain JSON, the form in which a scenario's log keeps it (docs/architecture.md lists them).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from apps.cluster import apply, rest, rollout
from apps.cluster.api.decode import decode
from apps.cluster.api.resource import ResourceInfo
from apps.cluster.apimachinery.meta import controller_of, key_of, name_of
from apps.cluster.apimachinery.status import StatusError, bad_request
from apps.cluster.apiserver.admission import MIRROR
from apps.cluster.apiserver.requests import Response
from apps.cluster.client import Client
from apps.cluster.strain import FILLS, SHUT_DOWN, Strain

Obj = dict[str, Any]
Command = Mapping[str, Any]

# kubectl sorts nothing, but a namespace must be there before what lives in it.
FIRST_KINDS = ("Namespace", "CustomResourceDefinition", "StorageClass", "PriorityClass", "ServiceAccount")


class Machines(Protocol):
    """What a command may do to machines."""

    def join(self, name: str) -> None: ...
    def remove(self, name: str) -> None: ...
    def power(self, name: str, *, on: bool) -> None: ...
    def drain(self, name: str, pods: Sequence[Obj]) -> None: ...
    def put_load(self, command: Command) -> None: ...
    def reboot(self, name: str) -> None: ...
    def network(self, name: str, peer: str, *, up: bool) -> None: ...
    @property
    def strain(self) -> Strain: ...
    def component(self, verb: str, name: str, node: str) -> None: ...
    def kubeadm(self, verb: str, name: str, version: str) -> None: ...
    def etcd(self, verb: str) -> None: ...
    def answered(self, response: Response) -> None: ...


def execute(command: Command, client: Client, machines: Machines, now_ms: int) -> list[Obj]:
    """Carry out one command and give the objects it left behind.

    Raises:
        StatusError: refused. A command of several objects may have done part of its work: the caller puts it back.
    """
    op = command.get("op")
    if op == rest.OP:
        machines.answered(rest.carry_out(command, client.apiserver))
        return []
    if command.get("as"):
        client = client.as_user(command["as"], tuple(command.get("as_groups") or ()))
    if op in ("apply", "create", "replace"):
        return _objects(op, command, client)
    if op == "node":
        return _node(command, client, machines)
    if op == "image":
        machines.strain.push(command)
        return []
    if op == "load":
        machines.put_load(command)
        return []
    if op == "component":
        machines.component(command["verb"], command["name"], command.get("node", ""))
        return []
    if op == "etcd":
        machines.etcd(command["verb"])
        return []
    if op == "kubeadm":
        machines.kubeadm(command["verb"], command.get("name", ""), command.get("version", ""))
        return []
    resource = command.get("resource", "")
    name = command.get("name", "")
    info = client.apiserver.info(resource)
    namespace = (command.get("namespace") or "default") if info.namespaced else ""
    if op == "patch":
        return [
            client.patch(
                resource,
                namespace,
                name,
                command["body"],
                type=command.get("type", "strategic"),
                subresource=command.get("subresource", ""),
                why="kubectl.patch",
                name=name,
            )
        ]
    if op == "delete":
        client.delete(
            resource,
            namespace,
            name,
            propagation=command.get("propagation", "Background"),
            grace_period_seconds=command.get("grace_period_seconds"),
            why="kubectl.delete",
            name=name,
        )
        return []
    if op == "scale":
        return [_scale(client, resource, namespace, name, command["replicas"])]
    if op == "rollout":
        verb = command["verb"]
        return [rollout.perform(client, verb, resource, namespace, name, command.get("revision", 0), now_ms)]
    raise bad_request(f"unknown command {op!r}")


def _objects(op: str, command: Command, client: Client) -> list[Obj]:
    """apply, create or replace every object, in their order but for what others need first."""
    decoded: list[tuple[Obj, ResourceInfo]] = []
    for position, document in enumerate(command["objects"]):
        try:
            result = decode(document)
        except StatusError as error:
            error.details = {**error.details, "document": position}
            raise
        decoded.append((result.obj, client.apiserver.info_for(result.info.api_version, result.info.kind)))
    order = sorted(range(len(decoded)), key=lambda i: (_rank(decoded[i][0]["kind"]), i))
    out: list[Obj | None] = [None] * len(decoded)
    for position in order:
        obj, info = decoded[position]
        try:
            if op == "apply":
                out[position] = _apply(client, info, obj)
            elif op == "create":
                out[position] = client.create(info.plural, obj, why="kubectl.create", name=_display(obj))
            elif not obj["metadata"].get("name"):
                raise bad_request("resource name may not be empty")
            else:
                out[position] = client.update(info.plural, obj, why="kubectl.replace", name=_display(obj))
        except StatusError as error:
            error.details = {**error.details, "document": position}
            raise
    return [obj for obj in out if obj is not None]


def _rank(kind: str) -> int:
    return FIRST_KINDS.index(kind) if kind in FIRST_KINDS else len(FIRST_KINDS)


def _display(obj: Obj) -> str:
    return str(obj["metadata"].get("name") or obj["metadata"].get("generateName", ""))


def _apply(client: Client, info: ResourceInfo, obj: Obj) -> Obj:
    """Client-side apply: create what is not there, else send the three-way patch."""
    metadata = obj.get("metadata") or {}
    name = metadata.get("name", "")
    namespace = (metadata.get("namespace") or "default") if info.namespaced else ""
    # The annotation holds the manifest as kubectl sees it: namespaced, with an annotations map of its own.
    manifest = {**obj, "metadata": {**metadata, "annotations": dict(metadata.get("annotations") or {})}}
    manifest["metadata"]["annotations"].pop(apply.LAST_APPLIED, None)
    if namespace:
        manifest["metadata"]["namespace"] = namespace
    text = json.dumps(manifest, ensure_ascii=False, separators=(",", ":"), sort_keys=True) + "\n"
    annotations = {**manifest["metadata"]["annotations"], apply.LAST_APPLIED: text}
    wanted = {**manifest, "metadata": {**manifest["metadata"], "annotations": annotations}}
    try:
        current = client.get(info.plural, namespace, name)
    except StatusError as error:
        if error.code != 404 or not name:
            raise
        return client.create(info.plural, wanted, why="kubectl.apply-create", name=name)
    patch, type_ = apply.three_way(current, wanted, builtin=info.builtin)
    if not patch:
        return current
    return client.patch(info.plural, namespace, name, patch, type=type_, why="kubectl.apply", name=name)


def _scale(client: Client, resource: str, namespace: str, name: str, replicas: int) -> Obj:
    info = client.apiserver.info(resource)
    if "scale" not in info.subresources:
        raise StatusError(404, "NotFound", "the server could not find the requested resource")
    return client.patch(
        resource,
        namespace,
        name,
        {"spec": {"replicas": replicas}},
        type="merge",
        subresource="scale",
        why="kubectl.scale",
        name=name,
        replicas=replicas,
    )


def _node(command: Command, client: Client, machines: Machines) -> list[Obj]:
    verb, name = command["verb"], command["name"]
    if verb == "join":
        machines.join(name)
        return []
    if verb == "remove":
        machines.remove(name)
        return []
    if verb in ("power-on", "power-off"):
        machines.power(name, on=verb == "power-on")
        return []
    if verb in FILLS or verb == SHUT_DOWN:
        machines.strain.node(verb, name, command)
        return []
    if verb == "reboot":
        machines.reboot(name)
        return []
    if verb in ("cut-network", "restore-network"):
        machines.network(name, command.get("peer", ""), up=verb == "restore-network")
        return []
    node = client.get("nodes", "", name)
    if verb == "uncordon":
        return [_set_unschedulable(client, node, wanted=False)]
    node = _set_unschedulable(client, node, wanted=True)
    if verb == "drain":
        machines.drain(name, drainable(client.list("pods", field_selector=f"spec.nodeName={name}")))
    return [node]


def _set_unschedulable(client: Client, node: Obj, *, wanted: bool) -> Obj:
    if bool(node["spec"].get("unschedulable")) is wanted:
        return node
    name = name_of(node)
    body = {"spec": {"unschedulable": True if wanted else None}}
    why = "kubectl.cordon" if wanted else "kubectl.uncordon"
    return client.patch("nodes", "", name, body, why=why, name=name)


def drainable(pods: Sequence[Obj]) -> list[Obj]:
    """The Pods that a drain evicts: not a DaemonSet's, not mirrors of static Pods, not those on their way out."""
    out = []
    for pod in sorted(pods, key=key_of):
        owner = controller_of(pod)
        if owner is not None and owner["kind"] == "DaemonSet":
            continue
        if MIRROR in (pod["metadata"].get("annotations") or {}) or "deletionTimestamp" in pod["metadata"]:
            continue
        out.append(pod)
    return out
