/** What every page does: theme and stillness, the slash key, the language links that keep their place. */

const root = document.documentElement;
const THEMES = ["auto", "light", "dark"];

/** @returns {string} the reader's choice, "auto" when there is none */
function chosenTheme() {
  return root.dataset.theme ?? "auto";
}

/** @param {HTMLElement} button */
function showTheme(button) {
  const now = chosenTheme();
  button.dataset.now = now;
  button.title = button.dataset[now];
  button.setAttribute("aria-label", button.dataset[now]);
}

for (const button of document.querySelectorAll("[data-theme-toggle]")) {
  button.hidden = false;
  showTheme(button);
  button.addEventListener("click", () => {
    const next = THEMES[(THEMES.indexOf(chosenTheme()) + 1) % THEMES.length];
    if (next === "auto") delete root.dataset.theme;
    else root.dataset.theme = next;
    try {
      localStorage.setItem("theme", next);
    } catch {
      // no storage: it holds for this page
    }
    for (const each of document.querySelectorAll("[data-theme-toggle]")) showTheme(each);
  });
}

for (const label of document.querySelectorAll("[data-motion-toggle]")) {
  const box = label.querySelector("input");
  label.hidden = false;
  box.checked = root.dataset.motion === "none";
  box.addEventListener("change", () => {
    if (box.checked) root.dataset.motion = "none";
    else delete root.dataset.motion;
    try {
      localStorage.setItem("motion", box.checked ? "none" : "");
    } catch {
      // no storage: it holds for this page
    }
    if (box.checked) for (const figure of document.querySelectorAll("k8s-figure")) figure.stop?.();
  });
}

/** @param {EventTarget|null} target */
function isField(target) {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isField(event.target)) return;
  const field = [...document.querySelectorAll("[data-search-field]")].find((each) => each.offsetParent);
  if (field) {
    event.preventDefault();
    field.focus();
    field.select();
  }
});

// A menu closes when its reader turns to something else.
const MENUS = "details.menu[open], details.row-menu[open]";

document.addEventListener("click", ({ target }) => {
  for (const menu of document.querySelectorAll(MENUS)) if (!menu.contains(target)) menu.open = false;
});

document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && event.target instanceof Element ? event.target.closest(MENUS) : null;
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

for (const link of document.querySelectorAll("a[data-language]")) {
  link.addEventListener("click", () => {
    const { language } = link.dataset;
    document.cookie = `language=${language}; path=/; max-age=31536000; samesite=lax`;
    const here = location.pathname.replace(/^\/(ko|en)(?=\/|$)/, `/${language}`);
    if (here !== location.pathname) link.href = here + location.search + location.hash;
  });
}
