/** No acknowledgement before what it promises is on disk, as the system calls of the broker show it. */

import { assertEquals, assertGreater } from "@std/assert";
import { type Packet, PacketDecoder } from "../../src/codec/mod.ts";
import { within } from "../deadline.ts";
import { printFigure } from "../hostile/broker_child.ts";
import { DurableClient } from "./durable_client.ts";
import { KvFile } from "./kv_file.ts";
import { succeeds } from "../installed.ts";
import { testWith } from "./needs.ts";
import { inForm } from "../form.ts";
import { type SystemCall, systemCalls } from "./strace_log.ts";

const PUBLISHES = inForm(200, 200, 1_000);
const WINDOW = 20;
const READS = ["read", "readv", "recvfrom", "recvmsg"];
const WRITES = ["write", "writev", "sendto", "sendmsg"];
const SYNCS = ["fsync", "fdatasync"];
const TRACED = ["accept", "accept4", "close", ...READS, ...WRITES, ...SYNCS].join();

testWith(
  ["strace"],
  () => succeeds("strace", ["-f", "-o", "/dev/null", "true"]),
  "PUBACK for a durable session is written behind an fsync that began after PUBLISH was read",
  async () => {
    await using file = await KvFile.create();
    const path = `${file.folder}/strace`;
    {
      // Detached (-D), so that signals go to the broker itself.
      const under = ["strace", "-D", "-f", "-xx", "-s", "200000", "-e", `trace=${TRACED}`, "-o", path];
      await using program = await file.listening({ under });
      await publishToOffline(await program.port());
      program.kill("SIGTERM");
      assertEquals((await program.ended(60_000)).code, 0);
    }
    const { acknowledged, violations, syncs } = await readLog(path);
    printFigure(`${acknowledged} PUBACK, ${syncs} fsync, ${violations} without an fsync between PUBLISH and PUBACK`);
    assertEquals(acknowledged, PUBLISHES);
    assertEquals(violations, 0);
    assertGreater(syncs, PUBLISHES / WINDOW / 2);
  },
);

/** QoS 1 messages for a session that is not connected, some at a time. */
async function publishToOffline(port: number): Promise<void> {
  const subscriber = new DurableClient("subscriber", 4);
  await subscriber.connect(port);
  await subscriber.subscribe("offline", 1);
  await subscriber.drop();
  const all = Promise.withResolvers<void>();
  let published = 0;
  let acknowledged = 0;
  const publisher = new DurableClient("publisher", 4, {
    acknowledged: () => {
      acknowledged += 1;
      if (published < PUBLISHES) publish();
      else if (acknowledged === PUBLISHES) all.resolve();
    },
  });
  const publish = () => publisher.publish("offline", `message ${published++}`, 1);
  await publisher.connect(port);
  while (published < WINDOW) publish();
  await within(all.promise, "all PUBACK", 120_000);
  await publisher.drop();
}

interface Connection {
  /** When a packet was read, or began to be written. */
  readonly read: { readonly packet: Packet; readonly at: number }[];
  readonly written: { readonly packet: Packet; readonly at: number }[];
  readonly readDecoder: PacketDecoder;
  readonly writtenDecoder: PacketDecoder;
}

async function readLog(path: string): Promise<{ acknowledged: number; violations: number; syncs: number }> {
  const connections: Connection[] = [];
  const open = new Map<number, Connection>();
  const syncs: SystemCall[] = [];
  for (const call of systemCalls(await Deno.readTextFile(path))) {
    const { name, descriptor, result } = call;
    if (name.startsWith("accept") && result >= 0) {
      const connection = {
        read: [],
        written: [],
        readDecoder: new PacketDecoder(),
        writtenDecoder: new PacketDecoder({ protocolVersion: 4 }),
      };
      connections.push(connection);
      open.set(result, connection);
    } else if (name === "close") {
      open.delete(descriptor); // Another file may have the number next.
    } else if (SYNCS.includes(name)) {
      assertEquals(result, 0);
      syncs.push(call);
    } else if (result > 0) {
      take(call, open.get(descriptor));
    }
  }
  const publisher = connections.find(({ read: [first] }) =>
    first?.packet.type === "connect" && first.packet.clientId === "publisher"
  );
  let acknowledged = 0;
  let violations = 0;
  for (const { packet, at } of publisher?.written ?? []) {
    if (packet.type !== "puback") continue;
    acknowledged += 1;
    // Identifiers are used once here.
    const publish = publisher?.read.find(({ packet: { type, ...rest } }) =>
      type === "publish" && "packetIdentifier" in rest && rest.packetIdentifier === packet.packetIdentifier
    );
    const isSynced = syncs.some(({ begun, ended }) => publish !== undefined && begun > publish.at && ended < at);
    if (!isSynced) violations += 1;
  }
  return { acknowledged, violations, syncs: syncs.length };
}

function take({ name, isCut, bytes, begun, ended }: SystemCall, connection: Connection | undefined): void {
  if (connection === undefined) return;
  if (isCut) throw new Error(`strace has cut what it shows: ${name}`);
  if (READS.includes(name)) {
    for (const packet of connection.readDecoder.decode(bytes)) addTo(connection.read, packet, ended);
  } else if (WRITES.includes(name)) {
    for (const packet of connection.writtenDecoder.decode(bytes)) addTo(connection.written, packet, begun);
  }
}

function addTo(
  packets: { readonly packet: Packet; readonly at: number }[],
  packet: Packet | { readonly type: "malformed"; readonly error: unknown },
  at: number,
): void {
  if (packet.type === "malformed") throw packet.error;
  packets.push({ packet, at });
}
