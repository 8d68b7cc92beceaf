"""Whatever becomes of its Pods, the slices of a Service hold each once, under its ports, a hundred to a slice."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.controllers.endpointslice.reconcile import MAX_ENDPOINTS, reconcile
from apps.cluster.engine import Randomness
from tests.cluster.controllers.objects import service

Obj = dict[str, Any]
PORTS = (8080, 9090, 0)  # what the name "http" means in a Pod; 0: it has no such port


def a_service(distribution: str) -> Obj:
    made = service("web", clusterIP="10.96.0.9", ipFamilies=["IPv4"])
    made["metadata"] |= {"namespace": "default", "uid": "svc"}
    made["spec"]["ports"] = [
        {"name": "http", "port": 80, "protocol": "TCP", "targetPort": "http"},
        {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53},
    ]
    if distribution:
        made["spec"]["trafficDistribution"] = distribution
    return made


def pod(number: int, port: int, *, ready: bool, going: bool) -> Obj:
    ip = f"10.244.{number // 250}.{number % 250 + 1}"
    ports = [{"name": "http", "containerPort": port}] if port else []
    metadata: Obj = {"name": f"web-{number}", "namespace": "default", "uid": f"u{number}"}
    if going:
        metadata["deletionTimestamp"] = "2026-11-23T00:01:00Z"
    return {
        "metadata": metadata,
        "spec": {"nodeName": f"n{number % 3}", "containers": [{"name": "c", "ports": ports}]},
        "status": {
            "phase": "Running",
            "podIPs": [{"ip": ip}],
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        },
    }


def node(name: str) -> Obj:
    return {"metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": f"zone-{name}"}}}


@pytest.mark.parametrize("distribution", ["", "PreferSameZone", "PreferSameNode"])
@pytest.mark.parametrize("seed", range(8))
def test_every_pod_stands_in_one_slice_of_its_ports(seed: int, distribution: str) -> None:
    random, made = Randomness(seed), a_service(distribution)
    pods: dict[int, Obj] = {}
    slices: dict[str, Obj] = {}
    memo: Any = {}
    for turn in range(25):
        for _ in range(random.below(60)):
            number = random.below(320)
            if random.below(3) == 0:
                pods.pop(number, None)
            else:
                port = PORTS[number % 7 % 3]
                pods[number] = pod(number, port, ready=random.below(4) > 0, going=random.below(9) == 0)
        decided = reconcile(made, list(pods.values()), list(slices.values()), node, memo)
        for one in decided.delete:
            del slices[one["metadata"]["name"]]
        for count, one in enumerate(decided.create):
            name = f"web-{turn}-{count}"
            slices[name] = {**one, "metadata": {**one["metadata"], "name": name}}
        for one in decided.update:
            slices[one["metadata"]["name"]] = one
        found: dict[str, tuple[int, ...]] = {}
        for one in slices.values():
            assert len(one["endpoints"]) <= MAX_ENDPOINTS, f"seed {seed}, turn {turn}"
            for endpoint in one["endpoints"]:
                name = endpoint["targetRef"]["name"]
                assert name not in found, f"seed {seed}, turn {turn}: {name} twice"
                found[name] = tuple(sorted(port["port"] for port in one["ports"]))
                hints = endpoint.get("hints") or {}
                wanted = bool(distribution) and endpoint["conditions"]["ready"]
                assert ("forZones" in hints) is wanted, f"seed {seed}, turn {turn}: {name}"
                assert ("forNodes" in hints) is (wanted and distribution == "PreferSameNode")
        assert found == {
            f"web-{number}": (53, PORTS[number % 7 % 3]) if PORTS[number % 7 % 3] else (53,) for number in pods
        }, f"seed {seed}, turn {turn}"
        again = reconcile(made, list(pods.values()), list(slices.values()), node, {})
        assert (again.create, again.update, again.delete) == ([], [], []), f"seed {seed}, turn {turn}: not at rest"
