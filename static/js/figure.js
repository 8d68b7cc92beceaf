/** The figure with its transport: shows one revision of one scenario, and walks through them. */

import { Frames } from "./frames.js";
import { applyPatch, enliven, morph, parseSvg, part, still } from "./morph.js";
import { Playhead, parsePlace } from "./playhead.js";
import "./ruler.js";
import { watch } from "./watch.js";
import { Zoom } from "./zoom.js";

const CHUNK = 1000; // revisions of steps fetched at a time
const AHEAD = 3; // frames fetched before they are needed while playing
/** Views in which what writes nothing shows too, step by step; the server's `service.NOTED`. */
const NOTED = new Set(["node", "kubeadm", "network", "service", "calico"]);
/** What an address asks of the packet view; the socket brings no pictures of it: each reader asks for another packet. */
export const ASKED = ["src", "dst", "port", "proto", "packet", "size", "hop", "many"];
/** How the server can lay a figure out, and the widths it takes. A figure's text is never scaled far from what it is. */
const LAYOUTS = [
  ["full", 1344],
  ["wide", 1112],
  ["medium", 744],
];
const NARROW = 620; // px: below it the parts are stacked
const SAY_EVERY_MS = 4000;
const ASKED_MS = 700; // how long the edge of a request that left no step is lit
const PUSHED = 300; // pictures from the socket that are kept
/** After the last pushed picture, this long until the rest of the frame (inspector, words) is fetched. */
const REST_MS = 450;
/** What a reader has set going is played on until the cluster is at rest, or silent for this long. */
const SILENT_MS = 15_000;

/**
 * @customElement k8s-figure
 * @attr {string} data-frame-url  where frames come from; data-steps-url likewise
 * @attr {string} data-socket-url  the scenario's WebSocket; empty = nothing can change
 * @attr {string} data-view  data-at  data-base  data-head  data-focus
 * @attr {string} data-packet  what is asked of the packet view, as a query
 * @attr {string} data-parts  "1": the parts of the figure lead to their articles
 * @attr {boolean} data-pinned  stay at data-at, whatever happens
 * @attr {boolean} data-autoplay  play once when in view, until touched;  data-from, data-to: between these revisions
 * @attr {string} data-pace  the speed to begin with: 0.5, 1, 2, 4 or real
 * @attr {boolean} data-address  the page's address follows
 * @fires k8s-move  the playhead stands elsewhere
 * @fires k8s-frame  {detail: frame}  another revision is shown
 * @fires k8s-picture  {detail: step}  another revision's picture came over the socket; its frame follows
 * @fires k8s-steps  the list of steps or commands has grown
 * @fires k8s-clock  {detail: {clock, online}}
 * @fires k8s-focus  {detail: {ref}}
 * @fires k8s-refused  {detail: {message}}  what was asked cannot be answered
 */
export class Figure extends HTMLElement {
  /** @type {Playhead} */
  playhead;
  /** @type {object[]} */
  commands = [];
  view = "";
  focusRef = "";
  /** @type {Record<string, string>} what is asked of the packet view */
  packet = {};
  /** @type {object|undefined} the frame on show */
  frame;
  #frames;
  #wanted = 0; // counts what was asked for, so that a late answer is dropped
  #shown = { revision: -1, view: "", layout: "" };
  #timer = 0;
  #walking = false; // the timer stands for the next stop: what comes in meanwhile must not put it off
  #settle = 0;
  #said = 0;
  #chunks = new Map();
  /** @type {Map<number, {digest: string, svg?: string, from?: string, patch?: [string, object][]}>} revision -> picture */
  #pushed = new Map();
  #rest = 0;
  #watch;
  #layout = "";
  #resize = new ResizeObserver(() => this.#fit());
  #watchers = new AbortController();
  #touched = false;
  #anew = false; // the socket has just come: what was shown before may lack what has been noted since
  #atRest = false; // nothing more is due, as far as the socket has told

