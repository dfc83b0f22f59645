import { Program, type ProgramOptions } from "../cli/program.ts";

/** A database file in a folder of its own, for the time of one test, and brokers on it. */
export class KvFile implements AsyncDisposable {
  readonly path: string;

  private constructor(readonly folder: string) {
    this.path = `${folder}/brooklet.kv`;
  }

  static async create(): Promise<KvFile> {
    return new KvFile(await Deno.makeTempDir({ prefix: "brooklet" }));
  }

  /** Arguments of a broker that keeps its sessions here. */
  get args(): string[] {
    return ["serve", "--listen", "mqtt://127.0.0.1:0", "--storage", `kv:${this.path}`];
  }

  /** A broker on it, as soon as it listens. */
  listening(options?: ProgramOptions): Promise<Program> {
    return Program.listening(this.args, options);
  }

  /** The files of the database that are there, with their sizes. */
  async files(): Promise<{ readonly path: string; readonly bytes: number }[]> {
    const files = [];
    for await (const { name } of Deno.readDir(this.folder)) {
      const path = `${this.folder}/${name}`;
      files.push({ path, bytes: (await Deno.stat(path)).size });
    }
    return files;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}
