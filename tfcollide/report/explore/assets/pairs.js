// The page of a sweep: cards that are filtered and sorted.

/** @type {[string, string, (row: any) => string | number | null][]} name, key, and value to sort by */
const ORDERS = [
  ["place in the sweep", "place", (row) => row.place],
  ["mixtures of the target's class", "accuracy", (row) => row.accuracy],
  ["distance from the source", "source_share", (row) => row.source_share],
  ["distance from the target", "target_share", (row) => row.target_share],
  ["distance between corners", "corner_mean", (row) => row.corner_mean],
  ["margin of the worst mixture", "worst_margin", (row) => row.worst_margin],
  ["source class", "from", (row) => row.labels[0]],
  ["target class", "to", (row) => row.labels[1]],
];

/** @param {any} scene */
function startPairs(scene) {
  const rows = scene.rows.map((/** @type {any} */ row, /** @type {number} */ place) => ({ ...row, place }));
  byId("title").textContent = scene.title;
  byId("conclusion").textContent = scene.conclusion;
  for (const [name, key] of ORDERS) byId("sort").append(element("option", { value: key }, name));
  ["from", "to"].forEach((id, end) => {
    const classes = [...new Set(rows.map((/** @type {any} */ row) => row.labels[end]))].sort();
    for (const name of classes) byId(id).append(element("option", { value: name }, name));
  });
  byId("filters").addEventListener("input", show);
  byId("filters").addEventListener("submit", (/** @type {Event} */ event) => event.preventDefault());
  show();

  function show() {
    const chosen = sorted(rows.filter(fits));
    byId("cards").replaceChildren(...chosen.map(card));
    byId("count").textContent = `${chosen.length} of ${rows.length} pairs`;
  }

  /** @param {any} row */
  function fits(row) {
    const verdict = byId("verdict").value;
    return (
      (!verdict || (verdict === "found") === row.found) &&
      (!byId("from").value || byId("from").value === row.labels[0]) &&
      (!byId("to").value || byId("to").value === row.labels[1]) &&
      100 * (row.accuracy ?? 0) >= Number(byId("rate").value)
    );
  }

  /** What has no value comes last, either way.
   * @param {any[]} some */
  function sorted(some) {
    const value = ORDERS.find(([, key]) => key === byId("sort").value)?.[2] ?? ORDERS[0][2];
    const sign = byId("falling").checked ? -1 : 1;
    return some.sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === null || y === null) return (x === null ? 1 : 0) - (y === null ? 1 : 0);
      return (x < y ? -sign : x > y ? sign : 0) || a.place - b.place;
    });
  }
}

/** @param {any} row */
function card(row) {
  const item = element("li", {});
  const body = row.link ? element("a", { href: row.link }) : element("div", { class: "dead" });
  body.append(element("h2", {}, `${row.labels[0]} → ${row.labels[1]}`));
  if (row.pictures.length) {
    const trio = element("div", { class: "trio" });
    ["source", "a corner", "target"].forEach((name, n) => {
      const figure = element("figure", {});
      figure.append(element("img", { src: row.pictures[n], alt: `${name} of the pair` }), element("figcaption", {}, name));
      trio.append(figure);
    });
    body.append(trio);
  }
  const why = row.error ?? row.missing.join(", ");
  const verdict = row.found ? "✓ Found" : `✗ Not found: ${why}`;
  body.append(element("p", { class: row.found ? "good" : "bad" }, verdict));
  const facts = element("dl", {});
  /** @param {string} name @param {string | null} text */
  const fact = (name, text) => text !== null && facts.append(element("dt", {}, name), element("dd", {}, text));
  fact("Mixtures of the target's class", row.accuracy === null ? null : percent(row.accuracy));
  fact("From source, from target", row.source_share === null ? null : `${row.source_share.toFixed(2)}, ${row.target_share.toFixed(2)}`);
  fact("Between corners", row.corner_mean === null ? null : shown(row.corner_mean));
  fact("Worst margin", row.worst_margin === null ? null : shown(row.worst_margin));
  fact("Proof", row.proof);
  body.append(facts);
  item.append(body);
  return item;
}
