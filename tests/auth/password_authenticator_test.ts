import process from "node:process";
import { assert, assertEquals, assertGreater, assertLess, assertThrows } from "@std/assert";
import {
  type Authentication,
  hashPassword,
  hashPasswordByArgon2id,
  hashPasswordByScrypt,
  PasswordAuthenticator,
  type PasswordAuthenticatorOptions,
  type PasswordHash,
} from "../../src/auth/mod.ts";
import { authenticationRequest, type Said } from "./authentication_request.ts";

const CHEAP: PasswordHash = await hashPassword("secret", 101);
const COSTLY: PasswordHash = await hashPassword("secret", 210_000);
const MANY: PasswordAuthenticatorOptions = { failures: { burst: 100_000 } };

/** Principal of a client, or the Reason Code of its refusal. */
async function outcome(authenticator: PasswordAuthenticator, said: Said): Promise<string | number | undefined> {
  const result = await authenticator.authenticate(authenticationRequest(said));
  return result.isAccepted ? result.principal : result.reasonCode;
}

Deno.test("A user gets in with the right password, and its name is the principal", async () => {
  const authenticator = new PasswordAuthenticator(new Map([["ann", CHEAP]]));
  assertEquals(await outcome(authenticator, { userName: "ann", password: "secret" }), "ann");
  const refused: readonly Said[] = [
    { userName: "ann", password: "wrong" },
    { userName: "ann", password: "" },
    { userName: "ann" },
    { userName: "bob", password: "secret" },
    { userName: "", password: "secret" },
    { password: "secret" },
    {},
  ];
  for (const said of refused) assertEquals([said, await outcome(authenticator, said)], [said, 0x87]);
});

Deno.test("A user that does not exist is refused with the same words as a wrong password", async () => {
  const authenticator = new PasswordAuthenticator(new Map([["ann", CHEAP]]));
  const said = ["ann", "bob"].map((userName) => authenticationRequest({ userName, password: "wrong" }));
  const [known, unknown] = await Promise.all(said.map((request) => authenticator.authenticate(request)));
  assertEquals({ ...known, isUnknownUser: undefined }, { ...unknown, isUnknownUser: undefined });
  assertEquals([isUnknownUser(known), isUnknownUser(unknown)], [false, true]);
});

Deno.test("A user that does not exist costs as much time as a wrong password", async () => {
  const users = new Map([["ann", await hashPassword("secret", 5_000)]]);
  const authenticator = new PasswordAuthenticator(users, MANY);
  const times = { ann: 0, bob: 0 };
  const rounds = 200;
  for (let round = 0; round < rounds; round++) {
    // By turns, and in time of the processor, so that whatever else the machine does hits both.
    for (const userName of ["ann", "bob"] as const) {
      const before = busyMs();
      await outcome(authenticator, { userName, password: `wrong ${round}` });
      times[userName] += busyMs() - before;
    }
  }
  console.log(
    `wrong password ${(times.ann / rounds).toFixed(3)} ms, no such user ${(times.bob / rounds).toFixed(3)} ms`,
  );
  assertLess(Math.abs(times.ann - times.bob) / times.ann, 0.25);
});

Deno.test("A user that does not exist costs what some user costs, always the same", async () => {
  const made = await hashPassword("secret", 1_000);
  let used = "";
  // The salt is read for each derivation.
  const watched = (name: string): PasswordHash => ({
    ...made,
    get salt() {
      used = name;
      return made.salt;
    },
  });
  const users = new Map(["cheap", "costly"].map((name) => [name, watched(name)]));
  const authenticator = new PasswordAuthenticator(users, MANY);
  const isCostly = async (userName: string) => {
    used = "";
    await outcome(authenticator, { userName, password: crypto.randomUUID() });
    assert(used !== "");
    return used === "costly";
  };
  const costs = [];
  for (let number = 0; number < 16; number++) costs.push(await isCostly(`nobody ${number}`));
  assertEquals(new Set(costs), new Set([true, false])); // All the same: once in 32,768.
  assertEquals([await isCostly("nobody 0"), await isCostly("nobody 1")], costs.slice(0, 2));
});

