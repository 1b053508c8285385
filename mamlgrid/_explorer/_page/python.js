// Code that computes what is shown, from the losses on.

import { stepsShown } from "./key.js";
import { shownMetas, stepsOf } from "./state.js";

export function asPython(view) {
  const { data, state } = view;
  const shown = shownMetas(view);
  const used = [...new Set([...shown, state.meta, ...(state.over >= 0 ? [state.over] : [])])];
  const own = used.flatMap((meta) => Object.entries(data.metas[meta].python.own));
  const tasks = new Map();
  const made = used.map((meta) => `    ${quoted(data.metas[meta].name)}: ${metaCode(view, meta, tasks)},`);
  const lines = [
    "import jax",
    "import numpy as np",
    ...(state.start === null ? [] : ["import optax"]),
    ...importsOf(used.map((meta) => data.metas[meta].python)),
    "",
    "import mamlgrid as mg",
    "from mamlgrid import plot",
    "",
    'jax.config.update("jax_enable_x64", True)',
    ...[...new Map(own)].map(([name, words]) => `# ${name}: ${words}; define it before`),
    "",
    ...[...tasks].map(([code, name]) => `${name} = ${code}`),
    "metas = {",
    ...made,
    "}",
    `meta = metas[${quoted(data.metas[state.meta].name)}]`,
    `alpha, theta = ${float(state.point[0])}, ${float(state.point[1])}`,
    'print("meta-loss", meta(theta, alpha), "direction", jax.grad(meta)(theta, alpha))',
    "",
    ...axesCode(view),
    ...levelsCode(view),
    ...runCode(view),
    "",
    ...(state.sideBySide ? picturesCode(view, shown) : pictureCode(view, "meta", quoted(titleOf(view)))),
    ...comparisonCode(view),
  ];
  return `${lines.join("\n")}\n`;
}

function importsOf(codes) {
  const modules = {};
  for (const [module, names] of codes.flatMap(({ imports }) => Object.entries(imports))) {
    modules[module] = new Set([...(modules[module] ?? []), ...names]);
  }
  return Object.entries(modules).map(([module, names]) => `from ${module} import ${[...names].join(", ")}`);
}

function titleOf(view) {
  return `${view.data.metas[view.state.meta].name}${stepsShown(view, view.state.meta)}`;
}

// The expression of a meta-loss, with the steps and the numbers of the page; tasks get a name, which those that have the
// same ones share.
function metaCode({ data, state }, meta, tasks) {
  const filled = (piece) => {
    if (typeof piece === "string") return piece;
    if (piece === null) return stepsOf(data, meta, state.k);
    if (!piece.tasks) return numbersCode(piece, state.p);
    const code = piece.tasks.map(filled).join("");
    if (!tasks.has(code)) tasks.set(code, tasks.size ? `tasks_${tasks.size + 1}` : "tasks");
    return tasks.get(code);
  };
  return data.metas[meta].python.pieces.map(filled).join("");
}

function numbersCode({ first, shape, kind }, p) {
  let at = first;
  const nested = ([size, ...rest]) => {
    if (size === undefined) return literal(p[at++], kind);
    return `[${Array.from({ length: size }, () => nested(rest)).join(", ")}]`;
  };
  return shape.length ? `np.array(${nested(shape)})` : nested(shape);
}

function literal(x, kind) {
  if (kind === "b") return x ? "True" : "False";
  return kind === "f" ? float(x) : String(x);
}

function float(x) {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "np.nan" : x > 0 ? "np.inf" : "-np.inf";
  const text = Object.is(x, -0) ? "-0" : String(x);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

function axesCode({ data }) {
  const [alpha, theta] = [data.axes.alpha, data.axes.theta].map((ends) => ends.map(float).join(", "));
  return [`alphas, thetas = np.linspace(${alpha}, 256), np.linspace(${theta}, 256)`, `bounds = (${theta})`];
}

// The levels between the colours: those of the lines on the page, or without lines many.
function levelsCode({ scale, state }) {
  const { kind, ends, levels } = scale;
  if (kind === "sign") return [];
  if (kind === "log") return [`levels = np.geomspace(${ends.map(float).join(", ")}, ${state.contours ? levels.length + 2 : 65})`];
  if (!state.contours && kind === "linear") return [`levels = np.linspace(${ends.map(float).join(", ")}, 65)`];
  return levels.length > 1 ? [`levels = [${levels.map(float).join(", ")}]`] : [];
}

function runCode({ state }) {
  if (state.start === null) return [];
  const { start, learningRate, optimizer, numSteps } = state;
  const made = {
    plain: `optax.sgd(${learningRate})`,
    momentum: `optax.sgd(${learningRate}, momentum=0.9)`,
    adam: `optax.adam(${learningRate})`,
  };
  return [
    `run = mg.outer_loop(meta, np.array([${float(start[0])}]), ${float(start[1])}, ${made[optimizer]}, num_steps=${numSteps})`,
    'print("outer loop", run.thetas)',
  ];
}

// The picture of one surface with what lies on it.
function pictureCode(view, meta, title) {
  const { state } = view;
  const field = { value: "values", direction: "grads", slope: "curvatures" }[state.show];
  const more = [
    `field="${field}"`,
    ...(levelsCode(view).length ? ["levels=levels"] : []),
    ...(state.optimum ? [`optimum=mg.optimal_theta(${meta}, alphas, bounds)`] : []),
    ...(state.start !== null ? [state.sideBySide ? "run=run if metas[name] is meta else None" : "run=run"] : []),
    `title=${title}`,
  ];
  return [
    `surface = mg.surface(${meta}, alphas, thetas${state.show === "slope" ? ", derivatives=2" : ""})`,
    "plot.contour(",
    "    surface,",
    ...more.map((line) => `    ${line},`),
    ")",
  ];
}

// The same picture of each surface, with one scale.
function picturesCode(view, shown) {
  const names = shown.map((meta) => quoted(view.data.metas[meta].name)).join(", ");
  return [`for name in [${names}]:`, ...pictureCode(view, "metas[name]", "name").map((line) => `    ${line}`)];
}

// The zeros of the directions, and where that of the algorithm that lies over the surface climbs.
function comparisonCode({ data, state }) {
  if (state.over < 0 && !state.zeros) return [];
  const name = (meta) => quoted(data.metas[meta].name);
  const lines = [
    "",
    `comparison = mg.compare(metas, alphas[::8], bounds, reference=${name(state.meta)})`,
    "plot.fixed_points(comparison)",
  ];
  const climbs = state.over >= 0 && state.climbing && data.metas[state.meta].isGradient;
  return climbs ? [...lines, `plot.climbing(comparison, ${name(state.over)})`] : lines;
}

// A text as a literal of Python.
const quoted = (text) => JSON.stringify(text);
