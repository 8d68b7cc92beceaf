"""What the model models and leaves out, read from the components' own docstrings: promises stand where the code is."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings

ROOT = Path(settings.BASE_DIR) / "apps" / "cluster"
HEADER = re.compile(r"^(Models|Leaves out)[ ]{2,}(.*)$")


@dataclass(frozen=True)
class Header:
    """One module's promise. `module` is its path below apps/cluster."""

    module: str
    summary: str
    models: str
    leaves_out: tuple[str, ...]


@cache
def header(path: Path) -> Header | None:
    """The header of one file, None when its docstring has none."""
    doc = ast.get_docstring(ast.parse(path.read_text()), clean=True)
    if not doc:
        return None
    found: dict[str, str] = {}
    current = ""
    for line in doc.splitlines():
        match = HEADER.match(line)
        if match:
            current = match[1]
            found[current] = match[2].strip()
        elif current and line.startswith("  ") and line.strip():
            found[current] += " " + line.strip()
        else:
            current = ""
    if "Models" not in found:
        return None
    left = found.get("Leaves out", "")
    parts = () if left.startswith("nothing") else tuple(part.strip() for part in left.split(";") if part.strip())
    return Header(str(path.relative_to(ROOT)), doc.splitlines()[0].rstrip("."), found["Models"], parts)


@cache
def headers(component: str) -> tuple[Header, ...]:
    """Every header of a component: a package or a module below apps/cluster, `"controllers/deployment"`.

    Raises:
        FileNotFoundError: there is no such component.
    """
    place = ROOT / component
    if place.is_dir():
        files = sorted(place.rglob("*.py"))
    else:
        files = [place.with_suffix(".py")]
        if not files[0].exists():
            raise FileNotFoundError(component)
    return tuple(found for path in files if (found := header(path)) is not None)
