/**
 * The ruler: a tick per revision, a flag per command, the needle on the present, and under the baseline the arcs that
 * run back to the command that caused this step.
 */

const SVG = "http://www.w3.org/2000/svg";
const BASELINE = 54.5;
const HEIGHT = 88;
const LETTER = 6.7; // width of a letter of 11 px mono
const CLOSEST = 5; // px between two ticks

/** How many revisions a tick stands for, so that ticks keep apart. */
export function unit(length, width) {
  let step = 1;
  for (let factor = 5; (width / Math.max(1, length)) * step < CLOSEST; factor = factor === 5 ? 2 : 5) step *= factor;
  return step;
}

/** Round revisions that carry a number. */
export function numbers(base, head, want) {
  const length = Math.max(1, head - base);
  let step = 1;
  for (let power = 0; length / step > want; power += 1) step = [1, 2, 5][power % 3] * 10 ** Math.floor(power / 3);
  const found = [];
  for (let number = Math.ceil(base / step) * step; number <= head; number += step) found.push(number);
  return found;
}

/** @param {string} name @param {Record<string, string|number>} attributes */
function draw(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  if (text !== undefined) element.textContent = text;
  return element;
}

/**
 * @customElement k8s-ruler
 * @attr {string} data-label  the slider's name
 * @fires k8s-seek  {detail: {revision}}
 */
export class Ruler extends HTMLElement {
  #state = { base: 0, head: 0, at: 0, name: "", fine: false, commands: [], causes: [], text: "" };
  #slider = document.createElement("input");
  #resize = new ResizeObserver(() => this.#draw());
  #due = 0;

  connectedCallback() {
    this.#slider.type = "range";
    this.#slider.step = "1";
    this.#slider.setAttribute("aria-label", this.dataset.label ?? "");
    this.#slider.addEventListener("input", () => {
      this.dispatchEvent(new CustomEvent("k8s-seek", { bubbles: true, detail: { revision: this.#slider.valueAsNumber } }));
    });
    this.#resize.observe(this);
  }

  disconnectedCallback() {
    this.#resize.disconnect();
  }

  /** `name` is what stands under the needle, `fine` lets it stand between revisions. @param {{base: number, head: number, at: number, name: string, fine: boolean, commands: object[], causes: object[], text: string}} state */
  show(state) {
    this.#state = state;
    if (!this.#slider.isConnected) this.append(this.#slider);
    this.#slider.step = state.fine || !Number.isInteger(state.at) ? "any" : "1";
    this.#slider.min = String(state.base);
    this.#slider.max = String(state.head);
    this.#slider.value = String(state.at);
    this.#slider.setAttribute("aria-valuetext", state.text);
    cancelAnimationFrame(this.#due);
    this.#due = requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    const { base, head, at, commands, causes } = this.#state;
    const style = getComputedStyle(this);
    const width = this.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    if (width <= 0 || head <= base) return;
    const x = (revision) => Math.round(((revision - base) / (head - base)) * width * 10) / 10;
    const svg = draw("svg", { class: "scale", width, height: HEIGHT, "aria-hidden": "true", focusable: "false" });

    const rows = [-1, -1];
    commands
      .filter((command) => command.revision >= base && command.revision <= head)
      .forEach((command, index) => {
        const row = index % 2;
        const top = row ? 17 : 2;
        const place = x(command.revision);
        const flag = draw("g", { class: command.revision <= at ? "flag past" : "flag" });
        flag.append(draw("path", { class: "pole", d: `M${place} ${top}V${BASELINE}` }));
        flag.append(draw("rect", { class: "pennant", x: place, y: top - 1, width: 8, height: 8 }));
        const next = commands[index + 2];
        const room = (next ? x(next.revision) : width) - place - 18;
        const letters = Math.floor(room / LETTER);
        const verb = command.text.split(" ")[1] ?? command.text;
        const text = command.text.length <= letters || letters > 24 ? command.text : verb;
        if (place > rows[row] && letters >= 4) {
          const shown = text.length > letters ? `${text.slice(0, letters - 1)}…` : text;
          flag.append(draw("text", { x: place + 13, y: top + 8 }, shown));
          rows[row] = place + 13 + shown.length * LETTER;
        }
        svg.prepend(flag); // a later flag's pole passes behind an earlier one's words
      });

    svg.append(draw("path", { class: "base", d: `M0 ${BASELINE}H${width}` }));
    svg.append(draw("path", { class: "done", d: `M0 ${BASELINE}H${x(at)}` }));
    const step = unit(head - base, width);
    let past = "";
    let ahead = "";
    for (let revision = Math.ceil(base / step) * step; revision <= head; revision += step) {
      const count = revision / step;
      const tick = `M${x(revision)} ${BASELINE - 0.5}v-${count % 10 === 0 ? 14 : count % 5 === 0 ? 10 : 6}`;
      if (revision <= at) past += tick;
      else ahead += tick;
    }
    svg.append(draw("path", { class: "tick past", d: past }), draw("path", { class: "tick", d: ahead }));
    for (const number of numbers(base, head, Math.max(2, Math.floor(width / 90)))) {
      if (Math.abs(x(number) - x(at)) < 34) continue; // the needle's own number stands there
      svg.append(draw("text", { class: "number", x: x(number), y: 82, "text-anchor": "middle" }, String(number)));
    }

    let from = x(at);
    for (const cause of causes) {
      const to = x(cause.revision);
      const deep = Math.min(16, 3 + (from - to) / 6);
      if (from - to > 1.5) {
        svg.append(draw("path", { class: "arc", d: `M${from} ${BASELINE}C${from} ${BASELINE + deep} ${to} ${BASELINE + deep} ${to} ${BASELINE}` }));
      }
      svg.append(draw("circle", { class: "arc-end", cx: to, cy: BASELINE, r: 2 }));
      from = to;
    }
    const here = x(at);
    const needle = draw("g", { class: "needle" });
    needle.append(draw("path", { class: "shaft", d: `M${here} 32V60` }));
    needle.append(draw("path", { class: "head", d: `M${here - 5} 66h10l-5-8z` }));
    const edge = here < 18 ? "start" : here > width - 18 ? "end" : "middle";
    needle.append(draw("text", { class: "here", x: here, y: 82, "text-anchor": edge }, this.#state.name || String(at)));
    svg.append(needle);
    this.querySelector("svg")?.remove();
    this.prepend(svg);
  }
}

customElements.define("k8s-ruler", Ruler);
