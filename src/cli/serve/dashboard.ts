import { type AdminHandler, adminHandler } from "../../admin/admin_handler.ts";
import { checkHost, guardedResponse } from "../../admin/guards.ts";
import type { AdminAccess, AdminEvent, AdminHandlerOptions } from "../../admin/options.ts";
import { Problem } from "../../admin/problems.ts";
import type { Broker } from "../../broker/broker.ts";
import { PROGRAM_HELP } from "../../broker/event_help.ts";
import { addressOf as addressText } from "../../broker/web_socket_route.ts";
import { printable } from "../../codec/printable.ts";
import { ForwardedAddresses } from "../../transport/proxy/forwarded.ts";
import { hostPort } from "../../transport/tcp.ts";
import type { AdminConfiguration } from "../config/admin_settings.ts";
import type { Configuration } from "../config/settings.ts";
import type { Log } from "../log/log.ts";
import { printLine, type ProgramIo } from "../program_io.ts";
import type { ConnectionGate } from "./accepting.ts";
import type { Access } from "./access.ts";
import { configurationAccess } from "./configuration_access.ts";
import { type DashboardFiles, makeDashboardFiles, removeDashboardFiles, writeLink } from "./dashboard_files.ts";
import { addressOf, basePathOf, type Certificate, certificateOf, dashboardListener } from "./dashboard_listener.ts";
import { NO_ADDRESS } from "./listen_error.ts";
import { processFigures } from "./process_figures.ts";
import type { Reload } from "./reload.ts";

/** Parts of the program that a dashboard is made of. */
export interface DashboardParts {
  readonly broker: Broker;
  readonly access: Access;
  readonly gate: ConnectionGate;
  readonly log: Log;
  readonly io: ProgramIo;
  /** URLs of the open listeners. */
  readonly listeners: readonly string[];
  /** Configuration in force. */
  readonly reload: Reload;
}

type Served = Deno.HttpServer<Deno.Addr>;

/** Caller of requests that come by the socket, which only the user of the broker can open. */
const OWN_USER = { name: "command line", role: "admin" } as const;
const CLOSE_MS = 2_000;
const ANSWER_MS = 300;

/**
 * Opens the dashboard of the configuration; `undefined`: there is none, which a warning says if it was to be. It never rejects:
 * MQTT runs without it.
 */
export async function openDashboard(parts: DashboardParts): Promise<Dashboard | undefined> {
  const { reload: { configuration: { admin } }, log } = parts;
  if (!admin) return undefined;
  try {
    const dashboard = new Dashboard(admin, parts);
    await dashboard.announce();
    return dashboard;
  } catch (error) {
    log.line(`Warning: there is no dashboard at ${admin.url}: ${printable(whyNot(error))}`, "warning");
    return undefined;
  }
}

/** HTTP server with the dashboard, the API of the broker, and MQTT over WebSocket for the page. */
export class Dashboard {
  readonly #parts: DashboardParts;
  readonly #admin: AdminHandler;
  readonly #forwarded: ForwardedAddresses;
  readonly #basePath: string;
  readonly #port: number;
  /** Page, as a browser of this machine finds it. */
  readonly #page: string;
  /** URL of MQTT over WebSocket here, for events and authenticators. */
  readonly #listener: string;
  #configuration: AdminConfiguration;
  #certificate: Certificate | undefined;
  #server: EndableServer;
  #socket: EndableServer | undefined;
  #files: DashboardFiles | undefined;
  #restarting: Promise<void> = Promise.resolve();

