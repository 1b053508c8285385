// One list of drawing commands, two backends: a canvas, and SVG for export.
import { niceTicks, toldApart } from "./colours.js";

export function canvasPen(canvas, width, height, font, ratio) {
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  const styled = ({ stroke, fill, thick = 1, dash = [], opacity = 1 }) => {
    context.globalAlpha = opacity;
    context.lineWidth = thick;
    context.lineJoin = "round";
    context.setLineDash(dash);
    if (fill) {
      context.fillStyle = fill;
      context.fill();
    }
    if (stroke) {
      context.strokeStyle = stroke;
      context.stroke();
    }
    context.globalAlpha = 1;
  };
  return {
    line(points, style) {
      context.beginPath();
      for (const part of points) {
        part.forEach(([x, y], k) => (k ? context.lineTo(x, y) : context.moveTo(x, y)));
        if (style.closed) context.closePath();
      }
      styled(style);
    },
    circle(x, y, radius, style) {
      context.beginPath();
      context.arc(x, y, radius, 0, 2 * Math.PI);
      styled(style);
    },
    text(x, y, content, { size = 12, align = "left", baseline = "middle", turned = false, colour, halo }) {
      context.save();
      context.translate(x, y);
      if (turned) context.rotate(-Math.PI / 2);
      context.font = `${size}px ${font}`;
      context.textAlign = align;
      context.textBaseline = baseline;
      if (halo) {
        context.lineWidth = 3;
        context.strokeStyle = halo;
        context.strokeText(content, 0, 0);
      }
      context.fillStyle = colour;
      context.fillText(content, 0, 0);
      context.restore();
    },
    hatch(x, y, w, h, colour) {
      context.save();
      context.beginPath();
      context.rect(x, y, w, h);
      context.clip();
      context.beginPath();
      for (let d = -h; d < w; d += 7) {
        context.moveTo(x + d, y + h);
        context.lineTo(x + d + h, y);
      }
      styled({ stroke: colour });
      context.restore();
    },
    image(bitmap, x, y, w, h) {
      context.imageSmoothingEnabled = true;
      context.drawImage(bitmap, x, y, w, h);
    },
    clip(x, y, w, h, draw) {
      context.save();
      context.beginPath();
      context.rect(x, y, w, h);
      context.clip();
      draw();
      context.restore();
    },
    at(x, y, draw) {
      context.save();
      context.translate(x, y);
      draw();
      context.restore();
    },
  };
}

export function svgPen(width, height, font) {
  const parts = [];
  let clips = 0;
  const number = (x) => Number(x.toFixed(2));
  const escaped = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const style = ({ stroke, fill, thick = 1, dash = [], opacity = 1 }) =>
    `fill="${fill || "none"}" stroke="${stroke || "none"}" stroke-width="${thick}" stroke-linejoin="round"` +
    (dash.length ? ` stroke-dasharray="${dash.join(" ")}"` : "") +
    (opacity < 1 ? ` opacity="${opacity}"` : "");
  return {
    line(points, s) {
      const path = points.map((part) => `M${part.map(([x, y]) => `${number(x)} ${number(y)}`).join("L")}${s.closed ? "Z" : ""}`);
      parts.push(`<path d="${path.join("")}" ${style(s)}/>`);
    },
    circle(x, y, radius, s) {
      parts.push(`<circle cx="${number(x)}" cy="${number(y)}" r="${radius}" ${style(s)}/>`);
    },
    text(x, y, content, { size = 12, align = "left", baseline = "middle", turned = false, colour, halo }) {
      const anchor = { left: "start", center: "middle", right: "end" }[align];
      const shift = { middle: size * 0.35, top: size * 0.8, bottom: -size * 0.2, alphabetic: 0 }[baseline];
      const turn = turned ? ` transform="rotate(-90 ${number(x)} ${number(y)})"` : "";
      const around = halo ? ` stroke="${halo}" stroke-width="3" paint-order="stroke"` : "";
      parts.push(
        `<text x="${number(x)}" y="${number(y + (turned ? 0 : shift))}" dy="${turned ? number(shift) : 0}" font-size="${size}" ` +
          `text-anchor="${anchor}" fill="${colour}"${around}${turn}>${escaped(content)}</text>`,
      );
    },
    hatch(x, y, w, h, colour) {
      const lines = [];
      for (let d = -h; d < w; d += 7) lines.push([[x + d, y + h], [x + d + h, y]]);
      this.clip(x, y, w, h, () => this.line(lines, { stroke: colour }));
    },
    image(bitmap, x, y, w, h) {
      parts.push(
        `<image href="${bitmap.toDataURL()}" x="${x}" y="${y}" width="${w}" height="${h}" preserveAspectRatio="none"/>`,
      );
    },
    clip(x, y, w, h, draw) {
      const name = `clip${clips++}`;
      parts.push(`<clipPath id="${name}"><rect x="${x}" y="${y}" width="${w}" height="${h}"/></clipPath><g clip-path="url(#${name})">`);
      draw();
      parts.push("</g>");
    },
    at(x, y, draw) {
      parts.push(`<g transform="translate(${number(x)} ${number(y)})">`);
      draw();
      parts.push("</g>");
    },
    finished: (background) =>
      `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ` +
      `font-family="${escaped(font).replace(/"/g, "'")}"><rect width="100%" height="100%" fill="${background}"/>${parts.join("\n")}</svg>\n`,
  };
}

