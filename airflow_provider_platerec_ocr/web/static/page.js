// The little that the page does by itself: links out of the frame, and parts that renew themselves.
(function () {
  "use strict";

  // Airflow shows this page in a frame that may not open other pages. Its own window may: it gets the link.
  function outside(link) {
    const outer = window.parent;
    const there = outer.document.createElement("a");
    there.href = link.href;
    if (link.target === "_blank") { there.target = "_blank"; there.rel = "noopener"; }
    outer.document.body.appendChild(there);
    there.click();
    there.remove();
  }

  document.addEventListener("click", function (event) {
    const link = event.target.closest("a[data-top]");
    if (!link || window.parent === window || event.defaultPrevented) return;
    try {
      outside(link);
      event.preventDefault();
    } catch { /* another origin's frame: the link opens here */ }
  });

  // <section id="…" data-renew="5"> is fetched again every so many seconds, from the address of this page.
  async function renew(part) {
    const answer = await fetch(location.href, {headers: {Accept: "text/html"}, redirect: "error"});
    if (!answer.ok) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById(part.id);
    if (!fresh) return;
    const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
    if (part.contains(document.activeElement) && !focused) return; // somebody is in it: next time
    part.replaceChildren(...fresh.childNodes);
    if (focused && document.getElementById(focused)) document.getElementById(focused).focus();
  }

  for (const part of document.querySelectorAll("[data-renew]")) {
    const every = 1000 * Math.max(2, Number(part.dataset.renew) || 5);
    const failed = document.getElementById(part.id + "-failed");
    let waits = every;
    const again = async function () {
      if (!document.hidden) {
        try {
          await renew(part);
          waits = every;
          if (failed) failed.hidden = true;
        } catch {
          waits = Math.min(60000, waits * 2);
          if (failed) failed.hidden = false;
        }
      }
      setTimeout(again, waits);
    };
    setTimeout(again, every);
  }
})();
