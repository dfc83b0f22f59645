import { assertEquals } from "@std/assert";
import type { QoS, Storage } from "../../mod.ts";
import { CountedFault, type Fault } from "./faulty_storage.ts";
import { FaultyBroker } from "./faulty_broker.ts";
import { Ledger } from "./ledger.ts";
import { PatientClient } from "./patient_client.ts";

/**
 * Clients do what they have to do, step by step, however often it takes; a step that is confirmed is in force. Throws when
 * something is lost, doubled or otherwise wrong; gives how many calls the storage got.
 *
 * @param call which of them goes wrong, from 1; 0: none
 */
export async function runFaultScenario(open: () => Promise<Storage>, call: number, fault?: Fault): Promise<number> {
  const faults = new CountedFault(call, fault);
  const ledger = new Ledger();
  const broker = new FaultyBroker(open, faults);
  const clients = new ScenarioClients(broker, ledger);
  try {
    await runSteps(broker, clients);
    ledger.settle();
  } finally {
    await clients.drop();
    await broker.end();
  }
  assertEquals(ledger.problems, []);
  return faults.calls;
}

async function runSteps(broker: FaultyBroker, clients: ScenarioClients): Promise<void> {
  await deliverAndQueue(clients);
  await changeSubscriptions(clients);
  await endConnectionsAndBrokers(clients, broker);
  assertEquals(await broker.retained(["retained", "gone"]), ["second", undefined]);
}

async function deliverAndQueue(clients: ScenarioClients): Promise<void> {
  const { subscriber, four, five } = clients;
  await subscriber.subscribe("a/#", 2);
  await subscriber.subscribe("b", 1);
  await subscriber.subscribe("will", 2);
  for (const qos of [1, 2] as const) {
    await clients.publish(four, "a/4", qos);
    await clients.publish(five, "a/5", qos);
    await clients.publish(four, "b", qos);
  }
  await five.publish("retained", "first", 1, true);
  await five.publish("gone", "first", 2, true);
  await Promise.all(([1, 2, 2, 1, 2] as const).map((qos) => clients.publish(four, "a/many", qos)));

  await subscriber.leave();
  for (const qos of [2, 1, 2] as const) await clients.publish(five, "a/away", qos);
  await clients.publish(four, "b", 1);
  await five.publish("retained", "second", 2, true);
  await clients.settled();
}

async function changeSubscriptions(clients: ScenarioClients): Promise<void> {
  const { subscriber, four, five } = clients;
  await subscriber.unsubscribe("b");
  clients.granted.delete("b");
  await clients.publish(four, "b", 1);
  await subscriber.subscribe("b", 2);
  clients.granted.set("b", 2);
  await clients.publish(five, "b", 2);
  await five.publish("gone", "", 1, true);
}

async function endConnectionsAndBrokers(clients: ScenarioClients, broker: FaultyBroker): Promise<void> {
  const { subscriber, four, five, mourned } = clients;
  await mourned.connect();
  await mourned.leave();
  await clients.settled();

  await broker.restart();
  await clients.publish(five, "a/later", 2);
  await clients.publish(four, "a/later", 1);
  await mourned.beginAnew();
  await mourned.leave();
  await clients.settled();

  await broker.restart();
  await clients.settled();
  await subscriber.ping(); // Nothing more comes.
}

class ScenarioClients {
  readonly granted = new Map<string, QoS>([["a", 2], ["b", 1], ["will", 2]]);
  readonly subscriber: PatientClient;
  readonly four: PatientClient;
  readonly five: PatientClient;
  /** It has a Will. */
  readonly mourned: PatientClient;
  readonly #ledger: Ledger;
  #number = 0;

  constructor(broker: FaultyBroker, ledger: Ledger) {
    this.#ledger = ledger;
    this.subscriber = new PatientClient("subscriber", 5, broker, {
      message: (packet) => void ledger.came("subscriber", packet),
    });
    this.four = new PatientClient("four", 4, broker);
    this.five = new PatientClient("five", 5, broker);
    this.mourned = new PatientClient("mourned", 5, broker, {
      mayHaveWill: (name) => ledger.expect(name, "will", 2, new Map([["subscriber", 2]]), true),
      hasWill: (name) => ledger.require("subscriber", name),
    });
  }

  /** Publishes what the subscriber has to get, as far as its subscriptions say so. */
  async publish(client: PatientClient, topic: string, qos: QoS): Promise<void> {
    const name = `${client.clientId} ${this.#number++} `;
    const granted = this.granted.get(topic.split("/", 1).join());
    if (granted !== undefined) this.#ledger.expect(name, topic, qos, new Map([["subscriber", granted]]));
    await client.publish(topic, name, qos);
  }

  /** The subscriber has got all. */
  async settled(): Promise<void> {
    await this.subscriber.until(() => this.#ledger.outstandingInSum === 0);
  }

  async drop(): Promise<void> {
    for (const client of [this.subscriber, this.four, this.five, this.mourned]) await client.leave();
  }
}
