// Keys for the review view, and the check digit while a code is typed. Without this script the form works as it is.
(function () {
  "use strict";
  const form = document.getElementById("decision");
  if (!form) return;
  const type = document.getElementById("type").value;
  const fields = [...form.querySelectorAll("input[data-read]")];
  const edit = document.getElementById("edit");
  edit.hidden = fields.length === 0;

  function check(field) {
    const place = document.getElementById(field.id + "-check");
    const text = field.value.trim();
    const known = text ? globalThis.platerecCheckCode(text, type) : null;
    place.className = "small";
    if (!known) { place.textContent = field.dataset.read ? "there is no such code" : ""; return; }
    if (known.check_digit_ok === null) {
      place.textContent = type === "vin" ? `${[...known.code_normalized].length} characters; a VIN has 17, without I, O, Q` : "no check digit applies";
      return;
    }
    // Of VINs, those of North America alone must have one: see dataset/review/doubts.py.
    const needsNone = known.code_system === "vin" && !/^[1-5]/.test(known.code_normalized);
    const wrong = needsNone ? "does not fit; outside North America none is needed" : "does not fit";
    place.textContent = `${known.code_normalized}: the check digit ${known.check_digit_ok ? "fits" : wrong}`;
    if (known.check_digit_ok || !needsNone) place.classList.add(known.check_digit_ok ? "good" : "warn");
  }

  function label() {
    const other = fields.some((field) => field.value.trim() !== field.dataset.read);
    form.querySelector("[data-when-same]").hidden = other;
    form.querySelector("[data-when-other]").hidden = !other;
  }

  for (const field of fields) {
    check(field);
    field.addEventListener("input", () => { check(field); label(); });
  }
  label();

  function press(id) {
    const one = document.getElementById(id);
    if (one && !one.disabled) one.click();
  }
  edit.addEventListener("click", () => { fields[0].focus(); fields[0].select(); });

  const KEYS = { a: "save", e: "edit", r: "reject", j: "next", n: "next", k: "before", p: "before" };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const where = event.target;
    if (where.matches("input, select, textarea")) {
      if (event.key === "Escape") { where.blur(); event.preventDefault(); }
      return;
    }
    if (event.repeat || !KEYS[event.key.toLowerCase()]) return;
    event.preventDefault();
    press(KEYS[event.key.toLowerCase()]);
  });

  const picture = document.getElementById("picture");
  function gone() {
    const said = document.createElement("p");
    said.className = "quiet";
    said.textContent = "The photograph cannot be shown here: the API server does not reach it, or it is not there any more.";
    picture.replaceWith(said);
  }
  if (picture.complete && picture.naturalWidth === 0) gone();
  else picture.addEventListener("error", gone);

  // One decision a form: a second press while the first is on its way says nothing new.
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
  });
  addEventListener("pageshow", () => { delete form.dataset.sent; });
})();
