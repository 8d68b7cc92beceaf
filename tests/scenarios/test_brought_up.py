"""An object edited as YAML while its cluster reports: only somebody else's change of it is a conflict."""

from __future__ import annotations

import pytest

from apps.scenarios.views.objects import _brought_up


def obj(version: str | None, generation: int | None) -> dict:
    marks = {"resourceVersion": version, "generation": generation}
    return {"kind": "Deployment", "metadata": {"name": "web", **{k: v for k, v in marks.items() if v is not None}}}


@pytest.mark.parametrize(
    ("read", "current", "version"),
    [
        pytest.param(obj("41", 2), obj("57", 2), "57", id="status was written since"),
        pytest.param(obj("41", 2), obj("57", 3), "41", id="the spec was written since: a conflict"),
        pytest.param(obj("41", None), obj("57", None), "41", id="a kind that counts no generations"),
        pytest.param(obj(None, 2), obj("57", 2), None, id="the reader took the version out: no condition"),
        pytest.param(obj("41", 2), None, "41", id="gone since"),
    ],
)
def test_brought_up(read, current, version):
    assert _brought_up(read, current)["metadata"].get("resourceVersion") == version
