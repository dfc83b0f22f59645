import { assertEquals } from "@std/assert";
import { within } from "../deadline.ts";
import { Lines } from "./lines.ts";

const REPOSITORY = new URL("../../", import.meta.url);
const START_WITHIN_MS = 15_000;

/** The command line program as its users start it, on a port that the system picks. */
export class BrokerProcess {
  readonly port: number;
  readonly stderr: Lines;
  readonly #child: Deno.ChildProcess;
  #stopped: Promise<void> | undefined;

  private constructor(child: Deno.ChildProcess, stderr: Lines, port: number) {
    this.#child = child;
    this.stderr = stderr;
    this.port = port;
  }

  static async start(options: readonly string[] = []): Promise<BrokerProcess> {
    const child = spawn(["serve", "--listen", "mqtt://127.0.0.1:0", ...options]);
    const stderr = new Lines(child.stderr);
    try {
      const [line = ""] = await stderr.matching(
        /^.*listening on mqtt:\/\/127\.0\.0\.1:(?=\d)/,
        1,
        START_WITHIN_MS,
      );
      return new BrokerProcess(child, stderr, Number.parseInt(line));
    } catch (error) {
      await kill(child, stderr);
      throw error;
    }
  }

  /** Where it listens besides, as it says so itself. */
  async url(scheme: "mqtts" | "ws" | "wss"): Promise<string> {
    const [line = ""] = await this.stderr.matching(new RegExp(`^.*listening on (?=${scheme}:)`));
    const [url = ""] = line.split(" ");
    return url;
  }

  /** Asks the program to stop as a service manager does, and expects that it does so in time; a second call is the same. */
  stop(signal: "SIGTERM" | "SIGINT" = "SIGTERM"): Promise<void> {
    this.#stopped ??= this.#stop(signal);
    return this.#stopped;
  }

  /** Ends the program as a crash does; there is nothing to stop then. */
  async kill(): Promise<void> {
    this.#stopped = kill(this.#child, this.stderr);
    await this.#stopped;
  }

  async #stop(signal: "SIGTERM" | "SIGINT"): Promise<void> {
    this.#child.kill(signal);
    try {
      const status = await within(this.#child.status, "the broker to stop");
      await this.stderr.ended;
      assertEquals(status.code, 0, `exit code after ${signal}: ${this.stderr.received.join("\n")}`);
    } catch (error) {
      await this.kill();
      throw error;
    }
  }
}

/** A broker for the time of one test; what it logged is shown when the test fails. */
export async function withBroker(
  run: (broker: BrokerProcess) => Promise<void>,
  options: readonly string[] = [],
): Promise<void> {
  const broker = await BrokerProcess.start(options);
  try {
    await run(broker);
  } catch (error) {
    await broker.kill();
    console.error(broker.stderr.received.slice(-40).join("\n"));
    throw error;
  }
  await broker.stop();
}

function spawn(args: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "mod.ts", ...args],
    cwd: REPOSITORY,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
}

async function kill(child: Deno.ChildProcess, stderr: Lines): Promise<void> {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended by itself.
  }
  await child.status;
  await stderr.ended;
}
