import { createHmac, randomBytes } from "node:crypto";
import { ReasonCode } from "../codec/reason_code.ts";
import type { Authentication, AuthenticationRequest } from "../protocol/ask.ts";
import { type Authenticator, WRONG_CREDENTIALS } from "./authentication.ts";
import { FailureLimit, type FailureLimitOptions } from "./failure_limit.ts";
import type { PasswordHashes } from "./password_file.ts";
import { DEFAULT_ITERATIONS, formatPasswordHash, type PasswordHash, verifyPassword } from "./password_hash.ts";
import { Turns } from "./turns.ts";

const HASH_BYTES = 64;

/** Options of {@linkcode PasswordAuthenticator}. */
export interface PasswordAuthenticatorOptions {
  /**
   * How often an address may be wrong; beyond that it is refused with 0x9F, without a look at what it says. A client whose
   * password was right before still gets in.
   */
  readonly failures?: FailureLimitOptions;
  /**
   * Leave users that do not exist to the next authenticator at once, neither counted nor compared with anything: for one
   * behind this that counts itself. How long an answer takes then tells which of both knows a user. @default {false}
   */
  readonly leavesUnknownUsers?: boolean;
  /** Passwords that are checked at the same time, each by a thread. @default one less than there are processors */
  readonly maximumRunning?: number;
  /** Clients that may wait for this; one more is refused with 0x89. @default {1_000} */
  readonly maximumWaiting?: number;
  /** How long one may wait, in milliseconds: less than `hookTimeoutMs`, or it is in vain. @default {8_000} */
  readonly maximumWaitMs?: number;
  /**
   * Right answers that are remembered, as a keyed digest with a key that never leaves the process: without them 1,000
   * clients that come back would need two minutes of a processor. 0: none. @default {10_000}
   */
  readonly rememberedSuccesses?: number;
}

/**
 * Lets clients in by user name and password; the user name becomes the principal. A user that does not exist is refused
 * with the same words and in the same time as a wrong password.
 *
 * @example
 * ```ts
 * import { Broker, parsePasswordFile, PasswordAuthenticator } from "../../mod.ts";
 *
 * const users = parsePasswordFile("# made by: brooklet passwd -c FILE USER\n");
 * await using broker = await Broker.open({ authenticator: new PasswordAuthenticator(users) });
 * ```
 */
export class PasswordAuthenticator implements Authenticator {
  readonly #failures: FailureLimit;
  readonly #turns: Turns;
  readonly #mostSuccesses: number;
  readonly #leavesUnknownUsers: boolean;
  readonly #secret = randomBytes(32);
  /** By digest of name and password: the hash that they were compared with. */
  readonly #successes = new Map<string, PasswordHash>();
  /** Those that are being checked: many clients with the same password need one check. */
  readonly #running = new Map<string, Promise<boolean | undefined>>();
  #users: PasswordHashes;
  #decoys: readonly PasswordHash[];

  constructor(users: PasswordHashes, options: PasswordAuthenticatorOptions = {}) {
    const { maximumWaiting = 1_000, maximumWaitMs = 8_000, rememberedSuccesses = 10_000 } = options;
    const { maximumRunning = Math.max(1, navigator.hardwareConcurrency - 1) } = options;
    if (!(maximumRunning >= 1)) throw new RangeError("Cannot check passwords: maximumRunning is less than 1");
    this.#failures = new FailureLimit(options.failures);
    this.#turns = new Turns(maximumRunning, maximumWaiting, maximumWaitMs);
    this.#mostSuccesses = rememberedSuccesses;
    this.#leavesUnknownUsers = options.leavesUnknownUsers ?? false;
    this.#users = users;
    this.#decoys = decoysFor(users);
  }

  /**
   * Puts other users in force. Clients that are connected stay; gives the names that are gone or have another password, so
   * that they can be disconnected.
   */
  replace(users: PasswordHashes): string[] {
    const changed = [...this.#users].filter(([name, hash]) => {
      const now = users.get(name);
      return now === undefined || formatPasswordHash(now) !== formatPasswordHash(hash);
    });
    this.#users = users;
    this.#decoys = decoysFor(users);
    this.#successes.clear();
    this.#running.clear();
    return changed.map(([name]) => name);
  }

  authenticate({ connect, address }: AuthenticationRequest): Authentication | Promise<Authentication> {
    const { userName = "", password } = connect;
    if (userName === "") return refused(ReasonCode.NotAuthorized, "there is no user name", true);
    if (password === undefined || password.length === 0) {
      return refused(ReasonCode.NotAuthorized, "there is no password");
    }
    const kept = this.#users.get(userName);
    if (kept === undefined && this.#leavesUnknownUsers) {
      return refused(ReasonCode.NotAuthorized, WRONG_CREDENTIALS, true);
    }
    const digest = this.#digest(userName, password);
    if (kept !== undefined && this.#successes.get(digest) === kept) return { isAccepted: true, principal: userName };
    if (!this.#failures.take(address)) {
      return refused(ReasonCode.ConnectionRateExceeded, "too many wrong passwords came from this address");
    }
    return this.#check(userName, password, digest, kept, address);
  }

  async #check(
    userName: string,
    password: Uint8Array,
    digest: string,
    kept: PasswordHash | undefined,
    address: string,
  ): Promise<Authentication> {
    const isRight = await this.#verify(password, digest, kept ?? this.#decoyFor(userName));
    if (isRight === undefined) {
      this.#failures.giveBack(address);
      return refused(ReasonCode.ServerBusy, "too many clients wait for their passwords to be checked");
    }
    if (!isRight || kept === undefined) {
      return refused(ReasonCode.NotAuthorized, WRONG_CREDENTIALS, kept === undefined);
    }
    this.#failures.giveBack(address);
    if (this.#users.get(userName) === kept) this.#remember(digest, kept); // Not of users that were replaced meanwhile.
    return { isAccepted: true, principal: userName };
  }

  #verify(password: Uint8Array, digest: string, kept: PasswordHash): Promise<boolean | undefined> {
    const running = this.#running.get(digest);
    if (running !== undefined) return running;
    const own = password.slice(); // Kept beyond the batch: copy.
    const verified = this.#turns.run(() => verifyPassword(own, kept)).finally(() => {
      if (this.#running.get(digest) === verified) this.#running.delete(digest);
    });
    this.#running.set(digest, verified);
    return verified;
  }

  #remember(digest: string, kept: PasswordHash): void {
    if (this.#mostSuccesses === 0) return;
    if (this.#successes.size >= this.#mostSuccesses) this.#successes.clear();
    this.#successes.set(digest, kept);
  }

  #digest(userName: string, password: Uint8Array): string {
    return createHmac("sha256", this.#secret).update(`${userName.length}:${userName}`).update(password).digest(
      "base64",
    );
  }

  /** What a user that does not exist is compared with: always the same, and as expensive as those of others. */
  #decoyFor(userName: string): PasswordHash {
    const number = createHmac("sha256", this.#secret).update(userName).digest().readUInt32BE();
    return this.#decoys[number % this.#decoys.length] as PasswordHash; // There is at least one.
  }
}

function decoysFor(users: PasswordHashes): readonly PasswordHash[] {
  if (users.size > 0) return [...users.values()];
  const salt = randomBytes(12);
  return [{ algorithm: "pbkdf2-sha512", iterations: DEFAULT_ITERATIONS, salt, hash: randomBytes(HASH_BYTES) }];
}

function refused(reasonCode: ReasonCode, reason: string, isUnknownUser = false): Authentication {
  return { isAccepted: false, reasonCode, reason, isUnknownUser };
}
