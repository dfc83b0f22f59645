import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import type { ReasonCode } from "../../mod.ts";
import type { AccessRequest } from "../../src/auth/mod.ts";
import { SubscriptionReview } from "../../src/broker/access/review.ts";
import { TurnBudget } from "../../src/broker/turn.ts";
import { Session } from "../../src/protocol/session.ts";
import type { SessionHolding } from "../../src/protocol/session_holding.ts";
import { parseTopicFilter } from "../../src/protocol/topic_filter.ts";
import { within } from "../deadline.ts";
import { CollectingLog, sessionContext, UNBOUNDED } from "./session_context.ts";

const QUESTION_MS = 0.1;
// 40 in 4 ms, and the one that is begun before these are over.
const MOST_QUESTIONS_A_SLICE = 41;

/** Sessions of as many clients, each with so many subscriptions `0`, `1` and so on. */
function sessionsOf(clients: number, subscriptions: number, holding?: SessionHolding): readonly Session[] {
  return Array.from({ length: clients }, (_, index) => {
    const session = new Session(`c${index}`, sessionContext(), holding);
    session.identity = { clientId: session.clientId, principal: undefined, roles: [], grants: [], listener: undefined };
    for (let number = 0; number < subscriptions; number++) {
      const filter = parseTopicFilter(String(number));
      assert(filter !== undefined);
      session.subscriptions.set(filter.topicFilter, {
        filter,
        qos: 0,
        noLocal: false,
        retainAsPublished: false,
        retainHandling: 0,
        subscriptionIdentifier: undefined,
      });
    }
    return session;
  });
}

/** A review of these sessions, which calls `ended` when all were reviewed, and what it has told. */
function reviewOf(
  sessions: readonly Session[],
  mayDo: (request: AccessRequest) => boolean | undefined,
  { ended = () => {}, budget = new TurnBudget(), lostSubscription = "disconnect" }: {
    readonly ended?: () => void;
    readonly budget?: TurnBudget;
    readonly lostSubscription?: "disconnect" | "unsubscribe";
  } = {},
) {
  const lines: string[] = [];
  const hooks = { hasAuthorizer: true, rulesVersion: 0, mayDo };
  const log = new CollectingLog();
  const review = new SubscriptionReview({
    hooks,
    connections: {
      *[Symbol.iterator]() {
        for (const session of sessions) yield served(session, lines);
        ended();
      },
    },
    commits: log,
    router: { unsubscribe: () => {} },
    turn: { now: () => 0 },
    budget,
    lostSubscription,
    onEvent: (event) => {
      if (event.kind === "subscriptionLost") lines.push(`${event.clientId} ${event.topicFilter}`);
    },
    unexpectedError: (error) => lines.push(String(error)),
  });
  return { review, hooks, lines, log };
}

/** The connection of a session, which tells why it is ended. */
function served(session: Session, lines: string[] = []) {
  const { clientId } = session;
  return {
    connection: {
      clientId,
      principal: undefined,
      session,
      isConnected: true,
      disconnect: (reasonCode: ReasonCode, reason: string) => lines.push(`${clientId} ends ${reasonCode}: ${reason}`),
    },
    transport: { peer: { transport: "memory", address: "memory", listener: "memory" } },
  };
}

Deno.test("A review of many subscriptions gives others their turn after some milliseconds", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let sinceOthers = 0;
  let most = 0;
  let slices = 0;
  const { review } = reviewOf(sessionsOf(100, 10), () => {
    const endMs = performance.now() + QUESTION_MS;
    while (performance.now() < endMs);
    most = Math.max(most, ++sinceOthers);
    return true;
  }, { ended: resolve, budget: new TurnBudget(4) });
  const others = setInterval(() => {
    sinceOthers = 0;
    slices += 1;
  }, 0);
  review.begin();
  await within(promise, "the review");
  clearInterval(others);
  assertLess(most, 2 * MOST_QUESTIONS_A_SLICE + 1); // Two slices may fall between two turns of the interval.
  assertLess(5, slices);
  review.close();
});

