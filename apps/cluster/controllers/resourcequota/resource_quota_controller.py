"""The resource quota controller: `status.used` of each quota, counted anew when something has gone.

Models      pkg/controller/resourcequota (resource_quota_controller.go, resource_quota_monitor.go)
Leaves out  deletions of custom kinds are seen at the next full count, five minutes later at most
"""

from __future__ import annotations

from collections.abc import Sequence

from apps.cluster.apimachinery.meta import EMPTY, Obj, key_of, name_of, namespace_of
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apiserver.quota import evaluator_for
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.controllers.resourcequota.usage import frees, status_of
from apps.cluster.engine import Engine

RESYNC_MS = 300_000
ALL = "all quotas"  # the queue's key of a full count
CHANGING = ("pods", "services", "persistentvolumeclaims")
MONITORED = (
    *CHANGING,
    "configmaps",
    "secrets",
    "replicationcontrollers",
    "resourcequotas",
    "serviceaccounts",
    "endpoints",
    "limitranges",
    "podtemplates",
    "deployments",
    "replicasets",
    "statefulsets",
    "daemonsets",
    "controllerrevisions",
    "jobs",
    "cronjobs",
    "ingresses",
    "networkpolicies",
    "horizontalpodautoscalers",
    "poddisruptionbudgets",
    "endpointslices",
    "roles",
    "rolebindings",
)


class ResourceQuotaController(Controller):
    """A sync counts everything that one quota limits."""

    name = "resourcequota-controller"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.quotas = informers("resourcequotas")
        self.quotas.add_handler(self._quota, self._quota_changed, lambda quota: self.enqueue(key_of(quota)))
        for resource in MONITORED:
            self._monitor(resource)

    def _monitor(self, resource: str) -> None:
        info = self.client.apiserver.infos.get(resource)
        if info is None:
            return
        group, plain = info.group, info.resource

        def gone(obj: Obj) -> None:
            if self.quotas.cache:
                self._replenish(group, plain, namespace_of(obj))

        def changed(old: Obj, new: Obj) -> None:
            if self.quotas.cache and frees(resource, old, new, self.engine.now_ms):
                self._replenish(group, plain, namespace_of(new))

        self.informers(resource).add_handler(None, changed if resource in CHANGING else None, gone)

    def _quota(self, quota: Obj) -> None:
        self.enqueue(key_of(quota))
        self.enqueue(ALL, RESYNC_MS, quiet=True)

    def _quota_changed(self, old: Obj, new: Obj) -> None:
        """Only what is asked for matters: the status is written here, and by admission."""
        if (old.get("spec") or EMPTY).get("hard") != (new.get("spec") or EMPTY).get("hard"):
            self.enqueue(key_of(new))

    def _replenish(self, group: str, resource: str, namespace: str) -> None:
        evaluator = evaluator_for(group, resource)
        if evaluator is None:
            return
        for quota in self.quotas.list(namespace):
            if evaluator.matching((quota.get("status") or EMPTY).get("hard") or ()):
                self.enqueue(key_of(quota))

    def sync(self, key: str) -> None:
        """Raises: StatusError, to be tried again."""
        if key == ALL:
            for quota in self.quotas.list():
                self.enqueue(key_of(quota))
            if self.quotas.cache:
                self.enqueue(ALL, RESYNC_MS, quiet=True)
            return
        found = self.quotas.get(key)
        if found is None:
            return
        quota = found
        namespace = namespace_of(quota)
        status = status_of(quota, lambda group, resource: self._list(group, resource, namespace), self.engine.now_ms)
        if status is not None:
            self.client.update_status(
                "resourcequotas", {**quota, "status": status}, why="resourcequota.count", name=name_of(quota)
            )

    def _list(self, group: str, resource: str, namespace: str) -> Sequence[Obj]:
        infos = self.client.apiserver.infos
        for name in (resource, f"{resource}.{group}"):
            info = infos.get(name)
            if info is not None and info.group == group:
                if name in MONITORED:
                    return self.informers(name).list(namespace)
                try:
                    return self.client.list(name, namespace)
                except StatusError:
                    return ()
        return ()
