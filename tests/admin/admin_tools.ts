import { type AdminHandler, adminHandler, type AdminHandlerOptions, type RequestInfo } from "../../src/admin/mod.ts";
import { Broker } from "../../src/broker/broker.ts";
import type { BrokerOptions } from "../../src/broker/options.ts";

/** Address of this machine that requests come from. */
export const LOCAL: RequestInfo = { remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 50_000 } };

/** A page of this server in a browser, which keeps its cookie, or a program without one. */
export class AdminCaller {
  readonly admin: AdminHandler;
  readonly base: string;
  readonly info: RequestInfo;
  /** Cookie as a browser sends it. */
  cookie: string | undefined;

  constructor(admin: AdminHandler, base = "http://127.0.0.1:18083", info = LOCAL) {
    this.admin = admin;
    this.base = base;
    this.info = info;
  }

  /** Sends a request as a page of this server would; header fields that are null are left out. */
  async send(
    method: string,
    path: string,
    { body, headers = {} }: {
      readonly body?: unknown;
      readonly headers?: Readonly<Record<string, string | null>>;
    } = {},
  ): Promise<Response> {
    const isWrite = method !== "GET" && method !== "HEAD";
    const all: Record<string, string | null> = {
      ...isWrite ? { "content-type": "application/json", "sec-fetch-site": "same-origin" } : {},
      ...this.cookie === undefined ? {} : { cookie: this.cookie },
      ...headers,
    };
    const fields = Object.entries(all).filter((field): field is [string, string] => field[1] !== null);
    const url = `${this.base}${path}`;
    const request = new Request(url, {
      method,
      headers: fields,
      ...body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) },
    });
    const response = await this.admin.fetch(request, this.info);
    const [set] = response.headers.getSetCookie();
    if (set !== undefined) this.cookie = /Max-Age=0/.test(set) ? undefined : set.split(";")[0];
    return response;
  }

  /** Sends a request below `/api/v1`, and gives the status and the JSON of its answer. */
  async api(method: string, path: string, body?: unknown): Promise<{ status: number; json: Record<string, unknown> }> {
    const response = await this.send(method, `/api/v1${path}`, { body });
    const text = await response.text();
    return { status: response.status, json: text === "" ? {} : JSON.parse(text) };
  }

  /** Signs in by a one-time link. */
  async signIn(): Promise<this> {
    const { status } = await this.api("POST", "/session", { token: await this.admin.linkToken() });
    if (status !== 201) throw new Error(`The link was answered with ${status}`);
    return this;
  }
}

/** Broker with its API, for one test. */
export async function withAdmin(
  test: (parts: { readonly admin: AdminHandler; readonly broker: Broker; readonly page: AdminCaller }) => Promise<void>,
  options: AdminHandlerOptions = {},
  brokerOptions: BrokerOptions = {},
): Promise<void> {
  await using broker = await Broker.open(brokerOptions);
  const admin = adminHandler(broker, options);
  try {
    await test({ admin, broker, page: new AdminCaller(admin, `http://127.0.0.1:18083${options.basePath ?? ""}`) });
  } finally {
    admin.close();
  }
}
