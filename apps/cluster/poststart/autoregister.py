"""The autoregister controller: an APIService for every group and version that the API server answers itself.

Models      k8s.io/kube-aggregator/pkg/controllers/autoregister, pkg/controlplane/controller/crdregistration
Leaves out  nothing

Those of built-in groups are written once, when the server starts. Those of CustomResourceDefinitions are kept as they
have to be for as long as one of them serves the version.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from apps.cluster.apimachinery.meta import Obj, labels_of, name_of, uid_of
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.engine import Engine
from apps.cluster.poststart.priorities import ALWAYS, AUTOMANAGED, CUSTOM, LOCAL, ON_START, api_service

START = "@start"


def _names(definition: Obj) -> Iterator[str]:
    """Those of the APIServices that a CustomResourceDefinition has to do with."""
    spec = definition["spec"]
    for version in spec.get("versions") or ():
        yield f"{version['name']}.{spec['group']}"


class AutoRegisterController(Controller):
    """Keys are names of APIServices, `v1.apps`."""

    name = "autoregister"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.at_start: dict[str, None] = {}  # those that were there when this process began
        self.synced: dict[str, None] = {}
        self.api_services = informers("apiservices")
        self.definitions = informers("customresourcedefinitions")
        self.api_services.add_handler(self._changed, lambda _, new: self._changed(new), self._changed)
        self.definitions.add_handler(self._defined, self._redefined, self._defined)

    def start(self) -> None:
        super().start()
        self.synced = {}
        self.at_start = dict.fromkeys(map(name_of, self.client.list("apiservices")))
        self.enqueue(START)

    def _changed(self, api_service: Obj) -> None:
        name = name_of(api_service)
        # What is looked after at the start alone needs no second look.
        if not (name in self.synced and labels_of(api_service).get(AUTOMANAGED) == ON_START):
            self.enqueue(name)

    def _defined(self, definition: Obj) -> None:
        for name in _names(definition):
            self.enqueue(name)

    def _redefined(self, old: Obj, new: Obj) -> None:
        if old["spec"] is not new["spec"]:
            self._defined(old)
            self._defined(new)

    def sync(self, key: str) -> None:
        """Raises: StatusError, a write was refused; the turn is tried again later."""
        for name in LOCAL if key == START else (key,):
            self._check(name)
            self.synced[name] = None

    def _wanted(self, name: str) -> Obj | None:
        if name in LOCAL:
            return LOCAL[name]
        version, _, group = name.partition(".")
        for definition in self.definitions.cache.values():
            spec = definition["spec"]
            if spec["group"] == group and any(
                one["name"] == version and one.get("served") for one in spec.get("versions") or ()
            ):
                return api_service(group, version, CUSTOM, ALWAYS)
        return None

    def _check(self, name: str) -> None:
        wanted, there, synced = self._wanted(name), self.api_services.get(name), name in self.synced
        if wanted is not None and labels_of(wanted)[AUTOMANAGED] == ON_START and synced:
            return
        if there is None:
            if wanted is not None:
                self.synced[name] = None
                self.client.create("apiservices", wanted, why="kube-apiserver.register-group")
            return
        managed = labels_of(there).get(AUTOMANAGED)
        if managed not in (ON_START, ALWAYS):
            return  # somebody else looks after it
        if managed == ON_START and (synced or name not in self.at_start):
            return
        if wanted is None:
            self.client.delete("apiservices", "", name, uid=uid_of(there), why="kube-apiserver.unregister-group")
        elif there["spec"] != wanted["spec"]:
            self.client.update("apiservices", {**there, "spec": wanted["spec"]}, why="kube-apiserver.register-group")

    def state(self) -> dict[str, Any]:
        return {"at_start": list(self.at_start), "synced": list(self.synced)}

    def set_state(self, data: dict[str, Any]) -> None:
        self.at_start = dict.fromkeys(data["at_start"])
        self.synced = dict.fromkeys(data["synced"])
