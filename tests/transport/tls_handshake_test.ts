import { assert, assertEquals, assertLess, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { once } from "node:events";
import { connect as connectSocket } from "node:net";
import { connect as connectTls } from "node:tls";
import { listenTls } from "../../src/transport/tls/tls.ts";
import { authority, identity } from "../certificates/certificates.ts";
import { within } from "../deadline.ts";
import { programTests } from "../interop/interop_tests.ts";
import { Stopwatch } from "../stopwatch.ts";
import { clientIdentity, echo, EchoTlsServer } from "./echo_tls_server.ts";
import { inRecords } from "./records.ts";
import { readExactly, writeAll } from "./slow_bytes.ts";

// A record with a ClientHello of TLS 1.1, as short as it can be, and the answer: fatal alert "protocol version".
const CLIENT_HELLO_1_1 = Uint8Array.fromHex(`160301002d010000290302${"11".repeat(32)}000002002f0100`);
const ALERT_PROTOCOL_VERSION = "15030300020246";

Deno.test("listenTls() sends the full chain", async () => {
  await using server = new EchoTlsServer();
  const client = await server.connected({}); // Only the root is trusted.
  const own = client.getPeerCertificate(true);
  assertEquals(own.subject.CN, "broker.example");
  assertEquals(own.issuerCertificate.subject.CN, "Brooklet test intermediate");
});

for (
  const { alpnProtocols, offered, taken } of [
    { alpnProtocols: ["mqtt"], offered: ["mqtt"], taken: "mqtt" },
    { alpnProtocols: ["mqtt"], offered: undefined, taken: false },
    { alpnProtocols: ["http/1.1"], offered: ["h2", "http/1.1"], taken: "http/1.1" },
    { alpnProtocols: ["http/1.1"], offered: undefined, taken: false },
    { alpnProtocols: ["mqtt"], offered: ["x-amzn-mqtt-ca"], taken: false },
    { alpnProtocols: ["mqtt"], offered: ["x-amzn-mqtt-ca", "mqtt"], taken: "mqtt" },
    { alpnProtocols: ["mqtt", "x-amzn-mqtt-ca"], offered: ["x-amzn-mqtt-ca"], taken: "x-amzn-mqtt-ca" },
    { alpnProtocols: ["http/1.1"], offered: ["mqtt"], taken: false },
  ] as const
) {
  Deno.test(`listenTls() with ALPN ${alpnProtocols} takes a client that offers ${offered}`, async () => {
    await using server = new EchoTlsServer({ alpnProtocols });
    const client = await server.connected(offered === undefined ? {} : { ALPNProtocols: [...offered] });
    assertEquals(client.alpnProtocol, taken);
  });
}

Deno.test("listenTls() chooses no protocol for rustls that offers others, and speaks with it", async () => {
  await using server = new EchoTlsServer();
  const { port } = server.listener;
  const options = { hostname: "localhost", port, caCerts: [authority()], alpnProtocols: ["x-amzn-mqtt-ca"] };
  using client = await Deno.connectTls(options);
  assertEquals((await client.handshake()).alpnProtocol, null);
  await client.write(new Uint8Array([1, 2, 3]));
  assertEquals((await readExactly(client, 3)).toHex(), "010203");
});

for (const { most, isInPieces } of [{ most: 1, isInPieces: false }, { most: 40, isInPieces: true }]) {
  for (const { offered, taken } of [{ offered: "x-amzn-mqtt-ca", taken: false }, { offered: "mqtt", taken: "mqtt" }]) {
    const how = `records of ${most} bytes${isInPieces ? ", each sent alone" : ""}`;
    Deno.test(`listenTls() takes a ClientHello in ${how}, that offers ${offered} [RFC 8446, 5.1]`, async () => {
      await using server = new EchoTlsServer();
      for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
        await using relay = new HelloRelay(server, most, isInPieces);
        const versions = { minVersion: version, maxVersion: version };
        const client = await server.connected({ port: relay.port, ALPNProtocols: [offered], ...versions });
        assert(client.alpnProtocol === taken, `${client.alpnProtocol}`);
        assertEquals(await echo(client, "heard"), "heard");
        client.destroy();
      }
    });
  }
}

