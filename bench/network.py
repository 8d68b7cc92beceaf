"""What one node's network costs the model: kube-proxy's rules, written whole and after one change.

1,000 Services of 5 endpoints each, half of them on this node. `python -m bench network`
"""

from __future__ import annotations

import time

from apps.cluster.proxy.config import ProxyConfig
from apps.cluster.proxy.iptables import Ruleset
from bench.result import Result

SERVICES, ENDPOINTS = 1_000, 5
ROUNDS = 50
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
    ]
