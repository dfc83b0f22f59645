import { assertEquals } from "@std/assert";
import { DEADLINE_MS, within } from "../deadline.ts";

/** Where a broker listens. */
export interface Address {
  /** @default {"127.0.0.1"} */
  readonly hostname?: string;
  readonly port: number;
}

/** A socket that speaks in bytes, written as hex: what is said here owes nothing to the codec under test. */
export class RawClient implements Disposable {
  readonly #connection: Deno.TcpConn;
  #received = new Uint8Array(0);

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
    connection.setNoDelay(true);
  }

  static async open({ hostname = "127.0.0.1", port }: Address): Promise<RawClient> {
    return new RawClient(await Deno.connect({ hostname, port }));
  }

  /** Opens, sends CONNECT and expects that it is accepted. */
  static async connect(broker: Address, options: ConnectOptions): Promise<RawClient> {
    const client = await RawClient.open(broker);
    try {
      await client.send(connect(options));
      if (options.version === 5) {
        assertEquals((await client.packet()).slice(0, 2), "20");
      } else {
        await client.expect(CONNACK);
      }
    } catch (error) {
      client[Symbol.dispose]();
      throw error;
    }
    return client;
  }

  /** One write, so that the network carries it as one segment where it can. */
  async send(...hex: readonly string[]): Promise<void> {
    await within(this.sendBytes(bytes(hex.join(""))), "the broker to take what is sent");
  }

  async sendBytes(data: Uint8Array): Promise<void> {
    for (let sent = 0; sent < data.length;) {
      sent += await this.#connection.write(data.subarray(sent));
    }
  }

  /** The next bytes are these; packets that follow stay for the next call. */
  async expect(...hex: readonly string[]): Promise<void> {
    for (const expected of hex) {
      const wanted = normalized(expected);
      const received = await this.#take(wanted.length / 2);
      assertEquals(toHex(received), wanted);
    }
  }

  /** The next packet, whole, as hex; "" at the end of the stream. */
  async packet(deadlineMs?: number): Promise<string> {
    for (let length = 2;; length++) {
      await this.#fill(length, deadlineMs);
      if (this.#received.length < length) return "";
      if ((this.#received[length - 1] ?? 0) < 0x80) {
        const body = this.#received.subarray(1, length)
          .reduce((sum, byte, index) => sum + (byte & 0x7f) * 128 ** index, 0);
        return toHex(await this.#take(length + body));
      }
    }
  }

  /** What the broker still says before it closes, as hex. */
  async closed(deadlineMs = DEADLINE_MS): Promise<string> {
    const before = performance.now();
    while (await this.#read(deadlineMs - (performance.now() - before))) {
      // Until there is no more.
    }
    return toHex(await this.#take(this.#received.length));
  }

  /** Reads until the broker closes, and closes in turn as client libraries do: else the broker waits 1 s for it. */
  async closeInTurn(): Promise<void> {
    await this.closed();
    await this.finish();
  }

  /** Nothing is on its way to this client: the answer to a PINGREQ is the next that comes. */
  async expectSilence(): Promise<void> {
    await this.send(PINGREQ);
    await this.expect(PINGRESP);
  }

  /** Ends the stream in this direction only: FIN, and no DISCONNECT before it. */
  async finish(): Promise<void> {
    await this.#connection.closeWrite();
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }

  async #take(length: number): Promise<Uint8Array> {
    await this.#fill(length);
    const taken = this.#received.slice(0, length);
    this.#received = this.#received.slice(length);
    return taken;
  }

  async #fill(length: number, deadlineMs?: number): Promise<void> {
    while (this.#received.length < length && await this.#read(deadlineMs)) {
      // Until it is there.
    }
  }

  async #read(deadlineMs?: number): Promise<boolean> {
    const buffer = new Uint8Array(65_536);
    const got = `bytes behind "${toHex(this.#received.subarray(0, 64))}"`;
    const length = await within(this.#connection.read(buffer).catch(endOfReset), got, deadlineMs);
    if (length === null) return false;
    const joined = new Uint8Array(this.#received.length + length);
    joined.set(this.#received);
    joined.set(buffer.subarray(0, length), this.#received.length);
    this.#received = joined;
    return true;
  }
}

export const CONNACK = "20 02 00 00";
export const PINGREQ = "c0 00";
export const PINGRESP = "d0 00";
export const DISCONNECT = "e0 00";

export interface ConnectOptions {
  readonly clientId: string;
  /** 4 is MQTT 3.1.1. Default: 4. */
  readonly version?: 4 | 5;
  readonly cleanStart?: boolean;
  readonly keepAliveSeconds?: number;
  /** Properties of version 5, as hex without their length. */
  readonly properties?: string;
  readonly will?: { readonly topic: string; readonly payload: string };
}

export function connect(options: ConnectOptions): string {
  const { clientId, version = 4, cleanStart = true, keepAliveSeconds = 60, will } = options;
  const flags = (cleanStart ? 0x02 : 0) | (will === undefined ? 0 : 0x04);
  const isV5 = version === 5;
  return packet(
    "10",
    text("MQTT") + uint8(version) + uint8(flags) + uint16(keepAliveSeconds),
    isV5 ? withLength(options.properties ?? "") : "",
    text(clientId),
    will === undefined ? "" : (isV5 ? "00" : "") + text(will.topic) + text(will.payload),
  );
}

export interface PublishOptions {
  readonly topic: string;
  readonly payload?: string;
  readonly qos?: 0 | 1 | 2;
  readonly packetIdentifier?: number;
  readonly dup?: boolean;
  readonly retain?: boolean;
  /** As hex without their length; given, even empty, makes it a packet of version 5. */
  readonly properties?: string;
}

export function publish(options: PublishOptions): string {
  const { topic, payload = "", qos = 0, packetIdentifier = 1, dup = false, retain = false, properties } = options;
  return packet(
    uint8(0x30 | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0)),
    text(topic),
    qos === 0 ? "" : uint16(packetIdentifier),
    properties === undefined ? "" : withLength(properties),
    toHex(new TextEncoder().encode(payload)),
  );
}

/** SUBSCRIBE of 3.1.1 for one filter. */
export function subscribe(packetIdentifier: number, topicFilter: string, qos = 0): string {
  return packet("82", uint16(packetIdentifier), text(topicFilter), uint8(qos));
}

/** SUBSCRIBE of 5 for one filter, without properties. */
export function subscribeV5(packetIdentifier: number, topicFilter: string, options = 0): string {
  return packet("82", uint16(packetIdentifier), "00", text(topicFilter), uint8(options));
}

/** A first byte, the length of the rest, the rest. */
export function packet(firstByte: string, ...body: readonly string[]): string {
  return firstByte + withLength(normalized(body.join("")));
}

export function text(value: string): string {
  const encoded = new TextEncoder().encode(value);
  return uint16(encoded.length) + toHex(encoded);
}

export function uint8(value: number): string {
  return value.toString(16).padStart(2, "0");
}

export function uint16(value: number): string {
  return value.toString(16).padStart(4, "0");
}

export function bytes(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromHex(normalized(hex));
}

function withLength(hex: string): string {
  let length = hex.length / 2;
  let encoded = "";
  do {
    encoded += uint8(length % 128 | (length > 127 ? 128 : 0));
    length = Math.floor(length / 128);
  } while (length > 0);
  return encoded + hex;
}

function normalized(hex: string): string {
  return hex.replaceAll(" ", "");
}

function toHex(data: Uint8Array): string {
  return data.toHex();
}

/** A reset is an end like any other for whom only waits for the end. */
function endOfReset(error: unknown): null {
  if (error instanceof Deno.errors.ConnectionReset) return null;
  throw error;
}
