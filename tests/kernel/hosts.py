"""Machines made of network namespaces: what the model programs is loaded into a real Linux kernel and used there.

Needs root and Debian's iproute2, iptables, ipset and conntrack, some tests nftables or bird2; without them these
tests are skipped, and say what is missing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count

TOOLS = ("ip", "iptables-nft-restore", "iptables-nft-save", "ipset", "conntrack")
_numbers = count(1)


@cache
def missing() -> str:
    """Why no namespace can be made here; "" when one can."""
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    if absent:
        return f"not installed: {', '.join(absent)}"
    if os.geteuid() != 0:
        return "network namespaces need root"
    name = f"k8sdocs-{os.getpid()}-probe"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"no network namespace may be made here: {made.stderr.strip()}"
    subprocess.run(["ip", "netns", "del", name], check=True)
    return ""


@contextmanager
def host() -> Iterator[Host]:
    """One machine, gone afterwards."""
    name = f"k8sdocs-{os.getpid()}-{next(_numbers)}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        yield Host(name)
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


class Host:
    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, *command: str, text: str = "") -> str:
        """A command on this machine; its output. Raises: AssertionError with what it said when it failed."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.name, *command], input=text, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
        return done.stdout
