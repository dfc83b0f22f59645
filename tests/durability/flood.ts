import { encodePacket } from "../../src/codec/mod.ts";
import { writeAll } from "../hostile/sockets.ts";
import { bytes, connect } from "../interop/raw_client.ts";

export const FLOOD_TOPIC = "flood";
const PAYLOAD = new Uint8Array(1_000);
// CONNACK and PUBACK of 3.1.1.
const ANSWER_BYTES = 4;

/** Clients of 3.1.1 that send their QoS 1 messages as fast as they are read from. */
export class Flood implements AsyncDisposable {
  readonly #messages: Uint8Array;
  readonly #count: number;
  readonly #sockets: Deno.TcpConn[] = [];
  readonly #reading: Promise<void>[] = [];
  #answeredBytes = 0;
  #expected = 0;
  #all = Promise.withResolvers<void>();

  private constructor(count: number) {
    this.#count = count;
    const packets = Array.from({ length: count }, (_, index) =>
      encodePacket({
        type: "publish",
        dup: false,
        qos: 1,
        retain: false,
        topic: FLOOD_TOPIC,
        packetIdentifier: index + 1,
        properties: {},
        payload: PAYLOAD,
      }, 4));
    this.#messages = new Uint8Array(packets.flatMap((packet) => [...packet]));
  }

  /** So many clients with so many messages each. */
  static async start(port: number, clients: number, messages: number): Promise<Flood> {
    const flood = new Flood(messages);
    flood.#expected = clients;
    for (let index = 0; index < clients; index++) {
      const socket = await Deno.connect({ hostname: "127.0.0.1", port });
      flood.#sockets.push(socket);
      flood.#reading.push(flood.#read(socket));
      await writeAll(socket, bytes(connect({ clientId: `flooder${index}`, keepAliveSeconds: 0 })));
    }
    await flood.allAcknowledged();
    return flood;
  }

  /** Packets that were answered. */
  get acknowledged(): number {
    return Math.floor(this.#answeredBytes / ANSWER_BYTES);
  }

  /** All send their messages once; resolves when they were read from, or are closed. */
  async send(): Promise<void> {
    this.#expected += this.#sockets.length * this.#count;
    this.#all = Promise.withResolvers();
    await Promise.all(this.#sockets.map((socket) => writeAll(socket, this.#messages).catch(() => {})));
  }

  async allAcknowledged(): Promise<void> {
    if (this.acknowledged < this.#expected) await this.#all.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.close();
    await Promise.all(this.#reading);
  }

  async #read(socket: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      for (let length = await socket.read(buffer); length !== null; length = await socket.read(buffer)) {
        this.#answeredBytes += length;
        if (this.acknowledged >= this.#expected) this.#all.resolve();
      }
    } catch {
      // Closed; what is missing is found by those who count.
    }
  }
}
