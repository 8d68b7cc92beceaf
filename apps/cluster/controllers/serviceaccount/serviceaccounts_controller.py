"""The ServiceAccount controller: every namespace has an account called "default".

Models      pkg/controller/serviceaccount/serviceaccounts_controller.go (1.36)
Leaves out  nothing that shows
"""

from __future__ import annotations

from apps.cluster.apimachinery.meta import Obj, name_of, namespace_of
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.engine import Engine

DEFAULT = "default"


class ServiceAccountsController(Controller):
    """Keys are names of namespaces."""

    name = "serviceaccount-controller"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.namespaces = informers("namespaces")
        self.accounts = informers("serviceaccounts")
        self.namespaces.add_handler(self._changed, lambda _, new: self._changed(new))
        self.accounts.add_handler(on_delete=lambda account: self.enqueue(namespace_of(account)))

    def _changed(self, namespace: Obj) -> None:
        self.enqueue(name_of(namespace))

    def sync(self, key: str) -> None:
        """Create the account if it is missing.

        Raises:
            StatusError: the creation was refused for another reason than that the namespace is going.
        """
        namespace = self.namespaces.get(key)
        if namespace is None or (namespace.get("status") or {}).get("phase") != "Active":
            return
        if self.accounts.get(f"{key}/{DEFAULT}") is not None:
            return
        account = {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": DEFAULT, "namespace": key},
        }
        try:
            self.client.create("serviceaccounts", account, why="serviceaccount.create")
        except StatusError as error:
            if error.reason != "AlreadyExists" and not is_namespace_terminating(error):
                raise


def is_namespace_terminating(error: StatusError) -> bool:
    """Whether a creation was refused because its namespace is being deleted."""
    return any(cause.get("reason") == "NamespaceTerminating" for cause in error.details.get("causes") or ())
