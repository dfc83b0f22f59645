/** Refusals of the broker as answers of HTTP: credentials, bans, limits, a storage that fails, and pages of the web. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Authenticator, Broker, type BrokerEvent } from "../../../mod.ts";
import { type TopicsBroker, topicsHandler } from "../../../src/admin/topics/topics_handler.ts";
import { hashPassword, PasswordAuthenticator } from "../../../src/auth/mod.ts";
import { Client, ReasonCode, RefusedError } from "../../../src/client/mod.ts";
import { isReasonCodeOf } from "../../../src/codec/reason_code.ts";
import { GatedStorage } from "../../storage/gated_storage.ts";
import { type Asked, basic, EventReader, passed, Topics } from "./topics.ts";

const POST = { method: "POST", body: "x" };

/** Status of a client that CONNACK refuses. */
const STATUS_OF: Readonly<Record<number, number>> = {
  [ReasonCode.BadUserNameOrPassword]: 401,
  [ReasonCode.NotAuthorized]: 401,
  [ReasonCode.Banned]: 403,
  [ReasonCode.QuotaExceeded]: 429,
  [ReasonCode.ConnectionRateExceeded]: 429,
  [ReasonCode.PacketTooLarge]: 413,
  [ReasonCode.TopicNameInvalid]: 400,
  [ReasonCode.PayloadFormatInvalid]: 400,
  [ReasonCode.QosNotSupported]: 400,
  [ReasonCode.RetainNotSupported]: 400,
};

for (const [name, reasonCode] of Object.entries(ReasonCode)) {
  if (reasonCode < 0x80 || !isReasonCodeOf("connack", reasonCode)) continue;
  const status = STATUS_OF[reasonCode] ?? 503;
  Deno.test(`A client that is refused with ${name} gets ${status}, and the Reason Code`, async () => {
    const authenticator: Authenticator = { authenticate: () => ({ isAccepted: false, reasonCode, reason: "so" }) };
    await using topics = await Topics.open({ authenticator });
    for (const [path, asked] of [["/a", POST], ["/a", {}], ["/a", { method: "DELETE" }], ["?filter=a", {}]] as const) {
      const response = await topics.ask(path, asked);
      assertEquals(response.status, status);
      const problem = await response.json();
      assertEquals([problem.reasonCode, problem.reason, problem.reasonString], [reasonCode, name, "so"]);
      assertEquals(response.headers.has("retry-after"), status === 429 || status === 503);
      if (status === 401) assertMatch(response.headers.get("www-authenticate") ?? "", /^Basic .*, Bearer /);
    }
  });
}

Deno.test("Basic is User Name and Password, Bearer the Password, none an anonymous client; cookies and the request are not passed on", async () => {
  const seen: unknown[] = [];
  const authenticator: Authenticator = {
    authenticate: ({ connect: { userName, password }, address, listener, request }) => {
      seen.push([userName, password && new TextDecoder().decode(password), address, listener, request]);
      return { isAccepted: true };
    },
  };
  const options = { authenticator };
  await using topics = await Topics.open(options, { listener: "http://127.0.0.1:18083" });
  const ask = (authorization?: string) =>
    topics.status("/a", {
      ...POST,
      headers: { cookie: "brooklet_admin=1", ...authorization === undefined ? {} : { authorization } },
    });
  const { authorization } = basic("ä:nn".replace(":", ""), "pass:wörd");
  for (const header of [undefined, authorization, authorization.replace("Basic", "bAsIc "), "Bearer a.b.c"]) {
    assertEquals(await ask(header), 200);
  }
  const where = ["127.0.0.1:40000", "http://127.0.0.1:18083", undefined];
  assertEquals(seen, [
    [undefined, undefined, ...where],
    ["änn", "pass:wörd", ...where],
    [undefined, "a.b.c", ...where],
  ]);
  for (
    const wrong of [
      "Basic",
      "Basic !",
      "Basic YQ==",
      `Basic ${btoa("a\0:b")}`,
      `Basic ${btoa("\xff:b")}`,
      "Bearer ",
      "Digest a",
      "x",
    ]
  ) {
    assertEquals(await ask(wrong), 401, wrong);
  }
  assertEquals(seen.length, 3);
});

