// Level lines of a grid by marching squares, and the zero curves of the direction, each point of which is refined.

// Polylines [[alpha, theta], ...] where `values` (alpha by alpha) cross `level`; cells with a corner that is no number
// have none. `refined(alpha, theta, onAlpha)` may move a point along its edge, or return null where there is none.
export function contourLines(values, alphas, thetas, level, refined = null) {
  const width = thetas.length;
  const at = (i, j) => values[i * width + j] - level;
  const points = new Map();
  const links = new Map();

  // An edge is named by its lower corner and whether it runs along alpha.
  const edge = (i, j, alongAlpha) => {
    const name = 2 * (i * width + j) + (alongAlpha ? 1 : 0);
    if (!points.has(name)) {
      const a = at(i, j);
      const b = alongAlpha ? at(i + 1, j) : at(i, j + 1);
      const t = a === b ? 0.5 : a / (a - b);
      let alpha = alphas[i];
      let theta = thetas[j];
      if (alongAlpha) alpha += t * (alphas[i + 1] - alphas[i]);
      else theta += t * (thetas[j + 1] - thetas[j]);
      points.set(name, refined ? refined({ alpha, theta, i, j, alongAlpha }) : [alpha, theta]);
    }
    return name;
  };
  const link = (a, b) => {
    if (points.get(a) === null || points.get(b) === null) return;
    if (!links.has(a)) links.set(a, []);
    if (!links.has(b)) links.set(b, []);
    links.get(a).push(b);
    links.get(b).push(a);
  };

  for (let i = 0; i + 1 < alphas.length; i++) {
    for (let j = 0; j + 1 < width; j++) {
      const corners = [at(i, j), at(i + 1, j), at(i + 1, j + 1), at(i, j + 1)];
      if (!corners.every(Number.isFinite)) continue;
      const above = corners.map((x) => x > 0);
      const edges = [];
      if (above[0] !== above[1]) edges.push(edge(i, j, true));
      if (above[1] !== above[2]) edges.push(edge(i + 1, j, false));
      if (above[2] !== above[3]) edges.push(edge(i, j + 1, true));
      if (above[3] !== above[0]) edges.push(edge(i, j, false));
      if (edges.length === 2) link(edges[0], edges[1]);
      if (edges.length === 4) {
        // A saddle: the middle tells which corners belong together.
        const joined = (corners[0] + corners[1] + corners[2] + corners[3] > 0) === above[0];
        link(edges[0], edges[joined ? 1 : 3]);
        link(edges[2], edges[joined ? 3 : 1]);
      }
    }
  }
  return chains(points, links);
}

// The lines that the links make: those with ends first, then the closed ones.
function chains(points, links) {
  const lines = [];
  const left = new Map([...links].map(([name, others]) => [name, [...others]]));
  const walk = (start) => {
    const line = [points.get(start)];
    let here = start;
    for (;;) {
      const next = left.get(here).pop();
      if (next === undefined) break;
      const back = left.get(next);
      back.splice(back.indexOf(here), 1);
      line.push(points.get(next));
      here = next;
    }
    if (line.length > 1) lines.push(line);
  };
  for (const [name, others] of left) if (others.length === 1) walk(name);
  for (const [name, others] of left) if (others.length > 0) walk(name);
  return lines;
}

// The curves on which the direction is zero: pieces that attract (a positive slope) and that repel.
// A point is refined along its edge by the Illinois rule; where the direction jumps over zero there is no point.
export function zeroCurves(program, alphas, thetas, p) {
  const out = new Float64Array(3);
  const direction = (alpha, theta) => {
    program.jet(alpha, theta, p, out);
    return out[1];
  };
  const values = new Float64Array(alphas.length * thetas.length);
  let k = 0;
  for (const alpha of alphas) for (const theta of thetas) values[k++] = direction(alpha, theta);

  const slopes = new Map();
  const refined = ({ i, j, alongAlpha }) => {
    const f = alongAlpha ? (x) => direction(x, thetas[j]) : (x) => direction(alphas[i], x);
    const ends = alongAlpha ? [alphas[i], alphas[i + 1]] : [thetas[j], thetas[j + 1]];
    const at = (x) => (alongAlpha ? [x, thetas[j]] : [alphas[i], x]);
    const x = illinois(f, ends[0], ends[1]);
    if (x === null) return null;
    const found = at(x);
    direction(...found);
    slopes.set(found, out[2]);
    return found;
  };
  const pieces = [];
  for (const line of contourLines(values, alphas, thetas, 0, refined)) {
    let piece = { points: [line[0]], attracting: slopes.get(line[0]) > 0 };
    for (const next of line.slice(1)) {
      const attracting = slopes.get(next) > 0;
      piece.points.push(next);
      if (attracting !== piece.attracting) {
        pieces.push(piece);
        piece = { points: [next], attracting };
      }
    }
    if (piece.points.length > 1) pieces.push(piece);
  }
  return pieces;
}

// A zero of f between a and b, whose values have two signs; null where f jumps over zero instead (Dowell and Jarratt 1971).
function illinois(f, a, b) {
  let [fa, fb] = [f(a), f(b)];
  if (fa === 0) return a;
  if (fb === 0) return b;
  if (!(fa * fb < 0)) return null;
  const size = Math.max(Math.abs(fa), Math.abs(fb));
  for (let k = 0; k < 60; k++) {
    const x = (a * fb - b * fa) / (fb - fa);
    const fx = f(x);
    if (fx === 0) return x;
    if (!Number.isFinite(fx)) return null;
    if (fx * fb < 0) {
      a = b;
      fa = fb;
    } else fa /= 2;
    b = x;
    fb = fx;
    // Four roundings of x, or of the value beside those at the ends.
    if (Math.abs(b - a) <= 4 * Number.EPSILON * Math.max(Math.abs(a), Math.abs(b))) break;
    if (Math.abs(fb) <= 4 * Number.EPSILON * size) break;
  }
  return Math.abs(fb) <= 1e-6 * size ? b : null;
}
