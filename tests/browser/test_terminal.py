"""The terminal of a scenario's page, typed into; and the panel for a reader's own kubectl."""

from __future__ import annotations

import re

import pytest

from tests.browser.test_pages import LOOKS, _axe_source

STILL = {"reduced_motion": "reduce"}
MANIFEST = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: pasted\ndata:\n  greeting: 안녕\n"


class Typist:
    """Somebody at the terminal of a cluster of their own."""

    def __init__(self, visitor):
        self.visitor, self.page = visitor, visitor.page

    def type(self, line, until=None):
        self.page.fill("[data-line]", line)
        self.page.press("[data-line]", "Enter")
        if until is not None:
            self.visitor.until(lambda: until in self.last(), f"{until!r} in {self.last()!r}")
        return self

    def last(self):
        """What the last command answered."""
        return self.page.evaluate("[...document.querySelectorAll('.entry pre')].at(-1)?.textContent ?? ''")

    def idle(self):
        self.visitor.until(lambda: self.page.locator("k8s-terminal[data-busy]").count() == 0, "it has ended")
        return self

    def focused(self):
        return self.page.evaluate("document.activeElement.id || document.activeElement.className")


@pytest.fixture
def own(reader, preset):
    """A cluster of one's own, its terminal open. The first command made it."""

    def make(lang="en", **options):
        visitor = reader(**{**STILL, **options})
        page = visitor.go(f"/{lang}{preset}")
        page.locator("[data-opens=terminal]:visible").click()
        typist = Typist(visitor)
        typist.type("kubectl get nodes")
        page.wait_for_url(re.compile(r"/s/(?!v1\.)\w+/"))
        visitor.until(lambda: "worker-1" in typist.last(), "the command is run in the copy")
        return typist

    return make


def test_the_first_command_makes_a_cluster_of_one_s_own(own):
    typist = own()
    assert re.match(r"NAME +STATUS +ROLES +AGE +VERSION\n", typist.last())
    assert typist.focused() == "terminal-line"


def test_what_is_typed_is_seen_in_the_figure(own):
    typist = own()
    before = typist.visitor.playhead()["head"]
    typist.type("kubectl scale deploy/web --replicas=2", "deployment.apps/web scaled")
    typist.visitor.until(lambda: typist.visitor.playhead()["at"] > before, "the figure goes along")
    row = typist.page.locator("tr.command:has-text('k8sdocs-terminal')").first
    typist.visitor.until(lambda: row.count() == 1, "a step of its own")
    assert "replicas" in row.inner_text()


def test_each_command_shows_its_requests_folded(own):
    typist = own()
    typist.type("kubectl delete configmap nosuch", "NotFound").idle()
    folded = typist.page.locator(".entry").last.locator("details")
    assert folded.get_attribute("open") is None
    folded.locator("summary").click()
    assert folded.locator("li.bad").inner_text().split() == [
        "DELETE",
        "/api/v1/namespaces/default/configmaps/nosuch",
        "404",
        '{"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":"Background"}',
    ]
    typist.visitor.complaints.clear()  # the browser calls a 404 an error


def test_tab_completes_and_never_holds(own):
    typist = own()
    page = typist.page
    page.focus("[data-line]")
    page.keyboard.type("kub")
    page.keyboard.press("Tab")
    typist.visitor.until(lambda: page.input_value("[data-line]") == "kubectl ", "the program")
    page.keyboard.type("get no")
    page.keyboard.press("Tab")
    typist.visitor.until(lambda: page.input_value("[data-line]") == "kubectl get nodes ", "the kind")
    page.keyboard.type("worker")
    page.keyboard.press("Tab")
    typist.visitor.until(lambda: page.input_value("[data-line]") == "kubectl get nodes worker-", "what is common")
    assert page.locator("[data-strip] button").all_inner_texts() == ["worker-1", "worker-2", "worker-3"]
    page.keyboard.press("Escape")
    assert page.locator("[data-strip]").is_hidden()
    page.keyboard.press("Tab")
    assert typist.focused() != "terminal-line"
    page.focus("[data-line]")
    page.fill("[data-line]", "")
    page.keyboard.press("Tab")
    assert typist.focused() != "terminal-line"
    page.focus("[data-line]")
    page.fill("[data-line]", "kubectl get zzz")
    page.keyboard.press("Tab")
    typist.visitor.until(lambda: page.inner_text("[data-status-line]") != "", "nothing is there, it says")
    page.keyboard.press("Tab")
    assert typist.focused() != "terminal-line"


