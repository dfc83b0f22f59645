import type { QoS } from "../codec/packet.ts";
import { ReasonCode, reasonCodeName } from "../codec/reason_code.ts";
import type { MessageTrace, StoredMessage } from "../protocol/message.ts";
import type { Span, SpanScope, Tracer } from "./open_telemetry.ts";
import type { SpanContext } from "./trace_context.ts";

// Values of SpanKind and SpanStatusCode in @opentelemetry/api.
const PRODUCER = 3;
const CONSUMER = 4;
const ERROR = 2;
/** Key at which @opentelemetry/api 1.x keeps the span of a context. */
const SPAN_KEY = Symbol.for("OpenTelemetry Context Key SPAN");
// A client that says of all its messages that they are sampled must not slow the broker down: a span costs 2 to 10 us.
const MOST_SPANS_A_SECOND = 5_000;
// Retained messages keep their trace, and messages for a client that does not read: so late it says nothing of them.
const LONGEST_DELIVERY_MS = 60_000;
const LONGEST_TEXT = 256;

/**
 * Makes the spans of messages that are sampled, up to so many a second: `publish` from when a message is routed until the
 * storage has what must be kept of it, and `deliver` from then until it goes to a subscriber, for each of them.
 */
export class MessageSpans {
  readonly #tracer: Tracer;
  #left = MOST_SPANS_A_SECOND;
  #sinceMs = -Infinity;

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  /**
   * Begins the span `publish`; `undefined`: there were enough spans in this second.
   *
   * @param parent `undefined`: it begins a trace
   */
  begin(message: StoredMessage, parent: SpanContext | undefined): MessageTrace | undefined {
    const startMs = performance.now();
    if (!this.#take(startMs)) return undefined;
    const startTime = performance.timeOrigin + startMs;
    const options = {
      kind: PRODUCER,
      attributes: attributesOf(message, "publish", message.publisher, message.qos),
      startTime,
    };
    const span = parent === undefined
      ? this.#tracer.startSpan("publish", { ...options, root: true })
      : this.#tracer.startSpan("publish", options, contextWith(parent));
    const context = contextWith(span.spanContext());
    return {
      published: (reasonCode, error) => endPublish(span, reasonCode, error),
      delivered: (clientId, qos) => {
        const nowMs = performance.now();
        if (nowMs - startMs > LONGEST_DELIVERY_MS || !this.#take(nowMs)) return;
        const attributes = attributesOf(message, "deliver", clientId, qos);
        this.#tracer.startSpan("deliver", { kind: CONSUMER, attributes, startTime }, context).end();
      },
    };
  }

  /** Takes the place of one span; false: there is none in this second. */
  #take(nowMs: number): boolean {
    if (nowMs - this.#sinceMs >= 1_000) {
      this.#sinceMs = nowMs;
      this.#left = MOST_SPANS_A_SECOND;
    }
    if (this.#left === 0) return false;
    this.#left -= 1;
    return true;
  }
}

function endPublish(span: Span, reasonCode: ReasonCode, error: unknown): void {
  if (error !== undefined) span.setStatus({ code: ERROR, message: "the storage did not keep it" });
  else if (reasonCode >= ReasonCode.UnspecifiedError) {
    span.setStatus({ code: ERROR, message: reasonCodeName(reasonCode) });
  }
  span.setAttribute("mqtt.reason_code", reasonCodeName(reasonCode));
  span.end();
}

/** Attributes with the names of OpenTelemetry's conventions for messaging, where there are such; no payload. */
function attributesOf(
  { topic, payload, retain }: StoredMessage,
  operation: "publish" | "deliver",
  clientId: string | undefined,
  qos: QoS,
): Record<string, string | number> {
  return {
    "messaging.system": "mqtt",
    "messaging.operation.name": operation,
    "messaging.operation.type": operation === "publish" ? "send" : "process",
    "messaging.destination.name": shortened(topic),
    "messaging.message.body.size": payload.length,
    ...clientId === undefined ? {} : { "messaging.client.id": shortened(clientId) },
    "mqtt.qos": qos,
    "mqtt.retain": Number(retain),
  };
}

/** The beginning of a text, without half of a character: a client may have chosen 64 KiB. */
function shortened(text: string): string {
  return text.length <= LONGEST_TEXT ? text : text.slice(0, LONGEST_TEXT).toWellFormed();
}

function contextWith(spanContext: SpanContext): SpanScope {
  return new Values(new Map([[SPAN_KEY, { spanContext: () => spanContext }]]));
}

/** Context as the package has it, without the package. */
class Values implements SpanScope {
  readonly #values: ReadonlyMap<symbol, unknown>;

  constructor(values: ReadonlyMap<symbol, unknown>) {
    this.#values = values;
  }

  getValue(key: symbol): unknown {
    return this.#values.get(key);
  }

  setValue(key: symbol, value: unknown): SpanScope {
    return new Values(new Map(this.#values).set(key, value));
  }

  deleteValue(key: symbol): SpanScope {
    const others = Array.from(this.#values).filter(([other]) => other !== key);
    return new Values(new Map(others));
  }
}
