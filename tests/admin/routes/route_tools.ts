import { type AdminHandler, adminHandler, type AdminHandlerOptions } from "../../../src/admin/mod.ts";
import { isSchema, RouteTable } from "../../../src/admin/route_table.ts";
import { ROUTES } from "../../../src/admin/routes/routes.ts";
import { type Role, ROLES } from "../../../src/admin/roles.ts";
import { Broker } from "../../../src/broker/broker.ts";
import type { BrokerOptions } from "../../../src/broker/options.ts";
import { AdminCaller } from "../admin_tools.ts";

/** Answer of a route. */
export interface Answer {
  readonly status: number;
  // deno-lint-ignore no-explicit-any -- each test knows what it asks for.
  readonly json: any;
  readonly headers: Headers;
}

/** Calls a route. */
export type Ask = (method: string, path: string, body?: unknown) => Promise<Answer>;

/** Broker with its API, and callers with each role. */
export interface ApiParts {
  readonly broker: Broker;
  readonly admin: AdminHandler;
  readonly viewer: Ask;
  readonly operator: Ask;
  readonly administrator: Ask;
  /** Calls a route whose answer is not JSON, such as a stream. */
  readonly send: (role: Role, path: string, headers?: Readonly<Record<string, string>>) => Promise<Response>;
}

const TABLE = new RouteTable("/api/v1", ROUTES);

/** Runs a test with the API of a broker. Each success is held against the form that its route promises. */
export async function withApi(
  test: (parts: ApiParts) => Promise<void>,
  { broker: brokerOptions = {}, ...options }: AdminHandlerOptions & { readonly broker?: BrokerOptions } = {},
): Promise<void> {
  await using broker = await Broker.open(brokerOptions);
  const authorize = ({ headers }: Request) => {
    const role = ROLES.find((role) => role === headers.get("x-role"));
    return role && { name: `the ${role}`, role };
  };
  const admin = adminHandler(broker, { authorize, ...options });
  const page = new AdminCaller(admin);
  const as = (role: Role): Ask => async (method, path, body) => {
    const response = await page.send(method, `/api/v1${path}`, { body, headers: { "x-role": role } });
    const text = await response.text();
    const json = text === "" ? undefined : JSON.parse(text);
    if (response.ok) assertPromised(method, path, json);
    return { status: response.status, json, headers: response.headers };
  };
  const send: ApiParts["send"] = (role, path, headers = {}) =>
    page.send("GET", `/api/v1${path}`, { headers: { "x-role": role, ...headers } });
  const [viewer, operator, administrator] = [as("viewer"), as("operator"), as("admin")];
  try {
    await test({ broker, admin, viewer, operator, administrator, send });
  } finally {
    admin.close();
  }
}

function assertPromised(method: string, path: string, json: unknown): void {
  const answer = TABLE.find(new Request(`http://localhost/api/v1${path}`, { method }))?.route.answer;
  if (answer === undefined || !isSchema(answer)) return;
  const result = answer.safeParse(json);
  if (!result.success) throw new Error(`${method} ${path} has given something else: ${result.error.message}`);
}
