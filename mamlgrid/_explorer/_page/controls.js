// What the reader sets, as real inputs with labels.

import { told } from "./colours.js";
import { otherBeside, shownTasks, stepsOf, turnedTo } from "./state.js";

// An element with attributes and children; texts are texts, never markup.
export function element(document, tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

// The toolbar. `change(values)` takes what was chosen; returns {show(state), still()}, which ends what moves by itself.
export function toolbar(document, form, data, change) {
  const make = (...given) => element(document, ...given);
  const shown = [];

  const always = () => true;
  const select = (label, name, options, { convert = (x) => x, useful = always } = {}) => {
    const input = make("select", { id: `set-${name}`, onchange: () => change({ [name]: convert(input.value) }) });
    for (const [value, text] of options) input.append(make("option", { value }, text));
    shown.push((state) => {
      input.value = String(state[name]);
      input.disabled = !useful(state);
    });
    return make("label", {}, label, input);
  };
  const check = (label, name, useful = always) => {
    const input = make("input", { type: "checkbox", id: `set-${name}`, onchange: () => change({ [name]: input.checked }) });
    shown.push((state) => {
      input.checked = state[name];
      input.disabled = !useful(state);
    });
    return make("label", {}, input, label);
  };
  const number = (label, name, attributes) => {
    const input = make("input", { type: "number", id: `set-${name}`, ...attributes });
    input.addEventListener("change", () => {
      if (input.reportValidity() && input.value !== "") change({ [name]: Number(input.value) });
    });
    shown.push((state) => (input.value = String(state[name])));
    return make("label", {}, label, input);
  };

  const names = data.metas.map((meta, k) => [String(k), meta.name]);
  const stepsInput = make("input", { type: "range", id: "set-k", min: 0, step: 1 });
  const stepsTold = make("output", { for: "set-k" });
  const allSteps = (state) => Object.keys(data.metas[state.meta].variants).sort((a, b) => a - b);
  let playing = null;
  const play = make("button", { type: "button", id: "play", "aria-pressed": "false" }, "▶ play");
  const choose = (k) => change({ k: current[Number(k)] });
  let current = [];
  stepsInput.addEventListener("input", () => choose(stepsInput.value));
  const stop = () => {
    clearInterval(playing);
    playing = null;
    play.textContent = "▶ play";
    play.setAttribute("aria-pressed", "false");
  };
  play.addEventListener("click", () => {
    if (playing !== null) return stop();
    play.textContent = "❚❚ pause";
    play.setAttribute("aria-pressed", "true");
    playing = setInterval(() => choose((Number(stepsInput.value) + 1) % current.length), 900);
  });
  shown.push((state) => {
    current = allSteps(state);
    const k = stepsOf(data, state.meta, state.k);
    stepsInput.max = current.length - 1;
    stepsInput.value = current.indexOf(k);
    stepsInput.disabled = play.disabled = current.length < 2;
    stepsTold.value = k;
    stepsInput.setAttribute("aria-valuetext", `${k} inner steps`);
  });

  const startButton = make("button", { type: "button", id: "start" });
  shown.push((state) => {
    startButton.textContent = state.start === null ? "start at the point" : "clear";
    startButton.onclick = () => change(state.start === null ? { start: [...state.point], pinned: true } : { start: null });
  });

  const several = data.metas.length > 1;
  form.append(
    several ? select("Algorithm", "meta", names, { convert: Number }) : "",
    make("fieldset", {}, make("label", { for: "set-k" }, "Inner steps K"), stepsInput, stepsTold, play),
    select("Show", "show", [["value", "meta-loss"], ["direction", "direction G"], ["slope", "sign of dG/dθ"]]),
    select("Scale", "scale", [["log", "logarithmic"], ["linear", "linear"]], { useful: (state) => state.show === "value" }),
    make("fieldset", {}, check("level lines", "contours"), check("zeros of G", "zeros"), check("optimum", "optimum")),
    several ? select("Over it, zeros of", "over", [["-1", "nothing"], ...names], { convert: Number }) : "",
    several ? check("shade where that climbs", "climbing", (state) => state.over >= 0 && data.metas[state.meta].isGradient) : "",
    several ? check("side by side", "sideBySide") : "",
    data.metas.length > 2 ? besideBoxes(document, data, change, shown) : "",
    check("hold the point", "pinned"),
    make(
      "fieldset",
      {},
      select("Outer loop", "optimizer", [["plain", "plain descent"], ["momentum", "momentum 0.9"], ["adam", "Adam"]]),
      number("rate", "learningRate", { min: 1e-6, step: "any" }),
      number("steps", "numSteps", { min: 1, max: 10000, step: 1 }),
      check("animated", "animated"),
      startButton,
    ),
  );
  form.addEventListener("submit", (event) => event.preventDefault());
  return { show: (state) => shown.forEach((show) => show(state)), still: stop };
}

// Which meta-losses are side by side: a box for each.
function besideBoxes(document, data, change, shown) {
  const boxes = data.metas.map(({ name }, meta) => {
    const input = element(document, "input", { type: "checkbox", id: `set-beside-${meta}` });
    shown.push((state) => {
      const chosen = otherBeside(state, meta);
      input.checked = state.beside.includes(meta);
      input.disabled = chosen === null;
      // The chosen meta-loss is one of them.
      input.onchange = () => change({ beside: chosen, ...(chosen.includes(state.meta) ? {} : { meta: chosen[0] }) });
    });
    return element(document, "label", {}, input, name);
  });
  const group = element(document, "fieldset", { "aria-label": "Side by side, two to four" }, ...boxes);
  shown.push((state) => (group.hidden = !state.sideBySide));
  return group;
}

// The pages of many tasks; returns a function that shows a view.
export function taskPages(document, holder, view, change) {
  const turn = (by) => () => change({ firstTask: turnedTo(view, by) });
  const before = element(document, "button", { type: "button", "aria-label": "previous tasks", onclick: turn(-1) }, "‹");
  const after = element(document, "button", { type: "button", "aria-label": "next tasks", onclick: turn(1) }, "›");
  const words = element(document, "span", { role: "status" });
  holder.append(before, words, after);
  return () => {
    const shown = shownTasks(view);
    holder.hidden = shown.length === view.data.tasks.length;
    words.textContent = `tasks ${shown[0] + 1}–${shown[shown.length - 1] + 1} of ${view.data.tasks.length}`;
  };
}

// More rows than this are no help: then those of one task are shown, which is chosen.
const MOST_ROWS = 60;

// A slider and a field for each live number; `change(index, value, done)`: done when the finger is lifted.
export function sliders(document, form, data, change) {
  const make = (...given) => element(document, ...given);
  const live = data.parameters.map((parameter, index) => ({ ...parameter, index })).filter((parameter) => parameter.live);
  const ofTask = (task) => live.filter((parameter) => parameter.task === null || parameter.task === task).slice(0, MOST_ROWS);
  const list = make("div", { class: "rows" });
  let rows = [];
  let current = null;

  const row = (parameter) => {
    const { index } = parameter;
    const id = `number-${index}`;
    const range = make("input", { type: "range", id, min: parameter.low, max: parameter.high, step: "any" });
    const field = make("input", { type: "number", step: "any", "aria-label": `${parameter.name}, exactly` });
    let moving = false;
    const moved = (goesOn) => {
      if (!goesOn && !moving) return;
      moving = goesOn;
      change(index, Number(range.value), !goesOn);
    };
    range.addEventListener("input", () => moved(true));
    // A slider that is brought back to where it was says no "change".
    for (const end of ["change", "pointerup", "pointercancel", "keyup", "blur"]) range.addEventListener(end, () => moved(false));
    field.addEventListener("change", () => {
      if (field.value !== "" && Number.isFinite(Number(field.value))) change(index, Number(field.value), true);
    });
    const label = make("label", { for: id }, parameter.label);
    return { parameter, label, range, field };
  };
  const fill = (parameters) => {
    rows = parameters.map(row);
    list.replaceChildren(...rows.flatMap(({ label, range, field }) => [label, range, field]));
    if (current) show(current);
  };
  // Only the numbers of what is shown.
  const concerns = ({ metas }, state) => state.sideBySide || metas.includes(state.meta) || metas.includes(state.over);
  const show = (state) => {
    current = state;
    for (const { parameter, label, range, field } of rows) {
      const value = state.p[parameter.index];
      label.hidden = range.hidden = field.hidden = !concerns(parameter, state);
      if (Number(range.value) !== value) range.value = value;
      if (document.activeElement !== field) field.value = String(Number(value.toPrecision(7)));
    }
  };

  if (live.length > MOST_ROWS) {
    const chosen = make("select", { id: "set-task" }, ...data.tasks.map((label, task) => make("option", { value: task }, label)));
    chosen.addEventListener("change", () => fill(ofTask(Number(chosen.value))));
    form.append(make("label", { for: "set-task" }, "Numbers of"), chosen);
  }
  form.append(list);
  fill(live.length > MOST_ROWS ? ofTask(0) : live);
  if (live.length === 0) {
    form.append(make("p", { class: "quiet" }, "This meta-loss has no traced numbers: give its losses data to make them live."));
  }
  form.addEventListener("submit", (event) => event.preventDefault());
  return show;
}

// The numbers at the point.
export function numbers(document, list, view) {
  const { point } = view.results;
  if (!point) return;
  const { data } = view;
  const rows = [
    ["α", told(point.alpha, 6)],
    ["θ", told(point.theta, 6)],
    ["meta-loss", told(point.value, 6)],
    ["direction G", told(point.direction, 6)],
    ["dG/dθ", told(point.slope, 6)],
    ...shownTasks(view)
      .filter((i) => i < point.tasks.length)
      .flatMap((i) => [
        [`${data.tasks[i]}: θ′`, told(point.tasks[i].path[point.tasks[i].path.length - 1], 6)],
        [`${data.tasks[i]}: L(θ′)`, told(point.tasks[i].value, 6)],
      ]),
    ["status", point.status],
  ];
  // Texts are put into elements that are there: new ones would be laid out anew in each turn.
  while (list.children.length > 2 * rows.length) list.lastChild.remove();
  while (list.children.length < 2 * rows.length) list.append(element(document, list.children.length % 2 ? "dd" : "dt"));
  rows.flat().forEach((text, k) => {
    if (list.children[k].textContent !== text) list.children[k].textContent = text;
  });
}
