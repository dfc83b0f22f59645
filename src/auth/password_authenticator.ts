import { createHmac, randomBytes } from "node:crypto";
import { ReasonCode } from "../codec/reason_code.ts";
import type { Authentication, AuthenticationRequest } from "../protocol/access.ts";
import { type Authenticator, refused, WRONG_CREDENTIALS } from "./authentication.ts";
import type { PasswordHashes } from "./password_file.ts";
import { DEFAULT_ITERATIONS, formatPasswordHash, type PasswordHash, verifyPassword } from "./password_hash.ts";
import { deleteOldest, type FailureLimitOptions, GuessLimit, networkOf, Semaphore } from "./throttle.ts";

const HASH_BYTES = 64;

/** Options of {@linkcode PasswordAuthenticator}. */
export interface PasswordAuthenticatorOptions {
  /**
   * Limit of wrong passwords per address (of IPv6: a /64); beyond it the address is refused with 0x9F, without checking
   * its credentials. A user whose password was right from there before still gets in, until ten times as many wrong
   * ones came in its name.
   */
  readonly failures?: FailureLimitOptions;
  /**
   * Leave unknown users to the next authenticator at once, neither counted nor compared with anything: for a next
   * authenticator that counts by itself. The time of an answer then reveals which of the two knows a user. @default
   * {false}
   */
  readonly leavesUnknownUsers?: boolean;
  /** Passwords verified at the same time, each by a thread. @default one less than there are processors */
  readonly maximumRunning?: number;
  /** Clients that may wait for this; any more are refused with 0x89. @default {1_000} */
  readonly maximumWaiting?: number;
  /** Longest wait in milliseconds: less than `hookTimeoutMs`, or waiting is in vain. @default {8_000} */
  readonly maximumWaitMs?: number;
  /**
   * Right answers that are remembered, and as many networks they came from, as a keyed digest with a key that never
   * leaves the process: without them 1,000 reconnecting clients would need two minutes of a processor. 0: none.
   * @default {10_000}
   */
  readonly rememberedSuccesses?: number;
}

/**
 * Authenticates clients by user name and password; the user name becomes the principal. An unknown user is refused with
 * the same reason and in the same time as a wrong password.
 *
 * @example
 * ```ts
 * import { Broker } from "@brooklet/brooklet";
 * import { parsePasswordFile, PasswordAuthenticator } from "@brooklet/brooklet/auth";
 *
 * const users = parsePasswordFile("# made by: brooklet passwd -c FILE USER\n");
 * await using broker = await Broker.open({ authenticator: new PasswordAuthenticator(users) });
 * ```
 */
export class PasswordAuthenticator implements Authenticator {
  readonly #guesses: GuessLimit;
  readonly #turns: Semaphore;
  readonly #mostSuccesses: number;
  readonly #leavesUnknownUsers: boolean;
  readonly #secret = randomBytes(32);
  /** Hashes that credentials were right for, by digest of name and password, and by network and digest. */
  readonly #successes = new Map<string, PasswordHash>();
  readonly #places = new Map<string, PasswordHash>();
  /** Verifications in progress: many clients with the same password need only one. */
  readonly #running = new Map<string, Promise<boolean | undefined>>();
  #users: PasswordHashes;
  #decoys: readonly PasswordHash[];

  /** Makes it for users and their hashes. @throws RangeError for limits that let nobody in */
  constructor(users: PasswordHashes, options: PasswordAuthenticatorOptions = {}) {
    const { maximumWaiting = 1_000, maximumWaitMs = 8_000, rememberedSuccesses = 10_000 } = options;
    const { maximumRunning = Math.max(1, navigator.hardwareConcurrency - 1) } = options;
    if (!(maximumRunning >= 1)) throw new RangeError("Cannot check passwords: maximumRunning is less than 1");
    this.#guesses = new GuessLimit(options.failures);
    this.#turns = new Semaphore(maximumRunning, maximumWaiting, maximumWaitMs);
    this.#mostSuccesses = rememberedSuccesses;
    this.#leavesUnknownUsers = options.leavesUnknownUsers ?? false;
    this.#users = users;
    this.#decoys = decoysFor(users);
  }

