import type { AccessRequest, Answer, ClientIdentity } from "../protocol/ask.ts";
import type { ApplicationMessage } from "../protocol/message.ts";
import type { Peer } from "../transport/transport.ts";
import type { BrokerEvent } from "./events.ts";
import type { Hooks } from "./hooks.ts";
import type { MayStillPublish } from "./retention.ts";

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
