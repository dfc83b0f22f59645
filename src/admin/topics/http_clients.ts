import type { Broker } from "../../broker/broker.ts";
import { Client } from "../../client/client.ts";
import type { ConnectOptions } from "../../client/client_options.ts";
import { Problem } from "../problems.ts";
import { defect, refusalOf, type RefusedStep } from "./refusals.ts";
import type { Credentials } from "./topic_request.ts";

/** Source of a request: who sent it, and from where. The broker sees it as an MQTT client from there. */
export interface RequestSource {
  readonly credentials: Credentials;
  /** Address with port. */
  readonly address: string;
  /** Listener that the request came in at, such as `http://127.0.0.1:18083`. */
  readonly listener: string;
}

/** Bounds of {@linkcode HttpClients}. */
export interface HttpClientsOptions {
  /** Time for which a client is kept after its last request, in milliseconds. @default {30_000} */
  readonly keptMs?: number;
  /** Clients that are kept or connect, at most. @default {1_000} */
  readonly maximumClients?: number;
  /** Called with errors that are defects, for logs. It must not throw. */
  readonly onUnexpectedError?: (error: unknown) => void;
}

/** Client that is kept for further requests. */
interface KeptClient {
  readonly connecting: Promise<Client>;
  /** Client, once it is connected. */
  client: Client | undefined;
  /** Number of requests that use it now. */
  users: number;
  /** Monotonic time when its last request was over. */
  idleSinceMs: number;
  /** Reads of retained messages by their topics: one after the other. */
  readonly reads: Map<string, Promise<unknown>>;
}

/** Client that a request uses. */
export interface UsedClient {
  readonly client: Client;
  /** Does some work on a topic after that of other requests of this client on the same topic. */
  inTurn<Result>(topic: string, work: () => Promise<Result>): Promise<Result>;
}

const CONNECT_TIMEOUT_MS = 30_000;
const SWEEP_MS = 1_000;

/**
 * MQTT 5 clients within the process, one for each user, password and address, which are kept for the next request: whatever
 * the broker demands of a client holds for a request.
 */
export class HttpClients {
  readonly #broker: Pick<Broker, "serve" | "metrics">;
  readonly #keptMs: number;
  readonly #mostClients: number;
  readonly #onUnexpectedError: (error: unknown) => void;
  /** By {@linkcode sourceKey}; the one used last is the last one. */
  readonly #kept = new Map<string, KeptClient>();
  #sweeping: ReturnType<typeof setInterval> | undefined;
  #isClosed = false;

  constructor(broker: Pick<Broker, "serve" | "metrics">, options: HttpClientsOptions = {}) {
    const { keptMs = 30_000, maximumClients = 1_000, onUnexpectedError = () => {} } = options;
    this.#broker = broker;
    this.#onUnexpectedError = onUnexpectedError;
    this.#keptMs = keptMs;
    this.#mostClients = maximumClients;
  }

  /** Number of clients that are kept or connect. */
  get size(): number {
    return this.#kept.size;
  }

  /**
   * Does the work of a request with the client of its source. Rejects with Problem for what the broker refuses.
   *
   * @param step of what the broker may refuse
   */
  async use<Result>(
    source: RequestSource,
    step: RefusedStep,
    work: (used: UsedClient) => Promise<Result>,
  ): Promise<Result> {
    const kept = this.#clientOf(source);
    kept.users += 1;
    try {
      const client = kept.client ?? await kept.connecting.catch((error) => {
        throw this.refusal(error, "connect");
      });
      const inTurn: UsedClient["inTurn"] = (topic, work) => inTurnOf(kept.reads, topic, work);
      return await work({ client, inTurn }).catch((error) => {
        throw this.refusal(error, step, client);
      });
    } finally {
      kept.users -= 1;
      kept.idleSinceMs = performance.now();
    }
  }

