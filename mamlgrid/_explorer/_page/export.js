// What the reader takes away: pictures, numbers and code of what is shown.

import { canvasPen, svgPen } from "./drawing.js";
import { besideFrame, belowFrame, drawBelow, drawBeside, drawMap, drawTasks, keyOf, mapFrame, settingsTold, tasksFrame } from "./panels.js";
import { stepsOf } from "./state.js";

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
  const columns = metas.length > 1 ? 2 : 1;
  const rows = Math.ceil(metas.length / columns);
  metas.forEach((meta, k) => {
    const [w, h] = [left / columns, top / rows];
    pen.at((k % columns) * w, head + Math.floor(k / columns) * h, () => drawMap(pen, mapFrame(w, h, view), view, meta));
  });
  pen.at(left, head, () => drawBeside(pen, besideFrame(WIDTH - left, top, view), view));
  pen.at(0, low, () => drawBelow(pen, belowFrame(left, HEIGHT - low, view), view));
  pen.at(left, low, () => drawTasks(pen, tasksFrame(WIDTH - left, HEIGHT - low, view), view));
  let x = 4.4 * size;
  for (const { text, draw } of keyOf(view)) {
    draw(pen, x, head + top + head / 2, size, ink);
    pen.text(x + 2.4 * size, head + top + head / 2, text, { size: 0.95 * size, colour: ink.ink });
    x += size * (3.6 + 0.55 * text.length);
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
    grid?.alphas.forEach((alpha, i) => {
      grid.thetas.forEach((theta, j) => add(`surface: ${grid.quantity}`, alpha, theta, grid.values[i * grid.thetas.length + j]));
    });
  }
  const { sectionTheta, sectionAlpha, descent, taskLosses, point } = results;
  sectionTheta?.thetas.forEach((theta, k) => rows.push(["section at alpha", name, state.point[0], theta, sectionTheta.values[k]]));
  sectionAlpha?.alphas.forEach((alpha, k) => rows.push(["section at theta", name, alpha, state.point[1], sectionAlpha.values[k]]));
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

// Code that computes what is shown, for the meta-loss that the page was made of.
export function asPython(view) {
  const { data, state } = view;
  const meta = data.metas[state.meta];
  const [alphas, thetas] = [data.axes.alpha, data.axes.theta];
  const k = stepsOf(data, state.meta, state.k);
  const moved = data.parameters
    .map(({ name, value, metas }, index) => ({ name: name.replace(`${data.metas[metas[0]].name}: `, ""), value, metas, now: state.p[index] }))
    .filter(({ value, metas, now }) => !Object.is(now, Number(value)) && metas.includes(state.meta));
  const lines = [
    "import dataclasses",
    "",
    "import jax",
    "import numpy as np",
    "import optax",
    "",
    "import mamlgrid as mg",
    "from mamlgrid import plot",
    "",
    'jax.config.update("jax_enable_x64", True)',
    `# meta = ...  that of the page called ${quoted(meta.name)}: ${meta.words.replace(/\s+/g, " ")}`,
  ];
  if (k !== meta.default) lines.push(`meta = dataclasses.replace(meta, inner=dataclasses.replace(meta.inner, num_steps=${k}))`);
  if (moved.length) {
    lines.push(
      `moved = {${moved.map(({ name, now }) => `${quoted(name)}: ${now}`).join(", ")}}`,
      "",
      "def with_moved(path, leaf):",
      '    name, numbers = jax.tree_util.keystr(path).removeprefix("."), np.array(leaf)',
      "    for index in np.ndindex(numbers.shape):",
      '        numbers[index] = moved.get(name + "".join(f"[{i}]" for i in index), numbers[index])',
      "    return numbers",
      "",
      "meta = jax.tree_util.tree_map_with_path(with_moved, meta)",
    );
  }
  lines.push(
    `alpha, theta = ${state.point[0]}, ${state.point[1]}`,
    'print("meta-loss", meta(theta, alpha), "direction", jax.grad(meta)(theta, alpha))',
    `alphas, thetas = np.linspace(${alphas[0]}, ${alphas[1]}, 256), np.linspace(${thetas[0]}, ${thetas[1]}, 256)`,
    `surface = mg.surface(meta, alphas, thetas${state.show === "slope" ? ", derivatives=2" : ""})`,
    `optimum = mg.optimal_theta(meta, alphas, (${thetas[0]}, ${thetas[1]}))`,
  );
  if (state.start !== null) {
    const optimizer = { plain: "optax.sgd(RATE)", momentum: "optax.sgd(RATE, momentum=0.9)", adam: "optax.adam(RATE)" };
    const made = optimizer[state.optimizer].replace("RATE", state.learningRate);
    lines.push(
      `run = mg.outer_loop(meta, np.array([${state.start[0]}]), ${state.start[1]}, ${made}, num_steps=${state.numSteps})`,
      'print("outer loop", run.thetas)',
    );
  }
  const field = { value: "values", direction: "grads", slope: "curvatures" }[state.show];
  lines.push(`plot.contour(surface, field="${field}", optimum=optimum)`);
  return `${lines.join("\n")}\n`;
}

// A text as a literal of Python.
const quoted = (text) => JSON.stringify(text);

export function save(document, blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser reads it after this turn.
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
