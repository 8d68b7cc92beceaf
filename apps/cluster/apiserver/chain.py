"""The way of a request through the API server, laid out for any step: who asked, who allowed it, what was added.

Models      staging/src/k8s.io/apiserver/pkg/server/config.go (DefaultBuildHandlerChain), endpoints/handlers/create.go
Leaves out  priority and fairness, audit, webhooks; of a change, who made which part of it (a creation tells)

Nothing of this is stored but the object as it was sent (`Step.sent`): the rest follows from the step and the world
before it, and is worked out when somebody looks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from apps.cluster.api.resource import ResourceInfo
from apps.cluster.api.scheme import RESOURCES, info_for
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apiserver import authorization
from apps.cluster.apiserver.admission import CREATE, DELETE, UPDATE, Attributes
from apps.cluster.apiserver.admission import chain as plugins
from apps.cluster.apiserver.authentication import ACCOUNT_PREFIX, CERTIFICATES, Actor, User, user_of
from apps.cluster.apiserver.authorization import Ask
from apps.cluster.apiserver.creating import ACCESS, prepared
from apps.cluster.apiserver.refusals import REFUSED, error_of
from apps.cluster.engine import Step

Obj = dict[str, Any]
World = Mapping[str, Mapping[str, Obj]]
STAGES = ("authentication", "authorization", "mutating", "schema", "validating", "etcd")
MOST_FIELDS = 24
_VERBS = {"bind": "create", "evict": "create", "scale": "patch"}
_SUBRESOURCES = {"bind": "binding", "evict": "eviction", "scale": "scale"}
_OPERATIONS = {"create": CREATE, "update": UPDATE, "patch": UPDATE, "delete": DELETE}


class Line(NamedTuple):
    """One thing that happened at a stage: a message of `wording/*/chain.toml` and its parameters."""

    message: str
    params: dict[str, Any]
    fields: tuple[str, ...] = ()  # which fields it was about: "spec.tolerations"


class Stage(NamedTuple):
    name: str
    lines: tuple[Line, ...]


def chain(step: Step, world: World, modes: tuple[str, ...] = authorization.MODES) -> list[Stage]:
    """The stages of the request that made a step. `world`: the objects before it.

    A note has made no request: [], unless it tells of one that was refused. Pure: the same step and world give the
    same answer.
    """
    if step.rank == "note":
        return refused(error_of(step.params)) if step.message == REFUSED else []
    resource, _, key = step.ref.partition("/")
    obj = step.after if step.after is not None else step.before
    assert obj is not None, step.ref
    info = RESOURCES.get(resource) or info_for(obj["apiVersion"], obj["kind"])
    user = asker_of(step)
    namespace, _, name = key.rpartition("/")
    verb = _VERBS.get(step.verb, step.verb)
    subresource = _SUBRESOURCES.get(step.verb, step.subresource)
    operation = _OPERATIONS.get(verb, UPDATE)
    qualified = f"{resource}/{subresource}" if subresource else resource
    mutating, schema = _work(step, info, operation, qualified, namespace, name, user, world)
    asked = Ask(user, verb, info.group, info.resource, subresource, namespace, "" if verb == "create" else name)
    return [
        Stage("authentication", tuple(_authentication(step, user))),
        Stage("authorization", (_authorization(world, asked, modes),)),
        Stage("mutating", tuple(mutating)),
        Stage("schema", tuple(schema)),
        Stage("validating", tuple(_validating(operation, qualified))),
        Stage("etcd", (_etcd(step, info, key),)),
    ]


def asker_of(step: Step) -> User:
    """Who asked for a step."""
    user, *groups = step.asker.split("\n")
    return user_of(Actor(step.component, step.node, user, tuple(groups)))


def _authentication(step: Step, user: User) -> Iterator[Line]:
    who = {"user": user.name, "groups": ", ".join(user.groups)}
    agent = step.params.get("agent")
    if agent:
        yield Line("chain.agent", {"agent": agent})
    if step.asker:
        yield Line("chain.asked-as", {**who, "component": step.component})
    elif user.name.startswith(ACCOUNT_PREFIX):
        yield Line("chain.token", who)
    elif agent:
        yield Line("chain.bearer", who)
    elif step.component in CERTIFICATES or step.component == "kubelet":
        yield Line("chain.certificate", who)
    else:
        yield Line("chain.user", who)


def _authorization(world: World, ask: Ask, modes: tuple[str, ...]) -> Line:
    answer = authorization.decide(world, ask, modes)
    if not answer.allowed:
        # What has lost its last finalizer goes with the request that took it away, which was no deletion.
        for verb in ("update", "patch", "delete"):
            other = authorization.decide(world, ask._replace(verb=verb), modes)
            if other.allowed:
                answer, ask = other, ask._replace(verb=verb)
                break
    what: dict[str, Any] = {
        "user": ask.user.name,
        "verb": ask.verb,
        "resource": f"{ask.resource}/{ask.subresource}" if ask.subresource else ask.resource,
        "group": ask.group,
        "namespace": ask.namespace,
    }
    if answer.granted is not None:
        reference = answer.granted.binding.get("roleRef") or {}
        metadata = answer.granted.binding["metadata"]
        return Line(
            "chain.rbac",
            {
                **what,
                "binding_kind": "RoleBinding" if metadata.get("namespace") else "ClusterRoleBinding",
                "binding": metadata["name"],
                "role_kind": reference.get("kind", ""),
                "role": reference.get("name", ""),
                "subject_kind": answer.granted.subject.get("kind", ""),
                "subject": answer.granted.subject.get("name", ""),
            },
        )
    if answer.authorizer == "Node":
        return Line("chain.node", what)
    if answer.allowed:
        return Line("chain.masters", what)
    return Line("chain.unasked", what)


class _Watching:
    """Notes what each mutating plugin made of the object."""

    def __init__(self) -> None:
        self.changed: list[tuple[str, tuple[str, ...]]] = []
        self.looked: list[str] = []

    def __call__(self, plugin: str, before: Obj, after: Obj) -> None:
        if before is after:
            self.looked.append(plugin)
            return
        fields = tuple(differing(before, after))
        if fields:
            self.changed.append((plugin, fields))
        else:
            self.looked.append(plugin)


def _work(
    step: Step, info: ResourceInfo, operation: str, qualified: str, namespace: str, name: str, user: User, world: World
) -> tuple[list[Line], list[Line]]:
    """What mutating admission and the schema did. A creation is gone through once more, as it was sent."""
    decoded = Line("chain.decoded", {"kind": info.kind, "api_version": info.api_version})
    looking = [plugin.name for plugin in plugins.mutating(operation, qualified)]
    if step.sent is None or step.after is None:
        return _looked(looking), [decoded, Line("chain.validated", {"kind": info.kind})]
    metadata = {**step.after["metadata"]}
    for field in ("labels", "annotations", "ownerReferences", "finalizers"):
        given = step.sent["metadata"].get(field)
        metadata.pop(field, None)
        if given:
            metadata[field] = given
    bare = {"apiVersion": info.api_version, "kind": info.kind, **step.sent, "metadata": metadata}
    defaulted = info.default(bare)
    watching = _Watching()
    a = Attributes(operation, info, namespace, name, defaulted, None, user, world, _suffix_of(step.after), dry_run=True)
    try:
        plugins.admit(a, watching)
        ready = prepared(info, a.obj)
    except StatusError:  # the world says no now: it was another one
        return _looked(looking), [decoded, Line("chain.validated", {"kind": info.kind})]
    mutating = [
        Line("chain.plugin-changed", {"plugin": plugin, "fields": _listed(fields)}, fields)
        for plugin, fields in watching.changed
    ]
    mutating.extend(_looked(watching.looked))
    schema = [decoded]
    for message, fields in (
        ("chain.defaulted", tuple(differing(bare, defaulted))),
        ("chain.prepared", tuple(differing(a.obj, ready))),
    ):
        if fields:
            schema.append(Line(message, {"count": len(fields), "fields": _listed(fields)}, fields))
    return mutating, [*schema, Line("chain.validated", {"kind": info.kind})]


def _looked(names: Sequence[str]) -> list[Line]:
    return [Line("chain.plugins-looked", {"plugins": ", ".join(names)})] if names else [Line("chain.no-plugin", {})]


def _validating(operation: str, qualified: str) -> Iterator[Line]:
    names = [plugin.name for plugin in plugins.validating(operation, qualified)]
    yield Line("chain.plugins-passed", {"plugins": ", ".join(names)}) if names else Line("chain.no-plugin", {})


def _etcd(step: Step, info: ResourceInfo, key: str) -> Line:
    where = {"key": f"/registry/{info.etcd_prefix}/{key}", "revision": step.revision}
    if step.after is None:
        return Line("chain.deleted", where)
    if step.before is None:
        return Line("chain.created", where)
    return Line("chain.updated", {**where, "expected": step.before["metadata"].get("resourceVersion", "")})


def _suffix_of(obj: Obj) -> Any:
    """Draws what was drawn then."""
    drawn = "00000"
    spec = obj.get("spec")
    for volume in (spec.get("volumes") or ()) if isinstance(spec, dict) else ():
        if isinstance(volume, dict) and str(volume.get("name", "")).startswith(ACCESS):
            drawn = volume["name"][len(ACCESS) :]
    return lambda length: drawn


def differing(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """The fields that differ, as deep as both sides have them, in the order of the later one.

    >>> list(differing({"spec": {"a": 1, "l": [{"x": 1}]}}, {"spec": {"a": 2, "l": [{"x": 1, "y": 2}], "b": 3}}))
    ['spec.a', 'spec.l[0].y', 'spec.b']
    """
    if before is after or before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*after, *(name for name in before if name not in after)]:
            inner = f"{path}.{name}" if path else name
            if name in before and name in after:
                yield from differing(before[name], after[name], inner)
            else:
                yield inner
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for position, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from differing(old, new, f"{path}[{position}]")
    else:
        yield path


def _listed(fields: Sequence[str]) -> str:
    more = len(fields) - MOST_FIELDS
    return ", ".join(fields[:MOST_FIELDS]) + (" …" if more > 0 else "")


def refused(error: StatusError) -> list[Stage]:
    """How far a refused request came: the stages it passed, and the one that refused it, last."""
    stage = error.stage if error.stage in STAGES else ("etcd" if error.code in (409, 410) else "schema")
    out = [Stage(name, (Line("chain.passed", {}),)) for name in STAGES[: STAGES.index(stage)]]
    params: dict[str, Any] = {"code": error.code, "reason": error.reason, "why": error.message}
    if error.plugin:
        line = Line("chain.refused-by-plugin", {**params, "plugin": error.plugin})
    else:
        line = Line("chain.refused", params)
    return [*out, Stage(stage, (line,))]
