// The picture of the tasks: their losses, and the inner steps from the theta of the point.

import { readableOn } from "./colours.js";
import { dashOf, drawAxes, drawLegend } from "./drawing.js";
import { curves } from "./sections.js";
import { shownTasks } from "./state.js";

export function taskLegend(view) {
  return shownTasks(view).map((i) => ({ text: view.data.tasks[i], ...taskStyle(view, i) }));
}

// Tasks of one colour have other dashes.
function taskStyle(view, i) {
  const colour = readableOn(view.ink.paper, taskColour(view, i));
  return { colour, dash: dashOf(i + Math.floor(i / view.colours.tasks.length)) };
}

// Each task: its loss, theta, the inner steps and theta'.
export function drawTasks(pen, f, view) {
  const { results, ink } = view;
  drawAxes(pen, f, { x: "θ", y: "task loss" }, ink, { mostY: 4 });
  const { taskLosses, point } = results;
  if (!taskLosses || !point) return;
  const thetas = view.taskThetas;
  pen.clip(f.left, f.top, f.w, f.h, () => {
    const x = f.px(view.state.point[1]);
    pen.line([[[x, f.top], [x, f.top + f.h]]], { stroke: view.colours.sections[1], thick: 1, dash: [4, 4] });
    for (const i of shownTasks(view).filter((i) => i < point.tasks.length)) {
      const { colour, dash } = taskStyle(view, i);
      pen.line(curves(thetas, taskLosses.query[i], f.px, f.py), { stroke: colour, thick: 2, dash });
      const on = (theta) => [f.px(theta), f.py(valueAt(thetas, taskLosses.query[i], theta))];
      const path = point.tasks[i].path.filter(Number.isFinite).map(on);
      path.slice(0, -1).forEach(([px, py]) => pen.circle(px, py, 3, { fill: ink.paper, stroke: colour, thick: 1.5 }));
      for (let k = 0; k + 1 < path.length; k++) arrow(pen, path[k], path[k + 1], colour);
      if (path.length) pen.circle(...path[path.length - 1], 4.5, { fill: colour, stroke: ink.paper, thick: 1 });
    }
  });
  drawLegend(pen, f, taskLegend(view), ink);
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

export function taskColour(view, task) {
  return view.colours.tasks[(task ?? 0) % view.colours.tasks.length];
}

// The live numbers that are positions on the theta axis of the chosen meta-loss, those of the tasks that are shown.
export function handles(view) {
  const { data, state } = view;
  const shown = shownTasks(view);
  return data.parameters
    .map((parameter, index) => ({ ...parameter, index }))
    .filter(({ position, metas, task }) => position && metas.includes(state.meta) && (task === null || shown.includes(task)));
}
