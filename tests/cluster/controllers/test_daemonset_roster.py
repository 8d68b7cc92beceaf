"""DaemonSets kept count of say what DaemonSets counted anew would say."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings

from apps.cluster.apimachinery.selectors import from_map
from apps.cluster.cluster import Cluster, Config
from apps.cluster.controllers.daemonset.daemon_controller import DaemonSetController
from apps.cluster.controllers.daemonset.roster import Roster
from tests.cluster.stories import booted, digest, play, stories, workload

Obj = dict[str, Any]
HASH = "57d7748fd"
NODES = ("worker-1", "worker-2", "worker-3")


class Base:
    """A booted cluster to begin from. Wrapped, since a failing example would print all of it."""

    def __init__(self) -> None:
        self.data = booted().snapshot()

    def __repr__(self) -> str:
        return "Base()"


@pytest.fixture(scope="module")
def base() -> Base:
    return Base()


def pod(name: str, node: str, *, ready: bool = True, hash_: str = HASH, app: str = "agent", **more: Any) -> Obj:
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    labels = {"app": app, "controller-revision-hash": hash_}
    return {
        "metadata": {"name": name, "namespace": "default", "labels": labels, **more.get("metadata", {})},
        "spec": {"nodeName": node},
        "status": {"phase": more.get("phase", "Running"), "conditions": conditions},
    }


def roster(*pods: Obj) -> Roster:
    made = Roster((HASH, None), from_map({"app": "agent"}), pods)
    for node in NODES:
        made.touch(node)
    return made


def everywhere(node: str) -> bool | None:
    return True if node in NODES else None


ONE_EACH = tuple(pod(f"agent-{node}", node) for node in NODES)
GOING = {"deletionTimestamp": "2026-11-23T00:00:00Z"}


@pytest.mark.parametrize(
    ("pods", "calm"),
    [
        pytest.param(ONE_EACH, True, id="one Pod on every node"),
        pytest.param((*ONE_EACH[:2], pod("c", "worker-3", ready=False)), True, id="one of them not ready"),
        pytest.param(ONE_EACH[:2], False, id="a node without"),
        pytest.param((*ONE_EACH, pod("d", "worker-3")), False, id="two on a node"),
        pytest.param((*ONE_EACH, pod("d", "worker-9")), False, id="one on a node that has gone"),
        pytest.param((*ONE_EACH[:2], pod("c", "worker-3", hash_="other")), False, id="one of another template"),
        pytest.param((*ONE_EACH[:2], pod("c", "worker-3", phase="Failed")), False, id="one that failed"),
        pytest.param((*ONE_EACH[:2], pod("c", "worker-3", metadata=GOING)), False, id="one on its way out"),
        pytest.param((*ONE_EACH[:2], pod("c", "worker-3", app="other")), False, id="one to be released"),
    ],
)
def test_calm_is_one_good_pod_on_every_node(pods: tuple[Obj, ...], calm: bool) -> None:
    assert roster(*pods).calm(everywhere) is calm


@pytest.mark.parametrize(
    ("pods", "missing"),
    [
        pytest.param(ONE_EACH[:1], ["worker-2", "worker-3"], id="Pods are missing, all else is as it should be"),
        pytest.param((*ONE_EACH[:2], pod("d", "worker-2")), None, id="one is missing, and two are on another node"),
        pytest.param((ONE_EACH[0], pod("b", "worker-2", phase="Failed")), None, id="one is missing, another failed"),
        pytest.param((*ONE_EACH[:2], pod("d", "worker-9")), None, id="one is missing, one is where no node is"),
    ],
)
def test_where_nothing_but_pods_is_missing_it_says_where(pods: tuple[Obj, ...], missing: list[str] | None) -> None:
    made = roster(*pods)
    assert not made.calm(everywhere)
    assert made.lacks_only is (missing is not None)
    if missing is not None:
        assert list(made.missing) == missing
        assert made.desired == 3


def test_the_numbers_follow_pods_and_nodes() -> None:
    made = roster(*ONE_EACH)
    assert made.calm(everywhere)
    assert (made.desired, made.ready) == (3, 3)
    made.remove(ONE_EACH[0])
    assert not made.calm(everywhere)
    made.add(pod("agent-new", "worker-1", ready=False))
    assert made.calm(everywhere)
    assert (made.desired, made.ready) == (3, 2)
    made.touch("worker-1")
    assert not made.calm(lambda node: node != "worker-1" and everywhere(node))  # it may not be there any more
    made.touch("worker-1")
    assert made.calm(everywhere)


@given(story=stories)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_history_is_the_same_with_every_node_looked_at_in_every_sync(base: Base, story: list[Any]) -> None:
    def told() -> str:
        cluster = Cluster.restore(base.data)
        cluster.execute({"op": "apply", "objects": [workload("DaemonSet", "web", 0, "web:1.0")]})
        play(cluster, story)
        cluster.run_for(60_000)
        return digest(cluster)

    kept = told()
    with patch.object(DaemonSetController, "_without_looking", lambda *_: False):
        assert told() == kept


def test_a_boot_is_the_same_with_every_node_looked_at_in_every_sync() -> None:
    kept = digest(Cluster.boot(Config(workers=12)))
    with patch.object(DaemonSetController, "_without_looking", lambda *_: False):
        assert digest(Cluster.boot(Config(workers=12))) == kept
