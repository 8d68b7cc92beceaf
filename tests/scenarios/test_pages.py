"""The pages and the JSON: what is answered, to whom, and in which language."""

from __future__ import annotations

import re

import pytest

from apps.scenarios import access, links, presets
from apps.scenarios.session import session
from apps.scenarios.story import Entry
from tests import moments

pytestmark = pytest.mark.django_db

ROLLING = presets.get("rolling-update").link


@pytest.mark.parametrize("lang", ["ko", "en"])
@pytest.mark.parametrize("preset", [pytest.param(preset, id=preset.id) for preset in presets.listed()])
def test_every_preset_has_a_page_in_both_languages(client, preset, lang):
    response = client.get(f"/{lang}/s/{preset.link}/")
    assert response.status_code == 200
    text = response.content.decode()
    assert preset.title_in(lang) in text
    assert "<svg" in text
    assert "⟦" not in text


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_the_gallery_lists_them(client, lang):
    text = client.get(f"/{lang}/scenarios/").content.decode()
    for preset in presets.listed():
        assert preset.title_in(lang) in text
        assert f"/{lang}/s/{preset.link}/" in text


@pytest.mark.parametrize(
    ("query", "status"),
    [
        pytest.param("", 200, id="nothing asked"),
        pytest.param("?at=", 200, id="an empty revision is the newest"),
        pytest.param("?at=x", 400, id="a revision that is no number"),
        pytest.param("?at=-1", 400, id="a negative revision"),
        pytest.param("?at=١", 400, id="a number in other digits"),
        pytest.param("?at=" + "9" * 40, 400, id="a number with forty digits"),
        pytest.param("?at=9999999", 404, id="a revision that has not been"),
        pytest.param("?at=1", 404, id="a revision before the story"),
        pytest.param("?view=nosuch", 400, id="an unknown view"),
        pytest.param("?view=ownership", 200, id="the ownership view"),
        pytest.param("?focus=pods", 400, id="a focus that is none"),
        pytest.param("?focus=pods/default/nosuch", 200, id="an object that is not there"),
        pytest.param("?focus=" + "a" * 700, 400, id="a focus without end"),
        pytest.param("?focus=deployments/default/web", 200, id="an object"),
        pytest.param("?theme=dark", 200, id="a theme"),
    ],
)
@pytest.mark.parametrize("page", ["s/{}/", "s/{}/frame/"])
def test_what_an_address_asks_for(client, page, query, status):
    response = client.get(f"/ko/{page.format(ROLLING)}{query}")
    assert response.status_code == status
    if status != 200 and "frame" not in page:
        assert re.search(r"<p class=\"lede\">[^<]+", response.content.decode())
    if status != 200 and "frame" in page:
        assert response.json()["kind"] == "Status"
        assert response.json()["code"] == status


@pytest.mark.parametrize(
    ("address", "status"),
    [
        pytest.param("/ko/s/nosuch/", 404, id="an unknown scenario"),
        pytest.param("/ko/s/v1.AAAA/", 400, id="a damaged link"),
        pytest.param("/ko/s/v1.AAAA/frame/", 400, id="a damaged link's frame"),
        pytest.param("/ko/s/nosuch/steps/", 404, id="an unknown scenario's steps"),
        pytest.param(f"/ko/s/{ROLLING}/steps/?from=x", 400, id="steps from no number"),
        pytest.param(f"/ko/s/{ROLLING}/objects/pods/default/nosuch.yaml", 404, id="an unknown object"),
        pytest.param("/d/nosuch.svg", 404, id="a picture of an unknown scenario"),
        pytest.param(f"/d/{ROLLING}.exe", 404, id="a file of an unknown kind"),
        pytest.param("/embed/nosuch/", 404, id="an embed of an unknown scenario"),
        pytest.param("/ko/s/%00/", 404, id="a zero byte"),
        pytest.param(f"/ko/s/{ROLLING}/?at=%00", 400, id="a zero byte for a revision"),
    ],
)
def test_what_is_not_there_is_said_and_never_a_crash(client, address, status):
    assert client.get(address).status_code == status


