"""The agents of the nodes' kernels: kube-proxy and calico-node (Felix, BIRD, confd) on every node, as processes.

What they program is a function of what they last saw, so all that is kept of them is since when each runs, when they
last looked, and how BGP sessions stand; `Dataplane` works out the rest. Healthy nodes sync together.

Models      cmd/kube-proxy with pkg/proxy/runner (BoundedFrequencyRunner, minSyncPeriod 1 s), felix' calculation graph,
            BIRD 1.6 proto/bgp (connect delay, hold timer, graceful restart), confd's watches, host by host
Leaves out  differences of milliseconds between nodes; Felix hears of a Pod when its status tells the address, where the
            real one reads the CNI plugin's annotation a moment earlier; kube-proxy's periodic full sync (every hour)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from apps.cluster.apiserver import APIServer
from apps.cluster.client import Problem
from apps.cluster.controlplane.topology import linked
from apps.cluster.dataplane.marks import Marks
from apps.cluster.engine import Engine
from apps.cluster.machines import Machine

Obj = dict[str, Any]

NAME = "node-agents"
PROXY, CALICO = "kube-proxy", "calico-node"
AGENTS = (PROXY, CALICO)
FELIX, BIRD, CONFD = "felix", "bird", "confd"
GROUP = "crd.projectcalico.org"
# Calico's own resources, and who makes something else of them.
OWN = {
    FELIX: (
        *("ippools", "felixconfigurations", "networkpolicies", "globalnetworkpolicies"),
        *("networksets", "globalnetworksets", "tiers"),
    ),
    CONFD: ("ippools", "bgppeers", "bgpconfigurations", "bgpfilters"),
}
ALL = "*"  # every node whose agent runs and hears its API server

UP = "up"  # it runs, and hears of every change
CUT = "cut"  # it runs, and hears of nothing: what it has programmed stays
DOWN = "down"  # it does not run: what it has programmed stays
GONE = "gone"  # the machine was switched off: its kernel has forgotten everything
ESTABLISHED, STALE, LOST = "established", "stale", "lost"  # a node's BGP sessions with all others; so of two nodes

REACTION_MS = 10
MIN_SYNC_MS = 1_000
START_MS = {PROXY: 500, CALICO: 1_200}  # from the process to its first full sync
CONNECT_MS = 3_000  # `connect delay time 2`, then OPEN, and the first UPDATEs
GRACEFUL_MS = 120_000  # `graceful restart time`: routes of a peer whose BIRD has ended are kept so long
HOLD_MS = 240_000  # `hold time`: a peer that says nothing for so long is given up
SYNC, START, CONNECT, EXPIRE, WORKLOAD = "sync", "start", "connect", "expire", "workload"
SOME = 3  # names that a note tells before it counts


class Site(Protocol):
    """What the agents need of a cluster."""

    @property
    def engine(self) -> Engine: ...
    @property
    def apiserver(self) -> APIServer: ...
    @property
    def machines(self) -> Mapping[str, Machine]: ...


class Agents:
    """Registered with the engine as `node-agents`; the control plane tells it what becomes of processes."""

    def __init__(self, site: Site, *, bgp: bool = True) -> None:
        self._site = site
        self._engine = site.engine
        self.bgp = bgp
        self.marks = Marks(site.engine.trace.keep)
        site.engine.record(NAME, self.marks)
        site.engine.register(NAME, self)
        self.speaking = False  # what happens before the story begins leaves no notes
        self._runs: dict[str, None] = {}  # "node/agent" whose process runs
        self._deaf: dict[str, None] = {}  # nodes whose programs do not reach an API server
        self._changed: dict[str, None] = {}  # Services that kube-proxy has heard of since its last sync
        self._synced_ms = -MIN_SYNC_MS
        self._asked: dict[str, int] = {}  # turns that are wanted still: key -> when it was asked for
        for resource in ("services", "endpointslices"):
            site.apiserver.watch(resource, self._hear_of(resource))
        if self.marks.keep:
            site.apiserver.watch("pods", self._pod)
            site.apiserver.watch("networkpolicies", self._policy)
            site.apiserver.watch("nodes", self._node)
            for who, plurals in OWN.items():
                for plural in plurals if bgp or who == FELIX else ():
                    site.apiserver.watch(f"{plural}.{GROUP}", self._own(who, plural))

    def begin(self) -> None:
        """The story begins: whatever is due is done, and notes are left from now on."""
        if SYNC in self._asked:
            self._sync()
        for key in [key for key in self._asked if key.startswith((START, CONNECT))]:
            self.run(f"{key} {self._asked[key]}")
        self.speaking = True

    # ---- what the machines tell ----------------------------------------------------------------

    def started(self, node: str, name: str) -> None:
        """The process of an agent runs."""
        if name in AGENTS:
            self._runs[f"{node}/{name}"] = None
            self._wake(f"{START} {node} {name}", START_MS[name])

    def stopped(self, node: str, name: str) -> None:
        """It has ended; what it had programmed stays in the kernel."""
        if name not in AGENTS or self._runs.pop(f"{node}/{name}", "") is not None:
            return
        self._asked.pop(f"{START} {node} {name}", None)
        if self.marks.now(f"{node}/{name}") in (UP, CUT):
            self._mark(f"{node}/{name}", DOWN)
        if name == CALICO and self._site.machines[node].power == "on":
            self._session_breaks(node, GRACEFUL_MS, "bird.ended")

    def reach(self, node: str, problem: Problem | None) -> None:
        """Whether the programs of a node get through to an API server has been looked at again."""
        machine = self._site.machines.get(node)
        if machine is None:
            return
        if problem is None:
            self._deaf.pop(node, None)
        else:
            self._deaf[node] = None
        for name in AGENTS:
            state = self.marks.now(f"{node}/{name}")
            if machine.power != "on":
                if state not in ("", GONE):
                    self._mark(f"{node}/{name}", GONE)
            elif state == UP and problem is not None:
                self._mark(f"{node}/{name}", CUT)
            elif state == CUT and problem is None:
                self._wake(f"{START} {node} {name}", REACTION_MS * 10)
        self._look_at_sessions(node, machine)

    def left(self, node: str) -> None:
        """The machine is gone for good."""
        for name in AGENTS:
            self._runs.pop(f"{node}/{name}", None)
            self._asked.pop(f"{START} {node} {name}", None)
            if self.marks.now(f"{node}/{name}"):
                self._mark(f"{node}/{name}", GONE)
        self._asked.pop(f"{EXPIRE} {node}", None)
        if self.marks.now(f"{node}/{BIRD}"):
            self._mark(f"{node}/{BIRD}", LOST)  # its Node goes with it, and confd takes it out of every bird.cfg

    # ---- BGP sessions --------------------------------------------------------------------------

    def _look_at_sessions(self, node: str, machine: Machine) -> None:
        if not self.bgp or not self.marks.now(f"{node}/{BIRD}"):
            return
        dark = machine.power != "on" or machine.network != "up"
        if dark:
            self._session_breaks(node, HOLD_MS, "bird.silent")
        elif f"{node}/{CALICO}" in self._runs and self.marks.now(f"{node}/{BIRD}") != ESTABLISHED:
            self._wake(f"{CONNECT} {node}", CONNECT_MS)
        for other in machine.cut:
            self._session_breaks(_pair(node, other), HOLD_MS, "bird.silent-between")
        for pair in self.marks.who("/link"):
            names = pair.removesuffix("/link").split(" ")
            if node in names and self.marks.now(pair) != ESTABLISHED and linked(self._site.machines, *names):
                self._wake(f"{CONNECT} {names[0]} {names[1]}", CONNECT_MS)

    def _session_breaks(self, who: str, keep_ms: int, message: str) -> None:
        """`who`: a node, or two nodes. The routes that others have from it are kept for a while."""
        key = f"{who}/{'link' if ' ' in who else BIRD}"
        now = self.marks.now(key)
        self._asked.pop(f"{CONNECT} {who}", None)
        if not self.bgp or now in (STALE, LOST) or (not now and " " not in who):
            return
        self._note(BIRD, who, "session", message, seconds=keep_ms // 1000)
        self._mark(key, STALE)
        self._wake(f"{EXPIRE} {who}", keep_ms)

    def _connect(self, who: str) -> None:
        names = who.split(" ")
        machines = self._site.machines
        if len(names) == 2:
            if linked(machines, *names):
                self._established(who, "link")
            return
        machine = machines.get(who)
        if machine is None or machine.power != "on" or machine.network != "up" or f"{who}/{CALICO}" not in self._runs:
            return
        self._established(who, BIRD)

    def _established(self, who: str, kind: str) -> None:
        self._asked.pop(f"{EXPIRE} {who}", None)
        if self.marks.now(f"{who}/{kind}") == ESTABLISHED:
            return
        self._note(BIRD, who, "session", "bird.established" if kind == BIRD else "bird.established-between")
        self._mark(f"{who}/{kind}", ESTABLISHED)

    def _expire(self, who: str) -> None:
        key = f"{who}/{'link' if ' ' in who else BIRD}"
        if self.marks.now(key) == STALE:
            self._note(BIRD, who, "withdraw", "bird.withdrawn-between" if " " in who else "bird.withdrawn")
            self._mark(key, LOST)

    # ---- what the API server tells -------------------------------------------------------------

    def _hear_of(self, resource: str) -> Any:
        slices = resource == "endpointslices"

        def receive(key: str, before: Obj | None, after: Obj | None) -> None:
            if slices:
                metadata = (after or before or {})["metadata"]
                name = (metadata.get("labels") or {}).get("kubernetes.io/service-name")
                if not name:
                    return
                key = f"{metadata['namespace']}/{name}"
                service = self._site.apiserver.tables.get("services", {}).get(key)
                if service is None or service["spec"].get("clusterIP") in (None, "", "None"):
                    return  # kube-proxy does nothing for it
            elif all((obj or {"spec": {}})["spec"].get("clusterIP") in (None, "", "None") for obj in (before, after)):
                return
            self._changed[key] = None
            if SYNC not in self._asked:
                wait = self._synced_ms + MIN_SYNC_MS - self._engine.now_ms
                self._wake(SYNC, max(REACTION_MS, wait))

        return receive

    def _pod(self, key: str, before: Obj | None, after: Obj | None) -> None:
        was, now = _address(before), _address(after)
        if was == now or not self.speaking:
            return
        node = ((after or before or {}).get("spec") or {}).get("nodeName", "")
        if node and self._follows(node, CALICO):
            self._wake(f"{WORKLOAD} {node} {key} {now or '-'} {was or '-'}", REACTION_MS)

    def _policy(self, key: str, before: Obj | None, after: Obj | None) -> None:
        if self.speaking and (before or {}).get("spec") != (after or {}).get("spec"):
            verb = "deleted" if after is None else "changed" if before is not None else "created"
            self._wake(f"policy {key} {verb}", REACTION_MS)

    def _own(self, who: str, plural: str) -> Any:
        """Calico's own resources: both Felix and confd look at some."""

        def receive(key: str, before: Obj | None, after: Obj | None) -> None:
            if self.speaking and (before or {}).get("spec") != (after or {}).get("spec"):
                self._wake(f"own {who} {plural} {key} {(after or before or {})['kind']}", REACTION_MS)

        return receive

    def _node(self, key: str, before: Obj | None, after: Obj | None) -> None:
        if self.speaking and self.bgp and (before is None or after is None):
            self._wake(f"peer {key} {'gone' if after is None else 'new'}", REACTION_MS)

    # ---- turns ---------------------------------------------------------------------------------

    def _wake(self, key: str, delay_ms: int) -> None:
        """Ask for a turn; asked for again, the latest counts."""
        at = self._engine.now_ms
        if self._asked.get(key) == at:
            return
        if key.startswith((SYNC, START, CONNECT)) and key in self._asked:
            return
        self._asked[key] = at
        self._engine.wake(NAME, f"{key} {at}", delay_ms, quiet=not self.speaking)

    def run(self, key: str) -> None:
        key, _, asked = key.rpartition(" ")
        if self._asked.get(key) != int(asked):
            return
        del self._asked[key]
        what, _, rest = key.partition(" ")
        if what == SYNC:
            self._sync()
        elif what == START:
            self._start(*rest.split(" "))
        elif what == CONNECT:
            self._connect(rest)
        elif what == EXPIRE:
            self._expire(rest)
        elif what == WORKLOAD:
            self._workload(*rest.split(" "))
        elif what == "own":
            who, plural, name, kind = rest.split(" ")
            params = {"kind": kind, "name": name}
            self._tell_all(who, CALICO, "program", f"{plural}.{GROUP}/{name}", f"{who}.resource", params)
        elif what == "policy":
            name, _, verb = rest.partition(" ")
            self._tell_all(FELIX, CALICO, "program", f"networkpolicies/{name}", f"felix.policy-{verb}", {"name": name})
        else:
            name, _, verb = rest.partition(" ")
            self._tell_all(CONFD, CALICO, "write", f"nodes/{name}", f"confd.peer-{verb}", {"name": name})

    def _start(self, node: str, name: str) -> None:
        """Its first look at everything; or the first one after a time without an API server."""
        if f"{node}/{name}" not in self._runs or node in self._deaf:
            if f"{node}/{name}" in self._runs and not self.marks.now(f"{node}/{name}"):
                self._mark(f"{node}/{name}", CUT)
            return
        if name == PROXY:
            self._note(PROXY, node, "sync", "kube-proxy.start")
        else:
            self._note(FELIX, node, "program", "felix.start")
        self._mark(f"{node}/{name}", UP)
        if name == CALICO and self.bgp:
            if not self.marks.now(f"{node}/{BIRD}"):
                self._mark(f"{node}/{BIRD}", LOST)
            self._wake(f"{CONNECT} {node}", CONNECT_MS)

    def _sync(self) -> None:
        self._asked.pop(SYNC, None)
        self._synced_ms = self._engine.now_ms
        names, self._changed = list(self._changed), {}
        if not names:
            return
        told = ", ".join(names[:SOME])
        message = "kube-proxy.sync" if len(names) <= SOME else "kube-proxy.sync-more"
        params: dict[str, Any] = {"services": told}
        if len(names) > SOME:
            params["more"] = len(names) - SOME
        ref = f"services/{names[0]}" if len(names) == 1 else ""
        if self._tell_all(PROXY, PROXY, "sync", ref, message, params):
            self._mark(f"{ALL}/{PROXY}", "synced")

    def _workload(self, node: str, key: str, now: str, was: str) -> None:
        if not self._follows(node, CALICO):
            return
        gone = now == "-"
        message = "felix.workload-gone" if gone else "felix.workload"
        params = {"name": key, "address": was if gone else now}
        self._note(FELIX, node, "program", message, ref=f"pods/{key}", **params)

    def _tell_all(self, component: str, agent: str, verb: str, ref: str, message: str, params: dict[str, Any]) -> bool:
        """One note for every node whose agent does it. False: there is none."""
        if not self.speaking:
            return True
        nodes = [node for node in self._site.machines if self._follows(node, agent)]
        if not nodes:
            return False
        node = nodes[0] if len(nodes) == 1 else ""
        self._engine.note(component, node, verb, ref, message, {**params, "nodes": len(nodes)})
        return True

    # ---- helpers -------------------------------------------------------------------------------

    def _follows(self, node: str, name: str) -> bool:
        return self.marks.now(f"{node}/{name}") == UP

    def _mark(self, who: str, state: str) -> None:
        self.marks.write(len(self._engine.trace.steps), who, state)

    def _note(self, component: str, who: str, verb: str, message: str, *, ref: str = "", **params: Any) -> None:
        if not self.speaking:
            return
        node, _, other = who.partition(" ")
        names = {"name": node, "peer": other} if other else {"name": node}
        told = params if component == FELIX and ref else {**names, **params}
        self._engine.note(component, node, verb, ref or f"nodes/{node}", message, told)

    # ---- saving --------------------------------------------------------------------------------

    def save(self) -> dict[str, Any]:
        return {
            "speaking": self.speaking,
            "runs": list(self._runs),
            "deaf": list(self._deaf),
            "changed": list(self._changed),
            "synced_ms": self._synced_ms,
            "asked": dict(self._asked),
        }

    def load(self, data: Mapping[str, Any]) -> None:
        self.speaking = data["speaking"]
        self._runs = dict.fromkeys(data["runs"])
        self._deaf = dict.fromkeys(data["deaf"])
        self._changed = dict.fromkeys(data["changed"])
        self._synced_ms = data["synced_ms"]
        self._asked = dict(data["asked"])


def _pair(one: str, other: str) -> str:
    return " ".join(sorted((one, other)))


def _address(pod: Obj | None) -> str:
    """The address of a Pod that has a network of its own and has not ended."""
    if pod is None or pod["spec"].get("hostNetwork"):
        return ""
    status = pod.get("status") or {}
    return "" if status.get("phase") in ("Succeeded", "Failed") else str(status.get("podIP") or "")