  connectedCallback() {
    const data = this.dataset;
    this.view = data.view ?? "";
    this.focusRef = data.focus ?? "";
    this.packet = asked(data.packet ?? "");
    const pinned = "pinned" in data;
    this.playhead = new Playhead({
      base: Number(data.base),
      head: Number(data.head),
      at: data.at,
      following: !pinned && Boolean(data.socketUrl),
    });
    this.playhead.noted = NOTED.has(this.view);
    this.#frames = new Frames(data.frameUrl, data.stepsUrl);
    this.#layout = data.layout ?? "";
    this.#shown = { revision: this.playhead.place, view: this.view, layout: this.#layout };
    const { signal } = this.#watchers;
    this.addEventListener("click", (event) => this.#click(event), { signal });
    this.addEventListener("k8s-seek", (event) => this.seek(this.playhead.near(event.detail.revision)), { signal });
    this.addEventListener("keydown", (event) => this.#key(event), { signal });
    document.addEventListener("visibilitychange", () => this.#schedule(), { signal });
    this.#resize.observe(this.querySelector("[data-plate]"));
    this.playhead.addEventListener("move", () => {
      this.#show();
      this.dispatchEvent(new Event("k8s-move", { bubbles: true }));
    });
    this.playhead.addEventListener("steps", () => this.#stepsGrew());
    this.querySelector("[data-speed-choice]")?.addEventListener("change", (event) => {
      const { value } = event.target;
      this.playhead.speed = value === "real" ? value : Number(value);
      this.#schedule();
    });
    const choice = this.querySelector("[data-speed-choice]");
    if (data.pace && choice && [...choice.options].some((option) => option.value === data.pace)) {
      choice.value = data.pace;
      choice.dispatchEvent(new Event("change"));
    }
    for (const hidden of this.querySelectorAll("[data-act=play], [data-speed], [data-tools]")) hidden.hidden = false;
    const plate = this.querySelector("[data-plate]");
    this.zoom = new Zoom(plate, this);
    enliven(plate);
    this.ready = this.#load(this.playhead.at).then(() => {
      this.#paint();
      if (data.socketUrl) this.#connect(data.socketUrl);
      if ("autoplay" in data && !still()) this.#autoplay();
    });
    this.ready.catch(() => this.#trouble("failed"));
  }

  disconnectedCallback() {
    this.#watchers.abort();
    this.#resize.disconnect();
    this.#watch?.stop();
    clearTimeout(this.#timer);
    clearTimeout(this.#settle);
  }

  // ---- what others may ask for ----

  /**
   * Goes to a revision, or to a step that follows on it, and stays there.
   * @param {number|string} place
   */
  seek(place) {
    this.stop();
    this.playhead.following = false;
    this.#load(parsePlace(place).revision);
    this.playhead.seek(place);
    this.#paint();
  }

  /** @param {string} ref  "pods/default/web-0", or "" for what the step itself touched */
  choose(ref) {
    this.focusRef = ref;
    this.#select();
    this.#show();
    this.dispatchEvent(new CustomEvent("k8s-focus", { bubbles: true, detail: { ref } }));
  }

  /**
   * Asks for a packet, or for a hop of its way.
   * @param {string|URLSearchParams} query  as in an address: src, dst, port, proto, packet, size, hop, many
   */
  ask(query) {
    this.#touched = true;
    this.packet = asked(query);
    if (this.view === "packet") this.#show();
    else this.turn("packet");
  }

  /** @param {string} view */
  turn(view) {
    this.view = view;
    this.dataset.view = view;
    this.playhead.noted = NOTED.has(view);
    this.#look();
    this.#show({ instant: true });
  }

  /** Tells the socket what we look at, and forgets pictures of what we looked at before. */
  #look() {
    this.#pushed.clear();
    this.#watch?.send({ type: "VIEW", view: this.view, layout: this.#layout });
  }

  play() {
    const { playhead } = this;
    if (playhead.nextStop() === undefined && !this.dataset.socketUrl) playhead.seek(this.dataset.from ?? playhead.first);
    playhead.following = false;
    playhead.playing = true;
    this.#paint();
    this.#schedule();
  }

  stop() {
    this.playhead.playing = false;
    this.playhead.own = false;
    this.#walking = false;
    clearTimeout(this.#timer);
    this.#paint();
  }

  /** Plays what is new since `revision`, change by change until nothing is due, then goes along. @param {number} revision */
  playFrom(revision) {
    if (still()) {
      this.stop(); // nothing plays by itself: the newest is shown as it comes
      this.playhead.following = true;
      this.#schedule();
      return;
    }
    this.playhead.own = true;
    this.#atRest = false;
    this.playhead.seek(revision);
    this.play();
  }

  /** Lights the parts a text speaks of. @param {string[]} ids */
  light(ids) {
    for (const lit of this.querySelectorAll(".plate .lit")) lit.classList.remove("lit");
    for (const id of ids) part(this, id)?.classList.add("lit");
  }

  /** Sends a command to the cluster over the socket. @param {object} command @returns {boolean} whether it went */
  send(command) {
    return this.#watch?.send(command) ?? false;
  }

  // ---- showing ----

  /** Asks for another layout when the room has changed enough. */
  #fit() {
    const room = this.querySelector("[data-plate]").clientWidth;
    if (room === 0) return;
    const fits = LAYOUTS.find(([, width]) => width <= room + 2)?.[0] ?? (room >= NARROW ? "medium" : "narrow");
    if (fits === this.#layout) return;
    this.#layout = fits;
    this.dataset.layout = fits;
    this.#look();
    this.#show({ instant: true });
  }

  #options() {
    const { view, focusRef: focus } = this;
    return { view, focus, layout: this.#layout, parts: this.dataset.parts ?? "", ...(view === "packet" ? this.packet : {}) };
  }

  async #show({ instant = false } = {}) {
    const at = this.playhead.place;
    const ticket = ++this.#wanted;
    this.#paint();
    clearTimeout(this.#rest);
    if (!instant && this.#showPushed(at)) return;
    let frame;
    try {
      frame = await this.#frames.get(at, this.#options());
      this.#trouble("");
    } catch (error) {
      if (ticket !== this.#wanted) return;
      if (error.told && this.view === "packet") this.dispatchEvent(new CustomEvent("k8s-refused", { bubbles: true, detail: { message: error.told } }));
      else this.#trouble(navigator.onLine ? "failed" : "offline");
      return;
    }
    if (ticket !== this.#wanted) return;
    const far = Math.abs(parsePlace(at).revision - parsePlace(this.#shown.revision).revision) > 400;
    const turned = this.#shown.view !== this.view || this.#shown.layout !== this.#layout;
    this.#put(frame, { instant: instant || turned || far });
    this.#shown = { revision: at, view: this.view, layout: this.#layout };
  }

  /**
   * Shows a picture that came over the socket, when it follows on the one on show; the rest of its frame comes later.
   * @param {number|string} at
   */
  #showPushed(at) {
    const pushed = this.#pushed.get(at);
    if (!pushed || !this.playhead.following || this.focusRef || this.view === "packet") return false;
    if (this.#shown.view !== this.view || this.#shown.layout !== this.#layout) return false;
    const plate = this.querySelector("[data-plate]");
    if (pushed.digest !== this.dataset.digest) {
      if (pushed.svg) {
        const svg = parseSvg(pushed.svg);
        if (!svg) return false;
        morph(plate, svg);
      } else if (pushed.from !== this.dataset.digest || !applyPatch(plate, pushed.patch)) return false;
      this.dataset.digest = pushed.digest;
    }
    this.#shown.revision = at;
    const step = this.playhead.stepAt(at);
    if (step) this.dispatchEvent(new CustomEvent("k8s-picture", { bubbles: true, detail: step }));
    this.#say(step?.text ?? "");
    this.#settled();
    if (document.querySelector(`k8s-inspector[for="${this.id}"]`)) {
      // A little chance, so that a thousand readers do not ask in the same instant.
      this.#rest = setTimeout(() => this.#show({ instant: true }), REST_MS + Math.random() * REST_MS);
    }
    return true;
  }

  /** @param {object} frame */
  #put(frame, { instant }) {
    this.frame = frame;
    if (frame.digest !== this.dataset.digest) {
      const svg = parseSvg(frame.svg);
      if (svg) {
        morph(this.querySelector("[data-plate]"), svg, { instant });
        this.dataset.digest = frame.digest;
      }
    }
    const words = this.querySelector("[data-words]");
    if (words) words.textContent = frame.text ?? "";
    this.#select();
    this.#paint();
    this.#say(frame.step?.text ?? "");
    this.dispatchEvent(new CustomEvent("k8s-frame", { bubbles: true, detail: frame }));
    this.#settled();
  }

  /** The ring around the object the reader chose. */
  #select() {
    for (const chosen of this.querySelectorAll(".plate .selected")) chosen.classList.remove("selected");
    if (this.focusRef) part(this, idOf(this.focusRef))?.classList.add("selected");
  }

  /** Everything in the transport that says where we are. */
  #paint() {
    const { playhead } = this;
    const { at, base, head, place } = playhead;
    const shown = this.frame?.at === String(place);
    const step = playhead.stepAt(place) ?? (shown ? this.frame.step : undefined);
    const out = (name, text) => {
      for (const place of this.querySelectorAll(`[data-out="${name}"]`)) place.textContent = text ?? "";
    };
    out("revision", String(place));
    if (step) {
      out("time", step.time);
      out("who", step.who);
      out("verb", step.verb_text);
      out("kind", step.kind);
      out("name", step.name);
    } else if (shown) {
      out("time", this.frame.time);
      for (const name of ["who", "verb", "kind", "name"]) out(name, "");
    }
    const causes = playhead.causes(place);
    this.#why(causes);
    this.querySelector("k8s-ruler")?.show?.({
      base,
      head,
      at: playhead.mark,
      name: String(place),
      fine: playhead.noted,
      commands: this.commands,
      causes,
      text: step ? `${place}, ${step.time}, ${step.text}` : String(place),
    });
    const previous = playhead.previousStop();
    const next = playhead.nextStop();
    this.#link("first", playhead.rank(place) > playhead.rank(playhead.first) ? playhead.first : undefined);
    this.#link("back", previous);
    this.#link("step", next);
    this.#link("last", playhead.rank(place) < playhead.rank(head) ? head : undefined);
    const play = this.querySelector("[data-act=play]");
    if (play) {
      const on = playhead.playing || (playhead.following && at < head);
      play.setAttribute("aria-pressed", String(on));
      play.setAttribute("aria-label", on ? play.dataset.pause : play.dataset.play);
    }
    this.#behind();
  }

  /** @param {string} act @param {number|string|undefined} revision */
  #link(act, revision) {
    const link = this.querySelector(`[data-act="${act}"]`);
    if (!link) return;
    if (revision === undefined) {
      link.removeAttribute("href");
      link.setAttribute("role", "link"); // a link that leads nowhere just now
      link.setAttribute("aria-disabled", "true");
    } else {
      link.href = this.addressAt(revision);
      link.removeAttribute("role");
      link.removeAttribute("aria-disabled");
    }
  }

  /** The page's address at a place, with the view and the chosen object. @param {number|string|undefined} revision */
  addressAt(revision, { focus = this.focusRef } = {}) {
    const url = new URL(this.dataset.url || location.pathname, location.href);
    if (this.view && this.view !== "cluster") url.searchParams.set("view", this.view); // the default goes without saying
    if (revision !== undefined) url.searchParams.set("at", String(revision));
    if (this.view === "packet") for (const [name, value] of Object.entries(this.packet)) url.searchParams.set(name, value);
    if (focus) url.searchParams.set("focus", focus);
    return url.pathname + url.search.replaceAll("%2F", "/").replaceAll("%3A", ":");
  }

  /** @param {object[]} causes */
  #why(causes) {
    const place = this.querySelector("[data-why]");
    if (!place) return;
    place.hidden = causes.length === 0;
    const list = place.querySelector("[data-out=why]");
    list.textContent = "";
    causes.slice(0, this.clientWidth > 900 ? 6 : 3).forEach((cause, index) => {
      if (index) list.append(Object.assign(document.createElement("i"), { textContent: "‹" }));
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: String(cause.revision), title: cause.text });
      button.dataset.seek = String(cause.revision);
      list.append(button);
    });
  }

  #behind() {
    const place = this.querySelector("[data-behind]");
    if (!place) return;
    const { playhead } = this;
    const newer = this.dataset.socketUrl && !playhead.following && !playhead.playing ? playhead.head - playhead.at : 0;
    place.hidden = newer <= 0;
    const text = place.querySelector("span");
    if (newer > 0) text.textContent = newer === 1 ? text.dataset.one : text.dataset.many.replace("{n}", String(newer));
  }

  /** @param {""|"offline"|"failed"} what */
  #trouble(what) {
    const place = this.querySelector("[data-trouble]");
    if (!place) return;
    place.hidden = what === "";
    if (what) place.textContent = place.dataset[what];
  }

  /** Tells a screen reader, politely: each step when stepping, now and then while playing. @param {string} text */
  #say(text) {
    const now = performance.now();
    if (this.playhead.playing && now - this.#said < SAY_EVERY_MS) return;
    this.#said = now;
    const place = this.querySelector("[data-announce]");
    if (place && this.#touched) place.textContent = text;
  }

  /** Once nothing has moved for a moment, the address says where we are. */
  #settled() {
    if (!("address" in this.dataset)) return;
    clearTimeout(this.#settle);
    this.#settle = setTimeout(() => {
      const { playhead } = this;
      const at = playhead.following ? undefined : playhead.place; // who follows is at "now", wherever that is
      history.replaceState(history.state, "", this.addressAt(at) + location.hash);
    }, 250);
  }

