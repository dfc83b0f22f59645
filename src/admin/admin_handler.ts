import type { Broker } from "../broker/broker.ts";
import type { BrokerEvent } from "../broker/events.ts";
import { quiet } from "../broker/events.ts";
import { addressOf } from "../broker/web_socket_route.ts";
import { ForwardedAddresses } from "../transport/proxy/forwarded.ts";
import { Assets } from "./assets.ts";
import { EventRing } from "./events.ts";
import {
  checkHost,
  checkWrite,
  guardedResponse,
  isOfThisMachine,
  isOverTls,
  leadsElsewhere,
  namesOf,
  readJson,
} from "./guards.ts";
import { healthResponse, readinessResponse } from "./health.ts";
import { History } from "./history.ts";
import type { AdminHost } from "./host.ts";
import { metricsResponse } from "./open_metrics.ts";
import { type OpenApiDocument, openApiDocument } from "./open_api.ts";
import type { AdminAccess, AdminEvent, AdminHandlerOptions, RequestInfo } from "./options.ts";
import { Cursors } from "./pages.ts";
import { Problem } from "./problems.ts";
import { RetainedUndo } from "./retained_undo.ts";
import { type Caller, includes, type Role, type SignedIn } from "./roles.ts";
import { type AnyCall, type CallChange, checkedCall, isSchema, type Route, RouteTable } from "./route_table.ts";
import { ROUTES } from "./routes/routes.ts";
import { bearerOf, refusal, SignIn } from "./sign_in.ts";
import { endingWith } from "./streams.ts";
import { Traces } from "./trace/traces.ts";
import { withTopics } from "./topics/topic_paths.ts";
import { type TopicsHandler, topicsHandler } from "./topics/topics_handler.ts";

/** HTTP API and dashboard of a broker. */
export interface AdminHandler {
  /** Answers a request; it never rejects. @param info where it came from, as `Deno.serve` tells it */
  fetch(request: Request, info?: RequestInfo): Promise<Response>;
  /** Shows an event of the program in the list of events, such as a refused connection that the broker does not know of. */
  note(event: BrokerEvent): void;
  /**
   * Makes a token that signs in as admin, once and within 10 minutes. The page takes it from the fragment of its
   * address, `#token=`, which no log and no Referer has.
   */
  linkToken(): Promise<string>;
  /**
   * Puts other users, tokens and hosts in force. Users and tokens that are gone, or have another secret or role, are signed
   * out.
   *
   * @throws RangeError for a hash that is none, or a name that is there twice; nothing is changed then
   */
  reload(access: AdminAccess): void;
  /** Ends all sessions and streams, and answers nothing more. Safe to call again. */
  close(): void;
}

const MOST_REQUESTS = 64;
// Answered at once and in any case: a supervisor would end a broker that serves its clients well.
const HEALTH_CHECKS = ["/healthz", "/readyz"];
const MOST_STREAMS = 8;
const LONGEST_REQUEST_MS = 30_000;
const WRITES = ["POST", "PUT", "PATCH", "DELETE"];

/**
 * Makes the handler of the HTTP API and the dashboard of a broker. Callers of the API have to sign in: by `authorize` of the
 * app, by `users`, by `tokens`, or by the link that {@linkcode AdminHandler.linkToken} is for.
 *
 * @throws RangeError for a base path, hash or proxy that is none
 * @example
 * ```ts
 * import { Broker } from "@brooklet/brooklet";
 * import { adminHandler } from "@brooklet/brooklet/admin";
 *
 * const broker = await Broker.open();
 * const admin = adminHandler(broker);
 * const response = await admin.fetch(new Request("http://localhost/api/v1/broker"));
 * console.log(response.status); // 401
 * admin.close();
 * await broker.close();
 * ```
 */
