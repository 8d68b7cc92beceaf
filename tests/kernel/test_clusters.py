"""Running clusters judged by a real kernel: what their agents have programmed at each moment is built and sent through.

Each story is one set of network namespaces, with every machine and Pod that there ever was in it; from moment to moment
rules, routes and cables change as the model's do. A kernel need not have IP-in-IP (`ipip.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import pytest
import yaml

from apps.cluster.cluster import Cluster, Config
from apps.cluster.dataplane.dataplane import Dataplane
from apps.cluster.network.addresses import within
from apps.cluster.network.machine import World
from tests.kernel.build import Built, built
from tests.kernel.flows import Flow, check
from tests.kernel.hosts import missing

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(bool(missing()), reason=missing() or "-"),
    pytest.mark.xdist_group("kernel-clusters"),
]
Obj = dict[str, Any]

MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      tolerations:
      - {key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute}
      containers:
      - name: web
        image: "web:1.0"
        ports: [{name: http, containerPort: 8080}, {name: dns, containerPort: 5353, protocol: UDP}]
---
apiVersion: v1
kind: Pod
metadata: {name: client, labels: {app: client}}
spec: {nodeName: worker-1, containers: [{name: c, image: "busybox:1.36", command: ["sleep", "infinity"]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: LoadBalancer
  selector: {app: web}
  ports:
  - {name: http, port: 80, targetPort: http, nodePort: 30080}
  - {name: dns, port: 53, targetPort: dns, protocol: UDP, nodePort: 30053}
---
apiVersion: v1
kind: Service
metadata: {name: local}
spec:
  type: LoadBalancer
  externalTrafficPolicy: Local
  selector: {app: web}
  ports: [{port: 80, targetPort: http, nodePort: 30081}]
---
apiVersion: v1
kind: Service
metadata: {name: inner}
spec: {internalTrafficPolicy: Local, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: sticky}
spec: {sessionAffinity: ClientIP, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: outside}
spec: {selector: {app: web}, externalIPs: [198.51.100.77], ports: [{port: 80, targetPort: 9}]}
"""
NODE_PORTS = (30080, 30081)


def policy(name: str, **spec: Any) -> Obj:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"podSelector": {"matchLabels": {"app": "web"}}, **spec},
    }


FROM_CLIENT = policy("web", ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "client"}}}]}])
FROM_NODES = policy("nodes", ingress=[{"from": [{"ipBlock": {"cidr": "10.0.0.0/16"}}], "ports": [{"port": "http"}]}])
NOWHERE = policy("quiet", podSelector={"matchLabels": {"app": "client"}}, policyTypes=["Egress"])


class Act(NamedTuple):
    """What happens, and how many seconds go by after it; 0: until the cluster is at rest."""

    name: str
    commands: tuple[Obj, ...] = ()
    seconds: int = 0


def applied(*objects: Obj) -> Obj:
    return {"op": "apply", "objects": list(objects)}


def scaled(replicas: int) -> Obj:
    return {"op": "scale", "resource": "deployments", "namespace": "default", "name": "web", "replicas": replicas}


def deleted(name: str) -> Obj:
    return {"op": "delete", "resource": "networkpolicies", "namespace": "default", "name": name}


def machine(verb: str, name: str) -> Obj:
    return {"op": "node", "verb": verb, "name": name}


def component(verb: str, name: str, node: str) -> Obj:
    return {"op": "component", "verb": verb, "name": name, "node": node}


STORIES: dict[str, tuple[Config, tuple[Act, ...]]] = {
    "no tunnel, a cloud's load balancer": (
        Config(encapsulation="none", load_balancer="cloud"),
        (
            Act("at rest"),
            Act("scaled up", (scaled(5),)),
            Act("scaled down", (scaled(1),)),
            Act("nobody left", (scaled(0),)),
            Act("back again", (scaled(3),)),
            Act("a machine goes off", (machine("power-off", "worker-2"),), 5),
            Act("and is noticed", (), 60),
        ),
    ),
    "VXLAN between two subnets, MetalLB, policies": (
        Config(encapsulation="vxlan", load_balancer="metallb", subnets=2),
        (
            Act("at rest"),
            Act("Pods may ask", (applied(FROM_CLIENT),)),
            Act("and nodes", (applied(FROM_NODES),)),
            Act("one may ask nobody", (applied(NOWHERE), deleted("web"), deleted("nodes"))),
            Act(
                "kube-proxy of one node falls behind",
                (deleted("quiet"), component("stop", "kube-proxy", "worker-1"), scaled(2)),
            ),
            Act("a node's cable is pulled", (machine("cut-network", "worker-3"),), 5),
        ),
    ),
    "VXLAN only where it has to be": (
        Config(encapsulation="vxlan-cross-subnet", subnets=2, workers=2),
        (Act("at rest"),),
    ),
    "IP-in-IP everywhere": (
        Config(workers=2),
        (Act("at rest"), Act("Pods may ask", (applied(FROM_CLIENT),))),
    ),
    "IP-in-IP only where it has to be, nftables": (
        Config(encapsulation="ipip-cross-subnet", subnets=2, workers=2, proxy_mode="nftables"),
        (Act("at rest"), Act("nobody left", (scaled(0),))),
    ),
}


class Moment(NamedTuple):
    network: Dataplane
    world: World


