/** The admission by itself: which clients are let in, which have a place among `maximumConnections`, and what is told. */

import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { type Ban, type BrokerEvent, ReasonCode } from "../../mod.ts";
import { Admission } from "../../src/broker/access/admission.ts";
import type { ConnectionHandle } from "../../src/broker/connection/connections.ts";
import type { OpenedSession } from "../../src/broker/sessions.ts";
import type { ConnectPacket } from "../../src/codec/packet.ts";
import type { Answer, Ask } from "../../src/protocol/connection_host.ts";
import { limitsWith } from "../../src/protocol/limit_table.ts";
import { Session } from "../../src/protocol/session.ts";
import type { SessionLimit } from "../../src/protocol/session_holding.ts";
import { sessionContext } from "./session_context.ts";

const REQUEST = { method: "GET", url: "/mqtt", headers: new Headers() };
const PEER = {
  transport: "wss",
  address: "192.0.2.7:1",
  listener: "wss://",
  certificateName: "ann",
  certificateSubject: "CN=ann",
};
const CONNECT: ConnectPacket = {
  type: "connect",
  protocolVersion: 5,
  isBridge: false,
  clientId: "c",
  cleanStart: true,
  keepAliveSeconds: 60,
  properties: {},
  will: undefined,
  userName: undefined,
  password: undefined,
};
const CLOSING = { reasonCode: ReasonCode.Success, reason: "bye", by: "client" } as const;
const refused = (reasonCode: ReasonCode, reason: string): Answer => ({ kind: "refused", reasonCode, reason });

function openSession(clientId = "c", sessionExpirySeconds = 0): Extract<Ask, { kind: "openSession" }> {
  const terms = {
    clientId,
    sessionExpirySeconds,
    receiveMaximum: 1,
    topicAliasMaximum: 0,
    keepAliveSeconds: 60,
    requestsProblemInformation: true,
    isAssignedClientId: false,
    maximumPacketBytes: Infinity,
  };
  return { kind: "openSession", connect: { ...CONNECT, clientId }, terms };
}

/** A connection that asks. The admission reads no more of it than there is. */
function served(clientId = "c", closing: typeof CLOSING | undefined = undefined) {
  const handle = {
    connection: { clientId, principal: "ann", identity: { clientId, principal: "ann" }, closing },
    transport: { peer: PEER, request: REQUEST },
    isAdmitted: false,
    isWelcome: false,
    keepAlives: 0,
    watchKeepAlive() {
      this.keepAlives += 1;
    },
  };
  return handle as typeof handle & ConnectionHandle;
}

function setUp(maximumConnections = 2) {
  const events: BrokerEvent[] = [];
  const ended: ConnectionHandle[] = [];
  const asked: unknown[] = [];
  const unread: unknown[] = [];
  const state = {
    ban: undefined as Ban | undefined,
    owner: undefined as ConnectionHandle | undefined,
    taken: [] as string[],
    /** Gives a session at once, or has it opened. */
    openNew: (): Session | SessionLimit | undefined => new Session("c", sessionContext()),
    open: (): Promise<OpenedSession | "notYours" | SessionLimit | undefined> => Promise.resolve(undefined),
  };
  const commits = { isFailing: false };
  const admission = new Admission({
    limits: limitsWith({ maximumConnections }),
    assignedClientIdPrefix: "auto-",
    hooks: {
      authenticate(request) {
        asked.push(request);
        return { kind: "authenticate", result: { isAccepted: true } };
      },
      exchange(ask, address) {
        asked.push([ask.method, address]);
        return Promise.resolve({ kind: "exchange", exchange: {}, step: { kind: "accepted" } });
      },
    },
    evictions: { banOf: () => state.ban },
    sessions: {
      has: (clientId) => state.taken.length < 2 && state.taken.push(clientId) < 2,
      ownerOf: () => state.owner,
      openNew: () => state.openNew(),
      open: () => state.open(),
      connectionEnded: (served) => ended.push(served),
    },
    pages: { tellReadFailed: (connection, error) => unread.push([connection.clientId, error]) },
    commits,
    onEvent: (event) => events.push(event),
  });
  return { admission, state, commits, events, ended, asked, unread };
}

Deno.test("Admission.newClientId() begins as the operator wants, and tries until no session has it [MQTT-3.2.2-16]", () => {
  const { admission, state } = setUp();
  const clientId = admission.newClientId();
  assertMatch(clientId, /^auto-[0-9a-f-]{36}$/);
  assertEquals(state.taken.length, 2);
  assertEquals(state.taken[1], clientId);
  assertNotEquals(state.taken[0], clientId);
});

Deno.test("The authenticator is asked with what is known of the client", async () => {
  const { admission, asked } = setUp();
  admission.resolve({ kind: "authenticate", connect: CONNECT, clientId: "c" }, served());
  const { address, listener, certificateName, certificateSubject } = PEER;
  const known = { connect: CONNECT, clientId: "c", address, listener, certificateName, certificateSubject };
  await admission.resolve(
    { kind: "exchange", clientId: "c", method: "m", exchange: undefined, data: undefined },
    served(),
  );
  assertEquals(asked, [{ ...known, request: REQUEST }, ["m", "192.0.2.7:1"]]);
});

Deno.test("A client that is banned is refused before anything is asked, and gets no place", () => {
  const { admission, state, asked } = setUp();
  state.ban = { who: { clientId: "c" }, untilMs: Infinity, reason: "no" };
  const handle = served();
  const asks = [
    { kind: "authenticate", connect: CONNECT, clientId: "c" },
    { kind: "exchange", clientId: "c", method: "m", exchange: undefined, data: undefined },
    openSession(),
  ] as const;
  for (const ask of asks) assertEquals(admission.resolve(ask, handle), refused(ReasonCode.Banned, "no"));
  assertEquals(asked, []);
  assertEquals(handle.isAdmitted, false);
});

