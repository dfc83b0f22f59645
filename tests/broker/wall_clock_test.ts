/**
 * The wall clock is set while a broker runs or while none does: what is stored lives as long as it was to, really. Tokens and
 * bans end by the wall clock of the moment.
 */

import { assert, assertEquals } from "@std/assert";
import type { BrokerEvent, Storage } from "../../mod.ts";
import { encodePacket, type Packet, PacketDecoder, type PublishPacket } from "../../src/codec/mod.ts";
import { MemoryStorage } from "../../src/storage/mod.ts";
import { DumpCounts, dumpedChanges, dumpLines } from "../../src/cli/storage.ts";
import { KvStorage } from "../../src/storage/deno_kv/deno_kv_storage.ts";
import { Conversation, converse } from "../wire/conversation.ts";
import { TestMachine } from "../wire/test_machine.ts";
import type { WireClient } from "../wire/wire_client.ts";

const START_MS = Date.UTC(2026, 10, 30);
const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const YEAR = 365.25 * 24 * HOUR;
const TOLERANCE_MS = 2 * SECOND;
const PAYLOAD = new Uint8Array(1);

/** One storage after the other on the same things. */
interface Disk {
  open(): Storage | Promise<Storage>;
  remove(): void;
}

const DISKS: Readonly<Record<string, () => Disk | Promise<Disk>>> = {
  memory: () => {
    const storage = new MemoryStorage();
    return { open: () => storage, remove: () => {} };
  },
  "a dump that is imported": () => {
    let storage = new MemoryStorage();
    const open = async () => {
      const imported = new MemoryStorage();
      const lines = dumpLines(storage, new DumpCounts());
      for await (const changes of dumpedChanges(lines, new DumpCounts())) imported.commit(changes);
      return storage = imported;
    };
    return { open, remove: () => {} };
  },
  "Deno KV": async () => {
    const kv = await Deno.openKv(":memory:");
    const { get, list, atomic } = kv;
    const database = { get: get.bind(kv), list: list.bind(kv), atomic: atomic.bind(kv), close: () => {} };
    return { open: () => KvStorage.over(database), remove: () => kv.close() };
  },
};

/** A machine, its disk, and the broker that runs there. */
class World {
  readonly machine: TestMachine;
  readonly #disk: Disk;
  readonly #crashed: Conversation[] = [];
  #running!: Conversation; // From begin() on.

  private constructor(disk: Disk, hasUptime: boolean) {
    this.machine = new TestMachine(START_MS, hasUptime);
    this.#disk = disk;
  }

