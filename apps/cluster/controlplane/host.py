"""The control plane of a cluster: which of its programs run on which machine, which API server answers whom.

Models      what the processes of a kubeadm cluster do when others stop: kube-apiserver without etcd (liveness probe on
            /livez, its fatal error when storage cannot be reached), client-go's reflectors and retries
Leaves out  requests that wait before they fail; an API server on its way out still finishes requests (shutdown delay)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from apps.cluster.apimachinery.status import StatusError, bad_request, not_found
from apps.cluster.client import Access, Problem
from apps.cluster.controlplane import ledger, quota, topology
from apps.cluster.controlplane import records as facts
from apps.cluster.controlplane.door import Door
from apps.cluster.controlplane.election import Election
from apps.cluster.controlplane.names import (
    AGENTS,
    APISERVER,
    ELECTED,
    ETCD,
    KUBELET,
    NAMES,
    RUNTIME,
    RUNTIMES,
    SERVICES,
    STATIC,
    slot,
)
from apps.cluster.controlplane.records import Records
from apps.cluster.etcd import Members, Store
from apps.cluster.kubeadm.versions import BALANCER
from apps.cluster.kubelet import failing
from apps.cluster.kubelet.site import Site
from apps.cluster.machines import Machine
from apps.cluster.processes import Process

Obj = dict[str, Any]

NAME = "control-plane"
API_START_MS = 900  # from a running kube-apiserver process to its first answer
API_GIVES_UP_MS = 20_000  # without etcd it waits so long for its storage, then ends
LIVEZ_MS = 78_000  # eight failed liveness probes, ten seconds apart
FIND_MS = 1_000  # from an API server's return to the next attempt of a process that missed it
COMPACT, COMPACTION_MS = "compact", 300_000  # --etcd-compaction-interval
COMPACT_REV_KEY = "compact_rev_key"
REBOOT_MS = 30_000  # from a machine's end to its kubelet's start, when it is rebooted
SERVICE_RESTART_MS = 10_000  # RestartSec of kubelet.service and crio.service
FATAL = 255  # exit code of klog.Fatal
LOST = 1  # exit code of who lost its lease
STARTING, WAITING, SERVING = "starting", "waiting", "serving"  # WAITING: for etcd
LIVENESS = "Container {} failed liveness probe, will be restarted"
SERVE, STARVED, SICK, FIND, RESTART, POWER = "serve", "starved", "sick", "find", "restart", "power"


class Plant(Site, Protocol):
    """What the control plane needs of a cluster."""

    @property
    def processes(self) -> Mapping[str, Process]: ...
    @property
    def store(self) -> Store: ...
    @property
    def members(self) -> Members | None: ...
    @property
    def reader(self) -> Access: ...
    def power(self, name: str, *, on: bool) -> None: ...


class Observer(Protocol):
    """Whoever looks after the agents of the nodes' kernels: told of their processes, and whether they hear anything."""

    def started(self, node: str, name: str) -> None: ...
    def stopped(self, node: str, name: str) -> None: ...
    def reach(self, node: str, problem: Problem | None) -> None: ...


class Installer(Protocol):
    """Whoever sets the cluster up: asked to fill an empty store, told when something has changed."""

    def bootstrap(self, node: str) -> None: ...
    def changed(self) -> None: ...


