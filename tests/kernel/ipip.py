"""An IP-in-IP device for a kernel without one: a TUN device, and who wraps what comes through it.

Started as `ipip.py DEVICE`; it makes the device, and ends with it. All else is the kernel's own: the routes that lead
into the device, and the packets around, protocol 4, which pass OUTPUT and POSTROUTING here and INPUT there as those of
the kernel's device do. What a TUN device does not tell is the next hop: each line on the input is all that leads into
the device, in JSON, network -> whom to send to.
"""

import fcntl
import json
import os
import socket
import struct
import sys
import threading
from ipaddress import ip_address, ip_network

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
PROTOCOL = 4
LARGEST = 65535


class Tunnel:
    def __init__(self, device: str) -> None:
        self.tun = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(self.tun, TUNSETIFF, struct.pack("16sH", device.encode(), IFF_TUN | IFF_NO_PI))
        self.raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, PROTOCOL)
        self.ways: list = []  # (network, remote), the longest first

    def wrap(self) -> None:
        while True:
            packet = os.read(self.tun, LARGEST)
            target = ip_address(packet[16:20])
            remote = next((remote for network, remote in self.ways if target in network), None)
            if packet[0] >> 4 == 4 and remote is not None:
                self.raw.sendto(packet, (remote, 0))

    def unwrap(self) -> None:
        while True:
            packet = self.raw.recv(LARGEST)
            os.write(self.tun, packet[(packet[0] & 0xF) * 4 :])

    def learn(self, line: str) -> None:
        ways = [(ip_network(network), remote) for network, remote in json.loads(line).items()]
        self.ways = sorted(ways, key=lambda way: -way[0].prefixlen)


def main() -> None:
    tunnel = Tunnel(sys.argv[1])
    for work in (tunnel.wrap, tunnel.unwrap):
        threading.Thread(target=work, daemon=True).start()
    print("ready", flush=True)
    for line in sys.stdin:
        tunnel.learn(line)
        print("ready", flush=True)


if __name__ == "__main__":
    main()
