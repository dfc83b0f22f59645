import type { QoS } from "../codec/packet.ts";
import type { ReasonCode } from "../codec/reason_code.ts";
import type { MessageTrace, StoredMessage } from "../protocol/message.ts";

/** Begins the trace of a message that is about to be routed; `undefined`: it has none. See {@linkcode Broker.traceMessages}. */
export type BeginTrace = (message: StoredMessage) => MessageTrace | undefined;

/** Ignores what a function and its traces throw: no message is lost by that. */
export function quietTraces(begin: BeginTrace): BeginTrace {
  return (message) => {
    try {
      const trace = begin(message);
      return trace === undefined ? undefined : new QuietTrace(trace);
    } catch {
      return undefined; // The message is published without a trace.
    }
  };
}

class QuietTrace implements MessageTrace {
  readonly #trace: MessageTrace;

  constructor(trace: MessageTrace) {
    this.#trace = trace;
  }

  published(reasonCode: ReasonCode, error?: unknown): void {
    try {
      this.#trace.published(reasonCode, error);
    } catch {
      // It was published all the same.
    }
  }

  delivered(clientId: string | undefined, qos: QoS): void {
    try {
      this.#trace.delivered(clientId, qos);
    } catch {
      // It goes on its way all the same.
    }
  }
}
