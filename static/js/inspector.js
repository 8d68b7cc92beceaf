/** The inspector: the chosen object, or what this step touched, as the server tells it with each frame. */

/** @param {object} step @returns {HTMLElement} the head of what the server will tell */
function brief(step) {
  const section = Object.assign(document.createElement("section"), { className: "inspected" });
  section.dataset.ref = step.ref;
  const [resource, namespace] = step.ref.split("/");
  const kind = Object.assign(document.createElement("p"), { className: "inspected-kind", textContent: `${step.kind || resource} ` });
  if (step.ref.split("/").length === 3) kind.append(Object.assign(document.createElement("span"), { className: "n", textContent: namespace }));
  const name = Object.assign(document.createElement("h2"), { className: "inspected-name", textContent: step.name });
  const says = Object.assign(document.createElement("p"), { className: "inspected-summary", textContent: step.text });
  section.append(kind, name, says);
  return section;
}

/**
 * @customElement k8s-inspector
 * @attr {string} for  id of the figure
 */
export class Inspector extends HTMLElement {
  async connectedCallback() {
    await customElements.whenDefined("k8s-figure");
    const figure = document.getElementById(this.getAttribute("for"));
    if (!figure) return;
    figure.addEventListener("k8s-frame", (event) => {
      const html = event.detail.inspector;
      if (html === undefined || html === this.#html) return;
      this.#html = html;
      const yaml = this.querySelector(".yaml")?.scrollLeft ?? 0;
      const focused = this.contains(document.activeElement) ? document.activeElement.className : "";
      this.innerHTML = html;
      const next = this.querySelector(".yaml");
      if (next) next.scrollLeft = yaml;
      if (focused) [...this.querySelectorAll("a, button, [tabindex]")].find((each) => each.className === focused)?.focus({ preventScroll: true });
    });
    // A live cluster's picture is there before the rest of its frame: until then, what is known of the step.
    figure.addEventListener("k8s-picture", ({ detail: step }) => {
      this.#html = undefined;
      this.replaceChildren(brief(step));
    });
    this.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || !(event.target instanceof Element)) return;
      const seek = event.target.closest("[data-seek]");
      if (!seek) return;
      event.preventDefault();
      figure.seek(seek.dataset.seek);
    });
  }

  #html; // as the server last told it; undefined: what stands here is not from a frame
}

customElements.define("k8s-inspector", Inspector);
