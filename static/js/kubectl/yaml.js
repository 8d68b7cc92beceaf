/** YAML read from a box and written as kubectl writes it: keys in order, lists not indented. */

import * as yaml from "../../vendor/js-yaml.mjs";
import { Failure } from "./failure.js";

/** @param {string} text @returns {object[]} every document that holds something; the parts of a List one by one */
export function documents(text) {
  let found;
  try {
    found = yaml.loadAll(text);
  } catch (error) {
    throw new Failure(`error: error parsing STDIN: error converting YAML to JSON: yaml: ${error.mark ? `line ${error.mark.line + 1}: ` : ""}${error.reason ?? error.message}`);
  }
  return found
    .filter((each) => each !== null && each !== undefined)
    .flatMap((each) => {
      if (typeof each !== "object" || Array.isArray(each)) throw new Failure("error: error validating STDIN: invalid object to validate");
      return Array.isArray(each.items) && /List$/.test(each.kind ?? "") ? each.items : [each];
    });
}

/** @param {string} text @returns {*} one value: a patch, an edited object */
export function value(text) {
  return yaml.load(text);
}

/** A scalar that another reader would take for something else is put in quotes. */
const TELLING =
  /^(?:|~|null|Null|NULL|true|True|TRUE|false|False|FALSE|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF|[yYnN]|[-+]?0x[\da-fA-F_]+|[-+]?0[bo][\d_]+|[-+]?\.?\d[\d_]*(?:\.[\d_]*)?(?:[eE][-+]?\d+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)|\d{4}-\d\d?-\d\d?(?:[Tt ].*)?|[-+]?\d[\d_]*(?::[0-5]?\d)+(?:\.\d*)?)$/;
/** Characters that may not begin a plain scalar, or end it, or stand in it. */
const ODD = /^[\s\-?:](?:\s|$)|^(?:---|\.\.\.)|^[,[\]{}#&*!|>'"%@`]|^\s|\s$|: |:$| #|[\u0000-\u001f\u007f]/;

/** Keys as the emitter that kubectl uses sorts them: numbers in them as numbers, letters behind what is none. @param {string} one @param {string} other */
function inOrder(one, other) {
  const letter = /\p{L}/u;
  const digit = /\d/;
  for (let at = 0; at < one.length && at < other.length; at += 1) {
    if (one[at] === other[at]) continue;
    const [here, there] = [letter.test(one[at]), letter.test(other[at])];
    if (here && there) return one[at] < other[at] ? -1 : 1;
    if (here || there) return (digit.test(one[at - 1] ?? "") ? here : there) ? -1 : 1;
    const start = digit.test(one[at]) && digit.test(other[at]) ? one.slice(0, at).search(/\d*$/) : at;
    const numbers = [one, other].map((text) => /^\d*/.exec(text.slice(start))[0]);
    const gap = Number(numbers[0]) - Number(numbers[1]) || numbers[0].length - numbers[1].length;
    return gap || (one[at] < other[at] ? -1 : 1);
  }
  return one.length - other.length;
}

/** A line is broken at the first space that stands further right than this. */
const WIDTH = 80;

/**
 * Breaks a long scalar at its spaces, as the emitter that kubectl uses does.
 * @param {string} text @param {string} indent  of the lines that follow @param {number} column  where it begins
 */
function folded(text, indent, column) {
  let line = "";
  let done = "";
  let at = column;
  for (let place = 0; place < text.length; place += 1) {
    const letter = text[place];
    if (letter === " " && at > WIDTH && place > 0 && place < text.length - 1 && text[place - 1] !== " " && text[place + 1] !== " ") {
      done += `${line}\n`;
      line = indent;
      at = indent.length;
    } else {
      line += letter;
      at += 1;
    }
  }
  return done + line;
}

/** @param {string} text @param {string} indent @param {number} [column]  where it begins; a key has none and is never broken */
function scalar(text, indent, column) {
  const fold = (written) => (column === undefined ? written : folded(written, indent, column));
  if (text.includes("\n") && !/[\u0000-\u0008\u000b-\u001f]|^[ \t]|[ \t]\n/.test(text)) {
    const lines = text.replace(/\n+$/, "").split("\n");
    const trailing = text.length - text.replace(/\n+$/, "").length;
    const mark = trailing === 0 ? "-" : trailing === 1 ? "" : "+";
    return [`|${text.startsWith("\n") ? 2 : ""}${mark}`, ...lines.map((line) => (line ? indent + line : "")), ...Array(Math.max(0, trailing - 1)).fill("")].join("\n");
  }
  if (TELLING.test(text) || /[\u0000-\u001f\u007f]/.test(text)) return fold(JSON.stringify(text));
  if (ODD.test(text)) return fold(`'${text.replaceAll("'", "''")}'`);
  return fold(text);
}

/** @param {*} data @param {string} indent @param {number} column  of what comes before it */
function write(data, indent, column) {
  if (Array.isArray(data)) {
    if (data.length === 0) return " []\n";
    return `\n${data.map((each) => `${indent}-${below(each, `${indent}  `)}`).join("")}`;
  }
  if (data !== null && typeof data === "object") {
    const keys = Object.keys(data).filter((key) => data[key] !== undefined).sort(inOrder);
    if (keys.length === 0) return " {}\n";
    return `\n${keys
      .map((key) => {
        const name = `${indent}${scalar(key, indent)}:`;
        return name + write(data[key], Array.isArray(data[key]) ? indent : `${indent}  `, name.length);
      })
      .join("")}`;
  }
  return ` ${typeof data === "string" ? scalar(data, indent, column + 1) : data === null ? "null" : String(data)}\n`;
}

/** A part of a list: what it holds begins on the line of the dash. @param {*} data @param {string} indent */
function below(data, indent) {
  const text = write(data, indent, indent.length - 1);
  return text.startsWith("\n") ? ` ${text.slice(1 + indent.length)}` : text;
}

/** @param {*} data */
export function dump(data) {
  return write(data, "", 0).replace(/^\n| /, "");
}

/** @param {*} data @returns {*} the same with every map's keys in order */
export function ordered(data) {
  if (Array.isArray(data)) return data.map(ordered);
  if (data === null || typeof data !== "object") return data;
  return Object.fromEntries(Object.keys(data).sort().map((key) => [key, ordered(data[key])]));
}

/** @param {*} data @returns {string} JSON as `-o json` prints it */
export function json(data) {
  return `${JSON.stringify(ordered(data), null, 4)}\n`;
}
