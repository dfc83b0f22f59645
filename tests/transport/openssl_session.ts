import { certificatePath } from "../certificates/certificates.ts";
import { within } from "../deadline.ts";

/** A client that keeps the session of its last connection and offers it in the next one. */
export class OpensslSession implements AsyncDisposable {
  readonly #file: string;
  readonly #args: readonly string[];

  private constructor(file: string, args: readonly string[]) {
    this.#file = file;
    this.#args = args;
  }

  /** @param shown path of a certificate and its key without their endings, or a name of one of the tests */
  static async open(version: "1.2" | "1.3", shown?: string, chain: readonly string[] = []): Promise<OpensslSession> {
    const path = shown?.startsWith("/") ? shown : certificatePath(shown ?? "");
    const own = shown === undefined ? [] : ["-cert", `${path}.pem`, "-key", `${path}.key`, ...chain];
    const versions = version === "1.2" ? ["-tls1_2"] : ["-tls1_3"];
    return new OpensslSession(await Deno.makeTempFile(), [
      ...versions,
      ...own,
      "-CAfile",
      certificatePath("authority.pem"),
    ]);
  }

  forget(): void {
    Deno.truncateSync(this.#file);
  }

  /** Says whether the session was reused, and whether the server answered as expected or closed. */
  async connect(port: number, sent = "hello\n", expected = "hello"): Promise<string> {
    const kept = Deno.statSync(this.#file).size > 0 ? ["-sess_in", this.#file] : [];
    const args = ["s_client", "-connect", `127.0.0.1:${port}`, ...this.#args, ...kept, "-sess_out", this.#file];
    const client = new Deno.Command("openssl", { args, stdin: "piped", stdout: "piped", stderr: "null" }).spawn();
    const input = client.stdin.getWriter();
    await input.write(new TextEncoder().encode(sent));
    let said = "";
    const reading = (async () => {
      for await (const text of client.stdout.pipeThrough(new TextDecoderStream()).values({ preventCancel: true })) {
        said += text;
        if (said.includes(expected)) await input.close().catch(() => {}); // It ends then.
      }
    })();
    await within(Promise.all([reading, client.status]), "openssl to end", 10_000);
    await input.close().catch(() => {}); // It may be closed.
    return `${/^(New|Reused), TLS/m.exec(said)?.[1]?.toLowerCase()}, ${said.includes(expected) ? "echo" : "closed"}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#file);
  }
}
