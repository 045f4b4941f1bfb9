// Light or dark as Airflow is: its window around this one says so, else what it keeps, else the system.
(function () {
  "use strict";
  const root = document.documentElement;

  function around() {
    try {
      const outer = window.parent !== window ? window.parent.document.documentElement : null;
      if (outer && outer.classList.contains("dark")) return "dark";
      if (outer && outer.classList.contains("light")) return "light";
    } catch { /* another origin's window says nothing */ }
    return "";
  }

  function kept() {
    try {
      const theme = localStorage.getItem("theme");
      return theme === "dark" || theme === "light" ? theme : "";
    } catch { return ""; }
  }

  function apply() {
    const theme = around() || kept();
    root.classList.toggle("dark", theme === "dark");
    root.classList.toggle("light", theme === "light");
  }

  apply();
  window.addEventListener("storage", apply);
  try {
    if (window.parent !== window) {
      new MutationObserver(apply).observe(window.parent.document.documentElement, {attributeFilter: ["class"]});
    }
  } catch { /* as above */ }
})();
