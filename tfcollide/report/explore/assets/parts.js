// Which parts of a hull are proven, and in which one a point lies.

/** A tree of bisections in preorder, as `ProvenParts` has it: per node the edge (i, j) that is halved, or (0, 0) of a part;
 * `second` is the node of its second half, and `part` the number of a part.
 * @typedef {{ tree: Uint16Array, second: Int32Array, part: Int32Array, margins: Float32Array }} Parts */

/** @param {Uint16Array} tree @param {Float32Array} margins @returns {Parts} */
function partsOf(tree, margins) {
  const nodes = tree.length / 2;
  const second = new Int32Array(nodes);
  const part = new Int32Array(nodes).fill(-1);
  const waiting = [-1]; // whose second half comes next
  let parts = 0;
  for (let node = 0; node < nodes; node++) {
    const above = /** @type {number} */ (waiting.pop());
    if (above >= 0) second[above] = node;
    if (tree[2 * node] < tree[2 * node + 1]) waiting.push(node, -1);
    else part[node] = parts++;
  }
  return { tree, second, part, margins };
}

/** The largest margin that is proven of a part in which the point lies; where it is not positive, nothing is proven.
 * Halving an edge changes two shares, by a difference and a double: multiples of 2^-24, as `snapped` gives them, stay exact.
 * @param {Weights} weights @param {Parts} parts */
function provenAt(weights, parts) {
  let best = -Infinity;
  const waiting = [{ node: 0, shares: weights.slice() }];
  for (let here = waiting.pop(); here; here = waiting.pop()) {
    let { node, shares } = here;
    while (parts.part[node] < 0) {
      const [i, j] = [parts.tree[2 * node], parts.tree[2 * node + 1]];
      const [a, b] = [shares[i], shares[j]];
      if (a === b) waiting.push({ node: parts.second[node], shares: halved(shares.slice(), i, j, a, b) }); // on the cut
      if (b >= a) shares = halved(shares, j, i, b, a);
      else shares = halved(shares, i, j, a, b);
      node = b >= a ? node + 1 : parts.second[node];
    }
    best = Math.max(best, parts.margins[parts.part[node]]);
  }
  return best;
}

/** Shares in the half that keeps vertex `kept`, in which the middle of the edge takes the place of vertex `lost`.
 * @param {number[]} shares are changed @param {number} kept @param {number} lost @param {number} more @param {number} less */
function halved(shares, kept, lost, more, less) {
  shares[kept] = more - less;
  shares[lost] = 2 * less;
  return shares;
}
