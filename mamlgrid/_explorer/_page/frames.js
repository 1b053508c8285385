// Where each picture lies on its canvas: the ranges of its axes, and the room around it.

import { frame, roomAbove, roomLeft } from "./drawing.js";
import { belowLegend, besideLegend } from "./sections.js";
import { shownMetas, shownTasks } from "./state.js";
import { taskLegend } from "./tasks.js";

const SPACE = { top: 2.1, bar: 6 };

// A surface and the section below it have the same room left and right: their alphas line up.
export function mapFrame(width, height, view) {
  const { alpha, theta } = view.data.axes;
  const { size } = view;
  return frame(width, height, alpha, theta, view, { left: roomOfMap(view), top: size * SPACE.top, right: size * SPACE.bar });
}

export function belowFrame(width, height, view, metas) {
  const [left, right] = [roomOfMap(view), view.size * SPACE.bar];
  const top = roomAbove(belowLegend(view, metas), width - left, view);
  return frame(width, height, view.data.axes.alpha, sectionRange(view, "alongAlpha"), view, { left, right, top });
}

// A surface and the section beside it have the same room above and below: their thetas line up. A narrow screen has all
// surfaces above one section, and it names them in several rows.
export function besideFrame(width, height, view, metas) {
  const { theta } = view.data.axes;
  const left = roomLeft(view, theta);
  const top = view.narrow ? roomAbove(besideLegend(view, metas), width - left, view) : view.size * SPACE.top;
  const margins = { left, top };
  return frame(width, height, sectionRange(view, "alongTheta"), theta, view, margins);
}

export function tasksFrame(width, height, view) {
  const range = lossRange(view);
  const left = roomLeft(view, range);
  const top = roomAbove(taskLegend(view), width - left, view);
  return frame(width, height, view.data.axes.theta, range, view, { left, top });
}

function roomOfMap(view) {
  return roomLeft(view, view.data.axes.theta, sectionRange(view, "alongAlpha"));
}

// All sections have one axis of values, so that they can be compared.
function sectionRange(view, along) {
  return rangeOf(shownMetas(view).flatMap((meta) => finiteOf(view.results.maps[meta]?.[along]?.values)), view);
}

const finiteOf = (values) => Array.from(values ?? []).filter(Number.isFinite);

// Ends of an axis of values: from the lowest to what a tenth of the samples exceed, or a wall that rises far above the
// middle and the point, so that what lies below it can be seen.
function rangeOf(values, view) {
  const sorted = [...values, ...runValues(view)].sort((a, b) => a - b);
  if (sorted.length === 0) return [0, 1];
  const low = fromZero(sorted[0], sorted[sorted.length - 1]);
  const share = (part) => sorted[Math.floor(part * (sorted.length - 1))];
  const value = view.results.point?.value;
  const there = Number.isFinite(value) ? value : low;
  const wall = low + 12 * Math.max(share(0.5) - low, Math.min(there - low, share(0.7) - low));
  const high = Math.min(share(0.9), wall);
  const top = Math.max(high, there - low < 20 * (high - low) ? there : high);
  return [low, low + rounded(1.04 * Math.max(top - low, least(low)))];
}

// Up from zero, unless all is far above it.
function fromZero(low, high) {
  return low > 0 && low > 0.5 * high ? low : Math.min(low, 0);
}

// The shortest axis at a value: below it digits run out.
function least(value) {
  return 1e-9 * Math.abs(value) || Number.MIN_VALUE * 2 ** 60;
}

// The next length that is easy to read: an axis holds still while the point moves a little.
function rounded(length) {
  const power = 10 ** Math.floor(Math.log10(length));
  return power * [1, 1.25, 1.6, 2, 2.5, 3.2, 4, 5, 6.4, 8, 10].find((m) => m * power >= 0.999 * length);
}

function runValues(view) {
  return view.results.descent ? finiteOf(view.results.descent.values.subarray(0, 1)).filter((x) => x < 1e3) : [];
}

// The losses of the tasks near their bottoms, and where the tasks are now.
function lossRange(view) {
  const { taskLosses, point } = view.results;
  if (!taskLosses) return [0, 1];
  const shown = shownTasks(view);
  const all = shown.flatMap((i) => finiteOf(taskLosses.query[i])).sort((a, b) => a - b);
  if (all.length === 0) return [0, 1];
  const low = fromZero(all[0], all[Math.floor(0.6 * (all.length - 1))]);
  const now = point ? shown.map((i) => point.tasks[i]?.value).filter(Number.isFinite) : [];
  const high = Math.max(all[Math.floor(0.6 * (all.length - 1))], ...now.filter((x) => x < all[Math.floor(0.9 * (all.length - 1))]), low + least(low));
  return [low, high + 0.1 * (high - low)];
}
