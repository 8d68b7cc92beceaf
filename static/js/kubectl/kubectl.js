/** kubectl in the page: a typed line in, its words and its requests out. */

import { Api } from "./api.js";
import { COMMANDS, NAMES, REFUSED, commandOf } from "./commands.js";
import { Discovery } from "./discovery.js";
import { Failure, Refused, Said } from "./failure.js";
import { parse } from "./flags.js";
import { Line } from "./line.js";
import { duration } from "./times.js";
import { nearest, split } from "./words.js";

/** Programs that a reader may type by habit: there is none here. */
const CALLED = new Set(["kubectl", "k"]);

/** From this verbosity on kubectl tells the requests it makes. */
const REQUESTS_SHOWN = 6;

export class Kubectl {
  // For `help`, which cannot import what imports it.
  COMMANDS = COMMANDS;
  commandOf = commandOf;

  /** The namespace of the context: `config set-context --current --namespace`. */
  namespace = "default";

  /** @param {ConstructorParameters<typeof Api>[0]} at */
  constructor(at) {
    this.at = at;
    this.discovery = new Discovery(new Api(at));
  }

  /**
   * Runs one line.
   * @param {string} text
   * @param {Place & {heard?: (request: object) => void}} place
   * @param {AbortSignal} [signal]
   * @returns {Promise<number>} the exit code
   */
  async run(text, place, signal) {
    const api = new Api(this.at);
    api.heard = place.heard ?? (() => {});
    api.warned = (warning) => place.err(`Warning: ${warning}\n`);
    api.signal = signal;
    const before = this.discovery.api;
    this.discovery.api = api;
    const blank = { args: [], flags: {}, rest: [] };
    const line = new Line({ kubectl: this, api, parsed: blank, place });
    let limit;
    try {
      const found = this.#read(text);
      if (!found) return 0;
      line.take(found.parsed);
      if (line.flags.as) api.identity["Impersonate-User"] = line.flags.as;
      if (line.flags["as-group"]) api.identity["Impersonate-Group"] = line.flags["as-group"].join(",");
      const wait = line.flags["request-timeout"];
      if (wait && wait !== "0") {
        limit = AbortSignal.timeout(/^\d+$/.test(wait) ? Number(wait) * 1000 : duration(wait) || 1);
        api.signal = signal ? AbortSignal.any([signal, limit]) : limit;
      }
      if (line.flags.v >= REQUESTS_SHOWN) place.unfold?.();
      await found.command.run(line);
      return line.failed ? 1 : 0;
    } catch (error) {
      if (signal?.aborted) return 130;
      if (limit?.aborted) {
        if (line.flags.watch) return 0; // it was to last that long
        line.fail(new Failure("error: context deadline exceeded"));
        return 1;
      }
      if (error instanceof Failure || error instanceof Refused || error instanceof Said) line.fail(error);
      else if (error.name === "TypeError" && /fetch|network|load failed/i.test(error.message)) line.fail(new Said("no-answer"));
      else throw error;
      return error instanceof Failure ? error.code : 1;
    } finally {
      this.discovery.api = before;
    }
  }

  /** @param {string} text @returns {{command: Command, parsed: Parsed}|undefined} */
  #read(text) {
    const { words, quote, shell } = split(text);
    if (quote) throw new Said("open-quote", { quote });
    if (shell) throw new Said("no-shell", { mark: shell });
    if (words.length === 0) return undefined;
    if (CALLED.has(words[0])) words.shift();
    else if (!NAMES.has(words[0]) && !REFUSED.has(words[0])) {
      const near = words[0].length > 3 ? nearest(words[0], [...NAMES, ...CALLED]) : "";
      throw near ? new Said("no-program-near", { word: words[0], near: CALLED.has(near) ? near : `kubectl ${near}` }) : new Said("no-program", { word: words[0] });
    }
    if (words.length === 0) words.push("help");
    const [name] = words;
    if (REFUSED.has(name)) throw new Said(`refused-${REFUSED.get(name)}`, { command: name });
    if (name.startsWith("-") && name !== "-h" && name !== "--help") throw new Said("flag-first", { flag: name });
    const found = commandOf(words);
    if (!found) {
      const near = nearest(name, NAMES);
      throw near ? new Said("unknown-command-near", { command: name, near }) : new Said("unknown-command", { command: name });
    }
    const { command, rest } = found;
    if (!command.run) {
      const [sub] = rest;
      if (!sub || sub === "-h" || sub === "--help") return helpOn([command.name]);
      const near = nearest(sub, Object.keys(command.commands));
      throw near ? new Said("unknown-command-near", { command: `${command.name} ${sub}`, near: `${command.name} ${near}` }) : new Said("unknown-command", { command: `${command.name} ${sub}` });
    }
    const parsed = parse(rest, command.flags ?? {}, command.name);
    return parsed.flags.help ? helpOn(command.name.split(" ")) : { command, parsed };
  }
}

/** @param {string[]} args */
function helpOn(args) {
  return { command: COMMANDS.help, parsed: { args, flags: {}, rest: [] } };
}
