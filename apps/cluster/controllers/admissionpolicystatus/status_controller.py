"""The status of ValidatingAdmissionPolicies: which generation was looked at.

Models      pkg/controller/validatingadmissionpolicystatus/controller.go
Leaves out  the types of CEL expressions: no expression is warned of
"""

from __future__ import annotations

from apps.cluster.apimachinery.meta import Obj, name_of
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.engine import Engine


class ValidatingAdmissionPolicyStatusController(Controller):
    """Keys are names of policies."""

    name = "validatingadmissionpolicy-status-controller"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.policies = informers("validatingadmissionpolicies")
        self.policies.add_handler(self._changed, lambda _, new: self._changed(new))

    def _changed(self, policy: Obj) -> None:
        self.enqueue(name_of(policy))

    def sync(self, key: str) -> None:
        """Raises: StatusError, the write was refused; the turn is tried again later."""
        policy = self.policies.get(key)
        if policy is None:
            return
        status, generation = policy.get("status") or {}, policy["metadata"].get("generation", 1)
        if generation <= status.get("observedGeneration", 0):
            return
        new = {**status, "observedGeneration": generation, "typeChecking": {}}
        self.client.update_status("validatingadmissionpolicies", {**policy, "status": new}, why="policy.observe")
