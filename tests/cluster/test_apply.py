"""Client-side apply: what the three-way patch takes away, changes and leaves alone."""

from __future__ import annotations

import json

import pytest

from apps.cluster.apply import LAST_APPLIED, three_way
from apps.cluster.cluster import Cluster, Config


def deployment(**spec):
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": spec,
    }


def applied(manifest, **live):
    """`manifest` as it stands in the cluster: annotated, and with what others set."""
    metadata = {**manifest["metadata"], "annotations": {LAST_APPLIED: json.dumps(manifest)}}
    return {**manifest, "metadata": metadata, "spec": {**manifest["spec"], **live}}


def annotated(manifest):
    return {**manifest, "metadata": {**manifest["metadata"], "annotations": {LAST_APPLIED: json.dumps(manifest)}}}


def template(*containers):
    return {"spec": {"containers": list(containers)}}


@pytest.mark.parametrize(
    ("last", "live", "wanted", "expected"),
    [
        pytest.param({"replicas": 3}, {}, {"replicas": 3}, {}, id="the same manifest is no patch"),
        pytest.param({"replicas": 3}, {}, {"replicas": 5}, {"replicas": 5}, id="a changed field is sent alone"),
        pytest.param({"replicas": 3}, {"replicas": 7}, {"replicas": 3}, {"replicas": 3}, id="drift is put right"),
        pytest.param({"replicas": 3}, {}, {}, {"replicas": None}, id="what left the manifest is taken away"),
        pytest.param({}, {"paused": True}, {}, {}, id="what others set is left alone"),
    ],
)
def test_fields(last, live, wanted, expected):
    patch, type_ = three_way(applied(deployment(**last), **live), annotated(deployment(**wanted)), builtin=True)
    assert type_ == "strategic"
    assert patch.get("spec", {}) == expected


def test_a_container_that_left_the_manifest_is_deleted_by_its_name():
    one, two = {"name": "one", "image": "a"}, {"name": "two", "image": "b"}
    patch, _ = three_way(
        applied(deployment(template=template(one, two))), annotated(deployment(template=template(one))), builtin=True
    )
    assert patch["spec"]["template"]["spec"] == {
        "$setElementOrder/containers": [{"name": "one"}],
        "containers": [{"name": "two", "$patch": "delete"}],
    }


def test_a_sidecar_that_others_added_stays():
    one, sidecar = {"name": "one", "image": "a"}, {"name": "sidecar", "image": "s"}
    changed = {"name": "one", "image": "b"}
    current = applied(deployment(template=template(one)), template=template(one, sidecar))
    patch, _ = three_way(current, annotated(deployment(template=template(changed))), builtin=True)
    assert patch["spec"]["template"]["spec"]["containers"] == [changed]


def test_a_custom_resource_is_merged_as_json():
    manifest = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"parts": [1, 2]}}
    current = applied(manifest)
    patch, type_ = three_way(current, annotated({**manifest, "spec": {"parts": [2]}}), builtin=False)
    assert type_ == "merge"
    assert patch["spec"] == {"parts": [2]}


def test_a_union_lets_go_of_what_the_manifest_does_not_name():
    """A Deployment from RollingUpdate to Recreate: the parameters of the old strategy go with it."""

    def manifest(strategy):
        template = {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "nginx"}]},
        }
        spec = {"selector": {"matchLabels": {"app": "web"}}, "template": template, "strategy": strategy}
        return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}

    cluster = Cluster.boot(Config(workers=0))
    cluster.execute({"op": "apply", "objects": [manifest({"type": "RollingUpdate"})]})
    (after,) = cluster.execute({"op": "apply", "objects": [manifest({"type": "Recreate"})]})
    assert after["spec"]["strategy"] == {"type": "Recreate"}
