import { assertEquals } from "@std/assert";
import { within } from "../deadline.ts";
import { Lines } from "./lines.ts";

/** A client in a process of its own. It prints a line for each thing that happens to it. */
export class ClientProgram implements AsyncDisposable {
  readonly lines: Lines;
  readonly #child: Deno.ChildProcess;

  constructor(command: string, args: readonly string[], options: Pick<Deno.CommandOptions, "cwd" | "env"> = {}) {
    this.#child = new Deno.Command(command, {
      ...options,
      args: [...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.lines = new Lines(this.#child.stdout);
  }

  /** All it printed, when it has ended by itself. */
  async output(deadlineMs?: number): Promise<readonly string[]> {
    const { code } = await within(this.#child.status, "the client to end", deadlineMs);
    await this.lines.ended;
    assertEquals(code, 0, this.lines.received.join("\n"));
    return this.lines.received;
  }

  /** Ends its input: the programs that wait for it leave with DISCONNECT. */
  async leave(): Promise<readonly string[]> {
    await this.#child.stdin.close();
    return await this.output();
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.kill();
    } catch {
      // It has ended by itself.
    }
    await this.#child.status;
    await this.lines.ended;
    await this.#child.stdin.close().catch(() => {}); // It may be closed already, or broken.
  }
}
