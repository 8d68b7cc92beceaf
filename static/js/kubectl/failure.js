/** How a command ends that does not succeed. */

/** kubectl's own words, as it would print them on standard error. */
export class Failure extends Error {
  /** @param {string} message @param {number} [code] */
  constructor(message, code = 1) {
    super(message);
    this.code = code;
  }
}

/** What only this terminal has to say: the id of a sentence that the page holds in the reader's language. */
export class Said extends Error {
  /** @param {string} id @param {Record<string, string>} [params] */
  constructor(id, params = {}) {
    super(id);
    this.id = id;
    this.params = params;
  }
}

/** A refusal by the server: a Status. */
export class Refused extends Error {
  /** @param {object} status @param {number} code */
  constructor(status, code) {
    super(status.message ?? "");
    this.status = status;
    this.code = code;
  }

  get reason() {
    return this.status.reason ?? "";
  }
}

/** @param {object} cause */
function causeText(cause) {
  return cause.field ? `${cause.field}: ${cause.message}` : cause.message;
}

/**
 * A refusal in the words in which kubectl prints it.
 * @param {Refused} error @param {string} [prefix]  "error when creating …: "
 */
export function refusalText(error, prefix = "") {
  const { status } = error;
  if (status.reason === "Invalid" || error.code === 422) {
    const { kind = "", name = "", causes = [] } = status.details ?? {};
    const subject = kind || name ? `The ${kind} "${name}" is invalid` : `The request is invalid`;
    if (causes.length === 1) return `${subject}: ${causeText(causes[0])}`;
    if (causes.length > 1) return [`${subject}: `, ...causes.map((each) => `* ${causeText(each)}`)].join("\n");
    return status.message ? `${subject}: ${status.message}` : subject;
  }
  if (status.reason === "Unauthorized") return `error: You must be logged in to the server (${prefix}${status.message})`;
  return status.reason ? `Error from server (${status.reason}): ${prefix}${status.message}` : `Error from server: ${prefix}${status.message}`;
}