@pytest.mark.parametrize(
    ("method", "address"),
    [
        pytest.param("post", f"/ko/s/{ROLLING}/", id="posting to a page"),
        pytest.param("get", f"/ko/s/{ROLLING}/commands/", id="getting the commands"),
        pytest.param("get", f"/ko/s/{ROLLING}/fork/", id="getting a fork"),
        pytest.param("put", f"/ko/s/{ROLLING}/frame/", id="putting a frame"),
        pytest.param("delete", f"/d/{ROLLING}.yaml", id="deleting a file"),
        pytest.param("put", "/ko/scenarios/new", id="putting a new scenario"),
    ],
)
def test_a_wrong_method_is_405(client, method, address):
    assert getattr(client, method)(address).status_code == 405


def test_a_frame_says_one_revision_everywhere(client):
    steps = client.get(f"/en/s/{ROLLING}/steps/").json()
    step = next(step for step in steps["steps"] if step["kind"] == "Pod" and step["verb"] == "bind")
    frame = client.get(f"/en/s/{ROLLING}/frame/?at={step['revision']}").json()
    assert frame["revision"] == step["revision"]
    assert frame["step"] == step
    assert step["name"] in frame["inspector"]
    assert frame["time"] == step["time"]


@pytest.mark.parametrize("resource", ["deployments", "deployment", "Deployment", "deploy"])
def test_a_focus_may_say_a_kind_as_kubectl_takes_it(client, resource):
    at = moments.rolling_ready()
    frame = client.get(f"/en/s/{ROLLING}/frame/?at={at}&focus={resource}/default/web").json()
    assert 'data-ref="deployments/default/web"' in frame["inspector"]


def test_steps_are_those_asked_for(client):
    everything = client.get(f"/en/s/{ROLLING}/steps/").json()
    assert everything["base"] < everything["steps"][0]["revision"] <= everything["base"] + 1
    assert everything["steps"][-1]["revision"] == everything["head"]
    start = moments.rolling_ready()
    some = client.get(f"/en/s/{ROLLING}/steps/?from={start}&to={start + 20}").json()
    assert {step["revision"] for step in some["steps"]} == set(range(start, start + 21))
    assert [command["seq"] for command in some["commands"]] == [1, 2]
    assert some["commands"][1]["text"].startswith("kubectl patch deployments/web")


def test_a_pinned_frame_is_immutable_and_known_by_its_tag(client):
    address = f"/en/s/{ROLLING}/frame/?at={moments.rolling_ready()}"
    response = client.get(address)
    assert "immutable" in response["Cache-Control"]
    assert "public" in response["Cache-Control"]
    again = client.get(address, headers={"If-None-Match": response["ETag"]})
    assert again.status_code == 304
    assert "Set-Cookie" not in response


def test_a_power_cut_shows_at_once_though_it_writes_no_revision(client, made, clock):
    clock.pass_ms(60_000)
    found = session(made.scenario.id)
    found.sync()
    address = f"/en/s/{made.scenario.id}/frame/?at={found.head}"
    before = client.get(address)
    assert before["Cache-Control"] == "no-cache"
    found.execute({"op": "node", "verb": "power-off", "name": "worker-2"})
    after = client.get(address)
    assert after.json()["revision"] == before.json()["revision"]
    assert after.json()["digest"] != before.json()["digest"]
    assert client.get(address, headers={"If-None-Match": before["ETag"]}).status_code == 200


def test_the_newest_frame_of_a_stored_scenario_is_asked_for_again(client, made):
    response = client.get(f"/en/s/{made.scenario.id}/frame/")
    assert response["Cache-Control"] == "no-cache"


def test_without_scripts_a_reader_can_step(client):
    at = moments.rolling_ready()
    response = client.get(f"/ko/s/{ROLLING}/?at={at}")
    nav = response.context["nav"]
    after, before = (int(nav[way].removeprefix("?at=")) for way in ("next", "prev"))
    assert at - 10 <= before < at < after <= at + 10  # heartbeats are stepped over
    seen = []
    address = nav["first"]
    for _ in range(5):
        page = client.get(f"/ko/s/{ROLLING}/{address}")
        seen.append(page.context["frame"]["revision"])
        address = page.context["nav"]["next"]
    assert seen == sorted(set(seen))
    assert client.get(f"/ko/s/{ROLLING}/").context["nav"]["next"] == ""
    assert f'href="?at={at}&amp;focus=' in response.content.decode()


def test_language_changes_the_words_and_not_the_place(client):
    at = moments.rolling_ready()
    korean = client.get(f"/ko/s/{ROLLING}/frame/?at={at}").json()
    english = client.get(f"/en/s/{ROLLING}/frame/?at={at}").json()
    assert korean["revision"] == english["revision"]
    assert korean["step"]["text"] != english["step"]["text"]


