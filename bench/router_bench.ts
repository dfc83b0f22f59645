import { Router, type Subscriber } from "../src/broker/router.ts";
import { NO_PROPERTIES } from "../src/codec/property.ts";
import { ApplicationMessage } from "../src/protocol/message.ts";
import { subscriptionOf, subscriptionTo, topicOf } from "./topic_corpus.ts";

const MESSAGES = 1_000;

/** Counts what it gets. */
class Counter implements Subscriber {
  readonly clientId = "counter";
  readonly isOnline = true;
  readonly isReady = true;
  readonly isDurable = false;
  received = 0;

  isFarBehind(): boolean {
    return false;
  }

  permits(_topic: string): boolean {
    return true;
  }

  deliver(): void {
    this.received += 1;
  }
}

for (const subscriptions of [10, 100_000]) {
  const router = new Router();
  const counters = Array.from({ length: Math.min(1_000, subscriptions) }, () => new Counter());
  for (let device = 0; device < subscriptions; device++) {
    const counter = counters[device % counters.length];
    if (counter !== undefined) router.subscribe(counter, subscriptionOf(device));
  }
  const message = messageTo(topicOf(7));
  Deno.bench(
    `publish ${MESSAGES} to one topic, ${subscriptions} subscriptions`,
    { group: "one topic", baseline: subscriptions === 10 },
    () => publish(router, MESSAGES, () => message),
  );
  const messages = Array.from({ length: subscriptions }, (_, device) => messageTo(topicOf(device)));
  let next = 0;
  Deno.bench(
    `publish ${MESSAGES} to topics in turn, ${subscriptions} subscriptions`,
    { group: "topics in turn", baseline: subscriptions === 10 },
    () => publish(router, MESSAGES, () => messages[next++ % messages.length]),
  );
}

for (const subscribers of [1, 1_000]) {
  const router = new Router();
  for (let index = 0; index < subscribers; index++) router.subscribe(new Counter(), subscriptionTo("a/b"));
  const message = messageTo("a/b");
  const count = 100_000 / subscribers;
  Deno.bench(
    `publish ${count} to ${subscribers} subscribers`,
    { group: "subscribers", baseline: subscribers === 1 },
    () => publish(router, count, () => message),
  );
}

for (const [name, identifiers] of [["no identifiers", [undefined, undefined]], ["two identifiers", [1, 2]]] as const) {
  const router = new Router();
  const counter = new Counter();
  for (const [index, topicFilter] of ["a/#", "a/b"].entries()) {
    router.subscribe(counter, { ...subscriptionTo(topicFilter), subscriptionIdentifier: identifiers[index] });
  }
  const message = messageTo("a/b");
  Deno.bench(
    `publish 10000 to a client with two subscriptions, ${name}`,
    { group: "overlapping", baseline: name === "no identifiers" },
    () => publish(router, 10_000, () => message),
  );
}

function publish(router: Router, count: number, next: () => ApplicationMessage | undefined): void {
  for (let done = 0; done < count; done++) {
    const message = next();
    if (message === undefined || router.publish(message, 0) === 0) throw new Error("Cannot measure: nobody gets it");
  }
}

function messageTo(topic: string): ApplicationMessage {
  const payload = new Uint8Array(64);
  return new ApplicationMessage({ topic, payload, qos: 0, retain: false, properties: NO_PROPERTIES }, undefined, 0);
}
