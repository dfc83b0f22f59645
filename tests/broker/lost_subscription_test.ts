/** Subscriptions that other rules take away end, at once for those who are connected, and else when they come back. */

import { assertEquals } from "@std/assert";
import type { Authorizer, BrokerEvent, BrokerOptions } from "../../mod.ts";
import { AccessControl, type AccessRequest, type AccessRules, trustUserNames } from "../../src/auth/mod.ts";
import { MemoryStorage } from "../../src/storage/mod.ts";
import { within } from "../deadline.ts";
import { converse, type Step } from "../wire/conversation.ts";

const RULES: AccessRules = {
  users: [
    { name: "ann", rules: [{ access: "read", topic: "a/#" }, { access: "read", topic: "b" }] },
    { name: "sue", rules: [{ access: "readwrite", topic: "#" }] },
  ],
};
const NONE: AccessRules = { users: RULES.users?.slice(1) ?? [] };
/** Ann may read `b` alone. */
const FEWER: AccessRules = { users: [...NONE.users ?? [], { name: "ann", rules: [{ access: "read", topic: "b" }] }] };

/** Session Expiry Interval 3,600 s. */
const ANN_DURABLE = ["a > 10 [ @ 80 0000 { 11 00000e10 } 'a' 'ann' ]", "a < 20 [ 00 00 { LIMITS } ]"];
const ANN_RESUMES = ["a > 10 [ @ 80 0000 { 11 00000e10 } 'a' 'ann' ]", "a < 20 [ 01 00 { LIMITS } ]"];
const ANN_SUBSCRIBES = ["a > 82 [ 0001 {} 'a/+' 01 'b' 01 '$share/g/a/1' 01 ]", "a < 90 [ 0001 {} 01 01 01 ]"];
const SUE = ["s > 10 [ @ 82 0000 {} 's' 'sue' ]", "s < 20 [ 00 00 { LIMITS } ]"];
const SUE_PUBLISHES = "s > 30 [ 'a/1' {} \"1\" ] 30 [ 'b' {} \"2\" ]";

/** Events of lost subscriptions, and a promise for so many of them. */
class Lost {
  readonly #lines: string[] = [];
  #whenMore = () => {};

  readonly onEvent = (event: BrokerEvent): void => {
    if (event.kind !== "subscriptionLost") return;
    this.#lines.push(`${event.clientId} ${event.principal} ${event.topicFilter}`);
    this.#whenMore();
  };

