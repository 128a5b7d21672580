// Arrays out of the page's text, mixtures, and what a canvas shows of them.

/** @typedef {{ type: string, shape: number[], data: string }} Packed */

/** @param {Packed} packed @returns {any} a typed array */
function unpacked(packed) {
  const text = atob(packed.data);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const types = { float32: Float32Array, uint16: Uint16Array, uint8: Uint8Array };
  return new types[/** @type {"float32" | "uint16" | "uint8"} */ (packed.type)](bytes.buffer);
}

/** Images one after the other, in the network's pixels.
 * @param {Packed & { lower: number, step: number }} packed @returns {Float32Array[]} */
function unpackedImages(packed) {
  const whole = unpacked(packed);
  const size = whole.length / packed.shape[0];
  return Array.from({ length: packed.shape[0] }, (_, n) => {
    const part = whole.subarray(n * size, (n + 1) * size);
    return packed.type === "float32" ? part : Float32Array.from(part, (v) => packed.lower + v * packed.step);
  });
}

/** The mixture of images, into `found`; three at a time, as what is slow is to go through memory.
 * @param {number[]} weights @param {Float32Array[]} images @param {Float32Array} found */
function mixInto(weights, images, found) {
  found.fill(0);
  for (let n = 0; n < images.length; n += 3) {
    const [a, b, c] = [images[n], images[n + 1] || images[n], images[n + 2] || images[n]];
    const [u, v, w] = [weights[n], weights[n + 1] || 0, weights[n + 2] || 0];
    if (u > 0 || v > 0 || w > 0) for (let i = 0; i < found.length; i++) found[i] += u * a[i] + v * b[i] + w * c[i];
  }
}

/** @param {Float32Array} a @param {Float32Array} b */
function distanceOf(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = a[i] - b[i];
    sum += difference * difference;
  }
  return Math.sqrt(sum);
}

/** The nearest whole number in 0..255, without branches, as none could be foreseen in the pixels of a difference.
 * @param {number} value */
function toByte(value) {
  const whole = (value + 0.5) | 0;
  const positive = whole & ~(whole >> 31);
  return (positive | ((255 - positive) >> 31)) & 255;
}

/** Draws values that `scale` and `offset` bring to 0..255, of gray or color images.
 * @param {Uint32Array} pixels of a canvas: red is the lowest byte
 * @param {Float32Array} image @param {number} channels @param {number} scale @param {number} offset */
function paint(pixels, image, channels, scale, offset) {
  const [green, blue] = channels > 1 ? [1, 2] : [0, 0];
  for (let i = 0, j = 0; j < pixels.length; i += channels, j++) {
    const r = toByte(image[i] * scale + offset);
    const g = toByte(image[i + green] * scale + offset);
    pixels[j] = 0xff000000 | (toByte(image[i + blue] * scale + offset) << 16) | (g << 8) | r;
  }
}

/** The same of `image` less `other`.
 * @param {Uint32Array} pixels @param {Float32Array} image @param {number} channels @param {number} scale
 * @param {number} offset @param {Float32Array} other */
function paintDifference(pixels, image, channels, scale, offset, other) {
  const [green, blue] = channels > 1 ? [1, 2] : [0, 0];
  for (let i = 0, j = 0; j < pixels.length; i += channels, j++) {
    const r = toByte((image[i] - other[i]) * scale + offset);
    const g = toByte((image[i + green] - other[i + green]) * scale + offset);
    pixels[j] = 0xff000000 | (toByte((image[i + blue] - other[i + blue]) * scale + offset) << 16) | (g << 8) | r;
  }
}
