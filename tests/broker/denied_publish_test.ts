/** What becomes of a PUBLISH and of a Will that their client may not publish. */

import { assertEquals } from "@std/assert";
import type { Authorizer, BrokerEvent } from "../../mod.ts";
import { converse } from "../wire/conversation.ts";

const NOT_NO: Authorizer = { authorize: ({ topic }) => topic !== "no" };

for (const isLate of [false, true]) {
  Deno.test(`A Will is not published when its client may not publish it any more, ${isLate ? "late" : "at once"}`, () => {
    const denied = new Set<string>();
    const told: BrokerEvent[] = [];
    const onEvent = (event: BrokerEvent) => {
      if (event.kind === "willDenied") told.push(event);
    };
    const authorizer: Authorizer = {
      authorize({ topic }) {
        const isAllowed = !denied.has(topic);
        return isLate ? Promise.resolve(isAllowed) : isAllowed;
      },
    };
    return converse(5, { authorizer, onEvent }, (conversation) =>
      conversation.run(
        "s connects",
        "s > 82 [ 0001 [] '#' 00 ]",
        "s < 90 [ 0001 [] 00 ]",
        "a > 10 [ @ 06 0000 [] 'a' [] 'w/a' 'gone' ]",
        "a < 20 [ 00 00 [ LIMITS ] ]",
        "b > 10 [ @ 06 0000 [] 'b' [] 'w/b' 'gone' ]",
        "b < 20 [ 00 00 [ LIMITS ] ]",
        () => denied.add("w/a"),
        "a drops",
        "b drops",
        "s < 30 [ 'w/b' [] \"gone\" ]",
        "s quiet",
        ({ broker }) => {
          const what = { clientId: "a", principal: undefined, topic: "w/a", qos: 0, retain: false } as const;
          assertEquals(told, [{ kind: "willDenied", ...what }]);
          assertEquals(broker.metrics.denied, { publish: 1, subscribe: 0 });
        },
      ));
  });
}

Deno.test(`deniedWill "drop" lets in who may not publish its Will, and does not publish it`, () =>
  converse(5, { authorizer: NOT_NO, deniedWill: "drop" }, (conversation) =>
    conversation.run(
      "s connects",
      "s > 82 [ 0001 [] '#' 00 ]",
      "s < 90 [ 0001 [] 00 ]",
      "a > 10 [ @ 06 0000 [] 'a' [] 'no' 'gone' ]",
      "a < 20 [ 00 00 [ LIMITS ] ]",
      "b > 10 [ @ 06 0000 [] 'b' [] 'yes' 'gone' ]",
      "b < 20 [ 00 00 [ LIMITS ] ]",
      "a drops",
      "b drops",
      "s < 30 [ 'yes' [] \"gone\" ]",
      "s quiet",
      ({ broker }) => assertEquals(broker.metrics.denied, { publish: 2, subscribe: 0 }), // At CONNECT, and when it was due.
    )));

for (const isLate of [false, true]) {
  Deno.test(`What is denied is told and counted, Wills too, ${isLate ? "late" : "at once"}`, () => {
    const told: unknown[] = [];
    const authorizer: Authorizer = {
      authorize: ({ topic }) => isLate ? Promise.resolve(topic !== "no") : topic !== "no",
    };
    const onEvent = (event: BrokerEvent) => {
      if (event.kind !== "accessDenied") return;
      const { clientId, principal, action, topic, qos, retain, peer } = event;
      told.push([clientId, principal, action, topic, qos, retain, peer.transport]);
    };
    return converse(5, { authorizer, onEvent }, (conversation) =>
      conversation.run(
        "p connects",
        "p > 33 [ 'no' 0001 [] ] 32 [ 'yes' 0002 [] ] 30 [ 'no' [] ]",
        "p < 40 [ 0001 87 ] 40 [ 0002 10 ]",
        "p > 82 [ 0003 [] 'yes' 00 'no' 02 ]",
        "p < 90 [ 0003 [] 00 87 ]",
        "w > 10 [ @ 06 0000 [] 'w' [] 'no' 'gone' ]",
        "w < 20 [ 00 87 [ 1f 'not authorized to publish the Will to \"no\"' ] ]",
        "w closed",
        ({ broker }) => assertEquals(broker.metrics.denied, { publish: 3, subscribe: 1 }),
        () =>
          assertEquals(told, [
            ["p", undefined, "publish", "no", 1, true, "memory"],
            ["p", undefined, "publish", "no", 0, false, "memory"],
            ["p", undefined, "subscribe", "no", 2, false, "memory"],
            ["w", undefined, "publish", "no", 0, false, "memory"],
          ]),
      ));
  });
}

for (const authorizer of [undefined, { authorize: () => true }]) {
  const whose = authorizer === undefined ? "without an authorizer" : "that the authorizer allows";
  Deno.test(`A PUBLISH to a topic of the server ${whose} is told and counted`, () => {
    const told: unknown[] = [];
    const onEvent = (event: BrokerEvent) => {
      if (event.kind === "accessDenied") {
        told.push([event.clientId, event.action, event.topic, event.qos, event.retain]);
      }
    };
    return converse(5, { ...authorizer && { authorizer }, onEvent }, (conversation) =>
      conversation.run(
        "p connects",
        "p > 30 [ '$SYS/x' [] ] 33 [ '$SYS/broker/uptime' 0001 [] ] 34 [ '$SYS' 0002 [] ]",
        "p < 40 [ 0001 87 ] 50 [ 0002 87 ]",
        ({ broker }) => assertEquals(broker.metrics.denied, { publish: 3, subscribe: 0 }),
        () =>
          assertEquals(told, [
            ["p", "publish", "$SYS/x", 0, false],
            ["p", "publish", "$SYS/broker/uptime", 1, true],
            ["p", "publish", "$SYS", 2, false],
          ]),
      ));
  });
}

for (const version of [3, 4] as const) {
  Deno.test(`deniedPublish "close" ends the connection of a client that cannot be told [MQTT-3.3.5-2] v${version}`, () => {
    return converse(
      version,
      { authorizer: NOT_NO, deniedPublish: "close" },
      (conversation) => conversation.run("p connects", "p > 30 [ 'a' ] 30 [ 'no' ]", "p closed"),
    );
  });
}

Deno.test(`deniedPublish "close" changes nothing for clients of MQTT 5`, () => {
  return converse(
    5,
    { authorizer: NOT_NO, deniedPublish: "close" },
    (conversation) => conversation.run("p connects", "p > 32 [ 'no' 0001 [] ] 30 [ 'no' [] ]", "p < 40 [ 0001 87 ]"),
  );
});
