import { createHmac, randomBytes } from "node:crypto";
import { ReasonCode } from "../codec/reason_code.ts";
import type { Authentication, AuthenticationRequest, Grant } from "../protocol/access.ts";
import { isTopicFilter } from "./acl_rules.ts";
import { type Authenticator, refused, WRONG_CREDENTIALS } from "./authentication.ts";
import { type FailureLimitOptions, GuessLimit, limitedText, networkOf, Semaphore } from "./throttle.ts";

const MOST_ANSWER_BYTES = 65_536;
const MOST_KEPT_BYTES = 10_000_000;
const LONGEST_TIMER_MS = 2_147_483_647; // A longer one fires at once.
const DEFAULT_FAILURES: FailureLimitOptions = { burst: 100, perMinute: 60 };
const ACCESS: readonly unknown[] = ["read", "write", "readwrite", "deny"];

/** Options of {@linkcode webhookAuthenticator}. */
export interface WebhookOptions {
  /** URL that gets a POST for each client. Use `https:`: the POST contains passwords. */
  readonly url: string | URL;
  /** Headers of each request, such as `Authorization`. @default none */
  readonly headers?: Readonly<Record<string, string>>;
  /** Longest time for a request, in milliseconds. @default {3_000} */
  readonly timeoutMs?: number;
  /** Lifetime of an answer for a client with the same credentials, in milliseconds; 0: none. @default {30_000} */
  readonly cacheMs?: number;
  /** Answers that are kept, up to 10 MB. @default {10_000} */
  readonly maximumCached?: number;
  /**
   * Limit of refusals and of concurrent questions per address (of IPv6: a /64); beyond it clients are refused with
   * 0x9F, without a request. A client whose answer is still remembered gets in, until ten times as many were refused in
   * the name of its user. @default {100} at once and 60 each minute
   */
  readonly failures?: FailureLimitOptions;
  /** Requests at the same time. @default {16} */
  readonly maximumRunning?: number;
  /**
   * Clients that may wait for their request, as long as `timeoutMs`; any more are refused with 0x89. @default {1_000}
   */
  readonly maximumWaiting?: number;
  /** Function that sends requests. @default the global one */
  readonly fetch?: typeof fetch;
}

/**
 * Asks an HTTP server about each client. The server gets
 * `{"clientId":"a","username":"ann","password":"secret","address":"192.0.2.1:4711","listener":"mqtts://0.0.0.0:8883"}`,
 * and answers `{"allow":true}` with status 200. It may add `"principal"` (default: the user name),
 * `"roles":["operator"]`, `"acl":[{"access":"read","topic":"plant/#"}]` and `"expiresInSeconds":3600`; with
 * `"allow":false` it may add `"unknown":true`, to leave the client to the next authenticator. 401 and 403 refuse the
 * client. Any other answer, or none, refuses it too and is reported as an error, without the client's credentials.
 *
 * @throws RangeError for an invalid timeout
 */
export function webhookAuthenticator(options: WebhookOptions): Authenticator {
  const { timeoutMs = 3_000, cacheMs = 30_000, maximumCached = 10_000 } = options;
  if (!(timeoutMs >= 1 && timeoutMs <= LONGEST_TIMER_MS)) {
    throw new RangeError(`Cannot ask the webhook: timeoutMs "${timeoutMs}" is not between 1 and ${LONGEST_TIMER_MS}`);
  }
  const turns = new Semaphore(options.maximumRunning ?? 16, options.maximumWaiting ?? 1_000, timeoutMs);
  const guesses = new GuessLimit(options.failures ?? DEFAULT_FAILURES);
  const secret = randomBytes(32);
  const answers = new KeptAnswers(maximumCached, cacheMs);
  const running = new Map<string, Promise<Authentication>>();

  const ask = async (question: Question, network: string, digest: string): Promise<Authentication> => {
    const { username = "" } = question;
    let isRefused = false;
    try {
      const answer = await turns.run(() => post(question, options, timeoutMs));
      isRefused = answer?.isAccepted === false;
      if (answer === undefined) {
        return refused("too many clients wait to be authenticated", { reasonCode: ReasonCode.ServerBusy });
      }
      answers.keep(digest, answer);
      if (isRefused) guesses.failed(network, username, digest);
      else guesses.succeeded(network, username);
      return answer;
    } finally {
      running.delete(digest);
      if (!isRefused) guesses.giveBack(network);
    }
  };
  return {
    authenticate(request) {
      const question = questionOf(request);
      if (question === undefined) return refused("the password is not UTF-8");
      const network = networkOf(question.address);
      const lasting = JSON.stringify({ ...question, address: network }); // Without the port, which differs each time.
      const digest = createHmac("sha256", secret).update(lasting).digest("base64");
      const { username = "" } = question;
      const kept = answers.find(digest);
      // Otherwise the right password would be recognisable as the one that is not refused, however often the network
      // guesses.
      const known = kept?.isAccepted && !guesses.trusts(network, username) ? undefined : kept ?? running.get(digest);
      if (known !== undefined) return known;
      if (!guesses.take(network)) {
        guesses.failed(network, username, digest);
        return refused("too many clients of this address were refused", {
          reasonCode: ReasonCode.ConnectionRateExceeded,
        });
      }
      const asked = ask(question, network, digest);
      running.set(digest, asked);
      return asked;
    },
  };
}

