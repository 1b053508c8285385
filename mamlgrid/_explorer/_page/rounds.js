// What is asked of the engine: rounds of everything that is on the page. Coarse ones while something moves, one after the
// other, each shown when all of it has come; and a fine one when it is still.

import { scaleOf } from "./colours.js";
import { linspace } from "./engine/program.js";
import { shownMetas, stepsOf } from "./state.js";
import { barOf, bitmapOf, shadeOf } from "./surface.js";

const COARSE = { map: 96, zeros: 72, alphas: 60, thetas: 120 };
const FINE = { map: 256, zeros: 160, alphas: 160, thetas: 240 };
const STILL = 60; // milliseconds without a change after which the fine round begins

// Milliseconds of work in a coarse round: two workers do it in one turn of a display of 60 Hz. Losses that cost more get
// coarser grids, down to a quarter of the points along each axis.
const BUDGET = 24;
const LEAST = 0.25;

// `display` shows what `view.results` holds.
export function createRounds(document, view, engine, display) {
  const { data } = view;
  const views = document.getElementById("views");
  let stamp = 0;
  let idle = null;
  let busy = false;
  let rescaling = true;
  let effort = 1;

  const stepsOfMeta = (meta) => ({ meta, k: stepsOf(data, meta, view.state.k) });
  const common = (meta = view.state.meta) => ({ ...stepsOfMeta(meta), p: Float64Array.from(view.state.p) });
  const square = (size) => ({ alphas: linspace(...data.axes.alpha, size), thetas: linspace(...data.axes.theta, size) });

  // A promise of what shows the answer: `keep(answer)`, or nothing where something later was asked of its channel. A round
  // waits for all of its answers, and some of them may be old by then.
  const latest = new Map();
  async function asked(channel, kind, request, keep) {
    latest.set(channel, request);
    const found = await engine.request(channel, kind, request);
    return () => found && latest.get(channel) === request && keep(found);
  }

  // Everything that was asked, shown at once, if it is still what the reader wants to see.
  async function shown(promises, isWanted = () => true) {
    const keeps = await Promise.all(promises);
    if (!isWanted()) return;
    for (const keep of keeps) keep();
    display.invalidate();
  }

  // The scale of colours is that of all numbers of inner steps together: a picture for each can be compared.
  async function rescale() {
    const { show, scale } = view.state;
    const samples = shownMetas(view).flatMap((meta) =>
      Object.keys(data.metas[meta].variants).map((k) =>
        engine.request(`scale ${meta} ${k}`, "surface", { ...common(meta), k, ...square(20), quantity: show, levels: [] }),
      ),
    );
    const found = await Promise.all(samples);
    const kind = { value: scale, direction: "diverging", slope: "sign" }[show];
    view.scale = scaleOf(kind, found.map((one) => Array.from(one.values)));
    view.barImage = barOf(document, view);
  }

  // What a round is made of: lists of what is asked, each when it is called.
  function parts(sizes) {
    const others = () => [...overlay(sizes), losses(), ...atPoint(), ...run()];
    return [...shownMetas(view).map((meta) => () => surface(meta, sizes)), others];
  }

  function surface(meta, sizes) {
    const map = (view.results.maps[meta] ??= {});
    const { show, contours } = view.state;
    const grid = square(sizes.map);
    const levels = contours ? view.scale.levels : [];
    const rows = { alphas: linspace(...data.axes.alpha, sizes.alphas), thetas: linspace(...data.axes.theta, sizes.thetas) };
    return [
      asked(`optimum ${meta}`, "optimum", { ...common(meta), ...rows, again: sizes === FINE }, (found) => (map.optimum = { alphas: rows.alphas, ...found })),
      asked(`surface ${meta}`, "surface", { ...common(meta), ...grid, quantity: show, levels }, (found) => {
        map.grid = { values: found.values, quantity: show, ...grid };
        map.bitmap = bitmapOf(document, map.grid, view);
        map.overflows = !found.values.every(Number.isFinite);
        map.contours = found.contours;
      }),
      asked(`zeros ${meta}`, "zeroCurves", { ...common(meta), ...square(sizes.zeros) }, (zeros) => (map.zeros = zeros)),
    ];
  }

  function overlay(sizes) {
    const { state, results } = view;
    if (state.over < 0) results.overZeros = null;
    const climbing = state.climbing && data.metas[state.meta].isGradient;
    if (state.over < 0 || !climbing) results.climbing = null;
    if (state.over < 0) return [];
    const grid = square(sizes.zeros);
    const request = { ...common(state.over), ...grid };
    const zeros = asked("over", "zeroCurves", request, (found) => (results.overZeros = found));
    if (!climbing) return [zeros];
    const keep = (found) => (results.climbing = shadeOf(document, { ...found, ...grid }));
    return [zeros, asked("climbing", "climbing", { ...request, reference: stepsOfMeta(state.meta) }, keep)];
  }

  function losses() {
    const request = { ...common(), thetas: view.taskThetas };
    return asked("losses", "taskLosses", request, (found) => (view.results.taskLosses = found));
  }

  function atPoint() {
    const { results, state } = view;
    const [alpha, theta] = state.point;
    const { alphas, thetas } = square(301);
    const one = (x) => Float64Array.of(x);
    const section = (meta, along, axes) => {
      const keep = (found) => ((results.maps[meta] ??= {})[along] = { ...found, alphas, thetas });
      return asked(`${along} ${meta}`, "section", { ...common(meta), alphas, thetas, ...axes }, keep);
    };
    return [
      asked("point", "point", { ...common(), alpha, theta }, (found) => (results.point = found)),
      ...shownMetas(view).flatMap((meta) => [
        section(meta, "alongTheta", { alphas: one(alpha) }),
        section(meta, "alongAlpha", { thetas: one(theta) }),
      ]),
    ];
  }

  function run() {
    const { state, results } = view;
    if (state.start === null) {
      results.descent = null;
      return [];
    }
    const { optimizer, learningRate, numSteps } = state;
    const [alpha, theta] = state.start;
    const request = { ...common(), alpha, theta, settings: { optimizer, learningRate, numSteps } };
    return [asked("run", "descent", request, (found) => state.start !== null && (results.descent = found))];
  }

  async function coarse() {
    const before = engine.spent();
    const size = (full) => Math.ceil(full * effort);
    const sizes = Object.fromEntries(Object.entries(COARSE).map(([name, full]) => [name, size(full)]));
    await shown(parts(sizes).flatMap((part) => part()));
    const spent = engine.spent() - before;
    if (spent > 1.5 * BUDGET) effort = Math.max(LEAST, 0.7 * effort);
    else if (spent < 0.5 * BUDGET) effort = Math.min(1, effort / 0.7);
  }

  async function fine() {
    const mine = stamp;
    const isWanted = () => mine === stamp;
    // One after the other, so that a finger that begins to move waits for one of them at most.
    for (const part of parts(FINE)) if (isWanted()) await shown(part(), isWanted);
    if (isWanted()) await features(isWanted);
    if (isWanted()) views.setAttribute("aria-busy", "false");
  }

  async function features(isWanted) {
    const { results, state } = view;
    const found = [];
    const rows = (alphas, thetas) => ({ alphas: linspace(...data.axes.alpha, alphas), thetas: linspace(...data.axes.theta, thetas) });
    for (const meta of shownMetas(view)) {
      const jumps = results.maps[meta].optimum?.jumps ?? [];
      const [folds, flats] = await Promise.all([
        engine.request("folds", "folds", { ...common(meta), ...rows(120, FINE.thetas) }),
        engine.request("flats", "flats", { ...common(meta), ...square(61) }),
      ]);
      if (!folds || !flats || !isWanted()) return;
      found.push(...jumps.map((jump) => ({ ...jump, kind: "jump", meta, theta: jump.above })));
      found.push(...folds.map((fold) => ({ ...fold, kind: "fold", meta })));
      found.push(...flats.map((flat) => ({ ...flat, kind: "flat", meta, theta: state.point[1] })));
    }
    if (state.over >= 0 && data.metas[state.meta].isGradient) {
      const request = { ...common(state.over), reference: stepsOfMeta(state.meta), ...rows(60, 120) };
      const regrets = await engine.request("regret", "regret", request);
      if (!isWanted()) return;
      if (regrets?.largest) {
        found.push({ ...regrets.largest, theta: state.point[1], kind: "regret", meta: state.meta, confirmed: true });
      }
    }
    results.features = found;
    display.tell();
    display.invalidate();
  }

  return {
    // Of what changed the meta-losses, the axes or the numbers: rounds until the last change is shown.
    async refresh({ scale = false } = {}) {
      stamp += 1;
      clearTimeout(idle);
      rescaling ||= scale;
      view.results.features = null;
      views.setAttribute("aria-busy", "true");
      if (busy) return;
      busy = true;
      try {
        for (let mine = null; mine !== stamp; ) {
          mine = stamp;
          const scaled = rescaling;
          rescaling = false;
          if (scaled) await rescale();
          await coarse();
        }
      } finally {
        busy = false;
      }
      if (view.dragging === null) idle = setTimeout(fine, STILL);
    },
    // Of what changed the point or the run.
    follow: () => shown([...atPoint(), ...run()]),
  };
}
