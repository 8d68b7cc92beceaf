"""The site for benchmarks: in this process, or served by Daphne on a port of its own. Data in a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
START_S = 30.0
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def environment(var: Path) -> dict[str, str]:
    """Variables for the site: the files that were built once, a database that is nobody else's."""
    kept = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    built = Path(kept.get("K8SDOCS_VAR") or ROOT / "var")
    fonts = built / "fonts" / "fonts.conf"
    return {
        **({"FONTCONFIG_FILE": str(fonts)} if fonts.exists() else {}),
        **kept,
        "DJANGO_SETTINGS_MODULE": "k8sdocs.settings",
        "K8SDOCS_VAR": str(var),
        "K8SDOCS_STATIC": str(var / "static"),
        "K8SDOCS_SECRET_KEY": "only-for-benchmarks",
    }


@contextmanager
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="k8sdocs-bench-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def in_process() -> Iterator[None]:
    """Django set up in this process, with an empty database."""
    with folder() as var:
        os.environ.update(environment(var))
        import django
        from django.core.management import call_command
        from django.db import connections

        from apps.scenarios.collecting import settle_in

        django.setup()
        settle_in()
        call_command("migrate", verbosity=0)
        try:
            yield
        finally:
            connections.close_all()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Server:
    """A process that listens on a port of this machine, and is ended with the `with` block."""

    def __init__(self, command: list[str], port: int, env: dict[str, str]) -> None:
        self.port = port
        self.process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL)

    def __enter__(self) -> Server:
        deadline = time.monotonic() + START_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.__exit__()
                    raise RuntimeError(f"nothing listens on port {self.port}") from None
            time.sleep(0.05)

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    @property
    def cpu_s(self) -> float:
        """Seconds of processor time that it has used: what it costs, however busy the machine is with other things."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * TICK_S


def daphne(application: str, env: dict[str, str] | None = None) -> Server:
    """An ASGI application behind Daphne, as `make run` serves the site."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "daphne",
        "-b",
        "127.0.0.1",
        "-p",
        str(port),
        "--access-log",
        os.devnull,
        "-v",
        "0",
        application,
    ]
    return Server(command, port, env or dict(os.environ))


@contextmanager
def served() -> Iterator[tuple[Server, Path]]:
    """The site behind Daphne, and the folder with its data."""
    with folder() as var:
        manage(var, "migrate", "--verbosity", "0")
        subprocess.run([sys.executable, "-m", "k8sdocs.collect"], cwd=ROOT, env=environment(var), check=True)
        with daphne("k8sdocs.asgi:application", environment(var)) as server:
            urllib.request.urlopen(f"http://127.0.0.1:{server.port}/healthz", timeout=20).close()
            yield server, var


def manage(var: Path, *arguments: str, given: str = "") -> Any:
    """`manage.py …`; its output, read as JSON if it is."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment(var),
        input=given,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout) if done.stdout.startswith("{") else done.stdout
