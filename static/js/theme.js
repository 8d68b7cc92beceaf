/**
 * The chosen theme, before the first paint. A plain script on purpose: a module would run too late and flash.
 * An address that names a theme (?theme=dark, already on <html>) wins over the reader's choice.
 */
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  if (root.dataset.theme) return;
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  } catch {
    // no storage: the system's theme it is
  }
})();