const CHEAP_HASHES: readonly (readonly [kind: string, make: () => Promise<PasswordHash>])[] = [
  ["scrypt", () => hashPasswordByScrypt("secret", { ln: 1, r: 1, p: 1 })],
  ["Argon2id", () => hashPasswordByArgon2id("secret", { m: 8, t: 1, p: 1 })],
];
for (const [kind, make] of CHEAP_HASHES) {
  Deno.test(`A user that does not exist costs as many derivations as a wrong password, also by ${kind}`, async () => {
    const made = await make();
    let derivations = 0;
    // The salt is read once for each derivation.
    const counted = (): PasswordHash => ({
      ...made,
      get salt() {
        derivations += 1;
        return made.salt;
      },
    });
    const names = Array.from({ length: 10 }, (_, number) => `user ${number}`);
    const authenticator = new PasswordAuthenticator(new Map(names.map((name) => [name, counted()])), MANY);
    const costOf = async (name: (round: number) => string) => {
      derivations = 0;
      for (let round = 0; round < 1_000; round++) {
        assertEquals(await outcome(authenticator, { userName: name(round), password: `wrong ${round}` }), 0x87);
      }
      return derivations;
    };
    assertEquals(await costOf((round) => `user ${round % 10}`), 1_000);
    assertEquals(await costOf((round) => `nobody ${round}`), 1_000);
    assertEquals(await outcome(authenticator, { userName: "user 3", password: "secret" }), "user 3");
  });
}

Deno.test("Even without users nobody can see that there are none", async () => {
  const authenticator = new PasswordAuthenticator(new Map());
  const before = performance.now();
  assertEquals(await outcome(authenticator, { userName: "ann", password: "x" }), 0x87);
  assertGreater(performance.now() - before, 30);
});

Deno.test("A password that was right is not derived again, until the users are replaced", async () => {
  const authenticator = new PasswordAuthenticator(new Map([["ann", COSTLY]]));
  const right = authenticationRequest({ userName: "ann", password: "secret" });
  assertEquals(await authenticator.authenticate(right), { isAccepted: true, principal: "ann" });
  const again = authenticator.authenticate(right);
  assertEquals(again instanceof Promise, false); // At once.
  authenticator.replace(new Map([["ann", { ...COSTLY }]]));
  const derived = authenticator.authenticate(right);
  assertEquals(derived instanceof Promise, true);
  await derived;
  authenticator.replace(new Map([["ann", await hashPassword("other", 101)]]));
  assertEquals(await outcome(authenticator, { userName: "ann", password: "secret" }), 0x87);
  assertEquals(await outcome(authenticator, { userName: "ann", password: "other" }), "ann");
});

Deno.test("rememberedSuccesses 0 derives each time", async () => {
  const authenticator = new PasswordAuthenticator(new Map([["ann", CHEAP]]), { rememberedSuccesses: 0 });
  const right = authenticationRequest({ userName: "ann", password: "secret" });
  await authenticator.authenticate(right);
  const again = authenticator.authenticate(right);
  assertEquals(again instanceof Promise, true);
  await again;
});

Deno.test("A password that is being checked when the users are replaced is not remembered", async () => {
  const authenticator = new PasswordAuthenticator(new Map([["ann", COSTLY]]));
  const said = { userName: "ann", password: "secret" };
  const checked = outcome(authenticator, said);
  authenticator.replace(new Map([["ann", await hashPassword("other", 101)]]));
  assertEquals(await checked, "ann"); // It was right when it was asked.
  assertEquals(await outcome(authenticator, said), 0x87);
});

