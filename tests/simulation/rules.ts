import type { Authorizer } from "../../mod.ts";
import type { AccessRequest } from "../../src/auth/mod.ts";
import type { History } from "./history.ts";

interface Ban {
  readonly clientId: string;
  readonly topic: string;
  readonly from: number;
  until: number;
}

/** What clients may receive, which changes while they are connected and while they are not. Times are moments of {@linkcode History}. */
export class Rules implements Authorizer {
  version = 0;
  readonly #history: History;
  readonly #bans: Ban[] = [];

  constructor(history: History) {
    this.#history = history;
  }

  authorize(): boolean {
    return true;
  }

  mayReceive({ clientId, topic }: AccessRequest): boolean {
    return this.#current(clientId, topic) === undefined;
  }

  /** Forbids a client a topic, or allows it again. */
  change(clientId: string, topic: string): void {
    this.version += 1;
    const current = this.#current(clientId, topic);
    if (current !== undefined) current.until = this.#history.next();
    else this.#bans.push({ clientId, topic, from: this.#history.next(), until: Infinity });
  }

  /** Whether a message that was sent then may have been withheld from a client: it was forbidden while it was on its way. */
  mayWithhold(clientId: string, topic: string, sentAt: number): boolean {
    return this.#bans.some((ban) => ban.clientId === clientId && ban.topic === topic && ban.until > sentAt);
  }

  /** Whether a client was forbidden a topic all the time in between. */
  isForbidden(clientId: string, topic: string, from: number, until: number): boolean {
    return this.#bans.some((ban) =>
      ban.clientId === clientId && ban.topic === topic && ban.from < from && ban.until > until
    );
  }

  #current(clientId: string, topic: string): Ban | undefined {
    return this.#bans.find((ban) => ban.clientId === clientId && ban.topic === topic && ban.until === Infinity);
  }
}
