import { assertEquals } from "@std/assert";
import { within } from "../deadline.ts";
import { Lines } from "../interop/lines.ts";

const REPOSITORY = new URL("../../", import.meta.url);
const START_WITHIN_MS = 15_000;

/** How to run an example. */
export interface ExampleOptions {
  readonly args?: readonly string[];
  /** For Deno. @default {["-A"]} */
  readonly permissions?: readonly string[];
}

/** An example, or the command line program, as its readers start it, on ports that the system picks. */
export class ExampleProgram implements AsyncDisposable {
  readonly stdout: Lines;
  readonly stderr: Lines;
  readonly #child: Deno.ChildProcess;

  /** Runs a file of the repository. */
  constructor(path: string, { args = [], permissions = ["-A"] }: ExampleOptions = {}) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", ...permissions, path, ...args],
      cwd: REPOSITORY,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      env: { NO_COLOR: "1", PORT: "0", MQTT_PORT: "0", WEB_SOCKET_PORT: "0" },
    }).spawn();
    this.stdout = new Lines(this.#child.stdout);
    this.stderr = new Lines(this.#child.stderr);
  }

  /** The URL of this scheme that it says it listens on, without a slash at its end. */
  async listening(scheme: "http" | "mqtts" | "ws" | "wss", output = this.stderr): Promise<string> {
    const [rest = ""] = await output.matching(new RegExp(`^.*listening on ${scheme}://`, "i"), 1, START_WITHIN_MS);
    return `${scheme}://${/^\S+?(?=\/?(?:\s|$))/.exec(rest)?.[0]}`;
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Waits until it ends by itself; gives its exit code. */
  async ended(): Promise<number> {
    const { code } = await within(this.#child.status, "the example to end", START_WITHIN_MS);
    await Promise.all([this.stdout.ended, this.stderr.ended]);
    return code;
  }

  /** Ends it, and fails where it has ended before. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.kill("SIGKILL");
    } catch {
      // It has ended by itself: the signal below says so.
    }
    const { signal } = await this.#child.status;
    await Promise.all([this.stdout.ended, this.stderr.ended]);
    assertEquals(signal, "SIGKILL", `it ended by itself:\n${this.stderr.received.join("\n")}`);
  }
}
