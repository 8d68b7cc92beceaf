/** The inspector: the chosen object, or what this step touched, as the server tells it with each frame. */

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
    this.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || !(event.target instanceof Element)) return;
      const seek = event.target.closest("[data-seek]");
      if (!seek) return;
      event.preventDefault();
      figure.seek(Number(seek.dataset.seek));
    });
  }

  #html = "";
}

customElements.define("k8s-inspector", Inspector);
