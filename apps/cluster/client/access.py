"""Access: whether a process's requests reach an API server that answers, and what it is told when they do not.

Models      the errors that client-go's transport and an API server without etcd give
Leaves out  how long a request waits before it fails: here it fails in the same instant

Who may reach whom is decided elsewhere (apps/cluster/controlplane). Here the verdict is carried out: where the API
server was, a client finds `Refusing`, so a request that gets through costs nothing more than it did.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, NoReturn, cast

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apiserver import APIServer
from apps.cluster.client.client import Client
from apps.cluster.client.recorder import Recorder


class Problem(NamedTuple):
    """Why requests fail. `code` 0: nobody answered, so there is no HTTP status."""

    code: int
    reason: str
    message: str


class Unreachable(StatusError):
    """The request was not carried out, and nothing is known of the object it was about."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code or 503, problem.reason, problem.message)


class Refusing:
    """Stands where the API server was: whatever is asked of it ends in the same error."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    def __getattr__(self, name: str) -> NoReturn:
        raise Unreachable(self.problem)


class Access:
    """The connection of one process: all its clients, and the recorders whose Events wait while it is down."""

    __slots__ = ("_apiserver", "_clients", "_recorders", "problem")

    def __init__(self, apiserver: APIServer, clients: Sequence[Client], recorders: Sequence[Recorder] = ()) -> None:
        self._apiserver = apiserver
        self._clients = clients
        self._recorders = recorders
        self.problem: Problem | None = None

    @property
    def open(self) -> bool:
        return self.problem is None

    def change(self, problem: Problem | None) -> bool:
        """From now on requests fail with `problem`, or get through (None). True: that is news."""
        if problem == self.problem:
            return False
        self.problem = problem
        server = self._apiserver if problem is None else cast(APIServer, Refusing(problem))
        for client in self._clients:
            client.apiserver = server
        for recorder in self._recorders:
            recorder.hold(problem is not None)
        return True
