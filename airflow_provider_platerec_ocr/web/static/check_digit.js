// What can be said of a code by arithmetic, while it is typed: the same rules as core/identifiers.py.
// A test runs both over the same codes, so change both.
(function (root) {
  "use strict";

  const MARKS = /[\s./,:;()[\]{}'"-]/g;
  const OWN_MARKS = /[\s./,:;()[\]{}'"#&+|~^\\\u2018-\u201f\u00ab\u00bb\u2116-]/g;
  const DASHES = /[\u2010-\u2015\u2212\ufe58\uff0d]/g;
  const AROUND = new Set("*_\u2022\u00b7|<>~ ");
  const SPACE = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;
  const UNSEEN = /[\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{Zs}\p{Zl}\p{Zp}]/u;
  const VIN = /^[A-HJ-NPR-Z0-9]{17}$/;
  const VIN_WEIGHTS = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
  const VIN_PREFIXES = new Set(["I", "VIN", "VINNO", "VINNUMBER", "VINNR", "FIN", "CHASSISNO", "FRAMENO"]);
  const REPAIRS = { O: "0", Q: "0", I: "1" };
  const CONTAINER = /^[A-Z]{4}[0-9]{7}$/;
  const WITH_SIZE = /^([A-Z]{4}[0-9]{7})((?:[A-Z]{2,3})?(?:[1-9A-Z][0-9A-Z][A-Z][0-9]|[1-4][0-9]{3}))$/;
  const SYSTEMS = { U: "bic", J: "bic", Z: "bic", A: "ilu", B: "ilu", D: "ilu", E: "ilu", K: "ilu" };

  function values(groups) {
    const found = {};
    for (const [signs, first] of groups) [...signs].forEach((sign, place) => (found[sign] = first + place));
    return found;
  }
  const VIN_VALUES = values([["0123456789", 0], ["ABCDEFGH", 1], ["JKLMN", 1], ["P", 7], ["R", 9], ["STUVWXYZ", 2]]);
  const CONTAINER_VALUES = values([["0123456789", 0], ["A", 10], ["BCDEFGHIJK", 12], ["LMNOPQRSTU", 23], ["VWXYZ", 34]]);

  function plain(char) {
    const form = char.normalize("NFKC");
    return [...form].length > 1 && form.startsWith(" ") ? char : form;
  }

  function upper(code) {
    const formed = [...code.normalize("NFC")].map(plain).join("").normalize("NFC");
    const shown = [...formed].filter((char) => SPACE.test(char) || !UNSEEN.test(char));
    const capitals = shown.map((char) => ([...char.toUpperCase()].length === 1 ? char.toUpperCase() : char));
    const text = capitals.join("").replace(DASHES, "-");
    return text.split(new RegExp(SPACE, "g")).filter(Boolean).join(" ");
  }

  function strip(text) {
    const signs = [...text];
    while (signs.length && AROUND.has(signs[0])) signs.shift();
    while (signs.length && AROUND.has(signs[signs.length - 1])) signs.pop();
    return signs.join("");
  }

  const repaired = (text) => text.replace(/[OQI]/g, (sign) => REPAIRS[sign]);

  function vinFits(vin) {
    const total = [...vin].reduce((sum, sign, place) => sum + VIN_VALUES[sign] * VIN_WEIGHTS[place], 0);
    return "0123456789X"[total % 11] === vin[8];
  }

  function containerFits(code) {
    const signs = [...code.slice(0, 10)];
    const total = signs.reduce((sum, sign, place) => sum + CONTAINER_VALUES[sign] * 2 ** place, 0);
    return (total % 11) % 10 === Number(code[10]);
  }

  function answer(normalized, system, ok, wasRepaired) {
    return { code_normalized: normalized, code_system: system, check_digit_ok: ok, repaired: wasRepaired };
  }

  function checkVin(text) {
    let compact = strip(text).replace(MARKS, "");
    let vin = repaired(compact);
    if (!VIN.test(vin)) {
      const signs = [...compact];
      const rest = strip(signs.slice(-17).join(""));
      vin = repaired(rest);
      const before = strip(signs.slice(0, signs.length - [...rest].length).join(""));
      if (!VIN_PREFIXES.has(before) || !VIN.test(vin)) return answer(text.replace(/ /g, ""), null, null, false);
      compact = rest;
    }
    return answer(vin, "vin", vinFits(vin), vin !== compact);
  }

  function withoutSize(text, compact) {
    const found = WITH_SIZE.exec(compact);
    if (!found || !SYSTEMS[found[1][3]]) return null;
    const last = strip(text).split(MARKS).pop();
    const standsApart = found[2].endsWith(last) && last.length < compact.length;
    return standsApart || containerFits(found[1]) ? found[1] : null;
  }

  // Returns what is known of a code that was read as `type`, under the names of the table's columns.
  function checkCode(code, type) {
    const text = upper(code);
    if (type === "vin") return checkVin(text);
    const compact = strip(text).replace(MARKS, "");
    const container = CONTAINER.test(compact) ? compact : withoutSize(text, compact);
    if (container !== null && (type === "trailer_id" || SYSTEMS[container[3]])) {
      const system = SYSTEMS[container[3]] || null;
      return answer(container, system, system ? containerFits(container) : null, false);
    }
    const own = type === "trailer_id" ? text.replace(OWN_MARKS, "") : text;
    return answer(own || text, null, null, false);
  }

  root.platerecCheckCode = checkCode;
})(globalThis);
