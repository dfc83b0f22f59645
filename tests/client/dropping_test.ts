import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { Broker, type Transport } from "../../mod.ts";
import { Client, type TransportServer } from "../../src/client/mod.ts";
import { within } from "../deadline.ts";
import { Seeded } from "../seeded.ts";

const MESSAGES = 300;
const MOST_DROPS = 60;
const FEWEST_DROPS = 30;
const MOST_CHUNKS = 12;
const SEEDS = 4;
const DEADLINE_MS = 30_000;
const RECONNECT = { minimumDelayMs: 0, maximumDelayMs: 2 } as const;

/** A broker whose connections are lost again and again, in the middle of a packet and in both directions. */
class DroppingBroker implements TransportServer {
  drops = 0;
  readonly #broker: Broker;
  readonly #random: Seeded;

  constructor(broker: Broker, random: Seeded) {
    this.#broker = broker;
    this.#random = random;
  }

  serve(transport: Transport): Promise<void> {
    let chunks = this.drops < MOST_DROPS ? this.#random.integer(3, MOST_CHUNKS) : Infinity;
    const pass = (chunk: Uint8Array): Uint8Array => {
      chunks -= 1;
      if (chunks > 0) return chunk;
      if (chunks === 0) this.drops += 1;
      return chunk.subarray(0, this.#random.integer(0, chunk.length));
    };
    const lose = () => {
      if (chunks <= 0) transport.close();
    };
    const writer = transport.writable.getWriter();
    writer.closed.catch(() => {}); // It is lost.
    const readable = transport.readable.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          controller.enqueue(pass(chunk));
          lose();
        },
      }),
    );
    const writable = new WritableStream<Uint8Array>({
      async write(chunk) {
        await writer.write(pass(chunk));
        lose();
      },
      close: () => writer.close(),
      abort: () => transport.close(),
    });
    return this.#broker.serve({ ...transport, readable, writable, close: () => transport.close() });
  }
}

for (const protocolVersion of [5, 4] as const) {
  for (const qos of [1, 2] as const) {
    Deno.test(`QoS ${qos} over connections that are lost at random arrives as it should, v${protocolVersion}`, async () => {
      for (let seed = 1; seed <= SEEDS; seed++) await loseConnections(seed, protocolVersion, qos);
    });
  }
}

async function loseConnections(seed: number, protocolVersion: 4 | 5, qos: 1 | 2): Promise<void> {
  const random = new Seeded(seed);
  await using broker = await Broker.open();
  const server = new DroppingBroker(broker, random);
  const options = {
    protocolVersion,
    cleanStart: false,
    sessionExpirySeconds: 600,
    reconnect: RECONNECT,
    receiveMaximum: 7,
  };
  await using publisher = await Client.connect(server, { ...options, clientId: "publisher" });
  await using subscriber = await Client.connect(server, { ...options, clientId: "subscriber" });
  const subscription = await within(subscriber.subscribe("n", { qos, maximumMessages: 3 }), "SUBACK", DEADLINE_MS);
  const receiving = (async () => {
    const received: number[] = [];
    for await (const message of subscription) {
      received.push(Number(message.text()));
      if (received.at(-1) === MESSAGES - 1) break;
    }
    return received;
  })();
  let published = 0;
  const lane = async () => {
    while (published < MESSAGES) await publisher.publish("n", `${published++}`, { qos });
  };
  await within(Promise.all(Array.from({ length: 10 }, lane)), `all acknowledgements, SEED=${seed}`, DEADLINE_MS);
  const received = await within(receiving, `the last message, SEED=${seed}`, DEADLINE_MS);
  const all = Array.from({ length: MESSAGES }, (_, index) => index);
  const expected = qos === 2 ? received : received.filter((number, index) => received.indexOf(number) === index);
  assertEquals(expected, all, `SEED=${seed}`);
  assertGreaterOrEqual(server.drops, FEWEST_DROPS, `connections that were lost, SEED=${seed}`);
}
