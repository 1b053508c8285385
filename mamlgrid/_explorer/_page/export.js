// What the reader takes away: pictures, numbers and code of what is shown.

import { canvasPen, svgPen } from "./drawing.js";
import { belowFrame, besideFrame, mapFrame, tasksFrame } from "./frames.js";
import { keyOf, settingsTold } from "./key.js";
import { drawBelow, drawBeside } from "./sections.js";
import { arrangement } from "./state.js";
import { drawMap } from "./surface.js";
import { drawTasks } from "./tasks.js";

const [WIDTH, HEIGHT] = [1120, 760];
const PNG_RATIO = 2;

// Title, map, key and sections as on the page, on one sheet.
function drawSheet(pen, view, metas) {
  const { size, ink, data } = view;
  const head = 2.2 * size;
  const [left, top] = [0.64 * WIDTH, 0.62 * (HEIGHT - 2 * head)];
  const low = head + top + head;
  pen.text(size, head / 2 + 2, data.title, { size: 1.3 * size, colour: ink.ink });
  pen.text(WIDTH - size, head / 2 + 2, settingsTold(view), { size: 0.8 * size, align: "right", colour: ink.ink });
  const { columns, rows } = arrangement(metas, false);
  const [w, h] = [left / columns.length, top / rows.length];
  rows.forEach((row, r) => {
    const y = head + r * h;
    row.forEach((meta, c) => pen.at(c * w, y, () => drawMap(pen, mapFrame(w, h, view), view, meta)));
    pen.at(left, y, () => drawBeside(pen, besideFrame(WIDTH - left, h, view, row), view, row));
  });
  columns.forEach((column, c) => pen.at(c * w, low, () => drawBelow(pen, belowFrame(w, HEIGHT - low, view, column), view, column)));
  pen.at(left, low, () => drawTasks(pen, tasksFrame(WIDTH - left, HEIGHT - low, view), view));
  let x = 4.4 * size;
  for (const { text, draw } of keyOf(view)) {
    draw(pen, x, head + top + head / 2, size, ink);
    pen.text(x + 2.4 * size, head + top + head / 2, text, { size: 0.95 * size, colour: ink.ink });
    x += 3.4 * size + view.measure(text, 0.95 * size);
  }
}

export function asSvg(view, metas) {
  const pen = svgPen(WIDTH, HEIGHT, view.font);
  drawSheet(pen, view, metas);
  return pen.finished(view.ink.paper);
}

export function asPng(document, view, metas) {
  const canvas = document.createElement("canvas");
  const pen = canvasPen(canvas, WIDTH, HEIGHT, view.font, PNG_RATIO);
  pen.line([[[0, 0], [WIDTH, 0], [WIDTH, HEIGHT], [0, HEIGHT]]], { fill: view.ink.paper, closed: true });
  drawSheet(pen, view, metas);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

// One row for each number that is drawn: surfaces, curves, what was found, tasks, and the live numbers.
export function asCsv(view, metas) {
  const { results, state, data, taskThetas } = view;
  const rows = [["what", "meta-loss", "alpha", "theta", "value"]];
  const { name } = data.metas[state.meta];
  for (const meta of metas) {
    const { grid, optimum, zeros } = results.maps[meta] ?? {};
    const add = (what, ...numbers) => rows.push([what, data.metas[meta].name, ...numbers]);
    optimum?.alphas.forEach((alpha, k) => add("optimum", alpha, optimum.thetas[k], optimum.values[k]));
    for (const { points, attracting } of zeros ?? []) {
      for (const [alpha, theta] of points) add(attracting ? "zero that attracts" : "zero that repels", alpha, theta, "");
    }
    for (const feature of (results.features ?? []).filter((one) => one.meta === meta)) {
      add(`${feature.kind}${feature.confirmed ? "" : ", unconfirmed"}`, feature.alpha, feature.theta, feature.value ?? "");
    }
    const { alongTheta, alongAlpha } = results.maps[meta] ?? {};
    alongTheta?.thetas.forEach((theta, k) => add("section at alpha", state.point[0], theta, alongTheta.values[k]));
    alongAlpha?.alphas.forEach((alpha, k) => add("section at theta", alpha, state.point[1], alongAlpha.values[k]));
    grid?.alphas.forEach((alpha, i) => {
      grid.thetas.forEach((theta, j) => add(`surface: ${grid.quantity}`, alpha, theta, grid.values[i * grid.thetas.length + j]));
    });
  }
  const { descent, taskLosses, point } = results;
  descent?.thetas.forEach((theta, k) => rows.push(["outer loop", name, state.start[0], theta, descent.values[k] ?? ""]));
  data.tasks.forEach((label, i) => {
    taskLosses?.query[i]?.forEach((value, k) => rows.push([`loss of ${label}`, name, "", taskThetas[k], value]));
    point?.tasks[i]?.path.forEach((theta, k) => rows.push([`${label} after ${k} inner steps`, name, point.alpha, theta, ""]));
    if (point?.tasks[i]) rows.push([`${label} adapted`, name, point.alpha, point.theta, point.tasks[i].value]);
  });
  data.parameters.forEach((parameter, i) => rows.push([parameter.name, "", "", "", state.p[i]]));
  return `${rows.map((row) => row.map(cell).join(",")).join("\n")}\n`;
}

// A text with a comma or a quotation mark in it stands between quotation marks.
function cell(content) {
  return typeof content === "string" && /[",\n]/.test(content) ? `"${content.replace(/"/g, '""')}"` : content;
}

export function save(document, blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser reads it after this turn.
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
