"""What somebody wrote is shown as they wrote it, and read by nobody as markup, DOT, Mermaid, a header or an address."""

from __future__ import annotations

import html
import json
import re
import subprocess
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from lxml import etree
from lxml import html as lxml_html

from apps.cluster.apimachinery.status import StatusError
from apps.scenarios import making, session
from tests.security.conftest import HOSTILE

pytestmark = pytest.mark.django_db
EVENT = {
    "apiVersion": "v1",
    "kind": "Event",
    "type": "Warning",
    "source": {"component": "somebody"},
}


def commands_with(text: str, pod: dict[str, Any], set_name: str) -> list[dict[str, Any]]:
    """The text wherever the cluster takes a text. Some of these are refused, which is an answer too."""
    about = {"kind": "Pod", "namespace": "default", "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]}
    reason = {"type": "Ready", "status": "False", "reason": text, "message": text}
    waiting = {"name": "web", "ready": False, "restartCount": 1, "image": text, "imageID": text}
    waiting["state"] = {"waiting": {"reason": text, "message": text}}
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": text}, "rules": []}
    widget = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {text: [text]}}
    widget["status"] = {"conditions": [{"type": text, "status": "False", "reason": text, "message": text}]}
    container = {"name": "web", "image": f"x{text}x".replace(" ", ""), "args": [text], "env": []}
    container["env"] = [{"name": "A", "value": text}]
    template = {
        "metadata": {"labels": {"app": "b"}, "annotations": {"note": text}},
        "spec": {"containers": [container]},
    }
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "b"}}, "template": template}
    workload = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "b", "annotations": {"n": text}}}
    change = {"resource": "pods", "namespace": "default", "name": pod["metadata"]["name"], "type": "strategic"}
    status = {"reason": text, "message": text, "conditions": [reason], "containerStatuses": [waiting]}
    node = {"op": "patch", "resource": "nodes", "name": "worker-1", "type": "strategic", "subresource": "status"}
    event = {**EVENT, "metadata": {"name": "e"}, "involvedObject": about, "reason": text, "message": text}
    labels = {"metadata": {"labels": {"a": text}, "annotations": {"a": text}}}
    return [
        {"op": "create", "objects": [role]},
        {"op": "create", "objects": [widget]},
        {"op": "create", "objects": [{**workload, "spec": spec}]},
        {
            "op": "create",
            "objects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": text}}],
        },
        {"op": "create", "objects": [event]},
        {"op": "create", "objects": [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": text}}]},
        {"op": "patch", **change, "body": {"status": status}, "subresource": "status"},
        {"op": "patch", **change, "type": "merge", "body": labels},
        {**node, "body": {"status": {"conditions": [reason]}}},
        {"op": "node", "verb": "join", "name": text},
        {"op": "delete", "resource": text, "name": text},
        {
            "op": "patch",
            "resource": "deployments",
            "namespace": "default",
            "name": set_name,
            "type": "json",
            "body": [{"op": "add", "path": "/metadata/annotations/a", "value": text}],
        },
    ]


@pytest.fixture(params=[pytest.param(text, id=name.replace(" ", "-")) for name, text in HOSTILE.items()])
def written(request: pytest.FixtureRequest, made: making.Made) -> tuple[str, session.Session, making.Made]:
    text: str = request.param
    made.scenario.title = text.replace("\r\n", " ")
    made.scenario.save()
    found = session.session(made.scenario.id)
    found.sync()
    found.run.advance(30_000)
    made.scenario.anchor_sim_ms = 30_000
    made.scenario.save()
    pods = found.run.view().objects["pods"]
    pod = next(obj for key, obj in pods.items() if key.startswith("default/web"))
    taken = 0
    for body in commands_with(text, pod, "web"):
        try:
            found.execute(body)
            taken += 1
        except StatusError:
            pass
    assert taken >= 6, "the cluster took hardly anything of it"
    return text, found, made


def check_page(body: str, text: str) -> None:
    """A page in which nothing runs, and nothing opens, that the site did not write."""
    tree = lxml_html.document_fromstring(body)
    for element in tree.iter():
        if not isinstance(element.tag, str):
            assert "alert(1)" not in (element.text or ""), "a comment"
            continue
        for name, value in element.attrib.items():
            assert not name.lower().startswith("on"), etree.tostring(element)[:300]
            if name in {"href", "src", "action", "formaction", "xlink:href"}:
                assert not value.strip().lower().startswith(("javascript:", "data:text", "vbscript:")), value
        if element.tag == "script":
            assert element.get("src") or element.get("type") == "application/json", etree.tostring(element)[:300]
            if element.get("type") == "application/json":
                json.loads(element.text or "{}")
        if element.tag == "img":
            assert element.get("src") != "x"
        assert element.tag not in {"marquee", "iframe", "object", "embed"}, etree.tostring(element)[:300]
    assert body.count("</html>") == 1


def test_pages(written: tuple[str, session.Session, making.Made]) -> None:
    text, found, made = written
    ident = made.scenario.id
    client = Client()
    client.cookies[f"k8sdocs_key_{ident}"] = made.key
    head = found.run.head
    refs = {step.ref for step in found.run.cluster.trace.steps if step.revision > head - 40}
    pages = [f"/en/s/{ident}/", f"/ko/s/{ident}/", f"/en/s/{ident}/?view=ownership", f"/embed/{ident}/?lang=ko"]
    pages += [f"/en/s/{ident}/?focus={quote(ref)}" for ref in sorted(refs) if ref.count("/") <= 2]
    for page in pages:
        answer = client.get(page)
        assert answer.status_code in {200, 400}, (page, answer.status_code)
        check_page(answer.content.decode(), text)
    shown = html.unescape(re.sub(r"\s+", " ", client.get(pages[0]).content.decode()))
    assert " ".join(text.split()) in shown  # the title, at least, says what was written


def test_objects(written: tuple[str, session.Session, making.Made]) -> None:
    text, found, made = written
    client = Client()
    client.cookies[f"k8sdocs_key_{made.scenario.id}"] = made.key
    with found.lock:
        objects = found.run.view().objects
    for resource in ("roles.rbac.authorization.k8s.io", "roles", "widgets.example.com", "pods", "configmaps", "events"):
        for key in list(objects.get(resource, {}))[-3:]:
            address = f"/en/s/{made.scenario.id}/objects/{resource}/{quote(key)}.yaml"
            answer = client.get(address)
            if "\n" in key:
                assert answer.status_code == 404
                continue
            assert answer.status_code == 200, address
            assert answer["Content-Type"].startswith("application/yaml")
            assert answer["X-Content-Type-Options"] == "nosniff"
            assert "\n" not in answer["Content-Disposition"]
            check_page(client.get(address + "?edit=1").content.decode(), text)


def test_scripts_get_it_as_data(written: tuple[str, session.Session, making.Made]) -> None:
    text, _found, made = written
    client = Client()
    for view in ("cluster", "ownership"):
        answer = client.get(f"/en/s/{made.scenario.id}/frame/?view={view}")
        assert answer.status_code == 200
        assert answer["Content-Type"].startswith("application/json")
        frame = answer.json()
        check_svg(frame["svg"])
        if frame["inspector"]:
            check_page(f"<html><body>{frame['inspector']}</body></html>", text)
    steps = client.get(f"/ko/s/{made.scenario.id}/steps/").json()
    told = json.dumps(steps, ensure_ascii=False)
    assert json.dumps(text, ensure_ascii=False)[1:-1] in told or text.strip() in told or len(steps["steps"]) > 5
    for step in steps["steps"]:
        assert not re.search(r"<[a-zA-Z/!]", step["text"]) or any(mark in text for mark in "<&")


def check_svg(svg: str) -> None:
    tree = etree.fromstring(svg.encode(), etree.XMLParser(resolve_entities=False, no_network=True))
    for element in tree.iter():
        if not isinstance(element.tag, str):
            assert "alert" not in (element.text or "")
            continue
        name = etree.QName(element).localname
        assert name in {
            "svg",
            "g",
            "path",
            "rect",
            "text",
            "tspan",
            "circle",
            "ellipse",
            "line",
            "polygon",
            "polyline",
            "a",
            "use",
            "defs",
            "symbol",
            "style",
            "title",
            "desc",
            "pattern",
            "clipPath",
            "marker",
            "linearGradient",
            "stop",
            "mask",
        }, name
        for attribute, value in element.attrib.items():
            assert not attribute.lower().startswith("on"), attribute
            if attribute.endswith("href"):
                assert value.startswith(("#", "?", "/")), value


def test_files(written: tuple[str, session.Session, making.Made]) -> None:
    _text, _found, made = written
    client = Client()
    for view in ("cluster", "ownership"):
        for format in ("svg", "dot", "mmd", "yaml", "json"):
            answer = client.get(f"/d/{made.scenario.id}.{format}?view={view}&lang=ko")
            assert answer.status_code == 200
            assert answer["X-Content-Type-Options"] == "nosniff"
            body = answer.content.decode()
            if format == "svg":
                check_svg(body)
            elif format == "dot":
                check_dot(body)
            elif format == "mmd":
                check_mermaid(body)
            elif format == "json":
                assert json.loads(body)["objects"]


def check_dot(body: str) -> None:
    """Graphviz reads it, and finds the nodes that we wrote: nobody slipped one in."""
    plain = subprocess.run(
        ["dot", "-Tdot_json", "-Kneato", "-n2"], input=body, capture_output=True, text=True, check=True
    )
    graph = json.loads(plain.stdout)
    for node in graph.get("objects", ()):
        assert not node["name"].startswith("evil"), node


def check_mermaid(body: str) -> None:
    for line in body.splitlines():
        assert re.fullmatch(
            r"flowchart (LR|TB)|  accTitle: .*|\s*end|\s*subgraph \w+\[\"[^\"]*\"\]|\s*\w+\[\"[^\"]*\"\](:::\w+)?"
            r"|  \w+ --> \w+|  classDef \w+ [\w:, -]+",
            line,
        ), line
        label = re.search(r"\[\"(.*)\"\]", line)
        if label:
            assert not re.search(r"[<>%{}\\]", label[1]), line
