/** Wills by themselves: when they are published, what the storage is given, and whom the authorizer is asked about. */

import { assertEquals } from "@std/assert";
import type { ClientIdentity } from "../../src/auth/mod.ts";
import type { Will } from "../../src/codec/mod.ts";
import { Deadlines } from "../../src/broker/deadlines.ts";
import { RegisteredClient } from "../../src/broker/registered_client.ts";
import { Wills } from "../../src/broker/wills.ts";
import type { ApplicationMessage } from "../../src/protocol/message.ts";
import { Session } from "../../src/protocol/session.ts";
import { CollectingLog, sessionContext, UNBOUNDED } from "./session_context.ts";

const IDENTITY: ClientIdentity = { clientId: "c", principal: "ann", roles: ["r"], grants: [], listener: "tcp" };
const { clientId: _, ...SOURCE } = IDENTITY;

function will(delaySeconds = 0, payload = "gone"): Will {
  return {
    topic: "w",
    payload: new TextEncoder().encode(payload),
    qos: 1,
    retain: true,
    properties: delaySeconds === 0 ? {} : { willDelayInterval: delaySeconds },
  };
}

/** One client, and the Wills that are published. `lines` has them with their time, and where the storage is told of one. */
function setUp({ isDurable = true, expirySeconds = 3_600, isKnown = true } = {}) {
  const lines: string[] = [];
  const log = new CollectingLog();
  const deadlines = new Deadlines();
  const state = {
    nowMs: 0,
    isClosing: false,
    mayPublish: (_message: ApplicationMessage, _identity: ClientIdentity): boolean | Promise<boolean> => true,
  };
  const wills = new Wills({
    commits: log,
    deadlines,
    hooks: {
      reviewsMessages: false,
      review: (message) => message,
      mayPublishWill: (message, identity) => state.mayPublish(message, identity),
    },
    publishing: {
      publish(message, source, nowMs, isTold, isWaitedFor) {
        const { topic, payload, qos, retain, properties } = message;
        assertEquals([topic, qos, retain, isTold, isWaitedFor], ["w", 1, true, false, false]);
        assertEquals(properties.willDelayInterval, undefined); // It is for the broker alone.
        lines.push(`${nowMs} ${new TextDecoder().decode(payload)} of ${source?.principal}, ${log.depth} open`);
        return 0;
      },
    },
    turn: { now: () => state.nowMs },
    isClosing: () => state.isClosing,
  });
  const session = new Session("c", sessionContext(log), isDurable ? UNBOUNDED : undefined);
  session.sessionExpirySeconds = expirySeconds;
  if (isKnown) session.identity = IDENTITY;
  const client = new RegisteredClient(session, "ann", undefined);
  const pass = (ms: number) => deadlines.tick(state.nowMs += ms);
  /** Whether the storage has a Will, and when it is due, for each change. */
  const stored = () =>
    log.changes.map((change) => change.kind === "will" ? [change.will !== undefined, change.publishAtMs] : change.kind);
  return { lines, log, deadlines, state, wills, session, client, pass, stored };
}

Deno.test("Wills.connectionLost() publishes a Will without a delay at once, and removes it from the storage with it", () => {
  const { wills, client, lines, log, stored } = setUp();
  wills.set(client, will());
  wills.connectionLost(client, will(), 5);
  assertEquals(lines, ["5 gone of ann, 1 open"]);
  assertEquals(stored(), [[true, undefined], [false, undefined]]);
  assertEquals([log.depth, log.transactions], [0, 1]);
  assertEquals(client.will, undefined);
});

Deno.test("Wills.connectionLost() lets a Will wait for its delay, and the storage know until when [MQTT-3.1.3-9]", () => {
  const { wills, client, lines, log, pass, stored } = setUp();
  wills.set(client, will(10));
  wills.connectionLost(client, will(10), 0);
  pass(9_999);
  assertEquals(lines, []);
  pass(1);
  assertEquals(lines, ["10000 gone of ann, 1 open"]);
  assertEquals(stored(), [[true, undefined], [true, 10_000], [false, undefined]]);
  const [change] = log.changes;
  assertEquals(change?.kind === "will" ? change.source : undefined, IDENTITY);
  pass(10_000);
  assertEquals(lines.length, 1); // Once only. [MQTT-3.1.2-10]
});

Deno.test("A Will comes no later than its session ends", () => {
  const { wills, client, lines, pass } = setUp({ expirySeconds: 4 });
  wills.connectionLost(client, will(10), 0);
  pass(4_000);
  assertEquals(lines, ["4000 gone of ann, 1 open"]);
});

Deno.test("A Will of a session that ends with its connection is not stored", () => {
  const { wills, client, lines, log } = setUp({ isDurable: false, expirySeconds: 0 });
  wills.set(client, will(10));
  wills.connectionLost(client, will(10), 3);
  assertEquals(lines, ["3 gone of ann, 1 open"]);
  assertEquals(log.changes, []);
});

