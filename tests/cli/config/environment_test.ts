import { assertEquals, assertThrows } from "@std/assert";
import { environmentOverrides } from "../../../src/cli/config/environment.ts";
import { ConfigError } from "../../../src/cli/config_error.ts";
import { ConfigurationFolder } from "./written_file.ts";

const FILES: Readonly<Record<string, string>> = { "/run/secret": `${"s3cret-".repeat(5)}\n` };

Deno.test("Variables override what a file says, and add to its lists", () => {
  using folder = new ConfigurationFolder();
  const overrides = overridesOf({
    BROOKLET_LISTENERS__0__VERSIONS: "[5]",
    BROOKLET_LISTENERS__1__URL: "mqtt://127.0.0.1:1885",
    BROOKLET_LIMITS__MAXIMUM_QOS: "1",
    BROOKLET_LIMITS__maximumQueuedBytes: "unlimited",
    BROOKLET_PIDFILE: "5",
    BROOKLET_AUTHENTICATION__JWT__SECRET_FILE: "/run/secret",
    BROOKLET_AUTHENTICATION__WEBHOOK__URL: "http://127.0.0.1/",
    BROOKLET_AUTHENTICATION__WEBHOOK__HEADERS__Authorization: "Bearer a: b",
    "BROOKLET_AUTHENTICATION__WEBHOOK__HEADERS__X-Key_FILE": "/run/secret",
    HOME: "/root",
    BROOKLET_SERVICE_HOST: "10.0.0.1",
    BROOKLET_TLS_SERVICE_PORT_MQTTS: "8883",
    BROOKLET_TLS_PORT_8883_TCP_ADDR: "10.0.0.1",
    BROOKLET_CI: "1",
  });
  const yaml = "listeners:\n  - url: mqtt://127.0.0.1:1884\nlimits: { maximumQos: 2 }\n";
  const { listeners, limits, authentication, pidFile } = folder.read("a.yaml", yaml, overrides);
  assertEquals(listeners.map(({ url, versions }) => [url, versions.length]), [
    ["mqtt://127.0.0.1:1884", 1],
    ["mqtt://127.0.0.1:1885", 3],
  ]);
  assertEquals([limits.maximumQos, limits.maximumQueuedBytes, pidFile], [1, Infinity, "5"]);
  assertEquals(authentication.jwt?.secret, "s3cret-".repeat(5));
  assertEquals(authentication.webhook?.headers, {
    Authorization: "Bearer a: b",
    "X-Key": "s3cret-".repeat(5),
  });
});

Deno.test("Variables are named where what they say is wrong", () => {
  using folder = new ConfigurationFolder();
  const overrides = overridesOf({ BROOKLET_LIMITS__MAXIMUM_QOS: "7", BROOKLET_LISTENERS__0__URL: "mqtt://0.0.0.0:1" });
  assertEquals(folder.complaints("a.yaml", "", overrides), [
    'BROOKLET_LIMITS__MAXIMUM_QOS: "limits.maximumQos" is not an integer between 0 and 2',
    "BROOKLET_LISTENERS__0__URL: Cannot listen on mqtt://0.0.0.0:1: other machines can reach it and no authentication is " +
    'set; give --allow-anonymous, or set "authentication.anonymous" to true, if everybody may connect, or listen on ' +
    "127.0.0.1",
  ]);
});

const REFUSED: readonly (readonly [name: string, value: string, message: string])[] = [
  [
    "BROOKLET_LISTENER__0__URL",
    "x",
    'Unknown environment variable BROOKLET_LISTENER__0__URL: "LISTENER" means nothing there; did you mean LISTENERS?',
  ],
  [
    "BROOKLET_CLIENT_IDS__XYLOPHONE",
    "x",
    'Unknown environment variable BROOKLET_CLIENT_IDS__XYLOPHONE: "XYLOPHONE" means nothing there; there is PREFIXES',
  ],
  [
    "BROOKLET_SYS__INTERVAL_SECONDS",
    "x",
    'Unknown environment variable BROOKLET_SYS__INTERVAL_SECONDS: "SYS" means nothing there; did you mean ' +
    "BROOKLET_SYS_INTERVAL_MS?",
  ],
  [
    "BROOKLET_STORAGE__A",
    "x",
    'Unknown environment variable BROOKLET_STORAGE__A: "A" means nothing there; there is no more to set there',
  ],
  [
    "BROOKLET_LISTENERS__FIRST__URL",
    "x",
    'Unknown environment variable BROOKLET_LISTENERS__FIRST__URL: "FIRST" means nothing there; there is no more to set there',
  ],
  [
    "BROOKLET_STORGE",
    "kv",
    'Unknown environment variable BROOKLET_STORGE: "STORGE" means nothing there; did you mean STORAGE?',
  ],
  [
    "BROOKLET_AUTHENTICATION__JWT__SECRET_FILE",
    "/run/none",
    'BROOKLET_AUTHENTICATION__JWT__SECRET_FILE: cannot read "/run/none": there is no such file',
  ],
  [
    "BROOKLET_AUTHENTICATION__JWT__SECRET_FILE",
    "/run",
    'BROOKLET_AUTHENTICATION__JWT__SECRET_FILE: cannot read "/run": it is a folder',
  ],
  [
    "BROOKLET_AUTHENTICATION_JWT_SECRET",
    "x",
    'Unknown environment variable BROOKLET_AUTHENTICATION_JWT_SECRET: two "_" stand between a key and what is in it, as ' +
    "in BROOKLET_AUTHENTICATION__",
  ],
  ["BROOKLET_LIMITS__MAXIMUM_QOS", "{", "BROOKLET_LIMITS__MAXIMUM_QOS: what it says cannot be read as YAML"],
];

for (const [name, value, message] of REFUSED) {
  Deno.test(`The variable ${name}=${value} is refused`, () => {
    assertThrows(() => overridesOf({ [name]: value }), ConfigError, message);
  });
}

Deno.test("Two variables cannot set the same", () => {
  for (
    const [one, other] of [
      ["BROOKLET_AUTHENTICATION__JWT__SECRET", "BROOKLET_AUTHENTICATION__JWT__SECRET_FILE"],
      ["BROOKLET_PID_FILE", "BROOKLET_PIDFILE"],
      ["BROOKLET_LISTENERS__0__URL", "BROOKLET_LISTENERS__00__URL"],
    ] as const
  ) {
    const message = `${one} and ${other} set the same: leave one of them out`;
    assertThrows(() => overridesOf({ [one]: "/run/secret", [other]: "/run/secret" }), ConfigError, message);
  }
});

Deno.test("A variable cannot leave a gap in a list", () => {
  using folder = new ConfigurationFolder();
  const overrides = overridesOf({ BROOKLET_LISTENERS__1__URL: "mqtt://127.0.0.1:1" });
  assertEquals(folder.complaints("a.yaml", "", overrides), [
    "BROOKLET_LISTENERS__1__URL: there is no item 0 in front of item 1; they count from 0",
  ]);
});

function overridesOf(environment: Readonly<Record<string, string>>) {
  return environmentOverrides(environment, (path) => {
    if (path === "/run") throw new Deno.errors.IsADirectory();
    const text = FILES[path];
    if (text === undefined) throw new Deno.errors.NotFound();
    return text;
  });
}
