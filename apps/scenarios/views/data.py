"""What scripts fetch: frames and steps, as JSON."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.http import quote_etag
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apps.scenarios import service, steps
from apps.scenarios.limits import Said
from apps.scenarios.source import open_source
from apps.scenarios.views.answers import immutable, speaks_status


@require_safe
@speaks_status(json=True)
def frame(request: HttpRequest, ref: str) -> HttpResponse:
    """Everything a page shows of one revision."""
    lang = get_language() or "ko"
    source = open_source(ref, lang)
    view = service.check_view(request.GET.get("view"))
    focus = service.check_focus(request.GET.get("focus"))
    width = service.check_width(request.GET.get("layout") or request.GET.get("width"))
    at = service.check_at(source.run, request.GET.get("at"))
    parts = request.GET.get("parts") == "1"
    packet = service.check_packet(request.GET, view)
    made = service.frame(source, at, view, lang, focus=focus, width=width, parts=parts, packet=packet)
    response = JsonResponse(made, json_dumps_params={"ensure_ascii": False})
    if at is None:
        response["Cache-Control"] = "no-cache" if source.stored else "public, max-age=300"
        return response
    position = source.run.position(at)
    etag = f"{settings.MODEL_VERSION}-{source.epoch}-{at}-{position}-{view}-{lang}-{focus}-{width}-{made['digest']}"
    etag += f"-{packet.query()}" if packet is not None else ""
    if source.stored and at >= source.head:  # a power cut writes no revision, and yet changes what is seen
        response["Cache-Control"] = "no-cache"
        response["ETag"] = quote_etag(etag.replace('"', ""))
        return response
    return immutable(request, response, etag.replace('"', ""))


@require_safe
@speaks_status(json=True)
def step_list(request: HttpRequest, ref: str) -> HttpResponse:
    """Steps of the revisions `from` to `to`, both included, and every command so far."""
    lang = get_language() or "ko"
    source = open_source(ref, lang)
    run = source.run
    with run.lock:
        head = run.head
        after = _bound(request, "from", run.before + 1) - 1
        until = min(_bound(request, "to", head), head)
        found = steps.steps_json(run, lang, max(after, run.before), until)
        commands = steps.commands_json(run.marks)
        clock = source.clock()
    response = JsonResponse(
        {"steps": found, "commands": commands, "base": run.base, "head": head, "clock": clock},
        json_dumps_params={"ensure_ascii": False},
    )
    response["Cache-Control"] = "no-cache" if source.stored else "public, max-age=300"
    return response


def _bound(request: HttpRequest, name: str, default: int) -> int:
    text = request.GET.get(name)
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise Said(400, "BadRequest", _("%(name)s must be a revision, a whole number.") % {"name": name})
    return int(text)
