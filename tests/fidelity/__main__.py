"""`python -m tests.fidelity [-v] [scenario…]`: how much of what a real Kubernetes did, the model does too.

Prints a line a group, `matched/all name`, and last `total M/N`. With -v, the first facts that differ.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from tests.fidelity.facts import count, facts
from tests.fidelity.replay import load, names, replay


def main(arguments: Sequence[str]) -> int:
    verbose = "-v" in arguments
    wanted = [word for word in arguments if not word.startswith("-")]
    matched = total = 0
    for name in names():
        if wanted and not any(name.startswith(word) for word in wanted):
            continue
        scenario = load(name)
        ours = facts(replay(scenario))
        same, all_ = count(scenario.facts, ours)
        matched += same
        total += all_
        print(f"{same}/{all_} {name}", flush=True)
        if verbose:
            for label, difference in (("missing", scenario.facts - ours), ("extra", ours - scenario.facts)):
                for fact, number in sorted(difference.items(), key=str):
                    print(f"   {label:7} {number} {fact}")
    print(f"total {matched}/{total}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
