"""kubeadm at work on one machine: the phases it has gone through and has before it, and what each of them has made.

The files stand in the order in which kubeadm writes them, made or not, so that none moves when another comes; each
certificate stands under the authority that signs it.
"""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass
from typing import Any

from apps.cluster.controlplane import ledger
from apps.cluster.engine import Step
from apps.cluster.kubeadm import pki, static_manifests
from apps.diagrams import calls, metrics, shapes, workflows
from apps.diagrams.graph import Element, Graph, Rect, Text
from apps.diagrams.ids import part_id
from apps.diagrams.options import WIDTHS, Options
from apps.diagrams.places import SnapshotLike, natural
from apps.diagrams.views import sheet
from apps.diagrams.views.cluster import planes_of
from apps.diagrams.views.scene import Scene
from apps.diagrams.views.sheet import Cell
from apps.diagrams.workflows import Workflow

Obj = dict[str, Any]

MACHINES = 10  # that stand in the strip; others are counted
STRIP = 44
GAP = 24
MANIFESTS = "/etc/kubernetes/manifests"
BOOTSTRAP = "/etc/kubernetes/bootstrap-kubelet.conf"
CONFIG = "/var/lib/kubelet/config.yaml"
TOKENS = "bootstrap-token-"
MARKS = {
    workflows.DONE: "v-yes",
    workflows.RUNNING: "v-pick",
    workflows.FAILED: "v-no",
    workflows.SKIPPED: "v-skip",
    workflows.NEXT: "v-none",
}


@dataclass(frozen=True, slots=True)
class Layout:
    phases: tuple[int, int]
    made: tuple[int, int]
    across: int  # machines side by side
    beside: bool  # what was made stands beside the phases
    halves: bool  # kubeconfigs and static Pods side by side


LAYOUTS = {
    "full": Layout((0, 360), (388, 1344), 5, True, True),
    "wide": Layout((0, 316), (340, 1112), 5, True, True),
    "medium": Layout((0, 244), (264, 744), 4, True, False),
    "narrow": Layout((0, 358), (0, 358), 2, False, False),
}


def build(snapshot: SnapshotLike, lang: str, options: Options) -> Graph:
    """The graph of kubeadm's figure."""
    return _Drawing(Scene(snapshot, lang, options)).graph()


def machines_of(snapshot: SnapshotLike) -> list[str]:
    """The control plane first, each by number."""
    machines = snapshot.machines
    return sorted(machines, key=lambda name: (machines[name].role != workflows.CONTROL_PLANE, natural(name)))


def machine_of(snapshot: SnapshotLike, focus: str) -> str:
    """The machine that the figure is about: the one chosen, or where kubeadm was at work last."""
    resource, _, key = focus.partition("/")
    if resource == "nodes" and key in snapshot.machines:
        return key
    names = machines_of(snapshot)
    internals = getattr(snapshot, "internals", None)
    last = internals.last_phase(workflows.KUBEADM) if internals is not None else None
    if last is not None and last.node in snapshot.machines:
        return str(last.node)
    return names[0] if names else ""


def runs_of(snapshot: SnapshotLike, name: str) -> tuple[list[Step], list[Workflow]]:
    """kubeadm's steps on a machine, and the workflows that they are."""
    internals = getattr(snapshot, "internals", None)
    machine = snapshot.machines.get(name)
    if internals is None or machine is None:
        return [], []
    steps = internals.done_by(workflows.KUBEADM, name)
    up = all(internals.program(name, program) not in _NOT_UP for program in static_manifests.CONTROL_PLANE)
    first = name == next(iter(machines_of(snapshot)), "")
    return steps, workflows.read(steps, machine.role, first=first, up=up)


_NOT_UP = (*ledger.AWAY, ledger.STARTING, ledger.WAITING)


