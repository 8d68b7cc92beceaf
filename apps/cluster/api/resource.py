"""ResourceInfo: what the API server needs to know of one resource."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from apps.cluster.apimachinery.meta import Obj
from apps.cluster.apimachinery.status import FieldError

Default = Callable[[Obj], Obj]
Validate = Callable[[Obj], list[FieldError]]
ValidateUpdate = Callable[[Obj, Obj], list[FieldError]]


@dataclass(frozen=True)
class ResourceInfo:
    """One resource: its names, where etcd keeps it, and the functions of its registry strategy.

    `plural` is the key used all over this project: `"pods"`, and `"widgets.example.com"` for what is not built in.
    `default` gives a new object, or the same one when nothing was missing. `validate(obj)` judges a creation,
    `validate_update(new, old)` a change; both give field errors in the order the real server lists them.
    """

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    short_names: tuple[str, ...]
    namespaced: bool
    etcd_prefix: str
    subresources: tuple[str, ...]
    categories: tuple[str, ...]
    builtin: bool
    default: Default
    validate: Validate
    validate_update: ValidateUpdate
    validate_status: ValidateUpdate

    @property
    def api_version(self) -> str:
        """`"v1"`, `"apps/v1"`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """The plural without a group, as URLs and error messages have it: `"widgets"`."""
        return self.plural.partition(".")[0]

    def ref(self, obj: dict[str, Any]) -> str:
        """`"pods/default/web-0"`, `"nodes/worker-1"`."""
        metadata = obj["metadata"]
        namespace = metadata.get("namespace")
        return f"{self.plural}/{namespace}/{metadata['name']}" if namespace else f"{self.plural}/{metadata['name']}"
