import { assert, assertEquals } from "@std/assert";
import { isSchema, type Route } from "../../src/admin/route_table.ts";
import { ROUTES } from "../../src/admin/routes/routes.ts";
import type { AdminHost } from "../../src/admin/host.ts";
import { type JsonSchema, toJSONSchema } from "../../src/admin/zod.js";
import type { Authenticator } from "../../src/auth/authentication.ts";
import { formatPasswordHash, hashPassword } from "../../src/auth/password_hash.ts";
import { ReasonCode } from "../../src/codec/reason_code.ts";
import { Client } from "../../src/client/client.ts";
import { Broker } from "../../src/broker/broker.ts";
import { adminHandler, type AdminHandlerOptions } from "../../src/admin/mod.ts";
import { inForm } from "../form.ts";
import { checkSeed, givenSeed, Seeded } from "../seeded.ts";
import { AdminCaller } from "./admin_tools.ts";

const REQUESTS = inForm(2_000, 20_000);
/** Names that exist, and names that are hard for URLs, pages and logs. */
const NAMES = ["c1", "c2", "a/b", "a", "+", "#", "a/+", "..", "~Li4", "<img onerror=alert(1)>", "\u202e", "\0", "ä€😀"];
const SECRETS = { password: "the password of a client", tokenOfApi: "the token of the API" };

/** Values of a schema, most of them allowed, some of them not. */
class Generator {
  readonly #random: Seeded;

  constructor(random: Seeded) {
    this.#random = random;
  }

  value(schema: JsonSchema): unknown {
    const random = this.#random;
    if (random.oneIn(25)) return random.pick([null, -1, 1e300, "", "x".repeat(70_000), [], {}, true, [null], { a: 1 }]);
    const { type, properties, required = [], anyOf, items, const: only, minimum, maximum } = schema;
    const choices = schema["enum"];
    if (only !== undefined) return only;
    if (Array.isArray(choices)) return random.pick(choices);
    if (Array.isArray(anyOf)) return this.value(random.pick(anyOf));
    switch (type) {
      case "object": {
        const entries = Object.entries(properties ?? {}).filter(([name]) => required.includes(name) || random.oneIn(2));
        return Object.fromEntries(entries.map(([name, inner]) => [name, this.value(inner)]));
      }
      case "array":
        return Array.from({ length: random.integer(0, 3) }, () => this.value(items as JsonSchema));
      case "integer":
      case "number": {
        const least = typeof minimum === "number" ? Math.max(minimum, -10) : -10;
        return random.integer(least, typeof maximum === "number" ? Math.min(maximum, least + 200) : least + 200);
      }
      case "boolean":
        return random.oneIn(2);
      default:
        return random.pick(NAMES);
    }
  }

  segment(): string {
    const text = this.#random.oneIn(10) ? "%ff" : encodeURIComponent(this.#random.pick(NAMES));
    return /^\.+$/.test(text) ? "x" : text; // No URL has it.
  }

