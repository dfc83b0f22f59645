import { within } from "../deadline.ts";
import { Lines } from "../interop/lines.ts";

/** Debian's mosquitto at a Unix socket, with files of its own. */
export class Mosquitto implements AsyncDisposable {
  readonly path: string;
  readonly #folder: string;
  readonly #child: Deno.ChildProcess;
  readonly #stderr: Lines;

  private constructor(folder: string) {
    this.#folder = folder;
    this.path = `${folder}/mqtt`;
    this.#child = new Deno.Command("mosquitto", {
      args: ["-c", `${folder}/mosquitto.conf`],
      env: { PATH: `${Deno.env.get("PATH")}:/usr/sbin` },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#stderr = new Lines(this.#child.stderr);
  }

  /** Starts it; undefined: it does not start with these files. `settings` name them below `FOLDER`. */
  static async start(
    settings: readonly string[],
    files: Readonly<Record<string, string>>,
    beforeListener: readonly string[] = [],
  ): Promise<Mosquitto | undefined> {
    const folder = await Deno.makeTempDir();
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${folder}/${name}`, text);
    const lines = [
      ...beforeListener,
      `listener 0 ${folder}/mqtt`,
      "user root", // Where it is root it would become a user who cannot write to the folder.
      "log_dest stderr",
      "log_type all",
      ...settings.map((line) => line.replaceAll("FOLDER", folder)),
    ];
    await Deno.writeTextFile(`${folder}/mosquitto.conf`, lines.join("\n"));
    const mosquitto = new Mosquitto(folder);
    // Its output ends when it does not start.
    const running = mosquitto.#stderr.matching(/mosquitto version .* running/, 1, 10_000);
    if (await running.then(() => true, () => false)) return mosquitto;
    await mosquitto[Symbol.asyncDispose]();
    return undefined;
  }

  /** Puts another text into one of its files, and has it read its files again. */
  async reload(name: string, text: string): Promise<void> {
    await Deno.writeTextFile(`${this.#folder}/${name}`, text);
    this.#child.kill("SIGHUP");
    await this.#stderr.matching(/Reloading config/);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await within(this.#child.status, "mosquitto to end");
    await this.#stderr.ended;
    await Deno.remove(this.#folder, { recursive: true });
  }
}
