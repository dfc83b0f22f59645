import type { AccessAttributes, AccessRequest } from "../protocol/access.ts";
import type { ChangeLog } from "../protocol/change.ts";
import type { Limits } from "../protocol/limits.ts";
import { ApplicationMessage } from "../protocol/message.ts";
import type { Retained } from "../protocol/session_context.ts";
import { hasWildcard } from "../protocol/topic_filter.ts";
import type { Deadline, Deadlines } from "./deadlines.ts";
import type { BrokerEvent } from "./events.ts";
import { SortedNames } from "./sorted_names.ts";

// How many messages of publishers that may not publish them any more are as much work as one stop.
const REFUSED_BETWEEN_STOPS = 256;

/** Asked about the publisher of a message that is about to go to a new subscription. */
export type MayStillPublish = (request: AccessRequest) => boolean;

/** A limit that keeps a message from being retained. */
export type RetentionLimit = "maximumRetainedMessages" | "maximumRetainedBytes";

/** Which messages are retained, how many may be, and until when (MQTT 5, sections 3.3.1.3 and 3.3.2.3.3). */
export class Retention {
  readonly messages = new RetainedMessages();
  readonly #limits: Limits;
  readonly #log: ChangeLog;
  readonly #deadlines: Deadlines;
  /** `undefined`: publishers are not asked about. */
  readonly #mayStillPublish: MayStillPublish | undefined;
  #lastSequence = 0;
  /** When messages expire, by topic. */
  readonly #expiry = new Map<string, Deadline>();

  constructor(limits: Limits, log: ChangeLog, deadlines: Deadlines, mayStillPublish?: MayStillPublish) {
    this.#limits = limits;
    this.#log = log;
    this.#deadlines = deadlines;
    this.#mayStillPublish = mayStillPublish;
  }

  /** Replaces or removes the retained message of a topic; gives the limit that forbids it, and then nothing has changed. */
  retain(message: ApplicationMessage, source?: AccessAttributes): RetentionLimit | undefined {
    const { topic } = message;
    if (message.payload.length === 0) { // [MQTT-3.3.1-6] [MQTT-3.3.1-7]
      this.forget(topic);
      return undefined;
    }
    const limit = this.#limitAgainst(message, source);
    if (limit !== undefined) return limit;
    // Without the frames that subscribers share now: each would hold a whole buffer, for as long as it is retained.
    const kept = ApplicationMessage.restored(message.own(), message.publisher, message.expiresAtMs);
    const sequence = this.#lastSequence + 1;
    this.keep(kept, source, sequence);
    this.#log.write({ kind: "retained", topic, message: kept, source, sequence });
    return undefined;
  }

  /** Removes the retained message of a topic, if there is one. */
  forget(topic: string): void {
    if (!this.messages.delete(topic)) return;
    this.#deadlines.cancel(this.#expiry.get(topic));
    this.#expiry.delete(topic);
    this.#log.write({ kind: "retained", topic, message: undefined });
  }

  /** Takes a message as it is, without a limit or a change: the storage has it already. */
  keep(message: ApplicationMessage, source?: AccessAttributes, sequence = 0): void {
    const { topic, expiresAtMs } = message;
    this.messages.set(message, source, sequence);
    this.neverBefore(sequence);
    this.#deadlines.cancel(this.#expiry.get(topic));
    if (expiresAtMs === Infinity) this.#expiry.delete(topic);
    else this.#expiry.set(topic, this.#deadlines.add(expiresAtMs, () => this.forget(topic)));
  }

  /** Sequence of the last message that was retained. */
  get lastSequence(): number {
    return this.#lastSequence;
  }

  /** Messages that come have larger sequences than this one, which a storage has kept. */
  neverBefore(sequence: number): void {
    this.#lastSequence = Math.max(this.#lastSequence, sequence);
  }

