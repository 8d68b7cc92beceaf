"""Our recordings as files, in the form of the reference's: for its own `compare.py REAL_DIR OURS_DIR`."""

from __future__ import annotations

import json
from pathlib import Path

from tests.fidelity.replay import load, names, replay


def write_recordings(folder: Path) -> None:
    """Replay every scenario and write what happened."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names():
        recording = {"scenario": name, "server": "k8sdocs", **replay(load(name))}
        (folder / f"{name}.json").write_text(json.dumps(recording, ensure_ascii=False) + "\n")
