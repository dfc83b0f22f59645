/** What hooks of a host without types may answer: `true` alone is true, and whatever is no answer refuses and is told. */

import { assertEquals, assertThrows } from "@std/assert";
import type { Authenticator, Authorizer, BrokerOptions, EnhancedAuthenticator } from "../../mod.ts";
import {
  anyAuthorizer,
  everyAuthenticator,
  everyAuthorizer,
  firstAuthenticator,
  trustUserNames,
} from "../../src/auth/mod.ts";
import { converse, type Step } from "../wire/conversation.ts";

const CONNECT = "a > 10 [ @ 82 0000 {} 'a' 'ann' ]";
const LET_IN: readonly Step[] = [CONNECT, "a < 20 [ 00 00 { LIMITS } ]"];
const REFUSED: readonly Step[] = [CONNECT, "a told 20 00 87"];

/** An answer as a host without types gives it, and the error that tells it; `undefined`: none. */
interface Row {
  readonly name: string;
  readonly answer: () => unknown;
  readonly told?: string;
}

/** A promise in the manner of other libraries. */
function thenable(value: unknown): unknown {
  return { then: (resolve: (value: unknown) => void) => queueMicrotask(() => resolve(value)) };
}

const wanted = (came: string, where = "") => `Cannot use the answer of authenticate(): ${came} came${where}, where `;
const accepted = (more: object) => ({ isAccepted: true, ...more });

const ACCEPTING: readonly Row[] = [
  { name: "true", answer: () => accepted({}) },
  { name: "a promise of it", answer: () => Promise.resolve(accepted({})) },
  { name: "a thenable of it", answer: () => thenable(accepted({})) },
  { name: "a promise of true in it", answer: () => ({ isAccepted: Promise.resolve(true) }) },
  { name: "a thenable of true in it", answer: () => ({ isAccepted: thenable(true), principal: thenable("ann") }) },
  { name: "true, and promises in a list", answer: () => accepted({ roles: [Promise.resolve("a"), thenable("b")] }) },
  { name: "promises in promises", answer: () => Promise.resolve({ isAccepted: thenable(thenable(true)) }) },
];
const REFUSING: readonly Row[] = [
  { name: "false", answer: () => ({ isAccepted: false, reasonCode: 0x87 }) },
  { name: "false alone", answer: () => ({ isAccepted: false }) },
  { name: "a promise of false", answer: () => ({ isAccepted: Promise.resolve(false) }) },
  { name: "a thenable of false", answer: () => ({ isAccepted: thenable(false), reasonCode: 0x87 }) },
  { name: `"false"`, answer: () => ({ isAccepted: "false" }), told: wanted(`"false"`, ` as "isAccepted"`) },
  { name: `"true"`, answer: () => ({ isAccepted: "true" }), told: wanted(`"true"`, ` as "isAccepted"`) },
  { name: "1", answer: () => ({ isAccepted: 1 }), told: wanted("1", ` as "isAccepted"`) },
  { name: "an object", answer: () => ({ isAccepted: {} }), told: wanted("an object", ` as "isAccepted"`) },
  { name: "a list", answer: () => ({ isAccepted: [] }), told: wanted("a list", ` as "isAccepted"`) },
  {
    name: "a function",
    answer: () => ({ isAccepted: () => true }),
    told: wanted("a function", ` as "isAccepted"`),
  },
  {
    name: "a promise of 1",
    answer: () => ({ isAccepted: Promise.resolve(1) }),
    told: wanted("1", ` as "isAccepted"`),
  },
  { name: "a long text", answer: () => "x".repeat(40), told: wanted("a text of 40 characters") },
  { name: "true alone", answer: () => true, told: wanted("true") },
  { name: "a promise of true alone", answer: () => Promise.resolve(true), told: wanted("true") },
  { name: "nothing", answer: () => undefined, told: wanted("nothing") },
  { name: "null", answer: () => null, told: wanted("null") },
  { name: "an empty object", answer: () => ({}), told: wanted("nothing", ` as "isAccepted"`) },
  { name: "a promise that rejects", answer: () => ({ isAccepted: Promise.reject(new Error("down")) }), told: "down" },
  {
    name: "two promises that reject",
    answer: () => ({ isAccepted: Promise.reject(new Error("down")), principal: Promise.reject(new Error("up")) }),
    told: "down",
  },
  {
    name: "a then that throws",
    answer: () => ({
      get then() {
        throw new Error("no then");
      },
    }),
    told: "no then",
  },
  {
    name: "Reason Code 0",
    answer: () => ({ isAccepted: false, reasonCode: 0 }),
    told: wanted("0", ` as "reasonCode"`),
  },
  {
    name: "a Reason Code of SUBACK",
    answer: () => ({ isAccepted: false, reasonCode: 0x8f }),
    told: wanted("143", ` as "reasonCode"`),
  },
  {
    name: "a Reason Code as text",
    answer: () => ({ isAccepted: false, reasonCode: "0x87" }),
    told: wanted(`"0x87"`, ` as "reasonCode"`),
  },
  { name: "a number as principal", answer: () => accepted({ principal: 7 }), told: wanted("7", ` as "principal"`) },
  { name: "null as principal", answer: () => accepted({ principal: null }), told: wanted("null", ` as "principal"`) },
  { name: "a text as roles", answer: () => accepted({ roles: "admin" }), told: wanted(`"admin"`, ` as "roles"`) },
  { name: "a list of numbers as roles", answer: () => accepted({ roles: [1] }), told: wanted("a list", ` as "roles"`) },
  { name: "an object as grants", answer: () => accepted({ grants: {} }), told: wanted("an object", ` as "grants"`) },
  {
    name: "a grant with another access",
    answer: () => accepted({ grants: [{ access: "Deny", topicFilter: "a" }] }),
    told: wanted("a list", ` as "grants"`),
  },
  {
    name: "a grant of what is no Topic Filter",
    answer: () => accepted({ grants: [{ access: "read", topicFilter: "a#" }] }),
    told: wanted("a list", ` as "grants"`),
  },
  {
    name: "a promise that rejects in a list",
    answer: () => accepted({ roles: [Promise.reject(new Error("down"))] }),
    told: "down",
  },
  {
    name: "a promise that rejects in a grant",
    answer: () => accepted({ grants: [{ access: "read", topicFilter: Promise.reject(new Error("down")) }] }),
    told: wanted("a list", ` as "grants"`),
  },
  {
    name: "a promise that rejects in a field of another kind",
    answer: () => ({ isAccepted: { user: Promise.reject(new Error("down")) } }),
    told: wanted("an object", ` as "isAccepted"`),
  },
  {
    name: "a date as end",
    answer: () => accepted({ expiresAtMs: new Date(0) }),
    told: wanted("an object", ` as "expiresAtMs"`),
  },
];

