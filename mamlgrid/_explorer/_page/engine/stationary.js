// Zeros of the direction at one alpha, the optimum over all alphas, and what happens to it: jumps, folds, flat places.

const EPS = Number.EPSILON;
const UNRESOLVED = "not resolved: more samples of theta find a lower one";
const EQUAL = "the two values are equal to rounding over a stretch of alpha";

// The zeros of the direction on a row, in the order of theta:
// {theta, value, slope, kind: "attracting" | "repelling" | "flat", confirmed, reason}.
export function row(program, alpha, thetas, p) {
  return looked(program, alpha, thetas, p).zeros;
}

// The zeros of a row, and a function that says what is a usual value on it.
function looked(program, alpha, thetas, p) {
  const out = new Float64Array(3);
  const jet = (theta) => {
    program.jet(alpha, theta, p, out);
    return [out[0], out[1], out[2]];
  };
  const samples = Array.from(thetas, jet);
  if (samples.length > 1 && samples.every(([, g]) => g === 0)) {
    const middle = thetas[thetas.length >> 1];
    return { zeros: [described(middle, jet(middle), false, "the direction is zero for every theta: all are as good")], usual: () => 0 };
  }
  const brackets = [];
  for (let k = 0; k + 1 < samples.length; k++) {
    const [a, b] = [thetas[k], thetas[k + 1]];
    const [[, ga, sa], [, gb, sb]] = [samples[k], samples[k + 1]];
    if (ga === 0) brackets.push([a, a]);
    else if (ga * gb < 0) brackets.push([a, b]);
    else if (gb !== 0 && sa * sb < 0 && ga * sa < 0) {
      // The direction turns back towards zero between two samples: it may cross zero there and back.
      const turn = bisect((t) => jet(t)[2], a, b);
      if (jet(turn)[1] * ga <= 0) brackets.push([a, turn], [turn, b]);
    }
    if (k + 2 === samples.length && gb === 0) brackets.push([b, b]);
  }
  const usual = () => middleOf(samples.map(([value]) => Math.abs(value)));
  return { zeros: brackets.map(([a, b]) => zero(jet, a, b)), usual };
}

// What rounding leaves of a value: a step of the inner loop is rounded to eps, and a loss that is flat at its bottom
// turns that into the root of the value times eps, or at the bottom itself into the square of eps.
function roundingOf(value, usual) {
  const size = Math.abs(value);
  return 64 * EPS * (size + Math.sqrt(size * usual) + EPS * usual) + Number.MIN_VALUE;
}

function zero(jet, a, b) {
  const { x, jumps } = crossing((theta) => jet(theta)[1], a, b);
  return described(x, jet(x), !jumps, jumps ? "the direction jumps over zero here" : null);
}

function described(theta, [value, , slope], confirmed, reason) {
  const kind = slope > 0 ? "attracting" : slope < 0 ? "repelling" : "flat";
  return { theta, value, slope, kind, confirmed, reason };
}

function bisect(f, a, b) {
  const sign = f(a) > 0;
  for (let k = 0; k < 60 && b - a > 2 * EPS * Math.max(Math.abs(a), Math.abs(b)); k++) {
    const middle = (a + b) / 2;
    if (f(middle) > 0 === sign) a = middle;
    else b = middle;
  }
  return (a + b) / 2;
}

// The lowest attracting zero of a row, or end of the theta axis: {theta, value, status}; of several that are as low, the
// one nearest to `near`.
export function lowest(program, alpha, thetas, p, near = NaN) {
  const { zeros, usual } = looked(program, alpha, thetas, p);
  if (zeros.length === 1 && !zeros[0].confirmed && zeros[0].slope === 0) {
    return { theta: NaN, value: zeros[0].value, status: "flat: every theta is as good" };
  }
  const candidates = zeros.filter((z) => z.kind !== "repelling" && z.confirmed).map((z) => ({ ...z, status: "optimum" }));
  const out = new Float64Array(3);
  const [low, high] = [thetas[0], thetas[thetas.length - 1]];
  for (const [theta, inwards] of [[low, 1], [high, -1]]) {
    program.jet(alpha, theta, p, out);
    const status = "at the end of the theta axis";
    if (out[1] * inwards > 0) candidates.push({ theta, value: out[0], slope: out[2], status });
  }
  if (candidates.length === 0) return { theta: NaN, value: NaN, status: "no number: the direction overflows" };
  candidates.sort((a, b) => a.value - b.value);
  const [best] = candidates;
  const size = candidates.length > 1 ? usual() : 0;
  const tied = candidates.filter(({ value }) => value - best.value <= roundingOf(value, size));
  const distance = ({ theta }) => Math.abs(theta - near);
  const chosen = tied.reduce((a, b) => (distance(b) < distance(a) ? b : a));
  return { theta: chosen.theta, value: best.value, status: tied.length > 1 ? "tied" : best.status };
}

