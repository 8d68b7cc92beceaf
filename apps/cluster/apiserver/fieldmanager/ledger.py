"""Who wrote which revision, kept in so few words that a write costs nothing; the fields are worked out when asked for.

Models      what endpoints/handlers do with a FieldManager at every create, update and patch
Leaves out  nothing known

docs/decisions/managed-fields.md says why it is done late. A revision's entry is who wrote it and when. The objects
before and after it are in the store's own history, and from these two follow the fields. What has been worked out is
remembered by the object it belongs to.
"""

from __future__ import annotations

from typing import Any

from apps.cluster.api.memo import IdentityMemo
from apps.cluster.api.resource import ResourceInfo
from apps.cluster.apimachinery.timestamps import format_ms
from apps.cluster.apiserver import event_forms
from apps.cluster.apiserver.fieldmanager.managed import Managed, applied, decode, encode, manager_for, updated
from apps.cluster.apiserver.fieldmanager.names import APPLY, manager_of
from apps.cluster.apiserver.fieldmanager.resets import keep_for
from apps.cluster.apiserver.fieldmanager.types import Node, of_kind
from apps.cluster.etcd import Record

Obj = dict[str, Any]
Writer = tuple[str, str, str, int]  # component, why, subresource, ms
LONG_RUN = 16  # of one writer's changes in a row; of a longer one the first and the last are looked at