def test_arrows_bring_commands_back(own):
    typist = own()
    page = typist.page
    typist.type("kubectl get ns", "kube-system").idle()
    page.keyboard.type("half")
    page.keyboard.press("ArrowUp")
    assert page.input_value("[data-line]") == "kubectl get ns"
    page.keyboard.press("ArrowUp")
    assert page.input_value("[data-line]") == "kubectl get nodes"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert page.input_value("[data-line]") == "half"


def test_ctrl_c_ends_a_watch(own):
    typist = own()
    typist.type("kubectl get pods -w", "web-")
    assert typist.page.locator("[data-do=stop]").is_visible()
    typist.page.keyboard.press("Control+c")
    typist.idle()
    assert typist.last().endswith("^C\n")
    typist.type("kubectl get ns", "kube-system")


def test_a_manifest_goes_into_a_box_by_keys(own):
    typist = own("ko")
    page = typist.page
    typist.type("kubectl apply -f -")
    typist.visitor.until(lambda: page.locator("[data-box]").is_visible(), "the box")
    assert typist.focused() == "terminal-text"
    page.keyboard.insert_text(MANIFEST)
    page.keyboard.press("Control+Enter")
    typist.visitor.until(lambda: "configmap/pasted created" in typist.last(), "it is applied")
    assert typist.focused() == "terminal-line"
    typist.type("kubectl get cm pasted -o jsonpath={.data.greeting}", "안녕").idle()
    typist.type("kubectl edit cm pasted")
    typist.visitor.until(lambda: page.locator("[data-box]").is_visible(), "the box again")
    edited = page.input_value("#terminal-text")
    assert edited.startswith("# Please edit the object below.")
    page.fill("#terminal-text", edited.replace("안녕", "잘 가"))
    page.keyboard.press("Control+Enter")
    typist.visitor.until(lambda: "configmap/pasted edited" in typist.last(), "it is changed")
    typist.idle().type("kubectl apply -f -")
    typist.visitor.until(lambda: page.locator("[data-box]").is_visible(), "the box once more")
    page.keyboard.press("Escape")
    typist.visitor.until(lambda: "상자를 닫았다" in typist.last(), "closed")
    typist.visitor.complaints.clear()  # what is not there yet is looked for: 404


def test_a_pasted_manifest_is_applied(own):
    typist = own(permissions=["clipboard-read", "clipboard-write"])
    page = typist.page
    page.evaluate("(text) => navigator.clipboard.writeText(text)", MANIFEST)
    page.focus("[data-line]")
    page.keyboard.press("Control+v")
    typist.visitor.until(lambda: "configmap/pasted created" in typist.last(), "it is applied")
    typist.visitor.complaints.clear()


def test_a_syllable_in_the_making_is_not_sent(own):
    typist = own("ko")
    page = typist.page
    entries = page.locator(".entry").count()
    page.fill("[data-line]", "kubectl annotate deploy web note=한")
    page.evaluate(
        "document.querySelector('[data-line]').dispatchEvent("
        "new KeyboardEvent('keydown', {key: 'Tab', isComposing: true, bubbles: true, cancelable: true}))"
    )
    assert page.locator(".entry").count() == entries
    assert page.input_value("[data-line]").endswith("한")
    page.press("[data-line]", "Enter")
    typist.visitor.until(lambda: "deployment.apps/web annotated" in typist.last(), "whole, it is")


