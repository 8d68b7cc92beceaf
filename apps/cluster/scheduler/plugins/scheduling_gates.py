"""SchedulingGates: a Pod with gates does not even enter the queue.

Models      pkg/scheduler/framework/plugins/schedulinggates/scheduling_gates.go
Leaves out  nothing known
"""

from __future__ import annotations

from typing import ClassVar

from apps.cluster.apimachinery.meta import Obj, uid_of
from apps.cluster.scheduler.plugins.base import Hints, Plugin
from apps.cluster.scheduler.status import UNRESOLVABLE, Status


class SchedulingGates(Plugin):
    name: ClassVar[str] = "SchedulingGates"

    def pre_enqueue(self, pod: Obj) -> Status | None:
        gates = pod["spec"].get("schedulingGates")
        if not gates:
            return None
        names = " ".join(gate["name"] for gate in gates)
        return Status(UNRESOLVABLE, (f"waiting for scheduling gates: [{names}]",), self.name)

    def hints(self) -> Hints:
        return {"pod/gates": lambda pod, old, new: new is not None and uid_of(new) == uid_of(pod)}
