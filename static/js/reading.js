/**
 * Pages that are read: text and figure light each other up, walk-throughs and predictions move the figure.
 *
 *   [data-goto="41"]            goes to a revision;  [data-refs="pods/default/a nodes/worker-1"] lights these there
 *   [data-goto-only="41"]       the same, and gives no prediction's answer away
 *   [data-ref="pods/default/a"] lights an object on hover and focus, chooses it on click
 *   [data-for="plate"]          which figure is meant, on the element or around it; default: the first of the page
 */

import { idOf } from "./figure.js";

/** @param {Element} element @returns {import("./figure.js").Figure|null} */
function figureOf(element) {
  const name = element.closest("[data-for]")?.dataset.for;
  return name ? document.getElementById(name) : document.querySelector("k8s-figure");
}

/** @param {Element} element @returns {string[]} ids of the parts that an element speaks of */
function partsOf(element) {
  return (element.dataset.refs ?? element.dataset.ref ?? "").split(/\s+/).filter(Boolean).map((ref) => (ref.startsWith("fig-") || ref.startsWith("edge-") ? ref : idOf(ref)));
}

/** @param {EventTarget|null} target @param {string} selector */
function outside(target, selector) {
  const found = target instanceof Element ? target.closest(selector) : null;
  return found && !found.closest("k8s-figure") && !("seek" in found.dataset) ? found : null;
}

/** Brings the figure into view when it is not, without taking the reader's place away for nothing. */
function bring(figure) {
  const { top, bottom } = figure.getBoundingClientRect();
  if (bottom < 120 || top > innerHeight - 120) figure.scrollIntoView({ block: "start" });
}

for (const [event, on] of [["pointerover", true], ["pointerout", false], ["focusin", true], ["focusout", false]]) {
  document.addEventListener(event, ({ target }) => {
    const named = outside(target, "[data-ref]");
    if (named && !named.closest("[data-inspected], form")) figureOf(named)?.light?.(on ? partsOf(named) : []);
  });
}

document.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  const goto = outside(event.target, "[data-goto], [data-goto-only]");
  const named = outside(event.target, "a[data-ref], button[data-ref]");
  const figure = figureOf(goto ?? named ?? document.body);
  if (!figure?.seek || (!goto && !named)) return;
  event.preventDefault();
  bring(figure);
  if (goto) {
    figure.seek(goto.dataset.goto ?? goto.dataset.gotoOnly);
    if (goto.dataset.refs) figure.light(partsOf(goto));
    if (goto.dataset.goto) goto.closest(".predict")?.dispatchEvent(new CustomEvent("k8s-revealed"));
  } else figure.choose(named.dataset.ref);
});

/** The walk-through's needle stands on the last step that is not later than the figure. */
function follow(figure) {
  const { playhead } = figure;
  for (const walk of document.querySelectorAll(".walk")) {
    if (figureOf(walk) !== figure) continue;
    let present;
    for (const item of walk.children) {
      const step = item.querySelector("[data-goto]");
      if (step && playhead.passed(step.dataset.goto)) present = item;
    }
    for (const item of walk.children) {
      item.classList.toggle("on", item === present);
      if (item === present) item.setAttribute("aria-current", "step");
      else item.removeAttribute("aria-current");
    }
  }
}

// Events of the figures bubble, so these serve whichever figure stands in the page: the reader's own may take the place
// of the article's.
document.addEventListener("k8s-move", ({ target }) => follow(target));
document.addEventListener("k8s-figure-replaced", ({ detail }) => follow(detail.figure));
for (const figure of document.querySelectorAll("k8s-figure")) if (figure.playhead) follow(figure);

// ---- the inspector under the figure: what the chosen object is, and why ----

const panel = document.querySelector("[data-inspected]");
if (panel) {
  const body = panel.querySelector("[data-inspector]");
  document.addEventListener("k8s-focus", ({ detail }) => {
    panel.hidden = !detail.ref;
  });
  document.addEventListener("k8s-frame", ({ target, detail }) => {
    if (target.focusRef && detail.inspector !== undefined && body.innerHTML !== detail.inspector) body.innerHTML = detail.inspector;
  });
  document.addEventListener("k8s-figure-replaced", () => {
    panel.hidden = true;
  });
  panel.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || !(event.target instanceof Element)) return;
    const figure = figureOf(panel);
    const seek = event.target.closest("[data-seek]");
    const close = event.target.closest("[data-close-inspector]");
    if (!figure?.seek || (!seek && !close)) return;
    event.preventDefault();
    if (seek) figure.seek(seek.dataset.seek);
    else {
      figure.choose("");
      figure.querySelector("[data-plate]").focus({ preventScroll: true });
    }
  });
  // An object in the figure is chosen where it stands. Without this its link leads to the same page, with it chosen.
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("k8s-figure .plate a[data-ref]") : null;
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    if (link.getAttribute("href")?.startsWith("?")) event.preventDefault();
  });
}

