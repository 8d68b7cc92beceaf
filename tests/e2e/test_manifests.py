"""Pasting manifests: what runs runs, what does not is listed and drawn, what is wrong is told and its text kept."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import expect

from tests.e2e.readers import everything_at, until

ROOT = Path(__file__).parents[2]
MANIFESTS = Path(os.environ.get("K8SDOCS_REFERENCE", ROOT.parent / "shared")) / "manifests"
OURS = ROOT / "tests" / "testdata" / "e2e" / "bookshop.yaml"


def paste(visitor, text, path="/ko/scenarios/new"):
    page = visitor.go(path)
    page.get_by_label("매니페스트").fill(text)
    page.get_by_role("button", name="클러스터 시작").click()
    page.wait_for_load_state()
    return page


def shown(page) -> set[str]:
    """Kind and name of every box of the ownership figure."""
    refs = page.locator(".plate [data-ref]").evaluate_all("(parts) => parts.map((part) => part.dataset.ref)")
    return set(refs)


def own_objects(visitor) -> set[tuple[str, str]]:
    """What the scenario holds that its reader made, as its YAML file lists it: (kind, name)."""
    text = visitor.page.request.get(visitor.site + f"/d/{visitor.figure('url').split('/')[-2]}.yaml").text()
    return identities(text)


def identities(text: str) -> set[tuple[str, str]]:
    """Kind and name of every document."""
    return {(one["kind"], one["metadata"]["name"]) for one in yaml.safe_load_all(text) if one}


def test_a_manifest_of_many_kinds(reader):
    visitor = reader(reduced_motion="reduce")
    page = paste(visitor, OURS.read_text())
    expect(page).to_have_url(re.compile(r"/ko/s/[a-z0-9]{6,}/$"))
    visitor.ready()
    page.locator("a[data-view=ownership]").click()
    expect(page.locator(".plate .k-pod.st-Ready")).to_have_count(4)
    everything_at(visitor, visitor.settled())
    assert shown(page) >= {
        "namespaces/bookshop",
        "deployments/bookshop/shelf",
        "statefulsets/bookshop/ledger",
        "pods/bookshop/ledger-0",
        "pods/bookshop/ledger-1",
        "services/bookshop/ledger",
        "ingresses/bookshop/front-door",
        "roles/bookshop/shelf-reader",
        "customresourcedefinitions/readings.bookshop.example.com",
        "readings.bookshop.example.com/bookshop/friday-evening",
    }
    assert own_objects(visitor) >= {
        ("Namespace", "bookshop"),
        ("Ingress", "front-door"),
        ("Role", "shelf-reader"),
        ("CustomResourceDefinition", "readings.bookshop.example.com"),
        ("Reading", "friday-evening"),
    }
    # What only is kept can be chosen and read like everything else.
    page.locator(".plate [data-ref='ingresses/bookshop/front-door']").click()
    expect(page.locator(".inspected h2")).to_have_text("front-door")
    expect(page.locator(".inspected .yaml")).to_contain_text("host: books.example.com")


REAL = "kubernetes__ingress-nginx__deploy_static_provider_cloud_deploy.yaml"


@pytest.mark.skipif(not (MANIFESTS / REAL).exists(), reason=f"no {MANIFESTS / REAL}: set K8SDOCS_REFERENCE")
def test_a_manifest_that_others_wrote(reader):
    text = (MANIFESTS / REAL).read_text()
    made = identities(text)
    assert len(made) > 15
    visitor = reader(reduced_motion="reduce")
    page = paste(visitor, text)
    expect(page).to_have_url(re.compile(r"/ko/s/[a-z0-9]{6,}/$"))
    visitor.ready()
    assert made <= own_objects(visitor)
    page.locator("a[data-view=ownership]").click()
    expect(page.locator(".plate > svg.kfig-ownership")).to_be_visible()
    until(
        page,
        """(count) => new Set([...document.querySelectorAll(".plate [data-ref]")].map((one) => one.dataset.ref)).size
          >= count""",
        len(made),
    )
    names = {ref.rpartition("/")[2] for ref in shown(page)}
    assert {name for _kind, name in made} <= names


GOOD = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: green}
---
"""
WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: nginx:1.27
        resources: {requests: {cpu: 100m}}
