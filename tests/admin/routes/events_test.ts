import { assertEquals, assertMatch } from "@std/assert";
import { Client } from "../../../src/client/mod.ts";
import { withApi } from "./route_tools.ts";

const REFUSING = {
  authenticator: {
    authenticate: () => ({
      isAccepted: false,
      reasonCode: 0x86,
      reason: "the user name or the password is wrong",
    } as const),
  },
};
const PEER = { transport: "ws", listener: "ws://0.0.0.0:8083/mqtt" };

Deno.test("A refused client is an event in words, with Reason Code, clause and remedy, and without its password", () =>
  withApi(async ({ broker, viewer }) => {
    await Client.connect(broker, { clientId: "c", userName: "ann", password: "hunter2" }).catch(() => {});
    const { json } = await viewer("GET", "/events");
    const [event] = json.events;
    assertEquals(
      [event.kind, event.clientId, event.reasonCode, event.reasonName, event.clause, event.count],
      ["refused", "c", 0x86, "BadUserNameOrPassword", "MQTT-3.1.4-2", 1],
    );
    assertMatch(
      event.message,
      /disconnected due to bad user name or password: the user name or the password is wrong\.$/,
    );
    assertEquals(event.help, "docs/troubleshooting.md#not-authorized");
    assertMatch(event.remedy, /brooklet passwd/);
    assertMatch(event.time, /Z$/);
    assertEquals(JSON.stringify(json).includes("hunter2"), false);
    assertEquals(json.last, event.id);
  }, { broker: REFUSING }));

Deno.test("A page finds why its own WebSocket was refused, whatever name this machine has", () =>
  withApi(async ({ broker, viewer, operator }) => {
    const { noteRefusal } = broker;
    noteRefusal("", "of somebody else", "origin", { ...PEER, address: "192.0.2.1:4711" });
    noteRefusal("", "the origin is not allowed", "origin", { ...PEER, address: "[::1]:4712" });
    const { json } = await viewer("GET", "/events?mine=true"); // It comes from 127.0.0.1.
    const [event, ...others] = json.events;
    assertEquals(others, []);
    assertEquals(event.message, "Connection from [::1]:4712 refused: the origin is not allowed.");
    assertMatch(event.remedy, /^Add the origin of the page to `origins`/);
    assertEquals((await viewer("GET", `/events?after=${json.last}`)).json.events, []);
    await operator("POST", "/bans", { user: "somebody" });
    assertEquals((await viewer("GET", "/events?mine=true")).json.events.length, 1); // A change is no connection.
    assertEquals((await viewer("GET", "/events?mine=true&kind=admin")).json.events.length, 1);
    assertEquals((await viewer("GET", "/events?address=192.0.2.1")).json.events.length, 1);
  }));

Deno.test("Slow clients are those for which messages wait or were dropped, the worst first", () =>
  withApi(async ({ broker, viewer }) => {
    for (const [clientId, count] of [["a", 3], ["b", 7], ["c", 2]] as const) {
      const client = await Client.connect(broker, { clientId, sessionExpirySeconds: 60, reconnect: false });
      await client.subscribe(clientId, { qos: 1 });
      broker.disconnect({ clientId });
      await client.closed;
      for (let message = 0; message < count; message++) await broker.publish(clientId, "x", { qos: 1 });
    }
    const { json } = await viewer("GET", "/drops");
    assertEquals(json.dropped.queueFull, 6);
    assertEquals(json.slow.sessions.map((row: { clientId: string; dropped: number }) => [row.clientId, row.dropped]), [
      ["b", 5],
      ["a", 1],
    ]);
  }, { broker: { limits: { maximumQueuedMessages: 2 } } }));
