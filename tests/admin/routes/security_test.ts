/** Rules that hold for each route of the table: roles, secrets, and that every change is told. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { AdminEvent } from "../../../src/admin/options.ts";
import { includes, type Role, ROLES } from "../../../src/admin/roles.ts";
import { ROUTES } from "../../../src/admin/routes/routes.ts";
import { Client } from "../../../src/client/mod.ts";
import { type ApiParts, withApi } from "./route_tools.ts";

const PASSWORD = "correct horse battery staple";
const PAYLOAD = "payload that is nobody's business";
const PROPERTY = "property that is nobody's business";
const CONFIGURATION = {
  yaml: () => "",
  check: () => Promise.resolve({ mistakes: [], warnings: [] }),
  reload: () => Promise.resolve({ mistakes: [], warnings: [], disconnected: 0 }),
};

/** Names that stand in paths, so that each route has something to show. */
const NAMES: Readonly<Record<string, string>> = {
  clientId: "a",
  topic: "kept",
  id: "1",
  name: "token",
  key: "user%3Aeve",
};

/** Writes, one for each route, in an order in which each succeeds. */
const WRITES: readonly (readonly [method: string, path: string, body: unknown, name: string])[] = [
  ["PUT", "/retained/kept", { text: "1" }, "retain"],
  ["POST", "/messages", { topic: "x", text: "1" }, "publish"],
  ["DELETE", "/retained/kept", undefined, "deleteRetained"],
  ["POST", "/retained/restore", "of the one before", "restoreRetained"],
  ["DELETE", "/retained?filter=%23", undefined, "deleteRetained"],
  ["POST", "/traces", { clientId: "a" }, "trace"],
  ["POST", "/traces/1/stop", undefined, "stopTrace"],
  ["DELETE", "/traces/1", undefined, "deleteTrace"],
  ["POST", "/bans", { user: "eve" }, "ban"],
  ["DELETE", "/bans/user%3Aeve", undefined, "unban"],
  ["DELETE", "/clients/a", undefined, "disconnect"],
  ["DELETE", "/sessions/a", undefined, "endSession"],
  ["POST", "/configuration/reload", undefined, "reload"],
  ["POST", "/tokens", { name: "ci", role: "viewer" }, "makeToken"],
  ["DELETE", "/tokens/ci", undefined, "deleteToken"],
  ["POST", "/links", undefined, "link"],
];

/** A client with a password, a Will and messages that wait, and a retained message. */
async function fill({ broker, operator, administrator }: ApiParts): Promise<Client> {
  const properties = { userProperties: [["k", PROPERTY]] } as const;
  await operator("POST", "/traces", { clientId: "a" });
  await operator("POST", "/bans", { user: "eve" });
  await administrator("POST", "/tokens", { name: "token", role: "viewer" });
  const client = await Client.connect(broker, {
    clientId: "a",
    userName: "ann",
    password: PASSWORD,
    will: { topic: "gone", payload: PAYLOAD },
    sessionExpirySeconds: 60,
    reconnect: false,
  });
  await client.subscribe("x", { qos: 1 });
  await broker.publish("kept", PAYLOAD, { retain: true, properties });
  broker.disconnect({ clientId: "a" });
  await client.closed;
  await broker.publish("x", PAYLOAD, { qos: 1, properties });
  return client;
}

/** Forms in which an answer could have a text. */
function isIn(text: string, secret: string): boolean {
  const bytes = new TextEncoder().encode(secret);
  const inBase64 = [0, 1, 2].map((skip) => bytes.subarray(skip, skip + 24).toBase64().slice(0, 28));
  return [secret, ...inBase64, bytes.toHex()].some((form) => text.includes(form));
}

for (const role of ROLES) {
  Deno.test(`No answer to the role ${role} has a password${role === "viewer" ? ", a payload or a User Property" : ""}`, () =>
    withApi(async (parts) => {
      await using _client = await fill(parts);
      const { send } = parts;
      let shown = 0;
      for (const { method, path } of ROUTES) {
        if (method !== "GET" || path === "/live") continue;
        const response = await send(role, path.replace(/:(\w+)/g, (_, name: string) => NAMES[name] ?? ""));
        const text = new TextDecoder().decode(await response.bytes()); // A capture is no UTF-8, but has texts.
        if (response.ok) shown += 1;
        assertEquals(isIn(text, PASSWORD), false, path);
        if (role === "viewer") assertEquals([PAYLOAD, PROPERTY].filter((secret) => isIn(text, secret)), [], path);
      }
      assert(shown >= 15); // Most have something to show.
    }, { configuration: CONFIGURATION }));
}

Deno.test("An operator sees payloads, so that the test of viewers can fail", () =>
  withApi(async (parts) => {
    await using _client = await fill(parts);
    for (const path of ["/retained/kept", "/clients/a/messages"]) {
      const text = await (await parts.send("operator", path)).text();
      assertEquals([path, isIn(text, PAYLOAD), isIn(text, PROPERTY)], [path, true, true]);
    }
  }));

Deno.test("Each route refuses the roles below its own, and says which it needs", () =>
  withApi(async (parts) => {
    const asks = { viewer: parts.viewer, operator: parts.operator, admin: parts.administrator };
    for (const { method, path, role } of ROUTES) {
      if (role === "open") continue;
      for (const other of ROLES.filter((other) => !includes(other, role))) {
        const { status, json } = await asks[other as Role](method, path, method === "GET" ? undefined : {});
        assertEquals([method, path, status, json.detail], [
          method,
          path,
          403,
          `This needs the role ${role}; you have ${other}`,
        ]);
      }
    }
  }));

Deno.test("Each route that changes something tells an event and the log who did it, from where, and what", () => {
  const logged: AdminEvent[] = [];
  return withApi(async (parts) => {
    const { broker, administrator, viewer } = parts;
    await using _client = await Client.connect(broker, { clientId: "a", sessionExpirySeconds: 60, reconnect: false });
    let restore = "";
    for (const [method, path, body, name] of WRITES) {
      const { status, json } = await administrator(method, path, path === "/retained/restore" ? { id: restore } : body);
      assert(status < 300, `${method} ${path}: ${status} ${json?.detail}`);
      restore = json?.restore?.id ?? restore;
      const [event] = (await viewer("GET", "/events?kind=admin&limit=1")).json.events;
      assertEquals([event.name, event.address], [name, "127.0.0.1:50000"]);
      assertMatch(event.message, /^the admin \(admin\) [a-z]/);
      const last = logged.at(-1);
      assertEquals(last?.kind === "adminChange" && [last.name, last.by, last.role], [name, "the admin", "admin"]);
    }
    const written = new Set(WRITES.map(([method, path]) => routeOf(method, path.replace(/\?.*/, ""))));
    const left = ROUTES.filter(({ method, path }) => method !== "GET" && !written.has(`${method} ${path}`));
    // Signing in and out has tests of its own, and a check changes nothing.
    assertEquals(left.map(({ method, path }) => `${method} ${path}`), [
      "POST /session",
      "DELETE /session",
      "POST /configuration/check",
    ]);
  }, { configuration: CONFIGURATION, onEvent: (event) => logged.push(event) });
});

function routeOf(method: string, path: string): string {
  const found = ROUTES.find((route) =>
    route.method === method && new RegExp(`^${route.path.replace(/:\w+/g, "[^/]+")}$`).test(path)
  );
  return `${method} ${found?.path}`;
}
