/** The packet view's form and its hops: whatever is changed is asked at once, and keys go from hop to hop. */

import { asksForPacket } from "./figure.js";

const figure = document.getElementById("plate");
const box = document.querySelector("[data-packet]:not(k8s-figure)");

/** What the form asks for. @param {HTMLFormElement} form */
function ask(form) {
  figure.ask(new URLSearchParams(new FormData(form)));
}

/** @param {string} message  what is wrong with the question, "" for nothing */
function refuse(message) {
  const place = box.querySelector("[data-refused]");
  if (!place) return;
  place.textContent = message;
  place.hidden = message === "";
}

box?.addEventListener("submit", (event) => {
  event.preventDefault();
  ask(event.target);
});

box?.addEventListener("change", (event) => {
  const form = event.target.closest("form");
  if (!form) return;
  if (event.target.name === "dst" && event.target.value) form.elements.to.value = ""; // what is chosen, not what was typed
  if (event.target.name === "dst") for (const name of ["port", "proto"]) form.elements[name].value = "";
  ask(form);
});

document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0 || !(event.target instanceof Element)) return;
  const link = event.target.closest("[data-ask-link], [data-hop]");
  const href = link?.getAttribute("href") ?? "";
  if (!asksForPacket(href)) return;
  event.preventDefault();
  figure.ask(href);
  if (link.closest(".walked")) figure.scrollIntoView({ block: "nearest" });
});

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || figure?.view !== "packet") return;
  if (event.target instanceof Element && event.target.closest("input, select, textarea, [contenteditable]")) return;
  const name = { "[": "back", "]": "on" }[event.key];
  if (!name) return;
  event.preventDefault();
  box?.querySelector(`[data-hop="${name}"]`)?.click();
});

figure?.addEventListener("k8s-refused", (event) => refuse(event.detail.message));

/** The hop that was gone to, told to who does not see it. */
let told = "";

figure?.addEventListener("k8s-frame", ({ detail: { form, text } }) => {
  if (!box || form === undefined) return;
  const hop = figure.packet.hop;
  const line = hop && form ? (text ?? "").split("\n").find((each) => each.startsWith(`${hop}. `)) ?? "" : "";
  if (line && line !== told) figure.querySelector("[data-announce]").textContent = line;
  told = line;
  box.hidden = form === "";
  if (form === box.dataset.told) return refuse("");
  box.dataset.told = form;
  const active = box.contains(document.activeElement) ? document.activeElement : undefined;
  if (active?.matches("input, select, summary")) {
    // Somebody is at it: only what stands beside the fields is put in.
    const there = new DOMParser().parseFromString(form, "text/html");
    for (const part of [".ask-hops", ".ask-acts"]) {
      const old = box.querySelector(part);
      const made = there.querySelector(part);
      if (old && made) old.replaceWith(document.adoptNode(made));
      else if (made) box.querySelector(".ask")?.append(document.adoptNode(made));
    }
    return refuse("");
  }
  const way = active?.dataset.hop;
  const words = active?.textContent;
  box.innerHTML = form;
  if (!active) return;
  const again = way ? box.querySelector(`[data-hop="${way}"]`) : [...box.querySelectorAll("a, button")].find((each) => each.textContent === words);
  again?.focus({ preventScroll: true });
});