/** The same, alone and combined with others. */
const COMBINED: readonly (readonly [name: string, make: (authenticator: Authenticator) => Authenticator])[] = [
  ["alone", (authenticator) => authenticator],
  ["first of two", (authenticator) => firstAuthenticator(authenticator, { authenticate: () => ({ ...REFUSAL }) })],
  ["one of all", (authenticator) => everyAuthenticator(authenticator, trustUserNames)],
];
const REFUSAL = { isAccepted: false, reasonCode: 0x87 } as const;

for (const [how, make] of COMBINED) {
  const authenticator = ({ answer }: Row) => make({ authenticate: answer as Authenticator["authenticate"] });
  for (const row of ACCEPTING) {
    Deno.test(`An authenticator, ${how}, lets in with isAccepted: ${row.name}`, () =>
      withHooks({ authenticator: authenticator(row) }, LET_IN));
  }
  for (const row of REFUSING) {
    Deno.test(`An authenticator, ${how}, refuses with ${row.name}`, () =>
      withHooks({ authenticator: authenticator(row) }, REFUSED, row.told));
  }
}

Deno.test("An authenticator that answers at once has no promise", () => {
  const authenticators = [trustUserNames, { authenticate: () => ({ isAccepted: true, principal: "ann" } as const) }];
  for (const authenticator of authenticators) {
    const both = firstAuthenticator(authenticator, authenticator);
    // Only the user name is looked at.
    const request = { connect: { userName: "ann" } } as Parameters<Authenticator["authenticate"]>[0];
    assertEquals(both.authenticate(request), { isAccepted: true, principal: "ann" });
  }
});

const WRONG: readonly (readonly [name: string, answer: () => unknown, shown: string])[] = [
  [`"false"`, () => "false", `"false"`],
  ["1", () => 1, "1"],
  ["nothing", () => undefined, "nothing"],
  ["null", () => null, "null"],
  ["an object", () => ({ isAllowed: true }), "an object"],
];
const YES: Authorizer = { authorize: () => true, mayReceive: () => true, mayStillPublish: () => true };

