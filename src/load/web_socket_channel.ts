import type { ByteChannel } from "../transport/transport.ts";

const MOST_RESPONSE_BYTES = 16_384;
const BINARY = 0x82;
const PONG = 0x8a;
const MASKED = 0x80;
const OPCODE = 0x0f;
const CLOSE_OPCODE = 0x8;
const PING_OPCODE = 0x9;
const MOST_CONTROL_BYTES = 125;
const LONGEST_HEADER = 10;
const NOTHING = new Uint8Array(0);

/**
 * Client side of a WebSocket on a connection (RFC 6455), for loads only: the runtime's `WebSocket` fires an event for
 * each message, and that is what would be measured. The mask is zero, which costs nothing to apply: there are no caches
 * on the way, which it would protect.
 */
export class WebSocketChannel implements ByteChannel {
  readonly #channel: ByteChannel;
  /** Bytes after the response to the handshake. */
  #early: Uint8Array | undefined;
  /** Incomplete header of a frame. */
  #rest: Uint8Array = NOTHING;
  /** Missing bytes of the payload of a frame. */
  #remaining = 0;
  #isControl = false;
  #control: number[] = [];
  #opcode = 0;

  private constructor(channel: ByteChannel, early: Uint8Array) {
    this.#channel = channel;
    this.#early = early.length > 0 ? early : undefined;
  }

  /** Performs the handshake for a URL on an open connection. */
  static async open(channel: ByteChannel, url: URL): Promise<WebSocketChannel> {
    const key = crypto.getRandomValues(new Uint8Array(16)).toBase64();
    const request = [
      `GET ${url.pathname}${url.search} HTTP/1.1`,
      `Host: ${url.host}`,
      "Upgrade: websocket",
      "Connection: Upgrade",
      `Sec-WebSocket-Key: ${key}`,
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Protocol: mqtt", // [MQTT-6.0.0-3]
    ];
    await channel.write(new TextEncoder().encode(`${request.join("\r\n")}\r\n\r\n`));
    let response = "";
    while (!response.includes("\r\n\r\n")) {
      const bytes = await channel.read();
      if (bytes === undefined || response.length > MOST_RESPONSE_BYTES) {
        throw new Error("Cannot open the WebSocket: the server did not answer the handshake");
      }
      response += String.fromCharCode(...bytes);
    }
    const [status = ""] = response.split("\r\n", 1);
    if (!/^HTTP\/1\.1 101\b/.test(status)) throw new Error(`Cannot open the WebSocket: the server said "${status}"`);
    const early = response.slice(response.indexOf("\r\n\r\n") + 4);
    return new WebSocketChannel(channel, Uint8Array.from(early, (character) => character.charCodeAt(0)));
  }

  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      const bytes = this.#early ?? await this.#channel.read();
      this.#early = undefined;
      if (bytes === undefined) return undefined;
      const payload = this.#payloadOf(bytes);
      if (payload === undefined || payload.length > 0) return payload;
    }
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#channel.write(frameOf(BINARY, bytes));
  }

  get isWriting(): boolean {
    return this.#channel.isWriting;
  }

  closeWrite(): Promise<void> {
    return this.#channel.closeWrite();
  }

  close(): void {
    this.#channel.close();
  }

  /** Payload of all frames of a chunk, moved together in its own bytes; `undefined` after a Close frame. */
  #payloadOf(chunk: Uint8Array): Uint8Array | undefined {
    const bytes = this.#rest.length > 0 ? joined(this.#rest, chunk) : chunk;
    this.#rest = NOTHING;
    let position = 0;
    let end = 0;
    while (position < bytes.length) {
      if (this.#remaining === 0) {
        const headerBytes = this.#header(bytes, position);
        if (headerBytes === 0) {
          this.#rest = bytes.slice(position);
          break;
        }
        position += headerBytes;
      }
      const part = Math.min(this.#remaining, bytes.length - position);
      this.#remaining -= part;
      if (this.#isControl) {
        this.#control.push(...bytes.subarray(position, position + part));
        if (this.#remaining === 0 && this.#opcode === CLOSE_OPCODE) return undefined;
        if (this.#remaining === 0 && this.#opcode === PING_OPCODE) this.#pong();
      } else {
        if (end !== position) bytes.copyWithin(end, position, position + part);
        end += part;
      }
      position += part;
    }
    return bytes.subarray(0, end);
  }

  /** Parses the header of a frame; gives its size, 0 if it is incomplete. */
  #header(bytes: Uint8Array, position: number): number {
    const available = bytes.length - position;
    if (available < 2) return 0;
    const view = new DataView(bytes.buffer, bytes.byteOffset + position, Math.min(available, LONGEST_HEADER));
    const short = view.getUint8(1);
    const headerBytes = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (short > 127) throw new Error("the server has sent a WebSocket frame that is masked");
    if (available < headerBytes) return 0;
    this.#opcode = view.getUint8(0) & OPCODE;
    this.#isControl = this.#opcode >= CLOSE_OPCODE;
    this.#control = [];
    this.#remaining = headerBytes === 2 ? short : headerBytes === 4 ? view.getUint16(2) : Number(view.getBigUint64(2));
    if (this.#isControl && this.#remaining > MOST_CONTROL_BYTES) throw new Error("a control frame is too long");
    return headerBytes;
  }

  #pong(): void {
    this.#channel.write(frameOf(PONG, Uint8Array.from(this.#control))).catch(() => {}); // The next read reports it.
  }
}

function frameOf(first: number, payload: Uint8Array): Uint8Array {
  const { length } = payload;
  const headerBytes = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = new Uint8Array(headerBytes + 4 + length);
  const view = new DataView(frame.buffer);
  frame[0] = first;
  frame[1] = MASKED | (headerBytes === 2 ? length : headerBytes === 4 ? 126 : 127);
  if (headerBytes === 4) view.setUint16(2, length);
  if (headerBytes === 10) view.setBigUint64(2, BigInt(length));
  frame.set(payload, headerBytes + 4);
  return frame;
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