// The optimum at each alpha, and its jumps. With `again` each row is looked at with twice as many samples too: where
// these find a lower one, the optimum is not resolved.
export function optimum(program, alphas, thetas, p, again = false) {
  const best = [];
  const denser = again ? linspace(thetas[0], thetas[thetas.length - 1], 2 * thetas.length - 1) : null;
  for (const alpha of alphas) {
    const near = best[best.length - 1]?.theta;
    const found = lowest(program, alpha, thetas, p, near);
    const other = again ? lowest(program, alpha, denser, p, near) : found;
    const resolved = !(other.value < found.value - 1e-9 * Math.abs(found.value));
    best.push(resolved ? other : { ...other, status: UNRESOLVED });
  }
  const step = (thetas[thetas.length - 1] - thetas[0]) / (thetas.length - 1);
  const jumps = [];
  for (let k = 0; k + 1 < best.length; k++) {
    const [one, other] = [best[k], best[k + 1]];
    if (!(Math.abs(other.theta - one.theta) > 2 * step)) continue;
    const unresolved = [one, other].some(({ status }) => status === UNRESOLVED);
    if (unresolved || (one.status === "tied" && other.status === "tied")) {
      const alpha = (alphas[k] + alphas[k + 1]) / 2;
      jumps.push({ alpha, below: one.theta, above: other.theta, confirmed: false, reason: unresolved ? UNRESOLVED : EQUAL });
    } else {
      const found = jump(program, [alphas[k], alphas[k + 1]], [one.theta, other.theta], thetas, p);
      if (found) jumps.push(found);
    }
  }
  return {
    thetas: Float64Array.from(best, ({ theta }) => theta),
    values: Float64Array.from(best, ({ value }) => value),
    status: best.map(({ status }) => status),
    resolved: best.map(({ status }) => status !== UNRESOLVED),
    jumps,
  };
}

// The alpha between two at which the optimum goes from one valley to another: halve until only the two valleys are left,
// then solve for equal values. null where the optimum is continuous, only steep.
function jump(program, [low, high], [below, above], thetas, p) {
  const gap = Math.abs(above - below);
  for (let k = 0; k < 24; k++) {
    const middle = (low + high) / 2;
    const { theta } = lowest(program, middle, thetas, p);
    if (Math.abs(theta - below) <= Math.abs(theta - above)) [low, below] = [middle, theta];
    else [high, above] = [middle, theta];
    if (Math.abs(above - below) < gap / 2 ** 6) return null;
  }
  const reason = (text) => ({ alpha: (low + high) / 2, below, above, confirmed: false, reason: text });
  // Beside what is usual for this alpha both values are zero, and which is lower says nothing.
  const usual = middleOf(Array.from(thetas, (theta) => Math.abs(program.value(low, theta, p))));
  const both = Math.max(program.value(low, below, p), program.value(high, above, p));
  if (both <= 64 * EPS * EPS * usual) return reason("both values are zero but for rounding");
  // A valley may end before the other is as low: then it is where it ends, in a fold.
  const ends = () => {
    for (let k = 0; k < 40 && high - low > 2 * EPS * Math.max(Math.abs(low), Math.abs(high)); k++) {
      const middle = (low + high) / 2;
      const { theta } = lowest(program, middle, thetas, p);
      if (Math.abs(theta - below) <= Math.abs(theta - above)) [low, below] = [middle, theta];
      else [high, above] = [middle, theta];
    }
    return { alpha: (low + high) / 2, below, above, confirmed: true, reason: null };
  };
  const valley = (alpha, start) => newton(program, alpha, start, p);
  const difference = (alpha) => {
    const [a, b] = [valley(alpha, below), valley(alpha, above)];
    return a && b ? { by: a.value - b.value, a, b } : null;
  };
  const [first, last] = [difference(low), difference(high)];
  if (!first || !last) return ends();
  // At the low end the valley below wins.
  let [a, b] = [low, high];
  if (!(first.by <= 0 && last.by >= 0)) return reason(EQUAL);
  for (let k = 0; k < 80 && b - a > 2 * EPS * Math.max(Math.abs(a), Math.abs(b)); k++) {
    const middle = (a + b) / 2;
    const there = difference(middle);
    if (!there) return reason("one of the two valleys could not be followed");
    if (there.by <= 0) a = middle;
    else b = middle;
  }
  const there = difference(a);
  return { alpha: (a + b) / 2, below: there.a.theta, above: there.b.theta, confirmed: true, reason: null };
}

function middleOf(values) {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}

// A zero of the direction near a start that is close; null where the iteration leaves or does not settle.
function newton(program, alpha, theta, p) {
  const out = new Float64Array(3);
  for (let k = 0; k < 30; k++) {
    program.jet(alpha, theta, p, out);
    const step = out[1] / out[2];
    if (!Number.isFinite(step) || !(out[2] > 0)) return null;
    theta -= step;
    if (Math.abs(step) <= 4 * EPS * Math.max(Math.abs(theta), EPS)) break;
  }
  program.jet(alpha, theta, p, out);
  return Number.isFinite(out[0]) ? { theta, value: out[0] } : null;
}

