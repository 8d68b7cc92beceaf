"""The key-value store: every write is a revision, and old values stay readable until compaction.

Models      etcd server/storage/mvcc (kvstore.go, key_index.go, watchable_store.go) and the v3 transaction
Leaves out  the write-ahead log; the size of the database; values are kept as objects, not as bytes
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple


class Record(NamedTuple):
    """One version of one key. `previous` leads back through the versions that compaction left."""

    create_revision: int
    mod_revision: int
    version: int  # 1 at creation, 0 for the mark that a deletion leaves
    value: Any
    previous: Record | None
    lease: int = 0  # goes with this lease; 0 = stays


class Change(NamedTuple):
    """What a watcher is told: `value` None means deleted."""

    revision: int
    key: str
    value: Any
    previous: Any


class Compare(NamedTuple):
    """A condition: the key's `create` or `mod` revision or its `version` equals `number`; 0 means no such key."""

    key: str
    target: str
    number: int


class Put(NamedTuple):
    key: str
    value: Any


class Delete(NamedTuple):
    key: str


class Compacted(Exception):
    """The revision asked for is older than what is kept."""

    def __init__(self, compact_revision: int) -> None:
        super().__init__("etcdserver: mvcc: required revision has been compacted")
        self.compact_revision = compact_revision


_new = tuple.__new__
LEASE_IDS = 0x694D_0000_0000_0000  # the ids of leases begin high, as a real member's do


