// The two sections of the surfaces through the point: below each column of them, and beside each row.

import { readableOn, told } from "./colours.js";
import { dashOf, drawAxes, drawLegend } from "./drawing.js";
import { algorithmColour } from "./key.js";
import { shownMetas } from "./state.js";
import { drawRun } from "./surface.js";

// Alone a section has the colour of its line on the surface, among others that of its algorithm.
function curveStyle(view, meta, own) {
  if (!view.state.sideBySide) return { stroke: view.colours.sections[own], thick: 2.2 };
  const stroke = readableOn(view.ink.paper, algorithmColour(view, meta));
  return { stroke, thick: 2.2, dash: dashOf(shownMetas(view).indexOf(meta)) };
}

function legendOf(view, where, metas) {
  const named = (meta) => {
    const { stroke, dash } = curveStyle(view, meta, 0);
    return { text: view.data.metas[meta].name, colour: stroke, dash };
  };
  return [{ text: where }, ...(view.state.sideBySide ? metas.map(named) : [])];
}

export const belowLegend = (view, metas) => legendOf(view, `θ = ${told(view.state.point[1])}`, metas);
export const besideLegend = (view, metas) => legendOf(view, `α = ${told(view.state.point[0])}`, metas);

function drawCurves(pen, view, metas, own, along, placed) {
  for (const meta of metas) {
    const found = view.results.maps[meta]?.[along];
    if (found) pen.line(placed(found), curveStyle(view, meta, own));
  }
}

export function drawBelow(pen, f, view, metas) {
  const { results, state, ink, colours } = view;
  drawAxes(pen, f, { x: "inner step size α", y: "meta-loss" }, ink, { mostY: 4 });
  pen.clip(f.left, f.top, f.w, f.h, () => {
    drawCurves(pen, view, metas, 1, "alongAlpha", ({ alphas, values }) => curves(alphas, values, f.px, f.py));
    const x = f.px(state.point[0]);
    pen.line([[[x, f.top], [x, f.top + f.h]]], { stroke: colours.sections[0], thick: 1, dash: [4, 4] });
    if (results.point && metas.includes(state.meta)) pen.circle(x, f.py(results.point.value), 4, { fill: ink.paper, stroke: ink.ink, thick: 1.5 });
  });
  drawLegend(pen, f, belowLegend(view, metas), ink);
}

export function drawBeside(pen, f, view, metas) {
  const { results, state, ink, colours } = view;
  drawAxes(pen, f, { x: "meta-loss", y: "θ" }, ink, { mostX: 3 });
  pen.clip(f.left, f.top, f.w, f.h, () => {
    drawCurves(pen, view, metas, 0, "alongTheta", ({ thetas, values }) => curves(values, thetas, f.px, f.py));
    const y = f.py(state.point[1]);
    pen.line([[[f.left, y], [f.left + f.w, y]]], { stroke: colours.sections[1], thick: 1, dash: [4, 4] });
    if (!metas.includes(state.meta)) return;
    if (results.descent && state.start[0] === state.point[0]) {
      drawRun(pen, f, view, (theta, k) => [f.px(results.descent.values[k]), f.py(theta)]);
    }
    if (results.point) pen.circle(f.px(results.point.value), y, 4, { fill: ink.paper, stroke: ink.ink, thick: 1.5 });
  });
  drawLegend(pen, f, besideLegend(view, metas), ink);
}

// Stretches of a curve without what is no number.
export function curves(xs, ys, px, py) {
  const parts = [[]];
  xs.forEach((x, k) => {
    if (Number.isFinite(x) && Number.isFinite(ys[k])) parts[parts.length - 1].push([px(x), py(ys[k])]);
    else parts.push([]);
  });
  return parts.filter((part) => part.length > 1);
}
