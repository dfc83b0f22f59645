import { assert, assertEquals, assertMatch } from "@std/assert";
import { Client } from "../../../src/client/mod.ts";
import { withApi } from "./route_tools.ts";

Deno.test("A trace of a client has its packets, without the password, as records and as a capture", () =>
  withApi(async ({ broker, viewer, operator, send }) => {
    for (const [method, path] of [["GET", "/traces"], ["POST", "/traces"], ["GET", "/traces/1.pcapng"]] as const) {
      assertEquals((await viewer(method, path, method === "POST" ? { next: true } : undefined)).status, 403);
    }
    const { status, json } = await operator("POST", "/traces", { clientId: "a" });
    assertEquals([status, json.name, json.isActive], [201, 'client "a"', true]);
    await using client = await Client.connect(broker, { clientId: "a", userName: "ann", password: "hunter2" });
    await client.publish("x", "hello", { qos: 1 });
    const page = await operator("GET", `/traces/${json.id}/records?limit=100`);
    assertEquals(page.json.connections.map(({ clientId }: { readonly clientId: string }) => clientId), ["a"]);
    const packets = page.json.records.filter(({ kind }: { readonly kind: string }) => kind === "packet");
    assert(packets.length >= 4);
    assertEquals(atob(packets[0].bytes).includes("hunter2"), false);
    assertEquals((await operator("GET", `/traces/${json.id}/records?after=${page.json.after}`)).json.records, []);
    const capture = await send("operator", `/traces/${json.id}.pcapng?wire=true`);
    assertEquals(capture.headers.get("content-type"), "application/x-pcapng");
    assertMatch(capture.headers.get("content-disposition") ?? "", /filename="trace-1\.pcapng"/);
    const bytes = await capture.bytes();
    assertEquals([...bytes.subarray(0, 4)], [0x0a, 0x0d, 0x0d, 0x0a]);
    assertEquals((await operator("GET", "/traces")).json.traces.length, 1);
    assertEquals((await operator("POST", `/traces/${json.id}/stop`)).json.isActive, false);
    assertEquals((await operator("GET", `/traces/${json.id}`)).json.isActive, false);
    assertEquals((await operator("DELETE", `/traces/${json.id}`)).json, { id: json.id });
    for (const path of ["", "/records", ".pcapng"]) {
      assertEquals((await operator("GET", `/traces/${json.id}${path}`)).status, 404);
    }
  }));

Deno.test("A trace has one target, and there are eight at most", () =>
  withApi(async ({ operator }) => {
    for (const body of [{}, { clientId: "a", topic: "b" }, { topic: "a/#/b" }, { clientId: "" }]) {
      const { status, json } = await operator("POST", "/traces", body);
      assertEquals(status, 400);
      assertMatch(json.detail, /^Cannot trace: /);
    }
    for (let count = 0; count < 8; count++) await operator("POST", "/traces", { topic: `a/${count}` });
    const { status, json } = await operator("POST", "/traces", { next: true });
    assertEquals([status, json.title], [409, "Too many traces"]);
  }));

Deno.test("The live stream of an operator follows a trace to its end; a viewer gets none", () =>
  withApi(async ({ broker, operator, send, viewer }) => {
    const { json: { id } } = await operator("POST", "/traces", { clientId: "a" });
    const refused = await viewer("GET", `/live?trace=${id}`);
    assertEquals([refused.status, refused.json.detail], [403, "A trace needs the role operator; you have viewer"]);
    assertEquals((await operator("GET", "/live?trace=99")).status, 404);
    const response = await send("operator", `/live?trace=${id}`);
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    await reader?.read();
    const records = reader?.read();
    await using _client = await Client.connect(broker, { clientId: "a" });
    assertMatch((await records)?.value ?? "", /^event: records\nid: 0-\d+\ndata: \{"records":\[\{/);
    await operator("DELETE", `/traces/${id}`);
    let text = "";
    while (!text.includes("event: end")) text += (await reader?.read())?.value ?? "event: end of the stream";
    assertMatch(text, /event: end\nid: 0-\d+\ndata: \{"of":"trace"/);
    await reader?.cancel();
  }));
