/** What a reader pastes: a command, several, one that goes on over lines, one with its manifest, or a manifest alone. */

/**
 * @param {string} text
 * @returns {{lines: string[], manifest: string}}  commands, and what goes into the box of the first of them
 */
export function read(text) {
  const clean = text.replace(/\r\n?/g, "\n").replace(/^\n+|\n+$/g, "");
  const here = /^(.*?)\s*<<-?\s*(['"]?)(\w+)\2([^\n]*)\n([\s\S]*?)\n[ \t]*\3[ \t]*$/.exec(clean);
  if (here) return { lines: [bare(/^\s*\|/.test(here[4]) ? here[4].replace("|", "") : here[1])], manifest: here[5] };
  if (/^(?:---|#[^\n]*|\s*)*\n?(?:apiVersion|kind):\s/.test(clean) || /^\s*\{\s*"(?:apiVersion|kind)"/.test(clean)) return { lines: ["kubectl apply -f -"], manifest: clean };
  const joined = clean.replace(/\s*\\\n\s*/g, " ");
  return { lines: joined.split("\n").map(bare).filter((line) => line && !line.startsWith("#")), manifest: "" };
}

/** Without the prompt that documents print before a command. @param {string} line */
function bare(line) {
  return line.replace(/^\s*(?:[$%❯]|#(?=\s*k(?:ubectl)?\s))\s+/, "").trim();
}
