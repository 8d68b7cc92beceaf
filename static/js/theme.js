/**
 * The chosen theme and stillness, before the first paint. A plain script on purpose: a module would run too late and flash.
 * An address that names a theme (?theme=dark, already on <html>) wins over the reader's choice.
 */
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  try {
    if (localStorage.getItem("motion") === "none") root.dataset.motion = "none";
    if (root.dataset.theme) return;
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  } catch {
    // no storage: the system's theme it is
  }
})();
