"""`/d/{ref}.{format}`: the same state as a file."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apps.diagrams import export
from apps.diagrams.figure import Figure
from apps.diagrams.pool import GraphvizError
from apps.scenarios import files, kernels, service
from apps.scenarios.limits import Said
from apps.scenarios.source import open_source
from apps.scenarios.views.answers import immutable, speaks_status

THEMES = ("light", "dark")


def _picture(figure: Figure, format: str, theme: str) -> str | bytes:
    if format == "svg":
        return export.svg(figure, theme)
    if format == "dot":
        return export.dot(figure)
    if format == "mmd":
        return export.mermaid(figure)
    return _png(figure.digest, theme, figure)


class _Drawn:
    """Figures as PNG, the latest of them kept: each takes a third of a second of one core."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.lock = Lock()
        self.known: OrderedDict[tuple[str, str], bytes] = OrderedDict()

    def __call__(self, digest: str, theme: str, figure: Figure) -> bytes:
        with self.lock:  # one at a time: a crowd that asks for pictures must not starve those who watch
            picture = self.known.get((digest, theme))
            if picture is None:
                picture = self.known[digest, theme] = export.png(figure, theme)
            self.known.move_to_end((digest, theme))
            while len(self.known) > self.most:
                self.known.popitem(last=False)
            return picture


_png = _Drawn(64)


def kernel_file(request: HttpRequest, ref: str) -> HttpResponse:
    """What one node's kernel holds of the network: `/d/{ref}.txt?node=worker-1`."""
    source = open_source(ref, get_language() or "ko")
    at = service.check_at(source.run, request.GET.get("at"))
    node = request.GET.get("node", "")
    with source.run.lock:
        snapshot = source.run.view(at)
        if node not in snapshot.machines:
            names = ", ".join(list(snapshot.machines)[:20])
            raise Said(400, "BadRequest", _("node must be one of the machines: %(names)s.") % {"names": names})
        place = service.moment_of(snapshot)
        try:
            body = kernels.text_of(snapshot.network, node, str(place))
        except KeyError:
            told = _("%(node)s has not joined the cluster at this revision: it has no network to tell of.")
            raise Said(404, "NotFound", told % {"node": node}) from None
    response = HttpResponse(body, content_type=files.TEXT)
    response["Content-Disposition"] = f'inline; filename="{node}-{place}.txt"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Access-Control-Allow-Origin"] = "*"
    if source.stored and (at is None or at >= source.head):
        response["Cache-Control"] = "no-cache"
        return response
    return immutable(request, response, f"{settings.MODEL_VERSION}-{source.epoch}-{place}-txt-{node}")


@require_safe
@speaks_status()
def state_file(request: HttpRequest, ref: str, format: str) -> HttpResponse:
    """The picture, or the objects, of a revision."""
    if format == "txt":
        return kernel_file(request, ref)
    if format not in files.FORMATS:
        raise Said(
            404, "NotFound", _("There are files of these kinds: %(formats)s.") % {"formats": ", ".join(files.FORMATS)}
        )
    lang = request.GET.get("lang", "")
    lang = lang if lang in {"ko", "en"} else get_language() or "ko"
    theme = request.GET.get("theme", "")
    if theme and theme not in THEMES:
        raise Said(400, "BadRequest", _("theme must be one of %(themes)s.") % {"themes": ", ".join(THEMES)})
    source = open_source(ref, lang)
    view = service.check_view(request.GET.get("view"))
    width = service.check_width(request.GET.get("layout") or request.GET.get("width"))
    focus = service.check_focus(request.GET.get("focus"))
    packet = service.check_packet(request.GET, view)
    at = service.check_at(source.run, request.GET.get("at"))
    run = source.run
    with run.lock:
        snapshot = run.view(at)
        if format in {"yaml", "json"}:
            if format == "yaml":
                body: str | bytes = files.manifest(files.own_objects(snapshot, run.view(run.base)))
            else:
                found = run.cluster.trace.steps[run.first : run.position(service.moment_of(snapshot))]
                body = files.dump_json(files.history(snapshot, found, lang, run.base_ms))
        else:
            figure = service.figure_of(run, snapshot, view, lang, focus=focus, width=width, packet=packet)
    if format not in {"yaml", "json"}:
        try:
            body = _picture(figure, format, theme)
        except (export.RasterError, GraphvizError) as error:
            raise Said(
                503, "ServiceUnavailable", _("The picture could not be drawn here: %(why)s") % {"why": error}
            ) from None
    response = HttpResponse(body, content_type=files.FORMATS[format])
    response["Content-Disposition"] = (
        f'inline; filename="k8sdocs-{ref[:16].replace(".", "-")}-{service.moment_of(snapshot)}.{format}"'
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Access-Control-Allow-Origin"] = "*"  # a picture may be shown anywhere; nothing here is a secret
    if format == "svg":
        response["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; font-src data:"
    if source.stored and (at is None or at >= source.head):
        response["Cache-Control"] = "no-cache"
        return response
    asked = f"-{packet.query()}" if packet is not None else ""
    return immutable(
        request,
        response,
        f"{settings.MODEL_VERSION}-{source.epoch}-{service.moment_of(snapshot)}-{format}-{view}-{focus}-{lang}-{theme}-{width}{asked}".replace(
            '"', ""
        ),
    )
