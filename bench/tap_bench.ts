import type { Broker } from "../mod.ts";
import { fanOutWork } from "./fan_out_work.ts";

const DELIVERIES = 20_000;
const SUBSCRIBERS = 50;
const RING_BYTES = 4_194_304;

/** Copies all bytes into one ring, as a trace does. */
function tapAll(broker: Broker): void {
  const ring = new Uint8Array(RING_BYTES);
  let at = 0;
  broker.watchConnections((connection) => {
    connection.tap((bytes) => {
      if (bytes.length > RING_BYTES) return;
      if (at + bytes.length > RING_BYTES) at = 0;
      ring.set(bytes, at);
      at += bytes.length;
    });
  });
}

for (const { name, prepare } of [{ name: "not tapped", prepare: undefined }, { name: "all tapped", prepare: tapAll }]) {
  const work = fanOutWork(SUBSCRIBERS, DELIVERIES / SUBSCRIBERS, prepare);
  Deno.bench(
    `${DELIVERIES / SUBSCRIBERS} messages of 64 B to ${SUBSCRIBERS} subscribers, ${name}`,
    { group: "tap", baseline: prepare === undefined },
    async () => await (await work).run(),
  );
}
