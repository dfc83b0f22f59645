/**
 * Storages of sessions and retained messages, and the contract for one of your own: a storage keeps changes and gives
 * them back. `@brooklet/brooklet/testing` has the suite that every storage passes.
 *
 * @example
 * ```ts ignore
 * import { Broker } from "@brooklet/brooklet";
 * import { DenoKvStorage } from "@brooklet/brooklet/storage";
 *
 * await using broker = await Broker.open({ storage: await DenoKvStorage.open("./brooklet.kv") });
 * ```
 *
 * @module
 */

export type { QoS, RetainHandling, Will } from "../codec/packet.ts";
export type { Properties, UserProperty } from "../codec/property.ts";
export type { AccessAttributes, Grant } from "../protocol/access.ts";
export type {
  Change,
  ClockChange,
  CommitItem,
  QueuedChange,
  RetainedChange,
  RetainedDue,
  SubscribedChange,
  Transaction,
} from "../protocol/change.ts";
export { type StoredMessage, storedMessage } from "../protocol/message.ts";
export type { Subscription } from "../protocol/subscription.ts";
export type { ParsedTopicFilter } from "../protocol/topic_filter.ts";
export { DenoKvStorage } from "./deno_kv/deno_kv_storage.ts";
export { MemoryStorage } from "./memory.ts";
export { changeFromJson, changeToJson } from "./records/change_json.ts";
export type { Storage, StorageSize } from "./storage.ts";