  /** @throws what the system says about its port, and {@linkcode ConfigError} */
  constructor(configuration: AdminConfiguration, parts: DashboardParts) {
    this.#configuration = configuration;
    this.#parts = parts;
    this.#basePath = basePathOf(configuration);
    this.#forwarded = new ForwardedAddresses(configuration);
    this.#certificate = certificateOf(configuration, parts.reload.configuration);
    this.#server = this.#listen(addressOf(configuration).port);
    this.#port = this.#server.port;
    const { protocol, hostname } = new URL(configuration.url);
    const host = /^(?:0\.0\.0\.0|\[::\])$/.test(hostname) ? "localhost" : hostname;
    this.#page = `${protocol}//${host}:${this.#port}${this.#basePath}/`;
    this.#listener = dashboardListener(configuration, { hostname, port: this.#port }).url;
    const index = parts.reload.configuration.listeners.length;
    for (const url of [this.#listener, new URL(this.#page).origin]) parts.access.bind(url, index);
    this.#admin = adminHandler(parts.broker, this.#options());
  }

  /** Says where it is: a link that signs in goes to a terminal, else to a file whose path is logged. */
  async announce(): Promise<void> {
    const { io, log } = this.#parts;
    const link = `${this.#page}#token=${await this.#admin.linkToken()}`;
    this.#files = await this.#makeFiles();
    log.line(`The dashboard is at ${this.#page}`);
    if (io.stderr.isTerminal()) {
      // Written past the log, which may go to a file, or to subscribers of $SYS.
      printLine(io.stderr, `Open ${link}\n(once, within 10 minutes; "brooklet dashboard" prints another link)`);
    } else if (this.#files === undefined) {
      log.line("The dashboard has no place for a link that signs in: set users or tokens, or start it at a terminal");
    } else {
      await writeLink(this.#files, link);
      const where = `is in ${this.#files.link}; "brooklet dashboard" prints another`;
      log.line(`A link that signs in to the dashboard, once and within 10 minutes, ${where}`);
    }
  }

  /** Reads the certificate again, and gives a function that puts all of a configuration in force; throws {@linkcode ConfigError}. */
  prepareReload(configuration: AdminConfiguration, whole: Configuration): () => void {
    const certificate = certificateOf(configuration, whole);
    return () => {
      this.#configuration = configuration;
      this.#admin.reload(accessOf(configuration));
      const { cert, key } = this.#certificate ?? {};
      this.#certificate = certificate;
      if (certificate?.cert !== cert || certificate?.key !== key) this.#restarting = this.#restart();
    };
  }

  /** Ends all requests and streams. */
  async close(): Promise<void> {
    this.#admin.close();
    await this.#restarting;
    await Promise.all([this.#server.end(), this.#socket?.end()]);
    if (this.#files !== undefined) await removeDashboardFiles(this.#files);
  }

  /** Listens again, with another certificate: the runtime takes it only then. It never rejects. */
  async #restart(): Promise<void> {
    // A request of the dashboard may be the cause: let it be answered first.
    await new Promise((resolve) => setTimeout(resolve, ANSWER_MS));
    await this.#server.end();
    try {
      this.#server = this.#listen(this.#port);
    } catch (error) {
      this.#parts.log.line(`Warning: the dashboard has ended: ${printable(whyNot(error))}`, "warning");
    }
  }

  #options(): AdminHandlerOptions {
    const { trustedProxies, topics, topicOrigins } = this.#configuration;
    const { listeners, reload, log } = this.#parts;
    const { storage } = reload.configuration;
    const facts = listeners.map((url) => ({ url }));
    return {
      ...accessOf(this.#configuration),
      basePath: this.#basePath,
      url: this.#page,
      trustedProxies,
      topics,
      topicOrigins,
      listeners: () => facts,
      storageName: storage.startsWith("kv") ? "kv" : storage,
      processFigures,
      configuration: configurationAccess(reload),
      authorize: (_request, { remoteAddr }) => remoteAddr?.transport === "unix" ? OWN_USER : undefined,
      onEvent: (event) => logEvent(event, log),
    };
  }

  #listen(port: number): EndableServer {
    const { hostname } = addressOf(this.#configuration);
    // Without the permission Deno would prompt at a terminal.
    const { state } = Deno.permissions.querySync({ name: "net", host: hostPort(hostname, port) });
    if (state !== "granted") throw new Error("Deno needs --allow-net for it");
    return new EndableServer((options) =>
      Deno.serve({ ...options, ...this.#certificate, hostname, port }, (request, info) => this.#answer(request, info))
    );
  }

  #answer(request: Request, info: Deno.ServeHandlerInfo<Deno.NetAddr>): Response | Promise<Response> {
    const url = urlOf(request);
    return url?.pathname === `${this.#basePath}/mqtt`
      ? this.#upgrade(request, info, url.hostname)
      : this.#admin.fetch(request, info);
  }

  /** Serves the WebSocket tool of the page, and any other client, with the authentication of MQTT. */
  #upgrade(request: Request, { remoteAddr }: Deno.ServeHandlerInfo<Deno.NetAddr>, hostname: string): Response {
    const { trustedProxies } = this.#configuration;
    const { broker } = this.#parts;
    const options = { remoteAddr, hosts: ["*"], origins: ["sameOrigin"], trustedProxies, listener: this.#listener };
    let response: Response;
    try {
      checkHost(request, accessOf(this.#configuration).hosts, addressText(remoteAddr));
      const onEnd = this.#admit(request, addressText(remoteAddr));
      response = broker.upgrade(request, { ...options, onEnd });
      if (response.status !== 101) onEnd();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      response = error.response();
    }
    return response.status === 101 ? response : guardedResponse(response, [], hostname);
  }

  /**
   * Counts a connection as those of listeners, and gives the function that ends that.
   *
   * @throws Problem 503 if its address has too many
   */
  #admit(request: Request, known: string): () => void {
    const { broker, gate, reload } = this.#parts;
    const address = this.#forwarded.clientAddress(known, request.headers);
    const refusal = gate.refusalOf(address, reload.configuration.connections);
    if (refusal === undefined) return () => gate.ended(address);
    const peer = { transport: "ws", address, listener: this.#listener };
    broker.noteRefusal(address, refusal, PROGRAM_HELP.tooManyConnections, peer);
    throw new Problem(503, "Too many connections", `The connection is refused: ${refusal}`);
  }

  /** Makes the folder of its files, and serves the API at the socket in it; `undefined`: there is none. */
  async #makeFiles(): Promise<DashboardFiles | undefined> {
    const { io, log } = this.#parts;
    try {
      const files = await makeDashboardFiles(io.environment, this.#port, this.#page);
      if (files === undefined || Deno.build.os === "windows") return files;
      const { socket: path } = files;
      this.#socket = new EndableServer((options) =>
        Deno.serve({ ...options, path }, (request, info) => this.#admin.fetch(request, info))
      );
      await Deno.chmod(path, 0o600);
      return files;
    } catch (error) {
      log.line(`Warning: "brooklet dashboard" cannot reach this broker: ${printable(whyNot(error))}`, "warning");
      return undefined;
    }
  }
}

/** HTTP server that can be ended. */
class EndableServer {
  readonly port: number;
  readonly #abort = new AbortController();
  readonly #finished: Promise<void>;

  constructor(serve: (options: Deno.ServeOptions) => Served) {
    const onError = () => new Response("The server has failed at this\n", { status: 500 });
    const { addr, finished } = serve({ signal: this.#abort.signal, onListen() {}, onError });
    this.port = "port" in addr ? addr.port : 0;
    this.#finished = finished.catch(() => {}); // It has ended all the same.
  }

  /** Ends all connections; resolves when they have ended, or after a while. */
  async end(): Promise<void> {
    this.#abort.abort();
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, CLOSE_MS);
    await Promise.race([this.#finished, late.promise]);
    clearTimeout(timer);
  }
}

function accessOf({ url, hosts, users, tokens }: AdminConfiguration): Required<AdminAccess> {
  return { hosts: [...hosts, new URL(url).hostname], users, tokens };
}

function logEvent(event: AdminEvent, log: Log): void {
  if (event.kind === "unexpectedError") {
    log.line(`Error: the dashboard: ${printable(String(event.error))}`, "error", { area: "admin" });
    return;
  }
  const { name, message, by, role, address = "an unknown address", clientId, topic } = event;
  const fields = {
    event: event.kind,
    area: "admin",
    change: name,
    by,
    role,
    address,
    ...clientId === undefined ? {} : { clientId },
    ...topic === undefined ? {} : { topic },
  } as const;
  log.line(`Dashboard: ${printable(by)} (${role}) at ${address} ${printable(message)}.`, "notice", fields);
}

function whyNot(error: unknown): string {
  if (error instanceof Deno.errors.AddrInUse) return "the port is in use; --no-admin and --admin URL say otherwise";
  if (error instanceof Deno.errors.AddrNotAvailable) return NO_ADDRESS;
  if (error instanceof Deno.errors.PermissionDenied) return "not permitted";
  return error instanceof Error ? error.message : String(error);
}

/** Reads the URL, which the runtime makes of the Host header then; it throws for one that is wrong. */
function urlOf(request: Request): URL | null {
  try {
    return URL.parse(request.url);
  } catch {
    return null;
  }
}