  /**
   * Messages for whoever subscribes, as {@linkcode RetainedMessages.match} gives them, or
   * {@linkcode RetainedMessages.matchInOrder} behind a topic: only what may still be published.
   */
  *match(levels: readonly string[], after?: string): Generator<RetainedMessage | undefined, undefined> {
    let refused = 0;
    const matching = after === undefined ? this.messages.match(levels) : this.messages.matchInOrder(levels, after);
    for (const retained of matching) {
      if (retained === undefined || this.#isStillAllowed(retained)) yield retained;
      else if (++refused % REFUSED_BETWEEN_STOPS === 0) yield undefined;
    }
  }

  /** What nobody knows the publisher of is not asked about: it is of the broker's own process, or of an earlier version. */
  #isStillAllowed({ message, source }: RetainedMessage): boolean {
    if (this.#mayStillPublish === undefined || source === undefined || message?.publisher === undefined) return true;
    const { topic, qos, retain, publisher } = message;
    const { principal, roles, grants, listener } = source;
    const identity = { clientId: publisher, principal, roles, grants, listener };
    return this.#mayStillPublish({ ...identity, action: "publish", topic, qos, retain });
  }

  /** A message that makes nothing grow is no matter for limits, also where they have been lowered. */
  #limitAgainst(message: ApplicationMessage, source: AccessAttributes | undefined): RetentionLimit | undefined {
    const { maximumRetainedMessages, maximumRetainedBytes } = this.#limits;
    const { count, bytes } = this.messages;
    if (count >= maximumRetainedMessages && this.messages.get(message.topic) === undefined) {
      return "maximumRetainedMessages";
    }
    const growth = this.messages.growthWith(message, source);
    return growth > 0 && bytes + growth > maximumRetainedBytes ? "maximumRetainedBytes" : undefined;
  }
}

/** A limit, or a storage that has too much to do. */
export type RetentionObstacle = RetentionLimit | "storage";

// A client is told of again after an hour, and of so many clients in one.
const TOLD_EVERY_MS = 3_600_000;
const MOST_TOLD = 1_000;

/** Counts messages that could not be retained, and tells of them once a client. */
export class RetentionRefusals {
  /** Since the broker was opened. */
  count = 0;
  readonly #onEvent: (event: BrokerEvent) => void;
  readonly #told = new Set<string>();
  #sinceMs = -Infinity;

  constructor(onEvent: (event: BrokerEvent) => void) {
    this.#onEvent = onEvent;
  }

  /** A publisher in the broker's own process is told by the call that it makes. */
  tell(
    { publisher: clientId, topic, qos }: ApplicationMessage,
    source: AccessAttributes | undefined,
    obstacle: RetentionObstacle,
    isRefused: boolean,
    nowMs: number,
  ): void {
    this.count += 1;
    if (clientId === undefined || !this.#isFirst(clientId, nowMs)) return;
    this.#onEvent({
      kind: "retainedRefused",
      clientId,
      principal: source?.principal,
      topic,
      qos,
      obstacle,
      isDelivered: !isRefused,
    });
  }

  #isFirst(clientId: string, nowMs: number): boolean {
    if (nowMs >= this.#sinceMs + TOLD_EVERY_MS) {
      this.#sinceMs = nowMs;
      this.#told.clear();
    }
    if (this.#told.size >= MOST_TOLD || this.#told.has(clientId)) return false;
    this.#told.add(clientId);
    return true;
  }
}

interface Node extends Retained {
  children: Map<string, Node> | undefined;
  message: ApplicationMessage | undefined;
  sequence: number | undefined;
  /** Names of the children in order, where there are many and the order was asked for. */
  names: SortedNames | undefined;
  /** What the publisher of the message was; `undefined`: it is not known. */
  source: AccessAttributes | undefined;
}

// What one level of a topic holds that no other topic has. (Deno 2.9, 2026-11)
const NODE_BYTES = 280;
// Names and rights of a publisher that cost no more are not counted: mostly many messages share them.
const USUAL_SOURCE_BYTES = 256;
const GRANT_BYTES = 64;
const NODES_BETWEEN_STOPS = 512;
// Children that are sorted each time: a tenth of a millisecond. (Deno 2.9, 2026-11-30)
const FEW_CHILDREN = 512;

/** A node whose children are visited in the order of their names. */
interface Visit {
  readonly children: ReadonlyMap<string, Node>;
  readonly names: readonly string[];
  /** Index of the next one. */
  next: number;
  readonly depth: number;
  readonly isBelowHash: boolean;
  /** Levels of the topic behind which messages come, while the path is the same. */
  readonly behind: readonly string[] | undefined;
}

/** The retained message of a topic, and what its publisher was. */
export interface RetainedMessage extends Retained {
  readonly source: AccessAttributes | undefined;
}

