"""Every limit of a scenario, and the error that names one.

A limit that is reached is named, with what it is: the reader learns the number instead of guessing it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from apps.cluster.apimachinery.status import StatusError

MANIFEST_BYTES = 1024 * 1024  # one paste, upload or request
DOCUMENTS = 1000  # YAML documents in one manifest
MANIFEST_NODES = 200_000  # values in one manifest once its aliases are written out
MANIFEST_DEPTH = 64  # maps and lists inside one another
COMMANDS = 10_000  # in one scenario's log
LOG_BYTES = 16 * 1024 * 1024  # of one scenario's log
WORKERS = 20
REPLICAS = 1000  # of one object
PODS = 2000  # asked for by all workloads together
LINK_CHARS = 1900  # of a v1 token, so that the whole address stays under 2 kB
LINK_JSON_BYTES = 64 * 1024  # of what a v1 token unpacks to
LINK_COMMANDS = 200
STEPS = 100_000  # of one history; a cluster that has made more stands still
HORIZON_MS = 600_000  # simulated time after the last command, for a cluster that never comes to rest
SCENARIOS_PER_HOUR = 240  # from one address
MESSAGE_BYTES = MANIFEST_BYTES + 4096  # of one WebSocket message
MESSAGES_PER_10S = 60  # from one WebSocket
REQUESTS_PER_SECOND = 400  # to the Kubernetes API, with one token from one address; and so many at once:
REQUESTS_BURST = 2000
UNKNOWN_PER_SECOND = 50  # the same, without a token that is good
UNKNOWN_BURST = 300
WATCHES = 2000  # open in one process
WATCHES_PER_SCENARIO = 200
WATCH_QUEUE_BYTES = 8 * 1024 * 1024  # waiting for one watcher; who falls further behind is cut off


@dataclass(frozen=True)
class Limits:
    """What one surface allows; the command line allows more than the site."""

    workers: int = WORKERS
    replicas: int = REPLICAS
    pods: int = PODS
    manifest_bytes: int = MANIFEST_BYTES


SITE = Limits()
COMMAND_LINE = Limits(workers=1000, replicas=10_000, pods=20_000, manifest_bytes=16 * 1024 * 1024)


class Said(StatusError):
    """A refusal of the site itself, already in the reader's language: nobody needs to explain it."""


class LimitExceeded(Said):
    """A limit of this site, not of Kubernetes. `limit` and `value` are what is allowed and what came."""

    def __init__(self, name: str, limit: int, value: int | None, message: str, *, code: int = 422) -> None:
        super().__init__(
            code,
            "Invalid" if code == 422 else "TooManyRequests",
            message,
            {"limit": name, "allowed": limit, "asked": value},
        )
        self.name, self.limit, self.value = name, limit, value


def exceeded(name: str, limit: int, value: int | None = None, **params: Any) -> LimitExceeded:
    """The error for one limit, in the language of the request.

    >>> exceeded("workers", 20, 25).limit
    20
    """
    texts = {
        "manifest_bytes": _("A manifest may have at most %(limit)s bytes; this one has %(value)s."),
        "documents": _("A manifest may have at most %(limit)s documents."),
        "manifest_nodes": _(
            "A manifest may have at most %(limit)s values once its aliases are written out; this one has more."
        ),
        "manifest_depth": _("A manifest may nest at most %(limit)s levels deep; this one goes deeper."),
        "commands": _("A scenario may have at most %(limit)s commands. Fork it to go on from here."),
        "log_bytes": _("All commands of a scenario together may have at most %(limit)s bytes."),
        "workers": _("A cluster here may have at most %(limit)s worker nodes; %(value)s were asked for."),
        "replicas": _("One object may ask for at most %(limit)s replicas here; %(object)s asks for %(value)s."),
        "pods": _(
            "All workloads together may ask for at most %(limit)s Pods here; with this they would ask for %(value)s."
        ),
        "link_chars": _(
            "A link that carries its whole scenario may have at most %(limit)s characters; "
            "this one would have %(value)s."
        ),
        "link_commands": _("A link that carries its whole scenario may have at most %(limit)s commands."),
        "scenarios_per_hour": _(
            "At most %(limit)s scenarios may be made from one address in an hour. Try again later."
        ),
        "messages": _("At most %(limit)s messages may be sent in ten seconds."),
    }
    values = {"limit": f"{limit:,}", "value": f"{value:,}" if value is not None else "", **params}
    code = 429 if name in {"scenarios_per_hour", "messages"} else 422
    return LimitExceeded(name, limit, value, texts[name] % values, code=code)
