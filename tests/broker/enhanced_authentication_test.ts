/** Enhanced authentication (MQTT 5, section 4.12): every way an exchange can go, with a method that counts aloud. */

import { assertEquals } from "@std/assert";
import type { BrokerOptions, EnhancedAuthenticator } from "../../mod.ts";
import type { AccessRequest, AuthenticationStep } from "../../src/auth/mod.ts";
import { converse, type Step } from "../wire/conversation.ts";

/** One word from the client and one back, until "three". */
const COUNT: EnhancedAuthenticator = {
  method: "COUNT",
  begin: () => ({ next: (data) => answerTo(new TextDecoder().decode(data)) }),
};

function answerTo(word: string): AuthenticationStep | Promise<AuthenticationStep> {
  switch (word) {
    case "one":
      return { kind: "continue", data: new TextEncoder().encode("two") };
    case "three":
      return Promise.resolve({ kind: "accepted", principal: "counter", data: new TextEncoder().encode("four") });
    case "five":
      return { kind: "accepted", principal: "somebody else" };
    case "six": // As it was.
      return { kind: "accepted" };
    case "busy":
      return { kind: "refused", reasonCode: 0x89, reason: "count later" };
    case "throw":
      throw new Error("cannot count");
    default:
      return { kind: "refused", reason: "that is not the next number" };
  }
}

const BEGIN = "a > 10 [ @ 02 0000 { 15 'COUNT' 16 'one' } 'a' ]";
const CHALLENGED = "a < f0 [ 18 { 15 'COUNT' 16 'two' } ]";
const GO_ON = "a > f0 [ 18 { 15 'COUNT' 16 'three' } ]";
const ACCEPTED = "a < 20 [ 00 00 { 15 'COUNT' 16 'four' LIMITS } ]";
const CONNECTED = [BEGIN, CHALLENGED, GO_ON, ACCEPTED];
const AGAIN = "a > f0 [ 19 { 15 'COUNT' 16 'one' } ]";

interface Row {
  readonly name: string;
  readonly steps: readonly Step[];
  readonly defects?: number;
}

