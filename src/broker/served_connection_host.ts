import type { TopicInterner } from "../codec/topic_interner.ts";
import type { AccessRequest, Answer, Ask } from "../protocol/ask.ts";
import type { Closing } from "../protocol/connection.ts";
import type { ConnectionHost } from "../protocol/connection_host.ts";
import type { Deadlines } from "./deadlines.ts";
import type { PacketEvent } from "./events.ts";
import type { ServedConnection } from "./served_connection.ts";
import type { Traffic } from "./traffic.ts";
import type { Turn } from "./turn.ts";
import type { TurnBudget } from "./turn_budget.ts";

/** What a served connection needs of its broker. */
export interface ServedConnectionHost extends ConnectionHost {
  readonly topics: TopicInterner;
  readonly deadlines: Deadlines;
  readonly traffic: Traffic;
  /** For work that takes long. */
  readonly budget: TurnBudget;
  /** For messages to many. */
  readonly fanOutBudget: TurnBudget;
  now(): number;
  /** Epoch milliseconds, by a clock that may be set. */
  wallMs(): number;
  /** Sequence up to which changes are durable. */
  readonly durableSequence: number;
  /** Calls {@linkcode ServedConnection.flush} when the turn ends. */
  flushLater(served: ServedConnection): void;
  /** See {@linkcode Turn}. */
  readonly turn: Pick<Turn, "writers" | "holdWrites" | "resumeWrites">;
  /** What whoever publishes to many has to wait for, if the turn is going to write to so many. */
  writtenToMany(): Promise<void> | undefined;
  /** Calls {@linkcode ServedConnection.flush} when more changes are durable. */
  flushWhenDurable(served: ServedConnection): void;
  /** A client may not do what it asked for, whatever the authorizer says. */
  denied(request: AccessRequest, served: ServedConnection): void;
  /** Has more of what the session left in the storage come back. */
  loadPage(served: ServedConnection): void;
  /** Whether few changes enough wait for the storage that more may be made, and a promise for that. */
  hasRoomToKeep(): boolean;
  whenRoomToKeep(): Promise<boolean>;
  /** Answers a question of the connection; it never rejects. */
  resolve(ask: Ask, served: ServedConnection): Answer | Promise<Answer>;
  /** The connection is over, whatever its bytes still do: its session and its Will are taken care of. */
  ended(served: ServedConnection, closing: Closing): void;
  unexpectedError(error: unknown): void;
  /** Told of each packet, see {@linkcode ServedConnection.tellPackets}. */
  readonly onPacket: ((event: PacketEvent) => void) | undefined;
}
