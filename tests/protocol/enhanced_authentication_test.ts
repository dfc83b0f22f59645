/** Enhanced authentication (MQTT 5, section 4.12): which AUTH may come when, and what goes back. */

import { assert, assertEquals } from "@std/assert";
import type { AuthenticationStep } from "../../src/protocol/access.ts";
import type { Ask } from "../../src/protocol/connection_host.ts";
import { type Answers, type Dialogue, dialogueTests, type Row, type Step } from "./dialogue.ts";

/** CONNECT with Authentication Method "M" and Authentication Data "1". */
const CONNECT = "10 [ @ 02 0000 [ 15 'M' 16 '1' ] 'a' ]";
const HOST = { methods: ["M"] } as const;
const EXCHANGE = {};

/** Steps of an exchange, in order: `undefined` where there is no answer yet. */
function exchange(...steps: readonly (AuthenticationStep | undefined)[]): Answers {
  return {
    exchange: (ask: Ask) => {
      assert(ask.kind === "exchange");
      const step = steps[ask.data === undefined ? 0 : Number(new TextDecoder().decode(ask.data)) - 1];
      return step === undefined ? undefined : { kind: "exchange", exchange: EXCHANGE, step };
    },
  };
}

const DATA = new TextEncoder().encode("data");
const CONTINUE: AuthenticationStep = { kind: "continue", data: DATA };
const ACCEPTED: AuthenticationStep = { kind: "accepted", principal: "p" };
const REFUSED: AuthenticationStep = { kind: "refused", reason: "no" };

