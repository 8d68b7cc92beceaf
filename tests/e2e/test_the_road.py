"""The road: read about Deployments in Korean, change one, watch, step back, and hand the moment to somebody else."""

from __future__ import annotations

import json
import re

from playwright.sync_api import expect

from tests.e2e.readers import everything_at, until

# What the figure shows, revision by revision, while it plays: [revision, {pod: state}].
RECORD = """() => {
  window.seen = [];
  document.addEventListener("k8s-frame", ({ target, detail }) => {
    const pods = {};
    for (const pod of target.querySelectorAll(".plate .k-pod")) {
      pods[pod.dataset.ref] = [...pod.classList].find((name) => name.startsWith("st-"))?.slice(3);
    }
    window.seen.push([detail.revision, pods]);
  });
}"""
ORDER = ["Pending", "ContainerCreating", "Running", "Ready"]
MINE = "k8s-figure[data-socket-url^='/ws/']"


def more(page, name="web"):
    return page.get_by_role("button", name=re.compile(rf"^{name}: (하나 늘리기|One more)$"))


def replicas(page) -> str:
    """Ready of wanted, as the figure's etcd holds it."""
    return page.locator(".plate [data-ref='deployments/default/web'] .k-num").first.text_content() or ""


def fast(page) -> None:
    page.locator("[data-speed-choice]").select_option("4")