export function adminHandler(broker: Broker, options: AdminHandlerOptions = {}): AdminHandler {
  const server = new AdminServer(broker, options);
  return {
    fetch: (request, info = {}) => server.fetch(request, info),
    note: (event) => server.note(event),
    linkToken: () => server.signIn.links.make().then(({ token }) => token),
    reload: (access) => server.reload(access),
    close: () => server.close(),
  };
}

/** Request with what is known of it at once. */
interface Asked {
  readonly request: Request;
  readonly info: RequestInfo;
  readonly url: URL;
  /** Address of the client, also behind a trusted proxy. */
  readonly address: string;
  readonly isOverTls: boolean;
}

class AdminServer implements AdminHost {
  readonly broker: Broker;
  readonly options: AdminHandlerOptions;
  readonly signIn: SignIn;
  readonly basePath: string;
  readonly history: History;
  readonly events: EventRing;
  readonly cursors = new Cursors();
  readonly retainedUndo: RetainedUndo;
  readonly traces: Traces;
  readonly #forwarded: ForwardedAddresses;
  readonly #table: RouteTable<AdminHost>;
  readonly #topics: TopicsHandler | undefined;
  readonly #tell: (event: AdminEvent) => void;
  readonly #stopEvents: () => void;
  readonly #assets = new Assets();
  #hosts: readonly string[];
  #requests = 0;
  #isClosed = false;
  /** Text of the OpenAPI document, once it is asked for. */
  #openApi: string | undefined;

  constructor(broker: Broker, options: AdminHandlerOptions) {
    const { basePath = "", hosts = [], onEvent = () => {}, authorize, now = () => Date.now() } = options;
    if (!/^(?:\/[\w.~-]+)*$/.test(basePath)) {
      throw new RangeError(`Cannot mount the dashboard below "${basePath}": write it like "/mqtt-admin"`);
    }
    this.broker = broker;
    this.options = options;
    this.basePath = basePath;
    this.#hosts = hosts;
    this.#forwarded = new ForwardedAddresses(options);
    const listener = options.url === undefined ? {} : { listener: new URL(options.url).origin };
    const onUnexpectedError = (error: unknown) => this.#tell({ kind: "unexpectedError", error });
    const topicsOptions = { ...options, ...listener, basePath: `${basePath}/topics`, onUnexpectedError };
    this.#topics = options.topics === true ? topicsHandler(broker, topicsOptions) : undefined;
    this.#table = new RouteTable(`${basePath}/api/v1`, ROUTES);
    this.#tell = quiet(onEvent);
    this.signIn = new SignIn(options, authorize, now);
    this.events = new EventRing(now);
    this.retainedUndo = new RetainedUndo(now);
    this.traces = new Traces(broker);
    this.#stopEvents = broker.watchEvents(this.events.add);
    this.history = new History(() => broker.metrics, { monotonicMs: () => performance.now(), wallMs: now });
    this.history.start();
  }

