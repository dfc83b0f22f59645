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
  stepOf,
  wrongAnswer,
} from "../../auth/hook_answers.ts";
import { ReasonCode } from "../../codec/reason_code.ts";
import type { AccessRequest, AuthenticationRequest, ClientIdentity } from "../../protocol/access.ts";
import type { Answer, Ask } from "../../protocol/ask.ts";
import type { ApplicationMessage } from "../../protocol/message.ts";
import type { SessionContext } from "../../protocol/session_context.ts";
import type { Peer } from "../../transport/transport.ts";
import type { BrokerEvent } from "../events.ts";
import type { MayStillPublish } from "../retained.ts";

const NOT_AUTHENTICATED: Answer = {
  kind: "refused",
  reasonCode: ReasonCode.NotAuthorized,
  reason: "the client could not be authenticated",
};

/** The hooks of the app, so that whatever they throw, or answer that is none, refuses one client and ends nothing. */
export class Hooks {
  readonly #authenticator: Authenticator | undefined;
  readonly #authorizer: Authorizer | undefined;
  readonly #methods: ReadonlyMap<string, EnhancedAuthenticator>;
  readonly #timeoutMs: number;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  readonly #onError: (error: unknown) => void;
  #isVersionKnown = true;

  constructor(
    authenticator: Authenticator | undefined,
    authorizer: Authorizer | undefined,
    methods: readonly EnhancedAuthenticator[],
    timeoutMs: number,
    onError: (error: unknown) => void,
  ) {
    this.#authenticator = authenticator;
    this.#authorizer = authorizer;
    this.#methods = new Map(methods.map((authenticator) => [authenticator.method, authenticator]));
    this.#timeoutMs = timeoutMs;
    this.#onError = onError;
  }

  get hasAuthenticator(): boolean {
    return this.#authenticator !== undefined;
  }

  get hasAuthorizer(): boolean {
    return this.#authorizer !== undefined;
  }

  /** `undefined` where nobody wants to be asked at delivery. */
  get deliveryRules(): SessionContext["deliveryRules"] {
    const authorizer = this.#authorizer;
    if (authorizer?.mayReceive === undefined) return undefined;
    const onError = this.#onError;
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
          onError(error); // What cannot be decided is refused.
          return false;
        }
      },
    };
  }

  /** `undefined` where nobody wants to be asked about publishers of retained messages. */
  get mayStillPublish(): ((request: AccessRequest) => boolean) | undefined {
    const authorizer = this.#authorizer;
    if (authorizer?.mayStillPublish === undefined) return undefined;
    return (request) => {
      try {
        return promptDecisionOf("mayStillPublish", authorizer.mayStillPublish?.(request));
      } catch (error) {
        this.#onError(error); // What cannot be decided is refused.
        return false;
      }
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
      this.#onError(error); // Whoever cannot be checked is not let in.
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

  /** Without a promise where the hook has none. */
  authenticate(request: AuthenticationRequest): Answer | Promise<Answer> {
    const refuse = (error: unknown): Answer => {
      this.#onError(error); // Whoever cannot be checked is not let in.
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

  /** Without a promise where the hook has none. What cannot be decided is refused. */
  authorize(request: AccessRequest): Answer | Promise<Answer> {
    const isAllowed = this.mayDo(request);
    return isAllowed instanceof Promise ? isAllowed.then(answerOf) : answerOf(isAllowed);
  }

  /** As {@linkcode authorize}; `undefined`: the hook cannot say. */
  mayDo(request: AccessRequest): boolean | undefined | Promise<boolean | undefined> {
    const unknown = (error: unknown): undefined => {
      this.#onError(error);
    };
    try {
      const isAllowed = decisionOf(this.#authorizer?.authorize(request));
      return typeof isAllowed === "boolean" ? isAllowed : this.#inTime(isAllowed).catch(unknown);
    } catch (error) {
      return unknown(error);
    }
  }

  /** Grows when the rules have changed; NaN: the authorizer cannot say. */
  get rulesVersion(): number {
    try {
      const version = this.#authorizer?.version ?? 0;
      this.#isVersionKnown = true;
      return version;
    } catch (error) {
      if (this.#isVersionKnown) this.#onError(error); // Once: it is asked for each message.
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

  /** Waits for no answer any longer: nobody would hear it. */
  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}

function answerOf(isAllowed: boolean | undefined): Answer {
  return { kind: "authorize", isAllowed: isAllowed === true };
}

/** Asks what clients may do. What they may not do is counted and told. */
export class AccessChecks {
  /** What was denied since the broker was opened. */
  readonly denied = { publish: 0, subscribe: 0 };
  readonly #hooks: Hooks;
  readonly #onEvent: (event: BrokerEvent) => void;

  constructor(hooks: Hooks, onEvent: (event: BrokerEvent) => void) {
    this.#hooks = hooks;
    this.#onEvent = onEvent;
  }

  /** Without a promise where the hook has none. */
  authorize(request: AccessRequest, peer: Peer): Answer | Promise<Answer> {
    const answer = this.#hooks.authorize(request);
    if (answer instanceof Promise) return answer.then((answer) => this.#watchDenial(answer, request, peer));
    return this.#watchDenial(answer, request, peer);
  }

  tellDenial({ action, clientId, principal, topic, qos, retain }: AccessRequest, peer: Peer): void {
    if (action === "receive") return; // Nobody has asked for it.
    this.denied[action] += 1;
    this.#onEvent({ kind: "accessDenied", peer, clientId, principal, action, topic, qos, retain });
  }

  /** A Will is asked about again: between CONNECT and now the rules may have changed. */
  mayPublishWill({ topic, qos, retain }: ApplicationMessage, identity: ClientIdentity): boolean | Promise<boolean> {
    if (!this.#hooks.hasAuthorizer) return true;
    const answer = this.#hooks.authorize({ ...identity, action: "publish", topic, qos, retain });
    const told = (answer: Answer) => {
      if (isAllowed(answer)) return true;
      const { clientId, principal } = identity;
      this.denied.publish += 1;
      this.#onEvent({ kind: "willDenied", clientId, principal, topic, qos, retain });
      return false;
    };
    return answer instanceof Promise ? answer.then(told) : told(answer);
  }

  /** `undefined`: nobody wants to be asked about publishers of retained messages. */
  get mayStillPublish(): MayStillPublish | undefined {
    const ask = this.#hooks.mayStillPublish;
    if (ask === undefined) return undefined;
    return (request) => {
      if (ask(request)) return true;
      const { clientId, principal, topic, qos } = request;
      this.#onEvent({ kind: "retainedWithheld", clientId, principal, topic, qos });
      return false;
    };
  }

  #watchDenial(answer: Answer, request: AccessRequest, peer: Peer): Answer {
    if (!isAllowed(answer)) this.tellDenial(request, peer);
    return answer;
  }
}

function isAllowed(answer: Answer): boolean {
  return answer.kind === "authorize" && answer.isAllowed;
}