Deno.test("listenTls() refuses TLS 1.1 in a ClientHello that is split, and says so", async () => {
  await using server = new EchoTlsServer();
  using client = await server.plain();
  await client.write(inRecords(CLIENT_HELLO_1_1, 4));
  assertEquals((await readExactly(client, 100)).toHex(), ALERT_PROTOCOL_VERSION);
  assertEquals(await server.failure(), "the client speaks no TLS 1.2 or newer");
});

programTests(["openssl"])("listenTls() chooses no protocol for OpenSSL that offers others", async () => {
  await using server = new EchoTlsServer();
  const { port } = server.listener;
  const said = await new Deno.Command("openssl", {
    args: ["s_client", "-connect", `127.0.0.1:${port}`, "-alpn", "x-amzn-mqtt-ca", "-brief"],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = new TextDecoder().decode(said.stderr);
  assertMatch(text, /CONNECTION ESTABLISHED/);
});

Deno.test("listenTls() refuses TLS 1.1, and says so to both ends", async () => {
  await using server = new EchoTlsServer();
  using client = await server.plain();
  await client.write(CLIENT_HELLO_1_1);
  assertEquals((await readExactly(client, 100)).toHex(), ALERT_PROTOCOL_VERSION);
  assertEquals(await server.failure(), "the client speaks no TLS 1.2 or newer");
});

for (
  const { minimumVersion, version, isTaken } of [
    { minimumVersion: undefined, version: "TLSv1.2", isTaken: true },
    { minimumVersion: "1.2", version: "TLSv1.2", isTaken: true },
    { minimumVersion: "1.2", version: "TLSv1.3", isTaken: true },
    { minimumVersion: "1.3", version: "TLSv1.3", isTaken: true },
    { minimumVersion: "1.3", version: "TLSv1.2", isTaken: false },
  ] as const
) {
  const what = `listenTls() with minimum version ${minimumVersion ?? "by default"}`;
  Deno.test(`${what} ${isTaken ? "takes" : "refuses"} ${version}`, async () => {
    await using server = new EchoTlsServer(minimumVersion === undefined ? {} : { minimumVersion });
    const connecting = () => server.connected({ minVersion: version, maxVersion: version });
    if (isTaken) {
      assertEquals((await connecting()).getProtocol(), version);
    } else {
      await assertRejects(connecting);
      assertMatch(await server.failure(), /^client and listener have no version or cipher of TLS in common/);
    }
  });
}

for (
  const { name, sent, reason } of [
    { name: "plain MQTT", sent: "\x10\x0c\0\x04MQTT", reason: "client spoke plain MQTT to a TLS listener" },
    { name: "plain HTTP", sent: "GET / HTTP/1.1\r\n", reason: "client spoke plain HTTP to a TLS listener" },
    { name: "nonsense", sent: "\xff\xff", reason: "client spoke no TLS to a TLS listener" },
    {
      name: "a part of a handshake",
      sent: "\x16\x03\x01",
      reason: "the client closed the connection during the handshake",
    },
    { name: "nothing", sent: "", reason: "the client closed the connection during the handshake" },
  ]
) {
  Deno.test(`listenTls() tells that a client sent ${name}`, async () => {
    await using server = new EchoTlsServer();
    using client = await server.plain();
    await client.write(Uint8Array.from(sent, (character) => character.charCodeAt(0)));
    await client.closeWrite();
    assertEquals(await server.failure(), reason);
    assertEquals(await client.read(new Uint8Array(1)).catch(() => null), null);
  });
}

for (
  const { requireCertificate, name, certificateName, certificateSubject } of [
    { requireCertificate: true, name: "client", certificateName: "sensor-1", certificateSubject: "CN=sensor-1" },
    {
      requireCertificate: true,
      name: "client_utf8",
      certificateName: "Fühler 温度",
      certificateSubject: "CN=F\\C3\\BChler \\E6\\B8\\A9\\E5\\BA\\A6",
    },
    {
      requireCertificate: true,
      name: "client_without_name",
      certificateName: undefined,
      certificateSubject: "O=Brooklet",
    },
    { requireCertificate: false, name: "client", certificateName: "sensor-1", certificateSubject: "CN=sensor-1" },
    { requireCertificate: false, name: undefined, certificateName: undefined, certificateSubject: undefined },
  ] as const
) {
  const how = requireCertificate ? "that requires certificates" : "that asks for certificates";
  Deno.test(`listenTls() ${how} takes ${name ?? "no certificate"}`, async () => {
    await using server = new EchoTlsServer({ clientAuthority: authority(), requireCertificate });
    await server.connected(name === undefined ? {} : clientIdentity(name));
    const { peer } = await server.accepted();
    assertEquals([peer.certificateName, peer.certificateSubject], [certificateName, certificateSubject]);
  });
}

for (
  const { name, reason } of [
    { name: undefined, reason: /^the client gave no certificate$/ },
    { name: "client_expired", reason: /^the client certificate has expired: Jan {2}2 00:00:00 2020 GMT$/ },
    { name: "client_foreign", reason: /^the client certificate does not lead to the authority that is asked for$/ },
    { name: "client_wrong_usage", reason: /^the client certificate is not for client authentication$/ },
    {
      name: "client_control_character",
      reason: /^the common name of the client certificate is not one name in plain text$/,
    },
  ] as const
) {
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    Deno.test(`listenTls() refuses ${name ?? "no certificate"}, ${version}`, async () => {
      await using server = new EchoTlsServer({ clientAuthority: authority(), requireCertificate: true });
      const versions = { minVersion: version, maxVersion: version };
      const client = server.socket(name === undefined ? versions : { ...versions, ...clientIdentity(name) });
      await within(once(client, "close"), "the connection to end");
      assertMatch(await server.failure(), reason);
      assertEquals(server.count, 0);
    });
  }
}

Deno.test("listenTls() that only asks for certificates refuses a wrong one", async () => {
  await using server = new EchoTlsServer({ clientAuthority: authority() });
  const client = server.socket(clientIdentity("client_foreign"));
  await within(once(client, "close"), "the connection to end");
  assertMatch(await server.failure(), /^the client certificate does not lead to the authority/);
});

for (
  const { name, options, message } of [
    { name: "a certificate", options: { certificate: "none" }, message: "Cannot use certificate:" },
    { name: "a key", options: { key: "none" }, message: "Cannot use key: it is not a private key" },
    {
      name: "the key of another certificate",
      options: { key: identity("client").key },
      message: "Cannot use key: it does not belong to certificate",
    },
    { name: "an authority", options: { clientAuthority: "none" }, message: "Cannot use clientAuthority:" },
    { name: "no authority", options: { requireCertificate: true }, message: "clientAuthority is not given" },
  ]
) {
  Deno.test(`listenTls() throws for ${name} that cannot be used, before it listens`, () => {
    assertThrows(() => listenTls({ ...identity("server"), port: 0, ...options }), TypeError, message);
  });
}

Deno.test("listenTls() throws when the port is in use", async () => {
  await using server = new EchoTlsServer();
  const { port } = server.listener;
  assertThrows(() => listenTls({ ...identity("server"), port }), Deno.errors.AddrInUse);
});

Deno.test("listenTls() serves a client while 100 others are silent, and ends those in time", async () => {
  await using server = new EchoTlsServer({ handshakeTimeoutMs: 2_000 });
  const silent = await Promise.all(Array.from({ length: 100 }, () => server.plain()));
  const stopwatch = new Stopwatch();
  await server.connected({});
  assertLess(stopwatch.ms(), 1_000);
  for (const [index, conn] of silent.entries()) {
    assertEquals(await within(conn.read(new Uint8Array(1)), "the end").catch(() => null), null);
    assertEquals(await server.failure(), "the handshake was not over in time", `${index}`);
    conn.close();
  }
});

Deno.test("listenTls() gives a handshake its time and no more, however its bytes come", async () => {
  await using server = new EchoTlsServer({ handshakeTimeoutMs: 200 });
  using client = await server.plain();
  const dripping = (async () => {
    for (const byte of CLIENT_HELLO_1_1.subarray(0, -1)) {
      await client.write(Uint8Array.of(byte));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })().catch(() => {}); // It was closed: that is what is tested.
  assertEquals(await server.failure(), "the handshake was not over in time");
  await dripping;
});

Deno.test("listenTls() goes on when clients reset at any point of the handshake", async () => {
  await using server = new EchoTlsServer();
  const hello = await clientHello();
  for (let length = 0; length < hello.length; length += 16) {
    const socket = connectSocket(server.listener.port, "127.0.0.1").on("error", () => {});
    await once(socket, "connect");
    if (length > 0) await new Promise<void>((resolve) => socket.write(hello.subarray(0, length), () => resolve()));
    socket.resetAndDestroy();
  }
  await server.connected({});
});

Deno.test("listenTls() takes a handshake that comes byte by byte", async () => {
  await using server = new EchoTlsServer();
  const relay = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const client = server.socket({ port: relay.addr.port });
  const [near, far] = await Promise.all([relay.accept(), server.plain()]);
  const answering = far.readable.pipeTo(near.writable).catch(() => {}); // Ends with the client.
  const secured = once(client, "secureConnect");
  for await (const chunk of near.readable.values({ preventCancel: true })) {
    for (const byte of chunk) await far.write(Uint8Array.of(byte));
    if (server.count > 0) break;
    if (client.authorized) break;
  }
  await within(secured, "the handshake");
  await server.accepted();
  client.destroy();
  near.close();
  far.close();
  await answering;
  relay.close();
});

Deno.test("TLS behind the PROXY protocol gives the address of the client", async () => {
  await using server = new EchoTlsServer({ proxyProtocol: true });
  const socket = connectSocket(server.listener.port, "127.0.0.1");
  socket.write("PROXY TCP4 192.0.2.1 192.0.2.2 56324 8883\r\n");
  await server.connected({ socket });
  assertEquals((await server.accepted()).peer.address, "192.0.2.1:56324");
  await assertRejects(() => server.connected({}));
  assertMatch(await server.failure(), /^Malformed header of the PROXY protocol/);
});

/** Sends what one client says first to a server in other records. */
class HelloRelay implements AsyncDisposable {
  readonly port: number;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #ended: Promise<void>;

  constructor(server: EchoTlsServer, mostInRecord: number, isInPieces: boolean) {
    this.port = this.#listener.addr.port;
    this.#ended = this.#relay(server, mostInRecord, isInPieces);
  }

  async #relay(server: EchoTlsServer, mostInRecord: number, isInPieces: boolean): Promise<void> {
    const [near, far] = await Promise.all([this.#listener.accept(), server.plain()]);
    far.setNoDelay();
    const hello = new Uint8Array(16_384);
    const length = await near.read(hello) ?? 0;
    const records = inRecords(hello.subarray(0, length), mostInRecord);
    const size = isInPieces ? mostInRecord + 5 : records.length;
    for (let at = 0; at < records.length; at += size) await writeAll(far, records.subarray(at, at + size));
    await Promise.allSettled([near.readable.pipeTo(far.writable), far.readable.pipeTo(near.writable)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#ended;
  }
}

/** What a client of today says first. */
async function clientHello(): Promise<Uint8Array> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const client = connectTls({ host: "127.0.0.1", port: listener.addr.port }).on("error", () => {});
  using conn = await listener.accept();
  const bytes = new Uint8Array(4_096);
  const length = await conn.read(bytes) ?? 0;
  client.destroy();
  return bytes.subarray(0, length);
}