  query(route: Route<AdminHost>): string {
    const given = route.query === undefined ? {} : this.value(toJSONSchema(route.query, { io: "input" }));
    const members = typeof given === "object" && given !== null ? given : { x: given };
    const pairs = Object.entries(members).map(([name, value]) => [name, String(value)]);
    if (this.#random.oneIn(20)) pairs.push(["unknown", "1"]);
    return pairs.length === 0 ? "" : `?${new URLSearchParams(pairs)}`;
  }
}

Deno.test(`${REQUESTS} generated requests: each route answers in its form, none fails, and none tells a secret`, async () => {
  const errors: unknown[] = [];
  let changes = 0;
  await withClients(async ({ page }) => {
    const seed = givenSeed().seed ?? Date.now() >>> 0;
    const random = new Seeded(seed);
    const generator = new Generator(random);
    const answered = new Map<string, number>();
    const told: string[] = [];
    for (let count = 0; count < REQUESTS; count++) {
      const route = ROUTES[count % ROUTES.length] as Route<AdminHost>; // There are some.
      const path = `/api/v1${route.path.replaceAll(/:\w+/g, () => generator.segment())}${generator.query(route)}`;
      const body = route.body && generator.value(toJSONSchema(route.body, { io: "input" }));
      const changesBefore = changes;
      const response = await page.send(route.method, path, { body });
      const name = `${route.method} ${route.path}`;
      const text = await textOf(response);
      checkSeed(seed, () => checkAnswer(route, response, text, `${name} as ${path} ${JSON.stringify(body)}`));
      told.push(text);
      const isDry = /[?&]dryRun=true/.test(path) || route.path === "/configuration/check";
      if (route.method !== "GET" && response.ok && !isDry) assert(changes > changesBefore, `${name} tells nothing`);
      if (response.ok) answered.set(name, (answered.get(name) ?? 0) + 1);
    }
    assertEquals(errors, []);
    const whole = told.join("\n");
    for (const secret of Object.values(SECRETS)) {
      assert(!whole.includes(secret) && !whole.includes(btoa(secret)), secret);
    }
    // Routes without parts of their own always succeed: the generator reaches them.
    const plain = ROUTES.filter(({ method, path }) => method === "GET" && !path.includes(":") && path !== "/live");
    for (const { method, path } of plain) assert((answered.get(`${method} ${path}`) ?? 0) > 0, path);
  }, {
    onEvent: (event) => {
      if (event.kind === "unexpectedError") errors.push(event.error);
      else changes += 1;
    },
  });
});

function checkAnswer(route: Route<AdminHost>, { status, headers, ok }: Response, text: string, name: string): void {
  assert(status < 500, `${name} was answered with ${status}: ${text}`);
  const type = headers.get("content-type") ?? "";
  if (!ok) {
    assertEquals(type, "application/problem+json", name);
    const { type: kind, title, status: told, detail } = JSON.parse(text);
    assert([kind, title, detail].every((part) => typeof part === "string" && part !== ""), `${name}: ${text}`);
    return assertEquals(told, status);
  }
  const { answer } = route;
  if (answer === undefined) return assertEquals(text, "", name);
  if (!isSchema(answer)) return assert(type.startsWith(answer.contentType), `${name}: ${type}`);
  assertEquals(status, route.status, name);
  const result = answer.safeParse(JSON.parse(text));
  assert(result.success, `${name} has given ${text.slice(0, 500)}: ${result.success ? "" : result.error.message}`);
}

/** Text of a response; of a stream nothing, as it has no end. */
async function textOf(response: Response): Promise<string> {
  if (!response.headers.get("content-type")?.startsWith("text/event-stream")) return await response.text();
  await response.body?.cancel();
  return "";
}

Deno.test("The OpenAPI document has every route, and is as OpenAPI 3.1 wants it", async () => {
  await withClients(async ({ page }) => {
    const document = await (await page.send("GET", "/openapi.json")).json();
    assertEquals(document.openapi, "3.1.1");
    assertEquals(Object.keys(document.info).sort(), ["description", "title", "version"]);
    const operations = Object.entries<Record<string, Operation>>(document.paths).flatMap(([path, item]) => {
      const { servers: _, parameters: __, ...methods } = item;
      return Object.entries(methods).map(([method, operation]) => ({ path, method, operation }));
    });
    const names = operations.map(({ path, method }) => `${method} ${path}`);
    const routes = ROUTES.map(({ method, path }) => `${method.toLowerCase()} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);
    assertEquals(routes.filter((name) => !names.includes(name)), []);
    const identifiers = operations.map(({ operation: { operationId } }) => operationId);
    assertEquals(new Set(identifiers).size, identifiers.length);
    for (const { path, operation } of operations) checkOperation(path, operation);
    for (const reference of referencesIn(document)) {
      const found = reference.slice(2).split("/").reduce((part, step) => part?.[step], document);
      assert(reference.startsWith("#/") && found !== undefined, reference);
    }
  });
});

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly security?: readonly Readonly<Record<string, unknown>>[];
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: unknown }>> };
  readonly responses: Readonly<Record<string, { readonly description?: string; readonly $ref?: string }>>;
}

/** Checks what the specification demands of an operation (OpenAPI 3.1.1, sections 4.8.9 to 4.8.17). */
function checkOperation(path: string, { parameters = [], requestBody, responses, security = [] }: Operation): void {
  const inPath = parameters.filter((parameter) => parameter.in === "path");
  const wanted = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
  assertEquals(inPath.map(({ name }) => name).sort(), wanted.sort(), path);
  for (const { required } of inPath) assertEquals(required, true, path);
  const names = parameters.map((parameter) => `${parameter.in} ${parameter.name}`);
  assertEquals(new Set(names).size, names.length, path);
  for (const { schema } of Object.values(requestBody?.content ?? {})) assert(schema !== undefined, path);
  const statuses = Object.keys(responses);
  assert(statuses.length > 0 && statuses.every((status) => /^(?:[1-5](?:\d\d|XX)|default)$/.test(status)), path);
  for (const { description, $ref } of Object.values(responses)) assert((description ?? $ref) !== undefined, path);
  for (const way of security) assert(Object.keys(way).length <= 1, path);
}

function referencesIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === "$ref" && typeof inner === "string" ? [inner] : referencesIn(inner)
  );
}

/** API of a broker that has clients, subscriptions, messages that wait, retained messages, and refusals. */
async function withClients(
  test: (parts: { readonly page: AdminCaller }) => Promise<void>,
  options: AdminHandlerOptions = {},
): Promise<void> {
  const authenticator: Authenticator = {
    authenticate: ({ connect: { userName } }) =>
      userName === "ann"
        ? { isAccepted: true, principal: userName }
        : { isAccepted: false, reasonCode: ReasonCode.NotAuthorized, reason: "nobody knows it" },
  };
  await using broker = await Broker.open({ authenticator });
  const configuration: NonNullable<AdminHandlerOptions["configuration"]> = {
    yaml: () => "storage: memory\n",
    check: () => Promise.resolve({ mistakes: [{ message: "is wrong", line: 1 }], warnings: [] }),
    reload: () => Promise.resolve({ mistakes: [], warnings: [], disconnected: 0 }),
  };
  const authorize = ({ headers }: Request) =>
    headers.get("x-token") === SECRETS.tokenOfApi ? { name: "api", role: "admin" as const } : undefined;
  // Unknown users take as long as this one.
  const passwordHash = formatPasswordHash(await hashPassword("x", 1));
  const users = [{ name: "ann", passwordHash, role: "admin" as const }];
  const admin = adminHandler(broker, { configuration, authorize, users, ...options });
  const page = new SignedInCaller(admin);
  try {
    const connect = (clientId: string, userName = "ann") =>
      Client.connect(broker, { clientId, userName, password: SECRETS.password });
    await using one = await connect("c1");
    await using two = await connect("c2");
    await one.subscribe(["a/#", "$share/g/a/+"]);
    await two.subscribe("a/b");
    await two.publish("a/b", "value", { qos: 1, retain: true });
    await connect("c3", "nobody").catch(() => {});
    await test({ page });
  } finally {
    admin.close();
  }
}

class SignedInCaller extends AdminCaller {
  override send(...[method, path, { body, headers } = {}]: Parameters<AdminCaller["send"]>): Promise<Response> {
    return super.send(method, path, { body, headers: { "x-token": SECRETS.tokenOfApi, ...headers } });
  }
}