@pytest.mark.parametrize(
    ("lang", "line", "says"),
    [
        (
            "ko",
            "kubectl gte pods",
            "이 터미널이 모르는 명령: kubectl gte. 아는 것 가운데 가장 가까운 명령: kubectl get",
        ),
        ("en", "kubectl frobnicate", "This terminal does not know: kubectl frobnicate."),
        ("ko", "kubectl exec -it web -- sh", "kubectl exec: 컨테이너 안에서 도는 프로그램이 있어야 한다."),
        ("en", "kubectl get pods | wc -l", "There is no shell behind this line: | does nothing."),
        ("en", "kubectl apply -f web.yaml", "There are no files here."),
    ],
)
def test_it_says_what_it_cannot_do_in_the_reader_s_language(own, lang, line, says):
    own(lang).type(line, says)


def test_who_only_looks_reads_and_is_shown_the_way_on(own, reader):
    owner = own()
    address = owner.page.url.partition("?")[0].removeprefix(owner.visitor.site)
    visitor = reader(**STILL)
    visitor.go(f"{address}#terminal")
    watcher = Typist(visitor)
    watcher.type("kubectl get deploy", "web").idle()
    watcher.type("kubectl delete deploy web", "Error from server (Forbidden)").idle()
    visitor.complaints.clear()
    watcher.page.locator(".entry-way button").click()
    watcher.page.wait_for_load_state("networkidle")
    assert watcher.page.url.partition("?")[0] != visitor.site + address
    watcher.type("kubectl delete deploy web", 'deployment.apps "web" deleted').idle()
    visitor.complaints.clear()  # it waits until the Deployment is not found


@pytest.mark.parametrize("look", LOOKS)
def test_no_violation_with_the_terminal_open(own, look):
    typist = own("ko", **look)
    typist.type("kubectl get pods -o wide", "web-").idle()
    typist.type("kubectl gte", "kubectl get").idle()
    typist.page.eval_on_selector_all("details", "(all) => all.forEach((each) => { each.open = true; })")
    assert typist.page.evaluate("document.documentElement.scrollWidth") <= typist.page.viewport_size["width"]
    typist.page.evaluate(_axe_source())
    found = typist.page.evaluate("axe.run(document, {resultTypes: ['violations']}).then((result) => result.violations)")
    assert [(each["id"], [node["target"] for node in each["nodes"][:3]]) for each in found] == []


def test_the_lines_for_one_s_own_kubectl_keep_the_key_to_themselves(own):
    typist = own(permissions=["clipboard-read", "clipboard-write"])
    page = typist.page
    page.click("[data-opens=connect]")
    panel = page.locator("#kubectl")
    key = re.search(r":(\w+)/kubeconfig", panel.locator("[data-secret] code").text_content())[1]
    assert key not in panel.inner_text()
    assert "••••••••" in panel.inner_text()
    panel.locator("[data-copy-lines]").first.click()
    lines = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert [line.split(" ")[0] for line in lines] == ["curl", "export", "kubectl"]
    assert key in lines[0]
    panel.locator("[data-secret] summary").click()
    assert key in panel.inner_text()
    with page.expect_download() as loading:
        panel.locator("a[download]").first.click()
    assert f":{key}" in loading.value.path().read_text()


def test_without_scripts_the_panel_is_whole(own, reader):
    owner = own()
    visitor = reader(java_script_enabled=False)
    page = visitor.page
    page.goto(owner.page.url.partition("?")[0] + "#kubectl")
    assert page.locator("k8s-terminal").is_hidden()
    page.click("#kubectl > summary")
    assert re.search(
        r"curl -fsSo k8sdocs-\w+-view\.yaml \S+/kubeconfig\nexport", page.inner_text("#kubectl [data-lines]")
    )
