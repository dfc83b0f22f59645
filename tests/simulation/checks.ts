/** What has to be true of a run when all is settled. */

import type { History, Published } from "./history.ts";
import type { Rules } from "./rules.ts";
import type { SimulatedClient } from "./simulated_client.ts";

export const SHARED_PREFIX = "s/";
export const RETAINED_PREFIX = "r/";

/** Throws when a client got something that it must not get, or did not get something that it must. */
export function checkRun(history: History, clients: readonly SimulatedClient[], rules: Rules | undefined): void {
  for (const client of clients) {
    checkDeliveries(client, history);
    if (rules !== undefined) checkForbidden(client, history, rules);
    if (!client.isDurable) continue;
    checkTwice(client, history);
    checkMissing(client, history, rules);
    checkOrder(client, history, rules);
  }
  checkShared(history, clients, rules);
}

/** Nothing that was published while the client might not have it, and comes while this is so. */
function checkForbidden({ clientId, deliveries }: SimulatedClient, { byText }: History, rules: Rules): void {
  for (const { text, topic, at } of deliveries) {
    const sentAt = byText.get(text)?.sentAt ?? 0; // It took a retained message away: nobody knows when.
    if (!rules.isForbidden(clientId, topic, sentAt, at)) continue;
    throw new Error(`${clientId} got ${named(text)} on "${topic}", which it may not receive`);
  }
}

/** Nothing that was never published, or that the client did not subscribe to. */
function checkDeliveries({ clientId, deliveries, subscriptions }: SimulatedClient, { byText }: History): void {
  for (const { text, topic, at } of deliveries) {
    if (text === "") continue; // It took a retained message away.
    const published = byText.get(text);
    if (published?.topic !== topic) throw new Error(`${clientId} got ${named(text)} on "${topic}": never published`);
    // What is retained may come much later.
    const from = topic.startsWith(RETAINED_PREFIX) ? 0 : published.sentAt;
    if (!subscriptions.isPossible(topic, from, at)) {
      throw new Error(`${clientId} got ${named(text)} on "${topic}" without a subscription`);
    }
  }
}

function checkTwice({ clientId, deliveries }: SimulatedClient, { byText }: History): void {
  const once = new Set<string>();
  for (const { text, topic, qos } of deliveries) {
    if (qos < 2 || byText.get(text)?.qos !== 2 || topic.startsWith(RETAINED_PREFIX)) continue;
    if (once.has(text)) throw new Error(`${clientId} got ${named(text)} on "${topic}" twice with QoS 2`);
    once.add(text);
  }
}

function checkMissing(client: SimulatedClient, history: History, rules: Rules | undefined): void {
  const got = new Set(client.deliveries.map(({ text }) => text));
  for (const published of expectedBy(client, history, rules)) {
    const { text, topic, qos } = published;
    if (!got.has(text)) throw new Error(`${client.clientId} did not get ${named(text)} on "${topic}" with QoS ${qos}`);
  }
}

/** What each publisher sent with one QoS comes in this order, where it comes with the same QoS. */
function checkOrder(client: SimulatedClient, history: History, rules: Rules | undefined): void {
  const ranks = new Map<string, { readonly rank: number; readonly line: string }>();
  for (const [rank, { text, topic, publisher, qos, isWillDue }] of expectedBy(client, history, rules).entries()) {
    if (!isWillDue && !topic.startsWith(RETAINED_PREFIX)) ranks.set(text, { rank, line: `${publisher} ${qos}` });
  }
  const last = new Map<string, number>();
  const seen = new Set<string>();
  for (const { text, qos } of client.deliveries) {
    const place = ranks.get(text);
    if (place === undefined || seen.has(text)) continue;
    seen.add(text);
    const line = `${place.line} ${qos}`;
    if ((last.get(line) ?? -1) > place.rank) {
      throw new Error(`${client.clientId} got ${named(text)} behind a later message of the same publisher`);
    }
    last.set(line, place.rank);
  }
}

/** Messages with QoS 1 or 2 that a client must have got at least once, in the order in which they were sent. */
function expectedBy(
  { clientId, subscriptions, cleanStartAt }: SimulatedClient,
  { published }: History,
  rules: Rules | undefined,
): Published[] {
  return published.filter(({ topic, text, qos, sentAt, acknowledgedAt, isWillDue, isExpiring }) => {
    if (isExpiring || qos === 0 || text === "" || topic.startsWith(SHARED_PREFIX) || sentAt < cleanStartAt) {
      return false;
    }
    if (acknowledgedAt === Infinity && !isWillDue) return false;
    if (rules?.mayWithhold(clientId, topic, sentAt)) return false;
    return (subscriptions.sureQos(topic, sentAt, acknowledgedAt) ?? 0) > 0;
  });
}

/** To one member of the group at least, as long as one was there all the time; with QoS 2 to one alone. */
function checkShared({ published }: History, clients: readonly SimulatedClient[], rules: Rules | undefined): void {
  const deliveries = clients.flatMap((client) =>
    client.deliveries.filter(({ topic }) => topic.startsWith(SHARED_PREFIX))
  );
  for (const { topic, text, qos, sentAt, acknowledgedAt, isExpiring } of published) {
    if (!topic.startsWith(SHARED_PREFIX)) continue;
    const got = deliveries.filter((delivery) => delivery.text === text);
    if (qos === 2 && got.filter((delivery) => delivery.qos === 2).length > 1) {
      throw new Error(`${named(text)} on "${topic}" came to more than one member of its group`);
    }
    // What was sent with QoS 2 to a member whose session has ended goes to nobody else. [MQTT-4.8.2-5]
    const isEnded = clients.some(({ isDurable, cleanStartAt }) => isDurable && cleanStartAt > sentAt);
    if (qos === 0 || isExpiring || acknowledgedAt === Infinity || (qos === 2 && isEnded)) continue;
    if (clients.some((client) => hasLeft(client, topic, sentAt))) continue;
    if (clients.some(({ clientId }) => rules?.mayWithhold(clientId, topic, sentAt))) continue;
    const isSure = clients.some((client) => client.subscriptions.sureQos(topic, sentAt, Infinity) !== undefined);
    if (isSure && got.length === 0) throw new Error(`${named(text)} on "${topic}" came to no member of its group`);
  }
}

/** Whether a member has unsubscribed, and ended its session: what it held of the group by then may be gone with it. */
function hasLeft({ cleanStartAt, subscriptions }: SimulatedClient, topic: string, sentAt: number): boolean {
  if (cleanStartAt < sentAt || !subscriptions.isPossible(topic, sentAt, cleanStartAt)) return false;
  return subscriptions.sureQos(topic, sentAt, cleanStartAt) === undefined;
}

/**
 * Texts that may be retained on a topic: the last one that was acknowledged, or one behind it; none, where a message with
 * QoS 0 is behind it: that may be discarded, and then there is none [MQTT-3.3.1-7 of 3.1.1].
 */
export function possibleRetained({ published }: History, topic: string): ReadonlySet<string> {
  const line = published.filter((each) => each.topic === topic);
  const last = line.findLastIndex(({ acknowledgedAt }) => acknowledgedAt < Infinity);
  const possible = line.slice(Math.max(0, last));
  const mayBeNone = last === -1 || possible.some(({ qos }) => qos === 0);
  return new Set([...mayBeNone ? [""] : [], ...possible.map(({ text }) => text)]);
}

/** Without its padding. */
function named(text: string): string {
  return `"${text.replace(/\.+$/, "")}"`;
}
