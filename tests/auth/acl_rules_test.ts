import { assert, assertEquals, assertGreater, assertThrows } from "@std/assert";
import {
  AccessControl,
  type AccessRequest,
  type AccessRule,
  type AccessRules,
  parseAclFile,
} from "../../src/auth/mod.ts";
import { checkSeed, type Seeded } from "../seeded.ts";

/** May it? `read`, `write` or `subscribe` for a client. */
function may(
  rules: AccessRules | AccessControl,
  action: "read" | "write" | "subscribe",
  topic: string,
  who: Partial<AccessRequest> = {},
): boolean {
  const control = rules instanceof AccessControl ? rules : new AccessControl(rules);
  const request: AccessRequest = {
    clientId: "a",
    principal: undefined,
    roles: [],
    grants: [],
    listener: "memory",
    qos: 0,
    retain: false,
    ...who,
    action: action === "read" ? "receive" : action === "write" ? "publish" : "subscribe",
    topic,
  };
  return action === "read" ? control.mayReceive(request) : control.authorize(request);
}

const READ_ALL: AccessRule = { access: "read", topic: "#" };

Deno.test("Without rules nothing is allowed, and an empty ACL file is no rules", () => {
  for (const rules of [{}, parseAclFile(""), parseAclFile("# nothing\n\n")]) {
    assert(!may(rules, "read", "x"));
    assert(!may(rules, "write", "x"));
    assert(!may(rules, "read", "$SYS/broker/version"));
  }
  assert(!may({}, "subscribe", "x"));
});

Deno.test("A user has the rules of its own, of its roles, and of its groups and their roles", () => {
  const control = new AccessControl({
    users: [{ name: "ann", rules: [{ access: "write", topic: "own" }], roles: ["reader"] }, { name: "bob" }],
    groups: [{ name: "staff", users: ["ann", "eve"], rules: [{ access: "write", topic: "staff" }], roles: ["writer"] }],
    roles: [
      { name: "reader", rules: [READ_ALL] },
      { name: "writer", rules: [{ access: "write", topic: "written/#" }] },
    ],
  });
  const can = (principal: string | undefined) =>
    (["own", "staff", "written/x", "other"] as const).filter((topic) => may(control, "write", topic, { principal }));
  assertEquals(can("ann"), ["own", "staff", "written/x"]);
  assertEquals(can("eve"), ["staff", "written/x"]);
  assertEquals(can("bob"), []);
  assertEquals(can("__proto__"), []);
  assertEquals(can(undefined), []);
  assert(may(control, "read", "x", { principal: "ann" }));
  assert(!may(control, "read", "x", { principal: "eve" }));
});

Deno.test("Roles and grants of the authentication count beside the rules; roles that are not there give nothing", () => {
  const control = new AccessControl({
    users: [{ name: "ann", rules: [{ access: "deny", topic: "secret" }] }],
    roles: [{ name: "reader", rules: [READ_ALL] }],
  });
  assert(may(control, "read", "x", { principal: "ann", roles: ["none", "reader"] }));
  assert(!may(control, "read", "secret", { principal: "ann", roles: ["reader"] }));
  const grants = [{ access: "write", topicFilter: "g/+" }] as const;
  assert(may(control, "write", "g/1", { principal: "eve", grants }));
  assert(may(control, "write", "g/1", { principal: "eve", grants })); // Compiled before.
  assert(!may(control, "read", "g/1", { principal: "eve", grants }));
  assert(!may(control, "write", "h", { principal: "eve", grants }));
});

Deno.test("What is denied for the client itself is not allowed for everyone, and the other way round", () => {
  const rules: AccessRules = {
    users: [{ name: "ann", rules: [{ access: "deny", topic: "x" }, { access: "read", topic: "y" }] }],
    everyone: [READ_ALL, { access: "deny", topic: "y" }],
  };
  assert(!may(rules, "read", "x", { principal: "ann" }));
  assert(may(rules, "read", "x", { principal: "bob" }));
  assert(may(rules, "read", "y", { principal: "ann" }));
  assert(!may(rules, "read", "y", { principal: "bob" }));
});