Deno.test("Wills.stopWaiting() keeps a Will from coming; after wait() it comes when it was due", () => {
  const { wills, client, lines, deadlines, pass } = setUp();
  wills.connectionLost(client, will(10), 0);
  wills.stopWaiting(client);
  assertEquals(deadlines.size, 0);
  pass(6_000);
  wills.wait(client);
  pass(4_000);
  assertEquals(lines, ["10000 gone of ann, 1 open"]);
});

Deno.test("Wills.set() replaces a Will that waits, and copies its payload", () => {
  const { wills, client, deadlines, stored } = setUp();
  wills.connectionLost(client, will(10), 0);
  const next = will(0, "next");
  wills.set(client, next);
  next.payload.fill(0);
  assertEquals(new TextDecoder().decode(client.will?.will.payload), "next");
  assertEquals(deadlines.size, 0);
  wills.set(client, undefined);
  wills.set(client, undefined); // There is nothing to tell.
  assertEquals(stored(), [[true, 10_000], [true, undefined], [false, undefined]]);
});

Deno.test("Wills.sessionEnded() publishes a Will that waits, and none of a client that is connected", () => {
  const { wills, client, lines, deadlines } = setUp();
  wills.set(client, will(10));
  wills.sessionEnded(client, 1);
  assertEquals(lines, []);
  wills.connectionLost(client, will(10), 2);
  wills.sessionEnded(client, 3);
  assertEquals(lines, ["3 gone of ann, 1 open"]);
  assertEquals(deadlines.size, 0);
});

Deno.test("A broker that ends publishes no Will: the storage has it until the next one begins", () => {
  const { wills, client, lines, state, stored, deadlines } = setUp();
  state.isClosing = true;
  wills.connectionLost(client, will(), 5);
  wills.sessionEnded(client, 5);
  assertEquals(lines, []);
  assertEquals(stored(), [[true, 5]]);
  assertEquals(deadlines.size, 0);
});

Deno.test("Wills.restored() resumes a delay, and begins it for a client that was connected when the broker ended", () => {
  const waits = setUp({ isKnown: false });
  waits.client.will = { will: will(10), publishAtMs: 2_000, source: SOURCE, deadline: undefined };
  waits.wills.restored(waits.client, 0);
  waits.pass(2_000);
  assertEquals(waits.lines, ["2000 gone of ann, 1 open"]);
  assertEquals(waits.stored(), [[false, undefined]]);
  const online = setUp({ isKnown: false });
  online.client.will = { will: will(10), publishAtMs: undefined, source: SOURCE, deadline: undefined };
  online.wills.restored(online.client, 1_000);
  online.pass(10_999);
  assertEquals(online.lines, []);
  online.pass(1);
  assertEquals(online.lines, ["11000 gone of ann, 1 open"]);
  assertEquals(online.stored(), [[true, 11_000], [false, undefined]]);
  const none = setUp();
  none.wills.restored(none.client, 0);
  assertEquals(none.log.changes, []);
});

const IDENTITIES: readonly {
  readonly name: string;
  readonly isKnown: boolean;
  readonly source: typeof SOURCE | undefined;
  readonly asked: ClientIdentity;
}[] = [
  {
    name: "the client as it is now, where it is known",
    isKnown: true,
    source: { ...SOURCE, roles: [] },
    asked: IDENTITY,
  },
  { name: "the client as it was at CONNECT, after a restart", isKnown: false, source: SOURCE, asked: IDENTITY },
  {
    name: "its principal, where an earlier version has stored no more",
    isKnown: false,
    source: undefined,
    asked: { clientId: "c", principal: "ann", roles: [], grants: [], listener: undefined },
  },
];
for (const { name, isKnown, source, asked } of IDENTITIES) {
  Deno.test(`The authorizer is asked about a Will with ${name}`, () => {
    const { wills, client, state, lines, stored } = setUp({ isKnown });
    client.will = { will: will(), publishAtMs: 0, source, deadline: undefined };
    let identity: ClientIdentity | undefined;
    state.mayPublish = (_message, given) => {
      identity = given;
      return false;
    };
    wills.sessionEnded(client, 1);
    assertEquals(identity, asked);
    assertEquals(lines, []); // It may not be published any longer.
    assertEquals(stored(), [[false, undefined]]);
  });
}

Deno.test("A Will whose authorizer takes its time is published then, and does not remove the next one", async () => {
  const { wills, client, state, lines, stored } = setUp();
  const { promise, resolve } = Promise.withResolvers<boolean>();
  state.mayPublish = () => promise;
  wills.connectionLost(client, will(), 1);
  wills.set(client, will(0, "next")); // The client is back.
  state.nowMs = 7;
  resolve(true);
  await promise;
  assertEquals(lines, ["7 gone of ann, 1 open"]);
  assertEquals(stored(), [[true, undefined]]);
});
