const CLOCK_TICKS_A_SECOND = 100;
const KILOBYTE = 1_024;

/** Figures of a process from the system (Linux). */
export interface ProcessFigures {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
}

/** Reads the figures; `undefined` if there is no such process, or the system does not provide them. */
export async function processFigures(pid: number): Promise<ProcessFigures | undefined> {
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
