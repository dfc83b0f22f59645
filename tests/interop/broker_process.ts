import { assertEquals } from "@std/assert";
import { withoutDashboard } from "../cli/without_dashboard.ts";
import { within } from "../deadline.ts";
import { LogFile } from "./log_file.ts";
import type { Address } from "./raw_client.ts";

const REPOSITORY = new URL("../../", import.meta.url);
const START_WITHIN_MS = 15_000;

/** A broker as one test sees it. */
export interface TestBroker extends Address {
  readonly pid: number;
  /** What it logged since the test began. */
  readonly stderr: LogFile;
  /** Where it listens besides, as it says so itself. */
  url(scheme: "mqtts" | "ws" | "wss"): Promise<string>;
  /** A topic, Topic Filter or Client Identifier that no other test uses at this broker. */
  named(name: string): string;
}

/** The command line program as its users start it, on a port that the system picks. */
export class BrokerProcess implements TestBroker {
  readonly pid: number;
  readonly port: number;
  readonly stderr: LogFile;
  readonly #child: Deno.ChildProcess;
  #stopped: Promise<void> | undefined;
  #tests = 0;

  private constructor(child: Deno.ChildProcess, stderr: LogFile, port: number) {
    this.#child = child;
    this.pid = child.pid;
    this.stderr = stderr;
    this.port = port;
  }

  static async start(options: readonly string[] = []): Promise<BrokerProcess> {
    const stderr = await LogFile.create();
    const child = spawn(["serve", "--listen", "mqtt://127.0.0.1:0", ...options], stderr.path);
    try {
      const [line = ""] = await Promise.race([
        stderr.matching(/^.*listening on mqtt:\/\/127\.0\.0\.1:(?=\d)/, 1, START_WITHIN_MS),
        child.status.then(() => Promise.reject(new Error(`It has ended:\n${stderr.received.join("\n")}`))),
      ]);
      return new BrokerProcess(child, stderr, Number.parseInt(line));
    } catch (error) {
      await kill(child, stderr);
      throw error;
    }
  }

  async url(scheme: "mqtts" | "ws" | "wss"): Promise<string> {
    const [line = ""] = await this.stderr.matching(new RegExp(`^.*listening on (?=${scheme}:)`));
    const [url = ""] = line.split(" ");
    return url;
  }

  /** The name itself: a test that has a process of its own shares no names. */
  named(name: string): string {
    return name;
  }

  /** The same broker for one of several tests: names get a prefix, and the log begins here. */
  forTest(): TestBroker {
    const number = ++this.#tests;
    return {
      pid: this.pid,
      port: this.port,
      stderr: this.stderr.fromHere(),
      url: (scheme) => this.url(scheme),
      named: (name) => `${number}/${name}`,
    };
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
      assertEquals(status.code, 0, `exit code after ${signal}: ${this.stderr.received.join("\n")}`);
    } catch (error) {
      await this.kill();
      throw error;
    }
    await this.stderr.remove();
  }
}

/** A broker for the time of one test; what it logged is shown when the test fails. */
export async function withBroker(
  run: (broker: BrokerProcess) => Promise<void>,
  options: readonly string[] = [],
): Promise<void> {
  const broker = await BrokerProcess.start(options);
  try {
    await showingLog(broker, () => run(broker));
  } catch (error) {
    await broker.kill();
    throw error;
  }
  await broker.stop();
}

/** Shows what a broker logged when this fails. */
export async function showingLog({ stderr }: TestBroker, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    console.error(stderr.received.slice(-40).join("\n"));
    throw error;
  }
}

function spawn(args: readonly string[], log: string): Deno.ChildProcess {
  return new Deno.Command("sh", {
    args: ["-c", 'exec "$@" 2>"$0"', log, Deno.execPath(), "run", "-A", "mod.ts", ...withoutDashboard(args)],
    cwd: REPOSITORY,
    stdin: "null",
    stdout: "null",
    stderr: "null",
    env: { NO_COLOR: "1" },
  }).spawn();
}

async function kill(child: Deno.ChildProcess, stderr: LogFile): Promise<void> {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended by itself.
  }
  await child.status;
  await stderr.remove();
}
