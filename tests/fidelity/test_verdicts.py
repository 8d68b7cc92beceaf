"""What a real 1.36 API server made of real manifests, and what ours makes of them.

The manifests are other people's and not part of this project: set K8SDOCS_REFERENCE to run these elsewhere.
"""

from __future__ import annotations

import pytest

from tests.fidelity import explain, verdicts

NAMES = verdicts.names() if not verdicts.missing() else []


@pytest.mark.skipif(not NAMES, reason=verdicts.missing() or "no verdicts")
@pytest.mark.parametrize("name", NAMES)
def test_a_manifest_is_judged_as_a_real_server_judged_it(name: str) -> None:
    found = list(verdicts.judge(name))
    assert [(about, how) for about, how in found if how and explain.why_it_differs(name, about, how) is None] == []
    assert found or name.endswith("psp")
