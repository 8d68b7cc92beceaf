"""Carries out what a StatefulSet's plan says: Pods, their claims, who owns the claims, and the Events about it.

Models      pkg/controller/statefulset/stateful_pod_control.go
Leaves out  nothing that shows
"""

from __future__ import annotations

from apps.cluster.apimachinery.meta import Obj, key_of, name_of, namespace_of
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.client import Client, Informer, Recorder
from apps.cluster.controllers.statefulset import retention
from apps.cluster.controllers.statefulset.identity import claim_name, claims_of, ordinal_of, with_identity


class PodControl:
    """Writes for one StatefulSet. Each act raises the StatusError that stopped it, after telling of it."""

    def __init__(self, client: Client, recorder: Recorder, pods: Informer, claims: Informer, stateful_set: Obj) -> None:
        self.client = client
        self.recorder = recorder
        self.pods = pods
        self.claims = claims
        self.stateful_set = stateful_set

    def create(self, pod: Obj) -> None:
        """The claims, then the Pod, then the claims' owners."""
        owner = name_of(self.stateful_set)
        try:
            self.create_claims(pod)
        except StatusError as error:
            self._tell("create", pod, error)
            raise
        refused: StatusError | None = None
        try:
            self.client.create("pods", pod, why="statefulset.create-pod", owner=owner, ordinal=ordinal_of(pod))
        except StatusError as error:
            if error.reason == "AlreadyExists":
                raise
            refused = error
        try:
            self.set_claim_owners(pod)
        except StatusError as error:
            self._tell("update", pod, error)
            raise
        self._tell("create", pod, refused)
        if refused is not None:
            raise refused

    def delete(self, pod: Obj, why: str) -> None:
        owner = name_of(self.stateful_set)
        try:
            self.client.delete("pods", namespace_of(pod), name_of(pod), why=why, owner=owner)
        except StatusError as error:
            if error.reason != "NotFound":
                self._tell("delete", pod, error)
                raise
        self._tell("delete", pod, None)

    def create_missing_claims(self, pod: Obj) -> None:
        """For a Pod that is pending because a claim has been deleted."""
        self.create_claims(pod)
        try:
            self.set_claim_owners(pod)
        except StatusError as error:
            self._tell("update", pod, error)
            raise

    def repair(self, pod: Obj) -> None:
        """Put identity, volumes and claim owners right, of the Pod as it is now: it may just have been adopted."""
        pod = self.pods.get(key_of(pod)) or pod
        right = with_identity(self.stateful_set, pod)
        try:
            if right["spec"] is not pod["spec"]:
                self.create_claims(pod)
            changed = self.set_claim_owners(pod)
        except StatusError as error:
            self._tell("update", pod, error)
            raise
        if right is pod and not changed:
            return
        refused: StatusError | None = None
        try:
            self.client.update("pods", right, why="statefulset.repair-pod", owner=name_of(self.stateful_set))
        except StatusError as error:
            refused = error
        self._tell("update", pod, refused)
        if refused is not None:
            raise refused

    def create_claims(self, pod: Obj) -> None:
        """Each claim that is missing; one that is on its way out has to be waited for."""
        refused: list[StatusError] = []
        for claim in claims_of(self.stateful_set, ordinal_of(pod)):
            there = self.claims.get(key_of(claim))
            if there is not None:
                if "deletionTimestamp" in there["metadata"]:
                    refused.append(StatusError(409, "Conflict", f"pvc {name_of(claim)} is being deleted"))
                continue
            try:
                why, owner = "statefulset.create-claim", name_of(self.stateful_set)
                self.client.create("persistentvolumeclaims", claim, why=why, owner=owner, pod=name_of(pod))
            except StatusError as error:
                message = f"failed to create PVC {name_of(claim)}: {error.message}"
                refused.append(StatusError(error.code, error.reason, message))
                if error.reason != "AlreadyExists":
                    self._tell_claim(pod, claim, error)
            else:
                self._tell_claim(pod, claim, None)
        if len(refused) == 1:
            raise refused[0]
        if refused:
            raise StatusError(refused[0].code, refused[0].reason, "[" + ", ".join(e.message for e in refused) + "]")

    def set_claim_owners(self, pod: Obj) -> bool:
        """Make the claims' owners what the retention policy asks for; whether anything was written."""
        changed = False
        stateful_set = self.stateful_set
        for template in stateful_set["spec"].get("volumeClaimTemplates") or ():
            name = claim_name(stateful_set, template, ordinal_of(pod))
            claim = self.claims.get(f"{namespace_of(stateful_set)}/{name}")
            if claim is None:
                continue
            if retention.has_unexpected_controller(claim, stateful_set, pod):
                message = (
                    f"PersistentVolumeClaim {name} has a conflicting OwnerReference that acts as a manging controller, "
                    "the retention policy is ignored for this claim"
                )
                self.recorder.event(stateful_set, "Warning", "ConflictingController", message)
            if not retention.is_claim_owner_up_to_date(claim, stateful_set, pod):
                wanted = retention.with_owners(claim, stateful_set, pod)
                why, owner = "statefulset.own-claim", name_of(stateful_set)
                self.client.update("persistentvolumeclaims", wanted, why=why, owner=owner)
                changed = True
        return changed

    def _tell(self, verb: str, pod: Obj, error: StatusError | None) -> None:
        title, subject = verb.title(), f"Pod {name_of(pod)} in StatefulSet {name_of(self.stateful_set)}"
        if error is None:
            self.recorder.event(self.stateful_set, "Normal", "Successful" + title, f"{title} {subject} successful")
        else:
            message = f"{title} {subject} failed error: {error.message}"
            self.recorder.event(self.stateful_set, "Warning", "Failed" + title, message)

    def _tell_claim(self, pod: Obj, claim: Obj, error: StatusError | None) -> None:
        names = f"Pod {name_of(pod)} in StatefulSet {name_of(self.stateful_set)}"
        if error is None:
            message = f"Create Claim {name_of(claim)} {names} success"
            self.recorder.event(self.stateful_set, "Normal", "SuccessfulCreate", message)
        else:
            message = f"Create Claim {name_of(claim)} for {names} failed error: {error.message}"
            self.recorder.event(self.stateful_set, "Warning", "FailedCreate", message)
