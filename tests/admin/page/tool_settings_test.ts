import { assert, assertEquals } from "@std/assert";
import {
  connectOptions,
  newClientId,
  newSettings,
  parseUserProperties,
  settingsOf,
  storedSettings,
  type ToolSettings,
} from "../../../src/admin/page/tool_settings.ts";

const ADDRESS = "ws://127.0.0.1:8083/mqtt";

function optionsOf(change: Partial<ToolSettings>, password = "") {
  return connectOptions(
    { ...newSettings(ADDRESS, "page-1"), ...change },
    password,
  );
}

function mistakeIn(change: Partial<ToolSettings>): string | undefined {
  const options = optionsOf(change);
  return "mistake" in options ? options.mistake : undefined;
}

Deno.test("connectOptions() has what the form says, and does not connect again by itself", () => {
  assertEquals(optionsOf({}), {
    clientId: "page-1",
    protocolVersion: 5,
    cleanStart: true,
    reconnect: false,
    keepAliveSeconds: 60,
    sessionExpirySeconds: 0,
  });
  const { will } = newSettings(ADDRESS, "");
  assertEquals(
    optionsOf({
      userName: "ada",
      keepAliveSeconds: "0",
      sessionExpirySeconds: "4294967295",
      receiveMaximum: "20",
      topicAliasMaximum: "0",
      userProperties: "site = north\n\na=b=c",
      will: {
        ...will,
        isOn: true,
        topic: "w",
        payload: "ff",
        form: "hex",
        qos: 1,
        retain: true,
        delaySeconds: "5",
      },
    }, "secret"),
    {
      clientId: "page-1",
      protocolVersion: 5,
      cleanStart: true,
      reconnect: false,
      keepAliveSeconds: 0,
      sessionExpirySeconds: 4_294_967_295,
      receiveMaximum: 20,
      topicAliasMaximum: 0,
      userName: "ada",
      password: "secret",
      properties: { userProperties: [["site", "north"], ["a", "b=c"]] },
      will: {
        topic: "w",
        payload: Uint8Array.of(0xff),
        qos: 1,
        retain: true,
        properties: { willDelayInterval: 5 },
      },
    },
  );
});

Deno.test("connectOptions() for MQTT 3.1.1 has nothing of MQTT 5", () => {
  const options = optionsOf({
    protocolVersion: 4,
    sessionExpirySeconds: "60",
    receiveMaximum: "20",
    topicAliasMaximum: "10",
    userProperties: "a=b",
  });
  assertEquals(options, {
    clientId: "page-1",
    protocolVersion: 4,
    cleanStart: true,
    reconnect: false,
    keepAliveSeconds: 60,
    sessionExpirySeconds: 0,
  });
});

Deno.test("connectOptions() says what is wrong in words", () => {
  const { will } = newSettings(ADDRESS, "");
  assertEquals(
    mistakeIn({ address: "mqtt://127.0.0.1" }),
    "Write an address such as ws://host:8083/mqtt or wss://host/mqtt: a page can open a WebSocket, and no TCP.",
  );
  assertEquals(
    mistakeIn({ address: "ws://me:secret@host/mqtt" })?.slice(0, 36),
    "Write user name and password into th",
  );
  assertEquals(
    mistakeIn({ keepAliveSeconds: "-1" }),
    'Keep Alive is a whole number from 0 to 65,535, not "-1".',
  );
  assertEquals(
    mistakeIn({ will: { ...will, isOn: true } }),
    "The Will needs a topic.",
  );
  assertEquals(
    mistakeIn({
      will: { ...will, isOn: true, topic: "w", form: "hex", payload: "f" },
    }),
    "Payload of the Will: The last byte has one hex digit. Write two for each byte.",
  );
  assertEquals(parseUserProperties("north"), {
    mistake: 'User properties are pairs such as "site = north"; "north" has no "=".',
  });
});

Deno.test("settings that are kept have no password, and strange ones become the defaults", () => {
  const defaults = newSettings(ADDRESS, newClientId());
  assert(/^page-[\da-f]{6}$/.test(defaults.clientId));
  assert(!storedSettings(defaults).includes("assword"));
  assertEquals(
    settingsOf(
      JSON.parse(storedSettings(defaults)),
      newSettings("ws://other", "other"),
    ),
    defaults,
  );
  assertEquals(
    settingsOf({ address: 7, will: "x", extra: 1, userName: "ada" }, defaults),
    {
      ...defaults,
      userName: "ada",
    },
  );
  assertEquals(settingsOf(null, defaults), defaults);
});
