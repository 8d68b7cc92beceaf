"""What forms post: commands, a copy of one's own, the clock, an object edited as YAML."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from apps.cluster.apimachinery.status import StatusError, bad_request, not_found
from apps.scenarios import access, commands, edits, limits, making, manifests, service
from apps.scenarios.explained import explain_all, in_one_line, problems_json
from apps.scenarios.forms import (
    BreakForm,
    ImageForm,
    KubeadmForm,
    LoadForm,
    ManifestForm,
    NodeForm,
    WorkloadForm,
    add_refusal,
    form_for,
    workload_class,
)
from apps.scenarios.limits import Said
from apps.scenarios.replay import Run, replayed
from apps.scenarios.requested import way_of
from apps.scenarios.session import Session, session
from apps.scenarios.source import Source, open_source
from apps.scenarios.story import Entry
from apps.scenarios.views.answers import refusal, speaks_status, wants_json
from apps.scenarios.views.context import not_yours, page_context

Bound = dict[str, Any]
ONE_COMMAND: dict[str, Any] = {"break": BreakForm, "load": LoadForm}  # forms that make one command each


class Unfit(Exception):
    """What was posted does not make a command. `bound` holds the forms to show again."""

    def __init__(self, bound: Bound, error: StatusError | None = None) -> None:
        super().__init__()
        self.bound = bound
        self.error = error


@require_POST
@never_cache
@speaks_status()
def command(request: HttpRequest, ref: str) -> HttpResponse:
    """One command, from a form, from YAML, or as JSON. On a link it makes a scenario of one's own first."""
    lang = get_language() or "ko"
    source = open_source(ref, lang)
    if source.stored and not access.holds_key(request, source.scenario):
        raise Said(403, "Forbidden", not_yours())
    at = None if source.stored else _place(request, source)
    try:
        entries = _entries(request, source, lang, at)
        if not entries:
            return _answer(request, source.ref, [])
        target, key = target_of(request, source, at)
        try:
            outcome = target.execute_all(entries, agent=_agent(request))
        except StatusError as error:
            if key:
                target.scenario.delete()  # the copy was made for this command alone
            raise Unfit(_refused(request, source, error, lang, at), error) from None
    except Unfit as unfit:
        if wants_json(request):
            error = unfit.error or bad_request("; ".join(_texts(unfit.bound)))
            return refusal(request, error, as_json=True)
        stand_at(request, reverse("scenario", args=[source.ref]))
        unfit.bound["way"] = way_of(unfit.error, lang)
        context = page_context(
            request, source, lang, at=None if source.stored else at, view=_view(request), focus="", bound=unfit.bound
        )
        return render(request, "scenarios/scenario.html", context, status=422)
    response = _answer(request, target.id, outcome)
    return access.keep_key(response, target.id, key) if key else response


def _place(request: HttpRequest, source: Source) -> int | None:
    """The revision that an edit of a link goes on from: where the reader stood, if what is edited was there already."""
    at = service.check_at(source.run, request.POST.get("at"))
    kind, name = request.POST.get("kind", ""), request.POST.get("name", "").strip()
    if at is not None and request.POST.get("form") == "workload" and kind in edits.RESOURCES:
        key = f"{request.POST.get('namespace', '').strip() or 'default'}/{name}"
        table = edits.RESOURCES[kind]
        if key not in source.run.view(at).objects.get(table, {}) and key in source.run.view().objects.get(table, {}):
            return None
    return at


def stand_at(request: HttpRequest, path: str, query: str = "") -> None:
    """A page that answers a POST is reached, in another language too, under the address of the page itself."""
    request.path = path
    request.META["QUERY_STRING"] = query


def _agent(request: HttpRequest) -> str:
    return "kubectl"


def _view(request: HttpRequest) -> str:
    view = request.POST.get("view", "")
    return view if view in service.VIEWS else "cluster"


def target_of(request: HttpRequest, source: Source, at: int | None) -> tuple[Session, str]:
    """The scenario that takes the command, and its key if it was made just now."""
    if source.session is not None:
        return source.session, ""
    made = making.fork(source, at=at, maker=access.maker_of(request))
    found = session(made.scenario.id)
    return found, made.key


def _answer(request: HttpRequest, scenario_id: str, outcome: list[list[dict[str, Any]]]) -> HttpResponse:
    address = reverse("scenario", args=[scenario_id])
    if wants_json(request):
        details = {"scenario": scenario_id, "url": address}
        objects = [obj for objects in outcome for obj in objects]
        status = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "details": details,
            "code": 200,
        }
        return JsonResponse({**status, "items": [_identity(obj) for obj in objects]})
    view, focus = _view(request), request.POST.get("focus", "")
    query = {**({"view": view} if view != "cluster" else {}), **({"focus": focus} if focus else {})}
    response = HttpResponseRedirect(f"{address}?{urlencode(query, safe='/')}" if query else address)
    response.status_code = 303
    return response


