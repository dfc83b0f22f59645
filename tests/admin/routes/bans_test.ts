import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Client } from "../../../src/client/mod.ts";
import { withApi } from "./route_tools.ts";

Deno.test("A ban ends connections, keeps the client out, and is lifted by its key", () =>
  withApi(async ({ broker, viewer, operator }) => {
    await using _client = await Client.connect(broker, { clientId: "a/b", reconnect: false });
    assertEquals((await viewer("POST", "/bans", { clientId: "a/b" })).status, 403);
    const { status, json } = await operator("POST", "/bans", { clientId: "a/b", reason: "too loud" });
    assertEquals([status, json.disconnected, json.ban], [201, 1, {
      key: "clientId:a/b",
      segment: "clientId%3Aa%2Fb",
      clientId: "a/b",
      until: null,
      reason: "too loud",
    }]);
    await assertRejects(() => Client.connect(broker, { clientId: "a/b" }), Error, "too loud");
    const [event] = (await viewer("GET", "/events?kind=refused")).json.events;
    assertMatch(event.remedy, /Remove the entry from `bans`/);
    assertEquals((await viewer("GET", "/bans")).json.bans.length, 1);
    assertEquals((await viewer("DELETE", `/bans/${json.ban.segment}`)).status, 403);
    assertEquals((await operator("DELETE", `/bans/${json.ban.segment}`)).json, { key: "clientId:a/b" });
    assertEquals((await operator("DELETE", `/bans/${json.ban.segment}`)).status, 404);
    await using _again = await Client.connect(broker, { clientId: "a/b" });
  }));

Deno.test("Bans are of clients, users and addresses, and end", () => {
  const nowMs = Date.now();
  return withApi(async ({ viewer, operator }) => {
    const until = new Date(nowMs + 3_600_000).toISOString();
    assertEquals((await operator("POST", "/bans", { user: "ann", until })).json.ban.until, until);
    assertEquals((await operator("POST", "/bans", { address: "2001:db8::1" })).json.ban.key, "address:2001:db8::1");
    assertEquals((await viewer("GET", "/bans")).json.bans.map(({ key }: { readonly key: string }) => key), [
      "user:ann",
      "address:2001:db8::1",
    ]);
    for (
      const [body, detail] of [
        [{}, /Say whom to ban/],
        [{ clientId: "a", user: "b" }, /Say whom to ban/],
        [{ address: "example.com" }, /it is not an IP address/],
        [{ user: "a", until: "2001-01-01T00:00:00Z" }, /over already/],
        [{ user: "a", until: "tomorrow" }, /"until" of the body is wrong/],
        [{ user: "a", reason: "a\nb" }, /"reason" of the body is wrong/],
      ] as const
    ) {
      const { status, json } = await operator("POST", "/bans", body);
      assertEquals(status, 400);
      assertMatch(json.detail, detail);
    }
  }, { now: () => nowMs });
});