Deno.test("Wrong passwords cost as over MQTT: the address is refused after as many, over HTTP and MQTT alike", async () => {
  const passwords = new Map([["ann", await hashPassword("right", 101)]]);
  const authenticator = new PasswordAuthenticator(passwords, { failures: { burst: 3, perMinute: 0.001 } });
  await using topics = await Topics.open({ authenticator });
  const ask = (password: string, hostname: string) =>
    topics.status("/a", { ...POST, headers: basic("ann", password), hostname });
  const statuses: number[] = [];
  for (const password of ["1", "2", "3", "4", "right"]) statuses.push(await ask(password, "192.0.2.1"));
  assertEquals(statuses, [401, 401, 401, 429, 429]);
  assertEquals(await ask("right", "192.0.2.2"), 200);
  // A client that is kept does not make a wrong password right, nor another address.
  assertEquals([await ask("wrong", "192.0.2.2"), await ask("right", "192.0.2.1")], [401, 429]);
});

Deno.test("A ban of the address, the principal or the kept client holds at once, and from no other address", async () => {
  const authenticator: Authenticator = {
    authenticate: ({ connect: { userName: principal = "" } }) => ({ isAccepted: true, principal }),
  };
  await using topics = await Topics.open({ authenticator });
  const { broker } = topics;
  const ask = (user: string, hostname: string) => topics.status("/a", { ...POST, headers: basic(user, "x"), hostname });
  assertEquals([await ask("ann", "192.0.2.1"), await ask("ann", "2001:db8::1")], [200, 200]);
  assertEquals(broker.metrics.connectedClients, 2);
  broker.ban({ address: "192.0.2.1" });
  assertEquals([await ask("ann", "192.0.2.1"), await ask("bob", "192.0.2.1")], [403, 403]);
  assertEquals(await ask("ann", "2001:db8::1"), 200);
  broker.ban({ principal: "ann" });
  assertEquals([await ask("ann", "2001:db8::1"), await ask("bob", "2001:db8::1")], [403, 200]);
  broker.unban({ principal: "ann" });
  assertEquals(await ask("ann", "2001:db8::1"), 200);
});

