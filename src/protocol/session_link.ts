import type { Packet, ProtocolVersion } from "../codec/packet.ts";
import type { Outbox } from "./outbox.ts";
import type { OutgoingTopicAliases } from "./topic_alias.ts";

/** What a session needs of the connection that it has. */
export interface SessionLink {
  readonly version: ProtocolVersion;
  readonly outbox: Outbox;
  /** Receive Maximum of the client (MQTT 5, section 3.1.2.11.3); 65,535 before MQTT 5. */
  readonly receiveMaximum: number;
  /** Maximum Packet Size of the client, in bytes (section 3.1.2.11.4); Infinity when it said none. */
  readonly maximumPacketBytes: number;
  readonly aliases: OutgoingTopicAliases;
  /** Appends a packet, with a Topic Alias where there is one; false: it is larger than the client accepts. */
  send(packet: Packet, heldUntil?: number): boolean;
  /** Whether so much waits to be written that nothing should be added. */
  readonly isFull: boolean;
  /** Since when the piece that is being written has been: it has made no progress since then. Infinity: none is. */
  readonly writingSinceMs: number;
  /** Calls `pump` again in a later turn: what is left would hold up others. */
  pumpLater(): void;
  /** Whether it is about to. */
  readonly isPumpLater: boolean;
  /** Has more of what is in the storage come back, if it is not about to: see `OutgoingMessages.beginPage`. */
  loadPage(): void;
  /** Something waits in the outbox. */
  wake(): void;
  /** Told of each packet that goes to the client, where somebody wants to know. */
  readonly onSent: ((packet: Packet) => void) | undefined;
}