class _Drawing:
    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.layout = LAYOUTS[scene.options.width]
        self.width = WIDTHS[scene.options.width]
        self.narrow = self.width < 400
        self.name = machine_of(scene.snapshot, scene.options.focus)
        self.machine = scene.snapshot.machines.get(self.name)
        self.plane = self.machine is not None and self.machine.role == workflows.CONTROL_PLANE
        self.steps, self.runs = runs_of(scene.snapshot, self.name)
        self.run = self.runs[-1] if self.runs else None
        self.files = workflows.files(self.steps)
        self.fresh = self._fresh()
        self.roots: list[Element] = []

    def _fresh(self) -> set[int]:
        """The steps that this moment is about: the one that acts, or all that followed on the revision looked at."""
        now = calls.now([step for step in self.steps if step.rank == "note"], self.scene.snapshot)
        return {one.index for one in now} if len(now) < 4 else set()

    def graph(self) -> Graph:
        scene = self.scene
        top = self._strip() + GAP
        phases = self._phases(top)
        made = self._made(top if self.layout.beside else phases + 16)
        return Graph(
            view="kubeadm",
            lang=scene.lang,
            width=self.width,
            height=int(max(phases, made)) + 2,
            title=scene.say("figure.title-kubeadm", name=self.name),
            roots=self.roots,
            edges=[],
            told=scene.told(),
        )

    # The machines

    def _strip(self) -> float:
        """Every machine, with the workflow it is in; the one that the figure shows is marked."""
        scene = self.scene
        names = machines_of(scene.snapshot)
        shown = names[:MACHINES]
        across = self.layout.across
        gap = 12
        w = (self.width - gap * (across - 1)) // across
        for number, name in enumerate(shown):
            rect = Rect((number % across) * (w + gap), (number // across) * (STRIP + 8), w, STRIP)
            _, runs = runs_of(scene.snapshot, name)
            said = self._said_of(runs[-1] if runs else None)
            state = runs[-1] if runs else None
            marks = "v-none" if state is None else "v-yes" if state.over else "v-pick"
            acts = scene.actor == workflows.KUBEADM and scene.acting_node == name
            chosen = name == self.name
            label = scene.say("aria.node-words", name=name, words=said)
            self.roots.append(
                Element(
                    part_id("machine", name),
                    f"k-stage k-pick {marks}{' hot' if acts else ''}{' chosen' if chosen else ''}",
                    shapes.stage(rect),
                    (sheet.fitted(Cell(0, name, w - 34)), sheet.fitted(Cell(0, said, w - 16, "k-fs"))),
                    label=label,
                    href=scene.link(f"nodes/{name}"),
                )
            )
        lines = -(-max(len(shown), 1) // across)
        bottom = lines * (STRIP + 8) - 8
        if len(names) > len(shown):
            text = Text(0, bottom + 14, "k-fs")
            said = scene.say("figure.more", count=len(names) - len(shown))
            self.roots.append(Element("fig-machines-more", "k-note", shapes.words((text,)), (said,)))
        return bottom

    def _said_of(self, run: Workflow | None) -> str:
        if run is None or run.command == workflows.RESET:
            return self.scene.say("figure.kubeadm-bare")
        return run.command if run.over else f"{run.command} · {run.present}"

    # The phases

    def _phases(self, top: float) -> float:
        scene = self.scene
        left, right = self.layout.phases
        phases = self.run.phases if self.run is not None else ()
        if not phases:
            plan = workflows.PLANS[workflows.INIT if self._is_first() else self._join()]
            phases = tuple(workflows.Phase(name, workflows.NEXT) for name in plan)
        command = self.run.command if self.run is not None else (workflows.INIT if self._is_first() else self._join())
        rect = Rect(left, top, right - left, sheet.height(len(phases)))
        frame = sheet.panel("fig-phases", rect, f"kubeadm {command}")
        self.roots.append(frame)
        for number, phase in enumerate(phases):
            place = sheet.line(rect, number)
            word = scene.say(f"figure.phase-{phase.state}")
            made = sum(1 for step in phase.made if step.rank != "event")
            note = word if phase.state in (workflows.RUNNING, workflows.FAILED) else str(made) if made else ""
            room = place.w - 26 - (metrics.width(note, 11) + 12 if note else 4)
            fits = metrics.width(phase.name, 11.5) <= room
            name = phase.name if fits else f"…/{phase.name.rpartition('/')[2]}"
            cells = [
                Cell(place.x + 26, name, room, "k-nm", tail=True),
                Cell(place.right - 4, note, 66, "k-num", "end"),
            ]
            mine = {step.index for step in phase.made} | ({phase.begun.index} if phase.begun is not None else set())
            hot = " hot" if self.fresh & mine else ""
            frame.children.append(
                sheet.row(
                    part_id("phase", phase.name.replace("/", "-")),
                    place,
                    cells,
                    cls=MARKS[phase.state] + hot,
                    label=scene.say("aria.phase", phase=phase.name, state=word),
                    verdict=True,
                )
            )
        return rect.bottom

    def _is_first(self) -> bool:
        return self.name == next(iter(machines_of(self.scene.snapshot)), "")

    def _join(self) -> str:
        return workflows.JOIN_PLANE if self.plane else workflows.JOIN

    # What they made

    def _made(self, top: float) -> float:
        left, right = self.layout.made
        rect = Rect(left, top, right - left, 0)
        if self.plane:
            top = self._certificates(rect) + 16
            first, second = self._pair(rect._replace(y=top))
            bottom = self._kubeconfigs(first)
            bottom = max(bottom, self._manifests(second if self.layout.halves else second._replace(y=bottom + 16)))
        else:
            bottom = self._node_files(rect)
        return self._stored(rect._replace(y=bottom + 16))

    def _pair(self, rect: Rect) -> tuple[Rect, Rect]:
        if not self.layout.halves:
            return rect, rect
        w = (rect.w - 16) // 2
        return rect._replace(w=w), rect._replace(x=rect.right - w, w=w)

    def _row(
        self,
        frame: Element,
        number: int,
        ident: str,
        name: str,
        note: str,
        *,
        by: Step | None,
        there: bool,
        indent: int = 0,
        split: float = 0.56,
        label: str = "",
        href: str = "",
        ref: str = "",
        end: str = "",
    ) -> None:
        """A row of what was made: its name, what is to be said of it, and at its end a word more."""
        place = sheet.line(frame.shape.rect, number)
        left = place.x + 26 + indent
        if self.narrow:
            split, end = (0.6 if note else 1.0), ""
        turn = place.x + place.w * split
        cells = [
            Cell(left, name, turn - left - 8, "k-nm", tail=True),
            Cell(turn, note, place.right - 4 - turn - (72 if end else 0), "k-num"),
        ]
        if end:
            cells.append(Cell(place.right - 4, end, 72, "k-num", "end"))
        hot = (by is not None and by.index in self.fresh) or bool(ref and ref == self.scene.hot)
        frame.children.append(
            sheet.row(
                ident,
                place,
                cells,
                cls=("v-yes" if there else "v-none") + (" hot" if hot else ""),
                label=label or " ".join(word for word in (name, note, self._word(there)) if word),
                href=href,
                ref=ref,
                verdict=True,
            )
        )

    def _word(self, there: bool) -> str:
        return self.scene.say("figure.made" if there else "figure.not-made")

    def _certificates(self, rect: Rect) -> float:
        """Three authorities, each over what it signs; and the key that has no certificate."""
        scene = self.scene
        machine = self.machine
        address = machine.address if machine is not None else ""
        ordered: list[tuple[pki.Certificate, int]] = []
        listed = list(pki.certificates(self.name, address, address))
        for authority in [one for one in listed if not one.authority]:
            ordered.append((authority, 0))
            ordered += [(one, 1) for one in listed if one.authority == authority.name]
        rect = rect._replace(h=sheet.height(len(ordered) + 1))
        standing = sum(1 for one, _ in ordered if one.path in self.files)
        frame = sheet.panel("fig-pki", rect, scene.say("figure.kubeadm-pki"), f"{standing}/{len(ordered)}")
        self.roots.append(frame)
        x = rect.x + 8 + 32
        first = 0
        for number, (one, depth) in enumerate(ordered):
            by = self.files.get(one.path)
            place = sheet.line(rect, number)
            state = self._word(by is not None)
            path = one.path.removeprefix(f"{pki.PKI}/")
            if depth:
                label = scene.say("aria.signed", path=path, subject=one.subject, authority=one.authority, state=state)
            else:
                first = number
                label = scene.say("aria.authority", path=path, subject=one.subject, state=state)
            short = rect.w < 500
            until = str(by.params.get("until", ""))[:10] if by is not None and not short else ""
            self._row(
                frame,
                number,
                part_id("cert", one.name),
                path,
                one.common_name if short else one.subject,
                by=by,
                there=by is not None,
                indent=18 * depth,
                split=0.55 if short else 0.42,
                label=label,
                end=until,
            )
            if depth:
                points = ((x, sheet.line(rect, first).bottom - 5), (x, place.cy), (x + 9, place.cy))
                frame.children.append(Element(part_id("signs", one.name), "k-note", shapes.chain(points)))
        by = self.files.get(f"{pki.PKI}/sa.key")
        self._row(
            frame,
            len(ordered),
            "fig-cert-sa",
            "sa.key",
            scene.say("figure.kubeadm-sa"),
            by=by,
            there=by is not None,
            split=0.42,
        )
        return rect.bottom

    def _kubeconfigs(self, rect: Rect) -> float:
        scene = self.scene
        address = self.machine.address if self.machine is not None else ""
        listed = list(pki.kubeconfigs(self.name, address, address))
        if not self._is_first():
            listed = [one for one in listed if one.name != "super-admin"]
        rect = rect._replace(h=sheet.height(len(listed)))
        frame = sheet.panel("fig-kubeconfigs", rect, scene.say("figure.kubeadm-kubeconfigs"), "/etc/kubernetes")
        self.roots.append(frame)
        for number, one in enumerate(listed):
            by = self.files.get(one.path)
            self._row(
                frame,
                number,
                part_id("kubeconfig", one.name),
                one.path.rpartition("/")[2],
                one.user,
                by=by,
                there=by is not None,
                split=0.46,
            )
        return rect.bottom

    def _manifests(self, rect: Rect) -> float:
        """The four programs of a control plane: their manifests, and what has become of them."""
        scene = self.scene
        names = ("etcd", *static_manifests.CONTROL_PLANE)
        rect = rect._replace(h=sheet.height(len(names)))
        frame = sheet.panel("fig-manifests", rect, scene.say("figure.kubeadm-manifests"), MANIFESTS)
        self.roots.append(frame)
        for number, name in enumerate(names):
            by = self.files.get(f"{MANIFESTS}/{name}.yaml")
            ref = f"pods/kube-system/{name}-{self.name}"
            pod = scene.snapshot.objects.get("pods", {}).get(ref.partition("/")[2])
            state = scene.program(self.name, name)
            word = scene.say(f"figure.program-{state}") if by is not None and self._has_kubelet() else ""
            version = pod["spec"]["containers"][0]["image"].rpartition(":")[2] if pod is not None else ""
            self._row(
                frame,
                number,
                part_id("manifest", name),
                f"{name}.yaml",
                word,
                by=by,
                there=by is not None,
                split=0.6,
                end=version,
                href=scene.link(ref) if pod is not None else "",
                ref=ref if pod is not None else "",
            )
        return rect.bottom

    def _has_kubelet(self) -> bool:
        return CONFIG in self.files

    def _node_files(self, rect: Rect) -> float:
        """What a worker has: the authority it believes, what it came with, and what it got for it."""
        scene = self.scene
        node = f"system:node:{self.name}"
        bearer = scene.say("figure.kubeadm-token")
        listed = [
            (BOOTSTRAP, bearer),
            (f"{pki.PKI}/ca.crt", "CN = kubernetes"),
            (CONFIG, scene.say("figure.kubeadm-config")),
            ("/etc/kubernetes/kubelet.conf", node),
        ]
        rect = rect._replace(h=sheet.height(len(listed)))
        frame = sheet.panel("fig-files", rect, scene.say("figure.kubeadm-files"), self.name)
        self.roots.append(frame)
        for number, (path, note) in enumerate(listed):
            by = self.files.get(path)
            self._row(
                frame,
                number,
                part_id("file", path.rpartition("/")[2]),
                path,
                note,
                by=by,
                there=by is not None,
                split=0.56,
            )
        return rect.bottom

    # In the cluster

    def _stored(self, rect: Rect) -> float:
        """What kubeadm keeps in the cluster itself, and how far its add-ons are."""
        scene = self.scene
        rows = [self._tokens(), self._config(), self._info()]
        if len(planes_of(scene)) > 1:
            rows.append(self._object("secrets/kube-system/kubeadm-certs", "kubeadm-certs", ""))
        if not self.plane:
            rows.append(self._request())
        rows += [
            self._object(f"nodes/{self.name}", self.name, self._node_words()),
            self._object("deployments/kube-system/coredns", "CoreDNS", self._ready("deployments", "coredns")),
            self._object("daemonsets/kube-system/kube-proxy", "kube-proxy", self._ready("daemonsets", "kube-proxy")),
        ]
        rect = rect._replace(h=sheet.height(len(rows)))
        frame = sheet.panel("fig-stored", rect, scene.say("figure.kubeadm-cluster"), "kube-system")
        self.roots.append(frame)
        for number, (ident, name, note, ref) in enumerate(rows):
            resource, _, key = ref.partition("/")
            there = key in scene.snapshot.objects.get(resource, {})
            self._row(
                frame,
                number,
                part_id("kept", ident),
                name,
                note if there else "",
                by=None,
                there=there,
                split=0.42,
                href=scene.link(ref) if there else "",
                ref=ref if there else "",
            )
        return rect.bottom

    def _object(self, ref: str, name: str, note: str) -> tuple[str, str, str, str]:
        return ref.rpartition("/")[2] if not ref.startswith("nodes/") else "node", name, note, ref

    def _tokens(self) -> tuple[str, str, str, str]:
        """Bootstrap tokens: the first that a machine can join with leads to its Secret."""
        secrets = self.scene.snapshot.objects.get("secrets", {})
        found = [
            key
            for key, one in secrets.items()
            if key.startswith(f"kube-system/{TOKENS}") and not _says(one).startswith("Proxy")
        ]
        names = ", ".join(key.rpartition(TOKENS)[2] for key in found)
        return "token", self.scene.say("figure.kubeadm-tokens"), names, f"secrets/{found[0]}" if found else ""

    def _config(self) -> tuple[str, str, str, str]:
        kept = self.scene.snapshot.objects.get("configmaps", {}).get("kube-system/kubeadm-config") or {}
        text = (kept.get("data") or {}).get("ClusterConfiguration", "")
        version = next((line for line in text.splitlines() if line.startswith("kubernetesVersion:")), "")
        return self._object(
            "configmaps/kube-system/kubeadm-config", "kubeadm-config", version.partition(":")[2].strip()
        )

    def _info(self) -> tuple[str, str, str, str]:
        """What anybody may read, and the tokens that vouch for it."""
        kept = self.scene.snapshot.objects.get("configmaps", {}).get("kube-public/cluster-info") or {}
        signed = [key.rpartition("-")[2] for key in kept.get("data") or () if key.startswith("jws-kubeconfig-")]
        note = self.scene.say("figure.kubeadm-signed", tokens=", ".join(signed)) if signed else ""
        return self._object("configmaps/kube-public/cluster-info", "cluster-info", note)

    def _request(self) -> tuple[str, str, str, str]:
        """The certificate that this machine's kubelet asked for."""
        scene = self.scene
        asked = self._asked()
        one = scene.snapshot.objects.get("certificatesigningrequests", {}).get(asked)
        if one is None:
            return "csr", scene.say("figure.kubeadm-csr"), "", ""
        status = one.get("status") or {}
        words = [condition["type"] for condition in status.get("conditions") or ()]
        words += ["Issued"] if status.get("certificate") else []
        return "csr", asked, ", ".join(words) or "Pending", f"certificatesigningrequests/{asked}"

    def _asked(self) -> str:
        internals = getattr(self.scene.snapshot, "internals", None)
        if internals is None:
            return ""
        for step in reversed(internals.done_by("kubelet", self.name)):
            if step.message == "kubelet.request-certificate":
                return str(step.ref.partition("/")[2])
        return ""

    def _node_words(self) -> str:
        node = self.scene.nodes.get(self.name) or {}
        status = node.get("status") or {}
        ready = next((one["status"] for one in status.get("conditions") or () if one["type"] == "Ready"), "Unknown")
        version = (status.get("nodeInfo") or {}).get("kubeletVersion", "")
        return f"{'Ready' if ready == 'True' else 'NotReady'} · {version}" if version else ""

    def _ready(self, resource: str, name: str) -> str:
        status = (self.scene.snapshot.objects.get(resource, {}).get(f"kube-system/{name}") or {}).get("status") or {}
        if resource == "daemonsets":
            return f"{status.get('numberReady', 0)}/{status.get('desiredNumberScheduled', 0)}"
        return f"{status.get('readyReplicas', 0)}/{status.get('replicas', 0)}"


def _says(secret: Obj) -> str:
    try:
        return b64decode((secret.get("data") or {}).get("description", "")).decode()
    except ValueError:
        return ""
