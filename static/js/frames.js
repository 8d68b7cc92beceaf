/** Frames and steps over HTTP. A frame at a revision never changes, so what has been fetched is kept. */

const KEEP = 80;

export class Frames {
  /** @type {Map<string, Promise<object>>} */
  #kept = new Map();

  /** @param {string} frameUrl @param {string} stepsUrl */
  constructor(frameUrl, stepsUrl) {
    this.frameUrl = frameUrl;
    this.stepsUrl = stepsUrl;
  }

  /**
   * @param {number} at  revision
   * @param {Record<string, string>} options  view, focus, layout
   * @returns {Promise<object>} {revision, time, digest, svg, step, inspector, text …}
   */
  get(at, options) {
    const query = new URLSearchParams({ ...options, at: String(at) });
    for (const [name, value] of [...query]) if (value === "") query.delete(name);
    const key = String(query);
    const kept = this.#kept.get(key);
    if (kept) {
      this.#kept.delete(key); // and put back as the latest
      this.#kept.set(key, kept);
      return kept;
    }
    const frame = fetchJson(withQuery(this.frameUrl, query));
    this.#kept.set(key, frame);
    frame.catch(() => this.#kept.delete(key));
    if (this.#kept.size > KEEP) this.#kept.delete(this.#kept.keys().next().value);
    return frame;
  }

  forget() {
    this.#kept.clear();
  }

  /** @param {number} at  a revision of which something more has become known */
  forgetAt(at) {
    for (const key of [...this.#kept.keys()]) if (new URLSearchParams(key).get("at") === String(at)) this.#kept.delete(key);
  }

  /**
   * @param {number} from @param {number} to  revisions, both included
   * @returns {Promise<{steps: object[], commands: object[], base: number, head: number}>}
   */
  steps(from, to) {
    return fetchJson(withQuery(this.stepsUrl, new URLSearchParams({ from: String(from), to: String(to) })));
  }
}

/** An address that may have a query already, with more of it. @param {string} address @param {URLSearchParams} query */
function withQuery(address, query) {
  return `${address}${address.includes("?") ? "&" : "?"}${query}`;
}

/** @param {string} url */
export async function fetchJson(url) {
  const response = await fetch(url, { headers: { Accept: "application/json" } });
  if (!response.ok) {
    const told = await response.json().catch(() => ({})); // a Status: what is wrong, in the reader's language
    throw Object.assign(new Error(`${response.status} ${url}`), { status: response.status, told: told.message ?? "" });
  }
  return response.json();
}
