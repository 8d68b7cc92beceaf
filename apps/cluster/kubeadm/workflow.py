"""The workflows of kubeadm: `init` on the first machine, `join` on every other, phase by phase.

Models      cmd/kubeadm/app/cmd/init.go, join.go and the phases they list (1.36)
Leaves out  certificates; kubeconfigs; upload-certs; further control-plane nodes; reset; upgrade; TLS bootstrap and its
            CertificateSigningRequests; the order of the phases is kubeadm's, their durations are ours
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from apps.cluster.apimachinery.meta import with_metadata
from apps.cluster.apimachinery.timestamps import format_ms
from apps.cluster.apiserver import Actor, APIServer
from apps.cluster.apiserver.authentication import MASTERS
from apps.cluster.client import Client
from apps.cluster.engine import Engine
from apps.cluster.kubeadm import addons, bootstrap_objects, calico, cluster_objects, static_manifests
from apps.cluster.kubeadm import versions as v
from apps.cluster.kubelet import Kubelet
from apps.cluster.kubelet.cri.calico_ipam import CalicoIPAM
from apps.cluster.kubelet.cri.flavours import Flavour
from apps.cluster.kubelet.registry import Registry
from apps.cluster.machines import Machine

Obj = dict[str, Any]

NAME = "kubeadm"
NETWORK = "calico-ipam"
CONTROL_PLANE = "control-plane-1"
JOIN_MS = 50  # from one machine's kubeadm join to the next one's
JOIN_ROUNDS = 40  # of more machines than that, several join at once
PHASES = "@init"
ADMIN = "@admin"
PLANE = "plane:"  # before the phases of a control plane's join
WAIT_MS = 500
CONTROL_PLANE_ROLE = "control-plane"


class Host(Protocol):
    """The control plane, as kubeadm sees it: told by kubelets which of its programs run."""

    def process_started(self, node: str, name: str) -> None: ...
    def process_stopped(self, node: str, name: str) -> None: ...
    def install(self, installer: Kubeadm) -> None:
        """Tell it from now on what happens."""
        ...

    def begin(self) -> None:
        """From now on the control plane is what its machines run; so far, nothing."""
        ...

    def review(self) -> None:
        """A machine has come: find out what it reaches."""
        ...

    def up(self, node: str) -> bool:
        """All its programs run on a machine, and the API server there answers."""
        ...


class Plant(Protocol):
    """What kubeadm needs of a cluster: machines to work on, programs that act while their static Pod runs."""

    @property
    def engine(self) -> Engine: ...
    @property
    def apiserver(self) -> APIServer: ...
    @property
    def machines(self) -> Mapping[str, Machine]: ...
    @property
    def kubelets(self) -> dict[str, Kubelet]: ...
    @property
    def host(self) -> Host: ...


class Kubeadm:
    """Runs the phases, one a turn."""

    def __init__(self, plant: Plant, registry: Registry, network: CalicoIPAM, flavour: Flavour) -> None:
        self._plant = plant
        self._engine = plant.engine
        self._registry = registry
        self._flavour = flavour
        self._network = network
        self.waiting = -1  # the init phase that waits for the control plane, -1 = none

    # ---- machines ------------------------------------------------------------------------------

    def install_kubelet(self, machine: Machine) -> Kubelet:
        """The packages on a machine: kubelet and runtime, with the images they come with. Nothing runs yet."""
        engine = self._engine
        old = engine.component(f"kubelet/{machine.name}")
        if isinstance(old, Kubelet):
            old.leave()
        kubelet = Kubelet(
            engine,
            self._plant.apiserver,
            machine,
            self._network,
            self._plant.host,
            images=self._registry.overrides,
            flavour=self._flavour,
        )
        kubelet.runtime.preload(*v.NODE_IMAGES, *(v.CONTROL_PLANE_IMAGES if machine.role == "control-plane" else ()))
        self._plant.kubelets[machine.name] = kubelet
        return kubelet

    def init(self) -> None:
        """kubeadm init on the control-plane machine; then the network, and every other machine joins."""
        self._plant.host.begin()
        self._engine.wake(NAME, f"{PHASES}0")

    def join(self, node: str, delay_ms: int = 0) -> None:
        """kubeadm join on a machine."""
        self._network.forget(node)  # it may have been here before
        self.install_kubelet(self._plant.machines[node])
        self._plant.host.review()
        self._engine.wake(NAME, f"{node} 0", delay_ms)

    # ---- what the control plane tells ------------------------------------------------------------

    def bootstrap(self, node: str) -> None:
        """The first kube-apiserver answers its first requests: its own."""
        address = self._plant.machines[node].address
        client = Client(self._plant.apiserver, "kube-apiserver", node)
        date = format_ms(self._engine.now_ms)[:10]
        for resource, obj in bootstrap_objects.objects(address, date):
            client.create(resource, obj, why="kube-apiserver.bootstrap")
        self._plant.kubelets[node].connect()

    def changed(self) -> None:
        """One of its programs has started: init goes on when all have."""
        if self.waiting >= 0 and self._plant.host.up(CONTROL_PLANE):
            self._engine.wake(NAME, f"{PHASES}{self.waiting + 1}", 200)
            self.waiting = -1

    # ---- turns ---------------------------------------------------------------------------------

    def run(self, key: str) -> None:
        if key == ADMIN:
            self._administer()
        elif key.startswith(PHASES):
            self._init_phase(int(key[len(PHASES) :]))
        else:
            node, _, phase = key.partition(" ")
            if phase.startswith(PLANE):
                self._join_plane_phase(node, int(phase[len(PLANE) :]))
            else:
                self._join_phase(node, int(phase))

    def _init_phase(self, index: int) -> None:
        phase, takes_ms, act = self._INIT[index]
        self._note(CONTROL_PLANE, phase)
        if act is not None:
            act(self)
        if phase == "wait-control-plane":
            self.waiting = index
            self.changed()
        elif index + 1 < len(self._INIT):
            self._engine.wake(NAME, f"{PHASES}{index + 1}", takes_ms)
        else:
            self._engine.wake(NAME, ADMIN, takes_ms)

    def _join_phase(self, node: str, index: int) -> None:
        machine = self._plant.machines.get(node)
        if machine is None:
            return  # taken away while it was joining
        phase, takes_ms = _JOIN[index]
        self._note(node, phase)
        if machine.power == "on":
            # A machine that is switched off half way joins when it is switched on: its kubelet finds the API server.
            if phase == "kubelet-start":
                self._plant.kubelets[node].start(connect=False)
            elif phase == "kubelet-wait-bootstrap":
                self._plant.kubelets[node].connect()
        if index + 1 < len(_JOIN):
            self._engine.wake(NAME, f"{node} {index + 1}", takes_ms)

    def _note(self, node: str, phase: str) -> None:
        message = f"kubeadm.{phase.replace('/', '-')}"
        self._engine.note(NAME, node, "phase", f"nodes/{node}", message, {"phase": phase})

    # ---- phases of init ------------------------------------------------------------------------

    def _etcd(self) -> None:
        machine = self._plant.machines[CONTROL_PLANE]
        self.install_kubelet(machine).add_manifest(static_manifests.etcd(machine.name, machine.address))

    def _control_plane(self) -> None:
        machine = self._plant.machines[CONTROL_PLANE]
        for manifest in static_manifests.CONTROL_PLANE.values():
            self._plant.kubelets[machine.name].add_manifest(manifest(machine.name, machine.address))

    def _kubelet_start(self) -> None:
        self._plant.kubelets[CONTROL_PLANE].start(connect=False)

    def _upload_config(self) -> None:
        client = Client(self._plant.apiserver, NAME, CONTROL_PLANE)
        client.actor = Actor(NAME, CONTROL_PLANE, "kubernetes-super-admin", (MASTERS,))
        client.create(*cluster_objects.cluster_admins(), why="kubeadm.write", phase="upload-config")
        self._write("upload-config", cluster_objects.upload_config(self._address, self._flavour.socket))

    def _mark_control_plane(self) -> None:
        self._mark(CONTROL_PLANE)

    def _mark(self, name: str) -> None:
        client = Client(self._plant.apiserver, NAME, name)
        node = client.get("nodes", "", name)
        labels = {**node["metadata"]["labels"], v.CONTROL_PLANE_LABEL: "", v.EXCLUDE_LABEL: ""}
        taints = [*(node["spec"].get("taints") or ()), cluster_objects.CONTROL_PLANE_TAINT]
        marked = with_metadata(node, labels=labels)
        client.update(
            "nodes", {**marked, "spec": {**node["spec"], "taints": taints}}, why="kubeadm.mark-control-plane-node"
        )

    def _bootstrap_token(self) -> None:
        self._write("bootstrap-token", cluster_objects.bootstrap_token(self._address))

    def _coredns(self) -> None:
        self._write("addon/coredns", addons.coredns())

    def _kube_proxy(self) -> None:
        self._write("addon/kube-proxy", addons.kube_proxy(self._address))

    @property
    def _address(self) -> str:
        """The control plane's endpoint."""
        planes = [machine for machine in self._plant.machines.values() if machine.role == CONTROL_PLANE_ROLE]
        return v.BALANCER if len(planes) > 1 else planes[0].address

    def _write(self, phase: str, objects: Iterable[tuple[str, Obj]]) -> None:
        client = Client(self._plant.apiserver, NAME, CONTROL_PLANE)
        for resource, obj in objects:
            client.create(resource, obj, why="kubeadm.write", phase=phase)

    # Phase, ms until the next one begins, what it does. Those with nothing to do here work on files.
    _INIT: tuple[tuple[str, int, Callable[[Kubeadm], None] | None], ...] = (
        ("preflight", 400, None),
        ("certs", 300, None),
        ("kubeconfig", 100, None),
        ("etcd", 20, _etcd),
        ("control-plane", 20, _control_plane),
        ("kubelet-start", 100, _kubelet_start),
        ("wait-control-plane", 0, None),
        ("upload-config", 100, _upload_config),
        ("mark-control-plane", 50, _mark_control_plane),
        ("bootstrap-token", 100, _bootstrap_token),
        ("kubelet-finalize", 50, None),
        ("addon/coredns", 50, _coredns),
        ("addon/kube-proxy", 50, _kube_proxy),
        ("show-join-command", 100, None),
    )

    # ---- the administrator ---------------------------------------------------------------------

    def _administer(self) -> None:
        """kubectl apply of the network and of a StorageClass; then the other machines join, one after another."""
        client = Client(self._plant.apiserver, "kubectl", "")
        for resource, obj in calico.network():
            client.create(resource, obj, why="kubectl.apply-create")
        client.create("storageclasses", calico.storage_class(), why="kubectl.apply-create")
        newcomers = [
            machine.name
            for machine in self._plant.machines.values()
            if machine.role == "worker" and machine.name not in self._plant.kubelets
        ]
        self._join_next_control_plane()
        at_once = 1 + len(newcomers) // JOIN_ROUNDS
        for position, name in enumerate(newcomers):
            self.join(name, JOIN_MS * (2 + position // at_once))

    def _join_next_control_plane(self) -> None:
        """One after another: each brings a member of etcd with it, and etcd takes one at a time."""
        for machine in self._plant.machines.values():
            if machine.role == CONTROL_PLANE_ROLE and machine.name not in self._plant.kubelets:
                self.install_kubelet(machine)
                self._plant.host.review()
                self._engine.wake(NAME, f"{machine.name} {PLANE}0", JOIN_MS)
                return

    # ---- phases of a control plane's join --------------------------------------------------------

    def _join_plane_phase(self, node: str, index: int) -> None:
        machine = self._plant.machines[node]
        if machine.power != "on":
            return
        phase, takes_ms, act = self._JOIN_PLANE[index]
        again = act is not None and act(self, machine)
        if again:
            self._engine.wake(NAME, f"{node} {PLANE}{index}", WAIT_MS)  # what it waits for is not there yet
            return
        self._note(node, phase)
        if index + 1 < len(self._JOIN_PLANE):
            self._engine.wake(NAME, f"{node} {PLANE}{index + 1}", takes_ms)
        else:
            self._join_next_control_plane()

    def _plane_control_plane(self, machine: Machine) -> bool:
        for manifest in static_manifests.CONTROL_PLANE.values():
            self._plant.kubelets[machine.name].add_manifest(manifest(machine.name, machine.address))
        return False

    def _plane_kubelet_start(self, machine: Machine) -> bool:
        self._plant.kubelets[machine.name].start(connect=False)
        return False

    def _plane_etcd_join(self, machine: Machine) -> bool:
        others = [
            (one.name, one.address)
            for one in self._plant.machines.values()
            if one.role == CONTROL_PLANE_ROLE and one.name != machine.name and self._plant.host.up(one.name)
        ]
        self._plant.kubelets[machine.name].add_manifest(static_manifests.etcd(machine.name, machine.address, others))
        return False

    def _plane_bootstrap(self, machine: Machine) -> bool:
        self._plant.kubelets[machine.name].connect()
        return not self._plant.kubelets[machine.name].connected

    def _plane_mark(self, machine: Machine) -> bool:
        if machine.name not in self._plant.apiserver.tables.get("nodes", {}):
            return True
        self._mark(machine.name)
        return False

    def _plane_wait(self, machine: Machine) -> bool:
        return not self._plant.host.up(machine.name)

    # Phase, ms until the next one begins, what it does: True asks for another try.
    _JOIN_PLANE: tuple[tuple[str, int, Callable[[Kubeadm, Machine], bool] | None], ...] = (
        ("preflight", 300, None),
        ("control-plane-prepare/download-certs", 100, None),
        ("control-plane-prepare/certs", 200, None),
        ("control-plane-prepare/kubeconfig", 100, None),
        ("control-plane-prepare/control-plane", 20, _plane_control_plane),
        ("check-etcd", 50, None),
        ("kubelet-start", 100, _plane_kubelet_start),
        ("etcd-join", 100, _plane_etcd_join),
        ("kubelet-wait-bootstrap", 50, _plane_bootstrap),
        ("control-plane-join/mark-control-plane", 50, _plane_mark),
        ("wait-control-plane", 100, _plane_wait),
    )

    # ---- saving --------------------------------------------------------------------------------

    def save(self) -> dict[str, Any]:
        return {"waiting": self.waiting}

    def load(self, data: Mapping[str, Any]) -> None:
        self.waiting = data["waiting"]


# Phase, ms until the next one begins.
_JOIN = (
    ("preflight", 300),
    ("kubelet-start", 400),
    ("kubelet-wait-bootstrap", 0),
)