dialogueTests([
  {
    name: "An exchange of one step is answered in CONNACK, with method and data [MQTT-4.12.0-5]",
    versions: [5],
    host: HOST,
    answers: exchange({ ...ACCEPTED, data: DATA }),
    steps: [
      `> ${CONNECT}`,
      "asks exchange M",
      connackWith("15 'M' 16 'data'"),
      ({ connection, session }) => assertEquals([connection.principal, session.identity?.principal], ["p", "p"]),
    ],
  },
  {
    name: "The exchange hears client, method and data, and no exchange at its beginning",
    versions: [5],
    host: HOST,
    answers: exchange(undefined),
    steps: [
      `> ${CONNECT}`,
      asksFor({ clientId: "a", method: "M", exchange: undefined, data: new TextEncoder().encode("1") }),
      "quiet",
    ],
  },
  {
    name: "CONNACK has no data where the exchange ends without",
    versions: [5],
    host: HOST,
    answers: exchange(ACCEPTED),
    steps: [`> ${CONNECT}`, connackWith("15 'M'")],
  },
  {
    name: "An exchange continues with AUTH 0x18 in both directions [MQTT-4.12.0-2] [MQTT-4.12.0-3]",
    versions: [5],
    host: HOST,
    answers: exchange(CONTINUE, { kind: "continue" }, ACCEPTED),
    steps: [
      `> ${CONNECT}`,
      "< f0 [ 18 [ 15 'M' 16 'data' ] ]",
      "> f0 [ 18 [ 15 'M' 16 '2' ] ]",
      "< f0 [ 18 [ 15 'M' ] ]",
      "> f0 [ 18 [ 15 'M' 16 '3' ] ]",
      connackWith("15 'M'"),
    ],
  },
  {
    name: "AUTH of the client goes to its own exchange",
    versions: [5],
    host: HOST,
    answers: exchange(CONTINUE, undefined),
    steps: [
      `> ${CONNECT}`,
      "< f0 [ 18 [ 15 'M' 16 'data' ] ]",
      "> f0 [ 18 [ 15 'M' 16 '2' ] ]",
      asksFor({ clientId: "a", method: "M", exchange: EXCHANGE, data: new TextEncoder().encode("2") }),
      ({ open }) => assert(open?.kind === "exchange" && open.exchange === EXCHANGE),
    ],
  },
  {
    name: "The authenticator is not asked beside an exchange",
    versions: [5],
    host: { ...HOST, asksAuthenticator: true },
    answers: exchange(ACCEPTED),
    steps: [`> ${CONNECT}`, "asks exchange M", connackWith("15 'M'")],
  },
  {
    name: "After an exchange the authorizer is asked about the Will",
    versions: [5],
    host: { ...HOST, asksAuthorizer: true },
    answers: exchange(ACCEPTED),
    steps: [
      "> 10 [ @ 06 0000 [ 15 'M' 16 '1' ] 'a' {} 'w' 'gone' ]",
      "asks exchange M, authorize publish w",
      connackWith("15 'M'"),
    ],
  },
  {
    name: "An Authentication Method that there is not is refused [MQTT-4.12.0-1]",
    versions: [5],
    steps: [`> ${CONNECT}`, "asks ", "told 20 00 8c"],
  },
  {
    name: "An exchange that refuses the client says so in CONNACK [MQTT-4.12.0-4]",
    versions: [5],
    host: HOST,
    answers: exchange(REFUSED),
    steps: [`> ${CONNECT}`, "< 20 [ 00 87 [ 1f 'no' ] ]", "closed 87"],
  },
  {
    name: "An exchange may refuse with another Reason Code of CONNACK",
    versions: [5],
    host: HOST,
    answers: exchange({ ...REFUSED, reasonCode: 0x86 }),
    steps: [`> ${CONNECT}`, "told 20 00 86"],
  },
  {
    name: "An exchange that refuses with a Reason Code of DISCONNECT is said as Not authorized in CONNACK",
    versions: [5],
    host: HOST,
    answers: exchange({ ...REFUSED, reasonCode: 0x8e }),
    steps: [`> ${CONNECT}`, "told 20 00 87"],
  },
  {
    name: "AUTH without an Authentication Method in CONNECT ends the connection [MQTT-4.12.0-7]",
    versions: [5],
    host: HOST,
    steps: ["connects", "> f0 [ 19 [ 15 'M' ] ]", "told e0 82"],
  },
  {
    name: "AUTH with another method than CONNECT ends the connection [MQTT-4.12.1-1]",
    versions: [5],
    host: { methods: ["M", "N"] },
    answers: exchange(CONTINUE),
    steps: [`> ${CONNECT}`, "< f0 [ 18 [ 15 'M' 16 'data' ] ]", "> f0 [ 18 [ 15 'N' 16 '2' ] ]", "told 20 00 82"],
  },
  ...["19", "00"].map((reasonCode): Row => ({
    name: `AUTH 0x${reasonCode} within an exchange ends the connection [MQTT-4.12.0-3]`,
    versions: [5],
    host: HOST,
    answers: exchange(CONTINUE),
    steps: [
      `> ${CONNECT}`,
      "< f0 [ 18 [ 15 'M' 16 'data' ] ]",
      `> f0 [ ${reasonCode} [ 15 'M' 16 '2' ] ]`,
      "told 20 00 82",
    ],
  })),
  {
    name: "A client authenticates again with AUTH 0x19, and hears AUTH 0x00 [MQTT-4.12.1-1]",
    versions: [5],
    host: HOST,
    answers: exchange(ACCEPTED, CONTINUE, { ...ACCEPTED, data: DATA, roles: ["r"] }),
    steps: [
      `> ${CONNECT}`,
      connackWith("15 'M'"),
      "> f0 [ 19 [ 15 'M' 16 '2' ] ]",
      "< f0 [ 18 [ 15 'M' 16 'data' ] ]",
      "> f0 [ 18 [ 15 'M' 16 '3' ] ]",
      "< f0 [ 00 [ 15 'M' 16 'data' ] ]",
      ({ session, loop }) => {
        assertEquals([session.identity?.principal, session.identity?.roles], ["p", ["r"]]);
        assertEquals(loop.acceptances.length, 2);
      },
      "> c0 00",
      "< d0 00",
    ],
  },
  {
    name: "An exchange to authenticate again is a new one",
    versions: [5],
    host: HOST,
    answers: exchange(ACCEPTED, undefined),
    steps: [
      `> ${CONNECT}`,
      connackWith("15 'M'"),
      "> f0 [ 19 [ 15 'M' 16 '2' ] ]",
      asksFor({ clientId: "a", method: "M", exchange: undefined, data: new TextEncoder().encode("2") }),
    ],
  },
  {
    name: "A client that authenticates again stays who it was where the exchange does not say",
    versions: [5],
    host: HOST,
    answers: exchange(ACCEPTED, { kind: "accepted" }),
    steps: [
      `> ${CONNECT}`,
      connackWith("15 'M'"),
      "> f0 [ 19 [ 15 'M' 16 '2' ] ]",
      "< f0 [ 00 [ 15 'M' ] ]",
      ({ connection }) => assertEquals(connection.principal, "p"),
    ],
  },
  {
    name: "A client that authenticates again as somebody else is disconnected: the session is not theirs",
    versions: [5],
    host: HOST,
    answers: exchange(ACCEPTED, { kind: "accepted", principal: "q" }),
    steps: [
      `> ${CONNECT}`,
      connackWith("15 'M'"),
      "> f0 [ 19 [ 15 'M' 16 '2' ] ]",
      "told e0 87",
      ({ session }) => assertEquals(session.identity?.principal, "p"),
    ],
  },
  {
    name: "A client without a name that authenticates again as somebody is disconnected",
    versions: [5],
    host: HOST,
    answers: exchange({ kind: "accepted" }, ACCEPTED),
    steps: [`> ${CONNECT}`, connackWith("15 'M'"), "> f0 [ 19 [ 15 'M' 16 '2' ] ]", "told e0 87"],
  },
  {
    name: "An exchange that refuses a client which authenticates again says so in DISCONNECT [MQTT-4.12.1-2]",
    versions: [5],
    host: HOST,
    answers: exchange(ACCEPTED, { ...REFUSED, reasonCode: 0x8e }),
    steps: [`> ${CONNECT}`, connackWith("15 'M'"), "> f0 [ 19 [ 15 'M' 16 '2' ] ]", "told e0 8e"],
  },
  {
    name: "An exchange that refuses with a Reason Code of CONNACK is said as Not authorized in DISCONNECT",
    versions: [5],
    host: HOST,
    answers: exchange(ACCEPTED, { ...REFUSED, reasonCode: 0x86 }),
    steps: [`> ${CONNECT}`, connackWith("15 'M'"), "> f0 [ 19 [ 15 'M' 16 '2' ] ]", "told e0 87"],
  },
  ...["18", "00"].map((reasonCode): Row => ({
    name: `AUTH 0x${reasonCode} that begins no exchange ends the connection [MQTT-4.12.1-1]`,
    versions: [5],
    host: HOST,
    answers: exchange(ACCEPTED),
    steps: [`> ${CONNECT}`, connackWith("15 'M'"), `> f0 [ ${reasonCode} [ 15 'M' 16 '2' ] ]`, "told e0 82"],
  })),
  {
    name: "While a client authenticates again, its other packets are taken (section 4.12.1)",
    versions: [5],
    host: HOST,
    answers: exchange(ACCEPTED, CONTINUE),
    steps: [
      `> ${CONNECT}`,
      connackWith("15 'M'"),
      "> f0 [ 19 [ 15 'M' 16 '2' ] ]",
      "< f0 [ 18 [ 15 'M' 16 'data' ] ]",
      "> 30 [ 'x' {} ] c0 00",
      'publishes x ""',
      "< d0 00",
    ],
  },
]);

/** CONNACK with Success, and these properties. */
function connackWith(properties: string): Step {
  return (dialogue: Dialogue) => dialogue.run(`< 20 [ 00 00 [ ${properties} 21 ffff 22 000a 27 01000000 ] ]`);
}

function asksFor(wanted: Partial<Extract<Ask, { kind: "exchange" }>>): Step {
  return ({ open }) => assertEquals<unknown>(open, { kind: "exchange", ...wanted });
}
