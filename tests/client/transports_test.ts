import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { Broker, type Listener, listenTcp, listenTls, listenUnix, listenWebSocket } from "../../mod.ts";
import { Client } from "../../src/client/mod.ts";
import { authority, identity } from "../certificates/certificates.ts";
import { testsAtOnce } from "../at_once.ts";
import { within } from "../deadline.ts";
import { inForm } from "../form.ts";
import { Stopwatch } from "../stopwatch.ts";
import { exchange } from "./exchange.ts";

// More than a client has in flight, or unread.
const BURST_MESSAGES = inForm(1_500, 3_000);
const TLS = { caCerts: [authority()] };
const CERTIFICATE = { cert: identity("client").certificate, key: identity("client").key };

/** A broker that listens, and what has to be given back behind it. */
async function listening(listener: Listener, talk: (url: string) => Promise<void>): Promise<void> {
  const broker = await Broker.open();
  const served: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const transport of listener) served.push(broker.serve(transport));
  })();
  try {
    await talk(listener.url);
  } finally {
    listener.close();
    await accepting;
    await broker.close();
    await Promise.all(served);
  }
}

const SECURE_WEB = { port: 0, ...identity("server"), alpnProtocols: ["http/1.1"] };

const SERVERS: readonly { name: string; listen: (folder: string) => Listener | Promise<Listener>; tls?: typeof TLS }[] =
  [
    { name: "TCP", listen: () => listenTcp({ port: 0 }) },
    { name: "TCP over IPv6", listen: () => listenTcp({ port: 0, hostname: "::1" }) },
    { name: "a Unix socket", listen: (folder) => listenUnix({ path: `${folder}/mqtt` }) },
    { name: "WebSocket", listen: () => listenWebSocket(listenTcp({ port: 0 })) },
    {
      name: "WebSocket over a Unix socket",
      listen: async (folder) => listenWebSocket(await listenUnix({ path: `${folder}/mqtt:1` })),
    },
    { name: "TLS", listen: () => listenTls({ port: 0, ...identity("server") }), tls: TLS },
    {
      name: "WebSocket over TLS",
      listen: () => listenWebSocket(listenTls(SECURE_WEB)),
      tls: TLS,
    },
  ];

const testAtOnce = testsAtOnce((name, run) => Deno.test(name, run));

for (const protocolVersion of [5, 4] as const) {
  for (const { name, listen, tls } of SERVERS) {
    testAtOnce(`Client and Broker over ${name}, v${protocolVersion}`, async () => {
      const folder = await Deno.makeTempDir();
      const options = { protocolVersion, ...tls !== undefined && { tls } };
      await listening(await listen(folder), (url) => exchange(url, options, { burstMessages: BURST_MESSAGES }));
      await Deno.remove(folder, { recursive: true });
    });
  }
}

for (const protocolVersion of [5, 4, 3] as const) {
  testAtOnce(`Client and Broker in process, v${protocolVersion}`, async () => {
    await using broker = await Broker.open();
    await exchange(broker, { protocolVersion }, { burstMessages: BURST_MESSAGES });
  });
}

Deno.test("Client shows its certificate, and User Name and Password of the URL", async () => {
  const names: (string | undefined)[] = [];
  await using broker = await Broker.open({
    authenticator: {
      authenticate({ connect: { userName, password }, certificateName }) {
        names.push(certificateName, userName, new TextDecoder().decode(password));
        return { isAccepted: true };
      },
    },
  });
  const listener = listenTls({
    port: 0,
    ...identity("server"),
    clientAuthority: authority(),
    requireCertificate: true,
  });
  const accepting = (async () => {
    for await (const transport of listener) await broker.serve(transport);
  })();
  const url = listener.url.replace("//", "//us%20er:p%40ss@");
  const client = await Client.connect(url, { tls: { ...TLS, ...CERTIFICATE } });
  await client.close();
  listener.close();
  await accepting;
  assertEquals(names, ["sensor-1", "us er", "p@ss"]);
});

Deno.test("Client takes a certificate of another host only where it is told to", async () => {
  await listening(listenTls({ hostname: "127.0.0.2", port: 0, ...identity("server") }), async (url) => {
    await assertRejects(() => Client.connect(url, { tls: TLS }), Error, "certificate");
    const client = await Client.connect(url, { tls: { ...TLS, unsafelyDisableHostnameVerification: true } });
    await client.close();
  });
});

Deno.test("Client does not trust a server that nobody vouches for", async () => {
  await listening(listenTls({ port: 0, ...identity("server") }), async (url) => {
    await assertRejects(() => Client.connect(url), Error, "certificate");
  });
});

Deno.test("Client.connect() rejects where nobody listens", async () => {
  const listener = listenTcp({ port: 0 });
  listener.close();
  await assertRejects(() => Client.connect(listener.url), Deno.errors.ConnectionRefused);
  await assertRejects(() => Client.connect(listener.url.replace("mqtt:", "ws:")), Error);
  await assertRejects(() => Client.connect("unix:/nowhere/at/all"), Deno.errors.NotFound);
});

for (const address of ["http://127.0.0.1", "mqtt:", "unix:", "ws+unix:", "nothing"]) {
  Deno.test(`Client.connect() refuses "${address}"`, async () => {
    await assertRejects(() => Client.connect(address), TypeError);
  });
}

Deno.test("Client.connect() refuses an option that is out of its range", async () => {
  await using broker = await Broker.open();
  await assertRejects(() => Client.connect(broker, { receiveMaximum: 0 }), RangeError, "receiveMaximum");
  await assertRejects(
    () => Client.connect(broker, { reconnect: { maximumAttempts: 0 } }),
    RangeError,
    "maximumAttempts",
  );
});

for (const { name, listen } of SERVERS.filter(({ tls }) => tls === undefined)) {
  Deno.test(`Client over ${name} stops reading while its buffer is full, and drops no QoS 0 message`, async () => {
    const folder = await Deno.makeTempDir();
    await listening(await listen(folder), async (url) => {
      await using client = await Client.connect(url);
      const subscription = await client.subscribe("t", { maximumMessages: 10 });
      await using publisher = await Client.connect(url);
      for (let count = 1; count <= 100; count++) await publisher.publish("t", `${count}`);
      for (let count = 1; count <= 100; count++) {
        if (count <= 3) await new Promise((resolve) => setTimeout(resolve, 10)); // The rest arrives meanwhile.
        const { value } = await within(subscription.next(), "a message");
        assertEquals(value?.text(), `${count}`);
      }
      assertEquals(subscription.dropped, 0);
    });
    await Deno.remove(folder, { recursive: true });
  });
}

for (const { name, listen, tls } of SERVERS) {
  Deno.test(`Client over ${name} does not wait between the parts of a large packet`, async () => {
    const folder = await Deno.makeTempDir();
    await listening(await listen(folder), async (url) => {
      await using client = await Client.connect(url, tls === undefined ? {} : { tls });
      for (const bytes of [1_020, 2_000, 17_000, 40_000]) {
        const times = 15;
        const stopwatch = new Stopwatch();
        for (let time = 0; time < times; time++) await client.publish("t", new Uint8Array(bytes), { qos: 1 });
        assertLess(stopwatch.ms() / times, 20, `${bytes} bytes`); // 40 ms is how long an acknowledgement is delayed.
      }
    });
    await Deno.remove(folder, { recursive: true });
  });
}
