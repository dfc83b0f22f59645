import type { AccessAttributes, AccessRequest } from "../protocol/access.ts";
import type { ChangeLog } from "../protocol/change.ts";
import type { Limits } from "../protocol/limits.ts";
import { ApplicationMessage } from "../protocol/message.ts";
import type { Retained, RetainedSource } from "../protocol/session_context.ts";
import { hasWildcard, type ParsedTopicFilter } from "../protocol/topic_filter.ts";
import type { Deadline, Deadlines } from "./deadlines.ts";
import { SortedNames } from "./sorted_names.ts";

// Memory of one level of a topic that no other topic has. (Deno 2.9, 2026-11)
const NODE_BYTES = 280;
// Names and rights of a publisher that cost no more are not counted: mostly many messages share them.
const USUAL_SOURCE_BYTES = 256;
const GRANT_BYTES = 64;
// Nodes, and messages that their publisher may not publish any more, that are looked at before the caller may pause.
const NODES_AT_ONCE = 512;
const WITHHELD_AT_ONCE = 256;
// Children that are sorted each time: a tenth of a millisecond. (Deno 2.9, 2026-11-30)
const FEW_CHILDREN = 512;

/** Access rule for the publisher of a message that is about to go to a new subscription. */
export type MayStillPublish = (request: AccessRequest) => boolean;

/** A limit that keeps a message from being retained. */
export type RetentionLimit = "maximumRetainedMessages" | "maximumRetainedBytes";

/** Obstacle to retaining a message: a limit, or a storage that has too much to do. */
export type RetentionObstacle = RetentionLimit | "storage";

interface Node extends Retained {
  children: Map<string, Node> | undefined;
  message: ApplicationMessage | undefined;
  sequence: number | undefined;
  /** Names of the children in order, where there are many and the order was asked for. */
  names: SortedNames | undefined;
  /** Attributes of the publisher of the message; `undefined`: not known. */
  source: AccessAttributes | undefined;
  /** Time when the message was retained; `undefined`: before the broker was opened. */
  atMs: number | undefined;
  /** Messages at this node and below it. */
  count: number;
}

/** A node whose children are visited in the order of their names. */
interface Visit {
  readonly children: ReadonlyMap<string, Node>;
  readonly names: readonly string[];
  /** Index of the next one. */
  next: number;
  readonly depth: number;
  readonly isBelowHash: boolean;
  /** Levels of the topic after which messages come, while the path is the same. */
  readonly after: readonly string[] | undefined;
}

/** The retained message of a topic, and the attributes of its publisher. */
export interface RetainedMessage extends Retained {
  readonly source: AccessAttributes | undefined;
  readonly atMs: number | undefined;
}

/** A child in the tree of retained messages. */
export interface RetainedChild extends RetainedMessage {
  readonly count: number;
}

/** Retains messages within the limits, until they expire (MQTT 5, sections 3.3.1.3 and 3.3.2.3.3). */
export class Retention implements RetainedSource {
  readonly messages = new RetainedMessages();
  /** Messages that the broker tells of itself below `$SYS`: no storage keeps them, and no limit counts them. */
  readonly ofBroker = new RetainedMessages();
  readonly #limits: Limits;
  readonly #log: ChangeLog;
  readonly #deadlines: Deadlines;
  /** `undefined`: publishers are not asked about. */
  readonly #mayStillPublish: MayStillPublish | undefined;
  #lastSequence = 0;
  /** Expiries of messages by topic. */
  readonly #expiry = new Map<string, Deadline>();

  constructor(limits: Limits, log: ChangeLog, deadlines: Deadlines, mayStillPublish?: MayStillPublish) {
    this.#limits = limits;
    this.#log = log;
    this.#deadlines = deadlines;
    this.#mayStillPublish = mayStillPublish;
  }

  /** Replaces or removes the retained message of a topic; gives the limit that forbids it, and then nothing has changed. */
  retain(message: ApplicationMessage, source?: AccessAttributes, nowMs?: number): RetentionLimit | undefined {
    const { topic } = message;
    if (message.payload.length === 0) { // [MQTT-3.3.1-6] [MQTT-3.3.1-7]
      this.forget(topic);
      return undefined;
    }
    const limit = this.#limitAgainst(message, source);
    if (limit !== undefined) return limit;
    // Without the frames that subscribers share now: each would hold a whole buffer, for as long as it is retained.
    const own = ApplicationMessage.restored(message.own(), message.publisher, message.expiresAtMs);
    const sequence = this.#lastSequence + 1;
    this.restore(own, source, sequence, nowMs);
    this.#log.write({ kind: "retained", topic, message: own, source, sequence });
    return undefined;
  }

