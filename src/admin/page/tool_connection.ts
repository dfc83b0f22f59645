/** One connection of the WebSocket tool: its phase, its subscriptions and its messages. */

import { Client } from "../../client/client.ts";
import type { ClientSubscribeOptions, ConnectOptions } from "../../client/client_options.ts";
import type { ClientSubscription } from "../../client/client_subscription.ts";
import { RefusedError } from "../../client/refused_error.ts";
import { Message, type PublishOptions } from "../../codec/message.ts";
import type { ConnackPacket } from "../../codec/packet.ts";
import { REASON_WORDS } from "../dissect/wireshark_words.ts";
import { parsePayload } from "./payload_bytes.ts";
import { NEW_DRAFT, publishProperties, type ToolDraft } from "./tool_draft.ts";
import { MessageLog } from "./tool_messages.ts";
import { explain, type Explanation, type OwnEvent } from "./tool_reasons.ts";
import { connectOptions, type ToolSettings } from "./tool_settings.ts";

/** Phase of a connection. */
export type ToolPhase =
  | "idle"
  | "connecting"
  | "connected"
  | "refused"
  | "lost"
  | "closed";

/** Subscription of a connection. */
export interface ToolSubscription {
  readonly topicFilter: string;
  /** QoS that the broker granted; `undefined`: it has not answered yet. */
  readonly grantedQos: number | undefined;
  readonly subscription: ClientSubscription | undefined;
}

/** Outcome of a subscription or publication, for people. */
export interface Outcome {
  readonly of: "subscribe" | "publish";
  readonly isGood: boolean;
  readonly text: string;
}

/** Surroundings of a connection. */
export interface ToolSurroundings {
  /** Opens a connection; that of the client, but for tests. */
  connect?(address: string, options: ConnectOptions): Promise<Client>;
  /** Events of the broker about this browser's address, with larger numbers. */
  ownEvents(after: number): Promise<readonly OwnEvent[]>;
  /** Address of the page. */
  readonly page: string;
  /** Whether the Content Security Policy of the page lets it open an address. */
  mayOpen(address: string): boolean;
  /** Called after each change. */
  onChange(): void;
}

/** Time that an event may be older than the attempt that it is about: the clocks of browser and broker differ. */
const CLOCK_TOLERANCE_MS = 2_000;
/** Time until the broker has noted an event that a failed attempt made. */
const EVENT_DELAY_MS = 150;
const NO_EVENTS: readonly OwnEvent[] = [];
/** Connection of the tool. */
export class ToolConnection {
  readonly id: number;
  readonly log = new MessageLog();
  settings: ToolSettings;
  draft: ToolDraft = NEW_DRAFT;
  /** In memory only, for as long as the tab is open. */
  password = "";
  phase: ToolPhase = "idle";
  /** Why the last attempt or connection ended. */
  explanation: Explanation | undefined;
  /** Mistake in the form. */
  mistake: string | undefined;
  connack: ConnackPacket | undefined;
  subscriptions: readonly ToolSubscription[] = [];
  /** Outcome of the last publication or subscription. */
  outcome: Outcome | undefined;
  readonly #surroundings: ToolSurroundings;
  #client: Client | undefined;
  #attempt: AbortController | undefined;
  #lastEventId = 0;

  constructor(
    id: number,
    settings: ToolSettings,
    surroundings: ToolSurroundings,
  ) {
    this.id = id;
    this.settings = settings;
    this.#surroundings = surroundings;
  }

  /** Client Identifier, the one that the broker assigned if it did. */
  get clientId(): string {
    return this.#client?.clientId ?? this.settings.clientId;
  }

  set(change: Partial<ToolSettings>): void {
    this.settings = { ...this.settings, ...change };
    this.mistake = undefined;
    this.#surroundings.onChange();
  }

  setDraft(change: Partial<ToolDraft>): void {
    this.draft = { ...this.draft, ...change };
    this.outcome = undefined;
    this.#surroundings.onChange();
  }

  setPassword(password: string): void {
    this.password = password;
    this.#surroundings.onChange();
  }

