"""One request under way: what it is about, who asks, and the answer's form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apps.cluster.api.resource import ResourceInfo
from apps.cluster.apimachinery.status import not_found
from apps.cluster.apiserver.authentication import ANONYMOUS as NOBODY
from apps.cluster.apiserver.authentication import UNAUTHENTICATED, Actor, User
from apps.cluster.apiserver.fieldmanager.managed import Managed
from apps.cluster.apiserver.fieldmanager.names import from_user_agent
from apps.cluster.apiserver.requests import forms, presenting
from apps.cluster.apiserver.requests.messages import ADMIN, Attributes, Request, Response
from apps.cluster.etcd import Record

if TYPE_CHECKING:
    from apps.cluster.apiserver.server import APIServer

Obj = dict[str, Any]
MAX_AGENT = 256  # characters of a user agent that are kept
ANONYMOUS = User(NOBODY, (UNAUTHENTICATED,))


class Call:
    """What the verbs share. `second` is the apiVersion of another form that the address asks for, else ""."""

    def __init__(
        self, server: APIServer, request: Request, attributes: Attributes, info: ResourceInfo, warnings: list[str]
    ) -> None:
        self.server = server
        self.request = request
        self.attributes = attributes
        self.info = info
        self.warnings = warnings
        self.params = request.params()
        self.second = forms.of(attributes.group, attributes.version, attributes.resource)
        self.namespace = attributes.namespace if info.namespaced else ""
        self.name = attributes.name
        self.form = presenting.negotiate(request)
        self.dry_run = False

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    def actor(self, field_manager: str = "") -> Actor:
        """Who writes, and the name that managedFields will have for it."""
        agent = self.request.header("User-Agent")[:MAX_AGENT]
        manager = field_manager or from_user_agent(agent)
        user = self.request.user or ANONYMOUS
        if user == ADMIN:
            return Actor("kubectl", manager=manager, agent=agent)
        return Actor("kubectl", "", user.name, user.groups, manager, agent)

    def record(self) -> Record:
        """The object that the address names. Raises: StatusError 404."""
        found = self.server.record(self.info, self.key)
        if found is None:
            raise not_found(self.info.resource, self.name, self.info.group)
        return found

    def show(self, obj: Obj, *, managed: Managed | None = None, code: int = 200) -> Response:
        """The answer about an object that a write left, or would have left."""
        record = None
        if managed is None and "name" in obj["metadata"]:  # a review has none, and is stored nowhere
            record = self.server.record(self.info, _key(obj))
            if record is not None and record.value is not obj:
                record = None
        whole = presenting.whole(self.server, self.info, obj, record, managed, self.second)
        return Response(code, presenting.one(self.server, self.info, whole, self.form))


def _key(obj: Obj) -> str:
    metadata = obj["metadata"]
    namespace = metadata.get("namespace")
    return f"{namespace}/{metadata['name']}" if namespace else metadata["name"]
