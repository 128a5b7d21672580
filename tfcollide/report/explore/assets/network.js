// A small network, layer by layer. Sums are taken in double precision and kept in single precision, as the network keeps them.

/** @typedef {{ kind: string, reads: number[], writes: number, shape: number[], weights: number[], [setting: string]: any }} Layer */
/** @typedef {{ layers: Layer[], weights: Float32Array[], source: number, logits: number, tap: number,
 *   after_zero: boolean, ceiling: number | null, entry: number[] }} Network */
/** @typedef {{ data: Float32Array, shape: number[] }} Value */

/** The logits and the tap's pre-activation of one image.
 * @param {Network} network @param {Float32Array} image */
function runNetwork(network, image) {
  /** @type {Map<number, Value>} */
  const values = new Map([[network.source, { data: image, shape: network.entry }]]);
  for (const layer of network.layers) {
    const inputs = layer.reads.map((n) => /** @type {Value} */ (values.get(n)));
    const weights = layer.weights.map((n) => network.weights[n]);
    values.set(layer.writes, { data: KINDS[layer.kind](layer, inputs, weights), shape: layer.shape });
  }
  const logits = /** @type {Value} */ (values.get(network.logits)).data;
  return {
    logits: network.after_zero ? Float32Array.of(0, ...logits) : logits,
    tap: /** @type {Value} */ (values.get(network.tap)).data,
  };
}

/** @type {Record<string, (layer: Layer, inputs: Value[], weights: Float32Array[]) => Float32Array>} */
const KINDS = {
  same: (_, [input]) => input.data,
  relu: (layer, [input]) => input.data.map((v) => (layer.ceiling === null ? Math.max(v, 0) : Math.min(Math.max(v, 0), layer.ceiling))),
  scale: (_, [input], [scale, offset]) =>
    input.data.map((v, i) => v * scale[i % scale.length] + offset[i % offset.length]),
  dense: (_, [input], [kernel, bias]) => products(input.data, kernel, bias),
  convolution,
  depthwise,
  largest: (layer, [input]) => pooled(layer, input, true),
  mean: (layer, [input]) => pooled(layer, input, false),
  largest_of_all: (_, [input]) => overAll(input, true),
  mean_of_all: (_, [input]) => overAll(input, false),
  pad: padded,
  sum: (_, inputs) => inputs[0].data.map((v, i) => inputs.slice(1).reduce((sum, other) => sum + other.data[i], v)),
  join: joined,
};

/** Rows of values, each times the kernel [inputs, outputs], and the bias.
 * @param {Float32Array} values @param {Float32Array} kernel @param {Float32Array} bias */
function products(values, kernel, bias) {
  const outputs = bias.length;
  const inputs = kernel.length / outputs;
  const found = new Float32Array((values.length / inputs) * outputs);
  const sums = new Float64Array(outputs);
  for (let row = 0; row * inputs < values.length; row++) {
    sums.set(bias);
    for (let i = 0; i < inputs; i++) accumulate(sums, values[row * inputs + i], kernel, i * outputs);
    found.set(sums, row * outputs);
  }
  return found;
}

/** Adds `value` times a row of the kernel.
 * @param {Float64Array} sums @param {number} value @param {Float32Array} kernel @param {number} start */
function accumulate(sums, value, kernel, start) {
  if (value === 0) return;
  for (let j = 0; j < sums.length; j++) sums[j] += value * kernel[start + j];
}

/** Where a window begins along an axis, as TensorFlow pads.
 * @param {number} length @param {number} out @param {number} size @param {number} stride @param {boolean} same */
function firstStart(length, out, size, stride, same) {
  return same ? -Math.floor(Math.max((out - 1) * stride + size - length, 0) / 2) : 0;
}

/** Calls back for every output place and every input place in its window: (output place, place in the window, input place).
 * @param {Layer} layer @param {Value} input @param {(to: number, within: number, from: number) => void} visit
 * @param {(to: number) => void} [done] */