/** Answers for clients that return with the same credentials. */
class KeptAnswers {
  readonly #most: number;
  readonly #keptMs: number;
  readonly #answers = new Map<string, { readonly answer: Authentication; readonly sinceMs: number }>();
  /** Bytes of all answers that were kept since it was empty. */
  #bytes = 0;

  constructor(most: number, keptMs: number) {
    this.#most = most;
    this.#keptMs = keptMs;
  }

  /** Keeps an answer, at most as long as it lets the client in. */
  keep(digest: string, answer: Authentication): void {
    if (this.#keptMs === 0) return;
    const bytes = JSON.stringify(answer).length;
    if (this.#answers.size >= this.#most || this.#bytes + bytes > MOST_KEPT_BYTES) {
      this.#answers.clear();
      this.#bytes = 0;
    }
    this.#bytes += bytes;
    this.#answers.set(digest, { answer, sinceMs: performance.now() });
  }

  find(digest: string): Authentication | undefined {
    const known = this.#answers.get(digest);
    if (known !== undefined) {
      const { answer, sinceMs } = known;
      const keptMs = performance.now() - sinceMs;
      if (!answer.isAccepted || answer.expiresInMs === undefined) {
        if (keptMs < this.#keptMs) return answer;
      } else if (keptMs < Math.min(this.#keptMs, answer.expiresInMs)) {
        return { ...answer, expiresInMs: answer.expiresInMs - keptMs };
      }
    }
    this.#answers.delete(digest);
    return undefined;
  }
}

/** Body of the request, as JSON. */
interface Question {
  readonly clientId: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly address: string;
  readonly listener: string;
  readonly certificateName: string | undefined;
}

/** Question about a client; `undefined`: JSON cannot express it. */
function questionOf(request: AuthenticationRequest): Question | undefined {
  const { clientId, address, listener, certificateName, connect: { userName: username, password } } = request;
  try {
    const text = password === undefined ? undefined : new TextDecoder("utf-8", { fatal: true }).decode(password);
    return { clientId, username, password: text, address, listener, certificateName };
  } catch {
    return undefined; // Not UTF-8.
  }
}

async function post(question: Question, options: WebhookOptions, timeoutMs: number): Promise<Authentication> {
  const { url, headers = {}, fetch: send = fetch } = options;
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), timeoutMs);
  try {
    const response = await send(url, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: JSON.stringify(question),
      redirect: "error",
      signal: controller.signal,
    });
    const text = await limitedText(response, MOST_ANSWER_BYTES);
    if (text === undefined) throw failure(`its answer is longer than ${MOST_ANSWER_BYTES} bytes`);
    if (response.status === 401 || response.status === 403) return refused(WRONG_CREDENTIALS);
    if (response.status !== 200) throw failure(`it answered with status ${response.status}`);
    return answerOf(text, question.username);
  } catch (error) {
    if (error instanceof WebhookError) throw error;
    // Errors of fetch contain the URL, which may have a secret in it.
    throw failure(controller.signal.aborted ? `it did not answer within ${timeoutMs} ms` : "it could not be reached");
  } finally {
    clearTimeout(timer);
  }
}

function answerOf(text: string, userName: string | undefined): Authentication {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    throw failure("its answer is not JSON");
  }
  const { allow, unknown, principal = userName, roles = [], acl = [], expiresInSeconds } = isRecord(answer)
    ? answer
    : {};
  if (typeof allow !== "boolean") throw failure(`its answer has no "allow"`);
  if (!allow) return refused(WRONG_CREDENTIALS, { isUnknownUser: unknown === true });
  if (principal !== undefined && typeof principal !== "string") throw failure(`"principal" is not a text`);
  if (!isList(roles, (role): role is string => typeof role === "string")) {
    throw failure(`"roles" is not a list of names`);
  }
  if (!isList(acl, isRule)) throw failure(`"acl" is not a list of rules`);
  if (expiresInSeconds !== undefined && !(typeof expiresInSeconds === "number" && expiresInSeconds > 0)) {
    throw failure(`"expiresInSeconds" is not a number above 0`);
  }
  return {
    isAccepted: true,
    roles,
    grants: acl.map(({ access, topic }) => ({ access, topicFilter: topic })),
    ...principal === undefined ? {} : { principal },
    ...expiresInSeconds === undefined ? {} : { expiresInMs: expiresInSeconds * 1_000 },
  };
}

function isRule(rule: unknown): rule is { access: Grant["access"]; topic: string } {
  const { access, topic } = isRecord(rule) ? rule : {};
  return ACCESS.includes(access) && typeof topic === "string" && isTopicFilter(topic);
}

function isList<Item>(value: unknown, isItem: (item: unknown) => item is Item): value is readonly Item[] {
  return Array.isArray(value) && value.every(isItem);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

class WebhookError extends Error {
  override readonly name = "WebhookError";
}

function failure(why: string): WebhookError {
  return new WebhookError(`Cannot ask the webhook: ${why}`);
}