Deno.test("A check that is under way when the users are replaced is not joined: the old password is wrong at once", async () => {
  const authenticator = new PasswordAuthenticator(new Map([["ann", COSTLY]]));
  const said = { userName: "ann", password: "secret" };
  const before = outcome(authenticator, said);
  authenticator.replace(new Map([["ann", await hashPassword("other", 101)]]));
  assertEquals(await outcome(authenticator, said), 0x87);
  await before;
});

Deno.test("Who is gone or has another password is named when the users are replaced", async () => {
  const other = await hashPassword("other", 101);
  const authenticator = new PasswordAuthenticator(new Map([["same", CHEAP], ["other", CHEAP], ["gone", CHEAP]]));
  const names = authenticator.replace(new Map([["new", CHEAP], ["other", other], ["same", { ...CHEAP }]]));
  assertEquals(names, ["other", "gone"]);
});

Deno.test("Many clients with the same password need one check", async () => {
  const authenticator = new PasswordAuthenticator(new Map([["ann", COSTLY]]), { maximumRunning: 1, ...MANY });
  const before = busyMs();
  const all = Array.from({ length: 500 }, () => outcome(authenticator, { userName: "ann", password: "secret" }));
  assertEquals(new Set(await Promise.all(all)), new Set(["ann"]));
  assertLess(busyMs() - before, 5_000); // One after another: a minute.
});

Deno.test("An address that is wrong too often is refused without a check; others, and who was right before, are not", async () => {
  const users = new Map([["ann", CHEAP], ["bob", CHEAP]]);
  const authenticator = new PasswordAuthenticator(users, { failures: { burst: 3, perMinute: 0.01 } });
  const from = (address: string, userName: string, password: string) =>
    outcome(authenticator, { address, userName, password });
  assertEquals(await from("192.0.2.1:1", "ann", "secret"), "ann");
  for (let port = 2; port <= 4; port++) assertEquals(await from(`192.0.2.1:${port}`, "ann", "wrong"), 0x87);
  assertEquals(await from("192.0.2.1:5", "ann", "wrong"), 0x9f);
  assertEquals(await from("192.0.2.1:6", "bob", "secret"), 0x9f);
  assertEquals(await from("192.0.2.1:7", "ann", "secret"), "ann");
  assertEquals(await from("192.0.2.2:1", "bob", "secret"), "bob");
});

