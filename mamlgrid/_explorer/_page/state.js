// What the page shows, as one object; and that object in the address of the page.

const MOST_BESIDE = 4; // surfaces side by side
const TASKS_AT_ONCE = 8;

export function initialState(data) {
  return {
    meta: 0,
    k: data.metas[0].default, // as chosen: a meta-loss that does not have it shows its own
    over: -1,
    show: "value",
    scale: "log",
    contours: true,
    zeros: true,
    optimum: true,
    climbing: false,
    sideBySide: false,
    beside: data.metas.map((_, meta) => meta).slice(0, MOST_BESIDE),
    firstTask: 0,
    point: [...data.point],
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
// {state, ignored}: what makes none, in words.
export function fromFragment(fragment, data) {
  const state = initialState(data);
  const given = givenIn(fragment);
  const ignored = given === null ? ["all that follows #, which cannot be read"] : [];
  for (const [name, value] of Object.entries(given ?? {})) {
    if (name === "p" && typeof value === "object" && value !== null) {
      for (const [k, x] of Object.entries(value)) {
        if (Object.hasOwn(state.p, k) && /^\d+$/.test(k) && finite(x)) state.p[k] = x;
        else ignored.push(`number ${k} = ${JSON.stringify(x)}`);
      }
      continue;
    }
    const [fits, words] = possible(name, state, data);
    if (fits(value)) state[name] = value;
    else ignored.push(`${name} = ${JSON.stringify(value)} (${words})`);
  }
  settle(state);
  return { state, ignored };
}

function givenIn(fragment) {
  if (fragment.length < 2) return {};
  try {
    const given = JSON.parse(decodeURIComponent(fragment.slice(1)));
    return typeof given === "object" ? given : null;
  } catch {
    return null;
  }
}

const finite = (x) => typeof x === "number" && Number.isFinite(x);

// What a value of the state can be: a test, and words for it.
function possible(name, state, data) {
  const { alpha, theta } = data.axes;
  const within = (x, [low, high]) => finite(x) && x >= low && x <= high;
  const pair = (x) => Array.isArray(x) && x.length === 2 && within(x[0], alpha) && within(x[1], theta);
  const whole = (x, low, high) => Number.isInteger(x) && x >= low && x <= high;
  const last = data.metas.length - 1;
  const choice = (...values) => [(x) => values.includes(x), `one of ${values.join(", ")}`];
  const box = `alpha from ${alpha[0]} to ${alpha[1]}, theta from ${theta[0]} to ${theta[1]}`;
  const steps = [...new Set(data.metas.flatMap(({ variants }) => Object.keys(variants)))].sort((a, b) => a - b);
  const several = (x) => Array.isArray(x) && x.length >= 2 && x.length <= MOST_BESIDE && new Set(x).size === x.length;
  const checks = {
    meta: [(x) => whole(x, 0, last), `from 0 to ${last}`],
    k: choice(...steps),
    over: [(x) => whole(x, -1, last), `from -1 to ${last}`],
    show: choice("value", "direction", "slope"),
    scale: choice("log", "linear"),
    beside: [(x) => several(x) && x.every((meta) => whole(meta, 0, last)), `two to ${MOST_BESIDE} different ones from 0 to ${last}`],
    firstTask: [(x) => whole(x, 0, data.tasks.length - 1) && x % TASKS_AT_ONCE === 0, `0, ${TASKS_AT_ONCE}, ... below ${data.tasks.length}`],
    point: [pair, box],
    start: [(x) => x === null || pair(x), box],
    optimizer: choice("plain", "momentum", "adam"),
    learningRate: [(x) => finite(x) && x > 0, "above zero"],
    numSteps: [(x) => whole(x, 1, 10000), "from 1 to 10000"],
  };
  if (Object.hasOwn(checks, name)) return checks[name];
  if (Object.hasOwn(state, name) && typeof state[name] === "boolean") return [(x) => typeof x === "boolean", "true or false"];
  return [() => false, "unknown here"];
}

// The chosen meta-loss is among those that are side by side.
export function settle(state) {
  if (!state.sideBySide || state.beside.includes(state.meta)) return;
  state.beside = [...state.beside.slice(0, MOST_BESIDE - 1), state.meta].sort((a, b) => a - b);
}

// The meta-losses that are side by side once one of them is chosen, or is no longer: null where that is one too many or
// too few.
export function otherBeside({ beside }, meta) {
  const chosen = beside.includes(meta) ? beside.filter((one) => one !== meta) : [...beside, meta].sort((a, b) => a - b);
  return chosen.length >= 2 && chosen.length <= MOST_BESIDE ? chosen : null;
}

// The nearest point of the box.
export function clamped([alpha, theta], axes) {
  const into = (x, [low, high]) => Math.min(high, Math.max(low, x));
  return [into(alpha, axes.alpha), into(theta, axes.theta)];
}

// The meta-losses whose surfaces are on the page: two to four of them side by side, or the chosen one.
export function shownMetas({ state }) {
  return state.sideBySide ? state.beside : [state.meta];
}

// The surfaces in two columns: lists of the meta-losses in each column and in each row; on a narrow screen one below the
// other, with the sections of all of them in one.
export function arrangement(metas, narrow) {
  if (narrow || metas.length === 1) return { columns: [metas], rows: [metas] };
  const columns = [0, 1].map((c) => metas.filter((_, k) => k % 2 === c));
  const rows = columns[0].map((_, r) => metas.slice(2 * r, 2 * r + 2));
  return { columns, rows };
}

// The places of the tasks that are shown: a page of them.
export function shownTasks({ data, state }) {
  return data.tasks.map((_, i) => i).slice(state.firstTask, state.firstTask + TASKS_AT_ONCE);
}

// The first task of the page after this one, or before it; after the last comes the first.
export function turnedTo({ data, state }, by) {
  const pages = Math.ceil(data.tasks.length / TASKS_AT_ONCE);
  return TASKS_AT_ONCE * ((state.firstTask / TASKS_AT_ONCE + by + pages) % pages);
}

// The number of inner steps of a meta-loss: the chosen one where it has it.
export function stepsOf(data, meta, k) {
  return Object.hasOwn(data.metas[meta].variants, k) ? k : data.metas[meta].default;
}
