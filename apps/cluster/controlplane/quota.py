"""etcd's quota: once its database is that large it raises the alarm NOSPACE, and refuses whatever writes a key.

Models      etcd server/storage/quota.go, server/etcdserver/apply (applierV3Capped: puts and leases are refused,
            deletions and compactions are not), etcdctl compact, defrag and alarm disarm
Leaves out  the database's size by itself: it grows to its quota (2 GiB) when somebody has it grow

Reads and watches go on, and so do containers. What has to be written to stay alive does not: leases of leaders and
of nodes run out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.controlplane import ledger
from apps.cluster.controlplane.names import ETCD

if TYPE_CHECKING:
    from apps.cluster.controlplane.host import ControlPlane

FILL, FREE = "fill", "free"
VERBS = (FILL, FREE)


def command(host: ControlPlane, verb: str) -> None:
    """`fill`: something writes until the quota is reached. `free`: compact, defrag on every member, alarm disarm.

    Raises:
        StatusError: etcd does not answer, or it is full already.
    """
    node = host.etcd_node()
    if not node:
        problem = host.etcd_problem(host.control_planes()[0])
        raise StatusError(500, "", problem.message if problem is not None else "")
    if verb == FILL:
        if host.full:
            raise StatusError(409, "Conflict", "etcd has raised the alarm NOSPACE already")
        host.note(ETCD, node, "nospace", "etcd.nospace")
        host.set_full(True)
        return
    revision = host.compact_all(node)
    host.note(ETCD, node, "defrag", "etcd.defrag", revision=revision)
    if host.full:
        host.note(ETCD, node, "disarm", "etcd.disarm")
        host.set_full(False)


def log(host: ControlPlane, step: int) -> None:
    for node in host.control_planes():
        host.ledger.write(step, node, ledger.ALARM, ledger.NOSPACE if host.full else ledger.RUNNING)
