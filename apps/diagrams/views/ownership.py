"""Ownership: a Deployment, its ReplicaSets, their Pods; DaemonSets, StatefulSets with their claims, Jobs; plain
objects.

Columns say what a thing does: the first manages, the second owns Pods, then the Pods stand like beads on a line.
Services have lanes too, with their EndpointSlices. Kinds the model does not run are drawn as what they are: a box, a
kind, a name.
"""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery.meta import controller_of, labels_of, name_of, namespace_of
from apps.diagrams import metrics, roles, shapes, tints
from apps.diagrams.graph import Element, Graph, Rect, Text
from apps.diagrams.ids import edge_id, part_id
from apps.diagrams.options import WIDTHS, Options
from apps.diagrams.places import BARE, SnapshotLike, claim_owner, natural
from apps.diagrams.rows import ABREAST, CHILDREN, NESTED
from apps.diagrams.views import lanes, splines
from apps.diagrams.views.drum import counted, told
from apps.diagrams.views.lanes import Lane
from apps.diagrams.views.scene import Scene

Obj = dict[str, Any]
_CLAIM_MARKS = {"Bound": "Ready", "Pending": "Pending", "Lost": "Failed"}


def build(snapshot: SnapshotLike, lang: str, options: Options) -> Graph:
    """The graph of the ownership figure."""
    drawing = _Drawing(Scene(snapshot, lang, options))
    drawing.draw()
    scene = drawing.scene
    roots = drawing.roots
    bottom = drawing.bottom
    if not roots:
        text = shapes.words((Text(0, 24, "k-fs"),))
        roots = [Element("fig-nothing", "k-note", text, (scene.say("figure.nothing"),))]
        bottom = 40
    title = scene.say("figure.title-ownership")
    return Graph(
        "ownership",
        lang,
        WIDTHS[options.width],
        int(bottom) + 4,
        title,
        roots,
        drawing.edges,
        drawing.links,
        scene.told(),
    )


