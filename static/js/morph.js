/**
 * Puts a new figure in the place of the old one with object constancy: what has gone leaves, what stayed moves to
 * its new place, what is new enters; 600 ms in all. Ids come from the objects, so the same id is the same object.
 */

const LEAVE_MS = 140;
const MOVE_MS = 420;
const ENTER_DELAY_MS = 380;
const ENTER_MS = 200;
const EASE = "cubic-bezier(.2,.7,.2,1)";
/** Past this many moving parts nobody follows them one by one, and the machine should not have to. */
const TOO_MANY = 250;

/** Movement is unwanted: by the system's setting or by the reader's own. */
export function still() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches || document.documentElement.dataset.motion === "none";
}

/** @param {string} text @returns {SVGSVGElement|null} */
export function parseSvg(text) {
  const holder = document.createElement("template");
  holder.innerHTML = text;
  return holder.content.querySelector("svg");
}

/**
 * @param {HTMLElement} plate  holds the figure
 * @param {SVGSVGElement} next
 * @param {{instant?: boolean}} [options]
 */
export function morph(plate, next, { instant = false } = {}) {
  const old = plate.querySelector(":scope > svg");
  enliven(next);
  if (!old) {
    plate.append(next);
    return;
  }
  const focused = plate.contains(document.activeElement) ? document.activeElement.id : "";
  const quiet = instant || still() || document.hidden;
  const before = quiet ? new Map() : places(old);
  const classesKept = ["selected", "lit"];
  const marked = classesKept.map((name) => [name, [...old.querySelectorAll(`.${name}[id]`)].map((part) => part.id)]);
  const zoom = old.style.getPropertyValue("width");
  old.replaceWith(next);
  if (zoom) {
    next.style.setProperty("width", zoom);
    next.style.setProperty("height", old.style.getPropertyValue("height"));
  }
  for (const [name, ids] of marked) for (const id of ids) part(next, id)?.classList.add(name);
  if (focused) part(next, focused)?.focus({ preventScroll: true });
  if (quiet || before.size === 0) return;
  const after = places(next);
  if (before.size + after.size > 2 * TOO_MANY) return;

  /** @type {Map<string, [number, number]>} how far each has to come */
  const shifts = new Map();
  for (const [id, place] of after) {
    const from = before.get(id);
    if (from) shifts.set(id, [from.x - place.x, from.y - place.y]);
  }
  for (const [id, place] of after) {
    if (!before.has(id)) {
      if (!place.parent || before.has(place.parent)) {
        place.element.animate([{ opacity: 0 }, { opacity: 1 }], { duration: ENTER_MS, delay: ENTER_DELAY_MS, fill: "backwards" });
      }
      continue;
    }
    const [dx, dy] = shifts.get(id);
    const [px, py] = shifts.get(place.parent) ?? [0, 0]; // what its frame brings along
    if (Math.abs(dx - px) < 0.75 && Math.abs(dy - py) < 0.75) continue;
    if (id.startsWith("edge-")) continue; // edges fade, they do not fly
    place.element.animate([{ transform: `translate(${dx - px}px, ${dy - py}px)` }, { transform: "translate(0, 0)" }], {
      duration: MOVE_MS,
      easing: EASE,
      composite: "add",
    });
  }
  for (const [id, place] of before) {
    if (after.has(id) || (place.parent && before.has(place.parent) && !after.has(place.parent))) continue;
    const ghost = place.element;
    ghost.removeAttribute("id");
    for (const inner of ghost.querySelectorAll("[id]")) inner.removeAttribute("id");
    ghost.setAttribute("aria-hidden", "true");
    next.append(ghost);
    ghost.animate([{ opacity: 1 }, { opacity: 0 }], { duration: LEAVE_MS, fill: "forwards" }).finished.then(
      () => ghost.remove(),
      () => ghost.remove(),
    );
  }
}

/**
 * Changes classes and texts where nothing has moved.
 * @param {Element} svg
 * @param {[string, {class?: string, text?: string[], label?: string}][]} patch
 * @returns {boolean} false when a part is not there: then only the whole figure will do
 */
export function applyPatch(svg, patch) {
  const found = patch.map(([id, change]) => [part(svg, id), change]);
  if (found.some(([element]) => !element)) return false;
  for (const [element, change] of found) {
    if (change.class !== undefined) element.setAttribute("class", change.class);
    if (change.href !== undefined) element.setAttribute("href", change.href);
    if (change.label !== undefined) element.setAttribute("aria-label", change.label);
    if (change.text) {
      const texts = [...element.children].filter((child) => child.localName === "text");
      change.text.forEach((text, index) => {
        if (texts[index]) texts[index].textContent = text;
      });
    }
  }
  return true;
}

/** Gives each edge's dot its path to travel: a style, which only a script may set here. @param {Element} svg */
export function enliven(svg) {
  for (const dot of svg.querySelectorAll(".k-dot")) {
    const line = dot.parentElement.querySelector(".k-l")?.getAttribute("d");
    if (!line) continue;
    dot.style.offsetPath = `path("${line}")`;
    dot.classList.add("moving");
  }
}

/** @param {Element} within @param {string} id */
export function part(within, id) {
  return within.querySelector(`#${CSS.escape(id)}`);
}

/**
 * @param {SVGSVGElement} svg
 * @returns {Map<string, {element: SVGElement, x: number, y: number, parent: string}>}
 */
function places(svg) {
  const origin = svg.getBoundingClientRect();
  const scale = svg.viewBox.baseVal?.width ? origin.width / svg.viewBox.baseVal.width : 1;
  const found = new Map();
  for (const element of svg.querySelectorAll("g[id], a[id]")) {
    const box = element.getBoundingClientRect();
    found.set(element.id, {
      element,
      x: (box.x - origin.x) / scale,
      y: (box.y - origin.y) / scale,
      parent: element.parentElement?.closest("g[id], a[id]")?.id ?? "",
    });
  }
  return found;
}
