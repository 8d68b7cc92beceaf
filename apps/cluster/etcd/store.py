"""The key-value store: every write is a revision, and old values stay readable until compaction.

Models      etcd server/storage/mvcc (kvstore.go, key_index.go, watchable_store.go) and the v3 transaction
Leaves out  Raft, the write-ahead log and leases; values are kept as objects, not as bytes
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


class Store:
    """Keys in a flat space, as `/registry/pods/default/web-0`."""

    __slots__ = ("_history", "_keys", "compact_revision", "revision")

    def __init__(self) -> None:
        self.revision = 1  # an empty etcd is at revision 1
        self.compact_revision = 0
        self._keys: dict[str, Record] = {}
        self._history: list[Change] = []  # since compact_revision, one a revision

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

    def put(self, key: str, value: Any) -> int:
        """Write a key; the new revision. The usual single write, without the ceremony of a transaction."""
        self.revision += 1
        self._write(key, value, self.revision)
        return self.revision

    def delete(self, key: str) -> int:
        """Delete a key that is there; the new revision."""
        self.revision += 1
        self._write(key, None, self.revision)
        return self.revision

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

    def compact(self, revision: int) -> None:
        """Forget what was overwritten or deleted before `revision`.

        Raises:
            ValueError: the revision lies in the future.
        """
        if revision > self.revision:
            raise ValueError("etcdserver: mvcc: required revision is a future revision")
        if revision <= self.compact_revision:
            raise Compacted(self.compact_revision)
        self._history = self.changes(revision)
        self.compact_revision = revision
        for key, record in list(self._keys.items()):
            kept = _cut(record, revision)
            if kept is None:
                del self._keys[key]
            else:
                self._keys[key] = kept

    def rewind(self, revision: int) -> None:
        """Undo everything after `revision`, as if it had never been. What it undoes must not have been compacted."""
        history, keys = self._history, self._keys
        while history and history[-1].revision > revision:
            key = history.pop().key
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

    def _write(self, key: str, value: Any, revision: int) -> None:
        before = self._keys.get(key)
        if value is None:
            assert before is not None, key
            assert before.version, key
            self._keys[key] = Record(0, revision, 0, None, before)
        elif before is None or not before.version:
            self._keys[key] = Record(revision, revision, 1, value, before)
        else:
            self._keys[key] = Record(before.create_revision, revision, before.version + 1, value, before)
        self._history.append(Change(revision, key, value, before.value if before is not None else None))

    def save(self) -> dict[str, Any]:
        """The state as plain data; values are shared."""
        keys = {}
        for key, record in self._keys.items():
            chain: list[list[Any]] = []
            node: Record | None = record
            while node is not None:
                chain.append([node.create_revision, node.mod_revision, node.version, node.value])
                node = node.previous
            keys[key] = chain
        return {
            "revision": self.revision,
            "compact_revision": self.compact_revision,
            "keys": keys,
            "history": [list(change) for change in self._history],
        }

    def load(self, data: dict[str, Any]) -> None:
        self.revision = data["revision"]
        self.compact_revision = data["compact_revision"]
        self._history = [Change(*change) for change in data["history"]]
        self._keys = {}
        for key, chain in data["keys"].items():
            record: Record | None = None
            for create, mod, version, value in reversed(chain):
                record = Record(create, mod, version, value, record)
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
