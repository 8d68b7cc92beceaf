"""kubectl's commands beyond the recorded ones: each tale in a namespace of its own, by the newest kubectl there is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.kubectl import tales
from tests.kubectl.conftest import FILES
from tests.kubectl.programs import Kubectl
from tests.kubectl.served import Served


@pytest.mark.parametrize("name", tales.names())
def test_a_tale(name: str, scenario: Served, kubectl: Kubectl, namespace: str, tmp_path: Path) -> None:
    shutil.copytree(FILES, tmp_path, dirs_exist_ok=True)
    shutil.copy(kubectl.config, tmp_path / "config")
    kubectl = Kubectl(kubectl.program, tmp_path / "config", tmp_path)
    for given in tales.tale(name):
        if given.calm:
            scenario.settle()
        editor, words = "", given.words
        if words[0].startswith("KUBE_EDITOR="):
            editor, words = words[0].partition("=")[2], words[1:]
        words = [word.replace("NS", namespace) for word in words]
        where = () if words[0] == "config" else ("-n", namespace)
        ran = kubectl(*where, *words, KUBE_EDITOR=editor or "false")
        lines = tales.printed((ran.out + "\n" + ran.err).replace(namespace, "NS"))
        assert list(tales.differs(given.told, lines)) == [], given.line
        assert bool(ran.rc) == given.refused, f"{given.line}: exit code {ran.rc}"