/** Retained messages by topic (MQTT 5, section 3.3.1.3). */
export class RetainedMessages {
  readonly #root = newNode();
  /** Messages that are kept. */
  count = 0;
  /** What they hold, in bytes: payloads, topics, properties, and the levels of their topics. */
  bytes = 0;
  /** Of this, the payloads alone. */
  payloadBytes = 0;

  get(topic: string): ApplicationMessage | undefined {
    return this.#find(topic.split("/"))?.message;
  }

  /** Keeps a message in place of the last one of its topic. [MQTT-3.3.1-5] */
  set(message: ApplicationMessage, source?: AccessAttributes, sequence?: number): void {
    let node = this.#root;
    for (const level of message.topic.split("/")) {
      node.children ??= new Map();
      let child = node.children.get(level);
      if (child === undefined) {
        node.children.set(level, child = newNode());
        if (node.names?.add(level, node.children.size) === false) node.names = undefined;
        this.bytes += NODE_BYTES;
      }
      node = child;
    }
    if (node.message === undefined) this.count += 1;
    this.bytes += sizeOf(message, source) - sizeOf(node.message, node.source);
    this.payloadBytes += message.payload.length - (node.message?.payload.length ?? 0);
    node.message = message;
    node.source = source;
    node.sequence = sequence;
  }

