"""Frames: everything a page shows of one revision. What the pages, the JSON and the socket have in common."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from urllib.parse import quote

from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from apps.cluster.api.scheme import RESOURCES
from apps.cluster.cluster import Snapshot
from apps.cluster.engine import Step
from apps.diagrams import asking
from apps.diagrams import figure as figures
from apps.diagrams.figure import Figure
from apps.diagrams.options import WIDTHS as LAYOUTS
from apps.diagrams.options import Question
from apps.diagrams.views.node import machine_of
from apps.scenarios import kernels, packets
from apps.scenarios.brought import brought
from apps.scenarios.decided import decided
from apps.scenarios.inside import inside
from apps.scenarios.inspect import inspect
from apps.scenarios.limits import Said
from apps.scenarios.moments import Moment, address, after_of, parse
from apps.scenarios.placing import places_at
from apps.scenarios.replay import Run
from apps.scenarios.requested import requested
from apps.scenarios.source import Source
from apps.scenarios.steps import article_url, clock_text, step_json
from apps.scenarios.stored import stored
from apps.scenarios.walked import save_url, walked

VIEWS = {
    "cluster": gettext_lazy("Cluster"),
    "ownership": gettext_lazy("Ownership"),
    "scheduler": gettext_lazy("Scheduler"),
    "apiserver": gettext_lazy("API server"),
    "etcd": gettext_lazy("etcd"),
    "node": gettext_lazy("Node"),
    "kubeadm": gettext_lazy("kubeadm"),
    "network": gettext_lazy("Network"),
    "packet": gettext_lazy("Packet"),
    "service": gettext_lazy("Service"),
    "calico": gettext_lazy("Calico"),
}
UNPUSHED = ("packet",)  # views that depend on what each reader asks: nobody else's picture is theirs
# Views in which steps that write nothing are stepped through one by one.
NOTED = ("node", "kubeadm", "network", "service", "calico")
WIDTHS = tuple(LAYOUTS)
DEFAULT_WIDTH = "wide"
FRAMES = 512  # kept in memory; a frame is some 20 to 100 kB
KIND_ARTICLES = {
    "Pod": "pod",
    "Deployment": "deployment",
    "ReplicaSet": "deployment",
    "DaemonSet": "daemonset",
    "StatefulSet": "statefulset",
    "Job": "job",
    "CronJob": "job",
    "Node": "node",
    "Service": "services",
    "EndpointSlice": "services",
}

# The parts of the cluster's figure, and the article of each: a figure may be a map of them.
PART_ARTICLES = {
    "etcd": "etcd",
    "kube-apiserver": "kube-apiserver",
    "kube-scheduler": "kube-scheduler",
    "kube-controller-manager": "kube-controller-manager",
    "kubelet": "kubelet",
    "CRI-O": "container-runtime",
    "kube-proxy": "kube-proxy",
    "calico-node": "calico-node",
    "felix": "felix",
    "bird": "bird",
    "confd": "bird",
}

Frame = dict[str, Any]
_frames: OrderedDict[tuple[Any, ...], Frame] = OrderedDict()
_lock = threading.Lock()


def check_at(run: Run, text: str | None) -> Moment | None:
    """The moment that an address asks for; None for the newest.

    Raises:
        StatusError: 400 for what is no moment, 404 for one that has not been, or was before the story began.
    """
    if text is None or text == "":
        return None
    at, head = parse(text), run.head
    if at is None:
        raise Said(
            400, "BadRequest", _("at must be a revision, a whole number, or a step that follows on it, such as 455.3.")
        )
    if int(at) > head:
        raise Said(
            404,
            "NotFound",
            _("Revision %(at)s has not been written yet; the newest is %(head)s.") % {"at": int(at), "head": head},
        )
    if int(at) < run.base or (at.after is not None and run.position(at) < run.first):
        raise Said(
            404,
            "NotFound",
            _("The story begins at revision %(base)s; %(at)s was before it.") % {"at": str(at), "base": run.base},
        )
    if at.after:
        with run.lock:
            trace = run.cluster.trace
            follow = trace.position(at) - trace.position(at, 0)
        if at.after > follow:
            raise Said(
                404,
                "NotFound",
                _("Steps that follow on revision %(at)s: %(count)s. There is no %(wanted)s.")
                % {"at": int(at), "count": follow, "wanted": str(at)},
            )
    return at


def check_view(text: str | None) -> str:
    """Raises: StatusError 400."""
    if not text:
        return "cluster"
    if text not in VIEWS:
        raise Said(400, "BadRequest", _("view must be one of %(views)s.") % {"views": ", ".join(VIEWS)})
    return text


def check_width(text: str | None) -> str:
    """Raises: StatusError 400."""
    if not text:
        return DEFAULT_WIDTH
    if text not in WIDTHS:
        raise Said(400, "BadRequest", _("layout must be one of %(widths)s.") % {"widths": ", ".join(WIDTHS)})
    return text


def check_packet(query: Mapping[str, str], view: str, problems: list[str] | None = None) -> Question | None:
    """The packet that an address asks for. Raises: StatusError 400, unless `problems` are taken."""
    return packets.question(query, problems) if view == "packet" else None


def check_focus(text: str | None) -> str:
    """The object that an address chooses: `pods/default/web-0`, or as kubectl takes it, `pod/…`, `deploy/…`, `Node/…`.

    Raises:
        StatusError: 400 for what is no such name. (An object that is not there at this revision is no error.)
    """
    if not text:
        return ""
    parts = text.split("/")
    if len(text) > 600 or not 2 <= len(parts) <= 3 or not all(parts) or any(not char.isprintable() for char in text):
        raise Said(400, "BadRequest", _("focus must be resource/namespace/name, or resource/name."))
    return "/".join([_plural(parts[0]), *parts[1:]])


@cache
def _aliases() -> dict[str, str]:
    return {name: info.plural for info in RESOURCES.values() for name in (info.singular, *info.short_names)}


def _plural(name: str) -> str:
    """A resource by any of its names."""
    lowered = name.lower()
    return _aliases().get(lowered, lowered if lowered in RESOURCES else name)


@cache
def part_link(lang: str) -> Callable[[str], str]:
    """Where the parts of a map lead: to their articles."""
    return lambda part: article_url(PART_ARTICLES.get(part, ""), lang)


def figure_of(
    run: Run,
    snapshot: Snapshot,
    view: str,
    lang: str,
    *,
    focus: str = "",
    width: str = DEFAULT_WIDTH,
    parts: bool = False,
    packet: Question | None = None,
) -> Figure:
    """The figure at a snapshot's revision, everything where the history has put it. `parts`: a map of articles."""
    places = places_at(run, moment_of(snapshot))
    links = part_link(lang) if parts else None
    asked = _asked(packet, view, focus)
    options = figures.Options(width=width, focus=focus, places=places, part_link=links, packet=asked)
    return figures.render(snapshot, view, lang, options)


