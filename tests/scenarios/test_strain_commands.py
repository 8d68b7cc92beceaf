"""The shape of commands that fill machines and push images: every bound holds, and an error names the field."""

from __future__ import annotations

import pytest

from apps.cluster.apimachinery.status import StatusError
from apps.scenarios.commands import check, said


@pytest.mark.parametrize(
    ("command", "typed"),
    [
        pytest.param(
            {"op": "node", "verb": "fill-disk", "name": "worker-1", "mib": 512}, "fill-disk worker-1 512Mi", id="disk"
        ),
        pytest.param({"op": "node", "verb": "shut-down", "name": "worker-1"}, "shut-down worker-1", id="shut down"),
        pytest.param(
            {"op": "image", "name": "web:1", "leak_mib": 8, "never_ready": True},
            "push web:1 leak_mib=8 never_ready=True",
            id="an image",
        ),
        pytest.param({"op": "image", "name": "web:1", "purge": True}, "push web:1 purge=True", id="forget it"),
    ],
)
def test_well_formed(command, typed):
    assert check(command) is command
    assert said(command) == typed


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        pytest.param({"op": "node", "verb": "fill-disk", "name": "w"}, "mib is missing", id="no amount"),
        pytest.param({"op": "node", "verb": "fill-disk", "name": "w", "mib": 0}, "mib has the wrong form", id="none"),
        pytest.param({"op": "node", "verb": "fill-disk", "name": "w", "mib": 10**9}, "mib has", id="too much"),
        pytest.param({"op": "node", "verb": "cordon", "name": "w", "mib": 1}, "mib has no meaning", id="not here"),
        pytest.param({"op": "node", "verb": "power-off", "name": "w", "seconds": 1}, "seconds has no", id="nor that"),
        pytest.param({"op": "node", "verb": "shut-down", "name": "w", "seconds": 9_999}, "seconds has", id="too long"),
        pytest.param({"op": "image"}, "name is missing", id="no image"),
        pytest.param({"op": "image", "name": "web", "exit_code": 256}, "exit_code has the wrong form", id="no code"),
        pytest.param({"op": "image", "name": "web", "missing": 1}, "missing has the wrong form", id="not a truth"),
        pytest.param({"op": "image", "name": "web", "message": "x" * 201}, "message has", id="too long a message"),
        pytest.param({"op": "image", "name": "web", "colour": "red"}, "unknown field colour", id="unknown"),
    ],
)
def test_ill_formed(command, problem):
    with pytest.raises(StatusError) as caught:
        check(command)
    assert caught.value.code == 400
    assert problem in caught.value.message