class _Drawing:
    """Collects elements and edges, lane by lane."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.width = scene.options.width
        self.narrow = self.width == "narrow"
        self.rows = scene.places.rows
        self.roots: list[Element] = []
        self.edges: list[Element] = []
        self.links: list[tuple[str, str]] = []
        self.bottom = 0.0
        self.tall = self._tall()
        self.by_owner: dict[str, list[tuple[str, Obj]]] = {}
        for key, pod in scene.pods.items():
            if not roles.special(pod) and not roles.is_system(pod):
                self.by_owner.setdefault(roles.owner_uid(pod), []).append((f"pods/{key}", pod))

    def draw(self) -> None:
        for key, row in sorted(self.rows.lanes.rows.items(), key=lambda item: item[1]):
            kind, _, rest = key.partition("/")
            if kind == "bare":
                self._bare(int(rest), row)
            elif kind == "other":
                self._plain(int(rest), row)
            elif kind == "services":
                self._service(key, row)
            elif key in self.rows.roots:
                self._root(key, row)
            elif key in self.rows.children and self.rows.seats[self.rows.children[key].parent].get(key, 0) > 1:
                self._owner(key, lanes.lane(self.width, 1, False), 0, row)

    # Lanes

    def _root(self, ref: str, row: int) -> None:
        obj = self._object(ref)
        if obj is None:
            return
        resource = ref.partition("/")[0]
        claims = self.rows.heights.get(ref, 1) > 1 and resource not in NESTED
        if resource not in NESTED:
            self._owner(ref, lanes.lane(self.width, 1, claims), 0, row)
            return
        lane = lanes.lane(self.width, 2, False)
        rect = self._at(lane.root, row)
        self.roots.append(self._box(ref, obj, rect, counted(resource, obj)))
        for child, seat in sorted(self.rows.seats[ref].items(), key=lambda item: item[1]):
            if seat > 1:
                continue
            self._owner(child, lane, seat, row + seat)
        taken = set(self.rows.seats[ref].values())
        for seat in range(CHILDREN):
            if seat not in taken:
                spare = self._at(lane.owners[seat], row + seat)
                self.roots.append(Element(part_id("lane", str(row + seat)), "k-slot", shapes.slot(spare)))

    def _owner(self, ref: str, lane: Lane, seat: int, row: int) -> None:
        """What owns Pods, and its Pods."""
        obj = self._object(ref)
        if obj is None:
            return
        resource = ref.partition("/")[0]
        child = self.rows.children.get(ref)
        rect = self._at(lane.owners[seat], row)
        note = ""
        if resource == "replicasets" and roles.revision_of(obj):
            note = self.scene.say("figure.owner-revision", revision=roles.revision_of(obj))
        self.roots.append(
            self._box(ref, obj, rect, counted(resource, obj), tints.tint_of(self.scene.places, ref), note)
        )
        if child is not None:
            self._elbow(ref, child.parent, rect)
        uid = obj["metadata"].get("uid", "")
        pods = self.by_owner.get(uid, [])
        self._pods(uid, pods, tuple(self._at(cell, row) for cell in lane.seats[seat]), rect)
        if lane.claims:
            self._claims(ref, tuple(self._at(cell, row) for cell in lane.claims), pods)

    def _pods(self, uid: str, pods: list[tuple[str, Obj]], seats: tuple[Rect, ...], owner: Rect) -> None:
        """Pods in their seats, and the line they stand on."""
        scene = self.scene
        places = scene.places.by_owner.seats.get(uid, {})
        taken: dict[int, Element] = {}
        crowds: dict[str, list[str]] = {}
        for ref, pod in pods:
            place = places.get(ref)
            if place is None:
                crowds.setdefault(scene.state(ref, pod).mark, []).append(ref)
            elif place < len(seats):
                rect = seats[place]
                taken[place] = scene.pod(ref, pod, shapes.pod(rect), rect.w - (27 if rect.w >= 64 else 24))
        for mark, members in crowds.items():
            place = places.get((uid, mark))
            if place is None or place >= len(seats):
                continue
            taken[place] = scene.tile("own", uid, mark, members, shapes.pod(seats[place]))
        self.roots += [taken[place] for place in sorted(taken)]
        ref = scene.owners.get(uid, ("", ""))[0]
        self.links += [(scene.id_of(ref), taken[place].id) for place in sorted(taken)]
        self._beads(taken, seats, owner)

    def _beads(self, taken: dict[int, Element], seats: tuple[Rect, ...], owner: Rect) -> None:
        """From the owner to each Pod: along the row, from neighbour to neighbour."""
        hot = max((place for place, element in taken.items() if " hot" in element.cls), default=-1)
        before: Rect | None = None
        for place in sorted(taken):
            rect = seats[place]
            if before is not None and before.y == rect.y:
                points: tuple[tuple[float, float], ...] = ((before.right, rect.cy), (rect.x, rect.cy))
            elif self.narrow:
                points = ((owner.x + 10, owner.bottom), (owner.x + 10, rect.cy), (rect.x, rect.cy))
            elif rect.cy == owner.cy:
                points = ((owner.right, owner.cy), (rect.x, rect.cy))
            else:
                middle = owner.right + 10
                points = ((owner.right, owner.cy), (middle, owner.cy), (middle, rect.cy), (rect.x, rect.cy))
            lit = hot >= 0 and place <= hot and rect.y == seats[hot].y
            self._line(edge_id(taken[place].id.removeprefix("fig-")), points, lit)
            before = rect

    def _claims(self, ref: str, places: tuple[Rect, ...], pods: list[tuple[str, Obj]]) -> None:
        """Volume claims under the Pods they were made for."""
        scene = self.scene
        seats = scene.places.by_owner.seats
        namespace = ref.split("/")[1]
        for key, claim in sorted(scene.objects.get("persistentvolumeclaims", {}).items(), key=lambda i: natural(i[0])):
            name = f"persistentvolumeclaims/{key}"
            if claim_owner(scene.places, name) != ref or namespace_of(claim) != namespace:
                continue
            ordinal = name_of(claim).rpartition("-")[2]
            owner = ref.rpartition("/")[2]
            pod = f"pods/{namespace}/{owner}-{ordinal}"
            uid = next((roles.owner_uid(obj) for pod_ref, obj in pods if pod_ref == pod), "")
            place = seats.get(uid, {}).get(pod, int(ordinal))
            if place >= len(places):
                continue
            rect = places[place]
            phase = (claim.get("status") or {}).get("phase", "Pending")
            template = name_of(claim).removesuffix(f"-{owner}-{ordinal}")
            volume = (claim.get("spec") or {}).get("volumeName", "")
            told = f"{phase}, {volume}" if volume else phase
            label = scene.say("aria.part-state", name=f"PersistentVolumeClaim {name_of(claim)}", state=told)
            self.roots.append(
                Element(
                    scene.id_of(name),
                    f"k-chip k-claim st-{_CLAIM_MARKS.get(phase, 'Pending')}{scene.marks(name)}",
                    shapes.chip(rect),
                    (metrics.fit(template, rect.w - 28, 10.5, "sans"),),
                    label,
                    scene.link(name),
                    name,
                )
            )
            self._line(edge_id(name), ((rect.cx, rect.y - 6), (rect.cx, rect.y)), lit=False, relation=True)

    def _service(self, ref: str, row: int) -> None:
        """A Service, the EndpointSlices made for it, and how many of their endpoints are ready."""
        obj = self._object(ref)
        if obj is None:
            return
        scene = self.scene
        lane = lanes.lane(self.width, 1, False)
        kind = str((obj.get("spec") or {}).get("type", "ClusterIP"))
        outline = lane.root.right > lane.owners[0].x
        first, second = lane.plain[:2] if outline else (lane.root, lane.owners[0])
        root = self._at(first, row)
        self.roots.append(self._box(ref, obj, root, "", note=kind))
        namespace = namespace_of(obj)
        slices = [
            (f"endpointslices/{key}", piece)
            for key, piece in scene.objects.get("endpointslices", {}).items()
            if namespace_of(piece) == namespace
            and labels_of(piece).get("kubernetes.io/service-name") == name_of(obj)
            and controller_of(piece) is not None
        ]
        for name, piece in slices[:1]:
            endpoints = piece.get("endpoints") or []
            ready = sum(1 for one in endpoints if (one.get("conditions") or {}).get("ready") is not False)
            said = scene.say("figure.endpoints", ready=ready, total=len(endpoints))
            rect = self._at(second, row)
            self.roots.append(self._box(name, piece, rect, said))
            self.links.append((scene.id_of(ref), scene.id_of(name)))
            self._line(edge_id(name), ((root.right, root.cy), (rect.x, rect.cy)), lit=name == scene.hot)

    def _bare(self, number: int, row: int) -> None:
        """Pods that nobody looks after."""
        seats = self.scene.places.by_owner.seats.get("", {})
        lane = lanes.lane(self.width, 1, False)
        cells = lane.seats[0]
        drawn = []
        for ref, pod in self.by_owner.get("", []):
            place = seats.get(ref)
            if place is not None and place // BARE == number:
                rect = self._at(cells[place % BARE], row)
                room = rect.w - (27 if rect.w >= 64 else 24)
                drawn.append((place, self.scene.pod(ref, pod, shapes.pod(rect), room)))
        if not drawn:
            return
        box = self._at(lane.owners[0], row)
        text = Text(box.x + (0 if self.narrow else 12), box.cy + 4, "k-fs")
        said = (self.scene.say("figure.no-owner"),)
        self.roots.append(Element(part_id("bare", str(number)), "k-note", shapes.words((text,)), said))
        self.roots += [element for _, element in sorted(drawn, key=lambda item: item[0])]

    def _plain(self, number: int, row: int) -> None:
        """Objects that own no Pods here: their kind and their name."""
        lane = lanes.lane(self.width, 1, False)
        for ref, seat in sorted(self.rows.others.rows.items(), key=lambda item: item[1]):
            obj = self._object(ref)
            if obj is not None and seat // ABREAST == number:
                self.roots.append(self._box(ref, obj, self._at(lane.plain[seat % ABREAST], row), ""))

    # Parts

    def _object(self, ref: str) -> Obj | None:
        resource, _, key = ref.partition("/")
        return self.scene.objects.get(resource, {}).get(key)  # type: ignore[no-any-return]

    def _at(self, rect: Rect, row: int) -> Rect:
        """A place of a lane, in the figure."""
        unit = lanes.unit(self.width)
        moved = rect._replace(y=rect.y + row * unit + lanes.NARROW_ROW * sum(1 for tall in self.tall if tall < row))
        self.bottom = max(self.bottom, moved.bottom)
        return moved

    def _tall(self) -> frozenset[int]:
        """On the phone: rows of owners that ever had a second row of Pods."""
        if not self.narrow:
            return frozenset()
        high = self.scene.places.by_owner.high
        found = set()
        for key, row in self.rows.lanes.rows.items():
            obj = self._object(key) if "/" in key else None
            uid = obj["metadata"].get("uid", "") if obj is not None else ""
            if key.startswith("bare/") or high.get(uid, 0) > lanes.NARROW_ACROSS:
                found.add(row)
        return frozenset(found)

    def _box(self, ref: str, obj: Obj, rect: Rect, counts: str, tint: str = "", note: str = "") -> Element:
        """Kind, note and count on the first line, the name on the second; on one line where the box is low."""
        scene = self.scene
        kind, name = obj.get("kind", ""), name_of(obj)
        namespace = namespace_of(obj)
        full = name if namespace in ("default", "") else f"{namespace}/{name}"
        left = rect.x + (14 if tint else 10)
        low = rect.h < 34
        first = rect.y + (18 if low else 15)
        kind_width = round(metrics.width(kind, 11, "sans"))
        if low:
            at, base = left + kind_width + 8, first
            note = ""
            room = rect.right - 16 - metrics.width(counts, 11) - at
        else:
            at, base = left, rect.y + 30
            room = rect.right - 8 - left
        noted = left + kind_width + 8
        note = metrics.fit(note, rect.right - 16 - metrics.width(counts, 11) - noted, 11, "sans") if note else ""
        texts = (
            Text(left, first, "k-ok"),
            Text(noted, first, "k-fs"),
            Text(rect.right - 10, first, "k-num", "end"),
            Text(at, base, "k-nm"),
        )
        label = told(scene, ref.partition("/")[0], obj, full, counts)
        return Element(
            scene.id_of(ref),
            f"k-own {tint or 'k-bare'}{scene.marks(ref)}",
            shapes.owner(rect, texts),
            (kind, note, counts, metrics.fit(full, room, 11.5)),
            label=label,
            href=scene.link(ref),
            ref=ref,
        )

    def _elbow(self, ref: str, parent: str, rect: Rect) -> None:
        """From a parent's box to a child's."""
        above = self.rows.lanes.rows[parent]
        self.links.append((self.scene.id_of(parent), self.scene.id_of(ref)))
        lane = lanes.lane(self.width, 2, False)
        start = self._at(lane.root, above)
        if start.bottom <= rect.y and start.x <= rect.x < start.right:
            points: tuple[tuple[float, float], ...] = ((6, start.bottom), (6, rect.cy), (rect.x, rect.cy))
        elif start.cy == rect.cy:
            points = ((start.right, start.cy), (rect.x, rect.cy))
        else:
            middle = round((start.right + rect.x) / 2)
            points = ((start.right, start.cy), (middle, start.cy), (middle, rect.cy), (rect.x, rect.cy))
        self._line(edge_id(ref), points, lit=ref == self.scene.hot)

    def _line(self, name: str, points: tuple[tuple[float, float], ...], lit: bool, relation: bool = False) -> None:
        classes = "k-line" + (" k-relation" if relation else "") + (" on" if lit else "")
        self.edges.append(Element(name, classes, shapes.line(splines.elbow(points, 4))))
