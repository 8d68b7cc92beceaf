"""The figure as SVG: well-formed whatever things are called, one id a thing, patches that equal a new picture."""

from __future__ import annotations

import pytest
from lxml import etree

from apps.diagrams.figure import VIEWS, difference, render
from apps.diagrams.options import WIDTHS, Options
from tests.diagrams import clusters

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    pytest.param('a"b', id="a quote"),
    pytest.param("a\\N\\l\\", id="Graphviz escapes"),
    pytest.param("<b>&amp;</b>", id="markup"),
    pytest.param("<<TABLE><TR/></TABLE>>", id="an HTML label"),
    pytest.param("%s%d{0}%(x)s", id="format characters"),
    pytest.param("]]>-->", id="the ends of CDATA and comments"),
    pytest.param("\x00\x1b\ufffe", id="what XML cannot hold"),
    pytest.param("웹 서버 – 한글", id="Hangul"),
    pytest.param('"]; node [label="', id="DOT"),
    pytest.param("x" * 253, id="as long as a name gets"),
]


def parse(svg):
    return etree.fromstring(svg.encode(), etree.XMLParser(resolve_entities=False))


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("width", list(WIDTHS))
@pytest.mark.parametrize("scene", ["rollout", "troubled", "owners"])
def test_is_well_formed_and_every_id_is_there_once(scene, width, view):
    figure = render(getattr(clusters, scene)().snapshot(), view, "ko", Options(width=width))
    root = parse(figure.svg)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    assert set(figure.parts) == set(ids)
    assert int(root.get("width")) == WIDTHS[width]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", HOSTILE)
def test_survives_any_name(name, view):
    world = clusters.base(1)
    world.workload("Deployment", name, 1, 1)
    world.workload("ReplicaSet", f"{name}-1", 1, 1, owner=name, revision=1)
    world.pod(name, node="worker-1", state=f"Failed:{name}")
    world.plain("widgets.example.com", name, name)
    world.machine(f"n{name}")
    figure = render(world.snapshot(), view, "en", Options(focus=f"pods/default/{name}"))
    root = parse(figure.svg)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg", "g", "a", "rect", "path", "ellipse", "circle", "polygon", "text", "use",
    }  # fmt: skip
    parse(render(world.snapshot(), view, "en", Options(width="narrow")).svg)


def test_two_refs_that_would_share_an_id_do_not():
    world = clusters.base(1)
    world.pod("b-c", namespace="a", node="worker-1")
    world.pod("c", namespace="a-b", node="worker-1")
    parts = render(world.snapshot()).parts
    assert {"fig-pods-a-b-c", "fig-pods-a-b-c_"} <= set(parts)


def patched(svg, patch):
    """What a page does with a patch: class, label, and the texts that are the element's own children."""
    root = parse(svg)
    by_id = {element.get("id"): element for element in root.iter() if element.get("id")}
    for name, change in patch:
        element = by_id[name]
        if "class" in change:
            element.set("class", change["class"])
        if "label" in change:
            element.set("aria-label", change["label"])
        if "href" in change:
            element.set("href", change["href"])
        if "text" in change:
            texts = element.findall(f"{SVG}text")
            assert len(texts) == len(change["text"])
            for text, words in zip(texts, change["text"], strict=True):
                text.text = words or None
    return root


def canonical(root):
    return etree.tostring(root, method="c14n")


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("prefix", ["", "n-"])
def test_a_patch_gives_the_new_picture(view, prefix):
    world = clusters.rollout()
    options = Options(prefix=prefix, focus="pods/default/db-0")
    old = render(world.snapshot(), view, "ko", options)
    owner = ("ReplicaSet", clusters.NEW)
    world.pod(f"{clusters.NEW}-2bxfn", node="worker-2", state="Ready", owner=owner, cpu="400m", subresource="status")
    new = render(world.snapshot(), view, "ko", options)
    patch = difference(old, new)
    assert patch is not None
    assert patch or view not in {"cluster", "ownership"}  # the others draw other things than Pods
    assert canonical(patched(old.svg, patch)) == canonical(parse(new.svg))
    assert (old.digest == new.digest) is (not patch)


def test_a_pod_that_comes_is_no_patch():
    world = clusters.rollout()
    old = render(world.snapshot())
    world.pod("new", node="worker-3")
    assert difference(old, render(world.snapshot())) is None


def test_nothing_new_is_an_empty_patch():
    snapshot = clusters.rollout().snapshot()
    one, other = render(snapshot), render(snapshot)
    assert one.digest == other.digest
    assert difference(one, other) == []


