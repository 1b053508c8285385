// The picture of a surface, with what lies on it. Drawn from what a view holds, with a pen, in a frame.

import { colourTable, pixels, toldApart } from "./colours.js";
import { drawAxes } from "./drawing.js";
import { algorithmColour, stepsShown } from "./key.js";
import { stepsOf } from "./state.js";
import { handles, taskColour } from "./tasks.js";

// The colours of the surface, from low to high.
function mapColours({ data, state }) {
  return state.show === "value" ? data.colours.value : data.colours.signed;
}

// The scale of colours as an image, one pixel wide.
export function barOf(document, view) {
  const size = 128;
  const bar = document.createElement("canvas");
  [bar.width, bar.height] = [1, size];
  const context = bar.getContext("2d");
  const list = mapColours(view);
  for (let j = 0; j < size; j++) {
    const at = 1 - (j + 0.5) / size;
    const share = view.state.show === "slope" ? view.scale.place(at < 0.5 ? -1 : 1) : at;
    context.fillStyle = list[Math.min(list.length - 1, Math.floor(share * list.length))];
    context.fillRect(0, j, 1, 1);
  }
  return bar;
}

// The image of a grid, as a canvas of its own size: the pen stretches it.
export function bitmapOf(document, { values, alphas, thetas }, view) {
  const bitmap = document.createElement("canvas");
  bitmap.width = alphas.length;
  bitmap.height = thetas.length;
  const rgba = pixels(values, alphas.length, thetas.length, view.scale, colourTable(mapColours(view)));
  bitmap.getContext("2d").putImageData(new ImageData(rgba, alphas.length, thetas.length), 0, 0);
  return bitmap;
}

// The shade over a mask (alpha by alpha), theta upwards.
export function shadeOf(document, { mask, alphas, thetas }) {
  const bitmap = document.createElement("canvas");
  const [width, height] = [alphas.length, thetas.length];
  [bitmap.width, bitmap.height] = [width, height];
  const rgba = new Uint8ClampedArray(4 * width * height);
  for (let i = 0; i < width; i++) for (let j = 0; j < height; j++) rgba[4 * ((height - 1 - j) * width + i) + 3] = mask[i * height + j] ? 100 : 0;
  bitmap.getContext("2d").putImageData(new ImageData(rgba, width, height), 0, 0);
  return bitmap;
}

export function drawMap(pen, f, view, meta) {
  const { ink, results, state, data } = view;
  const map = results.maps[meta];
  if (!map?.bitmap || map.overflows) pen.hatch(f.left, f.top, f.w, f.h, ink.quiet);
  if (map?.bitmap) pen.image(map.bitmap, f.left, f.top, f.w, f.h);
  const onMap = (points) => points.map(([alpha, theta]) => [f.px(alpha), f.py(theta)]);
  pen.clip(f.left, f.top, f.w, f.h, () => {
    if (state.climbing && results.climbing && meta === state.meta) pen.image(results.climbing, f.left, f.top, f.w, f.h);
    for (const { lines } of map?.contours ?? []) pen.line(lines.map(onMap), { stroke: "#ffffff", thick: 0.8, opacity: 0.55 });
    if (state.zeros && map?.zeros) drawZeros(pen, onMap, map.zeros, "#ffffff", "#111111");
    if (state.over >= 0 && results.overZeros && meta === state.meta) {
      drawZeros(pen, onMap, results.overZeros, algorithmColour(view, state.over), "#ffffff");
    }
    const laid = meta === state.meta ? overlayOf(view) : null;
    if (laid) drawOverlay(pen, f, view, laid, onMap);
    if (state.optimum && map?.optimum) {
      drawOptimum(pen, f, view, map.optimum);
      drawJumps(pen, f, view, map.optimum.jumps);
    }
    drawFeatures(pen, f, view, meta);
    if (results.descent && meta === state.meta) drawRun(pen, f, view, (theta) => [f.px(state.start[0]), f.py(theta)]);
    const [x, y] = [f.px(state.point[0]), f.py(state.point[1])];
    const solid = state.pinned ? [] : [5, 4];
    pen.line([[[x, f.top], [x, f.top + f.h]]], { stroke: view.colours.sections[0], thick: 1.5, dash: solid });
    pen.line([[[f.left, y], [f.left + f.w, y]]], { stroke: view.colours.sections[1], thick: 1.5, dash: solid });
    pen.circle(x, y, 4, { fill: "#ffffff", stroke: "#111111", thick: 1.5 });
    for (const { index, task } of handles(view)) {
      const at = f.py(state.p[index]);
      const shape = [[f.left, at - 8], [f.left + 14, at], [f.left, at + 8]];
      pen.line([shape], { fill: taskColour(view, task), stroke: "#ffffff", thick: 1.5, closed: true });
    }
  });
  drawAxes(pen, f, { x: "inner step size α", y: "θ" }, ink);
  const k = stepsShown(view, meta);
  pen.text(f.left, f.size, `${data.metas[meta].name}${k}`, { size: f.size * 1.05, colour: ink.ink });
  drawBar(pen, f, view);
}

function drawZeros(pen, onMap, pieces, colour, edge) {
  for (const attracting of [false, true]) {
    const lines = pieces.filter((piece) => piece.attracting === attracting).map((piece) => onMap(piece.points));
    if (lines.length === 0) continue;
    const style = attracting ? { thick: 2.2 } : { thick: 1.3, dash: [5, 4] };
    pen.line(lines, { ...style, stroke: edge, thick: style.thick + 1.4, opacity: 0.55 });
    pen.line(lines, { ...style, stroke: colour });
  }
}

