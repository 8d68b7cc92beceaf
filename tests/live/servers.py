"""Real servers for tests: Daphne with the site, PostgreSQL, Redis; each started for one test and stopped after it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
START_S = 30.0


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def environment(var: Path, **more: str) -> dict[str, str]:
    """As on a fresh machine: nothing of this session's settings but what is given."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in {"DJANGO_SETTINGS_MODULE", "DATABASE_URL", "REDIS_URL"}
    }
    return {**kept, "K8SDOCS_VAR": str(var), "K8SDOCS_SECRET_KEY": "only-for-this-test", **more}


def manage(var: Path, *arguments: str, **more: str) -> str:
    """`manage.py …`; its standard output."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment(var, **more),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class Site:
    """One Daphne process."""

    def __init__(self, var: Path, port: int = 0, **more: str) -> None:
        self.var, self.port, self.more = var, port or free_port(), more
        self.process: subprocess.Popen[bytes] | None = None
        self.log = var / f"daphne-{self.port}.log"

    def start(self) -> Site:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(self.port), "k8sdocs.asgi:application"],
                cwd=ROOT,
                env=environment(self.var, **self.more),
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_S
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=2) as answer:
                    if answer.status == 200:
                        return self
            except OSError:
                pass
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL: no goodbye, no flushing."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return json.load(answer)

    def socket(self, path: str, key: str = "", **options: Any) -> Any:
        from websockets.sync.client import connect

        separator = "&" if "?" in path else "?"
        address = f"ws://127.0.0.1:{self.port}{path}{separator + 'key=' + key if key else ''}"
        return connect(address, origin=f"http://127.0.0.1:{self.port}", max_size=None, close_timeout=0.2, **options)


@contextmanager
def site(var: Path, **more: str) -> Iterator[Site]:
    found = Site(var, **more).start()
    try:
        yield found
    finally:
        found.stop()


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """A Redis of one's own; its URL."""
    program = shutil.which("redis-server")
    assert program
    port = free_port()
    process = subprocess.Popen(
        [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await_port(port, process)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(10)


def postgres_programs() -> Path | None:
    """The folder of initdb and postgres, None without them."""
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists():
            return folder
    found = shutil.which("initdb")
    return Path(found).parent if found else None


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A PostgreSQL of one's own; its URL. It will not run as root: then as `postgres` or `nobody`."""
    programs = postgres_programs()
    assert programs
    data = folder / "data"
    user: dict[str, Any] = {}
    if os.getuid() == 0:
        import pwd

        account = next(name for name in ("postgres", "nobody") if _known(name))
        entry = pwd.getpwnam(account)
        user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        data.mkdir(parents=True)
        os.chown(data, entry.pw_uid, entry.pw_gid)
        for parent in data.parents:
            if parent == Path(parent.anchor):
                break
            parent.chmod(parent.stat().st_mode | 0o011)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/", **user}
    subprocess.run(
        [programs / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C"],
        check=True,
        **quiet,
    )
    port = free_port()
    options = [
        "-c",
        f"port={port}",
        "-c",
        "listen_addresses=127.0.0.1",
        "-c",
        "unix_socket_directories=",
        "-c",
        "fsync=off",
    ]
    process = subprocess.Popen([programs / "postgres", "-D", data, *options], **quiet)
    try:
        _await_port(port, process)
        _await_postgres(port)
        yield f"postgres://postgres@127.0.0.1:{port}/postgres"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


def _known(name: str) -> bool:
    import pwd

    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert process.poll() is None
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"nothing listens on {port}")


def _await_postgres(port: int) -> None:
    import psycopg

    deadline = time.monotonic() + START_S
    while True:
        try:
            psycopg.connect(f"host=127.0.0.1 port={port} user=postgres dbname=postgres").close()
            return
        except psycopg.OperationalError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