  /** Forgets the message of a topic [MQTT-3.3.1-6]; false: there was none. */
  delete(topic: string): boolean {
    const levels = topic.split("/");
    const path: Node[] = [this.#root];
    for (const level of levels) {
      const next = path[path.length - 1]?.children?.get(level);
      if (next === undefined) return false;
      path.push(next);
    }
    const last = path[levels.length] as Node; // One for each level behind the root.
    if (last.message === undefined) return false;
    this.count -= 1;
    this.bytes -= sizeOf(last.message, last.source);
    this.payloadBytes -= last.message.payload.length;
    last.message = last.source = undefined;
    for (let index = levels.length; index > 0; index--) {
      const node = path[index] as Node; // Below the length.
      if (node.message !== undefined || (node.children?.size ?? 0) > 0) break;
      path[index - 1]?.children?.delete(levels[index - 1] as string);
      this.bytes -= NODE_BYTES;
    }
    return true;
  }

  /** How much {@linkcode RetainedMessages.bytes} grows with a message. */
  growthWith(message: ApplicationMessage, source?: AccessAttributes): number {
    const levels = message.topic.split("/");
    let node: Node | undefined = this.#root;
    let missing = 0;
    for (const level of levels) {
      node = node?.children?.get(level);
      if (node === undefined) missing += 1;
    }
    return sizeOf(message, source) - sizeOf(node?.message, node?.source) + missing * NODE_BYTES;
  }

  /**
   * Messages whose topics match the levels of a Topic Filter, as they are when they are taken. `undefined` comes in between
   * where it has looked at many that do not match: whoever takes them may stop there for a while.
   */
  *match(levels: readonly string[]): Generator<RetainedMessage | undefined, undefined> {
    if (!hasWildcard(levels)) {
      const node = this.#find(levels);
      if (node?.message !== undefined) yield node;
      return;
    }
    let seen = 0;
    // Branches still to be seen: what comes next in a node's children, and the depth of these.
    const branches: { readonly nodes: Iterator<Node>; readonly depth: number; readonly isBelowHash: boolean }[] = [];
    branches.push({ nodes: [this.#root].values(), depth: 0, isBelowHash: false });
    for (let branch = branches[branches.length - 1]; branch !== undefined; branch = branches[branches.length - 1]) {
      const node: Node | undefined = branch.nodes.next().value;
      if (node === undefined) {
        branches.pop();
        continue;
      }
      if (++seen % NODES_BETWEEN_STOPS === 0) yield undefined;
      const { depth } = branch;
      const level = levels[depth];
      const isBelowHash = branch.isBelowHash || level === "#";
      // Below `#`, at the parent of `#`, or at the end of the filter.
      if (node.message !== undefined && (isBelowHash || depth === levels.length)) yield node;
      if (node.children === undefined) continue;
      if (isBelowHash || level === "+") {
        const children = depth === 0 ? withoutServerTopics(node.children) : node.children.values();
        branches.push({ nodes: children, depth: depth + 1, isBelowHash });
      } else {
        const child = level === undefined ? undefined : node.children.get(level);
        if (child !== undefined) branches.push({ nodes: [child].values(), depth: depth + 1, isBelowHash: false });
      }
    }
  }

  /**
   * The same in the order of topics, level by level, which is the same behind a restart.
   *
   * @param after only messages of topics behind this one come; empty: all
   */
  *matchInOrder(levels: readonly string[], after: string): Generator<RetainedMessage | undefined, undefined> {
    const visits: Visit[] = [];
    let node: Node | undefined = this.#root; // Whose children come next.
    let depth = 0;
    let isBelowHash = false;
    let behind: readonly string[] | undefined = after === "" ? undefined : after.split("/");
    let seen = 0;
    for (;;) {
      const level = levels[depth];
      isBelowHash ||= level === "#";
      if (node?.children !== undefined) {
        const first = behind?.[depth] ?? "";
        if (isBelowHash || level === "+") {
          const names = node.children.size > FEW_CHILDREN ? yield* manyNames(node) : fewNames(node.children);
          visits.push({ children: node.children, names, next: indexOf(names, first), depth, isBelowHash, behind });
        } else if (level !== undefined && level >= first) {
          visits.push({ children: node.children, names: [level], next: 0, depth, isBelowHash, behind });
        }
      }
      const visit = visits.at(-1);
      if (visit === undefined) return;
      const name = visit.names[visit.next++];
      if (name === undefined) visits.pop();
      const isServerTopic = visit.depth === 0 && levels[0] !== name && name?.startsWith("$"); // [MQTT-4.7.2-1]
      node = name === undefined || isServerTopic ? undefined : visit.children.get(name); // It may have gone since.
      if (node === undefined) continue;
      if (++seen % NODES_BETWEEN_STOPS === 0) yield undefined;
      depth = visit.depth + 1;
      isBelowHash = visit.isBelowHash;
      behind = visit.behind?.[visit.depth] === name ? visit.behind : undefined;
      const isMatching = isBelowHash || levels[depth] === "#" || depth === levels.length;
      if (behind === undefined && isMatching && node.message !== undefined) yield node;
    }
  }

  #find(levels: readonly string[]): Node | undefined {
    let node: Node | undefined = this.#root;
    for (const level of levels) {
      node = node.children?.get(level);
      if (node === undefined) return undefined;
    }
    return node;
  }
}

function newNode(): Node {
  return { children: undefined, message: undefined, source: undefined, sequence: undefined, names: undefined };
}

/** Names of children, in order. */
function fewNames(children: ReadonlyMap<string, Node>): readonly string[] {
  const names = [...children.keys()];
  return names.length > 1 ? names.sort() : names;
}

/** The same of many; `undefined` comes as from {@linkcode RetainedMessages.match}. */
function manyNames(node: Node): Generator<undefined, readonly string[]> {
  const children = node.children ?? new Map<string, Node>();
  node.names ??= new SortedNames(children.keys());
  return node.names.all((name) => children.has(name));
}

/** Index of the first name that is not before another one, in names that are in order. */
function indexOf(names: readonly string[], first: string): number {
  let [low, high] = [0, names.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((names[middle] as string) < first) low = middle + 1; // Below the length.
    else high = middle;
  }
  return low;
}

/** A large source counts for each of its messages: its texts come from the client, or with its token. */
function sizeOf(message: ApplicationMessage | undefined, source: AccessAttributes | undefined): number {
  if (message === undefined) return 0;
  if (source === undefined) return message.size;
  const { principal = "", roles, grants } = source;
  let sourceBytes = (message.publisher ?? "").length + principal.length;
  for (const role of roles) sourceBytes += role.length;
  for (const { topicFilter } of grants) sourceBytes += GRANT_BYTES + topicFilter.length;
  return message.size + Math.max(0, sourceBytes - USUAL_SOURCE_BYTES);
}

/** A filter that starts with a wildcard does not match topics that start with `$`. [MQTT-4.7.2-1] */
function* withoutServerTopics(children: ReadonlyMap<string, Node>): Generator<Node, undefined> {
  for (const [level, node] of children) if (!level.startsWith("$")) yield node;
}
