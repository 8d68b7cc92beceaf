"""DaemonSets: which changes of a node matter, whose revisions they are."""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery.meta import labels_of
from apps.cluster.apimachinery.selectors import from_label_selector
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.controllers.daemonset.daemon_controller import DaemonSetController, _taints
from apps.cluster.controllers.refs import RefManager
from tests.cluster.controllers.objects import daemon_set
from tests.cluster.controllers.recording import bench, put
from tests.fidelity.tables.failing import Failing
from tests.fidelity.tables.registry import Row, adaptor, same
from tests.fidelity.tables.shapes import Obj, error_of


@adaptor("daemonset__daemon__TestShouldIgnoreNodeUpdate")
def which_changes_of_a_node_matter(row: Row) -> None:
    old, new = row["oldNode"], row["newNode"]
    ignored = labels_of(old) == labels_of(new) and (_taints(old) or []) == (_taints(new) or [])
    same(ignored, row["expectedResult"])


class Adopting:
    """A client that takes every patch."""

    def __init__(self, owner: Obj) -> None:
        self.owner = owner

    def get(self, resource: str, namespace: str, name: str) -> Obj:
        return self.owner

    def patch(self, *args: Any, **kwargs: Any) -> Obj:
        return {}


@adaptor("daemonset__daemon__TestControlledHistories")
def revisions_are_adopted_in_the_namespace_alone(row: Row) -> None:
    owner = daemon_set("ds1")
    owner["metadata"] |= {"namespace": "default", "uid": "08a8144c-28a4-4dbc-a7ed-8b2447b123d0"}
    selector = from_label_selector({"matchLabels": {"name": "simple-daemon", "type": "production"}})
    manager = RefManager(Adopting(owner), "controllerrevisions", owner, "daemonsets", selector, "daemonset")
    found = [one["metadata"]["name"] for one in manager.claim(row["historyCRAll"])]
    same(found, [one["metadata"]["name"] for one in row["expectControllerRevisions"]])


def _set() -> Obj:
    made = daemon_set("foo")
    made["metadata"] |= {"namespace": "default", "uid": "ds", "generation": 1}
    return made


@adaptor("daemonset__daemon__TestStoreDaemonSetStatus")
def store_status(row: Row) -> None:
    controller, client = bench(DaemonSetController)
    put(controller, "daemonsets", _set())
    getting = Failing(client, "get", "daemonsets", row["getErrorNum"], "fake get error")
    updating = Failing(getting, "update_status", "daemonsets", row["updateErrorNum"], "fake update error")
    controller.client = updating
    told = ""
    try:
        controller._report(_set(), {"numberReady": 2, "desiredNumberScheduled": 2}, 0)
    except StatusError as error:
        told = error.message
    same(told, error_of(row["expectedError"]), "error")
    same((updating.asked, getting.asked), (row["expectedUpdateCalled"], row["expectedGetCalled"]), "updates and gets")


@adaptor("daemonset__daemon__TestSimpleDaemonSetUpdatesStatusError")
def which_error_is_told(row: Row) -> None:
    controller, client = bench(DaemonSetController)
    creating = Failing(client, "create", "pods", 9 if row["hasSyncErr"] else 0, "sync error")
    controller.client = Failing(
        creating, "update_status", "daemonsets", 9 if row["hasStatusErr"] else 0, "status error"
    )
    node = {"metadata": {"name": "n1"}, "spec": {}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    put(controller, "nodes", node)
    put(controller, "daemonsets", _set())
    told = ""
    try:
        controller.sync("default/foo")
    except StatusError as error:
        told = error.message
    same(told, error_of(row["expectedErr"]), "error")
