import type { ClientIdentity } from "./access.ts";
import type { Backlog } from "./backlog.ts";
import type { ChangeLog } from "./change.ts";
import type { Limits } from "./limits.ts";
import type { ApplicationMessage, FrameEncoders } from "./message.ts";
import type { BrokerSettings } from "./settings.ts";
import type { ParsedTopicFilter } from "./topic_filter.ts";

/** Messages that were not delivered, by reason. */
export interface DropCounts {
  qos0: number;
  queueFull: number;
  tooLarge: number;
  expired: number;
}

/** Services of the broker that all its sessions share. */
export interface SessionContext {
  readonly limits: Limits;
  readonly settings: BrokerSettings;
  readonly log: ChangeLog;
  readonly encoders: FrameEncoders;
  readonly retained: RetainedSource;
  /** The backlogs of all sessions together. */
  readonly backlog: Backlog;
  /** Counts messages that are not delivered. */
  readonly dropped: DropCounts;
  /** Called when messages for a client begin to be dropped because of a limit: once until it connects again. */
  dropsBegin(clientId: string, isConnected: boolean, limit: keyof Limits): void;
  /** Access rules that are asked at delivery; `undefined`: none are. */
  readonly deliveryRules:
    | {
      /** Answers of before are forgotten when this changes. */
      readonly version: number;
      mayReceive(identity: ClientIdentity, topic: string): boolean;
    }
    | undefined;
  /** Time for retained messages and other long work, which all connections of the broker share. */
  readonly budget: { readonly isSpent: boolean; spend(ms: number): void };
}

/** The retained message of a topic, as it is now. */
export interface Retained {
  /** `undefined`: there is none any more. */
  readonly message: ApplicationMessage | undefined;
  /** Counts up with each message that is retained; `undefined`: the broker tells it of itself, and it is not kept. */
  readonly sequence: number | undefined;
}

/** The retained messages of the broker, as subscriptions get them. */
export interface RetainedSource {
  /** Sequence of the last message that was retained. */
  readonly lastSequence: number;
  /**
   * Messages that a Topic Filter matches, as they are when they are taken. `undefined` comes where many were looked at that
   * do not match.
   *
   * @param after a topic: those after it come, in the order of topics; empty: all, in this order; `undefined`: in any order
   */
  matching(filter: ParsedTopicFilter, after: string | undefined): Iterator<Retained | undefined>;
}
