"""An object as YAML: read it, change it, put it back."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from apps.cluster.apimachinery.status import StatusError, not_found
from apps.scenarios import access, manifests, service, yamlwrite
from apps.scenarios.explained import problems_json
from apps.scenarios.limits import Said
from apps.scenarios.source import Source, open_source
from apps.scenarios.views.actions import stand_at, target_of
from apps.scenarios.views.answers import refusal, speaks_status, wants_json
from apps.scenarios.views.context import not_yours


@require_http_methods(["GET", "HEAD", "POST"])
@speaks_status()
def object_yaml(request: HttpRequest, ref: str, resource: str, key: str) -> HttpResponse:
    """An object as YAML: GET it, or with `?edit=1` a page with it in a box; POST it back changed."""
    lang = get_language() or "ko"
    source = open_source(ref, lang)
    if request.method == "POST":
        return _replace(request, source, resource, key, lang)
    at = service.check_at(source.run, request.GET.get("at"))
    obj = source.run.view(at).objects.get(resource, {}).get(key)
    if obj is None:
        raise not_found(resource[:80], key[:300])
    if request.GET.get("edit"):
        return render(
            request, "scenarios/object.html", _object_context(request, source, resource, key, yamlwrite.dump(obj))
        )
    response = HttpResponse(yamlwrite.dump(obj), content_type="application/yaml; charset=utf-8")
    response["Content-Disposition"] = f'inline; filename="{key.replace("/", "-")}.yaml"'
    response["Cache-Control"] = "no-cache"
    return response


def _object_context(
    request: HttpRequest, source: Source, resource: str, key: str, text: str, problems: Any = ()
) -> dict[str, Any]:
    can_edit = not source.stored or access.holds_key(request, source.scenario)
    return {
        "scenario": {
            "id": source.ref,
            "title": source.title,
            "stored": source.stored,
            "can_edit": can_edit,
            "url": reverse("scenario", args=[source.ref]),
        },
        "ref": f"{resource}/{key}",
        "resource": resource,
        "name": key.rpartition("/")[2],
        "yaml": text,
        "action": request.path,
        "problems": list(problems),
    }


def _replace(request: HttpRequest, source: Source, resource: str, key: str, lang: str) -> HttpResponse:
    if source.stored and not access.holds_key(request, source.scenario):
        raise Said(403, "Forbidden", not_yours())
    text = request.POST.get("yaml", "")
    made_key = ""
    try:
        documents = manifests.read(text)
        problem = _other_object(documents, resource, key, source)
        if problem is not None:
            raise manifests.ManifestError([manifests.Problem(problem, 1, 1)])
        target, made_key = target_of(request, source, None)
        try:
            current = target.run.view().objects.get(resource, {}).get(key)
            target.execute({"op": "replace", "objects": [_brought_up(documents[0].obj, current)]})
        except StatusError as error:
            if made_key:
                target.scenario.delete()
            document = documents[0]
            raise manifests.ManifestError(
                [manifests.Problem(error, 1, document.line, document.kind, document.name, "", document)]
            ) from None
    except manifests.ManifestError as error:
        if wants_json(request):
            return refusal(request, error.problems[0].error, as_json=True)
        stand_at(request, request.path, "edit=1")
        context = _object_context(request, source, resource, key, text, problems_json(error, lang))
        return render(request, "scenarios/object.html", context, status=422)
    response = HttpResponseRedirect(
        f"{reverse('scenario', args=[target.id])}?{urlencode({'focus': f'{resource}/{key}'}, safe='/')}"
    )
    response.status_code = 303
    return access.keep_key(response, target.id, made_key) if made_key else response


def _brought_up(obj: dict[str, Any], current: dict[str, Any] | None) -> dict[str, Any]:
    """The object with the current resourceVersion, when nothing but its status was written since it was read.

    A live cluster reports all the time; somebody else's change of the same object stays a conflict.
    """
    metadata = obj.get("metadata")
    if current is None or not isinstance(metadata, dict) or "resourceVersion" not in metadata:
        return obj
    now = current["metadata"]
    if now.get("generation") is None or metadata.get("generation") != now["generation"]:
        return obj
    return {**obj, "metadata": {**metadata, "resourceVersion": now["resourceVersion"]}}


def _other_object(documents: list[manifests.Document], resource: str, key: str, source: Source) -> StatusError | None:
    """What is wrong when the text is not about this object any more."""
    if len(documents) != 1:
        return Said(
            400, "BadRequest", _("One object is expected here; this text has %(count)s.") % {"count": len(documents)}
        )
    document = documents[0]
    namespace, _slash, name = key.rpartition("/")
    current = source.run.view().objects.get(resource, {}).get(key)
    if current is None:
        return not_found(resource, name)
    if document.name != name or (document.namespace or namespace) != namespace or document.kind != current["kind"]:
        return Said(400, "BadRequest", _("The kind, the name and the namespace of an object cannot be changed."))
    return None
