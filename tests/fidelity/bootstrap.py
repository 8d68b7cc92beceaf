"""The objects that are there before anyone did anything: what a real control plane had, looked for in ours.

A fact is a name in a list, or a field of an object with its value. Left out is what belongs to that build (its CA, its
ports, its stand-ins for kubelets) and what no two clusters share: addresses of machines, identities, times.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from apps.cluster.cluster import Cluster, Config
from tests.fidelity.flat import flat

Obj = dict[str, Any]
Fact = tuple[str, str]
KEPT = Path(__file__).parents[1] / "testdata" / "fidelity" / "bootstrap" / "objects.json"
OF_THAT_BUILD = ("openshift", "service-ca", "apiserver-")
STAND_INS = ("n1", "n2", "n3", "f2")  # its nodes, and a namespace of the test
OF_THAT_MACHINE = (
    "targetPort",
    "].port",
    "addresses",
    "hostname",
    "capacity",
    "allocatable",
    "nodeInfo",
    "images",
    "Time",
    "daemonEndpoints",
)


def theirs(recording: Obj) -> list[Fact]:
    """The facts of the recording."""
    found: list[Fact] = [("namespace", name) for name in recording["namespaces"]]
    for path, names in recording["bootstrap objects"].items():
        where = path.removeprefix("/apis/").removeprefix("/api/")
        found += [(where, name) for name in names]
    for about, obj in _objects(recording):
        found += [(about, f"{field}: {json.dumps(value)}") for field, value in flat(obj, template=False).items()]
    return [fact for fact in found if not _incidental(fact)]


def _objects(recording: Obj) -> Iterator[tuple[str, Obj]]:
    yield "Service default/kubernetes", recording["kubernetes svc"]
    yield "EndpointSlice default/kubernetes", {"kind": "EndpointSlice", **recording["default slices"]["items"][0]}
    yield "ServiceCIDR kubernetes", {"kind": "ServiceCIDR", **recording["servicecidrs"]["items"][0]}
    yield "IPAddress of a Service", {"kind": "IPAddress", **recording["ipaddresses sample"][0]}
    yield "Node", recording["node with all defaults"]


def _incidental(fact: Fact) -> bool:
    about, what = fact
    if what in STAND_INS or any(word in what for word in OF_THAT_BUILD):
        return True
    if about.startswith("IPAddress") and "parentRef.namespace" in what:
        return True
    return ":" in what and any(word in what.partition(": ")[0] for word in OF_THAT_MACHINE)


@cache
def kept() -> tuple[Fact, ...]:
    return tuple((about, what) for about, what in json.loads(KEPT.read_text()))


def ours() -> set[Fact]:
    """The facts of a cluster that nobody has used."""
    cluster = Cluster.boot(Config(workers=3, seed=1))
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a0", "namespace": "default"}}
    cluster.execute({"op": "create", "objects": [{**service, "spec": {"ports": [{"port": 80}]}}]})
    objects = cluster.view().objects
    found: set[Fact] = {("namespace", name) for name in objects.get("namespaces", {})}
    for about, _ in kept():
        place = about.split("/")
        if len(place) > 1 and place[-1] in objects:
            inside = f"{place[2]}/" if "namespaces" in place else ""
            found |= {(about, key.removeprefix(inside)) for key in objects[place[-1]] if key.startswith(inside)}
    wanted = {
        "Service default/kubernetes": objects.get("services", {}).get("default/kubernetes"),
        "EndpointSlice default/kubernetes": objects.get("endpointslices", {}).get("default/kubernetes"),
        "ServiceCIDR kubernetes": objects.get("servicecidrs", {}).get("kubernetes"),
        "IPAddress of a Service": _address(objects),
        "Node": objects["nodes"]["worker-1"],
    }
    for about, obj in wanted.items():
        if obj is not None:
            found |= {(about, f"{field}: {json.dumps(value)}") for field, value in flat(obj, template=False).items()}
    return found


def _address(objects: Any) -> Obj | None:
    service = objects["services"]["default/a0"]
    found: Obj | None = objects.get("ipaddresses", {}).get(service["spec"]["clusterIP"])
    return found
