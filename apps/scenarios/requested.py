"""A request's way through the API server as a table: each stage, what it did, which fields it touched. Data, no HTML.

Models      what an audit log at level RequestResponse and the API server's own log would tell together
Leaves out  -
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apiserver.chain import STAGES, Stage, refused
from apps.cluster.snapshot import Snapshot
from apps.diagrams import wording
from apps.diagrams.narration import request_of, who
from apps.diagrams.views.apiserver import said

FIELDS = 40  # listed of one line

Row = dict[str, Any]


def requested(snapshot: Snapshot, lang: str) -> Row:
    """The request that made this revision, or was refused at this moment."""
    step = snapshot.step
    stages = snapshot.internals.chain(step) if step is not None and snapshot.internals is not None else []
    return {
        "who": who(step) if step is not None and stages else "",
        "request": request_of(step),
        "ref": step.ref if step is not None else "",
        "at": f"{snapshot.revision}.{snapshot.after}" if snapshot.after is not None else str(snapshot.revision),
        "stages": rows(stages, lang),
    }


def rows(stages: Sequence[Stage], lang: str) -> list[Row]:
    """Each stage with its lines in the reader's language."""
    return [
        {
            "name": wording.say(lang, f"figure.stage-{stage.name}"),
            "refused": any(line.message.startswith("chain.refused") for line in stage.lines),
            "lines": [
                {
                    "text": said(line, lang),
                    "fields": list(line.fields[:FIELDS]),
                    "more": max(len(line.fields) - FIELDS, 0),
                }
                for line in stage.lines
            ],
        }
        for stage in stages
    ]


def way_of(error: StatusError | None, lang: str) -> list[Row]:
    """How far a refused request came, each stage by name: passed, refused, not reached. [] without a refusal."""
    if error is None or error.stage not in (*STAGES, "registry"):
        return []
    found = rows(refused(error), lang)
    names = [wording.say(lang, f"figure.stage-{name}") for name in STAGES[len(found) :]]
    return [
        *({"name": row["name"], "mark": "no" if row["refused"] else "yes"} for row in found),
        *({"name": name, "mark": "none"} for name in names),
    ]
