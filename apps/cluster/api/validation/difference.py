"""What changed between two objects, as lines: what closes the message of a change that is not allowed.

Models      k8s.io/apimachinery/pkg/util/diff (a unified diff of both as indented JSON), pmezard/go-difflib
Leaves out  nothing
"""

from __future__ import annotations

import difflib
import json

from apps.cluster.api.schema.internal import written
from apps.cluster.apimachinery.meta import Obj
from apps.cluster.apimachinery.status import go_escaped


def difference(struct: str, old: Obj | None, new: Obj | None) -> str:
    """A unified diff of two internal structs, three lines round each change, without the file header."""
    before, after = (
        [
            f"{line}\n"
            for line in go_escaped(json.dumps(written(struct, value), indent=1, ensure_ascii=False)).split("\n")
        ]
        for value in (old, new)
    )
    return "".join(list(difflib.unified_diff(before, after, n=3))[2:])
