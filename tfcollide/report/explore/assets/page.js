// The page itself: what is dragged, what is drawn, and what is said of it.

const STEP = 0.03;
const SLOW = 8; // milliseconds: a slower network is asked a tenth of the time, and when the point rests

/** A shape on the map.
 * @param {string} layer "ground", which stays as it is, "drawn", or "above" the handle @param {string} name @param {Record<string, string | number>} attributes */
function drawn(layer, name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  byId(layer).append(made);
}

/** @param {any} scene what the page was written with */
function startPage(scene) {
  const [source, target, ...corners] = unpackedImages(scene.images);
  const [, height, width, channels] = scene.images.shape;
  const count = corners.length;
  const polygon = polygonOf(count);
  const [black, white] = scene.bounds;
  const scale = 255 / (white - black);
  const table = unpacked(scene.lattice.weights);
  const lattice = unpackedLattice(scene.lattice);
  const network = scene.network && unpackedNetwork(scene.network);
  const parts = scene.parts && partsOf(unpacked(scene.parts.tree), unpacked(scene.parts.margins));
  const mixture = new Float32Array(source.length);
  const asked = new Float32Array(source.length);
  const span = distanceOf(source, target);
  const words = scene.words;
  const state = {
    /** @type {Weights} */ weights: snapped(new Array(count).fill(1 / count)),
    /** @type {Verdict | null} */ verdict: null,
    /** @type {{ weights: Weights, verdict: Verdict } | null} */ live: null,
    down: false,
    lost: false,
    cost: 0,
    asked: -Infinity,
    amplify: 2,
    /** @type {{ walk: Walk, began: number, button: HTMLElement } | null} */ playing: null,
    dirty: true,
    frames: 0,
    drawing: 0,
  };
  /** @type {number | undefined} */ let rest;
  const pictures = setUpPictures();
  const topLines = Array.from({ length: Math.min(5, scene.class_names.length) }, topLine);
  const shareLines = ["from the source", "from the target"].map(shareLine);
  const termLines = [term("L_pos", words.stop_loss, "a corner stops below"), term("Feature distance", words.match, "a match is up to")];
  setUpWords();
  setUpMap();
  setUpControls();
  readLink();
  window.addEventListener("hashchange", readLink);
  requestAnimationFrame(frame);
  Object.assign(globalThis, { tfcollide: { state, go, judge: judgeAt, count, names: scene.class_names } }); // for scripts

  /** @param {Weights} weights @param {string} [why] a walk goes on where it is what moves */
  function go(weights, why) {
    if (why !== "walk") stop();
    state.weights = snapped(weights);
    state.dirty = true;
  }

  /** @param {number} now */
  function frame(now) {
    if (state.playing) {
      const time = (now - state.playing.began) / 1000;
      go(state.playing.walk.at(Math.max(0, time)), "walk");
      if (time >= state.playing.walk.seconds) stop();
    }
    if (state.dirty) {
      state.dirty = false;
      const began = performance.now();
      draw();
      say();
      state.frames++;
      state.drawing += performance.now() - began;
      clearTimeout(rest);
      rest = setTimeout(rested, 120);
    }
    requestAnimationFrame(frame);
  }

  /** What waits until the point rests: the link, a slow network, the voice of a screen reader. */
  function rested() {
    if (network && state.cost > SLOW) show(judgeAt(state.weights), false);
    if (scene.live) void askServer();
    if (state.playing) return;
    const link = `#w=${weightsToText(state.weights)}`;
    if (location.hash !== link) history.replaceState(null, "", link);
    if (state.verdict) byId("spoken").textContent = `${state.verdict.name}, ${percent(state.verdict.chances[0])}.`;
  }

  function draw() {
    mixInto(state.weights, corners, mixture);
    pictures.mixture(mixture, scale, -black * scale);
    pictures.lessSource(mixture, state.amplify * scale, 127.5, source);
    pictures.lessTarget(mixture, state.amplify * scale, 127.5, target);
    const point = pointOf(state.weights, polygon);
    const handle = byId("handle");
    place(handle, point);
    const heaviest = state.weights.indexOf(Math.max(...state.weights));
    const parts = state.weights.map((w, k) => `corner ${k} ${(100 * w).toFixed(0)} %`);
    handle.setAttribute("aria-valuenow", (100 * state.weights[heaviest]).toFixed(0));
    handle.setAttribute("aria-valuetext", parts.filter((_, k) => state.weights[k] >= 0.005).join(", "));
    polygon.forEach((_, k) => {
      const spoke = byId(`spoke-${k}`);
      spoke.setAttribute("x2", String(point[0]));
      spoke.setAttribute("y2", String(point[1]));
      spoke.setAttribute("stroke-width", String(0.004 + 0.05 * state.weights[k]));
      spoke.setAttribute("stroke-opacity", String(0.15 + 0.6 * state.weights[k]));
      const text = `${(100 * state.weights[k]).toFixed(0)} %`;
      setText(byId(`corner-${k}`).lastChild, text);
      byId(`corner-${k}`).setAttribute("aria-label", `${text} of corner ${k}: go there`);
      byId(`corner-${k}`).classList.toggle("heaviest", k === heaviest && count > 1);
      byId(`share-${k}`).value = String(state.weights[k]);
      setText(byId(`share-${k}-value`), text);
    });
  }

  function say() {
    shareLines[0](distanceOf(mixture, source) / span);
    shareLines[1](distanceOf(mixture, target) / span);
    if (parts) sayProof();
    if (network && state.cost <= SLOW) show(judgeAt(state.weights), false);
    else if (network && performance.now() - state.asked > 10 * state.cost) show(judgeAt(state.weights), false);
    else if (network) show(/** @type {Verdict} */ (state.verdict), true);
    else if (scene.live && state.live && same(state.live.weights)) show(state.live.verdict, false);
    else show(judgeAt(state.weights), scene.live && !state.lost);
  }

  /** @param {Weights} weights */
  function same(weights) {
    return weights.every((w, k) => Math.abs(w - state.weights[k]) < 1e-9);
  }

  /** The network's answer at these weights, or at the lattice point nearest to them.
   * @param {Weights} weights @returns {Verdict} */
  function judgeAt(weights) {
    const row = nearestRow(weights, table);
    if (!network) return lattice(row);
    const began = performance.now();
    mixInto(weights, corners, asked);
    const verdict = judgeHere(network, asked, scene.class_names);
    state.asked = performance.now();
    state.cost = state.asked - began;
    return { ...verdict, read: lattice(row).read, row };
  }

  /** @param {Verdict} verdict @param {boolean} stale whether it is of another point than the one shown */
  function show(verdict, stale) {
    state.verdict = verdict;
    document.body.classList.toggle("stale", stale);
    setText(byId("class"), `“${verdict.name}”`);
    byId("class").classList.toggle("miss", !verdict.hit);
    setText(byId("mixture-words"), `“${verdict.name}”, ${percent(verdict.chances[0])}`);
    byId("mixture-words").classList.toggle("miss", !verdict.hit);
    const ahead = `${verdict.margin >= 0 ? "ahead" : "behind"} by ${shown(Math.abs(verdict.margin))} logits`;
    setText(byId("ahead"), `“${words.target}”: probability ${percent(verdict.probability)}, ${ahead}`);
    topLines.forEach((set, n) => set(scene.class_names[verdict.top[n]], verdict.chances[n]));
    termLines[0](verdict.active_match);
    termLines[1](verdict.feature_distance);
    const where = network ? ", at the dot that is ringed" : "";
    const reader = `A reader (${words.reader}) takes it for “${verdict.read}”${where}.`;
    setText(byId("reader"), verdict.read === null ? words.reader : reader);
    const marked = byId("asked");
    const ringed = verdict.row !== null && (!network || verdict.read !== null);
    marked.setAttribute("visibility", ringed ? "visible" : "hidden");
    if (ringed) {
      const at = pointOf(rowOf(/** @type {number} */ (verdict.row)), polygon);
      marked.setAttribute("cx", String(at[0]));
      marked.setAttribute("cy", String(at[1]));
    }
    setText(byId("origin"), origin(verdict));
  }

  /** @param {number} row @returns {Weights} */
  function rowOf(row) {
    return Array.from(table.subarray(row * count, (row + 1) * count));
  }

  /** @param {Verdict} verdict */
  function origin(verdict) {
    if (network) return "Computed in this page, by the network itself, for exactly this mixture.";
    if (verdict.row === null) return "The network itself was asked about exactly this mixture.";
    const points = (table.length / count).toLocaleString("en-US");
    const at = rowOf(verdict.row).map((w) => `${Number((100 * w).toFixed(1))} %`).join(", ");
    const lost = state.lost ? "The server does not answer; it is asked again. " : "";
    const steps = `${points} mixtures, in steps of 1/${scene.lattice.fineness},`;
    return `${lost}The network was asked about ${steps} when this page was written. Shown is its answer at the nearest of them, ringed on the map: ${at}. Nothing is interpolated.`;
  }

  /** Whether the very mixture that is shown lies in a part of the hull that is proven. */
  function sayProof() {
    const margin = provenAt(state.weights, parts);
    const proven = `Proven here: this mixture lies in a part of the hull where every mixture is “${words.target}”, at least ${shown(margin)} logits ahead (${words.arithmetic}).`;
    setText(byId("proof"), margin > 0 ? proven : "Not proven here: this mixture lies in no part of the hull that is proven.");
    byId("proof").className = margin > 0 ? "certified" : words.proof_status;
  }

  /** A line of a list of terms, and what sets its value.
   * @param {string} name @param {number | null} limit @param {string} meaning */
  function term(name, limit, meaning) {
    const value = element("dd", {});
    const within = element("span", {});
    byId("features").append(element("dt", {}, name), value);
    value.append("", within);
    return (/** @type {number} */ found) => {
      setText(value.firstChild, shown(found));
      if (limit === null) return;
      within.className = found <= limit ? "good" : "bad";
      setText(within, `${found <= limit ? "✓" : "✗"} ${meaning} ${shown(limit)}`);
    };
  }

  /** A line of the most probable classes. */
  function topLine() {
    const label = element("span", { class: "name" });
    const bar = element("span", { class: "bar" });
    const name = element("b", {});
    const chance = element("span", { class: "chance" });
    const line = element("li", {});
    label.append(bar, name);
    line.append(label, chance);
    byId("top").append(line);
    return (/** @type {string} */ found, /** @type {number} */ share) => {
      setText(name, found);
      label.title = found;
      bar.style.width = `${(100 * share).toFixed(2)}%`;
      setText(chance, percent(share));
    };
  }

  /** A line of a distance, as a share of that from source to target.
   * @param {string} name */
  function shareLine(name) {
    const bar = element("i", {});
    const value = element("span", { class: "value" });
    const track = element("span", { class: "track" });
    const line = element("div", {});
    track.append(bar);
    line.append(element("span", {}, name), track, value);
    byId("shares").append(line);
    return (/** @type {number} */ share) => {
      bar.style.width = `${Math.min(100, 100 * share).toFixed(1)}%`;
      setText(value, share.toFixed(3));
    };
  }

  /** @param {HTMLElement} what @param {Point} point */
  function place(what, point) {
    what.style.left = `${50 + (100 * point[0]) / 3}%`;
    what.style.top = `${50 + (100 * point[1]) / 3}%`;
  }

  /** A canvas of the images' size, and what paints it.
   * @param {HTMLCanvasElement} canvas @param {string} label */
  function canvasFor(canvas, label) {
    canvas.width = width;
    canvas.height = height;
    canvas.style.setProperty("--aspect", String(width / height));
    canvas.classList.toggle("coarse", Math.max(width, height) <= 96);
    if (label) canvas.setAttribute("aria-label", label);
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const pixels = context.createImageData(width, height);
    const whole = new Uint32Array(pixels.data.buffer);
    /** @param {Float32Array} image @param {number} by @param {number} plus @param {Float32Array} [less] */
    return (image, by, plus, less) => {
      if (less) paintDifference(whole, image, channels, by, plus, less);
      else paint(whole, image, channels, by, plus);
      context.putImageData(pixels, 0, 0);
    };
  }

  function setUpPictures() {
    canvasFor(byId("source"), `The source, ${words.source_name}`)(source, scale, -black * scale);
    canvasFor(byId("target"), `The target, ${words.target_name}`)(target, scale, -black * scale);
    byId("source-words").textContent = `Source: ${words.source_name}`;
    byId("target-words").textContent = `Target: ${words.target_name}`;
    if (scene.patches) setUpPatches();
    return {
      mixture: canvasFor(byId("mixture"), "The mixture of the corners"),
      lessSource: canvasFor(byId("less-source"), "The mixture less the source, gray where they are equal"),
      lessTarget: canvasFor(byId("less-target"), "The mixture less the target, gray where they are equal"),
    };
  }

  /** Of composites: the photograph that weighs most under the pointer, and where else it does. */
  function setUpPatches() {
    const dominant = unpacked(scene.patches.dominant);
    const size = width * height;
    const overlay = byId("overlay");
    overlay.width = width;
    overlay.height = height;
    const context = /** @type {CanvasRenderingContext2D} */ (overlay.getContext("2d"));
    const pixels = context.createImageData(width, height);
    const label = byId("patch-words");
    label.hidden = false;
    const idle = ": point at it to see from which photographs it comes";
    label.textContent = idle;
    byId("mixture").addEventListener("pointerleave", () => {
      context.clearRect(0, 0, width, height);
      label.textContent = idle;
    });
    byId("mixture").addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
      const box = byId("mixture").getBoundingClientRect();
      const x = Math.min(width - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * width)));
      const y = Math.min(height - 1, Math.max(0, Math.floor(((event.clientY - box.top) / box.height) * height)));
      /** @type {Map<number, number>} */
      const shares = new Map();
      state.weights.forEach((w, k) => {
        const photograph = dominant[k * size + y * width + x];
        shares.set(photograph, (shares.get(photograph) || 0) + w);
      });
      const sorted = [...shares].sort((a, b) => b[1] - a[1]);
      const first = sorted[0][0];
      const named = sorted.filter(([, w]) => w >= 0.005).map(([n, w]) => `${scene.patches.names[n]} (${(100 * w).toFixed(0)} %)`);
      label.textContent = `: the largest patches here are from ${named.join(", ")}`;
      for (let i = 0; i < size; i++) {
        let share = 0;
        state.weights.forEach((w, k) => (share += dominant[k * size + i] === first ? w : 0));
        pixels.data[4 * i + 3] = 150 * (1 - Math.min(1, 2 * share)); // the rest in the shade
      }
      context.putImageData(pixels, 0, 0);
    });
  }

  function setUpWords() {
    byId("title").textContent = words.title;
    byId("up").hidden = !scene.up;
    if (scene.up) byId("up").firstChild.href = scene.up;
    byId("conclusion").textContent = words.conclusion;
    byId(parts ? "proof-whole" : "proof").textContent = words.proof;
    byId("proof").className = words.proof_status;
    byId("proof-whole").hidden = !parts;
    const bits = scene.images.bits;
    const kept = bits === 32 ? "Pixels are those that the network reads." : `Pictures keep ${bits} bits per value, the network was asked about the images as they are.`;
    const without = network ? "The network computes in this page." : `The network is not in this page: ${scene.without_network}.`;
    byId("about").textContent =
      `Each point between the corners is a mixture: the average of the corners with the shares shown. ` +
      `Distances from source and target are shares of the distance between these two. ` +
      `${without} ${kept} The page loads nothing and sends nothing. ` +
      `Keys: arrows move the point, with Shift farther; 1 to ${Math.min(9, count)} go to a corner, counted from 1; Home goes to the center.`;
    for (const [name, value] of words.facts) byId("facts").append(element("dt", {}, name), element("dd", {}, value));
    const worst = scene.worst ? ", × the worst mixture that a search found" : "";
    const ring = network && !scene.lattice.read ? "" : `, ○ the one ${network ? "that the reader was asked about" : "whose answer is shown"}`;
    const open = parts ? ", hollow where they are not proven" : "";
    byId("legend").textContent = `Dots: mixtures that the network was asked about${open}${ring}${worst}.`;
    byId("worst").hidden = !scene.worst;
  }

  function setUpMap() {
    if (count > 2) drawn("ground", "polygon", { points: polygon.map((v) => v.join(",")).join(" "), class: "hull" });
    if (count === 2) drawn("ground", "line", { x1: -1, y1: 0, x2: 1, y2: 0, class: "hull" });
    polygon.forEach((v, k) => drawn("drawn", "line", { id: `spoke-${k}`, class: "spoke", x1: v[0], y1: v[1], "stroke-linecap": "round" }));
    for (let row = 0; row * count < table.length; row++) {
      const [cx, cy] = pointOf(rowOf(row), polygon);
      const open = parts && !(provenAt(snapped(rowOf(row)), parts) > 0);
      drawn("ground", "circle", { cx, cy, r: 0.011, class: `dot${lattice(row).hit ? "" : " miss"}${open ? " open" : ""}` });
    }
    if (scene.worst) {
      const [x, y] = pointOf(scene.worst, polygon);
      for (const turn of [1, -1]) drawn("ground", "line", { x1: x - 0.035, y1: y - 0.035 * turn, x2: x + 0.035, y2: y + 0.035 * turn, class: "cross" });
    }
    drawn("above", "circle", { id: "asked", r: 0.035, class: "asked" });
    polygon.forEach((vertex, k) => {
      const button = element("button", { type: "button", class: "corner", id: `corner-${k}` });
      const canvas = element("canvas", { "aria-hidden": "true" });
      button.append(canvas, element("span", {}));
      canvasFor(/** @type {any} */ (canvas), "")(corners[k], scale, -black * scale);
      place(/** @type {any} */ (button), count === 1 ? [0, -0.9] : [vertex[0] * 1.24, vertex[1] * 1.22]);
      if (count > 8) /** @type {any} */ (button).style.width = `${Math.max(6, 130 / count)}%`;
      button.addEventListener("click", () => go(cornerWeights(k, count)));
      byId("map").insertBefore(button, byId("handle"));
    });
  }

  function setUpControls() {
    const map = byId("map");
    /** @param {PointerEvent} event */
    const follow = (event) => {
      const box = map.getBoundingClientRect();
      const at = /** @type {Point} */ ([
        ((event.clientX - box.left) / box.width) * 3 - 1.5,
        ((event.clientY - box.top) / box.height) * 3 - 1.5,
      ]);
      go(weightsAt(at, polygon));
    };
    map.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
      if (event.target instanceof Element && event.target.closest(".corner")) return;
      state.down = true;
      map.setPointerCapture(event.pointerId);
      map.classList.add("dragging");
      byId("handle").focus({ preventScroll: true });
      follow(event);
      event.preventDefault();
    });
    map.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => state.down && follow(event));
    for (const kind of ["pointerup", "pointercancel"])
      map.addEventListener(kind, () => {
        state.down = false;
        map.classList.remove("dragging");
      });
    byId("handle").addEventListener("keydown", pressed);
    corners.forEach((_, k) => setUpSlider(k));
    const amplify = byId("amplify");
    const amplified = () => {
      state.amplify = Number(amplify.value);
      byId("amplify-value").textContent = `× ${amplify.value}`;
      state.dirty = true;
    };
    amplify.addEventListener("input", amplified);
    amplified();
    onPlay("tour", () => walkAround(state.weights, 12, Math.random));
    onPlay("edges", () => walkEdges(state.weights));
    onPlay("worst", () => walkThrough([state.weights, normalized(scene.worst)]));
    byId("center").addEventListener("click", () => go(new Array(count).fill(1 / count)));
    byId("save").addEventListener("click", save);
    byId("link").addEventListener("click", copyLink);
  }

  /** @param {number} k */
  function setUpSlider(k) {
    const label = element("label", { for: `share-${k}` });
    const input = /** @type {HTMLInputElement} */ (element("input", { id: `share-${k}`, type: "range", min: "0", max: "1", step: "0.01" }));
    input.addEventListener("input", () => go(withWeight(state.weights, k, Number(input.value))));
    label.append(element("span", {}, `Corner ${k}`), input, element("output", { id: `share-${k}-value`, for: `share-${k}` }));
    byId("sliders").append(label);
  }

  /** @param {KeyboardEvent} event */
  function pressed(event) {
    const moves = /** @type {Record<string, Point>} */ ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] });
    const move = moves[event.key];
    const digit = Number(event.key);
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (move) {
      const [x, y] = pointOf(state.weights, polygon);
      const far = event.shiftKey ? 4 * STEP : STEP;
      go(weightsAt([x + move[0] * far, y + move[1] * far], polygon));
    } else if (event.key === "Home") go(new Array(count).fill(1 / count));
    else if (digit >= 1 && digit <= count) go(cornerWeights(digit - 1, count));
    else return;
    event.preventDefault();
  }

  /** @param {string} id @param {() => Walk} make */
  function onPlay(id, make) {
    const button = byId(id);
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      const again = state.playing?.button === button;
      stop();
      if (again) return;
      state.playing = { walk: make(), began: performance.now(), button };
      button.setAttribute("aria-pressed", "true");
    });
  }

  function stop() {
    state.playing?.button.setAttribute("aria-pressed", "false");
    state.playing = null;
  }

  function save() {
    draw();
    const link = element("a", { download: `mixture_${weightsToText(state.weights).replaceAll(",", "_")}.png` });
    /** @type {any} */ (link).href = byId("mixture").toDataURL("image/png");
    link.click();
    byId("said").textContent = "Saved as a PNG of 8 bits per value.";
  }

  async function copyLink() {
    const link = `${location.href.split("#")[0]}#w=${weightsToText(state.weights)}`;
    history.replaceState(null, "", link);
    try {
      await navigator.clipboard.writeText(link);
      byId("said").textContent = "The link was copied. It opens this page at this point.";
    } catch {
      byId("said").textContent = `This point's link: ${link}`; // where pages may not write to the clipboard
    }
  }

  function readLink() {
    const weights = weightsFromText(location.hash.replace(/^#w=/, ""), count);
    if (weights && weightsToText(weights) !== weightsToText(state.weights)) go(weights);
  }

  /** Asks the network behind the page about the present weights; asks again where nobody answers. */
  async function askServer() {
    const weights = state.weights;
    try {
      const reply = await fetch("judge", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ weights }) });
      if (!reply.ok) throw new Error(String(reply.status));
      state.live = { weights, verdict: await reply.json() };
      state.lost = false;
    } catch {
      state.lost = true;
      setTimeout(() => (state.dirty = true), 2000);
    }
    if (same(weights)) say();
  }
}

/** @param {any} packed @returns {(row: number) => Verdict} */
function unpackedLattice(packed) {
  const names = ["chances", "probability", "margin", "active_match", "feature_distance", "predicted", "top", "hit"];
  const arrays = /** @type {Record<string, any>} */ (Object.fromEntries(names.map((name) => [name, unpacked(packed[name])])));
  const read = packed.read && unpacked(packed.read);
  const wide = packed.top.shape[1];
  return (row) => ({
    top: Array.from(arrays.top.subarray(row * wide, (row + 1) * wide)),
    chances: Array.from(arrays.chances.subarray(row * wide, (row + 1) * wide)),
    hit: arrays.hit[row] === 1,
    name: packed.names[arrays.predicted[row]],
    probability: arrays.probability[row],
    margin: arrays.margin[row],
    active_match: arrays.active_match[row],
    feature_distance: arrays.feature_distance[row],
    read: read ? packed.names[read[row]] : null,
    row,
  });
}

/** @param {any} packed */
function unpackedNetwork(packed) {
  return {
    ...packed,
    weights: packed.weights.map(unpacked),
    post_activation: unpacked(packed.post_activation),
    active: unpacked(packed.active),
  };
}
