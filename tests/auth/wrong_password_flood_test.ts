/** 100 wrong passwords a second do not hold up those who are in. */

import { assertEquals, assertLess } from "@std/assert";
import { Broker, listenTcp } from "../../mod.ts";
import { hashPassword, PasswordAuthenticator, type PasswordAuthenticatorOptions } from "../../src/auth/mod.ts";
import { inForm } from "../form.ts";
import { Stopwatch } from "../stopwatch.ts";
import { PacketClient } from "./packet_client.ts";

const SECONDS = inForm(1, 3);
const LOGINS_A_SECOND = 100;
// Derivations that wait when the flood ends are made all the same, after what is measured.
const WAITING = inForm(10, 1_000);
const LONGEST_P99_MS = 50;
// Other work of the machine delays all clients: its share is measured without the flood.
const NOISE = 4;
const MOST_FLOODS = 3;

const FLOODS: readonly { readonly name: string; readonly options: PasswordAuthenticatorOptions }[] = [
  { name: "from one address", options: {} },
  {
    name: "from so many addresses that none is refused for it",
    options: { failures: { burst: 100_000 }, maximumWaiting: WAITING },
  },
];
for (const { name, options } of FLOODS) {
  Deno.test(`PINGRESP comes in time while ${LOGINS_A_SECOND} wrong passwords a second come ${name}`, async () => {
    const users = new Map([["ann", await hashPassword("secret")]]);
    await using broker = await Broker.open({ authenticator: new PasswordAuthenticator(users, options) });
    const listener = listenTcp({ hostname: "127.0.0.1", port: 0 });
    const accepting = (async () => {
      for await (const transport of listener) broker.serve(transport);
    })();
    const dial = () => Deno.connect({ hostname: "127.0.0.1", port: listener.port });
    const { client } = await PacketClient.connect(await dial(), { clientId: "a", userName: "ann", password: "secret" });
    const quiet = await pings(client);
    const codes = new Map<number | undefined, number>();
    const attack = async (number: number) => {
      const who = { clientId: `x${number}`, userName: number % 2 === 0 ? "ann" : "bob", password: `${number}` };
      const result = await PacketClient.connect(await dial(), who);
      result.client[Symbol.dispose]();
      codes.set(result.reasonCode, (codes.get(result.reasonCode) ?? 0) + 1);
    };
    const mostMs = () => LONGEST_P99_MS + NOISE * p99(quiet);
    let least = Infinity;
    for (let flood = 0; flood < MOST_FLOODS && least >= mostMs(); flood++) {
      let isOver = false;
      const flooding = attacksInTime(attack).finally(() => isOver = true);
      const flooded: number[] = [];
      while (!isOver) flooded.push(...await pings(client, 20));
      await Promise.all(await flooding);
      quiet.push(...await pings(client));
      console.log(
        `PINGRESP without: p99 ${p99(quiet).toFixed(1)} ms; with: p50 ${at(flooded, 0.5).toFixed(1)} ms, ` +
          `p99 ${p99(flooded).toFixed(1)} ms, longest ${Math.max(...flooded).toFixed(1)} ms; ` +
          `refused: ${[...codes].map(([code, count]) => `${count} with 0x${code?.toString(16)}`).join(", ")}`,
      );
      least = Math.min(least, p99(flooded));
    }
    client[Symbol.dispose]();
    listener.close();
    await accepting;
    assertEquals(codes.has(0), false);
    assertLess(least, mostMs());
  });
}

/** Begins one attack after another as they are due; gives all of them when the last one has begun. */
async function attacksInTime(attack: (number: number) => Promise<void>): Promise<Promise<void>[]> {
  const attacks: Promise<void>[] = [];
  const beginMs = performance.now();
  for (let number = 0; number < SECONDS * LOGINS_A_SECOND; number++) {
    const dueMs = beginMs + number * 1_000 / LOGINS_A_SECOND;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueMs - performance.now())));
    attacks.push(attack(number));
  }
  return attacks;
}

/** How long each PINGRESP takes, in milliseconds. */
async function pings(client: PacketClient, count = 100): Promise<number[]> {
  const times: number[] = [];
  for (let ping = 0; ping < count; ping++) {
    const stopwatch = new Stopwatch();
    await client.topics();
    times.push(stopwatch.ms());
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return times;
}

function p99(times: readonly number[]): number {
  return at(times, 0.99);
}

function at(times: readonly number[], share: number): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * share)] ?? 0;
}
