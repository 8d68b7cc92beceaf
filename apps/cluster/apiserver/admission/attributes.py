"""Attributes: what an admission plugin is told of a request.

Models      staging/src/k8s.io/apiserver/pkg/admission (attributes.go, errors.go)
Leaves out  nothing known
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from apps.cluster.api.resource import ResourceInfo
from apps.cluster.apimachinery import status as errors
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apiserver.authentication import User

Obj = dict[str, Any]
Tables = Mapping[str, Mapping[str, Obj]]
CREATE, UPDATE, DELETE, CONNECT = "CREATE", "UPDATE", "DELETE", "CONNECT"
NOTHING: dict[str, Any] = {}


class Attributes:
    """One request on its way. A mutating plugin puts another object into `obj`; nothing is changed in place."""

    __slots__ = (
        "allowed",
        "charge",
        "dry_run",
        "info",
        "name",
        "namespace",
        "obj",
        "old",
        "operation",
        "subresource",
        "suffix",
        "tables",
        "user",
        "warnings",
    )

    def __init__(
        self,
        operation: str,
        info: ResourceInfo,
        namespace: str,
        name: str,
        obj: Obj | None,
        old: Obj | None,
        user: User,
        tables: Tables,
        suffix: Callable[[int], str],
        *,
        subresource: str = "",
        dry_run: bool = False,
        charge: Callable[[Obj], object] | None = None,
        allowed: Callable[[User, str, str, str, str, str], bool] | None = None,
    ) -> None:
        self.operation = operation
        self.info = info
        self.namespace = namespace
        self.name = name  # "" while a name has yet to be generated
        self.obj: Obj = obj if obj is not None else NOTHING
        self.old = old
        self.user = user
        self.tables = tables
        self.suffix = suffix
        self.subresource = subresource
        self.dry_run = dry_run
        self.charge = charge  # writes the status of a ResourceQuota
        self.allowed = allowed  # user, verb, group, resource, namespace, name: what the authorizers say
        self.warnings: list[str] = []

    def table(self, resource: str) -> Mapping[str, Obj]:
        return self.tables.get(resource, NOTHING)

    def forbidden(self, why: str) -> StatusError:
        """403 in the name of the object; one that has no name yet goes by its `generateName`."""
        metadata = self.obj.get("metadata") or NOTHING
        name = self.name or metadata.get("name") or metadata.get("generateName") or "Unknown"
        return errors.forbidden(self.info.resource, name, why, self.info.group)

    def with_spec(self, **fields: Any) -> None:
        self.obj = {**self.obj, "spec": {**(self.obj.get("spec") or NOTHING), **fields}}

    def with_metadata(self, **fields: Any) -> None:
        self.obj = {**self.obj, "metadata": {**self.obj["metadata"], **fields}}


Act = Callable[[Attributes], None]


class Plugin(NamedTuple):
    """One admission plugin: what it looks at, and its two halves (None: it has no such half)."""

    name: str
    operations: frozenset[str]
    resources: frozenset[str]  # "pods", "pods/status"; "*" = every resource, but no subresource
    mutate: Act | None
    validate: Act | None

    def handles(self, operation: str, resource: str) -> bool:
        if operation not in self.operations:
            return False
        return resource in self.resources or ("*" in self.resources and "/" not in resource)


class Look(Protocol):
    """Told of each plugin that has looked: its name, and the object before and after."""

    def __call__(self, plugin: str, before: Obj, after: Obj) -> None: ...
