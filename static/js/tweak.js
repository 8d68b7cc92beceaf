/**
 * The form beside an article's figure. The first change makes a cluster of the reader's own; the figure goes on with that
 * one, in its place, and the text stays where it was. Without this module the form leads to the scenario's own page.
 */

const panel = document.querySelector("[data-tweak]");

/** @param {Document} page @param {string} ref @returns {Element|null} the form of an object, on another page */
function rowOn(page, ref) {
  return page.querySelector(`[data-sheet] form[data-ref="${CSS.escape(ref)}"]`)?.closest("k8s-form") ?? null;
}

/**
 * Puts the figure of the reader's own cluster in place of the article's.
 * @param {Document} page @returns {Element|null} the figure, if it is another cluster's than before
 */
function takeFigure(page) {
  const here = document.getElementById("plate");
  const there = page.querySelector("k8s-figure");
  if (!here || !there || there.dataset.url === here.dataset.url) return here;
  const fresh = document.importNode(there, true);
  fresh.id = "plate";
  delete fresh.dataset.address; // the address goes on naming the article
  if (here.dataset.parts) fresh.dataset.parts = here.dataset.parts;
  if (here.playhead) {
    // It begins with the picture that is on show, so that the change itself is the first thing that is seen to happen.
    Object.assign(fresh.dataset, { at: String(here.playhead.place), view: here.view, layout: here.dataset.layout, digest: here.dataset.digest });
    fresh.querySelector("[data-plate]").replaceChildren(...here.querySelector("[data-plate]").childNodes);
  }
  fresh.querySelector(".tb-form")?.remove();
  fresh.querySelector(".legend")?.remove();
  here.replaceWith(fresh);
  document.dispatchEvent(new CustomEvent("k8s-figure-replaced", { detail: { figure: fresh } }));
  return fresh;
}

/** @param {HTMLFormElement} form @param {string} action */
async function send(form, action) {
  const problem = panel.querySelector(".tweak-problem");
  const figure = document.getElementById("plate");
  const before = figure?.playhead?.head ?? 0;
  const body = new URLSearchParams(new FormData(form));
  if (action) body.set("action", action);
  if (!("own" in panel.dataset)) figure?.stop?.(); // it must not walk on while the copy is made of where it stands
  if (figure?.playhead) body.set("at", String(figure.playhead.place)); // the reader's cluster goes on from what is on show
  panel.setAttribute("aria-busy", "true");
  problem.hidden = true;
  try {
    const response = await fetch(form.getAttribute("action"), { method: "POST", body, headers: { Accept: "text/html" }, redirect: "follow" });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const row = rowOn(page, form.dataset.ref);
    if (!row && response.ok) {
      location.assign(response.url); // the object is gone: its page shows what became of it
      return;
    }
    if (!row) throw new Error(String(response.status));
    const open = form.querySelector("details")?.open;
    const fresh = document.importNode(row, true);
    form.closest("k8s-form").replaceWith(fresh);
    const details = fresh.querySelector("details");
    if (details && response.ok) details.open = Boolean(open); // what is wrong with a field is never folded away
    const texts = [...page.querySelectorAll(".middle > .problem-list p")].map((each) => each.textContent);
    problem.textContent = texts.join(" ");
    problem.hidden = texts.length === 0;
    if (!response.ok) return;
    const link = panel.querySelector("[data-open-scenario]");
    if (link) link.href = new URL(response.url).pathname;
    panel.dataset.own = "";
    const taken = takeFigure(page);
    const from = taken === figure ? before : Number.parseInt(taken.dataset.at, 10);
    taken?.playFrom?.(from);
  } catch {
    HTMLFormElement.prototype.submit.call(form); // let the browser show what happens
  } finally {
    panel.removeAttribute("aria-busy");
  }
}

// Capturing: this panel's forms are answered here, not by the element that answers those of a scenario's page.
panel?.addEventListener(
  "submit",
  (event) => {
    event.preventDefault();
    event.stopPropagation();
    send(event.target, event.submitter?.name === "action" ? event.submitter.value : "");
  },
  true,
);

panel?.addEventListener(
  "click",
  (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-stepper] button") : null;
    if (!button) return;
    event.preventDefault();
    event.stopPropagation();
    const field = button.closest("[data-stepper]").querySelector("input");
    const next = Math.max(0, (Number.parseInt(field.value, 10) || 0) + (button.value === "more" ? 1 : -1));
    if (String(next) === field.value) return;
    field.value = String(next);
    send(button.closest("form"), "save");
  },
  true,
);
