/** Authenticator and authorizer: at once, late, throwing, rejecting, with packets pipelined behind the question. */

import { assertEquals } from "@std/assert";
import { type Authenticator, type Authorizer, Broker, memoryTransport } from "../../mod.ts";
import type { AccessRequest, Authentication, AuthenticationRequest } from "../../src/auth/mod.ts";
import { fromHex } from "../codec/hex.ts";
import { within } from "../deadline.ts";
import { converse } from "../wire/conversation.ts";

const LATE = (result: Authentication): Authenticator => ({ authenticate: () => Promise.resolve(result) });
const ACCEPTED: Authentication = { isAccepted: true, principal: "ann" };

const REFUSALS: readonly { readonly name: string; readonly authenticator: Authenticator; readonly defects: number }[] =
  [
    { name: "refuses", authenticator: { authenticate: () => refusal() }, defects: 0 },
    { name: "refuses late", authenticator: LATE(refusal()), defects: 0 },
    {
      name: "throws",
      authenticator: {
        authenticate() {
          throw new Error("the directory is down");
        },
      },
      defects: 1,
    },
    {
      name: "rejects",
      authenticator: { authenticate: () => Promise.reject(new Error("the directory is down")) },
      defects: 1,
    },
  ];
for (const { name, authenticator, defects } of REFUSALS) {
  Deno.test(`An authenticator that ${name} lets nobody in, and what is pipelined is not looked at [MQTT-3.1.4-6]`, async () => {
    await converse(5, { authenticator }, async (conversation) => {
      const reader = conversation.broker.subscribe("#");
      await conversation.run("a > 10 [ @ 02 0000 {} 'a' ] 30 [ 'x' {} \"no\" ]", "a told 20 00 87");
      await conversation.broker.publish("first", "");
      assertEquals((await reader.next()).value?.topic, "first");
    }, defects);
    await converse(
      4,
      { authenticator },
      (conversation) => conversation.run("a > 10 [ @ 02 0000 'a' ]", "a < 20 02 00 05", "a closed"),
      defects,
    );
  });
}

Deno.test("An authenticator gets CONNECT, the Client Identifier and the address", async () => {
  const requests: AuthenticationRequest[] = [];
  const authenticator: Authenticator = {
    authenticate(request) {
      requests.push(request);
      return ACCEPTED;
    },
  };
  await converse(5, { authenticator }, async (conversation) => {
    await conversation.run("a > 10 [ @ c2 0000 {} 'a' 'ann' 'secret' ]", "a < 20 [ 00 00 { LIMITS } ]");
  });
  assertEquals(requests.length, 1);
  const { connect, clientId, address } = requests[0] as AuthenticationRequest; // There is one.
  assertEquals([connect.userName, clientId, address], ["ann", "a", "memory"]);
  assertEquals(connect.password, new TextEncoder().encode("secret"));
});

Deno.test("The Reason Code and the reason of a refusal are the authenticator's own", () => {
  const authenticator = LATE({ isAccepted: false, reasonCode: 0x8a, reason: "not you" });
  return converse(5, { authenticator }, (conversation) =>
    conversation.run(
      "a > 10 [ @ 02 0000 {} 'a' ]",
      "a < 20 [ 00 8a { 1f 'not you' } ]",
      "a closed",
    ));
});

Deno.test("A client that is refused takes no session over", () => {
  const authenticator: Authenticator = {
    authenticate: ({ connect }) => connect.userName === "ann" ? ACCEPTED : refusal(),
  };
  return converse(5, { authenticator }, (conversation) =>
    conversation.run(
      "a > 10 [ @ 82 0000 {} 'a' 'ann' ]",
      "a < 20 [ 00 00 { LIMITS } ]",
      "a2 > 10 [ @ 02 0000 {} 'a' ]",
      "a2 told 20 00 87",
      "a quiet",
    ));
});

Deno.test("Packets pipelined behind a slow authenticator are served in order when it has answered", () => {
  const gate = Promise.withResolvers<Authentication>();
  const authenticator: Authenticator = {
    authenticate: ({ clientId }) => clientId === "a" ? gate.promise : ACCEPTED,
  };
  return converse(4, { authenticator }, async (conversation) => {
    await conversation.run(
      "a > 10 [ @ 02 0000 'a' ] 82 [ 0001 'x' 00 ] 32 [ 'x' 0002 \"1\" ]",
      "a > c0 00",
      "b connects",
    );
    assertEquals(conversation.client("a").unread.length, 0);
    gate.resolve(ACCEPTED);
    await conversation.run("a < 20 02 00 00 90 [ 0001 00 ] 30 [ 'x' \"1\" ] 40 [ 0002 ] d0 00");
  });
});

