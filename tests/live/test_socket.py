"""The socket: what a reader sees, what an editor may do, what happens to who falls behind."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator

from apps.live import room as rooms_module
from apps.live import viewer as viewers
from apps.scenarios import access, commands, limits
from apps.scenarios.models import Command, Scenario
from apps.scenarios.session import Session, session
from tests.live.conftest import is_bookmark, reader

SCALE = {"op": "scale", "resource": "deployments", "namespace": "default", "name": "web", "replicas": 3}


def running(frame) -> bool:
    return frame.get("step", {}).get("kind") == "Pod" and "Ready" in frame["step"]["text"]


async def test_a_reader_is_told_where_the_history_stands(made):
    async with reader(made.scenario.id) as socket:
        frame = await socket.hear()
    assert frame["type"] == "BOOKMARK"
    assert frame["clock"] == {"now_ms": frame["clock"]["now_ms"], "speed": 10.0, "paused": False, "at_rest": True}
    assert frame["object"]["metadata"]["resourceVersion"] == str(frame["revision"])


async def test_a_command_is_answered_and_everybody_sees_it(made):
    async with (
        reader(made.scenario.id, key=made.key, lang="en") as editor,
        reader(made.scenario.id, lang="ko") as other,
    ):
        begin = (await editor.hear())["revision"]
        await other.hear()
        await editor.say(type="COMMAND", id="c1", command=SCALE)
        mine = await editor.until(lambda frame: frame["type"] == "STATUS")
        assert mine[-1] == {**mine[-1], "id": "c1"}
        assert mine[-1]["object"]["status"] == "Success"
        seen = await other.until(running)
    assert await sync_to_async(Command.objects.count)() == 1
    steps = [frame for frame in seen if "step" in frame]
    assert [frame["revision"] for frame in steps] == sorted(frame["revision"] for frame in steps)
    assert steps[0]["revision"] == begin + 1
    assert steps[0]["object"]["kind"] == "Deployment"
    assert steps[0]["type"] == "MODIFIED"
    assert any(frame["type"] == "ADDED" and frame["object"]["kind"] == "Pod" for frame in steps)
    assert any(frame.get("figure") for frame in steps)
    told = [frame for frame in seen if is_bookmark(frame) and frame["commands"]]
    assert told[0]["commands"][0]["text"] == "kubectl scale deployments/web --replicas=3"
    assert "web" in steps[0]["step"]["text"]


async def test_pictures_follow_one_another(made):
    """Each picture is whole, or a patch of the one before it."""
    async with reader(made.scenario.id, key=made.key) as editor:
        await editor.hear()
        await editor.say(type="COMMAND", id=1, command=SCALE)
        frames = await editor.until(lambda frame: is_bookmark(frame) and frame["clock"]["at_rest"], timeout=20)
    pictures = [frame["figure"] for frame in frames if frame.get("figure")]
    assert "svg" in pictures[0]
    for before, picture in pairwise(pictures):
        assert "svg" in picture or picture["from"] == before["digest"]
    assert any("patch" in picture for picture in pictures)


async def test_an_edit_over_http_is_seen_on_the_socket(made, async_client):
    async with reader(made.scenario.id, lang="en") as socket:
        await socket.hear()
        async_client.cookies[access.cookie_name(made.scenario.id)] = made.key
        data = {"form": "workload", "kind": "Deployment", "name": "web", "namespace": "default", "replicas": "4"}
        response = await async_client.post(f"/en/s/{made.scenario.id}/commands/", data)
        assert response.status_code == 303
        frames = await socket.until(lambda frame: frame.get("object", {}).get("kind") == "Deployment")
        assert frames[-1]["step"]["ref"] == "deployments/default/web"


async def test_who_comes_back_gets_what_was_missed_and_nothing_twice(made):
    async with reader(made.scenario.id, key=made.key) as socket:
        first = await socket.hear()
        await socket.say(type="COMMAND", id=1, command=SCALE)
        frames = await socket.until(lambda frame: is_bookmark(frame) and frame["clock"]["at_rest"], timeout=20)
    seen = [frame["step"]["index"] for frame in frames if "step" in frame]
    assert seen == list(range(seen[0], seen[0] + len(seen)))
    middle = frames[len(frames) // 2].get("revision")
    async with reader(made.scenario.id, resourceVersion=middle) as socket:
        again = await socket.until(is_bookmark)
    missed = [frame["step"]["index"] for frame in again if "step" in frame]
    everything = {frame["step"]["index"]: frame["revision"] for frame in frames if "step" in frame}
    assert missed == [index for index, revision in everything.items() if revision > middle]
    assert again[-1]["commands"] == [] or again[-1]["commands"][0]["revision"] > middle
    async with reader(made.scenario.id, resourceVersion=first["revision"]) as socket:
        whole = await socket.until(is_bookmark)
    assert [frame["step"]["index"] for frame in whole if "step" in frame] == seen
    assert [command["seq"] for command in whole[-1]["commands"]] == [2]


@pytest.mark.parametrize(
    "version",
    [pytest.param(999_999, id="a revision that has not been"), pytest.param(1, id="a revision before the story")],
)
async def test_a_version_nobody_can_resume_from_is_410_and_the_end(made, version):
    async with reader(made.scenario.id, resourceVersion=version) as socket:
        frame = await socket.hear()
        assert frame["type"] == "ERROR"
        assert frame["object"]["code"] == 410
        closed = await socket.receive_output(5)
    assert closed == {"type": "websocket.close", "code": viewers.LAPSED}


async def test_too_far_behind_is_410(made, monkeypatch):
    monkeypatch.setattr(rooms_module, "RESUME_STEPS", 5)
    base = (await sync_to_async(session)(made.scenario.id)).run.base
    async with reader(made.scenario.id, resourceVersion=base) as socket:
        assert (await socket.hear())["object"]["code"] == 410


# ---- who may -------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["", "wrong", "hash", "view"])
async def test_without_the_key_a_command_is_forbidden(made, key):
    held = {"hash": made.scenario.key_hash, "view": made.view_token}.get(key, key)
    async with reader(made.scenario.id, key=held, lang="en") as socket:
        await socket.hear()
        for message in ({"type": "COMMAND", "command": SCALE}, {"type": "CLOCK", "speed": 0}):
            await socket.say(id="c", **message)
            status = await socket.hear()
            assert status["type"] == "STATUS"
            assert (status["object"]["code"], status["object"]["reason"]) == (403, "Forbidden")
    assert await sync_to_async(Command.objects.count)() == 0
    assert (await sync_to_async(Scenario.objects.get)()).speed == 10.0


async def test_the_key_may_come_in_the_address(made):
    async with reader(made.scenario.id, key="") as socket:
        await socket.hear()
    socket_query = {"key": made.key}
    from k8sdocs.asgi import application

    headers = [(b"host", b"testserver"), (b"origin", b"http://testserver")]
    socket = WebsocketCommunicator(
        application, f"/ws/scenarios/{made.scenario.id}/?key={socket_query['key']}", headers=headers
    )
    await socket.connect()
    await socket.receive_from()
    await socket.send_to(text_data=json.dumps({"type": "CLOCK", "id": 1, "speed": 0}))
    frames = [json.loads(await socket.receive_from(5)) for _ in range(2)]
    assert {frame["type"] for frame in frames} == {"STATUS", "BOOKMARK"}
    assert next(frame for frame in frames if frame["type"] == "BOOKMARK")["clock"]["paused"] is True
    await socket.disconnect()


async def test_a_page_of_another_site_cannot_connect(made, settings):
    from channels.routing import URLRouter
    from channels.security.websocket import AllowedHostsOriginValidator

    from apps.live.routing import websocket_urlpatterns

    settings.ALLOWED_HOSTS = ["testserver"]
    guarded = AllowedHostsOriginValidator(URLRouter(websocket_urlpatterns))  # as k8sdocs/asgi.py has it
    for origin, welcome in (("https://evil.example", False), ("null", False), ("http://testserver", True)):
        headers = [(b"host", b"testserver"), (b"origin", origin.encode())]
        socket = WebsocketCommunicator(guarded, f"/ws/scenarios/{made.scenario.id}/", headers=headers)
        connected, _code = await socket.connect()
        assert connected is welcome, origin
        await socket.disconnect()


async def test_an_unknown_scenario_is_said(transactional_db, rooms):
    async with reader("nosuchone") as socket:
        closed = await socket.receive_output(5)
    assert closed == {"type": "websocket.close", "code": 4404}
    assert rooms.rooms == {}


# ---- what comes in -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("{", 400, id="half of JSON"),
        pytest.param("[]", 400, id="a list"),
        pytest.param('{"type":"NOSUCH"}', 400, id="an unknown type"),
        pytest.param('{"type":"COMMAND","id":"c"}', 400, id="a command without a command"),
        pytest.param('{"type":"COMMAND","id":"c","command":{"op":"explode"}}', 400, id="an unknown operation"),
        pytest.param('{"type":"COMMAND","id":{"a":1},"command":{}}', 400, id="an id that is none"),
        pytest.param('{"type":"VIEW","view":"nosuch"}', 400, id="an unknown view"),
        pytest.param('{"type":"CLOCK","speed":"fast"}', 400, id="a speed in words"),
        pytest.param('{"type":"CLOCK","speed":3}', 400, id="a speed that there is not"),
        pytest.param("[" * 5000, 400, id="five thousand brackets"),
        pytest.param(
            '{"type":"COMMAND","command":{"op":"apply","objects":["' + "x" * limits.MESSAGE_BYTES + '"]}}',
            422,
            id="more than a mebibyte",
        ),
        pytest.param('{"a":"\\ud800"}', 400, id="half a character"),
    ],
)
async def test_nonsense_is_answered_by_a_status_and_the_socket_lives(made, text, code):
    async with reader(made.scenario.id, key=made.key) as socket:
        await socket.hear()
        await socket.send_to(text_data=text)
        status = await socket.hear()
        assert (status["type"], status["object"]["code"]) == ("STATUS", code)
        await socket.say(type="COMMAND", id="after", command=SCALE)
        frames = await socket.until(lambda frame: frame["type"] == "STATUS")
        assert frames[-1]["object"]["status"] == "Success"


async def test_what_the_cluster_refuses_is_said_in_its_words(made):
    async with reader(made.scenario.id, key=made.key) as socket:
        await socket.hear()
        await socket.say(type="COMMAND", id="c", command={**SCALE, "name": "nosuch"})
        status = await socket.hear()
    assert status["object"]["message"] == 'deployments.apps "nosuch" not found'
    assert status["object"]["code"] == 404


async def test_too_many_messages_end_the_socket(made):
    async with reader(made.scenario.id) as socket:
        await socket.hear()
        for _ in range(limits.MESSAGES_PER_10S + 1):
            await socket.say(type="VIEW", view="cluster")
        outputs = [await socket.receive_output(5) for _ in range(2)]
    assert {output["type"] for output in outputs} == {"websocket.send", "websocket.close"}


async def test_the_view_can_be_changed(made):
    async with reader(made.scenario.id, key=made.key) as socket:
        await socket.hear()
        await socket.say(type="VIEW", view="ownership")
        await socket.say(type="COMMAND", id=1, command=SCALE)
        frames = await socket.until(lambda frame: bool(frame.get("figure")) and "svg" in frame["figure"], timeout=10)
    assert "kfig-ownership" in frames[-1]["figure"]["svg"]


# ---- crowds and stragglers -----------------------------------------------------------------------


async def test_a_frame_is_encoded_once_for_all_who_look_at_the_same(made, monkeypatch):
    from contextlib import AsyncExitStack

    from apps.live import frames as frames_module

    encoded = []
    original = frames_module.encode
    monkeypatch.setattr(frames_module, "encode", lambda message: encoded.append(message["type"]) or original(message))
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(reader(made.scenario.id, lang="ko")) for _ in range(20)]
        for socket in sockets:
            await socket.hear()
        encoded.clear()
        await sync_to_async(lambda: session(made.scenario.id).execute(SCALE))()
        texts = []
        for socket in sockets:
            texts.append([frame async for frame in _texts(socket)])
    assert len({tuple(text) for text in texts}) == 1
    assert len(encoded) <= len(texts[0]) + 2


async def _texts(socket):
    while True:
        text = await socket.receive_from(5)
        yield text
        frame = json.loads(text)
        if is_bookmark(frame) and frame["clock"]["at_rest"]:
            return


async def test_who_does_not_keep_up_is_told_to_fetch_anew_and_the_others_go_on():
    """The queue of one viewer is bounded; a viewer that does not read costs nobody else anything."""
    sent = []
    gate = asyncio.Event()

    async def stuck(message):
        await gate.wait()
        sent.append(message)

    slow = viewers.Viewer(stuck, "cluster", "ko", "wide")
    await asyncio.sleep(0)
    for _ in range(viewers.QUEUE_BATCHES + 5):
        slow.put("x")
    assert slow.lapsed
    gate.set()
    await asyncio.sleep(0.01)
    assert json.loads(sent[-2]["text"])["object"]["code"] == 410
    assert sent[-1] == {"type": "websocket.close", "code": viewers.LAPSED}
    assert len(sent) <= 3
    slow.close()


async def test_nothing_runs_for_a_scenario_that_nobody_watches(made, rooms):
    async with reader(made.scenario.id) as socket:
        await socket.hear()
        assert set(rooms.rooms) == {made.scenario.id}
    for _ in range(50):
        if not rooms.rooms:
            break
        await asyncio.sleep(0.01)
    assert rooms.rooms == {}


async def test_a_lost_hint_costs_a_refresh_and_no_edit(made, monkeypatch):
    """Another process wrote, and nobody told us."""
    monkeypatch.setattr(rooms_module, "REFRESH_S", 0.2)
    async with reader(made.scenario.id) as socket:
        await socket.hear()

        def write_elsewhere():
            other = Session(made.scenario.id)
            other.sync()
            seq, now = other.seq + 1, other.now_ms()
            Command.objects.create(scenario_id=made.scenario.id, seq=seq, time_ms=now, body=commands.check(SCALE))

        await sync_to_async(write_elsewhere)()
        frames = await socket.until(lambda frame: frame.get("object", {}).get("kind") == "Deployment")
    assert frames[-1]["step"]["verb"] in {"scale", "patch"}
