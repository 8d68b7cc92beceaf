"""Objects of the API: what the server fills in, and what a strategic merge patch does."""

from __future__ import annotations

from typing import Any

from apps.cluster.api.decode import roundtrip
from apps.cluster.api.scheme import RESOURCES
from apps.cluster.apimachinery import patch
from apps.cluster.apimachinery.status import StatusError
from tests.fidelity.tables.registry import Row, adaptor, same

Obj = dict[str, Any]


def _default(api_version: str, kind: str, obj: Obj) -> Obj:
    """What the server makes of an object of which only some fields were said."""
    info = RESOURCES[kind.lower() + "s"]
    return info.default(roundtrip({"metadata": {}, **obj, "apiVersion": api_version, "kind": kind}))


@adaptor("defaults__v1__TestSetDefaultDeployment", "defaults__v1__TestSetDefaultStatefulSet")
def workloads(row: Row) -> None:
    kind = "Deployment" if row.table.endswith("Deployment") else "StatefulSet"
    wanted = roundtrip({"metadata": {}, **row["expected"], "apiVersion": "apps/v1", "kind": kind})
    same(_default("apps/v1", kind, row["original"])["spec"], wanted["spec"])


@adaptor("defaults__v1__TestSetDefaultReplicationController")
def replication_controllers(row: Row) -> None:
    made = _default("v1", "ReplicationController", row["rc"])
    template = made["spec"]["template"]["metadata"].get("labels")
    same(made["metadata"].get("labels") == template, row["expectLabels"], "labels of the template")
    same(made["spec"].get("selector") == template, row["expectSelector"], "selector of the template")


@adaptor("defaults__v1__TestSetDefaultPersistentVolumeClaim")
def claims(row: Row) -> None:
    spec = {"volumeMode": row["volumeMode"]} if row["volumeMode"] else {}
    made = _default("v1", "PersistentVolumeClaim", {"spec": spec})
    same(made["spec"].get("volumeMode"), row["expectedVolumeMode"])


@adaptor("defaults__v1__TestSetDefaultNodeStatusAllocatable")
def what_a_node_can_give(row: Row) -> None:
    status = {name: row[name] for name in ("capacity", "allocatable") if row[name] is not None}
    made = _default("v1", "Node", {"status": status})
    same(made.get("status", {}).get("allocatable"), row["expectedAllocatable"])


@adaptor("defaults__v1__TestSetDefaults_Volume")
def volumes(row: Row) -> None:
    made = _default("v1", "Pod", {"spec": {"volumes": [row["given"]], "containers": []}})
    same(made["spec"]["volumes"], [row["expected"]])


class Item:
    """The struct that upstream's tests patch: its own lists again inside each item."""

    FIELDS = {
        "mergingList": (True, ("merge",), "name"),
        "mergingIntList": (False, ("merge",), ""),
        "mergeItemPtr": (True, ("merge",), "name"),
        "replacingItem": (False, ("replace",), ""),
        "retainKeysMap": (True, ("retainKeys",), ""),
        "retainKeysMergingList": (True, ("merge", "retainKeys"), "name"),
    }

    def patch_field(self, name: str) -> tuple[Item | None, tuple[str, ...], str]:
        below, strategies, key = self.FIELDS.get(name, (False, (), ""))
        return (self if below else None), strategies, key


@adaptor("smp__strategicpatch__customStrategicMergePatch", "smp__strategicpatch__customStrategicMergePatchRaw")
def strategic_merge(row: Row) -> None:
    try:
        found = patch.strategic_merge(row["original"] or {}, row["twoWay"] or {}, Item())
    except StatusError as error:
        same(bool(row["expectedError"]) and row["expectedError"] in error.message, True, error.message)
        return
    same(found, row["modified"])