  /** Removes the retained message of a topic, if there is one. */
  forget(topic: string): void {
    if (!this.messages.delete(topic)) return;
    this.#deadlines.cancel(this.#expiry.get(topic));
    this.#expiry.delete(topic);
    this.#log.write({ kind: "retained", topic, message: undefined });
  }

  /** Takes a message that the storage has already: without a limit, and without a change. */
  restore(message: ApplicationMessage, source?: AccessAttributes, sequence = 0, atMs?: number): void {
    const { topic, expiresAtMs } = message;
    this.messages.set(message, source, sequence, atMs);
    this.restoreSequence(sequence);
    this.#deadlines.cancel(this.#expiry.get(topic));
    if (expiresAtMs === Infinity) this.#expiry.delete(topic);
    else this.#expiry.set(topic, this.#deadlines.add(expiresAtMs, () => this.forget(topic)));
  }

  /** Sequence of the last message that was retained. */
  get lastSequence(): number {
    return this.#lastSequence;
  }

  /** Takes note of a sequence that the storage has: those of later messages are larger. */
  restoreSequence(sequence: number): void {
    this.#lastSequence = Math.max(this.#lastSequence, sequence);
  }

  /**
   * Messages for a new subscription, as {@linkcode RetainedMessages.match} gives them, or
   * {@linkcode RetainedMessages.matchInOrder} after a topic: only those that may still be published.
   */
  *matching({ levels }: ParsedTopicFilter, after?: string): Generator<RetainedMessage | undefined, undefined> {
    // First those of the broker, which are always new: they come again where the first one of a client has not come.
    if (levels[0] === "$SYS" && (after === undefined || after === "")) yield* this.ofBroker.match(levels);
    let withheld = 0;
    const ofClients = after === undefined ? this.messages.match(levels) : this.messages.matchInOrder(levels, after);
    for (const retained of ofClients) {
      if (retained === undefined || this.#isStillAllowed(retained)) yield retained;
      else if (++withheld % WITHHELD_AT_ONCE === 0) yield undefined;
    }
  }

  /** Asks about the publisher, where it is known: other messages are of the broker's own process, or of an earlier version. */
  #isStillAllowed({ message, source }: RetainedMessage): boolean {
    if (this.#mayStillPublish === undefined || source === undefined || message?.publisher === undefined) return true;
    const { topic, qos, retain, publisher } = message;
    const { principal, roles, grants, listener } = source;
    const identity = { clientId: publisher, principal, roles, grants, listener };
    return this.#mayStillPublish({ ...identity, action: "publish", topic, qos, retain });
  }

  /** Gives the limit that forbids a message; none does that makes nothing grow, also where they have been lowered. */
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

/** Retained messages by topic (MQTT 5, section 3.3.1.3). */
export class RetainedMessages {
  readonly #root = newNode();
  /** Messages that are kept. */
  count = 0;
  /** Bytes that they hold: payloads, topics, properties, and the levels of their topics. */
  bytes = 0;
  /** Bytes of their payloads alone. */
  payloadBytes = 0;

  get(topic: string): ApplicationMessage | undefined {
    return this.find(topic.split("/"))?.message;
  }

  /** Children of a node in the order of their names, from a name on; `undefined` comes as from {@linkcode match}. */
  *childrenOf(
    levels: readonly string[],
    first: string,
  ): Generator<readonly [name: string, child: RetainedChild] | undefined, undefined> {
    const node = levels.length === 0 ? this.#root : this.#nodeAt(levels);
    if (node?.children === undefined) return;
    const names = node.children.size > FEW_CHILDREN ? yield* manyNames(node) : fewNames(node.children);
    for (let index = indexOf(names, first); index < names.length; index++) {
      const name = names[index] as string; // Below the length.
      const child = node.children?.get(name); // It may have gone since.
      if (child !== undefined) yield [name, child];
    }
  }

  /** Keeps a message in place of the last one of its topic. [MQTT-3.3.1-5] */
  set(message: ApplicationMessage, source?: AccessAttributes, sequence?: number, atMs?: number): void {
    let node = this.#root;
    const path = [node];
    for (const level of message.topic.split("/")) {
      node.children ??= new Map();
      let child = node.children.get(level);
      if (child === undefined) {
        node.children.set(level, child = newNode());
        if (node.names?.add(level, node.children.size) === false) node.names = undefined;
        this.bytes += NODE_BYTES;
      }
      path.push(node = child);
    }
    if (node.message === undefined) {
      this.count += 1;
      for (const one of path) one.count += 1;
    }
    this.bytes += sizeOf(message, source) - sizeOf(node.message, node.source);
    this.payloadBytes += message.payload.length - (node.message?.payload.length ?? 0);
    node.message = message;
    node.source = source;
    node.sequence = sequence;
    node.atMs = atMs;
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
    const last = path[levels.length] as Node; // One for each level below the root.
    if (last.message === undefined) return false;
    this.count -= 1;
    this.bytes -= sizeOf(last.message, last.source);
    this.payloadBytes -= last.message.payload.length;
    last.message = last.source = last.atMs = undefined;
    for (const node of path) node.count -= 1;
    for (let index = levels.length; index > 0; index--) {
      const node = path[index] as Node; // Below the length.
      if (node.message !== undefined || (node.children?.size ?? 0) > 0) break;
      path[index - 1]?.children?.delete(levels[index - 1] as string);
      this.bytes -= NODE_BYTES;
    }
    return true;
  }

  /** Bytes by which {@linkcode RetainedMessages.bytes} grows with a message. */
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
   * where it has looked at many that do not match: the caller may stop there for a while.
   */
  *match(levels: readonly string[]): Generator<RetainedMessage | undefined, undefined> {
    if (!hasWildcard(levels)) {
      const node = this.#nodeAt(levels);
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
      if (++seen % NODES_AT_ONCE === 0) yield undefined;
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
   * Messages as from {@linkcode match}, in the order of topics, level by level, which is the same after a restart.
   *
   * @param after only messages of topics after this one come; empty: all
   */
  *matchInOrder(levels: readonly string[], after: string): Generator<RetainedMessage | undefined, undefined> {
    const visits: Visit[] = [];
    let node: Node | undefined = this.#root; // Its children come next.
    let depth = 0;
    let isBelowHash = false;
    let afterLevels: readonly string[] | undefined = after === "" ? undefined : after.split("/");
    let seen = 0;
    for (;;) {
      const level = levels[depth];
      isBelowHash ||= level === "#";
      if (node?.children !== undefined) {
        const first = afterLevels?.[depth] ?? "";
        if (isBelowHash || level === "+") {
          const names = node.children.size > FEW_CHILDREN ? yield* manyNames(node) : fewNames(node.children);
          visits.push({
            children: node.children,
            names,
            next: indexOf(names, first),
            depth,
            isBelowHash,
            after: afterLevels,
          });
        } else if (level !== undefined && level >= first) {
          visits.push({ children: node.children, names: [level], next: 0, depth, isBelowHash, after: afterLevels });
        }
      }
      const visit = visits.at(-1);
      if (visit === undefined) return;
      const name = visit.names[visit.next++];
      if (name === undefined) visits.pop();
      const isServerTopic = visit.depth === 0 && levels[0] !== name && name?.startsWith("$"); // [MQTT-4.7.2-1]
      node = name === undefined || isServerTopic ? undefined : visit.children.get(name); // It may have gone since.
      if (node === undefined) continue;
      if (++seen % NODES_AT_ONCE === 0) yield undefined;
      depth = visit.depth + 1;
      isBelowHash = visit.isBelowHash;
      afterLevels = visit.after?.[visit.depth] === name ? visit.after : undefined;
      const isMatching = isBelowHash || levels[depth] === "#" || depth === levels.length;
      if (afterLevels === undefined && isMatching && node.message !== undefined) yield node;
    }
  }

  /** Retained message of a topic, and the number of those below it. */
  find(levels: readonly string[]): RetainedChild | undefined {
    return this.#nodeAt(levels);
  }

  #nodeAt(levels: readonly string[]): Node | undefined {
    let node: Node | undefined = this.#root;
    for (const level of levels) {
      node = node.children?.get(level);
      if (node === undefined) return undefined;
    }
    return node;
  }
}

function newNode(): Node {
  return {
    children: undefined,
    message: undefined,
    source: undefined,
    sequence: undefined,
    names: undefined,
    atMs: undefined,
    count: 0,
  };
}

/** Sorts the names of children. */
function fewNames(children: ReadonlyMap<string, Node>): readonly string[] {
  const names = [...children.keys()];
  return names.length > 1 ? names.sort() : names;
}

/** Sorts the names of many children; `undefined` comes as from {@linkcode RetainedMessages.match}. */
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

/** Bytes of a message; a large source counts for each of its messages: its texts come from the client, or with its token. */
function sizeOf(message: ApplicationMessage | undefined, source: AccessAttributes | undefined): number {
  if (message === undefined) return 0;
  if (source === undefined) return message.size;
  const { principal = "", roles, grants } = source;
  let sourceBytes = (message.publisher ?? "").length + principal.length;
  for (const role of roles) sourceBytes += role.length;
  for (const { topicFilter } of grants) sourceBytes += GRANT_BYTES + topicFilter.length;
  return message.size + Math.max(0, sourceBytes - USUAL_SOURCE_BYTES);
}

/** Leaves out topics that start with `$`, which no filter that starts with a wildcard matches. [MQTT-4.7.2-1] */
function* withoutServerTopics(children: ReadonlyMap<string, Node>): Generator<Node, undefined> {
  for (const [level, node] of children) if (!level.startsWith("$")) yield node;
}
