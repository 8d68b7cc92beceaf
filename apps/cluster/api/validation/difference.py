"""What changed between two objects, as lines: what closes the message of a change that is not allowed.

Models      k8s.io/apimachinery/pkg/util/diff (a unified diff of both as indented JSON)
Leaves out  Go's own field names: the API's are shown, sorted
"""

from __future__ import annotations

import difflib
import json
from typing import Any


def difference(old: Any, new: Any) -> str:
    """A unified diff with three lines round each change, without the file header."""
    before, after = (json.dumps(value, indent=1, sort_keys=True).splitlines() for value in (old, new))
    lines = list(difflib.unified_diff(before, after, lineterm="", n=3))[2:]
    return "".join(f"{line}\n" for line in lines)
