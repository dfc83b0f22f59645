/** Topics over HTTP: publish, read, clear and subscribe by requests, each as an MQTT 5 client of the broker. */

import type { Broker } from "../../broker/broker.ts";
import { addressOf } from "../../broker/web_socket_route.ts";
import { ForwardedAddresses, type ForwardedOptions } from "../../transport/proxy/forwarded.ts";
import { isOfOwnPage } from "../guards.ts";
import type { RequestInfo } from "../options.ts";
import { Problem } from "../problems.ts";
import { EventStreams, type EventStreamsOptions } from "./event_streams.ts";
import { busy, HttpClients, type HttpClientsOptions, type RequestSource } from "./http_clients.ts";
import { PROPERTY_FIELDS } from "./property_fields.ts";
import { defect } from "./refusals.ts";
import { TopicRoutes } from "./topic_routes.ts";
import { badRequest, BEARER, credentialsOf, subscribeQuery, topicOf } from "./topic_request.ts";

/** Options of {@linkcode topicsHandler}. */
export interface TopicsOptions extends ForwardedOptions, HttpClientsOptions, EventStreamsOptions {
  /** Path of the handler. @default {"/topics"} */
  readonly basePath?: string;
  /** URL of the HTTP listener, for authenticators and access rules. @default scheme and host that a request asks for */
  readonly listener?: string;
  /** Origins of pages that may use it, such as `https://app.example.org`, beside its own; `*` for any. @default none */
  readonly topicOrigins?: readonly string[];
  /** Requests that are served at a time, without event streams. @default {64} */
  readonly maximumRequests?: number;
  /** Time that a body may take, and the answer of the broker after it, in milliseconds. @default {30_000} */
  readonly requestTimeoutMs?: number;
}

/** Handler of requests; the caller checks their Host. */
export interface TopicsHandler {
  /** Answers a request; it never rejects. */
  fetch(request: Request, info?: RequestInfo): Promise<Response>;
  /** Ends all event streams and clients. */
  close(): Promise<void>;
}

/** Broker of a handler. */
export type TopicsBroker = Pick<Broker, "serve" | "limits" | "metrics" | "session">;

const METHODS = "GET, HEAD, POST, DELETE, OPTIONS";
const STREAM_METHODS = "GET, OPTIONS";
const REQUEST_FIELDS = "Authorization, Content-Type, If-None-Match, Last-Event-ID, MQTT-Correlation-Data, " +
  "MQTT-Response-Topic, MQTT-User-Property, traceparent, tracestate";

/** Makes a handler; the broker may be closed before it or after. */
export function topicsHandler(broker: TopicsBroker, options: TopicsOptions = {}): TopicsHandler {
  const topics = new Topics(broker, options);
  return { fetch: (request, info) => topics.fetch(request, info), close: () => topics.close() };
}

class Topics {
  readonly #broker: TopicsBroker;
  readonly #basePath: string;
  readonly #listener: string | undefined;
  readonly #origins: readonly string[];
  readonly #addresses: ForwardedAddresses;
  readonly #mostRequests: number;
  readonly #onUnexpectedError: (error: unknown) => void;
  readonly #clients: HttpClients;
  readonly #routes: TopicRoutes;
  readonly #streams: EventStreams;
  #requests = 0;

  constructor(broker: TopicsBroker, options: TopicsOptions) {
    const { basePath = "/topics", listener, topicOrigins = [], maximumRequests = 64, requestTimeoutMs = 30_000 } =
      options;
    this.#broker = broker;
    this.#basePath = basePath;
    this.#listener = listener;
    this.#origins = topicOrigins;
    this.#addresses = new ForwardedAddresses(options);
    this.#mostRequests = maximumRequests;
    this.#onUnexpectedError = options.onUnexpectedError ?? (() => {});
    this.#clients = new HttpClients(broker, options);
    this.#routes = new TopicRoutes(broker, this.#clients, requestTimeoutMs);
    this.#streams = new EventStreams(broker, this.#clients, options);
  }

