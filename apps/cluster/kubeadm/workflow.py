"""kubeadm on all machines: `init` on the first, phase by phase, and what the other workflows work with.

Models      cmd/kubeadm/app/cmd/init.go and cmd/phases/init (1.36)
Leaves out  external etcd, IPv6, patches and skipped phases; what a phase takes is ours, the order is kubeadm's
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from apps.cluster.apimachinery.meta import with_metadata
from apps.cluster.apimachinery.timestamps import format_ms
from apps.cluster.apiserver import Actor
from apps.cluster.apiserver.authentication import MASTERS
from apps.cluster.client import Client, Problem
from apps.cluster.controllers import balancers
from apps.cluster.engine.randomness import Randomness
from apps.cluster.kubeadm import (
    addons,
    bootstrap_objects,
    calico,
    cluster_objects,
    joining,
    pki,
    resetting,
    static_manifests,
    tokens,
    upgrading,
)
from apps.cluster.kubeadm import versions as v
from apps.cluster.kubeadm.pod_network import PodNetwork
from apps.cluster.kubelet import Kubelet
from apps.cluster.kubelet.cri.flavours import Flavour
from apps.cluster.kubelet.registry import Registry
from apps.cluster.kubelet.site import Site
from apps.cluster.machines import Machine

Obj = dict[str, Any]

NAME = "kubeadm"
NETWORK = "calico-ipam"
CONTROL_PLANE = "control-plane-1"
JOIN_MS = 50  # from one machine's kubeadm join to the next one's
JOIN_ROUNDS = 40  # of more machines than that, several join at once
PHASES = "@init"
ADMIN = "@admin"
UPGRADE = "@upgrade"
CERTS_TOKEN_MS = 2 * 3600 * 1000  # what further control planes need lies ready for two hours
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
        """A machine has gone: find out who reaches whom."""
        ...

    def came(self, node: str) -> None:
        """A kubelet has been installed: find out what it reaches."""
        ...

    def problem_for(self, node: str) -> Problem | None:
        """Why a request from a machine fails; None when it gets through."""
        ...

    def up(self, node: str) -> bool:
        """All its programs run on a machine, and the API server there answers."""
        ...

    def leave(self, node: str) -> None:
        """A machine is about to lose everything of Kubernetes: nobody is sent to its API server any more."""
        ...

    def remove_member(self, node: str) -> str:
        """Take its member out of etcd. Gives what etcd refuses with, "" when it has gone or is the only one."""
        ...

    def wipe_member(self, node: str) -> None:
        """What its member of etcd has on its disk is lost, though the others still count it."""
        ...


class Plant(Site, Protocol):
    """What kubeadm needs of a cluster: machines to work on, programs that act while their static Pod runs."""

    @property
    def host(self) -> Host: ...


class Kubeadm:
    """Runs the phases, one a turn."""

    def __init__(
        self,
        plant: Plant,
        registry: Registry,
        network: PodNetwork,
        flavour: Flavour,
        version: str = v.KUBERNETES,
        pod_subnet: str = v.POD_SUBNET,
        encapsulation: str = calico.IPIP,
        cluster_routes: str = calico.BIRD,
        load_balancer: str = "",
        proxy_mode: str = addons.IPTABLES,
    ) -> None:
        self._plant = plant
        self.load_balancer = load_balancer
        self.proxy_mode = proxy_mode
        self._engine = plant.engine
        self._registry = registry
        self.flavour = flavour
        self._network = network
        self.version = version  # of the control plane
        self.pod_subnet = pod_subnet
        self.encapsulation = encapsulation
        self.cluster_routes = cluster_routes
        self.waiting = -1  # the init phase that waits for the control plane, -1 = none
        self.out: dict[str, None] = {}  # control-plane machines that were reset, and join when they are told to
        self.requests: dict[str, str] = {}  # machine that joins -> its CertificateSigningRequest
        self._phases = self._init_phases()

    # ---- what the workflows work with ------------------------------------------------------------

    @property
    def now_ms(self) -> int:
        return self._engine.now_ms

    @property
    def random(self) -> Randomness:
        return self._engine.random

    @property
    def address(self) -> str:
        """The control plane's endpoint."""
        planes = self.control_planes()
        return v.BALANCER if len(planes) > 1 else planes[0].address

    def control_planes(self) -> list[Machine]:
        return [machine for machine in self._plant.machines.values() if machine.role == CONTROL_PLANE_ROLE]

    def members(self) -> list[Machine]:
        """The control planes that are part of the cluster."""
        return [machine for machine in self.control_planes() if machine.name in self._plant.kubelets]

    def machine(self, node: str) -> Machine | None:
        return self._plant.machines.get(node)

    def kubelet(self, node: str) -> Kubelet:
        return self._plant.kubelets[node]

    def has_kubelet(self, node: str) -> bool:
        return node in self._plant.kubelets

    def drop_kubelet(self, node: str) -> None:
        """Nothing of Kubernetes runs on the machine any more."""
        if self._plant.machines[node].role == CONTROL_PLANE_ROLE:
            self.out[node] = None
        self._plant.host.leave(node)
        kubelet = self._plant.kubelets.pop(node, None)
        if kubelet is not None:
            kubelet.leave()
        self._network.forget(node)
        self._plant.host.review()

    def up(self, node: str) -> bool:
        return self._plant.host.up(node)

    def problem(self, node: str) -> Problem | None:
        """Why what kubeadm asks from a machine fails. A control plane that joins has no API server of its own yet."""
        machine = self._plant.machines[node]
        own = machine.role == CONTROL_PLANE_ROLE and not self._plant.host.up(node) and machine.network == "up"
        return self._plant.host.problem_for("" if own else node)

    def endpoint_problem(self, node: str) -> Problem | None:
        """Why what kubeadm asks from a machine with admin.conf fails: it goes to the control plane's endpoint."""
        if self._plant.machines[node].network != "up":
            return Problem(0, "", f"dial tcp {self.address}:{v.API_PORT}: i/o timeout")
        return self._plant.host.problem_for("")

    def leave_etcd(self, node: str) -> str:
        return self._plant.host.remove_member(node)

    def wipe_etcd(self, node: str) -> None:
        self._plant.host.wipe_member(node)

    def client(self, node: str = CONTROL_PLANE) -> Client:
        return Client(self._plant.apiserver, NAME, node)

    def tables(self, resource: str) -> Mapping[str, Obj]:
        return self._plant.apiserver.tables.get(resource, {})

    def wake(self, key: str, delay_ms: int) -> None:
        self._engine.wake(NAME, key, delay_ms)

    def note(self, node: str, phase: str) -> None:
        """A phase begins."""
        message = f"kubeadm.{phase.replace('/', '-')}"
        self._engine.note(NAME, node, "phase", f"nodes/{node}", message, {"phase": phase})

    def tell(self, node: str, what: str, **params: str) -> None:
        """Something within a phase that writes nothing to the API server."""
        self._engine.note(NAME, node, what, f"nodes/{node}", f"kubeadm.{what}", params)

    def tell_certificate(self, node: str, one: pki.Certificate) -> None:
        until = format_ms(self.now_ms + one.lasts_ms)
        what, params = "write-authority", {"path": one.path, "subject": one.subject, "until": until}
        if one.authority:
            what, params = "write-client-certificate", {**params, "authority": one.authority}
        if one.names:
            what, params = "write-certificate", {**params, "names": ", ".join(one.names)}
        self.tell(node, what, **params)

    def tell_kubeconfig(self, node: str, one: pki.Kubeconfig) -> None:
        who = ", ".join((one.user, *one.groups))
        self.tell(node, "write-kubeconfig", path=one.path, who=who, server=one.server)

    def put_manifest(self, machine: Machine, name: str, others: Sequence[tuple[str, str]] = ()) -> str:
        """Write a program's manifest into the static Pod directory, or change it. Gives the Pod's key."""
        manifest = static_manifests.manifest(name, machine, self.version, self.pod_subnet, others)
        self.tell(machine.name, "write-file", path=f"/etc/kubernetes/manifests/{name}.yaml")
        return self.kubelet(machine.name).add_manifest(manifest)

    def mark(self, name: str) -> None:
        """Label and taint a control plane."""
        client = self.client(name)
        node = client.get("nodes", "", name)
        labels = {**node["metadata"]["labels"], v.CONTROL_PLANE_LABEL: "", v.EXCLUDE_LABEL: ""}
        taints = list(node["spec"].get("taints") or ())
        if cluster_objects.CONTROL_PLANE_TAINT not in taints:
            taints.append(cluster_objects.CONTROL_PLANE_TAINT)
        marked = with_metadata(node, labels=labels)
        client.update(
            "nodes", {**marked, "spec": {**node["spec"], "taints": taints}}, why="kubeadm.mark-control-plane-node"
        )

    def write(self, phase: str, objects: Iterable[tuple[str, Obj]]) -> None:
        client = self.client()
        for resource, obj in objects:
            client.create(resource, obj, why="kubeadm.write", phase=phase)

    def configuration(self) -> str:
        return cluster_objects.cluster_configuration(self.address, self.version, self.pod_subnet)

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
            flavour=self.flavour,
            version=self.version,
        )
        kubelet.runtime.preload(
            *v.node_images(self.version),
            *(v.control_plane_images(self.version) if machine.role == CONTROL_PLANE_ROLE else ()),
        )
        self._plant.kubelets[machine.name] = kubelet
        return kubelet

    def init(self) -> None:
        """kubeadm init on the control-plane machine; then the network, and every other machine joins."""
        self._plant.host.begin()
        self.wake(f"{PHASES}0", 0)

    def join(self, node: str, delay_ms: int = 0) -> None:
        """kubeadm join on a machine."""
        self._network.forget(node)  # it may have been here before
        self.requests.pop(node, None)
        machine = self._plant.machines[node]
        self.out.pop(node, None)
        self.install_kubelet(machine)
        self._plant.host.came(node)
        plane = joining.PLANE if machine.role == CONTROL_PLANE_ROLE else ""
        self.wake(f"{node} {plane}0", delay_ms)

    def join_next_control_plane(self) -> None:
        """One after another: each brings a member of etcd with it, and etcd takes one at a time."""
        for machine in self.control_planes():
            if machine.name not in self._plant.kubelets and machine.name not in self.out:
                self.install_kubelet(machine)
                self._plant.host.came(machine.name)
                self.wake(f"{machine.name} {joining.PLANE}0", JOIN_MS)
                return

    # ---- what the control plane tells ------------------------------------------------------------

    def bootstrap(self, node: str) -> None:
        """The first kube-apiserver answers its first requests: its own."""
        address = self._plant.machines[node].address
        client = Client(self._plant.apiserver, "kube-apiserver", node)
        date = format_ms(self._engine.now_ms)[:10]
        for resource, obj in bootstrap_objects.objects(address, date):
            made = client.create(resource, obj, why="kube-apiserver.bootstrap")
            if resource == "servicecidrs":
                ready = bootstrap_objects.ready(format_ms(self._engine.now_ms))
                own = client.managed_by(bootstrap_objects.SERVICE_CIDR_CONTROLLER, apply=True)
                own.update_status(resource, {**made, "status": ready}, why="kube-apiserver.service-range")
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
        elif key.startswith(UPGRADE):
            upgrading.run(self, key[len(UPGRADE) + 1 :])
        else:
            node, _, phase = key.partition(" ")
            joining.run(self, node, phase)

    def _init_phase(self, index: int) -> None:
        phase, takes_ms, act = self._phases[index]
        self.note(CONTROL_PLANE, phase)
        if act is not None:
            act()
        if phase == "wait-control-plane":
            self.waiting = index
            self.changed()
        elif index + 1 < len(self._phases):
            self.wake(f"{PHASES}{index + 1}", takes_ms)
        else:
            self.wake(ADMIN, takes_ms)

    # ---- phases of init ------------------------------------------------------------------------

    def _init_phases(self) -> tuple[tuple[str, int, Callable[[], None] | None], ...]:
        """Phase, ms until the next one begins, what it does."""
        return (
            ("preflight", 400, None),
            ("certs", 300, self._certs),
            ("kubeconfig", 100, self._kubeconfigs),
            ("etcd", 20, self._etcd),
            ("control-plane", 20, self._control_plane),
            ("kubelet-start", 100, self._kubelet_start),
            ("wait-control-plane", 0, None),
            ("upload-config", 100, self._upload_config),
            *((("upload-certs", 50, self.upload_certs),) if len(self.control_planes()) > 1 else ()),
            ("mark-control-plane", 50, lambda: self.mark(CONTROL_PLANE)),
            ("bootstrap-token", 100, self._bootstrap_token),
            ("kubelet-finalize", 50, None),
            ("addon/coredns", 50, lambda: self.write("addon/coredns", addons.coredns())),
            ("addon/kube-proxy", 50, self._kube_proxy),
            ("show-join-command", 100, None),
        )

    @property
    def _first(self) -> Machine:
        return self._plant.machines[CONTROL_PLANE]

    def _certs(self) -> None:
        for one in pki.certificates(CONTROL_PLANE, self._first.address, self.address):
            self.tell_certificate(CONTROL_PLANE, one)
        self.tell(CONTROL_PLANE, "write-file", path=f"{pki.PKI}/sa.key")

    def _kubeconfigs(self) -> None:
        for one in pki.kubeconfigs(CONTROL_PLANE, self._first.address, self.address):
            self.tell_kubeconfig(CONTROL_PLANE, one)

    def _etcd(self) -> None:
        self.install_kubelet(self._first)
        self.put_manifest(self._first, "etcd")

    def _control_plane(self) -> None:
        for name in static_manifests.CONTROL_PLANE:
            self.put_manifest(self._first, name)

    def _kubelet_start(self) -> None:
        self.tell(CONTROL_PLANE, "write-file", path="/var/lib/kubelet/config.yaml")
        self.kubelet(CONTROL_PLANE).start(connect=False)

    def _upload_config(self) -> None:
        first = self.client()
        first.actor = Actor(NAME, CONTROL_PLANE, "kubernetes-super-admin", (MASTERS,))
        first.create(*cluster_objects.cluster_admins(), why="kubeadm.write", phase="upload-config")
        self.write("upload-config", cluster_objects.upload_config(self.configuration()))
        self.write("upload-config", cluster_objects.upload_kubelet_config(self.flavour.socket))

    def upload_certs(self) -> None:
        """What further control planes need, for two hours; asked for again with `kubeadm init phase upload-certs`."""
        identity, value = tokens.drawn(self.random)
        says = "Proxy for managing TTL for the kubeadm-certs secret"
        token = tokens.secret(identity, value, self.now_ms, says, CERTS_TOKEN_MS)
        made = self.client().create("secrets", token, why="kubeadm.write", phase="upload-certs")
        for resource, obj in cluster_objects.upload_certs(made):
            metadata = obj["metadata"]
            if f"{metadata['namespace']}/{metadata['name']}" not in self.tables(resource):
                self.write("upload-certs", ((resource, obj),))

    def _bootstrap_token(self) -> None:
        token = tokens.secret(*tokens.FIRST, self.now_ms, tokens.FIRST_SAYS)
        self.write("bootstrap-token", cluster_objects.bootstrap_token(self.address, token))

    def _kube_proxy(self) -> None:
        made = addons.kube_proxy(self.address, self.version, self.pod_subnet, self.proxy_mode)
        self.write("addon/kube-proxy", made)

    # ---- the administrator ---------------------------------------------------------------------

    def _administer(self) -> None:
        """kubectl apply of the network and of a StorageClass; then the other machines join, one after another."""
        client = Client(self._plant.apiserver, "kubectl", "")
        for resource, obj in calico.network(self.pod_subnet, self.encapsulation, self.cluster_routes):
            client.create(resource, obj, why="kubectl.apply-create")
        client.create("csidrivers", calico.csi_driver(), why="kubectl.apply-create")
        client.create("storageclasses", calico.storage_class(), why="kubectl.apply-create")
        for resource, obj in balancers.manifest(self.load_balancer):
            client.create(resource, obj, why="kubectl.apply-create")
        newcomers = [
            machine.name
            for machine in self._plant.machines.values()
            if machine.role == "worker" and machine.name not in self._plant.kubelets
        ]
        self.join_next_control_plane()
        at_once = 1 + len(newcomers) // JOIN_ROUNDS
        for position, name in enumerate(newcomers):
            self.join(name, JOIN_MS * (2 + position // at_once))

    # ---- what an administrator asks for ------------------------------------------------------------

    def command(self, verb: str, name: str, version: str) -> None:
        """kubeadm token, upgrade or reset.

        Raises:
            StatusError: refused; nothing has changed.
        """
        if verb == "token-create":
            identity, value = tokens.drawn(self.random)
            secret = tokens.secret(identity, value, self.now_ms)
            self.client().create("secrets", secret, why="kubeadm.token-create", token=identity)
        elif verb == "token-delete":
            self.client().delete("secrets", tokens.NAMESPACE, f"bootstrap-token-{name}", why="kubeadm.token-delete")
        elif verb == "reset":
            resetting.reset(self, name)
        else:
            upgrading.begin(self, verb, name, version)

    # ---- saving --------------------------------------------------------------------------------

    def save(self) -> dict[str, Any]:
        return {
            "waiting": self.waiting,
            "requests": dict(self.requests),
            "version": self.version,
            "out": list(self.out),
        }

    def load(self, data: Mapping[str, Any]) -> None:
        self.waiting = data["waiting"]
        self.requests = dict(data["requests"])
        self.version = data["version"]
        self.out = dict.fromkeys(data["out"])
