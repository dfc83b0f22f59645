import type { Program } from "../cli/program.ts";
import { within } from "../deadline.ts";
import { DurableClient } from "./durable_client.ts";
import type { KvFile } from "./kv_file.ts";

const SESSIONS = 5;
const WINDOW = 20;
const READ_WITHIN_MS = 10_000;
const END = "end";

/** Messages in one order in a database, for sessions in turn, and for every tenth message all of them. */
export class NumberedMessages {
  readonly #count: number;

  private constructor(count: number) {
    this.#count = count;
  }

  /** Has a broker keep them, which is killed then. */
  static async keep(file: KvFile, count: number, payloadBytes: number): Promise<NumberedMessages> {
    await using program: Program = await file.listening();
    const port = await program.port();
    for (let session = 0; session < SESSIONS; session++) {
      const client = new DurableClient(`session${session}`, 5);
      await client.connect(port);
      await client.subscribe(`to/${session}`, 1);
      await client.subscribe("to/all", 1);
      await client.drop();
    }
    const all = Promise.withResolvers<void>();
    let published = 0;
    const publish = () => {
      const topic = published % 10 === 9 ? "to/all" : `to/${published % SESSIONS}`;
      publisher.publish(topic, `${published} `.padEnd(payloadBytes, "x"), 1);
      published += 1;
    };
    const publisher = new DurableClient("publisher", 4, {
      acknowledged: () => {
        if (published < count) publish();
        else if (publisher.unacknowledged === 0) all.resolve();
      },
    });
    await publisher.connect(port, { cleanStart: true });
    while (published < Math.min(WINDOW, count)) publish();
    await within(all.promise, "all PUBACK", 60_000);
    program.kill("SIGKILL");
    await program.ended();
    await publisher.ended();
    return new NumberedMessages(count);
  }

  /**
   * What a broker has of them: whether all of them, and otherwise one that is missing although a later one is there. Without
   * a session none was kept.
   */
  async read(port: number): Promise<{ readonly isWhole: boolean; readonly missing: number | undefined }> {
    const found: Set<number>[] = [];
    for (let session = 0; session < SESSIONS; session++) found.push(await this.#readSession(port, session));
    let isWhole = true;
    let firstMissing: number | undefined;
    for (let number = 0; number < this.#count; number++) {
      const recipients = number % 10 === 9 ? found : [found[number % SESSIONS]];
      const isThere = recipients.some((numbers) => numbers?.has(number));
      if (isThere && firstMissing !== undefined) return { isWhole: false, missing: firstMissing };
      if (recipients.some((numbers) => !numbers?.has(number))) {
        isWhole = false;
        firstMissing ??= number;
      }
    }
    return { isWhole, missing: undefined };
  }

  async #readSession(port: number, session: number): Promise<Set<number>> {
    const numbers = new Set<number>();
    const end = Promise.withResolvers<void>();
    const client = new DurableClient(`session${session}`, 5, {
      message: ({ payload }) => {
        const [text = ""] = new TextDecoder().decode(payload.subarray(0, 10)).split(" ", 1);
        if (text === END) end.resolve();
        else numbers.add(Number(text));
      },
    });
    const { sessionPresent } = await client.connect(port);
    if (sessionPresent) {
      client.publish(`to/${session}`, END, 1); // Behind all that is queued.
      await within(end.promise, `the messages of session ${session}`, READ_WITHIN_MS);
    }
    await client.drop();
    return numbers;
  }
}