Deno.test("A review begins again with the rules of now when these change while it goes on", async () => {
  const ended = Promise.withResolvers<void>();
  const denied = new Set(["0"]);
  const { review, hooks, lines } = reviewOf(sessionsOf(3, 3), ({ clientId, topic }) => {
    if (clientId === "c1" && topic === "1" && hooks.rulesVersion === 1) {
      denied.add("2");
      hooks.rulesVersion = 2;
      review.begin();
    }
    return !denied.has(topic);
  }, { ended: ended.resolve });
  hooks.rulesVersion = 1;
  review.begin();
  await within(ended.promise, "the review");
  const ends = (clientId: string, filters: string) =>
    `${clientId} ends 135: the rules have changed: not authorized to subscribe to ${filters}`;
  // The first round was at c1, and has told what it took there.
  assertEquals(lines, [
    "c0 0",
    ends("c0", `"0"`),
    "c1 0",
    ends("c1", `"0"`),
    "c0 2",
    ends("c0", `"2"`),
    "c1 2",
    ends("c1", `"2"`),
    "c2 0",
    "c2 2",
    ends("c2", `"0" and 1 other Topic Filters`),
  ]);
  assertEquals(review.version, 2);
  review.close();
});

Deno.test("A session that is resumed while the rules change is looked at by the new ones", async () => {
  const [session] = sessionsOf(1, 3);
  assert(session !== undefined);
  const { review, hooks } = reviewOf([], ({ topic }) => {
    if (topic === "2" && hooks.rulesVersion === 0) hooks.rulesVersion = 1;
    return topic !== (hooks.rulesVersion === 0 ? "1" : "0");
  });
  await review.resumed(served(session), session);
  assertEquals([...session.subscriptions.keys()], ["2"]);
  review.close();
});

Deno.test("Many sessions that are resumed at once share the time of a turn", async () => {
  const sessions = sessionsOf(20, 50);
  let sinceOthers = 0;
  let most = 0;
  const { review } = reviewOf([], () => {
    const endMs = performance.now() + QUESTION_MS;
    while (performance.now() < endMs);
    most = Math.max(most, ++sinceOthers);
    return true;
  });
  const others = setInterval(() => sinceOthers = 0, 0);
  await Promise.all(sessions.map((session) => review.resumed(served(session), session)));
  clearInterval(others);
  review.close();
  // Each asks once before it looks; two budgets of 8 ms may fall between two turns of the interval.
  assertLess(most, sessions.length + 4 * MOST_QUESTIONS_A_SLICE);
});

Deno.test("A review that is closed ends, and none begins", async () => {
  let asked = 0;
  const { review } = reviewOf(sessionsOf(2, 1), () => ++asked > 0);
  review.begin();
  review.close();
  review.begin();
  await new Promise<void>((resolve) => setTimeout(resolve, 0)); // Behind its own.
  assertEquals(asked, 0);
});

Deno.test("A review ends the connection of a client where the authorizer cannot say, and takes nothing from it", async () => {
  const ended = Promise.withResolvers<void>();
  const { review, lines, log } = reviewOf(sessionsOf(1, 2), () => undefined, { ended: ended.resolve });
  review.begin();
  await within(ended.promise, "the review");
  assertEquals(lines, ["c0 ends 131: what the client may subscribe to is not known"]);
  assertEquals(log.changes, []);
  const [session] = sessionsOf(1, 1);
  assert(session !== undefined);
  await assertRejects(() => review.resumed(served(session), session), Error, "nobody can say");
  review.close();
  await assertRejects(() => review.resumed(served(session), session), Error, "shutting down");
});

Deno.test("A review that only unsubscribes leaves the connection, and the storage knows of it", async () => {
  const ended = Promise.withResolvers<void>();
  const [session] = sessionsOf(1, 2, UNBOUNDED);
  assert(session !== undefined);
  const { review, lines, log } = reviewOf([session], ({ topic }) => topic === "1", {
    ended: ended.resolve,
    lostSubscription: "unsubscribe",
  });
  review.begin();
  await within(ended.promise, "the review");
  assertEquals(lines, ["c0 0"]);
  assertEquals(log.changes, [{ kind: "unsubscribed", clientId: "c0", topicFilter: "0" }]);
  review.close();
});
