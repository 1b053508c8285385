// The page: state in, requests to the engine, pictures out.

import { createEngine } from "./client.js";
import { scaleOf, told } from "./colours.js";
import { element, numbers, sliders, toolbar } from "./controls.js";
import { canvasPen } from "./drawing.js";
import { embedded } from "./embed.js";
import { asCsv, asPng, asPython, asSvg, save } from "./export.js";
import { besideFrame, belowFrame, bitmapOf, drawBelow, drawBeside, drawMap, drawTasks, handles, keyOf, mapFrame, shadeOf, stepsShown, tasksFrame } from "./panels.js";
import { fromFragment, initialState, stepsOf, toFragment } from "./state.js";

const COARSE = { map: 96, zeros: 72, alphas: 60, thetas: 120 };
const FINE = { map: 256, zeros: 160, alphas: 160, thetas: 240 };

export function start(document, programOf, answering) {
  const window = document.defaultView;
  const by = (id) => document.getElementById(id);
  const data = JSON.parse(by("data").textContent);
  const engine = createEngine(`${by("engine").textContent}\nserve(self, programOf);`, answering(programOf));
  const view = {
    data,
    state: fromFragment(window.location.hash, data),
    results: { maps: {} },
    scales: { current: scaleOf("linear", []) },
    colours: data.colours,
    taskThetas: spaced(data.axes.theta, 241),
    runShown: Infinity,
  };
  let stamp = 0;
  let tell = () => {};
  let idle = null;
  let drawing = false;
  let dragging = null;

  by("title").textContent = data.title;
  const showToolbar = toolbar(document, by("toolbar"), data, (change) => set(change));
  const showSliders = sliders(document, by("parameters"), data, move);

  // --- what is asked of the engine --------------------------------------------------

  const shownMetas = () => (view.state.sideBySide ? data.metas.map((_, k) => k).slice(0, 4) : [view.state.meta]);
  const common = (meta = view.state.meta) => ({
    meta,
    k: stepsOf(data, meta, view.state.k),
    p: Float64Array.from(view.state.p),
  });
  const box = (name, size) => ({ alphas: spaced(data.axes.alpha, size), thetas: spaced(data.axes.theta, size), name });

  // The scale of colours is that of all numbers of inner steps together: a picture for each can be compared.
  async function rescale() {
    const { show, scale } = view.state;
    const asked = [];
    for (const meta of shownMetas()) {
      for (const k of Object.keys(data.metas[meta].variants)) {
        const { alphas, thetas } = box("scale", 20);
        const request = { ...common(meta), k, alphas, thetas, quantity: show };
        asked.push(engine.request(`scale ${meta} ${k}`, "grid", request));
      }
    }
    const found = await Promise.all(asked);
    if (found.some((one) => one === null)) return;
    const kind = { value: scale, direction: "diverging", slope: "sign" }[show];
    view.scales.current = scaleOf(kind, found.map((one) => Array.from(one.values)));
    view.barImage = barImage();
  }

  function barImage() {
    const size = 128;
    const { place } = view.scales.current;
    const bar = document.createElement("canvas");
    bar.width = 1;
    bar.height = size;
    const context = bar.getContext("2d");
    const list = colours();
    for (let j = 0; j < size; j++) {
      const at = 1 - (j + 0.5) / size;
      const share = view.state.show === "slope" ? place(at < 0.5 ? -1 : 1) : at;
      context.fillStyle = list[Math.min(list.length - 1, Math.floor(share * list.length))];
      context.fillRect(0, j, 1, 1);
    }
    return bar;
  }

  const colours = () => (view.state.show === "value" ? data.colours.value : data.colours.signed);

  async function refresh({ scale = false } = {}) {
    const mine = ++stamp;
    clearTimeout(idle);
    view.results.features = null;
    by("views").setAttribute("aria-busy", "true");
    if (scale || !view.barImage) await rescale();
    await pass(COARSE, mine);
    if (mine === stamp && dragging === null) idle = setTimeout(() => pass(FINE, mine), 60);
  }

  async function pass(sizes, mine) {
    const { state, results } = view;
    const fine = sizes === FINE;
    const current = () => mine === stamp || !fine;
    const grids = shownMetas().map(async (meta) => {
      const { alphas, thetas } = box("map", sizes.map);
      const found = await engine.request(`map ${meta}`, "grid", { ...common(meta), alphas, thetas, quantity: state.show });
      if (!found || !current()) return;
      const map = (results.maps[meta] ??= {});
      map.bitmap = bitmapOf(document, { values: found.values, alphas, thetas }, view.scales.current, colours());
      invalidate();
      if (!state.contours) map.contours = null;
      else {
        const levels = view.scales.current.levels;
        map.contours = await engine.request(`contours ${meta}`, "contours", { values: found.values, alphas, thetas, levels });
        invalidate();
      }
    });
    const curves = shownMetas().map(async (meta) => {
      const { alphas, thetas } = box("zeros", sizes.zeros);
      const zeros = await engine.request(`zeros ${meta}`, "zeroCurves", { ...common(meta), alphas, thetas });
      if (zeros && current()) (results.maps[meta] ??= {}).zeros = zeros;
      const rows = { alphas: spaced(data.axes.alpha, sizes.alphas), thetas: spaced(data.axes.theta, sizes.thetas) };
      const optimum = await engine.request(`optimum ${meta}`, "optimum", { ...common(meta), ...rows });
      if (optimum && current()) (results.maps[meta] ??= {}).optimum = { alphas: rows.alphas, ...optimum };
      invalidate();
    });
    const over = state.over >= 0 ? overlay(sizes, current) : ((results.overZeros = results.climbing = null), null);
    await Promise.all([...grids, ...curves, over, losses(), atPoint(), run()]);
    if (!fine || mine !== stamp) return;
    await features(mine);
    if (mine === stamp) by("views").setAttribute("aria-busy", "false");
  }

  async function overlay(sizes, current) {
    const { state, results } = view;
    const { alphas, thetas } = box("zeros", sizes.zeros);
    const reference = { meta: state.meta, k: stepsOf(data, state.meta, state.k) };
    const zeros = await engine.request("over", "zeroCurves", { ...common(state.over), alphas, thetas });
    if (zeros && current()) results.overZeros = zeros;
    if (!state.climbing) results.climbing = null;
    else {
      const found = await engine.request("climbing", "climbing", { ...common(state.over), reference, alphas, thetas });
      if (found && current()) results.climbing = shadeOf(document, { ...found, alphas, thetas });
    }
    invalidate();
  }

  async function losses() {
    const found = await engine.request("losses", "taskLosses", { ...common(), thetas: view.taskThetas });
    if (found) view.results.taskLosses = found;
    invalidate();
  }

  async function atPoint() {
    const [alpha, theta] = view.state.point;
    const [alphas, thetas] = [spaced(data.axes.alpha, 301), spaced(data.axes.theta, 301)];
    const one = (x) => Float64Array.of(x);
    const { results } = view;
    // Each is shown when it comes.
    const asked = async (channel, kind, request, keep) => {
      const found = await engine.request(channel, kind, { ...common(), ...request });
      if (found) keep(found);
      invalidate();
    };
    await Promise.all([
      asked("point", "point", { alpha, theta }, (found) => (results.point = found)),
      asked("along theta", "section", { alphas: one(alpha), thetas }, (found) => (results.sectionTheta = { ...found, thetas })),
      asked("along alpha", "section", { alphas, thetas: one(theta) }, (found) => (results.sectionAlpha = { ...found, alphas })),
    ]);
  }

  async function run() {
    const { state, results } = view;
    if (state.start === null) {
      results.descent = null;
      return;
    }
    const { optimizer, learningRate, numSteps } = state;
    const [alpha, theta] = state.start;
    const found = await engine.request("run", "descent", { ...common(), alpha, theta, settings: { optimizer, learningRate, numSteps } });
    if (found && state.start !== null) results.descent = found;
    invalidate();
  }

  async function features(mine) {
    const { results, state } = view;
    const found = [];
    for (const meta of shownMetas()) {
      const jumps = results.maps[meta]?.optimum?.jumps ?? [];
      found.push(...jumps.map((jump) => ({ ...jump, kind: "jump", meta, theta: jump.above })));
      const rows = { alphas: spaced(data.axes.alpha, 120), thetas: spaced(data.axes.theta, FINE.thetas) };
      const folds = await engine.request("folds", "folds", { ...common(meta), ...rows });
      const flats = await engine.request("flats", "flats", { ...common(meta), ...box("flats", 61) });
      if (!folds || !flats || mine !== stamp) return;
      found.push(...folds.map((fold) => ({ ...fold, kind: "fold", meta })));
      found.push(...flats.map((flat) => ({ ...flat, kind: "flat", meta, theta: state.point[1] })));
    }
    if (state.over >= 0) {
      const rows = { alphas: spaced(data.axes.alpha, 60), thetas: spaced(data.axes.theta, 120) };
      const reference = { meta: state.meta, k: stepsOf(data, state.meta, state.k) };
      const regrets = await engine.request("regret", "regret", { ...common(state.over), reference, ...rows });
      if (regrets?.largest && mine === stamp) {
        const { alpha, value } = regrets.largest;
        found.push({ alpha, theta: state.point[1], kind: "regret", meta: state.meta, value, confirmed: true });
      }
    }
    results.features = found;
    showFeatures();
    showWords();
    invalidate();
  }

  // --- what is shown ------------------------------------------------------------------

  function invalidate() {
    if (drawing) return;
    drawing = true;
    window.requestAnimationFrame(() => {
      drawing = false;
      draw();
    });
  }

  function draw() {
    const style = window.getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    view.ink = { ink: colour("ink"), quiet: colour("quiet"), faint: colour("faint"), paper: colour("paper") };
    const body = window.getComputedStyle(document.body);
    view.size = 0.82 * parseFloat(body.fontSize);
    view.font = body.fontFamily;
    if (!view.barImage) return;
    const metas = shownMetas();
    key();
    mapCanvases(metas).forEach((canvas, k) => paint(canvas, mapFrame, (pen, f) => drawMap(pen, f, view, metas[k])));
    paint(by("beside"), besideFrame, (pen, f) => drawBeside(pen, f, view));
    paint(by("below"), belowFrame, (pen, f) => drawBelow(pen, f, view));
    paint(by("tasks"), tasksFrame, (pen, f) => drawTasks(pen, f, view));
    numbers(document, by("numbers"), view);
    speak();
    by("told").textContent = runTold();
    if (!document.body.dataset.drawn) window.performance.mark("first picture");
    document.body.dataset.drawn = String(stamp);
  }

  function paint(canvas, framed, drawn) {
    const { clientWidth, clientHeight } = canvas;
    if (!clientWidth || !clientHeight) return;
    canvas.frame = framed(clientWidth, clientHeight, view);
    drawn(canvasPen(canvas, clientWidth, clientHeight, view.font, window.devicePixelRatio || 1), canvas.frame);
  }

  function mapCanvases(metas) {
    const holder = by("maps");
    const columns = metas.length > 1 ? 2 : 1;
    holder.style.setProperty("--columns", columns);
    holder.style.setProperty("--rows", Math.ceil(metas.length / columns));
    while (holder.children.length > metas.length) holder.lastChild.remove();
    while (holder.children.length < metas.length) {
      const canvas = element(document, "canvas", { tabindex: "0", role: "application" });
      canvas.setAttribute("aria-roledescription", "surface");
      listen(canvas);
      holder.append(canvas);
    }
    metas.forEach((meta, k) => {
      const name = data.metas[meta].name;
      holder.children[k].meta = meta;
      holder.children[k].setAttribute(
        "aria-label",
        `${name}: the surface over alpha and theta. Arrow keys move the point, with shift in larger steps; enter starts the outer loop there; escape clears it and lets the point go.`,
      );
    });
    return [...holder.children];
  }

  function runTold() {
    const { results, state } = view;
    if (state.start === null || !results.descent) return "Click on the surface, or press enter, and the outer loop starts there.";
    const { thetas, values, end } = results.descent;
    const name = { plain: "Plain descent", momentum: "Descent with momentum", adam: "Adam" }[state.optimizer];
    const last = thetas.length - 1;
    return (
      `${name} on ${data.metas[state.meta].name} at α = ${told(state.start[0])} from θ = ${told(state.start[1])}: after ` +
      `${end.step} steps θ = ${told(thetas[last], 6)}, meta-loss = ${told(values[values.length - 1], 6)}; ${end.words}.`
    );
  }

  let speaking = null;
  function speak() {
    clearTimeout(speaking);
    speaking = setTimeout(() => {
      const { point } = view.results;
      if (point && document.activeElement?.tagName === "CANVAS") {
        by("spoken").textContent = `alpha ${told(point.alpha)}, theta ${told(point.theta)}, meta-loss ${told(point.value)}, direction ${told(point.direction)}`;
      }
    }, 400);
  }

  function showFeatures() {
    const words = { jump: "jump", fold: "fold", flat: "all flat", regret: "largest regret" };
    const buttons = view.results.features.slice(0, 24).map((one) => {
      const sure = one.confirmed ? "" : `; unconfirmed: ${one.reason}`;
      const name = view.state.sideBySide ? `${data.metas[one.meta].name}: ` : "";
      const text = `${name}${words[one.kind]} at α = ${told(one.alpha)}${sure}`;
      const go = () => set({ point: clamped([one.alpha, one.theta]), pinned: true });
      return element(document, "button", { type: "button", class: one.confirmed ? null : "unsure", onclick: go }, text);
    });
    const nothing = element(document, "span", { class: "quiet" }, "No jump, fold or flat alpha in this box.");
    by("features").replaceChildren(...(buttons.length ? buttons : [nothing]));
  }

  function showWords() {
    const { results, state } = view;
    const optimum = results.maps[state.meta]?.optimum;
    if (!optimum) return;
    const { alphas, thetas, values, status, jumps } = optimum;
    const name = data.metas[state.meta].name;
    const last = alphas.length - 1;
    const jumped = jumps.map((jump) => `at alpha ${told(jump.alpha)} from ${told(jump.below)} to ${told(jump.above)}`);
    by("summary").textContent =
      `The optimum of ${name} goes from theta ${told(thetas[0])} at alpha ${told(alphas[0])} to ${told(thetas[last])} at ` +
      `alpha ${told(alphas[last])}; ${jumped.length ? `it jumps ${jumped.join(", ")}` : "it does not jump"}.`;
    const rows = [];
    for (let k = 0; k <= last; k += Math.max(1, Math.floor(last / 24))) {
      const cells = [told(alphas[k]), told(thetas[k], 6), told(values[k], 6), status[k]];
      rows.push(element(document, "tr", {}, ...cells.map((cell) => element(document, "td", {}, cell))));
    }
    by("table").tBodies[0].replaceChildren(...rows);
    by("table").caption.textContent = `The optimum of ${name}${stepsShown(view, state.meta)} at each alpha`;
  }

  function key() {
    const { size, ink } = view;
    const items = keyOf(view).map(({ text, draw }) => {
      const sign = element(document, "canvas", { "aria-hidden": "true", style: `width: ${2 * size}px; height: ${size}px` });
      const pen = canvasPen(sign, 2 * size, size, view.font, window.devicePixelRatio || 1);
      draw(pen, 0, size / 2, size, ink);
      return element(document, "span", {}, sign, text);
    });
    by("key").replaceChildren(...items);
  }

  // --- what the reader does --------------------------------------------------------------

  function set(change) {
    const { state } = view;
    const before = { ...state };
    Object.assign(state, change);
    if (!(state.k in data.metas[state.meta].variants)) state.k = data.metas[state.meta].default;
    showSettings();
    remember();
    const only = (...names) => Object.keys(change).every((name) => names.includes(name));
    if (only("point", "pinned")) return atPoint();
    if (only("start", "point", "pinned", "optimizer", "learningRate", "numSteps")) {
      if ("start" in change && state.start !== null) animate();
      return Promise.all([atPoint(), run()]);
    }
    if (only("zeros", "optimum", "presenting", "animated")) return invalidate();
    const scaled = ["meta", "show", "scale", "sideBySide", "p"].some((name) => name in change && change[name] !== before[name]);
    return refresh({ scale: scaled });
  }

  function showSettings() {
    showToolbar(view.state);
    showSliders(view.state);
    by("losses").textContent = data.metas[view.state.meta].words;
    document.body.classList.toggle("presenting", view.state.presenting);
  }

  function move(index, value, done) {
    view.state.p[index] = value;
    dragging = done ? null : index;
    showSliders(view.state);
    remember();
    refresh({ scale: done });
  }

  let remembering = null;
  function remember() {
    tell();
    clearTimeout(remembering);
    remembering = setTimeout(() => {
      try {
        window.history.replaceState(null, "", toFragment(view.state, data));
      } catch {
        // A page inside a notebook has no address of its own.
      }
    }, 250);
  }

  // The run step by step; a later one takes its place.
  let animation = 0;
  function animate() {
    const mine = ++animation;
    view.runShown = Infinity;
    if (!view.state.animated || window.matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    view.runShown = 0;
    const began = window.performance.now();
    const turn = (now) => {
      if (mine !== animation) return;
      const steps = Math.floor(((now - began) / 1500) * view.state.numSteps);
      view.runShown = steps < view.state.numSteps ? steps : Infinity;
      invalidate();
      if (view.runShown < Infinity) window.requestAnimationFrame(turn);
    };
    window.requestAnimationFrame(turn);
  }

  function clamped([alpha, theta]) {
    const into = (x, [low, high]) => Math.min(high, Math.max(low, x));
    return [into(alpha, data.axes.alpha), into(theta, data.axes.theta)];
  }

  function listen(canvas) {
    const where = (event) => {
      const { left, top } = canvas.getBoundingClientRect();
      const [x, y] = [event.clientX - left, event.clientY - top];
      return { x, y, inside: canvas.frame?.holds(x, y), point: canvas.frame && clamped([canvas.frame.ax(x), canvas.frame.ay(y)]) };
    };
    // The handle nearest to a place, within the reach of a pointer.
    const handleAt = ({ x, y, inside }, reach) => {
      if (!inside || x > canvas.frame.left + 2 * reach) return null;
      const far = (index) => Math.abs(y - canvas.frame.py(view.state.p[index]));
      const near = handles(view).map(({ index }) => index).filter((index) => far(index) < reach);
      return near.length ? near.reduce((a, b) => (far(b) < far(a) ? b : a)) : null;
    };
    // A finger on a handle drags it; anywhere else it scrolls the page.
    canvas.addEventListener(
      "touchstart",
      (event) => {
        if (event.touches.length === 1 && handleAt(where(event.touches[0]), 22) !== null) event.preventDefault();
      },
      { passive: false },
    );
    canvas.addEventListener("pointerdown", (event) => {
      const near = event.button === 0 ? handleAt(where(event), event.pointerType === "touch" ? 22 : 11) : null;
      if (near === null) return;
      dragging = near;
      canvas.setPointerCapture(event.pointerId);
      event.preventDefault();
    });
    canvas.addEventListener("pointermove", (event) => {
      const there = where(event);
      canvas.style.cursor = dragging !== null || handleAt(there, 11) !== null ? "ns-resize" : "crosshair";
      if (dragging !== null && canvas.hasPointerCapture(event.pointerId)) move(dragging, there.point[1], false);
      else if (there.inside && !view.state.pinned && event.pointerType !== "touch") set({ point: there.point });
    });
    const lifted = (event) => {
      if (dragging === null || !canvas.hasPointerCapture(event.pointerId)) return;
      canvas.releasePointerCapture(event.pointerId);
      canvas.dragged = event.type === "pointerup" && event.pointerType !== "touch";
      move(dragging, view.state.p[dragging], true);
    };
    canvas.addEventListener("pointerup", lifted);
    canvas.addEventListener("pointercancel", lifted);
    canvas.addEventListener("click", (event) => {
      if (canvas.dragged) {
        canvas.dragged = false;
        return;
      }
      const { inside, point } = where(event);
      // Of several surfaces, the one that is clicked is the one whose loop is run.
      const chosen = canvas.meta === view.state.meta ? {} : { meta: canvas.meta };
      if (inside) set({ point, pinned: true, start: point, ...chosen });
    });
    canvas.addEventListener("keydown", (event) => {
      const step = event.shiftKey ? 0.05 : 0.005;
      const [width, height] = [data.axes.alpha[1] - data.axes.alpha[0], data.axes.theta[1] - data.axes.theta[0]];
      const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
      const { point } = view.state;
      if (by) set({ point: clamped([point[0] + by[0] * step * width, point[1] + by[1] * step * height]), pinned: true });
      else if (event.key === "Enter") set({ start: [...point], pinned: true });
      else if (event.key === "Escape" && !view.state.presenting) set({ start: null, pinned: false });
      else return;
      event.preventDefault();
    });
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && view.state.presenting) return set({ presenting: false });
    const typing = event.target.matches("select, textarea, input[type=number]");
    if (event.key !== "p" || event.ctrlKey || event.metaKey || event.altKey || typing) return;
    set({ presenting: !view.state.presenting });
  });
  by("leave").addEventListener("click", () => set({ presenting: false }));
  window.addEventListener("hashchange", () => {
    view.state = fromFragment(window.location.hash, data);
    set({ p: view.state.p });
  });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", invalidate);
  new window.ResizeObserver(invalidate).observe(document.body);

  async function copy(text) {
    const box = by("copied");
    box.value = text;
    try {
      await window.navigator.clipboard.writeText(text);
      by("spoken").textContent = "copied";
    } catch {
      // Where a page may not write to the clipboard, the text is shown, to be copied by hand.
      box.hidden = false;
      box.select();
    }
  }
  const name = data.title.replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 60);
  const actions = {
    "copy numbers": () => copy([...by("numbers").children].map((cell) => cell.textContent).join("\n")),
    "copy Python": () => copy(asPython(view)),
    "copy link": () => copy(window.location.href.split("#")[0] + toFragment(view.state, data)),
    PNG: () => asPng(document, view, shownMetas()).then((blob) => save(document, blob, `${name}.png`)),
    SVG: () => save(document, new Blob([asSvg(view, shownMetas())], { type: "image/svg+xml" }), `${name}.svg`),
    CSV: () => save(document, new Blob([asCsv(view)], { type: "text/csv" }), `${name}.csv`),
    reset: () => set({ ...initialState(data) }),
    "present (p)": () => set({ presenting: true }),
  };
  // A page inside a notebook has no address.
  if (window.location.protocol === "about:") delete actions["copy link"];
  for (const [label, act] of Object.entries(actions)) {
    by("actions").append(element(document, "button", { type: "button", onclick: act }, label));
  }

  showSettings();
  tell = embedded(window, view, set, (overlay) => {
    view.results.overlay = overlay;
    invalidate();
  });
  refresh({ scale: true });
}

function spaced([low, high], size) {
  return Float64Array.from({ length: size }, (_, k) => low + ((high - low) * k) / (size - 1));
}
