"""A whole data plane for the benchmark: 100 nodes, 5,000 Pods, 1,000 Services, made without a cluster behind it."""

from __future__ import annotations

from typing import Any

from apps.cluster.cluster import Config
from apps.cluster.dataplane.agents import CALICO, ESTABLISHED, PROXY, UP
from apps.cluster.dataplane.dataplane import Dataplane, Source
from apps.cluster.dataplane.marks import Marks
from apps.cluster.machines import Machine

Obj = dict[str, Any]
NODES = 100


def address(number: int) -> str:
    return f"192.168.{number // 50 * 64 // 256}.{number // 50 * 64 % 256 + number % 50 + 1}"


def a_pod(number: int, service: int) -> Obj:
    return {
        "metadata": {"namespace": "default", "name": f"pod-{number}", "labels": {"app": f"app-{service}"}},
        "spec": {
            "nodeName": f"worker-{number // 50 + 1}",
            "serviceAccountName": "default",
            "containers": [{"name": "web", "ports": [{"containerPort": 8080}]}],
        },
        "status": {
            "phase": "Running",
            "podIP": address(number),
            "containerStatuses": [{"name": "web", "state": {"running": {}}}],
        },
    }


def a_node(number: int) -> Obj:
    addresses = [{"type": "InternalIP", "address": f"10.0.0.{number + 10}"}]
    return {"metadata": {"name": f"worker-{number + 1}"}, "status": {"addresses": addresses}}


def objects(services: dict[str, Obj], slices: dict[str, Obj], each: int) -> dict[str, dict[str, Obj]]:
    pods = {f"default/pod-{number}": a_pod(number, number // each) for number in range(len(services) * each)}
    nodes = {f"worker-{number + 1}": a_node(number) for number in range(NODES)}
    namespace: Obj = {"metadata": {"name": "default", "labels": {}}}
    account = {"metadata": {"name": "default", "namespace": "default"}}
    return {
        "nodes": nodes,
        "pods": pods,
        "services": services,
        "endpointslices": slices,
        "namespaces": {"default": namespace},
        "serviceaccounts": {"default/default": account},
    }


def plane(found: dict[str, dict[str, Obj]]) -> Dataplane:
    marks = Marks()
    machines = {}
    for number, name in enumerate(found["nodes"]):
        machines[name] = Machine(name, address=f"10.0.0.{number + 10}")
        for agent, state in ((PROXY, UP), (CALICO, UP), ("bird", ESTABLISHED)):
            marks.write(1, f"{name}/{agent}", state)
    return Dataplane(
        Source(
            marks,
            Config(),
            lambda _position: found,
            lambda _position: machines,
            lambda _position: {},
            lambda _position: 1,
            lambda _position: {},
        ),
        1,
    )