def _identity(obj: dict[str, Any]) -> dict[str, Any]:
    metadata = obj["metadata"]
    kept = {key: metadata[key] for key in ("name", "namespace", "uid", "resourceVersion") if key in metadata}
    return {"apiVersion": obj.get("apiVersion"), "kind": obj.get("kind"), "metadata": kept}


def _texts(bound: Bound) -> list[str]:
    out: list[str] = [str(error) for error in bound.get("errors", [])]
    form = bound.get("form")
    if form is not None:
        out += [f"{name}: {text}" for name, texts in form.errors.items() for text in texts]
    return out or ["invalid"]


# ---- from what was posted to commands ------------------------------------------------------------


def _entries(request: HttpRequest, source: Source, lang: str, at: int | None) -> list[Entry]:
    """The commands that were asked for, with times counted from now; none when nothing differs.

    Raises:
        Unfit: with the forms to show again.
        StatusError: 400 for a form that there is not.
    """
    if request.content_type == "application/json":
        return [Entry(0, commands.parse(request.body))]
    which = request.POST.get("form", "")
    if which == "command" or (not which and "command" in request.POST):
        return [Entry(0, commands.parse(request.POST.get("command", "")))]
    with source.run.lock:
        snapshot = source.run.view(at)
    if which == "workload":
        return [Entry(0, body) for body in _workload(request, source, snapshot, lang)]
    if which == "node":
        form = NodeForm(request.POST, machines=snapshot.machines)
        if not form.is_valid():
            raise Unfit(_bound_node(form))
        return [Entry(0, form.command())]
    if which == "image":
        image = ImageForm(request.POST)
        if not image.is_valid():
            raise Unfit({"form": image, "image": image})
        return [Entry(0, image.command())]
    if which == "kubeadm":
        kubeadm = KubeadmForm(request.POST, snapshot=snapshot)
        if not kubeadm.is_valid():
            raise Unfit({"form": kubeadm, "kubeadm": kubeadm})
        return [Entry(0, kubeadm.command())]
    if which in ONE_COMMAND:
        asked = ONE_COMMAND[which](request.POST)
        if not asked.is_valid():
            raise Unfit({"form": asked, "errors": [text for texts in asked.errors.values() for text in texts]})
        return [Entry(0, asked.command())]
    if which == "yaml":
        return _manifest(request, source, lang, at)
    raise Said(400, "BadRequest", _("There is no form %(form)s.") % {"form": which[:40] or "?"})


def _workload(request: HttpRequest, source: Source, snapshot: Any, lang: str) -> list[commands.Body]:
    kind, name = request.POST.get("kind", ""), request.POST.get("name", "").strip()
    namespace = request.POST.get("namespace", "").strip() or "default"
    action = request.POST.get("action") or "save"
    if workload_class(kind) is None:
        raise Said(400, "BadRequest", _("There is no form for the kind %(kind)s.") % {"kind": kind[:40] or "?"})
    resource = edits.RESOURCES[kind]
    obj = snapshot.objects.get(resource, {}).get(f"{namespace}/{name}")
    target = {"resource": resource, "namespace": namespace, "name": name}
    adding = "initial-name" in request.POST or (obj is None and action == "save" and "image" in request.POST)
    if not adding and obj is None:
        raise not_found(resource, name[:80], "apps")
    if not adding and action == "delete":
        return [{"op": "delete", **target, "propagation": "Background"}]
    if not adding and action in commands.ROLLOUT_VERBS:
        return [{"op": "rollout", "verb": action, **target}]
    if not adding and action in {"more", "fewer"}:
        count = max(0, (obj["spec"].get("replicas", 1)) + (1 if action == "more" else -1))
        return [{"op": "scale", **target, "replicas": count}]
    if action != "save":
        raise Said(400, "BadRequest", _("There is no action %(action)s.") % {"action": action[:40]})
    form = form_for(kind, None if adding else obj, request.POST)
    if not form.is_valid():
        raise Unfit(_bound_workload(form))
    if adding:
        objects = edits.new_objects(kind, form.cleaned_data["name"], form.changed_values(), namespace=namespace)
        services = snapshot.objects.get("services", {})
        objects = [
            o for o in objects if o["kind"] != "Service" or f"{namespace}/{o['metadata']['name']}" not in services
        ]
        return [{"op": "create", "objects": objects}]
    changed = form.changed_values()
    if set(changed) == {"replicas"}:
        return [{"op": "scale", **target, "replicas": changed["replicas"]}]
    body = edits.patch(obj, changed)
    return [{"op": "patch", **target, "type": "strategic", "body": body}] if body is not None else []


