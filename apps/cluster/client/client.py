"""The clientset: requests in one component's name.

Models      client-go kubernetes.Clientset
Leaves out  rate limits of the client, retries of the transport
"""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apiserver import Actor, APIServer
from apps.cluster.apiserver import scale as scales
from apps.cluster.apiserver.fieldmanager.names import APPLY
from apps.cluster.apiserver.refusals import TOLD

Obj = dict[str, Any]
Objects = list[Obj]  # named, since a method below is called list


class Client:
    """One a component. `why` is the id of the sentence that explains the write, its parameters follow by name.

    What says which object is meant goes by place alone, so that a sentence may have a parameter `name` or `node`.
    """

    __slots__ = ("actor", "apiserver")

    def __init__(self, apiserver: APIServer, component: str, node: str = "") -> None:
        self.apiserver = apiserver
        self.actor = Actor(component, node)

    def as_user(self, user: str, groups: tuple[str, ...] = ()) -> Client:
        """The same client asking in somebody else's name, as `kubectl --as` does."""
        twin = Client(self.apiserver, self.actor.component, self.actor.node)
        twin.actor = self.actor._replace(user=user, groups=groups)
        return twin

    def managed_by(self, manager: str, *, apply: bool = False) -> Client:
        """The same client with another field manager than its program's name; `apply`: server-side apply, forced.

        For one request: whether the API server can be reached is found out now.
        """
        twin = type(self)(self.apiserver, self.actor.component, self.actor.node)
        twin.actor = self.actor._replace(manager=APPLY + manager if apply else manager)
        return twin

    def get(self, resource: str, namespace: str, name: str) -> Obj:
        """Raises: StatusError 404; in somebody else's name 403."""
        if self.actor.user:
            self._may("get", resource, namespace, name)
        return self.apiserver.get(resource, namespace, name)

    def _may(self, verb: str, resource: str, namespace: str, name: str = "") -> None:
        group = self.apiserver.info(resource).group
        self.apiserver.authorizer.check(self.actor, verb, group, resource, "", namespace, name)

    def list(self, resource: str, namespace: str = "", label_selector: str = "", field_selector: str = "") -> list[Obj]:
        if self.actor.user:
            self._may("list", resource, namespace)
        return self.apiserver.list(resource, namespace, label_selector, field_selector)

    def aggregated(self, group: str, version: str, resource: str, namespace: str = "", labels: str = "") -> Objects:
        """GET of a group that another server answers, such as metrics.k8s.io. Raises: StatusError 404, 503."""
        return self.apiserver.aggregation.list(group, version, resource, namespace, labels)

    def scale(self, resource: str, namespace: str, name: str) -> Obj:
        """GET of the scale subresource, an autoscaling/v1 Scale. Raises: StatusError 404."""
        info = self.apiserver.info(resource)
        if "scale" not in info.subresources:
            raise StatusError(404, "NotFound", "the server could not find the requested resource")
        return scales.of(self.get(resource, namespace, name), info, self.apiserver.scale_paths(info))

    def create(self, resource: str, obj: Obj, /, *, why: str = "", **params: Any) -> Obj:
        """Raises: StatusError 403, 404, 409, 422."""
        try:
            return self.apiserver.create(self.actor, resource, obj, why=why, params=params)
        except StatusError as error:
            metadata = obj["metadata"]
            name = metadata.get("name", "")
            generated = not name and "generateName" in metadata
            name = metadata["generateName"] if generated else name
            self._refused(error, "create", resource, metadata.get("namespace", ""), name, generated=generated)
            raise

    def update(self, resource: str, obj: Obj, /, *, subresource: str = "", why: str = "", **params: Any) -> Obj:
        """Raises: StatusError 404, 409 (stale resourceVersion), 422."""
        try:
            return self.apiserver.update(self.actor, resource, obj, subresource=subresource, why=why, params=params)
        except StatusError as error:
            metadata = obj["metadata"]
            self._refused(error, "update", resource, metadata.get("namespace", ""), metadata["name"], subresource)
            raise

    def update_status(self, resource: str, obj: Obj, /, *, why: str = "", **params: Any) -> Obj:
        """Raises: StatusError 404, 409."""
        try:
            return self.apiserver.update(self.actor, resource, obj, subresource="status", why=why, params=params)
        except StatusError as error:
            metadata = obj["metadata"]
            self._refused(error, "update", resource, metadata.get("namespace", ""), metadata["name"], "status")
            raise

    def patch(
        self,
        resource: str,
        namespace: str,
        name: str,
        body: Any,
        /,
        *,
        type: str = "strategic",
        subresource: str = "",
        why: str = "",
        **params: Any,
    ) -> Obj:
        """Raises: StatusError 400, 404, 409, 422."""
        try:
            return self.apiserver.patch(
                self.actor, resource, namespace, name, body, type=type, subresource=subresource, why=why, params=params
            )
        except StatusError as error:
            self._refused(error, "patch", resource, namespace, name, subresource)
            raise

    def delete(
        self,
        resource: str,
        namespace: str,
        name: str,
        /,
        *,
        grace_period_seconds: int | None = None,
        propagation: str | None = None,
        uid: str = "",
        why: str = "",
        **params: Any,
    ) -> None:
        """Raises: StatusError 403, 404, 409 (`uid` is another object's)."""
        try:
            self.apiserver.delete(
                self.actor,
                resource,
                namespace,
                name,
                grace_period_seconds=grace_period_seconds,
                propagation=propagation,
                uid=uid,
                why=why,
                params=params,
            )
        except StatusError as error:
            self._refused(error, "delete", resource, namespace, name)
            raise

    def bind(self, namespace: str, pod: str, node: str, /, *, why: str = "", **params: Any) -> None:
        """Raises: StatusError 404, 409."""
        try:
            self.apiserver.bind(self.actor, namespace, pod, node, why=why, params=params)
        except StatusError as error:
            self._refused(error, "bind", "pods", namespace, pod)
            raise

    def evict(self, namespace: str, pod: str, /, *, why: str = "", **params: Any) -> None:
        """POST pods/{name}/eviction. Raises: StatusError 404, 429 when a disruption budget forbids it."""
        try:
            self.apiserver.evict(self.actor, namespace, pod, why=why, params=params)
        except StatusError as error:
            self._refused(error, "evict", "pods", namespace, pod)
            raise

    def _refused(
        self,
        error: StatusError,
        verb: str,
        resource: str,
        namespace: str,
        name: str,
        subresource: str = "",
        *,
        generated: bool = False,
    ) -> None:
        """Let it be seen, unless nobody has answered or there is no such resource."""
        if error.code not in TOLD and error.code != 404:
            return
        server = self.apiserver
        info = server.infos.get(resource)
        if info is not None:
            namespace = (namespace or "default") if info.namespaced else ""
            tell = server.refusals.tell
            tell(self.actor, verb, info, namespace, name, error, subresource=subresource, generated=generated)
