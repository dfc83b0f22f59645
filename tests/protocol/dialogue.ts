/**
 * Dialogues of one client with its connection, in hex, without broker, clock and I/O. Steps, one a line:
 *
 * ```text
 * connects                     CONNECT with Clean Start as client "a", and its CONNACK; `durable`: with a session that lives on
 * > 30 [ 'x' {} "hi" ]         the client sends bytes, written as in tests/wire/conversation.ts
 * < 40 [ 0001 ]                exactly these are the next bytes for it that may leave
 * held                         nothing may leave before more changes are durable; `durable`: all are, from now on
 * publishes x "hi" QoS 1       the next message that reached the router; `publishes nothing`: none did
 * writes accepted #1           all changes since the last such step, separated by commas; `writes nothing`: none
 * asks authorize publish x     the next question to the broker, which was answered as the row says
 * told e0 82                   a packet that starts so is the last one, and the connection ends for this reason; before MQTT 5
 *                              it only ends
 * closed 82                    the connection ends for this reason, without another byte
 * quiet                        nothing has come for the client
 * ```
 *
 * At the end the client must have got all its bytes, and the router's messages must have been looked at.
 */

import { assert, assertEquals } from "@std/assert";
import { PacketDecoder } from "../../src/codec/decoder.ts";
import type { Packet, ProtocolVersion } from "../../src/codec/packet.ts";
import { ReasonCode } from "../../src/codec/reason_code.ts";
import { TopicInterner } from "../../src/codec/topic_interner.ts";
import type { AccessRequest, ClientIdentity } from "../../src/protocol/access.ts";
import type { Answer, Ask, BehindSubscriber, ConnectionHost } from "../../src/protocol/connection_host.ts";
import type { ConnectionLoop } from "../../src/protocol/client_link.ts";
import { Connection } from "../../src/protocol/connection.ts";
import { OutboxTotal } from "../../src/protocol/outbox.ts";
import { limitsWith } from "../../src/protocol/limit_table.ts";
import type { Limits } from "../../src/protocol/limits.ts";
import type { ApplicationMessage } from "../../src/protocol/message.ts";
import { Session } from "../../src/protocol/session.ts";
import type { RetainedSource, SessionContext } from "../../src/protocol/session_context.ts";
import { settingsWith } from "../../src/protocol/setting_table.ts";
import type { Subscription } from "../../src/protocol/subscription.ts";
import { matchesTopic } from "../../src/protocol/topic_filter.ts";
import { fromHex, toHex } from "../codec/hex.ts";
import { contextWith, FakeHolding, MemoryLog, messageOf } from "./session_parts.ts";

/** A line as above, or something to look at between. */
export type Step = string | ((dialogue: Dialogue) => void);

export type Answers = Partial<Record<Ask["kind"], (ask: Ask) => Answer | undefined>>;

export interface Row {
  /** A sentence, with the clause. */
  readonly name: string;
  readonly versions: readonly ProtocolVersion[];
  readonly limits?: Partial<Limits>;
  /** Broker of the connection, where it is not as {@linkcode FakeHost} has it. */
  readonly host?: Partial<Omit<FakeHost, "log" | "limits">>;
  /** Answers of the broker, by the kind of the question; `undefined`: no answer yet. */
  readonly answers?: Answers;
  readonly steps: readonly Step[];
}

export const ALL_VERSIONS: readonly ProtocolVersion[] = [3, 4, 5];

/** One test for each row and version. */
export function dialogueTests(rows: readonly Row[]): void {
  for (const row of rows) {
    for (const version of row.versions) {
      Deno.test(`${row.name} v${version}`, () => new Dialogue(version, row).run(...row.steps).end());
    }
  }
}

