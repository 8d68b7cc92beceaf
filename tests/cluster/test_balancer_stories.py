"""Rough stories in clusters with a load balancer: told twice, and from a snapshot in the middle, they are the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.cluster.cluster import Cluster, Config
from tests.cluster.stories import digest, play, rough_stories

Obj = dict[str, Any]
BOOTED: dict[str, str] = {}


def service(name: str, policy: str, kind: str) -> Obj:
    spec: Obj = {"type": kind, "selector": {"app": name}, "ports": [{"port": 80}]}
    if kind != "ClusterIP":
        spec["externalTrafficPolicy"] = policy
    metadata = {"name": name, "namespace": "default"}
    return {"op": "apply", "objects": [{"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}]}


names = st.sampled_from(("web", "api", "db"))
services = st.one_of(
    st.builds(service, names, st.sampled_from(("Cluster", "Local")), st.sampled_from(("LoadBalancer", "ClusterIP"))),
    st.builds(lambda name: {"op": "delete", "resource": "services", "namespace": "default", "name": name}, names),
)
told = st.tuples(st.lists(st.tuples(st.integers(0, 20_000), services), min_size=1, max_size=5), rough_stories)


def restored(balancer: str) -> Cluster:
    if balancer not in BOOTED:
        BOOTED[balancer] = json.dumps(Cluster.boot(Config(workers=2, load_balancer=balancer)).snapshot())
    return Cluster.restore(json.loads(BOOTED[balancer]))


def mixed(story: Any) -> list[tuple[int, Obj]]:
    """Services and what befalls the cluster, in turn."""
    one, other = list(story[0]), list(story[1])
    out = []
    while one or other:
        out += [queue.pop(0) for queue in (one, other) if queue]
    return out


@pytest.mark.parametrize("balancer", ["cloud", "metallb"])
@settings(max_examples=6, deadline=None)
@given(story=told, cut=st.integers(0, 8))
def test_a_story_with_a_balancer_is_one_story(balancer: str, story: Any, cut: int) -> None:
    commands = mixed(story)
    first, second = restored(balancer), restored(balancer)
    said = play(first, commands)
    refused = play(second, commands[:cut])
    second = Cluster.restore(json.loads(json.dumps(second.snapshot())))
    refused += play(second, commands[cut:])
    for cluster in (first, second):
        cluster.run_for(30_000)
    assert said == refused
    assert digest(first) == digest(second)
    ingress = [
        one["ip"]
        for obj in first.view().objects["services"].values()
        for one in obj["status"]["loadBalancer"].get("ingress") or ()
    ]
    assert len(ingress) == len(set(ingress))
