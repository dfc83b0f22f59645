import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { certificatePath, type IdentityName } from "../certificates/certificates.ts";
import type { TestBroker } from "./broker_process.ts";
import { interopTests } from "./interop_tests.ts";
import { ASK_FOR_CERTIFICATE, AUTHORITY, REQUIRE_CERTIFICATE, TLS } from "./listeners.ts";
import { MosquittoSub, publish, run } from "./mosquitto_clients.ts";

const NEEDS = ["stdbuf", "mosquitto_pub", "mosquitto_sub"] as const;
const test = interopTests(NEEDS, TLS);
const testRequiring = interopTests(NEEDS, [...TLS, ...REQUIRE_CERTIFICATE]);

const AT_MOST_TLS_1_2 = { OPENSSL_CONF: new URL("openssl_tls12.cnf", import.meta.url).pathname };

for (const version of ["mqttv31", "mqttv311", "mqttv5"]) {
  const V = ["-V", version];

  test(`mosquitto_sub prints what mosquitto_pub sends over TLS, ${version}`, async (broker) => {
    const args = [...V, "-t", broker.named("test"), ...await overTls(broker), "-q", "1"];
    const lines = Array.from({ length: 1_000 }, (_, index) => `line ${index}`);
    await using subscriber = await MosquittoSub.start(broker, [...args, "-C", `${lines.length}`]);
    await publish(broker, [...args, "-l"], lines.join("\n"));
    assertEquals(await subscriber.messages(lines.length), lines);
    await subscriber.ended();
  });

  test(`a message of 1,000,000 bytes crosses from TLS to TCP and back, ${version}`, async (broker) => {
    const plainArgs = [...V, "-t", broker.named("test")];
    const secureArgs = [...plainArgs, ...await overTls(broker)];
    await using secure = await MosquittoSub.start(broker, secureArgs, "%l");
    await using plain = await MosquittoSub.start(broker, plainArgs, "%l");
    for (const args of [secureArgs, plainArgs]) {
      await publish(broker, [...args, "-q", "1", "-s"], "x".repeat(1_000_000));
    }
    assertEquals(await secure.messages(2), ["1000000", "1000000"]);
    assertEquals(await plain.messages(2), ["1000000", "1000000"]);
  });

  testRequiring(`a client with its certificate is let in where one is required, ${version}`, async (broker) => {
    const args = [...V, "-t", broker.named("test"), ...await overTls(broker, "client")];
    await using subscriber = await MosquittoSub.start(broker, [...args, "-C", "1"]);
    await publish(broker, [...args, "-m", "abc"]);
    assertEquals(await subscriber.messages(1), ["abc"]);
    await subscriber.ended();
  });

  test(`the Will is sent after kill -9 over TLS, ${version}`, async (broker) => {
    const args = await overTls(broker);
    await using watcher = await MosquittoSub.start(broker, ["-t", broker.named("will")]);
    const will = ["-t", "any", "--will-topic", broker.named("will"), "--will-payload", "killed"];
    await using killed = await MosquittoSub.start(broker, [...V, ...args, ...will]);
    killed.signal("SIGKILL");
    assertEquals(await watcher.messages(1), ["killed"]);
  });
}

/** Nobody of these is let in where a certificate is required. */
const REFUSED: readonly { name: string; identity?: IdentityName }[] = [
  { name: "no certificate" },
  { name: "an expired certificate", identity: "client_expired" },
  { name: "a certificate that somebody else signed", identity: "client_foreign" },
  { name: "a certificate for servers", identity: "client_wrong_usage" },
];

for (const { name, identity } of REFUSED) {
  // In 1.2 the client learns it in the handshake, in 1.3 behind it.
  for (const tlsVersion of ["1.2", "1.3"] as const) {
    testRequiring(
      `a client with ${name} is refused where one is required, and it is told in one line, TLS ${tlsVersion}`,
      async (broker) => {
        const args = ["-t", "test", "-q", "1", "-m", "never", ...await overTls(broker, identity)];
        const env = tlsVersion === "1.2" ? AT_MOST_TLS_1_2 : {};
        const { code } = await run("mosquitto_pub", broker, args, { env });
        assertNotEquals(code, 0);
        await assertServed(broker, await overTls(broker, "client"));
        await broker.stderr.matching(/(?=.*refused: )/);
        const refusals = broker.stderr.received.filter((line) => line.includes("refused"));
        assertEquals(refusals.length, 1, broker.stderr.received.join("\n"));
        assertMatch(refusals.join(), /Connection from 127\.0\.0\.1:\d+ refused: .*certificate/);
      },
    );
  }
}

test("a client at TLS 1.2 is served without more options", async (broker) => {
  const args = ["-t", "test", "-q", "1", "-m", "served", ...await overTls(broker)];
  assertEquals((await run("mosquitto_pub", broker, args, { env: AT_MOST_TLS_1_2 })).code, 0);
});

test.own("a client may come without a certificate where one is only asked for", async (broker) => {
  await assertServed(broker, await overTls(broker));
  await assertServed(broker, await overTls(broker, "client"));
}, [...TLS, ...ASK_FOR_CERTIFICATE]);

test("a client that does not trust the authority ends the handshake", async (broker) => {
  const tls = await overTls(broker);
  const distrusting = tls.with(tls.indexOf(AUTHORITY), certificatePath("client_foreign.pem"));
  const { code, stderr } = await run("mosquitto_pub", broker, ["-t", "test", "-m", "never", ...distrusting]);
  assertNotEquals(code, 0);
  assertMatch(stderr, /TLS/);
  await assertServed(broker, tls);
  await broker.stderr.matching(/Connection from 127\.0\.0\.1:\d+ refused: /);
});

test.own("a client that speaks no TLS 1.3 is refused with --tls-version 1.3", async (broker) => {
  const tls = await overTls(broker);
  const args = ["-t", "test", "-m", "never", ...tls];
  assertNotEquals((await run("mosquitto_pub", broker, args, { env: AT_MOST_TLS_1_2 })).code, 0);
  await assertServed(broker, tls);
}, [...TLS, "--tls-version", "1.3"]);

test("plain MQTT to a port of TLS, and TLS to one of plain MQTT, is told in one line", async (broker) => {
  const tls = await overTls(broker);
  const [securePort = ""] = tls.slice(1);
  assertNotEquals((await run("mosquitto_pub", broker, ["-t", "test", "-m", "never", "-p", securePort])).code, 0);
  const toPlain = ["-t", "test", "-m", "never", "--cafile", AUTHORITY];
  assertNotEquals((await run("mosquitto_pub", broker, toPlain)).code, 0);
  await broker.stderr.matching(/(?=.*MQTT)(?=.*TLS)/, 2);
  await assertServed(broker, tls);
});

/** Options for the TLS port, by a client that shows who it is, or does not. */
async function overTls(broker: TestBroker, identity?: IdentityName): Promise<string[]> {
  const { port } = new URL(await broker.url("mqtts"));
  const shown = identity === undefined
    ? []
    : ["--cert", certificatePath(`${identity}.pem`), "--key", certificatePath(`${identity}.key`)];
  return ["-p", port, "--cafile", AUTHORITY, ...shown];
}

async function assertServed(broker: TestBroker, args: readonly string[]): Promise<void> {
  await publish(broker, ["-t", "test", "-q", "1", "-m", "served", ...args]);
}
