/**
 * Routes of the API: one row says the path, the role, the forms of what comes in and goes out, and what it does. Requests are
 * checked, and the OpenAPI document is written, from the same row.
 */

import type { AdminChange } from "./options.ts";
import { Problem } from "./problems.ts";
import type { Caller, Role } from "./roles.ts";
import { english, type Infer, type JsonSchema, type Schema, toJSONSchema } from "./zod.js";

/** Request of a route, checked. */
export interface Call<Params, Query, Body> {
  /** Parts of the path, decoded. */
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  /** Caller; on a route that is open, it may not be signed in. */
  readonly caller: Caller;
  readonly request: Request;
  /** Whether the client has reached this server, or a trusted proxy before it, over TLS. */
  readonly isOverTls: boolean;
  /** Aborts when the answer takes too long; that of a stream when it is no longer read, or its caller is signed out. */
  readonly signal: AbortSignal;
  /**
   * Tells events and logs of the change that was made. A route that writes and tells nothing has its summary told.
   *
   * @param by user who has just signed in, as the caller of that request was not signed in yet
   */
  note(change: CallChange, by?: { readonly name: string; readonly role: Role }): void;
}

/** Change that a route has made. */
export type CallChange = Pick<AdminChange, "name" | "message" | "clientId" | "topic">;

/** Response of a route that does not send JSON. */
export interface OtherContent {
  /** Content type, such as `text/event-stream`. */
  readonly contentType: string;
  /** Content in a few words. */
  readonly description: string;
}

type AnySchema = Schema<unknown>;
/** Request whose types are those of its route. */
export type AnyCall = Call<unknown, unknown, unknown>;

/** Row of the table. `Host` is what its handler works on. */
export interface RouteRow<
  Host,
  Params extends AnySchema,
  Query extends AnySchema,
  Body extends AnySchema,
  Answer extends AnySchema,
> {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Path below the base of the API. `:name` is one segment, percent encoded. */
  readonly path: string;
  /** Least role; `open`: no sign-in is needed. */
  readonly role: Role | "open";
  /** Name of the group in the OpenAPI document, and sentence about what it does. */
  readonly tag: string;
  readonly summary: string;
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  /** Form of its JSON, or its other content; none: it answers 204. */
  readonly answer?: Answer | OtherContent;
  /** Status of a success. @default {200}, without an answer 204 */
  readonly status?: 200 | 201 | 202 | 204;
  /** Whether a request changes something, which is told. @default all but GET */
  isChange?(call: Call<Infer<Params>, Infer<Query>, Infer<Body>>): boolean;
  /** Gives the JSON of its answer, or a response. Throws {@linkcode Problem}. */
  handle(
    call: Call<Infer<Params>, Infer<Query>, Infer<Body>>,
    host: Host,
  ): Infer<Answer> | Response | Promise<Infer<Answer> | Response>;
}

/** Route with its types forgotten, as the table holds it. */
export interface Route<Host> {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly role: Role | "open";
  readonly tag: string;
  readonly summary: string;
  readonly params: AnySchema | undefined;
  readonly query: AnySchema | undefined;
  readonly body: AnySchema | undefined;
  readonly answer: AnySchema | OtherContent | undefined;
  readonly status: number;
  isChange(call: AnyCall): boolean;
  handle(call: AnyCall, host: Host): unknown;
}

/** Makes a route of its row. */
export function route<
  Host,
  Params extends AnySchema = Schema<undefined>,
  Query extends AnySchema = Schema<undefined>,
  Body extends AnySchema = Schema<undefined>,
  Answer extends AnySchema = Schema<undefined>,
>(row: RouteRow<Host, Params, Query, Body, Answer>): Route<Host> {
  // Each part of a call is checked with the schema of the row before it gets here.
  const typed = (call: AnyCall) => call as Call<Infer<Params>, Infer<Query>, Infer<Body>>;
  return {
    params: undefined,
    query: undefined,
    body: undefined,
    answer: undefined,
    status: row.answer === undefined ? 204 : 200,
    ...row,
    isChange: (call) => row.isChange?.(typed(call)) ?? row.method !== "GET",
    handle: (call, host) => row.handle(typed(call), host),
  };
}

