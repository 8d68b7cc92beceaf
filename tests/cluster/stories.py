"""Random stories for property tests: what readers might do to a cluster, in order."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from hypothesis import strategies as st

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.cluster import Cluster, Config

Command = dict[str, Any]
NAMES = ("web", "api", "db")


def workload(kind: str, name: str, replicas: int, image: str, **spec: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "selector": {"matchLabels": {"app": name}},
        "template": {
            "metadata": {"labels": {"app": name}},
            "spec": {
                "containers": [{"name": "main", "image": image, "resources": {"requests": {"cpu": "250m"}}}],
            },
        },
        **spec,
    }
    if kind != "DaemonSet":
        body["replicas"] = replicas
    if kind == "StatefulSet":
        body["serviceName"] = name
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "default"},
        "spec": body,
    }


images = st.sampled_from(["web:1.0", "web:2.0", "nginx:1.28", "registry.example.com/web:missing", "crash:1.0"])
names = st.sampled_from(NAMES)
replicas = st.integers(0, 7)
nodes = st.sampled_from(["worker-1", "worker-2", "worker-9"])

commands = st.one_of(
    st.builds(
        lambda kind, name, count, image: {"op": "apply", "objects": [workload(kind, name, count, image)]},
        st.sampled_from(["Deployment", "DaemonSet", "StatefulSet"]),
        names,
        replicas,
        images,
    ),
    st.builds(
        lambda resource, name, count: {
            "op": "scale",
            "resource": resource,
            "namespace": "default",
            "name": name,
            "replicas": count,
        },
        st.sampled_from(["deployments", "statefulsets"]),
        names,
        replicas,
    ),
    st.builds(
        lambda resource, name, how: {
            "op": "delete",
            "resource": resource,
            "namespace": "default",
            "name": name,
            "propagation": how,
        },
        st.sampled_from(["deployments", "statefulsets", "daemonsets"]),
        names,
        st.sampled_from(["Background", "Foreground", "Orphan"]),
    ),
    st.builds(
        lambda verb, name: {"op": "node", "verb": verb, "name": name},
        st.sampled_from(["join", "remove", "cordon", "uncordon", "drain", "power-off", "power-on"]),
        nodes,
    ),
    st.builds(
        lambda name, cpu, per: {
            "op": "load",
            "resource": "deployments",
            "namespace": "default",
            "name": name,
            "cpu": cpu,
            "per": per,
        },
        names,
        st.sampled_from(["0", "100m", "3"]),
        st.sampled_from(["total", "pod"]),
    ),
    st.builds(
        lambda verb, name: {
            "op": "rollout",
            "verb": verb,
            "resource": "deployments",
            "namespace": "default",
            "name": name,
        },
        st.sampled_from(["undo", "restart", "pause", "resume"]),
        names,
    ),
)
stories = st.lists(st.tuples(st.integers(0, 20_000), commands), max_size=8)

machines = st.sampled_from(["control-plane-1", "worker-1", "worker-2"])
breakages = st.one_of(
    st.builds(
        lambda verb, name: {"op": "component", "verb": verb, "name": name},
        st.sampled_from(["stop", "crash", "start"]),
        st.sampled_from(["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"]),
    ),
    st.builds(
        lambda verb, name, node: {"op": "component", "verb": verb, "name": name, "node": node},
        st.sampled_from(["stop", "crash", "start"]),
        st.sampled_from(["kubelet", "crio"]),
        machines,
    ),
    st.builds(
        lambda verb, name: {"op": "node", "verb": verb, "name": name},
        st.sampled_from(["power-off", "power-on", "reboot", "cut-network", "restore-network"]),
        machines,
    ),
)
rough_stories = st.lists(st.tuples(st.integers(0, 40_000), st.one_of(commands, breakages)), max_size=10)


def play(cluster: Cluster, story: list[tuple[int, Command]]) -> list[str]:
    """Give the commands, each so many ms after the one before; what was refused is told."""
    refused = []
    for wait, command in story:
        cluster.run_for(wait)
        try:
            cluster.execute(command)
        except StatusError as error:
            refused.append(error.message)
    return refused


def digest(cluster: Cluster) -> str:
    """Of the whole history, every byte of it: what each step left behind is what the next one found."""
    sha = hashlib.sha256()
    for step in cluster.trace.steps:
        sha.update(json.dumps(step._replace(before=None), ensure_ascii=False).encode())
    return sha.hexdigest()


def booted(seed: int = 1, workers: int = 2) -> Cluster:
    return Cluster.boot(Config(workers=workers, seed=seed))