for (const [name, answer, shown] of WRONG) {
  for (const late of [false, true]) {
    const authorize = (late ? () => Promise.resolve(answer()) : answer) as Authorizer["authorize"];
    for (const [how, authorizer] of authorizers({ ...YES, authorize })) {
      Deno.test(`An authorizer, ${how}, that answers ${late ? "a promise of " : ""}${name} refuses, and it is told`, () =>
        withHooks(
          { authorizer },
          ["a connects", "a > 82 [ 0001 {} 'x' 00 ]", "a < 90 [ 0001 {} 87 ]"],
          `Cannot use the answer of authorize(): ${shown} came, where true or false is wanted`,
        ));
    }
  }
  for (const [how, authorizer] of authorizers({ ...YES, mayReceive: answer as () => boolean })) {
    Deno.test(`An authorizer, ${how}, whose mayReceive answers ${name} withholds the message, and it is told`, () =>
      withHooks(
        { authorizer },
        ["a connects", "a > 82 [ 0001 {} 'x' 00 ]", "a < 90 [ 0001 {} 00 ]", "a > 30 [ 'x' {} \"1\" ]", "a quiet"],
        `Cannot use the answer of mayReceive(): ${shown} came, where true or false at once is wanted`,
      ));
  }
  for (const [how, authorizer] of authorizers({ ...YES, mayStillPublish: answer as () => boolean })) {
    Deno.test(`An authorizer, ${how}, whose mayStillPublish answers ${name} withholds the retained message, and it is told`, () =>
      withHooks(
        { authorizer },
        [
          "a connects",
          "a > 31 [ 'x' {} \"1\" ]",
          "a quiet",
          "a > 82 [ 0001 {} 'x' 00 ]",
          "a < 90 [ 0001 {} 00 ]",
          "a quiet",
        ],
        `Cannot use the answer of mayStillPublish(): ${shown} came, where true or false at once is wanted`,
      ));
  }
}

Deno.test("A thenable of an authorizer is awaited", () =>
  withHooks(
    { authorizer: { authorize: () => thenable(true) as Promise<boolean> } },
    ["a connects", "a > 82 [ 0001 {} 'x' 00 ]", "a < 90 [ 0001 {} 00 ]"],
  ));

Deno.test("A promise of mayReceive that rejects ends nothing", () =>
  withHooks(
    { authorizer: { ...YES, mayReceive: () => Promise.reject(new Error("late")) as unknown as boolean } },
    ["a connects", "a > 82 [ 0001 {} 'x' 00 ]", "a < 90 [ 0001 {} 00 ]", "a > 30 [ 'x' {} \"1\" ]", "a quiet"],
    "a promise came, where true or false at once is wanted",
  ));

Deno.test("anyAuthorizer does not keep a retained message because one authorizer cannot say who may publish it", () => {
  const { mayStillPublish: _, ...silent } = YES;
  const no: Authorizer = { ...YES, mayStillPublish: () => false };
  const request = {} as Parameters<Authorizer["authorize"]>[0]; // It is not looked at.
  assertEquals(anyAuthorizer(silent, no).mayStillPublish?.(request), false);
  assertEquals(anyAuthorizer(silent, no, YES).mayStillPublish?.(request), true);
  assertEquals(anyAuthorizer(silent, silent).mayStillPublish, undefined);
  assertEquals(everyAuthorizer(silent, no).mayStillPublish?.(request), false);
  assertEquals(everyAuthorizer(silent, YES).mayStillPublish?.(request), true);
});

const STEPS: readonly Row[] = [
  { name: "another kind", answer: () => ({ kind: "reject" }), told: `next(): "reject" came as "kind"` },
  { name: "no kind", answer: () => ({ isAccepted: true }), told: `next(): nothing came as "kind"` },
  { name: "true", answer: () => true, told: "next(): true came, " },
  { name: "nothing", answer: () => undefined, told: "next(): nothing came, " },
  {
    name: "a text as data",
    answer: () => ({ kind: "accepted", data: "v=1" }),
    told: `next(): "v=1" came as "data"`,
  },
  {
    name: "a number as principal",
    answer: () => ({ kind: "accepted", principal: 7 }),
    told: `next(): 7 came as "principal"`,
  },
  {
    name: "Reason Code 0",
    answer: () => ({ kind: "refused", reasonCode: 0, reason: "no" }),
    told: `next(): 0 came as "reasonCode"`,
  },
  { name: "a refusal without a reason", answer: () => ({ kind: "refused" }) },
  {
    name: "a refusal that only DISCONNECT can say",
    answer: () => ({ kind: "refused", reasonCode: 0xa0, reason: "no" }),
  },
  { name: "a promise of a refusal in it", answer: () => ({ kind: Promise.resolve("refused"), reason: "no" }) },
];
for (const { name, answer, told } of STEPS) {
  Deno.test(`An exchange that answers ${name} refuses the client`, () =>
    withHooks({ enhancedAuthenticators: [method(() => ({ next: answer }))] }, [BEGIN, "a told 20 00 87"], told));
}