  // ---- walking ----

  #schedule() {
    clearTimeout(this.#timer);
    this.#walking = false;
    const { playhead } = this;
    if (document.hidden || !this.isConnected) return;
    if (!playhead.playing && !playhead.following) return;
    if (this.#nextStop() === undefined) {
      if (playhead.following) return;
      if (this.playhead.own && !this.#atRest) this.#timer = setTimeout(() => this.#ended(), SILENT_MS);
      else this.#ended();
      return;
    }
    this.#walking = true;
    this.#timer = setTimeout(async () => {
      const next = this.#nextStop();
      if (next === undefined) {
        this.#walking = false;
        return;
      }
      if (playhead.playing && this.dataset.to && playhead.rank(next) > playhead.rank(this.dataset.to)) {
        this.#ended();
        return;
      }
      if (playhead.playing) {
        this.#load(parsePlace(next).revision + 50);
        try {
          await this.#frames.get(next, this.#options());
        } catch {
          // shown as trouble by the move below
        }
      }
      if (!playhead.playing && !playhead.following) {
        this.#walking = false;
        return;
      }
      playhead.seek(next);
      let ahead = playhead.playing ? next : undefined;
      for (let count = 0; count < AHEAD && ahead !== undefined; count += 1) {
        ahead = playhead.nextStop(ahead);
        if (ahead !== undefined) this.#frames.get(ahead, this.#options()).catch(() => {});
      }
      this.#schedule();
    }, playhead.pause(this.#waiting()));
  }

  /** How many pictures from the socket wait to be shown. */
  #waiting() {
    let count = 0;
    for (const revision of this.#pushed.keys()) if (revision > this.playhead.at) count += 1;
    return count;
  }

  /** Playing goes from change to change; following goes along with the pictures that the socket brings. */
  #nextStop() {
    const { playhead } = this;
    if (playhead.playing) return playhead.nextStop();
    if (playhead.at >= playhead.head) return undefined;
    for (const revision of this.#pushed.keys()) if (revision > playhead.at) return revision;
    return playhead.head;
  }

  #ended() {
    this.playhead.playing = false;
    this.playhead.own = false;
    this.#walking = false;
    if (this.dataset.socketUrl && this.playhead.at === this.playhead.head) this.playhead.following = true;
    this.#paint();
  }