  /** Time of a request; a stream is as long without knowing that the app has signed its reader out. */
  get #requestMs(): number {
    return this.options.requestTimeoutMs ?? LONGEST_REQUEST_MS;
  }

  async fetch(request: Request, info: RequestInfo): Promise<Response> {
    const url = urlOf(request);
    const topics = url === null ? undefined : this.#topicsResponse(request, info, url);
    const response = await (topics ?? this.#answer(request, info, url));
    return guardedResponse(response, this.options.listeners?.() ?? [], url?.hostname ?? "");
  }

  note(event: BrokerEvent): void {
    this.events.add(event);
  }

  reload(access: AdminAccess): void {
    this.signIn.configure(access);
    this.#hosts = access.hosts ?? [];
  }

  close(): void {
    this.#isClosed = true;
    void this.#topics?.close(); // It never rejects.
    this.history.close();
    this.#stopEvents();
    this.retainedUndo.close();
    this.traces.close();
    this.signIn.close();
  }

  /** Answers a request of an MQTT client, which has bounds and ways to sign in of its own; `undefined`: it is none. */
  #topicsResponse(request: Request, info: RequestInfo, url: URL): Promise<Response> | undefined {
    const { pathname } = url;
    const base = `${this.basePath}/topics`;
    if (this.#topics === undefined || this.#isClosed) return undefined;
    if (pathname !== base && !pathname.startsWith(`${base}/`)) return undefined;
    try {
      this.#asked(request, info, url);
    } catch {
      return undefined; // Another host: it is refused as any other request.
    }
    return this.#topics.fetch(request, info);
  }

  async #answer(request: Request, info: RequestInfo, url: URL | null): Promise<Response> {
    this.#requests += 1;
    try {
      if (url === null) throw new Problem(400, "Bad request", "The Host header is malformed");
      if (this.#isClosed) throw new Problem(503, "Closed", "The server is closed");
      if (this.#requests > MOST_REQUESTS && !HEALTH_CHECKS.includes(url.pathname.slice(this.basePath.length))) {
        const headers = { "retry-after": "1" };
        throw new Problem(503, "Busy", "Too many requests are being answered: try again", { headers });
      }
      return await this.#route(this.#asked(request, info, url));
    } catch (error) {
      if (error instanceof Problem) return error.response();
      this.events.add({ kind: "unexpectedError", error });
      this.#tell({ kind: "unexpectedError", error });
      return new Problem(500, "Defect", "The server has failed at this; its log says more").response();
    } finally {
      this.#requests -= 1;
    }
  }

  #asked(request: Request, info: RequestInfo, url: URL): Asked {
    const known = addressOf(info.remoteAddr);
    checkHost(request, [...this.#hosts, ...namesOf(this.options.listeners?.() ?? [])], known);
    const address = this.#forwarded.clientAddress(known, request.headers);
    return { request, info, url, address, isOverTls: isOverTls(request, known, this.#forwarded) };
  }

  async #route(asked: Asked): Promise<Response> {
    const { request, url: { pathname } } = asked;
    if (pathname === this.basePath && pathname !== "") {
      return new Response(null, { status: 308, headers: { location: `${pathname}/` } });
    }
    if (!pathname.startsWith(`${this.basePath}/`) || leadsElsewhere(request)) throw notFound();
    const path = pathname.slice(this.basePath.length);
    if (path.startsWith("/api/")) {
      const found = this.#table.find(request);
      if (found === undefined) throw notFound();
      const response = await this.#inTime((abort) => this.#call(asked, found, abort));
      return request.method === "HEAD" ? withoutBody(response) : response;
    }
    const file = await this.#fileAt(path, asked);
    if (file === undefined) throw notFound();
    if (request.method === "GET") return file;
    if (request.method === "HEAD") return withoutBody(file);
    throw new Problem(405, "Method not allowed", "This address takes GET", { headers: { allow: "GET" } });
  }

  /** Answers what is not of the API; `undefined`: there is no such thing. */
  async #fileAt(path: string, asked: Asked): Promise<Response | undefined> {
    switch (path) {
      case "/healthz":
        return healthResponse();
      case "/readyz":
        return readinessResponse(this.broker);
      case "/openapi.json": {
        this.#openApi ??= JSON.stringify(this.#openApiDocument());
        return new Response(this.#openApi, { headers: { "content-type": "application/json" } });
      }
      case "/metrics":
        if (!isOfThisMachine(asked.request, asked.info)) await this.#signedIn(asked, "viewer");
        return metricsResponse(this.broker, this.options.processFigures?.());
      default:
        return await this.#assets.respond(asked.request, path.slice(1));
    }
  }

  #openApiDocument(): OpenApiDocument {
    const document = openApiDocument(ROUTES, this.basePath);
    return this.#topics === undefined ? document : withTopics(document, this.basePath);
  }

  /** Does some work within the time of a request. */
  async #inTime(work: (abort: AbortController) => Promise<Response>): Promise<Response> {
    const abort = new AbortController();
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      abort.abort(new DOMException("The request has taken too long", "TimeoutError"));
      late.reject(new Problem(503, "Timed out", "The request has taken too long: try again"));
    }, this.#requestMs);
    try {
      return await Promise.race([work(abort), late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #call(
    asked: Asked,
    { route, params }: { readonly route: Route<AdminHost>; readonly params: Readonly<Record<string, string>> },
    abort: AbortController,
  ): Promise<Response> {
    const { request, url, address, isOverTls } = asked;
    const signedIn = route.role === "open" ? undefined : await this.#signedIn(asked, route.role);
    if (WRITES.includes(request.method)) {
      checkWrite(request, signedIn?.by !== "cookie" && bearerOf(request) !== undefined);
    }
    const body = route.body && await readJson(request, abort.signal);
    const caller: Caller = { name: signedIn?.name ?? "nobody", role: signedIn?.role ?? "viewer", address, signedIn };
    let isNoted = false;
    const note = (change: CallChange, { name, role }: Pick<Caller, "name" | "role"> = caller) => {
      isNoted = true;
      const told = { kind: "adminChange", by: name, role, address, ...change } as const;
      this.events.addChange(told);
      this.#tell(told);
    };
    const { signal } = abort;
    const call = { ...checkedCall(route, { params, url, body }), caller, request, isOverTls, signal, note };
    const response = await this.#responseOf(asked, route, call, signedIn, abort);
    if (!isNoted && route.isChange(call)) note({ name: route.summary, message: route.summary });
    return response;
  }

  /** Finds who sends a request. @throws Problem 401 or 403 for nobody who has the role */
  async #signedIn({ request, info, address }: Asked, role: Role): Promise<SignedIn> {
    const signedIn = await this.signIn.callerOf(request, info, address);
    if (signedIn === undefined) {
      const members = { signIn: { password: this.signIn.hasUsers } };
      throw refusal("Sign in first, or send a token with Authorization: Bearer", members);
    }
    if (includes(signedIn.role, role)) return signedIn;
    throw new Problem(403, "Not allowed", `This needs the role ${role}; you have ${signedIn.role}`);
  }

  async #responseOf(
    { request, info }: Asked,
    route: Route<AdminHost>,
    call: AnyCall,
    signedIn: SignedIn | undefined,
    abort: AbortController,
  ): Promise<Response> {
    const { answer, status } = route;
    const isStream = answer !== undefined && !isSchema(answer) && answer.contentType === "text/event-stream";
    if (!isStream || signedIn === undefined) {
      const given = await route.handle(call, this);
      if (given instanceof Response) return given;
      return given === undefined ? new Response(null, { status }) : Response.json(given, { status });
    }
    if (signedIn.streams >= MOST_STREAMS) {
      throw new Problem(429, "Too many streams", `There may be ${MOST_STREAMS} of a session: close another page first`);
    }
    signedIn.streams += 1;
    const { ended, stop } = this.signIn.endOf(signedIn, request, info, this.#requestMs);
    const free = () => {
      signedIn.streams -= 1;
      stop();
    };
    try {
      const response = await route.handle(call, this);
      if (response instanceof Response && response.body !== null) {
        return endingWith(response, response.body, ended, abort, free);
      }
      throw new TypeError(`Cannot answer ${route.path}: it has given no stream`);
    } catch (error) {
      free();
      throw error;
    }
  }
}

function notFound(): Problem {
  return new Problem(404, "Not found", "There is nothing at this address");
}

function withoutBody(response: Response): Response {
  response.body?.cancel().catch(() => {}); // It is not read.
  return new Response(null, response);
}

/** Reads the URL, which the runtime makes of the Host header then; it throws for one that is wrong. */
function urlOf(request: Request): URL | null {
  try {
    return URL.parse(request.url);
  } catch {
    return null;
  }
}
