// Convex weights and where they lie: corners stand around a polygon, and a point within it has one weight per corner.

/** @typedef {number[]} Weights not negative, and one in sum */
/** @typedef {[number, number]} Point */

/** Where corner k of `count` stands on the unit circle, the first one on top.
 * @param {number} count @returns {Point[]} */
function polygonOf(count) {
  if (count === 1) return [[0, 0]];
  const turn = count === 2 ? Math.PI : Math.PI / 2;
  return Array.from({ length: count }, (_, k) => {
    const angle = turn - (2 * Math.PI * k) / count;
    return [Math.cos(angle), -Math.sin(angle)];
  });
}

/** The point that weights stand for: the mean of the polygon's vertices.
 * @param {Weights} weights @param {Point[]} polygon @returns {Point} */
function pointOf(weights, polygon) {
  let x = 0;
  let y = 0;
  weights.forEach((w, k) => {
    x += w * polygon[k][0];
    y += w * polygon[k][1];
  });
  return [x, y];
}

/** Mean value coordinates (Floater 2003) of a point in a convex polygon, or of the nearest point that is in it.
 * They are convex weights of which `pointOf` is that point; on an edge all but its two corners weigh nothing.
 * @param {Point} point @param {Point[]} polygon @returns {Weights} */
function weightsAt(point, polygon) {
  const count = polygon.length;
  if (count === 1) return [1];
  const { inside, edge, share } = nearestEdge(point, polygon);
  if (!inside || count === 2) {
    const weights = new Array(count).fill(0);
    weights[edge] += 1 - share;
    weights[(edge + 1) % count] += share;
    return weights;
  }
  const arms = polygon.map((v) => [v[0] - point[0], v[1] - point[1]]);
  const lengths = arms.map((a) => Math.hypot(a[0], a[1]));
  const halves = arms.map((a, k) => {
    const b = arms[(k + 1) % count];
    const cross = Math.abs(a[0] * b[1] - a[1] * b[0]);
    return cross / (lengths[k] * lengths[(k + 1) % count] + a[0] * b[0] + a[1] * b[1]); // the tangent of half the angle
  });
  return normalized(lengths.map((r, k) => (halves[(k + count - 1) % count] + halves[k]) / r));
}

/** The edge nearest to a point, how far along it the nearest place is, and whether the point lies within the polygon.
 * What is within a millionth of an edge counts as on it.
 * @param {Point} point @param {Point[]} polygon */
function nearestEdge(point, polygon) {
  const count = polygon.length;
  let best = { distance: Infinity, edge: 0, share: 0 };
  let inside = count > 2;
  for (let k = 0; k < (count === 2 ? 1 : count); k++) {
    const a = polygon[k];
    const b = polygon[(k + 1) % count];
    const along = [b[0] - a[0], b[1] - a[1]];
    const to = [point[0] - a[0], point[1] - a[1]];
    const share = Math.min(1, Math.max(0, (to[0] * along[0] + to[1] * along[1]) / (along[0] ** 2 + along[1] ** 2)));
    const distance = Math.hypot(to[0] - share * along[0], to[1] - share * along[1]);
    if (distance < best.distance) best = { distance, edge: k, share };
    if (along[0] * to[1] - along[1] * to[0] <= 0) inside = false;
  }
  return { ...best, inside: inside && best.distance > 1e-6 };
}

/** @param {number[]} values not negative @returns {Weights} evenly where all are zero */
function normalized(values) {
  const kept = values.map((v) => (v > 0 && Number.isFinite(v) ? v : 0));
  const sum = kept.reduce((a, b) => a + b, 0);
  return sum > 0 ? kept.map((v) => v / sum) : kept.map(() => 1 / kept.length);
}

/** The same weights in multiples of 2^-24, which single precision and all that is computed with them hold exactly.
 * The largest takes what rounding leaves.
 * @param {Weights} weights @returns {Weights} */
function snapped(weights) {
  const whole = weights.map((w) => Math.round(w * 2 ** 24));
  whole[whole.indexOf(Math.max(...whole))] += 2 ** 24 - whole.reduce((a, b) => a + b, 0);
  return whole.map((w) => w / 2 ** 24);
}

/** Weights with one of them set, the others in proportion.
 * @param {Weights} weights @param {number} index @param {number} value @returns {Weights} */
function withWeight(weights, index, value) {
  const set = Math.min(1, Math.max(0, value));
  const rest = 1 - weights[index];
  return weights.map((w, k) => {
    if (k === index) return weights.length === 1 ? 1 : set;
    return rest > 1e-9 ? (w * (1 - set)) / rest : (1 - set) / (weights.length - 1);
  });
}

/** The number of the row of `table` (rows of `weights.length` numbers) that is nearest to the weights.
 * @param {Weights} weights @param {ArrayLike<number>} table */
function nearestRow(weights, table) {
  const count = weights.length;
  let best = 0;
  let least = Infinity;
  for (let row = 0; row * count < table.length; row++) {
    let distance = 0;
    for (let k = 0; k < count; k++) distance += (table[row * count + k] - weights[k]) ** 2;
    if (distance < least - 1e-12) {
      least = distance;
      best = row;
    }
  }
  return best;
}

/** What a link holds: weights in ten thousandths.
 * @param {Weights} weights */
function weightsToText(weights) {
  return weights.map((w) => String(Math.round(w * 1e4) / 1e4)).join(",");
}

/** @param {string} text @param {number} count @returns {Weights | null} null where it holds no such weights */
function weightsFromText(text, count) {
  const values = text.split(",").map(Number);
  const sum = values.reduce((a, b) => a + b, 0);
  const fits = values.length === count && values.every((v) => v >= 0 && v <= 1) && Math.abs(sum - 1) < 0.01;
  return fits ? normalized(values) : null;
}