def _manifest(request: HttpRequest, source: Source, lang: str, at: int | None) -> list[Entry]:
    form = ManifestForm(request.POST, request.FILES)
    if not form.is_valid():
        raise Unfit({"form": form, "yaml": form})
    try:
        documents = manifests.read(form.cleaned_data["text"])
        if not documents:
            form.add_error("manifest", _("There is no object in this manifest."))
            raise Unfit({"form": form, "yaml": form})
        return making.accepted(_copy(source, at), documents, limits.SITE)
    except manifests.ManifestError as error:
        _show_text(form)
        bound = {"form": form, "yaml": form, "problems": problems_json(error, lang)}
        raise Unfit(bound, error.problems[0].error) from None
    except StatusError as error:
        _show_text(form)
        add_refusal(form, error, lang)
        raise Unfit({"form": form, "yaml": form}, error) from None


def _show_text(form: ManifestForm) -> None:
    """What was uploaded goes into the box, so that it can be mended there."""
    text = form.cleaned_data.get("text", "")
    if text and not form.data.get("manifest"):
        data = form.data.copy()
        data["manifest"] = text
        form.data = data


def _copy(source: Source, at: int | None) -> Run:
    """A run of one's own to try a manifest on: the cluster as it is, or was at a revision."""
    with source.run.lock:
        until = source.run.done_ms if at is None else source.run.time_of(at)
        story = source.story(at)
    return replayed(story, until)


# ---- forms to show again -------------------------------------------------------------------------


def _bound_workload(form: WorkloadForm) -> Bound:
    """The form that was posted, in its place: in its workload's row, or as the one that adds."""
    if form.obj is None:
        return {"form": form, "add": {form.kind.lower(): form}}
    metadata = form.obj["metadata"]
    ref = f"{edits.RESOURCES[form.kind]}/{metadata['namespace']}/{metadata['name']}"
    return {"form": form, "rows": {ref: form}}


def _bound_node(form: NodeForm) -> Bound:
    if form.data.get("action") == "join":
        return {"form": form, "add": {"node": form}}
    return {"form": form, "errors": [text for texts in form.errors.values() for text in texts]}


def _refused(request: HttpRequest, source: Source, error: StatusError, lang: str, at: int | None) -> Bound:
    """The forms to show when the cluster refused what they asked for."""
    which = request.POST.get("form", "")
    with source.run.lock:
        snapshot = source.run.view(at)
    if which == "workload" and (request.POST.get("action") or "save") == "save":
        kind, name = request.POST.get("kind", ""), request.POST.get("name", "").strip()
        namespace = request.POST.get("namespace", "").strip() or "default"
        obj = snapshot.objects.get(edits.RESOURCES[kind], {}).get(f"{namespace}/{name}")
        adding = "initial-name" in request.POST or obj is None
        form = form_for(kind, None if adding else obj, request.POST)
        form.is_valid()
        add_refusal(form, error, lang)
        return _bound_workload(form)
    if which == "node":
        form = NodeForm(request.POST, machines=snapshot.machines)
        form.is_valid()
        add_refusal(form, error, lang)
        return _bound_node(form)
    if which == "image":
        image = ImageForm(request.POST)
        image.is_valid()
        add_refusal(image, error, lang)
        return {"form": image, "image": image}
    if which == "kubeadm":
        kubeadm = KubeadmForm(request.POST, snapshot=snapshot)
        kubeadm.is_valid()
        add_refusal(kubeadm, error, lang)
        return {"form": kubeadm, "kubeadm": kubeadm}
    if which == "yaml":
        manifest = ManifestForm(request.POST, request.FILES)
        manifest.is_valid()
        add_refusal(manifest, error, lang)
        return {"form": manifest, "yaml": manifest}
    return {"errors": [in_one_line(told) for told in explain_all(error, lang)]}


# ---- a copy, the clock ---------------------------------------------------------------------------


@require_POST
@never_cache
@speaks_status()
def fork(request: HttpRequest, ref: str) -> HttpResponse:
    """A copy of one's own, from a revision on."""
    lang = get_language() or "ko"
    source = open_source(ref, lang)
    at = service.check_at(source.run, request.POST.get("at"))
    made = making.fork(source, at=at, maker=access.maker_of(request))
    response = _answer(request, made.scenario.id, [])
    return access.keep_key(response, made.scenario.id, made.key)


@require_POST
@never_cache
@speaks_status()
def clock(request: HttpRequest, ref: str) -> HttpResponse:
    """How fast simulated time passes; 0 stops it, `action=step` lets the next thing happen."""
    lang = get_language() or "ko"
    source = open_source(ref, lang)
    if source.session is None:
        raise Said(409, "Conflict", _("A link has no clock: its story is over. Open a copy to let time pass."))
    if not access.holds_key(request, source.scenario):
        raise Said(403, "Forbidden", not_yours())
    if request.POST.get("action") == "step":
        source.session.step_forward()
        return _answer(request, source.ref, [])
    try:
        speed = float(request.POST.get("speed", ""))
    except ValueError:
        raise Said(400, "BadRequest", _("speed must be a number.")) from None
    source.session.set_clock(speed)
    return _answer(request, source.ref, [])
