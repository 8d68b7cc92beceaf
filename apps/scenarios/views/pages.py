"""The pages: presets, a new scenario, one scenario, one for an iframe."""

from __future__ import annotations

from typing import Any

from csp.decorators import csp_replace
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import activate, get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_http_methods, require_safe

from apps.cluster.apimachinery.status import StatusError
from apps.scenarios import access, making, manifests, presets, service
from apps.scenarios.explained import problems_json
from apps.scenarios.forms import NewScenarioForm, add_refusal
from apps.scenarios.screens import layout_for
from apps.scenarios.source import open_source
from apps.scenarios.views.answers import refusal, speaks_status, wants_json
from apps.scenarios.views.context import page_context


def preset_cards(lang: str) -> list[dict[str, Any]]:
    """The presets as the gallery and the new-scenario page list them."""
    return [
        {
            "id": preset.id,
            "title": preset.title_in(lang),
            "description": preset.description_in(lang),
            "url": reverse("scenario", args=[preset.link]),
            "figure_url": reverse("scenario-file", args=[preset.link, "svg"]) + f"?lang={lang}",
            "new_url": f"{reverse('scenario-new')}?preset={preset.id}",
            "commands_count": len(preset.story.entries),
            "kinds": preset.kinds,
        }
        for preset in presets.listed()
    ]


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The preset gallery."""
    lang = get_language() or "ko"
    return render(request, "scenarios/index.html", {"presets": preset_cards(lang)})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def new(request: HttpRequest) -> HttpResponse:
    """A new scenario: from a preset, with a cluster of one's own size, with a manifest pasted or uploaded."""
    lang = get_language() or "ko"
    if request.method != "POST":
        chosen = request.GET.get("preset", "empty")
        form = NewScenarioForm(lang=lang, initial={"preset": chosen if chosen in presets.library() else "empty"})
        return render(request, "scenarios/new.html", {"form": form, "presets": preset_cards(lang), "problems": []})
    form = NewScenarioForm(request.POST, request.FILES, lang=lang)
    problems: list[dict[str, Any]] = []
    status = 422
    if form.is_valid():
        try:
            documents = manifests.read(form.cleaned_data["text"])
            made = making.from_preset(
                form.cleaned_data["preset"],
                cluster=form.cluster(),
                documents=documents,
                title=form.cleaned_data["title"].strip(),
                maker=access.maker_of(request),
            )
        except manifests.ManifestError as error:
            problems = problems_json(error, lang)
            if wants_json(request):
                return refusal(request, error.problems[0].error, as_json=True)
        except StatusError as error:
            if wants_json(request):
                return refusal(request, error, as_json=True)
            status = error.code if error.code == 429 else 422
            add_refusal(form, error, lang)
        else:
            response = HttpResponseRedirect(reverse("scenario", args=[made.scenario.id]))
            response.status_code = 303
            return access.keep_key(response, made.scenario.id, made.key)
    _show_text(form)
    context = {"form": form, "presets": preset_cards(lang), "problems": problems}
    return render(request, "scenarios/new.html", context, status=status)


def _show_text(form: NewScenarioForm) -> None:
    """What was uploaded goes into the box, so that it can be mended there; what was pasted is there already."""
    text = getattr(form, "cleaned_data", {}).get("text", "")
    if text and not form.data.get("manifest") and len(text) <= 1024 * 1024:
        data = form.data.copy()
        data["manifest"] = text
        form.data = data


@require_safe
@never_cache
@speaks_status()
def scenario(request: HttpRequest, ref: str) -> HttpResponse:
    """One scenario. `?key=` is taken once, into a cookie, and out of the address."""
    lang = get_language() or "ko"
    source = open_source(ref, lang)
    key = request.GET.get("key")
    if key is not None:
        rest = request.GET.copy()
        del rest["key"]
        response = HttpResponseRedirect(f"{request.path}?{rest.urlencode(safe='/')}" if rest else request.path)
        response["Referrer-Policy"] = "no-referrer"
        if source.stored and access.may_edit(source.scenario, key):
            access.keep_key(response, source.ref, key)
        return response
    view = service.check_view(request.GET.get("view"))
    focus = service.check_focus(request.GET.get("focus"))
    at = service.check_at(source.run, request.GET.get("at"))
    problems: list[str] = []
    packet = service.check_packet(request.GET, view, problems)
    layout = layout_for(request, "medium")
    bound = {"errors": problems}
    try:
        context = page_context(
            request, source, lang, at=at, view=view, focus=focus, layout=layout, packet=packet, bound=bound
        )
    except StatusError as error:
        if packet is None:
            raise
        problems.append(error.message)  # of the packet alone: the page is there, with another one
        context = page_context(request, source, lang, at=at, view=view, focus=focus, layout=layout, bound=bound)
    return render(request, "scenarios/scenario.html", context, status=400 if problems else 200)


@require_safe
@speaks_status()
@xframe_options_exempt
@csp_replace({"frame-ancestors": ["*"]})  # here, and nowhere else
def embed(request: HttpRequest, ref: str) -> HttpResponse:
    """A scenario for an iframe on somebody's page: view only, whoever looks at it."""
    lang = request.GET.get("lang", "")
    lang = lang if lang in {"ko", "en"} else get_language() or "ko"
    activate(lang)
    request.LANGUAGE_CODE = lang
    source = open_source(ref, lang)
    view = service.check_view(request.GET.get("view"))
    focus = service.check_focus(request.GET.get("focus"))
    begin = service.check_at(source.run, request.GET.get("from"))
    end = service.check_at(source.run, request.GET.get("to"))
    at = service.check_at(source.run, request.GET.get("at"))
    if at is None:
        at = begin
    packet = service.check_packet(request.GET, view)
    layout = layout_for(request, service.DEFAULT_WIDTH)
    context = page_context(
        request, source, lang, at=at, view=view, focus=focus, can_edit=False, layout=layout, packet=packet
    )
    context["scenario"].update(
        from_revision=begin if begin is not None else source.base if end is not None else None,
        to_revision=end if end is not None else source.head,
        speed=request.GET.get("speed", "")[:8],
    )
    return render(request, "scenarios/embed.html", context)
