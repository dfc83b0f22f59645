import { assertEquals } from "@std/assert";
import { COMMANDS } from "../../../src/admin/page/tool_commands.ts";
import type { CommandSubject } from "../../../src/admin/page/tool_programs.ts";
import { newSettings, type ToolSettings } from "../../../src/admin/page/tool_settings.ts";

const SETTINGS = newSettings("ws://127.0.0.1:8083/mqtt", "page-1");

function subject(
  change: Partial<ToolSettings> = {},
  payload: string | Uint8Array = '{"it\'s":1}',
): CommandSubject {
  return {
    settings: { ...SETTINGS, ...change },
    hasPassword: change.userName !== undefined,
    publication: {
      topic: "test/hello",
      payload: typeof payload === "string" ? new TextEncoder().encode(payload) : payload,
      qos: 1,
      retain: true,
    },
    subscription: { topicFilter: "test/#", qos: 2 },
    listeners: ["ws://0.0.0.0:8083/mqtt", "mqtt://0.0.0.0:1884"],
  };
}

Deno.test("a connection is copied as commands of mosquitto and of brooklet", () => {
  assertEquals(
    COMMANDS["mosquitto_pub"]?.(subject()),
    `mosquitto_pub -h 127.0.0.1 -p 1884 -t test/hello -m '{"it'\\''s":1}' -q 1 -r -V mqttv5 -i page-1 -k 60`,
  );
  assertEquals(
    COMMANDS["mosquitto_sub"]?.(
      subject({ userName: "ada b", protocolVersion: 4, cleanStart: false }),
    ),
    "mosquitto_sub -h 127.0.0.1 -p 1884 -t 'test/#' -q 2 -v -V mqttv311 -i page-1 -k 60 -u 'ada b' -c -P \"$MQTT_PASSWORD\"",
  );
  assertEquals(
    COMMANDS["brooklet sub"]?.(
      subject({
        userName: "ada",
        address: "wss://h/a",
        sessionExpirySeconds: "60",
      }),
    ),
    "# BROOKLET_PASSWORD in the environment is the password.\n" +
      "brooklet sub wss://h --ws-path /a -t 'test/#' -q 2 -v -V mqttv5 -i page-1 -k 60 -u ada -x 60",
  );
  assertEquals(
    COMMANDS["brooklet pub"]?.(subject({}, Uint8Array.of(0xff, 0x00, 0x27))),
    "printf '\\377\\000\\047' | brooklet pub ws://127.0.0.1:8083 -t test/hello -s -q 1 -r -V mqttv5 -i page-1 -k 60",
  );
});

Deno.test("a copied command has the Will, and what a shell would run is a word", () => {
  const will = {
    ...SETTINGS.will,
    isOn: true,
    topic: "w",
    payload: "$(reboot)",
    qos: 1,
    retain: true,
  } as const;
  assertEquals(
    COMMANDS["brooklet pub"]?.(
      subject({ will, clientId: "`id`", userProperties: "a=b c" }, ""),
    ),
    "brooklet pub ws://127.0.0.1:8083 -t test/hello -n -q 1 -r -V mqttv5 -i '`id`' -k 60 --will-topic w " +
      "--will-payload '$(reboot)' --will-qos 1 --will-retain -D connect user-property a 'b c'",
  );
});

Deno.test("a connection is copied as a program for MQTT.js and for paho", () => {
  assertEquals(
    COMMANDS["MQTT.js"]?.(subject({ userName: "ada" }, Uint8Array.of(0xff))),
    `import mqtt from "mqtt";

const client = await mqtt.connectAsync("ws://127.0.0.1:8083/mqtt", {
  clientId: "page-1",
  protocolVersion: 5,
  username: "ada",
  keepalive: 60,
  clean: true,
  password: process.env.MQTT_PASSWORD,
});
client.on("message", (topic, payload) => console.log(topic, payload.toString()));
await client.subscribeAsync("test/#", { qos: 2 });
await client.publishAsync("test/hello", Buffer.from("ff", "hex"), { qos: 1, retain: true });
`,
  );
  assertEquals(
    COMMANDS["paho for Python"]?.(
      subject({ userName: "ada", userProperties: "a=b" }, "hé"),
    ),
    `import os

import paho.mqtt.client as mqtt  # pip install paho-mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties


def on_connect(client, userdata, flags, reason_code, properties):
    print(reason_code)
    client.subscribe("test/#", qos=2)
    client.publish("test/hello", "hé", qos=1, retain=True)


client = mqtt.Client(
    mqtt.CallbackAPIVersion.VERSION2, client_id="page-1", protocol=mqtt.MQTTv5, transport="websockets"
)
client.ws_set_options(path="/mqtt")
client.username_pw_set("ada", os.environ["MQTT_PASSWORD"])
properties = Properties(PacketTypes.CONNECT)
properties.UserProperty = [("a", "b")]
client.on_connect = on_connect
client.on_message = lambda client, userdata, message: print(message.topic, message.payload)
client.connect("127.0.0.1", 8083, keepalive=60, clean_start=True, properties=properties)
client.loop_forever()
`,
  );
});
