/** Zoom, pan and full screen for one figure. At 100 % the figure is as drawn and the page scrolls as ever. */

const STEPS = [0.5, 0.67, 0.8, 1, 1.25, 1.5, 2, 3];

export class Zoom {
  /** Whether the pointer has just been dragged, so that the click that ends a drag is not a choice. */
  dragged = false;
  #level = 1;

  /** @param {HTMLElement} plate @param {HTMLElement} figure */
  constructor(plate, figure) {
    this.plate = plate;
    figure.addEventListener("click", (event) => {
      const button = event.target instanceof Element ? event.target.closest("[data-zoom]") : null;
      if (!button) return;
      if (button.dataset.zoom === "full") {
        if (document.fullscreenElement) document.exitFullscreen();
        else figure.requestFullscreen?.();
      } else this.#to(button.dataset.zoom === "in" ? 1 : -1);
    });
    plate.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "+" || event.key === "=") this.#to(1);
      else if (event.key === "-") this.#to(-1);
      else if (event.key === "0") this.#set(1);
      else return;
      event.preventDefault();
    });
    plate.addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey) return; // also what a pinch on a touchpad sends
        event.preventDefault();
        this.#set(Math.max(0.5, Math.min(3, this.#level * Math.exp(-event.deltaY / 200))));
      },
      { passive: false },
    );
    plate.addEventListener("pointerdown", (event) => this.#drag(event));
  }

  /** @param {1|-1} direction */
  #to(direction) {
    const next = direction > 0 ? STEPS.find((step) => step > this.#level + 0.01) : STEPS.findLast((step) => step < this.#level - 0.01);
    if (next) this.#set(next);
  }

  /** @param {number} level */
  #set(level) {
    const svg = this.plate.querySelector(":scope > svg");
    const width = svg?.viewBox.baseVal?.width;
    if (!width) return;
    const { plate } = this;
    const centre = { x: (plate.scrollLeft + plate.clientWidth / 2) / this.#level, y: (plate.scrollTop + plate.clientHeight / 2) / this.#level };
    this.#level = level;
    plate.classList.toggle("zoomed", level > 1);
    if (level > 1 && !plate.style.height) plate.style.height = `${plate.clientHeight}px`;
    if (level === 1) {
      plate.style.removeProperty("height");
      svg.style.removeProperty("width");
      svg.style.removeProperty("height");
      return;
    }
    svg.style.width = `${width * level}px`;
    svg.style.height = `${svg.viewBox.baseVal.height * level}px`;
    plate.scrollLeft = centre.x * level - plate.clientWidth / 2;
    plate.scrollTop = centre.y * level - plate.clientHeight / 2;
  }

  /** @param {PointerEvent} down */
  #drag(down) {
    this.dragged = false;
    const { plate } = this;
    const wide = plate.scrollWidth > plate.clientWidth + 1 || plate.scrollHeight > plate.clientHeight + 1;
    if (!wide || down.pointerType === "touch" || down.button !== 0) return;
    const from = { x: down.clientX + plate.scrollLeft, y: down.clientY + plate.scrollTop };
    const hand = new AbortController();
    const { signal } = hand;
    plate.addEventListener(
      "pointermove",
      (move) => {
        if (Math.hypot(move.clientX - down.clientX, move.clientY - down.clientY) > 4) this.dragged = true;
        if (!this.dragged) return;
        plate.classList.add("dragging");
        plate.scrollLeft = from.x - move.clientX;
        plate.scrollTop = from.y - move.clientY;
      },
      { signal },
    );
    const end = () => {
      hand.abort();
      plate.classList.remove("dragging");
    };
    addEventListener("pointerup", end, { signal, once: true });
    addEventListener("pointercancel", end, { signal, once: true });
  }
}
