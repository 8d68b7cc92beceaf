"""Articles, read: text and figure follow each other, questions are answered, the form makes a cluster of one's own."""

from __future__ import annotations

import re

import pytest

from tests import moments

STILL = {"reduced_motion": "reduce"}


def at(visitor):
    return visitor.playhead()["at"]


def here(page):
    """The step of the walk-through at which the needle stands."""
    return page.eval_on_selector(".walk > li.on [data-goto]", "(step) => Number(step.dataset.goto)")


def test_the_walk_through_moves_the_figure_and_follows_it(reader):
    visitor = reader(**STILL)
    page = visitor.go("/en/docs/deployment/")
    moments = page.eval_on_selector_all(".walk [data-goto]", "(all) => all.map((each) => Number(each.dataset.goto))")
    page.click(".walk > li:nth-child(4) .walk-step")
    visitor.until(lambda: at(visitor) == moments[3], "the figure goes to the step")
    assert here(page) == moments[3]
    page.click("[data-act=step]")
    visitor.until(lambda: at(visitor) > moments[3], "one step further")
    assert here(page) == moments[3]
    page.click("[data-act=last]")
    visitor.until(lambda: here(page) == moments[-1], "the needle follows")


def test_a_moment_in_the_text_is_a_moment_of_the_figure(reader):
    visitor = reader(**STILL)
    page = visitor.go("/ko/docs/deployment/")
    link = page.locator(".prose .rev-l").first
    link.click()
    visitor.until(lambda: at(visitor) == int(link.get_attribute("data-goto")), "the figure goes there")
    assert page.url.endswith("/ko/docs/deployment/")


def test_an_object_in_the_text_lights_up_and_is_told_of(reader):
    visitor = reader(**STILL)
    page = visitor.go("/en/docs/deployment/")
    link = page.locator(".prose .obj-l[data-ref='deployments/default/web']").first
    link.hover()
    visitor.until(lambda: page.locator("#fig-deployments-default-web.lit").count() == 1, "it lights up")
    link.click()
    visitor.until(lambda: page.locator("#inspector .inspected-name").count() == 1, "the inspector opens")
    assert page.inner_text("#inspector .inspected-name") == "web"
    page.click("[data-close-inspector]")
    assert page.locator("#inspector").is_hidden()
    assert page.evaluate("document.activeElement.hasAttribute('data-plate')")


def test_an_object_of_the_figure_is_chosen_without_leaving_the_page(reader):
    visitor = reader(**STILL)
    page = visitor.go("/en/docs/deployment/")
    page.locator(".plate a.own-1.k-pod").first.click()
    visitor.until(lambda: page.locator("#inspector .inspected-name").count() == 1, "the inspector opens")
    assert page.url.endswith("/en/docs/deployment/")
    page.keyboard.press("Tab")  # it is reached and left by keys
    assert page.evaluate("document.activeElement !== document.body")


def test_a_prediction_is_answered_by_the_figure(reader):
    visitor = reader(**STILL)
    page = visitor.go("/en/docs/deployment/")
    form = page.locator("#predict")
    assert form.locator(".answer").is_hidden()
    form.locator(".textlink").click()
    visitor.until(lambda: at(visitor) == int(form.locator(".textlink").get_attribute("data-goto-only")), "a look first")
    assert form.locator(".answer").is_hidden()
    form.locator("input[name=guess]").fill("03")
    form.locator("button").click()
    visitor.until(lambda: form.locator(".answer").is_visible(), "the answer")
    assert form.locator("[data-verdict=right]").is_visible()
    assert form.locator("[data-verdict=wrong]").is_hidden()
    assert at(visitor) == int(form.locator("button").get_attribute("data-goto"))


def test_a_prediction_with_options_goes_by_keys(reader):
    visitor = reader(**STILL)
    page = visitor.go("/ko/docs/statefulset/")
    page.focus("#predict input[type=radio]")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    visitor.until(lambda: page.locator("#predict .answer").is_visible(), "the answer")
    assert page.locator("#predict [data-verdict=wrong]").is_visible()


