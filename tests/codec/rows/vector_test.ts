import vectors from "../../vectors.json" with { type: "json" };
import type { ConnectPacket, Packet, PublishPacket } from "../../../src/codec/packet.ts";
import { NO_PROPERTIES } from "../../../src/codec/property.ts";
import { assertEquals } from "@std/assert";
import { fromHex } from "../hex.ts";
import { testRows, V4 } from "./row.ts";

const CONNECT: ConnectPacket = {
  type: "connect",
  protocolVersion: 4,
  isBridge: false,
  cleanStart: true,
  keepAliveSeconds: 60,
  clientId: "",
  will: undefined,
  userName: undefined,
  password: undefined,
  properties: NO_PROPERTIES,
};
const PUBLISH: PublishPacket = {
  type: "publish",
  dup: false,
  qos: 0,
  retain: false,
  topic: "/World",
  packetIdentifier: 0,
  properties: NO_PROPERTIES,
  payload: fromHex('"hello"'),
};
const CONNACK: Packet = { type: "connack", sessionPresent: false, reasonCode: 0x00, properties: NO_PROPERTIES };
const PINGREQ: Packet = { type: "pingreq" };

/** What each recorded byte string says; one of another kind (a WebSocket handshake) is not here. */
const MEANING: Readonly<Record<string, (bytes: Uint8Array) => Packet | readonly Packet[]>> = {
  "000-connect": () => ({ ...CONNECT, keepAliveSeconds: 5 }),
  "000-pingreq": () => PINGREQ,
  "000-pingresp": () => ({ type: "pingresp" }),
  "001-connect": (bytes) => ({
    ...CONNECT,
    clientId: "mqttjs_9837fe0ba8",
    userName: "delight/web",
    password: bytes.slice(-44),
  }),
  "001-connack": () => CONNACK,
  "001-subscribe": () => ({
    type: "subscribe",
    packetIdentifier: 0xa5b2,
    subscriptions: [{ topicFilter: "/World", qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 }],
    properties: NO_PROPERTIES,
  }),
  "001-suback": () => ({ type: "suback", packetIdentifier: 0xa5b2, reasonCodes: [0x00], properties: NO_PROPERTIES }),
  "001-publish": () => PUBLISH,
  "001-disconnect": () => ({ type: "disconnect", reasonCode: 0x00, properties: NO_PROPERTIES }),
  "002-connect": () => ({
    ...CONNECT,
    clientId: "861694030142473",
    userName: "libaineu2004",
    password: fromHex('"12345678"'),
  }),
  "002-connack": () => CONNACK,
  "004-pingreq": () => PINGREQ,
  "pipelined-paho-python": () => [
    { ...CONNECT, clientId: "client04" },
    {
      ...PUBLISH,
      topic: "test",
      qos: 1,
      packetIdentifier: 1,
      payload: fromHex('"abc"'),
      wireBytes: 13,
    },
    { type: "disconnect", reasonCode: 0x00, properties: NO_PROPERTIES },
  ],
  "pipelined-paho-python-will": () => [
    {
      ...CONNECT,
      clientId: "client04",
      will: { topic: "test", payload: fromHex('"will"'), qos: 0, retain: false, properties: NO_PROPERTIES },
    },
    { ...PUBLISH, topic: "test", payload: fromHex('"abc"'), wireBytes: 11 },
  ],
};

interface Vector {
  readonly means?: string;
  readonly hex?: string;
  readonly frames?: readonly string[];
}
const VECTORS: Readonly<Record<string, Vector>> = vectors.vectors;

for (const [id, { hex, frames }] of Object.entries(VECTORS)) {
  const whole = frames?.join("") ?? hex;
  if (whole === undefined) continue;
  const meaning = MEANING[id];
  if (meaning === undefined) throw new Error(`Cannot test vector "${id}": nothing says what it means`);
  testRows([{
    name: `recorded ${id}`,
    versions: V4,
    hex: whole,
    packet: meaning(fromHex(whole)),
    isFirst: id.endsWith("-connect") || id.startsWith("pipelined"),
  }]);
}

Deno.test("recorded frames are the bytes of their vector [MQTT-6.0.0-2]", () => {
  const both = Object.values(VECTORS).filter(({ hex, frames }) => hex !== undefined && frames !== undefined);
  assertEquals(both.length, 3);
  for (const { hex, frames } of both) assertEquals(frames?.join(""), hex);
});
