/** JSONPath as kubectl understands it: fields, lists, slices, filters, `..`, unions, range, text between braces. */

import { Failure } from "./failure.js";

/** @param {string} template @param {*} data @returns {string} */
export function jsonpath(template, data) {
  return evaluate(parseTemplate(template), data, data);
}

/** @param {string} template */
function parseTemplate(template) {
  const stack = [{ parts: [] }];
  let rest = template;
  while (rest) {
    const open = rest.indexOf("{");
    if (open < 0) {
      stack.at(-1).parts.push({ text: rest });
      break;
    }
    if (open > 0) stack.at(-1).parts.push({ text: rest.slice(0, open) });
    const close = closing(rest, open);
    if (close < 0) throw new Failure(`error: error parsing jsonpath ${template}, unclosed action`);
    const inner = rest.slice(open + 1, close).trim();
    rest = rest.slice(close + 1);
    if (/^range\s/.test(inner)) stack.push({ range: inner.slice(6).trim(), parts: [] });
    else if (inner === "end") {
      if (stack.length < 2) throw new Failure(`error: error parsing jsonpath ${template}, not in range, nothing to end`);
      const done = stack.pop();
      stack.at(-1).parts.push(done);
    } else stack.at(-1).parts.push({ actions: split(inner) });
  }
  if (stack.length > 1) throw new Failure(`error: error parsing jsonpath ${template}, unexpected end of range`);
  return stack[0].parts;
}

/** The brace that ends what one at `open` began; quoted ones do not count. @param {string} text @param {number} open */
function closing(text, open) {
  let quote = "";
  for (let at = open + 1; at < text.length; at += 1) {
    if (quote) {
      if (text[at] === "\\") at += 1;
      else if (text[at] === quote) quote = "";
    } else if (text[at] === '"' || text[at] === "'") quote = text[at];
    else if (text[at] === "}") return at;
  }
  return -1;
}

/** `.metadata.name "\t" .kind` in its parts. @param {string} inner */
function split(inner) {
  return [...inner.matchAll(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'(?![\]])|(?:\[[^\]]*\]|[^\s"'[])+/g)].map(([part]) => part);
}

/** @param {object[]} parts @param {*} root @param {*} here */
function evaluate(parts, root, here) {
  return parts
    .map((part) => {
      if (part.text !== undefined) return part.text;
      if (part.range !== undefined) return walk(part.range, root, here).map((each) => evaluate(part.parts, root, each)).join("");
      return part.actions.map((action) => one(action, root, here)).join("");
    })
    .join("");
}

/** @param {string} action @param {*} root @param {*} here */
function one(action, root, here) {
  if (/^["']/.test(action)) return action.slice(1, -1).replace(/\\(.)/g, (_, letter) => ({ n: "\n", t: "\t", r: "\r" })[letter] ?? letter);
  return walk(action, root, here).map(shown).join(" ");
}

/** @param {*} value @returns {string} */
export function shown(value) {
  if (value === null || value === undefined) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/**
 * Everything that a path leads to.
 * @param {string} path @param {*} root @param {*} here @returns {*[]}
 */
export function walk(path, root, here = root) {
  let text = path.trim();
  let found = [here];
  if (text.startsWith("$")) {
    found = [root];
    text = text.slice(1);
  } else if (text.startsWith("@")) text = text.slice(1);
  else if (!/^[.[]/.test(text)) text = `.${text}`;
  while (text) {
    let match;
    if ((match = /^\.\.(\*|[\w\\.$-]*?)(?=\.|\[|$)/.exec(text)) && text.startsWith("..")) {
      found = found.flatMap(everything);
      if (match[1]) found = found.flatMap((each) => field(each, unescape(match[1])));
    } else if ((match = /^\.((?:\\.|[^.[\\])+)/.exec(text))) {
      found = found.flatMap((each) => field(each, unescape(match[1])));
    } else if ((match = /^\.$/.exec(text))) {
      // the thing itself
    } else if (text.startsWith("[")) {
      const end = bracket(text);
      const inner = text.slice(1, end);
      found = found.flatMap((each) => index(each, inner, root));
      match = [text.slice(0, end + 1)];
    } else throw new Failure(`error: error parsing jsonpath ${path}, unrecognized character in action`);
    text = text.slice(match[0].length);
  }
  return found;
}

/** @param {string} text */
function bracket(text) {
  let depth = 0;
  let quote = "";
  for (let at = 0; at < text.length; at += 1) {
    if (quote) {
      if (text[at] === quote) quote = "";
    } else if (text[at] === '"' || text[at] === "'") quote = text[at];
    else if (text[at] === "[") depth += 1;
    else if (text[at] === "]" && --depth === 0) return at;
  }
  throw new Failure(`error: error parsing jsonpath ${text}, unterminated array`);
}

/** @param {string} text */
function unescape(text) {
  return text.replace(/\\(.)/g, "$1");
}

/** @param {*} value @param {string} name */
function field(value, name) {
  if (value === null || typeof value !== "object") return [];
  if (name === "*") return Object.values(value);
  return Object.hasOwn(value, name) ? [value[name]] : [];
}

/** @param {*} value @returns {*[]} */
function everything(value) {
  if (value === null || typeof value !== "object") return [value];
  return [value, ...Object.values(value).flatMap(everything)];
}

/** @param {*} value @param {string} inner @param {*} root */
function index(value, inner, root) {
  if (inner === "*") return value !== null && typeof value === "object" ? Object.values(value) : [];
  const filter = /^\?\((.*)\)$/.exec(inner);
  if (filter) return (Array.isArray(value) ? value : []).filter((each) => holds(filter[1], root, each));
  if (/^['"]/.test(inner)) return inner.split(/,(?=\s*['"])/).flatMap((name) => field(value, name.trim().slice(1, -1)));
  if (!Array.isArray(value)) return [];
  if (inner.includes(":")) {
    const [from, to, step] = inner.split(":").map((each) => (each.trim() === "" ? undefined : Number(each)));
    const at = (number, otherwise) => (number === undefined ? otherwise : number < 0 ? number + value.length : number);
    return value.slice(at(from, 0), at(to, value.length)).filter((_, number) => number % (step ?? 1) === 0);
  }
  return inner.split(",").flatMap((each) => {
    const number = Number(each);
    const place = number < 0 ? number + value.length : number;
    if (place >= value.length) throw new Failure(`error: error executing jsonpath: array index out of bounds: index ${number}, length ${value.length}`);
    return [value[place]];
  });
}

/** @param {string} test @param {*} root @param {*} each */
function holds(test, root, each) {
  const match = /^(.*?)\s*(==|!=|>=|<=|>|<)\s*(.*)$/.exec(test);
  if (!match) return walk(test, root, each).some((found) => found !== null && found !== undefined);
  const side = (text) => (/^["']/.test(text) ? text.slice(1, -1) : /^[@$]/.test(text) ? walk(text, root, each)[0] : text === "true" ? true : text === "false" ? false : Number.isNaN(Number(text)) ? text : Number(text));
  const left = side(match[1].trim());
  const right = side(match[3].trim());
  if (left === undefined) return false;
  return { "==": left === right, "!=": left !== right, ">": left > right, "<": left < right, ">=": left >= right, "<=": left <= right }[match[2]];
}