  #autoplay() {
    const seen = new IntersectionObserver(
      ([entry]) => {
        if (!entry.isIntersecting) return;
        seen.disconnect();
        if (!this.#touched) this.play();
      },
      { threshold: 0.5 },
    );
    seen.observe(this.querySelector("[data-plate]"));
  }

  // ---- the reader's hand ----

  /** @param {MouseEvent} event */
  #click(event) {
    const target = event.target instanceof Element ? event.target : null;
    if (!target || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    const seek = target.closest("[data-seek]");
    if (seek) {
      event.preventDefault();
      this.#touched = true;
      this.seek(seek.dataset.seek);
      return;
    }
    const act = target.closest("[data-act]");
    if (act) {
      event.preventDefault();
      this.act(act.dataset.act);
      return;
    }
    const link = target.closest("a[href]")?.getAttribute("href") ?? "";
    if (asksForPacket(link) && target.closest(".plate")) {
      event.preventDefault();
      if (!this.zoom.dragged) this.ask(link);
      return;
    }
    const object = target.closest("[data-ref]");
    if (object && object.closest(".plate")) {
      if (object.getAttribute("href")?.startsWith("?")) event.preventDefault(); // chosen here, without going anywhere
      this.#touched = true;
      if (this.zoom.dragged) return;
      this.choose(object.dataset.ref === this.focusRef ? "" : object.dataset.ref);
    }
  }

