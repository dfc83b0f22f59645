/** A session belongs to the principal that began it. */

import { assertEquals } from "@std/assert";
import type { Authenticator } from "../../mod.ts";
import { MemoryStorage } from "../../src/storage/mod.ts";
import { GatedStorage } from "../storage/gated_storage.ts";
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
          ({ broker }) => broker.publish("x", "secret", { qos: 1 }),
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
        ({ broker }) => broker.publish("x", "secret", { qos: 1 }),
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

const SHARED: readonly Step[] = [
  connects("a", "alice", "00"),
  "a < 20 [ 00 00 { LIMITS } ]",
  "a > 82 [ 0001 {} '$share/g/x' 01 ]", // What it shares is read before its session ends.
  "a < 90 [ 0001 {} 01 ]",
];

for (const flags of ["00", "02"]) {
  Deno.test(`A client waits for the end of another's session, and begins its own, with CONNECT flags ${flags}`, () => {
    const storage = new GatedStorage();
    return converse(5, { authenticator: BY_USER_NAME, storage }, async (conversation) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      storage.restoring = promise;
      await conversation.run(
        ...SHARED,
        "a > e0 [ 00 [ 11 00000000 ] ]",
        "a closed",
        connects("a2", "bob", flags),
        connects("a3", "carol", flags),
        "q connects",
        () => resolve(),
        "a2 < 20 [ 00 00 { LIMITS } ]",
        "a3 told 20 00 87", // It is bob's by then.
        () => assertEquals(conversation.broker.metrics.sessions, 2),
      );
    });
  });
}

Deno.test("Of many connections that wait for a session while it is restored, only the last one restores it again", () => {
  const storage = new GatedStorage();
  return converse(5, { storage }, async (conversation) => {
    await conversation.run("a connects durable", "a drops");
    const { promise, resolve } = Promise.withResolvers<void>();
    storage.restoring = promise;
    const names = Array.from({ length: 20 }, (_, index) => `a${index + 2}`);
    await conversation.run(
      ...names.map((name) => connects(name, undefined, "00")),
      "q connects",
      "q quiet",
      () => resolve(),
      ...names.slice(0, -1).map((name) => `${name} told 20 00 88`), // CONNACK cannot say 0x8E. [MQTT-3.2.2-8]
      `${names.at(-1)} < 20 [ 01 00 { LIMITS } ]`,
      () => assertEquals(storage.restored, 2),
    );
  });
});

Deno.test("A session that could not be ended is nobody's, and ends for the next client", () => {
  const storage = new GatedStorage();
  return converse(5, { authenticator: BY_USER_NAME, storage }, async (conversation) => {
    const broken = Promise.reject(new Error("the disk is gone"));
    broken.catch(() => {});
    storage.restoring = broken;
    await conversation.run(
      ...SHARED,
      "a > e0 [ 00 [ 11 00000000 ] ]",
      "a closed",
      connects("a2", "bob", "00"),
      "a2 told 20 00 88",
      () => storage.restoring = Promise.resolve(),
      connects("a3", "alice", "00"),
      "a3 < 20 [ 00 00 { LIMITS } ]", // It does not come back to her either.
    );
  });
});

for (const user of ["alice", "bob"]) {
  Deno.test(`A session that has expired is over before its deadline is served, for ${user}`, () =>
    converse(5, { authenticator: BY_USER_NAME }, (conversation) =>
      conversation.run(
        ...ALICE,
        "a drops",
        () => conversation.machine.pass(3_600_000),
        connects("a2", user, "00"),
        "a2 < 20 [ 00 00 { LIMITS } ]",
        () => assertEquals(conversation.broker.metrics.sessions, 1),
      )));
}

Deno.test("A client that comes in the turn in which another one is put out begins a session", () => {
  let putOut = () => 0;
  const authenticator: Authenticator = {
    authenticate: (request) => {
      if (request.connect.userName === "bob") putOut();
      return BY_USER_NAME.authenticate(request);
    },
  };
  return converse(5, { authenticator }, async (conversation) => {
    putOut = () => conversation.broker.disconnect({ clientId: "a" });
    await conversation.run(
      connects("a", "alice", "02").replace("11 00000e10", ""),
      "a < 20 [ 00 00 { LIMITS } ]",
      connects("a2", "bob", "02"),
      "a2 < 20 [ 00 00 { LIMITS } ]",
      "a told e0 98",
    );
  });
});

/** CONNECT as client "a"; `flags`: "00" or, with Clean Start, "02". */
function connects(client: string, userName: string | undefined, flags: string): string {
  const withUserName = userName === undefined ? flags : `8${flags[1]}`;
  return `${client} > 10 [ @ ${withUserName} 0000 { 11 00000e10 } 'a' ${
    userName === undefined ? "" : `'${userName}'`
  } ]`;
}
