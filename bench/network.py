"""What a network costs the model: kube-proxy's rules, whole and after one change; routes and chains; packets.

1,000 Services of 5 endpoints each, 5,000 Pods on 100 nodes. `python -m bench network`
"""

from __future__ import annotations

import time

from apps.cluster.dataplane import Ask
from apps.cluster.network.packet import Packet
from apps.cluster.network.walk import send
from apps.cluster.proxy.config import ProxyConfig
from apps.cluster.proxy.iptables import Ruleset
from bench import walks
from bench.result import Result, percentile

SERVICES, ENDPOINTS = 1_000, 5
ROUNDS = 50
PACKETS = 200
Obj = dict[str, object]


def a_service(number: int) -> Obj:
    spec = {
        "type": "NodePort" if number % 5 == 0 else "ClusterIP",
        "clusterIP": f"10.96.{number // 250}.{number % 250 + 1}",
        "ports": [
            {"name": "http", "port": 80, "protocol": "TCP", "nodePort": 30_000 + number if number % 5 == 0 else 0}
        ],
    }
    return {"metadata": {"namespace": "default", "name": f"app-{number}"}, "spec": spec}


def a_slice(number: int, endpoints: int = ENDPOINTS) -> Obj:
    return {
        "metadata": {
            "namespace": "default",
            "name": f"app-{number}-1",
            "labels": {"kubernetes.io/service-name": f"app-{number}"},
        },
        "addressType": "IPv4",
        "endpoints": [
            {"addresses": [f"192.168.{number // 50}.{number % 50 * 5 + at}"], "nodeName": f"worker-{at % 2 + 1}"}
            for at in range(endpoints)
        ],
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    }


def measure() -> list[Result]:
    rules = Ruleset(ProxyConfig("worker-1", ("10.0.0.11",), 4, "192.168.0.0/16", large=10_000))
    begun = time.process_time()
    for number in range(SERVICES):
        rules.service("default", f"app-{number}", a_service(number))
        rules.slice_(a_slice(number))
    rules.sync()
    rules.tables()
    full = time.process_time() - begun
    begun = time.process_time()
    for turn in range(ROUNDS):
        rules.slice_(a_slice(turn, ENDPOINTS - 1))
        rules.sync()
    one = (time.process_time() - begun) / ROUNDS
    what = f"{SERVICES:,} Services, {SERVICES * ENDPOINTS:,} endpoints"
    return [
        Result(f"{what}: all rules of a node", full * 1000, "ms"),
        Result("one endpoint less: its rules anew", one * 1000, "ms", full * 1000 / 50),
        Result("ratio", full / one, "times"),
        *_packets(),
    ]


def _packets() -> list[Result]:
    """A node's whole kernel, and packets between Pods of different nodes, there and back."""
    services = {f"default/app-{number}": a_service(number) for number in range(SERVICES)}
    slices = {f"default/app-{number}-1": _slice_of_pods(number) for number in range(SERVICES)}
    plane = walks.plane(walks.objects(services, slices, ENDPOINTS))
    world = plane.world()
    begun = time.process_time()
    plane.machine("worker-1")
    kernel = time.process_time() - begun
    for warm in range(walks.NODES):
        plane.machine(f"worker-{warm + 1}")
    times, ways = [], []
    for turn in range(PACKETS):
        ask = Ask("pods/default/pod-0", f"10.96.{turn % SERVICES // 250}.{turn % 250 + 1}", 80, packet=turn)
        begun = time.process_time()
        journey = plane.send(ask)
        times.append((time.process_time() - begun) * 1000)
        assert journey.arrived, journey.findings
        packet = Packet("", journey.address, "tcp", 80, 40_000 + turn)
        begun = time.process_time()
        walk = send(world, "default/pod-0", packet, lambda _probability: False)
        ways.append((time.process_time() - begun) * 1000)
        assert walk.end == "delivered", walk.why
    return [
        Result("one node's kernel: rules, routes, policy chains", kernel * 1000, "ms"),
        Result("a packet to a Service, median", percentile(ways, 50), "ms", 2.0),
        Result("with its answer, and what there is to say of it", percentile(times, 50), "ms"),
    ]


def _slice_of_pods(number: int) -> Obj:
    found = a_slice(number)
    first = number * ENDPOINTS
    found["endpoints"] = [
        {"addresses": [walks.address(first + at)], "nodeName": f"worker-{(first + at) // 50 + 1}"}
        for at in range(ENDPOINTS)
    ]
    return found
