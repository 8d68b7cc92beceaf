"""A real cluster for the stories of Jobs: Pods that end need a kubelet."""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery.meta import name_of
from apps.cluster.cluster import Cluster, Config
from apps.cluster.engine import Step

Obj = dict[str, Any]


def job(name: str = "sum", command: str = "sleep 2", restart: str = "Never", **spec: Any) -> Obj:
    """A Job of one container; its command says how long it runs and how it ends."""
    container = {"name": "c", "image": "busybox:1.37", "command": ["sh", "-c", command]}
    pod = {"restartPolicy": restart, "containers": [container]}
    metadata = {"name": name, "namespace": "default"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {"template": {"metadata": {}, "spec": pod}, **spec},
    }


def cron_job(schedule: str = "* * * * *", command: str = "sleep 2", name: str = "tick", **spec: Any) -> Obj:
    template = {"spec": job(command=command)["spec"]}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"schedule": schedule, "jobTemplate": template, **spec},
    }


class Story:
    """A cluster and what happened in it since it began."""

    def __init__(self, *objects: Obj, workers: int = 2) -> None:
        self.cluster = Cluster.boot(Config(workers=workers))
        self.begun = len(self.cluster.trace.steps)
        self.start_ms = self.cluster.now_ms
        if objects:
            self.create(*objects)

    def create(self, *objects: Obj) -> None:
        self.cluster.execute({"op": "create", "objects": list(objects)})

    def patch(self, resource: str, name: str, spec: Obj) -> None:
        where = {"resource": resource, "namespace": "default", "name": name}
        self.cluster.execute({"op": "patch", **where, "type": "merge", "body": {"spec": spec}})

    def delete(self, resource: str, name: str, **options: Any) -> None:
        self.cluster.execute({"op": "delete", "resource": resource, "namespace": "default", "name": name, **options})

    def run(self, seconds: float) -> None:
        self.cluster.run_for(round(seconds * 1000))

    def rest(self) -> bool:
        return self.cluster.run_to_rest()

    def get(self, resource: str, name: str) -> Obj:
        return self.cluster.apiserver.get(resource, "default", name)

    def status(self, name: str = "sum", resource: str = "jobs") -> Obj:
        status: Obj = self.get(resource, name)["status"]
        return status

    def names(self, resource: str) -> list[str]:
        return [name_of(obj) for obj in self.cluster.apiserver.list(resource, "default")]

    def steps(self, prefix: str, verb: str = "") -> list[Step]:
        """Changes of objects whose ref begins so, since the story began."""
        return [
            step
            for step in self.cluster.trace.steps[self.begun :]
            if step.ref.startswith(prefix) and step.rank == "change" and verb in ("", step.verb)
        ]

    def events(self, about: str, reason: str = "") -> list[str]:
        """`reason: message` of the Events about objects of a kind, as first told."""
        found = []
        for step in self.cluster.trace.steps[self.begun :]:
            if step.rank == "event" and step.before is None and step.after is not None:
                event = step.after
                if event["involvedObject"]["kind"] == about and reason in ("", event["reason"]):
                    found.append(f"{event['reason']}: {event['message']}")
        return found

    def conditions(self, name: str = "sum") -> list[tuple[str, str, str]]:
        """(type, status, reason) of a Job's conditions."""
        return [(c["type"], c["status"], c.get("reason", "")) for c in self.status(name).get("conditions", [])]

    def created_at(self) -> list[float]:
        """When the Job controller made Pods, in seconds since the story began."""
        made = [step for step in self.steps("pods/", "create") if step.component == "job-controller"]
        return [round((step.time_ms - self.start_ms) / 1000, 1) for step in made]
