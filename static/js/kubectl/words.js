/**
 * A typed line as the words a shell would hand to a program: quotes, backslashes, line continuations, a comment.
 * Nothing is expanded: there is no shell behind it, and `$`, `*` and `~` stand for themselves.
 */

/** What a shell would understand and this is not: pipes, redirections, several commands. */
const SHELL = new Set(["|", ">", "<", ";", "&"]);

/**
 * @typedef {object} Words
 * @property {string[]} words
 * @property {boolean} open  the last word is still being typed: no space after it
 * @property {string} quote  the quote that was not closed, "" if all were
 * @property {string} shell  the first character that only a shell understands, "" if there is none
 */

/**
 * @param {string} line
 * @returns {Words}
 */
export function split(line) {
  const words = [];
  let word = "";
  let begun = false;
  let quote = "";
  let shell = "";
  for (let at = 0; at < line.length; at += 1) {
    const letter = line[at];
    if (quote) {
      if (letter === quote) quote = "";
      else if (quote === '"' && letter === "\\" && /["\\$`\n]/.test(line[at + 1] ?? "")) word += line[(at += 1)];
      else word += letter;
    } else if (letter === "'" || letter === '"') {
      quote = letter;
      begun = true;
    } else if (letter === "\\" && at + 1 < line.length) {
      at += 1;
      if (line[at] === "\n") continue;
      word += line[at];
      begun = true;
    } else if (/\s/.test(letter)) {
      if (begun) words.push(word);
      word = "";
      begun = false;
    } else if (letter === "#" && !begun) {
      break;
    } else {
      if (!begun && !shell && SHELL.has(letter)) shell = letter;
      word += letter;
      begun = true;
    }
  }
  if (begun) words.push(word);
  return { words, open: begun, quote, shell };
}

/** @param {string} word @returns {string} the word as it is typed so that a shell would read it back */
export function quoted(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/**
 * How many letters must be changed, added, dropped or swapped to make one word of another.
 * @param {string} one @param {string} other
 */
export function distance(one, other) {
  const rows = Array.from({ length: one.length + 1 }, (_, i) => [i, ...Array(other.length).fill(0)]);
  for (let j = 0; j <= other.length; j += 1) rows[0][j] = j;
  for (let i = 1; i <= one.length; i += 1) {
    for (let j = 1; j <= other.length; j += 1) {
      const change = one[i - 1] === other[j - 1] ? 0 : 1;
      rows[i][j] = Math.min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + change);
      if (i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]) {
        rows[i][j] = Math.min(rows[i][j], rows[i - 2][j - 2] + 1);
      }
    }
  }
  return rows[one.length][other.length];
}

/**
 * @param {string} word @param {Iterable<string>} known
 * @returns {string} the nearest of the known words, "" if none is near
 */
export function nearest(word, known) {
  let best = "";
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const each of known) {
    const far = each.startsWith(word) && word.length > 1 ? 1 : distance(word, each);
    if (far < least) [best, least] = [each, far];
  }
  return best;
}
