"""`op: request`: a request of somebody's own kubectl as a command of the log, of a link, of a replay."""

from __future__ import annotations

import pytest

from apps.cluster import rest
from apps.cluster.apimachinery.status import StatusError
from apps.scenarios import commands, limits, links, making
from apps.scenarios.links import Link
from apps.scenarios.replay import Run, digest_of
from apps.scenarios.session import Session
from apps.scenarios.story import Entry, Story

MAPS = "/api/v1/namespaces/default/configmaps"
AGENT = "kubectl/v1.32.4 (linux/amd64) kubernetes/4ea3eb5"


def request(method: str = "POST", path: str = MAPS, **more) -> dict:
    return {"op": "request", "method": method, "path": path, "user_agent": AGENT, **more}


def a_map(name: str, **data: str) -> dict:
    return {"metadata": {"name": name}, "data": data}


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        pytest.param(request(body=a_map("x")), "", id="a creation"),
        pytest.param(request("PATCH", body=[{"op": "add"}]), "", id="a JSON patch"),
        pytest.param(request(text="a: b", content_type="application/yaml"), "", id="YAML as it came"),
        pytest.param(request(body={}, **{"as": "jane", "as_groups": ["dev"]}), "", id="in another name"),
        pytest.param(request(user="system:serviceaccount:a:b", groups=["c"]), "", id="with another's token"),
        pytest.param(request("GET"), "method has the wrong form", id="readings are no commands"),
        pytest.param(request(path="/healthz"), "path has the wrong form", id="only the API"),
        pytest.param(request(path="/api/v1/" + "x" * 3000), "path has the wrong form", id="too long an address"),
        pytest.param(request(path="/api/v1/한글"), "path has the wrong form", id="no address"),
        pytest.param(request(query="x" * 9000), "query has the wrong form", id="too long a query"),
        pytest.param(request(query="a\nb"), "query has the wrong form", id="lines in a query"),
        pytest.param(request(user_agent="x" * 300), "user_agent has the wrong form", id="too long an agent"),
        pytest.param(request(body="x"), "body has the wrong form", id="a body that is no JSON object"),
        pytest.param(request(body={}, text=""), "text has no meaning beside body", id="two bodies"),
        pytest.param(request(groups=["x"]), "groups needs user", id="groups of nobody"),
        pytest.param(request(as_groups=["x"]), "as_groups needs as", id="groups for nobody"),
        pytest.param(request(as_extra={"a": "b"}), "as_extra has the wrong form", id="extras"),
        pytest.param(request(headers={}), "unknown field headers", id="no other headers"),
        pytest.param({"op": "request", "path": MAPS}, "method is missing", id="no method"),
    ],
)
def test_the_shape_of_a_request(body, problem):
    if not problem:
        assert commands.check(body) == body
        return
    with pytest.raises(StatusError) as raised:
        commands.check(body)
    assert raised.value.message == f"command request: {problem}"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (request(body=a_map("one")), "kubectl: POST configmaps/one"),
        (request("DELETE", "/api/v1/namespaces/dev/pods/web-0"), "kubectl: DELETE pods/web-0 -n dev"),
        (
            request("PATCH", "/apis/apps/v1/namespaces/default/deployments/web/scale", body={"spec": {"replicas": 5}}),
            "kubectl: PATCH deployments/web/scale replicas=5",
        ),
        (request(body=a_map("x"), **{"as": "jane"}), "kubectl: POST configmaps/x --as=jane"),
        ({"op": "request", "method": "POST", "path": "/apis/x"}, "HTTP: POST /apis/x"),
    ],
)
def test_how_a_request_is_listed(body, text):
    assert commands.said(body) == text


def test_a_story_with_requests_is_the_same_each_time_and_in_its_link():
    entries = (
        Entry(100, request(body=a_map("one", a="1"), query="fieldManager=kubectl-create")),
        Entry(
            200, request("PATCH", f"{MAPS}/one", body={"data": {"b": "2"}}, content_type="application/merge-patch+json")
        ),
        Entry(300, request(body={"metadata": {"generateName": "g-"}})),
        Entry(400, request("DELETE", f"{MAPS}/one")),
    )
    told = links.decode(links.encode(Link("empty", {}, entries))).entries
    assert told == entries
    digests = set()
    for _ in range(2):
        run = Run(Story({"workers": 1}, told))
        run.settle()
        assert [mark.error for mark in run.marks] == [""] * 4
        digests.add(digest_of(run.cluster.trace.steps))
    assert len(digests) == 1


def test_a_link_says_that_a_request_is_too_long_for_it():
    data = {str(number): str(number * 7919) for number in range(2000)}
    with pytest.raises(limits.LimitExceeded) as raised:
        links.encode(Link("empty", {}, (Entry(0, request(body=a_map("big", **data))),)))
    assert raised.value.name == "link_chars"


@pytest.mark.django_db
def test_a_session_keeps_what_changed_something_and_nothing_else():
    session = Session(making.from_preset("rolling-update").scenario.id)
    pending = len(session.run.pending)
    assert pending  # its script is under way
    before = session.run.cluster.engine.random.save()
    assert session.request(request(body={"metadata": {"generateName": "g-"}}, query="dryRun=All")).status == 201
    assert session.request(request(path="/apis/authentication.k8s.io/v1/selfsubjectreviews", body={})).status == 201
    with pytest.raises(rest.Refused) as refused:
        session.request(request(body={"metadata": {"name": "Not A Name"}}))
    assert refused.value.response.status == 422
    with pytest.raises(limits.LimitExceeded):
        session.request(
            request(path="/apis/apps/v1/namespaces/default/deployments", body={"spec": {"replicas": 10**6}})
        )
    assert (session.seq, len(session.run.pending)) == (0, pending)
    assert session.run.cluster.engine.random.save() == before
    assert session.request(request(body=a_map("one"))).status == 201
    assert session.seq == 1
    again = session.request(request("PUT", f"{MAPS}/one", body=a_map("one")))
    assert (again.status, session.seq) == (200, 1)  # it was so already
    other = Session(session.id)
    assert other.seq == 1
    assert digest_of(other.run.cluster.trace.steps) == digest_of(
        session.run.cluster.trace.steps[: len(other.run.cluster.trace.steps)]
    )


@pytest.mark.django_db
def test_what_is_refused_costs_no_replay(clock):
    session = Session(making.from_preset("empty").scenario.id)
    session.request(request(body=a_map("one")))
    epoch = session.epoch
    for _ in range(5):
        clock.pass_ms(2_000)  # heartbeats, and whatever else is due
        with pytest.raises(rest.Refused):
            session.request(request(body=a_map("one")))
    assert session.epoch == epoch


@pytest.mark.django_db
def test_a_deletion_of_many_that_is_refused_half_way_has_deleted_nothing():
    session = Session(making.from_preset("empty").scenario.id)
    for name in ("a", "b"):
        session.request(request(body=a_map(name)))
    first = session.run.view().objects["configmaps"]["default/a"]["metadata"]["uid"]
    with pytest.raises(rest.Refused):
        session.request(request("DELETE", MAPS, body={"preconditions": {"uid": first}}))
    assert {f"default/{name}" for name in ("a", "b")} <= set(session.run.view().objects["configmaps"])
    assert session.request(request("DELETE", MAPS)).status == 200
    assert session.seq == 3
