// The outer loop: from one start, down the direction of an algorithm, as optax does it.

// {thetas, values, end: {words, step}}; "momentum" is optax.sgd(rate, momentum=0.9), "adam" optax.adam(rate).
export function descent(program, alpha, theta, p, { optimizer = "plain", learningRate = 0.1, numSteps = 200 } = {}) {
  const out = new Float64Array(3);
  const update = optimizers[optimizer](learningRate);
  const thetas = [theta];
  const values = [];
  const ended = (words, step) => ({ thetas: Float64Array.from(thetas), values: Float64Array.from(values), end: { words, step } });
  for (let k = 0; k < numSteps; k++) {
    program.jet(alpha, theta, p, out);
    values.push(out[0]);
    if (!Number.isFinite(out[0]) || !Number.isFinite(out[1])) return ended("overflowed", k);
    theta += update(out[1]);
    thetas.push(theta);
  }
  program.jet(alpha, theta, p, out);
  values.push(out[0]);
  if (!Number.isFinite(out[0]) || !Number.isFinite(out[1])) return ended("overflowed", numSteps);
  // It is still when a whole step moves it by no more than a thousandth of a thousandth of where it is.
  const still = Math.abs(learningRate * out[1]) <= 1e-6 * Math.max(Math.abs(theta), 1e-3);
  const where = out[2] > 0 ? "at a point that attracts" : out[2] < 0 ? "at a point that repels" : "where all is flat";
  return ended(still ? `still, ${where}` : "still moving", numSteps);
}

const optimizers = {
  plain: (rate) => (g) => -rate * g,
  momentum: (rate) => {
    let trace = 0;
    return (g) => {
      trace = g + 0.9 * trace;
      return -rate * trace;
    };
  },
  adam: (rate) => {
    let [m, v, k] = [0, 0, 0];
    return (g) => {
      k += 1;
      m = 0.9 * m + 0.1 * g;
      v = 0.999 * v + 0.001 * g * g;
      return (-rate * (m / (1 - 0.9 ** k))) / (Math.sqrt(v / (1 - 0.999 ** k)) + 1e-8);
    };
  },
};
