"""The namespace controller: deletes everything in a namespace that is being deleted, Pods first, then lets it go.

Models      pkg/controller/namespace/{namespace_controller.go,deletion/namespaced_resources_deleter.go}, 1.36
Leaves out  deleting a collection in one request: each object is deleted by its own
"""

from __future__ import annotations

from apps.cluster.api.resource import ResourceInfo
from apps.cluster.apimachinery.meta import Obj, name_of
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apimachinery.timestamps import format_ms, parse
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.controllers import discovery
from apps.cluster.controllers.namespace import conditions
from apps.cluster.engine import Engine

GRACE_MS = 5_000  # from the deletion to the first look, so that every API server has heard of it
FINALIZER = "kubernetes"
FINALIZER_ESTIMATE = 15  # seconds allowed to whoever owns a finalizer


class NamespaceController(Controller):
    """Level-triggered: a sync reads the whole state, never the event that woke it."""

    name = "namespace-controller"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.namespaces = informers("namespaces")
        self.namespaces.add_handler(self._changed, lambda _, new: self._changed(new))

    def _changed(self, namespace: Obj) -> None:
        if "deletionTimestamp" in namespace["metadata"]:
            self.enqueue(name_of(namespace), GRACE_MS)

    def sync(self, key: str) -> None:
        """Delete what is left in the namespace; when nothing is, take our finalizer off it.

        Raises:
            StatusError: something could not be deleted; the turn is tried again later.
        """
        namespace = self.namespaces.get(key)
        if namespace is None or "deletionTimestamp" not in namespace["metadata"]:
            return
        if FINALIZER not in ((namespace.get("spec") or {}).get("finalizers") or ()):
            return
        estimate, errors = self._delete_content(namespace)
        if errors:
            raise StatusError(500, "InternalError", errors[0])
        if estimate > 0:
            self.enqueue(key, (estimate // 2 + 1) * 1000)
            return
        namespace = self.namespaces.get(key)
        if namespace is None:
            return
        spec = namespace["spec"]
        left = [finalizer for finalizer in spec["finalizers"] if finalizer != FINALIZER]
        self.client.update(
            "namespaces",
            {**namespace, "spec": {**spec, "finalizers": left}},
            subresource="finalize",
            why="namespace.finalize",
        )

    def _delete_content(self, namespace: Obj) -> tuple[int, list[str]]:
        """Seconds until what remains should be gone, 0 when nothing remains; and what could not be deleted."""
        name = name_of(namespace)
        resources = [info for info in discovery.deletable(self.client) if info.namespaced]
        pods = [info for info in resources if info.plural == "pods"]
        estimate, counts, finalizers, errors = self._delete_all(pods, namespace)
        if counts:  # nothing else goes before the last Pod has gone
            self._report(name, {} | conditions.failed(errors))
            return estimate, errors
        rest = [info for info in resources if info.plural != "pods"]
        estimate, counts, finalizers, errors = self._delete_all(rest, namespace)
        self._report(name, conditions.remaining(counts, finalizers) | conditions.failed(errors))
        return estimate, errors

    def _delete_all(
        self, resources: list[ResourceInfo], namespace: Obj
    ) -> tuple[int, dict[str, int], dict[str, int], list[str]]:
        name = name_of(namespace)
        longest = 0
        counts: dict[str, int] = {}
        finalizers: dict[str, int] = {}
        errors: list[str] = []
        for info in resources:
            there = self.client.list(info.plural, name)
            if not there:
                continue
            estimate = self._grace(there, namespace) if info.plural == "pods" else 0
            for obj in there:
                try:
                    self.client.delete(
                        info.plural, name, name_of(obj), propagation="Background", why="namespace.delete-content"
                    )
                except StatusError as error:
                    if error.reason != "NotFound":
                        errors.append(error.message)
            left = self.client.list(info.plural, name)
            if not left:
                continue
            counts[f"{info.resource}.{info.group}"] = len(left)
            held = [one for obj in left for one in obj["metadata"].get("finalizers") or ()]
            for finalizer in held:
                finalizers[finalizer] = finalizers.get(finalizer, 0) + 1
            if estimate == 0 and held:
                estimate = FINALIZER_ESTIMATE
            if estimate == 0:
                kind = f"{info.group}/{info.version}, Resource={info.resource}"
                errors.append(f"unexpected items still remain in namespace: {name} for gvr: {kind}")
            longest = max(longest, estimate)
        return longest, counts, finalizers, errors

    def _grace(self, pods: list[Obj], namespace: Obj) -> int:
        """The longest grace period of a running Pod, unless it should be over by now."""
        running = (pod for pod in pods if pod["status"].get("phase") not in ("Succeeded", "Failed"))
        grace = max((int(pod["spec"].get("terminationGracePeriodSeconds", 30)) for pod in running), default=0)
        passed = self.engine.now_ms - parse(namespace["metadata"]["deletionTimestamp"])
        return 0 if passed >= grace * 1000 else grace

    def _report(self, name: str, trouble: conditions.Trouble) -> None:
        namespace = self.namespaces.get(name)
        if namespace is None:
            return
        status = namespace.get("status") or {}
        told = conditions.update(status.get("conditions"), trouble, format_ms(self.engine.now_ms))
        if told is not None:
            new = {**namespace, "status": {**status, "conditions": told}}
            self.client.update_status("namespaces", new, why="namespace.report")