const BEGIN = "a > 10 [ @ 02 0000 { 15 'M' } 'a' ]";
const BEGUN: readonly Row[] = [
  { name: "nothing", answer: () => undefined, told: "begin(): nothing came, " },
  { name: "an object without next()", answer: () => ({}), told: "begin(): an object came, " },
  { name: "a promise that rejects", answer: () => Promise.reject(new Error("down")), told: "down" },
];
for (const { name, answer, told } of BEGUN) {
  Deno.test(`A method that begins with ${name} refuses the client`, () =>
    withHooks({ enhancedAuthenticators: [method(answer)] }, [BEGIN, "a told 20 00 87"], told));
}

Deno.test("A promise of an exchange, and promises in what it answers, are awaited", () => {
  const next = () => Promise.resolve({ kind: thenable("accepted"), principal: Promise.resolve("ann") });
  const enhancedAuthenticators = [method(() => Promise.resolve({ next }))];
  return withHooks({ enhancedAuthenticators }, [BEGIN, "a < 20 [ 00 00 { 15 'M' LIMITS } ]"]);
});

Deno.test("Response Information that is no text is none, and a version that throws is told once", async () => {
  const responseInformation = (() => 7) as unknown as () => string;
  await withHooks(
    { responseInformation },
    ["a > 10 [ @ 02 0000 { 19 01 } 'a' ]", "a < 20 [ 00 00 { LIMITS } ]"],
    "responseInformation(): 7 came",
  );
  let isBroken = false;
  const authorizer: Authorizer = {
    ...YES,
    get version(): number {
      if (isBroken) throw new Error("no version");
      return 1;
    },
  };
  const twice = ["a > 30 [ 'x' {} \"1\" ]", "a < 30 [ 'x' {} \"1\" ]", "1 s pass"];
  const subscribed = ["a > 82 [ 0001 {} 'x' 00 ]", "a < 90 [ 0001 {} 00 ]"];
  await withHooks(
    { authorizer },
    ["a connects", ...subscribed, () => isBroken = true, ...twice, ...twice],
    "no version",
  );
});

Deno.test("broker.disconnect() by a function that answers a promise ends nobody", () =>
  withHooks({}, ["a connects", ({ broker }) => {
    const who = (() => Promise.resolve(false)) as unknown as () => boolean;
    assertThrows(() => broker.disconnect(who), TypeError, "disconnect(): a promise came");
  }, "a quiet"]));

/** An authorizer alone, and combined with one that allows everything where that decides nothing. */
function authorizers(authorizer: Authorizer): [string, Authorizer][] {
  const no: Authorizer = { authorize: () => false, mayReceive: () => false, mayStillPublish: () => false };
  return [["alone", authorizer], ["one of all", everyAuthorizer(YES, authorizer)], [
    "one of several",
    anyAuthorizer(
      { ...no, ...pick(authorizer) },
      authorizer,
    ),
  ]];
}

/** What the first of several says where the other one is not wrong. */
function pick({ authorize, mayReceive }: Authorizer): Partial<Authorizer> {
  return {
    ...authorize === YES.authorize ? { authorize } : {},
    ...mayReceive !== undefined && mayReceive === YES.mayReceive ? { mayReceive } : {},
  };
}

function method(begin: () => unknown): EnhancedAuthenticator {
  return { method: "M", begin: begin as EnhancedAuthenticator["begin"] };
}

async function withHooks(options: BrokerOptions, steps: readonly Step[], told?: string): Promise<void> {
  const errors: string[] = [];
  const onEvent: BrokerOptions["onEvent"] = (event) => {
    if (event.kind === "unexpectedError") errors.push(String(event.error));
  };
  await converse(5, { ...options, onEvent }, (conversation) => conversation.run(...steps), told === undefined ? 0 : 1);
  if (told !== undefined) assertEquals([told, errors[0]?.includes(told)], [told, true], errors[0]);
}
