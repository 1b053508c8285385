// What a page of `write_html` does. It draws the figure that it holds in the colours and for the width of its reader,
// moves it with real sliders and, over a surface, with mouse or finger, and leaves the wheel and one finger to scrolling.
"use strict";

const { figure, controls, linked, layouts, inks } = JSON.parse(document.getElementById("page").textContent);
const gd = document.getElementById("figure");
const dark = matchMedia("(prefers-color-scheme: dark)");
const narrow = matchMedia("(max-width: 40rem)");

// plotly, where the page holds it packed; one beside the page is loaded already.
async function unpack() {
  const packed = document.getElementById("plotly");
  if (!packed) return;
  const bytes = Uint8Array.from(atob(packed.textContent), (letter) => letter.charCodeAt(0));
  const script = document.createElement("script");
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  script.textContent = await new Response(stream).text();
  document.head.append(script);
  packed.remove();
}

// A copy with other colours; numbers, which plotly packs as `bdata`, stay what they are.
function inked(part, table) {
  if (typeof part === "string") return table[part.toLowerCase()] ?? part;
  if (Array.isArray(part)) return part.map((inner) => inked(inner, table));
  if (part === null || typeof part !== "object" || "bdata" in part) return part;
  return Object.fromEntries(Object.entries(part).map(([key, inner]) => [key, inked(inner, table)]));
}

// Sets "layout.scene.domain" or "data.0.colorbar.x".
function put(whole, path, value) {
  const keys = path.split("."), last = keys.pop();
  keys.reduce((inner, key) => (inner[key] ??= {}), whole)[last] = value;
}

function suited() {
  const suit = inked(figure, dark.matches ? inks : {});
  for (const [path, value] of Object.entries(layouts[narrow.matches ? "narrow" : "wide"])) put(suit, path, value);
  return suit;
}

// The legend stands below the axes, in as many rows as the width asks for; they get room of their own.
async function makeRoom({ height, margin, legend }) {
  const rows = gd.querySelector(".legend .bg");
  if (!rows || legend?.yref !== "container") return;
  const more = Math.ceil(rows.getBoundingClientRect().height);
  if (gd.layout.height !== height + more) await Plotly.relayout(gd, { height: height + more, "margin.b": margin.b + more });
}

// One call at a time: while it runs, only the latest wish is remembered.
function latest(call) {
  let wish = null, busy = false;
  return async (...given) => {
    wish = given;
    if (busy) return;
    busy = true;
    try {
      while (wish) {
        const now = wish;
        wish = null;
        await call(...now);
      }
    } finally {
      busy = false;
    }
  };
}

const number = (value) => String(Number(value.toPrecision(4))).replace(/-/g, "−");

function tell(control, text) {
  control.output.textContent = text;
  control.input.setAttribute("aria-valuetext", text);
}

// A slider of plotly's: each step is a call with its arguments.
const stepped = {
  show: async () => {
    for (const control of controls) {
      const step = control.steps[control.input.value];
      tell(control, control.prefix + step.label);
      // "skip" is no function of plotly.
      await Plotly[step.method]?.(gd, ...step.args);
    }
  },
};

// Two cross-sections of a surface; all they show is read from the surface, in the order of traces and annotations that
// _interactive_sections lays out.
const sections = {
  show: async () => {
    const { x: alphas, y: thetas, z } = gd._fullData[0];
    const [i, j] = controls.map((control) => Number(control.input.value));
    const atAlpha = Array.from(z, (line) => line[i]), atTheta = Array.from(z[j]);
    const told = [alphas[i], thetas[j]].map((value, k) => `${controls[k].prefix}${number(value)}`);
    told.forEach((text, k) => tell(controls[k], text));
    const heading = (k) => gd.layout.annotations[k].text.replace(/fixed.*/, `fixed ${told[k]}`);
    await Plotly.update(gd, {
      x: [Array(thetas.length).fill(alphas[i]), undefined, undefined, undefined],
      y: [undefined, Array(alphas.length).fill(thetas[j]), atAlpha, atTheta],
      z: [atAlpha, atTheta, undefined, undefined],
      name: ["", "", ...told],
    }, { "annotations[0].text": heading(0), "annotations[1].text": heading(1) }, [1, 2, 3, 4]);
  },
};

const show = latest((linked ? sections : stepped).show);

function follow(event) {
  const { curveNumber, pointNumber } = event.points[0];
  if (!linked.over.includes(curveNumber)) return;
  if (pointNumber.every((at, k) => at === Number(controls[k].input.value))) return;
  pointNumber.forEach((at, k) => { controls[k].input.value = at; });
  show();
}

const draw = latest(async () => {
  const suit = suited(), { height, margin, legend } = suit.layout;
  // Plotly changes the layout that it is given.
  const room = { height, margin: { ...margin }, legend };
  await Plotly.react(gd, suit);
  gd.makeRoom = () => makeRoom(room);
  await gd.makeRoom();
  if (controls.length) await show();
  gd.dataset.drawn = `${dark.matches ? "dark" : "light"} ${narrow.matches ? "narrow" : "wide"}`;
});

// A page inside another one says how high it is.
function sayHeight() {
  const height = document.documentElement.getBoundingClientRect().height;
  if (window.frameElement) window.frameElement.style.height = `${height}px`;
  else if (parent !== window) parent.postMessage({ height }, "*");
}

async function start() {
  await unpack();
  controls.forEach((control, k) => {
    control.input = document.getElementById(`control-${k}`);
    control.output = document.getElementById(`told-${k}`);
    control.input.addEventListener("input", show);
  });
  await draw();
  if (linked) gd.on("plotly_hover", follow);
  dark.addEventListener("change", draw);
  narrow.addEventListener("change", draw);
  new ResizeObserver(() => gd.makeRoom()).observe(document.body);
  new ResizeObserver(sayHeight).observe(document.documentElement);
}

// Two fingers turn and zoom, and so does the wheel with the control key. Of one finger plotly sees the tap alone, which
// the browser makes a mouse of.
const leave = { capture: true, passive: true };
gd.addEventListener("wheel", (event) => { if (!event.ctrlKey) event.stopImmediatePropagation(); }, leave);
for (const kind of ["touchstart", "touchmove"]) {
  gd.addEventListener(kind, (event) => { if (event.touches.length < 2) event.stopImmediatePropagation(); }, leave);
}

start();
