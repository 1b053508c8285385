// What the page shows of a view: its pictures, drawn once a turn of the display, and its words.

import { told } from "./colours.js";
import { element, numbers } from "./controls.js";
import { canvasPen } from "./drawing.js";
import { belowFrame, besideFrame, mapFrame, tasksFrame } from "./frames.js";
import { keyOf, stepsShown } from "./key.js";
import { drawBelow, drawBeside } from "./sections.js";
import { arrangement, shownMetas } from "./state.js";
import { drawMap } from "./surface.js";
import { drawTasks } from "./tasks.js";
import { optimumTold } from "./words.js";

// `listen(canvas)` hears what happens on a surface, `go(point)` brings the reader to a place.
export function createDisplay(document, view, { listen, go }) {
  const window = document.defaultView;
  const by = (id) => document.getElementById(id);
  const { data } = view;
  const ruler = element(document, "canvas").getContext("2d");
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
    view.measure = (text, size) => {
      ruler.font = `${size}px ${view.font}`;
      return ruler.measureText(text).width;
    };
    // In one column the sections stand below all surfaces, and line up with none.
    view.narrow = window.getComputedStyle(by("views")).gridTemplateColumns.split(" ").length === 1;
    invalidate();
  }

  function draw() {
    if (!view.barImage) return;
    const metas = shownMetas(view);
    const { columns, rows } = arrangement(metas, view.narrow);
    key();
    const maps = mapCanvases(metas, columns.length, view.narrow ? metas.length : rows.length);
    maps.forEach((canvas, k) => {
      [canvas.frame] = paint(canvas, mapFrame, drawMap, [{ of: metas[k] }]);
    });
    // One section below each column of surfaces, and one beside each row.
    const across = columns.map((of, c) => (columns.length === 1 ? { of } : { of, x: maps[c].offsetLeft - maps[0].offsetLeft, w: maps[c].clientWidth }));
    const upwards = rows.map((of, r) => {
      const first = maps[r * columns.length];
      return rows.length === 1 ? { of } : { of, y: first.offsetTop - maps[0].offsetTop, h: first.clientHeight };
    });
    by("below").frames = paint(by("below"), belowFrame, drawBelow, across);
    by("beside").frames = paint(by("beside"), besideFrame, drawBeside, upwards);
    [by("tasks").frame] = paint(by("tasks"), tasksFrame, drawTasks, [{}]);
    numbers(document, by("numbers"), view);
    speak();
    by("told").textContent = runTold();
    if ("drawn" in document.body.dataset) return;
    window.performance.mark("first picture");
    document.body.dataset.drawn = "";
  }

  // Pictures `of` something on parts of a canvas, by default on all of it; gives their frames.
  function paint(canvas, framed, drawn, parts) {
    const { clientWidth, clientHeight } = canvas;
    if (!clientWidth || !clientHeight) return [];
    const pen = canvasPen(canvas, clientWidth, clientHeight, view.font, window.devicePixelRatio || 1);
    return parts.map(({ of, x = 0, y = 0, w = clientWidth, h = clientHeight }) => {
      const f = { ...framed(w, h, view, of), x0: x, y0: y };
      pen.at(x, y, () => drawn(pen, f, view, of));
      return f;
    });
  }

  function mapCanvases(metas, columns, rows) {
    const holder = by("maps");
    by("views").style.setProperty("--columns", columns);
    by("views").style.setProperty("--rows", rows);
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

  // Places to go to: so many at once, and then more of them.
  const AT_ONCE = 24;

  function featureButton(one) {
    const words = { jump: "jump", fold: "fold", flat: "all flat", regret: "largest regret" };
    const sure = one.confirmed ? "" : `; unconfirmed: ${one.reason}`;
    const name = view.state.sideBySide ? `${data.metas[one.meta].name}: ` : "";
    const text = `${name}${words[one.kind]} at α = ${told(one.alpha)}${sure}`;
    const onclick = () => go([one.alpha, one.theta]);
    return element(document, "button", { type: "button", class: one.confirmed ? null : "unsure", onclick }, text);
  }

  // What is in the list stays there, the focus on it too.
  function addFeatures(from) {
    const { features } = view.results;
    const buttons = features.slice(from, from + AT_ONCE).map(featureButton);
    by("features").append(...buttons);
    const shown = from + buttons.length;
    if (shown === features.length) return buttons;
    const more = element(document, "button", { type: "button" }, `${shown} of ${features.length} are shown: more`);
    more.addEventListener("click", () => {
      more.remove();
      addFeatures(shown)[0].focus();
    });
    by("features").append(more);
    return buttons;
  }

  function tellFeatures() {
    const nothing = element(document, "span", { class: "quiet" }, "No jump, fold or flat alpha in this box.");
    by("features").replaceChildren(...(view.results.features.length ? [] : [nothing]));
    addFeatures(0);
  }

  function tellOptimum() {
    const { results, state } = view;
    const optimum = results.maps[state.meta]?.optimum;
    if (!optimum) return;
    const { alphas, thetas, values, status } = optimum;
    const name = data.metas[state.meta].name;
    const last = alphas.length - 1;
    by("summary").textContent = optimumTold(name, optimum);
    const rows = [];
    for (let k = 0; k <= last; k += Math.max(1, Math.floor(last / 24))) {
      const cells = [told(alphas[k]), Number.isNaN(thetas[k]) ? "none" : told(thetas[k], 6), told(values[k], 6), status[k]];
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