class ControlPlane:
    """Registered with the engine as `control-plane`. It rules once kubeadm has begun; before, everything just works."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant
        self._engine = plant.engine
        self._installer: Installer | None = None
        self.observer: Observer | None = None
        self.reviewers: list[Callable[[], None]] = []  # who wants to know that something has become of machines
        self._machines: Mapping[str, Machine] = {}  # those that `_planes` was taken from
        self._planes: tuple[str, ...] = ()
        self.ruling = False
        self.bootstrapped = False
        self.running: dict[str, None] = {}  # static Pods' programs by "node/name", in the order they started
        self.servers: dict[str, str] = {}  # machine -> how far its API server is
        self.since: dict[str, int] = {}  # machine -> when its API server's process started
        self.starved: dict[str, int] = {}  # machine -> since when its API server is without etcd
        self.stopped: dict[str, Obj] = {}  # "node/name" -> the static Pod whose manifest was moved away
        self.elections = {name: Election(plant.engine, plant.apiserver, name, self, self._wake) for name in ELECTED}
        self.ledger = ledger.Ledger(plant.engine.trace.keep)
        plant.engine.record(NAME, self.ledger)
        self._compacting = -1  # the revision at the last look, -1: nobody looks yet
        self.door = Door(plant.apiserver)
        self.records = Records(plant.engine, plant.apiserver, self._wake)
        plant.engine.register(NAME, self)

    def install(self, installer: Installer) -> None:
        self._installer = installer

    def begin(self) -> None:
        """kubeadm begins: nothing runs yet, nobody answers."""
        self.ruling = True
        for process in self._plant.processes.values():
            process.stop()
        self.review()

    # ---- who answers ---------------------------------------------------------------------------

    def etcd_problem(self, node: str) -> Problem | None:
        """Why the API server of a machine gets no answer from its etcd member."""
        if f"{node}/{ETCD}" not in self.running:
            return topology.ETCD_DOWN
        members = self._plant.members
        return None if members is None or members.serves(node) else topology.NO_QUORUM

    def etcd_writes(self) -> bool:
        """Whether some member of etcd can write."""
        return not self.ruling or any(self.etcd_problem(node) is None for node in self.control_planes())

    def serves(self, node: str) -> bool:
        return self.servers.get(node) == SERVING and self._plant.machines[node].power == "on"

    def control_planes(self) -> tuple[str, ...]:
        """Asked at every request that might fail: looked for anew only when a machine has come, changed or gone."""
        machines = self._plant.machines
        if machines is not self._machines:
            self._machines = machines
            self._planes = tuple(
                name for name, machine in machines.items() if machine.role == topology.CONTROL_PLANE_ROLE
            )
        return self._planes

    def problem_for(self, node: str, *, reader: bool = False) -> Problem | None:
        """Why a request from a machine ("" = the reader's) fails; None when it gets through."""
        machines = self._plant.machines
        planes = self.control_planes()
        if node in planes:
            server = node
        elif len(planes) == 1:
            server = planes[0]
            if not self._reaches(node, server):
                return topology.unanswered(machines[server].address, reader=reader)
        else:
            if node and not self._has_network(node):
                return topology.unanswered(BALANCER, reader=reader)
            serving = [one for one in planes if self.serves(one) and self._has_network(one)]
            server = topology.balanced(serving, [one for one in serving if self.etcd_problem(one) is None])
            if not server:
                return topology.no_backend(reader=reader)
        if not self.serves(server):
            return topology.refused(machines[server].address, reader=reader)
        return self.etcd_problem(server)

    def sees(self, node: str) -> bool:
        return self.problem_for(node) is None

    def can_write(self, node: str) -> bool:
        return not self.full and self.problem_for(node) is None

    @property
    def full(self) -> bool:
        """Whether etcd has raised the alarm NOSPACE."""
        return self._plant.apiserver.full

    def set_full(self, full: bool) -> None:
        """From now on etcd refuses writes, or takes them again."""
        self._plant.apiserver.full = full
        quota.log(self, len(self._engine.trace.steps))
        for election in self.elections.values():
            election.review()
        if not full:
            for gone in self.records.overdue([self._writer()]):
                self._wake(f"{facts.EXPIRE} {gone}", 0, quiet=False)

    def etcd_node(self) -> str:
        """A machine whose member of etcd can write."""
        return next((one for one in self.control_planes() if self.etcd_problem(one) is None), "")

    def compact_all(self, node: str) -> int:
        """Forget everything but the latest versions. Gives the revision."""
        store = self._plant.store
        revision = store.revision
        if revision > store.compact_revision:
            if self._plant.members is not None:
                self._plant.members.entry()
            self._plant.apiserver.compact(revision)
            self.note(ETCD, node, COMPACT, "etcd.compact-all", revision=revision)
        return revision

    def note(self, component: str, node: str, verb: str, message: str, **params: Any) -> None:
        self._engine.note(component, node, verb, f"nodes/{node}", message, {"name": node, **params})

    def _has_network(self, node: str) -> bool:
        machine = self._plant.machines.get(node)
        return machine is not None and machine.power == "on" and machine.network == "up"

    def _reaches(self, node: str, server: str) -> bool:
        if not node:  # the reader sits outside, on a network that never fails
            return self._has_network(server)
        return topology.linked(self._plant.machines, node, server)

    # ---- what follows --------------------------------------------------------------------------

    def review(self) -> None:
        """Something has changed: let everyone find out who answers now."""
        if not self.ruling:
            return
        if self._plant.members is not None:
            self._plant.members.review()
        problem = self.problem_for("", reader=True)
        self._plant.reader.change(problem)
        self.door.set(problem)
        for node in self.control_planes():
            self._review_server(node)
        for process in self._plant.processes.values():
            if process.running:
                problem = self.problem_for(process.node)
                if problem is not None:
                    process.lose(problem)
                elif not process.access.open:
                    self._engine.wake(NAME, f"{FIND} {process.name}", FIND_MS)
        for election in self.elections.values():
            election.review()
        for name, kubelet in self._plant.kubelets.items():
            problem = self.problem_for(name)
            kubelet.reach(problem)
            if self.observer is not None:
                self.observer.reach(name, problem)
        for told in self.reviewers:
            told()
        self._log_members()

    def came(self, node: str) -> None:
        """A kubelet has been installed: whom the others reach is as it was."""
        if self.ruling:
            self.ledger.write(len(self._engine.trace.steps), node, KUBELET, ledger.RUNNING)
            self._plant.kubelets[node].reach(self.problem_for(node))

    def leave(self, node: str) -> None:
        """A machine is about to lose all that runs on it: nobody is sent to its API server any more."""
        self.ledger.write(len(self._engine.trace.steps), node, KUBELET, ledger.STOPPED)
        self.servers.pop(node, None)
        self.since.pop(node, None)
        self.stopped = {who: pod for who, pod in self.stopped.items() if not who.startswith(f"{node}/")}

    def remove_member(self, node: str) -> str:
        """Take its member out of etcd. Gives what etcd refuses with, "" when it has gone or is the only one."""
        members = self._plant.members
        if members is None:
            return ""
        refusal = members.remove(node)
        if not refusal and node not in members.nodes:
            self.ledger.write(len(self._engine.trace.steps), node, ledger.TERM, ledger.NO_MEMBER)
        return refusal

    def wipe_member(self, node: str) -> None:
        if self._plant.members is not None:
            self._plant.members.wipe(node)

    def _review_server(self, node: str) -> None:
        """An API server that loses its etcd fails its liveness probe after a while."""
        if not self.serves(node):
            self.starved.pop(node, None)
            if self.servers.get(node) == WAITING and self.etcd_problem(node) is None:
                self._engine.wake(NAME, f"{SERVE} {node} {self.since[node]}", FIND_MS)
        elif self.etcd_problem(node) is None:
            if self.starved.pop(node, None) is not None:
                self._engine.note(APISERVER, node, "etcd", f"nodes/{node}", "apiserver.etcd-again", {"name": node})
        elif node not in self.starved:
            self.starved[node] = self._engine.now_ms
            self._engine.note(APISERVER, node, "etcd", f"nodes/{node}", "apiserver.no-etcd", {"name": node})
            self._engine.wake(NAME, f"{SICK} {node} {self._engine.now_ms}", LIVEZ_MS)

    # ---- Host: what kubelets tell --------------------------------------------------------------

    def process_started(self, node: str, name: str) -> None:
        self.running[f"{node}/{name}"] = None
        if name == APISERVER:
            self.servers[node] = STARTING
            self.since[node] = self._engine.now_ms
            self._engine.wake(NAME, f"{SERVE} {node} {self._engine.now_ms}", API_START_MS)
        elif name in ELECTED:
            self.elections[name].join(node)
        elif name == ETCD:
            if self._plant.members is not None:
                self._plant.members.start(node)
            self.review()
        elif name in AGENTS and self.observer is not None and f"{node}/{name}" not in self.stopped:
            self.observer.started(node, name)
        self._log(node, name)
        self._tell()

    def process_stopped(self, node: str, name: str) -> None:
        who = f"{node}/{name}"
        self.running.pop(who, None)
        if name == APISERVER:
            self.servers.pop(node, None)
            self.since.pop(node, None)
            process = self._plant.processes[APISERVER]
            if process.node == node:
                process.stop()
            self._run_inside()
            self.records.ended(node)
            self.review()
        elif name in ELECTED:
            process = self._plant.processes[name]
            if self.elections[name].leader == node:
                process.stop()
            self.elections[name].leave(node)
        elif name == ETCD:
            if self._plant.members is not None:
                self._plant.members.stop(node)
            self.review()
        elif name in AGENTS and self.observer is not None:
            self.observer.stopped(node, name)
        self._log(node, name)

    def _tell(self) -> None:
        if self._installer is not None:
            self._installer.changed()

    def up(self, node: str) -> bool:
        """Every program of the control plane runs on a machine, and its API server answers."""
        return self.serves(node) and all(f"{node}/{name}" in self.running for name in STATIC)

    # ---- Office: what elections decide ---------------------------------------------------------

    def lead(self, name: str, node: str) -> None:
        self._plant.processes[name].start(node)
        for candidate in self.elections[name].candidates:
            self._log(candidate, name)
        self._tell()

    def lost(self, name: str, node: str) -> None:
        self._plant.processes[name].stop()
        self._end(node, name, LOST)

    def _end(self, node: str, name: str, code: int) -> None:
        """A program ends by itself; its kubelet will find out."""
        if failing.end_process(self._plant.kubelets[node], name, code):
            self.process_stopped(node, name)

    def _wake(self, key: str, delay_ms: int, *, quiet: bool) -> None:
        self._engine.wake(NAME, key, delay_ms, quiet=quiet)

    # ---- turns ---------------------------------------------------------------------------------

    def run(self, key: str) -> None:
        what, name, *rest = (*key.split(" "), "")
        rest = [part for part in rest if part]
        if what == SERVE:
            if self.since.get(name) == int(rest[0]):
                self._serve(name)
        elif what == STARVED:
            if self.since.get(name) == int(rest[0]) and self.servers.get(name) == WAITING:
                self._end(name, APISERVER, FATAL)
        elif what == SICK:
            if self.starved.get(name) == int(rest[0]):
                failing.fail_liveness(self._plant.kubelets[name], APISERVER, LIVENESS)
        elif what == FIND:
            process = self._plant.processes[name]
            if process.running and self.problem_for(process.node) is None:
                process.find()
        elif what == RESTART:
            self.start(rest[0], name)
        elif what in (facts.BEAT, facts.EXPIRE, facts.COLLECT):
            live = "" if self.full and what == facts.EXPIRE else self._writer()
            self.records.turn(what, name, rest[0] if rest else "", live)
        elif what == COMPACT:
            self._compact()
        elif what == POWER:
            if name in self._plant.machines:
                self._plant.power(name, on=True)
        else:
            self.elections[name].turn(what, rest[0])

    def _serve(self, node: str) -> None:
        """kube-apiserver has its storage and answers; without etcd it waits for it, and gives up."""
        if self.servers.get(node) not in (STARTING, WAITING):
            return
        if self.etcd_problem(node) is not None:
            if self.servers[node] == STARTING:
                self.servers[node] = WAITING
                self._log(node, APISERVER)
                self._engine.wake(NAME, f"{STARVED} {node} {self.since[node]}", API_GIVES_UP_MS - API_START_MS)
            return
        self.servers[node] = SERVING
        self._log(node, APISERVER)
        self._run_inside()
        if not self.bootstrapped and self._installer is not None:
            self.bootstrapped = True
            self._plant.kubelets[node].reach(self.problem_for(node))
            self._installer.bootstrap(node)
        else:
            self._engine.note(APISERVER, node, "serve", f"nodes/{node}", "apiserver.serves", {"name": node})
        if self._compacting < 0:
            self._compacting = 0
            self._wake(COMPACT, COMPACTION_MS, quiet=True)
        self.records.began(node, self._plant.machines[node].address)
        for gone in self.records.overdue([node]):
            self._wake(f"{facts.EXPIRE} {gone}", facts.MASTER_LEASE_MS, quiet=False)
        self.review()
        self._tell()

    def _writer(self) -> str:
        """A machine whose API server can write."""
        return next((one for one in self.control_planes() if self.serves(one) and self.etcd_problem(one) is None), "")

    def _compact(self) -> None:
        """Every five minutes: forget what is older than the last look. Whoever asks for it then is told it is gone."""
        self._wake(COMPACT, COMPACTION_MS, quiet=True)
        node = self._writer()
        if not node or self.full:
            return
        store, apiserver = self._plant.store, self._plant.apiserver
        before, self._compacting = self._compacting, store.put(COMPACT_REV_KEY, str(self._compacting))
        self._engine.revision = store.revision
        if before > store.compact_revision:
            if self._plant.members is not None:
                self._plant.members.entry()
            apiserver.compact(before)
            self._engine.note(ETCD, node, COMPACT, f"nodes/{node}", "etcd.compact", {"name": node, "revision": before})

    def _run_inside(self) -> None:
        """Controllers inside kube-apiserver: of several servers' one set acts."""
        process = self._plant.processes[APISERVER]
        node = next((one for one in self.control_planes() if self.serves(one)), "")
        if node and not process.running:
            process.start(node)
        if node:
            for name, other in self._plant.processes.items():
                if name not in (APISERVER, *ELECTED) and not other.running:
                    other.start()

    # ---- what a reader does --------------------------------------------------------------------

    def command(self, verb: str, name: str, node: str) -> None:
        """Stop, crash or start a program. `node` may be left out where only one machine runs it.

        Raises:
            StatusError: 400 for what is no component, 404 where it is not installed, 409 when it already is so.
        """
        if name not in NAMES:
            raise bad_request(f"component: name must be one of {', '.join(NAMES)}")
        service = slot(name) in SERVICES
        if not node:
            planes = self.control_planes()
            if len(planes) != 1 or service:
                raise bad_request(f"component: which machine's {name}? node is missing")
            node = planes[0]
        machine = self._plant.machines.get(node)
        if machine is None:
            raise not_found("machines", node)
        if name in RUNTIMES and node in self._plant.kubelets:
            installed = self._plant.kubelets[node].runtime.flavour.component
            if name not in (installed, RUNTIME):  # crio was once what every runtime was called here
                raise StatusError(404, "NotFound", f'{name} is not installed on machine "{node}"')
            shown, name = installed, RUNTIME
        else:
            shown = name
        if not self.installed(node, name):
            raise StatusError(404, "NotFound", f'{shown} is not installed on machine "{node}"')
        if machine.power != "on":
            raise StatusError(409, "Conflict", f'machine "{node}" is switched off')
        if verb == "start" and not self.is_stopped(node, name):
            raise StatusError(409, "Conflict", f'{shown} on machine "{node}" has not been stopped')
        if verb == "stop" and self.is_stopped(node, name):
            raise StatusError(409, "Conflict", f'{shown} on machine "{node}" is stopped already')
        if verb == "crash" and not self.runs(node, name):
            raise StatusError(409, "Conflict", f'{shown} on machine "{node}" is not running')
        how = "-service" if service else "-agent" if name in AGENTS else ""
        params = {"component": shown, "name": node}
        self._engine.note("machine", node, verb, f"nodes/{node}", f"component.{verb}{how}", params)
        {"stop": self.stop, "crash": self.crash, "start": self.start}[verb](node, name)

    def is_stopped(self, node: str, name: str) -> bool:
        """Whether it stays away until it is started."""
        kubelet = self._plant.kubelets[node]
        if name == KUBELET:
            return not kubelet.running
        if name == RUNTIME:
            return not kubelet.runtime_up
        return f"{node}/{name}" in self.stopped

    def power_on_later(self, node: str) -> None:
        self._engine.wake(NAME, f"{POWER} {node}", REBOOT_MS)

    def stop(self, node: str, name: str) -> None:
        """It ends, and stays away until it is started."""
        kubelet = self._plant.kubelets[node]
        if name == KUBELET:
            kubelet.halt()
        elif name == RUNTIME:
            kubelet.stop_runtime()
        elif name in AGENTS:
            self.stopped[f"{node}/{name}"] = {}
            failing.break_process(kubelet, name)
            self.process_stopped(node, name)
        else:
            key = self._static_key(node, name)
            pod = kubelet.static.get(key)
            if pod is not None:
                if name == APISERVER and self.serves(node) and self.etcd_problem(node) is None:
                    self.records.leaving(node)
                self.stopped[f"{node}/{name}"] = pod
                kubelet.remove_manifest(key)
        self._log(node, name)

    def crash(self, node: str, name: str) -> None:
        """It ends at once; what looks after it starts it again."""
        if name in SERVICES:
            self.stop(node, name)
            self._engine.wake(NAME, f"{RESTART} {name} {node}", SERVICE_RESTART_MS)
        else:
            self._end(node, name, failing.KILLED)

    def start(self, node: str, name: str) -> None:
        machine = self._plant.machines.get(node)
        kubelet = self._plant.kubelets.get(node)
        if kubelet is None or machine is None or machine.power != "on":
            return
        if name == KUBELET:
            kubelet.resume()
        elif name == RUNTIME:
            kubelet.start_runtime()
        elif name in AGENTS:
            self.stopped.pop(f"{node}/{name}", None)
            failing.mend_process(kubelet, name)
        else:
            pod = self.stopped.pop(f"{node}/{name}", None)
            if pod is not None:
                kubelet.restore_manifest(pod)
        self._log(node, name)

    def _log(self, node: str, name: str) -> None:
        self.ledger.write(len(self._engine.trace.steps), node, name, self.state(node, name))

    def _log_members(self) -> None:
        """What each member of etcd is to the others: for the ledger alone."""
        members = self._plant.members
        if members is None or not self.ledger.keep:
            return
        step = len(self._engine.trace.steps)
        for node, member in members.nodes.items():
            self._log(node, ETCD)
            self.ledger.write(step, node, ledger.TERM, str(member.term))
            follows = self.state(node, ETCD) in (ledger.LEADING, ledger.STANDBY)
            behind = "" if follows else str(members.revision(node))
            self.ledger.write(step, node, ledger.REVISION, behind)

    def state(self, node: str, name: str) -> str:
        """The state of a program as the ledger has it; what has no power does nothing, which the machine tells."""
        if name in SERVICES:
            return ledger.STOPPED if self.is_stopped(node, name) else ledger.RUNNING
        who = f"{node}/{name}"
        if name in AGENTS and who in self.stopped:
            return ledger.STOPPED
        if who not in self.running:
            return ledger.STOPPED if who in self.stopped else ledger.DOWN
        if name == APISERVER:
            return self.servers[node]
        members = self._plant.members
        if name == ETCD and members is not None:
            leader = members.leader()
            if leader is not None and leader.name == node:
                return ledger.LEADING
            return ledger.STANDBY if members.serves(node) else ledger.LONELY
        if name in ELECTED:
            return ledger.LEADING if self.elections[name].leader == node else ledger.STANDBY
        return ledger.RUNNING

    def runs(self, node: str, name: str) -> bool:
        """Whether it runs on that machine now."""
        kubelet = self._plant.kubelets.get(node)
        if kubelet is None or self._plant.machines[node].power != "on":
            return False
        if name == KUBELET:
            return kubelet.running
        if name == RUNTIME:
            return kubelet.runtime_up
        return f"{node}/{name}" in self.running

    def installed(self, node: str, name: str) -> bool:
        """Whether there is anything on that machine to stop or start."""
        if node not in self._plant.kubelets:
            return False
        if name in (KUBELET, RUNTIME):
            return True
        who = f"{node}/{name}"
        if name in AGENTS:
            return who in self.stopped or failing.system_pod(self._plant.kubelets[node], name) is not None
        return who in self.stopped or self._static_key(node, name) in self._plant.kubelets[node].static

    def _static_key(self, node: str, name: str) -> str:
        return f"kube-system/{name}-{node}"

    # ---- saving --------------------------------------------------------------------------------

    def save(self) -> dict[str, Any]:
        problem = self._plant.reader.problem
        return {
            "ruling": self.ruling,
            "bootstrapped": self.bootstrapped,
            "running": list(self.running),
            "servers": dict(self.servers),
            "since": dict(self.since),
            "starved": dict(self.starved),
            "stopped": dict(self.stopped),
            "compacting": self._compacting,
            "full": self.full,
            "records": self.records.save(),
            "elections": {name: election.save() for name, election in self.elections.items()},
            "reader": list(problem) if problem is not None else None,
        }

    def load(self, data: Mapping[str, Any]) -> None:
        self.ruling = data["ruling"]
        self.bootstrapped = data["bootstrapped"]
        self.running = dict.fromkeys(data["running"])
        self.servers = dict(data["servers"])
        self.since = dict(data["since"])
        self.starved = dict(data["starved"])
        self.stopped = dict(data["stopped"])
        self._compacting = data["compacting"]
        self._plant.apiserver.full = data["full"]
        self.records.load(data["records"])
        for name, election in self.elections.items():
            election.load(data["elections"][name])
        problem = Problem(*data["reader"]) if data["reader"] is not None else None
        self._plant.reader.change(problem)
        self.door.set(problem)