Deno.test("A pattern is for the client alone that it names", () => {
  const rules: AccessRules = { everyone: [{ access: "readwrite", pattern: "dev/%c/%u/#" }] };
  assert(may(rules, "write", "dev/a/ann/1", { principal: "ann" }));
  assert(!may(rules, "write", "dev/a/bob/1", { principal: "ann" }));
  assert(!may(rules, "write", "dev/b/ann/1", { principal: "ann" }));
  assert(!may(rules, "write", "dev/a//1"));
  assert(!may(rules, "write", "dev/a/%u/1"));
});

Deno.test("A topic in a rule is no pattern", () => {
  const rules: AccessRules = { everyone: [{ access: "read", topic: "dev/%c" }] };
  assert(may(rules, "read", "dev/%c"));
  assert(!may(rules, "read", "dev/a"));
});

Deno.test("A name with a slash does not reach below the place of another client, unless it is told to as in mosquitto", () => {
  const everyone: AccessRule[] = [
    { access: "readwrite", pattern: "dev/%c/#" },
    { access: "read", pattern: "user/%u" },
    { access: "deny", pattern: "dev/%c/secret" },
  ];
  const who = { clientId: "victim/part", principal: "ann/x" };
  assert(!may({ everyone }, "write", "dev/victim/part/1", who));
  assert(!may({ everyone }, "read", "user/ann/x", who));
  assert(may({ everyone, slashInNames: "allow" }, "write", "dev/victim/part/1", who));
  assert(may({ everyone, slashInNames: "allow" }, "read", "user/ann/x", who));
  // A denied topic stays denied, however the name is written.
  assert(!may({ everyone: [...everyone, { access: "write", topic: "#" }] }, "write", "dev/victim/part/secret", who));
});

Deno.test("A name does not stand for the $ of a topic, where mosquitto lets it", () => {
  const rules = parseAclFile("pattern readwrite %c/#\npattern read %u/broker/version\n");
  assert(!may(rules, "read", "$SYS/broker/version", { clientId: "$SYS", principal: "$SYS" }));
  assert(!may(rules, "write", "$data/x", { clientId: "$data" }));
  assert(may(parseAclFile("pattern read $data/%c/#\n"), "read", "$data/a/1"));
});

Deno.test("Nothing is published below $share", () => {
  const rules: AccessRules = { anonymous: [{ access: "readwrite", topic: "$share/#" }] };
  assert(!may(rules, "write", "$share/g/x"));
});

Deno.test("SUBSCRIBE is refused where no message could be received, and each message is checked in any case", () => {
  const control = new AccessControl({
    anonymous: [{ access: "read", topic: "a/+/c" }, { access: "write", topic: "w" }, {
      access: "deny",
      topic: "a/secret/#",
    }],
    everyone: [{ access: "read", pattern: "dev/%c/#" }, { access: "read", topic: "$SYS/broker/version" }],
  });
  const refused = ["w", "b", "a/b", "a/b/c/d", "a/+/d", "a/secret/c", "a/secret/#", "dev/b/1", "$SYS/broker/x", "+/b"];
  for (const filter of refused) assert(!may(control, "subscribe", filter), filter);
  const granted = [
    "#",
    "a/#",
    "a/+/c",
    "+/b/c",
    "a/b/c",
    "a/b/+",
    "dev/a",
    "dev/+/1",
    "+/+",
    "$SYS/#",
    "$SYS/broker/+",
  ];
  for (const filter of granted) assert(may(control, "subscribe", filter), filter);
  assert(!may(control, "read", "a/secret/c"));
  assert(may({ uselessSubscriptions: "grant" }, "subscribe", "#"));
});

Deno.test("Other rules are in force at once, and those that cannot be used change nothing", () => {
  const control = new AccessControl({ anonymous: [READ_ALL] });
  const { version } = control;
  control.replace({ anonymous: [{ access: "read", topic: "x" }] });
  assertGreater(control.version, version);
  assert(!may(control, "read", "y"));
  const before = control.version;
  assertThrows(() => control.replace({ anonymous: [{ access: "read", topic: "x#" }] }), RangeError);
  assertEquals(control.version, before);
  assert(may(control, "read", "x"));
});

