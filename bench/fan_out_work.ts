import { Broker } from "../src/broker/broker.ts";
import { PipeClient, publishBytes } from "./pipe_client.ts";

const TOPIC = "site/7/device/1/temperature";

/** One publisher and many subscribers of one topic, all in the process of the broker. */
export interface FanOutWork {
  /** How many messages a run delivers. */
  readonly deliveries: number;
  run(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Connects them; a run publishes so many messages of 64 bytes at once, and waits until all have them.
 *
 * @param prepare called with the broker before anyone connects
 */
export async function fanOutWork(
  subscribers: number,
  messages: number,
  prepare: (broker: Broker) => void = () => {},
): Promise<FanOutWork> {
  const broker = await Broker.open();
  prepare(broker);
  const publisher = await PipeClient.connect(broker, "publisher");
  const clients: PipeClient[] = [];
  for (let index = 0; index < subscribers; index++) {
    const client = await PipeClient.connect(broker, `subscriber-${index}`);
    await client.subscribe(TOPIC, 0);
    clients.push(client);
  }
  const { bytes } = publishBytes(TOPIC, 0, 64, messages);
  return {
    deliveries: subscribers * messages,
    async run() {
      // A copy, as a transport gives it: the broker may pass it on as it is.
      await publisher.write(bytes.slice());
      await Promise.all(clients.map((client) => client.read(bytes.length)));
    },
    async close() {
      for (const client of [publisher, ...clients]) client.close();
      await broker.close();
    },
  };
}
