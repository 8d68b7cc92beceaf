"""get, list and watch.

Models      endpoints/handlers/get.go, endpoints/handlers/watch.go
Leaves out  nothing known
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apps.cluster.api.resource import ResourceInfo
from apps.cluster.apimachinery.status import bad_request
from apps.cluster.apiserver import listing
from apps.cluster.apiserver.requests import presenting
from apps.cluster.apiserver.requests.call import Call
from apps.cluster.apiserver.requests.messages import Response
from apps.cluster.apiserver.requests.options import list_options
from apps.cluster.apiserver.watching import Event, Watch, open_watch

if TYPE_CHECKING:
    from apps.cluster.apiserver.server import APIServer

Obj = dict[str, Any]


def get(call: Call) -> Response:
    """One object, as it is; a resourceVersion says how old it may be at most."""
    wanted = listing.parse_version((call.params.get("resourceVersion") or [""])[0])
    if wanted > call.server.store.revision:
        raise listing.too_large(wanted, call.server.store.revision)
    record = call.record()
    whole = presenting.whole(call.server, call.info, record.value, record, None, call.second)
    return Response(200, presenting.one(call.server, call.info, whole, call.form))


def list_or_watch(call: Call) -> Response:
    """The objects there are, or what becomes of them."""
    options = list_options(call.params, watch=call.attributes.verb == "watch")
    if call.name:  # one object is watched, by an address of its own
        options = options._replace(field_selector=_named(options.field_selector, call.name))
    listing.check(options)
    server, info = call.server, call.info
    if options.watch:
        watch = open_watch(server, info, call.namespace, options, call.second)
        return Response(200, None, watch=watch)
    selection = server.selection(info, call.namespace, options.label_selector, options.field_selector, call.second)
    page = listing.page(server, selection, options)
    objects = [presenting.whole(server, info, record.value, record, None, call.second) for _, record in page.items]
    metadata: Obj = {"resourceVersion": str(page.revision)}
    if page.continue_:
        metadata["continue"] = page.continue_
    if page.remaining is not None:
        metadata["remainingItemCount"] = page.remaining
    return Response(200, presenting.many(server, info, objects, metadata, call.form, call.second))


def _named(selector: str, name: str) -> str:
    """Raises: StatusError 400, the selector is about another."""
    wanted = f"metadata.name={name}"
    if selector not in ("", wanted):
        raise bad_request("fieldSelector metadata.name doesn't match requested name")
    return wanted


def frames(server: APIServer, watch: Watch, form: presenting.Form | None = None) -> list[Obj]:
    """What a watch has to send now, one JSON object a line: `{"type": "ADDED", "object": …}`."""
    info = server.info(watch.resource)
    return [frame(server, info, watch, event, form or presenting.Form()) for event in watch.poll(server)]


def frame(server: APIServer, info: ResourceInfo, watch: Watch, event: Event, form: presenting.Form) -> Obj:
    """One event as it is sent."""
    if event.type in ("BOOKMARK", "ERROR"):
        return {"type": event.type, "object": event.obj}
    record = event.record
    obj = record.value if record is not None else event.obj
    if event.type == "DELETED":
        obj = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(event.revision)}}
    whole = presenting.whole(server, info, obj, record, None, watch.second)
    shown = presenting.one(server, info, whole, form)
    if form.as_ == "table":
        if watch.columns_sent:
            shown = {**shown, "columnDefinitions": None}
        watch.columns_sent = True
    return {"type": event.type, "object": shown}
