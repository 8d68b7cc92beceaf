"""Admission: what quotas count, and the tolerations that are added."""

from __future__ import annotations

from typing import Any

from apps.cluster.api.scheme import RESOURCES
from apps.cluster.apimachinery.resourcelist import amounts
from apps.cluster.apimachinery.resourcelist import same as alike
from apps.cluster.apiserver.admission import CREATE, Attributes, default_toleration_seconds
from apps.cluster.apiserver.authentication import User
from apps.cluster.apiserver.quota import evaluator_for
from tests.fidelity.tables.registry import Row, adaptor, same
from tests.fidelity.tables.shapes import Obj


def _value(wrapped: Any) -> Obj | None:
    return wrapped.get("value", wrapped) if isinstance(wrapped, dict) else None


@adaptor("quota-limits__core__TestPodEvaluatorHandles")
def pod_evaluator_handles(row: Row) -> None:
    attributes = row["attrs"]["value"]
    evaluator = evaluator_for("", "pods")
    assert evaluator is not None
    new, old = _value(attributes.get("object")) or {}, _value(attributes.get("oldObject")) or {}
    same(evaluator.handles(attributes["operation"], attributes["subresource"], new, old), row["want"])


@adaptor("quota-limits__core__TestPodEvaluatorUsageStats")
def pod_evaluator_usage(row: Row) -> None:
    evaluator = evaluator_for("", "pods")
    assert evaluator is not None
    wanted = amounts(row["want"])
    spec = {"scopes": row["quotaScopes"], "scopeSelector": row["quotaScopeSelector"]}
    found = evaluator.total(spec, [], row["objs"] or [], 0)
    assert alike(found, wanted), (found, wanted)


@adaptor("quota-limits__defaulttolerationseconds__TestForgivenessAdmission")
def forgiveness(row: Row) -> None:
    a = Attributes(
        CREATE, RESOURCES["pods"], "", "", row["requestedPod"], None, User(""), {}, lambda length: "x" * length
    )
    default_toleration_seconds.admit(a)
    same(a.obj["spec"].get("tolerations") or [], row["expectedPod"]["spec"].get("tolerations") or [])
