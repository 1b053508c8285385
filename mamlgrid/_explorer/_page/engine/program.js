// Programs of a page: the meta-losses, with each number of inner steps, as functions of (alpha, theta, p).

// `sources` are functions (n) => ({...}), `metas` what the page says of them; a program is made when it is asked for.
export function programsOf(sources, metas) {
  const made = new Map();
  return (meta, numSteps) => {
    const { variants, path, length, inSteps, numTasks, byTask, mean } = metas[meta];
    const key = `${meta} ${numSteps}`;
    if (!made.has(key)) {
      const part = ([source, lengths]) => sources[source](lengths);
      const parts = { ...part(variants[numSteps]), ...part(path) };
      const program = byTask ? ofAllTasks(parts, numTasks, mean ? 1 / numTasks : 1, length + 1) : parts;
      const failing = inSteps ? "overflows: no number here" : "no number here: the inner problem is not solved, or overflows";
      made.set(key, { ...program, numTasks, stride: length + 1, length: inSteps ? Number(numSteps) : 1, failing });
    }
    return made.get(key);
  };
}

// Programs of one task `i`, for all of them: what is said of their sum is added up, what is said of each is put side by
// side, and `share` is what each counts.
function ofAllTasks(one, numTasks, share, stride) {
  const term = new Float64Array(3);
  const added = (f) => (alpha, theta, p, out) => {
    let [a, b, c] = [0, 0, 0];
    for (let i = 0; i < numTasks; i++) {
      f(alpha, theta, p, term, i);
      a += term[0];
      b += term[1];
      c += term[2];
    }
    out[0] = a * share;
    out[1] = b * share;
    out[2] = c * share;
  };
  const pair = new Float64Array(2);
  const path = new Float64Array(stride);
  return {
    value(alpha, theta, p) {
      let total = 0;
      for (let i = 0; i < numTasks; i++) total += one.value(alpha, theta, p, i);
      return total * share;
    },
    jet: added(one.jet),
    bend: added(one.bend),
    adapted(alpha, theta, p, out) {
      for (let i = 0; i < numTasks; i++) {
        one.adapted(alpha, theta, p, pair, i);
        out[i] = pair[0];
        out[numTasks + i] = pair[1];
      }
    },
    losses(theta, p, out) {
      for (let i = 0; i < numTasks; i++) {
        one.losses(theta, p, pair, i);
        out[i] = pair[0];
        out[numTasks + i] = pair[1];
      }
    },
    steps(alpha, theta, p, out) {
      for (let i = 0; i < numTasks; i++) {
        one.steps(alpha, theta, p, path, i);
        for (let k = 0; k < stride; k++) out[i * stride + k] = path[k];
      }
    },
  };
}

export function linspace(low, high, size) {
  const made = new Float64Array(size);
  for (let i = 0; i < size; i++) made[i] = low + ((high - low) * i) / Math.max(size - 1, 1);
  made[size - 1] = size > 1 ? high : low;
  return made;
}

// Where f, whose values at a and b have two signs, crosses zero between them, to four roundings of x; and whether it jumps
// over zero there, or is no number (the Illinois rule, Dowell and Jarratt 1971).
export function crossing(f, a, b) {
  let [fa, fb] = [f(a), f(b)];
  if (fa === 0) return { x: a, jumps: false };
  if (fb === 0) return { x: b, jumps: false };
  const size = Math.max(Math.abs(fa), Math.abs(fb));
  for (let k = 0; k < 200 && fb !== 0 && Number.isFinite(fa * fb); k++) {
    // Every third step halves: a flat zero is approached from one side only.
    const x = k % 3 === 2 ? (a + b) / 2 : (a * fb - b * fa) / (fb - fa);
    const fx = f(x);
    const moved = Math.abs(x - b);
    if (fx * fb < 0) [a, fa] = [b, fb];
    else fa /= 2;
    [b, fb] = [x, fx];
    if (Math.min(moved, Math.abs(b - a)) <= 4 * Number.EPSILON * Math.abs(b)) break;
  }
  return { x: b, jumps: !(Math.abs(fb) <= 1e-6 * size) };
}

// One quantity at all points, alpha by alpha: "value", "direction" or "slope" (the derivative of the direction).
export function grid(program, alphas, thetas, p, quantity) {
  const made = new Float64Array(alphas.length * thetas.length);
  const out = new Float64Array(3);
  const place = { value: 0, direction: 1, slope: 2 }[quantity];
  let k = 0;
  for (const alpha of alphas) {
    for (const theta of thetas) {
      if (place === 0) made[k++] = program.value(alpha, theta, p);
      else {
        program.jet(alpha, theta, p, out);
        made[k++] = out[place];
      }
    }
  }
  return made;
}

// Along one axis at a fixed place on the other: values, and the directions beside them.
export function section(program, alphas, thetas, p) {
  const size = Math.max(alphas.length, thetas.length);
  const values = new Float64Array(size);
  const directions = new Float64Array(size);
  const out = new Float64Array(3);
  for (let i = 0; i < size; i++) {
    program.jet(alphas[Math.min(i, alphas.length - 1)], thetas[Math.min(i, thetas.length - 1)], p, out);
    values[i] = out[0];
    directions[i] = out[1];
  }
  return { values, directions };
}

// Everything at one point: what the reader points at.
export function point(program, alpha, theta, p) {
  const jet = new Float64Array(3);
  const adapted = new Float64Array(2 * program.numTasks);
  const steps = new Float64Array(program.numTasks * program.stride);
  program.jet(alpha, theta, p, jet);
  program.adapted(alpha, theta, p, adapted);
  program.steps(alpha, theta, p, steps);
  const tasks = [];
  for (let i = 0; i < program.numTasks; i++) {
    const first = i * program.stride;
    const path = Array.from(steps.subarray(first, first + program.length + 1));
    tasks.push({ value: adapted[i], direction: adapted[program.numTasks + i], path });
  }
  const finite = jet.every(Number.isFinite);
  const status = finite ? "finite" : program.failing;
  return { alpha, theta, value: jet[0], direction: jet[1], slope: jet[2], status, tasks };
}

// The losses of the tasks over theta: [numTasks] arrays of the loss that adapts, and of the loss that judges.
export function taskLosses(program, thetas, p) {
  const out = new Float64Array(2 * program.numTasks);
  const made = { support: [], query: [] };
  for (let i = 0; i < program.numTasks; i++) {
    made.support.push(new Float64Array(thetas.length));
    made.query.push(new Float64Array(thetas.length));
  }
  thetas.forEach((theta, k) => {
    program.losses(theta, p, out);
    for (let i = 0; i < program.numTasks; i++) {
      made.support[i][k] = out[i];
      made.query[i][k] = out[program.numTasks + i];
    }
  });
  return made;
}
