// Walks through a hull: from a time in seconds to weights. A walk that ends says so by `seconds`.

/** @typedef {{ at: (time: number) => Weights, seconds: number }} Walk */

const LEG = 2.5;

/** @param {Weights} from @param {Weights} to @param {number} share @returns {Weights} */
function between(from, to, share) {
  const s = share * share * (3 - 2 * share); // starts and ends at rest
  return from.map((w, k) => w + (to[k] - w) * s);
}

/** From stop to stop.
 * @param {Weights[]} stops @returns {Walk} */
function walkThrough(stops) {
  const legs = stops.length - 1;
  return {
    seconds: legs * LEG,
    at: (time) => {
      const leg = Math.min(Math.floor(time / LEG), legs - 1);
      return between(stops[leg], stops[leg + 1], Math.min(1, time / LEG - leg));
    },
  };
}

/** @param {number} corner @param {number} count @returns {Weights} */
function cornerWeights(corner, count) {
  return Array.from({ length: count }, (_, k) => (k === corner ? 1 : 0));
}

/** From where one stands along all edges of the polygon and back to the first corner.
 * @param {Weights} start @returns {Walk} */
function walkEdges(start) {
  const count = start.length;
  const corners = Array.from({ length: count + 1 }, (_, k) => cornerWeights(k % count, count));
  return walkThrough([start, ...(count === 1 ? corners.slice(0, 1) : corners)]);
}

/** Random mixtures, one after the other: evenly drawn, every third one near a face.
 * @param {Weights} start @param {number} stops @param {() => number} random @returns {Walk} */
function walkAround(start, stops, random) {
  const drawn = Array.from({ length: stops }, (_, n) => {
    const power = n % 3 === 2 ? 4 : 1;
    return normalized(start.map(() => (-Math.log(1 - random())) ** power));
  });
  return walkThrough([start, ...drawn]);
}
