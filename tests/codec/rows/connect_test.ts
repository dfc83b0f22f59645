import type { ConnectPacket, Will } from "../../../src/codec/packet.ts";
import { NO_PROPERTIES } from "../../../src/codec/property.ts";
import { fromHex } from "../hex.ts";
import { ALL, BEFORE_V5, type Row, testRows, V3, V4, V5 } from "./row.ts";

const CONNECT: ConnectPacket = {
  type: "connect",
  protocolVersion: 4,
  isBridge: false,
  cleanStart: true,
  keepAliveSeconds: 60,
  clientId: "a",
  will: undefined,
  userName: undefined,
  password: undefined,
  properties: NO_PROPERTIES,
};
const CONNECT_3: ConnectPacket = { ...CONNECT, protocolVersion: 3 };
const CONNECT_5: ConnectPacket = { ...CONNECT, protocolVersion: 5 };
const WILL: Will = {
  topic: "w",
  payload: fromHex('"bye"'),
  qos: 0,
  retain: false,
  properties: NO_PROPERTIES,
};

// deno-fmt-ignore
const GOOD: readonly Row[] = [
  { name: "CONNECT in plain hex [MQTT 3.1]", versions: V4, hex: "10 0d 00 04 4d 51 54 54 04 02 00 3c 00 01 61", packet: CONNECT, isFirst: true },
  { name: "CONNECT of MQIsdp [MQTT 3.1 3.1]", versions: V3, hex: "10 0f 00 06 4d 51 49 73 64 70 03 02 00 3c 00 01 61", packet: CONNECT_3, isFirst: true },
  { name: "CONNECT in plain hex [MQTT 3.1]", versions: V5, hex: "10 0e 00 04 4d 51 54 54 05 02 00 3c 00 00 01 61", packet: CONNECT_5, isFirst: true },
  {
    name: "CONNECT with an empty Client Identifier [MQTT-3.1.3-6]",
    versions: V4,
    hex: "10 [ 'MQTT' 04 02 0000 '' ]",
    packet: { ...CONNECT, keepAliveSeconds: 0, clientId: "" },
    isFirst: true,
  },
  {
    name: "CONNECT without Clean Start, longest Keep Alive [MQTT-3.1.2-5]",
    versions: V5,
    hex: "10 [ 'MQTT' 05 00 ffff [] 'abc' ]",
    packet: { ...CONNECT_5, cleanStart: false, keepAliveSeconds: 65_535, clientId: "abc" },
    isFirst: true,
  },
  { name: "CONNECT with bit 0 of Connect Flags, which 3.1 does not use [MQTT 3.1 3.1]", versions: V3, hex: "10 [ 'MQIsdp' 03 03 003c 'a' ]", packet: CONNECT_3, isFirst: true, isLongForm: true },
  ...["11", "12", "14", "18", "1f"].map((first): Row => ({ name: `CONNECT first byte ${first}, of which 3.1 does not use these bits [MQTT 3.1 3.1]`, versions: V3, hex: `${first} [ 'MQIsdp' 03 02 003c 'a' ]`, packet: CONNECT_3, isFirst: true, isLongForm: true })),
  { name: "CONNECT with the bridge bit", versions: V4, hex: "10 [ 'MQTT' 84 02 003c 'a' ]", packet: { ...CONNECT, isBridge: true }, isFirst: true },
  { name: "CONNECT with bit 0 of Connect Flags, which 3.1 does not use [MQTT 3.1 3.1]", versions: V3, hex: "10 [ 'MQIsdp' 03 03 003c 'a' ]", packet: CONNECT_3, isFirst: true, isLongForm: true },
  ...["11", "12", "14", "18", "1f"].map((first): Row => ({ name: `CONNECT first byte ${first}, of which 3.1 does not use these bits [MQTT 3.1 3.1]`, versions: V3, hex: `${first} [ 'MQIsdp' 03 02 003c 'a' ]`, packet: CONNECT_3, isFirst: true, isLongForm: true })),
  { name: "CONNECT with the bridge bit", versions: V3, hex: "10 [ 'MQIsdp' 83 02 003c 'a' ]", packet: { ...CONNECT_3, isBridge: true }, isFirst: true },
  {
    name: "CONNECT with every field [MQTT-3.1.3-1]",
    versions: V4,
    hex: `10 [ 'MQTT' 04 f6 003c 'a' 'w' 'bye' 'user' 'secret' ]`,
    packet: {
      ...CONNECT,
      will: { ...WILL, qos: 2, retain: true },
      userName: "user",
      password: fromHex('"secret"'),
    },
    isFirst: true,
  },
  {
    name: "CONNECT with every field [MQTT-3.1.3-1]",
    versions: V3,
    hex: `10 [ 'MQIsdp' 03 ce 003c 'a' 'w' 'bye' 'user' 'secret' ]`,
    packet: { ...CONNECT_3, will: { ...WILL, qos: 1 }, userName: "user", password: fromHex('"secret"') },
    isFirst: true,
  },
  {
    name: "CONNECT with every field and property [MQTT-3.1.3-1]",
    versions: V5,
    hex: `10 [ 'MQTT' 05 e6 003c
      [ 11 0000000a 15 'SCRAM' 16 'data' 17 00 19 01 21 0014 22 000a 26 'k' 'v' 26 'k' 'w' 27 00100000 ]
      'a' [ 01 01 02 0000000b 03 'text' 08 'r/t' 09 'corr' 18 00000005 26 'a' 'b' ] 'w' 'bye' 'user' 'secret' ]`,
    packet: {
      ...CONNECT_5,
      properties: {
        sessionExpiryInterval: 10,
        authenticationMethod: "SCRAM",
        authenticationData: fromHex('"data"'),
        requestProblemInformation: 0,
        requestResponseInformation: 1,
        receiveMaximum: 20,
        topicAliasMaximum: 10,
        userProperties: [["k", "v"], ["k", "w"]],
        maximumPacketSize: 1_048_576,
      },
      will: {
        ...WILL,
        retain: true,
        properties: {
          payloadFormatIndicator: 1,
          messageExpiryInterval: 11,
          contentType: "text",
          responseTopic: "r/t",
          correlationData: fromHex('"corr"'),
          willDelayInterval: 5,
          userProperties: [["a", "b"]],
        },
      },
      userName: "user",
      password: fromHex('"secret"'),
    },
    isFirst: true,
  },
  {
    name: "CONNECT with an empty Will Payload [MQTT-3.1.2-9]",
    versions: V4,
    hex: "10 [ 'MQTT' 04 06 003c 'a' 'w' '' ]",
    packet: { ...CONNECT, will: { ...WILL, payload: new Uint8Array() } },
    isFirst: true,
  },
  {
    name: "CONNECT with a Will Payload that is no text [MQTT 3.1.3.3]",
    versions: V4,
    hex: "10 [ 'MQTT' 04 06 003c 'a' 'w' 0003 00ff80 ]",
    packet: { ...CONNECT, will: { ...WILL, payload: fromHex("00ff80") } },
    isFirst: true,
  },
  {
    name: "CONNECT with a Password and no User Name [MQTT 3.1.2.9]",
    versions: V5,
    hex: "10 [ 'MQTT' 05 42 003c [] 'a' 0002 00ff ]",
    packet: { ...CONNECT_5, password: fromHex("00ff") },
    isFirst: true,
  },
  {
    name: "CONNECT whose User Name flag is set where the field is missing [MQTT 3.1 3.1]",
    versions: V3,
    hex: "10 [ 'MQIsdp' 03 c2 003c 'a' ]",
    packet: CONNECT_3,
    isFirst: true,
    isLongForm: true,
  },
  {
    name: "CONNECT whose Password is missing [MQTT 3.1 3.1]",
    versions: V3,
    hex: "10 [ 'MQIsdp' 03 c2 003c 'a' 'user' ]",
    packet: { ...CONNECT_3, userName: "user" },
    isFirst: true,
    isLongForm: true,
  },
  {
    name: "CONNECT with Will QoS and Will Retain without a Will, which are disregarded [MQTT 3.1 3.1]",
    versions: V3,
    hex: "10 [ 'MQIsdp' 03 3a 003c 'a' ]",
    packet: CONNECT_3,
    isFirst: true,
    isLongForm: true,
  },
  {
    name: "CONNECT and a PUBLISH behind it in one piece",
    versions: V5,
    hex: "10 [ 'MQTT' 05 02 003c [] 'a' ] 30 [ 't' [] 68 ]",
    packet: [CONNECT_5, {
      type: "publish",
      dup: false,
      qos: 0,
      retain: false,
      topic: "t",
      packetIdentifier: 0,
      properties: NO_PROPERTIES,
      payload: fromHex("68"),
      wireBytes: 7,
    }],
    isFirst: true,
  },
];

