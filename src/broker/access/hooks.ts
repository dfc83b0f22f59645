import type {
  AuthenticationExchange,
  Authenticator,
  Authorizer,
  EnhancedAuthenticator,
} from "../../auth/authentication.ts";
import {
  authenticationOf,
  decisionOf,
  isThenable,
  promptDecisionOf,
  reviewedMessageOf,
  stepOf,
  wrongAnswer,
} from "../../auth/hook_answers.ts";
import type { Message } from "../../codec/message.ts";
import { ReasonCode } from "../../codec/reason_code.ts";
import type { AccessRequest, AuthenticationRequest, ClientIdentity } from "../../protocol/access.ts";
import type { Answer, Ask, ReviewedMessage } from "../../protocol/connection_host.ts";
import type { ApplicationMessage } from "../../protocol/message.ts";
import type { SessionContext } from "../../protocol/session_context.ts";
import type { Peer } from "../../transport/transport.ts";
import type { BrokerEvent } from "../events.ts";
import type { OnPublish } from "../options.ts";
import type { MayStillPublish } from "../retained.ts";

const NOT_AUTHENTICATED: Answer = {
  kind: "refused",
  reasonCode: ReasonCode.NotAuthorized,
  reason: "the client could not be authenticated",
};

const ALLOWED: Answer = { kind: "authorize", isAllowed: true };
const DENIED: Answer = { kind: "authorize", isAllowed: false };

/**
 * Asks the hooks of the app. Whatever they throw, or answer that is no answer, refuses one client and ends nothing else; a
 * request that is denied is counted and told.
 */
export class Hooks {
  /** Requests that were denied since the broker was opened. */
  readonly denied = { publish: 0, subscribe: 0 };
  readonly #authenticator: Authenticator | undefined;
  readonly #authorizer: Authorizer | undefined;
  readonly #onPublish: OnPublish | undefined;
  readonly #methods: ReadonlyMap<string, EnhancedAuthenticator>;
  readonly #timeoutMs: number;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  readonly #onEvent: (event: BrokerEvent) => void;
  readonly #unexpectedError: (error: unknown) => void;
  #isVersionKnown = true;

  constructor(
    { authenticator, authorizer, onPublish, enhancedAuthenticators = [], timeoutMs, onEvent, unexpectedError }: {
      readonly authenticator?: Authenticator | undefined;
      readonly authorizer?: Authorizer | undefined;
      readonly onPublish?: OnPublish | undefined;
      readonly enhancedAuthenticators?: readonly EnhancedAuthenticator[] | undefined;
      readonly timeoutMs: number;
      readonly onEvent: (event: BrokerEvent) => void;
      readonly unexpectedError: (error: unknown) => void;
    },
  ) {
    this.#authenticator = authenticator;
    this.#authorizer = authorizer;
    this.#onPublish = onPublish;
    this.#methods = new Map(enhancedAuthenticators.map((authenticator) => [authenticator.method, authenticator]));
    this.#timeoutMs = timeoutMs;
    this.#onEvent = onEvent;
    this.#unexpectedError = unexpectedError;
  }

  get hasAuthenticator(): boolean {
    return this.#authenticator !== undefined;
  }

  get reviewsMessages(): boolean {
    return this.#onPublish !== undefined;
  }

  get hasAuthorizer(): boolean {
    return this.#authorizer !== undefined;
  }

  /** Rules that are asked when a message is delivered; `undefined`: the authorizer has none. */
  get deliveryRules(): SessionContext["deliveryRules"] {
    const authorizer = this.#authorizer;
    if (authorizer?.mayReceive === undefined) return undefined;
    const unexpectedError = this.#unexpectedError;
    const version = () => this.rulesVersion;
    return {
      get version() {
        return version();
      },
      mayReceive(identity, topic) {
        try {
          const request = { ...identity, action: "receive", topic, qos: 0, retain: false } as const;
          return promptDecisionOf("mayReceive", authorizer.mayReceive?.(request));
        } catch (error) {
          unexpectedError(error); // Refused: it cannot be decided.
          return false;
        }
      },
    };
  }

  /** Asks whether the publisher of a retained message may still publish it; `undefined`: the authorizer does not say. */
  get mayStillPublish(): MayStillPublish | undefined {
    const authorizer = this.#authorizer;
    if (authorizer?.mayStillPublish === undefined) return undefined;
    return (request) => {
      try {
        if (promptDecisionOf("mayStillPublish", authorizer.mayStillPublish?.(request))) return true;
      } catch (error) {
        this.#unexpectedError(error); // Refused: it cannot be decided.
      }
      const { clientId, principal, topic, qos } = request;
      this.#onEvent({ kind: "retainedWithheld", clientId, principal, topic, qos });
      return false;
    };
  }

  hasAuthenticationMethod(method: string): boolean {
    return this.#methods.has(method);
  }

  /** One step of enhanced authentication (MQTT 5, section 4.12). */
  async exchange(ask: Extract<Ask, { kind: "exchange" }>, address: string): Promise<Answer> {
    try {
      const known = ask.exchange as AuthenticationExchange | undefined; // They all come from here.
      const exchange = known ?? await this.#begin(ask, address);
      return { kind: "exchange", exchange, step: await this.#inTime(stepOf(exchange.next(ask.data))) };
    } catch (error) {
      this.#unexpectedError(error); // A client that cannot be checked is not let in.
    }
    return NOT_AUTHENTICATED;
  }

  async #begin(
    { method, clientId }: Extract<Ask, { kind: "exchange" }>,
    address: string,
  ): Promise<AuthenticationExchange> {
    const begun: unknown = this.#methods.get(method)?.begin({ clientId, address });
    const exchange = isThenable(begun) ? await this.#inTime(Promise.resolve(begun)) : begun;
    if (typeof exchange === "object" && exchange !== null && "next" in exchange) {
      return exchange as AuthenticationExchange; // If "next" is no function, calling it is an error as any other.
    }
    throw wrongAnswer("begin", exchange, `an object with a function "next"`);
  }

