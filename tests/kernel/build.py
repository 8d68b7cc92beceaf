"""A world of the model, built of network namespaces: its interfaces, routes, rules and programs in a real kernel."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from ipaddress import ip_interface
from itertools import count
from pathlib import Path
from typing import NamedTuple

from apps.cluster.cni.calico.felix.sets import has_ports
from apps.cluster.network.iptables.rule import restore_text
from apps.cluster.network.machine import Machine, Route, World
from apps.cluster.network.nftables.listing import listed
from tests.kernel.hosts import Host, host

PROGRAM, IPIP = (Path(__file__).with_name(name) for name in ("program.py", "ipip.py"))
SET_TYPES = {False: "hash:net", True: "hash:ip,port"}


class Question(NamedTuple):
    """What a machine asks, how often, and how many seconds it waits for an answer."""

    start: str
    protocol: str
    address: str
    port: int
    times: int = 1
    patience: float = 0.4


class Program:
    """What runs on one machine."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.told: dict[int, list[str]] = {}

    def send(self, number: int, asked: Question) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([number, *asked[1:]]) + "\n")
        self.process.stdin.flush()

    def result(self, number: int) -> list[str]:
        assert self.process.stdout is not None
        while number not in self.told:
            line = self.process.stdout.readline()
            assert line, "the program has ended"
            other, heard = json.loads(line)
            self.told[other] = heard
        return self.told.pop(number)


class Built:
    """The machines of a world, running."""

    def __init__(self, hosts: dict[str, Host]) -> None:
        self.hosts = hosts
        self.programs: dict[str, Program] = {}
        self.plugs: dict[str, list[tuple[Host, str]]] = {}  # machine -> switches and ports that it is plugged into
        self.tunnels: dict[str, subprocess.Popen[str]] = {}  # machine -> who does its IP-in-IP
        self.neighbours: set[tuple[str, str, str]] = set()  # machine, interface, address that is known for good there
        self.loaded: dict[str, frozenset[str]] = {}  # machine -> tables in which there may be something
        self.routes: dict[str, set[str]] = {}  # machine -> what `ip route add` was told
        self._numbers = count(1)

    def ask(
        self, start: str, protocol: str, address: str, port: int, times: int = 1, patience: float = 0.4
    ) -> list[str]:
        """What a client on a machine hears: "web-1 10.0.0.99" (who answered, and whom it saw), refused, no answer."""
        return self.ask_all([Question(start, protocol, address, port, times, patience)])[0]

    def ask_all(self, questions: Sequence[Question]) -> list[list[str]]:
        """All of them at the same time."""
        numbered = [(next(self._numbers), question) for question in questions]
        for number, question in numbered:
            self.programs[question.start].send(number, question)
        return [self.programs[question.start].result(number) for number, question in numbered]

    def load(self, name: str, machine: Machine) -> None:
        """The machine's tables as iptables-restore and nft take them; its sets before, as they are named there."""
        if machine.sets:
            self.hosts[name].run("ipset", "restore", "-exist", text=_sets(machine))
        emptied = {table: {} for table in self.loaded.get(name, ()) if table not in machine.tables}
        self.hosts[name].run("iptables-nft-restore", text=restore_text({**emptied, **machine.tables}))
        self.loaded[name] = frozenset(machine.tables)
        for table in machine.nft:
            anew = f"add table {table}\ndelete table {table}\n{listed(table)}"
            self.hosts[name].run("nft", "-f", "-", text=anew)

    def lead(self, name: str, machine: Machine) -> None:
        """The machine's routes; those of before that it has no more go."""
        wanted = {_words(route): None for route in sorted(machine.routes, key=lambda route: bool(route.via))}
        wanted = {words: None for words in wanted if words}
        there = self.routes.get(name, set())
        lines = [f"route del {words}" for words in there if words not in wanted]
        lines += [f"route replace {words}" for words in wanted if words not in there]
        if lines:
            self.hosts[name].run("ip", "-batch", "-", text="\n".join(lines) + "\n")
        self.routes[name] = set(wanted)
        if name in self.tunnels:
            devices = {interface.name for interface in machine.interfaces.values() if interface.kind == "ipip"}
            ways = {route.to: route.via for route in machine.routes if route.device in devices and route.via}
            _said(self.tunnels[name], json.dumps(ways))

    def meet(self, world: World) -> None:
        """Addresses that a machine answers for without having them (a balancer's): its neighbours know its hardware's.
        Those of before go."""
        wanted = {}
        for segment, neighbours in world.segments.items():
            for address, (owner, device) in neighbours.items():
                there = world.machines[owner].interfaces[device].addresses
                if address in {str(ip_interface(own).ip) for own in there}:
                    continue
                for name, interface in _plugged(world, segment):
                    if name != owner:
                        wanted[name, interface, address] = mac_of(there[0], "02")
        for name, interface, address in self.neighbours - set(wanted):
            self.hosts[name].run("ip", "neigh", "del", address, "dev", interface)
        for (name, interface, address), mac in wanted.items():
            words = ("lladdr", mac, "dev", interface, "nud", "permanent")
            self.hosts[name].run("ip", "neigh", "replace", address, *words)
        self.neighbours = set(wanted)

    def reload(self, world: World) -> None:
        """The same machines with other rules and routes; some may be switched off, or have their cable pulled."""
        for name, machine in world.machines.items():
            if name not in self.hosts or machine.kind == "pod":
                continue
            if machine.tables or machine.nft or self.loaded.get(name):
                self.load(name, machine)
            plugs = self.plugs.get(name, ())
            switches = {switch for switch, _port in plugs}
            near = [other for other, those in self.plugs.items() if switches & {switch for switch, _port in those}]
            alone = not any(world.reachable(name, other) for other in near if other != name)
            for switch, port in plugs:
                switch.run("ip", "link", "set", port, "down" if alone or not machine.up else "up")
            if machine.forwards:
                self.hosts[name].run("conntrack", "-F")
            self.lead(name, machine)
        self.meet(world)


