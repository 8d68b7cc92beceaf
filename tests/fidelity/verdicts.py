"""What a real 1.36 API server made of real manifests, document by document, held against ours.

Facts of a document: whether it is accepted and with which error, its warnings, the object after defaulting (one fact),
the hashes of its Pod template, the name of its first ReplicaSet, its quality of service.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Any

import yaml

from apps.cluster.api.decode import decode
from apps.cluster.api.podtemplate_hash import pod_template_hash
from apps.cluster.api.resource import ResourceInfo
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apiserver import APIServer
from apps.cluster.apiserver.authentication import Actor
from apps.cluster.apiserver.server import READER
from apps.cluster.apiserver.strategy import qos_class
from apps.cluster.cluster import Cluster, Config
from apps.cluster.controllers.deployment.sync import replica_set_name
from tests.fidelity.reference import manifests, reference
from tests.fidelity.tables.registry import short

Obj = dict[str, Any]


def missing() -> str:
    """Why the verdicts cannot be counted here; nothing when they can."""
    if reference() is None:
        return "the manifests are other people's and not part of this project; set K8SDOCS_REFERENCE to count them"
    return "" if manifests() else "no manifests beside the recordings"


def names() -> list[str]:
    found = reference()
    return sorted(path.stem for path in (found / "verdicts").glob("*.json")) if found else []


def judge(name: str) -> Iterator[tuple[str, str]]:
    """Each fact of a manifest: what it is about, and how ours differs ("" when it does not)."""
    found, folder = reference(), manifests()
    assert found is not None
    assert folder is not None
    verdict = json.loads((found / "verdicts" / f"{name}.json").read_text())
    given = dict(_objects((folder / verdict["manifest"]).read_text()))
    for expected in verdict["docs"]:
        if expected.get("empty"):
            continue
        about = f"{expected['kind']}/{expected['name']}"
        for what, ours, theirs in _facts(given[expected["kind"], expected["name"], expected["namespace"]], expected):
            yield f"{about} {what}", "" if ours == theirs else _how(ours, theirs)


def _how(ours: Any, theirs: Any) -> str:
    return f"expected {short(theirs)}, ours {short(ours)}"


def _facts(given: Obj, expected: Obj) -> Iterator[tuple[str, Any, Any]]:
    if expected.get("unregistered_kind"):
        # That code was the API server's own scheme. Custom resource definitions are served beside it.
        if not expected["apiVersion"].startswith("apiextensions.k8s.io/"):
            yield "registered", decode(given).info.builtin, False
        return
    found = decode(given)
    obj = found.info.default(found.obj)
    if "defaulted" in expected:
        yield "defaulted", _bare_claims(obj), _bare_claims(expected["defaulted"])
    if "accepted" in expected:
        metadata = {"namespace": "default", **obj["metadata"]} if found.info.namespaced else obj["metadata"]
        errors = [str(error) for error in found.info.validate({**obj, "metadata": metadata})]
        yield "accepted", not errors, bool(expected["accepted"])
        if not expected["accepted"]:
            wanted = expected.get("errors") or expected.get("error") or []
            yield "errors", errors, [wanted] if isinstance(wanted, str) else wanted
        yield "warnings", _warnings(found.info, obj), list(expected.get("warnings") or ())
    template = ((obj.get("spec") or {}).get("template") or {}) if isinstance(obj.get("spec"), dict) else {}
    if expected.get("qos"):
        yield "qos", qos_class(obj["spec"] if obj["kind"] == "Pod" else _pod_spec(obj)), expected["qos"]
    if expected.get("pod_template_hash"):
        yield "hash", pod_template_hash(template, None), expected["pod_template_hash"]
        for collision in (0, 1):
            theirs = expected[f"pod_template_hash_collision{collision}"]
            yield f"hash after collision {collision}", pod_template_hash(template, collision), theirs
    if expected.get("first_replicaset_name"):
        hash_ = pod_template_hash(template, None)
        yield "first ReplicaSet", replica_set_name(obj["metadata"]["name"], hash_), expected["first_replicaset_name"]


def _pod_spec(obj: Obj) -> Obj:
    spec: Obj = obj["spec"]
    if obj["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    pod: Obj = spec["template"]["spec"]
    return pod


@cache
def _server() -> APIServer:
    return Cluster.boot(Config(workers=1, seed=1)).apiserver


def _warnings(info: ResourceInfo, obj: Obj) -> list[str]:
    """What a reader who creates the object is warned of."""
    server = _server()
    server.warnings = []
    metadata = {**obj["metadata"], "namespace": "default"} if info.namespaced else obj["metadata"]
    with suppress(StatusError):  # that it exists, say; what is refused is judged by itself
        server.create(Actor(READER), info.plural, {**obj, "metadata": metadata}, dry_run=True)
    return list(server.warnings)


def _bare_claims(obj: Obj) -> Obj:
    """Claim templates come back from a server with kind and apiVersion, which defaulting alone does not add."""
    claims = (obj.get("spec") or {}).get("volumeClaimTemplates")
    if not claims:
        return obj
    bare = [{name: value for name, value in claim.items() if name not in ("kind", "apiVersion")} for claim in claims]
    return {**obj, "spec": {**obj["spec"], "volumeClaimTemplates": bare}}


def _objects(text: str) -> Iterator[tuple[tuple[str, str, str], Obj]]:
    for document in yaml.load_all(text, yaml.CSafeLoader):
        if document is None:
            continue
        items = document.get("items") if document["kind"].endswith("List") else None
        for one in items or [document]:
            yield (one["kind"], one["metadata"].get("name", ""), one["metadata"].get("namespace", "")), one
