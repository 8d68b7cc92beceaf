"""Discovery: the resources of which the server can list and delete objects.

Models      client-go discovery, as the garbage collector and the namespace controller use it
Leaves out  several versions of one group
"""

from __future__ import annotations

from apps.cluster.api.resource import ResourceInfo
from apps.cluster.client import Client

# Requests rather than objects: they are created and answered, never stored.
NOT_STORED = frozenset(
    {
        "bindings",
        "componentstatuses",
        "selfsubjectreviews",
        "tokenreviews",
        "localsubjectaccessreviews",
        "selfsubjectaccessreviews",
        "selfsubjectrulesreviews",
        "subjectaccessreviews",
    }
)


def count(client: Client) -> int:
    """How many resources there are: it grows when a kind appears."""
    return len(client.apiserver.infos)


def deletable(client: Client) -> list[ResourceInfo]:
    """Every resource whose objects can be listed, watched and deleted, in the server's order."""
    return [info for info in client.apiserver.infos.values() if info.plural not in NOT_STORED]
