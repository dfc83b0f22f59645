/** Rules hold on every way in and out of the broker, at once and after they are replaced. */

import { assertEquals } from "@std/assert";
import { AccessControl, type AccessRules, trustUserNames } from "../../mod.ts";
import { ALL_VERSIONS, converse, type Step } from "../wire/conversation.ts";

/** Everybody has a place; Ann also reads what is public, and Sue sees everything. */
const RULES: AccessRules = {
  users: [
    { name: "ann", rules: [{ access: "read", topic: "public/#" }, { access: "deny", topic: "public/secret" }] },
    { name: "sue", rules: [{ access: "readwrite", topic: "#" }, { access: "readwrite", topic: "$data/#" }] },
  ],
  everyone: [{ access: "readwrite", pattern: "home/%u/#" }],
};
const WITHOUT_ANN: AccessRules = { ...RULES, users: RULES.users?.slice(1) ?? [], everyone: [] };

interface Row {
  readonly name: string;
  readonly steps: (control: AccessControl, isV5: boolean) => readonly Step[];
}

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
    steps: (control) => [
      ...SUE,
      "s > 31 [ 'home/ann/kept' {} \"1\" ]",
      "s < 30 [ 'home/ann/kept' {} \"1\" ]",
      connects("a", "ann", "home/ann/will"),
      "a < 20 [ 00 00 { LIMITS } ]",
      "a > 82 [ 0001 {} '#' 00 ]",
      "a < 90 [ 0001 {} 00 ] 31 [ 'home/ann/kept' {} \"1\" ]",
      () => control.replace(WITHOUT_ANN),
      "s > 30 [ 'home/ann/1' {} ] 30 [ 'public/x' {} ]",
      "s < 30 [ 'home/ann/1' {} ] 30 [ 'public/x' {} ]",
      "a quiet",
      "a > 32 [ 'home/ann/1' 0002 {} ]",
      "a < 40 [ 0002 <87> ]",
      "a drops",
      "s quiet",
    ],
  },
];

for (const { name, steps } of ROWS) {
  for (const version of ALL_VERSIONS.slice(1)) { // SUBACK of 3.1 cannot say no.
    Deno.test(`Rules hold for ${name} v${version}`, () => {
      const authorizer = new AccessControl(RULES);
      return converse(
        version,
        { authenticator: trustUserNames, authorizer },
        (conversation) => conversation.run(...steps(authorizer, version === 5)),
      );
    });
  }
}

/** CONNECT with Clean Start. */
function connects(client: string, userName: string, will?: string): string {
  const [flags, fields] = will === undefined ? ["82", ""] : ["86", `{} '${will}' 'gone'`];
  return `${client} > 10 [ @ ${flags} 0000 {} '${client}' ${fields} '${userName}' ]`;
}
