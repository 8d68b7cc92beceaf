/**
 * Elastic columns: text with tabs laid out so that cells which stand under one another begin at the same place.
 * A column goes on as long as every line has a cell in it that a tab ends; the last cell of a line belongs to none.
 */

/**
 * @param {string} text
 * @param {{minimum?: number, padding?: number}} [widths]  kubectl's describers use 0 and 2, its tables 6 and 3
 */
export function align(text, { minimum = 0, padding = 2 } = {}) {
  const ends = text.endsWith("\n");
  const lines = (ends ? text.slice(0, -1) : text).split("\n").map((line) => line.split("\t"));
  const done = lines.map(() => "");
  /** @param {number} from @param {number} to @param {number} column */
  const format = (from, to, column) => {
    let at = from;
    while (at < to) {
      if (lines[at].length - 1 <= column) {
        done[at] += lines[at].slice(column).join("");
        at += 1;
        continue;
      }
      let end = at;
      let width = minimum;
      while (end < to && lines[end].length - 1 > column) {
        width = Math.max(width, [...lines[end][column]].length + padding);
        end += 1;
      }
      for (let line = at; line < end; line += 1) {
        const cell = lines[line][column];
        done[line] += cell + " ".repeat(width - [...cell].length);
      }
      format(at, end, column + 1);
      at = end;
    }
  };
  format(0, lines.length, 0);
  return done.join("\n") + (ends ? "\n" : "");
}

/** A table as kubectl prints one; `widths` is remembered from one call to the next, as it is while it watches. */
export class Columns {
  #widths = [];

  /** @param {string[][]} rows */
  print(rows) {
    for (const row of rows) {
      row.forEach((cell, column) => {
        if (column === row.length - 1) return;
        this.#widths[column] = Math.max(this.#widths[column] ?? 6, [...cell].length + 3);
      });
    }
    return rows.map((row) => row.map((cell, column) => (column === row.length - 1 ? cell : cell + " ".repeat(this.#widths[column] - [...cell].length))).join("") + "\n").join("");
  }
}
