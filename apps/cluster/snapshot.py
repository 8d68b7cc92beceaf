"""A snapshot: everything there is to see of a cluster at one revision. Figures and pages are functions of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.cluster.dataplane.dataplane import Dataplane
from apps.cluster.engine import Step
from apps.cluster.internals import Internals
from apps.cluster.machines import Machine
from apps.cluster.scheduler.journal import Scheduling

Obj = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`objects` by resource and key; nothing in it may be changed."""

    revision: int
    time_ms: int
    objects: Mapping[str, Mapping[str, Obj]]
    machines: Mapping[str, Machine] = field(default_factory=dict)
    step: Step | None = None
    scheduling: Scheduling | None = None  # what kube-scheduler had decided, and who waited for it
    internals: Internals | None = None  # records of the store, watchers
    network: Dataplane | None = None  # every node's kernel, as its agents have programmed it
    after: int | None = None  # so many of the steps that follow on the revision; None: all of them

    def get(self, ref: str) -> Obj | None:
        """The object of a ref, `"pods/default/web-0"`, or None."""
        resource, _, key = ref.partition("/")
        return self.objects.get(resource, {}).get(key)
