"""v1 links: what goes in comes out, what comes from outside is checked, and old links are read for ever."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.cluster.apimachinery.status import StatusError
from apps.scenarios import limits, links
from apps.scenarios.story import Entry

GOLDEN = json.loads((Path(__file__).parent / "golden_links.json").read_text(encoding="utf-8"))


def entry(time_ms: int, **body) -> Entry:
    return Entry(time_ms, body)


SCALE = entry(1000, op="scale", resource="deployments", namespace="default", name="web", replicas=5)


@pytest.mark.parametrize("case", [pytest.param(case, id=case["title"]) for case in GOLDEN])
def test_golden_links_are_read_for_ever(case):
    link = links.decode(case["token"])
    assert link.preset == case["preset"]
    assert link.cluster == case["cluster"]
    assert [[entry.time_ms, entry.body] for entry in link.entries] == case["commands"]
    assert links.encode(link) == case["token"]


letters = st.characters(exclude_characters="\0", exclude_categories=["Cs"])  # what a database keeps
names = st.text(letters, min_size=1, max_size=20)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(letters, max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(letters, max_size=8), inner, max_size=3),
    max_leaves=8,
)
bodies = st.one_of(
    st.builds(
        lambda name, n: {"op": "scale", "resource": "deployments", "namespace": "default", "name": name, "replicas": n},
        names,
        st.integers(0, 1000),
    ),
    st.builds(
        lambda name, body: {"op": "patch", "resource": "pods", "name": name, "body": {"spec": body}}, names, json_values
    ),
    st.builds(lambda obj: {"op": "apply", "objects": [{"kind": "Deployment", "x": obj}]}, json_values),
    st.builds(
        lambda verb: {"op": "node", "verb": verb, "name": "worker-1"}, st.sampled_from(["cordon", "drain", "join"])
    ),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**6), bodies), max_size=6), st.text(letters, max_size=30))
def test_a_link_says_what_was_put_in(timed, title):
    timed.sort(key=lambda pair: pair[0])
    link = links.Link("empty", {"workers": 4}, tuple(Entry(t, b) for t, b in timed), title)
    try:
        token = links.encode(link)
    except limits.LimitExceeded:
        return  # hypothesis found a story that is too long; another test has that
    assert links.decode(token) == link
    assert links.encode(links.decode(token)) == token
    assert len(token) <= limits.LINK_CHARS


def packed(raw: bytes) -> str:
    packer = zlib.compressobj(9, zdict=links.DICTIONARY)
    return links.PREFIX + base64.urlsafe_b64encode(packer.compress(raw) + packer.flush()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("v1.", id="nothing after the prefix"),
        pytest.param("v2." + links.encode(links.Link("empty"))[3:], id="another version"),
        pytest.param("v1.!!!!", id="not base64url"),
        pytest.param("v1.AAAA", id="not zlib"),
        pytest.param(links.encode(links.Link("empty", entries=(SCALE,)))[:-6], id="cut short"),
        pytest.param(links.encode(links.Link("empty")) + "AAAA", id="something after the end"),
        pytest.param(packed(b" " * 10_000_000), id="a bomb: ten megabytes of blanks"),
        pytest.param(packed(b"[" * 60_000), id="a bomb: sixty thousand brackets"),
        pytest.param(packed(b'{"p":NaN}'), id="NaN"),
        pytest.param(packed(b'{"p":1e999}'), id="a number that overflows"),
        pytest.param(packed(b'{"p":"\\ud800"}'), id="half a character"),
        pytest.param(packed(b"[]"), id="a list"),
        pytest.param(packed(b'{"p":"empty","z":1}'), id="an unknown part"),
        pytest.param(packed(b'{"p":7}'), id="a preset that is no text"),
        pytest.param(packed(b'{"p":"empty","c":[[5,{"op":"explode"}]]}'), id="an unknown operation"),
        pytest.param(
            packed(b'{"p":"empty","c":[[true,{"op":"node","verb":"drain","name":"a"}]]}'), id="a time that is no number"
        ),
        pytest.param(
            packed(
                b'{"p":"empty","c":[[5,{"op":"node","verb":"drain","name":"a"}],[4,{"op":"node","verb":"drain","name":"a"}]]}'
            ),
            id="time that goes back",
        ),
        pytest.param(
            packed(json.dumps({"p": "empty", "c": [[0, {"op": "node", "verb": "drain", "name": "a"}]] * 201}).encode()),
            id="too many commands",
        ),
        pytest.param("v1." + "A" * 3000, id="too long"),
    ],
)
def test_what_no_link_may_say_is_refused(token):
    with pytest.raises(StatusError) as caught:
        links.decode(token)
    assert caught.value.code == 400


def test_a_typical_edit_makes_a_short_link():
    web = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default", "labels": {"app": "web"}},
        "spec": {
            "replicas": 4,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "containers": [{"name": "web", "image": "nginx:1.28", "resources": {"requests": {"cpu": "200m"}}}]
                },
            },
        },
    }
    token = links.encode(links.Link("empty", entries=(entry(0, op="apply", objects=[web]), SCALE)))
    assert len(token) < 300, len(token)


def test_too_much_for_a_link_is_refused_with_the_limit():
    noise = "".join(hashlib.sha256(bytes([i])).hexdigest() for i in range(60))
    with pytest.raises(limits.LimitExceeded, match="1,900"):
        links.encode(
            links.Link("empty", entries=(entry(0, op="apply", objects=[{"kind": "ConfigMap", "data": {"a": noise}}]),))
        )


HUGE = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 100_000,
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a", "image": "b"}]}},
    },
}


@pytest.mark.parametrize(
    "link",
    [
        pytest.param(
            links.Link("empty", entries=(entry(0, op="apply", objects=[HUGE]),)), id="a hundred thousand replicas"
        ),
        pytest.param(links.Link("empty", {"workers": 4000}), id="four thousand workers"),
        pytest.param(links.Link("empty", {"cpu": "lots"}), id="cpu that is no quantity"),
        pytest.param(links.Link("nosuch"), id="an unknown preset"),
        pytest.param(
            links.Link(
                "empty",
                entries=(
                    entry(0, op="apply", objects=[{**HUGE, "spec": {**HUGE["spec"], "replicas": 1}}]),
                    entry(
                        1,
                        op="patch",
                        resource="deployments",
                        namespace="default",
                        name="web",
                        type="json",
                        body=[{"op": "replace", "path": "/spec/replicas", "value": 90_000}],
                    ),
                ),
            ),
            id="ninety thousand by a patch",
        ),
    ],
)
def test_a_link_that_asks_for_too_much_is_refused(client, link):
    token = links.encode(link)
    for path in ("", "frame/", "steps/"):
        assert client.get(f"/en/s/{token}/{path}").status_code == 400
    assert client.get(f"/d/{token}.json").status_code == 400


def test_a_link_carries_the_network_of_its_cluster():
    told = {"proxy_mode": "ipvs", "encapsulation": "vxlan", "cluster_routes": "felix", "load_balancer": "metallb"}
    link = links.Link("nodeport", {**told, "subnets": 2})
    assert links.decode(links.encode(link)) == link
