import { assertEquals } from "@std/assert";
import { Inflight } from "../../src/protocol/inflight.ts";
import { SessionChanges } from "../../src/protocol/session_changes.ts";
import { contextWith, entryOf } from "./session_parts.ts";

Deno.test("Inflight.add() counts up from 1 and sets the identifier of the message", () => {
  const { inflight } = inflightWith();
  const entries = [1, 2, 3].map((sequence) => entryOf(sequence));
  assertEquals(entries.map((each) => inflight.add(each)), [1, 2, 3]);
  assertEquals(entries.map(({ packetIdentifier }) => packetIdentifier), [1, 2, 3]);
  assertEquals(inflight.get(2), entries[1]);
  assertEquals([...inflight.values()], entries);
});

Deno.test("Inflight.add() does not give an identifier again at once, though it is free", () => {
  const { inflight } = inflightWith();
  inflight.add(entryOf(1));
  inflight.puback(1, 0);
  assertEquals(inflight.add(entryOf(2)), 2);
});

Deno.test("Inflight.add() goes from 65,535 to 1 and passes over what is in use [MQTT-2.2.1-4]", () => {
  const { inflight } = inflightWith();
  for (let sequence = 1; sequence <= 65_535; sequence++) inflight.add(entryOf(sequence, undefined, { qos: 1 }));
  assertEquals(inflight.size, 65_535);
  inflight.puback(3, 0);
  assertEquals(inflight.add(entryOf(70_000)), 3);
  inflight.puback(2, 0);
  inflight.puback(65_535, 0);
  assertEquals(inflight.add(entryOf(70_001)), 65_535);
  assertEquals(inflight.add(entryOf(70_002)), 2);
  assertEquals(inflight.size, 65_535);
});

Deno.test("Inflight.restore() keeps identifier and order, and new ones come after them", () => {
  const { inflight } = inflightWith();
  for (const packetIdentifier of [65_534, 65_535, 2]) {
    inflight.restore(entryOf(packetIdentifier, undefined, { packetIdentifier }));
  }
  assertEquals(Array.from(inflight.values(), ({ packetIdentifier }) => packetIdentifier), [65_534, 65_535, 2]);
  assertEquals([inflight.add(entryOf(1)), inflight.add(entryOf(2)), inflight.add(entryOf(3))], [1, 3, 4]);
});

Deno.test("Inflight.detach() forgets all", () => {
  const { inflight } = inflightWith();
  inflight.add(entryOf(1));
  inflight.detach();
  assertEquals([inflight.size, inflight.get(1)], [0, undefined]);
});

function inflightWith(limits: Parameters<typeof contextWith>[0] = {}, isDurable = true) {
  const context = contextWith(limits);
  const inflight = new Inflight(new SessionChanges("c", isDurable, context.log), context);
  return { context, inflight, log: context.log };
}
