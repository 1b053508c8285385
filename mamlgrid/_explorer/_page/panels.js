// The pictures: the surface, its two sections, and the tasks. Each draws what a view holds, with a pen, in a frame.

import { colourTable, niceTicks, pixels, told } from "./colours.js";
import { drawAxes, frame } from "./drawing.js";
import { stepsOf } from "./state.js";

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

const SPACE = { top: 2.1, bar: 6 };

export function mapFrame(width, height, view) {
  const { alpha, theta } = view.data.axes;
  const { size } = view;
  return frame(width, height, alpha, theta, size, { top: size * SPACE.top, right: size * SPACE.bar });
}

export function belowFrame(width, height, view) {
  const shown = finite(view.results.sectionAlpha?.values);
  return frame(width, height, view.data.axes.alpha, rangeOf(shown, view), view.size, { top: view.size * SPACE.top, right: view.size * SPACE.bar });
}

export function besideFrame(width, height, view) {
  const shown = finite(view.results.sectionTheta?.values);
  return frame(width, height, rangeOf(shown, view), view.data.axes.theta, view.size, { top: view.size * SPACE.top });
}

export function tasksFrame(width, height, view) {
  return frame(width, height, view.data.axes.theta, lossRange(view), view.size, { top: view.size * SPACE.top });
}

const finite = (values) => Array.from(values ?? []).filter(Number.isFinite);

// Ends of an axis of values: from the lowest to what a tenth of the samples exceed, or a wall that rises far above the
// middle and the point, so that what lies below it can be seen.
function rangeOf(values, view) {
  const sorted = [...values, ...runValues(view)].sort((a, b) => a - b);
  if (sorted.length === 0) return [0, 1];
  const low = fromZero(sorted[0], sorted[sorted.length - 1]);
  const share = (part) => sorted[Math.floor(part * (sorted.length - 1))];
  const value = view.results.point?.value;
  const there = Number.isFinite(value) ? value : low;
  const wall = low + 12 * Math.max(share(0.5) - low, Math.min(there - low, share(0.7) - low));
  const high = Math.min(share(0.9), wall);
  const top = Math.max(high, there - low < 20 * (high - low) ? there : high);
  return [low, low + rounded(1.04 * Math.max(top - low, least(low)))];
}

// Up from zero, unless all is far above it.
function fromZero(low, high) {
  return low > 0 && low > 0.5 * high ? low : Math.min(low, 0);
}

// The shortest axis at a value: below it digits run out.
function least(value) {
  return 1e-9 * Math.abs(value) || Number.MIN_VALUE * 2 ** 60;
}

// The next length that is easy to read: an axis holds still while the point moves a little.
function rounded(length) {
  const power = 10 ** Math.floor(Math.log10(length));
  return power * [1, 1.25, 1.6, 2, 2.5, 3.2, 4, 5, 6.4, 8, 10].find((m) => m * power >= 0.999 * length);
}

function runValues(view) {
  return view.results.descent ? finite(view.results.descent.values.subarray(0, 1)).filter((x) => x < 1e3) : [];
}

