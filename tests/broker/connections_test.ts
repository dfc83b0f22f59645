import { assertEquals } from "@std/assert";
import { Connections } from "../../src/broker/connection/connections.ts";

Deno.test("Connections holds each until it has ended, in whatever order they end", async () => {
  const connections = new Connections<string>();
  const running = new Map<string, PromiseWithResolvers<void>>();
  const ended = new Map<string, Promise<void>>();
  for (const name of ["a", "b", "c", "d", "e"]) {
    const end = Promise.withResolvers<void>();
    running.set(name, end);
    ended.set(name, connections.add(name, end.promise));
  }
  const left = new Set(running.keys());
  for (const name of ["b", "e", "a", "d", "c"]) { // From the middle, the last, the first, and the rest.
    running.get(name)?.resolve();
    await ended.get(name);
    left.delete(name);
    assertEquals(new Set(connections), left);
    assertEquals(connections.size, left.size);
  }
});

Deno.test("Connections: one that ends while they are looked through keeps no other from being seen", async () => {
  const connections = new Connections<string>();
  const first = Promise.withResolvers<void>();
  const others = Promise.withResolvers<void>();
  const firstEnded = connections.add("a", first.promise);
  for (const name of ["b", "c"]) connections.add(name, others.promise);
  const seen: string[] = [];
  for (const name of connections) {
    seen.push(name);
    first.resolve();
    await firstEnded;
  }
  assertEquals(seen, ["a", "b", "c"]);
  others.resolve();
  await connections.ended();
  assertEquals([...connections], []);
});
