/** Traces of a broker that runs, over its HTTP API. */

import type { TraceFacts, TracePage, TraceTarget } from "../admin/trace/trace_records.ts";
import { pause } from "../client/reconnecting.ts";
import { ConfigError } from "./config_error.ts";
import { readText, readTextIfThere } from "./files.ts";
import type { ProgramEnvironment } from "./program_io.ts";

/** Way to the API. Without any of the three it is the socket of a broker of this user, which needs no signing in. */
export interface ApiAccess {
  /** Address of the dashboard, or a one-time link. */
  readonly url?: string | undefined;
  /** Token of a program. */
  readonly token?: string | undefined;
  /** File with a one-time link, whose address is then that of the API. */
  readonly linkFile?: string | undefined;
}

const DEFAULT_URL = "http://127.0.0.1:18083";
const PAGE_RECORDS = 1_000;
/** Pause between two looks for new records. */
const PAUSE_MS = 100;
const HOW_TO_SIGN_IN = "; give a token of the configuration with --token, or a one-time link with --link or as --url";

/** How requests are sent. */
interface Sending {
  /** Address of the API, without a slash at its end. */
  readonly base: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Client for a socket. */
  readonly client?: Deno.HttpClient;
}

/** The API, signed in. */
export class TraceApi {
  readonly #sending: Sending;
  /** Whether it is signed in with a session of its own. */
  readonly #hasSession: boolean;

  private constructor(sending: Sending, hasSession = false) {
    this.#sending = sending;
    this.#hasSession = hasSession;
  }

  /** Signs in. Throws {@linkcode ConfigError} where that is refused, or nobody answers. */
  static async signIn(access: ApiAccess, environment: ProgramEnvironment): Promise<TraceApi> {
    const { url: given, linkFile, token } = access;
    const link = linkFile === undefined ? given : /https?:\S+/.exec(readText("link", linkFile))?.[0] ?? "";
    const url = URL.parse(link ?? DEFAULT_URL);
    if (url === null || !/^https?:$/.test(url.protocol)) {
      throw new ConfigError(`Cannot trace: "${link}" is not the address of a dashboard, such as ${DEFAULT_URL}`);
    }
    const base = `${url.origin}${url.pathname.replace(/\/$/, "")}/api/v1`;
    if (token !== undefined) return new TraceApi({ base, headers: { authorization: `Bearer ${token}` } });
    const linkToken = /^#token=(.+)$/.exec(url.hash)?.[1];
    if (linkToken === undefined) return new TraceApi(await socketOf(link, environment) ?? { base });
    const body = { token: decodeURIComponent(linkToken) };
    const response = await asked({ base }, "POST", "/session", body);
    await response.body?.cancel();
    const [cookie = ""] = response.headers.getSetCookie().map((text) => text.split(";", 1)[0] ?? "");
    return new TraceApi({ base, headers: { cookie } }, true);
  }

  /** Starts a trace. */
  async start(options: TraceTarget & { readonly isWide?: boolean }): Promise<TraceFacts> {
    return await (await this.#ask("POST", "/traces", options)).json();
  }

  /** Pages of a trace until it ends, or the signal is aborted. */
  async *pages(id: string, signal: AbortSignal): AsyncGenerator<TracePage, void> {
    for (let after = 0; !signal.aborted;) {
      const response = await this.#ask("GET", `/traces/${id}/records?after=${after}&limit=${PAGE_RECORDS}`);
      const page: TracePage = await response.json();
      if (page.records.length > 0 || page.missed > 0) yield page;
      after = page.after;
      if (page.records.length > 0) continue;
      if (!page.trace.isActive) return;
      await pause(PAUSE_MS, signal);
    }
  }

  /** Ends a trace, and signs out. */
  async end(id: string): Promise<void> {
    await (await this.#ask("DELETE", `/traces/${id}`)).body?.cancel();
    if (this.#hasSession) await (await this.#ask("DELETE", "/session")).body?.cancel();
  }

  [Symbol.dispose](): void {
    this.#sending.client?.close();
  }

  #ask(method: string, path: string, body?: unknown): Promise<Response> {
    return asked(this.#sending, method, path, body);
  }
}

/** Asks the API; throws {@linkcode ConfigError} with what it says when it refuses. */
async function asked(
  { base, headers, client }: Sending,
  method: string,
  path: string,
  body?: unknown,
): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(`${base}${path}`, {
      method,
      // A write has to come from a page of the server, or from what can say that it does.
      headers: { ...headers, "content-type": "application/json", "sec-fetch-site": "same-origin" },
      ...body === undefined ? {} : { body: JSON.stringify(body) },
      ...client === undefined ? {} : { client },
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ConfigError(
      `Cannot trace: nobody answers at ${base} (${why}): is the broker running, with its dashboard?`,
    );
  }
  if (response.ok) return response;
  const { title, detail }: { title?: string; detail?: string } = await response.json().catch(() => ({}));
  const says = [title, detail].filter((part) => part !== undefined).join(": ");
  const hint = response.status === 401 ? HOW_TO_SIGN_IN : "";
  throw new ConfigError(`Cannot trace: ${base} answers ${response.status} ${says}${hint}`);
}

/** Socket of the broker of this user that has a dashboard there, or of the only one; `undefined`: there is none. */
async function socketOf(page: string | undefined, environment: ProgramEnvironment): Promise<Sending | undefined> {
  const { dashboardFiles } = await import("./serve/dashboard_files.ts");
  const found = new Map<string, Sending>();
  for (const { socket: path, address } of await dashboardFiles(environment)) {
    const own = URL.parse((await readTextIfThere(address) ?? "").trim());
    if (own === null || (page !== undefined && own.origin !== URL.parse(page)?.origin)) continue;
    const client = Deno.createHttpClient({ proxy: { transport: "unix", path } });
    const sending = { base: `http://localhost${own.pathname.replace(/\/$/, "")}/api/v1`, client };
    const response = await asked(sending, "GET", "/session").catch(() => undefined); // It was killed.
    await response?.body?.cancel();
    if (response === undefined) client.close();
    else found.set(own.href, sending);
  }
  const [first, ...others] = found.values();
  if (others.length === 0) return first;
  for (const { client } of found.values()) client?.close();
  throw new ConfigError(`Cannot trace: several brokers run, say which with --url: ${[...found.keys()].join(", ")}`);
}
