/**
 * Conversations in hex with a broker, over transports in memory. Steps, one a line:
 *
 * ```text
 * a connects                 CONNECT with Clean Start as client "a", and its CONNACK
 * a connects v5 durable      the version of this client; a session that outlives its connection, which is new
 * a resumes                  the same CONNECT, and a CONNACK with Session Present
 * a > 30 [ 'x' {} "hi" ]     sends bytes, written as in tests/codec/hex.ts
 * a < d0 00                  exactly these are the next bytes that come
 * a quiet                    nothing has come: the next packet is the answer to PINGREQ
 * a disconnects              DISCONNECT, and the end of the connection
 * a closed                   the broker has closed, and nothing came before that
 * a told e0 82               a packet that starts so, with some Reason String, is the last one; before MQTT 5: closed
 * a drops                    the connection is lost
 * 1500 ms pass               the clock and the broker's deadlines go on
 * clock set by -7200 s       the wall clock alone is set
 * ```
 *
 * `{...}` are properties with their length, and `<...>` other bytes that stand in MQTT 5 only; `@` is Protocol Name and
 * Protocol Level, `LIMITS` the properties of CONNACK that are always there. Digits behind the name of a client tell its
 * connections apart: `a2` has the Client Identifier "a". At the end every client that is connected has to be quiet.
 */

import { assertEquals } from "@std/assert";
import { Broker, type BrokerOptions, type Limits, memoryTransport, type MemoryTransportPair } from "../../mod.ts";
import type { ProtocolVersion } from "../../src/codec/mod.ts";
import { fromHex } from "../codec/hex.ts";
import { TestMachine } from "./test_machine.ts";
import { WireClient } from "./wire_client.ts";

/** A line as above, or something that the broker's own process does. */
export type Step = string | ((conversation: Conversation) => unknown);

/** A conversation that has to go as it is written. */
export interface Row {
  /** A sentence, with the clause. */
  readonly name: string;
  /** Versions that the clients speak unless a step says another one; the conversation is had once in each. */
  readonly versions: readonly ProtocolVersion[];
  readonly limits?: Partial<Limits>;
  /** Of the broker, besides its limits. */
  readonly options?: BrokerOptions;
  readonly steps: readonly Step[];
}

export const ALL_VERSIONS: readonly ProtocolVersion[] = [3, 4, 5];

/** One test for each row and version. */
export function conversationTests(rows: readonly Row[]): void {
  for (const { name, versions, limits = {}, options = {}, steps } of rows) {
    for (const version of versions) {
      Deno.test(`${name} v${version}`, () =>
        converse(version, { ...options, limits }, (conversation) => conversation.run(...steps)));
    }
  }
}

/** Has a conversation with a broker of its own; `defects`: how many errors of the server itself it must have seen. */
export async function converse(
  version: ProtocolVersion,
  options: BrokerOptions,
  talk: (conversation: Conversation) => Promise<void>,
  defects = 0,
): Promise<void> {
  const conversation = await Conversation.open(version, options);
  try {
    await talk(conversation);
    await conversation.end();
    assertEquals(conversation.errors.length, defects, String(conversation.errors[0]));
  } finally {
    await conversation.close();
  }
}

const DURABLE_SECONDS = 3_600;
const START_MS = 1_000_000;

/** See above. */
export class Conversation {
  /** Errors of the server itself, as it reported them. */
  readonly errors: unknown[] = [];
  /** Set by a step that closes the broker. */
  closing: Promise<void> | undefined;
  readonly #clients = new Map<string, WireClient>();

  private constructor(
    readonly version: ProtocolVersion,
    readonly broker: Broker,
    /** Where the broker runs; with a `machine` of its own in the options, that one. */
    readonly machine: TestMachine,
  ) {}

  static async open(version: ProtocolVersion, options: BrokerOptions = {}): Promise<Conversation> {
    let conversation: Conversation | undefined = undefined;
    const machine = options.machine instanceof TestMachine ? options.machine : new TestMachine(START_MS);
    const broker = await Broker.open({
      ...options,
      clock: machine.process(),
      onEvent: (event) => {
        if (event.kind === "unexpectedError") conversation?.errors.push(event.error);
        options.onEvent?.(event);
      },
    });
    return conversation = new Conversation(version, broker, machine);
  }

  async run(...steps: readonly Step[]): Promise<void> {
    for (const [index, step] of steps.entries()) {
      try {
        if (typeof step === "string") await this.#step(step);
        else await step(this);
      } catch (cause) {
        const name = typeof step === "string" ? `"${step}"` : "a function";
        const message = cause instanceof Error ? cause.message : String(cause);
        throw new Error(`Step ${index + 1}, ${name}: ${message}`, { cause });
      }
    }
  }