/** Broker that takes everything: messages and subscriptions are only written down. */
export class FakeHost implements ConnectionHost {
  readonly limits: Limits;
  readonly log = new MemoryLog();
  readonly topics = new TopicInterner();
  readonly outboxTotal: OutboxTotal;
  asksAuthenticator = false;
  asksAuthorizer = false;
  reviewsMessages = false;
  isKeeping = true;
  settings = settingsWith({});
  methods: readonly string[] = [];
  /** Reason Code that the router gives for each message. */
  routed: ReasonCode = ReasonCode.Success;
  behindSubscriber: BehindSubscriber | undefined;
  /** Topics of durable subscribers. */
  keptTopics: readonly string[] = [];
  response: string | undefined;
  /** Topics that have a retained message, whose payload is the topic. */
  retainedTopics: readonly string[] = [];
  readonly retained: RetainedSource = {
    lastSequence: 1,
    matching: ({ levels }) =>
      this.retainedTopics.filter((topic) => matchesTopic(levels, topic.split("/"))).map((topic) => ({
        message: messageOf(topic, topic, { qos: 2, retain: true }),
        sequence: 1,
      })).values(),
  };
  readonly published: { readonly message: ApplicationMessage; readonly nowMs: number; readonly isTold: boolean }[] = [];

  /** Subscriptions that limits refused. */
  readonly refused: string[] = [];
  /** Subscriptions that began (+) and ended (-). */
  readonly routes: string[] = [];

  constructor(limits: Partial<Limits> = {}) {
    this.limits = limitsWith(limits);
    this.outboxTotal = new OutboxTotal(this.limits);
  }

  isToBeKept(topic: string): boolean {
    return this.keptTopics.includes(topic);
  }

  responseInformation(): string | undefined {
    return this.response;
  }

  hasAuthenticationMethod(method: string): boolean {
    return this.methods.includes(method);
  }

  newClientId(): string {
    return "assigned";
  }

  publish(message: ApplicationMessage, _: Session, nowMs: number, isTold: boolean): ReasonCode {
    this.published.push({ message, nowMs, isTold });
    if (this.isToBeKept(message.topic)) this.log.write({ kind: "retained", topic: "", message }); // Stands for any change.
    return this.routed;
  }

  behind(): BehindSubscriber | undefined {
    return this.behindSubscriber;
  }

  subscriptionRefused({ clientId }: ClientIdentity, topicFilter: string, limit: keyof Limits): void {
    this.refused.push(`${clientId} ${topicFilter} ${limit}`);
  }

  subscribe(_: Session, { filter }: Subscription): void {
    this.routes.push(`+${filter.topicFilter}`);
  }

  unsubscribe(_: Session, { filter }: Subscription): void {
    this.routes.push(`-${filter.topicFilter}`);
  }
}

/** Loop that does nothing by itself. */
export class FakeLoop implements ConnectionLoop {
  listener = "mqtt://here";
  isPumpLater = false;
  writingSinceMs = Infinity;
  onReceived: ((packet: Packet) => void) | undefined;
  onSent: ((packet: Packet) => void) | undefined;
  wakes = 0;
  flushes = 0;
  readonly denials: AccessRequest[] = [];
  readonly acceptances: unknown[] = [];

  denied(request: AccessRequest): void {
    this.denials.push(request);
  }

  accepted(acceptance: unknown): void {
    this.acceptances.push(acceptance);
  }

  wake(): void {
    this.wakes += 1;
  }

  pumpLater(): void {
    this.isPumpLater = true;
  }

  flushNow(): void {
    this.flushes += 1;
  }
}

/** See above. */
export class Dialogue {
  readonly host: FakeHost;
  readonly loop = new FakeLoop();
  readonly connection: Connection;
  /** Counts what a session holds that lives on. */
  readonly holding = new FakeHolding();
  nowMs = 1_000;
  /** Sequence up to which changes are durable. */
  durableSequence = Infinity;
  /** Whether the session was there before. */
  isPresent = false;
  /** Question that is not answered yet. */
  open: Ask | undefined;
  readonly #row: Omit<Row, "name" | "versions" | "steps">;
  readonly #context: SessionContext;
  readonly #asked: string[] = [];
  readonly #decoder: PacketDecoder;
  /** Bytes that may leave and were not looked at yet. */
  #unread = new Uint8Array();

