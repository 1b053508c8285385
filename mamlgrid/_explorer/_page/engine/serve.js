// The engine behind messages: {id, kind, meta, k, p, ...} in, {id, result} or {id, error} out.

const handlers = {
  grid: (r, f) => ({ values: grid(f, r.alphas, r.thetas, r.p, r.quantity) }),
  zeroCurves: (r, f) => zeroCurves(f, r.alphas, r.thetas, r.p),
  contours: (r) => r.levels.map((level) => ({ level, lines: contourLines(r.values, r.alphas, r.thetas, level) })),
  section: (r, f) => section(f, r.alphas, r.thetas, r.p),
  point: (r, f) => point(f, r.alpha, r.theta, r.p),
  taskLosses: (r, f) => taskLosses(f, r.thetas, r.p),
  optimum: (r, f) => optimum(f, r.alphas, r.thetas, r.p),
  folds: (r, f) => folds(f, r.alphas, r.thetas, r.p),
  flats: (r, f) => flats(f, r.alphas, r.thetas, r.p),
  descent: (r, f) => descent(f, r.alpha, r.theta, r.p, r.settings),
  regret: (r, f, g) => regret(f, g, r.alphas, r.thetas, r.p),
  climbing: (r, f, g) => ({ mask: climbing(f, g, r.alphas, r.thetas, r.p) }),
};

// What answers a request, with the programs of `programOf(meta, k)`.
export function answering(programOf) {
  return (request) => {
    const { kind, meta, k, reference } = request;
    const f = meta === undefined ? null : programOf(meta, k);
    const g = reference === undefined ? null : programOf(reference.meta, reference.k);
    return handlers[kind](request, f, g);
  };
}

// In a worker: answer what comes.
export function serve(scope, programOf) {
  const answer = answering(programOf);
  scope.onmessage = ({ data }) => {
    try {
      scope.postMessage({ id: data.id, result: answer(data) });
    } catch (error) {
      scope.postMessage({ id: data.id, error: String(error) });
    }
  };
}
