// The engine as the page sees it: promises, on two workers, or in the page itself where workers are not to be had.

// `text` is the script of the engine, which ends in a call of serve; `answer` does the same work here.
export function createEngine(text, answer) {
  const queue = [];
  const running = new Map();
  let nextId = 0;
  const workers = [];
  try {
    const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    for (let i = 0; i < 2; i++) {
      const worker = new Worker(url);
      worker.busy = false;
      worker.onmessage = ({ data: { id, result, error } }) => {
        worker.busy = false;
        const { resolve, reject } = running.get(id);
        running.delete(id);
        if (error === undefined) resolve(result);
        else reject(new Error(error));
        turn();
      };
      worker.onerror = (event) => {
        event.preventDefault();
        workers.length = 0;
        for (const [, job] of running) queue.unshift(job);
        running.clear();
        turn();
      };
      workers.push(worker);
    }
  } catch {
    workers.length = 0;
  }

  function turn() {
    if (workers.length === 0) {
      if (queue.length > 0 && !turn.waiting) {
        turn.waiting = true;
        setTimeout(() => {
          turn.waiting = false;
          const job = queue.shift();
          if (!job) return;
          try {
            job.resolve(answer(job.request));
          } catch (error) {
            job.reject(error);
          }
          turn();
        });
      }
      return;
    }
    // A channel is never asked twice at once: of two workers the one that was asked first might answer last.
    const isFree = (job) => ![...running.values()].some((other) => other.channel === job.channel);
    for (const worker of workers) {
      const next = worker.busy ? -1 : queue.findIndex(isFree);
      if (next < 0) continue;
      const [job] = queue.splice(next, 1);
      const id = nextId++;
      worker.busy = true;
      running.set(id, job);
      worker.postMessage({ ...job.request, id });
    }
  }

  return {
    // The latest request of a channel takes the place of one that still waits, whose promise gives null.
    request(channel, kind, request) {
      return new Promise((resolve, reject) => {
        const k = queue.findIndex((job) => job.channel === channel);
        if (k >= 0) queue.splice(k, 1)[0].resolve(null);
        queue.push({ channel, request: { ...request, kind }, resolve, reject });
        turn();
      });
    },
    inWorkers: () => workers.length > 0,
  };
}
