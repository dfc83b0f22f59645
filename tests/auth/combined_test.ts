import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Authenticator, Authorizer } from "../../mod.ts";
import {
  type AccessRequest,
  allowAnonymous,
  anyAuthorizer,
  type Authentication,
  certificateNames,
  certificateSubjects,
  everyAuthenticator,
  everyAuthorizer,
  firstAuthenticator,
  hashPassword,
  jwtAuthenticator,
  PasswordAuthenticator,
  trustUserNames,
  webhookAuthenticator,
} from "../../src/auth/mod.ts";
import { authenticationRequest, type Said } from "./authentication_request.ts";

const UNKNOWN: Authentication = { isAccepted: false, reasonCode: 0x87, isUnknownUser: true };
const REFUSED: Authentication = { isAccepted: false, reasonCode: 0x8a };

function saying(result: Authentication): Authenticator {
  return { authenticate: () => result };
}

function late(result: Authentication): Authenticator {
  return { authenticate: () => Promise.resolve(result) };
}

/** The principal in quotes, or the Reason Code. */
async function outcome(authenticator: Authenticator, said: Said = {}): Promise<string> {
  const result = await authenticator.authenticate(authenticationRequest(said));
  return result.isAccepted ? `"${result.principal ?? ""}"` : `0x${result.reasonCode.toString(16)}`;
}

Deno.test("allowAnonymous lets in who gives no user name, and nobody else", async () => {
  assertEquals(await outcome(allowAnonymous), `""`);
  assertEquals(await outcome(allowAnonymous, { userName: "" }), `""`);
  assertEquals(await outcome(allowAnonymous, { userName: "ann" }), "0x87");
});

Deno.test("trustUserNames takes the user name for the principal", async () => {
  assertEquals(await outcome(trustUserNames, { userName: "ann", password: "whatever" }), `"ann"`);
  assertEquals(await outcome(trustUserNames), "0x87");
  assertEquals(await outcome(trustUserNames, { userName: "" }), "0x87");
});

Deno.test("certificateSubjects takes the subject of the certificate, whatever user name is given", async () => {
  const said = { certificateName: "a", certificateSubject: "CN=a,O=b", userName: "root" };
  assertEquals(await outcome(certificateSubjects, said), `"CN=a,O=b"`);
  assertEquals(await outcome(certificateSubjects, { certificateSubject: "" }), "0x87");
  assertEquals(await outcome(certificateSubjects, { certificateName: "ann", userName: "ann" }), "0x87");
});

Deno.test("certificateNames takes the name of the certificate, whatever user name is given", async () => {
  assertEquals(await outcome(certificateNames, { certificateName: "device 1", userName: "root" }), `"device 1"`);
  assertEquals(await outcome(certificateNames, { certificateName: "" }), "0x87");
  assertEquals(await outcome(certificateNames, { userName: "ann" }), "0x87");
});

Deno.test("firstAuthenticator: who knows the user first decides, for and against it", async () => {
  const ann = saying({ isAccepted: true, principal: "ann" });
  const bob = late({ isAccepted: true, principal: "bob" });
  assertEquals(await outcome(firstAuthenticator(saying(UNKNOWN), late(UNKNOWN), ann, bob)), `"ann"`);
  assertEquals(await outcome(firstAuthenticator(saying(UNKNOWN), bob, ann)), `"bob"`);
  assertEquals(await outcome(firstAuthenticator(saying(UNKNOWN), late(REFUSED), ann)), "0x8a");
  assertEquals(await outcome(firstAuthenticator(saying(UNKNOWN), late(UNKNOWN))), "0x87");
});

Deno.test("firstAuthenticator: a client hears the same words for a wrong password and for a user that does not exist", async () => {
  const passwords = new PasswordAuthenticator(new Map([["ann", await hashPassword("secret", 1)]]));
  const tokens = await jwtAuthenticator({ keys: { secret: new Uint8Array(32) } });
  const answer = (answered: object) => () => Promise.resolve(Response.json(answered));
  const asked = (answered: object) => webhookAuthenticator({ url: "http://x/", fetch: answer(answered) });
  const others = [allowAnonymous, tokens, asked({ allow: false }), asked({ allow: false, unknown: true })];
  for (const other of others) {
    const words = ["ann", "nobody"].map(async (userName) => {
      const all = firstAuthenticator(passwords, other);
      const result = await all.authenticate(authenticationRequest({ userName, password: "wrong" }));
      return result.isAccepted ? "" : `${result.reasonCode} ${result.reason}`;
    });
    const [ann, nobody] = await Promise.all(words);
    assertEquals([ann, nobody], Array(2).fill("135 the user name or the password is wrong"));
  }
});

Deno.test("firstAuthenticator answers at once where those that it asks do", () => {
  const ann = saying({ isAccepted: true, principal: "ann" });
  const request = authenticationRequest({});
  assertEquals(
    firstAuthenticator(saying(UNKNOWN), ann, late(REFUSED)).authenticate(request),
    ann.authenticate(request),
  );
  assertEquals(firstAuthenticator(saying(UNKNOWN)).authenticate(request), UNKNOWN);
});

Deno.test("firstAuthenticator: after one that fails, the others are not asked", async () => {
  const failing: Authenticator = { authenticate: () => Promise.reject(new Error("down")) };
  const all = firstAuthenticator(failing, trustUserNames);
  await assertRejects(async () => await all.authenticate(authenticationRequest({ userName: "ann" })), Error, "down");
});

