"""Clients that others wrote, each with a script of its own: they find a Kubernetes API server."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "script"), [("kubernetes", "official_client.py"), ("lightkube", "light_client.py")]
)
def test_a_script_of_another_client_runs(api, tmp_path, package, script):
    if find_spec(package) is None:
        pytest.skip(f"no {package} on this machine")
    config = tmp_path / "config"
    config.write_bytes(api.get("/kubeconfig").data)
    done = subprocess.run(
        [sys.executable, HERE / script, config],
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("done\n")
    agents = {command["text"].partition(":")[0] for command in api.log()}
    assert len(agents) == 1, agents