  async fetch(request: Request, info: RequestInfo = {}): Promise<Response> {
    let response: Response;
    try {
      this.#checkPage(request);
      response = request.method === "OPTIONS" ? this.#preflight() : await this.#answer(request, info);
    } catch (error) {
      if (!(error instanceof Problem)) this.#onUnexpectedError(error);
      response = (error instanceof Problem ? error : defect()).response();
    }
    const origin = request.headers.get("origin");
    response.headers.append("vary", "Origin");
    // A browser asks its user for a name and a password, and then sends them with requests of any page.
    if (response.status === 401 && request.headers.has("sec-fetch-site")) {
      response.headers.set("www-authenticate", BEARER);
    }
    if (!this.#isListed(origin)) return response;
    response.headers.set("access-control-allow-origin", origin);
    response.headers.set("access-control-expose-headers", ["ETag", "Retry-After", ...PROPERTY_FIELDS].join(", "));
    return response;
  }

  async close(): Promise<void> {
    await Promise.all([this.#streams.close(), this.#clients.close()]);
  }

  /**
   * Refuses requests of pages of other origins: a broker may let in all clients that reach it, and browsers reach it for any
   * page.
   */
  #checkPage(request: Request): void {
    const { headers } = request;
    const origin = headers.get("origin");
    const site = headers.get("sec-fetch-site");
    const isOfPage = origin !== null || site === "cross-site" || site === "same-site";
    if (isOfPage && !this.#isListed(origin) && !isOfOwnPage(request)) {
      const detail =
        "A page of another origin may not use topics here: the operator can list its origin in topicOrigins";
      throw new Problem(403, "Origin not allowed", detail);
    }
    // Payloads of publishers must not become a script, a style or a frame of a page.
    const destination = headers.get("sec-fetch-dest") ?? "empty";
    if (destination === "empty" || destination === "document") return;
    throw new Problem(403, "Not for pages", "A topic is not loaded by an element of a page: use fetch or EventSource");
  }

  #isListed(origin: string | null): origin is string {
    return origin !== null && (this.#origins.includes(origin) || this.#origins.includes("*"));
  }

  #preflight(): Response {
    return new Response(null, {
      status: 204,
      headers: {
        allow: METHODS,
        "access-control-allow-methods": METHODS,
        "access-control-allow-headers": REQUEST_FIELDS,
        "access-control-max-age": "600",
      },
    });
  }

  async #answer(request: Request, info: RequestInfo): Promise<Response> {
    const url = URL.parse(request.url);
    if (url === null) throw badRequest("The URL or the Host is malformed");
    const path = url.pathname.slice(this.#basePath.length);
    if (!url.pathname.startsWith(this.#basePath) || (path !== "" && !path.startsWith("/"))) {
      throw new Problem(404, "Not found", `Topics are below ${this.#basePath}/`);
    }
    if (path === "" || path === "/") return await this.#stream(request, url, info);
    if (this.#requests >= this.#mostRequests) throw busy("Too many requests are served now");
    this.#requests += 1;
    try {
      return await this.#answerTopic(request, url, path.slice(1), info);
    } finally {
      this.#requests -= 1;
    }
  }

  async #answerTopic(
    request: Request,
    url: URL,
    path: string,
    info: RequestInfo,
  ): Promise<Response> {
    const { method } = request;
    const route = method === "POST" ? "post" : method === "DELETE" ? "delete" : "get";
    if (route === "get" && method !== "GET" && method !== "HEAD") throw notAllowed(METHODS);
    const topic = topicOf(path, this.#broker.limits);
    return await this.#routes[route]({ request, url, topic, source: this.#sourceOf(request, url, info) });
  }

  async #stream(request: Request, url: URL, info: RequestInfo): Promise<Response> {
    if (request.method !== "GET") throw notAllowed(STREAM_METHODS);
    const accept = request.headers.get("accept") ?? "*/*";
    if (!/(?:^|[\s,])(?:text\/event-stream|text\/\*|\*\/\*)(?=[\s,;]|$)/i.test(accept)) {
      throw new Problem(406, "Not acceptable", "This is an event stream: send Accept: text/event-stream");
    }
    const query = subscribeQuery(url);
    return await this.#streams.open(
      this.#sourceOf(request, url, info),
      query,
      request.headers.get("last-event-id") || null,
    );
  }

  #sourceOf({ headers }: Request, url: URL, info: RequestInfo): RequestSource {
    return {
      credentials: credentialsOf(headers),
      address: this.#addresses.clientAddress(addressOf(info.remoteAddr), headers),
      listener: this.#listener ?? url.origin,
    };
  }
}

function notAllowed(allow: string): Problem {
  return new Problem(405, "Method not allowed", `This address takes ${allow}`, { headers: { allow } });
}
