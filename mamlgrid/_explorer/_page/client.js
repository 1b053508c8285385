// The engine as the page sees it: promises, on two workers, or in the page itself where workers are not to be had.

// Each kind of request has its worker, so that a channel is answered in the order in which it is asked. What waits for a
// worker goes there in one message: for each message the page must take a turn, and its pictures wait meanwhile.
const FIRST = new Set(["surface", "zeroCurves", "climbing", "folds"]);

// `text` is the script of the engine, which ends in a call of serve; `answerAll` does the same work here.
export function createEngine(text, answerAll) {
  const lanes = [0, 1].map(() => ({ waiting: [], running: null, worker: null }));
  let spent = 0;

  function turn(lane) {
    if (lane.running !== null || lane.waiting.length === 0) return;
    lane.running = lane.waiting.splice(0, lane.worker ? lane.waiting.length : 1);
    const requests = lane.running.map((job) => job.request);
    if (lane.worker) lane.worker.postMessage(requests);
    else setTimeout(() => finish(lane, answerAll(requests)));
  }

  function finish(lane, { answers, milliseconds }) {
    spent += milliseconds;
    const jobs = lane.running;
    lane.running = null;
    jobs.forEach(({ resolve, reject }, k) => {
      const { result, error } = answers[k];
      if (error === undefined) resolve(result);
      else reject(new Error(error));
    });
    turn(lane);
  }

  function withoutWorkers() {
    for (const lane of lanes) {
      lane.worker?.terminate(); // what it may still answer is asked again
      lane.worker = null;
      lane.waiting.unshift(...(lane.running ?? []));
      lane.running = null;
      turn(lane);
    }
  }

  try {
    const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    for (const lane of lanes) {
      lane.worker = new Worker(url);
      lane.worker.onmessage = ({ data }) => finish(lane, data);
      lane.worker.onerror = (event) => {
        event.preventDefault();
        withoutWorkers();
      };
    }
  } catch {
    withoutWorkers();
  }

  return {
    // The latest request of a channel takes the place of one that still waits, whose promise gives null: its place in the
    // queue too, or what is asked again and again would never be answered.
    request(channel, kind, request) {
      const lane = lanes[FIRST.has(kind) ? 0 : 1];
      return new Promise((resolve, reject) => {
        const job = { channel, request: { ...request, kind }, resolve, reject };
        const k = lane.waiting.findIndex((other) => other.channel === channel);
        if (k < 0) lane.waiting.push(job);
        else lane.waiting.splice(k, 1, job)[0].resolve(null);
        queueMicrotask(() => turn(lane));
      });
    },
    // Milliseconds of work so far.
    spent: () => spent,
  };
}