def frame(
    source: Source,
    at: int | None,
    view: str,
    lang: str,
    *,
    focus: str = "",
    width: str = DEFAULT_WIDTH,
    parts: bool = False,
    packet: Question | None = None,
) -> Frame:
    """What /frame/ answers. Not to be changed: frames are shared.

    Raises:
        StatusError: 400, 404.
    """
    run = source.run
    with run.lock:
        after = after_of(at)
        if at is not None:
            revision = int(at)
        else:
            # A story that is over ends with its last change; the leases renewed after it tell a reader nothing.
            revision = run.head if source.stored else run.last_change
        # What writes nothing (a power cut) belongs to the revision it follows, so the newest revision may still change.
        position = run.cluster.trace.position(revision, after)
        marks = str(run.cluster.engine.marks()) if revision == run.head and after is None else ""
        asked = _asked(packet, view, focus)
        key = (source.epoch, revision, after, position, marks, view, lang, focus, width, parts, asked, at is None)
        with _lock:
            known = _frames.get(key)
            if known is not None:
                _frames.move_to_end(key)
                return known
        snapshot = run.view(Moment(revision, after))
        drawn = figure_of(run, snapshot, view, lang, focus=focus, width=width, parts=parts, packet=asked)
        step = _own_step(run, snapshot)
        told = _inspected(source, snapshot, focus, lang)
        detail, form = detail_html(run, snapshot, view, focus, lang, source.ref), ""
        if view == "packet":
            form, detail = _packet_html(source, snapshot, asked, lang, pinned=at is not None)
    made: Frame = {
        "revision": snapshot.revision,
        "at": str(moment_of(snapshot)),
        "time_ms": snapshot_ms(run, snapshot),
        "time": clock_text(snapshot_ms(run, snapshot)),
        "view": view,
        "digest": drawn.digest,
        "svg": drawn.svg,
        "step": step_json(step, lang, run.base_ms, str(moment_of(snapshot))) if step is not None else None,
        "inspector": inspector_html(told, lang),
        "text": drawn.alt,
        "detail": detail,
        "form": form,
    }
    with _lock:
        _frames[key] = made
        while len(_frames) > FRAMES:
            _frames.popitem(last=False)
    return made