Deno.test("A client that goes while its authenticator thinks leaves nothing behind", () => {
  const gate = Promise.withResolvers<Authentication>();
  return converse(4, { authenticator: { authenticate: () => gate.promise } }, async (conversation) => {
    await conversation.run("a > 10 [ @ 06 0000 'a' 'w' 'gone' ]");
    const dropped = conversation.run("a drops");
    gate.resolve(ACCEPTED);
    await dropped;
    assertEquals(conversation.broker.metrics.connections, 0);
    assertEquals(conversation.broker.metrics.sessions, 0);
  });
});

/** Allows nothing below "no". */
const SIMPLE: Authorizer["authorize"] = ({ topic }) => !topic.startsWith("no");
const AUTHORIZERS: readonly { readonly name: string; readonly authorizer: Authorizer; readonly defects: number }[] = [
  { name: "at once", authorizer: { authorize: SIMPLE }, defects: 0 },
  {
    name: "late",
    authorizer: {
      async authorize(request) {
        await Promise.resolve();
        return SIMPLE(request);
      },
    },
    defects: 0,
  },
  {
    name: "throwing",
    authorizer: {
      authorize(request) {
        if (!SIMPLE(request)) throw new Error("the rules cannot be read");
        return true;
      },
    },
    defects: 5,
  },
  {
    name: "rejecting",
    authorizer: {
      authorize: (request) =>
        SIMPLE(request) ? Promise.resolve(true) : Promise.reject(new Error("the rules cannot be read")),
    },
    defects: 5,
  },
];
for (const { name, authorizer, defects } of AUTHORIZERS) {
  for (const version of [4, 5] as const) {
    Deno.test(`An authorizer that refuses, ${name}: 0x87, in order, and nothing is delivered v${version}`, () =>
      converse(version, { authorizer }, (conversation) =>
        conversation.run(
          "s connects",
          "s > 82 [ 0001 {} 'a' 00 'no/a' 00 '+/#' 01 ] c0 00",
          `s < 90 [ 0001 {} 00 ${version === 5 ? "87" : "80"} 01 ] d0 00`,
          "p connects",
          "p > 32 [ 'a' 0001 {} \"1\" ] 32 [ 'no' 0002 {} ] 34 [ 'no' 0003 {} ] 30 [ 'no' {} ] 34 [ 'a' 0004 {} \"2\" ]",
          "p < 40 [ 0001 ] 40 [ 0002 <87> ] 50 [ 0003 <87> ] 50 [ 0004 ]",
          "s < 32 [ 'a' 0001 {} \"1\" ] 32 [ 'a' 0002 {} \"2\" ]",
          "p > 33 [ 'no/r' 0005 {} \"kept\" ]",
          "p < 40 [ 0005 <87> ]",
          ({ broker }) => assertEquals(broker.metrics.retainedMessages, 0),
        ), defects));
  }
}

Deno.test("An authorizer is asked with Topic, QoS, retain, Client Identifier and principal", async () => {
  const requests: AccessRequest[] = [];
  const authorizer: Authorizer = {
    authorize(request) {
      requests.push(request);
      return true;
    },
  };
  await converse(5, { authorizer, authenticator: LATE(ACCEPTED) }, (conversation) =>
    conversation.run(
      "a > 10 [ @ 36 0000 {} 'a' {} 'w' 'gone' ]",
      "a < 20 [ 00 00 { LIMITS } ]",
      "a > 82 [ 0001 [] 'f/+' 01 ] 31 [ 'x' [ 23 0001 ] ] 32 [ '' 0002 [ 23 0001 ] ]",
      "a < 90 [ 0001 [] 01 ] 40 [ 0002 10 ]",
      "a disconnects",
    ));
  const who = { clientId: "a", principal: "ann", roles: [], grants: [], listener: "memory" };
  assertEquals(requests, [
    { action: "publish", topic: "w", qos: 2, retain: true, ...who },
    { action: "subscribe", topic: "f/+", qos: 1, retain: false, ...who },
    { action: "publish", topic: "x", qos: 0, retain: true, ...who },
    { action: "publish", topic: "x", qos: 1, retain: false, ...who },
  ]);
});

for (const authenticator of [undefined, LATE(ACCEPTED)]) {
  const name = authenticator === undefined ? "without an authenticator" : "behind an authenticator";
  Deno.test(`A Will that its client may not publish refuses CONNECT with 0x87, ${name}`, () =>
    converse(
      5,
      { authorizer: { authorize: SIMPLE }, ...(authenticator && { authenticator }) },
      (conversation) =>
        conversation.run(
          "s connects",
          "s > 82 [ 0001 [] '#' 00 ]",
          "s < 90 [ 0001 [] 00 ]",
          "a > 10 [ @ 06 0000 {} 'a' {} 'no/will' 'gone' ]",
          "a told 20 00 87",
          "s quiet",
        ),
    ));
}

