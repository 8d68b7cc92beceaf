"""A world with policies: two nodes of the Service worlds, their Pods in namespaces, Felix' rules before kube-proxy's.

The resources are Kubernetes' and Calico's own; `felix.tables` makes of them what each node's kernel holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from apps.cluster.cni.calico.conversion import interface_name
from apps.cluster.cni.calico.felix.tables import Calculation
from apps.cluster.network.machine import Interface, Machine, Route, World
from tests.cluster.network.worlds import NODES, POD_CIDR, a_service, ruleset, world

Obj = dict[str, Any]
CLUSTER_IP = "10.96.0.10"
PODS = {  # name: (namespace, node, address, ports)
    "db": ("shop", "worker-1", "192.168.1.1"),
    "web": ("shop", "worker-2", "192.168.2.1"),
    "batch": ("shop", "worker-1", "192.168.1.2"),
    "lab": ("lab", "worker-2", "192.168.2.2"),
    "tool": ("lab", "worker-1", "192.168.1.3"),
}
LISTENS = (8080, 9090)
NAMESPACES = {"shop": {"team": "shop"}, "lab": {"team": "lab"}}


def resources(policies: Iterable[Obj] = (), pool: Obj | None = None) -> dict[str, dict[str, Obj]]:
    found: dict[str, dict[str, Obj]] = {
        "namespaces": {
            name: {"metadata": {"name": name, "labels": {**labels, "kubernetes.io/metadata.name": name}}}
            for name, labels in NAMESPACES.items()
        },
        "serviceaccounts": {
            f"{name}/default": {"metadata": {"name": "default", "namespace": name}} for name in NAMESPACES
        },
        "nodes": {
            name: {
                "metadata": {"name": name},
                "status": {"addresses": [{"type": "InternalIP", "address": address}]},
            }
            for name, (address, _block) in NODES.items()
        },
        "pods": {f"{PODS[name][0]}/{name}": a_pod(name) for name in PODS},
        "ippools.crd.projectcalico.org": {
            "pool": {"metadata": {"name": "pool"}, "spec": {"cidr": POD_CIDR, "natOutgoing": True, **(pool or {})}}
        },
    }
    for policy in policies:
        metadata = policy["metadata"]
        key = f"{metadata['namespace']}/{metadata['name']}" if "namespace" in metadata else metadata["name"]
        found.setdefault(_resource(policy), {})[key] = policy
    return found


def _resource(obj: Obj) -> str:
    kind = obj["kind"].lower()
    plural = f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"
    return f"{plural}.crd.projectcalico.org" if "projectcalico" in obj["apiVersion"] else plural


def a_pod(name: str) -> Obj:
    namespace, node, address = PODS[name]
    container = {"name": "c", "ports": [{"name": "main", "containerPort": 8080}]}
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {"nodeName": node, "serviceAccountName": "default", "containers": [container]},
        "status": {"podIP": address, "phase": "Running"},
    }


def policy_world(policies: Iterable[Obj] = (), *, pool: Obj | None = None, tunnel: str = "") -> World:
    """Both nodes with all of it, and a Service of `db` through kube-proxy."""
    calculation = Calculation(resources(policies, pool))
    base = world([], backends=(), tunnel=tunnel)
    service = a_service("db", CLUSTER_IP, type="NodePort")
    machines: dict[str, Machine] = {"client": base.machines["client"]}
    for name in NODES:
        proxy = ruleset(name, [service], [])
        proxy.slice_(
            {
                "metadata": {
                    "namespace": "default",
                    "name": "db-x",
                    "labels": {"kubernetes.io/service-name": "db"},
                },
                "addressType": "IPv4",
                "endpoints": [{"addresses": [PODS["db"][2]], "nodeName": PODS["db"][1]}],
                "ports": [{"name": "", "port": 8080, "protocol": "TCP"}],
            }
        )
        proxy.sync()
        theirs = {table: {**proxy.jumps()[table], **chains} for table, chains in proxy.tables().items()}
        felix = calculation.node(name)
        node = base.machines[name]
        interfaces = {key: one for key, one in node.interfaces.items() if not key.startswith("cali")}
        routes = [route for route in node.routes if not route.device.startswith("cali")]
        for pod, (namespace, where, ip) in PODS.items():
            if where == name:
                cali = interface_name(namespace, pod)
                interfaces[cali] = Interface(cali, "veth", (), 1450, (pod, "eth0"), proxy_arp=True)
                routes.append(Route(f"{ip}/32", cali, by="80"))
        machines[name] = node._replace(
            interfaces=interfaces, routes=tuple(routes), tables=felix.with_others(theirs), sets=felix.sets
        )
    for pod, (namespace, where, ip) in PODS.items():
        eth0 = Interface("eth0", "veth", (f"{ip}/32",), 1450, (where, interface_name(namespace, pod)))
        lo = Interface("lo", "loopback", ("127.0.0.1/8",), 65536)
        ways = (Route("169.254.1.1/32", "eth0"), Route("0.0.0.0/0", "eth0", "169.254.1.1"))
        listens = frozenset(("tcp", port) for port in LISTENS)
        machines[pod] = Machine(pod, "pod", {"lo": lo, "eth0": eth0}, ways, listens=listens)
    # Outside there is somebody who answers too.
    client = machines["client"]
    machines["client"] = client._replace(
        listens=frozenset({("tcp", 8080)}),
        routes=(*client.routes, Route(POD_CIDR, "eth0", NODES["worker-1"][0])),
    )
    return World(machines, base.segments)


def policy(name: str, chosen: str = "db", **spec: Any) -> Obj:
    """A NetworkPolicy of the namespace shop."""
    selector = {"matchLabels": {"app": chosen}} if chosen else {}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"podSelector": selector, **spec},
    }


def calico(kind: str, name: str, namespace: str = "", **spec: Any) -> Obj:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": "projectcalico.org/v3", "kind": kind, "metadata": metadata, "spec": spec}


WEB = {"podSelector": {"matchLabels": {"app": "web"}}}
LAB = {"namespaceSelector": {"matchLabels": {"team": "lab"}}}
POLICIES: dict[str, list[Obj]] = {
    "none": [],
    "default deny of what comes in": [policy("deny", "", policyTypes=["Ingress"])],
    "default deny of what goes out": [policy("deny", "", policyTypes=["Egress"])],
    "from Pods by label, to a port": [policy("a", ingress=[{"from": [WEB], "ports": [{"port": 8080}]}])],
    "from another namespace, to a named port": [policy("a", ingress=[{"from": [LAB], "ports": [{"port": "main"}]}])],
    "from some Pods of another namespace": [
        policy("a", ingress=[{"from": [{**LAB, "podSelector": {"matchLabels": {"app": "tool"}}}]}])
    ],
    "from a block of addresses, with exceptions": [
        policy("a", ingress=[{"from": [{"ipBlock": {"cidr": "192.168.2.0/24", "except": ["192.168.2.2/32"]}}]}])
    ],
    "from the node's network": [policy("a", ingress=[{"from": [{"ipBlock": {"cidr": "10.0.0.0/24"}}]}])],
    "several add up": [
        policy("a", ingress=[{"from": [WEB], "ports": [{"port": 8080}]}]),
        policy("b", ingress=[{"from": [LAB], "ports": [{"port": 9090}]}]),
    ],
    "out to a named port of others": [
        policy("a", "batch", policyTypes=["Egress"], egress=[{"to": [WEB], "ports": [{"port": "main"}]}])
    ],
    "out to all but a range of ports": [
        policy("a", "batch", policyTypes=["Egress"], egress=[{"ports": [{"port": 9000, "endPort": 9100}]}])
    ],
    "a global policy before it denies": [
        calico(
            "GlobalNetworkPolicy",
            "first",
            order=10,
            selector="app == 'db'",
            types=["Ingress"],
            ingress=[{"action": "Deny", "source": {"selector": "app == 'web'"}}],
        ),
        policy("a", ingress=[{}]),
    ],
    "a global policy after it allows the rest": [
        policy("a", ingress=[{"from": [WEB]}]),
        calico("GlobalNetworkPolicy", "last", order=2000, selector="all()", ingress=[{"action": "Allow"}]),
    ],
    "a tier before it passes some on, and denies the others": [
        calico("Tier", "guard", order=100),
        calico(
            "GlobalNetworkPolicy",
            "guard.db",
            tier="guard",
            selector="app == 'db'",
            types=["Ingress"],
            ingress=[
                {"action": "Pass", "source": {"namespaceSelector": "team == 'lab'"}},
                {"action": "Allow", "protocol": "TCP", "destination": {"ports": [9090]}},
            ],
        ),
        policy("a", ingress=[{"from": [LAB], "ports": [{"port": 8080}]}]),
    ],
    "networks that have a name": [
        calico("GlobalNetworkSet", "outside", nets=["10.0.0.64/26", "192.168.2.2/32"]) | {},
        calico(
            "NetworkPolicy",
            "a",
            "shop",
            selector="app == 'db'",
            ingress=[{"action": "Allow", "source": {"selector": "kind == 'outside'", "namespaceSelector": "global()"}}],
        ),
    ],
}
POLICIES["networks that have a name"][0]["metadata"]["labels"] = {"kind": "outside"}
