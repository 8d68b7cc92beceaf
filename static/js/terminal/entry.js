/** One command in the terminal's log: what was typed, what came back, and the requests it made. */

const MOST_LINES = 3000;
/** An answer of so many lines is read out; of a longer one its length is told. */
const READ_OUT = 12;

export class Entry {
  #lines = 0;
  #pending = [];
  #due = 0;
  #requests = [];

  /**
   * @param {DocumentFragment} template  of the page
   * @param {string} text  the command
   * @param {{scrolled: () => void, phrase: (id: string, params?: object) => string}} terminal
   */
  constructor(template, text, terminal) {
    this.element = template.cloneNode(true).firstElementChild;
    this.terminal = terminal;
    this.output = this.element.querySelector("[data-out]");
    this.element.querySelector("[data-typed]").textContent = text;
    this.told = "";
  }

  /** @param {string} text @param {string} [kind]  "err", "said" */
  write(text, kind = "") {
    if (this.#lines >= MOST_LINES) return;
    const parts = text.split("\n").length - 1;
    if (this.#lines + parts > MOST_LINES) {
      const kept = text.split("\n").slice(0, MOST_LINES - this.#lines).join("\n");
      this.#put(`${kept}\n`, kind);
      this.#put(`${this.terminal.phrase("cut", { count: String(MOST_LINES) })}\n`, "said");
      this.#lines = MOST_LINES;
      return;
    }
    this.#lines += parts;
    this.#put(text, kind);
  }

  /** Gathers what comes in one turn: a watch may send a hundred lines at once. @param {string} text @param {string} kind */
  #put(text, kind) {
    this.told += text;
    const last = this.#pending.at(-1);
    if (last && last.kind === kind) last.text += text;
    else this.#pending.push({ text, kind });
    this.#due ||= requestAnimationFrame(() => this.flush());
  }

  /** @param {Node} node  a sentence with a button in it */
  place(node) {
    this.flush();
    this.output.append(node);
    this.terminal.scrolled();
  }

  flush() {
    cancelAnimationFrame(this.#due);
    this.#due = 0;
    for (const { text, kind } of this.#pending.splice(0)) {
      const last = this.output.lastElementChild;
      if (last && last.dataset.kind === kind && last.tagName === "SPAN") last.append(text);
      else {
        const span = document.createElement("span");
        span.dataset.kind = kind;
        if (kind) span.className = kind;
        if (kind === "said") span.lang = document.documentElement.lang;
        span.textContent = text;
        this.output.append(span);
      }
    }
    this.terminal.scrolled();
  }

  /** @param {{method: string, path: string, status: number, sent?: *}} request */
  heard(request) {
    if (!this.#requests.includes(request)) this.#requests.push(request);
    const box = this.element.querySelector("[data-requests]");
    const list = box.querySelector("ol");
    let row = list.children[this.#requests.indexOf(request)];
    if (!row) {
      row = list.appendChild(box.querySelector("template").content.firstElementChild.cloneNode(true));
      const [method, path] = row.children;
      method.textContent = request.method;
      path.textContent = request.path;
      if (request.sent !== undefined) {
        const body = row.querySelector("[data-body]");
        body.hidden = false;
        body.textContent = typeof request.sent === "string" ? request.sent : JSON.stringify(request.sent);
      }
    }
    row.querySelector("[data-status]").textContent = request.status ? String(request.status) : "…";
    row.classList.toggle("bad", request.status >= 400);
    box.hidden = false;
    const count = this.#requests.length;
    box.querySelector("summary").textContent = this.terminal.phrase(count === 1 ? "request" : "requests", { count: String(count) });
  }

  unfold() {
    this.element.querySelector("[data-requests]").open = true;
  }

  /** @returns {string} what a screen reader says when the command has ended */
  summary() {
    this.flush();
    const lines = this.told.trimEnd().split("\n");
    return lines.length > READ_OUT ? this.terminal.phrase("long", { count: String(lines.length) }) : this.told.trim();
  }
}
