"""Snapshots to draw: a small builder of clusters that look like real ones, and the scenes that several tests share."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from apps.cluster.engine.trace import Step
from apps.cluster.machines import Machine
from apps.cluster.snapshot import Snapshot

Obj = dict[str, Any]

CONTROL = "control-plane-1"
PARTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")


@dataclass
class World:
    """A cluster under construction. Every write is a revision and a step, as in the real store."""

    revision: int = 4000
    objects: dict[str, dict[str, Obj]] = field(default_factory=dict)
    machines: dict[str, Machine] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)

    def snapshot(self) -> Snapshot:
        step = self.steps[-1] if self.steps else None
        return Snapshot(self.revision, self.revision * 4, dict(self.objects), dict(self.machines), step)

    def write(
        self,
        resource: str,
        obj: Obj,
        *,
        by: str = "kubectl",
        node: str = "",
        verb: str = "",
        subresource: str = "",
        rank: str = "change",
    ) -> Obj:
        metadata = obj["metadata"]
        namespace = metadata.get("namespace")
        key = f"{namespace}/{metadata['name']}" if namespace else metadata["name"]
        before = self.objects.get(resource, {}).get(key)
        self.revision += 1
        metadata = {"uid": f"uid-{resource}-{key}", "creationTimestamp": _time(self.revision), **metadata}
        if before is not None:
            metadata["creationTimestamp"] = before["metadata"]["creationTimestamp"]
        after = {**obj, "metadata": {**metadata, "resourceVersion": str(self.revision)}}
        self.objects[resource] = {**self.objects.get(resource, {}), key: after}
        self._step(
            by, node, verb or ("patch" if before else "create"), f"{resource}/{key}", subresource, before, after, rank
        )
        return after

    def delete(self, ref: str, *, by: str = "kubectl", node: str = "") -> None:
        resource, _, key = ref.partition("/")
        table = dict(self.objects[resource])
        before = table.pop(key)
        self.objects[resource] = table
        self.revision += 1
        self._step(by, node, "delete", ref, "", before, None, "change")

    def get(self, ref: str) -> Obj:
        resource, _, key = ref.partition("/")
        return self.objects[resource][key]

    def _step(self, by, node, verb, ref, subresource, before, after, rank):
        index = len(self.steps) + 1
        self.steps.append(
            Step(
                index,
                self.revision,
                self.revision * 4,
                by,
                node,
                verb,
                ref,
                subresource,
                "",
                {},
                0,
                before,
                after,
                rank,
            )
        )

    # Machines

    def machine(self, name: str, role: str = "worker", *, ready: str = "True", cpu: str = "2", cordoned: bool = False):
        labels = {"kubernetes.io/hostname": name}
        if role == "control-plane":
            labels["node-role.kubernetes.io/control-plane"] = ""
        self.machines[name] = Machine(name, role)
        self.write(
            "nodes",
            {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": name, "labels": labels},
                "spec": {"unschedulable": True} if cordoned else {},
                "status": {
                    "allocatable": {"cpu": cpu, "pods": "110"},
                    "conditions": [{"type": "Ready", "status": ready}],
                },
            },
            by="kubelet",
            node=name,
        )
        for part in ("kube-proxy", "calico-node"):
            self.pod(
                f"{part}-{_suffix(name + part)}",
                node=name,
                state="Ready",
                owner=("DaemonSet", part),
                namespace="kube-system",
                cpu="250m" if part == "calico-node" else "0",
            )

    def power(self, name: str, **changes: str) -> None:
        self.machines[name] = replace(self.machines[name], **changes)

    # Objects

    def pod(
        self,
        name: str,
        *,
        node: str = "",
        state: str = "Ready",
        owner: tuple[str, str] | None = None,
        namespace: str = "default",
        cpu: str = "100m",
        **how: Any,
    ) -> str:
        """A Pod in one of the figure's states. Its ref."""
        metadata: Obj = {"name": name, "namespace": namespace}
        if owner is not None:
            kind, owner_name = owner
            resource = {"Node": "nodes"}.get(kind, kind.lower() + "s")
            key = owner_name if kind == "Node" else f"{namespace}/{owner_name}"
            metadata["ownerReferences"] = [
                {"kind": kind, "name": owner_name, "uid": f"uid-{resource}-{key}", "controller": True}
            ]
        if owner is not None and owner[0] == "Node":
            metadata["annotations"] = {"kubernetes.io/config.mirror": "1"}
        if state == "Terminating":
            metadata["deletionTimestamp"] = _time(self.revision)
        spec: Obj = {"containers": [{"name": "main", "image": "web:1.0", "resources": {"requests": {"cpu": cpu}}}]}
        if node:
            spec["nodeName"] = node
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status_of(state)}
        who = how.pop("by", "kubelet" if node else "replicaset-controller")
        self.write("pods", pod, by=who, node=node if who == "kubelet" else "", **how)
        return f"pods/{namespace}/{name}"

    def workload(self, kind: str, name: str, ready: int, wanted: int, *, owner: str = "", revision: int = 0) -> str:
        resource = kind.lower() + "s"
        metadata: Obj = {"name": name, "namespace": "default"}
        if revision:
            metadata["annotations"] = {"deployment.kubernetes.io/revision": str(revision)}
        if owner:
            uid = f"uid-deployments-default/{owner}"
            metadata["ownerReferences"] = [{"kind": "Deployment", "name": owner, "uid": uid, "controller": True}]
        if kind == "DaemonSet":
            spec: Obj = {}
            status = {"numberReady": ready, "desiredNumberScheduled": wanted}
        else:
            spec = {"replicas": wanted}
            status = {"readyReplicas": ready, "replicas": wanted}
        by = f"{kind.lower()}-controller"
        self.write(
            resource,
            {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec, "status": status},
            by=by,
        )
        return f"{resource}/default/{name}"

    def plain(self, resource: str, kind: str, name: str, **body: Any) -> str:
        self.write(
            resource, {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "default"}, **body}
        )
        return f"{resource}/default/{name}"


