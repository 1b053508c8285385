// Level lines of a grid by marching squares, and the zero curves of the direction, each point of which is refined.

// Polylines [[alpha, theta], ...] where `values` (alpha by alpha) cross `level`; cells with a corner that is no number
// have none. `refined(edge)` may move a point along its edge, or return null where there is none.
function contourLines(values, alphas, thetas, level, refined = null) {
  const width = thetas.length;
  // The number of the point on each edge, once it is known: an edge is named by its lower corner and its axis.
  const numbers = new Int32Array(2 * alphas.length * width).fill(-1);
  const points = [];
  const links = [];

  const pointOn = (i, j, alongAlpha) => {
    const corner = i * width + j;
    const name = 2 * corner + (alongAlpha ? 1 : 0);
    if (numbers[name] >= 0) return numbers[name];
    const a = values[corner] - level;
    const b = values[alongAlpha ? corner + width : corner + 1] - level;
    const t = a === b ? 0.5 : a / (a - b);
    const alpha = alongAlpha ? alphas[i] + t * (alphas[i + 1] - alphas[i]) : alphas[i];
    const theta = alongAlpha ? thetas[j] : thetas[j] + t * (thetas[j + 1] - thetas[j]);
    links.push([]);
    return (numbers[name] = points.push(refined ? refined({ i, j, alongAlpha }) : [alpha, theta]) - 1);
  };
  const link = (a, b) => {
    if (points[a] === null || points[b] === null) return;
    links[a].push(b);
    links[b].push(a);
  };

  for (let i = 0; i + 1 < alphas.length; i++) {
    for (let j = 0; j + 1 < width; j++) {
      const corner = i * width + j;
      const a = values[corner] - level;
      const b = values[corner + width] - level;
      const c = values[corner + width + 1] - level;
      const d = values[corner + 1] - level;
      if (a > 0 === b > 0 && b > 0 === c > 0 && c > 0 === d > 0) continue;
      if (![a, b, c, d].every(Number.isFinite)) continue;
      const crossed = [];
      if (a > 0 !== b > 0) crossed.push(pointOn(i, j, true));
      if (b > 0 !== c > 0) crossed.push(pointOn(i + 1, j, false));
      if (c > 0 !== d > 0) crossed.push(pointOn(i, j + 1, true));
      if (d > 0 !== a > 0) crossed.push(pointOn(i, j, false));
      if (crossed.length === 2) link(crossed[0], crossed[1]);
      else {
        // A saddle: the middle tells which corners belong together.
        const joined = a + b + c + d > 0 === a > 0;
        link(crossed[0], crossed[joined ? 1 : 3]);
        link(crossed[2], crossed[joined ? 3 : 1]);
      }
    }
  }
  return chains(points, links);
}

// The values of a surface, and its level lines.
export function surface(program, alphas, thetas, p, quantity, levels) {
  const values = grid(program, alphas, thetas, p, quantity);
  return { values, contours: levels.map((level) => ({ level, lines: contourLines(values, alphas, thetas, level) })) };
}

// The lines that the links make: those with ends first, then the closed ones.
function chains(points, links) {
  const lines = [];
  const walk = (start) => {
    const line = [points[start]];
    for (let here = start; links[here].length > 0; ) {
      const next = links[here].pop();
      links[next].splice(links[next].indexOf(here), 1);
      line.push(points[next]);
      here = next;
    }
    lines.push(line);
  };
  links.forEach((others, start) => others.length === 1 && walk(start));
  links.forEach((others, start) => others.length > 0 && walk(start));
  return lines;
}

// The curves on which the direction is zero: pieces that attract (a positive slope) and that repel.
// A point is refined along its edge; where the direction jumps over zero there is no point.
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
    const { x, jumps } = crossing(f, ends[0], ends[1]);
    if (jumps) return null;
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