  /** Connects; resolves when that is decided, and never rejects. */
  async connect(): Promise<void> {
    if (this.phase === "connecting" || this.phase === "connected") return;
    const options = connectOptions(this.settings, this.password);
    if ("mistake" in options) {
      this.mistake = options.mistake;
      return this.#surroundings.onChange();
    }
    const { address, protocolVersion } = this.settings;
    const attempt = this.#attempt = new AbortController();
    const startedAtMs = Date.now();
    this.#become("connecting");
    const open = this.#surroundings.connect ?? Client.connect.bind(Client);
    try {
      const client = await open(address, {
        ...options,
        signal: attempt.signal,
      });
      this.#client = client;
      if (client.status.kind === "connected") {
        this.connack = client.status.connack;
      }
      this.#become("connected");
      void this.#follow(client); // It never rejects.
    } catch (error) {
      if (attempt.signal.aborted) return this.#become("closed");
      const events = await this.#eventsSince(startedAtMs);
      this.explanation = explain(error, {
        protocolVersion,
        address,
        events,
        wasConnected: false,
        page: this.#surroundings.page,
        mayOpen: this.#surroundings.mayOpen(address),
      });
      this.#become("refused");
    }
  }

  /** Sends DISCONNECT, or gives up the attempt. */
  async disconnect(): Promise<void> {
    this.#attempt?.abort();
    await this.#client?.close();
  }

