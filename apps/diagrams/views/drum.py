"""etcd's drum: the stored objects. Workloads have rows; what else is stored is counted in the last line."""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery.meta import name_of, namespace_of
from apps.diagrams import metrics, roles, shapes, tints
from apps.diagrams.graph import Element, Rect, Text
from apps.diagrams.narration import split_ref
from apps.diagrams.rows import CHILDREN
from apps.diagrams.views.plate import Plate
from apps.diagrams.views.scene import Scene

Obj = dict[str, Any]


def build(scene: Scene, place: Plate, about: tuple[str, str, str, str], taken: float = 0) -> Element:
    """The drum with its rows.

    about: classes, label, ref and a word of etcd itself. taken: room that its members take beside its name.
    """
    classes, label, ref, word = about
    rect = place.drum
    narrow = place.width < 600
    heading = Text(rect.x + 12, rect.y + (31 if not narrow else 29), "k-ph")
    revision = Text(rect.right - 12, heading.y, "k-num", "end")
    part_link = scene.options.part_link
    children = [
        Element(
            "fig-etcd-name",
            "k-title",
            shapes.words((heading,)),
            ("etcd",),
            label=label,
            href=part_link("etcd") if part_link else scene.link(ref) if ref else "",
        ),
        Element(
            "fig-etcd-revision",
            "k-rev",
            shapes.words((revision,)),
            (scene.say("figure.revision", revision=scene.snapshot.revision),),
        ),
    ]
    note = Text(heading.x + 40 + taken, heading.y, "k-fs")
    children.append(Element("fig-etcd-word", "k-note k-word", shapes.words((note,)), (word,)))
    hidden = 0
    rows = scene.places.rows
    room = len(place.rows) - 1
    for owner, row in sorted(rows.drum.rows.items(), key=lambda item: item[1]):
        obj = scene.objects.get(owner.partition("/")[0], {}).get(owner.partition("/")[2])
        if obj is None:
            continue
        if row >= room:
            hidden += 1
            continue
        children.append(_row(scene, place, owner, obj, place.rows[row]))
        seated = set(rows.seats.get(owner, {}).values())
        for seat in range(CHILDREN if owner in rows.seats else 0):
            if seat not in seated and row + 1 + seat < room:
                children.append(_spare(place, row + 1 + seat))
    children.append(_also(scene, place, hidden))
    return Element(
        "fig-etcd",
        f"k-part k-etcd{classes}",
        shapes.drum(rect, ()),
        label=label,
        ref=ref,
        children=children,
    )


def _spare(place: Plate, row: int) -> Element:
    """Room kept for a ReplicaSet that is not there: corner ticks where its swatch would be."""
    x, base = place.drum.x + 30, place.rows[row]
    return Element(f"fig-etcd-row-{row}", "k-slot", shapes.slot(Rect(x, base - 11, 14, 14)))


def _row(scene: Scene, place: Plate, ref: str, obj: Obj, base: float) -> Element:
    resource = ref.partition("/")[0]
    nested = ref in scene.places.rows.children
    left, right = place.drum.x + 14, place.drum.right - 12
    narrow = place.width < 1000
    has_swatch = resource in tints.OWNERS
    x = left
    over = ""
    if nested:
        seat = scene.places.rows.seats[scene.places.rows.children[ref].parent].get(ref, 0)
        if seat < 2:
            over = f'<path d="M{left + 4.5:g} {base - 16:g}v12h9" class="k-tree"/>'
        x = left + 16
    if has_swatch:
        over += shapes.swatch(x, base - 11)
        x += 20
    kind = "" if nested and narrow else obj.get("kind", "")
    kind_width = metrics.width(kind, 11, "sans")
    at = x + (round(kind_width) + 10 if kind else 0)
    name = name_of(obj)
    namespace = namespace_of(obj)
    shown = name if namespace in ("default", "") or nested else f"{namespace}/{name}"
    counts = counted(resource, obj)
    count_width = metrics.width(counts, 11)
    shown = metrics.fit(shown, right - count_width - 8 - at, 11)
    texts = (Text(x, base, "k-ok"), Text(at, base, "k-on"), Text(right, base, "k-num", "end"))
    label = told(scene, resource, obj, name, counts)
    tint = tints.tint_of(scene.places, ref) if has_swatch else ""
    return Element(
        scene.id_of(ref),
        f"k-obj {tint}{scene.marks(ref)}",
        shapes.words(texts, over),
        (kind, shown, counts),
        label=label,
        href=scene.link(ref),
        ref=ref,
    )


def counted(resource: str, obj: Obj) -> str:
    """Ready of wanted, as kubectl's READY column; for Jobs completions, for CronJobs the schedule."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    if resource == "daemonsets":
        return f"{status.get('numberReady', 0)}/{status.get('desiredNumberScheduled', 0)}"
    if resource == "jobs":
        return f"{status.get('succeeded', 0)}/{spec.get('completions', 1)}"
    if resource == "cronjobs":
        return str(spec.get("schedule", ""))
    return f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 1)}"


def told(scene: Scene, resource: str, obj: Obj, name: str, counts: str) -> str:
    """What is heard of an object: its kind and name, and how many of its Pods are ready, or have succeeded."""
    kind = obj.get("kind", "")
    ready, _, wanted = counts.partition("/")
    if not wanted.isdigit():
        return scene.say("aria.object", kind=kind, name=name)
    message = "aria.succeeded" if resource == "jobs" else "aria.counted"
    return scene.say(message, kind=kind, name=name, ready=ready, wanted=wanted)


def _also(scene: Scene, place: Plate, hidden: int) -> Element:
    """The last line: kinds and counts of what else is stored, or the object this step touches."""
    counts: dict[str, int] = {}
    for resource, table in scene.objects.items():
        if resource in roles.RECORDS or resource in roles.WORKLOADS:
            continue
        for obj in table.values():
            if roles.is_plain(resource, obj):
                kind = obj.get("kind", resource)
                counts[kind] = counts.get(kind, 0) + 1
    parts = [f"{kind} {count}" for kind, count in sorted(counts.items())]
    if hidden:
        parts.insert(0, scene.say("figure.more", count=hidden))
    said = " · ".join(parts)
    hot = ""
    resource, _, name = split_ref(scene.hot)
    if scene.hot and resource not in ("pods", "nodes") and scene.hot not in scene.places.rows.drum.rows:
        step = scene.step
        obj = (step.after or step.before) if step is not None else None
        said = f"{(obj or {}).get('kind', resource)} {name}"
        hot = " hot"
    base = place.rows[-1]
    left, right = place.drum.x + 14, place.drum.right - 12
    title = scene.say("figure.also")
    at = left + round(metrics.width(title, 11, "sans")) + 10
    rule = f'<path d="M{left:g} {base - 16.5:g}H{right:g}" class="k-rule"/>'
    shape = shapes.words((Text(left, base, "k-ok"), Text(at, base, "k-on k-also")), rule)
    shown = metrics.fit(said, right - at, 11)
    return Element("fig-also", f"k-obj{hot}", shape, (title if said else "", shown))