const WRONG: readonly { readonly rules: AccessRules; readonly message: string }[] = [
  {
    // As a host without types may write it.
    rules: { everyone: [{ access: "Deny" as "deny", topic: "a" }] },
    message: `Cannot use the rule: "Deny" is not one of read, write, readwrite, deny`,
  },
  {
    rules: { anonymous: [{ access: "read", topic: "a#" }] },
    message: `Cannot use the rule: "a#" is not a Topic Filter`,
  },
  { rules: { everyone: [{ access: "read", pattern: "" }] }, message: `Cannot use the rule: "" is not a Topic Filter` },
  {
    rules: { users: [{ name: "ann" }, { name: "ann" }] },
    message: `Cannot use the rules: "ann" is there twice`,
  },
  {
    rules: { users: [{ name: "ann", roles: ["x"] }] },
    message: `Cannot use the role "x": there is none of this name`,
  },
  {
    rules: { groups: [{ name: "g", users: ["ann"], roles: ["x"] }] },
    message: `Cannot use the role "x": there is none of this name`,
  },
];
for (const { rules, message } of WRONG) {
  Deno.test(`AccessControl refuses rules: ${message}`, () => {
    assertThrows(() => new AccessControl(rules), RangeError, message);
  });
}

/** Characters that mean something to somebody. */
const CHARACTERS = [
  "a",
  "b",
  "#",
  "+",
  "/",
  "$",
  ".",
  "*",
  "(",
  "[",
  "^",
  "\\",
  "%",
  "c",
  "u",
  "\u0001",
  "ä",
  "\u{1f600}",
  "{",
];
const PATTERNS = ["p/%c/#", "p/%u/x", "%c/%u", "x%cy/+", "%u", "p/+/%c", "%c%u/z", "p/%c"];

Deno.test("Of 40,000 random names each gets from patterns what a literal comparison of levels gives it", () => {
  checkSeed(20_261_120, (random) => {
    let allowed = 0;
    const controls = PATTERNS.map((pattern) => new AccessControl({ everyone: [{ access: "readwrite", pattern }] }));
    for (let round = 0; round < 40_000; round++) {
      const clientId = randomName(random);
      const principal = random.oneIn(4) ? undefined : randomName(random);
      const index = random.integer(0, PATTERNS.length - 1);
      const pattern = random.oneIn(2) ? clientId : principal ?? "b";
      const template = PATTERNS[index] ?? "";
      const topic = random.oneIn(3) ? randomTopic(random) : template
        .replaceAll("%c", random.oneIn(3) ? pattern : clientId).replaceAll("%u", principal ?? randomName(random))
        .replace("#", random.pick(["", "1", "1/2"])).replaceAll("+", random.pick(["a", "q"]));
      if (/[+#]/.test(topic) || topic === "") continue;
      const control = controls[index] ?? new AccessControl({});
      const isAllowed = may(control, "write", topic, { clientId, principal });
      assertEquals({ clientId, principal, template, topic, isAllowed }, {
        clientId,
        principal,
        template,
        topic,
        isAllowed: literally(template, topic, clientId, principal),
      });
      if (isAllowed) allowed += 1;
    }
    assertGreater(allowed, 1_000);
  });
});

/** The rule, level by level: `%c` and `%u` are what they stand for, and never more than a part of one level. */
function literally(pattern: string, topic: string, clientId: string, principal: string | undefined): boolean {
  if (/[+#]/.test(clientId + (principal ?? "")) || topic.startsWith("$")) return false;
  const used = [...pattern.includes("%c") ? [clientId] : [], ...pattern.includes("%u") ? [principal ?? "/"] : []];
  if (used.some((name) => name.includes("/"))) return false;
  const wanted = pattern.split("/");
  const levels = topic.split("/");
  for (const [index, level] of wanted.entries()) {
    if (level === "#") return levels.length >= index;
    const text = level.split(/(%[cu])/).map((part) => part === "%c" ? clientId : part === "%u" ? principal : part).join(
      "",
    );
    if (index >= levels.length || (level !== "+" && levels[index] !== text)) return false;
  }
  return levels.length === wanted.length;
}

function randomName(random: Seeded): string {
  return Array.from({ length: random.integer(1, 4) }, () => random.pick(CHARACTERS)).join("");
}

function randomTopic(random: Seeded): string {
  return Array.from({ length: random.integer(1, 5) }, () => random.pick(["p", "/", "a", "b", "x", "z", "$"])).join("");
}
