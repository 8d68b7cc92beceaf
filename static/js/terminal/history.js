/** The commands of this visit, for the arrow keys. They stay in this tab: a command may hold a secret. */

const KEY = "kubectl-history";
const MOST = 200;

export class History {
  #lines = [];
  #at = 0;
  #draft = "";

  constructor() {
    try {
      this.#lines = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
    } catch {
      // no storage, or something else was there: it begins anew
    }
    this.#at = this.#lines.length;
  }

  /** @param {string} line */
  add(line) {
    if (line.trim() && this.#lines.at(-1) !== line) this.#lines = [...this.#lines, line].slice(-MOST);
    this.#at = this.#lines.length;
    this.#draft = "";
    try {
      sessionStorage.setItem(KEY, JSON.stringify(this.#lines));
    } catch {
      // no storage: it holds for this page
    }
  }

  /** @param {-1|1} way @param {string} now  what is typed @returns {string|undefined} */
  go(way, now) {
    const next = this.#at + way;
    if (next < 0 || next > this.#lines.length) return undefined;
    if (this.#at === this.#lines.length) this.#draft = now;
    this.#at = next;
    return this.#lines[next] ?? this.#draft;
  }
}
