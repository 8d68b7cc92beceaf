/**
 * The terminal on a scenario's page. It understands kubectl's commands (`kubectl/`) and asks the cluster's own API server.
 *
 * A plain input and a log, not a grid of letters: an input method composes Hangul in it, a screen reader reads it, and a
 * phone wraps it. Nothing holds the focus: Tab completes what is typed, and moves on from an empty line or after Escape.
 */

import { Entry } from "./terminal/entry.js";
import { History } from "./terminal/history.js";
import { read } from "./terminal/pasted.js";

const MOST_ENTRIES = 100;
const SHOWN = 60; // possibilities in the strip
const OPEN = "terminal-open";
const WAITING = "terminal-waiting"; // a command typed before there was a cluster of one's own

/** @param {string} key @param {string} [value] */
function kept(key, value) {
  try {
    if (value === undefined) return sessionStorage.getItem(key) ?? "";
    if (value) sessionStorage.setItem(key, value);
    else sessionStorage.removeItem(key);
  } catch {
    // no storage: nothing is kept
  }
  return "";
}

/**
 * @customElement k8s-terminal
 * @attr {string} for  id of the figure
 * @attr {string} data-api  "/k8s/{id}", "" for a link that nothing is stored of
 * @attr {string} data-fork  where a copy of one's own is asked for
 */
export class Terminal extends HTMLElement {
  #machine; // kubectl's commands, fetched when the terminal is first opened
  #history = new History();
  #stop; // ends what runs
  #escaped = false;
  #next = []; // pasted commands that wait
  #manifest = ""; // what goes into the next box
  #asked = 0;
  #close = () => {};

