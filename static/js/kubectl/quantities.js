/** Quantities of resources: "250m", "64Mi", "1500000". */

const UNITS = { n: 1e-9, u: 1e-6, m: 1e-3, "": 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60 };

/** @param {string|number|undefined} text @returns {number} */
export function amount(text) {
  const match = /^([+-]?[\d.]+(?:[eE][+-]?\d+)?)([a-zA-Z]*)$/.exec(String(text ?? 0));
  return match ? Number(match[1]) * (UNITS[match[2]] ?? NaN) : NaN;
}

/**
 * A sum, written as its first part was: in binary or in decimal units.
 * @param {(string|number|undefined)[]} parts
 */
export function total(parts) {
  const known = parts.filter((each) => each !== undefined && each !== "0" && each !== 0);
  if (known.length === 0) return "0";
  if (known.length === 1) return String(known[0]);
  const sum = Math.round(known.reduce((all, each) => all + amount(each), 0) * 1000);
  if (sum % 1000) return `${sum}m`;
  const whole = sum / 1000;
  const units = /i$/.test(String(known[0])) ? ["Ei", "Pi", "Ti", "Gi", "Mi", "Ki"] : ["E", "P", "T", "G", "M", "k"];
  const unit = units.find((each) => whole >= UNITS[each] && whole % UNITS[each] === 0);
  return unit ? `${whole / UNITS[unit]}${unit}` : String(whole);
}