def test_a_part_of_the_map_leads_to_its_article_after_stepping_too(reader):
    visitor = reader(**STILL)
    page = visitor.go("/ko/docs/architecture/")
    page.click("[data-act=step]")
    visitor.until(
        lambda: page.locator("#fig-worker-1-kubelet[href='/ko/docs/kubelet/']").count() == 1, "it is a map still"
    )
    page.click("#fig-worker-1-kubelet")
    page.wait_for_url("**/ko/docs/kubelet/")


def test_the_first_change_makes_a_cluster_of_one_s_own(reader):
    visitor = reader(**STILL)
    page = visitor.go("/en/docs/deployment/")
    text = page.inner_text(".prose h2 >> nth=0")
    before = page.get_attribute("#plate", "data-url")
    page.click(".tweak [data-stepper] button[value=more]")
    visitor.until(lambda: page.get_attribute("#plate", "data-url") != before, "another cluster")
    assert re.match(r"/en/s/\w+/", page.get_attribute("#plate", "data-url"))
    assert page.url.endswith("/en/docs/deployment/")
    assert page.inner_text(".prose h2 >> nth=0") == text
    assert page.input_value(".tweak input[name=replicas]") == "5"
    assert not page.eval_on_selector(".tweak .frow-more", "(fields) => fields.open")
    assert page.get_attribute("[data-open-scenario]", "href") == page.get_attribute("#plate", "data-url")


def test_what_is_wrong_stands_beside_its_field(reader):
    visitor = reader(**STILL)
    page = visitor.go("/ko/docs/deployment/")
    page.click(".tweak summary")
    page.fill(".tweak input[name=cpu]", "abc")
    page.click(".tweak button[value=save]")
    visitor.until(lambda: page.locator(".tweak .field.wrong").count() == 1, "the error")
    assert page.input_value(".tweak input[name=cpu]") == "abc"
    assert page.locator(".tweak .field.wrong .field-errors").is_visible()
    visitor.complaints.clear()  # the browser calls a 422 an error


@pytest.mark.parametrize("width", [390, 1024, 1440])
@pytest.mark.parametrize("path", ["/ko/docs/daemonset/", "/en/docs/kube-controller-manager/", "/ko/docs/nodeport/"])
def test_no_article_is_wider_than_the_screen(reader, path, width):
    visitor = reader(viewport={"width": width, "height": 900}, **STILL)
    page = visitor.go(path)
    page.eval_on_selector_all("details", "(all) => all.forEach((each) => { each.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # No line of a text is squeezed to a column of single letters.
    assert (
        page.eval_on_selector_all(
            ".tweak-note, .lede, .cap", "(all) => Math.min(...all.map((each) => each.clientWidth))"
        )
        > 200
    )


def test_code_is_copied_without_its_prompt(reader):
    visitor = reader(permissions=["clipboard-read", "clipboard-write"], **STILL)
    page = visitor.go("/en/docs/deployment/")
    page.locator(".code:has(.prompt) [data-copy-code]").click()
    visitor.until(
        lambda: page.evaluate("navigator.clipboard.readText()").startswith("kubectl rollout status"), "copied"
    )
    assert "$" not in page.evaluate("navigator.clipboard.readText()")


def test_the_slash_key_searches_in_the_reader_s_language(reader):
    visitor = reader(**STILL)
    page = visitor.go("/ko/docs/deployment/")
    page.keyboard.press("/")
    page.keyboard.type("데몬셋은")
    page.keyboard.press("Enter")
    page.wait_for_url("**/ko/search/**")
    assert page.inner_text(".results li >> nth=0").startswith("4.4 데몬셋")
    visitor = reader(viewport={"width": 390, "height": 844}, **STILL)
    page = visitor.go("/en/search/")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search-q"


def test_the_language_switch_keeps_the_revision(reader):
    visitor = reader(**STILL)
    moment = moments.deployment_article()
    page = visitor.go(f"/ko/docs/deployment/?at={moment}")
    page.click("a[data-language=en] >> nth=0")
    page.wait_for_url(f"**/en/docs/deployment/?at={moment}")
    assert at(visitor) == moment
