// Colours of the maps, and scales from numbers to places on them.

// `list` holds colours "#rrggbb" from low to high.
export function colourTable(list) {
  const table = new Uint8ClampedArray(list.length * 3);
  list.forEach((hex, k) => {
    for (let c = 0; c < 3; c++) table[3 * k + c] = parseInt(hex.slice(1 + 2 * c, 3 + 2 * c), 16);
  });
  return table;
}

// A scale has `kind` and `ends`, `place(x)` in [0, 1], `levels` for contour lines and `ticks` for its bar. `samples` has one array for each
// number of inner steps: the colours are for where all of them have something to show, and steep walls share the last one.
export function scaleOf(kind, samples) {
  if (kind === "sign") return signScale();
  const sorted = samples.map((one) => one.filter(Number.isFinite).sort((a, b) => a - b)).filter((one) => one.length);
  if (sorted.length === 0) return linearScale(0, 1);
  const quantiles = (share) => sorted.map((one) => one[Math.floor(share * (one.length - 1))]);
  if (kind === "diverging") {
    const sizes = quantiles(0.1).map((low, k) => Math.max(Math.abs(low), Math.abs(quantiles(0.9)[k])));
    return divergingScale(Math.min(...sizes.filter((size) => size > 0), Infinity) || 1);
  }
  const low = Math.min(...quantiles(0));
  const high = Math.min(...quantiles(0.95));
  if (kind === "linear" || !(high > 0) || low < 0) return linearScale(low, high > low ? high : low + 1);
  return logScale(Math.max(low, high * 1e-4), high);
}

function linearScale(low, high) {
  const place = (x) => (x - low) / (high - low);
  const ticks = niceTicks(low, high, 5);
  return { kind: "linear", ends: [low, high], place, levels: niceTicks(low, high, 12), ticks };
}

function logScale(low, high) {
  const [a, b] = [Math.log(low), Math.log(Math.max(high, low * 1.0001))];
  const place = (x) => (x <= low ? 0 : (Math.log(x) - a) / (b - a));
  const decades = [];
  for (let k = Math.ceil(a / Math.LN10 - 1e-9); k <= b / Math.LN10 + 1e-9; k++) decades.push(10 ** k);
  const levels = [];
  const count = 12;
  for (let k = 1; k < count; k++) levels.push(Math.exp(a + ((b - a) * k) / count));
  return { kind: "log", ends: [Math.exp(a), Math.exp(b)], place, levels, ticks: decades.length > 1 ? decades : niceTicks(Math.exp(a), Math.exp(b), 5) };
}

// Even in the root of the size, so that what is near zero is told apart.
function divergingScale(size) {
  const place = (x) => 0.5 + (Math.sign(x) * Math.sqrt(Math.abs(x) / size)) / 2;
  const parts = [0.0625, 0.25, 0.5625, 1].map((share) => share * size);
  return { kind: "diverging", ends: [-size, size], place, levels: [...parts.map((x) => -x).reverse(), ...parts], ticks: [-size, -size / 4, 0, size / 4, size] };
}

function signScale() {
  return { kind: "sign", ends: [-1, 1], place: (x) => (x > 0 ? 0.75 : x < 0 ? 0.25 : 0.5), levels: [0], ticks: [] };
}

export function niceTicks(low, high, count) {
  const rough = (high - low) / count;
  // Ends that differ in their last digits only have nothing between them.
  if (!(rough > 1e-12 * Math.max(Math.abs(low), Math.abs(high)))) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((m) => m * power >= rough * 0.999);
  const first = Math.ceil(low / step - 1e-9);
  const ticks = Array.from({ length: count + 2 }, (_, k) => Number(((first + k) * step).toPrecision(12)));
  return ticks.filter((tick) => tick <= high + 1e-9 * step);
}

// Pixels [width x height] RGBA of a grid (alpha by alpha), theta upwards; what is no number stays transparent.
export function pixels(values, width, height, scale, table) {
  const made = new Uint8ClampedArray(4 * width * height);
  const last = table.length / 3 - 1;
  for (let i = 0; i < width; i++) {
    for (let j = 0; j < height; j++) {
      const value = values[i * height + j];
      if (!Number.isFinite(value)) continue;
      const k = Math.round(Math.min(1, Math.max(0, scale.place(value))) * last);
      const at = 4 * ((height - 1 - j) * width + i);
      made[at] = table[3 * k];
      made[at + 1] = table[3 * k + 1];
      made[at + 2] = table[3 * k + 2];
      made[at + 3] = 255;
    }
  }
  return made;
}

// A colour "#rrggbb" that can be told from paper: as it is, or as much lighter or darker as a contrast of three asks for,
// which WCAG 2.1 wants of what is drawn.
export function readableOn(paper, colour) {
  const parts = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  const linear = (part) => (part <= 10 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
  const bright = (rgb) => rgb.map(linear).reduce((sum, x, c) => sum + x * [0.2126, 0.7152, 0.0722][c], 0);
  const ground = bright(parts(paper));
  const goal = ground < 0.18 ? 255 : 0;
  const mixed = (share) => parts(colour).map((part) => Math.round(part + share * (goal - part)));
  const contrast = (rgb) => (Math.max(bright(rgb), ground) + 0.05) / (Math.min(bright(rgb), ground) + 0.05);
  let share = 0;
  while (share < 1 && contrast(mixed(share)) < 3) share += 0.05;
  return `#${mixed(share).map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}

// A number for people: four digits, no noise.
export function told(x, digits = 4) {
  if (Number.isNaN(x)) return "no number";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
  if (x === 0) return "0";
  const size = Math.abs(x);
  if (size >= 1e6 || size < 1e-4) {
    const [head, exponent] = size.toExponential(Math.max(2, digits - 2)).split("e");
    const raised = String(Number(exponent)).replace("-", "⁻").replace(/\d/g, (d) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[d]);
    return `${x < 0 ? "−" : ""}${Number(head) === 1 ? "" : `${Number(head)}·`}10${raised}`;
  }
  return String(Number(x.toPrecision(digits))).replace("-", "−");
}

// Ticks for people, with so many digits that they differ.
export function toldApart(ticks, fewest = 4) {
  const digits = [2, 3, 4, 5, 6, 8, 10, 12].filter((n) => n >= fewest);
  const tellAll = (n) => ticks.map((tick) => told(tick, n));
  return tellAll(digits.find((n) => new Set(tellAll(n)).size === ticks.length) ?? 12);
}
