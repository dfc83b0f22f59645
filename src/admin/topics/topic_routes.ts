import type { Broker } from "../../broker/broker.ts";
import type { Message } from "../../codec/message.ts";
import type { QoS } from "../../codec/packet.ts";
import type { Properties } from "../../codec/property.ts";
import { reasonCodeName } from "../../codec/reason_code.ts";
import { deadlineSignal, orAborted } from "../../transport/abort.ts";
import { concatenated } from "../../transport/concatenated.ts";
import { Problem } from "../problems.ts";
import { busy, type HttpClients, type RequestSource, type UsedClient } from "./http_clients.ts";
import { fieldsOf, propertiesOf } from "./property_fields.ts";
import { checkNoQuery, publishQuery, readBody, tooLarge } from "./topic_request.ts";

/** Request about one topic. */
export interface TopicRequest {
  readonly request: Request;
  readonly url: URL;
  readonly topic: string;
  readonly source: RequestSource;
}

const LOOK_AGAIN_MS = 2;
const NOTHING = Symbol("nothing has come");
/**
 * Header fields of answers with a payload: it comes from the origin of the dashboard, and must not run there, whatever
 * Content Type its publisher gave it.
 */
const HARMLESS = {
  "content-security-policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
} as const;

/** Publishes to topics, and reads and clears their retained messages, for requests. */
export class TopicRoutes {
  readonly #broker: Pick<Broker, "limits" | "session">;
  readonly #clients: HttpClients;
  readonly #timeoutMs: number;
  /** Bytes of bodies that are being read or published. */
  #bodyBytes = 0;

  /** @param timeoutMs time that a body may take, and the answer of the broker after it */
  constructor(broker: Pick<Broker, "limits" | "session">, clients: HttpClients, timeoutMs: number) {
    this.#broker = broker;
    this.#clients = clients;
    this.#timeoutMs = timeoutMs;
  }

  /** Publishes the body, and answers when the storage has it. */
  post({ request, url, topic, source }: TopicRequest): Promise<Response> {
    const { expiry, ...options } = publishQuery(url);
    const properties: Properties = {
      ...propertiesOf(request.headers),
      ...expiry === undefined ? {} : { messageExpiryInterval: expiry },
    };
    if (Number(request.headers.get("content-length")) > this.#mostBytes) throw tooLarge(this.#mostBytes);
    // The client is let in before a byte of the body is read.
    return this.#clients.use(
      source,
      "publish",
      (used) => this.#withBody(request, (payload) => this.#publish(used, topic, payload, { ...options, properties })),
    );
  }

