"""Manifests as people paste them: many documents, List kinds, JSON, empty documents; and where each thing stood.

Models      k8s.io/apimachinery/pkg/util/yaml (YAMLReader: documents end at a line that begins with `---`), kubectl's
            resource builder
            (List kinds are taken apart, documents without content are passed over)
Leaves out  server-side generation; reading from a URL
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from apps.cluster.apimachinery.status import StatusError, bad_request
from apps.scenarios import limits, yamlread
from apps.scenarios.commands import dumps, measured

Obj = dict[str, Any]
UNTYPED = (
    "couldn't get version/kind; json parse error: json: cannot unmarshal {what} into Go value of type struct "
    '{{ APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }}'
)


@dataclass(frozen=True)
class Document:
    """One object of a manifest and where it stood: file, number of the document (from 1), its first line."""

    obj: Obj
    number: int
    line: int = 1
    source: str = ""
    text: str = field(default="", repr=False)

    @property
    def kind(self) -> str:
        return str(self.obj.get("kind", ""))

    @property
    def name(self) -> str:
        metadata = self.obj.get("metadata")
        return str(metadata.get("name") or metadata.get("generateName") or "") if isinstance(metadata, dict) else ""

    @property
    def namespace(self) -> str:
        metadata = self.obj.get("metadata")
        return str(metadata.get("namespace") or "") if isinstance(metadata, dict) else ""

    @cached_property
    def _lines(self) -> dict[str, int]:
        try:
            return yamlread.lines(self.text)
        except yamlread.YAMLError:
            return {}

    def line_of(self, path: str) -> int:
        """The line of a field in the file, or of the nearest thing around it: `spec.ports[0].port` -> 14."""
        known = self._lines
        while path and path not in known:
            cut = max(path.rfind("."), path.rfind("["))
            path = path[:cut] if cut > 0 else ""
        return self.line + known.get(path, 1) - 1


@dataclass(frozen=True)
class Problem:
    """Why a document was refused. `error` is the refusal itself, with Kubernetes' own message."""

    error: StatusError
    number: int
    line: int
    kind: str = ""
    name: str = ""
    source: str = ""
    document: Document | None = None


class ManifestError(Exception):
    """At least one document was refused; then none of the manifest is used."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(problem.error.message for problem in problems))
        self.problems = list(problems)


def split(text: str) -> Iterable[tuple[int, str]]:
    """The documents of a text, each with its first line (from 1), cut where kubectl cuts.

    >>> list(split("a: 1\\n--- # next\\nb: 2\\n"))
    [(1, 'a: 1\\n'), (3, 'b: 2\\n')]

    Raises:
        StatusError: a separator line that says something more.
    """
    start, lines = 1, []
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        if line.startswith("---"):
            rest = line[3:].strip()
            if rest and not rest.startswith("#"):
                raise bad_request(f"invalid Yaml document separator: {rest[:100]}")
            if lines:
                yield start, "".join(lines)
            start, lines = number + 1, []
        else:
            lines.append(line)
    if lines:
        yield start, "".join(lines)


def read(text: str, *, source: str = "", most: int = limits.MANIFEST_BYTES) -> list[Document]:
    """Every object of a manifest, in order. List kinds are taken apart; documents without content are passed over.

    Raises:
        ManifestError: with every document that is no object, so that all can be mended at once.
        LimitExceeded: too big, too many documents, or unfolding into too much.
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > most:
        raise limits.exceeded("manifest_bytes", most, size)
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    documents: list[Document] = []
    problems: list[Problem] = []
    budget = limits.MANIFEST_NODES
    number = 0
    try:
        pieces = list(split(text))
    except StatusError as error:
        raise ManifestError([Problem(error, 1, 1, source=source)]) from None
    for line, piece in pieces:
        try:
            value, spent = _value(piece, budget)
            budget -= spent
        except yamlread.YAMLError as error:
            number += 1
            if number > limits.DOCUMENTS:
                raise limits.exceeded("documents", limits.DOCUMENTS, number) from None
            refusal = bad_request(f"error converting YAML to JSON: yaml: {error.message}")
            problems.append(Problem(refusal, number, line + max(error.line, 1) - 1, source=source))
            continue
        if value is None:
            continue
        number += 1
        if number > limits.DOCUMENTS:
            raise limits.exceeded("documents", limits.DOCUMENTS, number)
        try:
            for obj in objects_of(value):
                documents.append(Document(obj, number, line, source, piece))
                if len(documents) > limits.DOCUMENTS:
                    raise limits.exceeded("documents", limits.DOCUMENTS, len(documents))
        except limits.LimitExceeded:
            raise
        except StatusError as error:
            kind = str(value.get("kind") or "") if isinstance(value, dict) else ""
            problems.append(Problem(error, number, _first_line(piece, line), kind, source=source))
    if problems:
        raise ManifestError(problems)
    return documents


def objects_of(value: Any) -> list[Obj]:
    """The objects that one document says: itself, or the items of a List.

    Raises:
        StatusError: no object, or one that does not say what it is; worded as kubectl words it.
    """
    if not isinstance(value, dict):
        what = "array" if isinstance(value, list) else "bool" if isinstance(value, bool) else None
        what = what or ("number" if isinstance(value, int | float) else "string")
        raise bad_request(UNTYPED.format(what=what))
    for name, key in (("Kind", "kind"), ("apiVersion", "apiVersion")):
        if not value.get(key) or not isinstance(value[key], str):
            raise bad_request(f"Object '{name}' is missing in '{_short(value)}'")
    items = value.get("items")
    if value["kind"].endswith("List") and isinstance(items, list):
        inner = value["kind"].removesuffix("List")
        out: list[Obj] = []
        for item in items:
            if isinstance(item, dict) and inner and "kind" not in item:
                item = {"apiVersion": value["apiVersion"], "kind": inner, **item}
            out += objects_of(item)
        return out
    return [value]


def missing_namespaces(documents: Sequence[Document], existing: Iterable[str]) -> list[Obj]:
    """Namespace objects for namespaces that the documents name but that neither they nor the cluster have."""
    known = set(existing) | {document.name for document in documents if document.kind == "Namespace"}
    wanted: dict[str, Obj] = {}
    for document in documents:
        name = document.namespace
        if name and name not in known and name not in wanted:
            wanted[name] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    return list(wanted.values())


def _value(piece: str, budget: int) -> tuple[Any, int]:
    if piece.lstrip()[:1] == "{" and "\\u0000" not in piece:
        # JSON may be indented with tabs, which YAML is not; anything else than clean JSON is left to the YAML reader.
        try:
            value = json.loads(piece)
            dumps(value)
        except (ValueError, RecursionError):
            pass
        else:
            return value, measured(value, budget)
    return yamlread.load(piece, budget=budget)


def _first_line(piece: str, line: int) -> int:
    """The first line of a document that says something."""
    for offset, text in enumerate(piece.splitlines()):
        if text.strip() and not text.lstrip().startswith("#"):
            return line + offset
    return line


def _short(value: Obj, most: int = 200) -> str:
    text = dumps(value)
    return text if len(text) <= most else text[: most - 1] + "…"
