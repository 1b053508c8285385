// A page inside of another: what is chosen is told to the page around, which may set it, and lay curves over the surface.

import { stepsOf } from "./state.js";

// `set` changes the state as a reader does; `lay` takes curves. Returns what tells of a change.
export function embedded(window, view, set, lay) {
  if (window.parent === window) return () => {};
  const { data } = view;
  // What the page around is known to have: it is not told that again, since it may have moved on meanwhile.
  const known = {};
  window.addEventListener("message", ({ source, data: message }) => {
    const given = source === window.parent && message?.explorer;
    if (!given) return;
    Object.assign(known, given);
    const change = {};
    const moved = (point) => point.some((x, k) => x !== view.state.point[k]);
    if (Array.isArray(given.point) && given.point.length === 2 && given.point.every(Number.isFinite) && moved(given.point)) {
      Object.assign(change, { point: given.point, pinned: true });
    }
    const meta = data.metas.findIndex(({ name }) => name === given.meta_loss);
    if (meta >= 0) change.meta = meta;
    if (Object.hasOwn(data.metas[change.meta ?? view.state.meta].variants, String(given.num_steps))) change.k = String(given.num_steps);
    if (given.parameters) {
      change.p = data.parameters.map(({ name }, k) => (Number.isFinite(given.parameters[name]) ? given.parameters[name] : view.state.p[k]));
    }
    if (Object.keys(change).length) set(change);
    if ("overlay" in given) lay(given.overlay);
  });
  let waiting = null;
  const tell = () => {
    waiting = null;
    const { state } = view;
    const parameters = Object.fromEntries(data.parameters.map(({ name }, k) => [name, state.p[k]]));
    const told = { point: state.point, parameters, meta_loss: data.metas[state.meta].name, num_steps: Number(stepsOf(data, state.meta, state.k)) };
    const news = Object.fromEntries(Object.entries(told).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(known[name])));
    if (Object.keys(news).length === 0) return;
    Object.assign(known, structuredClone(news));
    window.parent.postMessage({ explorer: news }, "*");
  };
  // The page around may have chosen something before this one was there.
  window.parent.postMessage({ explorer: "here" }, "*");
  return () => {
    waiting ??= window.setTimeout(tell, 50);
  };
}