Deno.test("A client that is let in has a place and is told of, until it ends", () => {
  const { admission, events, ended } = setUp();
  const handle = served();
  const answer = admission.resolve(openSession(), handle) as Answer;
  assertEquals([answer.kind, answer.kind === "openSession" && answer.isPresent], ["openSession", false]);
  assertEquals([handle.isAdmitted, handle.isWelcome, handle.keepAlives, admission.connected], [true, true, 1, 1]);
  admission.ended(handle, CLOSING);
  assertEquals([handle.isAdmitted, handle.isWelcome, admission.connected], [false, false, 0]);
  assertEquals(ended, [handle]);
  assertEquals(events.map((event) => event.kind), ["clientConnected", "connectionClosed"]);
  const closed = { kind: "connectionClosed", peer: PEER, clientId: "c", principal: "ann", ...CLOSING } as const;
  assertEquals(events[1], { ...closed, wasConnected: true });
  admission.ended(served(), CLOSING); // One that was never let in.
  assertEquals(events[2], { ...closed, wasConnected: false });
  assertEquals(admission.connected, 0);
});

Deno.test("maximumConnections counts places, and a place is free when its connection has ended", () => {
  const { admission } = setUp(2);
  const [a, b, c] = [served("a"), served("b"), served("c")];
  const kind = (clientId: string, handle: ConnectionHandle) =>
    (admission.resolve(openSession(clientId), handle) as Answer).kind;
  assertEquals([kind("a", a), kind("b", b)], ["openSession", "openSession"]);
  assertEquals(
    admission.resolve(openSession("c"), c),
    refused(ReasonCode.QuotaExceeded, "there are too many connections"),
  );
  assertEquals(c.isAdmitted, false);
  admission.ended(c, CLOSING); // It had none to give back.
  assertEquals(kind("d", served("d")), "refused");
  admission.ended(a, CLOSING);
  assertEquals(kind("e", served("e")), "openSession");
});

Deno.test("A client that takes over gets the place of its other connection, and gives it back where it is refused", async () => {
  const { admission, state } = setUp(1);
  const first = served();
  admission.resolve(openSession(), first);
  const second = served();
  state.owner = first;
  state.openNew = () => undefined;
  state.open = () => Promise.resolve("maximumSessionBytes");
  const answer = await admission.resolve(openSession(), second);
  assertEquals(answer, refused(ReasonCode.QuotaExceeded, "the limit maximumSessionBytes is reached"));
  assertEquals([first.isAdmitted, second.isAdmitted], [true, false]);
  state.open = () => Promise.resolve({ session: new Session("c", sessionContext()), isPresent: true });
  const opened = await admission.resolve(openSession(), second);
  assertEquals(opened.kind === "openSession" && opened.isPresent, true);
  assertEquals([first.isAdmitted, second.isAdmitted], [false, true]);
  state.owner = undefined;
  state.openNew = () => new Session("d", sessionContext());
  assertEquals((await admission.resolve(openSession("d"), served("d"))).kind, "refused"); // Still one place.
  admission.ended(second, CLOSING);
  assertEquals((await admission.resolve(openSession("d"), served("d"))).kind, "openSession");
});

Deno.test("A connection that is closing gets neither a place nor a welcome", async () => {
  const { admission, state, events } = setUp(1);
  state.openNew = () => undefined;
  state.open = () => Promise.resolve({ session: new Session("c", sessionContext()), isPresent: true });
  const handle = served("c", CLOSING);
  await admission.resolve(openSession(), handle);
  assertEquals([handle.isAdmitted, handle.isWelcome, handle.keepAlives, admission.connected], [false, false, 0, 0]);
  assertEquals(events, []);
});

Deno.test("A storage that fails refuses sessions that would outlive their connection, and no others", () => {
  const { admission, commits } = setUp();
  commits.isFailing = true;
  const why = "the server cannot store a session";
  assertEquals(admission.resolve(openSession("c", 1), served()), refused(ReasonCode.ServerUnavailable, why));
  assertEquals((admission.resolve(openSession("c", 0), served()) as Answer).kind, "openSession");
});

const OUTCOMES: readonly {
  readonly name: string;
  readonly outcome: "notYours" | SessionLimit | undefined;
  readonly answer: Answer;
}[] = [
  { name: "taken over meanwhile", outcome: undefined, answer: refused(ReasonCode.SessionTakenOver, "taken over") },
  {
    name: "of another principal",
    outcome: "notYours",
    answer: refused(ReasonCode.NotAuthorized, "the Client Identifier belongs to somebody else"),
  },
];
for (const { name, outcome, answer } of OUTCOMES) {
  Deno.test(`A session that is ${name} is not opened`, async () => {
    const { admission, state, events } = setUp();
    state.openNew = () => undefined;
    state.open = () => Promise.resolve(outcome);
    assertEquals(await admission.resolve(openSession(), served()), answer);
    assertEquals(events, []);
  });
}

Deno.test("A client that may begin no session is told the limit, and a session that cannot be read is told", async () => {
  const { admission, state, unread } = setUp();
  state.openNew = () => "maximumSessions";
  const limit = refused(ReasonCode.QuotaExceeded, "the limit maximumSessions is reached");
  assertEquals(admission.resolve(openSession(), served()), limit);
  const error = new Error("the disk is gone");
  state.openNew = () => undefined;
  state.open = () => Promise.reject(error);
  const answer = refused(ReasonCode.ServerUnavailable, "the session could not be read");
  assertEquals(await admission.resolve(openSession(), served()), answer);
  assertEquals(unread, [["c", error]]);
});
