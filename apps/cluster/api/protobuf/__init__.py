"""Bodies of `application/vnd.kubernetes.protobuf`, as typed clients send them, into JSON-shaped objects.

A body is four bytes that say so, then a `runtime.Unknown`: apiVersion and kind, and the object in its own message.
What comes out is what the same client would have sent as JSON. Nothing is answered in it: each client that asks for it
takes JSON as well.

Models      apimachinery/pkg/runtime/serializer/protobuf, and generated.proto of each group
Leaves out  lists of objects, which no client sends; answers and watches in protobuf
"""

from __future__ import annotations

from typing import Any

from apps.cluster.api.protobuf import read, tables
from apps.cluster.api.protobuf.wire import LENGTH, Malformed, tags
from apps.cluster.apimachinery.status import bad_request

Obj = dict[str, Any]
MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
PREFIX = b"k8s\0"
MAX_SHOWN = 30


def decode(body: bytes, api_version: str = "", kind: str = "") -> Obj:
    """The object of a body, in the terms of JSON; `api_version` and `kind` stand in where it names none.

    Of a kind that has no message there is only its apiVersion and kind, for the caller to refuse.

    Raises:
        StatusError: 400, in the real server's words.
    """
    wanted = kind
    given_version, given_kind = api_version, kind
    try:
        told_version, told_kind, raw = _envelope(body)
        given_version, given_kind = told_version or api_version, told_kind or kind
        table = tables.of_kind(given_version, given_kind)
        found = {} if table is None else read.message(table, raw, 0, len(raw))
    except _Unrecognized as error:
        raise bad_request(
            f"the object provided is unrecognized (must be of type {wanted}): {error} ({_summary(body)})"
        ) from None
    except Malformed as error:
        version = given_version.rpartition("/")[2]
        told = f'{given_kind} in version "{version}" cannot be handled as a {wanted or given_kind}: {error}'
        raise bad_request(told) from None
    return {"apiVersion": given_version, "kind": given_kind, **found}


class _Unrecognized(Exception):
    """It cannot be told what a body is."""


def _envelope(body: bytes) -> tuple[str, str, bytes]:
    """apiVersion, kind and the object's bytes."""
    if not body:
        raise _Unrecognized("empty data")
    if not body.startswith(PREFIX):
        raise _Unrecognized(
            f"provided data does not appear to be a protobuf message, expected prefix [{' '.join(map(str, PREFIX))}]"
        )
    if len(body) == len(PREFIX):
        raise _Unrecognized("empty body")
    api_version = kind = ""
    raw = b""
    try:
        for number, wire, start, end in tags(body, len(PREFIX), len(body), "Unknown"):
            if number > 4:
                continue
            if wire != LENGTH:
                raise Malformed(f"proto: wrong wireType = {wire} for field {UNKNOWN[number]}")
            if number == 1:
                for inner, _, at, after in tags(body, start, end, "TypeMeta"):
                    text = body[at:after].decode("utf-8", "replace")
                    api_version, kind = (text if inner == 1 else api_version), (text if inner == 2 else kind)
            elif number == 2:
                raw = body[start:end]
    except Malformed as error:
        raise _Unrecognized(str(error)) from None
    return api_version, kind, raw


UNKNOWN = {1: "TypeMeta", 2: "Raw", 3: "ContentEncoding", 4: "ContentType"}


def _summary(body: bytes) -> str:
    """The beginning of a body, to show what came."""
    if not body:
        return "<empty>"
    shown = body[:MAX_SHOWN]
    text = shown.decode("utf-8", "replace") if shown.startswith(b"{") else shown.hex()
    return text if len(body) <= MAX_SHOWN else text + " ..."
