/** Nothing that comes to the port of the dashboard holds up MQTT clients. */

import { assert, assertEquals, assertLess } from "@std/assert";
import { formatPasswordHash, hashPassword } from "../../src/auth/password_hash.ts";
import { PacketClient } from "../auth/packet_client.ts";
import { ConfigurationFolder } from "../cli/config/written_file.ts";
import { Program } from "../cli/program.ts";
import { inForm } from "../form.ts";
import { Stopwatch } from "../stopwatch.ts";

const SECONDS = inForm(1, 5);
const LOGINS_A_SECOND = 100;
const LONGEST_P99_MS = 50;
// Other work of the machine delays all clients: its share is measured without what is tested.
const NOISE = 4;
const ROUNDS = 3;
const SILENT = 500;

/** A broker in a process of its own, with a user of its dashboard, and a client that is connected. */
async function withBroker(
  test: (parts: { readonly page: string; readonly port: number; readonly client: PacketClient }) => Promise<void>,
): Promise<void> {
  using folder = new ConfigurationFolder();
  const passwordHash = formatPasswordHash(await hashPassword("secret", 50_000));
  const path = folder.write(
    "a.yaml",
    `listeners: [{ url: "mqtt://127.0.0.1:0" }]\nadmin:\n  url: http://127.0.0.1:0\n  trustedProxies: [127.0.0.1]\n` +
      `  users: [{ name: ann, role: admin, passwordHash: "${passwordHash}" }]\n`,
  );
  await using program = await Program.listening(["--config", path], { env: { XDG_RUNTIME_DIR: folder.path } });
  const [page = ""] = await program.stderr.matching(/^.*The dashboard is at /, 1, 5_000);
  const port = await program.port();
  const { client } = await PacketClient.connect(await dial(port), { clientId: "a" });
  await test({ page, port, client });
  client[Symbol.dispose]();
}

for (
  const [name, addressOf] of [["one address", () => 1], ["many addresses", (index: number) => index % 250]] as const
) {
  Deno.test(`PINGRESP comes in time while ${LOGINS_A_SECOND} sign-ins a second come from ${name}`, async () => {
    await withBroker(async ({ page, client }) => {
      const statuses = new Map<number, number>();
      const attack = async (index: number) => {
        const headers = {
          "content-type": "application/json",
          "sec-fetch-site": "same-origin",
          "x-forwarded-for": `192.0.2.${addressOf(index)}`,
        };
        const body = JSON.stringify({ user: index % 2 === 0 ? "ann" : "bob", password: `${index}` });
        const response = await fetch(`${page}api/v1/session`, { method: "POST", headers, body });
        await response.body?.cancel();
        statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
      };
      await calmed(`${LOGINS_A_SECOND} sign-ins a second from ${name}`, client, () => floodOf(attack));
      console.log(`  answers: ${[...statuses].map(([status, count]) => `${count} × ${status}`).join(", ")}`);
      assert((statuses.get(401) ?? 0) <= (name === "one address" ? 5 : 20) + ROUNDS * SECONDS, "they were checked");
      assertEquals([...statuses.keys()].filter((status) => status !== 401 && status !== 429), []);
    });
  });
}

Deno.test(`PINGRESP comes in time while ${SILENT} connections to the dashboard say nothing, and both are served`, async () => {
  await withBroker(async ({ page, port, client }) => {
    const adminPort = Number(new URL(page).port);
    const silent: Deno.Conn[] = [];
    await calmed(`${SILENT} silent connections`, client, async () => {
      for (let index = silent.length; index < SILENT; index++) {
        const connection = await dial(adminPort);
        silent.push(connection);
        // Each second one has begun a request.
        if (index % 2 === 0) await connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: "));
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    });
    const response = await fetch(page);
    assertEquals([response.status, (await response.text()).length > 0], [200, true]);
    const { client: other, reasonCode } = await PacketClient.connect(await dial(port), { clientId: "b" });
    assertEquals(reasonCode, 0);
    other[Symbol.dispose]();
    for (const connection of silent) connection.close();
  });
});

/** Measures PINGRESP without and with something, again while other work of the machine may have been the cause. */
async function calmed(what: string, client: PacketClient, act: () => Promise<void>): Promise<void> {
  let least = Infinity;
  let mostMs = 0;
  for (let round = 0; round < ROUNDS && least >= mostMs; round++) {
    const quiet = await pings(client, 100);
    let isOver = false;
    const acting = act().finally(() => isOver = true);
    const busy: number[] = [];
    while (!isOver) busy.push(...await pings(client, 20));
    busy.push(...await pings(client, 100));
    await acting;
    least = Math.min(least, p99(busy));
    mostMs = LONGEST_P99_MS + NOISE * p99(quiet);
    console.log(`  ${what}: PINGRESP p99 ${p99(busy).toFixed(1)} ms, without ${p99(quiet).toFixed(1)} ms`);
  }
  assertLess(least, mostMs);
}

/** Begins one attack after another as they are due, and waits for all. */
async function floodOf(attack: (index: number) => Promise<void>): Promise<void> {
  const attacks: Promise<void>[] = [];
  const beganMs = performance.now();
  for (let index = 0; index < SECONDS * LOGINS_A_SECOND; index++) {
    const dueMs = beganMs + index * 1_000 / LOGINS_A_SECOND;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueMs - performance.now())));
    attacks.push(attack(index));
  }
  await Promise.all(attacks);
}

async function pings(client: PacketClient, count: number): Promise<number[]> {
  const ms: number[] = [];
  for (let index = 0; index < count; index++) {
    const stopwatch = new Stopwatch();
    await client.topics(); // A PINGREQ, and what has come until PINGRESP.
    ms.push(stopwatch.ms());
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return ms;
}

function p99(ms: readonly number[]): number {
  return ms.toSorted((one, other) => one - other)[Math.floor(ms.length * 0.99)] ?? NaN;
}

function dial(port: number): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname: "127.0.0.1", port });
}
