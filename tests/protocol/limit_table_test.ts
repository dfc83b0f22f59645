import { assert, assertEquals, assertThrows } from "@std/assert";
import { DEFAULT_LIMITS, LIMIT_NAMES, LIMITS, limitsWith, rowText } from "../../src/protocol/limit_table.ts";
import type { Limits } from "../../src/protocol/limits.ts";
import { SETTING_NAMES, SETTINGS, settingsWith } from "../../src/protocol/setting_table.ts";

Deno.test("limitsWith() gives the defaults with what is given in their place", () => {
  assertEquals(limitsWith({}), DEFAULT_LIMITS);
  assertEquals(limitsWith({ maximumInflight: 5 }), { ...DEFAULT_LIMITS, maximumInflight: 5 });
});

for (const name of LIMIT_NAMES) {
  const { default: initial, least, most, unit } = LIMITS[name];
  Deno.test(`${name} is between ${least} and ${most} ${unit}, and ${initial} by default`, () => {
    assertEquals(DEFAULT_LIMITS[name], initial);
    for (const value of [least, most, initial]) assertEquals(limitsWith({ [name]: value })[name], value);
    for (const value of [least - 1, most === Infinity ? -Infinity : most + 1, least + 0.5, NaN]) {
      assertThrows(() => limitsWith({ [name]: value }), RangeError, `Cannot set ${name}: "${value}" is not an integer`);
    }
  });
}

const OUT_OF_RANGE: readonly Partial<Limits>[] = [
  { receiveMaximum: 0 },
  { receiveMaximum: 65_536 },
  { maximumInflight: 0 },
  { maximumPacketBytes: 268_435_461 },
  { maximumKeepAliveSeconds: -1 },
  { maximumClientIdLength: 22 },
  { topicAliasMaximum: 65_536 },
  { connectTimeoutMs: 0 },
  { maximumTopicLevels: NaN },
  { maximumQueuedMessages: 1.5 },
];
for (const limits of OUT_OF_RANGE) {
  const [name = "", value] = Object.entries(limits)[0] ?? [];
  Deno.test(`limitsWith() refuses ${name} ${value}`, () => {
    assertThrows(() => limitsWith(limits), RangeError, name);
  });
}

Deno.test("limitsWith() refuses a limit that does not exist", () => {
  const misspelt = { maximumInflight: 5, maximumInFlight: 5 }; // No literal at the call: TypeScript would find it.
  assertThrows(() => limitsWith(misspelt), RangeError, "maximumInFlight");
});

Deno.test("rowText() of limits and settings is one line that ends as a sentence does", () => {
  for (const row of [...Object.values(LIMITS), ...Object.values(SETTINGS)]) {
    assert(/^[A-Z0-9]\S*( \S+)+\.$/.test(rowText(row)), rowText(row));
  }
});

Deno.test("settingsWith() gives the defaults with what is given in their place, and no other option", () => {
  const defaults = Object.fromEntries(SETTING_NAMES.map((name) => [name, SETTINGS[name].default]));
  assertEquals<unknown>(settingsWith({}), defaults);
  const given = { deniedPublish: "close", sysIntervalMs: 5 } as const;
  assertEquals<unknown>(settingsWith(given), { ...defaults, deniedPublish: "close" });
});
