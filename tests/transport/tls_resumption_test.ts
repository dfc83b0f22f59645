/**
 * Sessions of TLS that are resumed, by `openssl s_client`: clients of the runtime resume none that they are given. All
 * listeners of a process take each other's tickets, and a ticket comes before a refusal (Deno 2.9.6).
 */

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { authority, identity } from "../certificates/certificates.ts";
import { programTests } from "../interop/interop_tests.ts";
import { EchoTlsServer } from "./echo_tls_server.ts";
import { OpensslAuthority } from "./openssl_authority.ts";
import { OpensslSession } from "./openssl_session.ts";

const test = programTests(["openssl"]);
const FOREIGN = identity("client_foreign").certificate; // It has signed nothing that tests use.
const YEAR_MS = 31_557_600_000;

for (const version of ["1.2", "1.3"] as const) {
  const asking = (clientAuthority = authority(), requireCertificate = true) =>
    new EchoTlsServer({ clientAuthority, requireCertificate });

  test(`A resumed session is let in where its certificate still is, with its name, TLS ${version}`, async () => {
    await using server = asking();
    await using session = await OpensslSession.open(version, "client");
    assertEquals(await session.connect(server.listener.port), "new, echo");
    assertEquals(await session.connect(server.listener.port), "reused, echo");
    assertEquals((await server.accepted()).peer.certificateName, "sensor-1");
  });

  test(`A resumed session is refused by a listener that asks for another authority, TLS ${version}`, async () => {
    await using first = asking();
    await using second = asking(FOREIGN);
    await using optional = asking(FOREIGN, false);
    await using session = await OpensslSession.open(version, "client");
    assertEquals(await session.connect(first.listener.port), "new, echo");
    for (const server of [second, optional]) {
      assertEquals(await session.connect(server.listener.port), "reused, closed");
      assertMatch(await server.failure(), /^the client certificate does not lead to the authority .*; its TLS session/);
    }
    assertEquals(await session.connect(first.listener.port), "reused, echo"); // It harms no other listener.
  });

  test(`A session without a certificate is refused where one is required, TLS ${version}`, async () => {
    await using open = new EchoTlsServer();
    await using server = asking();
    await using session = await OpensslSession.open(version);
    assertEquals(await session.connect(open.listener.port), "new, echo");
    assertEquals(await session.connect(server.listener.port), "reused, closed");
    assertEquals(await server.failure(), "the client gave no certificate");
  });

  for (const name of ["client_expired", "client_foreign", "client_wrong_usage"] as const) {
    test(`A certificate that was refused is refused again in the session that it left, here ${name}, TLS ${version}`, async () => {
      await using server = asking();
      await using session = await OpensslSession.open(version, name);
      assertEquals(await session.connect(server.listener.port), "new, closed");
      const reason = await server.failure();
      assertEquals(await session.connect(server.listener.port), "reused, closed");
      assertMatch(await server.failure(), new RegExp(`^${reason.slice(0, 30)}`));
      assertEquals(server.count, 0);
    });
  }

  test(`A resumed session is refused when its certificate has expired since, TLS ${version}`, async () => {
    await using server = asking();
    await using session = await OpensslSession.open(version, "client");
    assertEquals(await session.connect(server.listener.port), "new, echo");
    const now = Date.now;
    Date.now = () => now() + 101 * YEAR_MS; // The certificates of the tests are for a hundred years.
    try {
      assertEquals(await session.connect(server.listener.port), "reused, closed");
      assertMatch(await server.failure(), /^the client certificate has expired/);
    } finally {
      Date.now = now;
    }
  });

  test(`A resumed session is verified by the authority that reload() has brought, TLS ${version}`, async () => {
    await using server = asking();
    await using session = await OpensslSession.open(version, "client");
    assertEquals(await session.connect(server.listener.port), "new, echo");
    server.listener.reload({ ...identity("server_renewed"), clientAuthority: `${FOREIGN}\n${authority()}` });
    assertEquals(await session.connect(server.listener.port), "reused, echo");
    server.listener.reload(identity("server")); // Keeps it.
    assertEquals(await session.connect(server.listener.port), "reused, echo");
    server.listener.reload({ ...identity("server"), clientAuthority: FOREIGN });
    assertEquals(await session.connect(server.listener.port), "reused, closed");
    await server.failure();
    session.forget();
    assertEquals(await session.connect(server.listener.port), "new, closed");
  });

  test(`A session is resumed whose path only the runtime verifies, but not at another listener, TLS ${version}`, async () => {
    await using openssl = await OpensslAuthority.open();
    await openssl.root("root");
    await openssl.certificate("between", "root", "basicConstraints=CA:TRUE\nnameConstraints=permitted;DNS:example.com");
    await openssl.certificate("client", "between", "extendedKeyUsage=clientAuth");
    await using first = asking(openssl.pem("root"));
    await using second = asking(openssl.pem("root"));
    const chain = ["-cert_chain", openssl.path("between.pem")];
    await using session = await OpensslSession.open(version, openssl.path("client"), chain);
    assertEquals(await session.connect(first.listener.port), "new, echo");
    assertEquals(await session.connect(first.listener.port), "reused, echo");
    assertEquals(await session.connect(second.listener.port), "reused, closed");
    await second.failure();
    session.forget(); // A client that makes a full handshake then is let in.
    assertEquals(await session.connect(second.listener.port), "new, echo");
  });
}

// Of these the runtime does not verify that the client has the key, if they are in the list. (Deno 2.9.6)
test("A certificate of version 1 is refused, even one that is an authority itself", async () => {
  await using openssl = await OpensslAuthority.open();
  await openssl.version1("old");
  await using server = new EchoTlsServer({ clientAuthority: openssl.pem("old"), requireCertificate: true });
  await using session = await OpensslSession.open("1.3", openssl.path("old"));
  assertEquals(await session.connect(server.listener.port), "new, closed");
  assertEquals(await server.failure(), "the client certificate is not of version 3 of X.509");
});

Deno.test("reload() takes no authority where none was asked for", async () => {
  await using server = new EchoTlsServer();
  const reload = () => server.listener.reload({ ...identity("server"), clientAuthority: authority() });
  assertThrows(reload, TypeError, "Cannot use clientAuthority: the listener does not ask for certificates");
});
