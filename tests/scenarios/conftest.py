"""What tests of scenarios share."""

from __future__ import annotations

import pytest

from apps.scenarios import making, service, session

WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 3
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: nginx:1.27
        resources:
          requests: {cpu: 100m}
"""


@pytest.fixture(autouse=True)
def nothing_remembered():
    """Every test begins without the sessions and frames of another."""
    session.forget()
    service.forget_frames()
    yield
    session.forget()
    service.forget_frames()


@pytest.fixture
def clock(monkeypatch):
    """A wall clock that stands still until it is told to move: `clock.pass_ms(500)`."""

    class Clock:
        now = 1_900_000_000_000

        def __call__(self) -> int:
            return self.now

        def pass_ms(self, ms: int) -> None:
            self.now += ms

    clock = Clock()
    for module in (session, making):
        monkeypatch.setattr(module, "wall_ms", clock)
    return clock


@pytest.fixture
def made(db, clock):
    """A stored scenario with one Deployment, and its key."""
    from apps.scenarios import manifests

    return making.from_preset("empty", documents=manifests.read(WEB))