def _asked(packet: Question | None, view: str, focus: str) -> Question | None:
    """Who has chosen a Service and asks nothing sends a packet to it."""
    if view != "packet":
        return None
    return packet or (Question(target=focus) if focus.startswith("services/") else None)


def snapshot_ms(run: Run, snapshot: Snapshot) -> int:
    """When a revision was written, since the scenario began."""
    step = _own_step(run, snapshot)
    return step.time_ms - run.base_ms if step is not None else 0


def moment_of(snapshot: Snapshot) -> Moment:
    """Where a snapshot stands in its history."""
    return Moment(snapshot.revision, snapshot.after)


def _own_step(run: Run, snapshot: Snapshot) -> Step | None:
    """The step that made a snapshot, if it is the story's own."""
    step = snapshot.step
    return step if step is not None and step.index > run.first else None


def _inspected(source: Source, snapshot: Snapshot, focus: str, lang: str) -> dict[str, Any] | None:
    """The inspector's data: the chosen object, or what this step touched."""
    run = source.run
    trace = run.cluster.trace
    own = _own_step(run, snapshot)
    ref = focus or (_shown_ref(own.ref, snapshot) if own is not None else "")
    if not ref:
        return None
    # The last step that touched the object says why it is as it is, and what it was before.
    last = own if own is not None and own.ref == ref else _last_touch(run, snapshot, ref)
    wrote = last if last is None or last.rank != "note" else _last_touch(run, snapshot, ref)
    before = wrote.before if wrote is not None else None
    with override(lang):
        told = inspect(
            snapshot,
            ref,
            why=trace.why(last, 64) if last is not None else (),
            before=before,
            step_json=lambda step: {
                **step_json(step, lang, run.base_ms, address(trace, step)),
                # What came before the story begins can be told, not shown.
                "url": f"?at={address(trace, step)}&focus={quote(ref)}" if step.index > run.first else "",
            },
            base_ms=run.base_ms,
        )
    if told is not None:
        resource, _slash, key = ref.partition("/")
        told["yaml_url"] = f"/{lang}/s/{source.ref}/objects/{resource}/{quote(key)}.yaml?at={moment_of(snapshot)}"
        told["article"] = article_url(KIND_ARTICLES.get(told["kind"], ""), lang)
        told["links"] = _views_of(snapshot, ref, lang)
        if resource == "nodes" and key in snapshot.machines:
            told["kernel_url"] = save_url(source.ref, key, str(moment_of(snapshot)))
    return told


def _views_of(snapshot: Snapshot, ref: str, lang: str) -> list[dict[str, str]]:
    """Views that say more of an object than the others."""
    out = []
    with override(lang):
        if ref.startswith("pods/") and snapshot.scheduling is not None:
            decision = snapshot.scheduling.decision(ref.partition("/")[2])
            if decision is not None or snapshot.scheduling.waiting(ref.partition("/")[2]) is not None:
                placed = decision is not None and decision.chosen
                out.append({"view": "scheduler", "text": _("Why this node?") if placed else _("Why no node?")})
        on_node = ref.startswith("pods/") and (snapshot.get(ref) or {}).get("spec", {}).get("nodeName")
        if ref.startswith(("services/", "pods/")) and snapshot.get(ref) is not None:
            out.append({"view": "packet", "text": _("Send it a packet"), "ask": f"&dst={quote(ref)}"})
        if ref.startswith(("services/", "endpointslices/")) and snapshot.get(ref) is not None:
            out.append({"view": "service", "text": _("Its rules on every node")})
        if ref.startswith("nodes/") and snapshot.get(ref) is not None:
            out.append({"view": "network", "text": _("Its network")})
            out.append({"view": "calico", "text": _("Its routes and BGP sessions")})
        if on_node or ref.startswith("nodes/"):
            out.append({"view": "node", "text": _("Inside its machine") if on_node else _("Inside this machine")})
        if snapshot.get(ref) is not None:
            out.append({"view": "etcd", "text": _("In etcd")})
    kept = f"&at={moment_of(snapshot)}&focus={quote(ref)}"
    return [{**link, "url": f"?view={link['view']}{link.get('ask', '')}{kept}"} for link in out]


def _shown_ref(ref: str, snapshot: Snapshot) -> str:
    """An Event or a Lease is shown as what it is about."""
    resource, _slash, key = ref.partition("/")
    obj = snapshot.get(ref) or {}
    if resource == "events":
        about = obj.get("involvedObject") or obj.get("regarding") or {}
        found = _ref_of(about, snapshot)
        return found or ref
    if resource == "leases":
        name = key.rpartition("/")[2]
        return f"nodes/{name}" if name in snapshot.objects.get("nodes", {}) else ref
    return ref


