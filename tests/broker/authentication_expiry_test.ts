/** An authentication that ends, and what an authenticator says beside the principal. */

import { assertEquals } from "@std/assert";
import type { Authenticator, BrokerOptions, EnhancedAuthenticator } from "../../mod.ts";
import type { Acceptance, AccessRequest } from "../../src/auth/mod.ts";
import { converse } from "../wire/conversation.ts";

const START_MS = 1_000_000; // Of each conversation.

function accepting(acceptance: Acceptance): BrokerOptions {
  const authenticator: Authenticator = { authenticate: () => ({ isAccepted: true, ...acceptance }) };
  return { authenticator };
}

for (const version of [4, 5] as const) {
  Deno.test(`A client is disconnected with 0x87 when its authentication ends, and its Will is published v${version}`, () =>
    converse(
      version,
      {
        authenticator: {
          authenticate: ({ clientId }) => ({
            isAccepted: true,
            ...clientId === "a" ? { expiresAtMs: START_MS + 5_000 } : {},
          }),
        },
      },
      (conversation) =>
        conversation.run(
          "s connects",
          "s > 82 [ 0001 {} '#' 00 ]",
          "s < 90 [ 0001 {} 00 ]",
          "a > 10 [ @ 06 0000 {} 'a' {} 'w' 'gone' ]",
          "a < 20 [ 00 00 { LIMITS } ]",
          "4999 ms pass",
          "a quiet",
          "1 ms pass",
          "a told e0 87",
          "s < 30 [ 'w' {} \"gone\" ]",
        ),
    ));
}

Deno.test("The Reason Code at the end of an authentication is the authenticator's own", () =>
  converse(
    5,
    accepting({ expiresAtMs: START_MS + 1_000, expiryReasonCode: 0xa0 }),
    (conversation) => conversation.run("a connects", "1 s pass", "a told e0 a0"),
  ));

Deno.test("A Reason Code that DISCONNECT cannot say becomes 0x87", () =>
  converse(
    5,
    accepting({ expiresAtMs: START_MS + 1_000, expiryReasonCode: 0x86 }),
    (conversation) => conversation.run("a connects", "1 s pass", "a told e0 87"),
  ));

Deno.test("An end that is not a time is now, and holds up no other deadline", () => {
  const authenticator: Authenticator = {
    authenticate: ({ clientId }) => ({ isAccepted: true, expiresAtMs: clientId === "a" ? NaN : START_MS + 1_000 }),
  };
  return converse(
    5,
    { authenticator },
    (conversation) =>
      conversation.run("b connects", "a connects", "1 ms pass", "a told e0 87", "b quiet", "1 s pass", "b told e0 87"),
  );
});

Deno.test("A client that has gone before its authentication ends leaves nothing behind", () =>
  converse(
    5,
    accepting({ expiresAtMs: START_MS + 1_000 }),
    (conversation) => conversation.run("a connects", "a drops", "2 s pass", "b connects"),
  ));

Deno.test("Authenticating again moves the end of the authentication, and changes what the client may", async () => {
  let round = 0;
  const method: EnhancedAuthenticator = {
    method: "M",
    begin: () => ({
      next() {
        round += 1;
        const roles = [`round ${round}`];
        return { kind: "accepted", principal: "ann", roles, expiresAtMs: START_MS + round * 5_000 };
      },
    }),
  };
  const asked: AccessRequest[] = [];
  const authorizer = {
    authorize(request: AccessRequest) {
      asked.push(request);
      return true;
    },
    mayReceive({ roles }: AccessRequest) {
      return roles.includes("round 2");
    },
  };
  await converse(5, { enhancedAuthenticators: [method], authorizer }, (conversation) =>
    conversation.run(
      "a > 10 [ @ 02 0000 [ 15 'M' ] 'a' ]",
      "a < 20 [ 00 00 [ 15 'M' LIMITS ] ]",
      "a > 82 [ 0001 [] '#' 00 ] 30 [ 'x' [] ]",
      "a < 90 [ 0001 [] 00 ]",
      "4 s pass",
      "a > f0 [ 19 [ 15 'M' ] ]",
      "a < f0 [ 00 [ 15 'M' ] ]",
      "a > 30 [ 'x' [] ]",
      "a < 30 [ 'x' [] ]",
      "5 s pass",
      "a quiet",
      "1 s pass",
      "a told e0 87",
    ));
  assertEquals(asked.map(({ roles }) => roles), [["round 1"], ["round 1"], ["round 2"]]);
});

Deno.test("Roles and grants of an authentication reach the authorizer, with the listener", async () => {
  const grants = [{ access: "read", topicFilter: "a/#" }] as const;
  const asked: AccessRequest[] = [];
  const authorizer = {
    authorize(request: AccessRequest) {
      asked.push(request);
      return true;
    },
  };
  await converse(
    5,
    { ...accepting({ principal: "ann", roles: ["r"], grants }), authorizer },
    (conversation) => conversation.run("a connects", "a > 30 [ 'x' [] ]"),
  );
  const { principal, roles, grants: given, listener, clientId } = asked[0] ?? {};
  assertEquals({ principal, roles, given, listener, clientId }, {
    principal: "ann",
    roles: ["r"],
    given: grants,
    listener: "memory",
    clientId: "a",
  });
});