  constructor(readonly version: ProtocolVersion, row: Omit<Row, "name" | "versions" | "steps"> = {}) {
    this.#row = row;
    this.host = Object.assign(new FakeHost(row.limits), row.host);
    this.#decoder = new PacketDecoder({ topics: this.host.topics });
    this.connection = new Connection(this.host, this.loop);
    this.#context = { ...contextWith(row.limits, { retained: this.host.retained }), log: this.host.log };
  }

  run(...steps: readonly Step[]): this {
    for (const [index, step] of steps.entries()) {
      try {
        if (typeof step === "string") this.#step(step);
        else step(this);
      } catch (cause) {
        const name = typeof step === "string" ? `"${step}"` : "a function";
        throw new Error(`Step ${index + 1}, ${name}: ${cause instanceof Error ? cause.message : cause}`, { cause });
      }
    }
    return this;
  }

  /** Nothing is left that no step has looked at. */
  end(): void {
    assertEquals(toHex(this.#sent()), "", "bytes are left");
    assertEquals(this.host.published.map(wordsOfMessage), [], "messages are left");
  }

  /** Bytes of a text in hex, as tests/wire writes them. */
  bytes(hex: string): Uint8Array {
    const { receiveMaximum, topicAliasMaximum, maximumPacketBytes, ...offered } = this.host.limits;
    const properties = [
      `21 ${hexNumber(receiveMaximum, 2)} 22 ${hexNumber(topicAliasMaximum, 2)}`,
      ...(offered.maximumQos < 2 ? [`24 ${hexNumber(offered.maximumQos, 1)}`] : []),
      ...(offered.maximumRetainedMessages === 0 ? ["25 00"] : []),
      `27 ${hexNumber(maximumPacketBytes, 4)}`,
    ];
    const isV5 = this.version === 5;
    return fromHex(
      hex.replaceAll("@", `${this.version === 3 ? "'MQIsdp'" : "'MQTT'"} 0${this.version}`).replaceAll(
        "LIMITS",
        properties.join(" "),
      )
        .replace(/\{([^{}]*)\}/g, isV5 ? "[$1]" : "").replace(/<([^<>]*)>/g, isV5 ? "$1" : ""),
    );
  }

  /** Takes bytes of the client, and answers what is asked for them. */
  receive(bytes: Uint8Array): void {
    for (const item of this.#decoder.decode(bytes)) {
      if (item.type === "malformed") this.connection.failMalformed(item);
      else this.#answer(this.connection.receive(item, this.nowMs));
    }
  }

  /** Session of the connection, which has been opened. */
  get session(): Session {
    const { session } = this.connection;
    assert(session !== undefined, "there is no session yet");
    return session;
  }

  /** Answers the question that is open. */
  answer(answer: Answer): void {
    this.open = undefined;
    this.#answer(this.connection.answer(answer, this.nowMs));
  }

  #answer(ask: Ask | undefined): void {
    if (ask === undefined) return;
    this.#asked.push(wordsOfAsk(ask));
    const custom = this.#row.answers?.[ask.kind];
    const answer = custom === undefined ? this.#usualAnswer(ask) : custom(ask);
    if (answer === undefined) this.open = ask;
    else this.answer(answer);
  }

  #usualAnswer(ask: Ask): Answer {
    switch (ask.kind) {
      case "authenticate":
        return { kind: "authenticate", result: { isAccepted: true, principal: "someone" } };
      case "authorize":
        return { kind: "authorize", isAllowed: true };
      case "review":
        return { kind: "review", reviewed: ask.message };
      case "storage":
        return { kind: "storage", isKeeping: false };
      case "subscriber":
        return { kind: "subscriber", isOver: true };
      case "turn":
        return { kind: "turn" };
      case "exchange":
        return { kind: "exchange", exchange: {}, step: { kind: "accepted" } };
      case "openSession": {
        const { clientId, sessionExpirySeconds } = ask.terms;
        const session = new Session(clientId, this.#context, sessionExpirySeconds > 0 ? this.holding : undefined);
        session.sessionExpirySeconds = sessionExpirySeconds;
        session.identity = this.connection.identity;
        return { kind: "openSession", session, isPresent: this.isPresent };
      }
    }
  }

  #step(step: string): void {
    const [, action = "", rest = ""] = /^(\S+) ?(.*)$/s.exec(step) ?? [];
    switch (action) {
      case "connects":
        return this.#connect(rest === "durable");
      case ">":
        return this.receive(this.bytes(rest));
      case "<":
        return this.#expect(this.bytes(rest));
      case "quiet":
      case "held":
        return assertEquals(toHex(this.#sent()), "");
      case "durable":
        this.durableSequence = Infinity;
        return;
      case "publishes": {
        const { message } = this.host.published.shift() ?? {};
        return assertEquals(message === undefined ? "nothing" : wordsOfMessage({ message }), rest);
      }
      case "writes": {
        const changes = this.host.log.take();
        return assertEquals(changes.length === 0 ? "nothing" : changes.join(", "), rest);
      }
      case "asks":
        return assertEquals(this.#asked.splice(0).filter((ask) => ask !== "openSession").join(", "), rest);
      case "told":
        if (this.version === 5) this.#expectStart(this.bytes(rest));
        return this.#closed(this.bytes(rest).at(-1));
      case "closed":
        return this.#closed(this.bytes(rest)[0]);
      default:
        throw new SyntaxError("Cannot read the step");
    }
  }

  #connect(isDurable: boolean): void {
    const properties = isDurable ? "{ 11 0000000e }" : "{}";
    this.receive(this.bytes(`10 [ @ ${isDurable ? "00" : "02"} 0000 ${properties} 'a' ]`));
    this.#expect(this.bytes("20 [ 00 00 { LIMITS } ]"));
    this.host.log.take();
    this.#asked.length = 0;
  }

  #sent(): Uint8Array {
    const bytes = this.connection.outbox.take(this.durableSequence) ?? new Uint8Array();
    const all = new Uint8Array(this.#unread.length + bytes.length);
    all.set(this.#unread);
    all.set(bytes, this.#unread.length);
    return this.#unread = all;
  }

  #expect(bytes: Uint8Array): void {
    const sent = this.#sent();
    assertEquals(toHex(sent.subarray(0, bytes.length)), toHex(bytes), `of ${toHex(sent)}`);
    this.#unread = sent.slice(bytes.length);
  }

  /** First byte, then, after the Remaining Length, the others; nothing follows the packet. */
  #expectStart(bytes: Uint8Array): void {
    const sent = this.#sent();
    const start = 2 + (sent[1] !== undefined && sent[1] > 0x7f ? 1 : 0);
    assertEquals(toHex(Uint8Array.of(sent[0] ?? 0, ...sent.subarray(start, start + bytes.length - 1))), toHex(bytes));
    const length = (sent[1] ?? 0) % 0x80 + (start === 3 ? (sent[2] ?? 0) * 0x80 : 0);
    this.#unread = sent.slice(start + length);
  }

  #closed(reasonCode: number | undefined): void {
    assertEquals(toHex(this.#sent()), "");
    assertEquals<number | undefined>(this.connection.closing?.reasonCode, reasonCode);
  }
}

function hexNumber(value: number, bytes: number): string {
  return value.toString(16).padStart(bytes * 2, "0");
}

function wordsOfMessage({ message }: { readonly message: ApplicationMessage }): string {
  const { topic, payload, qos, retain } = message;
  const text = JSON.stringify(new TextDecoder().decode(payload));
  return `${topic} ${text}${qos > 0 ? ` QoS ${qos}` : ""}${retain ? " retain" : ""}`;
}

function wordsOfAsk(ask: Ask): string {
  if (ask.kind === "authorize") return `authorize ${ask.request.action} ${ask.request.topic}`;
  if (ask.kind === "review") return `review ${ask.message.topic}`;
  return ask.kind === "exchange" ? `exchange ${ask.method}` : ask.kind;
}
