import { DEFAULT_ITERATIONS, parsePasswordHash, type PasswordHash, verifyPassword } from "../auth/password_hash.ts";
import { FailureLimit, Semaphore } from "../auth/throttle.ts";
import type { AdminAccess, Authorize, AuthorizedUser, RequestInfo } from "./options.ts";
import { Problem } from "./problems.ts";
import type { Role, SignedIn } from "./roles.ts";
import { type NewSession, Sessions } from "./sessions.ts";
import { LinkTokens, Tokens } from "./tokens.ts";

/** Name of the cookie of a session. */
export const COOKIE = "brooklet_admin";

const PER_MINUTE_OF_ADDRESS = 5;
const PER_MINUTE_OF_ALL = 20;
// Hashing takes a thread, which MQTT clients need for their passwords too.
const MOST_HASHING = 1;
// All that the limit lets in may wait: who is beyond it hears of the limit.
const MOST_WAITING = PER_MINUTE_OF_ALL;
const LONGEST_WAIT_MS = 20_000;
/** Session of a link that was printed for the operator. */
const OF_LINK: NewSession = { name: "one-time link", role: "admin" };

/** Signal of a user's signing out. */
interface SignOut {
  readonly ended: AbortSignal;
  stop(): void;
}

interface User {
  readonly hash: PasswordHash;
  /** Hash as it was written, to see whether it changes. */
  readonly text: string;
  readonly role: Role;
}

/** People and programs that may use the API, and how they show it. */
export class SignIn {
  readonly sessions: Sessions;
  readonly tokens: Tokens;
  readonly links: LinkTokens;
  readonly #authorize: Authorize | undefined;
  readonly #ofAddress = new FailureLimit({ burst: PER_MINUTE_OF_ADDRESS, perMinute: PER_MINUTE_OF_ADDRESS });
  readonly #ofAll = new FailureLimit({ burst: PER_MINUTE_OF_ALL, perMinute: PER_MINUTE_OF_ALL });
  readonly #turns = new Semaphore(MOST_HASHING, MOST_WAITING, LONGEST_WAIT_MS);
  readonly #decoy: PasswordHash = decoy();
  /** Users of the app that have streams, by name and role. */
  readonly #ofApp = new Map<string, SignedIn>();
  readonly #closed = new AbortController();
  #users: ReadonlyMap<string, User> = new Map();

  /** @throws RangeError for a hash that is none, or a name that is there twice */
  constructor(access: AdminAccess, authorize: Authorize | undefined, now: () => number) {
    this.sessions = new Sessions(now);
    this.tokens = new Tokens(now);
    this.links = new LinkTokens(now);
    this.#authorize = authorize;
    this.configure(access);
  }

  /** Whether anybody can sign in with a password. */
  get hasUsers(): boolean {
    return this.#users.size > 0;
  }

  /** Puts other users and tokens in force, and ends the sessions of users who are gone or have another password or role. */
  configure({ users = [], tokens = [] }: AdminAccess): void {
    const next = new Map<string, User>();
    for (const { name, passwordHash: text, role } of users) {
      const hash = parsePasswordHash(text);
      if (hash === undefined) throw new RangeError(`Cannot use the user "${name}": the hash of the password is none`);
      if (next.has(name)) throw new RangeError(`Cannot use the user "${name}": it is there twice`);
      next.set(name, { hash, text, role });
    }
    this.tokens.configure(tokens);
    const before = this.#users;
    this.#users = next;
    this.sessions.endThose(({ name }) => {
      const [was, is] = [before.get(name), next.get(name)];
      return was !== undefined && !(was.text === is?.text && was.role === is.role);
    });
  }

  /**
   * Finds the sender of a request; `undefined`: it is not signed in.
   *
   * @throws Problem 401 for a token that is wrong, 429 for too many
   */
  async callerOf(request: Request, info: RequestInfo, address: string): Promise<SignedIn | undefined> {
    const user = await this.#authorize?.(request, info);
    if (user !== undefined) return this.#signedInByApp(user);
    const token = bearerOf(request);
    if (token !== undefined) return await this.tokens.find(token) ?? this.#refuseToken(address);
    for (const cookie of cookiesOf(request)) {
      const session = await this.sessions.find(cookie);
      if (session !== undefined) return session;
    }
    return undefined;
  }

  /** Uses the token of a link up, or takes one of a program. @throws Problem 401 for one that is wrong, 429 for too many */
  async withToken(token: string, address: string): Promise<NewSession> {
    // 256 random bits cannot be guessed, so earlier failures from this address do not matter.
    if (await this.links.use(token)) return OF_LINK;
    const known = await this.tokens.find(token);
    if (known !== undefined) return { name: known.name, role: known.role, until: known.ended };
    this.#take(address);
    throw refusal("The link is wrong, was used already, or is older than 10 minutes: ask for a new one");
  }

