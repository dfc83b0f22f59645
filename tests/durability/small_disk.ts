import { Program } from "../cli/program.ts";
import { Lines } from "../interop/lines.ts";
import { within } from "../deadline.ts";
import { succeeds } from "../installed.ts";

const FOLDER = "/mnt";
const MOUNT = `mount -t tmpfs -o size="$0" tmpfs ${FOLDER}`;

/** Whether a file system can be mounted in a namespace of its own here. */
export function canMount(): boolean {
  return Deno.build.os === "linux" && succeeds("unshare", ["-rm", "sh", "-c", MOUNT, "1m"]);
}

/** A disk in memory that only its brokers see; it goes with the process that holds it. */
export class SmallDisk implements AsyncDisposable {
  readonly #holder: Deno.ChildProcess;
  readonly #stdout: Lines;

  private constructor(holder: Deno.ChildProcess) {
    this.#holder = holder;
    this.#stdout = new Lines(holder.stdout);
  }

  static async mount(bytes: number): Promise<SmallDisk> {
    const holder = new Deno.Command("unshare", {
      args: ["-rm", "sh", "-c", `${MOUNT} && echo mounted && exec sleep infinity`, `${bytes}`],
      cwd: new URL("../../", import.meta.url), // Which its brokers take over.
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const disk = new SmallDisk(holder);
    await disk.#stdout.matching(/^mounted/);
    return disk;
  }

  /** A broker that keeps its sessions there. */
  listening(): Promise<Program> {
    const under = ["nsenter", "--preserve-credentials", "-U", "-m", "-w", "-t", `${this.#holder.pid}`];
    const args = ["serve", "--listen", "mqtt://127.0.0.1:0", "--storage", `kv:${FOLDER}/brooklet.kv`];
    return Program.listening(args, { under });
  }

  /** Takes all the room that is left. */
  async fill(): Promise<void> {
    const zeros = new Uint8Array(4_096);
    using file = await Deno.open(this.#filler, { write: true, create: true });
    try {
      for (;;) await file.write(zeros);
    } catch {
      // No space left.
    }
  }

  /** Gives it back. */
  async free(): Promise<void> {
    await Deno.remove(this.#filler);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#holder.kill("SIGKILL");
    await within(this.#holder.status, "the disk to go");
    await this.#stdout.ended;
  }

  get #filler(): string {
    return `/proc/${this.#holder.pid}/root${FOLDER}/filler`;
  }
}
