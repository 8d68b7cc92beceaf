"""Calico's bird.cfg for a BIRD that can be installed: the same configuration in the words of BIRD 2.

Calico runs a fork of BIRD 1.6; Debian has BIRD 2. What differs is where things are written, and three words:

- a protocol's filters and what is about routes stand in a channel, `ipv4 { … };`;
- `listen bgp` is gone: a port belongs to the sessions (`local port 178 as 64512`), an address to none;
- `krt_tunnel`, the fork's own, becomes a realm of the kernel's route: `TUNNEL` for "tunl0", none for "". So BIRD itself
  decides which routes go through the tunnel; whoever reads the routes knows the realm for it.

The kernel protocol is told `metric 0`, as is 1.6's default; with BIRD 2's own, 32, no filter could say another. Nothing
else is touched, and `hasty` alone changes times, so that nobody has to wait for four minutes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

TUNNEL = 1
CHANNEL = ("import", "export", "gateway recursive", "add paths", "next hop")
KINDS = ("kernel", "direct", "static", "bgp")
_OPENS = re.compile(rf"(template|protocol) ({'|'.join(KINDS)})\b.*{{$")
_LISTEN = re.compile(r"listen bgp(?: address \S+?)?(?: port (\d+))?;")
HOLD, RESTART = 3, 6  # seconds


def translated(text: str, family: int) -> str:
    """One of the three files."""
    listens = _LISTEN.search(text)
    text = _LISTEN.sub(r"# \g<0>", text)
    if listens is not None and listens[1]:
        text = text.replace("  local as ", f"  local port {listens[1]} as ", 1)
    text = text.replace('krt_tunnel="tunl0"', f"krt_realm = {TUNNEL}").replace('krt_tunnel=""', "krt_realm = 0")
    return "\n".join(_blocks(iter(text.splitlines()), f"ipv{family}")) + "\n"


def _blocks(lines: Iterator[str], channel: str) -> Iterator[str]:
    for line in lines:
        yield line
        if _OPENS.match(line):
            yield from _block(lines, channel)


def _block(lines: Iterator[str], channel: str) -> Iterator[str]:
    """The lines of a protocol up to its end, what belongs to the channel gathered before it."""
    gathered: list[str] = []
    for line in lines:
        if line.strip().startswith("learn;"):
            yield "  metric 0;"
        if line == "}":
            yield from (f"  {channel} {{", *(f"  {one}" for one in gathered), "  };", line)
            return
        if not line.strip().startswith(CHANNEL):
            yield line
            continue
        gathered.append(line)
        if line.endswith("{"):
            gathered += _until(lines, "  };")
    raise AssertionError("a protocol without an end")


def _until(lines: Iterator[str], end: str) -> Iterator[str]:
    for line in lines:
        yield line
        if line.startswith(end):
            return


HASTE = {
    "connect delay time 2;": "connect delay time 1;",
    "connect retry time 5;": "connect retry time 1;",
    "error wait time 5,30;": f"error wait time 1,1;\n  hold time {HOLD};\n  graceful restart time {RESTART};",
    "scan time 2;": "scan time 1;",
}


def hasty(text: str) -> str:
    """Calico's configuration with times of seconds."""
    for slow, fast in HASTE.items():
        text = text.replace(slow, fast)
    return text