// ---- predictions: the answer comes when asked for, with the figure at the moment that shows it ----

/** @param {string} answer  as it is compared: 03 is 3 */
function plain(answer) {
  const text = answer.trim().toLowerCase();
  return /^[0-9]+$/.test(text) ? String(Number(text)) : text;
}

for (const question of document.querySelectorAll(".predict")) {
  const answer = question.querySelector(".answer");
  const reveal = () => {
    const given = question.querySelector("input[type=radio]:checked, input[type=text], input[type=number]")?.value ?? "";
    const right = plain(given) === plain(question.dataset.answer);
    for (const verdict of question.querySelectorAll(".verdict")) verdict.hidden = !given.trim() || (verdict.dataset.verdict === "right") !== right;
    if (answer) answer.hidden = false;
    question.classList.add("revealed");
  };
  question.addEventListener("k8s-revealed", reveal);
  question.addEventListener("submit", (event) => {
    event.preventDefault();
    const go = question.querySelector("[data-goto]");
    const figure = figureOf(question);
    if (go && figure?.seek) {
      bring(figure);
      figure.seek(go.dataset.goto);
    }
    reveal();
  });
}

// ---- this article: which section is being read ----

const entries = [...document.querySelectorAll(".toc a[href^='#']")];
if (entries.length > 0) {
  const headings = entries.map((link) => document.getElementById(decodeURIComponent(link.hash.slice(1)))).filter(Boolean);
  const mark = () => {
    const passed = headings.filter((heading) => heading.getBoundingClientRect().top < innerHeight * 0.3);
    const current = (passed.at(-1) ?? headings[0])?.id;
    for (const link of entries) {
      if (link.hash.slice(1) === current) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };
  let due = 0;
  addEventListener(
    "scroll",
    () => {
      cancelAnimationFrame(due);
      due = requestAnimationFrame(mark);
    },
    { passive: true },
  );
  mark();
}

// ---- what the cluster holds now, beside the text and in it ----

const MOST = 14; // rows

/** @param {Element} list */
function holdings(list) {
  const pods = [...(figureOf(list)?.querySelectorAll(".plate .k-pod[data-ref^='pods/']:not([data-ref^='pods/kube-system/'])") ?? [])];
  list.hidden = pods.length === 0;
  list.querySelector(".here-now").replaceChildren(
    ...pods.slice(0, MOST).map((pod) => {
      const button = Object.assign(document.createElement("button"), { type: "button" });
      button.dataset.ref = pod.dataset.ref;
      const name = document.createElement("span");
      name.append(markOf(pod), pod.querySelector(".k-pn")?.textContent ?? "");
      const node = document.createElement("span");
      const waits = pod.closest("#fig-kube-scheduler");
      node.textContent = waits ? "" : (pod.closest("[data-ref^='nodes/']")?.dataset.ref.split("/").at(-1) ?? "");
      button.append(name, node);
      return button;
    }),
  );
}

/** The mark of a Pod's state, as the figure draws it. @param {Element} pod */
function markOf(pod) {
  const holder = document.createElement("template");
  holder.innerHTML = '<svg class="mark-of" viewBox="-8 -8 16 16" width="14" height="14" aria-hidden="true"><use href="#k-gl"/></svg>';
  const svg = holder.content.firstElementChild;
  svg.classList.add([...pod.classList].find((name) => name.startsWith("st-")) ?? "st-Unknown");
  return svg;
}

/**
 * A Pod that the text names bears the mark that it bears in the figure; none when the figure does not have it now. A step
 * of the walk-through tells of its own moment: there the mark is shown when the figure stands at it.
 */
function marks() {
  for (const link of document.querySelectorAll(".prose a.obj-l[data-ref^='pods/']")) {
    const elsewhere = link.closest(".walk > li:not(.on)");
    const pod = elsewhere ? null : figureOf(link)?.querySelector(`.plate .k-pod[data-ref="${CSS.escape(link.dataset.ref)}"]`);
    link.querySelector(".mark-of")?.remove();
    if (pod) link.prepend(markOf(pod));
  }
}

const holding = document.querySelectorAll("[data-here-now]");
const marked = document.querySelector(".prose a.obj-l") !== null;
const reflect = () => {
  for (const list of holding) holdings(list);
  if (marked) marks();
};
reflect();
for (const event of ["k8s-frame", "k8s-move", "k8s-figure-replaced"]) document.addEventListener(event, reflect);

// ---- code to copy ----

for (const button of document.querySelectorAll("[data-copy-code]")) {
  if (!navigator.clipboard) break; // not on a plain http address: the text can still be chosen
  const label = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const code = button.parentElement.querySelector("code").cloneNode(true);
    for (const prompt of code.querySelectorAll(".prompt")) prompt.remove();
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = button.dataset.done;
    setTimeout(() => {
      button.textContent = label;
    }, 1600);
  });
}