  readonly are = async (...lines: readonly string[]): Promise<void> => {
    while (this.#lines.length < lines.length) {
      await within(new Promise<void>((resolve) => this.#whenMore = resolve), `${lines.length} lost subscriptions`);
    }
    assertEquals(this.#lines.splice(0).sort(), [...lines].sort());
  };
}

function converseWith(
  options: BrokerOptions & { readonly authorizer: Authorizer },
  steps: (lost: Lost) => readonly Step[],
  version: 3 | 4 | 5 = 5,
  defects = 0,
): Promise<void> {
  const lost = new Lost();
  const { onEvent } = lost;
  return converse(version, { authenticator: trustUserNames, onEvent, ...options }, async (conversation) => {
    await conversation.run(...steps(lost));
    await lost.are();
  }, defects);
}

for (const version of [3, 4, 5] as const) {
  Deno.test(`A client that loses a subscription is disconnected with 0x87, and its session has it no more v${version}`, () => {
    const authorizer = new AccessControl(RULES);
    return converseWith({ authorizer }, (lost) => [
      ...ANN_DURABLE,
      ...ANN_SUBSCRIBES,
      ...SUE,
      SUE_PUBLISHES,
      // The Shared Subscription has the first message too.
      "a < 30 [ 'a/1' {} \"1\" ]",
      "a < 30 [ 'a/1' {} \"1\" ] 30 [ 'b' {} \"2\" ]",
      () => authorizer.replace(FEWER),
      "100 ms pass",
      ...version === 5
        ? [
          `a < e0 [ 87 [ 1f 'the rules have changed: not authorized to subscribe to "a/+" and 1 other Topic Filters' ] ]`,
        ]
        : [],
      "a closed",
      () => lost.are("a ann a/+", "a ann $share/g/a/1"),
      () => authorizer.replace(RULES), // What is gone does not come back.
      ...version === 3 ? [ANN_RESUMES[0] as string, "a < 20 [ 00 00 { LIMITS } ]"] : ANN_RESUMES,
      SUE_PUBLISHES,
      "a < 30 [ 'b' {} \"2\" ]",
    ], version);
  });

  Deno.test(`A client that loses a subscription stays connected where it is to be unsubscribed v${version}`, () => {
    const authorizer = new AccessControl(RULES);
    return converseWith({ authorizer, lostSubscription: "unsubscribe" }, (lost) => [
      ...ANN_DURABLE,
      ...ANN_SUBSCRIBES,
      ...SUE,
      () => authorizer.replace(FEWER),
      "100 ms pass",
      () => lost.are("a ann a/+", "a ann $share/g/a/1"),
      SUE_PUBLISHES,
      "a < 30 [ 'b' {} \"2\" ]",
      () => authorizer.replace(RULES),
      "100 ms pass",
      SUE_PUBLISHES,
      "a < 30 [ 'b' {} \"2\" ]",
      "a > a2 [ 0002 {} 'a/+' 'b' ]",
      "a < b0 [ 0002 <00 11 00> ]",
    ], version);
  });
}

Deno.test("A client that has nothing to lose is not disconnected, whatever becomes of the rights of others", () => {
  const authorizer = new AccessControl(RULES);
  return converseWith({ authorizer }, (lost) => [
    ...SUE,
    "s > 82 [ 0001 {} '#' 00 ]",
    "s < 90 [ 0001 {} 00 ]",
    ...ANN_DURABLE,
    ...ANN_SUBSCRIBES,
    () => authorizer.replace(NONE),
    "100 ms pass",
    "a told e0 87",
    () => lost.are("a ann a/+", "a ann b", "a ann $share/g/a/1"),
    "s > 30 [ 'x' {} \"1\" ]",
    "s < 30 [ 'x' {} \"1\" ]",
  ]);
});

Deno.test("The subscriptions of a session are authorized again when its client comes back, queued messages included", () => {
  const authorizer = new AccessControl(RULES);
  return converseWith({ authorizer }, (lost) => [
    ...ANN_DURABLE,
    ...ANN_SUBSCRIBES,
    "a disconnects",
    ...SUE,
    "s > 32 [ 'a/2' 0001 {} \"1\" ] 32 [ 'b' 0002 {} \"2\" ]",
    "s < 40 [ 0001 ] 40 [ 0002 ]",
    () => authorizer.replace(FEWER),
    "100 ms pass", // Who is away is asked about when it is back.
    ...ANN_RESUMES,
    () => lost.are("a ann a/+", "a ann $share/g/a/1"),
    "a < 32 [ 'b' 0001 {} \"2\" ]",
    "a > 40 [ 0001 ]",
    () => authorizer.replace(RULES),
    SUE_PUBLISHES,
    "a < 30 [ 'b' {} \"2\" ]",
  ]);
});

Deno.test("A session that was stored is authorized by the rules of the broker that opens it", async () => {
  const storage = new MemoryStorage();
  await converseWith(
    { storage, authorizer: new AccessControl(RULES) },
    () => [...ANN_DURABLE, ...ANN_SUBSCRIBES, "a disconnects"],
  );
  await converseWith({ storage, authorizer: new AccessControl(FEWER) }, (lost) => [
    ...ANN_RESUMES,
    () => lost.are("a ann a/+", "a ann $share/g/a/1"),
    "a disconnects",
  ]);
  // The storage has them no more either.
  await converseWith({ storage, authorizer: new AccessControl(RULES) }, () => [
    ...SUE,
    ...ANN_RESUMES,
    SUE_PUBLISHES,
    "a < 30 [ 'b' {} \"2\" ]",
  ]);
});

Deno.test("reload() has an authorizer without a version asked again, also one that takes its time", () => {
  let mayRead = true;
  const authorizer: Authorizer = {
    authorize: ({ action, topic }: AccessRequest) =>
      Promise.resolve(action !== "subscribe" || topic !== "b" || mayRead),
  };
  return converseWith({ authorizer }, (lost) => [
    ...ANN_DURABLE,
    ...ANN_SUBSCRIBES,
    ({ broker }) => {
      mayRead = false;
      broker.reload({});
    },
    `a < e0 [ 87 [ 1f 'the rules have changed: not authorized to subscribe to "b"' ] ]`,
    "a closed",
    () => lost.are("a ann b"),
  ]);
});

Deno.test("While nobody can say what a client may subscribe to, it is not let in, and loses nothing", () => {
  let isBroken = false;
  const authorizer: Authorizer = {
    authorize: () => isBroken ? Promise.reject(new Error("the rules cannot be read")) : true,
  };
  return converseWith(
    { authorizer },
    () => [
      ...ANN_DURABLE,
      ...ANN_SUBSCRIBES,
      ({ broker }) => {
        isBroken = true;
        broker.reload({});
      },
      "a < e0 [ 83 [ 1f 'what the client may subscribe to is not known' ] ]",
      "a closed",
      ANN_RESUMES[0] as string, // There are two.
      "a told 20 00 88",
      () => isBroken = false,
      ...ANN_RESUMES,
      ({ broker }) => broker.publish("b", "2"),
      "a < 30 [ 'b' {} \"2\" ]",
    ],
    5,
    2,
  );
});

Deno.test("A subscription that is made again while it is looked at is left alone", () => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<boolean>();
  let isReviewed = false;
  const authorizer: Authorizer = {
    authorize({ action }) {
      if (!isReviewed || action !== "subscribe") return true;
      isReviewed = false;
      asked.resolve();
      return answer.promise;
    },
  };
  return converseWith({ authorizer }, () => [
    ...ANN_DURABLE,
    "a > 82 [ 0001 {} 'b' 01 ]",
    "a < 90 [ 0001 {} 01 ]",
    ({ broker }) => {
      isReviewed = true;
      broker.reload({});
      return within(asked.promise, "the review to ask");
    },
    "a > 82 [ 0002 {} 'b' 00 ]",
    "a < 90 [ 0002 {} 00 ]",
    () => answer.resolve(false),
    ({ broker }) => broker.publish("b", "2"),
    "a < 30 [ 'b' {} \"2\" ]",
  ]);
});