/** Whether an answer is JSON of a form. */
export function isSchema(answer: AnySchema | OtherContent): answer is AnySchema {
  return "safeParse" in answer;
}

/** Finds the route of a request. */
export class RouteTable<Host> {
  readonly #rows: readonly { readonly pattern: URLPattern; readonly route: Route<Host> }[];

  /** @param base path that all paths are below, such as `/admin/api/v1` */
  constructor(base: string, routes: readonly Route<Host>[]) {
    this.#rows = routes.map((route) => ({ route, pattern: new URLPattern({ pathname: base + route.path }) }));
  }

  /**
   * Gives the route of a request and the parts of its path as they were sent; `undefined`: the table has no such path.
   *
   * @throws Problem 405 for a path that has other methods
   */
  find({ method, url }: Request): { readonly route: Route<Host>; readonly params: Record<string, string> } | undefined {
    const allowed: string[] = [];
    for (const { pattern, route } of this.#rows) {
      const match = pattern.exec(url);
      if (match === null) continue;
      if (route.method === method || (route.method === "GET" && method === "HEAD")) {
        const groups = Object.entries(match.pathname.groups);
        return { route, params: Object.fromEntries(groups.map(([name, part = ""]) => [name, part])) };
      }
      allowed.push(route.method);
    }
    if (allowed.length === 0) return undefined;
    const allow = allowed.join(", ");
    throw new Problem(405, "Method not allowed", `This address takes ${allow}`, { headers: { allow } });
  }
}

/**
 * Checks the parts of a request.
 *
 * @throws Problem 400 for a part that is not of its form, with all mistakes
 */
export function checkedCall<Host>(
  { params, query, body }: Route<Host>,
  parts: { readonly params: Readonly<Record<string, string>>; readonly url: URL; readonly body: unknown },
): { readonly params: unknown; readonly query: unknown; readonly body: unknown } {
  return {
    params: params && checked(params, decoded(parts.params), "path"),
    query: checkedQuery(query, parts.url.searchParams),
    body: body && checked(body, parts.body, "body"),
  };
}

function decoded(params: Readonly<Record<string, string>>): Record<string, string> {
  try {
    return Object.fromEntries(Object.entries(params).map(([name, part]) => [name, decodeURIComponent(part)]));
  } catch {
    throw new Problem(
      400,
      "Bad request",
      'The path has a "%" that is not followed by UTF-8 in hex: encode it as "%25"',
    );
  }
}

function checkedQuery(schema: AnySchema | undefined, given: URLSearchParams): unknown {
  const seen = new Set<string>();
  const twice = given.keys().find((name) => seen.size === seen.add(name).size);
  if (twice !== undefined) throw new Problem(400, "Bad request", `The query has "${twice}" twice: give it once`);
  if (schema === undefined) {
    const [name] = given.keys();
    if (name !== undefined) throw new Problem(400, "Bad request", `This address takes no query, and so no "${name}"`);
    return undefined;
  }
  const { properties = {} } = toJSONSchema(schema, { io: "input" });
  const values = Array.from(given, ([name, text]) => [name, valueOf(text, properties[name])] as const);
  return checked(schema, Object.fromEntries(values), "query");
}

/** Value of a parameter, which is text, as its schema wants it; the text if it cannot be that. */
function valueOf(text: string, { type }: JsonSchema = {}): unknown {
  if ((type === "integer" || type === "number") && /^-?\d+(?:\.\d+)?$/.test(text)) return Number(text);
  if (type === "boolean" && /^(?:true|false|1|0)$/.test(text)) return text === "true" || text === "1";
  return text;
}

function checked(schema: AnySchema, value: unknown, part: string): unknown {
  const result = schema.safeParse(value, { error: english().localeError });
  if (result.success) return result.data;
  const mistakes = result.error.issues.map(({ path, message }) => ({ part, at: path.join("."), message }));
  const [first] = mistakes;
  const place = first === undefined || first.at === "" ? `The ${part}` : `"${first.at}" of the ${part}`;
  throw new Problem(400, "Bad request", `${place} is wrong: ${first?.message}`, { members: { mistakes } });
}