  /** Connects a client for one request alone; rejects as {@linkcode Client.connect}. */
  connect({ credentials, address, listener }: RequestSource, options: ConnectOptions = {}): Promise<Client> {
    const peer = { transport: listener.startsWith("https:") ? "https" : "http", address, listener };
    return Client.connect({ serve: (transport) => this.#broker.serve({ ...transport, peer }) }, {
      protocolVersion: 5,
      clientId: `http-${crypto.randomUUID()}`,
      ...credentials,
      reconnect: false,
      keepAliveSeconds: 0,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      ...options,
    });
  }

  /** Refusal of the broker as a problem; a defect is told. */
  refusal(error: unknown, step: RefusedStep, client?: Client): Problem {
    const { isStorageFailing } = this.#broker.metrics;
    const isClosed = client?.status.kind === "closed";
    const refusal = refusalOf(error, { step, isStorageFailing, isClosed });
    if (refusal === undefined) this.#onUnexpectedError(error);
    return refusal ?? defect();
  }

  /** Closes all clients; resolves when the broker has served them. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#sweeping);
    const kept = [...this.#kept.values()];
    this.#kept.clear();
    await Promise.all(kept.map(closeKept));
  }

  #clientOf(source: RequestSource): KeptClient {
    const key = sourceKey(source);
    const known = this.#kept.get(key);
    if (known !== undefined && known.client?.status.kind !== "closed") {
      this.#kept.delete(key);
      this.#kept.set(key, known);
      return known;
    }
    if (this.#isClosed) throw busy("The broker is shutting down");
    if (this.#kept.size >= this.#mostClients && !this.#closeOldest()) throw busy("Too many clients use HTTP now");
    const kept: KeptClient = {
      connecting: this.connect(source),
      client: undefined,
      users: 0,
      idleSinceMs: performance.now(),
      reads: new Map(),
    };
    this.#kept.set(key, kept);
    this.#sweeping ??= setInterval(() => this.#sweep(), Math.min(SWEEP_MS, this.#keptMs));
    const forget = () => this.#forget(key, kept);
    kept.connecting.then((client) => {
      kept.client = client;
      client.closed.then(forget);
    }, forget);
    return kept;
  }

  /** Closes the client that has been idle for longest; false: all are in use. */
  #closeOldest(): boolean {
    for (const [key, kept] of this.#kept) {
      if (kept.users > 0) continue;
      this.#end(key, kept);
      return true;
    }
    return false;
  }

  #sweep(): void {
    const untilMs = performance.now() - this.#keptMs;
    for (const [key, kept] of this.#kept) {
      if (kept.users === 0 && kept.idleSinceMs <= untilMs) this.#end(key, kept);
    }
  }

  #end(key: string, kept: KeptClient): void {
    this.#forget(key, kept);
    void closeKept(kept); // It never rejects.
  }

  #forget(key: string, kept: KeptClient): void {
    if (this.#kept.get(key) !== kept) return;
    this.#kept.delete(key);
    if (this.#kept.size > 0) return;
    clearInterval(this.#sweeping);
    this.#sweeping = undefined;
  }
}

/**
 * Key of the requests that one client may serve: the same credentials from the same host, as bans and limits of failures
 * are about addresses. The listener may be what the sender wrote as Host: with it, one sender could have many clients.
 */
export function sourceKey({ credentials: { userName, password }, address }: RequestSource): string {
  return JSON.stringify([hostOf(address), userName ?? null, password ?? null]);
}

/** Address without its port; one of IPv6 may come without brackets and port, as proxies write it. */
function hostOf(address: string): string {
  return address.replace(/(?<=^[^:]*|\]):\d+$/, "");
}

/** Refusal for now. */
export function busy(what: string): Problem {
  return new Problem(503, "Busy", `${what}: try again`, { headers: { "retry-after": "1" } });
}

async function closeKept({ connecting }: KeptClient): Promise<void> {
  await connecting.then((client) => client.close(), () => {}); // A client that was refused is closed.
}

async function inTurnOf<Result>(
  turns: Map<string, Promise<unknown>>,
  topic: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const before = turns.get(topic);
  const turn = (async () => {
    await before?.catch(() => {}); // It has its own caller.
    return await work();
  })();
  turns.set(topic, turn);
  try {
    return await turn;
  } finally {
    if (turns.get(topic) === turn) turns.delete(topic);
  }
}
