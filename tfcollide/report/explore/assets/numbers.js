// Numbers in words, and elements of a page.

/** @param {string} id @returns {any} */
const byId = (id) => document.getElementById(id);

/** A number in at most four digits, small ones whole.
 * @param {number} value */
function shown(value) {
  if (!Number.isFinite(value)) return "not finite";
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en-US");
  if (size !== 0 && size < 1e-3) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
}

/** A probability in percent: never rounded up to certainty.
 * @param {number} chance */
function percent(chance) {
  const text = (100 * chance).toFixed(2);
  if (chance < 1 && text === "100.00") return "> 99.99 %";
  return chance > 0 && text === "0.00" ? "< 0.01 %" : `${text} %`;
}

/** Sets an element's text where it is another, as a browser lays out anew whatever is set.
 * @param {any} node @param {string} text */
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** @param {string} name @param {Record<string, string>} attributes @param {string} [text] */
function element(name, attributes, text) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}