  /** Clears the retained message, as an empty one with RETAIN does. */
  delete({ url, topic, source }: TopicRequest): Promise<Response> {
    checkNoQuery(url);
    return this.#clients.use(
      source,
      "publish",
      (used) => this.#publish(used, topic, new Uint8Array(), { qos: 1, retain: true, properties: {} }),
    );
  }

  /** Answers GET and HEAD with the retained message. */
  get({ request, url, topic, source }: TopicRequest): Promise<Response> {
    checkNoQuery(url);
    return this.#clients.use(source, "subscribe", async (used) => {
      const message = await used.inTurn(topic, () => this.#retained(used, topic));
      if (message === undefined) {
        const detail = "The topic has no retained message that this client may read: publish one with ?retain=true";
        throw new Problem(404, "No retained message", detail);
      }
      return await retainedResponse(request, message);
    });
  }

  async #publish(
    { client }: UsedClient,
    topic: string,
    payload: Uint8Array,
    options: { readonly qos: QoS; readonly retain: boolean; readonly properties: Properties },
  ): Promise<Response> {
    const deadline = deadlineSignal(this.#timeoutMs, "the answer of the broker to a message", undefined);
    try {
      const result = await client.publish(topic, payload, { ...options, signal: deadline.signal });
      const headers = { "cache-control": "no-store" };
      // With QoS 0 the broker answers nothing.
      if (result === undefined) return Response.json({ qos: 0 }, { status: 202, headers });
      const { reasonCode } = result;
      return Response.json({ reasonCode, reason: reasonCodeName(reasonCode) }, { headers });
    } finally {
      deadline.stop();
    }
  }

  /**
   * Retained message of a topic as a subscription gets it, so that all rules about it hold; `undefined`: none comes. What the
   * broker has to send stands before UNSUBACK; a broker that is busy may not have begun to send it before.
   */
  async #retained({ client }: UsedClient, topic: string): Promise<Message | undefined> {
    const deadline = deadlineSignal(this.#timeoutMs, "the retained message", undefined);
    try {
      const subscription = await client.subscribe(topic, { qos: 0, signal: deadline.signal });
      try {
        while ((await this.#broker.session(client.clientId, { messages: 0 }))?.isRetainedDue) {
          await orAborted(new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS)), deadline.signal);
        }
        await client.unsubscribe(topic, { signal: deadline.signal });
        for (;;) {
          const next = await Promise.race([subscription.next(), Promise.resolve(NOTHING)]);
          if (typeof next === "symbol" || next.done) return undefined;
          if (next.value.retain) return next.value; // Others were published meanwhile.
        }
      } finally {
        void subscription.unsubscribe(); // It never rejects; the next SUBSCRIBE comes after it.
      }
    } finally {
      deadline.stop();
    }
  }

  async #withBody<Result>(request: Request, work: (body: Uint8Array) => Promise<Result>): Promise<Result> {
    let taken = 0;
    const take = (bytes: number) => {
      this.#take(bytes);
      taken += bytes;
    };
    try {
      return await work(await readBody(request, { mostBytes: this.#mostBytes, timeoutMs: this.#timeoutMs, take }));
    } finally {
      this.#bodyBytes -= taken;
    }
  }

  get #mostBytes(): number {
    const { maximumPacketBytes, maximumPayloadBytes } = this.#broker.limits;
    return Math.min(maximumPacketBytes, maximumPayloadBytes);
  }

  /** Takes memory for a body, within what packets may take of which only a part has come. */
  #take(bytes: number): void {
    if (this.#bodyBytes + bytes > this.#broker.limits.maximumIncompletePacketBytes) {
      throw busy("Too many large bodies are being sent");
    }
    this.#bodyBytes += bytes;
  }
}

/** Answers GET and HEAD with a retained message, or 304 to a client that has it. */
async function retainedResponse({ method, headers }: Request, message: Message): Promise<Response> {
  const { payload } = message;
  const etag = await entityTag(message);
  const validators = { etag, "cache-control": "private, no-cache, no-transform" };
  if (isKnown(headers.get("if-none-match"), etag)) return new Response(null, { status: 304, headers: validators });
  const fields = new Headers({ ...HARMLESS, ...validators });
  for (const [name, value] of fieldsOf(message)) fields.append(name, value);
  if (method !== "HEAD") return new Response(payload as Uint8Array<ArrayBuffer>, { headers: fields }); // Never shared.
  fields.set("content-length", String(payload.length));
  return new Response(null, { headers: fields });
}

/** Entity tag of payload and properties, without the expiry, which counts down. */
async function entityTag({ payload, properties }: Message): Promise<string> {
  const { contentType, payloadFormatIndicator, responseTopic, correlationData, userProperties } = properties;
  const told = [contentType, payloadFormatIndicator, responseTopic, correlationData?.toHex(), userProperties];
  const head = new TextEncoder().encode(JSON.stringify(told));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", concatenated([head, payload])));
  return `"${digest.subarray(0, 16).toHex()}"`;
}

/** Whether If-None-Match has the tag (RFC 9110, section 13.1.2): the comparison is weak. */
function isKnown(field: string | null, etag: string): boolean {
  if (field === null) return false;
  return field.split(",").map((tag) => tag.trim().replace(/^W\//, "")).some((tag) => tag === "*" || tag === etag);
}
