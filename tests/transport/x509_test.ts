import { X509Certificate } from "node:crypto";
import { assertEquals, assertThrows } from "@std/assert";
import { subjectOf } from "../../src/transport/tls/x509.ts";
import { certificatePath } from "../certificates/certificates.ts";
import { programTests } from "../interop/interop_tests.ts";

const SERVER = new X509Certificate(Deno.readTextFileSync(certificatePath("server.pem"))).raw;
const FORGED = new X509Certificate(Deno.readTextFileSync(certificatePath("client_control_character.pem"))).raw;

/** As `openssl req -subj` takes them, with `-multivalue-rdn`. */
const SUBJECTS: readonly string[] = [
  "/CN=sensor-1",
  "/C=DE/ST=Berlin/L=Berlin/O=Plant/OU=Hall 1/OU=Line 2/CN=sensor-1/emailAddress=a@example.com",
  '/O=Acme, Inc. <"a;b">/CN=a\\+b\\\\c',
  "/CN=#1 /O= a/OU= ",
  "/CN=Fühler 温度 😀",
  "/DC=com/DC=example/UID=u1+CN=both/serialNumber=77/title=Dr/SN=Doe/GN=Jane/initials=JD/pseudonym=x/name=y",
  "/CN=a=b/description=x/street=S 1/postalCode=1/generationQualifier=Jr/dnQualifier=q",
];

programTests(["openssl"])(
  "The subject of a certificate is written as OpenSSL and mosquitto write it (RFC 2253)",
  async () => {
    const folder = await Deno.makeTempDir();
    try {
      for (const subject of SUBJECTS) {
        const file = `${folder}/a.pem`;
        const key = [
          "-x509",
          "-newkey",
          "ec",
          "-pkeyopt",
          "ec_paramgen_curve:P-256",
          "-nodes",
          "-keyout",
          `${folder}/a.key`,
        ];
        await openssl("req", ...key, "-utf8", "-subj", subject, "-out", file);
        const said = await openssl("x509", "-in", file, "-noout", "-subject", "-nameopt", "RFC2253");
        const { raw } = new X509Certificate(await Deno.readTextFile(file));
        assertEquals(`subject=${subjectOf(raw)}\n`, said);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

Deno.test("A line end in a Common Name does not look like another part of the subject", () => {
  assertEquals(subjectOf(FORGED), "CN=sensor\\0A1");
});

Deno.test("subjectOf() throws RangeError for a certificate that is cut anywhere, and for nothing", () => {
  for (let length = 0; length < SERVER.length; length++) {
    assertThrows(() => subjectOf(SERVER.subarray(0, length)), RangeError, "Cannot read a certificate: ");
  }
});

Deno.test("subjectOf() gives a text or an error for a certificate with any other byte", () => {
  for (let at = 0; at < SERVER.length; at++) {
    const changed = new Uint8Array(SERVER);
    changed[at] = (changed[at] ?? 0) ^ 0xff;
    try {
      assertEquals(/^[\x20-\x7e]*$/.test(subjectOf(changed)), true);
    } catch (error) {
      const isExpected = error instanceof RangeError || error instanceof TypeError;
      if (!isExpected) throw error;
    }
  }
});

async function openssl(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("openssl", { args }).output();
  assertEquals([code, code === 0 ? "" : new TextDecoder().decode(stderr)], [0, ""]);
  return new TextDecoder().decode(stdout);
}
