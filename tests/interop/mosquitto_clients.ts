import { assertEquals } from "@std/assert";
import { within } from "../deadline.ts";
import { Lines } from "./lines.ts";
import type { Address } from "./raw_client.ts";

/** mosquitto_sub, subscribed. It prints each message as `> ` and what `format` asks for. */
export class MosquittoSub implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #stdout: Lines;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#stdout = new Lines(child.stdout);
  }

  static async start(broker: Address, args: readonly string[], format = "%p"): Promise<MosquittoSub> {
    const child = new Deno.Command("stdbuf", {
      // Without stdbuf its debug lines, the only sign of being subscribed, stay in its buffer.
      args: ["-oL", "mosquitto_sub", "-p", `${broker.port}`, "-d", "-F", `> ${format}`, ...args],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const subscriber = new MosquittoSub(child);
    try {
      await subscriber.#stdout.matching(/^Subscribed \(mid: /);
    } catch (error) {
      await subscriber[Symbol.asyncDispose]();
      throw error;
    }
    return subscriber;
  }

  /** The first messages since it subscribed, all of them again in each call. */
  messages(count: number, deadlineMs?: number): Promise<string[]> {
    return this.#stdout.matching(/^> /, count, deadlineMs);
  }

  /** The messages before this one. */
  async until(last: string): Promise<string[]> {
    await this.#stdout.matching(new RegExp(`^> ${last}$`));
    const messages = this.#stdout.received.filter((line) => line.startsWith("> "));
    return messages.map((line) => line.slice(2)).filter((message) => message !== last);
  }

  /** It said so itself: it has ended with DISCONNECT. */
  async ended(): Promise<void> {
    const { code } = await within(this.#child.status, "mosquitto_sub to end");
    await this.#stdout.ended;
    assertEquals(code, 0);
  }

  signal(signal: "SIGTERM" | "SIGKILL"): void {
    this.#child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.#child.status;
    await this.#stdout.ended;
  }
}

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** For its standard input. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs one of mosquitto's programs to its end. */
export async function run(
  program: "mosquitto_pub" | "mosquitto_sub" | "mosquitto_rr",
  broker: Address,
  args: readonly string[],
  { input = "", env = {} }: RunOptions = {},
): Promise<Outcome> {
  const child = new Deno.Command(program, {
    args: ["-p", `${broker.port}`, ...args],
    env: { ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = child.output();
  // A program that has ended before it read its input is judged by its exit code.
  const fed = ReadableStream.from([new TextEncoder().encode(input)]).pipeTo(child.stdin)
    .catch(() => {});
  try {
    const { code, stdout, stderr } = await within(output, `${program} ${args.join(" ")}`, 10_000);
    await fed;
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  } catch (error) {
    child.kill("SIGKILL");
    await Promise.all([output, fed]);
    throw error;
  }
}

export async function publish(broker: Address, args: readonly string[], input = ""): Promise<void> {
  const { code, stderr } = await run("mosquitto_pub", broker, args, { input });
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
}