def test_the_acting_step_lights_its_way():
    world = clusters.rollout()
    world.pod("db-0", node="worker-1", state="Running", owner=("StatefulSet", "db"), subresource="status")
    parts = render(world.snapshot()).parts
    assert " on on-" in parts["edge-kubelet-worker-1"].cls
    assert parts["edge-kubelet-worker-1"].cls.endswith("hop-1")
    assert parts["edge-etcd"].cls.endswith("hop-2")
    assert "on" not in parts["edge-kubelet-worker-2"].cls.split()
    assert parts["fig-kube-apiserver"].text == ("kube-apiserver", "PATCH pods/status")
    assert parts["fig-worker-1-kubelet"].cls.endswith(" hit")
    assert parts["fig-pods-default-db-0"].cls.endswith(" hot")


def test_the_acting_controller_is_underlined():
    world = clusters.rollout()
    world.workload("ReplicaSet", clusters.NEW, 3, 5, owner="web", revision=2)
    parts = render(world.snapshot()).parts
    assert parts["fig-controller-replicaset"].cls == "k-ctl on"
    assert parts["fig-controller-deployment"].cls == "k-ctl"
    assert parts["fig-replicasets-default-web-6c9d4b7f58"].cls.endswith(" hot")
    step = world.steps[-1]._replace(component="generic-garbage-collector")
    parts = render(world.snapshot(), options=Options(step=step)).parts
    assert parts["fig-controller-other"].cls == "k-ctl on"
    assert parts["fig-controller-other"].text == ("garbage-collector",)


def test_pods_without_a_node_wait_at_the_scheduler():
    world = clusters.base(1)
    for number in range(6):
        world.pod(f"late-{number}", state="Pending", by="kubectl")
    figure = render(world.snapshot(), lang="en")
    assert figure.parts["fig-waiting-more"].text == ("+3",)
    assert figure.parts["fig-waiting-more"].label == "3 more Pods wait for a node"
    scheduler = next(child for child in figure.graph.roots[0].children if child.id == "fig-kube-scheduler")
    assert [child.text[0] for child in scheduler.children if child.cls.startswith("k-pod")] == [
        "late-0",
        "late-1",
        "late-2",
    ]


@pytest.mark.parametrize(
    "power, network, ready, cordoned, classes",
    [
        pytest.param("on", "up", "True", False, "k-node k-worker", id="well"),
        pytest.param("on", "up", "True", True, "k-node k-worker cordoned", id="cordoned"),
        pytest.param("off", "up", "True", False, "k-node k-worker off", id="off, and nobody has noticed"),
        pytest.param("off", "up", "Unknown", False, "k-node k-worker off not-ready", id="off, and noticed"),
        pytest.param("on", "down", "Unknown", False, "k-node k-worker cut not-ready", id="cut off"),
    ],
)
def test_what_is_wrong_with_a_machine_shows(power, network, ready, cordoned, classes):
    world = clusters.base(1)
    world.machine("worker-1", ready=ready, cordoned=cordoned)
    world.power("worker-1", power=power, network=network)
    parts = render(world.snapshot(), options=Options(still=True)).parts
    assert parts["fig-nodes-worker-1"].cls == classes
    edge = parts["edge-kubelet-worker-1"].cls
    assert edge == "k-edge" + (" off" if power == "off" else " cut" if network == "down" else "")


def test_names_of_pods_are_never_cut_at_the_end():
    world = clusters.base(1)
    world.pod("elasticsearch-master-12", node="worker-1", owner=("StatefulSet", "elasticsearch-master"))
    for width in WIDTHS:
        name = render(world.snapshot(), options=Options(width=width)).parts["fig-pods-default-elasticsearch-master-12"]
        assert name.text[0].endswith("-12")


def test_links_go_where_the_page_says():
    world = clusters.rollout()
    figure = render(
        world.snapshot(), options=Options(link=lambda ref: f"/x/{ref}?a=1&b", part_link=lambda part: f"/docs/{part}")
    )
    assert 'href="/x/pods/default/db-0?a=1&amp;b"' in figure.svg
    assert 'href="/docs/kube-scheduler"' in figure.svg
    assert "<a " not in render(world.snapshot(), options=Options(link=None)).svg


def test_no_link_stands_within_a_link():
    for view in VIEWS:
        root = parse(render(clusters.owners().snapshot(), view).svg)
        for link in root.iter(f"{SVG}a"):
            assert all(up.tag != f"{SVG}a" for up in link.iterancestors())
            assert link.get("aria-label")


def test_a_hundred_nodes_fit():
    world = clusters.crowd(100, 1000)
    figure = render(world.snapshot())
    assert len(figure.svg) < 300_000
    assert figure.parts["fig-replicasets-default-web-57794f8f99-worker-1-Ready"].text[0].startswith("×")
