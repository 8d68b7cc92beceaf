"""What the scenario page needs: the context that README.md lists."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override

from apps.cluster.apimachinery.meta import key_of
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.cluster import Snapshot
from apps.cluster.engine import Step, Trace
from apps.diagrams.options import Question
from apps.scenarios import connecting, edits, links, making, service, steps
from apps.scenarios.access import cookie_name, holds_key
from apps.scenarios.files import FORMATS, SYSTEM_NAMESPACES
from apps.scenarios.forms import (
    ImageForm,
    ManifestForm,
    NodeForm,
    WorkloadForm,
    form_for,
    kubeadm_rows,
    load_row,
    machines_of,
)
from apps.scenarios.moments import Moment, address, after_of
from apps.scenarios.session import SPEEDS
from apps.scenarios.source import Source

AROUND = 60  # steps shown on each side of the present one


def page_context(
    request: HttpRequest,
    source: Source,
    lang: str,
    *,
    at: int | None,
    view: str,
    focus: str,
    bound: dict[str, Any] | None = None,
    can_edit: bool | None = None,
    parts: bool = False,
    layout: str = service.DEFAULT_WIDTH,
    packet: Question | None = None,
) -> dict[str, Any]:
    """Everything `scenarios/scenario.html` and `embed.html` get.

    `bound` holds what was posted and is shown again: `rows` (ref -> form), `add` (what -> form), `yaml`, `problems`,
    `errors`.
    """
    run = source.run
    if can_edit is None:
        can_edit = source.stored and holds_key(request, source.scenario)
    with run.lock:
        frame = service.frame(source, at, view, lang, focus=focus, parts=parts, width=layout, packet=packet)
        moment = Moment(frame["revision"], after_of(at))
        commands = steps.commands_json(run.marks)
        # A scenario is edited as it is now; a link as it was where the reader stands, for a copy goes on from there.
        snapshot = run.view(None if source.stored else moment)
        head = run.head
    urls = _urls(source, lang)
    here = {"view": view, "focus": focus}
    if packet is not None and view == "packet":
        here |= dict(parse_qsl(packet.query()))
    return {
        "scenario": {
            "id": source.ref,
            "title": source.title,
            "preset": source.preset,
            "stored": source.stored,
            "base": run.base,
            "head": head,
            "at": moment,
            "pinned": at is not None,
            "view": view,
            "views": [{"name": name, "title": title} for name, title in service.VIEWS.items()],
            "focus": focus,
            "packet": packet.query() if packet is not None and view == "packet" else "",
            "can_edit": can_edit,
            "layout": layout,
            "clock": source.clock(),
            "speeds": [speed for speed in SPEEDS if speed],
            **urls,
        },
        "frame": {**frame, "svg": keep_place(frame["svg"], view, frame["at"] if at is not None else None, packet)},
        "steps": _around(source, lang, moment, here),
        "nav": _nav(source, moment, here),
        "commands": [{**command, "url": _query(here, at=command["revision"])} for command in commands],
        "forms": forms_of(source, snapshot, lang, focus, bound or {}),
        "share": _share(request, source, lang, frame["at"], here, can_edit=can_edit),
        "connect": connecting.connect(request, source, can_edit=can_edit),
        "problems": (bound or {}).get("problems", []),
        "errors": (bound or {}).get("errors", []),
        "way": (bound or {}).get("way", []),
    }


def _query(here: dict[str, str], **more: Any) -> str:
    values = {name: value for name, value in {**here, **more}.items() if value not in ("", None)}
    if values.get("view") == "cluster":
        del values["view"]
    return f"?{urlencode(values, safe='/:')}" if values else "?"


def keep_place(svg: str, view: str, at: str | None, packet: Question | None = None) -> str:
    """For readers without scripts: a link in the figure that chooses an object, or a hop, keeps view and revision."""
    kept = f"view={view}&amp;" if view != "cluster" else ""
    if packet is not None and view == "packet":
        kept = packet.query().replace("&", "&amp;") + "&amp;"
    if at is not None:
        kept += f"at={at}&amp;"
        svg = svg.replace('href="?view=packet&amp;', f'href="?at={at}&amp;view=packet&amp;')
    return svg.replace('href="?focus=', f'href="?{kept}focus=') if kept else svg


def _urls(source: Source, lang: str) -> dict[str, str]:
    with override(lang):
        return {
            "url": reverse("scenario", args=[source.ref]),
            "frame_url": reverse("scenario-frame", args=[source.ref]),
            "steps_url": reverse("scenario-steps", args=[source.ref]),
            "commands_url": reverse("scenario-commands", args=[source.ref]),
            "fork_url": reverse("scenario-fork", args=[source.ref]),
            "clock_url": reverse("scenario-clock", args=[source.ref]) if source.stored else "",
            "socket_url": f"/ws/scenarios/{source.ref}/" if source.stored else "",
        }


def _around(source: Source, lang: str, at: Moment, here: dict[str, str]) -> list[dict[str, Any]]:
    """The steps around a moment, for the timeline; those worth reading first."""
    run = source.run
    with run.lock:
        trace = run.cluster.trace
        position = run.position(at)
        found = [step for step in trace.steps[run.first :] if step.rank != "heartbeat"]
        place = sum(1 for step in found if step.index <= position)
        chosen = found[max(0, place - AROUND) : place + AROUND]
        addresses = [address(trace, step) for step in chosen]
    here_now = [step for step in chosen if step.revision == at and step.index <= position]
    if at.after is None:
        here_now = [step for step in here_now if step.rank != "note"] or here_now
    current = here_now[-1].index if here_now else 0
    return [
        {
            **steps.step_json(step, lang, run.base_ms, place_of),
            "url": _query(here, at=place_of),
            "current": step.index == current,
            "future": step.index > position,
        }
        for step, place_of in zip(chosen, addresses, strict=True)
    ]


def _nav(source: Source, at: Moment, here: dict[str, str]) -> dict[str, str]:
    """Where a reader without scripts steps to: heartbeats are stepped over, and in most views what writes nothing."""
    run = source.run
    notes = here["view"] in service.NOTED
    with run.lock:
        trace = run.cluster.trace
        position = run.position(at)
        back = ahead = None
        # From the revision as a whole one steps back to the one before; from a note, to the step before it.
        until = position - 1 if notes or at.after else trace.position(at, 0) - 1
        for step in reversed(trace.steps[run.first : max(until, 0)]):
            if step.rank != "heartbeat" and (notes or step.rank != "note"):
                back = _place_of(trace, step, notes)
                break
        for step in trace.steps[position:]:
            if step.rank != "heartbeat" and (notes or step.rank != "note"):
                ahead = _place_of(trace, step, notes)
                break
    first = f"{run.base}.0" if notes and run.first == 0 else str(run.base)
    prev = "" if position <= run.first or str(at) == first else _query(here, at=back or first)
    next_ = _query(here, at=ahead) if ahead is not None else ""
    return {"first": _query(here, at=first), "prev": prev, "next": next_, "last": _query(here)}


def _place_of(trace: Trace, step: Step, notes: bool) -> str:
    """Where one stands to see a step; where notes are gone through, the writing of a revision is a place of its own."""
    place = address(trace, step)
    return f"{place}.0" if notes and "." not in place and trace.position(step.revision) > step.index else place


def _share(
    request: HttpRequest, source: Source, lang: str, at: str, here: dict[str, str], *, can_edit: bool
) -> dict[str, Any]:
    with override(lang):
        page = reverse("scenario", args=[source.ref])
    absolute = request.build_absolute_uri
    query = {"at": at, **{name: value for name, value in here.items() if value not in ("", "cluster")}}
    link, reason = "", ""
    try:
        token = links.encode(making.link_of(source))
        with override(lang):
            link = absolute(reverse("scenario", args=[token]))
    except StatusError as error:
        reason = error.message
    embed = absolute(reverse("scenario-embed", args=[source.ref]))
    key = request.COOKIES.get(cookie_name(source.ref), "") if can_edit else ""
    files = {
        name: f"{reverse('scenario-file', args=[source.ref, name])}?{urlencode({**query, 'lang': lang})}"
        for name in FORMATS
    }
    return {
        "short": absolute(page),
        "pinned": absolute(f"{page}?{urlencode(query, safe='/')}"),
        "edit": absolute(f"{page}?key={key}") if key else "",
        "link": link,
        "link_reason": reason,
        "embed": f'<iframe src="{embed}?lang={lang}" width="100%" height="640" loading="lazy"></iframe>',
        "files": files,
    }


# ---- forms ---------------------------------------------------------------------------------------


def forms_of(
    source: Source, snapshot: Snapshot, lang: str, focus: str = "", bound: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A row a workload and a node, and the forms that add one; those that were posted, `bound`, in their places."""
    bound = bound or {}
    objects, machines = snapshot.objects, snapshot.machines
    posted: dict[str, WorkloadForm] = bound.get("rows", {})
    rows: dict[str, list[dict[str, Any]]] = {}
    for kind, resource in edits.RESOURCES.items():
        own = [o for o in objects.get(resource, {}).values() if o["metadata"].get("namespace") not in SYSTEM_NAMESPACES]
        rows[resource] = [
            {
                **workload_row(
                    source, obj, posted.get(f"{resource}/{key_of(obj)}") or form_for(kind, obj), lang, focus
                ),
                "load": load_row(snapshot.internals.load(f"{resource}/{key_of(obj)}") if snapshot.internals else None),
            }
            for obj in own
        ]
    add: dict[str, Any] = {kind.lower(): form_for(kind) for kind in edits.RESOURCES}
    add["node"] = NodeForm(machines=machines)
    nodes = objects.get("nodes", {})
    return {
        **rows,
        "nodes": [_node_row(name, nodes.get(name), machine) for name, machine in machines.items()],
        "breaking": machines_of(snapshot, lang),
        "kubeadm": kubeadm_rows(snapshot, bound.get("kubeadm")),
        "image": bound.get("image") or ImageForm(),
        "add": {**add, **bound.get("add", {})},
        "yaml": bound.get("yaml") or ManifestForm(),
    }


