/** All clients of a broker come back in one moment, because it was killed and starts again. */

import { assertEquals, assertLess } from "@std/assert";
import { encodePacket, type Packet, PacketDecoder } from "../../src/codec/mod.ts";
import { Program } from "../cli/program.ts";
import { within } from "../deadline.ts";
import { printFigure } from "../hostile/broker_child.ts";
import { pause, writeAll } from "../hostile/sockets.ts";
import { keepSessions, keptClientId } from "./kept_sessions.ts";
import { KvFile } from "./kv_file.ts";
import { inForm } from "../form.ts";
import { Stopwatch } from "../stopwatch.ts";

const CLIENTS = inForm(500, 500, 5_000);
const MESSAGES_EACH = 3;
const BACK_WITHIN_MS = 10_000;
const MOST_RESIDENT_BYTES = 500_000_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;
const READ_BYTES = 1_024;

Deno.test(`${CLIENTS} durable clients that come back at once after kill -9 have their sessions again in time`, async () => {
  await using file = await KvFile.create();
  await keepSessions(file.path, { sessions: CLIENTS, subscriptionsEach: 1, messagesEach: MESSAGES_EACH });
  const clients = Array.from({ length: CLIENTS }, (_, index) => new HerdClient(index));
  await using first = await file.listening();
  const port = await first.port();
  const deadlineMs = performance.now() + 60_000;
  const isHere = (client: HerdClient) => client.messages === MESSAGES_EACH;
  const running = clients.map((client) => client.run(port));
  try {
    while (!clients.every(isHere)) await nextLook(deadlineMs);
    assertEquals(clients.filter(({ sessionPresent }) => sessionPresent).length, CLIENTS);

    first.kill("SIGKILL"); // What they have was not acknowledged: it comes again.
    await first.ended();
    for (const client of clients) client.forget();
    const stopwatch = new Stopwatch();
    const args = file.args.map((argument) => argument.replace("127.0.0.1:0", `127.0.0.1:${port}`));
    await using second = await Program.listening(args);
    stopwatch.add(second.pid);
    const listeningMs = stopwatch.ms();
    while (!clients.every(isHere)) await nextLook(deadlineMs);
    const backMs = stopwatch.ms();
    const residentBytes = await second.residentBytes();
    const sum = (of: (client: HerdClient) => number) => clients.reduce((sum, client) => sum + of(client), 0);
    printFigure(
      `${CLIENTS} durable clients were back ${Math.round(backMs)} ms after the start, ${
        Math.round(listeningMs)
      } ms of ` +
        `which it took until it listened; ${sum(({ refused }) => refused)} times refused by CONNACK, ` +
        `${Math.round(residentBytes / 1_000_000)} MB resident, ${await cpuSeconds(second.pid)} s of CPU`,
    );
    assertEquals(clients.filter(({ sessionPresent }) => sessionPresent).length, CLIENTS);
    assertEquals(sum(({ again }) => again), CLIENTS * MESSAGES_EACH); // With DUP: none is new, none is missing.
    assertLess(backMs, BACK_WITHIN_MS);
    assertLess(residentBytes, MOST_RESIDENT_BYTES);
    for (const client of clients) client.stop();
    await within(Promise.all(running), "the clients to end");
  } finally {
    for (const client of clients) client.stop();
  }
});

/** What a process has taken of all processors, in hundredths. */
async function cpuSeconds(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  const [userTicks = 0, systemTicks = 0] = stat.slice(stat.lastIndexOf(")")).split(" ").slice(12, 14).map(Number);
  return (userTicks + systemTicks) / 100;
}

async function nextLook(deadlineMs: number): Promise<void> {
  if (performance.now() > deadlineMs) throw new Error("not all clients are there in time");
  await pause(10);
}

/** A client that connects again whenever it has no connection, and acknowledges nothing; every other one speaks MQTT 5. */
class HerdClient {
  sessionPresent = false;
  messages = 0;
  /** Messages with DUP. */
  again = 0;
  /** How often CONNACK was a refusal. */
  refused = 0;
  readonly #version: 4 | 5;
  readonly #connect: Uint8Array;
  #socket: Deno.TcpConn | undefined;
  #isStopped = false;

  constructor(index: number) {
    this.#version = index % 2 === 0 ? 5 : 4;
    this.#connect = encodePacket({
      type: "connect",
      protocolVersion: this.#version,
      isBridge: false,
      cleanStart: false,
      keepAliveSeconds: 0,
      clientId: keptClientId(index),
      will: undefined,
      userName: undefined,
      password: undefined,
      properties: this.#version === 5 ? { sessionExpiryInterval: 0xffff_ffff } : {},
    }, this.#version);
  }

  forget(): void {
    this.sessionPresent = false;
    this.messages = this.again = this.refused = 0;
  }

  stop(): void {
    this.#isStopped = true;
    this.#close();
  }

  async run(port: number): Promise<void> {
    for (let pauseMs = FIRST_PAUSE_MS; !this.#isStopped; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      const wasAccepted = await this.#serve(port).catch(() => false); // Refused, or reset.
      this.#close();
      if (wasAccepted) pauseMs = FIRST_PAUSE_MS;
      if (!this.#isStopped) await pause(pauseMs * (0.5 + Math.random()));
    }
  }

  /** One connection, to its end; whether it was accepted. */
  async #serve(port: number): Promise<boolean> {
    const socket = this.#socket = await Deno.connect({ hostname: "127.0.0.1", port });
    if (this.#isStopped) return false;
    await writeAll(socket, this.#connect);
    const decoder = new PacketDecoder({ protocolVersion: this.#version });
    const buffer = new Uint8Array(READ_BYTES);
    let isAccepted = false;
    try {
      for (let length = await socket.read(buffer); length !== null; length = await socket.read(buffer)) {
        for (const packet of decoder.decode(buffer.slice(0, length))) {
          if (packet.type === "malformed") throw packet.error;
          if (this.#receive(packet)) isAccepted = true;
        }
      }
    } catch {
      // However it ends, it is over.
    }
    return isAccepted;
  }

  /** Whether it was accepted by it. */
  #receive(packet: Packet): boolean {
    if (packet.type === "publish") {
      this.messages += 1;
      this.again += packet.dup ? 1 : 0;
    }
    if (packet.type !== "connack") return false;
    if (packet.reasonCode === 0) this.sessionPresent = packet.sessionPresent;
    else this.refused += 1;
    return packet.reasonCode === 0;
  }

  #close(): void {
    try {
      this.#socket?.close();
    } catch {
      // It is closed already.
    }
    this.#socket = undefined;
  }
}
