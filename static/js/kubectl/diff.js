/** The lines in which two texts differ, with three around them, as `diff -u` prints them. */

const AROUND = 3;

/** @param {string} before @param {string} after @param {string} from @param {string} to @returns {string} "" if they are the same */
export function unified(before, after, from, to) {
  const old = before.split("\n").slice(0, -1);
  const fresh = after.split("\n").slice(0, -1);
  const edits = script(old, fresh);
  const hunks = [];
  edits.forEach((edit, number) => {
    if (edit.mark === " ") return;
    const last = hunks.at(-1);
    if (last && number - last.end - 1 <= 2 * AROUND) last.end = number;
    else hunks.push({ start: number, end: number });
  });
  if (hunks.length === 0) return "";
  const lines = [`--- ${from}`, `+++ ${to}`];
  for (const { start, end } of hunks) {
    const part = edits.slice(Math.max(0, start - AROUND), end + AROUND + 1);
    const count = (mark) => part.filter((edit) => edit.mark !== mark).length;
    lines.push(`@@ -${part[0].old + 1},${count("+")} +${part[0].fresh + 1},${count("-")} @@`, ...part.map(({ mark, text }) => mark + text));
  }
  return `${lines.join("\n")}\n`;
}

/** The longest common part, and what is around it. @param {string[]} old @param {string[]} fresh */
function script(old, fresh) {
  let head = 0;
  while (head < old.length && head < fresh.length && old[head] === fresh[head]) head += 1;
  let tail = 0;
  while (tail < old.length - head && tail < fresh.length - head && old.at(-1 - tail) === fresh.at(-1 - tail)) tail += 1;
  const a = old.slice(head, old.length - tail);
  const b = fresh.slice(head, fresh.length - tail);
  const longest = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) longest[i][j] = a[i] === b[j] ? longest[i + 1][j + 1] + 1 : Math.max(longest[i + 1][j], longest[i][j + 1]);
  }
  const edits = old.slice(0, head).map((text, number) => ({ mark: " ", text, old: number, fresh: number }));
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const at = { old: head + i, fresh: head + j };
    if (i < a.length && j < b.length && a[i] === b[j]) edits.push({ mark: " ", text: a[i], ...at, step: [(i += 1), (j += 1)] });
    else if (j >= b.length || (i < a.length && longest[i + 1][j] >= longest[i][j + 1])) edits.push({ mark: "-", text: a[i], ...at, step: (i += 1) });
    else edits.push({ mark: "+", text: b[j], ...at, step: (j += 1) });
  }
  for (let number = 0; number < tail; number += 1) {
    edits.push({ mark: " ", text: old[old.length - tail + number], old: old.length - tail + number, fresh: fresh.length - tail + number });
  }
  return edits;
}
