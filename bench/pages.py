"""Articles a second, against a bare Daphne that says hello. Both are asked in turns by the same small client.

A reader's browser comes twice: for the page, and with its ETag to ask whether that is still the page (304).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from statistics import median
from typing import Any

from bench.result import Result
from bench.site import ROOT, Server, daphne, environment, served

PAGES = ("/ko/docs/deployment/", "/en/docs/architecture/")
CONNECTIONS = 16
SECONDS = 1.0
TURNS = 3


def read(server: Server, path: str, *headers: str) -> dict[str, Any]:
    """What the client counted, with the processor time of the server a page."""
    before = server.cpu_s
    command = [sys.executable, "-m", "bench.reading", str(server.port), str(SECONDS), str(CONNECTIONS), path, *headers]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    if not found["pages"]:
        raise RuntimeError(f"{path}: no page in {SECONDS} s")
    found["rate"] = found["pages"] / found["seconds"]
    found["cpu_ms"] = (server.cpu_s - before) * 1000 / found["pages"]
    return found


def introduce(server: Server, path: str) -> tuple[str, str]:
    """The first visit, which puts the page together: the cookies and the ETag that a browser comes back with."""
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        cookies = "; ".join(cookie.partition(";")[0] for cookie in answer.headers.get_all("Set-Cookie") or ())
        return cookies, str(answer.headers.get("ETag") or "")


def measure() -> list[Result]:
    results = []
    with served() as (site, var), daphne("bench.bare_page:application", {**os.environ, **environment(var)}) as bare:
        for path in PAGES:
            cookies, known = introduce(site, path)
            always = ("Accept-Encoding: gzip", *((f"Cookie: {cookies}",) if cookies else ()))
            ways = [("", always, "200")]
            if known:
                ways.append((", not modified", (*always, f"If-None-Match: {known}"), "304"))
            for said, headers, status in ways:
                ours, theirs = [], []
                for _ in range(TURNS):
                    ours.append(read(site, path, *headers))
                    theirs.append(read(bare, "/"))
                    assert set(theirs[-1]["statuses"]) == {"200"}, theirs[-1]
                told = "" if set(ours[0]["statuses"]) == {status} else " (but it is sent again)"
                results.append(compared(path + said + told, ours, theirs))
    return results


def compared(what: str, ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> Result:
    rate, bare = median(found["rate"] for found in ours), median(found["rate"] for found in theirs)
    size = ours[0]["bytes"] / ours[0]["pages"] / 1000
    cpu = [median(found["cpu_ms"] for found in side) for side in (ours, theirs)]
    how = f"{rate:.0f} a second by {bare:.0f}, {size:.1f} kB, CPU {cpu[0]:.2f} ms by {cpu[1]:.2f}"
    return Result(f"pages a second, {what}", rate / bare, how=how)
