"""Words that the cells of many kinds share: ages, lists that are cut short, containers, selectors.

Models      pkg/printers/internalversion/printers.go (its helpers), k8s.io/apimachinery/pkg/labels FormatLabels
Leaves out  nothing
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from apps.cluster.apimachinery.meta import EMPTY, Obj
from apps.cluster.apimachinery.selectors import from_label_selector
from apps.cluster.apimachinery.timestamps import human_duration, parse

NONE, UNKNOWN, UNSET = "<none>", "<unknown>", "<unset>"
Cells = list[Any]


class Look(NamedTuple):
    """How a table is asked for: at what time, and whether with the columns that `-o wide` shows."""

    now_ms: int
    wide: bool = True

    def since(self, time: str | None) -> str:
        """How long ago, as kubectl writes ages."""
        return human_duration(self.now_ms - parse(time)) if time else UNKNOWN

    def until(self, time: str | None) -> str:
        """How long from now."""
        return human_duration(parse(time) - self.now_ms) if time else UNKNOWN

    def age(self, obj: Obj) -> str:
        return self.since(obj["metadata"].get("creationTimestamp"))


def name_of(obj: Obj) -> str:
    name: str = obj["metadata"].get("name", "")
    return name


def spec_of(obj: Obj) -> Obj:
    return obj.get("spec") or EMPTY


def status_of(obj: Obj) -> Obj:
    return obj.get("status") or EMPTY


def is_going(obj: Obj) -> bool:
    return obj["metadata"].get("deletionTimestamp") is not None


def format_labels(labels: Obj | None) -> str:
    """`a=1,b=2`."""
    return ",".join(f"{key}={labels[key]}" for key in sorted(labels)) if labels else NONE


def format_selector(selector: Obj | None) -> str:
    """A label selector in a line."""
    return str(from_label_selector(selector)) or NONE


def names_and_images(containers: Iterable[Obj] | None) -> Cells:
    found = list(containers or ())
    return [",".join(one.get("name", "") for one in found), ",".join(one.get("image", "") for one in found)]


def containers_of(template: Obj | None) -> list[Obj]:
    found: list[Obj] = ((template or EMPTY).get("spec") or EMPTY).get("containers") or []
    return found


def cut(found: Sequence[str], most: int = 3, empty: str = UNSET) -> str:
    """`a,b,c + 2 more...`."""
    if len(found) > most:
        return f"{','.join(found[:most])} + {len(found) - most} more..."
    return ",".join(found) or empty


def truth(value: bool | None) -> str:
    """A flag that may be absent."""
    return UNSET if value is None else "True" if value else "False"


def condition_is(conditions: Iterable[Obj] | None, kind: str, status: str = "True") -> bool:
    """Whether the first condition of a kind has this status."""
    return next((one.get("status") == status for one in conditions or () if one.get("type") == kind), False)
