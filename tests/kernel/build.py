"""A world of the model, built of network namespaces: its interfaces, routes, rules and programs in a real kernel."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import ip_interface

from apps.cluster.network.iptables.rule import restore_text
from apps.cluster.network.machine import Machine, World
from tests.kernel.hosts import Host, host

# Says who asked: what the server saw as the client's address.
SERVER = """
import socket, sys, threading
def tcp(port):
    server = socket.socket(); server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("0.0.0.0", port)); server.listen(64)
    while True:
        one, peer = server.accept(); one.sendall((sys.argv[1] + " " + peer[0]).encode()); one.close()
def udp(port):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); server.bind(("0.0.0.0", port))
    while True:
        _data, peer = server.recvfrom(100); server.sendto((sys.argv[1] + " " + peer[0]).encode(), peer)
for kind, port in (pair.split("/") for pair in sys.argv[2:]):
    threading.Thread(target={"tcp": tcp, "udp": udp}[kind], args=(int(port),), daemon=True).start()
print("ready", flush=True)
threading.Event().wait()
"""
# Asks so often, and says what came of it each time.
CLIENT = """
import json, socket, sys
kind, address, port, times = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
told = []
for _ in range(times):
    one = socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    one.settimeout(float(sys.argv[5]))
    try:
        one.connect((address, port))
        if kind == "udp":
            one.send(b"?")
        told.append(one.recv(100).decode())
    except ConnectionRefusedError:
        told.append("refused")
    except TimeoutError:
        told.append("no answer")
    except OSError as error:
        told.append("unreachable" if error.errno in (101, 113) else error.strerror)
    finally:
        one.close()
print(json.dumps(told))
"""


class Built:
    """The machines of a world, running."""

    def __init__(self, hosts: dict[str, Host]) -> None:
        self.hosts = hosts

    def ask(
        self, start: str, protocol: str, address: str, port: int, times: int = 1, patience: float = 0.4
    ) -> list[str]:
        """What a client on a machine hears: "web-1 10.0.0.99" (who answered, and whom it saw), refused, no answer."""
        text = self.hosts[start].run(
            sys.executable, "-c", CLIENT, protocol, address, str(port), str(times), str(patience)
        )
        answers: list[str] = json.loads(text)
        return answers

    def load(self, name: str, machine: Machine) -> None:
        """The machine's tables, as iptables-restore takes them."""
        self.hosts[name].run("iptables-nft-restore", text=restore_text(machine.tables))


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
            if machine.tables:
                found.load(name, machine)
            if machine.listens:
                stack.enter_context(_program(hosts[name], name, machine))
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
def _program(here: Host, name: str, machine: Machine) -> Iterator[None]:
    ports = [f"{protocol}/{port}" for protocol, port in sorted(machine.listens)]
    command = ["ip", "netns", "exec", here.name, sys.executable, "-u", "-c", SERVER, name, *ports]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == "ready"
            yield
        finally:
            process.kill()
