"""The volume expand controller: a claim that asks for more than it has is left to the driver's own resizer.

Models      pkg/controller/volume/expand/expand_controller.go (1.36, where every plugin that can grow is a CSI driver)
Leaves out  Portworx and FlexVolumes, the last plugins that Kubernetes would grow itself
"""

from __future__ import annotations

from apps.cluster.apimachinery import quantity
from apps.cluster.apimachinery.meta import EMPTY, Obj, key_of, namespace_of, uid_of
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.engine import Engine


def asked_for(claim: Obj) -> int:
    """The bytes that a claim asks for."""
    requests = (claim["spec"].get("resources") or EMPTY).get("requests") or EMPTY
    return quantity.value(str(requests.get("storage", "0")))


def has(claim: Obj) -> int:
    """The bytes that it has."""
    return quantity.value(str(((claim.get("status") or EMPTY).get("capacity") or EMPTY).get("storage", "0")))


class ExpandController(Controller):
    """Keys are those of claims."""

    name = "persistentvolume-expander-controller"
    source = "volume_expand"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.claims = informers("persistentvolumeclaims")
        self.volumes = informers("persistentvolumes")
        self.claims.add_handler(self._bound, self._changed)

    def _bound(self, claim: Obj) -> None:
        if (claim.get("status") or EMPTY).get("phase") == "Bound":
            self.enqueue(key_of(claim))

    def _changed(self, old: Obj, new: Obj) -> None:
        if asked_for(new) > asked_for(old) or has(new) > has(old):
            self._bound(new)

    def sync(self, key: str) -> None:
        """Raises: StatusError, the claim's volume is not (yet) its own; the turn is tried again later."""
        claim = self.claims.get(key)
        if claim is None or not claim["spec"].get("volumeName"):
            return
        volume = self.volumes.get(claim["spec"]["volumeName"])
        reference = (volume or EMPTY).get("spec", EMPTY).get("claimRef") or EMPTY
        if reference.get("uid") != uid_of(claim) or reference.get("namespace") != namespace_of(claim):
            raise StatusError(500, "InternalError", f"persistent Volume is not bound to PVC being updated : {key}")
        if asked_for(claim) > has(claim):
            told = "waiting for an external controller to expand this PVC"
            self.recorder.event(claim, "Normal", "ExternalExpanding", told)
