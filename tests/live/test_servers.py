"""Real processes: a server that is killed, two that share a scenario, and a reader who does not read."""

from __future__ import annotations

import json
import shutil
import socket as sockets
import threading
import time
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from tests.live import servers
from tests.live.conftest import WEB

pytestmark = [pytest.mark.services, pytest.mark.slow]


def scale(replicas: int) -> dict:
    return {"op": "scale", "resource": "deployments", "namespace": "default", "name": "web", "replicas": replicas}


def new_scenario(var: Path, **more: str) -> dict:
    manifest = var / "web.yaml"
    manifest.write_text(WEB)
    return json.loads(servers.manage(var, "scenario", "new", "-f", str(manifest), **more))


def command(socket, ident: str, body: dict) -> dict:
    """Give a command; everything heard up to its answer."""
    socket.send(json.dumps({"type": "COMMAND", "id": ident, "command": body}))
    while True:
        frame = json.loads(socket.recv(timeout=20))
        if frame["type"] == "STATUS" and frame["id"] == ident:
            return frame


def test_a_server_killed_in_mid_sentence_loses_no_acknowledged_edit(tmp_path):
    servers.manage(tmp_path, "migrate", "-v0")
    made = new_scenario(tmp_path)
    path = f"/ws/scenarios/{made['id']}/"
    site = servers.Site(tmp_path).start()
    acknowledged: list[int] = []
    try:
        with site.socket(path, made["key"]) as socket:
            for number in range(1, 6):
                assert command(socket, f"c{number}", scale(number))["object"]["status"] == "Success"
                acknowledged.append(number)
            killer = threading.Timer(0.05, site.kill)
            killer.start()
            number = 6
            try:
                while True:
                    command(socket, f"c{number}", scale(number))
                    acknowledged.append(number)
                    number += 1
            except ConnectionClosed:
                pass
            killer.join()
        again = servers.Site(tmp_path, port=site.port).start()
        try:
            told = again.get(f"/en/s/{made['id']}/steps/")
            replicas = [c["text"].rpartition("=")[2] for c in told["commands"] if "scale" in c["text"]]
            assert replicas[: len(acknowledged)] == [str(number) for number in acknowledged]
            assert len(replicas) <= len(acknowledged) + 1  # the last may have been written and not yet acknowledged
            with again.socket(f"{path}?resourceVersion={told['base']}", made["key"]) as socket:
                heard = [json.loads(socket.recv(timeout=10))]
                while heard[-1]["type"] != "BOOKMARK":
                    heard.append(json.loads(socket.recv(timeout=10)))
            assert {frame["step"]["index"] for frame in heard if "step" in frame} >= {
                step["index"] for step in told["steps"]
            }
        finally:
            again.stop()
    finally:
        site.stop()


@pytest.mark.skipif(not shutil.which("redis-server"), reason="no redis-server on this machine")
@pytest.mark.skipif(servers.postgres_programs() is None, reason="no PostgreSQL on this machine")
def test_two_processes_serve_one_scenario(tmp_path):
    with servers.redis(tmp_path) as redis_url, servers.postgres(tmp_path / "pg") as database_url:
        more = {"REDIS_URL": redis_url, "DATABASE_URL": database_url}
        servers.manage(tmp_path, "migrate", "-v0", **more)
        made = new_scenario(tmp_path, **more)
        path = f"/ws/scenarios/{made['id']}/?lang=en"
        with servers.site(tmp_path, **more) as one, servers.site(tmp_path, **more) as two:
            with (
                one.socket(path, made["key"]) as editor,
                two.socket(path) as watcher,
                two.socket(path, made["key"]) as other,
            ):
                json.loads(watcher.recv(timeout=10))
                assert command(editor, "a", scale(3))["object"]["status"] == "Success"
                begin = time.monotonic()
                while True:
                    frame = json.loads(watcher.recv(timeout=10))
                    if frame.get("step", {}).get("verb") == "scale" and frame["object"]["kind"] == "Deployment":
                        break
                assert time.monotonic() - begin < 5  # by a hint, not by the refresh
                # Both edit at once: the log orders them, and nothing is lost.
                answers: list[dict] = []
                threads = [
                    threading.Thread(
                        target=lambda s=s, n=n: answers.extend(command(s, f"{n}-{i}", scale(n + i)) for i in range(8))
                    )
                    for s, n in ((editor, 10), (other, 30))
                ]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join(60)
                assert [answer["object"]["status"] for answer in answers] == ["Success"] * 16
            told = [site.get(f"/en/s/{made['id']}/steps/") for site in (one, two)]
            assert told[0]["commands"] == told[1]["commands"]
            assert len(told[0]["commands"]) == 1 + 1 + 16
            upto = min(answer["head"] for answer in told)
            seen = [[step for step in answer["steps"] if step["revision"] < upto] for answer in told]
            assert seen[0] == seen[1]


def test_a_reader_who_does_not_read_holds_up_nobody(tmp_path):
    """Daphne buffers without bound; our own bound keeps the server's memory, and the other readers, safe."""
    servers.manage(tmp_path, "migrate", "-v0")
    made = new_scenario(tmp_path)
    path = f"/ws/scenarios/{made['id']}/"
    with servers.site(tmp_path) as site:
        raw = sockets.create_connection(("127.0.0.1", site.port))
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        request = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Origin: http://127.0.0.1:{site.port}\r\nSec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n"
        )
        raw.sendall(request.encode())  # and never reads
        with site.socket(path) as watcher, site.socket(path, made["key"]) as editor:
            seen: list[int] = []
            done = threading.Event()

            def watch() -> None:
                while not done.is_set() or seen[-1] < until[0]:
                    frame = json.loads(watcher.recv(timeout=20))
                    if "step" in frame:
                        seen.append(frame["step"]["index"])
                    elif frame["type"] == "BOOKMARK":
                        seen.append(seen[-1] if seen else 0)

            until = [0]
            seen.append(0)
            thread = threading.Thread(target=watch)
            thread.start()
            for number in range(12):
                assert command(editor, f"c{number}", scale(40 if number % 2 else 1))["object"]["status"] == "Success"
                time.sleep(0.3)
            done.set()
            until[0] = 1
            thread.join(60)
            assert not thread.is_alive()
            indexes = sorted(set(seen) - {0})
            assert indexes == list(range(indexes[0], indexes[0] + len(indexes)))
        status = Path(f"/proc/{site.process.pid}/status").read_text()
        memory = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
        assert memory < 600_000, "kB"
        raw.close()