def status_of(state: str) -> Obj:
    """The status of a Pod in a state of the figure; `Failed:CrashLoopBackOff` names the reason."""
    mark, _, reason = state.partition(":")
    if mark == "Pending":
        return {"phase": "Pending"}
    if mark == "ContainerCreating":
        waiting = {"waiting": {"reason": reason or "ContainerCreating"}}
        return {"phase": "Pending", "containerStatuses": [{"name": "main", "ready": False, "state": waiting}]}
    if mark == "Failed":
        waiting = {"waiting": {"reason": reason or "CrashLoopBackOff"}}
        return {"phase": "Running", "containerStatuses": [{"name": "main", "ready": False, "state": waiting}]}
    if mark == "Completed":
        ended = {"terminated": {"exitCode": 0, "reason": "Completed"}}
        return {"phase": "Succeeded", "containerStatuses": [{"name": "main", "ready": False, "state": ended}]}
    ready = mark in ("Ready", "Terminating", "Unknown")
    return {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        "containerStatuses": [{"name": "main", "ready": ready, "state": {"running": {}}}],
    }


def _time(revision: int) -> str:
    return f"2026-11-23T{revision // 3600 % 24:02}:{revision // 60 % 60:02}:{revision % 60:02}Z"


def _suffix(seed: str) -> str:
    """Five letters like the API server's, the same for the same seed."""
    letters, value, out = "bcdfghjklmnpqrstvwxz2456789", 7, ""
    for char in seed:
        value = (value * 131 + ord(char)) % 1_000_003
    for _ in range(5):
        value, rest = divmod(value * 7 + 3, len(letters))
        value %= 1_000_003
        out += letters[rest]
    return out


def base(workers: int = 3, *, cpu: str = "2") -> World:
    """A cluster fresh from kubeadm: one control-plane node, workers, the system's Pods."""
    world = World()
    world.machine(CONTROL, "control-plane", cpu="4")
    for part in PARTS:
        world.pod(f"{part}-{CONTROL}", node=CONTROL, owner=("Node", CONTROL), namespace="kube-system")
    for number in range(1, workers + 1):
        world.machine(f"worker-{number}", cpu=cpu)
    for suffix in ("7h2kd", "x9wqf"):
        world.pod(
            f"coredns-76f75df574-{suffix}",
            node=CONTROL,
            owner=("ReplicaSet", "coredns-76f75df574"),
            namespace="kube-system",
        )
    return world


NEW, OLD = "web-6c9d4b7f58", "web-57794f8f99"


def rollout() -> World:
    """The design's plate: a rolling update on a tight cluster, one worker cordoned."""
    world = base()
    world.machine("worker-3", cordoned=True)
    world.workload("Deployment", "web", 5, 6)
    world.workload("ReplicaSet", OLD, 3, 3, owner="web", revision=1)
    world.workload("DaemonSet", "node-log", 3, 3)
    world.workload("StatefulSet", "db", 2, 2)
    world.plain("services", "Service", "web")
    world.plain("configmaps", "ConfigMap", "web-conf")
    for node, suffix in (("worker-1", "x5tqn"), ("worker-2", "h8m2c"), ("worker-3", "w2zfk")):
        world.pod(f"node-log-{suffix}", node=node, owner=("DaemonSet", "node-log"))
    world.pod("db-0", node="worker-1", owner=("StatefulSet", "db"), cpu="500m")
    world.pod("db-1", node="worker-2", owner=("StatefulSet", "db"), cpu="500m")
    old = (
        ("worker-1", "7k2xq", "Ready"),
        ("worker-2", "q6nlb", "Terminating"),
        ("worker-3", "m4hvd", "Ready"),
        ("worker-3", "t9pxg", "Ready"),
    )
    for node, suffix, state in old:
        world.pod(f"{OLD}-{suffix}", node=node, state=state, owner=("ReplicaSet", OLD), cpu="200m")
    world.workload("ReplicaSet", NEW, 2, 5, owner="web", revision=2)
    new = (
        ("worker-1", "kz7wd", "Ready"),
        ("worker-2", "2bxfn", "Running"),
        ("worker-1", "v4lqs", "ContainerCreating"),
        ("worker-2", "9tmhc", "ContainerCreating"),
        ("", "r6jx2", "Pending"),
    )
    for node, suffix, state in new:
        world.pod(f"{NEW}-{suffix}", node=node, state=state, owner=("ReplicaSet", NEW), cpu="400m")
    world.pod(
        f"{OLD}-q6nlb", node="worker-2", state="Terminating", owner=("ReplicaSet", OLD), cpu="200m", verb="delete"
    )
    return world


