import { assertEquals } from "@std/assert";
import { Inflight, type QueuedMessage } from "../../src/protocol/inflight.ts";

Deno.test("Inflight.add() counts up from 1 and sets the identifier of the message", () => {
  const inflight = new Inflight();
  const entries = [1, 2, 3].map(entry);
  assertEquals(entries.map((each) => inflight.add(each)), [1, 2, 3]);
  assertEquals(entries.map(({ packetIdentifier }) => packetIdentifier), [1, 2, 3]);
  assertEquals(inflight.get(2), entries[1]);
  assertEquals([...inflight.values()], entries);
});

Deno.test("Inflight.add() does not give an identifier again at once, though it is free", () => {
  const inflight = new Inflight();
  inflight.add(entry(1));
  inflight.delete(1);
  assertEquals(inflight.add(entry(2)), 2);
});

Deno.test("Inflight.add() goes from 65,535 to 1 and passes over what is in use [MQTT-2.2.1-4]", () => {
  const inflight = new Inflight();
  for (let sequence = 1; sequence <= 65_535; sequence++) inflight.add(entry(sequence));
  assertEquals(inflight.size, 65_535);
  inflight.delete(3);
  assertEquals(inflight.add(entry(70_000)), 3);
  inflight.delete(2);
  inflight.delete(65_535);
  assertEquals(inflight.add(entry(70_001)), 65_535);
  assertEquals(inflight.add(entry(70_002)), 2);
  assertEquals(inflight.size, 65_535);
});

Deno.test("Inflight.restore() keeps identifier and order, and new ones come behind", () => {
  const inflight = new Inflight();
  for (const packetIdentifier of [65_534, 65_535, 2]) {
    inflight.restore({ ...entry(packetIdentifier), packetIdentifier });
  }
  assertEquals(Array.from(inflight.values(), ({ packetIdentifier }) => packetIdentifier), [65_534, 65_535, 2]);
  assertEquals([inflight.add(entry(1)), inflight.add(entry(2)), inflight.add(entry(3))], [1, 3, 4]);
});

Deno.test("Inflight.clear() forgets all", () => {
  const inflight = new Inflight();
  inflight.add(entry(1));
  inflight.clear();
  assertEquals([inflight.size, inflight.get(1)], [0, undefined]);
});

function entry(sequence: number): QueuedMessage {
  return {
    sequence,
    message: undefined,
    qos: 1,
    retain: false,
    subscriptionIdentifiers: [],
    sharedFilter: undefined,
    isSent: false,
    packetIdentifier: 0,
    isReceived: false,
    bytes: 0,
    queuedAt: 0,
    sentAt: 0,
  };
}
