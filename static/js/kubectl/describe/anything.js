/** describe a kind that has no sheet of its own: every field, its name in words. */

import { annotations, events, labels } from "./page.js";

/** @typedef {Page} Page */

const ACRONYMS = new Set(["API", "URL", "UID", "GUID"]);
const SKIPPED = new Set([".metadata.managedFields", ".metadata.name", ".metadata.namespace", ".metadata.labels", ".metadata.annotations"]);

/** @param {string} field @returns {string} "lastTransitionTime" as "Last Transition Time" */
export function label(field) {
  if (/[^\p{L}-]/u.test(field)) return field;
  const parts = field.match(/\p{Lu}+(?=\p{Lu}\p{Ll}|$|-)|\p{Lu}?\p{Ll}+|\p{Lu}+|-/gu) ?? [field];
  return parts.map((part) => (ACRONYMS.has(part.toUpperCase()) ? part.toUpperCase() : part === part.toLowerCase() ? part.charAt(0).toUpperCase() + part.slice(1) : part)).join(" ");
}

/** @param {Page} page @param {number} level @param {object} content @param {string} path */
function fields(page, level, content, path) {
  for (const name of Object.keys(content).sort()) {
    const value = content[name];
    const here = `${path}.${name}`;
    if (SKIPPED.has(here)) continue;
    if (Array.isArray(value)) {
      page.write(level, `${label(name)}:\n`);
      for (const each of value) {
        if (each !== null && typeof each === "object" && !Array.isArray(each)) fields(page, level + 1, each, here);
        else page.write(level + 1, `${Array.isArray(each) ? `[${each.join(" ")}]` : each}\n`);
      }
    } else if (value !== null && typeof value === "object") {
      page.write(level, `${label(name)}:\n`);
      fields(page, level + 1, value, here);
    } else page.write(level, `${label(name)}:\t${value === null ? "<nil>" : value}\n`);
  }
}

/** @param {Page} page @param {object} object @param {object[]|undefined} found */
export function anything(page, object, found) {
  page.field("Name", object.metadata.name);
  page.field("Namespace", object.metadata.namespace);
  labels(page, "Labels", object.metadata.labels);
  annotations(page, "Annotations", object.metadata.annotations);
  fields(page, 0, object, "");
  events(page, found);
}
