import { Program } from "../cli/program.ts";
import { DurableClient } from "./durable_client.ts";
import { FLOOD_TOPIC } from "./flood.ts";
import type { SlowStorageFigures } from "./slow_storage.ts";

interface SlowBrokerFigures extends SlowStorageFigures {
  readonly connections: number;
  /** Memory that is in use, without what only waits to be collected. */
  readonly heldBytes: number;
}

/** A broker on a slow storage in a process of its own, with a session that is offline and gets all of a flood. */
export class SlowBroker implements AsyncDisposable {
  readonly port: number;
  readonly #program: Program;
  #asked = 0;

  private constructor(program: Program, port: number) {
    this.#program = program;
    this.port = port;
  }

  static async start(changesPerSecond: number): Promise<SlowBroker> {
    const program = await Program.listening([`${changesPerSecond}`], {
      script: "tests/durability/stalling_broker.ts",
      permissions: ["-A", "--v8-flags=--expose-gc"],
    });
    const broker = new SlowBroker(program, await program.port());
    const subscriber = new DurableClient("subscriber", 4);
    await subscriber.connect(broker.port);
    await subscriber.subscribe(FLOOD_TOPIC, 1);
    await subscriber.drop();
    return broker;
  }

  get pid(): number {
    return this.#program.pid;
  }

  /** Has no commit come through for so long; gives a time at which that has begun. */
  async stall(ms: number): Promise<number> {
    await this.#program.tell(`stall ${ms}`);
    await this.figures();
    return performance.now();
  }

  async figures(): Promise<SlowBrokerFigures> {
    this.#asked += 1;
    await this.#program.tell("figures");
    const lines = await this.#program.stdout.matching(/^(?=\{)/, this.#asked, 20_000);
    return JSON.parse(lines.at(-1) ?? "");
  }

  kill(): void {
    this.#program.kill("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
  }
}
