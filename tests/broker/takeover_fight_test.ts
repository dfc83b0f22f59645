/** Many connections that all want one Client Identifier, and come again at once when they have lost it. */

import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { Broker, type BrokerEvent, memoryTransport } from "../../mod.ts";
import { within } from "../deadline.ts";
import { heapGrowthBytes } from "./collected_heap.ts";

const FIGHTERS = 100;
const ROUNDS = 2;

for (
  const { name, flags, expiry } of [{ name: "clean", flags: 2, expiry: 0 }, { name: "durable", flags: 0, expiry: 60 }]
) {
  Deno.test(`Of 100 clients with one Client Identifier one is connected at any time, and memory is flat: ${name} [MQTT-3.1.4-3]`, async () => {
    let most = 0;
    let takenOver = 0;
    const onEvent = ({ kind }: BrokerEvent) => {
      if (kind === "clientTakenOver") takenOver += 1;
    };
    await using broker = await Broker.open({ onEvent });
    const look = () => most = Math.max(most, [...broker.clients()].length);
    const fight = async () => {
      const { client, server } = memoryTransport();
      const served = broker.serve(server);
      const writer = client.writable.getWriter();
      await writer.write(
        Uint8Array.of(0x10, 19, 0, 4, 77, 81, 84, 84, 5, flags, 0, 60, 5, 0x11, 0, 0, 0, expiry, 0, 1, 120),
      );
      for await (const _ of client.readable); // To the end, which the next one brings.
      client.close();
      await served;
    };
    const fightOn = async () => {
      for (let round = 0; round < ROUNDS; round++) await fight();
    };
    const all = async () => {
      const fighters = Promise.all(Array.from({ length: FIGHTERS }, fightOn));
      const looking = setInterval(look, 0);
      // The last one has nobody who takes over from it.
      const last = setInterval(() => broker.disconnect(() => true), 20);
      await within(fighters, "the fight to end");
      clearInterval(looking);
      clearInterval(last);
    };
    assertLess(await heapGrowthBytes(all), 300_000);
    assertGreater(takenOver, 0);
    assertEquals(most, 1);
    assertEquals(broker.metrics.sessions, expiry === 0 ? 0 : 1);
  });
}
