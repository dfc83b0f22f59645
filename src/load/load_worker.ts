import { loadOf, type ThreadAnswer, type ThreadRequest } from "./thread_load.ts";
import type { Load } from "./load_plan.ts";
import { LoadError } from "./load_connection.ts";

/** Worker for a load in a thread of its own: executes the calls of {@linkcode ThreadLoad}. */

/** Globals of a worker; the type library of documents does not fit workers. */
interface WorkerScope {
  onmessage: (event: MessageEvent<ThreadRequest>) => void;
  postMessage(answer: ThreadAnswer): void;
}

const scope = globalThis as unknown as WorkerScope; // This file is only ever run as a worker.
const worker: { load: Load | undefined } = { load: undefined };

scope.onmessage = ({ data }) => {
  answer(data).then(
    (result) => scope.postMessage({ call: data.call, result }),
    (error) => {
      const isExpected = error instanceof LoadError;
      scope.postMessage({ call: data.call, error: isExpected ? error.message : String(error?.stack), isExpected });
    },
  );
};

async function answer({ call, job }: ThreadRequest) {
  const load = worker.load ??= loadOf(job);
  switch (call) {
    case "open":
      return await load.open();
    case "run":
      return await load.run();
    case "result":
      return load.result();
    case "close":
      return load.close();
  }
}
