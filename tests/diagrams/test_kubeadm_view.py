"""kubeadm's figure: from an empty machine on, each phase and each thing it makes appears when its step has happened."""

from __future__ import annotations

import re

import pytest

from apps.cluster.cluster import Cluster, Config
from apps.cluster.kubeadm import pki
from apps.diagrams import places, workflows
from apps.diagrams.figure import render
from apps.diagrams.options import WIDTHS, Options


@pytest.fixture(scope="module")
def cluster():
    return Cluster.boot(Config(workers=1, seed=3))


def figure(cluster, revision=None, after=None, focus="", lang="en", width="wide"):
    snapshot = cluster.view(revision, after)
    now = places.start(cluster.view(1))
    return render(snapshot, "kubeadm", lang, Options(width=width, places=now, focus=focus))


def classes(drawn, ident):
    return drawn.parts[ident].cls.split()


def marked(drawn, prefix, mark):
    return [name.removeprefix(prefix) for name, part in drawn.parts.items()
            if name.startswith(prefix) and mark in part.cls.split()]  # fmt: skip


def test_it_begins_with_a_bare_machine(cluster):
    drawn = figure(cluster, 1, 0)
    assert drawn.title.startswith("kubeadm on control-plane-1")
    assert marked(drawn, "fig-phase-", "v-yes") == []
    assert marked(drawn, "fig-cert-", "v-yes") == []
    phases = [name.removeprefix("fig-phase-") for name in drawn.parts if name.startswith("fig-phase-")]
    assert phases == [name.replace("/", "-") for name in workflows.PLANS[workflows.INIT]]


def test_each_certificate_comes_with_its_step_under_its_authority(cluster):
    made = [step for step in cluster.trace.steps if step.node == "control-plane-1" and "write-" in step.verb]
    certificates = {one.path: one for one in pki.certificates("control-plane-1", "", "")}
    seen = 0
    for step in made:
        one = certificates.get(step.params["path"])
        if one is None:
            continue
        before, after = (figure(cluster, 1, step.index - back) for back in (1, 0))
        ident = f"fig-cert-{one.name}"
        assert "v-none" in classes(before, ident)
        assert {"v-yes", "hot"} <= set(classes(after, ident))
        if one.authority:
            assert f"signed by {one.authority}" in after.parts[ident].label
            assert f"fig-signs-{one.name}" in after.parts
        seen += 1
    assert seen == len(certificates)


def test_one_phase_is_under_way_and_those_before_it_are_done(cluster):
    phase = next(step for step in cluster.trace.steps if step.message == "kubeadm.bootstrap-token")
    drawn = figure(cluster, phase.revision, cluster.trace.after(phase))
    assert marked(drawn, "fig-phase-", "v-pick") == ["bootstrap-token"]
    assert marked(drawn, "fig-phase-", "v-none")[0] == "kubelet-finalize"
    assert marked(drawn, "fig-phase-", "v-skip") == ["upload-certs"]
    assert "v-none" in classes(drawn, "fig-kept-token")
    token = next(step for step in cluster.trace.steps if step.ref == "secrets/kube-system/bootstrap-token-abcdef")
    assert {"v-yes", "hot"} <= set(classes(figure(cluster, token.revision), "fig-kept-token"))


def test_a_worker_has_a_token_first_and_a_certificate_of_its_own_in_the_end(cluster):
    csr = next(step for step in cluster.trace.steps if step.message == "kubelet.request-certificate")
    drawn = figure(cluster, csr.revision, focus="nodes/worker-1")
    assert "v-yes" in classes(drawn, "fig-file-bootstrap-kubelet_conf")
    assert "v-none" in classes(drawn, "fig-file-kubelet_conf")
    done = figure(cluster, focus="nodes/worker-1")
    assert "v-none" in classes(done, "fig-file-bootstrap-kubelet_conf")
    assert "v-yes" in classes(done, "fig-file-kubelet_conf")
    assert "Approved, Issued" in " ".join(done.parts["fig-kept-csr"].text)
    assert "v-yes" in classes(done, "fig-machine-worker-1")


def test_reset_leaves_a_bare_machine(cluster):
    own = Cluster.restore(cluster.snapshot())
    own.execute({"op": "kubeadm", "verb": "reset", "name": "worker-1"})
    drawn = figure(own, focus="nodes/worker-1")
    assert "bare machine" in drawn.parts["fig-machine-worker-1"].label
    assert marked(drawn, "fig-file-", "v-yes") == []


def test_an_upgrade_is_gone_through_phase_by_phase():
    cluster = Cluster.boot(Config(workers=1, version="v1.36.1"))
    cluster.execute({"op": "kubeadm", "verb": "upgrade", "version": "v1.36.2"})
    cluster.run_until(cluster.now_ms + 50)
    drawn = figure(cluster, focus="nodes/control-plane-1")
    assert marked(drawn, "fig-phase-", "v-pick") == ["preflight"]
    cluster.run_to_rest()
    drawn = figure(cluster, focus="nodes/control-plane-1")
    assert "kubeadm upgrade apply" in drawn.alt
    assert drawn.parts["fig-manifest-kube-apiserver"].text[-1] == "v1.36.2"
    assert drawn.parts["fig-kept-kubeadm-config"].text[1] == "v1.36.2"


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("lang", ["ko", "en"])
def test_it_is_drawn_at_every_width_and_told_in_words(cluster, width, lang):
    for after in (0, 5, 30, None):
        drawn = figure(cluster, 1, after, lang=lang, width=width)
        assert drawn.width == WIDTHS[width]
        assert drawn.svg
        assert "kube-apiserver" in drawn.alt
        for part in re.findall(r'<text x="([\d.]+)"', drawn.svg):
            assert 0 <= float(part) <= WIDTHS[width]


def test_three_control_planes_join_with_what_the_first_has_made():
    cluster = Cluster.boot(Config(workers=1, control_planes=3))
    drawn = figure(cluster, focus="nodes/control-plane-2")
    assert "kubeadm join --control-plane" in drawn.alt
    assert "v-yes" in classes(drawn, "fig-kept-kubeadm-certs")
    assert len(marked(drawn, "fig-cert-", "v-yes")) == 11
