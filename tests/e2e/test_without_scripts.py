"""Without JavaScript every page is whole: it reads, its figure steps, its questions are answered, its forms work."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests import moments


@pytest.fixture
def plain(reader):
    def open_at(path, **options):
        visitor = reader(java_script_enabled=False, **options)
        visitor.allow("422")  # how a form that comes back with errors answers
        visitor.page.goto(visitor.site + path)
        return visitor.page

    return open_at


@pytest.fixture(scope="module")
def owner(regular, presets):
    """Somebody with a cluster of their own, reached by posting the form of a preset."""
    visitor = regular(java_script_enabled=False)
    visitor.allow("422")
    page = visitor.page
    page.goto(f"{visitor.site}/ko{presets['Create a Deployment']}")
    page.locator(".frow [name=replicas]").first.fill("4")
    page.locator(".frow [name=replicas]").first.press("Enter")
    expect(page).to_have_url(re.compile(r"/ko/s/[a-z0-9]+/$"))
    return page, page.url


@pytest.fixture
def own(owner):
    """Its page. The tests leave their changes in it, and none counts on those of another."""
    page, address = owner
    page.goto(address)
    return page


def replicas(page) -> int:
    return int(page.locator(".frow [name=replicas]").first.input_value())


def revision(page) -> int:
    return int(page.locator(".transport [data-out=revision]").inner_text())


def drawn(page) -> int:
    """The revision that the figure itself shows."""
    return int((page.locator(".plate .k-rev text").first.text_content() or "").removeprefix("rev "))


def test_an_article_reads_and_its_steps_move_the_figure(plain):
    page = plain("/ko/docs/deployment/")
    assert page.locator(".prose p").count() > 10
    assert page.locator(".prose h2").count() >= 4
    assert page.locator(".plate > svg .k-pod").count() > 4
    steps = page.locator(".walk-step")
    assert 5 <= steps.count() <= 12
    for number in (0, 3):
        step = steps.nth(number)
        wanted = int(step.locator(".n").inner_text())
        step.click()
        expect(page).to_have_url(re.compile(rf"\?at={wanted}#plate$"))
        assert revision(page) == drawn(page) == wanted
        expect(page.locator(".walk li[aria-current=step] .walk-step .n")).to_have_text(str(wanted))
    at = revision(page)
    page.locator("[data-act=step]").click()
    assert revision(page) == drawn(page) > at
    page.locator("[data-act=back]").click()
    assert revision(page) == drawn(page) <= at


def test_a_prediction_is_answered_by_the_model(plain):
    page = plain("/ko/docs/deployment/")
    question = page.locator(".predict")
    answer = question.get_attribute("data-answer")
    expect(question.locator(".answer")).to_be_hidden()
    radio = question.locator("input[type=radio]")
    wrong = next((r for r in radio.all() if r.get_attribute("value") != answer), None)
    for guess, verdict in ((answer, "맞다."), (wrong.get_attribute("value") if wrong else "77", "그렇지 않다.")):
        if radio.count():
            page.locator(f".predict input[value='{guess}']").check()
        else:
            page.locator(".predict input[name=guess]").fill(guess)
        page.locator(".predict").get_by_role("button").click()
        expect(page.locator(".predict .answer")).to_be_visible()
        expect(page.locator(".predict .verdict:visible")).to_have_text(verdict)
        assert revision(page) == int(page.locator(".predict [name=at]").input_value())


def test_the_form_beside_the_figure_leads_to_ones_own_cluster(plain):
    page = plain("/ko/docs/deployment/")
    field = page.locator("[data-tweak] [name=replicas]")
    wanted = str(int(field.input_value()) + 1)
    field.fill(wanted)
    field.press("Enter")
    expect(page).to_have_url(re.compile(r"/ko/s/[a-z0-9]+/$"))
    expect(page.locator(".frow [name=replicas]").first).to_have_value(wanted)
    expect(page.locator("[data-commands] li").last).to_contain_text(f"--replicas={wanted}")


def test_the_timeline_and_the_views_are_links(plain, presets):
    start = moments.rolling_begins()
    page = plain(f"/en{presets['Rolling update, tight cpu']}?at={start}")
    assert revision(page) == drawn(page) == start
    row = page.locator("tr.next").nth(2)
    wanted = int(row.locator("td").nth(1).inner_text())
    row.get_by_role("link").click()
    assert revision(page) == drawn(page) == wanted
    expect(page.locator("tr.now td:nth-child(2)").first).to_have_text(str(wanted))
    page.get_by_role("link", name="Ownership").click()
    expect(page.locator(".plate > svg.kfig-ownership")).to_be_visible()
    assert revision(page) == wanted
    pod = page.locator(".plate a.k-pod").first
    ref = pod.get_attribute("data-ref")
    pod.click()
    expect(page.locator(".inspected")).to_have_attribute("data-ref", ref)
    assert revision(page) == wanted
    expect(page.locator(".plate > svg.kfig-ownership")).to_be_visible()


def node(page, name):
    return page.locator(f"form[data-ref='nodes/{name}']")


def machine(page, name, verb):
    """Opens a node's menu and presses one of its buttons."""
    node(page, name).locator("summary").click()
    node(page, name).get_by_role("button", name=verb).click()


