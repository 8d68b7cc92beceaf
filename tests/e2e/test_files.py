"""Everything the share panel hands out holds the same cluster: addresses, files, the embedded figure."""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest
import yaml
from playwright.sync_api import expect

from tests.e2e.readers import everything_at

PODS = """() => Object.fromEntries([...document.querySelectorAll(".plate .k-pod[data-ref^='pods/default/']")].map(
  (pod) => [pod.dataset.ref, [...pod.classList].find((name) => name.startsWith("st-"))]))"""


@pytest.fixture(scope="module")
def owner(regular, presets):
    """Somebody with a cluster of their own, changed and at rest."""
    visitor = regular(reduced_motion="reduce")
    page = visitor.go(f"/ko{presets['Create a Deployment']}")
    page.locator("[data-sheet] [name=replicas]").first.fill("4")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/ko/s/[a-z0-9]+/"))
    visitor.ready()
    expect(page.locator(".plate .k-worker .k-pod.st-Ready")).to_have_count(4)
    visitor.settled()
    page.get_by_text("다른 방법").click()
    return visitor


@pytest.fixture
def writer(owner):
    """The same, standing at a revision of the past."""
    owner.page.locator("a[data-view=cluster]").click()
    end = int(owner.figure("head"))
    owner.page.evaluate("(at) => document.querySelector('k8s-figure').seek(at)", end - 6)
    everything_at(owner, end - 6)
    return owner


def files(visitor) -> dict[str, str]:
    links = visitor.page.locator("a[data-file]")
    return {link.get_attribute("data-file"): link.get_attribute("href") for link in links.all()}


def test_the_files_are_of_the_moment_on_show(writer):
    page = writer.page
    at = writer.at()
    pods = page.evaluate(PODS)
    names = {ref.rpartition("/")[2] for ref in pods}
    assert len(names) >= 4
    links = files(writer)
    assert set(links) == {"svg", "png", "dot", "mmd", "yaml", "json"}
    got = {}
    for kind, link in links.items():
        assert parse_qs(urlsplit(link).query)["at"] == [str(at)], link
        answer = page.request.get(writer.site + link)
        assert answer.ok, (kind, answer.status)
        got[kind] = answer
    picture = ElementTree.fromstring(got["svg"].text())
    assert picture.tag == "{http://www.w3.org/2000/svg}svg"
    drawn = {each.get("id") for each in picture.iter() if each.get("id")}
    for name in names:
        assert any(identifier.endswith(name) for identifier in drawn), name
        assert name.rpartition("-")[2] in got["dot"].text()
        assert name.rpartition("-")[2] in got["mmd"].text()
    assert f"rev {at}" in "".join(picture.itertext())
    assert got["png"].body().startswith(b"\x89PNG\r\n\x1a\n")
    assert got["dot"].text().lstrip().startswith("digraph")
    assert re.match(r"\s*(flowchart|graph)\b", got["mmd"].text())
    kinds = {(one["kind"], one["metadata"]["name"]) for one in yaml.safe_load_all(got["yaml"].text())}
    assert ("Deployment", "web") in kinds
    history = json.loads(got["json"].text())
    assert history["revision"] == at
    told = {one["metadata"]["name"] for one in history["objects"] if one["kind"] == "Pod"}
    assert names <= told


def test_the_picture_follows_the_view_and_opens_by_itself(writer, reader):
    page = writer.page
    page.locator("a[data-view=ownership]").click()
    expect(page.locator(".plate > svg.kfig-ownership")).to_be_visible()
    everything_at(writer, writer.at())
    link = files(writer)["svg"]
    assert parse_qs(urlsplit(link).query)["view"] == ["ownership"]
    visitor = reader()
    visitor.page.goto(writer.site + link)
    assert visitor.page.evaluate("document.documentElement.localName") == "svg"
    assert visitor.page.evaluate("document.querySelectorAll('.k-pod').length") >= 4
    # It carries what it needs: nothing else is asked for.
    assert visitor.page.evaluate("performance.getEntriesByType('resource').length") == 0


def test_the_yaml_makes_the_same_cluster_again(writer, reader):
    text = writer.page.request.get(writer.site + files(writer)["yaml"]).text()
    other = reader(reduced_motion="reduce")
    page = other.go("/ko/scenarios/new")
    page.get_by_label("매니페스트").fill(text)
    page.get_by_role("button", name="클러스터 시작").click()
    expect(page).to_have_url(re.compile(r"/ko/s/[a-z0-9]+/"))
    other.ready()
    expect(page.locator(".plate .k-worker .k-pod.st-Ready")).to_have_count(4)


def test_the_whole_scenario_in_an_address(writer, reader):
    page = writer.page
    link = page.get_by_label("시나리오를 통째로 담은 주소").input_value()
    assert re.search(r"/ko/s/v1\.[A-Za-z0-9_-]+/$", link)
    assert len(link) < 2000
    page.locator("[data-act=last]").click()
    everything_at(writer, writer.settled())
    pods = page.evaluate(PODS)

    other = reader(locale="en-US", reduced_motion="reduce")
    there = other.go(link.replace("/ko/", "/en/"))
    assert other.at() == int(other.figure("head"))
    assert there.evaluate(PODS) == pods
    assert [c["text"] for c in other.steps()["commands"]] == [c["text"] for c in writer.steps()["commands"]]


@pytest.fixture
def elsewhere():
    """`elsewhere(html)`: the address of that page, on an origin of its own."""
    pages: list[bytes] = []

    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/" else 204)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(pages[0])

        def log_message(self, *_said):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def serve(html: str) -> str:
            pages[:] = [html.encode()]
            return f"http://127.0.0.1:{server.server_port}/"

        yield serve
        server.shutdown()


def test_embedded_in_somebody_elses_page(writer, reader, elsewhere):
    page = writer.page
    at = writer.at()
    pods = page.evaluate(PODS)
    snippet = page.get_by_label("페이지에 싣기").input_value()
    source = re.search(r'src="([^"]+)"', snippet)[1].replace("&amp;", "&")
    visitor = reader(reduced_motion="reduce")
    visitor.page.goto(elsewhere(f"<!doctype html><title>A blog</title>{snippet}"))
    frame = visitor.page.frame_locator("iframe")
    expect(frame.locator("[data-act=play]")).to_be_visible()
    assert frame.locator("form, [data-sheet], k8s-share").count() == 0
    embedded = reader(reduced_motion="reduce")
    embedded.go(f"{source}&at={at}")
    assert embedded.at() == at
    assert embedded.page.evaluate(PODS) == pods
    expect(embedded.page.locator(".embed-foot a")).to_have_attribute("href", re.compile(r"/ko/s/[a-z0-9]+/$"))


def test_no_button_leads_nowhere(writer, reader):
    """Every link of the page answers, and every fragment names something."""
    page = writer.page
    links = set(page.locator("a[href]").evaluate_all("(all) => all.map((one) => one.getAttribute('href'))"))
    assert len(links) > 15
    for link in sorted(links):
        if link.startswith("#"):
            assert page.locator(link).count() == 1, link
        elif link.startswith(("/", "?")):
            address = writer.site + link if link.startswith("/") else page.url.partition("?")[0] + link
            assert page.request.get(address).status == 200, link
    assert page.get_by_text("kubectl 연결").count() == 0 or page.request.get(
        writer.site + f"/k8s/{writer.figure('url').split('/')[-2]}/version"
    ).status in {200, 401}
