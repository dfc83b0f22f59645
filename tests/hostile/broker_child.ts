import type { BrokerMetrics, Limits } from "../../mod.ts";
import { Program } from "../cli/program.ts";
import { assertEquals } from "@std/assert";

interface ChildMetrics extends BrokerMetrics {
  /** Memory that is in use, without what only waits to be collected. */
  readonly heldBytes: number;
  /** The longest time since it was asked last for which its event loop was held. */
  readonly stallMs: number;
}

/** A broker with limits of its own in a process of its own. */
export class BrokerChild implements AsyncDisposable {
  readonly program: Program;
  readonly port: number;
  #asked = 0;

  private constructor(program: Program, port: number) {
    this.program = program;
    this.port = port;
  }

  /** With a path: on that database, otherwise in memory; with so many access rules. */
  static async start(limits: Partial<Limits> = {}, path = "", rules = 0): Promise<BrokerChild> {
    const program = await Program.listening([JSON.stringify(limits), path, `${rules}`], {
      script: "tests/hostile/limited_broker.ts",
      permissions: ["-A", "--v8-flags=--expose-gc"],
    });
    return new BrokerChild(program, await program.port());
  }

  async metrics(): Promise<ChildMetrics> {
    this.#asked += 1;
    await this.program.tell("metrics");
    const lines = await this.program.stdout.matching(/^(?=\{)/, this.#asked);
    return JSON.parse(lines.at(-1) ?? "");
  }

  /** It has met no defect of its own. */
  async assertSound(): Promise<void> {
    await this.metrics();
    assertEquals(this.program.stderr.received.filter((line) => line.includes("rror")), []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
  }
}

/** Whether the sizes of processes can be read here; the tests that need it are left out elsewhere. */
export const CAN_MEASURE = Deno.build.os === "linux";

/** What is measured stands in the output of the tests. */
export function printFigure(text: string): void {
  console.log(`figure: ${text}`);
}