def owners() -> World:
    """The rolling update with everything that can be owned: claims, a Service, bare Pods, unknown kinds, a crowd."""
    world = rollout()
    for name in ("db-0", "db-1"):
        world.plain("persistentvolumeclaims", "PersistentVolumeClaim", f"data-{name}", status={"phase": "Bound"})
    stateful = world.get("statefulsets/default/db")
    template = {"metadata": {"name": "data"}}
    world.write("statefulsets", {**stateful, "spec": {**stateful["spec"], "volumeClaimTemplates": [template]}})
    service = {"kind": "Service", "name": "web", "uid": "uid-services-default/web", "controller": True}
    world.write(
        "endpointslices",
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": "web-x7d2k",
                "namespace": "default",
                "labels": {"kubernetes.io/service-name": "web"},
                "ownerReferences": [service],
            },
            "endpoints": [{"conditions": {"ready": number < 4}} for number in range(6)],
        },
        by="endpointslice-controller",
    )
    world.pod("debug", node="worker-1")
    world.pod("migrate-once", node="worker-2", state="Failed:Error")
    for number, kind in enumerate(("Certificate", "Ingress", "NetworkPolicy", "Secret", "VirtualService")):
        world.plain(f"{kind.lower()}s", kind, f"web-{number}")
    world.workload("Deployment", "queue", 11, 12)
    world.workload("ReplicaSet", "queue-7c5ddbdf54", 11, 12, owner="queue", revision=1)
    for number in range(12):
        state = "Ready" if number < 10 else "Running" if number == 10 else "ContainerCreating"
        ref = ("ReplicaSet", "queue-7c5ddbdf54")
        world.pod(f"queue-7c5ddbdf54-{_suffix('q' + str(number))}", node="worker-3", state=state, owner=ref)
    world.pod(f"{NEW}-r6jx2", state="Pending", owner=("ReplicaSet", NEW), cpu="400m", by="kube-scheduler")
    return world


def troubled() -> World:
    """Everything that can be wrong at once: failures, a dead machine, a cut cable, a drained node, too many Pods."""
    world = base(5, cpu="4")
    world.workload("Deployment", "web", 9, 14)
    world.workload("ReplicaSet", OLD, 9, 14, owner="web", revision=1)
    world.workload("StatefulSet", "elasticsearch-master", 1, 3)
    world.workload("Deployment", "api", 0, 2)
    world.workload("ReplicaSet", "api-5d5cf8bc6b", 0, 2, owner="api", revision=1)
    world.plain("widgets.example.com", "Widget", "round")
    for number in range(11):
        state = "Ready" if number < 7 else "Running" if number < 9 else "ContainerCreating"
        world.pod(f"{OLD}-{_suffix(str(number))}", node="worker-1", state=state, owner=("ReplicaSet", OLD))
    world.pod("elasticsearch-master-0", node="worker-2", owner=("StatefulSet", "elasticsearch-master"))
    world.pod("elasticsearch-master-1", node="worker-1", state="Running", owner=("StatefulSet", "elasticsearch-master"))
    world.pod(
        "api-5d5cf8bc6b-m2nqz", node="worker-2", state="Failed:CrashLoopBackOff", owner=("ReplicaSet", "api-5d5cf8bc6b")
    )
    world.pod(
        "api-5d5cf8bc6b-w8xcv", node="worker-2", state="Failed:ImagePullBackOff", owner=("ReplicaSet", "api-5d5cf8bc6b")
    )
    world.pod("once", node="worker-2", state="Completed")
    world.pod("init-demo", node="worker-2", state="ContainerCreating:PodInitializing")
    for number in range(3):
        world.pod(f"{OLD}-{_suffix('d' + str(number))}", node="worker-3", owner=("ReplicaSet", OLD))
    world.pod(f"{OLD}-zz9k4", node="worker-4", owner=("ReplicaSet", OLD))
    for number in range(6):
        world.pod(f"late-{number}", state="Pending", by="kubectl")
    world.machine("worker-3", ready="Unknown", cpu="4")
    world.power("worker-3", power="off")
    world.power("worker-4", network="down")
    world.machine("worker-5", cordoned=True, cpu="4")
    return world


def crowd(nodes: int = 10, pods: int = 100) -> World:
    """One Deployment over many nodes."""
    world = base(nodes, cpu="8")
    world.workload("Deployment", "web", pods, pods)
    world.workload("ReplicaSet", OLD, pods, pods, owner="web", revision=1)
    for number in range(pods):
        node = f"worker-{number % nodes + 1}"
        state = "Running" if number % 17 == 3 else "Ready"
        world.pod(f"{OLD}-{_suffix(f'c{number}')}", node=node, state=state, owner=("ReplicaSet", OLD))
    return world
