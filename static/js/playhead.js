/**
 * Where a reader is in the revisions of one scenario. No DOM in here: `tests/js` runs it as it is.
 *
 * A *stop* is a revision worth standing on when stepping: one that changed an object, not a heartbeat or an Event.
 * The slider reaches every revision; playing and stepping go from stop to stop.
 */

/**
 * @typedef {object} Step  one line of the timeline, as the server tells it
 * @property {number} index
 * @property {number} revision
 * @property {number} time_ms
 * @property {string} time  "t+16.52 s"
 * @property {string} who
 * @property {string} verb_text
 * @property {string} kind
 * @property {string} name
 * @property {string} ref
 * @property {string} text
 * @property {number} cause  index of the step that led to this one, 0 = none
 * @property {"change"|"event"|"heartbeat"|"note"} rank
 */

/** Milliseconds between two stops at speed 1. */
export const PACE_MS = 800;
/** Each picture of a live cluster stays at least this long, unless many are waiting. */
const LIVE_MS = 220;
/** Pictures that wait are shown within about this time, however many they are. */
const CATCH_UP_MS = 1500;
const FASTEST_MS = 40;
/** One's own change is played at the usual pace, but faster the more of it waits: about this much of it, in all. */
const OWN_MS = 8000;
const OWN_FASTEST_MS = 80;
/** Two stops that lie further apart than this in simulated time wait no longer than this. */
const LONGEST_WAIT_MS = 4000;

export class Playhead extends EventTarget {
  /** @type {Step[]} */
  #steps = [];
  /** @type {Map<number, Step>} */
  #byIndex = new Map();
  /** @type {Map<number, Step>} the last step of each revision */
  #byRevision = new Map();
  /** @type {number[]} */
  #stops = [];

  /** @param {{base: number, head: number, at: number, following?: boolean}} start */
  constructor({ base, head, at, following = false }) {
    super();
    this.base = base;
    this.head = head;
    this.at = at;
    /** Goes along when something new happens. */
    this.following = following;
    this.playing = false;
    /** What plays is what the reader has just set going. */
    this.own = false;
    /** @type {number|"real"} */
    this.speed = 1;
  }

  get steps() {
    return this.#steps;
  }

  /**
   * Takes in steps, in any order, known ones too.
   * @param {Step[]} steps
   */
  add(steps) {
    let fresh = false;
    for (const step of steps) {
      if (this.#byIndex.has(step.index)) continue;
      fresh = true;
      this.#byIndex.set(step.index, step);
      this.#steps.push(step);
      if (step.revision > this.head) this.head = step.revision;
    }
    if (!fresh) return;
    this.#steps.sort((a, b) => a.index - b.index);
    this.#byRevision.clear();
    this.#stops = [];
    for (const step of this.#steps) {
      const before = this.#byRevision.get(step.revision);
      if (!before || step.rank !== "note") this.#byRevision.set(step.revision, step);
      if (step.rank === "change" && this.#stops.at(-1) !== step.revision) this.#stops.push(step.revision);
    }
    this.dispatchEvent(new Event("steps"));
  }

  /** Forgets everything but the place: after a relist. @param {number} head */
  forget(head) {
    this.#steps = [];
    this.#byIndex.clear();
    this.#byRevision.clear();
    this.#stops = [];
    this.head = head;
    this.at = Math.min(this.at, head);
    this.dispatchEvent(new Event("steps"));
  }

  /** @param {number} revision @returns {Step|undefined} the step that made this revision */
  stepAt(revision) {
    return this.#byRevision.get(revision);
  }

  /** @returns {number|undefined} */
  nextStop(from = this.at) {
    return this.#stops.find((stop) => stop > from) ?? (from < this.head ? this.head : undefined);
  }

  /** @returns {number|undefined} */
  previousStop(from = this.at) {
    return this.#stops.findLast((stop) => stop < from) ?? (from > this.base ? this.base : undefined);
  }

  /** How many stops lie ahead. */
  get behind() {
    return this.#stops.reduce((count, stop) => count + (stop > this.at ? 1 : 0), 0);
  }

  /**
   * What led to a revision, latest first: the answer to "Why?".
   * @param {number} revision
   * @returns {Step[]}
   */
  causes(revision, limit = 12) {
    const chain = [];
    let step = this.#byRevision.get(revision);
    while (step && step.cause && chain.length < limit) {
      step = this.#byIndex.get(step.cause);
      if (!step) break;
      if (step.revision !== (chain.at(-1)?.revision ?? revision)) chain.push(step);
    }
    return chain;
  }

  /** @param {number} revision */
  seek(revision) {
    const at = Math.max(this.base, Math.min(this.head, revision));
    if (at === this.at) return;
    this.at = at;
    this.dispatchEvent(new Event("move"));
  }

  /**
   * The time to wait before the next stop, at this speed.
   * @param {number} [waiting]  pictures of a live cluster that wait to be shown
   * @returns {number} milliseconds
   */
  pause(waiting = 0) {
    const next = this.nextStop();
    if (this.following) return Math.max(FASTEST_MS, Math.min(LIVE_MS, CATCH_UP_MS / Math.max(1, waiting)));
    if (this.speed !== "real") {
      const pace = this.own ? Math.max(OWN_FASTEST_MS, Math.min(PACE_MS, OWN_MS / Math.max(1, this.behind))) : PACE_MS;
      return pace / this.speed;
    }
    const here = this.#byRevision.get(this.at)?.time_ms;
    const there = next === undefined ? undefined : this.#byRevision.get(next)?.time_ms;
    if (here === undefined || there === undefined) return PACE_MS;
    return Math.max(FASTEST_MS, Math.min(LONGEST_WAIT_MS, there - here));
  }
}
