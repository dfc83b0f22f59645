import { assertEquals } from "@std/assert";

/** Makes certificates for one test, in a folder that goes with it. Names are names of files and of subjects. */
export class OpensslAuthority implements AsyncDisposable {
  readonly folder: string;
  readonly #made = new Set<string>();

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async open(): Promise<OpensslAuthority> {
    return new OpensslAuthority(await Deno.makeTempDir());
  }

  /** A self-signed certificate, made once; gives its name. */
  async root(name: string, algorithm = "P-256", extra: readonly string[] = []): Promise<string> {
    if (this.#made.has(name)) return name;
    this.#made.add(name);
    await this.#key(name, algorithm);
    const as = ["-subj", `/CN=${name}`, "-days", "10", "-key", this.path(`${name}.key`)];
    await openssl("req", "-x509", "-new", ...as, "-out", this.path(`${name}.pem`), ...extra);
    return name;
  }

  /** A self-signed certificate as they were before extensions. */
  async version1(name: string): Promise<void> {
    await this.#key(name, "P-256");
    const key = this.path(`${name}.key`);
    await openssl("req", "-new", "-key", key, "-subj", `/CN=${name}`, "-out", this.path("request"));
    await openssl("x509", "-req", "-in", this.path("request"), "-signkey", key, "-out", this.path(`${name}.pem`));
  }

  /** A certificate that another one signs; those of one name have one key. @param extensions one a line */
  async certificate(
    name: string,
    issuer: string,
    extensions: string,
    options: { readonly days?: number | undefined; readonly signing?: readonly string[] | undefined } = {},
  ): Promise<void> {
    const { days = 10, signing = [] } = options;
    const [request, file] = [this.path(`${name}.csr`), this.path("extensions")];
    if (!this.#made.has(name)) {
      this.#made.add(name);
      await this.#key(name, "P-256");
      await openssl("req", "-new", "-key", this.path(`${name}.key`), "-subj", `/CN=${name}`, "-out", request);
    }
    await Deno.writeTextFile(file, extensions);
    const by = ["-CA", this.path(`${issuer}.pem`), "-CAkey", this.path(`${issuer}.key`), "-CAcreateserial"];
    const how = ["-days", `${days}`, "-extfile", file, ...signing];
    await openssl("x509", "-req", "-in", request, ...by, ...how, "-out", this.path(`${name}.pem`));
  }

  path(file: string): string {
    return `${this.folder}/${file}`;
  }

  /** Text of a certificate. */
  pem(name: string): string {
    return Deno.readTextFileSync(this.path(`${name}.pem`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }

  async #key(name: string, algorithm: string): Promise<void> {
    const [kind = "", bits] = algorithm.split("-");
    const how = kind === "P"
      ? ["EC", "-pkeyopt", `ec_paramgen_curve:${algorithm}`]
      : kind === "RSA"
      ? ["RSA", "-pkeyopt", `rsa_keygen_bits:${bits}`]
      : [algorithm];
    await openssl("genpkey", "-out", this.path(`${name}.key`), "-algorithm", ...how);
  }
}

async function openssl(...args: string[]): Promise<void> {
  const { code, stderr } = await new Deno.Command("openssl", { args, stdin: "null", stdout: "null" }).output();
  assertEquals([code, code === 0 ? "" : new TextDecoder().decode(stderr)], [0, ""]);
}
