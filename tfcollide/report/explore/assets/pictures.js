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

/** The mixture of images, into `found`.
 * @param {number[]} weights @param {Float32Array[]} images @param {Float32Array} found */
function mixInto(weights, images, found) {
  found.fill(0);
  weights.forEach((w, n) => {
    const image = images[n];
    if (w > 0) for (let i = 0; i < found.length; i++) found[i] += w * image[i];
  });
}

/** @param {ArrayLike<number>} a @param {ArrayLike<number>} b */
function distanceOf(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return Math.sqrt(sum);
}

/** Draws values that `scale` and `offset` bring to 0..255, of gray or color images.
 * @param {ImageData} pixels @param {Float32Array} image @param {number} channels
 * @param {number} scale @param {number} offset @param {Float32Array | null} less is taken from the image first */
function paint(pixels, image, channels, scale, offset, less) {
  const data = pixels.data; // clamps and rounds
  const green = channels > 1 ? 1 : 0;
  const blue = channels > 1 ? 2 : 0;
  for (let i = 0, j = 0; i < image.length; i += channels, j += 4) {
    const r = less ? image[i] - less[i] : image[i];
    data[j] = r * scale + offset;
    data[j + 1] = (green ? image[i + 1] - (less ? less[i + 1] : 0) : r) * scale + offset;
    data[j + 2] = (blue ? image[i + 2] - (less ? less[i + 2] : 0) : r) * scale + offset;
    data[j + 3] = 255;
  }
}
