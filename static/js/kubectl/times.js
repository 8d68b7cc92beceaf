/** Ages and instants, as kubectl writes them. */

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/**
 * A span of time in at most three characters and a unit or two: "8s", "3m12s", "5h", "2d7h".
 * @param {number} ms
 */
export function span(ms) {
  const seconds = Math.floor(ms / 1000);
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return seconds % 60 ? `${minutes}m${seconds % 60}s` : `${minutes}m`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return minutes % 60 ? `${hours}h${minutes % 60}m` : `${hours}h`;
  if (hours < 48) return `${hours}h`;
  if (hours < 192) return hours % 24 ? `${Math.floor(hours / 24)}d${hours % 24}h` : `${Math.floor(hours / 24)}d`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24)}d`;
  const years = Math.floor(hours / 24 / 365);
  const rest = Math.floor(hours / 24) % 365;
  return hours < 24 * 365 * 8 && rest ? `${years}y${rest}d` : `${years}y`;
}

/** @param {string|undefined} instant @param {number} now */
export function age(instant, now) {
  return instant ? span(now - Date.parse(instant)) : "<unknown>";
}

/** @param {string|undefined} instant @returns {string} "Mon, 23 Nov 2026 04:46:00 +0000" */
export function stamp(instant) {
  const date = new Date(instant ?? NaN);
  if (Number.isNaN(date.getTime())) return "Mon, 01 Jan 0001 00:00:00 +0000";
  const two = (number) => String(number).padStart(2, "0");
  const clock = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(":");
  return `${DAYS[date.getUTCDay()]}, ${two(date.getUTCDate())} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()} ${clock} +0000`;
}

/** @param {string} text  a duration as Go writes it: "30s", "2m", "1h30m", "500ms" @returns {number} ms, NaN if it is none */
export function duration(text) {
  if (text === "0") return 0;
  const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map((each) => each[0]).join("") !== text.replace(/^-/, "")) return NaN;
  const sum = parts.reduce((total, [, number, unit]) => total + Number(number) * units[unit], 0);
  return text.startsWith("-") ? -sum : sum;
}
