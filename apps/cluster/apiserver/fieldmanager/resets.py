"""Which fields a request leaves alone, so that nobody comes to own them by it.

Models      pkg/registry/*/strategy.go (GetResetFields)
Leaves out  nothing known
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from apps.cluster.api.resource import ResourceInfo
from apps.cluster.apiserver.fieldmanager.fieldset import Path, Paths
from apps.cluster.apiserver.fieldmanager.managed import Keep

# What a request to the main resource leaves alone, where it is not just the status.
MAIN: dict[str, tuple[str, ...]] = {"certificatesigningrequests": ("spec", "status"), "apiservices": ("status",)}
# What a request to /status leaves alone besides the spec.
STATUS: dict[str, tuple[str, ...]] = {
    "pods": ("metadata.deletionTimestamp", "metadata.ownerReferences"),
    "deployments": ("metadata.labels",),
    "certificatesigningrequests": ("status.conditions",),
}
METADATA_TOO = frozenset(
    {
        "customresourcedefinitions",
        "apiservices",
        "flowschemas",
        "prioritylevelconfigurations",
        "validatingadmissionpolicies",
    }
)


@cache
def _dropped(resource: str, subresource: str, has_status: bool) -> tuple[Path, ...]:
    if subresource == "status":
        names = ["spec", *STATUS.get(resource, ())]
        if resource in METADATA_TOO:
            names.append("metadata")
    elif subresource in ("", "ephemeralcontainers", "resize", "approval", "finalize") and has_status:
        names = list(MAIN.get(resource, ("status",)))
    else:
        names = []
    return tuple(tuple(f"f:{part}" for part in name.split(".")) for name in names)


def keep_for(info: ResourceInfo, subresource: str) -> Keep | None:
    """What is left of a set of fields; None when nothing is taken away."""
    dropped = _dropped(info.plural, subresource, "status" in info.subresources)
    if not dropped:
        return None

    def keep(paths: Iterable[Path]) -> Paths:
        return frozenset(path for path in paths if not any(path[: len(prefix)] == prefix for prefix in dropped))

    return keep
