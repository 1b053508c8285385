// What is shown, in words: the key of the lines on a surface, the settings of a meta-loss.

import { stepsOf } from "./state.js";
import { marked, overlayOf } from "./surface.js";

// What the lines and marks on the surface are, those of them that are on it now: {text, draw(pen, x, y, size, ink)}, each
// drawn from x to x + 2 sizes around the height y.
export function keyOf(view) {
  const { state, data, colours, results } = view;
  const line = (stroke, edge, thick, dash = []) => (pen, x, y, size) => {
    const points = [[[x + 1, y], [x + 2 * size - 1, y]]];
    pen.line(points, { stroke: edge, thick: thick + 1.6, dash });
    pen.line(points, { stroke, thick, dash });
  };
  const box = (pen, x, y, size) => {
    const [left, right, low, high] = [x + 0.2 * size, x + 1.8 * size, y + 0.4 * size, y - 0.4 * size];
    return [[left, low], [right, low], [right, high], [left, high]];
  };
  const shade = (pen, ...at) => pen.line([box(pen, ...at)], { fill: "#000000", opacity: 0.4, closed: true });
  const diamond = (pen, x, y, size) => {
    const [r, c] = [0.4 * size, x + size];
    pen.line([[[c - r, y], [c, y - r], [c + r, y], [c, y + r]]], { ...marked(true, colours.special), closed: true });
  };
  // White lines and the shade stand on a colour of the surface: on white or dark paper they would not be seen.
  const onColour = (sign) => (pen, ...at) => {
    pen.line([box(pen, ...at)], { fill: colours.value[colours.value.length >> 1], closed: true });
    sign(pen, ...at);
  };
  const hatched = (pen, x, y, size, ink) => pen.hatch(x + 0.2 * size, y - 0.4 * size, 1.6 * size, 0.8 * size, ink.quiet);
  const other = state.over >= 0 ? data.metas[state.over].name : null;
  return [
    state.optimum && { text: "optimum", draw: line(colours.optimum, "#ffffff", 3) },
    state.zeros && { text: "G = 0, attracts", draw: onColour(line("#ffffff", "#111111", 2.2)) },
    state.zeros && { text: "G = 0, repels", draw: onColour(line("#ffffff", "#111111", 1.3, [5, 4])) },
    other && { text: `G = 0 of ${other}`, draw: line(algorithmColour(view, state.over), "#ffffff", 2.2) },
    other && state.climbing && data.metas[state.meta].isGradient && { text: `${other} climbs`, draw: onColour(shade) },
    overlayOf(view) && { text: "G = 0, computed by Python", draw: line("#111111", "#ffffff", 2.2) },
    results.features?.some(({ kind }) => kind === "fold") && { text: "fold", draw: diamond },
    state.start && { text: "outer loop", draw: line(colours.run, "#ffffff", 2) },
    results.maps[state.meta]?.overflows && { text: "no number", draw: hatched },
  ].filter(Boolean);
}

export function algorithmColour({ colours }, meta) {
  return colours.algorithms[meta % colours.algorithms.length];
}

export function stepsShown({ data, state }, meta) {
  if (!data.metas[meta].inSteps) return "";
  const k = stepsOf(data, meta, state.k);
  return `, ${k} inner ${k === "1" ? "step" : "steps"}`;
}

// The losses and settings of the chosen meta-loss.
export function settingsTold(view) {
  const { data, state } = view;
  const moved = data.parameters.filter(({ metas, value }, i) => metas.includes(state.meta) && !Object.is(state.p[i], Number(value)));
  return `${data.metas[state.meta].words}${stepsShown(view, state.meta)}${moved.length ? `, ${moved.length} ${moved.length > 1 ? "numbers" : "number"} moved` : ""}`;
}
