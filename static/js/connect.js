/** The panel for one's own kubectl: opened by links to it, its lines copied whole, with the key though it is not shown. */

import { copyButtons } from "./share.js";

const panel = document.getElementById("kubectl");

/** @param {boolean} [focus] */
function open(focus = true) {
  panel.open = true;
  panel.scrollIntoView({ block: "nearest" });
  if (focus) panel.querySelector("summary").focus({ preventScroll: true });
}

if (panel) {
  copyButtons(panel);
  for (const opener of document.querySelectorAll("[data-opens=connect]")) {
    opener.addEventListener("click", (event) => {
      event.preventDefault();
      open();
    });
  }
  if (location.hash === "#kubectl") open(false);
  for (const button of panel.querySelectorAll("[data-copy-lines]")) {
    const label = button.textContent;
    // The lines that stand before the button, shown or not.
    const lines = [...panel.querySelectorAll("[data-lines]")].findLast((each) => each.compareDocumentPosition(button) & Node.DOCUMENT_POSITION_FOLLOWING);
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(`${lines.textContent}\n`);
      } catch {
        const secret = lines.closest("[data-secret]");
        if (secret) secret.open = true; // no permission: the reader can still press the keys
        getSelection()?.selectAllChildren(lines);
        return;
      }
      button.textContent = button.dataset.done;
      setTimeout(() => {
        button.textContent = label;
      }, 1600);
    });
  }
}
