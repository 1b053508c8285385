// What the page shows of a view: its pictures, drawn once a turn of the display, and its words.

import { told } from "./colours.js";
import { element, numbers } from "./controls.js";
import { canvasPen } from "./drawing.js";
import { besideFrame, belowFrame, drawBelow, drawBeside, drawMap, drawTasks, keyOf, mapFrame, stepsShown, tasksFrame } from "./panels.js";
import { shownMetas } from "./state.js";

// `listen(canvas)` hears what happens on a surface, `go(point)` brings the reader to a place.
export function createDisplay(document, view, { listen, go }) {
  const window = document.defaultView;
  const by = (id) => document.getElementById(id);
  const { data } = view;
  let waiting = false;

  function invalidate() {
    if (waiting) return;
    waiting = true;
    window.requestAnimationFrame(() => {
      waiting = false;
      draw();
    });
  }

  // Colours and sizes of the page are read when they may have changed, not for each picture.
  function restyle() {
    const style = window.getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    view.ink = { ink: colour("ink"), quiet: colour("quiet"), faint: colour("faint"), paper: colour("paper") };
    const body = window.getComputedStyle(document.body);
    view.size = 0.82 * parseFloat(body.fontSize);
    view.font = body.fontFamily;
    invalidate();
  }

  function draw() {
    if (!view.barImage) return;
    const metas = shownMetas(view);
    key();
    mapCanvases(metas).forEach((canvas, k) => paint(canvas, mapFrame, (pen, f) => drawMap(pen, f, view, metas[k])));
    paint(by("beside"), besideFrame, (pen, f) => drawBeside(pen, f, view));
    paint(by("below"), belowFrame, (pen, f) => drawBelow(pen, f, view));
    paint(by("tasks"), tasksFrame, (pen, f) => drawTasks(pen, f, view));
    numbers(document, by("numbers"), view);
    speak();
    by("told").textContent = runTold();
    if ("drawn" in document.body.dataset) return;
    window.performance.mark("first picture");
    document.body.dataset.drawn = "";
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

  let shownKey = null;
  function key() {
    const { size, ink, font } = view;
    const items = keyOf(view);
    const ratio = window.devicePixelRatio || 1;
    const wanted = JSON.stringify([items.map(({ text }) => text), size, ink, font, ratio, view.state.over]);
    if (wanted === shownKey) return;
    shownKey = wanted;
    const signs = items.map(({ text, draw }) => {
      const sign = element(document, "canvas", { "aria-hidden": "true", style: `width: ${2 * size}px; height: ${size}px` });
      draw(canvasPen(sign, 2 * size, size, font, ratio), 0, size / 2, size, ink);
      return element(document, "span", {}, sign, text);
    });
    by("key").replaceChildren(...signs);
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

  function tellFeatures() {
    const words = { jump: "jump", fold: "fold", flat: "all flat", regret: "largest regret" };
    const buttons = view.results.features.slice(0, 24).map((one) => {
      const sure = one.confirmed ? "" : `; unconfirmed: ${one.reason}`;
      const name = view.state.sideBySide ? `${data.metas[one.meta].name}: ` : "";
      const text = `${name}${words[one.kind]} at α = ${told(one.alpha)}${sure}`;
      const onclick = () => go([one.alpha, one.theta]);
      return element(document, "button", { type: "button", class: one.confirmed ? null : "unsure", onclick }, text);
    });
    const nothing = element(document, "span", { class: "quiet" }, "No jump, fold or flat alpha in this box.");
    by("features").replaceChildren(...(buttons.length ? buttons : [nothing]));
  }

  function tellOptimum() {
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

  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", restyle);
  new window.ResizeObserver(restyle).observe(document.body);
  restyle();
  return {
    invalidate,
    restyle,
    // What has changed when the features are known.
    tell() {
      tellFeatures();
      tellOptimum();
    },
  };
}