const ROWS: readonly Row[] = [
  { name: "An exchange ends in CONNACK with method and data [MQTT-4.12.0-2] [MQTT-4.12.0-5]", steps: CONNECTED },
  {
    name: "An exchange may end at once",
    steps: ["a > 10 [ @ 02 0000 { 15 'COUNT' 16 'three' } 'a' ]", ACCEPTED],
  },
  {
    name: "An unknown method is refused with 0x8C [MQTT-4.12.0-1]",
    steps: ["a > 10 [ @ 02 0000 { 15 'GUESS' } 'a' ]", "a told 20 00 8c"],
  },
  {
    name: "An exchange that refuses the client says 0x87 [MQTT-4.12.0-4]",
    steps: [BEGIN, CHALLENGED, "a > f0 [ 18 { 15 'COUNT' 16 'four' } ]", "a told 20 00 87"],
  },
  {
    name: "An exchange refuses with the Reason Code that it wants",
    steps: ["a > 10 [ @ 02 0000 { 15 'COUNT' 16 'busy' } 'a' ]", "a told 20 00 89"],
  },
  {
    name: "An exchange that throws refuses the client",
    steps: ["a > 10 [ @ 02 0000 { 15 'COUNT' 16 'throw' } 'a' ]", "a told 20 00 87"],
    defects: 1,
  },
  {
    name: "AUTH with another method is a Protocol Error [MQTT-4.12.0-5]",
    steps: [BEGIN, CHALLENGED, "a > f0 [ 18 { 15 'GUESS' 16 'three' } ]", "a told 20 00 82"],
  },
  {
    name: "AUTH within an exchange that does not continue is a Protocol Error [MQTT-4.12.0-3]",
    steps: [BEGIN, CHALLENGED, "a > f0 [ 19 { 15 'COUNT' 16 'three' } ]", "a told 20 00 82"],
  },
  {
    name: "Nothing but AUTH and DISCONNECT may come before CONNACK [MQTT-3.1.2-30]",
    steps: [BEGIN, CHALLENGED, "a > 30 [ 'x' {} \"early\" ]", "a told 20 00 82"],
  },
  { name: "DISCONNECT may come before CONNACK [MQTT-3.1.2-30]", steps: [BEGIN, CHALLENGED, "a > e0 00", "a closed"] },
  {
    name: "AUTH without a method in CONNECT is a Protocol Error [MQTT-4.12.0-7]",
    steps: ["a connects", AGAIN, "a told e0 82"],
  },
  {
    name: "A client authenticates again [MQTT-4.12.1-1]",
    steps: [
      ...CONNECTED,
      AGAIN,
      CHALLENGED,
      "a > c0 00", // Other packets go on in the meantime.
      "a < d0 00",
      GO_ON,
      "a < f0 [ 00 { 15 'COUNT' 16 'four' } ]",
    ],
  },
  {
    name: "A client that fails to authenticate again is disconnected [MQTT-4.12.1-2]",
    steps: [...CONNECTED, AGAIN, CHALLENGED, "a > f0 [ 18 { 15 'COUNT' 16 'four' } ]", "a told e0 87"],
  },
  {
    name: "A client that authenticates again as somebody else is disconnected, as its session is not theirs",
    steps: [...CONNECTED, AGAIN, CHALLENGED, "a > f0 [ 18 { 15 'COUNT' 16 'five' } ]", "a told e0 87"],
  },
  {
    name: "A client that authenticates again without saying who it is stays who it was",
    steps: [
      ...CONNECTED,
      "a > f0 [ 19 { 15 'COUNT' 16 'six' } ]",
      "a < f0 [ 00 { 15 'COUNT' } ]",
      AGAIN,
      CHALLENGED,
      GO_ON,
      "a < f0 [ 00 { 15 'COUNT' 16 'four' } ]",
    ],
  },
  {
    name: "A client that came without a principal does not get one by authenticating again",
    steps: [
      "a > 10 [ @ 02 0000 { 15 'COUNT' 16 'six' } 'a' ]",
      "a < 20 [ 00 00 { 15 'COUNT' LIMITS } ]",
      "a > f0 [ 19 { 15 'COUNT' 16 'five' } ]",
      "a told e0 87",
    ],
  },
  {
    name: "AUTH that continues what was not begun is a Protocol Error",
    steps: [...CONNECTED, GO_ON, "a told e0 82"],
  },
  {
    name: "Authenticating again with another method is a Protocol Error [MQTT-4.12.1-1]",
    steps: [...CONNECTED, "a > f0 [ 19 { 15 'GUESS' 16 'one' } ]", "a told e0 82"],
  },
  {
    name: "Authenticating again twice at once is a Protocol Error",
    steps: [...CONNECTED, AGAIN, CHALLENGED, AGAIN, "a told e0 82"],
  },
  {
    name: "A client without a method gets neither AUTH nor a method [MQTT-4.12.0-6]",
    steps: ["a > 10 [ @ 02 0000 {} 'a' ]", "a < 20 [ 00 00 { LIMITS } ]"],
  },
];
for (const { name, steps, defects = 0 } of ROWS) {
  Deno.test(`${name} v5`, () => talk({}, steps, defects));
}

Deno.test("The principal of an exchange reaches the authorizer, for the Will too", async () => {
  const asked: AccessRequest[] = [];
  const authorizer = {
    authorize(request: AccessRequest) {
      asked.push(request);
      return true;
    },
  };
  await talk({ authorizer }, [
    "a > 10 [ @ 06 0000 { 15 'COUNT' 16 'three' } 'a' {} 'will' 'gone' ]",
    ACCEPTED,
    "a > 30 [ 'x' {} \"hello\" ]",
  ]);
  // At CONNECT, and when the Will is published.
  const expected = [["will", "counter"], ["x", "counter"], ["will", "counter"]];
  assertEquals(asked.map(({ topic, principal }) => [topic, principal]), expected);
});

Deno.test("An exchange that never ends is closed at the connect timeout", () =>
  talk({ limits: { connectTimeoutMs: 5_000 } }, [BEGIN, CHALLENGED, "5001 ms pass", "a told 20 00 80"]));

async function talk(options: BrokerOptions, steps: readonly Step[], defects = 0): Promise<void> {
  const enhancedAuthenticators = [COUNT];
  await converse(5, { ...options, enhancedAuthenticators }, (conversation) => conversation.run(...steps), defects);
}