// The losses of the tasks near their bottoms, and where the tasks are now.
function lossRange({ results }) {
  const { taskLosses, point } = results;
  if (!taskLosses) return [0, 1];
  const all = taskLosses.query.flatMap(finite).sort((a, b) => a - b);
  if (all.length === 0) return [0, 1];
  const low = fromZero(all[0], all[Math.floor(0.6 * (all.length - 1))]);
  const now = point ? point.tasks.map((task) => task.value).filter(Number.isFinite) : [];
  const high = Math.max(all[Math.floor(0.6 * (all.length - 1))], ...now.filter((x) => x < all[Math.floor(0.9 * (all.length - 1))]), low + least(low));
  return [low, high + 0.1 * (high - low)];
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

export function stepsShown({ data, state }, meta) {
  if (!data.metas[meta].inSteps) return "";
  const k = stepsOf(data, meta, state.k);
  return `, ${k} inner ${k === "1" ? "step" : "steps"}`;
}

// The losses and settings of the chosen meta-loss.
export function settingsTold(view) {
  const { data, state } = view;
  const moved = data.parameters.filter(({ metas, value }, i) => metas.includes(state.meta) && !Object.is(state.p[i], Number(value)));
  return `${data.metas[state.meta].words}${stepsShown(view, state.meta)}${moved.length ? `, ${moved.length} numbers moved` : ""}`;
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
function marked(confirmed, colour) {
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
function overlayOf({ results, state, data }) {
  const { overlay } = results;
  if (!overlay) return null;
  const { meta_loss: name, num_steps: k, parameters } = overlay.of;
  const chosen = data.metas[state.meta].name === name && state.k === String(k);
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

function drawRun(pen, f, view, place) {
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
  const digits = [2, 3, 4, 5, 6].find((n) => new Set(scale.ticks.map((tick) => told(tick, n))).size === scale.ticks.length) ?? 7;
  for (const tick of scale.ticks) {
    const y = f.top + f.h * (1 - Math.min(1, Math.max(0, scale.place(tick))));
    if (last - y < f.size * 1.3) continue;
    last = y;
    pen.text(x + w + 4, y, told(tick, digits), { size: f.size * 0.9, colour: ink.ink });
  }
  pen.text(x, f.size, state.show === "value" ? "meta-loss" : "G", { size: f.size, colour: ink.ink });
}

export function drawBelow(pen, f, view) {
  const { results, state, ink, colours } = view;
  drawAxes(pen, f, { x: "inner step size α", y: "meta-loss" }, ink, { ticksY: niceTicks(...f.y, 4) });
  const found = results.sectionAlpha;
  if (!found) return;
  pen.clip(f.left, f.top, f.w, f.h, () => {
    pen.line(curves(found.alphas, found.values, f.px, f.py), { stroke: colours.sections[1], thick: 2.2 });
    const x = f.px(state.point[0]);
    pen.line([[[x, f.top], [x, f.top + f.h]]], { stroke: colours.sections[0], thick: 1, dash: [4, 4] });
    if (results.point) pen.circle(x, f.py(results.point.value), 4, { fill: ink.paper, stroke: ink.ink, thick: 1.5 });
  });
  pen.text(f.left, f.size, `θ = ${told(state.point[1])}`, { size: f.size, colour: ink.ink });
}

export function drawBeside(pen, f, view) {
  const { results, state, ink, colours } = view;
  drawAxes(pen, f, { x: "meta-loss", y: "θ" }, ink, { ticksX: niceTicks(...f.x, 3) });
  const found = results.sectionTheta;
  if (!found) return;
  pen.clip(f.left, f.top, f.w, f.h, () => {
    pen.line(curves(found.values, found.thetas, f.px, f.py), { stroke: colours.sections[0], thick: 2.2 });
    const y = f.py(state.point[1]);
    pen.line([[[f.left, y], [f.left + f.w, y]]], { stroke: colours.sections[1], thick: 1, dash: [4, 4] });
    if (results.descent && state.start[0] === state.point[0]) {
      drawRun(pen, f, view, (theta, k) => [f.px(results.descent.values[k]), f.py(theta)]);
    }
    if (results.point) pen.circle(f.px(results.point.value), y, 4, { fill: ink.paper, stroke: ink.ink, thick: 1.5 });
  });
  pen.text(f.left, f.size, `α = ${told(state.point[0])}`, { size: f.size, colour: ink.ink });
}

// Each task: its loss, theta, the inner steps and theta'.
export function drawTasks(pen, f, view) {
  const { results, ink, data } = view;
  drawAxes(pen, f, { x: "θ", y: "task loss" }, ink, { ticksY: niceTicks(...f.y, 4) });
  const { taskLosses, point } = results;
  if (!taskLosses || !point) return;
  const thetas = view.taskThetas;
  const shown = point.tasks.slice(0, 12);
  pen.clip(f.left, f.top, f.w, f.h, () => {
    const x = f.px(view.state.point[1]);
    pen.line([[[x, f.top], [x, f.top + f.h]]], { stroke: view.colours.sections[1], thick: 1, dash: [4, 4] });
    shown.forEach((task, i) => {
      const colour = taskColour(view, i);
      const dash = [[], [7, 3], [2, 3], [7, 3, 2, 3]][i % 4];
      pen.line(curves(thetas, taskLosses.query[i], f.px, f.py), { stroke: colour, thick: 2, dash });
      const on = (theta) => [f.px(theta), f.py(valueAt(thetas, taskLosses.query[i], theta))];
      const path = task.path.filter(Number.isFinite).map(on);
      path.slice(0, -1).forEach(([px, py]) => pen.circle(px, py, 3, { fill: ink.paper, stroke: colour, thick: 1.5 }));
      for (let k = 0; k + 1 < path.length; k++) arrow(pen, path[k], path[k + 1], colour);
      if (path.length) pen.circle(...path[path.length - 1], 4.5, { fill: colour, stroke: ink.paper, thick: 1 });
    });
  });
  let x = f.left;
  shown.slice(0, 4).forEach((_, i) => {
    const colour = taskColour(view, i);
    pen.line([[[x, f.size], [x + f.size * 1.5, f.size]]], { stroke: colour, thick: 2.5, dash: [[], [7, 3], [2, 3], [7, 3, 2, 3]][i % 4] });
    const label = data.tasks[i];
    pen.text(x + f.size * 1.9, f.size, label, { size: f.size * 0.95, colour: ink.ink });
    x += f.size * (3 + 0.6 * label.length);
  });
}

function arrow(pen, [x0, y0], [x1, y1], colour) {
  const length = Math.hypot(x1 - x0, y1 - y0);
  if (length < 9) return;
  const [ux, uy] = [(x1 - x0) / length, (y1 - y0) / length];
  const [tx, ty] = [x1 - 5 * ux, y1 - 5 * uy];
  pen.line([[[x0 + 4 * ux, y0 + 4 * uy], [tx, ty]]], { stroke: colour, thick: 1.3 });
  const head = [[tx, ty], [tx - 6 * ux - 3 * uy, ty - 6 * uy + 3 * ux], [tx - 6 * ux + 3 * uy, ty - 6 * uy - 3 * ux]];
  pen.line([head], { fill: colour, closed: true });
}

// Between samples of a smooth curve; outside of them NaN, which no pen draws.
function valueAt(thetas, values, theta) {
  const last = thetas.length - 1;
  const place = ((theta - thetas[0]) / (thetas[last] - thetas[0])) * last;
  if (!(place >= 0 && place <= last)) return NaN;
  const k = Math.min(Math.floor(place), last - 1);
  return values[k] + (place - k) * (values[k + 1] - values[k]);
}

// Stretches of a curve without what is no number.
function curves(xs, ys, px, py) {
  const parts = [[]];
  xs.forEach((x, k) => {
    if (Number.isFinite(x) && Number.isFinite(ys[k])) parts[parts.length - 1].push([px(x), py(ys[k])]);
    else parts.push([]);
  });
  return parts.filter((part) => part.length > 1);
}

// What the lines and marks on the surface are, those of them that are on it now: {text, draw(pen, x, y, size, ink)}, each
// drawn from x to x + 2 sizes around the height y.
export function keyOf(view) {
  const { state, data, colours, results } = view;
  const line = (stroke, edge, thick, dash = []) => (pen, x, y, size) => {
    const points = [[[x + 1, y], [x + 2 * size - 1, y]]];
    pen.line(points, { stroke: edge, thick: thick + 1.6, dash });
    pen.line(points, { stroke, thick, dash });
  };
  const box = (pen, x, y, size) => {
    const [left, right, low, high] = [x + 0.2 * size, x + 1.8 * size, y + 0.4 * size, y - 0.4 * size];
    return [[left, low], [right, low], [right, high], [left, high]];
  };
  const shade = (pen, ...at) => pen.line([box(pen, ...at)], { fill: "#000000", opacity: 0.4, closed: true });
  const diamond = (pen, x, y, size) => {
    const [r, c] = [0.4 * size, x + size];
    pen.line([[[c - r, y], [c, y - r], [c + r, y], [c, y + r]]], { ...marked(true, colours.special), closed: true });
  };
  const hatched = (pen, x, y, size, ink) => pen.hatch(x + 0.2 * size, y - 0.4 * size, 1.6 * size, 0.8 * size, ink.quiet);
  const other = state.over >= 0 ? data.metas[state.over].name : null;
  return [
    state.optimum && { text: "optimum", draw: line(colours.optimum, "#ffffff", 3) },
    state.zeros && { text: "G = 0, attracts", draw: line("#ffffff", "#555555", 2.2) },
    state.zeros && { text: "G = 0, repels", draw: line("#ffffff", "#555555", 1.6, [5, 4]) },
    other && { text: `G = 0 of ${other}`, draw: line(algorithmColour(view, state.over), "#ffffff", 2.2) },
    other && state.climbing && data.metas[state.meta].isGradient && { text: `${other} climbs`, draw: shade },
    overlayOf(view) && { text: "G = 0, computed by Python", draw: line("#111111", "#ffffff", 2.2) },
    results.features?.some(({ kind }) => kind === "fold") && { text: "fold", draw: diamond },
    state.start && { text: "outer loop", draw: line(colours.run, "#ffffff", 2) },
    results.maps[state.meta]?.overflows && { text: "no number", draw: hatched },
  ].filter(Boolean);
}

function algorithmColour({ colours }, meta) {
  return colours.algorithms[meta % colours.algorithms.length];
}

function taskColour(view, task) {
  return view.colours.tasks[(task ?? 0) % view.colours.tasks.length];
}

// The live numbers that are positions on the theta axis of the chosen meta-loss.
export function handles({ data, state }) {
  return data.parameters
    .map((parameter, index) => ({ ...parameter, index }))
    .filter((parameter) => parameter.position && parameter.metas.includes(state.meta));
}
