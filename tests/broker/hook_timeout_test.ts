/** Hooks that never answer, and hooks that throw when they are only told something. */

import { assert, assertEquals, assertGreater } from "@std/assert";
import type { BrokerEvent, BrokerOptions, EnhancedAuthenticator } from "../../mod.ts";
import type { Authentication } from "../../src/auth/mod.ts";
import { within } from "../deadline.ts";
import { converse } from "../wire/conversation.ts";

const NEVER = new Promise<never>(() => {});
const HOOK_TIMEOUT_MS = 100;
const limits = { hookTimeoutMs: HOOK_TIMEOUT_MS };
const SILENT: EnhancedAuthenticator = { method: "M", begin: () => ({ next: () => NEVER }) };

Deno.test("An authorizer that never answers has refused after hookTimeoutMs, and the client goes on", () =>
  converse(5, { limits, authorizer: { authorize: ({ topic }) => topic === "slow" ? NEVER : true } }, (c) =>
    c.run(
      "s connects",
      "s > 82 [ 0001 [] '#' 00 ]",
      "s < 90 [ 0001 [] 00 ]",
      "p connects",
      "p > 32 [ 'slow' 0001 [] \"1\" ] 32 [ 'x' 0002 [] \"2\" ] 82 [ 0003 [] 'slow' 00 ]",
      "p < 40 [ 0001 87 ] 40 [ 0002 ] 90 [ 0003 [] 87 ]",
      "s < 30 [ 'x' [] \"2\" ]",
    ), 2));

Deno.test("What an authorizer answers after hookTimeoutMs changes nothing", () => {
  const late = Promise.withResolvers<boolean>();
  const authorizer = { authorize: ({ topic }: { topic: string }) => topic === "slow" ? late.promise : true };
  return converse(4, { limits, authorizer }, async (conversation) => {
    await conversation.run(
      "s connects",
      "s > 82 [ 0001 '#' 00 ]",
      "s < 90 [ 0001 00 ]",
      "p connects",
      "p > 32 [ 'slow' 0001 ]",
      "p < 40 [ 0001 ]",
    );
    late.resolve(true);
    await conversation.run("p quiet", "s quiet");
  }, 1);
});

const CONNECTS: readonly { readonly name: string; readonly options: BrokerOptions; readonly connect: string }[] = [
  {
    name: "An authenticator",
    options: { authenticator: { authenticate: () => NEVER } },
    connect: "10 [ @ 02 0000 [] 'a' ]",
  },
  {
    name: "An authorizer of a Will",
    options: { authorizer: { authorize: () => NEVER } },
    connect: "10 [ @ 06 0000 [] 'a' [] 'w' 'gone' ]",
  },
  {
    name: "An enhanced authenticator",
    options: { enhancedAuthenticators: [SILENT] },
    connect: "10 [ @ 02 0000 [ 15 'M' ] 'a' ]",
  },
];
for (const { name, options, connect } of CONNECTS) {
  Deno.test(`${name} that never answers lets nobody in after hookTimeoutMs`, () =>
    converse(5, { limits, ...options }, (conversation) =>
      conversation.run(
        `a > ${connect}`,
        "a told 20 00 87",
        ({ broker }) => assertEquals([broker.metrics.connections, broker.metrics.sessions], [0, 0]),
      ), 1));

  Deno.test(`${name} that never answers holds no connection beyond connectTimeoutMs`, () =>
    converse(5, { ...options, limits: { connectTimeoutMs: 1_000 } }, async (conversation) => {
      await conversation.run(`a > ${connect}`, "b > c0 00", "b closed", "1 s pass", "a told 20 00 80");
      assertEquals(conversation.broker.metrics.connections, 0);
    }));

  Deno.test(`${name} that never answers does not keep the broker from closing`, () =>
    converse(5, options, async (conversation) => {
      await conversation.run(`a > ${connect}`, "b > c0 00", "b closed");
      const closing = conversation.broker.close();
      await conversation.run("a told 20 00 88");
      await within(closing, "the broker to close", 2_000);
    }));
}

Deno.test("An authorizer that never answers does not keep the broker from closing", () =>
  converse(5, { authorizer: { authorize: () => NEVER } }, async (conversation) => {
    await conversation.run("b connects", "a connects", "a > 30 [ 'x' [] ]", "b quiet");
    const closing = conversation.broker.close();
    await conversation.run("a told e0 8b", "b told e0 8b");
    await within(closing, "the broker to close", 2_000);
    assertEquals(conversation.broker.metrics.connections, 0);
  }));

Deno.test("A client that goes while its authorizer never answers is gone after hookTimeoutMs", () =>
  converse(4, { limits, authorizer: { authorize: () => NEVER } }, async (conversation) => {
    await conversation.run("b connects", "a connects", "a > 30 [ 'x' ]", "b quiet", "a drops");
    assertEquals(conversation.broker.metrics.connections, 1);
  }, 1));

Deno.test("onEvent and onPacket that throw harm nobody", async () => {
  const kinds = new Set<BrokerEvent["kind"]>();
  let packets = 0;
  const options: BrokerOptions = {
    authenticator: { authenticate: (): Authentication => ({ isAccepted: true }) },
    onEvent({ kind }) {
      kinds.add(kind);
      throw new Error("the log is full");
    },
    onPacket() {
      packets += 1;
      throw new Error("the log is full");
    },
  };
  await converse(5, options, (conversation) =>
    conversation.run(
      "a connects",
      "a > 82 [ 0001 [] 'x' 01 ] 32 [ 'x' 0001 [] \"1\" ]",
      "a < 90 [ 0001 [] 01 ] 32 [ 'x' 0001 [] \"1\" ] 40 [ 0001 ]",
      "a2 connects",
      "a told e0 8e",
      "b > 30 [ 'x' [] ]",
      "b closed",
      "a2 disconnects",
    ));
  for (const kind of ["connectionOpened", "clientConnected", "clientTakenOver", "connectionClosed"] as const) {
    assert(kinds.has(kind), kind);
  }
  assertGreater(packets, 8);
});
