import { assertEquals } from "@std/assert";
import { within } from "../deadline.ts";
import { BINARY, clientFrame, joined } from "./web_socket_client_frames.ts";

/** The handshake of article 001. */
export const HANDSHAKE: readonly string[] = [
  "Connection: keep-alive, Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: npQCPFw1Pc5G9vqjJyi90w==",
  "Sec-WebSocket-Extensions: permessage-deflate",
  "Sec-WebSocket-Protocol: mqtt",
];

export interface RawFrame {
  readonly opcode: number;
  readonly payload: string;
}

export interface RawResponse {
  readonly status: number;
  /** Lower-case names; what is there twice is there twice. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

/** A socket that speaks HTTP and frames in bytes: nothing of it comes from the code under test. */
export class RawWebSocket implements Disposable {
  readonly #connection: Deno.TcpConn;
  #received = new Uint8Array(0);
  #isClosed = false;

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
    connection.setNoDelay(true);
  }

  static async connect(port: number): Promise<RawWebSocket> {
    return new RawWebSocket(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  /** Connects and is upgraded. */
  static async open(port: number, path = "/mqtt"): Promise<RawWebSocket> {
    const socket = await RawWebSocket.connect(port);
    await socket.request("GET", path, ["Host: localhost", ...HANDSHAKE]);
    assertEquals((await socket.response()).status, 101);
    return socket;
  }

  /** Sends bytes as they are. */
  async send(...parts: readonly Uint8Array[]): Promise<void> {
    const bytes = joined(parts);
    for (let sent = 0; sent < bytes.length;) sent += await this.#connection.write(bytes.subarray(sent));
  }

  async sendText(text: string): Promise<void> {
    await this.send(new TextEncoder().encode(text));
  }

  /** Each as one binary frame, all in one write. */
  async sendBinary(...payloads: readonly (string | Uint8Array)[]): Promise<void> {
    await this.send(...payloads.map((payload) => clientFrame({ opcode: BINARY, payload })));
  }

  async request(method: string, target: string, lines: readonly string[]): Promise<void> {
    await this.sendText(`${method} ${target} HTTP/1.1\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`);
  }

  /** The head, and the body that its Content-Length announces. */
  async response(hasBody = true): Promise<RawResponse> {
    let end = -1;
    while ((end = this.#text().indexOf("\r\n\r\n")) === -1) {
      if (!await this.#read()) throw new Error(`The stream ended within a head: ${this.#text()}`);
    }
    const [statusLine = "", ...lines] = new TextDecoder().decode(await this.#take(end + 4)).trimEnd().split("\r\n");
    const headers = lines.map((line): [string, string] => {
      const [name = "", ...value] = line.split(": ");
      return [name.toLowerCase(), value.join(": ")];
    });
    const length = headers.find(([name]) => name === "content-length")?.[1] ?? "0";
    const body = new TextDecoder().decode(await this.#take(hasBody ? Number(length) : 0));
    const status = /^HTTP\/1\.1 (\d{3}) [\w ]+$/.exec(statusLine)?.[1];
    return { status: Number(status), headers, body };
  }

  /** The next frame, which must be whole, final and not masked; `undefined` at the end of the stream. */
  async frame(): Promise<RawFrame | undefined> {
    if (!await this.#fill(2)) return undefined;
    const [first = 0, length = 0] = await this.#take(2);
    assertEquals(first & 0xf0, 0x80, "FIN, and no reserved bit");
    assertEquals(length & 0x80, 0, "a server does not mask");
    const longer = length === 126 ? 2 : length === 127 ? 8 : 0;
    const bytes = longer === 0 ? length : Number(BigInt("0x" + (await this.#take(longer)).toHex()));
    return { opcode: first & 0x0f, payload: (await this.#take(bytes)).toHex() };
  }

  /** The next frames are binary ones with these payloads. */
  async expect(...payloads: readonly string[]): Promise<void> {
    for (const payload of payloads) assertEquals(await this.frame(), { opcode: BINARY, payload });
  }

  /** The next bytes of binary frames are these, however they are spread over frames. */
  async expectBytes(hex: string): Promise<void> {
    let received = "";
    while (received.length < hex.length) {
      const frame = await this.frame();
      assertEquals(frame?.opcode, BINARY);
      received += frame?.payload ?? "";
    }
    assertEquals(received, hex);
  }

  /** All frames until the end of the stream. */
  async closed(): Promise<RawFrame[]> {
    const frames: RawFrame[] = [];
    for (let frame = await this.frame(); frame !== undefined; frame = await this.frame()) frames.push(frame);
    return frames;
  }

  /** Says that no more will come. */
  async finish(): Promise<void> {
    await this.#connection.closeWrite();
  }

  /** Ends it without a word; safe to call again. */
  [Symbol.dispose](): void {
    if (!this.#isClosed) this.#connection.close();
    this.#isClosed = true;
  }

  #text(): string {
    return new TextDecoder().decode(this.#received);
  }

  async #take(length: number): Promise<Uint8Array> {
    if (!await this.#fill(length)) throw new Error(`The stream ended behind ${this.#received.toHex()}`);
    const taken = this.#received.slice(0, length);
    this.#received = this.#received.slice(length);
    return taken;
  }

  async #fill(length: number): Promise<boolean> {
    while (this.#received.length < length) {
      if (!await this.#read()) return false;
    }
    return true;
  }

  async #read(): Promise<boolean> {
    const buffer = new Uint8Array(65_536);
    const read = await within(this.#connection.read(buffer).catch(endOfReset), `more than ${this.#received.toHex()}`);
    if (read === null) return false;
    this.#received = joined([this.#received, buffer.subarray(0, read)]);
    return true;
  }
}

/** A reset is an end like any other for whom only waits for the end. */
function endOfReset(error: unknown): null {
  if (error instanceof Deno.errors.ConnectionReset) return null;
  throw error;
}