"""


@pytest.mark.parametrize(
    ("wrong", "field", "text", "fix"),
    [
        pytest.param(
            ("replicas: 2", "replcas: 2"), "spec.replcas", "없는 필드", "replicas", id="a field that there is not"
        ),
        pytest.param(
            ("labels: {app: web}", "labels: {app: wep}"),
            "spec.template.metadata.labels",
            "셀렉터",
            "템플릿",
            id="a selector that does not match its template",
        ),
        pytest.param(
            ("cpu: 100m", "cpu: 100x"),
            "spec.template.spec.containers[0].resources.requests.cpu",
            "수량",
            "500m",
            id="a quantity that is none",
        ),
        pytest.param(
            ("  selector: {matchLabels: {app: web}}\n", ""), "spec.selector", "반드시", "matchLabels", id="no selector"
        ),
        pytest.param(("{name: web}\n", "{name: Web_1}\n"), "metadata.name", "이름", "소문자", id="a bad name"),
    ],
)
def test_what_kubernetes_rejects_is_told_in_korean_and_the_text_is_kept(reader, wrong, field, text, fix):
    visitor = reader(reduced_motion="reduce")
    visitor.allow("422")
    broken = GOOD + WEB.replace(*wrong)
    assert broken != GOOD + WEB
    page = paste(visitor, broken)
    problem = page.locator(".problems li").first
    expect(problem).to_contain_text("문서 2")
    expect(problem).to_contain_text("Deployment")
    assert field in problem.inner_text(), problem.inner_text()
    assert text in problem.inner_text(), problem.inner_text()
    assert fix in problem.locator(".problem-fix").inner_text(), problem.inner_text()
    expect(page.get_by_label("매니페스트")).to_have_value(broken)
    # Mended in place, it runs.
    page.get_by_label("매니페스트").fill(GOOD + WEB)
    page.get_by_role("button", name="클러스터 시작").click()
    expect(page).to_have_url(re.compile(r"/ko/s/[a-z0-9]{6,}/$"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("kind: [unclosed\n", "YAML", id="text that is no YAML"),
        pytest.param(WEB.replace("replicas: 2", "replicas: 100000"), "1000", id="a hundred thousand replicas"),
        pytest.param(
            "a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\n"
            + "".join(f"{chr(99 + n)}: &{chr(99 + n)} [{', '.join(['*' + chr(98 + n)] * 9)}]\n" for n in range(7)),
            "200000",
            id="a bomb of aliases",
        ),
        pytest.param("x: " + "y" * 1_100_000, "1048576", id="more than a megabyte"),
    ],
)
def test_a_limit_that_is_reached_is_named(reader, text, said):
    visitor = reader(reduced_motion="reduce")
    visitor.allow("422")
    page = paste(visitor, text)
    told = page.locator(".problems, .problem-list, .field-errors").first
    expect(told).to_be_visible()
    assert said in told.inner_text().replace(",", ""), told.inner_text()


def test_a_file_is_uploaded_and_mended_in_the_box(reader, tmp_path):
    file = tmp_path / "web.yaml"
    file.write_text(GOOD + WEB.replace("image: nginx:1.27", "imgae: nginx:1.27"))
    visitor = reader(reduced_motion="reduce")
    visitor.allow("422")
    page = visitor.go("/ko/scenarios/new")
    page.get_by_label("또는 파일").set_input_files(file)
    page.get_by_role("button", name="클러스터 시작").click()
    expect(page.locator(".problems")).to_contain_text("imgae")
    expect(page.get_by_label("매니페스트")).to_have_value(file.read_text())
