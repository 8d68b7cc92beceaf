"""kubectl of other versions: Debian's of 2021, and the oldest and the newest that lie on this machine."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.kubectl import programs
from tests.kubectl.conftest import FILES
from tests.kubectl.programs import Kubectl
from tests.kubectl.served import Served
from tests.live import servers

DEBIAN = servers.ROOT / "var" / "kubernetes-client" / "usr" / "bin" / "kubectl"
KNOWN = programs.programs()
# What each of them is told, and what it prints then, somewhere.
SMOKE: tuple[tuple[str, str], ...] = (
    ("version", r"v1\.36\.2"),
    ("api-resources --api-group=apps", r"deployments +deploy"),
    ("explain deployment.spec.replicas", r"replicas\s+<integer>"),
    ("create deployment old --image=nginx:1 --replicas=2", r"deployment\.apps/old created"),
    ("apply -f dep.yaml", r"deployment\.apps/web created"),
    ("rollout status deploy/web --timeout=60s", r'deployment "web" successfully rolled out'),
    ("apply -f dep2.yaml", r"deployment\.apps/web configured"),
    ("rollout status deploy/web --timeout=60s", r'deployment "web" successfully rolled out'),
    ("rollout history deploy/web", r"(?m)^2 +<none>$"),
    ("get deploy web", r"web +4/4 +4 +4 "),
    ("get pods -l app=web -o name", r"pod/web-89c7c5f94-"),
    ("describe deploy web", r"Replicas: +4 desired \| 4 updated \| 4 total \| 4 available"),
    ("scale deploy/web --replicas=1", r"deployment\.apps/web scaled"),
    ("set image deploy/web nginx=nginx:1.26", r"deployment\.apps/web image updated"),
    ("rollout undo deploy/web", r"deployment\.apps/web rolled back"),
    ("label deploy web tier=front", r"deployment\.apps/web labeled"),
    ('patch deploy web -p {"spec":{"replicas":2}}', r"deployment\.apps/web patched"),
    ("wait deploy/web --for=condition=Available --timeout=30s", r"deployment\.apps/web condition met"),
    ("apply --server-side -f pod.yaml", r"pod/solo serverside-applied"),
    ("wait pod/solo --for=condition=Ready --timeout=30s", r"pod/solo condition met"),
    ("logs solo --tail=1", r"start worker process"),
    ("expose deploy web --port=80", r"service/web exposed"),
    ("auth can-i delete pods", r"^yes"),
    ("get pods -o yaml", r"(?m)^kind: List$"),
    ("delete deploy web old", r'deployment\.apps "web" deleted'),
    ("delete -f pod.yaml", r'pod "solo" deleted'),
)


def versions() -> list[object]:
    if not KNOWN:
        return [pytest.param(None, id="on PATH", marks=pytest.mark.skip(reason="no kubectl on PATH"))]
    ends = dict.fromkeys((min(KNOWN), max(KNOWN)))
    return [pytest.param(KNOWN[one], id=f"{one.major}.{one.minor}") for one in ends]


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(
            DEBIAN,
            id="1.20 of Debian",
            marks=pytest.mark.skipif(not DEBIAN.exists(), reason=f"no {DEBIAN.name} at {DEBIAN}: make test unpacks it"),
        ),
        *versions(),
    ],
)
def test_it_works_with_this_one(program: Path, scenario: Served, namespace: str, tmp_path: Path) -> None:
    shutil.copytree(FILES, tmp_path, dirs_exist_ok=True)
    kubectl = Kubectl(program, scenario.write_config(tmp_path / "config"), tmp_path)
    for line, told in SMOKE:
        ran = kubectl(f"--namespace={namespace}", *line.split())
        assert ran.rc == 0, f"{line}: {ran.err}"
        assert re.search(told, ran.out), f"{line}: {ran.out}"
