import { isSchema, type Route } from "./route_table.ts";
import { type JsonSchema, type Schema, toJSONSchema } from "./zod.js";

/** Document of OpenAPI 3.1, https://spec.openapis.org/oas/v3.1.1 */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly components: Readonly<Record<string, unknown>>;
}

// Version of the API. The broker's own version is shown only to callers who are signed in.
const API_VERSION = "1";

const SIGNED_IN = [{ token: [] }, { session: [] }] as const;

const PROBLEM: JsonSchema = {
  type: "object",
  description: "RFC 9457",
  required: ["type", "title", "status", "detail"],
  properties: {
    type: { type: "string", description: "Kind of the problem" },
    title: { type: "string" },
    status: { type: "integer" },
    detail: { type: "string", description: "What to do" },
    mistakes: {
      type: "array",
      items: {
        type: "object",
        properties: { part: { type: "string" }, at: { type: "string" }, message: { type: "string" } },
      },
    },
  },
};

/** Files beside the API. An empty `security`: no sign-in is needed; a missing one: the same as for the API. */
const FILES: readonly (readonly [path: string, summary: string, type: string, security?: readonly object[]])[] = [
  ["/openapi.json", "This document", "application/json", []],
  ["/healthz", "Whether the process answers", "text/plain", []],
  ["/readyz", "Whether clients can be served: 503 while the storage fails, or the broker ends", "text/plain", []],
  ["/metrics", "Numbers as OpenMetrics, for this machine also without a session", "application/openmetrics-text"],
];

/** Writes the document of all routes, which are below `/api/v1`. @param basePath path that everything is below */
export function openApiDocument(routes: readonly Route<never>[], basePath: string): OpenApiDocument {
  const paths: Record<string, Record<string, unknown>> = filePaths(basePath);
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, "{$1}");
    (paths[path] ??= {})[route.method.toLowerCase()] = operationOf(route);
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "Brooklet",
      version: API_VERSION,
      description:
        "HTTP API of the MQTT broker. Parts of a path are percent encoded, also each slash in them. A name that " +
        'a URL cannot have, such as "..", or that begins with "~", is "~" and its UTF-8 bytes in base64url: "~Li4". Lists ' +
        "give each name in this form too, as `segment`.",
    },
    servers: [{ url: `${basePath}/api/v1` }],
    paths,
    components: {
      schemas: { Problem: PROBLEM },
      responses: {
        Problem: {
          description: "The request was refused; `detail` says what to do",
          content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
        },
      },
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "Token of 256 random bits" },
        session: { type: "apiKey", in: "cookie", name: "brooklet_admin", description: "Cookie of POST /session" },
      },
    },
  };
}

function filePaths(basePath: string): Record<string, Record<string, unknown>> {
  return Object.fromEntries(FILES.map(([path, summary, type, security = SIGNED_IN]) => {
    const responses = {
      200: { description: summary, content: { [type]: { schema: type.endsWith("json") ? {} : { type: "string" } } } },
      default: { description: "It is refused, or not so" },
    };
    const operationId = `get${path.replaceAll(/[/.](\w)/g, (_, letter) => letter.toUpperCase())}`;
    const get = { operationId, tags: ["Files"], summary, security, responses };
    return [path, { servers: [{ url: basePath === "" ? "/" : basePath }], get }];
  }));
}

function operationOf(route: Route<never>): Readonly<Record<string, unknown>> {
  const { method, path, role, tag, summary, params, query, body } = route;
  return {
    operationId: `${method.toLowerCase()}${path.replaceAll(/[/:.]+(\w)/g, (_, letter) => letter.toUpperCase())}`,
    tags: [tag],
    summary,
    ...role === "open" ? { security: [] } : {
      description: `Needs the role ${role}.`,
      security: SIGNED_IN,
    },
    parameters: [...parametersOf(params, "path"), ...parametersOf(query, "query")],
    ...body === undefined ? {} : {
      requestBody: { required: true, content: { "application/json": { schema: schemaOf(body, "input") } } },
    },
    responses: { [route.status]: responseOf(route), default: { $ref: "#/components/responses/Problem" } },
  };
}

function parametersOf(schema: Schema<unknown> | undefined, place: "path" | "query"): unknown[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(schema, "input");
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: place,
    required: place === "path" || required.includes(name),
    ...description === undefined ? {} : { description },
    schema,
  }));
}

function responseOf({ answer, summary }: Route<never>): Readonly<Record<string, unknown>> {
  if (answer === undefined) return { description: summary };
  if (isSchema(answer)) {
    return { description: summary, content: { "application/json": { schema: schemaOf(answer, "output") } } };
  }
  return { description: answer.description, content: { [answer.contentType]: { schema: { type: "string" } } } };
}

function schemaOf(schema: Schema<unknown>, io: "input" | "output"): JsonSchema {
  const { $schema: _, ...rest } = toJSONSchema(schema, { io });
  return rest;
}