Deno.test("everyAuthenticator: all have to let the client in, and to agree who it is", async () => {
  const ann = saying({ isAccepted: true, principal: "ann" });
  const somebody = late({ isAccepted: true });
  assertEquals(await outcome(everyAuthenticator(somebody, ann, somebody)), `"ann"`);
  assertEquals(await outcome(everyAuthenticator(ann, saying({ isAccepted: true, principal: "bob" }))), "0x87");
  assertEquals(await outcome(everyAuthenticator(ann, late(REFUSED))), "0x8a");
  assertEquals(await outcome(everyAuthenticator(ann, saying(UNKNOWN))), "0x87");
  const both = everyAuthenticator(certificateNames, trustUserNames);
  assertEquals(await outcome(both, { certificateName: "ann", userName: "ann" }), `"ann"`);
  assertEquals(await outcome(both, { certificateName: "ann", userName: "bob" }), "0x87");
});

Deno.test("everyAuthenticator gives what all of them give, until the first of them ends", async () => {
  const read = { access: "read", topicFilter: "a" } as const;
  const write = { access: "write", topicFilter: "b" } as const;
  const all = everyAuthenticator(
    saying({ isAccepted: true, principal: "ann", roles: ["x"], grants: [read], expiresAtMs: 2_000 }),
    saying({ isAccepted: true }),
    late({ isAccepted: true, roles: ["y"], grants: [write], expiresAtMs: 1_000, expiryReasonCode: 0xa0 }),
  );
  assertEquals(await all.authenticate(authenticationRequest({})), {
    isAccepted: true,
    principal: "ann",
    roles: ["x", "y"],
    grants: [read, write],
    expiresAtMs: 1_000,
    expiryReasonCode: 0xa0,
  });
});

Deno.test("everyAuthenticator gives the Reason Code of the first that ends, by a date or a duration", async () => {
  const soon = { isAccepted: true, expiresInMs: 1_000, expiryReasonCode: 0xa0 } as const;
  const later = { isAccepted: true, expiresInMs: 2_000, expiryReasonCode: 0x97 } as const;
  const dated = { isAccepted: true, expiresAtMs: Date.now() + 3_600_000, expiryReasonCode: 0x98 } as const;
  const all = everyAuthenticator(saying(later), saying(dated), saying(soon));
  assertEquals(await all.authenticate(authenticationRequest({})), {
    ...soon,
    expiresAtMs: dated.expiresAtMs,
    roles: [],
    grants: [],
  });
});

const REQUEST: AccessRequest = {
  action: "publish",
  topic: "x",
  qos: 0,
  retain: false,
  clientId: "c",
  principal: undefined,
  roles: [],
  grants: [],
  listener: "memory",
};
const YES: Authorizer = { authorize: () => true, mayReceive: () => true, version: 3 };
const NO: Authorizer = { authorize: () => false, mayReceive: () => false };
const LATE_YES: Authorizer = { ...YES, authorize: () => Promise.resolve(true) };
const LATE_NO: Authorizer = { ...NO, authorize: () => Promise.resolve(false), version: 4 };

Deno.test("everyAuthorizer and anyAuthorizer are what their names say, at once and late", async () => {
  for (const [yes, no] of [[YES, NO], [LATE_YES, LATE_NO], [YES, LATE_NO], [LATE_YES, NO]] as const) {
    for (const authorizers of [[yes, yes], [yes, no], [no, yes], [no, no]]) {
      const isYes = authorizers.map((authorizer) => authorizer === yes);
      const every = everyAuthorizer(...authorizers);
      const any = anyAuthorizer(...authorizers);
      assertEquals(await every.authorize(REQUEST), !isYes.includes(false));
      assertEquals(await any.authorize(REQUEST), isYes.includes(true));
      assertEquals(every.mayReceive?.(REQUEST), !isYes.includes(false));
      assertEquals(any.mayReceive?.(REQUEST), isYes.includes(true));
    }
  }
});

Deno.test("Without a promise of theirs everyAuthorizer and anyAuthorizer have none", () => {
  assertEquals(everyAuthorizer(YES, YES).authorize(REQUEST), true);
  assertEquals(anyAuthorizer(NO, YES, LATE_NO).authorize(REQUEST), true);
  assertEquals(everyAuthorizer(NO, LATE_YES).authorize(REQUEST), false);
});

Deno.test("The version of combined authorizers grows with each of theirs", () => {
  const changing = { ...YES, version: 1 };
  const all = everyAuthorizer(YES, NO, changing);
  const any = anyAuthorizer(YES, NO, changing);
  assertEquals([all.version, any.version], [4, 4]);
  changing.version += 1;
  assertEquals([all.version, any.version], [5, 5]);
});

Deno.test("An authorizer that does not look at deliveries is no hindrance to all, and cannot be one of any", () => {
  const blind: Authorizer = { authorize: () => true };
  assertEquals(everyAuthorizer(blind, YES).mayReceive?.(REQUEST), true);
  assertEquals(everyAuthorizer(blind, NO).mayReceive?.(REQUEST), false);
  assertThrows(() => anyAuthorizer(blind, NO), TypeError, "would let all receive everything");
});

Deno.test("Nothing cannot be combined", () => {
  for (const combine of [firstAuthenticator, everyAuthenticator, everyAuthorizer, anyAuthorizer]) {
    assertThrows(() => combine(), RangeError, "there is nothing to combine");
  }
});
