import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { checkServerCertificate, completedChain } from "../../src/transport/tls/certificates.ts";
import { authority, identity } from "../certificates/certificates.ts";
import { within } from "../deadline.ts";
import { programTests } from "../interop/interop_tests.ts";
import { EchoTlsServer } from "./echo_tls_server.ts";

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const [LEAF = "", ...BETWEEN] = blocks(identity("server").certificate);

Deno.test("completedChain() adds who signs a certificate up to the root, whatever else is there (RFC 8446, section 4.4.2)", () => {
  const others = [identity("client_foreign").certificate, authority(), ...BETWEEN.toReversed()].join("\n");
  assertEquals(blocks(completedChain(LEAF, others)), [LEAF, ...BETWEEN]);
  assertEquals(blocks(completedChain([LEAF, ...BETWEEN].join("\n"), others)), [LEAF, ...BETWEEN]);
  assertEquals(blocks(completedChain(LEAF, authority())), [LEAF]);
  assertThrows(() => completedChain(LEAF, "nothing"), TypeError, "Cannot use chain: it is not a list of certificates");
});

Deno.test("A client that trusts the root alone takes a completed chain, and not the certificate by itself", async () => {
  const { key } = identity("server");
  const connect = async (certificate: string) => {
    await using server = new EchoTlsServer({ certificate, key });
    return await within(server.connected({}), "the handshake"); // The server ends it.
  };
  await assertRejects(() => connect(LEAF));
  const client = await connect(completedChain(LEAF, [...BETWEEN, authority()].join("\n")));
  assertEquals(client.authorized, true);
});

programTests(["openssl"])("checkServerCertificate() refuses an RSA key that TLS does not take", () => {
  assertThrows(() => checkServerCertificate(rsa1024()), TypeError, "its RSA key has 1024 bits, and TLS needs 2048");
  checkServerCertificate(identity("server"));
  return Promise.resolve();
});

/** A certificate of its own, made by OpenSSL. */
function rsa1024(): { certificate: string; key: string } {
  const args = "req -x509 -newkey rsa:1024 -nodes -keyout - -days 10 -subj /CN=localhost".split(" ");
  const { stdout } = new Deno.Command("openssl", { args, stderr: "null" }).outputSync();
  const pem = new TextDecoder().decode(stdout);
  return { certificate: pem, key: /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----/.exec(pem)?.[0] ?? "" };
}

function blocks(pem: string): string[] {
  return pem.match(BLOCK) ?? [];
}
