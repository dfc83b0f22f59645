import { DEFAULT_LIMITS, type Limits } from "../../mod.ts";
import type { Change } from "../../src/storage/mod.ts";
import { TopicInterner } from "../../src/codec/topic_interner.ts";
import { Backlog } from "../../src/protocol/backlog.ts";
import type { ChangeLog } from "../../src/protocol/change.ts";
import { FrameEncoders } from "../../src/protocol/message.ts";
import type { SessionContext } from "../../src/protocol/session_context.ts";
import type { SessionHolding } from "../../src/protocol/session_holding.ts";
import { settingsWith } from "../../src/protocol/setting_table.ts";

/** A log that collects changes, and keeps none of them. */
export class CollectingLog implements ChangeLog {
  readonly changes: Change[] = [];
  writtenSequence = 0;
  /** How many parts that are all or nothing are open, and how many there were. */
  depth = 0;
  transactions = 0;

  write(change: Change): number {
    this.changes.push(change);
    return ++this.writtenSequence;
  }

  takeBack(): boolean {
    return false;
  }

  begin(): void {
    if (this.depth++ === 0) this.transactions += 1;
  }

  end(): void {
    this.depth -= 1;
  }
}

/** What sessions share with a broker that they are tested without. */
export function sessionContext(
  log: ChangeLog = new CollectingLog(),
  limits: Limits = DEFAULT_LIMITS,
): SessionContext {
  return {
    limits,
    log,
    encoders: new FrameEncoders(new TopicInterner()),
    retained: { lastSequence: 0, matching: () => [].values() },
    backlog: new Backlog(limits),
    dropped: { qos0: 0, queueFull: 0, tooLarge: 0, expired: 0 },
    dropsBegin: () => {},
    deliveryRules: undefined,
    settings: settingsWith({}),
    budget: { isSpent: false, spend: () => {} },
  };
}

/** Makes a session durable, and lets it hold what it wants. */
export const UNBOUNDED: SessionHolding = { limitFor: () => undefined, grow: () => {}, refused: () => {} };
