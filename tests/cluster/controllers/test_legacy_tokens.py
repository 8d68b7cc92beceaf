"""Tokens of ServiceAccounts that were made by themselves long ago: marked when unused for a year, gone a year later."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.controllers.serviceaccount.legacy_serviceaccount_token_cleaner import (
    DAY_MS,
    INVALID_SINCE,
    KEEP,
    LAST_USED,
    MARK,
    REMOVE,
    YEAR_MS,
    verdict,
)
from tests.cluster.controllers.world import World

Obj = dict[str, Any]

ACCOUNT = {
    "metadata": {"name": "build", "namespace": "default", "uid": "u"},
    "secrets": [{"name": "build-token-x"}],
}
NOW = 2 * YEAR_MS  # 2028-11-22


def token(*, created: str = "2026-11-23T00:00:00Z", labels: dict[str, str] | None = None, **metadata: Any) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/service-account-token",
        "metadata": {
            "name": "build-token-x",
            "namespace": "default",
            "creationTimestamp": created,
            "annotations": {"kubernetes.io/service-account.name": "build"},
            "labels": labels or {},
            **metadata,
        },
    }


@pytest.mark.parametrize(
    ("secret", "account", "mounted", "expected"),
    [
        pytest.param(token(), ACCOUNT, (), MARK, id="never used, never marked"),
        pytest.param(token(labels={INVALID_SINCE: "long ago"}), ACCOUNT, (), MARK, id="marked with what is no date"),
        pytest.param(token(labels={INVALID_SINCE: "2028-11-01"}), ACCOUNT, (), KEEP, id="marked lately"),
        pytest.param(token(labels={INVALID_SINCE: "2027-11-22"}), ACCOUNT, (), REMOVE, id="marked over a year ago"),
        pytest.param(token(labels={INVALID_SINCE: "2027-11-23"}), ACCOUNT, (), KEEP, id="marked a year ago to the day"),
        pytest.param(token(labels={LAST_USED: "2028-01-01"}), ACCOUNT, (), KEEP, id="used this year"),
        pytest.param(token(labels={LAST_USED: "2027-01-01"}), ACCOUNT, (), MARK, id="used long ago"),
        pytest.param(token(labels={LAST_USED: "yesterday"}), ACCOUNT, (), KEEP, id="used nobody knows when"),
        pytest.param(token(created="2028-06-01T00:00:00Z"), ACCOUNT, (), KEEP, id="is young"),
        pytest.param(token(deletionTimestamp="2028-06-01T00:00:00Z"), ACCOUNT, (), KEEP, id="is going anyway"),
        pytest.param(token(), ACCOUNT, ("build-token-x",), KEEP, id="a Pod mounts it"),
        pytest.param(token(), {**ACCOUNT, "secrets": []}, (), KEEP, id="somebody made it on purpose"),
        pytest.param(token(), None, (), KEEP, id="its account is gone"),
        pytest.param({**token(), "type": "Opaque"}, ACCOUNT, (), KEEP, id="no token"),
    ],
)
def test_what_becomes_of_a_token(secret: Obj, account: Obj | None, mounted: tuple[str, ...], expected: str) -> None:
    assert verdict(secret, account, mounted, NOW + 3_600_000) == expected


def test_an_unused_token_is_marked_after_a_year_and_removed_after_two() -> None:
    world = World(nodes=())
    tracking = {"name": "kube-apiserver-legacy-service-account-token-tracking", "namespace": "kube-system"}
    world.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": tracking, "data": {"since": "2026-11-23"}})
    world.create(
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "build", "namespace": "default"},
            "secrets": [{"name": "build-token-x"}],
        }
    )
    made = token()
    del made["metadata"]["creationTimestamp"]
    world.create(made)
    world.run(YEAR_MS)
    assert INVALID_SINCE not in world.get("secrets", "build-token-x", "default")["metadata"].get("labels", {})
    world.run(2 * DAY_MS)
    assert world.get("secrets", "build-token-x", "default")["metadata"]["labels"][INVALID_SINCE] == "2027-11-24"
    world.run(YEAR_MS - 2 * DAY_MS)
    assert "build-token-x" in world.names("secrets")
    world.run(3 * DAY_MS)
    assert "build-token-x" not in world.names("secrets")