def _ref_of(about: dict[str, Any], snapshot: Snapshot) -> str:
    name, namespace, kind = about.get("name", ""), about.get("namespace", ""), about.get("kind", "")
    for resource, table in snapshot.objects.items():
        for key in (f"{namespace}/{name}", name):
            obj = table.get(key)
            if obj is not None and obj.get("kind") == kind:
                return f"{resource}/{key}"
    return ""


def _last_touch(run: Run, snapshot: Snapshot, ref: str) -> Any:
    """The step that wrote the object as it is at a revision."""
    obj = snapshot.get(ref)
    if obj is not None:
        version = obj["metadata"].get("resourceVersion", "")
        if version.isdigit():
            step = run.cluster.trace.at(int(version))
            if step is not None and step.ref == ref:
                return step
        return None
    steps = run.cluster.trace.steps
    for index in range(run.position(moment_of(snapshot)) - 1, -1, -1):
        if steps[index].ref == ref and steps[index].rank != "note":
            return steps[index]
    return None


def inspector_html(told: dict[str, Any] | None, lang: str) -> str:
    """The inspector's section, "" when there is nothing to inspect."""
    if told is None:
        return ""
    with override(lang):
        return render_to_string("scenarios/inspector.html", {"inspector": told, "LANGUAGE_CODE": lang})


def detail_html(run: Run, snapshot: Snapshot, view: str, focus: str, lang: str, ref: str = "") -> str:
    """What a view has to say beside its figure, as tables; "" for a view whose figure says it all."""
    at = str(moment_of(snapshot))

    def seconds(time_ms: int) -> str:
        return f"{(time_ms - run.base_ms) / 1000:.2f}"

    def place(step: Step) -> str:
        return address(run.cluster.trace, step) if step.index > run.first else ""

    if view == "scheduler":
        steps = run.cluster.trace.steps

        def revision_of(step: int) -> int:
            return steps[min(step, len(steps)) - 1].revision if steps else 0

        return _details(
            "scenarios/decided.html",
            lang,
            decided=lambda: decided(snapshot, focus, revision_of, run.base_ms),
            revision=lambda: snapshot.revision,
        )
    if view == "apiserver":
        return _details("scenarios/requested.html", lang, requested=lambda: requested(snapshot, lang))
    if view == "etcd":
        return _details("scenarios/stored.html", lang, stored=lambda: stored(snapshot, focus))
    if view == "kubeadm":
        return _details(
            "scenarios/brought.html", lang, brought=lambda: brought(snapshot, focus, lang, seconds, place, at)
        )
    if view == "network":
        name = machine_of(snapshot, focus)
        return _details(
            "scenarios/kernel.html",
            lang,
            kernel=lambda: kernels.told(snapshot.network, name, lang, chains=True),
            kernel_url=lambda: save_url(ref, name, at) if ref else "",
            node=lambda: name,
            machines=lambda: list(snapshot.machines),
            at=lambda: at,
        )
    if view == "node":
        name = machine_of(snapshot, focus)
        return _details(
            "scenarios/inside.html",
            lang,
            inside=lambda: inside(snapshot, focus, lang, seconds, place, at),
            kernel=lambda: kernels.told(snapshot.network, name, lang),
            kernel_url=lambda: save_url(ref, name, at) if ref else "",
        )
    return ""


def _packet_html(
    source: Source, snapshot: Snapshot, question: Question | None, lang: str, *, pinned: bool
) -> tuple[str, str]:
    """What the packet view says above its figure, a form, and below it, every hop."""
    asked, at = asking.ask(snapshot, question), str(moment_of(snapshot))
    form = _details("scenarios/packet_form.html", lang, ask=lambda: packets.form(snapshot, asked, at, pinned))
    told = _details(
        "scenarios/walked.html",
        lang,
        walked=lambda: {**walked(snapshot, asked, lang, source.ref, at), "pinned": pinned},
    )
    return form, told


def _details(template: str, lang: str, **told: Callable[[], Any]) -> str:
    """A template with what is told, worked out and said in the reader's language."""
    with override(lang):
        context = {name: work_out() for name, work_out in told.items()}
        return render_to_string(template, {**context, "LANGUAGE_CODE": lang})


def forget_frames() -> None:
    """Throw away every frame kept in memory."""
    with _lock:
        _frames.clear()