Deno.test("Rights that end by themselves end for a kept client and a stream too", async () => {
  let isAccepted = true;
  const authenticator: Authenticator = {
    authenticate: () =>
      isAccepted ? { isAccepted, expiresInMs: 200 } : { isAccepted, reasonCode: ReasonCode.NotAuthorized },
  };
  await using topics = await Topics.open({ authenticator });
  await using events = await topics.stream("?filter=a");
  assertEquals(await topics.status("/b", POST), 200);
  isAccepted = false;
  assertEquals(await topics.status("/b", POST), 200);
  const end = await events.next();
  assertEquals([end?.event, end?.data.reasonCode], ["end", ReasonCode.NotAuthorized]);
  while (topics.broker.metrics.connections > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  assertEquals(await topics.status("/b", POST), 401);
});

Deno.test("Requests of the same client share one connection, which is seen as of HTTP", async () => {
  const events: BrokerEvent[] = [];
  await using topics = await Topics.open({ onEvent: (event) => events.push(event) }, {
    listener: "http://127.0.0.1:18083",
  });
  const asked = Array.from({ length: 50 }, (_, index) => topics.status(`/${index}`, index % 2 === 0 ? POST : {}));
  assertEquals([...new Set(await Promise.all(asked))].sort(), [200, 404]);
  const opened = events.filter(({ kind }) => kind === "clientConnected");
  assertEquals(opened.length, 1);
  assert(opened[0]?.kind === "clientConnected");
  const { peer, clientId, connect } = opened[0];
  assertEquals(peer, { transport: "http", address: "127.0.0.1:40000", listener: "http://127.0.0.1:18083" });
  assertMatch(clientId, /^http-/);
  assertEquals([connect.protocolVersion, connect.cleanStart], [5, true]);
});

Deno.test("Clients that are kept are bounded: those that are idle make room, else 503", async () => {
  const release = Promise.withResolvers<void>();
  const authenticator: Authenticator = {
    authenticate: async ({ connect: { userName } }) => {
      if (userName === "slow") await release.promise;
      return { isAccepted: true };
    },
  };
  await using topics = await Topics.open({ authenticator }, { maximumClients: 2 });
  const ask = (user: string, password = "x") => topics.status("/a", { ...POST, headers: basic(user, password) });
  for (let index = 0; index < 10; index++) assertEquals(await ask(`user ${index}`), 200);
  assertEquals(topics.broker.metrics.connectedClients <= 3, true); // One may be closing.
  const slow = [ask("slow", "1"), ask("slow", "2")];
  assertEquals(await ask("ann"), 503);
  release.resolve();
  assertEquals(await Promise.all(slow), [200, 200]);
  assertEquals(await ask("ann"), 200);
});

/** Requests beyond a limit of the broker. */
const LIMITED: readonly {
  readonly name: string;
  readonly limits: Parameters<typeof Topics.open>[0] & object;
  readonly asked: readonly (readonly [path: string, asked: Asked])[];
  readonly status: number;
}[] = [
  {
    name: "a payload",
    limits: { limits: { maximumPayloadBytes: 3 } },
    asked: [["/a", { ...POST, body: "1234" }]],
    status: 413,
  },
  {
    name: "a packet",
    limits: { limits: { maximumPacketBytes: 100 } },
    asked: [["/a", { ...POST, body: "x".repeat(101) }], ["/a", { ...POST, body: "x".repeat(98) }], [
      "/a",
      { ...POST, headers: { "content-type": `text/${"x".repeat(100)}` } },
    ]],
    status: 413,
  },
  { name: "QoS", limits: { limits: { maximumQos: 0 } }, asked: [["/a?qos=1", POST], ["/a", POST]], status: 400 },
  { name: "RETAIN", limits: { limits: { maximumRetainedMessages: 0 } }, asked: [["/a?retain", POST]], status: 400 },
  {
    name: "retained bytes",
    limits: { limits: { maximumRetainedBytes: 10 } },
    asked: [["/a?retain", POST]],
    status: 429,
  },
  {
    name: "connections",
    limits: { limits: { maximumConnections: 1 } },
    asked: [["/a", { ...POST, headers: basic("b", "") }]],
    status: 429,
  },
  {
    name: "memory of bodies",
    limits: { limits: { maximumIncompletePacketBytes: 10 } },
    asked: [["/a", { ...POST, body: "x".repeat(11) }]],
    status: 503,
  },
];

for (const { name, limits, asked, status } of LIMITED) {
  Deno.test(`A request beyond the limit of ${name} gets ${status}, and the next one is served`, async () => {
    await using topics = await Topics.open(limits);
    assertEquals(await topics.status("/first?qos=0", POST), 202);
    for (const [path, request] of asked) assertEquals(await topics.status(path, request), status, path);
    assertEquals(await topics.status("/last?qos=0", POST), 202);
    assertEquals(topics.broker.metrics.connectedClients, 1);
  });
}

Deno.test("A client that publishes too fast gets 429", async () => {
  await using topics = await Topics.open({ limits: { maximumMessagesPerSecond: 5, maximumExcessMs: 0 } });
  const statuses = await Promise.all(Array.from({ length: 20 }, () => topics.status("/a", POST)));
  assertEquals([...new Set(statuses)].sort(), [200, 429]);
});

Deno.test("While the storage fails, what is to be kept gets 503, and all else is served", async () => {
  const storage = new GatedStorage();
  await using topics = await Topics.open({ storage });
  storage.isGated = true;
  const first = topics.json("/kept?retain", POST);
  (await storage.nextCommit()).fail();
  assertEquals((await first)[0], 503);
  const [status, { title, reasonCode }] = await topics.json("/kept?retain", POST);
  assertEquals([status, title, reasonCode], [503, "Storage failing", ReasonCode.QuotaExceeded]);
  assertEquals(await topics.status("/other", POST), 200);
  storage.open();
  while (topics.broker.metrics.isStorageFailing) await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals(await topics.status("/kept?retain", POST), 200);
});

Deno.test("What onPublish changes, drops or fails at holds for POST", async () => {
  await using topics = await Topics.open({
    onPublish: ({ topic, payload }) => {
      if (topic === "fails") throw new Error("no");
      return topic === "dropped"
        ? undefined
        : { topic, payload: new TextEncoder().encode(`<${new TextDecoder().decode(payload)}>`) };
    },
  });
  assertEquals([await topics.status("/dropped?retain", POST), await topics.status("/fails?retain", POST)], [200, 503]);
  assertEquals(await topics.status("/a?retain", POST), 200);
  assertEquals(await (await topics.ask("/a")).text(), "<x>");
  assertEquals(topics.broker.metrics.retainedMessages, 1);
});

Deno.test("When the broker closes, requests and streams end, and later ones get 503", async () => {
  await using topics = await Topics.open();
  await using events = await topics.stream("?filter=a");
  assertEquals(await topics.status("/b", POST), 200);
  await topics.broker.close();
  assertEquals((await events.next())?.data.reasonCode, ReasonCode.ServerShuttingDown);
  assertEquals([await topics.status("/a", POST), await topics.status("?filter=a")], [503, 503]);
  await topics.handler.close();
  assertEquals([await topics.status("/a", POST), await topics.status("?filter=a")], [503, 503]);
});

/** Requests of pages. */
const PAGES:
  readonly (readonly [headers: Readonly<Record<string, string>>, isAllowed: boolean, corsFor: string | null])[] = [
    [{}, true, null],
    [{ origin: "http://localhost" }, true, null],
    [{ origin: "http://localhost", "sec-fetch-site": "same-origin", "sec-fetch-dest": "empty" }, true, null],
    [{ origin: "https://app.example.org", "sec-fetch-site": "cross-site" }, true, "https://app.example.org"],
    [{ origin: "https://evil.example.org" }, false, null],
    [{ origin: "http://app.example.org" }, false, null],
    [{ origin: "https://app.example.org.evil" }, false, null],
    [{ origin: "http://localhost:8080", "sec-fetch-site": "same-site" }, false, null],
    [{ origin: "null" }, false, null],
    [{ "sec-fetch-site": "cross-site" }, false, null],
    [{ "sec-fetch-site": "same-site" }, false, null],
    [{ origin: "http://localhost", "sec-fetch-site": "cross-site" }, false, null],
    [{ "sec-fetch-site": "none", "sec-fetch-dest": "document" }, true, null],
    [{ "sec-fetch-site": "same-origin", "sec-fetch-dest": "script" }, false, null],
    [{ "sec-fetch-site": "same-origin", "sec-fetch-dest": "iframe" }, false, null],
    [{ "sec-fetch-site": "same-origin", "sec-fetch-dest": "serviceworker" }, false, null],
  ];

for (const [headers, isAllowed, corsFor] of PAGES) {
  Deno.test(`A request of a page with ${JSON.stringify(headers)} is ${isAllowed ? "served" : "refused"}`, async () => {
    await using topics = await Topics.open({}, { topicOrigins: ["https://app.example.org"] });
    await topics.broker.publish("a", "x", { retain: true });
    for (
      const [path, asked, status] of [["/a", {}, 200], ["/a", POST, 200], ["?filter=a", {}, 200], [
        "/b",
        {},
        404,
      ]] as const
    ) {
      const response = await topics.ask(path, { ...asked, headers });
      assertEquals(response.status, isAllowed ? status : 403);
      assertEquals(response.headers.get("access-control-allow-origin"), corsFor);
      assertEquals(response.headers.get("access-control-allow-credentials"), null);
      assertMatch(response.headers.get("vary") ?? "", /\bOrigin\b/);
      await response.body?.cancel();
    }
    const preflight = await topics.ask("/a", { method: "OPTIONS", headers });
    assertEquals([preflight.status, preflight.headers.get("access-control-allow-origin")], [
      isAllowed ? 204 : 403,
      corsFor,
    ]);
    await preflight.body?.cancel();
  });
}

Deno.test("With `*` all pages may use topics, and no browser is told to ask for a password that it would then send for any", async () => {
  const authenticator: Authenticator = {
    authenticate: () => ({ isAccepted: false, reasonCode: ReasonCode.NotAuthorized }),
  };
  await using topics = await Topics.open({ authenticator }, { topicOrigins: ["*"] });
  const headers = { origin: "https://any.example.org", "sec-fetch-site": "cross-site" };
  const response = await topics.ask("/a", { headers });
  await response.body?.cancel();
  assertEquals([response.status, response.headers.get("www-authenticate")], [401, 'Bearer realm="MQTT"']);
  assertEquals(response.headers.get("access-control-allow-origin"), "https://any.example.org");
});

Deno.test("The address behind a trusted proxy counts, for bans and for who shares a client", async () => {
  await using topics = await Topics.open({}, { trustedProxies: ["127.0.0.1"] });
  const ask = (address: string, hostname = "127.0.0.1") =>
    topics.status("/a", { ...POST, headers: { "x-forwarded-for": address }, hostname });
  assertEquals([await ask("2001:db8::1"), await ask("2001:db8::2"), await ask("192.0.2.1")], [200, 200, 200]);
  assertEquals(topics.broker.metrics.connectedClients, 3);
  topics.broker.ban({ address: "192.0.2.1" });
  assertEquals([await ask("192.0.2.1"), await ask("192.0.2.2"), await ask("192.0.2.1", "192.0.2.9")], [403, 200, 200]);
});

Deno.test("Requests at the same time are bounded, and streams are not among them", async () => {
  const release = Promise.withResolvers<void>();
  const authenticator: Authenticator = {
    authenticate: async () => {
      await release.promise;
      return { isAccepted: true };
    },
  };
  await using topics = await Topics.open({ authenticator }, { maximumRequests: 2 });
  const waiting = [topics.status("/a", POST), topics.status("/a", POST), topics.stream("?filter=a")] as const;
  assertEquals(await topics.status("/a", POST), 503);
  release.resolve();
  assertEquals([await waiting[0], await waiting[1]], [200, 200]);
  await (await waiting[2]).cancel();
  assertEquals(await topics.status("/a", POST), 200);
});

Deno.test("A defect ends one request or stream, and is told", async () => {
  await using broker = await Broker.open();
  const defects: unknown[] = [];
  const faulty: TopicsBroker = {
    limits: broker.limits,
    metrics: broker.metrics,
    serve: (transport) => broker.serve(transport),
    session: () => Promise.reject(new Error("defect")),
  };
  const handler = topicsHandler(faulty, { onUnexpectedError: (error) => defects.push(error) });
  const response = await handler.fetch(new Request("http://localhost/topics/a"));
  assertEquals([response.status, (await response.json()).title], [500, "Defect"]);
  const stream = await handler.fetch(new Request("http://localhost/topics?filter=a"));
  await using events = new EventReader(stream);
  for (let count = 0; count < 5; count++) await broker.publish("a", "x".repeat(60_000));
  await passed();
  let last = await events.next();
  while (last?.event === "message") last = await events.next();
  assertEquals([last?.event, last?.data.status], ["end", 500]);
  assertEquals(defects.map(String), ["Error: defect", "Error: defect"]);
  await passed();
  assertEquals(broker.metrics.connectedClients, 1); // The one that is kept.
  assertEquals((await handler.fetch(new Request("http://localhost/topics/a", POST))).status, 200);
  await handler.close();
});

Deno.test("A broker that does not answer in time gets 503, and the request ends", async () => {
  const storage = new GatedStorage();
  await using topics = await Topics.open({ storage }, { requestTimeoutMs: 50 });
  storage.isGated = true;
  const [status, { title }] = await topics.json("/kept?retain", POST);
  assertEquals([status, title], [503, "Too slow"]);
  (await storage.nextCommit()).keep();
  storage.open();
});

Deno.test("A client over MQTT is refused as one over HTTP, and named in the same events", async () => {
  const events: string[] = [];
  const authorizer = { authorize: () => false };
  await using topics = await Topics.open({
    authorizer,
    onEvent: (event) => event.kind === "accessDenied" && events.push(`${event.action} ${event.topic}`),
  });
  await using client = await Client.connect(topics.broker, { reconnect: false });
  const code = await client.publish("a", "x", { qos: 1 }).catch((error) =>
    error instanceof RefusedError && error.reasonCode
  );
  const [status, { reasonCode }] = await topics.json("/a", POST);
  assertEquals([status, reasonCode], [403, code]);
  assertEquals([
    await topics.status("/a"),
    await topics.status("?filter=a"),
    await topics.status("/a", { method: "DELETE" }),
  ], [
    403,
    403,
    403,
  ]);
  assertEquals(events, ["publish a", "publish a", "subscribe a", "subscribe a", "publish a"]);
});
