// What the page shows, as one object; and that object in the address of the page.

export function initialState(data) {
  const { alpha, theta } = data.axes;
  return {
    meta: 0,
    k: data.metas[0].default,
    over: -1,
    show: "value",
    scale: "log",
    contours: true,
    zeros: true,
    optimum: true,
    climbing: false,
    sideBySide: false,
    point: [alpha[0] + 0.35 * (alpha[1] - alpha[0]), theta[0] + 0.6 * (theta[1] - theta[0])],
    pinned: false,
    start: null,
    animated: true,
    presenting: false,
    optimizer: "plain",
    learningRate: 0.1,
    numSteps: 200,
    p: data.parameters.map((parameter) => Number(parameter.value)), // "NaN" and "Infinity" are texts in JSON
  };
}

// Only what differs from the beginning is written.
export function toFragment(state, data) {
  const first = initialState(data);
  const written = {};
  for (const [name, value] of Object.entries(state)) {
    if (name === "p") {
      const moved = Object.fromEntries(value.map((x, k) => [k, x]).filter(([k, x]) => !Object.is(x, first.p[k])));
      if (Object.keys(moved).length) written.p = moved;
    } else if (JSON.stringify(value) !== JSON.stringify(first[name])) written[name] = value;
  }
  return Object.keys(written).length ? `#${encodeURIComponent(JSON.stringify(written))}` : "#";
}

// What an address says, as far as it makes sense here: it may come from another version of the page, or from anybody.
export function fromFragment(fragment, data) {
  const state = initialState(data);
  let given;
  try {
    given = JSON.parse(decodeURIComponent(fragment.slice(1)));
  } catch {
    return state;
  }
  if (typeof given !== "object" || given === null) return state;
  const { alpha, theta } = data.axes;
  const finite = (x) => typeof x === "number" && Number.isFinite(x);
  const within = (x, [low, high]) => finite(x) && x >= low && x <= high;
  const pair = (x) => Array.isArray(x) && x.length === 2 && within(x[0], alpha) && within(x[1], theta);
  const checks = {
    meta: (x) => Number.isInteger(x) && x >= 0 && x < data.metas.length,
    k: (x) => typeof x === "string",
    over: (x) => Number.isInteger(x) && x >= -1 && x < data.metas.length,
    show: (x) => ["value", "direction", "slope"].includes(x),
    scale: (x) => ["log", "linear"].includes(x),
    point: pair,
    start: (x) => x === null || pair(x),
    optimizer: (x) => ["plain", "momentum", "adam"].includes(x),
    learningRate: (x) => finite(x) && x > 0,
    numSteps: (x) => Number.isInteger(x) && x > 0 && x <= 10000,
  };
  for (const [name, value] of Object.entries(given)) {
    if (name === "p" && typeof value === "object" && value !== null) {
      for (const [k, x] of Object.entries(value)) if (Object.hasOwn(state.p, k) && /^\d+$/.test(k) && finite(x)) state.p[k] = x;
    } else if (Object.hasOwn(checks, name) ? checks[name](value) : Object.hasOwn(state, name) && isSwitch(state[name], value)) {
      state[name] = value;
    }
  }
  state.k = stepsOf(data, state.meta, state.k);
  return state;
}

function isSwitch(before, value) {
  return typeof before === "boolean" && typeof value === "boolean";
}

// The nearest point of the box.
export function clamped([alpha, theta], axes) {
  const into = (x, [low, high]) => Math.min(high, Math.max(low, x));
  return [into(alpha, axes.alpha), into(theta, axes.theta)];
}

// The meta-losses whose surfaces are on the page: two to four of them side by side, or the chosen one.
export function shownMetas({ data, state }) {
  if (!state.sideBySide) return [state.meta];
  const first = data.metas.map((_, k) => k).slice(0, 4);
  // Of more than four the chosen one is among them.
  return first.includes(state.meta) ? first : [...first.slice(0, 3), state.meta];
}

// The number of steps of another meta-loss beside the chosen one: the same where it has it.
export function stepsOf(data, meta, k) {
  return Object.hasOwn(data.metas[meta].variants, k) ? k : data.metas[meta].default;
}