  /** @param {string} name  play, back, step, first, last, live */
  act(name) {
    const { playhead } = this;
    this.#touched = true;
    const moving = playhead.playing || (playhead.following && playhead.at < playhead.head);
    if (name === "play") {
      if (moving) {
        playhead.following = false;
        this.stop();
      } else this.play();
      return;
    }
    if (name === "live") {
      this.stop();
      playhead.following = true;
      playhead.seek(playhead.head);
      this.#paint();
      this.#settled();
      return;
    }
    const to = { back: playhead.previousStop(), step: playhead.nextStop(), first: playhead.first, last: playhead.head }[name];
    if (to !== undefined) this.seek(to);
    if (name === "last" && this.dataset.socketUrl) playhead.following = true;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = event.target instanceof Element ? event.target : null;
    const name = keyAct(event, target);
    if (!name) return;
    event.preventDefault();
    this.act(name);
  }

  // ---- steps and the socket ----

  /** Makes sure that the steps around a revision are known. @param {number} revision */
  #load(revision) {
    const { base } = this.playhead;
    const chunk = Math.max(0, Math.floor((Math.min(revision, this.playhead.head) - base) / CHUNK));
    return Promise.all([chunk - 1, chunk].filter((each) => each >= 0).map((each) => this.#loadChunk(each)));
  }

  /** @param {number} chunk */
  #loadChunk(chunk) {
    const known = this.#chunks.get(chunk);
    if (known) return known;
    const from = this.playhead.base + chunk * CHUNK;
    const loading = this.#frames.steps(from, from + CHUNK - 1).then((answer) => {
      this.#takeCommands(answer.commands);
      if (answer.head > this.playhead.head) this.playhead.head = answer.head;
      this.playhead.add(answer.steps);
    });
    this.#chunks.set(chunk, loading);
    loading.catch(() => this.#chunks.delete(chunk));
    return loading;
  }

  /** @param {object[]|undefined} commands */
  #takeCommands(commands) {
    if (!commands) return;
    const known = new Map(this.commands.map((command) => [command.seq, command]));
    for (const command of commands) known.set(command.seq, command);
    if (known.size === this.commands.length) return;
    this.commands = [...known.values()].sort((a, b) => a.seq - b.seq);
    this.dispatchEvent(new CustomEvent("k8s-steps", { bubbles: true }));
  }

  #stepsGrew() {
    this.dataset.head = String(this.playhead.head);
    this.#paint();
    this.dispatchEvent(new CustomEvent("k8s-steps", { bubbles: true }));
    if (!this.#walking) this.#schedule();
  }

  /** @param {string} path */
  #connect(path) {
    this.#watch = watch(path, () => ({ view: this.view, lang: document.documentElement.lang, layout: this.#layout }), {
      revision: () => this.playhead.head,
      online: (online) => {
        this.#anew = online;
        this.#trouble(online ? "" : "offline");
        this.dispatchEvent(new CustomEvent("k8s-clock", { bubbles: true, detail: { clock: undefined, online } }));
      },
      relist: async () => {
        this.#frames.forget();
        this.#chunks.clear();
        this.#pushed.clear();
        const answer = await this.#frames.steps(this.playhead.base, this.playhead.base + CHUNK - 1);
        this.playhead.base = answer.base;
        this.playhead.forget(answer.head);
        this.commands = [];
        this.#takeCommands(answer.commands);
        this.playhead.add(answer.steps);
        await this.#load(answer.head);
        this.#show({ instant: true });
        return answer.head;
      },
      receive: (message) => this.#receive(message),
    });
  }

  /** @param {object} message */
  #receive(message) {
    if (message.type === "BOOKMARK") {
      this.#takeCommands(message.commands);
      if (message.revision > this.playhead.head) {
        this.playhead.head = message.revision;
        this.#load(message.revision);
      }
      if (this.#anew) {
        this.#anew = false;
        this.#frames.forgetAt(message.revision);
        if (message.revision === this.playhead.place) this.#show({ instant: true });
      }
      this.dispatchEvent(new CustomEvent("k8s-clock", { bubbles: true, detail: { clock: message.clock, online: true } }));
      this.#paint();
      this.#atRest = Boolean(message.clock?.at_rest || message.clock?.paused);
      if (this.playhead.own && !this.#walking) this.#schedule();
      return;
    }
    if (message.type === "STATUS") {
      this.dispatchEvent(new CustomEvent("k8s-status", { bubbles: true, detail: message }));
      return;
    }
    if (message.type === "REQUEST") {
      const edge = part(this, "edge-kubectl");
      if (edge && !edge.classList.contains("lit")) {
        edge.classList.add("lit");
        setTimeout(() => edge.classList.remove("lit"), ASKED_MS);
      }
      this.dispatchEvent(new CustomEvent("k8s-request", { bubbles: true, detail: message.request }));
      return;
    }
    if (!message.step) return;
    if (message.figure) {
      this.#pushed.set(message.revision, message.figure);
      if (this.#pushed.size > PUSHED) this.#pushed.delete(this.#pushed.keys().next().value);
    }
    this.playhead.add([message.step]);
    // What writes nothing belongs to the revision before it, which then looks otherwise than when it was shown.
    if (message.step.rank === "note") {
      this.#frames.forgetAt(message.revision);
      if (message.revision === this.playhead.place) this.#show();
    }
  }
}

