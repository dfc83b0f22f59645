import { Message } from "../codec/message.ts";
import type { Will } from "../codec/packet.ts";
import type { AccessAttributes, ClientIdentity } from "../protocol/access.ts";
import type { ChangeLog } from "../protocol/change.ts";
import type { ReviewedMessage } from "../protocol/connection_host.ts";
import { ApplicationMessage } from "../protocol/message.ts";
import type { Session } from "../protocol/session.ts";
import type { Hooks } from "./access/hooks.ts";
import type { Deadlines } from "./deadlines.ts";
import type { RegisteredClient } from "./registered_client.ts";
import type { Publishing } from "./router.ts";
import type { Turn } from "./turn.ts";

/** Publishes Wills when they are due, and has the storage know them until then (MQTT 5, sections 3.1.2.5 and 3.1.3.2.2). */
export class Wills {
  readonly #commits: ChangeLog;
  readonly #deadlines: Deadlines;
  readonly #hooks: Pick<Hooks, "mayPublishWill" | "review" | "reviewsMessages">;
  readonly #publishing: Pick<Publishing, "publish">;
  readonly #turn: Pick<Turn, "now">;
  readonly #isClosing: () => boolean;

  /** @param parts.isClosing whether the broker ends: a Will that is stored comes when a broker is opened again */
  constructor({ commits, deadlines, hooks, publishing, turn, isClosing }: {
    readonly commits: ChangeLog;
    readonly deadlines: Deadlines;
    readonly hooks: Pick<Hooks, "mayPublishWill" | "review" | "reviewsMessages">;
    readonly publishing: Pick<Publishing, "publish">;
    readonly turn: Pick<Turn, "now">;
    readonly isClosing: () => boolean;
  }) {
    this.#commits = commits;
    this.#deadlines = deadlines;
    this.#hooks = hooks;
    this.#publishing = publishing;
    this.#turn = turn;
    this.#isClosing = isClosing;
  }

  /** Sets the Will of a client that is connected from now on; `undefined`: it has none. */
  set(client: RegisteredClient, will: Will | undefined): void {
    this.#persist(client, will, undefined);
  }

  /** Publishes the Will of a client whose connection was lost without DISCONNECT, or lets it wait for its delay. */
  connectionLost(client: RegisteredClient, will: Will, nowMs: number): void {
    const publishAtMs = dueMs(will, client.session, nowMs);
    if (publishAtMs <= nowMs && !this.#isClosing()) {
      this.#publish(client, will, nowMs);
    } else {
      this.#persist(client, will, publishAtMs);
      this.wait(client);
    }
  }

  /** Stops the wait of a Will whose client is back in time [MQTT-3.1.3-9], unless {@linkcode wait} is called again. */
  stopWaiting({ will }: RegisteredClient): void {
    this.#deadlines.cancel(will?.deadline);
  }

  /** Waits until the Will of a client without connection is due. */
  wait(client: RegisteredClient): void {
    const waiting = client.will;
    if (waiting?.publishAtMs === undefined) return;
    waiting.deadline = this.#deadlines.add(waiting.publishAtMs, (nowMs) => {
      if (client.will === waiting) this.#publish(client, waiting.will, nowMs);
    });
  }

  /** Resumes the wait after a restart. Without a time the client was connected when the broker ended: its delay begins now. */
  restored(client: RegisteredClient, nowMs: number): void {
    const { will, session } = client;
    if (will === undefined) return;
    if (will.publishAtMs === undefined) this.#persist(client, will.will, dueMs(will.will, session, nowMs));
    this.wait(client);
  }

  /** Publishes a Will that still waits when its session ends. */
  sessionEnded(client: RegisteredClient, nowMs: number): void {
    this.stopWaiting(client);
    const { will } = client;
    if (will?.publishAtMs !== undefined && !this.#isClosing()) this.#publish(client, will.will, nowMs);
  }

  /** Publishes a Will, unless its client may not do so any longer. */
  #publish(client: RegisteredClient, will: Will, nowMs: number): void {
    this.stopWaiting(client);
    const { session, principal } = client;
    const { clientId } = session;
    const source = client.will?.source ?? { principal, roles: [], grants: [], listener: undefined };
    client.will = undefined; // Once only, however long the answer takes. [MQTT-3.1.2-10]
    const { willDelayInterval: _, ...properties } = will.properties;
    const message = new ApplicationMessage({ ...will, properties }, clientId, nowMs);
    const identity = session.identity ?? { clientId, ...source };
    if (!this.#hooks.reviewsMessages) return this.#authorize(client, message, identity, nowMs);
    const before = new Message(message);
    const answered = (reviewed: ReviewedMessage, nowMs: number) => {
      if (typeof reviewed === "string") return this.#end(client, message, undefined, nowMs);
      const changed = reviewed === before ? message : new ApplicationMessage(reviewed, clientId, nowMs);
      this.#authorize(client, changed, identity, nowMs);
    };
    const reviewed = this.#hooks.review(before, identity);
    if (!(reviewed instanceof Promise)) answered(reviewed, nowMs);
    else reviewed.then((reviewed) => answered(reviewed, this.#turn.now())); // It never rejects.
  }

  #authorize(client: RegisteredClient, message: ApplicationMessage, identity: ClientIdentity, nowMs: number): void {
    const answered = (isAllowed: boolean, nowMs: number) =>
      this.#end(client, message, isAllowed ? identity : undefined, nowMs);
    const isAllowed = this.#hooks.mayPublishWill(message, identity);
    if (typeof isAllowed === "boolean") answered(isAllowed, nowMs);
    else isAllowed.then((isAllowed) => answered(isAllowed, this.#turn.now())); // It never rejects.
  }

  /** Publishes a Will and removes it from the storage, all or nothing: after a crash it does not come again. */
  #end(
    { session: { clientId, isDurable }, will }: RegisteredClient,
    message: ApplicationMessage,
    publisher: ClientIdentity | undefined,
    nowMs: number,
  ): void {
    const isGone = isDurable && will === undefined; // Unless there is a new one in the meantime.
    this.#commits.begin();
    try {
      if (isGone) this.#commits.write({ kind: "will", clientId, will: undefined, publishAtMs: undefined });
      if (publisher !== undefined) this.#publishing.publish(message, publisher, nowMs, false, false); // [MQTT-3.1.2-8]
    } finally {
      this.#commits.end();
    }
  }

  /** Sets the Will of a client, and stores it where its session is durable. */
  #persist(client: RegisteredClient, given: Will | undefined, publishAtMs: number | undefined): void {
    this.stopWaiting(client);
    if (client.will === undefined && given === undefined) return;
    const { clientId, isDurable, identity } = client.session;
    const source: AccessAttributes | undefined = identity ?? client.will?.source; // After a restart it is as it was.
    const will = given && { ...given, payload: given.payload.slice() }; // Kept beyond the batch: copy.
    client.will = will && { will, publishAtMs, source, deadline: undefined };
    if (isDurable) this.#commits.write({ kind: "will", clientId, will, publishAtMs, source });
  }
}

/** Gives the time of a Will whose connection is lost now: after its delay, but no later than its session ends. */
function dueMs({ properties }: Will, session: Session, nowMs: number): number {
  const { willDelayInterval = 0 } = properties;
  return Math.min(nowMs + willDelayInterval * 1000, session.expiresAtMs(nowMs));
}
