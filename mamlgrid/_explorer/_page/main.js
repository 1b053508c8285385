// The page: what the reader does changes the state, rounds ask the engine for what it needs, and the display shows it.

import { createEngine } from "./client.js";
import { element, sliders, taskPages, toolbar } from "./controls.js";
import { createDisplay } from "./display.js";
import { embedded } from "./embed.js";
import { linspace } from "./engine/program.js";
import { asCsv, asPng, asSvg, save } from "./export.js";
import { settingsTold } from "./key.js";
import { listenTo } from "./listen.js";
import { asPython } from "./python.js";
import { createRounds } from "./rounds.js";
import { clamped, fromFragment, initialState, settle, shownMetas, toFragment } from "./state.js";

export function start(document, programOf, answering) {
  const window = document.defaultView;
  const by = (id) => document.getElementById(id);
  const data = JSON.parse(by("data").textContent);
  const view = {
    data,
    state: initialState(data),
    results: { maps: {} },
    colours: data.colours,
    taskThetas: linspace(...data.axes.theta, 241),
    runShown: Infinity,
    dragging: null,
  };
  const engine = createEngine(`${by("engine").textContent}\nserve(self, programOf);`, answering(programOf));
  const display = createDisplay(document, view, {
    listen: (canvas) => listenTo(canvas, view, { set, move }),
    go: (point) => set({ point: clamped(point, data.axes), pinned: true }),
  });
  const rounds = createRounds(document, view, engine, display);
  const tools = toolbar(document, by("toolbar"), data, set);
  const showPages = taskPages(document, by("pages"), view, set);
  const showSliders = sliders(document, by("parameters"), data, move);

  function set(change) {
    const { state } = view;
    const before = { ...state };
    Object.assign(state, change);
    settle(state);
    const only = (...names) => Object.keys(change).every((name) => names.includes(name));
    if (!only("point")) by("note").textContent = "";
    showSettings();
    if (state.presenting !== before.presenting) moveFocus(state.presenting);
    remember();
    if (state.presenting !== before.presenting) display.restyle();
    if ("start" in change && state.start !== null) animate();
    if (only("zeros", "optimum", "presenting", "animated", "firstTask")) return display.invalidate();
    if (only("start", "point", "pinned", "optimizer", "learningRate", "numSteps")) return rounds.follow();
    const scaled = ["meta", "show", "scale", "sideBySide", "beside", "p"].some((name) => name in change && change[name] !== before[name]);
    return rounds.refresh({ scale: scaled });
  }

  function move(index, value, done) {
    view.state.p[index] = value;
    view.dragging = done ? null : index;
    if (done) showSettings();
    else showSliders(view.state);
    remember();
    rounds.refresh({ scale: done });
  }

  function showSettings() {
    tools.show(view.state);
    showPages();
    showSliders(view.state);
    by("losses").textContent = settingsTold(view);
    document.body.classList.toggle("presenting", view.state.presenting);
  }

  // Where the focus was goes out of sight while something is presented, and comes back.
  let focused = null;
  function moveFocus(presenting) {
    if (presenting) {
      focused = document.activeElement;
      if (focused?.closest("#maps") === null) by("leave").focus();
    } else focused?.focus();
  }

  let tell = () => {};
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
      display.invalidate();
      if (view.runShown < Infinity) window.requestAnimationFrame(turn);
    };
    window.requestAnimationFrame(turn);
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && view.state.presenting) return set({ presenting: false });
    const typing = event.target.matches("select, textarea, input[type=number]");
    if (event.key !== "p" || event.ctrlKey || event.metaKey || event.altKey || typing) return;
    set({ presenting: !view.state.presenting });
  });
  by("leave").addEventListener("click", () => set({ presenting: false }));
  // What the address says; what makes no sense of it is said.
  function follow() {
    const { state, ignored } = fromFragment(window.location.hash, data);
    Object.assign(view, { state, dragging: null });
    view.results.descent = null;
    by("note").textContent = ignored.length ? `Left out of the address, which this page does not have: ${ignored.join("; ")}.` : "";
    showSettings();
    display.restyle();
  }
  window.addEventListener("hashchange", () => {
    follow();
    if (view.state.start !== null) animate();
    rounds.refresh({ scale: true });
  });

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
    PNG: () => asPng(document, view, shownMetas(view)).then((blob) => save(document, blob, `${name}.png`)),
    SVG: () => save(document, new Blob([asSvg(view, shownMetas(view))], { type: "image/svg+xml" }), `${name}.svg`),
    CSV: () => save(document, new Blob([asCsv(view, shownMetas(view))], { type: "text/csv" }), `${name}.csv`),
    reset() {
      tools.still();
      set(initialState(data));
    },
    "present (p)": () => set({ presenting: true }),
  };
  // A page inside a notebook has no address.
  if (window.location.protocol === "about:") delete actions["copy link"];
  for (const [label, act] of Object.entries(actions)) {
    by("actions").append(element(document, "button", { type: "button", onclick: act }, label));
  }

  by("title").textContent = data.title;
  follow();
  tell = embedded(window, view, set, (overlay) => {
    view.results.overlay = overlay;
    display.invalidate();
  });
  rounds.refresh({ scale: true });
}
