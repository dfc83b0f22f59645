import { assertEquals, assertMatch } from "@std/assert";
import type { ConfigurationMistake } from "../../../src/admin/options.ts";
import { AdminCaller } from "../admin_tools.ts";
import { withApi } from "./route_tools.ts";

const MISTAKE = { message: '"listeners" is not a list', file: "a.yaml", line: 1, column: 12, key: "listeners" };

/** Configuration of a program that the test is. */
function configuration(mistakes: readonly ConfigurationMistake[]) {
  return {
    yaml: () => "sys: 10\n",
    check: (yaml?: string) => Promise.resolve({ mistakes, warnings: yaml === undefined ? [] : [yaml] }),
    reload: () => Promise.resolve({ mistakes, warnings: [], disconnected: 2 }),
  };
}

Deno.test("An admin sees the configuration, has it checked and read again; others do not", () =>
  withApi(async ({ operator, administrator, viewer }) => {
    for (const [method, path] of [["GET", ""], ["POST", "/check"], ["POST", "/reload"]] as const) {
      assertEquals((await operator(method, `/configuration${path}`, method === "POST" ? {} : undefined)).status, 403);
    }
    assertEquals((await administrator("GET", "/configuration")).json, { yaml: "sys: 10\n" });
    assertEquals((await administrator("POST", "/configuration/check", { yaml: "x" })).json, {
      isUsable: true,
      mistakes: [],
      warnings: ["x"],
    });
    assertEquals((await administrator("POST", "/configuration/reload")).json, {
      disconnected: 2,
      mistakes: [],
      warnings: [],
    });
    const { json: { events } } = await viewer("GET", "/events?kind=admin");
    assertEquals(events.map(({ message }: { readonly message: string }) => message), [
      "the admin (admin) had the configuration read again",
    ]);
  }, { configuration: configuration([]) }));

Deno.test("A mistake in the configuration is told with file, line and key, and nothing changes", () =>
  withApi(async ({ administrator, viewer }) => {
    const checked = await administrator("POST", "/configuration/check", {});
    assertEquals([checked.json.isUsable, checked.json.mistakes], [false, [MISTAKE]]);
    const { status, json } = await administrator("POST", "/configuration/reload");
    assertEquals([status, json.detail, json.mistakes], [
      422,
      'Everything stays as it was: "listeners" is not a list',
      [MISTAKE],
    ]);
    assertEquals((await viewer("GET", "/events?kind=admin")).json.events, []);
  }, { configuration: configuration([MISTAKE]) }));

Deno.test("An app without a configuration says so", () =>
  withApi(async ({ administrator }) => {
    const { status, json } = await administrator("GET", "/configuration");
    assertEquals(status, 404);
    assertMatch(json.detail, /The broker is part of an app/);
  }));

Deno.test("A token is made, shown once, used, and deleted; one of the configuration stays", () =>
  withApi(async ({ administrator, operator, admin }) => {
    assertEquals((await operator("GET", "/tokens")).status, 403);
    const { status, json } = await administrator("POST", "/tokens", { name: "ci/..", role: "viewer" });
    assertEquals([status, json.name, json.role], [201, "ci/..", "viewer"]);
    const authorization = `Bearer ${json.token}`;
    const asProgram = () => new AdminCaller(admin).send("GET", "/api/v1/session", { headers: { authorization } });
    const session = await asProgram();
    assertEquals((await session.json()).name, "ci/..");
    assertEquals((await administrator("POST", "/tokens", { name: "ci/..", role: "admin" })).status, 409);
    assertEquals((await administrator("POST", "/tokens", { name: "", role: "admin" })).status, 400);
    const listed = await administrator("GET", "/tokens");
    assertEquals(JSON.stringify(listed.json).includes(json.token), false);
    const [, token] = listed.json.tokens;
    assertEquals((await administrator("DELETE", `/tokens/${token.segment}`)).json, { name: "ci/.." });
    const refused = await asProgram();
    assertEquals([refused.status, await refused.body?.cancel()], [401, undefined]);
    const configured = await administrator("DELETE", "/tokens/backup");
    assertEquals([configured.status, configured.json.title], [409, "Token of the configuration"]);
    assertEquals((await administrator("DELETE", "/tokens/none")).status, 404);
  }, { tokens: [{ name: "backup", role: "viewer", tokenHash: "0".repeat(64) }] }));
