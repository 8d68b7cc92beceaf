/** The table of steps beside a figure: one row a step, the present row on the wash, what is yet to come in grey. */

const WINDOW = 160; // rows kept in the page on either side of the present
const ASKED_MS = 8000; // how long a request that left no step is told
const WORTH = new Set(["change", "note"]);

/**
 * @customElement k8s-timeline
 * @attr {string} for  id of the figure
 */
export class Timeline extends HTMLElement {
  #figure;
  #rows = new Map();
  #range = [0, -1];
  #all = false;
  #due = 0;
  #gone = 0;
  #guest; // the present step, when it is of a rank that is otherwise left out

  async connectedCallback() {
    await customElements.whenDefined("k8s-figure");
    this.#figure = document.getElementById(this.getAttribute("for"));
    if (!this.#figure) return;
    const all = this.querySelector("[data-timeline-all]");
    this.querySelector("[data-timeline-tools]").hidden = false;
    all.addEventListener("change", () => {
      this.#all = all.checked;
      this.#range = [0, -1];
      this.#paint();
    });
    this.#figure.playhead.addEventListener("steps", () => {
      this.#range = [0, -1];
      this.#ask();
    });
    this.#figure.playhead.addEventListener("move", () => this.#ask());
    this.#figure.addEventListener("k8s-request", (event) => this.#asked(event.detail));
    this.addEventListener("click", (event) => this.#click(event));
    this.querySelector(".timeline-scroll").addEventListener("keydown", (event) => {
      const act = { ArrowDown: "step", ArrowUp: "back", Home: "first", End: "last" }[event.key];
      if (!act) return;
      event.preventDefault();
      this.#figure.act(act);
    });
    await this.#figure.ready;
    this.#paint();
  }

  /** A request that left no step: the last of them stands above the rows for a while. @param {object} request */
  #asked({ agent, method, path, status }) {
    const line = this.querySelector("[data-asked]");
    if (!line) return;
    line.hidden = false;
    line.querySelector("b").textContent = agent || "?";
    line.querySelector("code").textContent = `${method} ${path}`;
    line.querySelector("span").textContent = status;
    clearTimeout(this.#gone);
    this.#gone = setTimeout(() => (line.hidden = true), ASKED_MS);
  }

  #ask() {
    cancelAnimationFrame(this.#due);
    this.#due = requestAnimationFrame(() => this.#paint());
  }

  /** Changes, and whatever stands at the present revision: there is a row for where the reader is. */
  #visible() {
    const { steps, place } = this.#figure.playhead;
    const present = this.#figure.playhead.stepAt(place);
    const guest = present && !WORTH.has(present.rank) ? present : undefined;
    if (guest !== this.#guest) this.#range = [0, -1];
    this.#guest = guest;
    return this.#all ? steps : steps.filter((step) => WORTH.has(step.rank) || step === guest);
  }

  #paint() {
    const { playhead } = this.#figure;
    const { at, after, place } = playhead;
    const steps = this.#visible();
    if (steps.length === 0) return;
    const past = (step) => playhead.passed(step.at);
    let present = steps.findLastIndex(past);
    if (present < 0) present = 0;
    const [low, high] = this.#range;
    const outside = present < low + 20 || present > high - 20;
    const grown = high < 0 || (outside && (low > 0 || high < steps.length - 1));
    if (grown) this.#fill(steps, Math.max(0, present - WINDOW), Math.min(steps.length - 1, present + WINDOW));
    for (const [step, row] of this.#rows) {
      const now = after === undefined ? step.revision === at : step === playhead.stepAt(place);
      row.classList.toggle("now", now);
      row.classList.toggle("next", !past(step));
      if (now) row.setAttribute("aria-current", "step");
      else row.removeAttribute("aria-current");
    }
    this.#reveal(this.#rows.get(steps[present]));
  }

  /** Scrolls the table, never the page. @param {HTMLElement|undefined} row */
  #reveal(row) {
    const box = this.querySelector(".timeline-scroll");
    if (!row || box.scrollHeight <= box.clientHeight) return;
    const head = box.querySelector("thead").offsetHeight;
    const top = row.offsetTop - head;
    const bottom = row.offsetTop + row.offsetHeight;
    if (top < box.scrollTop) box.scrollTop = top - row.offsetHeight * 2;
    else if (bottom > box.scrollTop + box.clientHeight - row.offsetHeight) box.scrollTop = bottom - box.clientHeight + row.offsetHeight * 2;
  }

  /** @param {object[]} steps @param {number} low @param {number} high */
  #fill(steps, low, high) {
    this.#range = [low, high];
    const body = this.querySelector("[data-steps]");
    const template = this.querySelector("template[data-row]").content.firstElementChild;
    const rows = new Map();
    const fragment = document.createDocumentFragment();
    for (let index = low; index <= high; index += 1) {
      const step = steps[index];
      const row = this.#rows.get(step) ?? this.#row(template, step);
      rows.set(step, row);
      fragment.append(row);
    }
    this.#rows = rows;
    body.replaceChildren(fragment);
  }

  /** @param {Element} template @param {object} step */
  #row(template, step) {
    const row = template.cloneNode(true);
    row.className = `rank-${step.rank}${step.reader ? " command" : ""}`;
    row.dataset.at = step.at;
    const [time, revision, who, verb, object, says] = row.children;
    time.textContent = step.time.replace(/^t\+| s$/g, "");
    const link = revision.firstElementChild;
    link.textContent = step.at;
    link.href = this.#figure.addressAt(step.at);
    who.textContent = step.who;
    verb.textContent = step.verb_text;
    object.children[0].textContent = step.kind;
    object.children[1].textContent = step.name;
    says.textContent = step.text;
    says.title = step.text;
    return row;
  }

  /** @param {MouseEvent} event */
  #click(event) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    const row = event.target instanceof Element ? event.target.closest("tr[data-at]") : null;
    if (!row || getSelection()?.toString()) return;
    event.preventDefault();
    this.#figure.seek(row.dataset.at);
  }
}

customElements.define("k8s-timeline", Timeline);