# ---- the key -------------------------------------------------------------------------------------


def test_the_key_is_taken_once_out_of_the_address_into_a_cookie(client, made):
    response = client.get(f"/ko/s/{made.scenario.id}/?key={made.key}&view=ownership")
    assert response.status_code == 302
    assert response["Location"] == f"/ko/s/{made.scenario.id}/?view=ownership"
    cookie = response.cookies[access.cookie_name(made.scenario.id)]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert response["Referrer-Policy"] == "no-referrer"
    page = client.get(response["Location"])
    assert page.context["scenario"]["can_edit"] is True
    assert made.key in page.context["share"]["edit"]


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("wrong", id="a wrong key"),
        pytest.param("", id="an empty key"),
        pytest.param("x" * 5000, id="a key without end"),
        pytest.param("가", id="a key in Hangul"),
    ],
)
def test_a_wrong_key_makes_nobody_an_editor(client, made, key):
    response = client.get(f"/ko/s/{made.scenario.id}/", {"key": key})
    assert response.status_code == 302
    assert not response.cookies
    assert client.get(response["Location"]).context["scenario"]["can_edit"] is False


def test_the_stored_digest_is_no_key(client, made):
    client.cookies[access.cookie_name(made.scenario.id)] = made.scenario.key_hash
    assert client.get(f"/ko/s/{made.scenario.id}/").context["scenario"]["can_edit"] is False


def test_the_key_of_one_scenario_opens_no_other(client, made):
    from apps.scenarios import making

    other = making.from_preset("empty")
    client.cookies[access.cookie_name(other.scenario.id)] = made.key
    assert client.get(f"/ko/s/{other.scenario.id}/").context["scenario"]["can_edit"] is False


# ---- embeds and files ----------------------------------------------------------------------------


def test_only_an_embed_may_be_framed(client, made):
    page = client.get(f"/ko/s/{made.scenario.id}/")
    assert "frame-ancestors 'none'" in page["Content-Security-Policy"]
    assert page["X-Frame-Options"] == "DENY"
    client.cookies[access.cookie_name(made.scenario.id)] = made.key
    embed = client.get(f"/embed/{made.scenario.id}/?lang=en")
    assert embed.status_code == 200
    assert "frame-ancestors *" in embed["Content-Security-Policy"]
    assert "X-Frame-Options" not in embed
    assert embed.context["scenario"]["can_edit"] is False


def test_an_embed_shows_the_chosen_range(client):
    start = moments.rolling_ready()
    embed = client.get(f"/embed/{ROLLING}/?lang=en&from={start}&to={start + 20}&view=ownership&speed=2")
    scenario = embed.context["scenario"]
    assert (scenario["from_revision"], scenario["to_revision"], scenario["at"], scenario["view"]) == (
        start,
        start + 20,
        start,
        "ownership",
    )


def test_yaml_holds_what_was_asked_for_and_can_be_applied_elsewhere(client):
    from apps.scenarios import manifests

    response = client.get(f"/d/{ROLLING}.yaml")
    documents = manifests.read(response.content.decode())
    assert sorted((d.kind, d.name) for d in documents) == [
        ("DaemonSet", "node-log"),
        ("Deployment", "web"),
        ("Service", "db"),
        ("StatefulSet", "db"),
    ]
    assert all("status" not in d.obj and "uid" not in d.obj["metadata"] for d in documents)


def test_json_holds_objects_and_steps(client):
    at = moments.rolling_ready()
    answer = client.get(f"/d/{ROLLING}.json?at={at}").json()
    assert answer["revision"] == at
    assert answer["steps"][-1]["revision"] == at
    assert any(obj["kind"] == "Pod" for obj in answer["objects"])


# ---- what hostile names do -----------------------------------------------------------------------


def test_hostile_names_stay_text(client):
    hostile = '</script><script>alert(1)</script>"><img src=x onerror=alert(1)>'
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a", "annotations": {"x": hostile}},
        "data": {"k": hostile},
    }
    link = links.Link("empty", {}, (Entry(0, {"op": "apply", "objects": [config]}),), title=hostile)
    token = links.encode(link)
    page = client.get(f"/en/s/{token}/?focus=configmaps/default/a").content.decode()
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "onerror=alert(1)&gt;" in page
    frame = client.get(f"/en/s/{token}/frame/?focus=configmaps/default/a").json()
    assert "<img" not in frame["inspector"]
    assert "<img" not in frame["svg"]
