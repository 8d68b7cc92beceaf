"""etcd: the one place where the cluster's state is kept."""

from apps.cluster.etcd.leases import Lessor
from apps.cluster.etcd.members import Members, ReplicatedStore
from apps.cluster.etcd.store import Change, Compacted, Compare, Delete, Put, Record, Store

__all__ = ["Change", "Compacted", "Compare", "Delete", "Lessor", "Members", "Put", "Record", "ReplicatedStore", "Store"]