def _plugged(world: World, segment: str) -> Iterator[tuple[str, str]]:
    """The machines on a segment, and their interfaces there."""
    for name, machine in world.machines.items():
        for interface in machine.interfaces.values():
            if interface.kind == "ethernet" and interface.peer[1] == segment:
                yield name, interface.name


def _words(route: Route) -> str:
    """What `ip route add` takes; "" for a route that comes with an address."""
    if route.by == "kernel" and route.source:
        return ""
    words = ["blackhole"] if route.kind == "blackhole" else []
    words += [route.to]
    words += ["via", route.via] if route.via else []
    words += ["dev", route.device] if route.device else []
    words += ["scope", "link"] if route.device and not route.via else []
    words += ["src", route.source] if route.source else []
    words += ["metric", str(route.metric)] if route.metric else []
    words += ["onlink"] if route.on_link else []
    return " ".join(words)


def _sets(machine: Machine) -> str:
    lines = []
    for name, members in machine.sets.items():
        with_ports = has_ports(name[len("cali40") :])
        lines += [f"create {name} {SET_TYPES[with_ports]}", f"flush {name}"]
        lines += [f"add {name} {member}" for member in sorted(members)]
    return "\n".join(lines) + "\n"


@contextmanager
def built(world: World) -> Iterator[Built]:
    """Everything is gone afterwards."""
    with ExitStack() as stack:
        hosts = {name: stack.enter_context(host()) for name in world.machines}
        switches = {segment: stack.enter_context(host()) for segment in world.segments}
        for switch in switches.values():
            switch.run("ip", "link", "add", "br0", "type", "bridge")
            switch.run("ip", "link", "set", "br0", "up")
        found = Built(hosts)
        for name, machine in world.machines.items():
            _interfaces(found, switches, name, machine)
            for interface in machine.interfaces.values():
                if interface.kind == "ipip":
                    found.tunnels[name] = stack.enter_context(_running(hosts[name], IPIP, interface.name))
        for name, machine in world.machines.items():
            _addresses(hosts[name], machine)
        found.meet(world)
        for name, machine in world.machines.items():
            found.lead(name, machine)
            if machine.tables or machine.nft:
                found.load(name, machine)
            found.programs[name] = stack.enter_context(_program(hosts[name], name, machine))
        yield found


def _interfaces(found: Built, switches: dict[str, Host], name: str, machine: Machine) -> None:
    here = found.hosts[name]
    here.run("ip", "link", "set", "lo", "up")
    for interface in machine.interfaces.values():
        other, peer = interface.peer
        if interface.kind == "ethernet":
            plugs = found.plugs.setdefault(name, [])
            port = f"p{sum(map(len, found.plugs.values()))}"
            switch = switches[peer]
            here.run("ip", "link", "add", interface.name, "type", "veth", "peer", "name", port, "netns", switch.name)
            here.run("ip", "link", "set", interface.name, "address", mac_of(interface.addresses[0], "02"))
            switch.run("ip", "link", "set", port, "master", "br0", "up")
            plugs.append((switch, port))
        elif interface.kind == "veth" and machine.kind != "pod" and other in found.hosts:
            there = found.hosts[other].name
            here.run("ip", "link", "add", interface.name, "type", "veth", "peer", "name", peer, "netns", there)
    if machine.forwards:
        here.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.route_localnet=1")


def _addresses(here: Host, machine: Machine) -> None:
    lines = []
    for interface in machine.interfaces.values():
        name = interface.name
        if interface.kind == "vxlan":
            local = next(one.addresses[0] for one in machine.interfaces.values() if one.kind == "ethernet")
            local = str(ip_interface(local).ip)
            lines.append(f"link add {name} type vxlan id 4096 dstport 4789 local {local} nolearning dev eth0")
            lines.append(f"link set {name} address {mac_of(local)}")
        if interface.kind == "loopback":
            continue
        lines += [f"address add {address} dev {name}" for address in interface.addresses]
        lines.append(f"link set {name} mtu {interface.mtu} up")
        lines += [
            f"neigh add {gateway} lladdr {mac_of(remote)} dev {name} nud permanent"
            for gateway, remote in interface.remote.items()
        ]
    here.run("ip", "-batch", "-", text="\n".join(lines) + "\n")
    for interface in machine.interfaces.values():
        if interface.proxy_arp:
            here.run("sysctl", "-qw", f"net.ipv4.conf.{interface.name}.proxy_arp=1")
        for remote in interface.remote.values():
            here.run("bridge", "fdb", "append", mac_of(remote), "dev", interface.name, "dst", remote)


def mac_of(address: str, first: str = "66") -> str:
    """A hardware address that is a machine's alone: Calico makes that of a tunnel's end out of the node, too."""
    return ":".join(f"{part:02x}" for part in (int(first, 16), 0x1, *ip_interface(address).ip.packed))


@contextmanager
def _program(here: Host, name: str, machine: Machine) -> Iterator[Program]:
    ports = [f"{protocol}/{port}" for protocol, port in sorted(machine.listens)]
    with _running(here, PROGRAM, name, *ports) as process:
        yield Program(process)


@contextmanager
def _running(here: Host, program: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A program on a machine, from when it is ready."""
    command = ["ip", "netns", "exec", here.name, sys.executable, "-ISu", str(program), *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            _ready(process)
            yield process
        finally:
            process.kill()


def _ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "ready"


def _said(process: subprocess.Popen[str], line: str) -> None:
    """Tell a program something, and wait until it has taken it in."""
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()
    _ready(process)
