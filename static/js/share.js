/** The share panel: one address that says what is on show, and buttons that copy. */

import { ASKED } from "./figure.js";

/** @param {HTMLElement} within */
export function copyButtons(within) {
  for (const button of within.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    const label = button.textContent;
    button.addEventListener("click", async () => {
      const field = button.closest(".copy-line").querySelector("input");
      try {
        await navigator.clipboard.writeText(field.value);
      } catch {
        field.select(); // no permission: the reader can still press the keys
        document.execCommand?.("copy");
      }
      button.textContent = button.dataset.done;
      setTimeout(() => {
        button.textContent = label;
      }, 1600);
    });
  }
  for (const field of within.querySelectorAll(".copy-line input")) field.addEventListener("focus", () => field.select());
}

/**
 * @customElement k8s-share
 * @attr {string} for  id of the figure
 */
export class Share extends HTMLElement {
  #figure;

  async connectedCallback() {
    copyButtons(this);
    await customElements.whenDefined("k8s-figure");
    this.#figure = document.getElementById(this.getAttribute("for"));
    if (!this.#figure) return;
    this.querySelector("[data-share-options]").hidden = false;
    this.addEventListener("change", () => this.#paint());
    this.#figure.addEventListener("k8s-frame", () => this.#paint());
    this.#figure.addEventListener("k8s-move", () => this.#paint());
    this.#figure.addEventListener("k8s-focus", () => this.#paint());
    const close = this.querySelector("[data-share-close]");
    close.hidden = false;
    const openers = document.querySelectorAll("[data-opens=share]");
    document.addEventListener("k8s-terminal-opened", () => show(false)); // it needs the room
    const show = (open) => {
      this.hidden = !open;
      for (const opener of openers) opener.setAttribute("aria-expanded", String(open));
    };
    close.addEventListener("click", () => {
      show(false);
      [...openers].find((opener) => opener.offsetParent)?.focus();
    });
    for (const opener of openers) {
      opener.setAttribute("role", "button");
      opener.setAttribute("aria-controls", this.id);
      opener.addEventListener("click", (event) => {
        event.preventDefault();
        show(this.hidden);
        if (!this.hidden) {
          this.scrollIntoView({ block: "nearest" });
          this.querySelector("[data-share-address]").focus();
        }
      });
    }
    show(location.hash === "#share" || matchMedia("(min-width: 1181px)").matches);
    this.#paint();
  }

  #paint() {
    const figure = this.#figure;
    const at = this.querySelector("[data-share-at]").checked;
    const focus = this.querySelector("[data-share-focus]");
    this.querySelector("[data-share-focus-line]").hidden = !figure.focusRef;
    for (const out of this.querySelectorAll("[data-out=focus]")) out.textContent = figure.focusRef.split("/").at(-1);
    for (const out of this.querySelectorAll("[data-out=revision]")) out.textContent = String(figure.playhead.place);
    const address = figure.addressAt(at ? figure.playhead.place : undefined, { focus: focus.checked ? figure.focusRef : "" });
    this.querySelector("[data-share-address]").value = new URL(address, location.href).href;
    for (const link of this.querySelectorAll("a[data-file]")) {
      const url = new URL(link.href);
      url.searchParams.set("at", String(figure.playhead.place));
      url.searchParams.set("view", figure.view);
      if (figure.focusRef) url.searchParams.set("focus", figure.focusRef);
      else url.searchParams.delete("focus");
      for (const name of ASKED) url.searchParams.delete(name);
      if (figure.view === "packet") for (const [name, value] of Object.entries(figure.packet)) url.searchParams.set(name, value);
      link.href = url.pathname + url.search;
    }
  }
}

customElements.define("k8s-share", Share);
