import { assert, assertEquals, assertMatch } from "@std/assert";
import { ReasonCode } from "../../../mod.ts";
import { Client } from "../../../src/client/mod.ts";
import { withApi } from "./route_tools.ts";

/** Names that a client may choose. */
const HOSTILE: readonly (readonly [name: string, clientId: string])[] = [
  ["a script", "<img src=x onerror=alert(1)>"],
  ["marks from right to left", "\u202eabc\u200f"],
  ["control characters", "a\u0007\u001b[31m\r\nb"],
  ["slashes and dots", "../../etc/passwd"],
  ["a dot", "."],
  ["two dots", ".."],
  ["encoded dots", "%2e%2e"],
  ["what begins with a tilde", "~Lg"],
  ["a percent sign", "100%"],
  ["a query", "a?b#c&d=e"],
  ["an emoji", "🦊"],
  ["20 kB", "é".repeat(10_000)],
  ["64 KiB", "x".repeat(65_535)],
];

Deno.test("Clients are listed with what a connection has, and numbers are numbers", () =>
  withApi(async ({ broker, viewer }) => {
    await using client = await Client.connect(broker, { clientId: "a", keepAliveSeconds: 30 });
    await client.subscribe("x");
    const { status, json, headers } = await viewer("GET", "/clients");
    assertEquals([status, json.matching, json.total, json.after], [200, 1, 1, null]);
    const [row] = json.sessions;
    assertEquals(
      [row.clientId, row.segment, row.isConnected, row.protocolVersion, row.subscriptions, row.keepAliveSeconds],
      ["a", "a", true, 5, 1, 30],
    );
    assertMatch(row.connectedAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assertEquals(headers.get("cache-control"), "no-store");
  }));

Deno.test("Clients come in the order of any column, a page at a time, and are searched and filtered", () =>
  withApi(async ({ broker, viewer }) => {
    const clients = await Promise.all(
      ["c-1", "c-2", "c-3", "d-4"].map((clientId) => Client.connect(broker, { clientId })),
    );
    await clients[1]?.subscribe(["x", "y"]);
    const ids = async (query: string) => {
      const { json } = await viewer("GET", `/clients${query}`);
      return json.sessions.map(({ clientId }: { readonly clientId: string }) => clientId);
    };
    assertEquals(await ids(""), ["c-1", "c-2", "c-3", "d-4"]);
    assertEquals(await ids("?sort=-subscriptions&limit=1"), ["c-2"]);
    assertEquals(await ids("?sort=connectedAt&limit=1"), ["c-1"]);
    assertEquals(await ids("?search=D-"), ["d-4"]);
    assertEquals(await ids("?hasQueue=true"), []);
    assertEquals(await ids("?hasDrops=0&version=5"), ["c-1", "c-2", "c-3", "d-4"]);
    assertEquals(await ids("?version=3.1.1"), []);
    assertEquals(await ids("?listener=mqtt://elsewhere"), []);
    const first = await viewer("GET", "/clients?limit=3&sort=-clientId");
    assertEquals(first.json.matching, 4);
    const second = await viewer("GET", `/clients?limit=3&sort=-clientId&after=${encodeURIComponent(first.json.after)}`);
    assertEquals([second.json.sessions.length, second.json.sessions[0].clientId, second.json.after], [1, "c-1", null]);
    for (const client of clients) await client.close();
  }));

Deno.test("A wrong query is refused in words", () =>
  withApi(async ({ viewer }) => {
    const detail = async (query: string) => {
      const { status, json } = await viewer("GET", `/clients${query}`);
      return `${status} ${json.detail}`;
    };
    assertMatch(await detail("?sort=password"), /^400 "password" is no column to sort by: it may be clientId, /);
    assertEquals(await detail("?after=nonsense"), '400 Cannot list: after "nonsense" is not the cursor of a page');
    assertEquals(await detail("?after=kept:1"), '400 "after" is too old: begin with the first page');
    assertMatch(await detail("?limit=0"), /^400 "limit" of the query is wrong/);
    assertMatch(await detail("?state=gone"), /^400 "state" of the query is wrong/);
  }));

for (const [name, clientId] of HOSTILE) {
  Deno.test(`A client whose identifier is ${name} is found, shown and disconnected`, () =>
    withApi(async ({ broker, viewer, operator }) => {
      await using client = await Client.connect(broker, { clientId, reconnect: false });
      await using _next = await Client.connect(broker, { clientId: "\uffff" }); // Comes after all of them.
      const page = await viewer("GET", "/clients?limit=1");
      const [row] = page.json.sessions;
      assertEquals(row.clientId === clientId, true);
      assert(page.json.after.length <= 2_000);
      const next = await viewer("GET", `/clients?limit=1&after=${encodeURIComponent(page.json.after)}`);
      assertEquals(next.json.sessions[0].clientId, "\uffff");
      const one = await viewer("GET", `/clients/${row.segment}`);
      assertEquals([one.status, one.json.clientId === clientId], [200, true]);
      const { status, json } = await operator(
        "DELETE",
        `/clients/${row.segment}?reason=${encodeURIComponent("go, then")}`,
      );
      assertEquals([status, json.disconnected], [200, 1]);
      await client.closed;
      assertMatch(String(client.status.kind === "closed" && client.status.error?.message), /go, then/);
      assertEquals((await viewer("GET", "/clients")).json.matching, 1);
    }));
}

Deno.test("A client that is not there is not found, and the answer says where to look", () =>
  withApi(async ({ viewer, operator }) => {
    for (
      const path of ["/clients/x", "/clients/x/subscriptions", "/clients/x/messages", "/sessions/x", "/clients/~~abc"]
    ) {
      const { status, json } = await viewer("GET", path);
      assertEquals([status, json.title], [404, "No such client"], path);
      assertMatch(json.detail, /GET \/events\?clientId=/);
    }
    assertEquals((await operator("DELETE", "/clients/x")).status, 404);
    assertEquals((await operator("DELETE", "/sessions/x")).status, 404);
    assertEquals((await viewer("GET", "/clients/~!")).status, 400);
  }));

Deno.test("A viewer may not disconnect a client or end a session, an operator may, and events say who did", () =>
  withApi(async ({ broker, viewer, operator }) => {
    await using client = await Client.connect(broker, { clientId: "a", sessionExpirySeconds: 60, reconnect: false });
    for (const path of ["/clients/a", "/sessions/a"]) {
      const { status, json } = await viewer("DELETE", path);
      assertEquals([status, json.detail], [403, "This needs the role operator; you have viewer"]);
    }
    assertEquals((await operator("DELETE", "/clients/a")).json, { clientId: "a", disconnected: 1 });
    await client.closed;
    const { json: away } = await viewer("GET", "/sessions?state=away");
    assertEquals([away.matching, away.sessions[0].isConnected, away.sessions[0].address], [1, false, null]);
    assertMatch(away.sessions[0].expiresAt, /Z$/);
    assertEquals((await operator("DELETE", "/sessions/a")).json, { clientId: "a", wasConnected: false });
    assertEquals((await viewer("GET", "/sessions")).json.matching, 0);
    const { json: { events } } = await viewer("GET", "/events?kind=admin");
    assertEquals(events.map(({ message }: { readonly message: string }) => message), [
      'the operator (operator) ended the session of the client "a"',
      'the operator (operator) disconnected the client "a"',
    ]);
    const [ended] = (await viewer("GET", "/events?kind=ended")).json.events;
    assertEquals([ended.clientId, ended.reasonCode], ["a", ReasonCode.AdministrativeAction]);
  }));

Deno.test("A viewer sees that messages wait, an operator also what is in them", () =>
  withApi(async ({ broker, viewer, operator }) => {
    const client = await Client.connect(broker, { clientId: "a", sessionExpirySeconds: 60 });
    await client.subscribe("x/#", { qos: 1 });
    await client.close();
    await operator("DELETE", "/clients/a");
    await broker.publish("x/1", "secret", { qos: 1, properties: { userProperties: [["k", "v"]] } });
    const seen = await viewer("GET", "/clients/a/messages");
    assertEquals(seen.json, {
      messages: [{
        state: "queued",
        qos: 1,
        packetIdentifier: null,
        message: { topic: "x/1", qos: 1, retain: false, payloadBytes: 6 },
      }],
      queued: 1,
      inflight: 0,
    });
    const [{ message }] = (await operator("GET", "/clients/a/messages?limit=1")).json.messages;
    assertEquals(atob(message.payload), "secret");
    assertEquals(message.properties, { userProperties: [["k", "v"]] });
    assertEquals((await viewer("GET", "/clients?state=all&hasQueue=true")).json.sessions[0].queued, 1);
  }));

Deno.test("Subscriptions of a client come in order, a page at a time", () =>
  withApi(async ({ broker, viewer }) => {
    await using client = await Client.connect(broker, { clientId: "a" });
    await client.subscribe(["b", "a/#", "$share/g/c"], { qos: 2 });
    const { json } = await viewer("GET", "/clients/a/subscriptions?limit=2");
    const filters = json.subscriptions.map(({ topicFilter }: { readonly topicFilter: string }) => topicFilter);
    assertEquals([filters, json.total, json.after], [["$share/g/c", "a/#"], 3, "a/#"]);
    const rest = await viewer("GET", "/clients/a/subscriptions?limit=2&after=a%2F%23");
    assertEquals(rest.json.subscriptions.map(({ topicFilter }: { readonly topicFilter: string }) => topicFilter), [
      "b",
    ]);
  }));

Deno.test("The Will of a client is shown without its payload", () =>
  withApi(async ({ broker, viewer }) => {
    const will = { topic: "gone", payload: "secret", qos: 1, retain: true } as const;
    await using _client = await Client.connect(broker, { clientId: "a", will });
    const { json } = await viewer("GET", "/clients/a");
    assertEquals(json.will, { topic: "gone", qos: 1, retain: true, payloadBytes: 6, delaySeconds: 0 });
    assertEquals(json.willTopic, "gone");
  }));
