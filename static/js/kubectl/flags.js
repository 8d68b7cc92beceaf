/** Flags: which there are, and what a line of words says with them. */

import { Failure, Said } from "./failure.js";
import { nearest } from "./words.js";

/**
 * @typedef {object} Flag
 * @property {"text"|"list"|"bool"|"number"|"maybe"} kind  "maybe": a flag that may stand alone, as --dry-run may
 * @property {string} [short]
 * @property {string} [alone]  what it says when it stands alone
 * @property {string[]} [values]  what may follow, for completion
 */

/** Flags that every command takes. */
const COMMON = {
  namespace: { kind: "text", short: "n" },
  as: { kind: "text" },
  "as-group": { kind: "list" },
  "request-timeout": { kind: "text" },
  v: { kind: "number", short: "v" },
  help: { kind: "bool", short: "h" },
};

const OUTPUT = { output: { kind: "text", short: "o", values: ["wide", "yaml", "json", "name", "jsonpath=", "custom-columns=", "go-template="] } };

/** Sets of flags that several commands share. */
export const SETS = {
  output: OUTPUT,
  select: { selector: { kind: "text", short: "l" }, "all-namespaces": { kind: "bool", short: "A" }, "field-selector": { kind: "text" } },
  files: { filename: { kind: "list", short: "f", values: ["-"] }, recursive: { kind: "bool", short: "R" } },
  dry: { "dry-run": { kind: "maybe", alone: "unchanged", values: ["none", "client", "server"] } },
  write: { ...OUTPUT, "dry-run": { kind: "maybe", alone: "unchanged", values: ["none", "client", "server"] }, "field-manager": { kind: "text" }, "show-managed-fields": { kind: "bool" } },
};

/**
 * @param {Record<string, Flag>} known
 * @returns {Record<string, Flag>} with those that every command takes
 */
export function withCommon(known) {
  return { ...COMMON, ...known };
}

/**
 * @typedef {object} Parsed
 * @property {string[]} args
 * @property {Record<string, *>} flags  by name
 * @property {string[]} rest  what follows `--`
 */

/**
 * @param {string[]} words  what follows the command's name
 * @param {Record<string, Flag>} own  the command's flags
 * @param {string} command  its name, to say who does not know a flag
 * @returns {Parsed}
 */
export function parse(words, own, command) {
  const known = withCommon(own);
  const short = Object.fromEntries(Object.entries(known).filter(([, flag]) => flag.short).map(([name, flag]) => [flag.short, name]));
  const args = [];
  const flags = {};
  const dashes = words.indexOf("--");
  const rest = dashes < 0 ? [] : words.slice(dashes + 1);
  const line = dashes < 0 ? [...words] : words.slice(0, dashes);

  /** @param {string} name @param {string|undefined} given @param {string} typed */
  const set = (name, given, typed) => {
    const flag = known[name];
    if (!flag) unknown(typed, known, command);
    if (flag.kind === "bool") flags[name] = given === undefined ? true : truth(given, typed);
    else if (flag.kind === "maybe") flags[name] = given ?? flag.alone;
    else {
      const value = given ?? line.shift();
      if (value === undefined) throw new Failure(`error: flag needs an argument: ${typed.startsWith("--") ? typed : `'${typed[1]}' in ${typed}`}`);
      if (flag.kind === "number" && !/^[-+]?\d+$/.test(value)) throw new Failure(`error: invalid argument "${value}" for "${spelling(name, known)}" flag: strconv.ParseInt: parsing "${value}": invalid syntax`);
      if (flag.kind === "list") flags[name] = [...(flags[name] ?? []), value];
      else flags[name] = flag.kind === "number" ? Number(value) : value;
    }
  };

  while (line.length) {
    const word = line.shift();
    if (word.startsWith("--")) {
      const [name, ...value] = word.slice(2).split("=");
      set(name, value.length ? value.join("=") : undefined, `--${name}`);
    } else if (/^-[A-Za-z]/.test(word)) {
      let letters = word.slice(1);
      while (letters) {
        const letter = letters[0];
        letters = letters.slice(1);
        const name = short[letter];
        if (!name) unknown(`-${letter}`, known, command);
        if (known[name].kind === "bool" && !letters.startsWith("=")) set(name, undefined, `-${letter}`);
        else {
          set(name, letters ? letters.replace(/^=/, "") : undefined, `-${letter}`);
          letters = "";
        }
      }
    } else args.push(word);
  }
  return { args, flags, rest };
}

/** @param {string} name @param {Record<string, Flag>} known */
function spelling(name, known) {
  return known[name].short ? `-${known[name].short}, --${name}` : `--${name}`;
}

/** @param {string} text @param {string} typed */
function truth(text, typed) {
  if (/^(?:true|1|t)$/i.test(text)) return true;
  if (/^(?:false|0|f)$/i.test(text)) return false;
  throw new Failure(`error: invalid argument "${text}" for "${typed}" flag: strconv.ParseBool: parsing "${text}": invalid syntax`);
}

/** @param {string} typed @param {Record<string, Flag>} known @param {string} command */
function unknown(typed, known, command) {
  const near = nearest(typed.replace(/^-+/, ""), Object.keys(known));
  throw near && typed.startsWith("--")
    ? new Said("unknown-flag-near", { flag: typed, command: `kubectl ${command}`, near: `--${near}` })
    : new Said("unknown-flag", { flag: typed, command: `kubectl ${command}` });
}
