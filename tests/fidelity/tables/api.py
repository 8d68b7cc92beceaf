"""Values and objects of the API: quantities, durations, names, defaults, patches."""

from __future__ import annotations

from apps.cluster.apimachinery import intstr, patch, quantity
from apps.cluster.apimachinery.status import StatusError
from tests.fidelity.tables.registry import Row, adaptor, same


@adaptor("quantity__resource__TestQuantityParse")
def quantity_parse(row: Row) -> None:
    try:
        found = quantity.parse(row["input"]).canonical()
    except quantity.InvalidQuantity:
        found = "error"
    same(found, row.get("expect", "error"))


@adaptor("intstr__intstr__TestParse")
def intstr_parse(row: Row) -> None:
    same(intstr.parse(row["input"]), row["output"])


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