def test_what_can_be_done_with_nodes(own):
    page = own
    page.locator("form:has([name=form][value=node]) > details > summary").last.click()
    page.get_by_role("button", name="추가(join)").click()
    expect(node(page, "worker-4")).to_be_visible()

    node(page, "worker-1").get_by_role("switch").click()
    expect(node(page, "worker-1").get_by_role("switch")).to_have_attribute("aria-checked", "false")
    node(page, "worker-1").get_by_role("switch").click()
    expect(node(page, "worker-1").get_by_role("switch")).to_have_attribute("aria-checked", "true")

    machine(page, "worker-2", "드레인")
    expect(node(page, "worker-2").get_by_role("switch")).to_have_attribute("aria-checked", "false")

    machine(page, "worker-3", "전원 끄기")
    expect(node(page, "worker-3")).to_contain_text("전원 꺼짐")
    machine(page, "worker-3", "전원 켜기")
    expect(node(page, "worker-3")).not_to_contain_text("전원 꺼짐")

    machine(page, "worker-4", "제거")
    expect(node(page, "worker-4")).to_have_count(0)
    told = page.locator("[data-commands] li").all_inner_texts()
    assert len(told) >= 8


def test_the_same_object_as_a_form_and_as_yaml(own):
    page = own
    address, before = page.url, replicas(page)
    page.locator(".frow").first.get_by_role("link", name="YAML").click()
    box = page.locator("textarea[name=yaml]")
    text = box.input_value()
    line = f"\n  replicas: {before}\n"
    assert line in text
    box.fill(text.replace(line, f"\n  replicas: {before - 2}\n"))
    page.get_by_role("button", name="적용").click()
    expect(page).to_have_url(re.compile(re.escape(address)))
    expect(page.locator(".frow [name=replicas]").first).to_have_value(str(before - 2))

    page.locator(".frow [name=replicas]").first.fill(str(before))
    page.locator(".frow [name=replicas]").first.press("Enter")
    page.locator(".frow").first.get_by_role("link", name="YAML").click()
    assert line in page.locator("textarea[name=yaml]").input_value()


def test_a_broken_object_comes_back_with_its_text_and_what_is_wrong(own):
    page = own
    page.locator(".frow").first.get_by_role("link", name="YAML").click()
    text = page.locator("textarea[name=yaml]").input_value()
    broken = re.sub(r"\n  replicas: \d+\n", "\n  replicas: four\n", text, count=1)
    page.locator("textarea[name=yaml]").fill(broken)
    page.get_by_role("button", name="적용").click()
    expect(page.locator("[role=alert]").first).to_contain_text("replicas")
    expect(page.locator("textarea[name=yaml]")).to_have_value(broken)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        pytest.param("Deployment", {"name": "api", "image": "api:1.0", "replicas": "2"}, id="a Deployment"),
        pytest.param("DaemonSet", {"name": "agent", "image": "agent:1.0"}, id="a DaemonSet"),
        pytest.param("StatefulSet", {"name": "store", "image": "store:1.0", "replicas": "1"}, id="a StatefulSet"),
    ],
)
def test_a_workload_is_added_and_removed(own, kind, fields):
    page = own
    form = page.locator(f".fs-add form:has([name=kind][value={kind}])")
    page.locator(f".fs-add:has([name=kind][value={kind}]) > summary").click()
    for name, value in fields.items():
        form.locator(f"[name={name}]").fill(value)
    form.get_by_role("button", name="추가").click()
    row = page.locator(f".frow:has([name=name][value={fields['name']}])")
    expect(row).to_be_visible()
    row.locator(".frow-more > summary").click()
    row.get_by_role("button", name="삭제").click()
    expect(row).to_have_count(0)


def test_an_error_stands_beside_its_field(own):
    page = own
    row = page.locator(".frow").first
    row.locator("[name=max_surge]").fill("a lot")
    row.get_by_role("button", name="적용").click()
    wrong = page.locator(".frow .field.wrong")
    expect(wrong.locator("[name=max_surge]")).to_have_value("a lot")
    expect(wrong.locator(".field-errors")).not_to_be_empty()


def test_search_and_languages(plain):
    page = plain("/ko/")
    page.get_by_role("searchbox").first.fill("레플리카셋")
    page.get_by_role("searchbox").first.press("Enter")
    page.locator(".results a", has_text="디플로이먼트").first.click()
    expect(page).to_have_url(re.compile("/ko/docs/deployment/"))
    page.locator("a[data-language=en]").first.click()
    expect(page).to_have_url(re.compile("/en/docs/deployment/"))
