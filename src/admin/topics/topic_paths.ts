/** Description of topics over HTTP, for the OpenAPI document. */

import type { OpenApiDocument } from "../open_api.ts";
import { PROPERTY_FIELDS } from "./property_fields.ts";

const TEXT = { type: "string" } as const;
const TAG = "topics";
const QOS = {
  name: "qos",
  in: "query",
  description: "Quality of service",
  schema: { type: "integer", enum: [0, 1, 2], default: 1 },
} as const;
const TOPIC = {
  name: "topic",
  in: "path",
  required: true,
  description: "Topic Name, percent encoded; slashes may be left as they are",
  schema: { ...TEXT, minLength: 1 },
} as const;
const OUTCOME = {
  description: "The storage has the message",
  content: {
    "application/json": {
      schema: {
        type: "object",
        required: ["reasonCode", "reason"],
        properties: {
          reasonCode: { type: "integer", description: "0, or 16: no subscriber matched" },
          reason: { type: "string", enum: ["Success", "NoMatchingSubscribers"] },
        },
      },
    },
  },
} as const;
const HANDED_OVER = {
  description: "QoS 0: the broker has been sent the message, and answers nothing to it",
  content: {
    "application/json": { schema: { type: "object", required: ["qos"], properties: { qos: { const: 0 } } } },
  },
} as const;
const PROBLEM = { $ref: "#/components/responses/Problem" } as const;

/** Adds topics to the document of the API. @param basePath path that they are mounted below */
export function withTopics(document: OpenApiDocument, basePath: string): OpenApiDocument {
  const { paths, components } = document;
  const servers = [{ url: basePath === "" ? "/" : basePath }];
  return {
    ...document,
    paths: {
      ...paths,
      "/topics": { servers, get: subscribing() },
      "/topics/{topic}": {
        servers,
        parameters: [TOPIC],
        get: reading("get"),
        head: reading("head"),
        post: publishing(),
        delete: clearing(),
      },
    },
    components: {
      ...components,
      securitySchemes: {
        ...components["securitySchemes"] as object, // The document has them.
        mqttUser: { type: "http", scheme: "basic", description: "User Name and Password of an MQTT client" },
        mqttToken: {
          type: "http",
          scheme: "bearer",
          description: "Password of an MQTT client, such as a JSON Web Token",
        },
      },
    },
  };
}

function publishing(): unknown {
  const header = (name: string, description: string) => ({ name, in: "header", description, schema: TEXT });
  return operation("publishToTopic", "Publish the body to a topic", {
    parameters: [
      QOS,
      {
        name: "retain",
        in: "query",
        description: "Keep it as the retained message",
        schema: { type: "boolean", default: false },
      },
      {
        name: "expiry",
        in: "query",
        description: "Message Expiry Interval, in seconds",
        schema: { type: "integer", minimum: 0, maximum: 4_294_967_295 },
      },
      header("MQTT-Response-Topic", "Response Topic, percent encoded"),
      header("MQTT-Correlation-Data", "Correlation Data in base64"),
      header("MQTT-User-Property", "User Properties `name=value`, percent encoded; a comma parts them"),
    ],
    requestBody: {
      description: "Payload as it is; its Content-Type is the Content Type of the message",
      content: { "*/*": { schema: { type: "string", format: "binary" } } },
    },
    responses: { 200: OUTCOME, 202: HANDED_OVER },
  });
}

function clearing(): unknown {
  return operation("clearTopic", "Clear the retained message of a topic", { responses: { 200: OUTCOME } });
}

function reading(method: "get" | "head"): unknown {
  const headers = Object.fromEntries(["ETag", ...PROPERTY_FIELDS].map((name) => [name, { schema: TEXT }]));
  const content = method === "get" ? { content: { "*/*": { schema: { type: "string", format: "binary" } } } } : {};
  return operation(`${method}Topic`, "Read the retained message of a topic", {
    parameters: [{ name: "If-None-Match", in: "header", schema: TEXT }],
    responses: {
      200: { description: "Payload as it was published", headers, ...content },
      304: { description: "It is the one that the caller has" },
    },
  });
}

function subscribing(): unknown {
  return operation("subscribeToTopics", "Subscribe to Topic Filters, as an event stream", {
    parameters: [
      {
        name: "filter",
        in: "query",
        required: true,
        description: "Topic Filters; write + as %2B and # as %23",
        schema: { type: "array", items: { ...TEXT, minLength: 1 }, minItems: 1, maxItems: 100 },
      },
      QOS,
      { name: "Last-Event-ID", in: "header", description: "Id of the last event that the caller has", schema: TEXT },
    ],
    responses: {
      200: {
        description: "Events with a message as JSON: topic, qos, retain, text or base64, and properties",
        content: { "text/event-stream": { schema: TEXT } },
      },
    },
  });
}

function operation(
  operationId: string,
  summary: string,
  { responses, ...rest }: { readonly responses: Readonly<Record<number, unknown>>; readonly [part: string]: unknown },
): unknown {
  return {
    operationId,
    tags: [TAG],
    summary,
    security: [{ mqttUser: [] }, { mqttToken: [] }, {}],
    ...rest,
    responses: { ...responses, default: PROBLEM },
  };
}