function overWindows(layer, input, visit, done) {
  const [height, width] = input.shape;
  const [rows, columns] = layer.shape;
  const { size, strides, dilation, same } = layer;
  const top = firstStart(height, rows, (size[0] - 1) * dilation[0] + 1, strides[0], same);
  const left = firstStart(width, columns, (size[1] - 1) * dilation[1] + 1, strides[1], same);
  for (let to = 0; to < rows * columns; to++) {
    const y0 = top + Math.floor(to / columns) * strides[0];
    const x0 = left + (to % columns) * strides[1];
    for (let within = 0; within < size[0] * size[1]; within++) {
      const y = y0 + Math.floor(within / size[1]) * dilation[0];
      const x = x0 + (within % size[1]) * dilation[1];
      if (y >= 0 && y < height && x >= 0 && x < width) visit(to, within, y * width + x);
    }
    if (done) done(to);
  }
}

/** @param {Layer} layer @param {Value[]} inputs @param {Float32Array[]} weights */
function convolution(layer, [input], [kernel, bias]) {
  const channels = input.shape[2];
  const outputs = bias.length;
  const found = new Float32Array(layer.shape[0] * layer.shape[1] * outputs);
  const sums = Float64Array.from(bias);
  overWindows(
    layer,
    input,
    (_, within, from) => {
      for (let c = 0; c < channels; c++)
        accumulate(sums, input.data[from * channels + c], kernel, (within * channels + c) * outputs);
    },
    (to) => {
      found.set(sums, to * outputs);
      sums.set(bias);
    },
  );
  return found;
}

/** @param {Layer} layer @param {Value[]} inputs @param {Float32Array[]} weights */
function depthwise(layer, [input], [kernel, bias]) {
  const channels = input.shape[2];
  const outputs = bias.length;
  const times = outputs / channels;
  const found = new Float32Array(layer.shape[0] * layer.shape[1] * outputs);
  const sums = Float64Array.from(bias);
  overWindows(
    layer,
    input,
    (_, within, from) => {
      for (let o = 0; o < outputs; o++)
        sums[o] += input.data[from * channels + Math.floor(o / times)] * kernel[within * outputs + o];
    },
    (to) => {
      found.set(sums, to * outputs);
      sums.set(bias);
    },
  );
  return found;
}

/** The largest or the mean of each window; what lies beyond the image does not count.
 * @param {Layer} layer @param {Value} input @param {boolean} largest */
function pooled(layer, input, largest) {
  const channels = input.shape[2];
  const found = new Float32Array(layer.shape[0] * layer.shape[1] * channels);
  const kept = new Float64Array(channels).fill(largest ? -Infinity : 0);
  let count = 0;
  overWindows(
    layer,
    input,
    (_, __, from) => {
      count++;
      for (let c = 0; c < channels; c++) {
        const value = input.data[from * channels + c];
        kept[c] = largest ? Math.max(kept[c], value) : kept[c] + value;
      }
    },
    (to) => {
      for (let c = 0; c < channels; c++) found[to * channels + c] = largest ? kept[c] : kept[c] / count;
      kept.fill(largest ? -Infinity : 0);
      count = 0;
    },
  );
  return found;
}

/** @param {Value} input @param {boolean} largest */
function overAll(input, largest) {
  const channels = input.shape[2];
  const kept = new Float64Array(channels).fill(largest ? -Infinity : 0);
  input.data.forEach((value, i) => {
    const c = i % channels;
    kept[c] = largest ? Math.max(kept[c], value) : kept[c] + value;
  });
  const places = input.data.length / channels;
  return Float32Array.from(kept, (v) => (largest ? v : v / places));
}

/** @param {Layer} layer @param {Value[]} inputs */
function padded(layer, [input]) {
  const [height, width, channels] = input.shape;
  const found = new Float32Array(layer.shape[0] * layer.shape[1] * channels);
  for (let y = 0; y < height; y++) {
    const to = ((y + layer.before[0]) * layer.shape[1] + layer.before[1]) * channels;
    found.set(input.data.subarray(y * width * channels, (y + 1) * width * channels), to);
  }
  return found;
}

/** Values beside each other along the last axis.
 * @param {Layer} layer @param {Value[]} inputs */
function joined(layer, inputs) {
  const whole = layer.shape[layer.shape.length - 1];
  const places = layer.shape.reduce((a, b) => a * b, 1) / whole;
  const found = new Float32Array(places * whole);
  let start = 0;
  for (const input of inputs) {
    const part = input.shape[input.shape.length - 1];
    for (let p = 0; p < places; p++) found.set(input.data.subarray(p * part, (p + 1) * part), p * whole + start);
    start += part;
  }
  return found;
}
