import type { Subscription } from "../protocol/subscription.ts";

interface Node<Subscriber> {
  children: Map<string, Node<Subscriber>> | undefined;
  /** Child for `+`. */
  plus: Node<Subscriber> | undefined;
  /** Entries of filters that end here. */
  entries: Map<string, Map<Subscriber, Subscription>> | undefined;
  /** Entries of filters that end here with `#`. */
  hashEntries: Map<string, Map<Subscriber, Subscription>> | undefined;
}

/** Subscriptions by the levels of their Topic Filters (MQTT 5, section 4.7). Neither adding nor matching recurses. */
export class TopicTrie<Subscriber> {
  readonly #root: Node<Subscriber> = emptyNode();
  /** Subscriptions, those that are shared among them. */
  count = 0;
  sharedCount = 0;

  /** Gives all subscribers of the filter, this one included. */
  add(subscriber: Subscriber, subscription: Subscription): ReadonlyMap<Subscriber, Subscription> {
    const { levels, shareName } = subscription.filter;
    let node = this.#root;
    const isHash = levels[levels.length - 1] === "#";
    for (let index = 0; index < levels.length - (isHash ? 1 : 0); index++) {
      node = childOf(node, levels[index] as string); // Below the length.
    }
    const entries = isHash ? node.hashEntries ??= new Map() : node.entries ??= new Map();
    const group = shareName ?? "";
    let members = entries.get(group);
    if (members === undefined) entries.set(group, members = new Map());
    if (!members.has(subscriber)) this.#count(shareName, 1);
    members.set(subscriber, subscription);
    return members;
  }

  /** Gives the other subscribers of the filter; `undefined`: there was no such subscription. */
  delete(subscriber: Subscriber, subscription: Subscription): ReadonlyMap<Subscriber, Subscription> | undefined {
    const { levels, shareName } = subscription.filter;
    const isHash = levels[levels.length - 1] === "#";
    const path: Node<Subscriber>[] = [this.#root];
    for (let index = 0; index < levels.length - (isHash ? 1 : 0); index++) {
      const level = levels[index] as string; // Below the length.
      const node = path[path.length - 1] as Node<Subscriber>; // It starts with one.
      const next = level === "+" ? node.plus : node.children?.get(level);
      if (next === undefined) return undefined;
      path.push(next);
    }
    const last = path[path.length - 1] as Node<Subscriber>; // It starts with one.
    const entries = isHash ? last.hashEntries : last.entries;
    const members = entries?.get(shareName ?? "");
    if (members?.delete(subscriber)) this.#count(shareName, -1);
    if (members?.size === 0) entries?.delete(shareName ?? "");
    if (last.entries?.size === 0) last.entries = undefined;
    if (last.hashEntries?.size === 0) last.hashEntries = undefined;
    // Branches that nobody needs any more.
    for (let index = path.length - 1; index > 0 && isEmpty(path[index] as Node<Subscriber>); index--) {
      const level = levels[index - 1] as string; // One for each node below the root.
      const parent = path[index - 1] as Node<Subscriber>; // Above index.
      if (level === "+") parent.plus = undefined;
      else parent.children?.delete(level);
      if (parent.children?.size === 0) parent.children = undefined;
    }
    return members;
  }

  #count(shareName: string | undefined, change: 1 | -1): void {
    this.count += change;
    if (shareName !== undefined) this.sharedCount += change;
  }

  /** Calls `visit` for the subscribers of each matching filter; `shareName` is empty where it is not shared. */
  match(topic: string, visit: (shareName: string, members: ReadonlyMap<Subscriber, Subscription>) => void): void {
    const levels = topic.split("/");
    const isServerTopic = topic.startsWith("$");
    // Nodes still to be seen, with the depth at which each stands.
    const nodes: Node<Subscriber>[] = [this.#root];
    const depths: number[] = [0];
    for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
      const depth = depths.pop() as number; // One for each node.
      const mayBeWildcard = depth > 0 || !isServerTopic; // [MQTT-4.7.2-1]
      if (mayBeWildcard && node.hashEntries !== undefined) visitAll(node.hashEntries, visit);
      if (depth === levels.length) {
        if (node.entries !== undefined) visitAll(node.entries, visit);
        continue;
      }
      const child = node.children?.get(levels[depth] as string); // Below the length.
      if (child !== undefined) {
        nodes.push(child);
        depths.push(depth + 1);
      }
      if (mayBeWildcard && node.plus !== undefined) {
        nodes.push(node.plus);
        depths.push(depth + 1);
      }
    }
  }
}

function emptyNode<Subscriber>(): Node<Subscriber> {
  return { children: undefined, plus: undefined, entries: undefined, hashEntries: undefined };
}

function childOf<Subscriber>(node: Node<Subscriber>, level: string): Node<Subscriber> {
  if (level === "+") return node.plus ??= emptyNode();
  node.children ??= new Map();
  let child = node.children.get(level);
  if (child === undefined) node.children.set(level, child = emptyNode());
  return child;
}

function isEmpty<Subscriber>(node: Node<Subscriber>): boolean {
  return node.children === undefined && node.plus === undefined && node.entries === undefined &&
    node.hashEntries === undefined;
}

function visitAll<Subscriber>(
  entries: ReadonlyMap<string, ReadonlyMap<Subscriber, Subscription>>,
  visit: (shareName: string, members: ReadonlyMap<Subscriber, Subscription>) => void,
): void {
  for (const [shareName, members] of entries) visit(shareName, members);
}