// The frame of a plot: where data coordinates lie, and its axes with ticks and names.
export function frame(width, height, x, y, { size, measure }, margins = {}) {
  const left = margins.left ?? size * 4.4;
  const bottom = margins.bottom ?? size * 3.3;
  const right = margins.right ?? size * 0.8;
  const top = margins.top ?? size * 0.8;
  const [w, h] = [Math.max(width - left - right, 10), Math.max(height - top - bottom, 10)];
  const lin = (v, [low, high]) => (v - low) / (high - low);
  return {
    left, top, w, h, x, y, size, measure, width,
    px: (v) => left + w * lin(v, x),
    py: (v) => top + h * (1 - lin(v, y)),
    ax: (px) => x[0] + ((px - left) / w) * (x[1] - x[0]),
    ay: (py) => y[0] + (1 - (py - top) / h) * (y[1] - y[0]),
    holds: (px, py) => px >= left - 1 && px <= left + w + 1 && py >= top - 1 && py <= top + h + 1,
  };
}

const MOST_TICKS = 7;

// The room that the labels of an axis upwards need, and its name beside them.
export function roomLeft({ size, measure }, ...axes) {
  const labels = axes.flatMap((axis) => toldApart(niceTicks(...axis, MOST_TICKS)));
  const widest = Math.max(...labels.map((label) => measure(label, size)));
  return size * Math.max(4.4, Math.ceil(2 * (1.7 + (widest + 8) / size)) / 2);
}

export function drawAxes(pen, f, names, ink, { mostX = MOST_TICKS, mostY = MOST_TICKS } = {}) {
  const { left, top, w, h, size } = f;
  const box = [[left, top], [left, top + h], [left + w, top + h], [left + w, top]];
  pen.line([box], { stroke: ink.quiet, closed: true });
  for (const { tick, label, wide } of ticksAcross(f, mostX)) {
    const x = f.px(tick);
    pen.line([[[x, top + h], [x, top + h + 4]]], { stroke: ink.quiet });
    const inside = Math.min(x, f.width - wide / 2 - 1);
    pen.text(inside, top + h + 6, label, { size, align: "center", baseline: "top", colour: ink.ink });
  }
  const upwards = niceTicks(...f.y, Math.min(mostY, fitting(h, size * 3)));
  toldApart(upwards).forEach((label, k) => {
    const y = f.py(upwards[k]);
    pen.line([[[left - 4, y], [left, y]]], { stroke: ink.quiet });
    pen.text(left - 6, y, label, { size, align: "right", colour: ink.ink });
  });
  if (names.x) pen.text(left + w / 2, top + h + size * 2.1, names.x, { size, align: "center", baseline: "top", colour: ink.ink });
  if (names.y) pen.text(size * 0.8, top + h / 2, names.y, { size, align: "center", turned: true, colour: ink.ink });
}

function fitting(room, each) {
  return Math.max(2, Math.min(MOST_TICKS, Math.floor(room / each)));
}

// As many ticks across as have room for their labels: {tick, label, wide}.
function ticksAcross({ x, w, size, measure }, most) {
  for (let count = Math.min(most, fitting(w, size * 5)); ; count--) {
    const ticks = niceTicks(...x, count);
    const labels = toldApart(ticks);
    const wide = labels.map((label) => measure(label, size));
    const gap = ticks.length > 1 ? (w * (ticks[1] - ticks[0])) / (x[1] - x[0]) : Infinity;
    if (count === 1 || Math.max(...wide) + 0.6 * size <= gap) return ticks.map((tick, k) => ({ tick, label: labels[k], wide: wide[k] }));
  }
}

// Curves that may lie on each other are told apart by their dashes too.
export function dashOf(k) {
  return [[], [7, 3], [2, 3], [7, 3, 2, 3]][k % 4];
}

// Entries of a legend {text, colour, dash}, without a colour a text alone, in as many rows as their width asks for.
function flowed(entries, width, { size, measure }) {
  let [x, row] = [0, 0];
  return entries.map((entry) => {
    const sign = entry.colour ? 1.9 * size : 0;
    const wide = sign + measure(entry.text, size) + size;
    if (x > 0 && x + wide - size > width) [x, row] = [0, row + 1];
    const place = { ...entry, x, row, sign };
    x += wide;
    return place;
  });
}

// The room above a plot for its legend.
export function roomAbove(entries, width, view) {
  return view.size * (0.6 + 1.5 * (1 + Math.max(0, ...flowed(entries, width, view).map(({ row }) => row))));
}

export function drawLegend(pen, f, entries, ink) {
  const { size } = f;
  for (const { text, colour, dash, x, row, sign } of flowed(entries, f.width - f.left, f)) {
    const [left, y] = [f.left + x, size * (1 + 1.5 * row)];
    if (colour) pen.line([[[left, y], [left + 1.5 * size, y]]], { stroke: colour, thick: 2.5, dash });
    pen.text(left + sign, y, text, { size, colour: ink.ink });
  }
}
