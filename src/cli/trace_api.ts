/** Traces of a broker that runs, over its HTTP API. */

import type { TraceFacts, TracePage, TraceTarget } from "../admin/trace/trace_records.ts";
import { ConfigError } from "./config_error.ts";
import { readText } from "./files.ts";

/** Way to the API: its address, and the token of a program or a one-time link. */
export interface ApiAccess {
  readonly url: string;
  readonly token?: string | undefined;
  /** File with a one-time link, whose address is then that of the API. */
  readonly linkFile?: string | undefined;
}

const PAGE_RECORDS = 1_000;
/** Pause between two looks for new records. */
const PAUSE_MS = 100;

/** The API, signed in. */
export class TraceApi {
  readonly #base: string;
  readonly #credentials: Readonly<Record<string, string>>;
  /** Whether it is signed in with a session of its own. */
  readonly #hasSession: boolean;

  private constructor(base: string, credentials: Readonly<Record<string, string>>, hasSession: boolean) {
    this.#base = base;
    this.#credentials = credentials;
    this.#hasSession = hasSession;
  }

  /** Signs in. Throws {@linkcode ConfigError} where that is refused, or nobody answers. */
  static async signIn(access: ApiAccess): Promise<TraceApi> {
    const { url: given, linkFile } = access;
    const link = linkFile === undefined ? given : /https?:\S+/.exec(readText("link", linkFile))?.[0] ?? "";
    const url = URL.parse(link);
    if (url === null || !/^https?:$/.test(url.protocol)) {
      throw new ConfigError(
        `Cannot trace: "${link}" is not the address of a dashboard, such as http://127.0.0.1:18083`,
      );
    }
    const linkToken = /^#token=(.+)$/.exec(url.hash)?.[1];
    const base = `${url.origin}${url.pathname.replace(/\/$/, "")}/api/v1`;
    if (access.token !== undefined) return new TraceApi(base, { authorization: `Bearer ${access.token}` }, false);
    if (linkToken === undefined) return new TraceApi(base, {}, false);
    const response = await asked(base, "POST", "/session", { body: { token: decodeURIComponent(linkToken) } });
    await response.body?.cancel();
    const [cookie = ""] = response.headers.getSetCookie().map((text) => text.split(";", 1)[0] ?? "");
    return new TraceApi(base, { cookie }, true);
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
      await passed(PAUSE_MS, signal);
    }
  }

  /** Ends a trace, and signs out. */
  async end(id: string): Promise<void> {
    await (await this.#ask("DELETE", `/traces/${id}`)).body?.cancel();
    if (this.#hasSession) await (await this.#ask("DELETE", "/session")).body?.cancel();
  }

  #ask(method: string, path: string, body?: unknown): Promise<Response> {
    return asked(this.#base, method, path, { body, headers: this.#credentials });
  }
}

/** Asks the API; throws {@linkcode ConfigError} with what it says when it refuses. */
async function asked(
  base: string,
  method: string,
  path: string,
  { body, headers = {} }: { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> },
): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(`${base}${path}`, {
      method,
      headers: { ...headers, "content-type": "application/json", "origin": new URL(base).origin },
      ...body === undefined ? {} : { body: JSON.stringify(body) },
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

const HOW_TO_SIGN_IN = "; give a token of the configuration with --token, or a one-time link with --link or as --url";

function passed(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
