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
from apps.cluster.network.machine import Machine, World
from apps.cluster.network.nftables.listing import listed
from tests.kernel.hosts import Host, host

PROGRAM = Path(__file__).with_name("program.py")
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
        if machine.tables:
            self.hosts[name].run("iptables-nft-restore", text=restore_text(machine.tables))
        for table in machine.nft:
            anew = f"add table {table}\ndelete table {table}\n{listed(table)}"
            self.hosts[name].run("nft", "-f", "-", text=anew)

    def reload(self, world: World) -> None:
        """The same machines with other rules."""
        for name, machine in world.machines.items():
            if machine.tables or machine.nft:
                self.load(name, machine)


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
            _interfaces(world, hosts, switches, name, machine)
        for name, machine in world.machines.items():
            _addresses(hosts[name], machine)
        for name, machine in world.machines.items():
            _routes(hosts[name], machine)
            if machine.tables or machine.nft:
                found.load(name, machine)
            found.programs[name] = stack.enter_context(_program(hosts[name], name, machine))
        yield found


def _interfaces(world: World, hosts: dict[str, Host], switches: dict[str, Host], name: str, machine: Machine) -> None:
    here = hosts[name]
    here.run("ip", "link", "set", "lo", "up")
    for number, interface in enumerate(machine.interfaces.values()):
        other, peer = interface.peer
        if interface.kind == "ethernet":
            port = f"p{len(name)}{number}{name[-4:]}"
            switch = switches[peer]
            here.run("ip", "link", "add", interface.name, "type", "veth", "peer", "name", port, "netns", switch.name)
            switch.run("ip", "link", "set", port, "master", "br0", "up")
        elif interface.kind == "veth" and machine.kind != "pod":
            here.run(
                "ip", "link", "add", interface.name, "type", "veth", "peer", "name", peer, "netns", hosts[other].name
            )
    if machine.forwards:
        here.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.route_localnet=1")


def _addresses(here: Host, machine: Machine) -> None:
    for interface in machine.interfaces.values():
        if interface.kind == "vxlan":
            local = next(one.addresses[0] for one in machine.interfaces.values() if one.kind == "ethernet")
            here.run(
                "ip", "link", "add", interface.name, "type", "vxlan", "id", "4096", "dstport", "4789",
                "local", str(ip_interface(local).ip), "nolearning", "dev", "eth0",
            )  # fmt: skip
            here.run("ip", "link", "set", interface.name, "address", mac_of(str(ip_interface(local).ip)))
        for address in interface.addresses:
            if interface.kind != "loopback":
                here.run("ip", "address", "add", address, "dev", interface.name)
        if interface.kind != "loopback":
            here.run("ip", "link", "set", interface.name, "mtu", str(interface.mtu), "up")
        if interface.proxy_arp:
            here.run("sysctl", "-qw", f"net.ipv4.conf.{interface.name}.proxy_arp=1")
        for gateway, remote in interface.remote.items():
            mac = mac_of(remote)
            here.run("bridge", "fdb", "append", mac, "dev", interface.name, "dst", remote)
            here.run("ip", "neigh", "add", gateway, "lladdr", mac, "dev", interface.name, "nud", "permanent")


def mac_of(address: str) -> str:
    """Calico makes the hardware address of its tunnel's end out of the node; any that is the node's alone will do."""
    return "66:" + ":".join(f"{part:02x}" for part in (0x1, *ip_interface(address).ip.packed))


def _routes(here: Host, machine: Machine) -> None:
    there = here.run("ip", "route", "show")
    for route in machine.routes:
        if f"{route.to} dev {route.device} " in there and not route.via:
            continue  # came with the address
        words = ["ip", "route", "replace"]
        words += ["blackhole"] if route.kind == "blackhole" else []
        words += [route.to]
        words += ["via", route.via] if route.via else []
        words += ["dev", route.device] if route.device else []
        words += ["scope", "link"] if route.device and not route.via else []
        words += ["src", route.source] if route.source else []
        words += ["onlink"] if route.on_link else []
        here.run(*words)


@contextmanager
def _program(here: Host, name: str, machine: Machine) -> Iterator[Program]:
    ports = [f"{protocol}/{port}" for protocol, port in sorted(machine.listens)]
    command = ["ip", "netns", "exec", here.name, sys.executable, "-ISu", str(PROGRAM), name, *ports]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == "ready"
            yield Program(process)
        finally:
            process.kill()