  static async run(disk: Disk, hasUptime: boolean, check: (world: World) => Promise<void>): Promise<void> {
    const world = new World(disk, hasUptime);
    try {
      await world.begin();
      await check(world);
    } finally {
      for (const conversation of [world.#running, ...world.#crashed]) await conversation.close();
      disk.remove();
    }
  }

  get conversation(): Conversation {
    return this.#running;
  }

  get sessions(): number {
    return this.#running.broker.metrics.sessions;
  }

  async begin(): Promise<void> {
    this.#running = await Conversation.open(5, { storage: await this.#disk.open(), machine: this.machine });
  }

  /** Time passes while a broker runs. */
  async pass(ms: number): Promise<void> {
    this.#running.pass(ms);
    await this.stored();
  }

  /** What was written is with the storage. */
  async stored(): Promise<void> {
    while (this.#running.broker.metrics.storage.pendingBytes > 0) {
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  /** Ends the broker; time passes before the next one begins. */
  async restart(downMs: number, meanwhile = () => {}): Promise<void> {
    await this.#running.close();
    await this.#next(downMs, meanwhile);
  }

  /** The same without a word: it does nothing more. */
  async crash(downMs: number): Promise<void> {
    await this.stored();
    this.#crashed.push(this.#running);
    await this.#next(downMs, () => {});
  }

  async connect(clientId: string, sessionExpiryInterval: number, more: { will?: string; cleanStart?: boolean } = {}) {
    const client = this.#running.connect(clientId);
    const { will, cleanStart = true } = more;
    send(client, {
      type: "connect",
      protocolVersion: 5,
      isBridge: false,
      cleanStart,
      keepAliveSeconds: 0,
      clientId,
      will: will === undefined ? undefined : {
        topic: will,
        payload: PAYLOAD,
        qos: 1,
        retain: true,
        properties: { willDelayInterval: WILL_DELAY_MS / SECOND },
      },
      userName: undefined,
      password: undefined,
      properties: { sessionExpiryInterval },
    });
    const connack = await take(client, "connack");
    return { client, isPresent: connack.sessionPresent };
  }

  async #next(downMs: number, meanwhile: () => void): Promise<void> {
    this.machine.pass(downMs / 2);
    meanwhile();
    this.machine.pass(downMs / 2);
    await this.begin();
  }
}

const SESSION_MS = HOUR;
const MESSAGE_MS = HOUR / 2;
const RETAINED_MS = 24 * HOUR;
const WILL_DELAY_MS = HOUR / 4;
const BRIEF_MS = 5 * SECOND;

/** Sessions, messages and a Will, each with an end. */
async function store(world: World): Promise<void> {
  const { client } = await world.connect("reader", SESSION_MS / SECOND);
  send(client, {
    type: "subscribe",
    packetIdentifier: 1,
    subscriptions: [{ topicFilter: "q", qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 }],
    properties: {},
  });
  await take(client, "suback");
  const { client: brief } = await world.connect("brief", BRIEF_MS / SECOND);
  const { client: dying } = await world.connect("dying", SESSION_MS / SECOND, { will: "will" });
  for (const each of [client, brief, dying]) await each.drop();
  const { client: publisher } = await world.connect("publisher", 0);
  for (const [topic, retain, expiryMs] of [["q", false, MESSAGE_MS], ["kept", true, RETAINED_MS]] as const) {
    const properties = { messageExpiryInterval: expiryMs / SECOND };
    const packet = { type: "publish", dup: false, qos: 1, retain, topic, packetIdentifier: 1, properties } as const;
    send(publisher, { ...packet, payload: PAYLOAD });
    await take(publisher, "puback");
  }
  await publisher.drop();
}

/** All of it is there, and ends when it was to, `sinceMs` after it was stored. */
async function check(world: World, storedMs: number): Promise<void> {
  const { machine } = world;
  const elapsed = () => machine.realMs - storedMs;
  assert(
    elapsed() > BRIEF_MS + TOLERANCE_MS && elapsed() < WILL_DELAY_MS - TOLERANCE_MS,
    `checked after ${elapsed()} ms`,
  );
  assertEquals(world.sessions, 2, "sessions");
  await world.pass(WILL_DELAY_MS - TOLERANCE_MS - elapsed());
  assertEquals([...(await retained(world, 1)).keys()], ["kept"]);
  await world.pass(2 * TOLERANCE_MS);
  const left = await retained(world, 2);
  assertEquals([...left.keys()].sort(), ["kept", "will"]);
  assertLeft(left.get("kept"), RETAINED_MS - elapsed());
  const { client, isPresent } = await world.connect("reader", SESSION_MS / SECOND, { cleanStart: false });
  assertEquals(isPresent, true);
  const { properties } = await take(client, "publish");
  assertLeft(properties.messageExpiryInterval, MESSAGE_MS - elapsed());
  await client.drop(); // Without PUBACK.
  const offlineMs = machine.realMs;
  await world.pass(SESSION_MS - TOLERANCE_MS - elapsed());
  assertEquals(world.sessions, 2);
  await world.pass(2 * TOLERANCE_MS);
  assertEquals(world.sessions, 1, "dying"); // The other one was there meanwhile.
  await world.pass(offlineMs + SESSION_MS - TOLERANCE_MS - machine.realMs);
  assertEquals(world.sessions, 1);
  await world.pass(2 * TOLERANCE_MS);
  assertEquals(world.sessions, 0);
}

function assertLeft(seconds: number | undefined, expectedMs: number): void {
  const differenceMs = (seconds ?? NaN) * SECOND - expectedMs;
  assert(Math.abs(differenceMs) <= TOLERANCE_MS, `${seconds} s are left, ${expectedMs / SECOND} expected`);
}

/** What is retained, with the Message Expiry Interval that is left. */
async function retained(world: World, atLeast: number): Promise<Map<string, number | undefined>> {
  const { client } = await world.connect("visitor", 0);
  send(client, {
    type: "subscribe",
    packetIdentifier: 1,
    subscriptions: [{ topicFilter: "#", qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 }],
    properties: {},
  });
  await take(client, "suback");
  const left = new Map<string, number | undefined>();
  for (;;) {
    if (left.size === atLeast) send(client, { type: "pingreq" });
    const packet = await takeAny(client);
    if (packet.type === "pingresp") break;
    const { topic, properties } = packet as PublishPacket; // Nothing else comes.
    left.set(topic, properties.messageExpiryInterval);
  }
  await client.drop();
  return left;
}

function send(client: WireClient, packet: Packet): void {
  client.send(encodePacket(packet, 5));
}

async function takeAny(client: WireClient): Promise<Packet> {
  const [packet] = new PacketDecoder({ protocolVersion: 5 }).decode(await client.takePacket());
  if (packet === undefined || packet.type === "malformed") throw new Error("got what is no packet");
  return packet;
}

async function take<Type extends Packet["type"]>(
  client: WireClient,
  type: Type,
): Promise<Extract<Packet, { type: Type }>> {
  const packet = await takeAny(client);
  if (packet.type !== type) throw new Error(`got ${packet.type}, expected ${type}`);
  return packet as Extract<Packet, { type: Type }>; // Of this type.
}

interface Row {
  readonly name: string;
  /** What happens; gives when it was all stored. */
  readonly happens: (world: World, byMs: number) => Promise<number>;
  /** @default all */
  readonly only?: "back" | "forward";
  /** Whether the broker is told how long the machine runs. */
  readonly hasUptime?: boolean;
}

async function storeNow(world: World): Promise<number> {
  await store(world);
  return world.machine.realMs;
}

const ROWS: readonly Row[] = [
  {
    name: "before it is stored",
    happens: async (world, byMs) => {
      world.machine.set(byMs);
      const storedMs = await storeNow(world); // Before the broker has looked at its clock.
      await world.crash(10 * SECOND);
      return storedMs;
    },
  },
  {
    name: "before it is stored, and the broker ends",
    happens: async (world, byMs) => {
      await world.pass(10 * SECOND);
      world.machine.set(byMs);
      await world.pass(100);
      const storedMs = await storeNow(world);
      await world.restart(10 * SECOND);
      return storedMs;
    },
  },
  {
    name: "after it was stored, a moment before a crash",
    happens: async (world, byMs) => {
      const storedMs = await storeNow(world);
      await world.pass(10 * SECOND);
      world.machine.set(byMs);
      await world.pass(100);
      await world.crash(10 * SECOND);
      return storedMs;
    },
  },
  {
    name: "after it was stored, and the broker ends long after that",
    happens: async (world, byMs) => {
      const storedMs = await storeNow(world);
      world.machine.set(byMs);
      for (let minutes = 0; minutes < 5; minutes++) await world.pass(60 * SECOND);
      await world.restart(10 * SECOND);
      return storedMs;
    },
  },
  {
    name: "and set right again, with a crash at each time",
    happens: async (world, byMs) => {
      world.machine.set(byMs);
      const storedMs = await storeNow(world);
      await world.crash(10 * SECOND);
      world.machine.set(-byMs);
      await world.pass(100);
      await world.crash(10 * SECOND);
      return storedMs;
    },
  },
  {
    name: "in each of four runs",
    happens: async (world, byMs) => {
      const storedMs = await storeNow(world);
      for (let run = 0; run < 4; run++) {
        await world.pass(10 * SECOND);
        world.machine.set(byMs);
        await world.pass(10 * SECOND);
        await (run % 2 === 0 ? world.restart(10 * SECOND) : world.crash(10 * SECOND));
      }
      return storedMs;
    },
  },
  {
    name: "while no broker ran, which counts as no time",
    only: "back",
    happens: async (world, byMs) => {
      const storedMs = await storeNow(world);
      await world.pass(10 * SECOND);
      await world.restart(SECOND, () => world.machine.set(byMs));
      return storedMs;
    },
  },
  {
    name: "while no broker ran, and set right when it did",
    only: "back",
    happens: async (world, byMs) => {
      const storedMs = await storeNow(world);
      await world.pass(10 * SECOND);
      await world.restart(SECOND, () => world.machine.set(byMs));
      await world.pass(10 * SECOND);
      world.machine.set(-byMs);
      await world.pass(100);
      await world.crash(10 * SECOND);
      return storedMs;
    },
  },
  {
    name: "while no broker ran on a machine that did",
    hasUptime: true,
    happens: async (world, byMs) => {
      const storedMs = await storeNow(world);
      await world.restart(400 * SECOND, () => world.machine.set(byMs));
      await world.crash(100 * SECOND);
      return storedMs;
    },
  },
  {
    name: "while it runs on a machine that boots later",
    hasUptime: true,
    happens: async (world, byMs) => {
      const storedMs = await storeNow(world);
      world.machine.set(byMs);
      await world.pass(200 * SECOND);
      await world.restart(200 * SECOND, () => world.machine.boot());
      await world.crash(100 * SECOND);
      return storedMs;
    },
  },
];

const SETS = { "2 hours": 2 * HOUR, "-2 hours": -2 * HOUR, "6 years": 6 * YEAR, "-6 years": -6 * YEAR };

for (const { name, happens, only, hasUptime = false } of ROWS) {
  for (const [by, byMs] of Object.entries(SETS)) {
    if (only !== undefined && (only === "back") !== byMs < 0) continue;
    for (const [storage, disk] of Object.entries(DISKS)) {
      Deno.test(`What is stored ends on time when the wall clock is set by ${by} ${name}, with ${storage}`, async () => {
        await World.run(await disk(), hasUptime, async (world) => await check(world, await happens(world, byMs)));
      });
    }
  }
}

Deno.test("Time that passes while no broker runs counts, by the wall clock alone", async () => {
  await World.run(await DISKS["memory"]!(), false, async (world) => {
    const storedMs = await storeNow(world);
    await world.restart(600 * SECOND);
    await check(world, storedMs);
  });
});

Deno.test("A session of 5 seconds does not live on when the wall clock is set back", () =>
  converse(5, {}, async (conversation) => {
    await conversation.run(
      "s > 10 [ @ 02 0000 { 11 00000005 } 's' ]",
      "s < 20 [ 00 00 { LIMITS } ]",
      "s drops",
      "clock set by -7200 s",
      "5000 ms pass",
    );
    assertEquals(conversation.broker.metrics.sessions, 0);
  }));

Deno.test("Keep Alive does not see that the wall clock is set [MQTT-3.1.2-22]", () => {
  const events: BrokerEvent[] = [];
  const onEvent = (event: BrokerEvent) => void (event.kind === "wallClockSet" && events.push(event));
  return converse(5, { onEvent }, async (conversation) => {
    await conversation.run(
      "a > 10 [ @ 02 000a [] 'a' ]",
      "a < 20 [ 00 00 { LIMITS } ]",
      ...[7_200, -7_200, -189_345_600, 189_345_600].flatMap((by) => [`clock set by ${by} s`, "9 s pass", "a quiet"]),
      "clock set by -7200 s",
      "16 s pass",
      "a told e0 8d",
    );
    const times = events.map((event) => event.kind === "wallClockSet" ? event.byMs / SECOND : 0);
    assertEquals(times, [7_200, -7_200, -189_345_600, 189_345_600, -7_200]);
  });
});

Deno.test("An authentication ends by the wall clock, also when that is set after it", () => {
  const machine = new TestMachine(START_MS);
  const authenticator = { authenticate: () => ({ isAccepted: true as const, expiresAtMs: START_MS + HOUR }) };
  return converse(5, { authenticator, machine }, async (conversation) => {
    await conversation.run(
      "a connects",
      "clock set by -7200 s", // Three hours are left.
      "3700 s pass",
      "a quiet",
      "7000 s pass",
      "a quiet",
      "101 s pass",
      "a told e0 87",
      "clock set by -7200 s",
      "0 ms pass",
      "b connects",
      "clock set by 7200 s",
      "0 ms pass",
      "b told e0 87",
    );
  });
});

Deno.test("An authentication that lasts for a while does so whatever the wall clock is set to, or until its date", () => {
  const machine = new TestMachine(START_MS);
  const authenticator = {
    authenticate: ({ clientId }: { readonly clientId: string }) => ({
      isAccepted: true as const,
      expiresInMs: HOUR,
      ...clientId === "b" ? { expiresAtMs: machine.wallMs + HOUR / 2 } : {},
    }),
  };
  return converse(5, { authenticator, machine }, (conversation) =>
    conversation.run(
      "a connects",
      "clock set by 7200 s",
      "1 s pass",
      "b connects",
      "clock set by -7200 s",
      "3598 s pass",
      "a quiet",
      "1 s pass",
      "a told e0 87",
      "b quiet",
      "1 s pass",
      "b told e0 87",
      "b2 connects",
      "1799 s pass",
      "b2 quiet",
      "1 s pass",
      "b2 told e0 87",
    ));
});

Deno.test("A ban ends by the wall clock", () =>
  converse(5, {}, (conversation) =>
    conversation.run(
      ({ broker, machine }) => broker.ban({ clientId: "a" }, { untilMs: machine.wallMs + HOUR }),
      "clock set by -7200 s",
      "3700 s pass",
      ({ broker }) => assertEquals(broker.bans().length, 1),
      "a > 10 [ @ 02 0000 [] 'a' ]",
      "a told 20 00 8a",
      "clock set by 7200 s",
      "a connects",
      ({ broker }) => assertEquals(broker.bans(), []),
    )));
