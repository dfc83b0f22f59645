import { assertEquals } from "@std/assert";
import { memoryTransport } from "../../mod.ts";
import type { Authentication } from "../../src/auth/mod.ts";
import { ALL_VERSIONS, conversationTests, converse } from "./conversation.ts";

conversationTests([
  {
    name: "A client that is banned is refused with 0x8A while the ban is in force, and others are not",
    versions: [5],
    steps: [
      ({ broker, machine }) =>
        assertEquals(broker.ban({ clientId: "a" }, { untilMs: machine.wallMs + 1_000, reason: "too loud" }), 0),
      "a > 10 [ @ 02 0000 [] 'a' ]",
      "a told 20 00 8a",
      "b connects",
      "1 s pass",
      "a connects",
    ],
  },
  {
    name: "A client that is banned is refused with 5, not authorized",
    versions: [3, 4],
    steps: [
      ({ broker }) => assertEquals(broker.ban({ clientId: "a" }), 0),
      "a > 10 [ @ 02 0000 'a' ]",
      "a < 20 [ 00 05 ]",
      "a closed",
      ({ broker }) => assertEquals(broker.unban({ clientId: "a" }), true),
      "a connects",
      ({ broker }) => assertEquals(broker.unban({ clientId: "a" }), false),
    ],
  },
  {
    name: "A client that is connected when it is banned is disconnected with 0x98, and its session stays",
    versions: ALL_VERSIONS,
    steps: [
      "a connects durable",
      "a > 82 [ 0001 {} 'x' 01 ]",
      "a < 90 [ 0001 {} 01 ]",
      "b connects",
      ({ broker }) => assertEquals(broker.ban({ clientId: "a" }), 1),
      "a told e0 98",
      "b > 32 [ 'x' 0001 {} ]",
      "b < 40 [ 0001 ]",
      ({ broker }) => assertEquals(broker.bans().map(({ who }) => who), [{ clientId: "a" }]),
      ({ broker }) => assertEquals(broker.unban({ clientId: "a" }), true),
      "a resumes",
      "a < 32 [ 'x' 0001 {} ]",
    ],
  },
  {
    name: "A ban of an address is one of all its clients, whatever their ports",
    versions: [5],
    steps: [
      (conversation) => {
        for (const [name, address] of [["a", "192.0.2.7:1"], ["b", "192.0.2.7:2"], ["c", "192.0.2.8:1"]] as const) {
          const { server, client } = memoryTransport();
          const { readable, writable } = server;
          const peer = { ...server.peer, address };
          conversation.connect(name, { server: { readable, writable, peer, close: () => server.close() }, client });
        }
      },
      "a connects",
      "c connects",
      ({ broker }) => assertEquals(broker.ban({ address: "192.0.2.7" }), 2), // One has not said CONNECT.
      "a told e0 98",
      "b closed",
      "c quiet",
    ],
  },
]);

Deno.test("A principal that is banned is refused with 0x8A by all its Client Identifiers, and connections of it end", () =>
  converse(
    5,
    {
      authenticator: {
        authenticate: ({ clientId }) => ({ isAccepted: true, ...clientId === "c" ? {} : { principal: "ann" } }),
      },
    },
    (conversation) =>
      conversation.run(
        "a connects",
        "c connects",
        ({ broker }) => assertEquals(broker.ban({ principal: "ann" }, { reason: "no" }), 1),
        "a < e0 [ 98 [ 1f 'no' ] ]",
        "a closed",
        "b > 10 [ @ 02 0000 [] 'b' ]",
        "b < 20 [ 00 8a [ 1f 'no' ] ]",
        "b closed",
        "c quiet",
      ),
  ));

Deno.test("The authenticator is not asked about a client that is banned, and a ban may come before it answers", () => {
  const asked: string[] = [];
  const whenAsked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<Authentication>();
  return converse(
    5,
    {
      authenticator: {
        authenticate({ clientId }) {
          asked.push(clientId);
          whenAsked.resolve();
          return answer.promise;
        },
      },
    },
    (conversation) =>
      conversation.run(
        "a > 10 [ @ 02 0000 [] 'a' ]",
        () => whenAsked.promise,
        ({ broker }) => assertEquals(broker.ban({ clientId: "a" }), 1),
        "a told 20 00 8a",
        () => answer.resolve({ isAccepted: true }),
        "a > 10 [ @ 02 0000 [] 'a' ]",
        "a told 20 00 8a",
        () => assertEquals(asked, ["a"]),
      ),
  );
});
