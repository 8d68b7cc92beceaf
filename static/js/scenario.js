/** The scenario page: wires figure, timeline, inspector, share panel and form column together. */

import { keyAct } from "./figure.js";
import { refresh } from "./form.js";
import "./connect.js";
import "./inspector.js";
import "./packet.js";
import "./share.js";
import "./timeline.js";

const figure = document.getElementById("plate");
const workspace = document.querySelector("[data-workspace]");
const column = document.querySelector("[data-sheet]");

// ---- the form column as a drawer or a sheet ----

const opener = document.querySelector("[data-sheet-open]");

/** @param {boolean} open */
function sheet(open) {
  workspace.classList.toggle("sheet-open", open);
  opener?.setAttribute("aria-expanded", String(open));
  if (open) column.querySelector("[data-sheet-close]")?.focus();
  else opener?.focus();
}

opener?.addEventListener("click", () => sheet(!workspace.classList.contains("sheet-open")));
for (const close of document.querySelectorAll("[data-sheet-close]")) close.hidden = false;
column?.addEventListener("click", (event) => {
  if (!(event.target instanceof Element)) return;
  if (event.target.closest("[data-sheet-close]")) sheet(false);
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  const chosen = event.target.closest("[data-focus-ref]");
  const seek = event.target.closest("[data-seek]");
  if (!chosen && !seek) return;
  event.preventDefault();
  if (chosen) figure.choose(chosen.dataset.focusRef);
  else figure.seek(seek.dataset.seek);
});
column?.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && workspace.classList.contains("sheet-open")) sheet(false);
});

// The transport is fixed on the phone; what stands above it must know its height.
const transport = document.querySelector("[data-transport]");
if (transport) {
  new ResizeObserver(() => {
    workspace.style.setProperty("--transport-height", `${transport.offsetHeight}px`);
  }).observe(transport);
}

// ---- views ----

/** @param {string} view */
function turn(view) {
  for (const link of document.querySelectorAll("a[data-view]")) {
    if (link.dataset.view === view) {
      link.setAttribute("aria-current", "true");
      link.scrollIntoView({ block: "nearest", inline: "nearest" });
    } else link.removeAttribute("aria-current");
  }
  figure.turn(view);
}

// On a phone the views scroll sideways: the present one is in sight.
const present = document.querySelector("a[data-view][aria-current]");
if (present) present.parentElement.scrollLeft = Math.max(0, present.offsetLeft - 24);

document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || !(event.target instanceof Element)) return;
  const link = event.target.closest("a[data-view], a[data-turn]");
  if (!link) return;
  event.preventDefault();
  if (link.dataset.focusRef) figure.choose(link.dataset.focusRef);
  turn(link.dataset.view ?? link.dataset.turn);
});

// ---- what a view says beside its figure ----

const detail = document.querySelector("[data-detail]");

figure.addEventListener("k8s-frame", ({ detail: frame }) => {
  if (!detail || frame.detail === undefined || frame.detail === detail.dataset.told) return;
  detail.dataset.told = frame.detail;
  const scrolled = [...detail.querySelectorAll("[role=region]")].map((each) => each.scrollLeft);
  const focused = detail.contains(document.activeElement) ? document.activeElement.getAttribute("href") ?? document.activeElement.ariaLabel : "";
  detail.innerHTML = frame.detail;
  detail.hidden = frame.detail === "";
  detail.querySelectorAll("[role=region]").forEach((each, number) => {
    each.scrollLeft = scrolled[number] ?? 0;
  });
  if (focused) [...detail.querySelectorAll("a, [tabindex]")].find((each) => (each.getAttribute("href") ?? each.ariaLabel) === focused)?.focus({ preventScroll: true });
});

detail?.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || !(event.target instanceof Element)) return;
  const seek = event.target.closest("[data-seek]");
  const chosen = event.target.closest("[data-focus-ref]");
  if (!seek && !chosen) return;
  event.preventDefault();
  if (chosen) figure.choose(chosen.dataset.focusRef);
  else figure.seek(seek.dataset.seek);
});

// ---- keys, wherever the reader is, unless a control has a use for them ----

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target instanceof Element ? event.target : null;
  if (target?.closest("[role=region], [data-sheet] form")) return; // these scroll, or are typed in
  const act = keyAct(event, target);
  if (!act) return;
  event.preventDefault();
  figure.act(act);
});

// ---- commands and the clock ----

const list = document.querySelector("[data-commands]");

figure.addEventListener("k8s-steps", () => {
  const template = document.querySelector("[data-command-row]")?.content.firstElementChild;
  const target = document.querySelector("[data-commands]") ?? list;
  if (!template || !target || figure.commands.length === 0) return;
  if (target.children.length === figure.commands.length && !target.querySelector(".none")) return;
  target.replaceChildren(
    ...figure.commands.map((command) => {
      const row = template.cloneNode(true);
      const link = row.querySelector("a");
      link.textContent = String(command.revision);
      link.href = figure.addressAt(command.revision);
      link.dataset.seek = String(command.revision);
      row.querySelector("code").textContent = command.text;
      return row;
    }),
  );
});

const state = document.querySelector("[data-live]");

figure.addEventListener("k8s-clock", (event) => {
  if (!state) return;
  const { clock, online } = event.detail;
  if (online && !clock) return;
  const now = !online ? "offline" : clock.paused ? "paused" : clock.at_rest ? "rest" : "live";
  state.hidden = false;
  state.dataset.state = now;
  state.textContent = state.dataset[`${now}Text`];
});

// A change that was made here is played from the revision it was made at, change by change.
document.addEventListener("k8s-applied", (event) => figure.playFrom(event.detail?.revision ?? figure.playhead.head));

// A change that somebody else made shows in the form as soon as nobody is typing in it.
let stale = 0;
figure.addEventListener("k8s-steps", () => {
  clearTimeout(stale);
  stale = setTimeout(async () => {
    if (!column || !("canEdit" in workspace.dataset) || document.hidden) return;
    if (column.querySelector(".changed, .wrong, [aria-busy]") || column.querySelector("input:focus, textarea:focus, select:focus")) return;
    const response = await fetch(location.pathname, { headers: { Accept: "text/html" } });
    if (!response.ok) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const there = page.querySelector("[data-sheet]");
    if (there) refresh(column, there);
  }, 1200);
});

// ---- the owners' tints beside their names, as the figure paints them ----

function swatches() {
  for (const place of document.querySelectorAll("[data-swatches]")) {
    const ref = place.closest("form")?.dataset.ref ?? "";
    const [resource, namespace, name] = ref.split("/");
    const owners = resource === "deployments" ? `[data-ref^="replicasets/${namespace}/${name}-"]` : `[data-ref="${ref}"]`;
    const tints = [...figure.querySelectorAll(`.plate ${owners}`)].map((part) => [...part.classList].find((each) => /^own-\d$/.test(each)));
    place.replaceChildren(
      ...[...new Set(tints.filter(Boolean))].slice(0, 3).map((tint) => {
        const swatch = document.createElement("i");
        swatch.className = `swatch ${tint}`;
        return swatch;
      }),
    );
  }
}

figure.addEventListener("k8s-frame", swatches);
document.addEventListener("k8s-form-refreshed", swatches);
swatches();

// A form says which revision its reader was looking at: a copy begins there.
figure.addEventListener("k8s-move", () => {
  for (const field of document.querySelectorAll("[data-at-field]")) field.value = String(figure.playhead.place);
});
