import { assert, assertEquals } from "@std/assert";
import { MqttError } from "../../src/codec/mod.ts";
import { testsAtOnce } from "../at_once.ts";
import { within } from "../deadline.ts";
import { Stopwatch } from "../stopwatch.ts";
import { ACCEPTED, converse } from "./scripted_server.ts";

const test = testsAtOnce((name, run) => Deno.test(name, run));

test("Client sends PINGREQ when it has nothing to say, and ends a connection without answer [MQTT-3.1.2-20]", async () => {
  await converse({ keepAliveSeconds: 1, reconnect: false }, ACCEPTED, async ({ client, peer }) => {
    const stopwatch = new Stopwatch();
    await peer.expect("c0 00");
    assert(stopwatch.ms() < 1_000, "PINGREQ within the Keep Alive");
    peer.send("d0 00");
    await peer.expect("c0 00");
    await within(client.closed, "the client to close");
    assert(client.status.kind === "closed" && client.status.error instanceof MqttError);
    assertEquals(client.status.error.reasonCode, 0x8d);
  });
});

test("Client uses the Server Keep Alive [MQTT-3.1.2-21]", async () => {
  await converse({ keepAliveSeconds: 1_000 }, "20 [ 00 00 [ 13 0001 ] ]", async ({ peer }) => {
    await peer.expect("c0 00");
  });
});

test("Client sends no PINGREQ while it publishes", async () => {
  await converse({ keepAliveSeconds: 1 }, ACCEPTED, async ({ client, peer }) => {
    const untilMs = performance.now() + 1_000;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setInterval(() => {
      if (performance.now() > untilMs) resolve();
      void client.publish("a", "");
      peer.send("d0 00");
    }, 50);
    await promise;
    clearInterval(timer);
    for (let count = 0; count < 10; count++) await peer.expect("30 [ 'a' 00 ]");
  });
});

test("Client does not miss PINGRESP while it does not read", async () => {
  await converse({ keepAliveSeconds: 1, reconnect: false }, ACCEPTED, async ({ client, peer }) => {
    const subscribing = client.subscribe("a", { maximumMessages: 1 });
    await peer.packet();
    peer.send("90 [ 0001 00 02 ]");
    const subscription = await subscribing;
    for (const text of ["1", "2", "3"]) peer.send(`30 [ 'a' 00 "${text}" ]`);
    for (let pings = 0; pings < 4; pings++) await peer.expect("c0 00"); // Longer than it waits for an answer.
    assertEquals(client.status.kind, "connected");
    for (const text of ["1", "2", "3"]) assertEquals((await subscription.next()).value?.text(), text);
  });
});