  /**
   * Puts other users in force. Connected clients stay; gives the names that are gone or have another password, so that
   * they can be disconnected.
   */
  replace(users: PasswordHashes): string[] {
    const changed = [...this.#users].filter(([name, hash]) => {
      const now = users.get(name);
      return now === undefined || formatPasswordHash(now) !== formatPasswordHash(hash);
    });
    this.#users = users;
    this.#decoys = decoysFor(users);
    this.#successes.clear();
    this.#places.clear();
    this.#running.clear(); // Verifications in progress compare with the old hashes.
    return changed.map(([name]) => name);
  }

  /** Compares user name and password with the hash of the user; without a promise if that is known already. */
  authenticate({ connect, address }: AuthenticationRequest): Authentication | Promise<Authentication> {
    const { userName = "", password } = connect;
    if (userName === "") return refused("there is no user name", { isUnknownUser: true });
    if (password === undefined || password.length === 0) {
      return refused("there is no password");
    }
    const kept = this.#users.get(userName);
    if (kept === undefined && this.#leavesUnknownUsers) {
      return refused(WRONG_CREDENTIALS, { isUnknownUser: true });
    }
    const said: Said = { userName, kept, network: networkOf(address), digest: this.#digest(userName, password) };
    const { network, digest } = said;
    // Only for a network of earlier success: to another one this would reveal the right password, however often it
    // guesses.
    const isKnown = kept !== undefined && this.#places.get(placeOf(said)) === kept;
    if (isKnown && this.#guesses.trusts(network, userName)) return { isAccepted: true, principal: userName };
    if (!this.#guesses.take(network)) {
      this.#guesses.failed(network, userName, placeOf(said));
      return refused("too many wrong passwords came from this address", {
        reasonCode: ReasonCode.ConnectionRateExceeded,
      });
    }
    return kept !== undefined && this.#successes.get(digest) === kept
      ? this.#accept(said, kept)
      : this.#check(password, said);
  }

  async #check(password: Uint8Array, said: Said): Promise<Authentication> {
    const { userName, kept, network, digest } = said;
    const isRight = await this.#verify(password, digest, kept ?? this.#decoyFor(userName));
    if (isRight === undefined) {
      this.#guesses.giveBack(network);
      return refused("too many clients wait for their passwords to be checked", { reasonCode: ReasonCode.ServerBusy });
    }
    if (isRight && kept !== undefined) return this.#accept(said, kept);
    this.#guesses.failed(network, userName, placeOf(said));
    return refused(WRONG_CREDENTIALS, { isUnknownUser: kept === undefined });
  }

  #accept(said: Said, kept: PasswordHash): Authentication {
    const { userName: principal, network, digest } = said;
    this.#guesses.giveBack(network);
    if (this.#mostSuccesses > 0 && this.#users.get(principal) === kept) { // Not if the users were replaced meanwhile.
      this.#remember(this.#successes, digest, kept);
      this.#remember(this.#places, placeOf(said), kept);
      this.#guesses.succeeded(network, principal);
    }
    return { isAccepted: true, principal };
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

  #remember(right: Map<string, PasswordHash>, key: string, kept: PasswordHash): void {
    if (!right.has(key) && right.size >= this.#mostSuccesses) deleteOldest(right);
    right.set(key, kept);
  }

  #digest(userName: string, password: Uint8Array): string {
    return createHmac("sha256", this.#secret).update(`${userName.length}:${userName}`).update(password).digest(
      "base64",
    );
  }

  /** Hash to verify an unknown user against: always the same one, and as expensive as those of others. */
  #decoyFor(userName: string): PasswordHash {
    const number = createHmac("sha256", this.#secret).update(userName).digest().readUInt32BE();
    return this.#decoys[number % this.#decoys.length] as PasswordHash; // There is at least one.
  }
}

/** Credentials of a client, and the hash of its user. */
interface Said {
  readonly userName: string;
  /** `undefined`: there is no such user. */
  readonly kept: PasswordHash | undefined;
  readonly network: string;
  /** Digest of name and password. */
  readonly digest: string;
}

function placeOf({ network, digest }: Said): string {
  return `${network} ${digest}`;
}

function decoysFor(users: PasswordHashes): readonly PasswordHash[] {
  if (users.size > 0) return [...users.values()];
  const salt = randomBytes(12);
  return [{ algorithm: "pbkdf2-sha512", iterations: DEFAULT_ITERATIONS, salt, hash: randomBytes(HASH_BYTES) }];
}
