/** Rules hold on every way in and out of the broker, at once and after they are replaced. */

import { assertEquals } from "@std/assert";
import type { Authenticator } from "../../mod.ts";
import { AccessControl } from "../../src/auth/mod.ts";
import { ALL_VERSIONS, converse, type Step } from "../wire/conversation.ts";
import { WAYS, WITHOUT_ANN } from "./ways_to_rights.ts";

interface Row {
  readonly name: string;
  readonly steps: (change: () => void, isV5: boolean) => readonly Step[];
}

const ANN_DURABLE = ["a > 10 [ @ 80 0000 { 11 00000e10 } 'a' 'ann' ]", "a < 20 [ 00 00 { LIMITS } ]"];
const ANN_RESUMES = ["a > 10 [ @ 80 0000 { 11 00000e10 } 'a' 'ann' ]", "a < 20 [ 01 00 { LIMITS } ]"];
const SUE = [connects("s", "sue"), "s < 20 [ 00 00 { LIMITS } ]", "s > 82 [ 0001 {} '#' 02 ]", "s < 90 [ 0001 {} 02 ]"];
const ANN = [connects("a", "ann"), "a < 20 [ 00 00 { LIMITS } ]"];

const ROWS: readonly Row[] = [
  {
    name: "PUBLISH, retained too, of each QoS",
    steps: () => [
      ...SUE,
      ...ANN,
      "a > 30 [ 'home/ann/1' {} ] 30 [ 'home/sue/1' {} ] 31 [ 'public/x' {} \"kept\" ] 32 [ 'public/x' 0001 {} ]",
      "a > 34 [ 'home' 0002 {} ] 32 [ 'home/ann' 0003 {} ]",
      "a < 40 [ 0001 <87> ] 50 [ 0002 <87> ] 40 [ 0003 ]",
      "s < 30 [ 'home/ann/1' {} ] 32 [ 'home/ann' 0001 {} ]",
      ({ broker }) => assertEquals(broker.metrics.retainedMessages, 0),
    ],
  },
  {
    name: "SUBSCRIBE, exact, with wildcards and shared, and what comes of it",
    steps: (_, isV5) => [
      ...SUE,
      ...ANN,
      "a > 82 [ 0001 {} '#' 00 'public/#' 00 'public/secret' 00 'home/sue/1' 00 '$share/g/home/sue/#' 00 '$data/#' 00 ]",
      `a < 90 [ 0001 {} 00 00 ${isV5 ? "87 87 87 87" : "80 80 80 80"} ]`,
      "s > 30 [ 'public/secret' {} ] 30 [ 'home/sue/1' {} ] 30 [ '$data/x' {} ] 30 [ 'public/x' {} ]",
      "s < 30 [ 'public/secret' {} ] 30 [ 'home/sue/1' {} ] 30 [ 'public/x' {} ]",
      "a < 30 [ 'public/x' {} ]",
    ],
  },
  {
    name: "the Will",
    steps: (_, isV5) => [
      connects("a", "ann", "home/sue/will"),
      ...isV5 ? ["a told 20 00 87"] : ["a < 20 02 00 05", "a closed"],
      ...SUE,
      connects("a", "ann", "home/ann/will"),
      "a < 20 [ 00 00 { LIMITS } ]",
      "a drops",
      "s < 30 [ 'home/ann/will' {} \"gone\" ]",
    ],
  },
  {
    name: "all of it after the rules are replaced",
    steps: (change) => [
      ...SUE,
      "s > 31 [ 'home/ann/kept' {} \"1\" ]",
      "s < 30 [ 'home/ann/kept' {} \"1\" ]",
      connects("a", "ann", "home/ann/will"),
      "a < 20 [ 00 00 { LIMITS } ]",
      "a > 82 [ 0001 {} '#' 00 ]",
      "a < 90 [ 0001 {} 00 ] 31 [ 'home/ann/kept' {} \"1\" ]",
      change,
      "s > 30 [ 'home/ann/1' {} ] 30 [ 'public/x' {} ]",
      "s < 30 [ 'home/ann/1' {} ] 30 [ 'public/x' {} ]",
      "a quiet",
      "a > 32 [ 'home/ann/1' 0002 {} ]",
      "a < 40 [ 0002 <87> ]",
      "a drops",
      "s quiet",
    ],
  },
  {
    name: "retained messages of others",
    steps: () => [
      ...SUE,
      "s > 31 [ 'public/x' {} \"1\" ] 31 [ 'public/secret' {} \"2\" ] 31 [ 'home/sue/1' {} \"3\" ] 31 [ '$data/x' {} \"4\" ]",
      "s < 30 [ 'public/x' {} \"1\" ] 30 [ 'public/secret' {} \"2\" ] 30 [ 'home/sue/1' {} \"3\" ]",
      ...ANN,
      "a > 82 [ 0001 {} '#' 01 'public/+' 00 '+/+/1' 00 '$share/g/public/x' 00 ]",
      "a < 90 [ 0001 {} 01 00 00 00 ] 31 [ 'public/x' {} \"1\" ] 31 [ 'public/x' {} \"1\" ]",
    ],
  },
  {
    name: "retained messages of a client that has lost its rights, which it cannot remove either",
    steps: (change) => [
      ...SUE,
      ...ANN,
      "a > 33 [ 'home/ann/kept' 0001 {} \"1\" ]",
      "a < 40 [ 0001 ]",
      "s < 32 [ 'home/ann/kept' 0001 {} \"1\" ]",
      "s > 82 [ 0002 {} 'home/+/kept' 00 ]",
      "s < 90 [ 0002 {} 00 ] 31 [ 'home/ann/kept' {} \"1\" ]",
      change,
      "a > 33 [ 'home/ann/kept' 0002 {} ] 33 [ 'home/ann/kept' 0003 {} \"2\" ]",
      "a < 40 [ 0002 <87> ] 40 [ 0003 <87> ]",
      "s > 82 [ 0003 {} 'home/+/kept' 00 ]",
      "s < 90 [ 0003 {} 00 ]",
      "s quiet",
      ({ broker }) => assertEquals(broker.metrics.retainedMessages, 1),
    ],
  },
  {
    name: "a Will that is to be retained, after the change",
    steps: (change) => [
      ...SUE,
      "a > 10 [ @ a6 0000 {} 'a' {} 'home/ann/will' 'gone' 'ann' ]",
      "a < 20 [ 00 00 { LIMITS } ]",
      change,
      "a drops",
      "s quiet",
      ({ broker }) => assertEquals(broker.metrics.retainedMessages, 0),
    ],
  },
  {
    name: "messages that were queued before the change, and those after it",
    steps: (change) => [
      ...SUE,
      ...ANN_DURABLE,
      "a > 82 [ 0001 {} '#' 02 'home/ann/+' 01 ]",
      "a < 90 [ 0001 {} 02 01 ]",
      "a disconnects",
      "s > 32 [ 'public/x' 0001 {} ] 34 [ 'home/ann/1' 0002 {} ] 32 [ 'public/secret' 0003 {} ]",
      "s < 32 [ 'public/x' 0001 {} ] 40 [ 0001 ] 50 [ 0002 ] 34 [ 'home/ann/1' 0002 {} ]",
      "s < 32 [ 'public/secret' 0003 {} ] 40 [ 0003 ]",
      change,
      "s > 30 [ 'home/ann/1' {} ]",
      "s < 30 [ 'home/ann/1' {} ]",
      ...ANN_RESUMES,
      "a quiet",
    ],
  },
  {
    name: "another user with the same Client Identifier, and the session that this one has",
    steps: (_, isV5) => [
      ...SUE,
      ...ANN_DURABLE,
      "a > 82 [ 0001 {} 'home/ann/#' 00 ]",
      "a < 90 [ 0001 {} 00 ]",
      ...["00", "02"].flatMap((cleanStart) => [
        `e > 10 [ @ ${(0x80 + Number(cleanStart)).toString(16)} 0000 {} 'a' 'eve' ]`,
        ...isV5 ? ["e told 20 00 87"] : ["e < 20 02 00 05", "e closed"],
      ]),
      "a disconnects",
      "e > 10 [ @ 80 0000 {} 'a' 'eve' ]",
      ...isV5 ? ["e told 20 00 87"] : ["e < 20 02 00 05", "e closed"],
      ...ANN_RESUMES,
      "s > 30 [ 'home/ann/1' {} ]",
      "s < 30 [ 'home/ann/1' {} ]",
      "a < 30 [ 'home/ann/1' {} ]",
    ],
  },
  {
    name: "messages in flight that would be sent again to the connection that takes over after the change",
    steps: (change) => [
      ...SUE,
      ...ANN_DURABLE,
      "a > 82 [ 0001 {} '#' 02 ]",
      "a < 90 [ 0001 {} 02 ]",
      "s > 32 [ 'public/x' 0001 {} ] 34 [ 'home/ann/1' 0002 {} ]",
      "a < 32 [ 'public/x' 0001 {} ] 34 [ 'home/ann/1' 0002 {} ]",
      "s < 32 [ 'public/x' 0001 {} ] 40 [ 0001 ] 50 [ 0002 ] 34 [ 'home/ann/1' 0002 {} ]",
      change,
      ...ANN_RESUMES.map((step) => step.replace("a", "b")),
      "a told e0 8e",
      "b < 62 [ 0002 ]", // It may have the message already, and ends the exchange; its topic is not told.
      "b > 70 [ 0002 ]",
      "b quiet",
    ],
  },
  {
    name: "QoS 2 that was begun before the change, which ends without another message",
    steps: (change) => [
      ...SUE,
      ...ANN_DURABLE,
      "a > 82 [ 0001 {} 'public/x' 02 ]",
      "a < 90 [ 0001 {} 02 ]",
      "a > 34 [ 'home/ann/1' 0001 {} ]",
      "a < 50 [ 0001 ]",
      "s < 34 [ 'home/ann/1' 0001 {} ]",
      "s > 50 [ 0001 ] 34 [ 'public/x' 0009 {} ]",
      "s < 62 [ 0001 ] 50 [ 0009 ] 34 [ 'public/x' 0002 {} ]",
      "a < 34 [ 'public/x' 0001 {} ]",
      "a > 50 [ 0001 ]",
      "a < 62 [ 0001 ]",
      change,
      "a > 70 [ 0001 ] 62 [ 0001 ]",
      "a < 70 [ 0001 ]",
      "s > 70 [ 0001 ] 62 [ 0009 ] 50 [ 0002 ]",
      "s < 70 [ 0009 ] 62 [ 0002 ]",
      "s > 70 [ 0002 ]",
      "a > 34 [ 'home/ann/1' 0001 {} ]", // The identifier is free, the right is gone.
      "a < 50 [ 0001 <87> ]",
      "a > 62 [ 0001 ]",
      "a < 70 [ 0001 <92> ]",
    ],
  },
  {
    name: "topics that begin with $",
    steps: (_, isV5) => [
      ...SUE,
      ...ANN,
      "a > 82 [ 0001 {} '#' 00 '$SYS/#' 00 '$data/#' 00 '$share/g/$SYS/#' 00 '+/broker/uptime' 00 '$SYS/broker/uptime' 00 ]",
      `a < 90 [ 0001 {} 00 ${
        ["87", "87", "87", "00", "87"].map((code) => isV5 || code === "00" ? code : "80").join(" ")
      } ]`,
      "s > 82 [ 0002 {} '$SYS/#' 00 '$data/#' 00 ]",
      `s < 90 [ 0002 {} ${isV5 ? "87" : "80"} 00 ]`,
      "a > 32 [ '$SYS/x' 0001 {} ] 32 [ '$data/x' 0002 {} ] 33 [ '$share/g/x' 0003 {} \"1\" ] 32 [ '$' 0004 {} ]",
      "a < 40 [ 0001 <87> ] 40 [ 0002 <87> ] 40 [ 0003 <87> ] 40 [ 0004 <87> ]",
      "s > 32 [ '$SYS/x' 0001 {} ] 30 [ '$data/x' {} ]",
      "s < 40 [ 0001 <87> ] 30 [ '$data/x' {} ]",
      "10 s pass", // What $SYS tells is read by nobody.
      "a quiet",
      "s quiet",
    ],
  },
];

for (const { name, steps } of ROWS) {
  for (const { name: way, rules, without = WITHOUT_ANN, acceptance = {} } of WAYS) {
    for (const version of ALL_VERSIONS.slice(1)) { // SUBACK of 3.1 cannot say no.
      Deno.test(`Rules ${way} hold for ${name} v${version}`, () => {
        const authorizer = new AccessControl(rules);
        const authenticator: Authenticator = {
          authenticate: ({ connect: { userName: principal = "" } }) => ({
            isAccepted: true,
            principal,
            ...principal === "ann" ? acceptance : {},
          }),
        };
        return converse(
          version,
          { authenticator, authorizer, sysIntervalMs: 1_000 },
          (conversation) => conversation.run(...steps(() => authorizer.replace(without), version === 5)),
        );
      });
    }
  }
}

/** CONNECT with Clean Start. */
function connects(client: string, userName: string, will?: string): string {
  const [flags, fields] = will === undefined ? ["82", ""] : ["86", `{} '${will}' 'gone'`];
  return `${client} > 10 [ @ ${flags} 0000 {} '${client}' ${fields} '${userName}' ]`;
}