  /** Subscribes; what the broker says is the outcome. */
  async subscribe(
    topicFilter: string,
    options: ClientSubscribeOptions,
  ): Promise<boolean> {
    const client = this.#client;
    if (client === undefined || this.phase !== "connected") return false;
    if (this.subscriptions.some((known) => known.topicFilter === topicFilter)) {
      this.#say(
        "subscribe",
        false,
        `There is a subscription to ${topicFilter}. Remove it to subscribe with other options.`,
      );
      return false;
    }
    this.#subscribed({
      topicFilter,
      grantedQos: undefined,
      subscription: undefined,
    });
    try {
      const subscription = await client.subscribe(topicFilter, options);
      const grantedQos = subscription.suback.reasonCodes[0] ?? 0;
      this.#subscribed({ topicFilter, grantedQos, subscription });
      this.#say("subscribe", true, `Subscribed to ${topicFilter}, QoS ${grantedQos} granted`);
      void this.#read(subscription, topicFilter); // It never rejects.
      return true;
    } catch (error) {
      this.#unsubscribed(topicFilter);
      this.#say("subscribe", false, `${topicFilter}: ${reasonOf(error)}`);
      return false;
    }
  }

  async unsubscribe(topicFilter: string): Promise<void> {
    const known = this.subscriptions.find((subscription) => subscription.topicFilter === topicFilter);
    this.#unsubscribed(topicFilter);
    await known?.subscription?.unsubscribe();
    this.#say("subscribe", true, `Unsubscribed ${topicFilter}`);
  }

  /** Publishes; what the broker says is the outcome. */
  async publish(
    topic: string,
    payload: Uint8Array,
    options: PublishOptions,
  ): Promise<boolean> {
    const client = this.#client;
    if (client === undefined || this.phase !== "connected") return false;
    const startedMs = performance.now();
    try {
      const result = await client.publish(topic, payload, options);
      const passed = `${(performance.now() - startedMs).toFixed(1)} ms`;
      const isUnheard = result !== undefined && result.reasonCode === 0x10;
      const heard = isUnheard ? `Nobody subscribes to ${topic} (${passed})` : `The broker has it (${passed})`;
      this.#say("publish", true, options.qos === 0 ? `Sent to ${topic}; QoS 0 is not acknowledged` : heard);
      return true;
    } catch (error) {
      this.#say("publish", false, reasonOf(error));
      return false;
    }
  }

  /** Publishes what the fields say. */
  async publishDraft(): Promise<boolean> {
    const { topic, payload, form, qos, retain } = this.draft;
    const parsed = parsePayload(form, payload);
    const properties = this.settings.protocolVersion === 5 ? publishProperties(this.draft) : {};
    const mistake = topic === ""
      ? "Write a topic, such as test/hello."
      : "mistake" in parsed
      ? parsed.mistake
      : "mistake" in properties
      ? properties.mistake
      : undefined;
    if (mistake !== undefined || "mistake" in parsed || "mistake" in properties) {
      this.#say("publish", false, mistake ?? "");
      return false;
    }
    return await this.publish(topic, parsed.bytes, { qos, retain, properties });
  }

  /** Subscribes to what the fields say. */
  subscribeDraft(): Promise<boolean> {
    const { topicFilter, subscribeQos: qos, noLocal, retainAsPublished, retainHandling } = this.draft;
    const isNew = this.settings.protocolVersion === 5;
    return this.subscribe(topicFilter, isNew ? { qos, noLocal, retainAsPublished, retainHandling } : { qos });
  }

  clearMessages(): void {
    this.log.clear();
    this.#surroundings.onChange();
  }

  /** Ends it for good. */
  async remove(): Promise<void> {
    await this.disconnect();
  }

  /** Waits for the end of a connection. */
  async #follow(client: Client): Promise<void> {
    const startedAtMs = Date.now();
    await client.closed;
    if (this.#client !== client) return;
    this.subscriptions = [];
    this.#client = undefined;
    this.connack = undefined;
    const { status } = client;
    if (status.kind !== "closed" || status.error === undefined) {
      return this.#become("closed");
    }
    const events = await this.#eventsSince(
      Math.max(startedAtMs, Date.now() - 5_000),
    );
    const { address, protocolVersion } = this.settings;
    this.explanation = explain(status.error, {
      protocolVersion,
      address,
      events: events.filter(({ clientId }) => clientId === undefined || clientId === client.clientId),
      wasConnected: true,
      page: this.#surroundings.page,
      mayOpen: true,
    });
    this.#become("lost");
  }

  async #read(
    subscription: ClientSubscription,
    topicFilter: string,
  ): Promise<void> {
    try {
      for await (const message of subscription) {
        // The payload is a view on what came with it, which would be kept whole.
        this.log.add(
          new Message({ ...message, payload: message.payload.slice() }),
          topicFilter,
          Date.now(),
        );
        this.#surroundings.onChange();
      }
    } catch {
      // The subscription fails when the connection is lost, which is shown.
    }
  }

  /** Events since a time, but not those that have explained an earlier failure. */
  async #eventsSince(startedAtMs: number): Promise<readonly OwnEvent[]> {
    await new Promise((resolve) => setTimeout(resolve, EVENT_DELAY_MS));
    try {
      const events = await this.#surroundings.ownEvents(this.#lastEventId);
      this.#lastEventId = Math.max(this.#lastEventId, ...events.map(({ id }) => id));
      return events.filter(({ timeMs }) => timeMs >= startedAtMs - CLOCK_TOLERANCE_MS);
    } catch {
      return NO_EVENTS; // Without them it says what the client saw.
    }
  }

  #become(phase: ToolPhase): void {
    this.phase = phase;
    if (phase === "connecting" || phase === "connected") {
      this.explanation = undefined;
    }
    if (phase === "connecting") this.outcome = undefined;
    this.mistake = undefined;
    this.#surroundings.onChange();
  }

  #subscribed(subscription: ToolSubscription): void {
    const { topicFilter } = subscription;
    const isKnown = this.subscriptions.some((known) => known.topicFilter === topicFilter);
    this.subscriptions = isKnown
      ? this.subscriptions.map((known) => known.topicFilter === topicFilter ? subscription : known)
      : [...this.subscriptions, subscription];
    this.#surroundings.onChange();
  }

  #unsubscribed(topicFilter: string): void {
    this.subscriptions = this.subscriptions.filter((known) => known.topicFilter !== topicFilter);
    this.#surroundings.onChange();
  }

  #say(of: Outcome["of"], isGood: boolean, text: string): void {
    this.outcome = { of, isGood, text };
    this.#surroundings.onChange();
  }
}

/** Reason of a refusal in words, such as `0x87 Not authorized`. */
function reasonOf(error: unknown): string {
  if (!(error instanceof RefusedError)) {
    return error instanceof Error ? error.message : String(error);
  }
  const said = error.properties.reasonString;
  const code = `0x${error.reasonCode.toString(16).padStart(2, "0")}`;
  return `refused with ${code} ${REASON_WORDS[error.reasonCode] ?? ""}${said === undefined ? "" : `: ${said}`}`;
}