/**
 * What a key asks of the transport. Space and arrows stay with the controls that have a use for them.
 * @param {KeyboardEvent} event @param {Element|null} target
 */
export function keyAct(event, target) {
  const tag = target?.tagName ?? "";
  if (/^(INPUT|TEXTAREA|SELECT)$/.test(tag) && target.type !== "range") return "";
  if (target instanceof HTMLElement && target.isContentEditable) return "";
  switch (event.key) {
    case " ":
      return /^(BUTTON|A|SUMMARY)$/.test(tag) ? "" : "play";
    case "ArrowLeft":
      return "back";
    case "ArrowRight":
      return "step";
    case "Home":
      return "first";
    case "End":
      return "last";
    default:
      return "";
  }
}

/** What a query asks of the packet view. @param {string|URLSearchParams} query @returns {Record<string, string>} */
function asked(query) {
  const given = new URLSearchParams(query);
  const typed = given.get("to")?.trim();
  if (typed) given.set("dst", typed);
  return Object.fromEntries(ASKED.map((name) => [name, given.get(name)?.trim() ?? ""]).filter(([, value]) => value !== "" && value !== "0"));
}

/** Whether a link asks for a packet, or for a hop of one. @param {string} href */
export function asksForPacket(href) {
  return href.startsWith("?") && new URLSearchParams(href).get("view") === "packet";
}

/** The id that the figure gives an object. @param {string} ref  "pods/default/web-0" */
export function idOf(ref) {
  return `fig-${ref.replaceAll("/", "-").replaceAll(/[^A-Za-z0-9-]/g, "_")}`;
}

customElements.define("k8s-figure", Figure);
