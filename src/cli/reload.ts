import type { Broker } from "../broker/broker.ts";
import { ReasonCode } from "../codec/reason_code.ts";
import type { Access } from "./access.ts";
import { applyBans } from "./banning.ts";
import { configurationOf } from "./config/configuration.ts";
import type { Configuration } from "./config/schema.ts";
import { ConfigError } from "./config_error.ts";
import type { Listening } from "./listening.ts";
import { type Log, printable, tellsOfPackets } from "./log.ts";
import type { ServeRequest } from "./serve_options.ts";

/** What takes another configuration while it runs. */
interface Reloadable {
  readonly access: Access;
  readonly listening: Listening;
  readonly log: Log;
  readonly broker: Broker;
}

/** What cannot change while the broker runs. */
const FIXED = ["storage", "clientIds", "deniedPublish", "delivery", "pidFile"] as const;

/** Reads the configuration again, with all files that it names. What cannot be used changes nothing. */
export class Reload {
  /** The one in force. */
  configuration: Configuration;
  readonly #request: ServeRequest;
  readonly #parts: Reloadable;
  #running: Promise<void> = Promise.resolve();

  constructor(request: ServeRequest, configuration: Configuration, parts: Reloadable) {
    this.#request = request;
    this.configuration = configuration;
    this.#parts = parts;
  }

  /** Does it, behind one that is under way, and says what came of it; it never rejects. */
  run(): Promise<void> {
    return this.#running = this.#running.then(() => this.#runOnce());
  }

  async #runOnce(): Promise<void> {
    const { log } = this.#parts;
    try {
      const { written, overrides } = this.#request.read();
      const next = configurationOf(written, overrides);
      this.#refuseFixed(next);
      const count = await this.#apply(next);
      for (const warning of written.warnings) log.line(`Warning: ${warning}`, "warning");
      log.line("SIGHUP: the configuration and all its files were read again");
      if (count > 0) log.line(`SIGHUP: ${count} clients were disconnected that may not connect any more`);
    } catch (error) {
      const messages = error instanceof ConfigError ? [error.message, ...error.others] : [String(error)];
      for (const message of messages) {
        log.line(`SIGHUP: everything stays as it was: ${printable(message)}`, "error");
      }
    }
  }

  #refuseFixed(next: Configuration): void {
    const now = this.configuration;
    const urls = ({ listeners }: Configuration) => listeners.map(({ url }) => url);
    const isSame = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);
    const changed = isSame(urls(now), urls(next)) ? FIXED.find((key) => !isSame(now[key], next[key])) : "listeners";
    if (changed !== undefined) {
      throw new ConfigError(`Cannot change "${changed}" while the broker runs: start it again`);
    }
    if (tellsOfPackets(next.logging) && !tellsOfPackets(now.logging)) {
      throw new ConfigError("Cannot begin to log packets while the broker runs: start it again");
    }
  }

  /** All that can fail is done before anything is changed. */
  async #apply(next: Configuration): Promise<number> {
    const { access, listening, log, broker } = this.#parts;
    const applyAccess = await access.prepareReload(next);
    const applyCertificates = listening.prepareReload(next);
    log.reload(next.logging);
    broker.reload({ limits: next.limits, sysIntervalMs: next.sys.intervalSeconds * 1_000 });
    applyCertificates();
    applyAccess();
    const banned = applyBans(broker, next.bans, this.configuration.bans);
    this.configuration = next;
    const gone = [...broker.clients()].filter(({ principal, peer }) =>
      !access.isStillWelcome({ principal, listener: peer.listener })
    );
    const why = { reasonCode: ReasonCode.NotAuthorized, reason: "the user may not connect any more" };
    for (const { clientId } of gone) broker.disconnect({ clientId }, why);
    return gone.length + banned;
  }
}