class Ledger:
    """The managers of every object, as its history has them."""

    def __init__(self) -> None:
        self._writers: dict[int, Writer] = {}
        self._asked: dict[int, Obj] = {}  # revision of a creation -> the object before admission touched it
        self._known: dict[int, list[Obj]] = {}  # revision -> managedFields, where they were worked out at the write
        self._held: dict[int, Record] = {}  # first revision left by a compaction -> the history before it
        self._last: Writer = ("", "", "", 0)
        self._memo: IdentityMemo[Managed] = IdentityMemo(8192)
        self.nodes: dict[str, Node] = {}  # of custom kinds with a schema, by resource

    def note(self, revision: int, component: str, why: str, subresource: str, ms: int) -> None:
        """A write, by its revision. One tuple for all writes of one turn."""
        writer = (component, why, subresource, ms)
        if writer == self._last:
            writer = self._last
        else:
            self._last = writer
        self._writers[revision] = writer

    def asked(self, revision: int, obj: Obj) -> None:
        """What a creation asked for: of what admission adds, its author owns nothing."""
        self._asked[revision] = obj

    def know(self, revision: int, managed: Managed) -> None:
        """The managers after this revision, worked out by the write itself."""
        self._known[revision] = encode(managed)

    def node(self, info: ResourceInfo) -> Node:
        return self.nodes.get(info.plural) or of_kind(info.api_version, info.kind)

    def fields(self, info: ResourceInfo, record: Record | None) -> list[Obj]:
        """`metadata.managedFields` of one version of an object."""
        return encode(self.managed(info, record))

    def managed(self, info: ResourceInfo, record: Record | None) -> Managed:
        """The managers of one version of an object."""
        chain: list[Record] = []
        managed: Managed = {}
        while record is not None and record.version:
            found = self._memo.get(record.value)
            if found is not None:
                managed = found
                break
            entries = self._known.get(record.mod_revision)
            if entries is not None:
                managed = self._memo.put(record.value, decode(entries))
                break
            chain.append(record)
            if record.version == 1:
                break
            held = self._held.get(record.mod_revision)
            record = held.previous if held is not None else record.previous
        else:
            if chain:
                chain.pop()  # what was before it has been forgotten, and with it who wrote it
        if not chain:
            return managed
        node = self.node(info)
        chain.reverse()
        at = 0
        while at < len(chain):
            until = self._end_of_run(chain, at)
            managed = self._after(info, node, managed, chain[at], chain[until])
            at = until + 1
        return self._memo.put(chain[-1].value, managed)

    def _end_of_run(self, chain: list[Record], at: int) -> int:
        writer = self._writers.get(chain[at].mod_revision)
        until = at
        while until + 1 < len(chain):
            after = self._writers.get(chain[until + 1].mod_revision)
            if after is None or writer is None or after[:3] != writer[:3] or chain[until].version == 1:
                break
            until += 1
        return until if until - at >= LONG_RUN else at

    def _after(self, info: ResourceInfo, node: Node, managed: Managed, first: Record, last: Record) -> Managed:
        writer = self._writers.get(last.mod_revision)
        if writer is None:
            return managed  # a deletion's mark or a binding: nobody's fields
        component, why, subresource, ms = writer
        if info.plural == "events" and event_forms.written_modern(last.value):
            return self._after_modern(managed, first, last, manager_of(component, why), ms)
        name = manager_of(component, why)
        keep = keep_for(info, subresource)
        if name.startswith(APPLY) and last.previous is not None:
            # A part of the control plane that applies a status says all of it, and is not argued with.
            said = {"metadata": {"name": last.value["metadata"]["name"]}, "status": last.value["status"]}
            config = {"apiVersion": info.api_version, "kind": info.kind, **said}
            manager = manager_for(name[len(APPLY) :], "Apply", info.api_version, subresource)
            old, now = last.previous.value, format_ms(ms)
            return applied(managed, old, config, manager, now, node, force=True, keep=keep).managed
        manager = manager_for(name, "Update", info.api_version, subresource)
        if first.version == 1:
            new = self._asked.get(first.mod_revision, last.value)
            return updated({}, {}, info.default(new), manager, format_ms(ms), node, keep)
        previous = self._held.get(first.mod_revision, first).previous
        old = previous.value if previous is not None else {}
        return updated(managed, old, last.value, manager, format_ms(ms), node, keep)

    def _after_modern(self, managed: Managed, first: Record, last: Record, name: str, ms: int) -> Managed:
        """An Event whose recorder wrote it in the form of events.k8s.io owns the fields of that form."""
        manager = manager_for(name, "Update", "events.k8s.io/v1")
        new = event_forms.modern(last.value)
        before = first.previous.value if first.version > 1 and first.previous is not None else None
        old = event_forms.modern(before) if before is not None else {}
        return updated(managed, old, new, manager, format_ms(ms), of_kind("events.k8s.io/v1", "Event"))

    # ---- past and future ---------------------------------------------------------------------------

    def hold(self, records: dict[str, Record], revision: int) -> None:
        """Before everything older than `revision` is forgotten: keep of each object what its fields follow from."""
        for record in records.values():
            oldest = record
            while oldest.mod_revision > revision and oldest.previous is not None:
                oldest = oldest.previous
            if oldest.version > 1 and oldest.mod_revision not in self._held and oldest.previous is not None:
                self._held[oldest.mod_revision] = oldest

    def rewind(self, revision: int) -> None:
        """Nothing after `revision` has been."""
        tables: tuple[dict[int, Any], ...] = (self._writers, self._asked, self._known)
        for table in tables:
            while table and next(reversed(table)) > revision:
                table.popitem()

    def save(self) -> dict[str, Any]:
        """As plain data; objects are shared."""
        held = {}
        for revision, record in self._held.items():
            chain: list[list[Any]] = []
            node: Record | None = record
            while node is not None:
                chain.append([node.create_revision, node.mod_revision, node.version, node.value])
                node = node.previous
            held[str(revision)] = chain
        return {
            "writers": {str(revision): writer for revision, writer in self._writers.items()},
            "asked": {str(revision): obj for revision, obj in self._asked.items()},
            "known": {str(revision): entries for revision, entries in self._known.items()},
            "held": held,
        }

    def load(self, data: dict[str, Any]) -> None:
        self._memo = IdentityMemo(8192)
        self._writers = {int(revision): tuple(writer) for revision, writer in data.get("writers", {}).items()}
        self._asked = {int(revision): obj for revision, obj in data.get("asked", {}).items()}
        self._known = {int(revision): entries for revision, entries in data.get("known", {}).items()}
        self._held = {}
        for revision, chain in data.get("held", {}).items():
            record: Record | None = None
            for create, mod, version, value in reversed(chain):
                record = Record(create, mod, version, value, record)
            assert record is not None
            self._held[int(revision)] = record
