"""The objects of API priority and fairness: written at the start, looked after every minute, judged as they change.

Models      pkg/registry/flowcontrol/rest/storage_flowcontrol.go and ensurer,
            k8s.io/apiserver/pkg/util/flowcontrol/apf_controller.go (syncOne: whether the level of a schema exists)
Leaves out  the queues themselves: no request waits here, and none is turned away
"""

from __future__ import annotations

from functools import partial
from typing import Any

from apps.cluster.api.flowcontrol import AUTO_UPDATE, BOOTSTRAP, EXEMPT, LEVELS, SCHEMAS
from apps.cluster.api.validation.fields import same
from apps.cluster.apimachinery import conditions
from apps.cluster.apimachinery.meta import EMPTY, Obj, annotations_of, name_of
from apps.cluster.apimachinery.timestamps import format_ms
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.engine import Engine

PRODUCER = "api-priority-and-fairness-config-producer-v1"
CONSUMER = "api-priority-and-fairness-config-consumer-v1"
ENSURE, DIGEST = "ensure", "digest"
INTERVAL_MS = 60_000
TRUE = {"1", "t", "T", "TRUE", "true", "True"}
FALSE = {"0", "f", "F", "FALSE", "false", "False"}
OWN = {(resource, name_of(obj)): (obj, mandatory) for resource, obj, mandatory in BOOTSTRAP}


def _marked(obj: Obj) -> bool | None:
    """Whether the API server may change it; None where it does not say."""
    text = annotations_of(obj).get(AUTO_UPDATE)
    return True if text in TRUE else False if text in FALSE else None


def _same_spec(wanted: Obj, there: Obj) -> bool:
    expected, found = wanted["spec"], there.get("spec") or EMPTY
    if name_of(wanted) == EXEMPT and "exempt" in expected:
        if found.get("exempt") is None:
            return False
        expected = {**expected, "exempt": found["exempt"]}  # its shares are the administrator's
    return same(expected, found)


def revised(there: Obj, wanted: Obj, *, mandatory: bool) -> Obj | None:
    """What the API server makes of an object of its own; None when it may stay.

    One that it cannot do without always says what it must. Of the others the annotation tells, or, without it, whether
    anybody has ever changed it.
    """
    mark = _marked(there)
    update = mandatory or (mark if mark is not None else there["metadata"].get("generation") == 1)
    changed = update and not _same_spec(wanted, there)
    if not changed and mark is update:
        return None
    metadata = there["metadata"]
    if mark is not update:
        annotations = {**annotations_of(there), AUTO_UPDATE: "true" if update else "false"}
        metadata = {**metadata, "annotations": annotations}
    return {**there, "metadata": metadata, "spec": wanted["spec"] if changed else there["spec"]}


def dangling(schema: Obj, *, found: bool) -> Obj:
    """The condition that says whether a schema's priority level exists."""
    level = (schema["spec"].get("priorityLevelConfiguration") or EMPTY).get("name", "")
    told = f'This FlowSchema references the PriorityLevelConfiguration object named "{level}"'
    return {
        "type": "Dangling",
        "status": "False" if found else "True",
        "reason": "Found" if found else "NotFound",
        "message": f"{told} {'and it exists' if found else 'but there is no such object'}",
    }


class FlowControl(Controller):
    """Two keys: `ensure` what has to be there, `digest` what is."""

    name = "flow-control"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.since = 0  # when this process began: it looks at whole minutes from then on
        self.schemas, self.levels = informers(SCHEMAS), informers(LEVELS)
        for resource, informer in ((SCHEMAS, self.schemas), (LEVELS, self.levels)):
            informer.add_handler(
                partial(self._changed, resource), partial(self._updated, resource), partial(self._gone, resource)
            )

    def start(self) -> None:
        super().start()
        self.since = self.engine.now_ms
        self.enqueue(ENSURE)

    def _changed(self, resource: str, new: Obj) -> None:
        self.enqueue(DIGEST)
        own = OWN.get((resource, name_of(new)))
        if own is None:
            look = _marked(new) is True
        else:
            look = revised(new, own[0], mandatory=own[1]) is not None
        if look:
            self._ensure_later()

    def _updated(self, resource: str, old: Obj, new: Obj) -> None:
        self._changed(resource, new)

    def _gone(self, resource: str, old: Obj) -> None:
        self.enqueue(DIGEST)
        if (resource, name_of(old)) in OWN:
            self._ensure_later()

    def _ensure_later(self) -> None:
        passed = (self.engine.now_ms - self.since) % INTERVAL_MS
        self.enqueue(ENSURE, INTERVAL_MS - passed)

    def sync(self, key: str) -> None:
        """Raises: StatusError, a write was refused; the turn is tried again later."""
        if key == ENSURE:
            self._ensure()
        else:
            self._digest()

    def _ensure(self) -> None:
        for (resource, name), (wanted, mandatory) in OWN.items():
            there = (self.schemas if resource == SCHEMAS else self.levels).get(name)
            why = "kube-apiserver.flow-control"
            if there is None:
                self.client.managed_by(PRODUCER).create(resource, wanted, why=why)
            else:
                new = revised(there, wanted, mandatory=mandatory)
                if new is not None:
                    self.client.managed_by(PRODUCER).update(resource, new, why=why)
        for resource, informer in ((SCHEMAS, self.schemas), (LEVELS, self.levels)):
            for obj in informer.list():
                if (resource, name_of(obj)) not in OWN and _marked(obj):
                    self.client.delete(resource, "", name_of(obj), why="kube-apiserver.flow-control-unwanted")

    def _digest(self) -> None:
        for schema in self.schemas.list():
            status = schema.get("status") or EMPTY
            level = (schema["spec"].get("priorityLevelConfiguration") or EMPTY).get("name", "")
            new = dangling(schema, found=level in self.levels.cache)
            old = conditions.find(status.get("conditions"), "Dangling")
            if old is None or any(old.get(field) != new[field] for field in ("status", "reason", "message")):
                others = [one for one in status.get("conditions") or () if one["type"] != "Dangling"]
                said = {**new, "lastTransitionTime": format_ms(self.engine.now_ms)}
                body = {**schema, "status": {**status, "conditions": [*others, said]}}
                self.client.managed_by(CONSUMER, apply=True).update_status(
                    SCHEMAS, body, why="kube-apiserver.flow-schema-level"
                )

    def state(self) -> dict[str, Any]:
        return {"since": self.since}

    def set_state(self, data: dict[str, Any]) -> None:
        self.since = data["since"]
