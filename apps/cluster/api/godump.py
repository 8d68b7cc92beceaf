"""An object printed as Go's spew prints the API struct it stands for: the text that template hashes are taken of.

Every field comes, the nil ones too, in the order of the Go struct, each with its Go type:

    (v1.PodTemplateSpec){ObjectMeta:(v1.ObjectMeta){Name:(string) GenerateName:(string) …

Models      k8s.io/utils/dump (ForHash), github.com/davecgh/go-spew/spew/format.go, the structs of k8s.io/api 1.36
Leaves out  times that are set, and raw extensions (no Pod template has them)
"""

from __future__ import annotations

from functools import cache
from typing import Any

from apps.cluster.api.schema import Struct, Type
from apps.cluster.apimachinery import quantity
from apps.cluster.apimachinery.meta import Obj

_NIL_TIME = "{Time:(time.Time){wall:(uint64)0 ext:(int64)0 loc:(*time.Location)<nil>}}"
_ZERO_INTSTR = "{Type:(intstr.Type)0 IntVal:(int32)0 StrVal:(string)}"


def dump(found: Struct, obj: Obj) -> str:
    """The text of `obj` taken for a `found`."""
    parts = [f"({found.go})"]
    _struct(parts, found, obj)
    return "".join(parts)


@cache
def _nil(kind: Type) -> str:
    """A field that is not set, with its type: the same text every time."""
    if kind.kind == "ptr":
        return f"({kind.go})<nil>"
    if kind.kind in ("slice", "map", "bytes"):
        return f"({kind.go})<nil>"
    parts = [f"({kind.go})"]
    _bare(parts, kind, None)
    return "".join(parts)


def _struct(parts: list[str], found: Struct, obj: Obj) -> None:
    parts.append("{")
    first = True
    for field in found.fields:
        parts.append(f"{field.go}:" if first else f" {field.go}:")
        first = False
        kind = field.type
        if field.embedded:
            parts.append(f"({kind.go})")
            _struct(parts, kind.struct, obj)
            continue
        value = obj.get(field.json)
        if value is None:
            parts.append(_nil(kind))
        elif kind.kind == "ptr":
            assert kind.elem is not None
            parts.append(f"({kind.go})")
            _bare(parts, kind.elem, value)
        else:
            parts.append(f"({kind.go})")
            _bare(parts, kind, value)
    parts.append("}")


def _bare(parts: list[str], kind: Type, value: Any) -> None:
    """A value without its type."""
    what = kind.kind
    if what == "struct":
        _struct(parts, kind.struct, value or {})
    elif what == "string" or what == "Duration":
        parts.append(value or "")
    elif what == "int" or what == "float":
        parts.append(str(value or 0))
    elif what == "bool":
        parts.append("true" if value else "false")
    elif what == "slice":
        assert kind.elem is not None
        parts.append("[")
        for index, item in enumerate(value):
            if index:
                parts.append(" ")
            _bare(parts, kind.elem, item)
        parts.append("]")
    elif what == "map":
        assert kind.elem is not None
        parts.append("map[")
        for index, name in enumerate(sorted(value)):
            parts.append(f" {name}:" if index else f"{name}:")
            _bare(parts, kind.elem, value[name])
        parts.append("]")
    elif what == "Quantity":
        parts.append(_quantity(value))
    elif what == "IntOrString":
        parts.append(_int_or_string(value))
    else:
        parts.append(_NIL_TIME)


def _int_or_string(value: int | str | None) -> str:
    if value is None:
        return _ZERO_INTSTR
    if isinstance(value, str):
        return f"{{Type:(intstr.Type)1 IntVal:(int32)0 StrVal:(string){value}}}"
    return f"{{Type:(intstr.Type)0 IntVal:(int32){value} StrVal:(string)}}"


def _quantity(text: str | None) -> str:
    if text is None:
        return _amount(0, 0, "<nil>", "", "")
    parsed = quantity.parse(text)
    if not parsed.big:
        return _amount(parsed.unscaled, parsed.scale, "<nil>", parsed.text, parsed.format)
    words, rest = [], abs(parsed.unscaled)
    while rest:
        words.append(str(rest & (1 << 64) - 1))
        rest >>= 64
    negative = "true" if parsed.unscaled < 0 else "false"
    magnitude = f"[{' '.join(words)}]" if words else "<nil>"
    decimal = (
        f"{{unscaled:(big.Int){{neg:(bool){negative} abs:(big.nat){magnitude}}} scale:(inf.Scale){-parsed.scale}}}"
    )
    return _amount(0, 0, decimal, parsed.text, parsed.format)


def _amount(value: int, scale: int, decimal: str, text: str, style: str) -> str:
    return (
        f"{{i:(resource.int64Amount){{value:(int64){value} scale:(resource.Scale){scale}}}"
        f" d:(resource.infDecAmount){{Dec:(*inf.Dec){decimal}}} s:(string){text} Format:(resource.Format){style}}}"
    )
