"""Tables of Kubernetes' own kubelet tests, and how their Go structs read in our words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from apps.cluster.kubelet.container_status import Attempt

FOLDER = Path(__file__).parents[2] / "testdata" / "kubelet"


def rows(name: str) -> list[dict[str, Any]]:
    """The cases of one table."""
    return json.loads((FOLDER / f"{name}.json").read_text())


def title(row: dict[str, Any]) -> str:
    return row.get("name") or row.get("test") or row.get("desc") or ""


def attempts(pod_status: dict[str, Any]) -> dict[str, list[Attempt]]:
    """A kubecontainer.PodStatus's containers, by name."""
    out: dict[str, list[Attempt]] = {}
    for row in pod_status.get("ContainerStatuses") or ():
        attempt = Attempt(row["ID"], row["Image"], row["ImageRef"], row["RestartCount"], row["State"])
        attempt.exit_code = row["ExitCode"]
        attempt.reason, attempt.message = row["Reason"], row["Message"]
        out.setdefault(row["Name"], []).append(attempt)
    return out


def without_defaults(value: Any) -> Any:
    """A status without what Go leaves out or writes as null, so that two spellings of nothing are the same."""
    if isinstance(value, dict):
        found = {key: without_defaults(inner) for key, inner in value.items()}
        return {key: inner for key, inner in found.items() if inner not in (None, "", [], {}, 0, False)}
    if isinstance(value, list):
        return [without_defaults(inner) for inner in value]
    return value
