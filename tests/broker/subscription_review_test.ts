import { assert, assertEquals, assertLess } from "@std/assert";
import type { AccessRequest } from "../../mod.ts";
import { SubscriptionReview, type SubscriptionReviewHost } from "../../src/broker/access/review.ts";
import { Session } from "../../src/protocol/session.ts";
import { parseTopicFilter } from "../../src/protocol/topic_filter.ts";
import { within } from "../deadline.ts";
import { sessionContext } from "./session_context.ts";

const QUESTION_MS = 0.1;
// 40 in 4 ms, and the one that is begun before these are over.
const MOST_QUESTIONS_A_SLICE = 41;

/** Sessions of as many clients, each with so many subscriptions `0`, `1` and so on. */
function sessionsOf(clients: number, subscriptions: number): readonly Session[] {
  return Array.from({ length: clients }, (_, index) => {
    const session = new Session(`c${index}`, sessionContext());
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

/** Gives the sessions, and calls `ended` when all were looked at. */
function hostOf(
  sessions: readonly Session[],
  mayDo: (request: AccessRequest) => boolean,
  ended = () => {},
): SubscriptionReviewHost<Session> & { readonly lines: string[]; rulesVersion: number } {
  const lines: string[] = [];
  return {
    lines,
    rulesVersion: 0,
    *connected() {
      for (const session of sessions) yield { served: session, session };
      ended();
    },
    mayDo,
    unsubscribe: (_, session, { filter }) => session.subscriptions.delete(filter.topicFilter),
    lost: ({ clientId }, lost) => lines.push(`${clientId} ${lost.map(({ filter }) => filter.topicFilter)}`),
    unknown: () => {},
    unexpectedError: (error) => lines.push(String(error)),
  };
}

Deno.test("A review of many subscriptions gives others their turn after some milliseconds", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let sinceOthers = 0;
  let most = 0;
  let slices = 0;
  const host = hostOf(sessionsOf(100, 10), () => {
    const endMs = performance.now() + QUESTION_MS;
    while (performance.now() < endMs);
    most = Math.max(most, ++sinceOthers);
    return true;
  }, resolve);
  const others = setInterval(() => {
    sinceOthers = 0;
    slices += 1;
  }, 0);
  const review = new SubscriptionReview(host);
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
  const host = hostOf(sessionsOf(3, 3), ({ clientId, topic }) => {
    if (clientId === "c1" && topic === "1" && host.rulesVersion === 1) {
      denied.add("2");
      host.rulesVersion = 2;
      review.begin();
    }
    return !denied.has(topic);
  }, ended.resolve);
  const review = new SubscriptionReview(host);
  host.rulesVersion = 1;
  review.begin();
  await within(ended.promise, "the review");
  // The first round was at c1, and has told what it took there.
  assertEquals(host.lines, ["c0 0", "c1 0", "c0 2", "c1 2", "c2 0,2"]);
  assertEquals(review.version, 2);
  review.close();
});

Deno.test("A session that is resumed while the rules change is looked at by the new ones", async () => {
  const [session] = sessionsOf(1, 3);
  assert(session?.identity !== undefined);
  const host = hostOf([], ({ topic }) => {
    if (topic === "2" && host.rulesVersion === 0) host.rulesVersion = 1;
    return topic !== (host.rulesVersion === 0 ? "1" : "0");
  });
  const review = new SubscriptionReview(host);
  await review.resumed(session, session, session.identity);
  assertEquals([...session.subscriptions.keys()], ["2"]);
  review.close();
});

Deno.test("Many sessions that are resumed at once share the time of a turn", async () => {
  const sessions = sessionsOf(20, 50);
  let sinceOthers = 0;
  let most = 0;
  const host = hostOf([], () => {
    const endMs = performance.now() + QUESTION_MS;
    while (performance.now() < endMs);
    most = Math.max(most, ++sinceOthers);
    return true;
  });
  const others = setInterval(() => sinceOthers = 0, 0);
  const review = new SubscriptionReview(host);
  await Promise.all(sessions.map((session) => {
    assert(session.identity !== undefined);
    return review.resumed(session, session, session.identity);
  }));
  clearInterval(others);
  review.close();
  // Each asks once before it looks; two budgets of 8 ms may fall between two turns of the interval.
  assertLess(most, sessions.length + 4 * MOST_QUESTIONS_A_SLICE);
});

Deno.test("A review that is closed ends, and none begins", async () => {
  let asked = 0;
  const review = new SubscriptionReview(hostOf(sessionsOf(2, 1), () => ++asked > 0));
  review.begin();
  review.close();
  review.begin();
  await new Promise<void>((resolve) => setTimeout(resolve, 0)); // Behind its own.
  assertEquals(asked, 0);
});
