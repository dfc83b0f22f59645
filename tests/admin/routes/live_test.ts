import { assertEquals, assertMatch } from "@std/assert";
import { HISTORY_SERIES } from "../../../src/admin/history.ts";
import { withApi } from "./route_tools.ts";

Deno.test("One stream tells numbers and events", () =>
  withApi(async ({ broker, send, operator }) => {
    const response = await send("viewer", "/live?stats=1&events=1");
    assertEquals(response.headers.get("content-type"), "text/event-stream");
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    assertEquals((await reader?.read())?.value, "retry: 2000\n\n");
    const first = (await reader?.read())?.value ?? "";
    assertMatch(first, /^event: stats\nid: 0-0\ndata: \{"time":".*Z","numbers":\{"connections":0,.*\n\n$/);
    broker.noteRefusal("", "why", "origin", { transport: "ws", address: "192.0.2.1:1", listener: "ws://0.0.0.0:1" });
    assertMatch((await reader?.read())?.value ?? "", /^event: event\nid: 1-0\ndata: \{"id":1,.*"kind":"refused"/);
    assertEquals((await operator("GET", "/live?stats=maybe")).status, 400);
    await reader?.cancel();
  }));

Deno.test("History has all its series, and is refused for a range that there is not", () =>
  withApi(async ({ viewer }) => {
    for (const [range, stepSeconds] of [["10m", 1], ["2h", 12], ["24h", 144]]) {
      const { json } = await viewer("GET", `/history?range=${range}`);
      assertEquals([json.range, json.stepSeconds, Object.keys(json.series)], [range, stepSeconds, [...HISTORY_SERIES]]);
    }
    assertEquals((await viewer("GET", "/history")).json.range, "10m");
    assertEquals((await viewer("GET", "/history?range=1y")).status, 400);
  }));
