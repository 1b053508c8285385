// The engine behind messages: lists of {kind, meta, k, p, ...} in, {answers: lists of {result or error}, milliseconds} out.

const handlers = {
  surface: (r, f) => surface(f, r.alphas, r.thetas, r.p, r.quantity, r.levels),
  zeroCurves: (r, f) => zeroCurves(f, r.alphas, r.thetas, r.p),
  section: (r, f) => section(f, r.alphas, r.thetas, r.p),
  point: (r, f) => point(f, r.alpha, r.theta, r.p),
  taskLosses: (r, f) => taskLosses(f, r.thetas, r.p),
  optimum: (r, f) => optimum(f, r.alphas, r.thetas, r.p, r.again),
  folds: (r, f) => folds(f, r.alphas, r.thetas, r.p),
  flats: (r, f) => flats(f, r.alphas, r.thetas, r.p),
  descent: (r, f) => descent(f, r.alpha, r.theta, r.p, r.settings),
  regret: (r, f, g) => regret(f, g, r.alphas, r.thetas, r.p),
  climbing: (r, f, g) => ({ mask: climbing(f, g, r.alphas, r.thetas, r.p) }),
};

// What answers a list of requests, with the programs of `programOf(meta, k)`.
export function answering(programOf) {
  const answer = (request) => {
    const { kind, meta, k, reference } = request;
    try {
      const g = reference === undefined ? null : programOf(reference.meta, reference.k);
      return { result: handlers[kind](request, programOf(meta, k), g) };
    } catch (error) {
      return { error: String(error) };
    }
  };
  return (requests) => {
    const began = performance.now();
    return { answers: requests.map(answer), milliseconds: performance.now() - began };
  };
}

// In a worker: answer what comes.
export function serve(scope, programOf) {
  const answerAll = answering(programOf);
  scope.onmessage = ({ data }) => scope.postMessage(answerAll(data));
}
