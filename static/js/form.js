/**
 * Forms of a scenario: sent without leaving the page, with errors beside their fields, as the server says them.
 * Without this module the same forms post and come back.
 */

/**
 * @customElement k8s-form
 * @fires k8s-applied  the cluster took it
 */
export class ScenarioForm extends HTMLElement {
  #form;
  #sending = false;

  connectedCallback() {
    this.#form = this.querySelector("form");
    if (!this.#form) return;
    this.#form.addEventListener("submit", (event) => this.#submit(event));
    this.#form.addEventListener("input", (event) => {
      this.#mark(event.target);
      this.#tell(event.target);
    });
    // A slider is sent when it is let go.
    this.#form.addEventListener("change", (event) => {
      if (event.target instanceof HTMLInputElement && "instant" in event.target.dataset) this.#send(null);
    });
    this.addEventListener("click", (event) => this.#step(event));
  }

  /** What a slider stands at, in cores. @param {EventTarget|null} target */
  #tell(target) {
    const out = target instanceof HTMLInputElement && "instant" in target.dataset ? this.querySelector("[data-cores]") : null;
    if (out) out.textContent = `${Number(target.value) / 1000} cpu`;
  }

  /** A field that differs from what was shown gets the needle. @param {EventTarget|null} target */
  #mark(target) {
    const field = target instanceof Element ? target.closest(".field") : null;
    if (!field) return;
    const control = field.querySelector("input, select, textarea");
    const initial =
      control instanceof HTMLSelectElement ? [...control.options].find((option) => option.defaultSelected)?.value : control.defaultValue;
    field.classList.toggle("changed", control.value !== (initial ?? ""));
  }

  /** − and +: one fewer, one more, sent at once. @param {MouseEvent} event */
  #step(event) {
    const button = event.target instanceof Element ? event.target.closest("[data-stepper] button") : null;
    if (!button) return;
    event.preventDefault();
    const field = button.closest("[data-stepper]").querySelector("input");
    const next = Math.max(0, (Number.parseInt(field.value, 10) || 0) + (button.value === "more" ? 1 : -1));
    if (String(next) === field.value) return;
    field.value = String(next);
    this.#send({ name: "action", value: "save" });
  }

  /** @param {SubmitEvent} event */
  #submit(event) {
    const { submitter } = event;
    if (this.#form.querySelector("input[type=file]")?.files.length) return; // a file goes the plain way
    event.preventDefault();
    this.#send(submitter);
  }

  /** @param {{name: string, value: string}|null} submitter  the button that was pressed */
  async #send(submitter) {
    if (this.#sending) return;
    this.#sending = true;
    const menu = this.querySelector(".row-menu[open]");
    if (menu) {
      menu.open = false; // chosen from
      menu.querySelector("summary").focus();
    }
    this.setAttribute("aria-busy", "true");
    const before = document.querySelector("k8s-figure")?.playhead?.head;
    const body = new URLSearchParams(new FormData(this.#form));
    if (submitter?.name) body.set(submitter.name, submitter.value);
    try {
      const response = await fetch(this.#form.getAttribute("action"), { method: "POST", body, headers: { Accept: "text/html" }, redirect: "follow" });
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      this.#receive(response, page, before);
    } catch {
      this.#failed();
    } finally {
      this.#sending = false;
      this.removeAttribute("aria-busy");
    }
  }

  /** Nothing came back that could be shown: the form stays as it is, and says so in its own words. */
  #failed() {
    this.querySelector(".send-failed")?.remove();
    const note = Object.assign(document.createElement("p"), { className: "field-errors send-failed" });
    note.textContent = this.closest("[data-sheet]")?.dataset.failed ?? "";
    note.setAttribute("role", "alert");
    this.append(note);
  }

  /**
   * The answer is the whole page again: its form column replaces ours, so errors and values are the server's.
   * @param {Response} response @param {Document} page @param {number|undefined} before  the newest revision then
   */
  #receive(response, page, before) {
    const here = document.querySelector("[data-sheet]");
    const there = page.querySelector("[data-sheet]");
    const moved = response.redirected && new URL(response.url).pathname !== location.pathname;
    if (!there && !response.redirected) {
      this.#failed();
      return;
    }
    if (!there || moved) {
      const to = new URL(response.url); // a copy of one's own, or a page of its own
      const figure = document.querySelector("k8s-figure");
      if (moved && there && to.search === "" && figure?.addressAt) to.search = new URL(figure.addressAt(undefined, { focus: "" }), location.href).search;
      location.assign(to);
      return;
    }
    const alerts = page.querySelector(".middle > .problem-list");
    document.querySelector(".middle > .problem-list")?.remove();
    if (alerts) document.querySelector(".middle")?.prepend(document.importNode(alerts, true));
    refresh(here, there);
    if (response.ok && "quiet" in this.#form.dataset) return;
    if (response.ok) document.dispatchEvent(new CustomEvent("k8s-applied", { detail: { revision: before } }));
    else document.querySelector(".wrong input, .wrong select, .wrong textarea, .field-errors")?.focus?.();
  }
}

/**
 * Puts the server's form column in place of ours, keeping what is open, what is scrolled and where the focus is.
 * @param {Element} here @param {Element} there
 */
export function refresh(here, there) {
  const open = new Set([...here.querySelectorAll("details[open]")].map(nameOf));
  const focused = here.contains(document.activeElement) ? nameOf(document.activeElement) : "";
  const { scrollTop } = here;
  here.replaceChildren(...[...there.childNodes].map((node) => document.importNode(node, true)));
  for (const details of here.querySelectorAll("details")) if (open.has(nameOf(details))) details.open = true;
  here.scrollTop = scrollTop;
  document.dispatchEvent(new Event("k8s-form-refreshed"));
  for (const close of here.querySelectorAll("[data-sheet-close]")) close.hidden = false;
  if (focused) [...here.querySelectorAll("input, select, textarea, button, a, summary")].find((each) => nameOf(each) === focused)?.focus({ preventScroll: true });
}

/** What tells one control of the column from another, before and after. @param {Element} element */
function nameOf(element) {
  const form = element.closest("form");
  const about = form?.dataset.ref ?? [...(form?.querySelectorAll("input[type=hidden][name=form], input[type=hidden][name=kind]") ?? [])].map((each) => each.value).join();
  return [about, element.tagName, element.getAttribute("name"), element.getAttribute("value") && element.tagName === "BUTTON" ? element.value : "", element.className].join("|");
}

customElements.define("k8s-form", ScenarioForm);