/** An error in CONNECT is the same whether the version was known before or not. */
// deno-fmt-ignore
const BAD: readonly Row[] = [
  { name: "a first packet that is not CONNECT [MQTT-3.1.0-1]", versions: ALL, hex: "c0 00", reasonCode: 0x82 },
  { name: "a first packet that is PUBLISH [MQTT-3.1.0-1]", versions: ALL, hex: "30 [ 'a' ]", reasonCode: 0x82 },
  { name: "a first packet of reserved type [MQTT-3.1.0-1]", versions: ALL, hex: "00 00", reasonCode: 0x82 },
  { name: "a first packet that is AUTH [MQTT-3.1.0-1]", versions: V5, hex: "f0 00", reasonCode: 0x82 },
  { name: "CONNECT flags 0001 [MQTT-2.1.3-1]", versions: ALL, hex: "11 [ 'MQTT' 04 02 003c 'a' ]", reasonCode: 0x81 },
  { name: "CONNECT flags 1000 [MQTT-2.1.3-1]", versions: ALL, hex: "18 [ 'MQTT' 04 02 003c 'a' ]", reasonCode: 0x81 },
  { name: "CONNECT flags 0010 [MQTT-2.1.3-1]", versions: V5, hex: "12 [ 'MQTT' 05 02 003c [] 'a' ]", reasonCode: 0x81 },
  { name: "CONNECT without a body [MQTT 2.1.4]", versions: ALL, hex: "10 00", reasonCode: 0x81 },
  { name: "CONNECT of another protocol [MQTT-3.1.2-1]", versions: ALL, hex: "10 [ 'HTTP' 04 02 003c 'a' ]", reasonCode: 0x81 },
  { name: "CONNECT with an empty Protocol Name [MQTT-3.1.2-1]", versions: ALL, hex: "10 [ '' 04 02 003c 'a' ]", reasonCode: 0x81 },
  { name: "CONNECT with Protocol Name mqtt in lower case [MQTT-3.1.2-1]", versions: ALL, hex: "10 [ 'mqtt' 04 02 003c 'a' ]", reasonCode: 0x81 },
  { name: "CONNECT of Protocol Level 3 as MQTT [MQTT-3.1.2-2]", versions: ALL, hex: "10 [ 'MQTT' 03 02 003c 'a' ]", reasonCode: 0x84 },
  { name: "CONNECT of Protocol Level 4 as MQIsdp [MQTT-3.1.2-2]", versions: ALL, hex: "10 [ 'MQIsdp' 04 02 003c 'a' ]", reasonCode: 0x84 },
  { name: "CONNECT of Protocol Level 6, whatever follows it [MQTT-3.1.2-2]", versions: ALL, hex: "10 [ 'MQTT' 06 ff ]", reasonCode: 0x84 },
  { name: "CONNECT of Protocol Level 0 [MQTT-3.1.2-2]", versions: ALL, hex: "10 [ 'MQTT' 00 02 003c 'a' ]", reasonCode: 0x84 },
  { name: "CONNECT of Protocol Level 127 with the bridge bit [MQTT-3.1.2-2]", versions: ALL, hex: "10 [ 'MQTT' ff 02 003c 'a' ]", reasonCode: 0x84 },
  { name: "CONNECT with the reserved Connect Flag [MQTT-3.1.2-3]", versions: V4, hex: "10 [ 'MQTT' 04 03 003c 'a' ]", reasonCode: 0x81 },
  { name: "CONNECT with the reserved Connect Flag [MQTT-3.1.2-3]", versions: V5, hex: "10 [ 'MQTT' 05 03 003c [] 'a' ]", reasonCode: 0x81 },
  { name: "CONNECT with Will QoS 1 and no Will [MQTT-3.1.2-11]", versions: V4, hex: "10 [ 'MQTT' 04 0a 003c 'a' ]", reasonCode: 0x81 },
  { name: "CONNECT with Will QoS 2 and no Will [MQTT-3.1.2-11]", versions: V5, hex: "10 [ 'MQTT' 05 12 003c [] 'a' ]", reasonCode: 0x81 },
  { name: "CONNECT with Will Retain and no Will [MQTT-3.1.2-13]", versions: V4, hex: "10 [ 'MQTT' 04 22 003c 'a' ]", reasonCode: 0x81 },
  { name: "CONNECT with Will Retain and no Will [MQTT-3.1.2-13]", versions: V5, hex: "10 [ 'MQTT' 05 22 003c [] 'a' ]", reasonCode: 0x81 },
  { name: "CONNECT with Will QoS 3 [MQTT-3.1.2-12]", versions: V3, hex: "10 [ 'MQIsdp' 03 1e 003c 'a' 'w' 'bye' ]", reasonCode: 0x81 },
  { name: "CONNECT with Will QoS 3 [MQTT-3.1.2-12]", versions: V4, hex: "10 [ 'MQTT' 04 1e 003c 'a' 'w' 'bye' ]", reasonCode: 0x81 },
  { name: "CONNECT with Will QoS 3 [MQTT-3.1.2-12]", versions: V5, hex: "10 [ 'MQTT' 05 1e 003c [] 'a' [] 'w' 'bye' ]", reasonCode: 0x81 },
  { name: "CONNECT with a wildcard in Will Topic [MQTT-4.7.0-1]", versions: V4, hex: "10 [ 'MQTT' 04 06 003c 'a' 'w/#' 'bye' ]", reasonCode: 0x90 },
  { name: "CONNECT with a wildcard in Will Topic [MQTT-4.7.0-1]", versions: V5, hex: "10 [ 'MQTT' 05 06 003c [] 'a' [] 'w/+' 'bye' ]", reasonCode: 0x90 },
  { name: "CONNECT with an empty Will Topic [MQTT-4.7.3-1]", versions: V4, hex: "10 [ 'MQTT' 04 06 003c 'a' '' 'bye' ]", reasonCode: 0x90 },
  { name: "CONNECT without its Will Topic [MQTT 2.1.4]", versions: V4, hex: "10 [ 'MQTT' 04 06 003c 'a' ]", reasonCode: 0x81 },
  { name: "CONNECT without its Will Payload [MQTT 2.1.4]", versions: V4, hex: "10 [ 'MQTT' 04 06 003c 'a' 'w' ]", reasonCode: 0x81 },
  { name: "CONNECT without its Will Properties [MQTT 2.1.4]", versions: V5, hex: "10 [ 'MQTT' 05 06 003c [] 'a' ]", reasonCode: 0x81 },
  { name: "CONNECT with a Password and no User Name [MQTT-3.1.2-22]", versions: V3, hex: "10 [ 'MQIsdp' 03 42 003c 'a' 'pw' ]", reasonCode: 0x81 },
  { name: "CONNECT with a Password and no User Name [MQTT-3.1.2-22]", versions: V4, hex: "10 [ 'MQTT' 04 42 003c 'a' 'pw' ]", reasonCode: 0x81 },
  { name: "CONNECT without its User Name [MQTT 2.1.4]", versions: V4, hex: "10 [ 'MQTT' 04 82 003c 'a' ]", reasonCode: 0x81 },
  { name: "CONNECT without its User Name [MQTT 2.1.4]", versions: V5, hex: "10 [ 'MQTT' 05 82 003c [] 'a' ]", reasonCode: 0x81 },
  { name: "CONNECT without its Password [MQTT 2.1.4]", versions: V4, hex: "10 [ 'MQTT' 04 c2 003c 'a' 'user' ]", reasonCode: 0x81 },
  { name: "CONNECT that ends within its Password [MQTT 2.1.4]", versions: V3, hex: "10 [ 'MQIsdp' 03 c2 003c 'a' 'user' 0003 6162 ]", reasonCode: 0x81 },
  { name: "CONNECT without a Client Identifier [MQTT 2.1.4]", versions: V4, hex: "10 [ 'MQTT' 04 02 003c ]", reasonCode: 0x81 },
  { name: "CONNECT that ends within its Client Identifier [MQTT 2.1.4]", versions: V4, hex: "10 [ 'MQTT' 04 02 003c 0003 6162 ]", reasonCode: 0x81 },
  { name: "CONNECT that ends within Keep Alive [MQTT 2.1.4]", versions: V4, hex: "10 [ 'MQTT' 04 02 00 ]", reasonCode: 0x81 },
  { name: "CONNECT that ends behind Protocol Level [MQTT 2.1.4]", versions: V4, hex: "10 [ 'MQTT' 04 ]", reasonCode: 0x81 },
  { name: "CONNECT that ends within the Protocol Name [MQTT 2.1.4]", versions: V4, hex: "10 [ 0004 4d51 ]", reasonCode: 0x81 },
  { name: "CONNECT with a User Name that no flag announces [MQTT 2.1.4]", versions: V4, hex: "10 [ 'MQTT' 04 02 003c 'a' 'user' ]", reasonCode: 0x81 },
  { name: "CONNECT with a byte behind its last field [MQTT 2.1.4]", versions: V5, hex: "10 [ 'MQTT' 05 02 003c [] 'a' 00 ]", reasonCode: 0x81 },
  { name: "CONNECT with ill-formed UTF-8 in its Client Identifier [MQTT-1.5.4-1]", versions: V4, hex: "10 [ 'MQTT' 04 02 003c 0002 c328 ]", reasonCode: 0x81 },
  { name: "CONNECT with U+0000 in its User Name [MQTT-1.5.4-2]", versions: V4, hex: "10 [ 'MQTT' 04 82 003c 'a' 0003 610062 ]", reasonCode: 0x81 },
  { name: "CONNECT with Authentication Data and no Method [MQTT 3.1.2.11.10]", versions: V5, hex: "10 [ 'MQTT' 05 02 003c [ 16 'data' ] 'a' ]", reasonCode: 0x82 },
];

// deno-fmt-ignore
const SECOND: readonly Row[] = [
  {
    name: "a second CONNECT, which is for the connection to refuse [MQTT-3.1.0-2]",
    versions: BEFORE_V5,
    hex: "10 [ 'MQTT' 04 02 003c 'a' ]",
    packet: CONNECT,
    isLongForm: true, // CONNECT of level 4 can be encoded for level 4 only.
  },
];

testRows([...GOOD, ...BAD.map((row) => ({ ...row, isFirst: true })), ...SECOND]);
