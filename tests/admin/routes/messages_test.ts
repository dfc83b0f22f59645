import { assertEquals, assertMatch } from "@std/assert";
import { AccessControl } from "../../../src/auth/mod.ts";
import { Client } from "../../../src/client/mod.ts";
import { withApi } from "./route_tools.ts";

Deno.test("A message is published as text, JSON or bytes, and the answer counts its receivers", () =>
  withApi(async ({ broker, operator, viewer }) => {
    await using subscription = broker.subscribe("a/#", { qos: 2 });
    const none = await operator("POST", "/messages", { topic: "b", text: "x" });
    assertEquals([none.status, none.json.reasonCode, none.json.reasonName], [200, 0x10, "NoMatchingSubscribers"]);
    const bytes = await operator("POST", "/messages", {
      topic: "a/b",
      base64: "AP8=",
      qos: 2,
      properties: {
        correlationData: "AQI=",
        userProperties: [["k", "v"]],
        contentType: "x",
        messageExpiryInterval: 60,
      },
    });
    assertEquals(bytes.json, { topic: "a/b", payloadBytes: 2, reasonCode: 0, reasonName: "Success", receivers: 1 });
    const { value } = await subscription.next();
    assertEquals([value?.payload, value?.qos, value?.properties.correlationData, value?.properties.userProperties], [
      Uint8Array.of(0, 255),
      2,
      Uint8Array.of(1, 2),
      [["k", "v"]],
    ]);
    await operator("POST", "/messages", { topic: "a/c", json: [1, "é"], retain: true });
    assertEquals((await subscription.next()).value?.text(), '[1,"é"]');
    assertEquals(broker.retained("a/c")?.message.text(), '[1,"é"]');
    assertEquals((await viewer("POST", "/messages", { topic: "a", text: "x" })).status, 403);
    const { json: { events } } = await viewer("GET", "/events?kind=admin");
    assertEquals(events[0].message, 'the operator (operator) published a message to "a/c" with RETAIN');
    assertEquals(events[0].topic, "a/c");
  }));

const WRONG: readonly (readonly [body: unknown, detail: RegExp])[] = [
  [{ topic: "a/+", text: "x" }, /is no topic/],
  [{ topic: "", text: "x" }, /is no topic/],
  [{ topic: "a", text: "x", base64: "eA==" }, /Give the payload once/],
  [{ topic: "a", base64: "!" }, /"base64" of the body is not base64/],
  [{ topic: "a", text: "x", qos: 3 }, /"qos" of the body is wrong/],
  [{ topic: "a", text: "x", properties: { topicAlias: 1 } }, /"properties" of the body is wrong/],
  [{ topic: "a", text: "x", properties: { responseTopic: "a/#" } }, /./],
  [{ topic: "a", text: "x", properties: { correlationData: "%" } }, /"correlationData" of the body is not base64/],
];
for (const [body, detail] of WRONG) {
  Deno.test(`A message is refused in words: ${JSON.stringify(body)}`, () =>
    withApi(async ({ operator }) => {
      const { status, json } = await operator("POST", "/messages", body);
      assertEquals(status, 400);
      assertMatch(json.detail, detail);
    }));
}

Deno.test("Who would get a topic is told with share group and rule, and subscriptions are listed and searched", () =>
  withApi(async ({ broker, viewer }) => {
    await using a = await Client.connect(broker, { clientId: "a" });
    await using b = await Client.connect(broker, { clientId: "b" });
    await a.subscribe(["plant/7/#", "$share/g/plant/+/line"], { qos: 1 });
    await b.subscribe("$share/g/plant/+/line");
    const { json } = await viewer("GET", "/subscriptions?topic=plant/7/line");
    assertEquals([json.total, json.receivers], [3, 2]);
    const rows = json.subscribers.map((
      row: Record<string, unknown>,
    ) => [row["clientId"], row["shareName"], row["rule"]]);
    assertEquals(rows.sort(), [["a", null, "readwrite plant/#"], ["a", "g", "readwrite plant/#"], [
      "b",
      "g",
      "readwrite plant/#",
    ]]);
    const filters = async (query: string) =>
      (await viewer("GET", `/subscriptions?${query}`)).json.subscriptions.map((row: Record<string, unknown>) =>
        `${row["clientId"]} ${row["topicFilter"]}`
      );
    assertEquals(await filters("clientId=b"), ["b $share/g/plant/+/line"]);
    assertEquals(await filters("filter=plant/7/%23"), ["a plant/7/#"]);
    assertEquals(await filters("search=LINE&sort=-clientId"), ["b $share/g/plant/+/line", "a $share/g/plant/+/line"]);
    const page = await viewer("GET", "/subscriptions?limit=2");
    assertEquals([page.json.matching, page.json.subscriptions.length], [3, 2]);
    assertEquals(await filters(`after=${encodeURIComponent(page.json.after)}`), ["a plant/7/#"]);
    assertEquals((await viewer("GET", "/subscriptions?topic=a/%2B")).status, 400);
    const both = await viewer("GET", "/subscriptions?topic=a&search=b");
    assertMatch(both.json.detail, /"topic" stands alone/);
  }, { broker: { authorizer: new AccessControl({ anonymous: [{ access: "readwrite", topic: "plant/#" }] }) } }));
