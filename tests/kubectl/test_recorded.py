"""What kubectl asked of a real Kubernetes 1.36, and printed, it asks of ours and prints: command by command."""

from __future__ import annotations

import pytest

from tests.fidelity import explain
from tests.kubectl import programs, served, story
from tests.kubectl.programs import Ran
from tests.kubectl.recorded import Recorded, recorded
from tests.live import servers

pytestmark = pytest.mark.skipif(bool(programs.missing()), reason=programs.missing())


@pytest.fixture(scope="module")
def played(site: servers.Site, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Ran]:
    with served.make(site) as scenario:
        return story.play(scenario, tmp_path_factory.mktemp("recorded"))


@pytest.mark.parametrize(
    "command", [pytest.param(command, id=f"{command.number} {command.line[:60]}") for command in recorded()]
)
def test_a_command_does_as_it_did(played: dict[int, Ran], command: Recorded) -> None:
    ran = played[command.number]
    line = story.counted_as(command)
    unexplained = [how for how in story.judge(command, ran) if explain.why_it_differs(line, how) is None]
    assert unexplained == [], f"{ran.out}\n{ran.err}"
