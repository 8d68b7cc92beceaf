"""The façade: one simulated cluster, from its first machine on. Everything outside apps/cluster uses this alone."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from ipaddress import IPv4Network
from typing import Any

from apps.cluster import drain, kubeadm, kubectl, logs, rest
from apps.cluster.apimachinery.status import StatusError, bad_request, not_found
from apps.cluster.apiserver import APIServer
from apps.cluster.apiserver.requests import Response, components
from apps.cluster.client import Access, Client, Controller, Informers, Recorder
from apps.cluster.cni.calico import network as pod_network
from apps.cluster.controllers.balancers import PROGRAMS
from apps.cluster.controllers.cronjob.cronjob_controller import CronJobController
from apps.cluster.controllers.metallb.controller import MetalLBController
from apps.cluster.controllers.metallb.speaker import Speaker
from apps.cluster.controllers.nodeipam.range_allocator import NodeIPAMController
from apps.cluster.controllers.podautoscaler.horizontal import HorizontalController
from apps.cluster.controllers.registry import CONTROLLERS
from apps.cluster.controlplane import ControlPlane, quota, topology
from apps.cluster.controlplane.names import APISERVER, MANAGER, SCHEDULER
from apps.cluster.dataplane.agents import Agents
from apps.cluster.dataplane.dataplane import Dataplane, Source
from apps.cluster.drain import Drains
from apps.cluster.engine import Engine, Step, Trace
from apps.cluster.etcd import Lessor, Members, ReplicatedStore, Store
from apps.cluster.etcd import status as etcd_status
from apps.cluster.internals import Internals, Watcher
from apps.cluster.kubeadm.versions import KNOWN, KUBERNETES, POD_SUBNET
from apps.cluster.kubelet import Kubelet
from apps.cluster.kubelet.cri.flavours import flavour_of
from apps.cluster.machines import Machine
from apps.cluster.metrics.availability import AvailableConditionController
from apps.cluster.metrics.load import Loads
from apps.cluster.metrics.metrics_server import MetricsServer
from apps.cluster.poststart.autoregister import AutoRegisterController
from apps.cluster.poststart.flowcontrol import FlowControl
from apps.cluster.poststart.ipaddresses import RepairIPAddress
from apps.cluster.poststart.kubernetes_service import KubernetesService
from apps.cluster.processes import Process
from apps.cluster.scheduler import Scheduler
from apps.cluster.scheduler.journal import LATEST, Scheduling
from apps.cluster.snapshot import Snapshot
from apps.cluster.strain import Strain

Obj = dict[str, Any]

MAX_WORKERS = 5_000
MAX_CONTROL_PLANES = 5
SUBNET_ROOM = 200  # machines of one of two subnets
REST_LIMIT_MS = 600_000  # how long after the last command a cluster may keep itself busy
BOOT_LIMIT_MS = 300_000
CHOICES: Mapping[str, tuple[str | int, ...]] = {
    "proxy_mode": ("iptables", "nftables", "ipvs"),
    "encapsulation": ("ipip", "ipip-cross-subnet", "vxlan", "vxlan-cross-subnet", "none"),
    "cluster_routes": ("bird", "felix"),
    "load_balancer": ("", "cloud", "metallb"),
    "subnets": (1, 2),
}
SEVERAL_STEPS = ("join", "remove", "drain")  # verbs that may be refused half-way


@dataclass(frozen=True, slots=True)
class Config:
    """What a cluster begins with. Plain data, so that it can be stored and shared."""

    workers: int = 3
    control_planes: int = 1  # several: an etcd member, an API server, a controller manager and a scheduler on each
    seed: int = 1
    cpu: str = "4"
    memory: str = "8Gi"
    pods_per_node: int = 110
    machines: tuple[Mapping[str, Any], ...] = ()  # unequal workers: name, cpu, memory, pods
    images: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # what differs from the catalogue, by image
    version: str = KUBERNETES  # of every program of Kubernetes, to be upgraded with kubeadm
    pod_subnet: str = POD_SUBNET  # a block of 64 addresses for a node's first Pods has to fit for every node
    runtime: str = "cri-o"  # the container runtime of every machine: cri-o | containerd | cri-dockerd
    proxy_mode: str = "iptables"  # how kube-proxy programs its nodes: iptables | nftables | ipvs
    encapsulation: str = "ipip"  # of the first IPPool: ipip | ipip-cross-subnet | vxlan | vxlan-cross-subnet | none
    cluster_routes: str = "bird"  # who programs routes to other nodes' Pods: bird | felix
    load_balancer: str = ""  # who serves Services of type LoadBalancer: "" (nobody) | cloud | metallb
    subnets: int = 1  # two: every second worker stands behind a router, in a subnet of its own
    boot: str = "ready"  # "ready": kubeadm has done its work; "empty": machines without a cluster
    keep_trace: bool = True

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Config:
        """Raises: StatusError 400 for a field that is unknown or out of bounds."""
        known = set(cls.__dataclass_fields__)
        for name in data:
            if name not in known:
                raise bad_request(f"config: unknown field {name!r}")
        config = cls(**{**data, "machines": tuple(data.get("machines") or ())})
        flavour_of(config.runtime)
        if not 0 <= config.workers <= MAX_WORKERS:
            raise bad_request(f"config: workers must be between 0 and {MAX_WORKERS}")
        if not 1 <= config.control_planes <= MAX_CONTROL_PLANES:
            raise bad_request(f"config: control_planes must be between 1 and {MAX_CONTROL_PLANES}")
        if config.version not in KNOWN:
            raise bad_request(f"config: version must be one of {', '.join(KNOWN)}")
        for name, values in CHOICES.items():
            if getattr(config, name) not in values:
                raise bad_request(f"config: {name} must be one of {', '.join(repr(value) for value in values)}")
        if config.subnets > 1 and config.workers > 2 * SUBNET_ROOM:
            raise bad_request(f"config: workers must be at most {2 * SUBNET_ROOM} in two subnets")
        if not _roomy(config):
            raise bad_request("config: pod_subnet must be an IPv4 range with room for 64 Pods on every node")
        return config


def _address(number: int) -> str:
    return f"10.0.{number >> 8}.{number & 255}"


def _roomy(config: Config) -> bool:
    try:
        blocks = IPv4Network(config.pod_subnet).num_addresses // 64
    except ValueError:
        return False
    return blocks >= config.workers + config.control_planes


class Cluster:
    """A control plane, its nodes, and all that happened to them. Not thread-safe: one caller at a time."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.engine = Engine(config.seed, trace=Trace(keep=config.keep_trace))
        self.store, self.members = self._etcd()
        self.apiserver = APIServer(self.engine, self.store, authorization=("Node", "RBAC"))
        self.base = 1  # the revision at which the reader's story begins
        self.base_ms = 0
        self.machines: dict[str, Machine] = {}
        self._machine_log: list[tuple[int, str, Machine | None]] = []  # what became of which machine, with which step
        self.kubelets: dict[str, Kubelet] = {}
        self.processes: dict[str, Process] = {}
        self._kubectl = Client(self.apiserver, "kubectl")
        self.apiserver.event_lease = self._lessor().lease
        self.reader = Access(self.apiserver, [self._kubectl])
        self.drains = Drains(self.engine, self._kubectl)
        self.engine.register(drain.NAME, self.drains)
        self._start_control_plane()
        self.host = ControlPlane(self)
        self.agents = Agents(self, bgp=not self.config.encapsulation.startswith("vxlan"))
        self.host.observer = self.agents
        parts = [part for process in self.processes.values() for part in process.parts]
        self.host.reviewers = [part.review for part in parts if isinstance(part, Speaker)]
        self.response: Response | None = None
        self.strain = Strain(self)
        self.apiserver.readers["log"] = logs.Reader(self._reach_kubelet)
        self.apiserver.readers[components.READER] = self._silent_components

    def _etcd(self) -> tuple[Store, Members | None]:
        """One member writes at once; several agree on every write first."""
        if self.config.control_planes == 1:
            return Store(), None
        store = ReplicatedStore()
        members = Members(
            self.engine,
            store,
            lambda one, other: topology.linked(self.machines, one, other),
            lambda: self.host.review(),
        )
        store.replicate = members.replicate
        return store, members

    def _lessor(self) -> Lessor:
        members = self.members
        granted = members.entry if members is not None else lambda: None
        return Lessor(self.engine, self.store, self.apiserver.expire, lambda: self.host.etcd_writes(), granted)

    # ---- life ----------------------------------------------------------------------------------

    @classmethod
    def boot(cls, config: Config | None = None) -> Cluster:
        """Machines, kubeadm init on the first, kubeadm join on the others, until every node is Ready."""
        cluster = cls(config or Config())
        for machine in cluster._first_machines():
            cluster._set_machine(machine)
        if cluster.config.boot == "ready":
            kubeadm.boot(cluster)
            cluster.engine.run_to_rest(BOOT_LIMIT_MS)
        cluster.agents.begin()
        cluster.base = cluster.revision
        cluster.base_ms = cluster.now_ms
        return cluster

    @property
    def now_ms(self) -> int:
        return self.engine.now_ms

    @property
    def revision(self) -> int:
        return self.store.revision

    @property
    def trace(self) -> Trace:
        return self.engine.trace

    @property
    def at_rest(self) -> bool:
        return self.engine.at_rest

    def run_until(self, time_ms: int) -> None:
        self.engine.run_until(time_ms)

    def run_for(self, ms: int) -> None:
        self.engine.run_until(self.engine.now_ms + ms)

    def run_to_rest(self, limit_ms: int = REST_LIMIT_MS) -> bool:
        """Until only house-keeping is left, at most `limit_ms` from now. True: at rest."""
        return self.engine.run_to_rest(self.engine.now_ms + limit_ms)

    def next_due(self) -> int | None:
        """When something happens next, in virtual ms."""
        return self.engine.next_due()

    def next_scheduled(self) -> int | None:
        """When a cluster at rest goes on by itself, in virtual ms: a CronJob's next run, an autoscaler's next look."""
        due = []
        for kind in (CronJobController, HorizontalController):
            controller = self.engine.component(kind.name)
            if isinstance(controller, kind) and (at := controller.next_run_ms()) is not None:
                due.append(at)
        return min(due, default=None)

    # ---- commands ------------------------------------------------------------------------------

    def execute(self, command: Mapping[str, Any]) -> list[Obj]:
        """Carry out one command at the present instant.

        Raises:
            StatusError: refused; the cluster is as it was before.
        """
        self.apiserver.warnings = []
        self.engine.cause = 0
        # A single request that is refused has changed nothing, but may have drawn a name.
        several = len(command.get("objects") or ()) > 1 or command.get("verb") in SEVERAL_STEPS
        mark = self._mark() if several else None
        drawn = None if several else self.engine.random.save()
        before = self.revision
        try:
            objects = kubectl.execute(command, self._kubectl, self, self.now_ms)
            if command["op"] == rest.OP and self.revision == before and drawn is not None:
                self.engine.random.load(drawn)  # it has changed nothing, not even what chance gives next
            return objects
        except StatusError:
            if mark is not None:
                self._rewind(mark)
            elif drawn is not None:
                self.engine.random.load(drawn)
            raise
        finally:
            self.engine.cause = 0

    def _reach_kubelet(self, node: str) -> tuple[str, str]:
        """A machine's address, and why its kubelet does not answer the API servers; "" when it does."""
        machine = self.machines.get(node)
        if machine is None:
            return node, "connect: no route to host"
        planes = [one.name for one in self.machines.values() if one.role == topology.CONTROL_PLANE_ROLE]
        if not any(topology.linked(self.machines, plane, node) for plane in planes):
            return machine.address, "i/o timeout"
        kubelet = self.kubelets.get(node)
        return machine.address, "" if kubelet is not None and kubelet.running else "connect: connection refused"

    def _silent_components(self) -> list[str]:
        """Programs beside the API server that do not answer it."""
        if not self.host.ruling:
            return []
        running = self.host.running
        node = next((where for where, _, name in (key.rpartition("/") for key in running) if name == APISERVER), "")
        names = {"controller-manager": MANAGER, "scheduler": SCHEDULER}
        silent = [short for short, name in names.items() if f"{node}/{name}" not in running]
        return [*silent, "etcd-0"] if self.apiserver.unhealthy else silent

    @property
    def warnings(self) -> list[str]:
        """What the API server warned of while it carried out the last command."""
        return list(self.apiserver.warnings)

    def answered(self, response: Response) -> None:
        """What the API server said to the last request from outside: `response`."""
        self.response = response

    # ---- machines (kubectl.Machines) -----------------------------------------------------------

    def join(self, name: str) -> None:
        """A new machine, and kubeadm join on it."""
        known = self.machines.get(name)
        if known is not None and name not in self.kubelets and known.power == "on":
            self._join_again(name)
            return
        if known is not None:
            raise StatusError(409, "AlreadyExists", f'machine "{name}" already exists')
        problem = kubeadm.invalid_node_name(name)
        if problem:
            raise bad_request(problem)
        config = self.config
        self._set_machine(
            Machine(name, cpu=config.cpu, memory=config.memory, pods=config.pods_per_node, address=self._free_address())
        )
        self.engine.note("kubeadm", name, "join", f"nodes/{name}", "machine.new", {"name": name})
        kubeadm.join(self, name)

    def _join_again(self, name: str) -> None:
        """A machine after kubeadm reset. Its old Node may be there still, but must not look alive."""
        node = self.apiserver.tables.get("nodes", {}).get(name)
        conditions = (node or {}).get("status", {}).get("conditions") or ()
        if any(one["type"] == "Ready" and one["status"] == "True" for one in conditions):
            raise bad_request(f'a Node with name "{name}" and status "Ready" already exists in the cluster')
        kubeadm.join(self, name)

    def etcd(self, verb: str) -> None:
        """Its database reaches its quota, or is made smaller again."""
        quota.command(self.host, verb)

    def kubeadm(self, verb: str, name: str, version: str) -> None:
        """kubeadm token, upgrade or reset."""
        kubeadm.command(self, verb, name, version)

    def remove(self, name: str) -> None:
        """`kubectl delete node`, and the machine is gone for good."""
        machine = self._machine(name)
        if machine.role == "control-plane":
            raise bad_request(f'machine "{name}" runs the control plane and cannot be removed')
        if not self.reader.open:
            self._kubectl.get("nodes", "", name)  # refused as any other request
        self.agents.left(name)
        kubelet = self.kubelets.pop(name, None)
        if kubelet is not None:
            kubelet.leave()
        self.machines = {other: there for other, there in self.machines.items() if other != name}
        self._machine_log.append((self.trace.next_index, name, None))
        self.engine.note("machine", name, "remove", f"nodes/{name}", "machine.remove", {"name": name})
        if name in self.apiserver.tables.get("nodes", {}):
            self._kubectl.delete("nodes", "", name, why="kubectl.delete-node", name=name)

    def power(self, name: str, *, on: bool) -> None:
        """Pull the plug, or press the button."""
        machine = self._machine(name)
        if (machine.power == "on") is on:
            return
        verb = "power-on" if on else "power-off"
        self._set_machine(replace(machine, power="on" if on else "off"))
        self.engine.note("machine", name, verb, f"nodes/{name}", f"machine.{verb}", {"name": name})
        kubelet = self.kubelets.get(name)
        if kubelet is not None and not on:
            kubelet.stop()
        self.host.review()
        if kubelet is not None and on:
            kubelet.start(connect=kubelet.enrolled or self.host.bootstrapped)

    def reboot(self, name: str) -> None:
        """Off and, half a minute later, on again."""
        machine = self._machine(name)
        if machine.power == "on":
            self.power(name, on=False)
        self.host.power_on_later(name)

    def network(self, name: str, peer: str, *, up: bool) -> None:
        """Cut a machine off from all others, or from one (`peer`); or plug the cable in again."""
        machine = self._machine(name)
        if peer:
            other = self._machine(peer)
            if name == peer:
                raise bad_request(f'machine "{name}" cannot be cut off from itself')
            if up is (peer not in machine.cut and name not in other.cut):
                return
            self._set_machine(replace(machine, cut=_without(machine.cut, peer) if up else (*machine.cut, peer)))
            self._set_machine(replace(other, cut=_without(other.cut, name) if up else (*other.cut, name)))
        elif up is (machine.network == "up" and not machine.cut):
            return
        else:
            self._set_machine(replace(machine, network="up" if up else "down", cut=() if up else machine.cut))
            for third in machine.cut if up else ():
                self._set_machine(replace(self.machines[third], cut=_without(self.machines[third].cut, name)))
        verb = "restore-network" if up else "cut-network"
        message = f"machine.{verb}{'-between' if peer else ''}"
        params = {"name": name, "peer": peer} if peer else {"name": name}
        self.engine.note("machine", name, verb, f"nodes/{name}", message, params)
        self.host.review()

    def component(self, verb: str, name: str, node: str) -> None:
        """Stop, crash or start one of the programs of a machine."""
        self.host.command(verb, name, node)

    def _machine(self, name: str) -> Machine:
        machine = self.machines.get(name)
        if machine is None:
            raise not_found("machines", name)
        return machine

    def _set_machine(self, machine: Machine) -> None:
        """From the step on that is next: the note which tells of it."""
        self.machines = {**self.machines, machine.name: machine}
        step = self.trace.next_index if self.trace.steps else 0  # the first were there before anything happened
        self._machine_log.append((step, machine.name, machine))

    def _free_address(self) -> str:
        """For a machine that joins: the first that nobody has; of two subnets, in the one with fewer workers."""
        taken = {machine.address for machine in self.machines.values()}
        number = 10
        if self.config.subnets > 1:
            workers = [one.address.split(".")[2] for one in self.machines.values() if one.role == "worker"]
            number += 256 * (workers.count("1") < workers.count("0"))
        while (address := _address(number)) in taken:
            number += 1
        return address

    def _first_machines(self) -> list[Machine]:
        config = self.config
        planes = range(config.control_planes)
        out = [
            Machine(f"control-plane-{one + 1}", role="control-plane", address=f"10.0.0.{10 + one}") for one in planes
        ]
        number = 10 + config.control_planes
        for position in range(config.workers):
            own = dict(config.machines[position]) if position < len(config.machines) else {}
            out.append(
                Machine(
                    own.get("name", f"worker-{position + 1}"),
                    cpu=own.get("cpu", config.cpu),
                    memory=own.get("memory", config.memory),
                    pods=own.get("pods", config.pods_per_node),
                    address=_address(256 + 10 + position // 2 if config.subnets > 1 and position % 2 else number),
                )
            )
            number += config.subnets == 1 or position % 2 == 0
        return out

    def drain(self, name: str, pods: Sequence[Obj]) -> None:
        """Evict a node's Pods, and go on asking for those that a disruption budget keeps."""
        self.drains.begin(name, pods)

    # ---- load (kubectl.Machines) ---------------------------------------------------------------

    def put_load(self, command: Mapping[str, Any]) -> None:
        """Work that arrives at a workload from outside."""
        self.loads.put(command)

    def _reachable(self, node: str) -> bool:
        machine = self.machines.get(node)
        return machine is not None and machine.power == "on" and machine.network == "up"

    # ---- processes -----------------------------------------------------------------------------

    def _start_control_plane(self) -> None:
        engine, apiserver = self.engine, self.apiserver
        informers = Informers(apiserver)
        controllers: list[Any] = []
        for kind in CONTROLLERS:
            client = Client(apiserver, kind.name, kubeadm.CONTROL_PLANE)
            controller = kind(engine, client, informers, Recorder(engine, client, kind.source or kind.name))
            if isinstance(controller, NodeIPAMController):
                controller.deal_out(self.config.pod_subnet)
            engine.register(kind.name, controller)
            controllers.append(controller)
        self.processes["kube-controller-manager"] = Process("kube-controller-manager", informers, controllers)
        informers = Informers(apiserver)
        inside: list[Any] = []
        parts = (FlowControl, AutoRegisterController, RepairIPAddress, KubernetesService, AvailableConditionController)
        for part in parts:
            client = Client(apiserver, "kube-apiserver", kubeadm.CONTROL_PLANE)
            recorder = Recorder(engine, client, part.source or "kube-apiserver", modern=bool(part.source))
            hook = part(engine, client, informers, recorder)
            engine.register(part.name, hook)
            inside.append(hook)
        self.processes["kube-apiserver"] = Process("kube-apiserver", informers, inside)
        self.loads = Loads(engine, apiserver)
        self.metrics_server = MetricsServer(engine, apiserver, self.loads, self._reachable)
        informers = Informers(apiserver)
        client = Client(apiserver, "kube-scheduler", kubeadm.CONTROL_PLANE)
        recorder = Recorder(engine, client, "default-scheduler", kubeadm.CONTROL_PLANE, modern=True)
        self.scheduler = Scheduler(engine, client, informers, recorder)
        engine.register("kube-scheduler", self.scheduler)
        self.processes["kube-scheduler"] = Process("kube-scheduler", informers, [self.scheduler])
        for program, kinds in PROGRAMS.get(self.config.load_balancer, {}).items():
            self._start_balancer(program, kinds)

    def _start_balancer(self, program: str, kinds: tuple[type[Controller], ...]) -> None:
        """A program of a load balancer: it comes with the first API server that answers."""
        informers = Informers(self.apiserver)
        parts: list[Any] = []
        for kind in kinds:
            client = Client(self.apiserver, kind.name)
            part = kind(self.engine, client, informers, Recorder(self.engine, client, kind.source or kind.name))
            if isinstance(part, MetalLBController | Speaker):
                part.alive = self._reachable
            self.engine.register(kind.name, part)
            parts.append(part)
        self.processes[program] = Process(program, informers, parts)

    # ---- looking -------------------------------------------------------------------------------

    def view(self, revision: int | None = None, after: int | None = None) -> Snapshot:
        """The cluster as it was at a revision; None is now. `after`: when so many of its notes had followed on it.

        Raises:
            StatusError: 400, that revision has not been yet or never was.
        """
        if revision is None or (revision == self.revision and after is None):
            step = self.trace.at(self.revision)
            objects = {resource: dict(table) for resource, table in self.apiserver.tables.items()}
            scheduling = Scheduling(self.scheduler.journal, LATEST)
            internals = self._internals(self.revision, LATEST)
            network = Dataplane(self._network(objects), len(self.trace.steps))
            return Snapshot(self.revision, self.now_ms, objects, self.machines, step, scheduling, internals, network)
        if not 1 <= revision <= self.revision:
            raise bad_request(f"revision {revision} is not between 1 and {self.revision}")
        position = self.trace.position(revision, after)
        step = self.trace.steps[position - 1] if after and position else self.trace.at(revision)
        return Snapshot(
            revision,
            step.time_ms if step is not None else 0,
            self.trace.world(revision, after),
            self._machines_at(position),
            step,
            Scheduling(self.scheduler.journal, position),
            self._internals(revision, position),
            Dataplane(self._network(None), position),
            after,
        )

    def _internals(self, revision: int, position: int) -> Internals:
        return Internals(self.store, self.trace, self.host.ledger, revision, position, self.watchers)

    def _network(self, now: Mapping[str, Mapping[str, Obj]] | None) -> Source:
        """What the data plane is read off; `now`: the objects as they are, for who looks at the present."""
        trace, present = self.trace, len(self.trace.steps)

        def objects(position: int) -> Mapping[str, Mapping[str, Obj]]:
            if not trace.keep or (now is not None and position == present):
                return now if now is not None else self.apiserver.tables
            return trace.world_at(position)

        def revision(position: int) -> int:
            return trace.steps[position - 1].revision if 0 < position <= len(trace.steps) else self.revision

        return Source(
            self.agents.marks,
            self.config,
            objects,
            self._machines_at,
            self._claims,
            revision,
            self.host.ledger.at,
        )

    def _claims(self, position: int) -> dict[str, str]:
        network = self.engine.component(pod_network.NAME)
        return network.claims.at(position) if isinstance(network, pod_network.CalicoNetwork) else {}

    def watchers(self, ever: bool = False) -> Iterator[Watcher]:
        """Every program that has a watch open; `ever`: or had, or will have."""
        for name, process in self.processes.items():
            if process.informers.running or ever:
                for resource in process.informers.resources:
                    yield Watcher(name, kubeadm.CONTROL_PLANE, resource)
        for name, kubelet in self.kubelets.items():
            if kubelet.informers.running or ever:
                for resource in kubelet.informers.resources:
                    selector = f"spec.nodeName={name}" if resource == "pods" else ""
                    yield Watcher("kubelet", name, resource, selector)

    def _machines_at(self, steps: int) -> dict[str, Machine]:
        """The machines when so many steps had happened."""
        length = bisect_right(self._machine_log, steps, key=lambda entry: entry[0])
        machines: dict[str, Machine] = {}
        for _, name, machine in self._machine_log[:length]:
            if machine is None:
                machines.pop(name, None)
            else:
                machines[name] = machine
        return machines

    def etcd_members(self) -> list[etcd_status.MemberStatus]:
        """The members of etcd and their Raft state, now."""
        planes = self.host.control_planes()
        running = [name for name in planes if self.host.runs(name, "etcd")]
        return etcd_status.members(self.store, self.members, planes, running)

    def etcd_leases(self) -> list[etcd_status.LeaseStatus]:
        """The leases of etcd, and the keys that go with them, now."""
        return etcd_status.leases(self.store, self.now_ms)

    def why(self, step: Step) -> list[Step]:
        return self.trace.why(step)

    # ---- saving --------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        """Everything, as plain data. Objects are shared with the running cluster, which never changes them."""
        return {
            "config": self.config.as_dict(),
            "base": self.base,
            "base_ms": self.base_ms,
            "machines": [
                [step, name, machine.as_dict() if machine is not None else None]
                for step, name, machine in self._machine_log
            ],
            "kubelets": list(self.kubelets),
            "store": self.store.save(),
            "apiserver": self.apiserver.ledger.save(),
            "engine": self.engine.save(),
            "processes": {name: process.save() for name, process in self.processes.items()},
        }

    @classmethod
    def restore(cls, data: Mapping[str, Any]) -> Cluster:
        """A cluster that goes on exactly where `snapshot` was taken."""
        cluster = cls(Config.from_dict(data["config"]))
        cluster._load(data)
        return cluster

    def _load(self, data: Mapping[str, Any]) -> None:
        self.base, self.base_ms = data["base"], data["base_ms"]
        self._machine_log = [
            (step, name, Machine.restore(machine) if machine is not None else None)
            for step, name, machine in data["machines"]
        ]
        self.machines = self._machines_at(LATEST)
        self.store.load(data["store"])
        self.apiserver.ledger.load(data.get("apiserver", {}))
        self._load_parts(data)
        self.engine.load(data["engine"])

    def _mark(self) -> dict[str, Any]:
        """What `_rewind` needs to come back to this moment: all that a snapshot holds but the past."""
        return {
            "revision": self.store.revision,
            "machines": (len(self._machine_log), self.machines),
            "kubelets": list(self.kubelets),
            "engine": self.engine.mark(),
            "processes": {name: process.save() for name, process in self.processes.items()},
        }

    def _rewind(self, mark: Mapping[str, Any]) -> None:
        """Everything since `mark` has not happened."""
        length, self.machines = mark["machines"]
        del self._machine_log[length:]
        self.store.rewind(mark["revision"])
        self.apiserver.rewind(mark["revision"])
        self._load_parts(mark)
        self.engine.rewind(mark["engine"])

    def _load_parts(self, data: Mapping[str, Any]) -> None:
        self.apiserver.load()
        for name in [name for name in self.kubelets if name not in data["kubelets"]]:
            self.kubelets.pop(name).leave()
        for name in data["kubelets"]:
            if name not in self.kubelets:
                kubeadm.install_kubelet(self, self.machines[name])
        for name, state in data["processes"].items():
            self.processes[name].load(state)


def _without(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(other for other in names if other != name)