class Store:
    """Keys in a flat space, as `/registry/pods/default/web-0`."""

    __slots__ = ("_forgotten", "_history", "_keys", "_leases", "compact_revision", "revision")

    def __init__(self) -> None:
        self.revision = 1  # an empty etcd is at revision 1
        self.compact_revision = 0
        self._keys: dict[str, Record] = {}
        self._history: list[Change] = []  # since compact_revision, one a revision
        self._forgotten: dict[str, int] = {}  # folder of keys -> the last change in it that compaction took
        self._leases: dict[int, list[Any]] = {}  # id -> ttl in s, when granted, at which revision, keys put with it

    def get(self, key: str, revision: int = 0) -> Record | None:
        """The key's record now, or as it was at `revision`.

        Raises:
            Compacted: that revision is gone.
        """
        record = self._keys.get(key)
        if revision:
            if revision < self.compact_revision:
                raise Compacted(self.compact_revision)
            while record is not None and record.mod_revision > revision:
                record = record.previous
        return record if record is not None and record.version else None

    def latest(self, key: str) -> Record | None:
        """The key's last record, be it the mark of a deletion."""
        return self._keys.get(key)

    def range(self, prefix: str, revision: int = 0) -> Iterator[tuple[str, Record]]:
        """Keys under a prefix with their records, in key order."""
        for key in sorted(key for key in self._keys if key.startswith(prefix)):
            record = self.get(key, revision)
            if record is not None:
                yield key, record

    def versioned(self, prefix: str) -> Iterator[tuple[str, Record]]:
        """Keys under a prefix of which older versions are kept too, with their records, in key order."""
        many = [item for item in self._keys.items() if item[1].previous is not None and item[1].version]
        yield from sorted((item for item in many if item[0].startswith(prefix)), key=lambda item: item[0])

    def txn(
        self, compares: Sequence[Compare], success: Sequence[Put | Delete], failure: Sequence[Put | Delete] = ()
    ) -> tuple[bool, int]:
        """If every comparison holds do `success`, else `failure`; say which, and the revision after.

        A transaction that writes is one revision, however many keys it writes.
        """
        succeeded = all(self._holds(compare) for compare in compares)
        operations = success if succeeded else failure
        if operations:
            revision = self.revision + 1
            wrote = False
            for operation in operations:
                if isinstance(operation, Put):
                    self._write(operation.key, operation.value, revision)
                    wrote = True
                elif self.get(operation.key) is not None:
                    self._write(operation.key, None, revision)
                    wrote = True
            if wrote:
                self.revision = revision
        return succeeded, self.revision

    def put(self, key: str, value: Any, lease: int = 0) -> int:
        """Write a key; the new revision. The usual single write, without the ceremony of a transaction."""
        self.revision += 1
        self._write(key, value, self.revision, lease)
        return self.revision

    def delete(self, key: str) -> int:
        """Delete a key that is there; the new revision."""
        self.revision += 1
        self._write(key, None, self.revision)
        return self.revision

    # ---- leases --------------------------------------------------------------------------------

    def grant(self, ttl_s: int, now_ms: int) -> int:
        """A new lease; its id. No revision: a lease is not a key."""
        id_ = LEASE_IDS + self.revision
        self._leases[id_] = [ttl_s, now_ms, self.revision, []]
        return id_

    def last_lease(self) -> tuple[int, int, int] | None:
        """The newest lease: its id, when it was granted, how many writes used it."""
        if not self._leases:
            return None
        id_ = next(reversed(self._leases))
        _, granted_ms, _, keys = self._leases[id_]
        return id_, granted_ms, len(keys)

    def leases(self) -> dict[int, tuple[int, int, list[str]]]:
        """Every lease: its time to live in s, when it was granted, the keys that go with it."""
        return {id_: (ttl, granted, self._keys_of(id_)) for id_, (ttl, granted, _, _) in self._leases.items()}

    def revoke(self, lease: int) -> list[str]:
        """The lease is over, and its keys go, all in one revision. Gives them."""
        if lease not in self._leases:
            return []
        keys = self._keys_of(lease)
        del self._leases[lease]
        if keys:
            self.txn((), [Delete(key) for key in keys])
        return keys

    def _keys_of(self, lease: int) -> list[str]:
        """What was put with the lease, and with no other since."""
        keys = self._keys
        return [key for key in dict.fromkeys(self._leases[lease][3]) if key in keys and keys[key].lease == lease]

    # ---- watching ------------------------------------------------------------------------------

    def changes(self, after: int) -> list[Change]:
        """Everything since revision `after`, oldest first: what a watch from there begins with.

        Raises:
            Compacted: some of it is gone.
        """
        if after + 1 < self.compact_revision:
            raise Compacted(self.compact_revision)
        low, high = 0, len(self._history)
        while low < high:
            middle = (low + high) // 2
            if self._history[middle].revision <= after:
                low = middle + 1
            else:
                high = middle
        return self._history[low:]

    def forgotten(self, prefix: str) -> int:
        """The last change under a prefix that cannot be told any more; 0 when everything can."""
        return max((at for folder, at in self._forgotten.items() if folder.startswith(prefix)), default=0)

    def compact(self, revision: int) -> None:
        """Forget what was overwritten or deleted before `revision`.

        Raises:
            ValueError: the revision lies in the future.
        """
        if revision > self.revision:
            raise ValueError("etcdserver: mvcc: required revision is a future revision")
        if revision <= self.compact_revision:
            raise Compacted(self.compact_revision)
        kept = self.changes(revision)
        for change in self._history[: len(self._history) - len(kept)]:
            self._forgotten[change.key.rpartition("/")[0] + "/"] = change.revision
        self._history = kept
        self.compact_revision = revision
        # Most keys have been written once: there is nothing to forget.
        several = [
            item
            for item in self._keys.items()
            if item[1].previous is not None or not (item[1].version or item[1].mod_revision > revision)
        ]
        for key, record in several:
            left = _cut(record, revision)
            if left is None:
                del self._keys[key]
            else:
                self._keys[key] = left

    def rewind(self, revision: int) -> None:
        """Undo everything after `revision`, as if it had never been. What it undoes must not have been compacted."""
        history, keys = self._history, self._keys
        for id_ in [id_ for id_, lease in self._leases.items() if lease[2] >= revision]:
            del self._leases[id_]
        while history and history[-1].revision > revision:
            key = history.pop().key
            lease = self._leases.get(keys[key].lease)
            if lease is not None:
                lease[3].pop()
            before = keys[key].previous
            if before is None:
                del keys[key]
            else:
                keys[key] = before
        self.revision = revision

    def _holds(self, compare: Compare) -> bool:
        record = self.get(compare.key)
        if record is None:
            return compare.number == 0
        if compare.target == "mod":
            return record.mod_revision == compare.number
        if compare.target == "create":
            return record.create_revision == compare.number
        return record.version == compare.number

    def _write(self, key: str, value: Any, revision: int, lease: int = 0) -> None:
        # Every write passes here, and a tuple's own constructor takes a third of the time of a NamedTuple's.
        before = self._keys.get(key)
        was = None
        if before is not None:
            created, _, version, was, _, _ = before
        if value is None:
            assert before is not None, key
            assert before.version, key
            self._keys[key] = _new(Record, (0, revision, 0, None, before, 0))
        elif before is None or not version:
            self._keys[key] = _new(Record, (revision, revision, 1, value, before, lease))
        else:
            self._keys[key] = _new(Record, (created, revision, version + 1, value, before, lease))
        if lease:
            self._leases[lease][3].append(key)
        self._history.append(_new(Change, (revision, key, value, was)))

    def save(self) -> dict[str, Any]:
        """The state as plain data; values are shared."""
        keys = {}
        for key, record in self._keys.items():
            chain: list[Any] = []  # of every version its create and mod revision, version, value and lease
            node: Record | None = record
            while node is not None:
                create, mod, version, value, node, lease = node
                chain += (create, mod, version, value, lease)
            keys[key] = chain
        return {
            "revision": self.revision,
            "compact_revision": self.compact_revision,
            "keys": keys,
            "leases": [
                [id_, ttl, granted, revision, list(put)] for id_, (ttl, granted, revision, put) in self._leases.items()
            ],
            "history": list(self._history),
            "forgotten": dict(self._forgotten),
        }

    def load(self, data: dict[str, Any]) -> None:
        self.revision = data["revision"]
        self.compact_revision = data["compact_revision"]
        self._history = [_new(Change, change) for change in data["history"]]
        self._forgotten = dict(data.get("forgotten", ()))
        self._leases = {id_: [ttl, granted, at, list(put)] for id_, ttl, granted, at, put in data["leases"]}
        self._keys = {}
        for key, chain in data["keys"].items():
            record: Record | None = None
            for at in range(len(chain) - 5, -1, -5):
                create, mod, version, value, lease = chain[at : at + 5]
                record = _new(Record, (create, mod, version, value, record, lease))
            assert record is not None
            self._keys[key] = record


def _cut(record: Record, revision: int) -> Record | None:
    """The record without versions that nobody can ask for any more; None if nothing is left."""
    if record.mod_revision <= revision:
        return record._replace(previous=None) if record.version else None
    versions = []
    node: Record | None = record
    while node is not None:
        versions.append(node)
        if node.mod_revision <= revision:
            break
        node = node.previous
    oldest = versions[-1]
    kept: Record | None = None
    if oldest.mod_revision > revision or oldest.version:
        kept = oldest._replace(previous=None)
    for version in reversed(versions[:-1]):
        kept = version._replace(previous=kept)
    return kept