  /** Checks a password. @throws Problem 401 if it is wrong, 429 for too many, 503 if too many wait */
  async withPassword(name: string, password: string, address: string): Promise<NewSession> {
    this.#take(address);
    const user = this.#users.get(name);
    const bytes = new TextEncoder().encode(password);
    // An unknown user takes as long as a known one.
    const isRight = await this.#turns.run(() => verifyPassword(bytes, user?.hash ?? this.#decoyHash()));
    if (isRight === undefined) {
      this.#giveBack(address);
      const headers = { "retry-after": "5" };
      throw new Problem(503, "Busy", "Too many sign in at once: try again in some seconds", { headers });
    }
    if (!isRight || user === undefined || this.#users.get(name) !== user) {
      throw refusal("The user name or the password is wrong");
    }
    this.#giveBack(address);
    return { name, role: user.role };
  }

  /**
   * Gives a signal that aborts when its user is signed out; a user of the app, when the app says so, which it is asked again
   * and again. Call `stop` when it is no longer needed.
   */
  endOf(signedIn: SignedIn, request: Request, info: RequestInfo, everyMs: number): SignOut {
    const authorize = this.#authorize;
    if (signedIn.by !== "app" || authorize === undefined) return { ended: signedIn.ended, stop: () => {} };
    const gone = new AbortController();
    const end = () => gone.abort(new DOMException("The app has signed the user out", "AbortError"));
    const ask = async () => {
      const user = await authorize(request, info);
      if (user === undefined || user.name !== signedIn.name || user.role !== signedIn.role) end();
    };
    const timer = setInterval(() => void ask().catch(end), everyMs);
    return { ended: AbortSignal.any([gone.signal, signedIn.ended]), stop: () => clearInterval(timer) };
  }

  /** Ends all sessions and streams. */
  close(): void {
    this.sessions.close();
    this.tokens.close();
    this.links.close();
    this.#closed.abort(new DOMException("The server is closed", "AbortError"));
  }

  /** Takes an attempt of an address. @throws Problem 429 if none is left */
  #take(address: string): void {
    const isOfAddressLeft = this.#ofAddress.take(address);
    if (isOfAddressLeft && this.#ofAll.take("all")) return;
    if (isOfAddressLeft) this.#ofAddress.giveBack(address);
    const seconds = Math.ceil(60 / (isOfAddressLeft ? PER_MINUTE_OF_ALL : PER_MINUTE_OF_ADDRESS));
    const detail = `Too many wrong passwords and tokens: try again in ${seconds} seconds`;
    throw new Problem(429, "Too many failures", detail, { headers: { "retry-after": `${seconds}` } });
  }

  #giveBack(address: string): void {
    this.#ofAddress.giveBack(address);
    this.#ofAll.giveBack("all");
  }

  #refuseToken(address: string): never {
    this.#take(address);
    throw refusal("The token is wrong, or is not valid any more");
  }

  /** The same object for the same user while it has streams, because these are counted by it. */
  #signedInByApp({ name, role }: AuthorizedUser): SignedIn {
    const key = `${role} ${name}`;
    const known = this.#ofApp.get(key);
    if (known !== undefined) return known;
    for (const [other, { streams }] of this.#ofApp) if (streams === 0) this.#ofApp.delete(other);
    const user: SignedIn = { name, role, by: "app", untilMs: undefined, ended: this.#closed.signal, streams: 0 };
    this.#ofApp.set(key, user);
    return user;
  }

  #decoyHash(): PasswordHash {
    const [first] = this.#users.values();
    return first?.hash ?? this.#decoy;
  }
}

/** Token of `Authorization: Bearer` (RFC 6750, section 2.1). */
export function bearerOf({ headers }: Request): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(headers.get("authorization") ?? "")?.[1];
}

function cookiesOf({ headers }: Request): string[] {
  const pairs = (headers.get("cookie") ?? "").split(";").map((pair) => pair.trim());
  // There may be several, as a page of another port of this host may have set one: each is looked up.
  return pairs.filter((pair) => pair.startsWith(`${COOKIE}=`)).slice(0, 4).map((pair) => pair.slice(COOKIE.length + 1));
}

/** Refusal of a request that is not signed in (RFC 9110, section 11.6.1). */
export function refusal(detail: string, members: Readonly<Record<string, unknown>> = {}): Problem {
  return new Problem(401, "Not signed in", detail, { members, headers: { "www-authenticate": "Bearer" } });
}

function decoy(): PasswordHash {
  const [salt, hash] = [crypto.getRandomValues(new Uint8Array(12)), crypto.getRandomValues(new Uint8Array(64))];
  return { algorithm: "pbkdf2-sha512", iterations: DEFAULT_ITERATIONS, salt, hash };
}
