// What a network says of an image, from its logits and its features.

/** @typedef {{ top: number[], chances: number[], hit: boolean, probability: number, margin: number,
 *   active_match: number, feature_distance: number, name: string, read: string | null, row: number | null }} Verdict */

/** @param {ArrayLike<number>} logits */
function softmax(logits) {
  const values = Array.from(logits);
  const most = Math.max(...values);
  const powers = values.map((v) => Math.exp(v - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((v) => v / sum);
}

/** The numbers of the five largest values, the largest first.
 * @param {number[]} values */
function topFive(values) {
  return values
    .map((_, i) => i)
    .sort((a, b) => values[b] - values[a] || a - b)
    .slice(0, 5);
}

/** How far a class is ahead of the best other.
 * @param {ArrayLike<number>} logits @param {number} target */
function marginOf(logits, target) {
  let best = -Infinity;
  for (let i = 0; i < logits.length; i++) if (i !== target) best = Math.max(best, logits[i]);
  return logits[target] - best;
}

/** L_pos and the feature distance to the target, in which what is above a ReLU's ceiling is the same.
 * @param {ArrayLike<number>} tap @param {{ post_activation: ArrayLike<number>, active: ArrayLike<number>, ceiling: number | null }} goal */
function featureTerms(tap, goal) {
  const ceiling = goal.ceiling === null ? Infinity : goal.ceiling;
  let match = 0;
  let distance = 0;
  for (let u = 0; u < tap.length; u++) {
    const wanted = goal.post_activation[u];
    const before = wanted >= ceiling ? Math.min(tap[u], ceiling) : tap[u];
    match += goal.active[u] * (before - wanted) ** 2;
    distance += (Math.min(Math.max(tap[u], 0), ceiling) - wanted) ** 2;
  }
  return { active_match: match, feature_distance: distance };
}

/** The network's own answer, computed here.
 * @param {Network & { post_activation: Float32Array, active: Uint8Array, target_class: number }} network
 * @param {Float32Array} image @param {string[]} names @returns {Verdict} */
function judgeHere(network, image, names) {
  const { logits, tap } = runNetwork(network, image);
  const chances = softmax(logits);
  const top = topFive(chances);
  const best = topFive(Array.from(logits))[0];
  return {
    top,
    chances: top.map((i) => chances[i]),
    hit: best === network.target_class,
    name: names[best],
    probability: chances[network.target_class],
    margin: marginOf(logits, network.target_class),
    ...featureTerms(tap, network),
    read: null,
    row: null,
  };
}
