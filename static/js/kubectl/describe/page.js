/** The sheet a description is written on, and the parts that many kinds share. */

import { age } from "../times.js";
import { align } from "../tabs.js";

const LONGEST = 140;
const SKIPPED = new Set(["kubectl.kubernetes.io/last-applied-configuration"]);

export class Page {
  #done = "";
  #open = "";

  /** @param {number} now */
  constructor(now) {
    this.now = now;
  }

  /** @param {number} level @param {string} text */
  write(level, text) {
    this.#open += "  ".repeat(level) + text;
  }

  /** What is written so far keeps its columns; what follows makes its own. */
  flush() {
    this.#done += align(this.#open);
    this.#open = "";
  }

  /** @param {string} label @param {*} value @param {number} [level] */
  field(label, value, level = 0) {
    this.write(level, `${label}:\t${value ?? ""}\n`);
  }

  /** With its tabs as they are, since the last flush. */
  get raw() {
    return this.#open;
  }

  toString() {
    this.flush();
    return this.#done;
  }

  /** @param {string|undefined} instant */
  since(instant) {
    return age(instant, this.now);
  }
}

/** @param {Page} page @param {string} title @param {Record<string, string>|undefined} labels @param {string} [indent] */
export function labels(page, title, labels, indent = "") {
  const keys = Object.keys(labels ?? {}).sort();
  page.write(0, `${indent}${title}:\t`);
  if (keys.length === 0) page.write(0, "<none>\n");
  keys.forEach((key, number) => page.write(0, `${number ? `${indent}\t` : ""}${key}=${labels[key]}\n`));
}

/** @param {Page} page @param {string} title @param {Record<string, string>|undefined} annotations */
export function annotations(page, title, annotations) {
  const keys = Object.keys(annotations ?? {})
    .filter((key) => !SKIPPED.has(key))
    .sort();
  page.write(0, `${title}:\t`);
  if (keys.length === 0) page.write(0, "<none>\n");
  keys.forEach((key, number) => {
    const value = annotations[key].replace(/\n$/, "");
    if (number) page.write(0, "\t");
    if (value.length + key.length + 2 > LONGEST || value.includes("\n")) {
      page.write(0, `${key}:\n`);
      for (const part of value.split("\n")) page.write(0, `\t  ${part.length > LONGEST - 2 ? `${part.slice(0, LONGEST - 2)}...` : part}\n`);
    } else page.write(0, `${key}: ${value}\n`);
  });
}

/** Name, namespace, labels, annotations. @param {Page} page @param {object} object */
export function heading(page, { metadata }) {
  page.field("Name", metadata.name);
  page.field("Namespace", metadata.namespace);
  labels(page, "Labels", metadata.labels);
  annotations(page, "Annotations", metadata.annotations);
}

/** @param {object|undefined} selector  a LabelSelector @returns {string} */
export function selectorText(selector) {
  if (!selector) return "<none>";
  const equal = Object.keys(selector.matchLabels ?? {}).map((key) => ({ key, text: `${key}=${selector.matchLabels[key]}` }));
  const more = (selector.matchExpressions ?? []).map(({ key, operator, values = [] }) => {
    if (operator === "Exists") return { key, text: key };
    if (operator === "DoesNotExist") return { key, text: `!${key}` };
    return { key, text: `${key} ${operator === "In" ? "in" : "notin"} (${[...values].sort().join(",")})` };
  });
  const parts = [...equal, ...more].sort((one, other) => (one.key < other.key ? -1 : one.key > other.key ? 1 : 0));
  return parts.map(({ text }) => text).join(",") || "<none>";
}

/** @param {Record<string, string>|undefined} found */
export function mapText(found) {
  return (
    Object.keys(found ?? {})
      .sort()
      .map((key) => `${key}=${found[key]}`)
      .join(",") || "<none>"
  );
}

/** @param {object} object @returns {string} "ReplicaSet/web-5d4f", "" if nothing controls it */
export function controller({ metadata }) {
  const owner = (metadata.ownerReferences ?? []).find((each) => each.controller);
  return owner ? `${owner.kind}/${owner.name}` : "";
}

/** @param {Page} page @param {object[]|undefined} conditions @param {boolean} [reasons] */
export function conditions(page, conditions, reasons = true) {
  if (!conditions?.length) return;
  page.write(0, `Conditions:\n  Type\tStatus${reasons ? "\tReason" : ""}\n`);
  if (reasons) page.write(1, "----\t------\t------\n");
  for (const each of conditions) page.write(1, `${each.type} \t${each.status}${reasons ? `\t${each.reason ?? ""}` : " "}\n`);
}

/** @param {Page} page @param {object[]|undefined} tolerations @param {string} [indent] */
export function tolerations(page, tolerations, indent = "") {
  page.write(0, `${indent}Tolerations:\t`);
  if (!tolerations?.length) page.write(0, "<none>\n");
  const order = [...(tolerations ?? [])].sort((one, other) => ((one.key ?? "") < (other.key ?? "") ? -1 : (one.key ?? "") > (other.key ?? "") ? 1 : 0));
  order.forEach((each, number) => {
    let text = each.key ?? "";
    if (each.value) text += `=${each.value}`;
    if (each.effect) text += `:${each.effect}`;
    if (each.operator === "Exists" && !each.value) text += each.key || each.effect ? " op=Exists" : "op=Exists";
    if (each.tolerationSeconds !== undefined) text += ` for ${each.tolerationSeconds}s`;
    page.write(0, `${number ? `${indent}\t` : ""}${text}\n`);
  });
}

/** @param {Page} page @param {object[]|undefined} events  undefined: they were not asked for */
export function events(page, events) {
  if (!events) return;
  if (events.length === 0) {
    page.write(0, "Events:\t<none>\n");
    return;
  }
  page.flush();
  const last = (each) => Date.parse(each.series?.lastObservedTime ?? each.lastTimestamp ?? each.eventTime ?? 0);
  const order = [...events].sort((one, other) => last(one) - last(other));
  page.write(0, "Events:\n  Type\tReason\tAge\tFrom\tMessage\n");
  page.write(1, "----\t------\t----\t----\t-------\n");
  for (const each of order) {
    const first = page.since(each.eventTime ?? each.firstTimestamp);
    let interval = first;
    if (each.series) interval = `${page.since(each.series.lastObservedTime)} (x${each.series.count} over ${first})`;
    else if (each.count > 1) interval = `${page.since(each.lastTimestamp)} (x${each.count} over ${first})`;
    const from = each.source?.component || each.reportingComponent || "";
    const where = each.involvedObject?.fieldPath;
    const message = (each.message ?? "").trim();
    page.write(1, `${each.type}\t${each.reason}\t${interval}\t${from}\t${where ? `${where}: ${message}` : message}\n`);
  }
}
