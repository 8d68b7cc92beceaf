"""Lists: which objects, as of which revision, how many at a time.

Models      apiserver pkg/storage (etcd3/store.go GetList, continue.go, errors.go, cacher), ListOptions' validation
Leaves out  shards
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from apps.cluster.api.resource import ResourceInfo
from apps.cluster.apimachinery.selectors import parse as parse_labels
from apps.cluster.apimachinery.status import FieldError, StatusError, bad_request, gone, invalid
from apps.cluster.apiserver import fieldselectors
from apps.cluster.etcd import Compacted, Record

if TYPE_CHECKING:
    from apps.cluster.apiserver.server import APIServer

Obj = dict[str, Any]
TOO_OLD = "The resourceVersion for the provided list is too old."
INCONSISTENT = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)


class ListOptions(NamedTuple):
    """What a list or watch asks for, as its query has it."""

    label_selector: str = ""
    field_selector: str = ""
    limit: int = 0
    continue_: str = ""
    resource_version: str = ""
    resource_version_match: str = ""
    watch: bool = False
    send_initial_events: bool | None = None
    allow_watch_bookmarks: bool = False
    timeout_seconds: int | None = None


class Page(NamedTuple):
    """Objects in key order with their records; what `metadata` of the list says."""

    items: list[tuple[str, Record]]
    revision: int
    continue_: str = ""
    remaining: int | None = None


def check(options: ListOptions) -> None:
    """Raises: StatusError 422, options that exclude each other."""
    found = _watch_errors(options) if options.watch else _list_errors(options)
    if found:
        raise invalid("ListOptions", "meta.k8s.io", "", found)


def _list_errors(options: ListOptions) -> list[FieldError]:
    found = []
    match = options.resource_version_match
    name = "resourceVersionMatch"
    if match:
        if not options.resource_version:
            found.append(FieldError("Forbidden", name, None, f"{name} is forbidden unless resourceVersion is provided"))
        if options.continue_:
            found.append(FieldError("Forbidden", name, None, f"{name} is forbidden when continue is provided"))
        if match not in ("Exact", "NotOlderThan"):
            allowed = 'supported values: "Exact", "NotOlderThan", ""'
            found.append(FieldError("Unsupported value", name, match, allowed))
        if match == "Exact" and options.resource_version == "0":
            text = f'{name} "exact" is forbidden for resourceVersion "0"'
            found.append(FieldError("Forbidden", name, None, text))
    if options.send_initial_events is not None:
        text = "sendInitialEvents is forbidden for list"
        found.append(FieldError("Forbidden", "sendInitialEvents", None, text))
    return found


def _watch_errors(options: ListOptions) -> list[FieldError]:
    found = []
    match = options.resource_version_match
    name = "resourceVersionMatch"
    if options.send_initial_events is not None and match != "NotOlderThan":
        text = f"sendInitialEvents requires setting {name} to NotOlderThan"
        found.append(FieldError("Forbidden", name, None, text))
    if match:
        if options.send_initial_events is None:
            text = f"{name} is forbidden for watch unless sendInitialEvents is provided"
            found.append(FieldError("Forbidden", name, None, text))
        if match != "NotOlderThan":
            found.append(FieldError("Unsupported value", name, match, 'supported values: "NotOlderThan"'))
        if options.continue_:
            found.append(FieldError("Forbidden", name, None, f"{name} is forbidden when continue is provided"))
    return found


def too_large(wanted: int, current: int) -> StatusError:
    """504: a resource version that has not been yet, after the server has waited for it."""
    details = {
        "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        "retryAfterSeconds": 1,
    }
    return StatusError(504, "Timeout", f"Timeout: Too large resource version: {wanted}, current: {current}", details)


def parse_version(text: str) -> int:
    """Raises: StatusError 400."""
    if not text:
        return 0
    if not (text.isascii() and text.isdecimal()):
        raise bad_request(f'invalid resource version: strconv.ParseUint: parsing "{text}": invalid syntax')
    if len(text) > 20 or int(text) >= 2**64:
        raise bad_request(f'invalid resource version: strconv.ParseUint: parsing "{text}": value out of range')
    return int(text)


class Selection:
    """The objects that a list or watch is about."""

    def __init__(
        self,
        info: ResourceInfo,
        namespace: str,
        label_selector: str,
        field_selector: str,
        second: str = "",
        extra: tuple[str, ...] = (),
    ) -> None:
        self._labels = parse_labels(label_selector) if label_selector else None
        self._fields = fieldselectors.compiled(info, field_selector, second=second, extra=extra)
        self.empty = self._labels is None and self._fields is None
        self.root = f"/registry/{info.etcd_prefix}/"
        self.prefix = f"{self.root}{namespace}/" if namespace else self.root

    def matches(self, obj: Obj) -> bool:
        if self._labels is not None and not self._labels.matches(obj["metadata"].get("labels")):
            return False
        return self._fields is None or self._fields(obj)


def page(server: APIServer, selection: Selection, options: ListOptions) -> Page:
    """One page of a list.

    Raises:
        StatusError: 400 for a bad token or version, 410 for one too old, 504 for one to come.
    """
    store = server.store
    wanted = parse_version(options.resource_version) if not options.continue_ else 0
    exact = 0
    start = ""
    if options.continue_:
        start, exact = _decode_continue(options.continue_, selection.prefix)
        if options.resource_version not in ("", "0"):
            raise bad_request("specifying resource version is not allowed when using continue")
        exact = max(exact, 0)
    elif options.resource_version_match == "Exact" or (
        not options.resource_version_match and options.limit > 0 and wanted > 0
    ):
        exact = wanted
    if max(exact, wanted) > store.revision:
        raise too_large(max(exact, wanted), store.revision)
    limit = 0 if options.resource_version == "0" and not options.continue_ else options.limit
    revision = exact or store.revision
    try:
        records = _records(server, selection, exact)
        found: list[tuple[str, Record]] = []
        seen = 0
        last = ""
        more = False
        for key, record in records:
            if start and key < start:
                continue
            seen += 1
            if limit and len(found) >= limit:
                more = True  # another key is enough, whether or not it would be chosen
                break
            if selection.matches(record.value):
                found.append((key, record))
                last = key
        if more and selection.empty:
            seen += sum(1 for _ in records)
    except Compacted:
        if not options.continue_:
            raise gone(TOO_OLD) from None
        error = gone(INCONSISTENT)
        error.metadata = {"continue": encode_continue(start, selection.prefix, -1)}
        raise error from None
    if not more:
        return Page(found, revision)
    token = encode_continue(last + "\0", selection.prefix, revision)
    return Page(found, revision, token, seen - limit if selection.empty else None)


def _records(server: APIServer, selection: Selection, revision: int) -> Iterator[tuple[str, Record]]:
    if revision and revision < server.store.compact_revision:
        raise Compacted(server.store.compact_revision)
    return server.store.range(selection.prefix, revision)


def encode_continue(key: str, prefix: str, revision: int) -> str:
    """The opaque token of the next page."""
    # What comes out of the watch cache begins with a slash; Events are not kept there.
    start = key.removeprefix(prefix if "/events/" in prefix else prefix.rstrip("/"))
    token = json.dumps({"v": "meta.k8s.io/v1", "rv": revision, "start": start}, separators=(",", ":"))
    return base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")


def _decode_continue(token: str, prefix: str) -> tuple[str, int]:
    wrong = "invalid continue token: continue key is not valid"
    try:
        data = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        version, revision, start = data["v"], data["rv"], data["start"]
    except (ValueError, KeyError, TypeError):
        raise bad_request(f"{wrong}: illegal base64 data at input byte 0") from None
    if version != "meta.k8s.io/v1":
        raise bad_request(f"{wrong}: server does not recognize this encoded version {version}")
    if not isinstance(revision, int) or not revision:
        raise bad_request(f"{wrong}: incorrect encoded start resourceVersion (version meta.k8s.io/v1)")
    if not start or not isinstance(start, str):
        raise bad_request(f"{wrong}: encoded start key empty (version meta.k8s.io/v1)")
    relative = start.removeprefix("/")
    if "//" in relative or any(part in (".", "..") for part in relative.split("/")):
        raise bad_request(f"{wrong}: {start}")
    return prefix + relative, revision
