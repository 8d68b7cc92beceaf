"""A real BIRD reads what confd writes here, speaks BGP by it, and puts the routes into a kernel that the model says."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from shutil import which
from typing import Any, NamedTuple

import pytest

from apps.cluster.cni.calico.bird import configuration, datastore
from apps.cluster.cni.calico.bird.routes import Link, routes
from apps.cluster.cni.calico.bird.sessions import sessions
from apps.cluster.network.machine import Route
from tests.cluster.cni.test_bird import of
from tests.cluster.cni.test_bird_routes import ADDRESS, NODES, a_cluster, reflected, service
from tests.kernel.bird2 import TUNNEL, hasty, translated
from tests.kernel.hosts import Host, host, missing

BIRD = which("bird") or "/usr/sbin/bird"
WITHOUT = missing() or ("" if Path(BIRD).exists() else "not installed: bird2")
pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(bool(WITHOUT), reason=WITHOUT or "-"),
    pytest.mark.xdist_group("kernel-bird"),
]
TABLES = json.loads((Path(__file__).parents[1] / "testdata/tables/calico-bird.json").read_text())["tables"]
PATIENCE = 15.0  # seconds, until BIRD has done what it is to do
Obj = dict[str, Any]


@pytest.mark.parametrize("table", TABLES)
def test_bird_parses_what_confd_wrote(table, tmp_path):
    rows = TABLES[table]["rows"]
    for name, _note, row in rows:
        (tmp_path / name).write_text(translated(row["text"], 6 if name.startswith("bird6") else 4))
    for name in (name for name, *_rest in rows if "_" not in name):
        done = subprocess.run([BIRD, "-p", "-c", str(tmp_path / name)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


# ---- clusters of three nodes, each with a BIRD ---------------------------------------------------


class Case(NamedTuple):
    objects: list[Obj]
    workloads: dict[str, list[str]] = {}


PEERS = [of("BGPPeer", name, node=name, peerIP=ADDRESS["far"], asNumber=65003) for name in ("one", "two")]
SYSTEMS = {"one": {"asNumber": 65001}, "two": {"asNumber": 65002}, "far": {"asNumber": 65003}}
FILTER = of(
    "BGPFilter",
    "mine",
    exportV4=[
        {
            "action": "Accept",
            "matchOperator": "Equal",
            "cidr": "192.168.3.0/26",
            "operations": [{"addCommunity": {"value": "65000:1"}}],
        },
        {"action": "Reject", "matchOperator": "In", "cidr": "192.168.2.0/24", "prefixLength": {"min": 32}},
    ],
    importV4=[{"action": "Reject", "communities": {"values": ["65000:1"]}}],
)
FILTERED = of("BGPPeer", "mesh", nodeSelector="all()", peerSelector="all()", filters=["mine"])
BORROWED = {"one": ["192.168.1.7", "192.168.2.9"]}
CASES: dict[str, Case] = {
    "a mesh, tunnels between subnets, a borrowed address": Case(a_cluster(pool={"ipipMode": "CrossSubnet"}), BORROWED),
    "a route reflector, tunnels everywhere": Case(reflected(), BORROWED),
    "three systems in a row, a Service of two nodes": Case(
        a_cluster(
            *PEERS,
            *service("198.51.100.7", "one", "two"),
            pool={"ipipMode": "Never"},
            nodes=SYSTEMS,
            nodeToNodeMeshEnabled=False,
            serviceExternalIPs=[{"cidr": "198.51.100.7/32"}],
        )
    ),
    "systems that keep the next hop": Case(
        a_cluster(
            *({**peer, "spec": {**peer["spec"], "nextHopMode": "Keep"}} for peer in PEERS),
            pool={"ipipMode": "CrossSubnet"},
            nodes=SYSTEMS,
            nodeToNodeMeshEnabled=False,
        )
    ),
    "filters with communities and lengths": Case(
        a_cluster(FILTERED, FILTER, pool={"ipipMode": "Never"}, nodeToNodeMeshEnabled=False), BORROWED
    ),
    "routes that Felix programs": Case(a_cluster(programClusterRoutes="Disabled"), BORROWED),
}
ROUTER = {"10.0.0": "10.0.0.254", "10.0.1": "10.0.1.254"}
LINKS = {name: Link("eth0", ROUTER[at.rpartition(".")[0]]) for name, at in NODES.items()}
WITHDRAWN = "a mesh, tunnels between subnets, a borrowed address"


class Node:
    """A machine that runs a BIRD by the model's configuration."""

    def __init__(self, host: Host, folder: Path) -> None:
        self.host, self.folder = host, folder
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = ["ip", "netns", "exec", self.host.name, BIRD, "-f", "-R"]
        files = ["-c", str(self.folder / "bird.cfg"), "-s", str(self.folder / "ctl")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([*command, *files], stdout=log, stderr=log)

    def end(self) -> None:
        """Without a word, as when its container is killed."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def told(self, *command: str) -> str:
        done = subprocess.run(
            ["birdc", "-s", str(self.folder / "ctl"), *command], capture_output=True, text=True, check=False
        )
        return done.stdout

    def established(self) -> set[str]:
        """The names of the sessions that are."""
        return {line.split()[0] for line in self.told("show", "protocols").splitlines() if "Established" in line}

    def routes(self) -> list[Route]:
        """What BIRD has put into the kernel, as the model tells it: of a route with the tunnel's realm the device and
        the next hop as BGP told it."""
        hops = self._next_hops()
        found = []
        for line in self.host.run("ip", "-oneline", "route", "show", "proto", "bird").splitlines():
            if line.startswith("blackhole "):
                found.append(Route(_whole(line.split()[1]), kind="blackhole", by="bird"))
                continue
            to = _whole(line.split()[0])
            metric = int(re.findall(r"metric (\d+)", line)[0])
            if f"realm {TUNNEL}" in line:
                found.append(Route(to, "tunl0", hops[to], by="bird", on_link=True, metric=metric))
                continue
            ways = re.findall(r"via (\S+) dev (\S+)", line)
            found += [Route(to, device, via, by="bird", metric=metric) for via, device in ways]
        return sorted(found)

    def _next_hops(self) -> dict[str, str]:
        found, to = {}, ""
        for line in self.told("show", "route", "all", "primary").splitlines():
            if line and not line[0].isspace() and "/" in line:
                to = line.split()[0]
            elif "BGP.next_hop:" in line:
                found[to] = line.split()[-1]
        return found


def _whole(to: str) -> str:
    return to if "/" in to else f"{to}/32"


class Cluster:
    def __init__(self, case: Case, nodes: dict[str, Node], switches: dict[str, Host]) -> None:
        self.case, self.nodes, self.switches = case, nodes, switches
        self.store = datastore(case.objects)

    def model(self, without: str = "") -> dict[str, list[Route]]:
        """What the model says; `without` the sessions of one node."""
        found = routes(
            self.store, lambda one, other: without not in (one, other), workloads=self.case.workloads, links=LINKS
        )
        return {name: sorted(those) for name, those in found.items()}

    def asked(self, name: str) -> set[str]:
        return {one.name for one in sessions(self.store) if one.node == name and not one.problem}


@contextmanager
def cluster(case: Case, folder: Path) -> Iterator[Cluster]:
    """Three machines in two subnets with a router between them."""
    with ExitStack() as stack:
        switches = {subnet: stack.enter_context(host()) for subnet in ROUTER}
        for switch in switches.values():
            switch.run("ip", "link", "add", "br0", "type", "bridge")
            switch.run("ip", "link", "set", "br0", "up")
        router = stack.enter_context(host())
        for number, (subnet, address) in enumerate(ROUTER.items()):
            plugged(router, f"eth{number}", f"{address}/24", switches[subnet], f"r{number}")
        router.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        nodes = {}
        store = datastore(case.objects)
        for name, at in NODES.items():
            here = stack.enter_context(host())
            subnet = at.rpartition(".")[0]
            plugged(here, "eth0", at, switches[subnet], name)
            here.run("ip", "route", "add", "default", "via", ROUTER[subnet])
            for number, address in enumerate(case.workloads.get(name, ())):
                here.run("ip", "link", "add", f"cali{number}", "type", "veth", "peer", "name", f"peer{number}")
                here.run("ip", "link", "set", f"cali{number}", "up")
                here.run("ip", "route", "add", f"{address}/32", "dev", f"cali{number}", "proto", "80", "metric", "1024")
            there = folder / name
            there.mkdir(parents=True)
            for file, text in configuration(store, name).items():
                (there / file).write_text(translated(hasty(text), 4))
            nodes[name] = Node(here, there)
            stack.callback(nodes[name].end)
            nodes[name].start()
        yield Cluster(case, nodes, switches)


def plugged(here: Host, device: str, address: str, switch: Host, port: str) -> None:
    here.run("ip", "link", "set", "lo", "up")
    here.run("ip", "link", "add", device, "type", "veth", "peer", "name", port, "netns", switch.name)
    switch.run("ip", "link", "set", port, "master", "br0", "up")
    here.run("ip", "address", "add", address, "dev", device)
    here.run("ip", "link", "set", device, "up")


def becomes(what: Callable[[], Any], expected: Any) -> None:
    """Until it is so; at the end of patience the two are compared."""
    end = time.monotonic() + PATIENCE
    while what() != expected and time.monotonic() < end:
        time.sleep(0.1)
    assert what() == expected


@pytest.fixture(scope="module")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Cluster]]:
    """All of them at the same time: what takes long is to wait for one another."""
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("bird")
        yield {
            name: stack.enter_context(cluster(case, folder / str(number)))
            for number, (name, case) in enumerate(CASES.items())
        }


@pytest.mark.parametrize("name", CASES)
def test_sessions_come_up_and_routes_are_what_the_model_says(clusters, name):
    one = clusters[name]
    for node in one.nodes:
        becomes(one.nodes[node].established, one.asked(node))
    expected = one.model()
    for node in one.nodes:
        becomes(one.nodes[node].routes, expected[node])


def test_a_bird_that_is_killed_leaves_its_routes_for_a_while_and_finds_them_again(clusters):
    one = clusters[WITHDRAWN]
    before = one.model()
    for node in one.nodes:
        becomes(one.nodes[node].routes, before[node])
    one.nodes["two"].end()
    becomes(one.nodes["one"].established, one.asked("one") - {"Mesh_10_0_0_2"})
    assert {name: one.nodes[name].routes() for name in ("one", "far")} == {
        name: before[name] for name in ("one", "far")
    }
    one.nodes["two"].start()
    becomes(one.nodes["one"].established, one.asked("one"))
    assert one.nodes["one"].routes() == before["one"]


def test_a_bird_that_does_not_come_back_is_forgotten(clusters):
    one = clusters["a route reflector, tunnels everywhere"]
    becomes(one.nodes["one"].routes, one.model()["one"])
    one.nodes["two"].end()
    after = one.model(without="two")
    for node in ("one", "far"):
        becomes(one.nodes[node].routes, after[node])
    assert one.nodes["two"].host.run("ip", "route", "show", "proto", "bird")  # what it had programmed stays


def test_a_node_that_says_nothing_any_more_is_given_up_when_its_time_is_over(clusters):
    one = clusters["filters with communities and lengths"]
    becomes(one.nodes["one"].routes, one.model()["one"])
    one.switches["10.0.0"].run("ip", "link", "set", "two", "down")
    after = one.model(without="two")
    for node in ("one", "far"):
        becomes(one.nodes[node].routes, after[node])
    one.switches["10.0.0"].run("ip", "link", "set", "two", "up")
    for node in one.nodes:
        becomes(one.nodes[node].routes, one.model()[node])