def workload_row(source: Source, obj: dict[str, Any], form: WorkloadForm, lang: str, focus: str = "") -> dict[str, Any]:
    """One workload's row. `open` when the reader is looking at it, or has to."""
    metadata, status, spec = obj["metadata"], obj.get("status") or {}, obj.get("spec") or {}
    resource = edits.RESOURCES[obj["kind"]]
    key = f"{metadata['namespace']}/{metadata['name']}"
    ref = f"{resource}/{key}"
    daemon = resource == "daemonsets"
    with override(lang):
        yaml_url = reverse("scenario-object", args=[source.ref, resource, key])
    return {
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "ref": ref,
        "resource": resource,
        "form": form,
        "yaml_url": yaml_url,
        "edit_url": f"{yaml_url}?edit=1",
        "replicas": status.get("desiredNumberScheduled", 0) if daemon else spec.get("replicas", 1),
        "ready": status.get("numberReady", 0) if daemon else status.get("readyReplicas", 0),
        "paused": bool(spec.get("paused")),
        "open": focus == ref or form.is_bound,
    }


def _node_row(name: str, node: dict[str, Any] | None, machine: Any) -> dict[str, Any]:
    spec = (node or {}).get("spec") or {}
    conditions = ((node or {}).get("status") or {}).get("conditions") or ()
    ready = next((condition["status"] for condition in conditions if condition["type"] == "Ready"), "")
    return {
        "name": name,
        "namespace": "",
        "ref": f"nodes/{name}",
        "form": NodeForm(initial={"name": name}, auto_id=f"node-{name}-%s"),
        "yaml_url": "",
        "edit_url": "",
        "role": machine.role,
        "power": machine.power,
        "ready": ready,
        "joined": node is not None,
        "schedulable": not spec.get("unschedulable", False),
        "open": False,
    }


def not_yours() -> str:
    return _("You are watching somebody's cluster. Open a copy to change it.")
