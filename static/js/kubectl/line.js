/**
 * One command on its way: what was typed, the API it asks, and where its words go.
 *
 * The page gives it a place to write to; a test gives it an array. Nothing in this folder knows the page.
 */

import { Failure, Refused, Said, refusalText } from "./failure.js";

/**
 * @typedef {object} Place  where a command's words go, and where more are asked for
 * @property {(text: string) => void} out
 * @property {(text: string) => void} err
 * @property {(what: "manifest"|"edit", text: string) => Promise<string|null>} box  several lines from the reader; null: closed
 * @property {(id: string, params: Record<string, string>) => void} say  a sentence of this terminal's own
 * @property {() => void} [unfold]  shows the requests, as -v=8 does
 */

export class Line {
  /** Something went wrong, and the rest went on. */
  failed = false;

  /**
   * @param {object} all
   * @param {Kubectl} all.kubectl
   * @param {Api} all.api
   * @param {Parsed} all.parsed
   * @param {Place} all.place
   */
  constructor({ kubectl, api, parsed, place }) {
    this.kubectl = kubectl;
    this.discovery = kubectl.discovery;
    this.api = api;
    this.place = place;
    this.take(parsed);
  }

  /** What was typed. @param {Parsed} parsed */
  take({ args, flags, rest }) {
    this.args = args;
    this.flags = flags;
    this.rest = rest;
    this.namespace = flags.namespace || this.kubectl.namespace;
  }

  /** @param {string} text */
  out(text) {
    if (text) this.place.out(text);
  }

  /** @param {string} text */
  err(text) {
    if (text) this.place.err(text);
  }

  /** @param {"manifest"|"edit"} what @param {string} text */
  box(what, text) {
    return this.place.box(what, text);
  }

  /** Tells of one thing that went wrong; the command goes on and ends with 1. @param {Error} error @param {string} [prefix] */
  fail(error, prefix = "") {
    this.failed = true;
    if (error instanceof Refused) this.err(`${refusalText(error, prefix)}\n`);
    else if (error instanceof Failure) this.err(`${error.message}\n`);
    else if (error instanceof Said) this.place.say(error.id, error.params);
    else throw error;
  }

  /** @param {number} ms */
  async pause(ms) {
    const { signal } = this.api;
    if (signal?.aborted) throw signal.reason;
    await new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, ms);
      signal?.addEventListener("abort", () => {
        clearTimeout(timer);
        reject(signal.reason);
      }, { once: true });
    });
  }
}
