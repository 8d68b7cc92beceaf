"""Questions that the model answers, asked of a run that is known: a Deployment of four, updated, undone."""

from __future__ import annotations

import pytest

from apps.articles import finding, library, measures, walks
from apps.scenarios import presets
from apps.scenarios.replay import settled

IMAGE = {"who": "kubectl", "ref": "deployments/default/web", "verb": "patch", "changed": ["spec.template"]}
NEW_POD = {"who": "replicaset-controller", "ref": "pods/default/web-*", "verb": "create"}


@pytest.fixture(scope="module")
def run():
    return settled(presets.get("rollback").story)


def revision(run, finder, start=0):
    steps = run.cluster.trace.steps
    return steps[finding.find(steps, finder, run.cluster.trace.position(start or run.base))].revision


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param({"which": "fewest", "count": "ready"}, "3", id="replicas less maxUnavailable are ready"),
        pytest.param({"which": "most", "count": "live"}, "6", id="an instant before the old one is asked to go"),
        pytest.param({"which": "fewest", "count": "live"}, "4", id="no fewer than are asked for"),
        pytest.param({"which": "most", "count": "pods"}, "7", id="with those that are terminating"),
    ],
)
def test_extremes_between_two_moments(run, data, expected):
    start = revision(run, IMAGE)
    data = {"kind": "extreme", "labels": "app=web", "until": IMAGE, **data}
    answer, shows = measures.measure(data, (), run, start, {})
    assert answer == expected
    assert start <= shows < revision(run, IMAGE, start)
    # The figure at that revision shows the number.
    pods = [pod for key, pod in run.view(shows).objects["pods"].items() if key.startswith("default/web-")]
    assert sum(measures._counts(pod, data["count"]) for pod in pods) == int(expected)


def test_what_comes_first(run):
    start = revision(run, NEW_POD)
    options = (
        {"id": "kubelet", "find": {"who": "kubelet", "ref": "pods/default/web-*"}},
        {"id": "scheduler", "find": {"who": "kube-scheduler", "ref": "pods/default/web-*"}},
        {"id": "never", "find": {"who": "nobody"}},
        {"id": "unfindable"},
    )
    answer, shows = measures.measure({"kind": "first"}, options, run, start, {})
    assert answer == "scheduler"
    assert run.cluster.trace.at(shows).component == "kube-scheduler"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param({"kind": "count", "find": NEW_POD, "until": IMAGE}, "4", id="how many"),
        pytest.param({"kind": "count", "find": {"who": "nobody"}}, "0", id="none"),
        pytest.param({"kind": "seconds", "find": IMAGE}, "29", id="how long"),
        pytest.param({"kind": "name", "find": IMAGE}, "web", id="which"),
    ],
)
def test_numbers_and_names(run, data, expected):
    start = revision(run, {"who": "kubectl", "verb": "create", "ref": "deployments/default/web"})
    assert measures.measure(data, (), run, start, {})[0] == expected


def test_the_node_of_a_pod(run):
    start = revision(run, NEW_POD)
    ref = run.cluster.trace.at(start).ref
    answer, shows = measures.measure({"kind": "node", "of": "pod"}, (), run, start, {"pod": ref})
    assert run.view(shows).get(ref)["spec"]["nodeName"] == answer


def test_seconds_count_from_the_moment_itself_though_it_writes_nothing():
    """A machine loses power some seconds after the last revision; the hold time of BGP begins there."""
    assert walks.of(library.article("en", "bird")).prediction.answer == "240"


def test_how_many_pods_answer_for_a_service():
    """Where kube-proxy has stopped: those that its rules knew."""
    story = settled(presets.get("kube-proxy-down").story)
    steps = story.cluster.trace.steps
    at = steps[finding.find(steps, {"ref": "services/default/web-new", "verb": "create"})].revision
    for node, expected in (("worker-1", "3"), ("worker-2", "5")):
        place = finding.find(steps, {"ref": "pods/default/web-*", "ready": True, "node": node})
        data = {"kind": "reached", "src": "pod", "dst": "services/default/web"}
        assert measures.measure(data, (), story, at, {"pod": steps[place].ref})[0] == expected


def test_the_largest_packet_that_arrives(run):
    """Two Pods of two nodes, IP-in-IP between them: 20 bytes less than the machines' own 1500."""
    steps = run.cluster.trace.steps
    ready = {"ref": "pods/default/web-*", "ready": True}
    found = [
        finding.find(steps, {**ready, "node": node}, run.cluster.trace.position(run.base))
        for node in ("worker-1", "worker-2")
    ]
    names = {"here": steps[found[0]].ref, "there": steps[found[1]].ref}
    data = {"kind": "largest", "src": "here", "dst": "there"}
    assert measures.measure(data, (), run, steps[max(found)].revision, names)[0] == "1480"
    first = steps[finding.find(steps, NEW_POD, run.cluster.trace.position(run.base))]
    with pytest.raises(LookupError, match="not even an empty packet"):
        measures.measure(data, (), run, first.revision, dict.fromkeys(names, first.ref))


@pytest.mark.parametrize(
    ("data", "options", "error"),
    [
        pytest.param({"kind": "first"}, ({"id": "a", "find": {"who": "nobody"}},), LookupError, id="nothing happens"),
        pytest.param({"kind": "name", "find": {"who": "nobody"}}, (), LookupError, id="no such step"),
        pytest.param({"kind": "node", "of": "pod"}, (), LookupError, id="a Pod without a node"),
        pytest.param({"kind": "guess", "find": IMAGE}, (), ValueError, id="no such kind of question"),
        pytest.param(
            {"kind": "extreme", "which": "most", "count": "hopes", "labels": "app=web"},
            (),
            ValueError,
            id="no count",
        ),
    ],
)
def test_what_cannot_be_answered_is_an_error(run, data, options, error):
    start = revision(run, NEW_POD)
    with pytest.raises(error):
        measures.measure(data, options, run, start, {"pod": "pods/default/nobody"})


def test_a_figure_without_a_walk_begins_at_its_own_moment():
    for slug in library.slugs():
        data = walks.load(slug)
        if "start" not in data:
            continue
        article = library.article("en", slug)
        found = settled(presets.get(article.preset).story)
        assert walks.of(article).at == revision(found, data["start"]), slug