  /** Lets time go on. */
  pass(ms: number): void {
    this.machine.pass(ms);
    this.broker.tick();
  }

  /** Gives a client a connection that it makes at its first step otherwise. */
  connect(name: string, pair: MemoryTransportPair = memoryTransport(), version = this.version): WireClient {
    const client = new WireClient(name, version, pair, this.broker.serve(pair.server));
    this.#clients.set(name, client);
    return client;
  }

  /** A client that has made a step. */
  client(name: string): WireClient {
    const client = this.#clients.get(name);
    if (client === undefined) throw new SyntaxError(`Cannot find client "${name}": it has no connection`);
    return client;
  }

  /** Bytes of a text in hex, as a client of this version sends or gets them. */
  bytes(hex: string, version = this.version): Uint8Array {
    const isV5 = version === 5;
    const { receiveMaximum, topicAliasMaximum, maximumPacketBytes } = this.broker.limits;
    const limits = `21 ${hexNumber(receiveMaximum, 2)} 22 ${hexNumber(topicAliasMaximum, 2)} 27 ${
      hexNumber(maximumPacketBytes, 4)
    }`;
    return fromHex(
      hex.replaceAll("@", `${version === 3 ? "'MQIsdp'" : "'MQTT'"} ${hexNumber(version, 1)}`)
        .replaceAll("LIMITS", limits)
        .replace(/\{([^{}]*)\}/g, isV5 ? "[$1]" : "")
        .replace(/<([^<>]*)>/g, isV5 ? "$1" : ""),
    );
  }

  /** All clients that are connected are quiet. */
  async end(): Promise<void> {
    for (const [name, client] of this.#clients) if (client.isConnected) await this.run(`${name} quiet`);
  }

  /** Ends what still runs. */
  async close(): Promise<void> {
    for (const client of this.#clients.values()) await client.drop();
    await this.broker.close();
  }

  async #step(step: string): Promise<void> {
    const time = /^([\d.]+) (ms|s) pass$/.exec(step);
    if (time !== null) return this.pass(Number(time[1]) * (time[2] === "s" ? 1000 : 1));
    const set = /^clock set by (-?\d+) s$/.exec(step);
    if (set !== null) return this.machine.set(Number(set[1]) * 1000);
    const [, name, action, rest = ""] = /^(\w+) (\S+) ?(.*)$/s.exec(step) ?? [];
    if (name === undefined || action === undefined) throw new SyntaxError("Cannot read the step");
    const version = Number(/\bv([345])\b/.exec(rest)?.[1] ?? this.version) as ProtocolVersion; // One of the three.
    const isNew = action === "connects" || action === "resumes";
    const known = this.#clients.get(name);
    const client = known ?? this.connect(name, memoryTransport(), isNew ? version : this.version);
    switch (action) {
      case "connects":
        return this.#connect(client, rest.includes("durable"), false);
      case "resumes":
        return this.#connect(client, true, true);
      case ">":
        return client.send(this.bytes(rest, client.version));
      case "<":
        return client.expect(this.bytes(rest, client.version));
      case "quiet":
        client.send(fromHex("c0 00"));
        return client.expect(fromHex("d0 00"));
      case "disconnects":
        client.send(fromHex("e0 00"));
        return this.#closed(name, client);
      case "closed":
        return this.#closed(name, client);
      case "told":
        if (client.version === 5) await client.expectReason(this.bytes(rest, client.version));
        return this.#closed(name, client);
      case "drops":
        this.#clients.delete(name);
        return client.drop();
      default:
        throw new SyntaxError(`Cannot read the step: there is no action "${action}"`);
    }
  }

  async #connect(client: WireClient, isDurable: boolean, isPresent: boolean): Promise<void> {
    const { version } = client;
    const flags = isDurable ? "00" : "02";
    const properties = isDurable ? `{ 11 ${hexNumber(DURABLE_SECONDS, 4)} }` : "{}";
    const clientId = client.name.replace(/\d+$/, "");
    client.send(this.bytes(`10 [ @ ${flags} 0000 ${properties} '${clientId}' ]`, version));
    await client.expect(this.bytes(`20 [ ${isPresent && version > 3 ? "01" : "00"} 00 { LIMITS } ]`, version));
  }

  #closed(name: string, client: WireClient): Promise<void> {
    this.#clients.delete(name);
    return client.expectClosed();
  }
}

/** A number as bytes in hex. */
export function hexNumber(value: number, bytes: number): string {
  return value.toString(16).padStart(bytes * 2, "0");
}
