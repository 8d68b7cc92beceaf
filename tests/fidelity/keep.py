"""`python -m tests.fidelity.keep`: what the tests need of the recordings, from K8SDOCS_REFERENCE into tests/testdata.

Tables keep their rows without what says nothing: nulls (in Go the same as absent), the empty node information of the
fixtures' nodes, the caches inside a dumped NodeInfo. Tables of what no adaptor runs keep their number of rows alone.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from tests.fidelity import bootstrap
from tests.fidelity.reference import reference
from tests.fidelity.tables import adaptor_of
from tests.fidelity.tables.registry import KEPT

# Their rows are taken from manifests that other people wrote.
OTHERS_WORDS = ("hash",)
AS_THEY_ARE = ("smp",)  # in a patch, null is not nothing


def lean(value: Any) -> Any:
    """A dumped value without what says nothing."""
    if isinstance(value, list):
        return [lean(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    if value.get("__type") == "*framework.NodeInfo":
        inside = value["value"]
        return lean({"Pods": [{"Pod": _pod(pod)} for pod in inside.get("Pods") or ()], "Node": inside.get("Node")})
    if "cacheStorage" in value:  # an informer's store: what it holds
        return [lean(item["value"]) for item in value["cacheStorage"]["value"]["items"].values()]
    if value.get("__type") == "*cache.cache":
        return lean(value["value"])
    if str(value.get("__type", "")).startswith(("*v1.", "*core.")):  # an API object behind an interface
        return lean({"kind": value["__type"].partition(".")[2], **value["value"]})
    out = {}
    for name, entry in value.items():
        if name == "deletionTimestamp":  # a time of zero is written as null, and is a time
            out[name] = entry
            continue
        if entry is None or (name == "daemonEndpoints" and entry == {"kubeletEndpoint": {"Port": 0}}):
            continue
        if name == "nodeInfo" and isinstance(entry, dict) and not any(entry.values()):
            continue
        out[name] = lean(entry)
    return out


def _pod(entry: Any) -> Any:
    """The Pod of a dumped PodInfo."""
    inside = entry.get("value", entry)
    return inside["Pod"]


class _Yaml(yaml.SafeLoader):
    """YAML as Go reads it: `100:6532` is text, not a number of sixtieths."""


_Yaml.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag.rpartition(":")[2] not in ("int", "timestamp")]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Yaml.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?[0-9]+$"), list("-+0123456789"))


def _resources(text: str) -> list[Any]:
    """The documents of a YAML text. A label is text, whatever it looks like."""
    found = [one for one in yaml.load_all(text, _Yaml) if one]
    for one in found:
        labels = one["metadata"].get("labels") or {}
        labels.update({name: str(value).lower() for name, value in labels.items() if isinstance(value, bool)})
    return found


def rows_of(topic: str, data: dict[str, Any]) -> list[tuple[str, str, Any]]:
    """The rows of a table as (title, part, case), titles unlike each other."""
    found = []
    if "handlers" in data:  # the columns of every kind
        for handler in data["handlers"]:
            columns = [{k: v for k, v in column.items() if k != "description"} for column in handler["columns"]]
            found.append((handler.get("type", ""), "handlers", {**handler, "columns": columns}))
    if "input_yaml" in data:  # resources, and the files that come of them
        resources = _resources(data["input_yaml"])
        found += [(name, "", {"resources": resources, "text": text}) for name, text in data["expected"].items()]
    if topic == "facts":  # no table: rules and ranges, each by its name
        found += [(name, "", value) for name, value in data.items() if name != "source" and isinstance(value, dict)]
    if "steps" in data:  # a scenario: a row each time it starts over
        runs: list[list[Any]] = []
        for step in data["steps"]:
            if "new_proxier" in step or not runs:
                runs.append([])
            runs[-1].append(step)
        found += [(f"scenario {number}", "", {"steps": steps}) for number, steps in enumerate(runs, 1)]
    for number, entry in enumerate(data.get("cases", ())):
        case = entry.get("case", entry) if isinstance(entry, dict) else entry
        part = entry.get("table", "") if isinstance(entry, dict) else ""
        found.append((_title(entry, case, number), part, case if topic in AS_THEY_ARE else lean(case)))
    seen: Counter[str] = Counter()
    unlike = []
    for title, part, case in found:
        seen[title] += 1
        unlike.append((title if seen[title] == 1 else f"{title} ({seen[title]})", part, case))
    return unlike


def _title(entry: Any, case: Any, number: int) -> str:
    key = entry.get("key") if isinstance(entry, dict) else None
    if isinstance(key, str) and key:
        return key
    if isinstance(case, dict):
        for name in ("name", "Name", "description", "desc", "test", "input", "In", "in", "given", "out"):
            if isinstance(case.get(name), str) and case[name]:
                return str(case[name])
        if isinstance(case.get("fn"), dict):
            return str(case["fn"].get("__func", "")).rpartition(".")[2]
    if isinstance(case, str):
        return f"{case[:60]!r}"
    told = [str(one) for one in case.values() if isinstance(one, (str, int))] if isinstance(case, dict) else []
    return " ".join(told)[:60] or f"row {number + 1}"


def keep_tables(source: Path) -> None:
    KEPT.mkdir(parents=True, exist_ok=True)
    with (source / "tables" / "INDEX.tsv").open() as index:
        entries = [line for line in csv.DictReader(index, delimiter="\t") if line["topic"] != "total"]
    topics: dict[str, dict[str, Any]] = {}
    for entry in entries:
        name = entry["file"].removesuffix(".json")
        if entry["topic"] == "calico-bird":
            name = "calico-bird__" + name
        elif name.partition("__")[0] != entry["topic"]:
            name = f"{entry['topic']}__{name}"
        table: dict[str, Any] = {"count": int(entry["cases"] or 0), "source": entry["source"]}
        if adaptor_of(name) and entry["topic"] not in OTHERS_WORDS:
            data = json.loads((source / "tables" / entry["file"]).read_text())
            table["rows"] = rows_of(entry["topic"], data)
            table["count"] = len(table["rows"])
        topics.setdefault(entry["topic"], {})[name] = table
    for topic, tables in topics.items():
        (KEPT / f"{topic}.json").write_text(_lines(tables))


def _lines(tables: dict[str, Any]) -> str:
    """JSON with a row a line, so that a change of one shows as one."""
    out = []
    for name, table in tables.items():
        head = json.dumps({k: v for k, v in table.items() if k != "rows"}, ensure_ascii=False)
        rows = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in table.get("rows", ())]
        body = ', "rows": [\n' + ",\n".join(rows) + "\n]}" if rows else "}"
        out.append(f"{json.dumps(name)}: {head[:-1]}{body}")
    return '{"tables": {\n' + ",\n".join(out) + "\n}}\n"


def keep_bootstrap(source: Path) -> None:
    facts = bootstrap.theirs(json.loads((source / "traces" / "f3-bootstrap.json").read_text()))
    bootstrap.KEPT.parent.mkdir(parents=True, exist_ok=True)
    bootstrap.KEPT.write_text("[\n" + ",\n".join(json.dumps(fact) for fact in facts) + "\n]\n")


def main() -> int:
    source = reference()
    if source is None:
        print("no recordings here: set K8SDOCS_REFERENCE", file=sys.stderr)
        return 1
    keep_tables(source)
    keep_bootstrap(source)
    return 0


if __name__ == "__main__":
    sys.exit(main())
