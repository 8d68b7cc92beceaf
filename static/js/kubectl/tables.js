/** The server's Tables, printed as `kubectl get` prints them. */

import { single } from "./discovery.js";
import { shown, walk } from "./jsonpath.js";
import { amount } from "./quantities.js";
import { Columns } from "./tabs.js";

/**
 * @typedef {object} Look
 * @property {boolean} [wide]
 * @property {boolean} [headers]
 * @property {boolean} [namespace]  a column for it
 * @property {boolean} [labels]
 * @property {string[]} [columns]  labels that have a column each
 * @property {Resource} [kind]  put before each name
 * @property {boolean} [events]  a column for what happened
 */

/** Prints one Table, then the rows that follow it while it is watched. */
export class TablePrinter {
  #columns = [];
  #headed = false;
  #layout = new Columns();

  /** @param {Look} look */
  constructor(look) {
    this.look = look;
  }

  /** @param {object} table @param {string} [event] @returns {string} */
  print(table, event = "") {
    const { look } = this;
    const fresh = table.columnDefinitions?.length ? table.columnDefinitions : this.#columns;
    if (JSON.stringify(fresh) !== JSON.stringify(this.#columns)) this.#headed = false;
    this.#columns = fresh;
    const rows = table.rows ?? [];
    if (rows.length === 0) return "";
    const kept = fresh.map((column, number) => ({ column, number })).filter(({ column }) => look.wide || !column.priority);
    const lines = [];
    if (!this.#headed && look.headers !== false) {
      lines.push([
        ...(event ? ["EVENT"] : []),
        ...(look.namespace ? ["NAMESPACE"] : []),
        ...kept.map(({ column }) => column.name.toUpperCase()),
        ...(look.columns ?? []).map((label) => label.split("/").at(-1).toUpperCase()),
        ...(look.labels ? ["LABELS"] : []),
      ]);
    }
    this.#headed = true;
    for (const row of rows) {
      const metadata = row.object?.metadata ?? {};
      const cells = kept.map(({ column, number }) => {
        const text = cell(row.cells?.[number]);
        return look.kind && column.format === "name" && column.type === "string" ? `${single(look.kind)}/${text}` : text;
      });
      lines.push([
        ...(event ? [event] : []),
        ...(look.namespace ? [metadata.namespace ?? ""] : []),
        ...cells,
        ...(look.columns ?? []).map((label) => metadata.labels?.[label] ?? ""),
        ...(look.labels ? [labels(metadata.labels)] : []),
      ]);
    }
    return this.#layout.print(lines);
  }
}

/** @param {*} value */
function cell(value) {
  if (value === null || value === undefined) return "";
  const text = String(value);
  const end = text.search(/[\f\n\r]/);
  return end < 0 ? text : `${text.slice(0, end)}...`;
}

/** @param {Record<string, string>|undefined} found */
function labels(found) {
  const text = Object.keys(found ?? {})
    .sort()
    .map((key) => `${key}=${found[key]}`)
    .join(",");
  return text || "<none>";
}

/** @param {string} field  of --sort-by @returns {string} a path */
export function sortPath(field) {
  return field.replace(/^\{|\}$/g, "").replace(/^(?=[^.[])/, ".");
}

/** @param {object[]} items @param {string} field @param {(item: object) => object} [of] */
export function sorted(items, field, of = (item) => item) {
  const path = sortPath(field);
  const keyed = items.map((item) => ({ item, key: walk(path, of(item))[0] }));
  const known = keyed.some(({ key }) => key !== undefined);
  if (items.length && !known) return undefined;
  return keyed.sort((one, other) => compare(one.key, other.key)).map(({ item }) => item);
}

/** @param {*} one @param {*} other */
function compare(one, other) {
  if (one === undefined || other === undefined) return (one === undefined ? 0 : 1) - (other === undefined ? 0 : 1);
  if (typeof one === "number" && typeof other === "number") return one - other;
  const amounts = [one, other].map((value) => (/^[-+]?[\d.]+([eE][-+]?\d+|[numkMGTPE]i?)?$/.test(shown(value)) ? amount(value) : NaN));
  if (!amounts.some(Number.isNaN)) return amounts[0] - amounts[1]; // quantities, as they are
  return shown(one) < shown(other) ? -1 : shown(one) > shown(other) ? 1 : 0;
}