const ELSEWHERE: readonly (readonly [own: string, guesser: string])[] = [
  ["192.0.2.1:1", "192.0.2.2:1"],
  ["[2001:db8:0:1::1]:1", "[2001:db8:0:2::1]:1"],
  ["unix", "127.0.0.1:1"],
  ["memory", "10.0.0.1"], // As a proxy writes it in X-Forwarded-For.
];
for (const [own, guesser] of ELSEWHERE) {
  Deno.test(`Guessing from ${guesser} is limited though the user has logged in from ${own}, and does not lock it out`, async () => {
    const authenticator = new PasswordAuthenticator(new Map([["ann", CHEAP]]), { failures: { perMinute: 0.01 } });
    const from = (address: string, password: string) => outcome(authenticator, { address, userName: "ann", password });
    assertEquals(await from(own, "secret"), "ann");
    const codes = new Map<unknown, number>();
    for (let guess = 0; guess < 5_000; guess++) {
      const code = await from(guesser, `guess ${guess}`);
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
    assertEquals([...codes], [[0x87, 20], [0x9f, 4_980]]);
    assertEquals(await from(guesser, "secret"), 0x9f); // Nobody can see that it is the right one.
    assertEquals(await from(own, "secret"), "ann");
    assertEquals(await from("198.51.100.7:1", "secret"), "ann"); // Somewhere else again.
  });
}

Deno.test("Guessing from the network of the user ends too, and the same wrong password again is no guess", async () => {
  const users = new Map([["ann", CHEAP], ["bob", CHEAP]]);
  const authenticator = new PasswordAuthenticator(users, { failures: { burst: 3, perMinute: 0.01 } });
  const say = (userName: string, password: string) => outcome(authenticator, { userName, password });
  assertEquals([await say("ann", "secret"), await say("bob", "secret")], ["ann", "bob"]);
  for (let attempt = 0; attempt < 100; attempt++) await say("ann", "of a device that is set up wrongly");
  assertEquals(await say("ann", "secret"), "ann");
  for (let guess = 1; guess <= 28; guess++) await say("ann", `guess ${guess}`);
  assertEquals(await say("ann", "secret"), "ann");
  await say("ann", "guess 29");
  assertEquals([await say("ann", "secret"), await say("bob", "secret")], [0x9f, "bob"]);
});

Deno.test("A password that was right elsewhere is not derived again, and counts as an attempt while it is looked at", async () => {
  const authenticator = new PasswordAuthenticator(new Map([["ann", COSTLY]]), { failures: { burst: 1 } });
  const said = { userName: "ann", password: "secret" };
  assertEquals(await outcome(authenticator, said), "ann");
  for (let network = 0; network < 100; network++) {
    const result = authenticator.authenticate(authenticationRequest({ ...said, address: `198.51.100.${network}:1` }));
    assertEquals(result, { isAccepted: true, principal: "ann" }); // At once.
  }
});

Deno.test("As many places of right passwords are remembered as may be, those that came last", async () => {
  const options = { rememberedSuccesses: 2, failures: { burst: 1, perMinute: 0.001 } };
  const authenticator = new PasswordAuthenticator(new Map([["ann", CHEAP]]), options);
  const from = (address: string, password = "secret") => outcome(authenticator, { address, userName: "ann", password });
  for (const address of ["a", "b", "c"]) {
    assertEquals([await from(address), await from(address, "wrong")], ["ann", 0x87]); // No attempt is left.
  }
  assertEquals([await from("a"), await from("b"), await from("c")], [0x9f, "ann", "ann"]);
});

Deno.test("A right password does not count as a failure, and many at once are bounded before any of them is checked", async () => {
  const authenticator = new PasswordAuthenticator(new Map([["ann", CHEAP]]), {
    failures: { burst: 2, perMinute: 0.01 },
    rememberedSuccesses: 0,
  });
  for (let round = 0; round < 5; round++) {
    assertEquals(await outcome(authenticator, { userName: "ann", password: "secret" }), "ann");
  }
  const wrong = Array.from({ length: 10 }, (_, n) => outcome(authenticator, { userName: "ann", password: `${n}` }));
  const codes = await Promise.all(wrong);
  assertEquals(codes.filter((code) => code === 0x87).length, 2);
  assertEquals(codes.filter((code) => code === 0x9f).length, 8);
});

Deno.test("Too many that wait, or wait too long, are refused as busy, and do not count as failures", async () => {
  const options = { maximumRunning: 1, maximumWaiting: 2, maximumWaitMs: 10, ...MANY };
  const authenticator = new PasswordAuthenticator(new Map([["ann", COSTLY]]), options);
  const codes = await Promise.all(
    [1, 2, 3, 4, 5].map((n) => outcome(authenticator, { userName: "ann", password: `${n}` })),
  );
  // One runs; two wait longer than 10 ms, and for the others there is no room.
  assertEquals(codes, [0x87, 0x89, 0x89, 0x89, 0x89]);
  assertEquals(await outcome(authenticator, { userName: "ann", password: "secret" }), "ann");
});

Deno.test("PasswordAuthenticator refuses limits that let nobody try", () => {
  assertThrows(() => new PasswordAuthenticator(new Map(), { failures: { burst: 0 } }), RangeError);
  assertThrows(() => new PasswordAuthenticator(new Map(), { failures: { perMinute: 0 } }), RangeError);
  assertThrows(() => new PasswordAuthenticator(new Map(), { maximumRunning: 0 }), RangeError);
});

function isUnknownUser(result: Authentication | undefined): boolean | undefined {
  return result?.isAccepted === false ? result.isUnknownUser : undefined;
}

/** Time that all threads of this process had a processor. */
function busyMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
