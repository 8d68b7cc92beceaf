"""Both languages say the same things, and no Korean particle has to guess what a parameter ends with."""

from __future__ import annotations

import re

import pytest

from apps.diagrams import wording
from apps.diagrams.narration import article_of, edges_of, request_of, sentence, verb_text
from apps.diagrams.states import MARKS
from tests.diagrams import clusters

MANAGER = "edge-kube-controller-manager"
WAITING = f"{clusters.NEW}-r6jx2"
PARTICLE = re.compile(r"\}(은|는|이|가|을|를|와|과|로|으로|이다|다)(\s|[.,:;]|$)")


def test_both_languages_have_the_same_messages():
    assert set(wording.messages("ko")) == set(wording.messages("en"))


@pytest.mark.parametrize("message", sorted(wording.messages("ko")))
def test_both_languages_ask_for_the_same_parameters(message):
    ko, en = (wording.parameters(wording.messages(lang)[message]) for lang in wording.LANGUAGES)
    # A language may add words by number to a parameter the other shows as it is, but neither asks for one of its own.
    assert ko == en


@pytest.mark.parametrize("message", sorted(wording.messages("ko")))
def test_no_particle_follows_a_parameter(message):
    assert not PARTICLE.search(wording.messages("ko")[message])


def test_what_is_missing_shows():
    assert wording.say("ko", "no.such-message") == "⟦no.such-message⟧"
    assert "⟦name⟧" in wording.say("en", "kubectl.cordon", {})


def test_a_number_chooses_its_word_and_a_parameter_is_never_a_pattern():
    params = {"replicas": 1, "kind": "Deployment", "name": "{kind}"}
    assert wording.say("en", "kubectl.scale", params) == "kubectl asks for 1 replica of Deployment {kind}"
    assert "3 replicas" in wording.say("en", "kubectl.scale", {**params, "replicas": 3})


@pytest.mark.parametrize("lang", wording.LANGUAGES)
def test_every_mark_has_a_name_and_a_meaning(lang):
    for mark in MARKS:
        assert wording.has(lang, f"state.{mark}")
        assert wording.has(lang, f"state-means.{mark}")


@pytest.fixture(scope="module")
def steps():
    world = clusters.rollout()
    web = world.get("deployments/default/web")
    world.write("deployments", {**web, "spec": {"replicas": 9}}, by="kubectl", subresource="scale")
    pod = world.get(f"pods/default/{clusters.NEW}-r6jx2")
    world.write("pods", {**pod, "spec": {**pod["spec"], "nodeName": "worker-3"}}, by="kube-scheduler", verb="bind")
    world.machine("worker-1", ready="Unknown")
    world.delete("pods/default/db-0", by="kubelet", node="worker-1")
    return world.steps


@pytest.mark.parametrize("lang", wording.LANGUAGES)
def test_every_step_has_a_sentence(steps, lang):
    said = [sentence(step, lang) for step in steps]
    assert not [text for text in said if "⟦" in text or not text]


@pytest.mark.parametrize(
    "ref, component, expected",
    [
        ("deployments/default/web", "kubectl", "kubectl sets Deployment web from 6 to 9 replicas"),
        (f"pods/default/{WAITING}", "kube-scheduler", f"kube-scheduler binds Pod {WAITING} to worker-3"),
        ("nodes/worker-1", "kubelet", "kubelet/worker-1 marks node worker-1 Unknown: nothing heard from its kubelet"),
        ("pods/default/db-0", "kubelet", "kubelet/worker-1 removes Pod db-0 for good"),
    ],
    ids=["scaled", "bound", "silent", "gone"],
)
def test_a_step_without_words_is_told_by_what_changed(steps, ref, component, expected):
    step = [step for step in steps if step.ref == ref and step.component == component][-1]
    assert sentence(step, "en") == expected


@pytest.mark.parametrize(
    "component, node, article, edge",
    [
        pytest.param("kubectl", "", "kube-apiserver", "edge-kubectl", id="the reader"),
        pytest.param("deployment-controller", "", "deployment", MANAGER, id="a controller"),
        pytest.param("kubelet", "worker-2", "kubelet", "edge-kubelet-worker-2", id="a kubelet"),
        pytest.param("kube-scheduler", "", "kube-scheduler", "edge-kube-scheduler", id="the scheduler"),
        pytest.param("endpointslice-controller", "", "services", MANAGER, id="endpoints"),
        pytest.param("node-lifecycle-controller", "", "node", MANAGER, id="node lifecycle"),
        pytest.param("some-controller", "", "kube-controller-manager", MANAGER, id="any other"),
    ],
)
def test_where_a_step_leads(steps, component, node, article, edge):
    step = steps[-1]._replace(component=component, node=node)
    assert article_of(step) == article
    assert edges_of(step) == [edge, "edge-etcd"]


def test_a_note_travels_nowhere(steps):
    assert edges_of(steps[-1]._replace(rank="note", component="crio", node="worker-1")) == []
    assert request_of(steps[-1]._replace(rank="note")) == ""


def test_requests_are_named_as_the_api_server_sees_them(steps):
    step = steps[-1]._replace(verb="update", subresource="status", ref="deployments/default/web")
    assert request_of(step) == "PUT deployments/status"
    assert request_of(step._replace(verb="bind", subresource="", ref="pods/default/a")) == "POST pods/binding"
    assert verb_text(step._replace(verb="bind"), "ko") == "배정"