Deno.test("What is pipelined behind a slow question about access waits, and other clients do not", () => {
  const gate = Promise.withResolvers<boolean>();
  const authorizer: Authorizer = { authorize: ({ topic }) => topic === "slow" ? gate.promise : true };
  return converse(5, { authorizer }, async (conversation) => {
    await conversation.run(
      "s connects",
      "s > 82 [ 0001 [] '#' 00 ]",
      "s < 90 [ 0001 [] 00 ]",
      "p connects",
      "p > 30 [ 'a' [] \"1\" ] 32 [ 'slow' 0001 [] \"2\" ] 30 [ 'a' [] \"3\" ] c0 00",
      "p > 30 [ 'a' [] \"4\" ]",
      "s < 30 [ 'a' [] \"1\" ]",
      "s > 30 [ 'a' [] \"mine\" ]",
      "s < 30 [ 'a' [] \"mine\" ]",
      "s quiet",
    );
    gate.resolve(true);
    await conversation.run(
      "p < 40 [ 0001 ] d0 00",
      "s < 30 [ 'slow' [] \"2\" ] 30 [ 'a' [] \"3\" ] 30 [ 'a' [] \"4\" ]",
    );
  });
});

Deno.test("A payload that waits for a slow question about access is what was sent", () => {
  const gate = Promise.withResolvers<boolean>();
  return converse(
    4,
    { authorizer: { authorize: ({ action }) => action === "subscribe" || gate.promise } },
    async (c) => {
      await c.run("s connects", "s > 82 [ 0001 'x' 01 ]", "s < 90 [ 0001 01 ]", "p connects");
      await c.run(`p > 32 [ 'x' 0001 "${"q".repeat(200)}" ]`, "s quiet");
      gate.resolve(true);
      await c.run("p < 40 [ 0001 ]", `s < 32 [ 'x' 0001 "${"q".repeat(200)}" ]`);
    },
  );
});

Deno.test("A client that is taken over while a question about its access is open has no say any more", () => {
  const gate = Promise.withResolvers<boolean>();
  const authorizer: Authorizer = { authorize: ({ action }) => action === "subscribe" || gate.promise };
  return converse(5, { authorizer }, async (conversation) => {
    await conversation.run(
      "s connects",
      "s > 82 [ 0001 [] '#' 00 ]",
      "s < 90 [ 0001 [] 00 ]",
      "p connects durable",
      "p > 34 [ 'x' 0001 [] \"1\" ]",
      "s quiet",
      "p2 resumes",
    );
    gate.resolve(true);
    await conversation.run("p told e0 8e", "s quiet", "p2 > 62 [ 0001 ]", "p2 < 70 [ 0001 92 ]");
  });
});

Deno.test("Keep Alive does not end a client that waits for the broker's own answer", () => {
  const gate = Promise.withResolvers<boolean>();
  return converse(5, { authorizer: { authorize: () => gate.promise } }, async (conversation) => {
    await conversation.run(
      "b connects",
      "a > 10 [ @ 02 0002 {} 'a' ]",
      "a < 20 [ 00 00 { LIMITS } ]",
      "a > 32 [ 'x' 0001 [] ]",
      "b quiet",
      "a > c0 00",
      "2 s pass",
      "2 s pass",
      "b quiet",
    );
    gate.resolve(true);
    await conversation.run("a < 40 [ 0001 10 ] d0 00", "3.5 s pass", "a told e0 8d");
  });
});

Deno.test("While a hook is asked, the broker reads nothing from the client", async () => {
  const answer = Promise.withResolvers<boolean>();
  const asked = Promise.withResolvers<void>();
  const authorize = () => {
    asked.resolve();
    return answer.promise;
  };
  await using broker = await Broker.open({ authorizer: { authorize } });
  const { server } = memoryTransport();
  let reads = 0;
  // CONNECT, PUBLISH, PINGREQ, DISCONNECT
  const chunks = ["10 0d 0004 4d515454 04 02 0000 0001 6d", "30 03 0001 78", "c0 00", "e0 00"].map(fromHex);
  const readable = new ReadableStream<Uint8Array>({
    pull(controller) {
      const chunk = chunks[reads++];
      if (chunk === undefined) controller.close();
      else controller.enqueue(chunk);
    },
  }, { highWaterMark: 0 });
  const served = broker.serve({ readable, writable: server.writable, peer: server.peer, close: () => server.close() });
  await within(asked.promise, "the authorizer is asked");
  await new Promise((resolve) => setTimeout(resolve, 0)); // Whatever would be read ahead is.
  assertEquals(reads, 2);
  answer.resolve(true);
  await within(served, "the connection does not end");
  assertEquals(reads, 4); // Behind DISCONNECT nothing more is read.
});

function refusal(): Authentication {
  return { isAccepted: false, reasonCode: 0x87, reason: "who are you" };
}
