/** A session belongs to the principal that began it. */

import { assertEquals } from "@std/assert";
import { type Authenticator, MemoryStorage } from "../../mod.ts";
import { converse, type Step } from "../wire/conversation.ts";

/** Whoever says a User Name is that principal. */
const BY_USER_NAME: Authenticator = {
  authenticate: ({ connect: { userName } }) =>
    userName === undefined ? { isAccepted: true } : { isAccepted: true, principal: userName },
};
const REFUSED: { readonly [version: number]: readonly string[] } = {
  4: ["a2 < 20 [ 00 05 ]", "a2 closed"],
  5: ["a2 told 20 00 87"],
};
/** She has a subscription, and a session that outlives her connection. */
const ALICE: readonly Step[] = [
  connects("a", "alice", "00"),
  "a < 20 [ 00 00 { LIMITS } ]",
  "a > 82 [ 0001 {} 'x' 01 ]",
  "a < 90 [ 0001 {} 01 ]",
];

for (const version of [4, 5] as const) {
  const refused = REFUSED[version] ?? [];
  for (const { name, flags } of [{ name: "resumes", flags: "00" }, { name: "begins anew", flags: "02" }]) {
    Deno.test(`Another principal that ${name} gets 0x87, and the connection that has the session is untouched v${version}`, () =>
      converse(version, { authenticator: BY_USER_NAME }, (conversation) =>
        conversation.run(
          ...ALICE,
          connects("a2", "bob", flags),
          ...refused,
          connects("a2", undefined, flags), // Nobody in particular is somebody else, too.
          ...refused,
          "a quiet",
          "a > 32 [ 'x' 0001 {} \"still here\" ]",
          "a < 32 [ 'x' 0001 {} \"still here\" ] 40 [ 0001 ]",
        )));

    Deno.test(`Another principal that ${name} neither gets nor ends a session without connection v${version}`, () =>
      converse(version, { authenticator: BY_USER_NAME }, (conversation) =>
        conversation.run(
          ...ALICE,
          "a drops",
          ({ broker }) => broker.publish({ topic: "x", payload: "secret", qos: 1 }),
          connects("a2", "bob", flags),
          ...refused,
          connects("a", "alice", "00"),
          "a < 20 [ 01 00 { LIMITS } ] 32 [ 'x' 0001 {} \"secret\" ]",
        )));
  }

  Deno.test(`Another principal gets no place from the connection that has the session v${version}`, () =>
    converse(
      version,
      { authenticator: BY_USER_NAME, limits: { maximumConnections: 1 } },
      (conversation) =>
        conversation.run(
          ...ALICE,
          connects("a2", "bob", "02"),
          ...version === 5 ? ["a2 told 20 00 97"] : ["a2 < 20 [ 00 03 ]", "a2 closed"],
          "a quiet",
          connects("a3", "alice", "00"),
          "a3 < 20 [ 01 00 { LIMITS } ]",
          version === 5 ? "a told e0 8e" : "a closed",
        ),
    ));

  Deno.test(`A session belongs to its principal also when another broker has restored it v${version}`, async () => {
    const storage = new MemoryStorage();
    const options = { authenticator: BY_USER_NAME, storage };
    await converse(version, options, (conversation) =>
      conversation.run(
        ...ALICE,
        "a drops",
        ({ broker }) => broker.publish({ topic: "x", payload: "secret", qos: 1 }),
      ));
    await converse(version, options, (conversation) =>
      conversation.run(
        ({ broker }) => assertEquals(broker.metrics.sessions, 1),
        connects("a2", "bob", "00"),
        ...refused,
        connects("a2", "bob", "02"),
        ...refused,
        connects("a", "alice", "00"),
        "a < 20 [ 01 00 { LIMITS } ] 32 [ 'x' 0001 {} \"secret\" ]",
      ));
  });
}

Deno.test("A Client Identifier is free for everybody when its session has ended", () =>
  converse(5, { authenticator: BY_USER_NAME }, (conversation) =>
    conversation.run(
      ...ALICE,
      "a > e0 [ 00 [ 11 00000000 ] ]",
      "a closed",
      connects("a2", "bob", "00"),
      "a2 < 20 [ 00 00 { LIMITS } ]",
    )));

/** CONNECT as client "a"; `flags`: "00" or, with Clean Start, "02". */
function connects(client: string, userName: string | undefined, flags: string): string {
  const withUserName = userName === undefined ? flags : `8${flags[1]}`;
  return `${client} > 10 [ @ ${withUserName} 0000 { 11 00000e10 } 'a' ${
    userName === undefined ? "" : `'${userName}'`
  } ]`;
}
