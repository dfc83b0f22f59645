import type { ClientIdentity } from "./access.ts";
import type { SessionContext } from "./session_context.ts";

// A client that gets messages of more topics is asked about again: 64 MiB for 10,000 clients, at most.
const MOST_REMEMBERED_TOPICS = 128;

type DeliveryRules = NonNullable<SessionContext["deliveryRules"]>;

/** Whether messages may be delivered to one client: asked once for each topic, until the rules change. */
export class DeliveryGuard {
  readonly #rules: DeliveryRules;
  readonly #answers = new Map<string, boolean>();
  #version: number;
  #identity: ClientIdentity | undefined;

  constructor(rules: DeliveryRules) {
    this.#rules = rules;
    this.#version = rules.version;
  }

  /** `undefined`: a session that was restored and has not been connected since. */
  set identity(identity: ClientIdentity | undefined) {
    this.#identity = identity;
    this.#answers.clear();
  }

  permits(topic: string): boolean {
    // What it may is known when it connects: until then its messages wait, and nothing is sent without being asked about.
    if (this.#identity === undefined) return true;
    if (this.#version !== this.#rules.version) {
      this.#version = this.#rules.version;
      this.#answers.clear();
    }
    const known = this.#answers.get(topic);
    if (known !== undefined) return known;
    const answer = this.#rules.mayReceive(this.#identity, topic);
    if (this.#answers.size >= MOST_REMEMBERED_TOPICS) this.#answers.clear();
    this.#answers.set(topic, answer);
    return answer;
  }
}