def test_from_reading_to_handing_over(reader):
    writer = reader()
    writer.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = writer.go("/ko/")
    page.locator("#map a", has_text="디플로이먼트").first.click()
    writer.ready()
    expect(page).to_have_url(re.compile(r"/ko/docs/deployment/$"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("디플로이먼트")

    # At the end of its story the cluster is at rest, so that what follows is the answer to us alone.
    page.locator("[data-act=last]").click()
    before = writer.at()
    assert page.locator(MINE).count() == 0
    wanted = int(page.locator("[data-tweak] [name=replicas]").input_value())
    more(page).scroll_into_view_if_needed()
    page.evaluate(RECORD)
    scrolled = page.evaluate("scrollY")
    more(page).click()
    expect(page.locator(MINE)).to_have_count(1)
    assert re.fullmatch(r"/ko/s/[a-z0-9]{6,}/", writer.figure("url"))
    expect(page).to_have_url(re.compile(r"/ko/docs/deployment/$"))  # the reader's place in the book is kept
    writer.ready()
    fast(page)
    expect(page.locator(".plate .k-worker .k-pod.st-Ready")).to_have_count(wanted + 1)
    settled = writer.settled()
    assert replicas(page) == f"{wanted + 1}/{wanted + 1}"

    # Object by object: no stop is left out, and the new Pod's life is told in order.
    history = writer.steps()
    scale = next(c for c in history["commands"] if "scale" in c["text"])
    assert scale["revision"] > before
    seen = [look for look in page.evaluate("window.seen") if look[0] >= scale["revision"]]
    revisions = [revision for revision, _pods in seen]
    assert revisions == sorted(revisions)
    stops = [step["revision"] for step in history["steps"] if step["rank"] == "change" and step["revision"] <= settled]
    assert set(stops) & set(range(scale["revision"], settled + 1)) <= set(revisions)
    fresh = set(seen[-1][1]) - set(seen[0][1])
    assert len(fresh) == 1
    states = [pods[ref] for _revision, pods in seen for ref in fresh if ref in pods]
    assert list(dict.fromkeys(states)) == [state for state in ORDER if state in states]
    assert states[-1] == "Ready"
    assert len(set(states)) >= 3
    assert page.evaluate("scrollY") == scrolled

    # Back to what happened first: the Deployment says five, and nothing else has moved yet.
    while writer.at() > scale["revision"]:
        at = writer.at()
        page.locator("[data-act=back]").click()
        expect(page.locator(".transport [data-out=revision]")).not_to_have_text(str(at))
    assert writer.at() == scale["revision"]
    until(
        page,
        """(wanted) => document.querySelector(".plate [data-ref='deployments/default/web'] .k-num").textContent
          === wanted""",
        f"{wanted}/{wanted + 1}",
        what="the figure goes back with the transport",
    )
    assert page.locator(".plate .k-pod[data-ref*='/default/web-']").count() == wanted

    # The whole scenario, the same moment, its address on the clipboard.
    page.locator("[data-open-scenario]").click()
    writer.ready()
    expect(page).to_have_url(re.compile(r"/ko/s/[a-z0-9]+/"))
    page.locator(".timeline tr", has=page.get_by_text(str(scale["revision"]), exact=True)).first.click()
    everything_at(writer, scale["revision"])
    page.locator("[data-copy]").first.click()
    expect(page.locator("[data-copy]").first).to_have_text("복사함")
    link = page.evaluate("navigator.clipboard.readText()")
    assert f"at={scale['revision']}" in link
    assert "key=" not in link

    # A colleague, with neither cookie nor key.
    colleague = reader(locale="en-US")
    other = colleague.go(link.replace("/ko/", "/en/"))
    assert not [cookie for cookie in colleague.context.cookies() if cookie["name"] != "csrftoken"]
    assert other.evaluate("document.documentElement.lang") == "en"
    everything_at(colleague, scale["revision"])
    assert replicas(other) == f"{wanted}/{wanted + 1}"

    # The first browser goes on; the second hears of it over its socket, without asking.
    head = int(colleague.figure("head"))
    more(page).click()
    expect(other.locator("[data-behind]")).to_be_visible()
    until(other, "(head) => Number(document.querySelector('k8s-figure').dataset.head) > head", head)
    everything_at(colleague, scale["revision"])  # and stays at the moment that was handed over
    other.get_by_role("button", name="Show the latest").click()
    expect(other.locator(".plate .k-worker .k-pod.st-Ready")).to_have_count(wanted + 2)
    everything_at(colleague, colleague.settled())  # the Deployment counts its Pods a moment after they are Ready
    assert replicas(other) == f"{wanted + 2}/{wanted + 2}"

    cannot_change(colleague)


def cannot_change(visitor) -> None:
    """Nothing to press on the page, 403 to whoever posts all the same, 403 over the socket."""
    page = visitor.page
    form = page.locator("[data-sheet]")
    assert form.locator("button[name=action]:enabled:visible").count() == 0
    assert form.locator("input:enabled:visible, select:enabled:visible, textarea:enabled:visible").count() == 0
    expect(form.get_by_role("button", name="Open a copy")).to_be_enabled()
    history = visitor.steps()

    token = page.locator("[name=csrfmiddlewaretoken]").first.input_value()
    command = {"op": "scale", "resource": "deployments", "namespace": "default", "name": "web", "replicas": 9}
    address = visitor.site + visitor.figure("url")
    for path, fields in [
        ("commands/", {"form": "command", "command": json.dumps(command)}),
        ("commands/", {"form": "workload", "kind": "Deployment", "name": "web", "action": "more"}),
        ("commands/", {"form": "node", "name": "worker-1", "action": "remove"}),
        ("clock/", {"speed": "0"}),
        ("objects/deployments/default/web.yaml", {"yaml": "kind: Deployment"}),
    ]:
        answer = page.request.post(
            address + path, form={"csrfmiddlewaretoken": token, **fields}, headers={"Referer": address}
        )
        assert answer.status == 403, (path, answer.status)
        assert "csrf" not in answer.text().lower()

    status = page.evaluate(
        """([path, command]) => new Promise((resolve, reject) => {
          const socket = new WebSocket(new URL(path, location.href.replace("http", "ws")));
          socket.onopen = () => socket.send(JSON.stringify({ type: "COMMAND", id: "x", command }));
          socket.onmessage = ({ data }) => {
            const message = JSON.parse(data);
            if (message.type === "STATUS") { socket.close(); resolve(message.object); }
          };
          socket.onerror = reject;
        })""",
        [visitor.figure("socket-url"), command],
    )
    assert (status["status"], status["code"], status["reason"]) == ("Failure", 403, "Forbidden")
    assert visitor.steps()["commands"] == history["commands"]


def test_a_copy_is_ones_own_and_the_first_stays_as_it_was(reader, presets):
    writer = reader(reduced_motion="reduce")
    page = writer.go(f"/en{presets['Create a Deployment']}")
    more(page).click()
    expect(page).to_have_url(re.compile(r"/en/s/[a-z0-9]+/"))
    writer.ready()
    first = writer.figure("url")
    commands = writer.steps()["commands"]

    guest = reader(locale="en-US", reduced_motion="reduce")
    page = guest.go(first)
    page.get_by_role("button", name="Open a copy").click()
    expect(page).not_to_have_url(re.compile(re.escape(first)))
    guest.ready()
    assert guest.figure("url") != first
    more(page).click()
    until(page, "() => document.querySelector('k8s-figure').commands.length > 0")
    assert len(guest.steps()["commands"]) == len(commands) + 1
    assert writer.steps()["commands"] == commands


def test_the_key_in_an_address_is_kept_and_taken_out_of_it(reader, presets):
    writer = reader(reduced_motion="reduce")
    page = writer.go(f"/ko{presets['Create a Deployment']}")
    more(page).click()
    expect(page).to_have_url(re.compile(r"/ko/s/[a-z0-9]+/"))
    writer.ready()
    page.get_by_text("다른 방법").click()
    key = page.get_by_label("키가 든 주소").input_value()
    assert "?key=" in key

    partner = reader(reduced_motion="reduce")
    page = partner.go(key)
    assert "key=" not in page.url
    assert "key=" not in page.locator("[data-share-address]").input_value()
    before = partner.steps()["commands"]
    more(page).click()
    until(page, "(count) => document.querySelector('k8s-figure').commands.length > count", len(before))