  /** Asks the authenticator; without a promise where it answers at once. */
  authenticate(request: AuthenticationRequest): Answer | Promise<Answer> {
    const refuse = (error: unknown): Answer => {
      this.#unexpectedError(error); // A client that cannot be checked is not let in.
      return NOT_AUTHENTICATED;
    };
    try {
      const result = authenticationOf(this.#authenticator?.authenticate(request));
      if (!(result instanceof Promise)) return { kind: "authenticate", result };
      return this.#inTime(result).then((result): Answer => ({ kind: "authenticate", result }), refuse);
    } catch (error) {
      return refuse(error);
    }
  }

  /** Asks the authorizer; without a promise where it answers at once. What it cannot decide is refused. */
  authorize(request: AccessRequest, peer: Peer): Answer | Promise<Answer> {
    const answered = (isAllowed: boolean | undefined): Answer => {
      if (isAllowed === true) return ALLOWED;
      this.tellDenied(request, peer);
      return DENIED;
    };
    const isAllowed = this.mayDo(request);
    return isAllowed instanceof Promise ? isAllowed.then(answered) : answered(isAllowed);
  }

  /**
   * Has the app look at a message before it is routed; without a promise where it answers at once. Never rejects: what it
   * throws, or gives that is no message, has failed.
   *
   * @param client publisher; `undefined`: it is the broker's own process
   */
  review(message: Message, client: ClientIdentity | undefined): ReviewedMessage | Promise<ReviewedMessage> {
    const fail = (error: unknown): ReviewedMessage => {
      this.#unexpectedError(error); // Not published: the app may have wanted to change it.
      return "failed";
    };
    try {
      const reviewed = reviewedMessageOf(this.#onPublish?.(message, client), message);
      return reviewed instanceof Promise ? this.#inTime(reviewed).catch(fail) : reviewed;
    } catch (error) {
      return fail(error);
    }
  }

  /** Counts and tells what a client may not do. */
  tellDenied({ action, clientId, principal, topic, qos, retain }: AccessRequest, peer: Peer): void {
    if (action === "receive") return; // The client has not asked for it.
    this.denied[action] += 1;
    this.#onEvent({ kind: "accessDenied", peer, clientId, principal, action, topic, qos, retain });
  }

  /** Asks again about a Will that is due: between CONNECT and now the rules may have changed. */
  mayPublishWill({ topic, qos, retain }: ApplicationMessage, identity: ClientIdentity): boolean | Promise<boolean> {
    if (!this.hasAuthorizer) return true;
    const answered = (isAllowed: boolean | undefined): boolean => {
      if (isAllowed === true) return true;
      const { clientId, principal } = identity;
      this.denied.publish += 1;
      this.#onEvent({ kind: "willDenied", clientId, principal, topic, qos, retain });
      return false;
    };
    const isAllowed = this.mayDo({ ...identity, action: "publish", topic, qos, retain });
    return isAllowed instanceof Promise ? isAllowed.then(answered) : answered(isAllowed);
  }

  /** Asks the authorizer without telling of a denial; `undefined`: it cannot say. Never rejects. */
  mayDo(request: AccessRequest): boolean | undefined | Promise<boolean | undefined> {
    const unknown = (error: unknown): undefined => {
      this.#unexpectedError(error);
    };
    try {
      const isAllowed = decisionOf(this.#authorizer?.authorize(request));
      return typeof isAllowed === "boolean" ? isAllowed : this.#inTime(isAllowed).catch(unknown);
    } catch (error) {
      return unknown(error);
    }
  }

  /** Says which rule lets a client receive messages of a topic, and whether it may; without a rule there is none to name. */
  explainReceiving(identity: ClientIdentity, topic: string): { readonly isAllowed: boolean; readonly rule?: string } {
    const request = { ...identity, action: "receive", topic, qos: 0, retain: false } as const;
    try {
      const isAllowed = this.#authorizer?.mayReceive === undefined ||
        promptDecisionOf("mayReceive", this.#authorizer.mayReceive(request));
      const rule: unknown = this.#authorizer?.explain?.(request);
      return typeof rule === "string" ? { isAllowed, rule } : { isAllowed };
    } catch (error) {
      this.#unexpectedError(error); // Refused: it cannot be decided.
      return { isAllowed: false };
    }
  }

  /** Version of the access rules, which grows when they have changed; NaN: the authorizer cannot say. */
  get rulesVersion(): number {
    try {
      const version = this.#authorizer?.version ?? 0;
      this.#isVersionKnown = true;
      return version;
    } catch (error) {
      if (this.#isVersionKnown) this.#unexpectedError(error); // Once: it is asked for each message.
      this.#isVersionKnown = false;
      return NaN;
    }
  }

  /** Rejects when a hook does not answer. */
  async #inTime<Result>(answer: Promise<Result>): Promise<Result> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      late.reject(new Error(`A hook did not answer within ${this.#timeoutMs} ms`));
    }, this.#timeoutMs);
    this.#timers.add(timer);
    try {
      return await Promise.race([answer, late.promise]);
    } finally {
      clearTimeout(timer);
      this.#timers.delete(timer);
    }
  }

  /** Ends all waits for hooks: their answers would be lost. */
  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}
