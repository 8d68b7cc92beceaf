"""`python -m bench [PART…]`: measures, and says whether the aims are met.

Every part runs in a process of its own, so that none warms the caches of the next or pays for its garbage.
"""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
import time
from pathlib import Path

from bench.result import Result, dumps, loads, table

ROOT = Path(__file__).resolve().parent.parent
# Each part, and the seconds it may take on a busy machine.
PARTS = {"model": 120, "frames": 120, "fanout": 120, "pages": 120, "network": 120, "kubeapi": 180, "largest": 600}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Benchmarks: each module of bench says what it measures."
    )
    parser.add_argument("part", nargs="*", choices=[[], *PARTS], help=f"of {', '.join(PARTS)}; default: all")
    parser.add_argument("--raw", action="store_true", help=argparse.SUPPRESS)  # one part, here, as JSON
    options = parser.parse_args()
    parts = options.part or list(PARTS)
    if options.raw:
        results: list[Result] = importlib.import_module(f"bench.{parts[0]}").measure()
        print(dumps(results), flush=True)
        os._exit(0)  # what was measured need not be taken apart
    started = time.monotonic()
    found: list[Result] = []
    failed = False
    for part in parts:
        print(f"{part} …", file=sys.stderr, flush=True)
        command = [sys.executable, "-m", "bench", part, "--raw"]
        try:
            done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=PARTS[part], check=True)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            failed = True
            print(f"{part} did not finish: {error}", file=sys.stderr)
            continue
        found += loads(done.stdout.splitlines()[-1])
    print(table(found))
    print(
        f"{time.monotonic() - started:.0f} s. × is ours by the bare thing measured beside it; bench/README.md says how."
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
