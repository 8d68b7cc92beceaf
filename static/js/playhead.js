/**
 * Where a reader is in the revisions of one scenario. No DOM in here: `tests/js` runs it as it is.
 *
 * A *stop* is a revision worth standing on when stepping: one that changed an object, not a heartbeat or an Event.
 * The slider reaches every revision; playing and stepping go from stop to stop.
 *
 * A *place* is what `at` says in an address: a revision with all that followed on it (a number), or one of the steps
 * that follow on it and write nothing ("455.3" is after the third). Where such steps show (`noted`), each is a stop.
 */

/**
 * @param {number|string} place
 * @returns {{revision: number, after: number|undefined}}
 */
export function parsePlace(place) {
  const [revision, after] = String(place).split(".");
  return { revision: Number(revision), after: after === undefined ? undefined : Number(after) };
}

/**
 * @typedef {object} Step  one line of the timeline, as the server tells it
 * @property {number} index
 * @property {number} revision
 * @property {string} at  where it is sought: "455", or "455.3" for the third that follows on it
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
  /** @type {Map<string, Step>} what follows on a revision, by its place */
  #byPlace = new Map();
  /** @type {Map<number, number>} how many steps follow on a revision */
  #following = new Map();
  /** @type {number[]} */
  #stops = [];
  /** @type {(number|string)[]} stops where steps that write nothing are some too */
  #notedStops = [];

  /** @param {{base: number, head: number, at: number|string, following?: boolean}} start */
  constructor({ base, head, at, following = false }) {
    super();
    this.base = base;
    this.head = head;
    const { revision, after } = parsePlace(at);
    this.at = revision;
    /** @type {number|undefined} so many of the steps that follow on the revision; undefined: all */
    this.after = after;
    /** Steps that write nothing are gone through one by one. */
    this.noted = false;
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

  /** Where the reader is, as an address says it. @returns {number|string} */
  get place() {
    return this.after === undefined ? this.at : `${this.at}.${this.after}`;
  }

  /** Where the story begins. @returns {number|string} */
  get first() {
    return this.noted && this.#following.has(this.base) && !this.#byPlace.has(String(this.base)) ? `${this.base}.0` : this.base;
  }

  /** Places in an order: what follows on a revision lies between it and the next. @param {number|string} place */
  rank(place) {
    const { revision, after } = parsePlace(place);
    const count = this.#following.get(revision) ?? 0;
    return revision + Math.min(after ?? count, count) / (count + 1);
  }

  /** Whether what has this address has happened: a write, before what follows on it. @param {number|string} address */
  passed(address) {
    const { revision, after } = parsePlace(address);
    return revision < this.at || (revision === this.at && (after === undefined || this.rank(address) <= this.rank(this.place)));
  }

  /** Where on the ruler a place stands: a revision with all that follows on it, at its own tick. */
  get mark() {
    return this.after === undefined ? this.at : this.rank(this.place);
  }

  /** The place next to a point of the ruler. @param {number} mark @returns {number|string} */
  near(mark) {
    const revision = Math.floor(mark);
    const count = this.#following.get(revision) ?? 0;
    if (!this.noted || count === 0) return Math.round(mark);
    const after = Math.round((mark - revision) * (count + 1));
    return after > count ? revision + 1 : `${revision}.${after}`;
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
    this.#byPlace.clear();
    this.#following.clear();
    this.#stops = [];
    this.#notedStops = [];
    for (const step of this.#steps) {
      const before = this.#byRevision.get(step.revision);
      if (!before || step.rank !== "note") this.#byRevision.set(step.revision, step);
      if (step.rank === "change" && this.#stops.at(-1) !== step.revision) this.#stops.push(step.revision);
      const at = String(step.at ?? step.revision);
      if (!this.#byPlace.has(at) || step.rank !== "note") this.#byPlace.set(at, step);
      const { after } = parsePlace(at);
      if (after) this.#following.set(step.revision, Math.max(after, this.#following.get(step.revision) ?? 0));
    }
    for (const step of this.#steps) {
      if (step.rank !== "change" && step.rank !== "note") continue;
      const at = String(step.at ?? step.revision);
      const place = at.includes(".") ? at : this.#following.has(step.revision) ? `${at}.0` : step.revision;
      if (this.#notedStops.at(-1) !== place) this.#notedStops.push(place);
    }
    this.dispatchEvent(new Event("steps"));
  }

  /** Forgets everything but the place: after a relist. @param {number} head */
  forget(head) {
    this.#steps = [];
    this.#byIndex.clear();
    this.#byRevision.clear();
    this.#byPlace.clear();
    this.#following.clear();
    this.#stops = [];
    this.#notedStops = [];
    this.head = head;
    this.at = Math.min(this.at, head);
    this.after = undefined;
    this.dispatchEvent(new Event("steps"));
  }

  /** @param {number|string} place @returns {Step|undefined} the step that made it what it is */
  stepAt(place) {
    const { revision, after } = parsePlace(place);
    if (after === undefined) return this.#byRevision.get(revision);
    return this.#byPlace.get(after ? `${revision}.${after}` : String(revision));
  }

  get #places() {
    return this.noted ? this.#notedStops : this.#stops;
  }

  /** @param {number|string} from @returns {number|string|undefined} */
  nextStop(from = this.place) {
    const here = this.rank(from);
    return this.#places.find((stop) => this.rank(stop) > here) ?? (here < this.rank(this.head) ? this.head : undefined);
  }

  /** @param {number|string} from @returns {number|string|undefined} */
  previousStop(from = this.place) {
    const here = this.rank(from);
    return this.#places.findLast((stop) => this.rank(stop) < here && stop !== this.first) ?? (here > this.rank(this.first) ? this.first : undefined);
  }

  /** How many stops lie ahead. */
  get behind() {
    const here = this.rank(this.place);
    return this.#places.reduce((count, stop) => count + (this.rank(stop) > here ? 1 : 0), 0);
  }

  /**
   * What led to a place, latest first: the answer to "Why?".
   * @param {number|string} place
   * @returns {Step[]}
   */
  causes(place, limit = 12) {
    const chain = [];
    const { revision } = parsePlace(place);
    let step = this.stepAt(place);
    while (step && step.cause && chain.length < limit) {
      step = this.#byIndex.get(step.cause);
      if (!step) break;
      if (step.revision !== (chain.at(-1)?.revision ?? revision)) chain.push(step);
    }
    return chain;
  }

  /** @param {number|string} place */
  seek(place) {
    const { revision, after } = parsePlace(place);
    const at = Math.max(this.base, Math.min(this.head, revision));
    const then = at === revision ? after : undefined;
    if (at === this.at && then === this.after) return;
    this.at = at;
    this.after = then;
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
    const here = this.stepAt(this.place)?.time_ms;
    const there = next === undefined ? undefined : this.stepAt(next)?.time_ms;
    if (here === undefined || there === undefined) return PACE_MS;
    return Math.max(FASTEST_MS, Math.min(LONGEST_WAIT_MS, there - here));
  }
}
