const LOOK_MS = 100;
const CLOCK_TICKS_A_SECOND = 100;
const KILOBYTE = 1_024;

/** Resources of the broker's process used by a run. Bytes are resident memory. */
export interface BrokerFigures {
  /** Processor time during the load. */
  readonly cpuSeconds: number;
  /** Memory before the first connection, with all connections, at most, and at the end with all connections. */
  readonly bytesBefore: number;
  readonly bytesOpened: number;
  readonly bytesHighest: number;
  readonly bytesEnded: number;
}

/** Watches the process of the broker during a run. Without a process or figures of the system the result is empty. */
export class ProcessWatch {
  readonly #pid: number | undefined;
  #before: ProcessFigures | undefined;
  #opened: ProcessFigures | undefined;
  #highestBytes = 0;
  readonly #timer: ReturnType<typeof setInterval> | undefined;

  private constructor(pid: number | undefined) {
    this.#pid = pid;
    if (pid !== undefined) this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  static async start(pid: number | undefined): Promise<ProcessWatch> {
    const watch = new ProcessWatch(pid);
    watch.#before = await watch.#look();
    return watch;
  }

  /** Called when all connections are open. */
  async opened(): Promise<void> {
    this.#opened = await this.#look();
  }

  /** Called when the load has run, and its connections are still open. */
  async ended(): Promise<BrokerFigures | undefined> {
    const ended = await this.#look();
    if (this.#before === undefined || this.#opened === undefined || ended === undefined) return undefined;
    return {
      cpuSeconds: ended.cpuSeconds - this.#opened.cpuSeconds,
      bytesBefore: this.#before.residentBytes,
      bytesOpened: this.#opened.residentBytes,
      bytesHighest: this.#highestBytes,
      bytesEnded: ended.residentBytes,
    };
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<ProcessFigures | undefined> {
    if (this.#pid === undefined) return undefined;
    const figures = await processFigures(this.#pid);
    this.#highestBytes = Math.max(this.#highestBytes, figures?.residentBytes ?? 0);
    return figures;
  }
}

/** Figures of a process from the system (Linux). */
interface ProcessFigures {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
}

/** Reads the figures; `undefined` if there is no such process, or the system does not provide them. */
async function processFigures(pid: number): Promise<ProcessFigures | undefined> {
  try {
    const [stat, status] = await Promise.all([
      Deno.readTextFile(`/proc/${pid}/stat`),
      Deno.readTextFile(`/proc/${pid}/status`),
    ]);
    // The name of the program is in parentheses and may contain anything; user and system time are fields 14 and 15.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const kilobytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]) * KILOBYTE;
    return {
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_A_SECOND,
      residentBytes: kilobytes("VmRSS"),
    };
  } catch {
    return undefined; // It has ended, or this is another system.
  }
}
