import type { BanTarget } from "../../broker/access/bans.ts";
import type { Broker } from "../../broker/broker.ts";
import { ReasonCode } from "../../codec/reason_code.ts";
import { type AdminConfiguration, adminSchema } from "../config/admin_settings.ts";
import { configurationOf } from "../config/configuration.ts";
import {
  type BanConfiguration,
  type Configuration,
  configurationSchema,
  fixedKeys,
  type ListenerConfiguration,
  listenerSchema,
  tlsSchema,
} from "../config/settings.ts";
import { ConfigError } from "../config_error.ts";
import { packetLog } from "../log/event_log.ts";
import { PROGRAM_HELP } from "../../broker/event_help.ts";
import { printable } from "../../codec/printable.ts";
import type { Log } from "../log/log.ts";
import type { Access } from "./access.ts";
import { checkReloadedFiles, warningsOf } from "./check.ts";

import type { Listening } from "./listening.ts";
import { boundByMemory } from "./memory_share.ts";
import { othersTurn } from "./others_turn.ts";
import type { ServeRequest } from "./serve_options.ts";

/** Parts that take another configuration while they run. */
interface Reloadable {
  readonly access: Access;
  readonly listening: Listening;
  readonly log: Log;
  readonly broker: Broker;
}

/** Dashboard, as far as a reload changes it. */
interface ReloadedDashboard {
  /** Gives a function that puts all of a configuration in force; throws {@linkcode ConfigError}. */
  prepareReload(configuration: AdminConfiguration, whole: Configuration): () => void;
}

/** Result of a reload: warnings, or the mistakes that stopped it. */
export interface ReloadResult {
  readonly warnings: readonly string[];
  /** Clients that may not connect any more. */
  readonly disconnected: number;
  /** Mistakes; with any, everything stays as it was. */
  readonly messages: readonly string[];
}

/** Reads the configuration again, with all files that it names. Changes nothing if any of it is unusable. */
export class Reload {
  /** Configuration in force. */
  configuration: Configuration;
  /** Dashboard, once it is open. */
  dashboard: ReloadedDashboard | undefined;
  readonly #request: ServeRequest;
  readonly #parts: Reloadable;
  #running: Promise<void> = Promise.resolve();

  constructor(request: ServeRequest, configuration: Configuration, parts: Reloadable) {
    this.#request = request;
    this.configuration = configuration;
    this.#parts = parts;
  }

  /**
   * Reloads, after one that is in progress, and logs the result; it never rejects.
   *
   * @param why cause, for the log
   */
  run(why: "SIGHUP" | "Dashboard" = "SIGHUP"): Promise<ReloadResult> {
    const result = this.#running.then(() => this.#runOnce(why));
    this.#running = result.then(() => {});
    return result;
  }

  /** Checks what would be read; rejects with {@linkcode ConfigError} for what cannot be used. */
  async check(): Promise<readonly string[]> {
    const { written, overrides } = await this.#request.read();
    const next = configurationOf(written, overrides);
    this.#refuseFixed(next);
    await checkReloadedFiles(next);
    return warningsOf(written, next);
  }

  async #runOnce(why: string): Promise<ReloadResult> {
    const { log } = this.#parts;
    try {
      const { written, overrides } = await this.#request.read();
      const next = configurationOf(written, overrides);
      this.#refuseFixed(next);
      const count = await this.#apply(next);
      for (const warning of written.warnings) log.line(`Warning: ${warning}`, "warning");
      log.line(`${why}: the configuration and all its files were read again`);
      if (count > 0) {
        const clients = count === 1 ? "1 client was" : `${count} clients were`;
        log.line(`${why}: ${clients} disconnected that may not connect any more`);
      }
      return { warnings: written.warnings, disconnected: count, messages: [] };
    } catch (error) {
      const messages = error instanceof ConfigError ? [error.message, ...error.others] : [String(error)];
      for (const message of messages) {
        log.line(`${why}: everything stays as it was: ${printable(message)}`, "error", { help: PROGRAM_HELP.reload });
      }
      return { warnings: [], disconnected: 0, messages };
    }
  }

  #refuseFixed(next: Configuration): void {
    const changed = changedOf(this.configuration, next);
    if (changed !== undefined) {
      throw new ConfigError(`Cannot change "${changed}" while the broker runs: start it again`);
    }
  }

  /** Applies a configuration: everything that can fail is done before anything is changed. */
  async #apply(next: Configuration): Promise<number> {
    const { access, listening, log, broker } = this.#parts;
    const applyAccess = await access.prepareReload(next);
    const applyCertificates = listening.prepareReload(next);
    const applyDashboard = next.admin ? this.dashboard?.prepareReload(next.admin, next) : undefined;
    log.reload(next.logging);
    const limits = boundByMemory(next.limits);
    broker.reload({ limits, sysIntervalMs: next.sysIntervalMs, ...packetLog(log) });
    applyCertificates();
    applyDashboard?.();
    const isStillWelcome = applyAccess();
    const banned = applyBans(broker, next.bans, this.configuration.bans);
    this.configuration = next;
    // A client whose password was accepted just before is not known to the broker in the same turn.
    await othersTurn();
    const gone = broker.disconnect(
      ({ principal, peer }) => !isStillWelcome({ principal, listener: peer.listener }),
      { reasonCode: ReasonCode.NotAuthorized, reason: "the user may not connect any more" },
    );
    return gone + banned;
  }
}

/** First setting that differs and must not; `undefined`: there is none. */
function changedOf(now: Configuration, next: Configuration): string | undefined {
  if (now.listeners.length !== next.listeners.length) return "listeners";
  for (const [index, listener] of now.listeners.entries()) {
    const other = next.listeners[index] as ListenerConfiguration; // There are as many.
    const key = firstChanged(fixedKeys(listenerSchema), listener, other);
    if (key !== undefined) return `listeners[${index}].${key}`;
    const [tls, otherTls] = [listener.tls ?? now.tls, other.tls ?? next.tls];
    const tlsKey = firstChanged(fixedKeys(tlsSchema), tls, otherTls);
    if (tlsKey !== undefined) return `${other.tls === undefined ? "tls" : `listeners[${index}].tls`}.${tlsKey}`;
  }
  if (Boolean(now.admin) !== Boolean(next.admin)) return "admin";
  const adminKey = now.admin && next.admin ? firstChanged(fixedKeys(adminSchema), now.admin, next.admin) : undefined;
  if (adminKey !== undefined) return `admin.${adminKey}`;
  return firstChanged(fixedKeys(configurationSchema), now, next);
}

function firstChanged<Part extends object, Key extends keyof Part>(
  keys: readonly Key[],
  now: Part | undefined,
  next: Part | undefined,
): Key | undefined {
  return keys.find((key) => JSON.stringify(now?.[key]) !== JSON.stringify(next?.[key]));
}

/** Replaces the bans of an earlier configuration; gives the number of connections that this ended. */
export function applyBans(
  broker: Broker,
  bans: readonly BanConfiguration[],
  earlier: readonly BanConfiguration[] = [],
): number {
  for (const ban of earlier) broker.unban(targetOf(ban));
  let count = 0;
  for (const ban of bans) {
    const { until, reason } = ban;
    count += broker.ban(targetOf(ban), { reason, ...until === undefined ? {} : { untilMs: Date.parse(until) } });
  }
  return count;
}

function targetOf({ clientId, user, address = "" }: BanConfiguration): BanTarget {
  if (clientId !== undefined) return { clientId };
  return user !== undefined ? { principal: user } : { address }; // The schema requires exactly one of the three.
}
