/** Pairs of clients at full speed, in a thread beside the broker's: see `trace_cost.ts`. */

import { NO_PROPERTIES } from "../src/codec/property.ts";
import { bytesOf, publishBytes } from "./pipe_client.ts";

/** Asks for the counts of some time; the first one connects the clients. */
export interface LoadRequest {
  readonly port: number;
  readonly pairs: number;
  readonly seconds: number;
}

/** Messages that each subscriber got. */
export type PairCounts = readonly number[];

const PAYLOAD_BYTES = 64;
const MESSAGES_A_WRITE = 200;
const NAMED = { properties: NO_PROPERTIES } as const;

/** Subscriber and publisher of one topic. */
class Pair {
  receivedBytes = 0;
  readonly messageBytes: number;
  readonly #block: Uint8Array;

  constructor(readonly index: number) {
    const { bytes } = publishBytes(`pair/${index}`, 0, PAYLOAD_BYTES, MESSAGES_A_WRITE);
    this.#block = bytes;
    this.messageBytes = bytes.length / MESSAGES_A_WRITE;
  }

  async begin(port: number): Promise<void> {
    const subscriber = await connected(port, `subscriber-${this.index}`);
    const topicFilter = `pair/${this.index}`;
    const entry = { topicFilter, qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
    await subscriber.write(bytesOf({ type: "subscribe", packetIdentifier: 1, subscriptions: [entry], ...NAMED }));
    this.#count(subscriber); // It ends with the worker.
    this.#publish(await connected(port, `publisher-${this.index}`));
  }

  async #count(conn: Deno.Conn): Promise<void> {
    const room = new Uint8Array(65_536);
    for (let count = await conn.read(room); count !== null; count = await conn.read(room)) this.receivedBytes += count;
  }

  async #publish(conn: Deno.Conn): Promise<void> {
    for (;;) {
      for (let sent = 0; sent < this.#block.length;) sent += await conn.write(this.#block.subarray(sent));
    }
  }
}

async function connected(port: number, clientId: string): Promise<Deno.TcpConn> {
  const conn = await Deno.connect({ port });
  await conn.write(bytesOf({
    type: "connect",
    protocolVersion: 4,
    isBridge: false,
    cleanStart: true,
    keepAliveSeconds: 0,
    clientId,
    will: undefined,
    userName: undefined,
    password: undefined,
    ...NAMED,
  }));
  await conn.read(new Uint8Array(4)); // CONNACK
  return conn;
}

/** Globals of a worker; the type library of documents does not fit workers. */
interface WorkerScope {
  onmessage: (event: MessageEvent<LoadRequest>) => void;
  postMessage(counts: PairCounts): void;
}

const scope = globalThis as unknown as WorkerScope; // This file is only ever run as a worker.
let pairs: Pair[] | undefined;

scope.onmessage = async ({ data: { port, pairs: count, seconds } }: MessageEvent<LoadRequest>) => {
  if (pairs === undefined) {
    pairs = Array.from({ length: count }, (_, index) => new Pair(index));
    for (const pair of pairs) await pair.begin(port);
  }
  const before = pairs.map(({ receivedBytes }) => receivedBytes);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  const counts: PairCounts = pairs.map(({ receivedBytes, messageBytes }, index) =>
    (receivedBytes - (before[index] ?? 0)) / messageBytes
  );
  scope.postMessage(counts);
};
