import { unreachable } from "../codec/packet.ts";
import { ConnectLoad } from "./connect_load.ts";
import { FlowLoad } from "./flow_load.ts";
import { LoadError } from "./load_connection.ts";
import type { Job, JobResult, Load } from "./load_plan.ts";
import { RetainedLoad } from "./retained_load.ts";

/** Request to a thread. */
export interface ThreadRequest {
  readonly call: "open" | "run" | "result" | "close";
  readonly job: Job;
}

/** Answer of a thread: a result, or an error. */
export interface ThreadAnswer {
  readonly call: ThreadRequest["call"];
  readonly result?: JobResult | void;
  readonly error?: string;
  /** Whether the error is one for the user. */
  readonly isExpected?: boolean;
}

/** Makes the load for a job, in this thread. */
export function loadOf(job: Job): Load {
  switch (job.kind) {
    case "flow":
      return new FlowLoad(job);
    case "connect":
    case "idle":
      return new ConnectLoad(job);
    case "retained":
      return new RetainedLoad(job);
    default:
      return unreachable(job);
  }
}

/** Load that runs in a thread of its own. */
export class ThreadLoad {
  readonly #worker: Worker;
  readonly #job: Job;
  #waiting: PromiseWithResolvers<JobResult | void> | undefined;

  constructor(job: Job) {
    this.#job = job;
    this.#worker = new Worker(new URL("./load_worker.ts", import.meta.url), { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<ThreadAnswer>) => {
      const { result, error, isExpected } = data;
      if (error === undefined) this.#waiting?.resolve(result);
      else this.#waiting?.reject(isExpected ? new LoadError(error) : new Error(error));
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#waiting?.reject(new Error(`A thread of the load has failed: ${event.message}`));
    };
  }

  async open(): Promise<void> {
    await this.#ask("open");
  }

  async run(): Promise<void> {
    await this.#ask("run");
  }

  async result(): Promise<JobResult> {
    const result = await this.#ask("result");
    if (result === undefined) throw new Error("A thread of the load has no result");
    return result;
  }

  close(): void {
    this.#worker.terminate();
  }

  #ask(call: ThreadRequest["call"]): Promise<JobResult | void> {
    this.#waiting = Promise.withResolvers();
    this.#worker.postMessage({ call, job: this.#job } satisfies ThreadRequest);
    return this.#waiting.promise;
  }
}