// Folds: where an attracting and a repelling zero meet and vanish, G = 0 and dG/dtheta = 0, by Newton's iteration in the
// plane from every pair that is missing in the next row.
export function folds(program, alphas, thetas, p) {
  const rows = Array.from(alphas, (alpha) => row(program, alpha, thetas, p));
  const found = [];
  for (let k = 0; k + 1 < rows.length; k++) {
    if (rows[k].length === rows[k + 1].length) continue;
    const [more, at] = rows[k].length > rows[k + 1].length ? [rows[k], alphas[k]] : [rows[k + 1], alphas[k + 1]];
    const reach = alphas[k + 1] - alphas[k];
    for (let j = 0; j + 1 < more.length; j++) {
      const fold = foldNear(program, at, (more[j].theta + more[j + 1].theta) / 2, p);
      if (!fold || fold.alpha < alphas[k] - reach / 8 || fold.alpha > alphas[k + 1] + reach / 8) continue;
      if (fold.theta < thetas[0] || fold.theta > thetas[thetas.length - 1]) continue;
      const same = (other) => Math.hypot(other.alpha - fold.alpha, other.theta - fold.theta) < 1e-6 * reach;
      if (!found.some(same)) found.push(fold);
    }
  }
  return found;
}

function foldNear(program, alpha, theta, p) {
  const [jet, bend] = [new Float64Array(3), new Float64Array(3)];
  for (let k = 0; k < 40; k++) {
    program.jet(alpha, theta, p, jet);
    program.bend(alpha, theta, p, bend);
    const [, g, gt] = jet;
    const [gtt, ga, gta] = bend;
    const determinant = ga * gtt - gt * gta;
    const inAlpha = (g * gtt - gt * gt) / determinant;
    const inTheta = (ga * gt - gta * g) / determinant;
    if (!Number.isFinite(inAlpha) || !Number.isFinite(inTheta)) return null;
    alpha -= inAlpha;
    theta -= inTheta;
    const size = Math.max(Math.abs(alpha), Math.abs(theta), EPS);
    if (Math.abs(inAlpha) + Math.abs(inTheta) <= 8 * EPS * size) {
      // Where G hardly bends, or does not depend on alpha, three zeros meet or two curves cross: no fold.
      const regular = Math.abs(gtt * ga) > 1e-8 * (gta * gta + gtt * gtt);
      return { alpha, theta, confirmed: regular, reason: regular ? null : "more than two stationary points meet here" };
    }
  }
  return null;
}

// Alphas at which the direction vanishes for every theta, beside its size one step of alpha further.
export function flats(program, alphas, thetas, p) {
  const out = new Float64Array(3);
  const steepest = (alpha) => {
    let most = 0;
    for (const theta of thetas) {
      program.jet(alpha, theta, p, out);
      if (!(Math.abs(out[1]) <= most)) most = Math.abs(out[1]);
    }
    return most;
  };
  const sizes = Array.from(alphas, steepest);
  const found = [];
  for (let k = 1; k + 1 < sizes.length; k++) {
    if (!(sizes[k] <= sizes[k - 1] && sizes[k] < sizes[k + 1])) continue;
    const alpha = goldenSection(steepest, alphas[k - 1], alphas[k + 1]);
    // A minimum is known to the root of rounding only.
    if (steepest(alpha) <= 1e-7 * Math.min(sizes[k - 1], sizes[k + 1])) found.push({ alpha, confirmed: true, reason: null });
  }
  return found;
}

// The minimum of a function with one valley between a and b (Kiefer 1953).
function goldenSection(f, a, b) {
  const ratio = (Math.sqrt(5) - 1) / 2;
  let [c, d] = [b - ratio * (b - a), a + ratio * (b - a)];
  let [fc, fd] = [f(c), f(d)];
  for (let k = 0; k < 90; k++) {
    if (fc < fd) {
      [b, d, fd] = [d, c, fc];
      c = b - ratio * (b - a);
      fc = f(c);
    } else {
      [a, c, fc] = [c, d, fd];
      d = a + ratio * (b - a);
      fd = f(d);
    }
  }
  return (a + b) / 2;
}

// What it costs to go where `program` goes: the value of `reference` there, less its optimum, at each alpha.
export function regret(program, reference, alphas, thetas, p) {
  const values = Float64Array.from(alphas, (alpha) => {
    const there = lowest(program, alpha, thetas, p);
    const best = lowest(reference, alpha, thetas, p);
    return Number.isFinite(there.theta) ? reference.value(alpha, there.theta, p) - best.value : NaN;
  });
  let largest = null;
  values.forEach((value, k) => {
    if (Number.isFinite(value) && (largest === null || value > largest.value)) largest = { alpha: alphas[k], value };
  });
  return { values, largest };
}

// 1 where the direction of `program` climbs the value of `reference`, whose own direction is its gradient.
export function climbing(program, reference, alphas, thetas, p) {
  const [ours, theirs] = [new Float64Array(3), new Float64Array(3)];
  const mask = new Uint8Array(alphas.length * thetas.length);
  let k = 0;
  for (const alpha of alphas) {
    for (const theta of thetas) {
      program.jet(alpha, theta, p, ours);
      reference.jet(alpha, theta, p, theirs);
      mask[k++] = ours[1] * theirs[1] < 0 ? 1 : 0;
    }
  }
  return mask;
}