  connectedCallback() {
    this.line = this.querySelector("[data-line]");
    this.log = this.querySelector("[data-log]");
    this.screen = this.querySelector("[data-screen]");
    this.strip = this.querySelector("[data-strip]");
    this.status = this.querySelector("[data-status-line]");
    this.line.addEventListener("keydown", (event) => this.#key(event));
    this.line.addEventListener("paste", (event) => this.#paste(event));
    this.line.addEventListener("input", () => this.#offer([]));
    this.addEventListener("keydown", (event) => {
      if (event.ctrlKey && event.key === "c" && this.#stop && !getSelection()?.toString()) this.#interrupt(event);
      event.stopPropagation(); // the page's own keys step through revisions
    });
    this.querySelector("[data-prompt]").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#enter();
    });
    this.addEventListener("click", (event) => this.#click(event));
    const openers = document.querySelectorAll("[data-opens=terminal]");
    for (const opener of openers) {
      opener.setAttribute("role", "button");
      opener.setAttribute("aria-controls", this.id);
      opener.addEventListener("click", (event) => {
        event.preventDefault();
        this.show(this.hidden, openers);
      });
      opener.addEventListener("keydown", (event) => {
        if (event.key === " ") {
          event.preventDefault();
          opener.click();
        }
      });
    }
    this.querySelector("[data-terminal-close]").addEventListener("click", () => {
      this.show(false, openers);
      [...openers].find((opener) => opener.offsetParent)?.focus();
    });
    const waiting = this.dataset.api ? kept(WAITING) : "";
    this.show(Boolean(waiting) || kept(OPEN) === "yes" || location.hash === "#terminal", openers, Boolean(waiting));
    if (waiting) {
      kept(WAITING, "");
      this.#take(waiting);
      this.#enter();
    }
  }

  disconnectedCallback() {
    this.#stop?.abort();
  }

  /** @param {boolean} open @param {NodeListOf<Element>} openers @param {boolean} [focus] */
  show(open, openers, focus = true) {
    const before = this.hidden;
    this.hidden = !open;
    document.querySelector("[data-workspace]")?.classList.toggle("with-terminal", open);
    for (const opener of openers) opener.setAttribute("aria-expanded", String(open));
    kept(OPEN, open ? "yes" : "");
    if (open) {
      this.#load();
      document.dispatchEvent(new Event("k8s-terminal-opened"));
    }
    if (open && before && focus && location.hash !== "#kubectl") this.line.focus({ preventScroll: matchMedia("(min-width: 1280px)").matches });
  }

  #load() {
    if (!this.dataset.api) return undefined;
    this.#machine ??= Promise.all([import("./kubectl/kubectl.js"), import("./kubectl/complete.js")]).then(
      ([{ Kubectl }, completing]) => {
        const token = this.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";
        return { kubectl: new Kubectl({ base: this.dataset.api, headers: { "X-CSRFToken": token } }), ...completing };
      },
      (error) => {
        this.#machine = undefined; // the next command asks again
        throw error;
      },
    );
    return this.#machine;
  }

  // ---- what the page says ----

  /** @param {string} id @param {Record<string, string>} [params] @returns {DocumentFragment} a sentence of the page, filled in */
  sentence(id, params = {}) {
    const found = this.querySelector(`template[data-say="${id}"]`) ?? this.querySelector("template[data-say=broken]");
    const fragment = found.content.cloneNode(true);
    const walker = document.createTreeWalker(fragment, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) walker.currentNode.data = walker.currentNode.data.replace(/\{(\w+)\}/g, (whole, name) => params[name] ?? whole);
    return fragment;
  }

  /** @param {string} id @param {Record<string, string>} [params] */
  phrase(id, params) {
    return this.sentence(id, params).textContent.trim();
  }

  /** The newest is in sight. */
  scrolled() {
    this.screen.scrollTop = this.screen.scrollHeight;
  }

  // ---- keys ----

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.isComposing || event.keyCode === 229) return; // an input method is at work
    if (event.key === "Escape") {
      this.#escaped = true;
      this.#offer([]);
      return;
    }
    if (event.key === "Tab") {
      if (event.shiftKey || this.#escaped || this.line.value.trim() === "") {
        this.#escaped = false;
        return;
      }
      event.preventDefault();
      this.#complete();
      return;
    }
    this.#escaped = false;
    if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      event.preventDefault();
      this.#recall(event.key === "ArrowUp" ? -1 : 1);
    } else if (event.ctrlKey && event.key === "l") {
      event.preventDefault();
      this.log.replaceChildren();
    } else if (event.ctrlKey && event.key === "u") {
      event.preventDefault();
      this.#take("");
    } else if (event.ctrlKey && event.key === "c" && !this.#stop && this.line.selectionStart === this.line.selectionEnd) {
      event.preventDefault();
      this.#entry(`${this.line.value}^C`);
      this.#take("");
    }
  }

  /** @param {Event} event */
  #interrupt(event) {
    event.preventDefault();
    this.#next = [];
    this.#close();
    this.#stop?.abort();
  }

  /** @param {string} text */
  #take(text) {
    this.line.value = text;
    this.line.setSelectionRange(text.length, text.length);
    this.#offer([]);
  }

  /** @param {-1|1} way */
  #recall(way) {
    const text = this.#history.go(way, this.line.value);
    if (text !== undefined) this.#take(text);
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const target = event.target instanceof Element ? event.target : null;
    const button = target?.closest("button[data-do], a[data-do]");
    if (button) {
      const act = { stop: () => this.#interrupt(event), complete: () => this.#complete(), before: () => this.#recall(-1), clear: () => this.log.replaceChildren() }[button.dataset.do];
      act?.();
      if (button.dataset.do !== "stop") this.line.focus();
      return;
    }
    const choice = target?.closest("[data-choice]");
    if (choice) {
      this.#put(choice.dataset.choice, true);
      this.line.focus();
      return;
    }
    const example = target?.closest("[data-example]");
    if (example) {
      this.#take(example.textContent);
      this.line.focus();
      return;
    }
    if (target?.closest("[data-screen]") && !target.closest("details, a, button") && !getSelection()?.toString()) this.line.focus();
  }

  /** @param {ClipboardEvent} event */
  #paste(event) {
    const text = event.clipboardData?.getData("text") ?? "";
    if (!/\n./.test(text.trim()) && !/^\s*[$%❯]\s/.test(text)) return;
    event.preventDefault();
    const { lines, manifest } = read(text);
    if (lines.length === 0) return;
    this.#manifest = manifest;
    this.#next = lines.slice(1);
    this.#take(lines[0]);
    if (manifest) this.#enter();
  }

  // ---- completion ----

  async #complete() {
    if (!this.dataset.api) return;
    const { kubectl, common, complete } = await this.#load();
    const asked = ++this.#asked;
    const end = this.line.selectionStart ?? this.line.value.length;
    const before = this.line.value.slice(0, end);
    const { word, found } = await complete(kubectl, before);
    if (asked !== this.#asked || this.line.value.slice(0, end) !== before) return;
    if (found.length === 0) {
      this.#escaped = true;
      this.#offer([]);
      this.#announce(this.phrase("nothing-to-complete"));
      return;
    }
    const start = common(found);
    if (found.length === 1 || start.length > word.length) this.#put(start, found.length === 1);
    this.#offer(found.length > 1 ? found : []);
    this.#announce(found.length === 1 ? found[0] : `${this.phrase("possibilities", { count: String(found.length) })}: ${found.slice(0, 8).join(", ")}`);
  }

  /** Puts a word in place of the one that is being typed. @param {string} word @param {boolean} whole */
  #put(word, whole) {
    const end = this.line.selectionStart ?? this.line.value.length;
    const before = this.line.value.slice(0, end).replace(/\S*$/, "");
    const after = this.line.value.slice(end);
    const text = before + word + (whole && !/[=/]$/.test(word) ? " " : "");
    this.line.value = text + after.replace(/^ /, "");
    this.line.setSelectionRange(text.length, text.length);
    this.#offer([]);
  }

  /** @param {string[]} found */
  #offer(found) {
    const template = this.strip.querySelector("template");
    const items = found.slice(0, SHOWN).map((each) => {
      const item = template.content.firstElementChild.cloneNode(true);
      const button = item.querySelector("button");
      button.dataset.choice = each;
      button.textContent = each.length > 40 ? `${each.slice(0, 39)}…` : each;
      return item;
    });
    this.strip.replaceChildren(template, ...items);
    this.strip.hidden = items.length === 0;
  }

  /** @param {string} text */
  #announce(text) {
    this.status.textContent = "";
    requestAnimationFrame(() => {
      this.status.textContent = text;
    });
  }

  // ---- running ----

  /** @param {string} text @returns {Entry} */
  #entry(text) {
    const entry = new Entry(this.querySelector("template[data-entry]").content, text, this);
    this.log.append(entry.element);
    while (this.log.children.length > MOST_ENTRIES) this.log.firstElementChild.remove();
    this.scrolled();
    return entry;
  }

  async #enter() {
    const text = this.line.value.trim();
    if (this.#stop || text === "") return;
    this.#history.add(text);
    this.#take("");
    if (text === "clear") {
      this.log.replaceChildren();
      return;
    }
    if (!this.dataset.api) {
      await this.#fork(text);
      return;
    }
    const entry = this.#entry(text);
    this.#busy(new AbortController());
    const figure = document.getElementById(this.getAttribute("for"));
    let before;
    let refused = false;
    const place = {
      out: (words) => entry.write(words),
      err: (words) => entry.write(words, "err"),
      say: (id, params) => entry.write(`${this.phrase(id, params)}\n`, "said"),
      box: (what, words) => this.#box(what, words),
      unfold: () => entry.unfold(),
      heard: (request) => {
        const writes = request.method !== "GET" && !/\/(?:selfsubject\w+|token)(?:\?|$)/.test(request.path) && !/dryRun=/.test(request.path);
        if (writes && !request.status) before ??= figure?.playhead?.head;
        if (writes && request.status === 403 && !("canEdit" in document.querySelector("[data-workspace]").dataset)) refused = true;
        if (writes && request.status >= 200 && request.status < 300 && before !== undefined) {
          document.dispatchEvent(new CustomEvent("k8s-applied", { detail: { revision: before } }));
          before = undefined;
        }
        entry.heard(request);
      },
    };
    let code = 1;
    try {
      const { kubectl } = await this.#load();
      code = await kubectl.run(text, place, this.#stop.signal);
    } catch (error) {
      entry.write(`${this.phrase("broken")}\n`, "said");
      console.error(error);
    }
    if (code === 130) entry.write("^C\n", "err");
    if (refused) entry.place(this.sentence("not-yours"));
    entry.element.classList.toggle("failed", code !== 0);
    this.#busy(undefined);
    this.#announce(entry.summary());
    this.#manifest = "";
    const [next, ...rest] = this.#next;
    this.#next = rest;
    if (next) this.#take(next);
    if (this.contains(document.activeElement) || document.activeElement === document.body) this.line.focus({ preventScroll: true });
  }

  /** @param {AbortController|undefined} running */
  #busy(running) {
    this.#stop = running;
    this.toggleAttribute("data-busy", Boolean(running));
    this.line.readOnly = Boolean(running);
    for (const button of this.querySelectorAll("[data-do=stop]")) button.hidden = !running;
    for (const button of this.querySelectorAll("[data-run]")) button.hidden = Boolean(running);
  }

  /** The first command makes a cluster of one's own, and is run there. @param {string} text */
  async #fork(text) {
    const entry = this.#entry(text);
    entry.write(`${this.phrase("copying")}\n`, "said");
    const body = new URLSearchParams({
      csrfmiddlewaretoken: this.querySelector("[name=csrfmiddlewaretoken]").value,
      at: String(document.getElementById(this.getAttribute("for"))?.playhead?.at ?? ""),
    });
    try {
      const response = await fetch(this.dataset.fork, { method: "POST", body, headers: { Accept: "text/html" }, redirect: "follow" });
      if (!response.ok || !response.redirected) throw new Error(String(response.status));
      kept(WAITING, text);
      const address = new URL(response.url);
      const { view } = document.getElementById(this.getAttribute("for")) ?? {};
      if (view && view !== "cluster") address.searchParams.set("view", view);
      location.assign(address);
    } catch {
      entry.write(`${this.phrase("no-copy")}\n`, "said");
    }
  }

  // ---- several lines ----

  /**
   * Opens the box for a manifest, or for an object that is edited.
   * @param {"manifest"|"edit"} what @param {string} text
   * @returns {Promise<string|null>} null if it was closed
   */
  #box(what, text) {
    if (what === "manifest" && this.#manifest) {
      const given = this.#manifest;
      this.#manifest = "";
      return Promise.resolve(given);
    }
    const box = this.querySelector("[data-box]");
    const area = box.querySelector("textarea");
    for (const each of box.querySelectorAll("[data-for]")) each.hidden = each.dataset.for !== what;
    area.value = text;
    box.hidden = false;
    area.focus();
    area.setSelectionRange(0, 0);
    area.scrollTop = 0;
    box.scrollIntoView({ block: "nearest" });
    return new Promise((resolve) => {
      const done = (value) => {
        box.hidden = true;
        box.onsubmit = null;
        box.onkeydown = null;
        this.#close = () => {};
        this.line.focus();
        resolve(value);
      };
      this.#close = () => done(null);
      box.onsubmit = (event) => {
        event.preventDefault();
        done(area.value);
      };
      box.onkeydown = (event) => {
        if (event.isComposing) return;
        if (event.key === "Escape") done(null);
        else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
          event.preventDefault();
          done(area.value);
        }
      };
      box.querySelector("[data-box-close]").onclick = () => done(null);
    });
  }
}

customElements.define("k8s-terminal", Terminal);
