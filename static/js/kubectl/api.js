/**
 * The Kubernetes API of one scenario, over HTTP. Every request is told to `heard`, so that a command can show what it asked.
 */

import { Refused } from "./failure.js";

export const AGENT = "k8sdocs-terminal";
const TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

/**
 * @typedef {object} Options
 * @property {Record<string, string|number|boolean|undefined>} [query]
 * @property {*} [body]  data, written as JSON; a string goes as it is
 * @property {string} [type]  Content-Type of the body
 * @property {string} [accept]
 * @property {string} [as]  in whose name
 * @property {string[]} [groups]
 */

export class Api {
  /**
   * @param {object} at
   * @param {string} at.base  "/k8s/{id}"
   * @param {Record<string, string>} [at.headers]  sent with every request
   * @param {typeof fetch} [at.fetch]
   */
  constructor({ base, headers = {}, fetch: ask = (...all) => fetch(...all) }) {
    this.base = base;
    this.headers = headers;
    this.ask = ask;
    /** @type {(request: object) => void} */
    this.heard = () => {};
    /** @type {(text: string) => void} a Warning header */
    this.warned = () => {};
    /** @type {AbortSignal|undefined} */
    this.signal = undefined;
    /** The cluster's own clock, as the last answer told it. */
    this.clock = 0;
    this.identity = {};
  }

  /** @returns {number} now, in the cluster's time */
  get now() {
    return this.clock || Date.now();
  }

  /** @param {string} method @param {string} path @param {Options} [options] @returns {Promise<Response>} */
  async send(method, path, { query = {}, body, type = "application/json", accept = "application/json" } = {}) {
    const words = Object.entries(query)
      .filter(([, value]) => value !== undefined && value !== "" && value !== false)
      .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`);
    const address = words.length ? `${path}${path.includes("?") ? "&" : "?"}${words.join("&")}` : path;
    const headers = { Accept: accept, "X-K8sdocs-Agent": AGENT, ...this.headers, ...this.identity };
    if (body !== undefined) headers["Content-Type"] = type;
    const said = { method, path: address, status: 0, sent: body };
    this.heard(said);
    const response = await this.ask(this.base + address, {
      method,
      headers,
      body: body === undefined || typeof body === "string" ? body : JSON.stringify(body),
      signal: this.signal,
      credentials: "same-origin",
      cache: "no-store",
    });
    said.status = response.status;
    this.heard(said);
    const told = Date.parse(response.headers.get("X-K8sdocs-Time") ?? "");
    if (told) this.clock = told;
    for (const [, text] of (response.headers.get("Warning") ?? "").matchAll(/299 [^ ]+ "((?:[^"\\]|\\.)*)"/g)) this.warned(text.replace(/\\(.)/g, "$1"));
    if (!response.ok) throw await refused(response);
    return response;
  }

  /** @param {string} method @param {string} path @param {Options} [options] @returns {Promise<*>} what was answered, as data */
  async json(method, path, options) {
    const response = await this.send(method, path, options);
    return response.json();
  }

  /** @param {string} path @param {Options["query"]} [query] */
  get(path, query) {
    return this.json("GET", path, { query });
  }

  /** @param {string} path @param {Options["query"]} [query] */
  table(path, query) {
    return this.json("GET", path, { query, accept: TABLE });
  }

  /** A whole list, page by page. @param {string} path @param {Options["query"]} [query] @param {string} [accept] */
  async list(path, query = {}, accept = "application/json") {
    let whole;
    let next = "";
    do {
      const page = await this.json("GET", path, { query: { ...query, limit: query.limit ?? 500, continue: next }, accept });
      if (whole) {
        const part = page.kind === "Table" ? "rows" : "items";
        whole[part] = [...(whole[part] ?? []), ...(page[part] ?? [])];
      } else whole = page;
      next = page.metadata?.continue ?? "";
    } while (next);
    return whole;
  }

  /**
   * What happens from now on, line by line.
   * @param {string} path @param {Options["query"]} [query] @param {boolean} [table]
   * @returns {AsyncGenerator<{type: string, object: object}>}
   */
  async *watch(path, query = {}, table = false) {
    const response = await this.send("GET", path, { query: { ...query, watch: true }, accept: table ? TABLE : "application/json" });
    for await (const line of lines(response)) {
      if (line.trim()) yield JSON.parse(line);
    }
  }
}

/** @param {Response} response @returns {AsyncGenerator<string>} */
export async function* lines(response) {
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    while (true) {
      const { value, done } = await reader.read();
      rest += decoder.decode(value ?? new Uint8Array(), { stream: !done });
      const found = rest.split("\n");
      rest = found.pop();
      yield* found;
      if (done) break;
    }
    if (rest) yield rest;
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** @param {Response} response */
async function refused(response) {
  const text = await response.text();
  try {
    const status = JSON.parse(text);
    if (status.kind === "Status") return new Refused(status, response.status);
  } catch {
    // no Status: a page, or plain words
  }
  if (response.status === 404) return new Refused({ reason: "NotFound", message: "the server could not find the requested resource" }, 404);
  const plain = /^\s*</.test(text) ? response.statusText : text.trim() || response.statusText;
  return new Refused({ message: plain }, response.status);
}