// The curve of optima, broken where it jumps.
function drawOptimum(pen, f, view, { alphas, thetas, resolved, jumps }) {
  const parts = [[]];
  alphas.forEach((alpha, k) => {
    const theta = thetas[k];
    const jumped = k > 0 && jumps.some((jump) => jump.alpha >= alphas[k - 1] && jump.alpha < alpha);
    if (!Number.isFinite(theta) || !resolved[k] || jumped) parts.push([]);
    if (!Number.isFinite(theta)) return;
    if (!resolved[k]) pen.circle(f.px(alpha), f.py(theta), 2.5, { stroke: UNSURE, thick: 1.5 });
    else parts[parts.length - 1].push([f.px(alpha), f.py(theta)]);
  });
  const lines = parts.filter((part) => part.length > 1);
  pen.line(lines, { stroke: "#ffffff", thick: 5, opacity: 0.8 });
  pen.line(lines, { stroke: view.colours.optimum, thick: 3 });
}

// What is confirmed is solid; what is not, hollow and grey.
export function marked(confirmed, colour) {
  return confirmed ? { fill: colour, stroke: "#ffffff", thick: 1.2 } : { fill: "#ffffff", stroke: UNSURE, thick: 2 };
}

const UNSURE = "#808080";

function drawJumps(pen, f, view, jumps) {
  for (const { alpha, below, above, confirmed } of jumps) {
    const x = f.px(alpha);
    const colour = confirmed ? view.colours.optimum : UNSURE;
    pen.line([[[x, f.py(below)], [x, f.py(above)]]], { stroke: "#ffffff", thick: 3.4, opacity: 0.6 });
    pen.line([[[x, f.py(below)], [x, f.py(above)]]], { stroke: colour, thick: 1.6, dash: [3, 4] });
    for (const theta of [below, above]) pen.circle(x, f.py(theta), 4, marked(confirmed, colour));
  }
}

function drawFeatures(pen, f, view, meta) {
  for (const feature of (view.results.features ?? []).filter((one) => one.meta === meta)) {
    const style = marked(feature.confirmed, view.colours.special);
    const colour = feature.confirmed ? view.colours.special : UNSURE;
    const x = f.px(feature.alpha);
    if (feature.kind === "flat") {
      pen.line([[[x, f.top], [x, f.top + f.h]]], { stroke: colour, thick: 1.5, dash: [8, 3, 2, 3] });
    } else if (feature.kind === "fold") {
      const y = f.py(feature.theta);
      pen.line([[[x - 4.5, y], [x, y - 4.5], [x + 4.5, y], [x, y + 4.5]]], { ...style, closed: true });
    }
  }
}

// What Python computed, as long as it is of the numbers that are shown.
export function overlayOf({ results, state, data }) {
  const { overlay } = results;
  if (!overlay) return null;
  const { meta_loss: name, num_steps: k, parameters } = overlay.of;
  const chosen = data.metas[state.meta].name === name && stepsOf(data, state.meta, state.k) === String(k);
  const unmoved = data.parameters.every((one, i) => !one.metas.includes(state.meta) || parameters[one.name] === state.p[i]);
  return chosen && unmoved ? overlay : null;
}

// What Python computed, over what the page did.
function drawOverlay(pen, f, { colours }, { pieces, jumps }, onMap) {
  drawZeros(pen, onMap, pieces, "#111111", "#ffffff");
  for (const { alpha, thetas, confirmed } of jumps) {
    const stroke = confirmed ? colours.optimum : UNSURE;
    for (const theta of thetas) pen.circle(f.px(alpha), f.py(theta), 5, { stroke, thick: 2.5 });
  }
}

export function drawRun(pen, f, view, place) {
  const { results, colours } = view;
  const shown = Array.from(results.descent.thetas.subarray(0, view.runShown + 1));
  const points = shown.map((theta, k) => place(theta, k)).filter((point) => point.every(Number.isFinite));
  if (points.length === 0) return;
  pen.line([points], { stroke: "#ffffff", thick: 4, opacity: 0.7 });
  pen.line([points], { stroke: colours.run, thick: 2 });
  points.slice(0, 40).forEach(([x, y]) => pen.circle(x, y, 2.2, { fill: colours.run }));
  pen.circle(...points[0], 4.5, { fill: "#ffffff", stroke: colours.run, thick: 2 });
  pen.circle(...points[points.length - 1], 5, { fill: colours.run, stroke: "#ffffff", thick: 1.5 });
}

// The scale of colours beside a map, with its ticks.
function drawBar(pen, f, view) {
  const { ink, state, scale } = view;
  const x = f.left + f.w + f.size * 0.9;
  const w = f.size * 0.9;
  pen.image(view.barImage, x, f.top, w, f.h);
  pen.line([[[x, f.top], [x + w, f.top], [x + w, f.top + f.h], [x, f.top + f.h]]], { stroke: ink.quiet, closed: true });
  if (state.show === "slope") {
    pen.text(x + w + 3, f.top + 0.25 * f.h, "attracts", { size: f.size * 0.85, colour: ink.ink });
    pen.text(x + w + 3, f.top + 0.75 * f.h, "repels", { size: f.size * 0.85, colour: ink.ink });
    return;
  }
  let last = Infinity;
  const labels = toldApart(scale.ticks, 2);
  scale.ticks.forEach((tick, k) => {
    const y = f.top + f.h * (1 - Math.min(1, Math.max(0, scale.place(tick))));
    if (last - y < f.size * 1.3) return;
    last = y;
    pen.text(x + w + 4, y, labels[k], { size: f.size * 0.9, colour: ink.ink });
  });
  pen.text(x, f.size, state.show === "value" ? "meta-loss" : "G", { size: f.size, colour: ink.ink });
}
