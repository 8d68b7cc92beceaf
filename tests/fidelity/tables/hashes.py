"""The hashes in names: of Pod templates, and of the revisions of StatefulSets.

The templates are in manifests that other people wrote, so the rows are read where those are, and there alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import yaml

from apps.cluster.api.decode import decode
from apps.cluster.api.podtemplate_hash import controller_revision_hash, controller_revision_name, pod_template_hash
from tests.fidelity.reference import manifests, reference
from tests.fidelity.tables.registry import Row, adaptor, same

TEMPLATES, REVISIONS = "hash__pod_template_hash__dev", "hash__statefulset_controllerrevision__dev"


def _cases(table: str) -> Iterator[Any]:
    found = reference()
    if found is not None and manifests() is not None:
        yield from json.loads((found / "tables" / f"{table}.json").read_text())["cases"]


def templates() -> Iterator[Row]:
    folder = manifests()
    for case in _cases(TEMPLATES):
        if folder is None or not (folder / case["manifest"]).exists():
            continue
        yield Row(TEMPLATES, f"{case['manifest']} {case['kind']} {case['name']}", "", case)


def revisions() -> Iterator[Row]:
    for case in _cases(REVISIONS):
        yield Row(REVISIONS, case["controllerrevision_name"], "", case)


@adaptor(TEMPLATES, rows=templates)
def template(row: Row) -> None:
    folder = manifests()
    assert folder is not None
    found = decode(_object((folder / row["manifest"]).read_text(), row["kind"], row["name"]))
    made = found.info.default(found.obj)["spec"]["template"]
    hashes = [pod_template_hash(made, collision) for collision in (None, 0, 1)]
    same(hashes, [row["pod_template_hash"], row["collision0"], row["collision1"]])


def _object(text: str, kind: str, name: str) -> Any:
    for document in yaml.load_all(text, yaml.CSafeLoader):
        for obj in (document or {}).get("items") or [document or {}]:
            if obj.get("kind") == kind and obj["metadata"]["name"] == name:
                return obj
    raise LookupError(f"{kind} {name}")


@adaptor(REVISIONS, rows=revisions)
def revision(row: Row) -> None:
    prefix, _, hash_ = row["controllerrevision_name"].rpartition("-")
    found = controller_revision_hash(row["data"], 0)
    same(found, hash_)
    same(controller_revision_name(prefix, found), row["controllerrevision_name"])
