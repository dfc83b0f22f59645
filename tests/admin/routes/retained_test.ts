import { assertEquals, assertMatch } from "@std/assert";
import { withApi } from "./route_tools.ts";

interface Child {
  readonly name: string;
  readonly count: number;
  readonly segment: string;
}

Deno.test("Retained messages are shown level by level, with counts below, and a viewer sees no contents", () =>
  withApi(async ({ broker, viewer, operator }) => {
    for (const topic of ["plant/7/temp", "plant/7", "plant/8/temp", "door", "/first", ".", ".."]) {
      await broker.publish(topic, "secret", { retain: true, qos: 1, properties: { contentType: "text/secret" } });
    }
    const children = async (query: string): Promise<Child[]> =>
      (await viewer("GET", `/retained${query}`)).json.children;
    const shown = async (query: string) => (await children(query)).map(({ name, count }) => [name, count]);
    assertEquals(await shown(""), [["", 1], [".", 1], ["..", 1], ["door", 1], ["plant", 3]]);
    assertEquals(await shown("?level=plant"), [["7", 2], ["8", 1]]);
    assertEquals(await shown("?level="), [["first", 1]]);
    assertEquals(await shown("?level=plant/7/temp"), []);
    const first = await viewer("GET", "/retained?limit=2");
    assertEquals(first.json.after, ".");
    assertEquals((await shown("?limit=2&after=.")).map(([name]) => name), ["..", "door"]);
    assertEquals((await shown("?after="))[0], [".", 1]); // The first level is empty.
    for (const { segment, name } of await children("?limit=3&after=")) {
      if (name !== "door") assertEquals((await viewer("GET", `/retained/${segment}`)).json.topic, name);
    }
    const seen = await viewer("GET", "/retained/plant%2F7");
    assertEquals([seen.json.payloadBytes, seen.json.qos, seen.json.publisher], [6, 1, null]);
    assertMatch(seen.json.retainedAt, /Z$/);
    assertEquals(JSON.stringify(seen.json).includes("secret"), false);
    const whole = await operator("GET", "/retained/plant%2F7");
    assertEquals([atob(whole.json.payload), whole.json.properties], ["secret", { contentType: "text/secret" }]);
    assertEquals((await viewer("GET", "/retained/none")).status, 404);
  }));

Deno.test("Deleting by a Topic Filter counts first, says what it has done, and can be taken back for 30 seconds", () =>
  withApi(async ({ broker, viewer, operator }) => {
    for (const topic of ["a/1", "a/2", "b"]) await broker.publish(topic, topic, { retain: true });
    assertEquals((await viewer("DELETE", "/retained?filter=a/%2B")).status, 403);
    const dry = await operator("DELETE", "/retained?filter=a/%2B&dryRun=true");
    assertEquals(dry.json, { deleted: 2, dryRun: true, restore: null });
    assertEquals(broker.metrics.retainedMessages, 3);
    const { json } = await operator("DELETE", "/retained?filter=a/%2B");
    assertEquals([json.deleted, json.dryRun, broker.metrics.retainedMessages], [2, false, 1]);
    await broker.publish("a/1", "newer", { retain: true });
    assertEquals((await viewer("POST", "/retained/restore", { id: json.restore.id })).status, 403);
    assertEquals((await operator("POST", "/retained/restore", { id: json.restore.id })).json, { restored: 1, kept: 1 });
    assertEquals([broker.retained("a/1"), broker.retained("a/2")].map((entry) => entry?.message.text()), [
      "newer",
      "a/2",
    ]);
    const again = await operator("POST", "/retained/restore", { id: json.restore.id });
    assertEquals([again.status, again.json.title], [404, "Nothing to restore"]);
    const { json: { events } } = await viewer("GET", "/events?kind=admin");
    assertEquals(events.map(({ name }: { readonly name: string }) => name), ["restoreRetained", "deleteRetained"]);
    assertEquals((await operator("DELETE", "/retained?filter=a/%23/b")).status, 400);
    assertEquals((await operator("DELETE", "/retained")).status, 400);
  }));

Deno.test("A deletion can no longer be taken back after 30 seconds", () => {
  let nowMs = 1_000;
  return withApi(async ({ broker, operator }) => {
    await broker.publish("a", "1", { retain: true });
    const { json } = await operator("DELETE", "/retained/a");
    assertEquals(json.restore.until, "1970-01-01T00:00:31.000Z");
    nowMs += 30_000;
    assertEquals((await operator("POST", "/retained/restore", { id: json.restore.id })).status, 404);
  }, { now: () => nowMs });
});

Deno.test("One retained message is published, replaced and deleted", () =>
  withApi(async ({ broker, operator, viewer }) => {
    await using subscription = broker.subscribe("x/#", { qos: 1 });
    assertEquals((await viewer("PUT", "/retained/x%2Fy", { text: "1" })).status, 403);
    const put = await operator("PUT", "/retained/x%2Fy", { text: "é", qos: 1 });
    assertEquals(put.json, { topic: "x/y", payloadBytes: 2, replaced: false });
    assertEquals((await subscription.next()).value?.text(), "é");
    assertEquals((await operator("PUT", "/retained/x%2Fy", { json: { a: [1] } })).json.replaced, true);
    assertEquals(broker.retained("x/y")?.message.text(), '{"a":[1]}');
    const empty = await operator("PUT", "/retained/x%2Fy", { text: "" });
    assertEquals([empty.status, /DELETE/.test(empty.json.detail)], [400, true]);
    assertEquals((await operator("PUT", "/retained/x%2F%23", { text: "1" })).status, 400);
    assertEquals((await operator("DELETE", "/retained/x%2Fy")).json.deleted, 1);
    assertEquals((await operator("DELETE", "/retained/x%2Fy")).status, 404);
    assertEquals((await operator("DELETE", "/retained/x%2F%23")).status, 400);
  }));

Deno.test("A message that the limits do not let be retained is refused in words", () =>
  withApi(async ({ operator }) => {
    const { status, json } = await operator("PUT", "/retained/x", { text: "1" });
    assertEquals([status, json.detail], [400, 'Cannot publish to "x": too many retained messages']);
  }, { broker: { limits: { maximumRetainedMessages: 1, maximumRetainedBytes: 10 } } }));