def told(config: Config, acts: tuple[Act, ...]) -> dict[str, Moment]:
    """The story, as the model tells it."""
    cluster = Cluster.boot(config)
    cluster.execute({"op": "apply", "objects": list(yaml.safe_load_all(MANIFEST))})
    cluster.run_to_rest()
    found = {}
    for act in acts:
        for command in act.commands:
            cluster.execute(command)
        if act.seconds:
            cluster.run_for(act.seconds * 1000)
        elif act.commands:
            cluster.run_to_rest()
        network = cluster.view().network
        world = network.world()
        machines = {}
        for name in world.machines:
            try:
                machines[name] = world.machines[name]
            except KeyError:
                continue  # a Pod whose machine is gone
        found[act.name] = Moment(network, world._replace(machines=machines))
    return found


def together(worlds: list[World]) -> World:
    """Everybody who is in any of them: a node has the interfaces of all its Pods."""
    machines = dict(worlds[0].machines)
    segments = {name: dict(those) for name, those in worlds[0].segments.items()}
    for world in worlds[1:]:
        for name, machine in world.machines.items():
            known = machines.get(name, machine)
            interfaces = {**machine.interfaces, **known.interfaces}
            machines[name] = known._replace(interfaces=interfaces, listens=known.listens | machine.listens)
        for name, those in world.segments.items():
            segments[name] = {**those, **segments.get(name, {})}
    return World(machines, segments)


class Story(NamedTuple):
    moments: dict[str, Moment]
    built: Built


@pytest.fixture(scope="module")
def stories() -> Iterator[Callable[[str], Story]]:
    """Each is built when it is first asked for."""
    made: dict[str, Story] = {}
    with ExitStack() as stack:

        def story(name: str) -> Story:
            if name not in made:
                moments = told(*STORIES[name])
                there = stack.enter_context(built(together([moment.world for moment in moments.values()])))
                made[name] = Story(moments, there)
            return made[name]

        yield story


def flows(network: Dataplane) -> Iterator[Flow]:
    """From Pods, nodes and outside to every Service in every way that it has, to Pods, and to ports of nobody."""
    facts = network.facts
    pods = {key: pod for key, pod in facts.workloads.items() if key.startswith("default/")}
    web = [key for key in pods if key.startswith("default/web")]
    inside = ["default/client", *web[:1], "worker-1", "worker-2"]
    services = facts.table("services")
    for name in ("web", "inner", "outside"):
        for start in inside:
            yield Flow(start, services[f"default/{name}"]["spec"]["clusterIP"], 80)
    yield Flow("default/client", services["default/web"]["spec"]["clusterIP"], 53, "udp")
    yield Flow("default/client", services["default/web"]["spec"]["clusterIP"], 81)
    for node in facts.nodes:
        for port in NODE_PORTS:
            yield Flow("client", facts.address(node), port)
    yield Flow("client", facts.address("worker-1"), 30053, "udp")
    yield Flow("client", facts.address("worker-1"), 30999)
    for port in NODE_PORTS:
        yield Flow("default/client", facts.address("worker-2"), port)
    for name in ("web", "local"):
        for given in (services[f"default/{name}"].get("status") or {}).get("loadBalancer", {}).get("ingress") or ():
            for start in ("client", "default/client", "worker-2"):
                yield Flow(start, given["ip"], 80)
    yield Flow("client", "198.51.100.77", 80)
    for key in web:
        yield Flow("default/client", pods[key].ip, 8080)
        yield Flow("worker-1", pods[key].ip, 8080)
    for key in web[:1]:
        yield Flow("default/client", pods[key].ip, 9)
        yield Flow("client", pods[key].ip, 8080)
        yield Flow(key, pods["default/client"].ip, 8080)
    yield Flow("default/client", facts.address("worker-2"), 10250)


MOMENTS = [(story, act.name) for story, (_config, acts) in STORIES.items() for act in acts]


@pytest.mark.parametrize(("story", "moment"), MOMENTS, ids=[f"{story}: {moment}" for story, moment in MOMENTS])
def test_the_kernel_does_with_each_packet_what_the_model_does(stories, story, moment):
    network, world = stories(story).moments[moment]
    there = stories(story).built
    there.reload(world)
    check(world, there, [flow for flow in flows(network) if world.machines[flow.start].up])


def test_a_client_is_sent_to_the_same_endpoint_again(stories):
    network, world = stories("no tunnel, a cloud's load balancer").moments["at rest"]
    there = stories("no tunnel, a cloud's load balancer").built
    there.reload(world)
    address = network.facts.table("services")["default/sticky"]["spec"]["clusterIP"]
    for start in ("default/client", "worker-1"):
        first = there.ask(start, "tcp", address, 80, 1, 5.0)  # several at once might all be the first
        assert len({*first, *there.ask(start, "tcp", address, 80, 16, 5.0)}) == 1


TUNNELS = {"IP-in-IP everywhere": "tunl0", "VXLAN only where it has to be": "vxlan.calico"}


@pytest.mark.parametrize(("story", "device"), TUNNELS.items(), ids=TUNNELS.keys())
def test_what_is_wrapped_up_goes_through_the_tunnel(stories, story, device):
    """Each way counts: what this node sends into the tunnel, and what comes out of it there."""
    network, world = stories(story).moments["at rest"]
    there = stories(story).built
    there.reload(world)
    workloads = network.facts.workloads
    far = next(
        key
        for key, one in workloads.items()
        if key.startswith("default/web")
        and any(route.device == device and within(one.ip, route.to) for route in world.machines["worker-1"].routes)
    )

    def counted() -> list[int]:
        nodes = ("worker-1", workloads[far].node)
        told = (there.hosts[node].run("cat", f"/sys/class/net/{device}/statistics/rx_packets") for node in nodes)
        return [int(count) for count in told]

    before = counted()
    heard = there.ask("default/client", "tcp", workloads[far].ip, 8080, patience=5.0)
    assert heard == [f"{far} {workloads['default/client'].ip}"]
    assert all(after > earlier for earlier, after in zip(before, counted(), strict=True))
