import type { Clauses } from "./ledger.ts";

/** What proves each statement of MQTT 5. */
export const MQTT_5_CLAUSES: Clauses = {
  "MQTT-1.5.4-1": [
    "A Topic Name that is not UTF-8 [MQTT-1.5.4-1] [MQTT-3.3.2-1] ends the connection v5",
    "A surrogate in a Topic Name [MQTT-1.5.4-1] ends the connection v5",
    "decode Content Type with the first surrogate [MQTT-1.5.4-1] v5",
  ],
  "MQTT-1.5.4-2": [
    "U+0000 in a Topic Name [MQTT-1.5.4-2] [MQTT-4.7.3-2] ends the connection v5",
    "U+0000 in a Topic Filter [MQTT-1.5.4-2] [MQTT-4.7.3-2] ends the connection v5",
    "decode Content Type with U+0000 inside [MQTT-1.5.4-2] v5",
  ],
  "MQTT-1.5.4-3": [
    "U+FEFF in a topic stays where it is [MQTT-1.5.4-3] [MQTT-1.4.0-3 of 3.1.1] v5",
    "decode Content Type with U+FEFF at its beginning [MQTT-1.5.4-3] v5",
  ],
  "MQTT-1.5.5-1": [
    "A Remaining Length that is longer than it needs to be [MQTT-1.5.5-1] ends the connection v5",
    "A Property Length that is longer than it needs to be [MQTT-1.5.5-1] ends the connection v5",
    "ByteWriter.varint() writes the shortest form [MQTT-1.5.5-1]",
  ],
  "MQTT-1.5.7-1": [
    "A name of a User Property that is not UTF-8 [MQTT-1.5.7-1] ends the connection v5",
    "A value of a User Property that is not UTF-8 [MQTT-1.5.7-1] ends the connection v5",
  ],
  "MQTT-2.1.3-1": [
    "PUBACK with flags 0001 [MQTT-2.1.3-1] [MQTT-2.2.2-1 of 3.1.1] ends the connection v5",
    "PINGREQ with flags 0001 [MQTT-2.1.3-1] ends the connection v5",
    "decode PUBREL first byte 60 [MQTT-2.1.3-1] v5",
    "decode SUBSCRIBE first byte 80 [MQTT-2.1.3-1] v5",
  ],
  "MQTT-2.2.1-2": [
    "encode PUBLISH QoS 0 without its Packet Identifier [MQTT-2.2.1-2] v5",
    "QoS 0 is delivered and not answered [MQTT-4.3.1-1] v5",
  ],
  "MQTT-2.2.1-3": [
    "PUBLISH with Packet Identifier 0 [MQTT-2.2.1-3] [MQTT-2.3.1-1 of 3.1.1] ends the connection v5",
    "SUBSCRIBE with Packet Identifier 0 [MQTT-2.2.1-3] [MQTT-2.3.1-1 of 3.1.1] ends the connection v5",
    "UNSUBSCRIBE with Packet Identifier 0 [MQTT-2.2.1-3] [MQTT-2.3.1-1 of 3.1.1] ends the connection v5",
  ],
  "MQTT-2.2.1-4": [
    "All 65,535 Packet Identifiers can be in flight, and none is used twice [MQTT-2.2.1-4] [MQTT-4.3.2-1] v5",
    "Inflight.add() goes from 65,535 to 1 and passes over what is in use [MQTT-2.2.1-4]",
    "A message of 5 bytes goes to many, each with its own QoS and Packet Identifier [MQTT-2.2.1-4] v5",
  ],
  "MQTT-2.2.1-5": [
    "QoS 1 is answered with PUBACK of the same Packet Identifier, and delivered [MQTT-4.3.2-4] [MQTT-2.2.1-5] v5",
    "QoS 2 goes PUBLISH, PUBREC, PUBREL, PUBCOMP on both sides [MQTT-4.3.3-8] [MQTT-4.3.3-11] v5",
  ],
  "MQTT-2.2.1-6": [
    "SUBSCRIBE is answered with a code for each Topic Filter, in order [MQTT-3.8.4-6] [MQTT-3.9.3-1] v5",
    "UNSUBSCRIBE stops delivery [MQTT-3.10.4-2] [MQTT-3.10.4-4] v5",
  ],
  "MQTT-2.2.2-1": [
    "PUBLISH without a Property Length [MQTT-2.2.2-1] ends the connection v5",
    "QoS 0 is delivered and not answered [MQTT-4.3.1-1] v5",
  ],
  "MQTT-3.1.0-1": [
    "The first packet must be CONNECT [MQTT-3.1.0-1] v5",
    "A packet behind one that is not CONNECT is not looked at [MQTT-3.1.0-1] v5",
  ],
  "MQTT-3.1.0-2": ["A second CONNECT ends the connection, MQTT 5 is told 0x82 [MQTT-3.1.0-2] v5"],
  "MQTT-3.1.2-1": ["Another Protocol Name than MQTT ends the connection without a word [MQTT-3.1.2-1] v5"],
  "MQTT-3.1.2-2": ["An unsupported Protocol Level above 5 is refused with CONNACK 0x84 [MQTT-3.1.2-2] v5"],
  "MQTT-3.1.2-3": ["CONNECT with the reserved Connect Flag [MQTT-3.1.2-3] is refused v5"],
  "MQTT-3.1.2-4": [
    "Clean Start ends the session that was there [MQTT-3.1.2-4] [MQTT-3.2.2-2] v5",
    "A takeover with Clean Start begins a new session [MQTT-3.1.2-4] v5",
  ],
  "MQTT-3.1.2-5": [
    "A session is present when the client comes back [MQTT-3.2.2-3] v5",
    "A subscription of a session is there when the client comes back, and only once v5",
    "Messages with QoS 1 and 2 wait for the client in order, QoS 0 does not [MQTT-3.1.2-5] [MQTT-4.5.0-1] v5",
    "PUBLISH without PUBACK is sent again with its Packet Identifier and DUP [MQTT-4.4.0-1] [MQTT-3.3.1-1] v5",
    "PUBREL is sent again, not PUBLISH, once PUBREC came [MQTT-4.3.3-6] [MQTT-4.4.0-1] v5",
    "A QoS 2 message of a durable session is known when its publisher comes back [MQTT-4.3.3-10] v5",
  ],
  "MQTT-3.1.2-6": [
    "A session is present when the client comes back [MQTT-3.2.2-3] v5",
    "A session with Session Expiry Interval 0 ends with its connection [MQTT-4.1.0-2] v5",
  ],
  "MQTT-3.1.2-7": [
    "The Will is published when the connection is lost [MQTT-3.1.2-8] v5",
    "The Will goes out with its properties (section 3.1.3.2) v5",
  ],
  "MQTT-3.1.2-8": [
    "The Will is published when the connection is lost [MQTT-3.1.2-8] v5",
    "The Will waits for its Will Delay Interval [MQTT-3.1.2-8] v5",
    "The Will is published when the session ends before its Will Delay Interval [MQTT-3.1.2-8] v5",
    "A takeover publishes a Will without Will Delay Interval, though the session goes on [MQTT-3.1.2-8] v5",
    "DISCONNECT that ends the session publishes the Will that it keeps at once [MQTT-3.1.2-8] v5",
    "DISCONNECT with an error keeps the Will [MQTT-3.1.2-8] v5",
    "Clean Start ends the session, and so publishes a Will that waits [MQTT-3.1.2-8] v5",
  ],
  "MQTT-3.1.2-9": [
    "CONNECT with a flag and no Will [MQTT-3.1.2-9] is refused v5",
    "decode CONNECT without its Will Properties [MQTT 2.1.4] v5",
  ],
  "MQTT-3.1.2-10": [
    "The Will is published once [MQTT-3.1.2-10] v5",
    "DISCONNECT removes the Will [MQTT-3.14.4-3] [MQTT-3.1.2-10] v5",
    "A Will that has come after its delay does not come again when its session ends or is resumed [MQTT-3.1.2-10] v5",
  ],
  "MQTT-3.1.2-11": ["CONNECT with Will QoS and no Will [MQTT-3.1.2-11] [MQTT-3.1.2-13 of 3.1.1] is refused v5"],
  "MQTT-3.1.2-12": [
    "The Will has its QoS and is answered as any message [MQTT-3.1.2-12] v5",
    "CONNECT with Will QoS 3 [MQTT-3.1.2-12] [MQTT-3.1.2-14 of 3.1.1] is refused v5",
  ],
  "MQTT-3.1.2-13": ["CONNECT with Will Retain and no Will [MQTT-3.1.2-13] [MQTT-3.1.2-15 of 3.1.1] is refused v5"],
  "MQTT-3.1.2-14": ["A Will without Will Retain is not kept [MQTT-3.1.2-14] v5"],
  "MQTT-3.1.2-15": ["A Will with Will Retain is kept [MQTT-3.1.2-15] v5"],
  "MQTT-3.1.2-16": [
    "CONNECT with a User Name and no flag for it [MQTT-3.1.2-16] [MQTT-3.1.2-18 of 3.1.1] is refused v5",
  ],
  "MQTT-3.1.2-17": ["CONNECT with a flag and no User Name [MQTT-3.1.2-17] [MQTT-3.1.2-19 of 3.1.1] is refused v5"],
  "MQTT-3.1.2-18": [
    "CONNECT with a Password and no flag for it [MQTT-3.1.2-18] [MQTT-3.1.2-20 of 3.1.1] is refused v5",
  ],
  "MQTT-3.1.2-19": ["CONNECT with a flag and no Password [MQTT-3.1.2-19] [MQTT-3.1.2-21 of 3.1.1] is refused v5"],
  "MQTT-3.1.2-20": "client duty",
  "MQTT-3.1.2-21": "client duty",
  "MQTT-3.1.2-22": [
    "One and a half times Keep Alive without a packet ends the connection within 500 ms, MQTT 5 is told 0x8D [MQTT-3.1.2-22] v5",
    "Server Keep Alive holds for the client [MQTT-3.2.2-21] v5",
    "The Will is published when Keep Alive has passed [MQTT-3.1.2-22] v5",
  ],
  "MQTT-3.1.2-23": [
    "A session is there until its Session Expiry Interval has passed [MQTT-3.1.2-23] [MQTT-4.1.0-2] v5",
    "Without Session Expiry Interval the session ends with its connection, with 1 second it does not [MQTT-3.1.2-23] v5",
    "DISCONNECT sets another Session Expiry Interval (section 3.14.2.2.2) v5",
  ],
  "MQTT-3.1.2-24": [
    "What is larger than Maximum Packet Size of the client is not sent to it [MQTT-3.1.2-24] [MQTT-3.1.2-25] v5",
    "A client that accepts not even CONNACK is not served [MQTT-3.1.2-24] [MQTT-3.2.0-1] v5",
    "A message that waited and is larger than the client now accepts is left out [MQTT-3.1.2-24] [MQTT-3.1.2-25] v5",
    "QoS 0 for several is left out for those that it is too large for [MQTT-3.1.2-24] [MQTT-3.1.2-25] v5",
    "QoS 1 for several is left out for those that it is too large for [MQTT-3.1.2-24] [MQTT-3.1.2-25] v5",
    "QoS 2 for several is left out for those that it is too large for [MQTT-3.1.2-24] [MQTT-3.1.2-25] v5",
  ],
  "MQTT-3.1.2-25": [
    "What is larger than Maximum Packet Size of the client is not sent to it [MQTT-3.1.2-24] [MQTT-3.1.2-25] v5",
    "A retained message larger than the client accepts is left out, and the others come [MQTT-3.1.2-25] v5",
    "A message that waited and is larger than the client now accepts is left out [MQTT-3.1.2-24] [MQTT-3.1.2-25] v5",
    "QoS 0 for several is left out for those that it is too large for [MQTT-3.1.2-24] [MQTT-3.1.2-25] v5",
    "QoS 1 for several is left out for those that it is too large for [MQTT-3.1.2-24] [MQTT-3.1.2-25] v5",
    "QoS 2 for several is left out for those that it is too large for [MQTT-3.1.2-24] [MQTT-3.1.2-25] v5",
  ],
  "MQTT-3.1.2-26": ["The broker uses Topic Aliases up to the maximum of the client [MQTT-3.3.2-11] [MQTT-3.1.2-26] v5"],
  "MQTT-3.1.2-27": ["The broker uses none when the client said none [MQTT-3.1.2-27] v5"],
  "MQTT-3.1.2-28": [
    "No Response Information for a client that asks for none [MQTT-3.1.2-28] v5",
    "Response Information goes to a client that asks for it, and to no other [MQTT-3.1.2-28]",
  ],
  "MQTT-3.1.2-29": [
    "With Request Problem Information 0 no answer has a Reason String or User Property [MQTT-3.1.2-29] v5",
    "Request Problem Information 0 withholds no Reason String from CONNACK and DISCONNECT [MQTT-3.1.2-29] v5",
    "PUBLISH has the User Properties of its publisher also with Request Problem Information 0 [MQTT-3.1.2-29]",
    ...["PUBACK", "PUBREC", "PUBREL", "PUBCOMP", "SUBACK", "UNSUBACK", "AUTH"].map((packet) =>
      `${packet} does not explain itself with Request Problem Information 0 [MQTT-3.1.2-29]`
    ),
  ],
  "MQTT-3.1.2-30": [
    "Nothing but AUTH and DISCONNECT may come before CONNACK [MQTT-3.1.2-30] v5",
    "DISCONNECT may come before CONNACK [MQTT-3.1.2-30] v5",
  ],
  "MQTT-3.1.3-1": [
    "CONNECT with fields in another order [MQTT-3.1.3-1] is refused v5",
    "decode CONNECT with every field and property [MQTT-3.1.3-1] v5",
  ],
  "MQTT-3.1.3-2": [
    "A session is present when the client comes back [MQTT-3.2.2-3] v5",
    "Client Identifiers differ in case v5",
  ],
  "MQTT-3.1.3-3": ["CONNECT with no Client Identifier [MQTT-3.1.3-3] is refused v5"],
  "MQTT-3.1.3-4": ["CONNECT with a Client Identifier that is not UTF-8 [MQTT-3.1.3-4] is refused v5"],
  "MQTT-3.1.3-5": [
    "All letters and digits may stand in a Client Identifier, from 1 to 23 of them [MQTT-3.1.3-5] v5",
    "A Client Identifier of 23 characters is accepted [MQTT-3.1.3-5] v5",
  ],
  "MQTT-3.1.3-6": [
    "An empty Client Identifier with Clean Start 0 gets one that is new [MQTT-3.2.2-16] v5",
    "An empty Client Identifier with Clean Start 1 gets one that is new [MQTT-3.2.2-16] v5",
  ],
  "MQTT-3.1.3-7": [
    "An empty Client Identifier with Clean Start 0 gets one that is new [MQTT-3.2.2-16] v5",
    "An empty Client Identifier with Clean Start 1 gets one that is new [MQTT-3.2.2-16] v5",
  ],
  "MQTT-3.1.3-8": ["A Client Identifier that is too long is refused with 0x85 [MQTT-3.1.3-8] v5"],
  "MQTT-3.1.3-9": [
    "A client that is back before the Will Delay Interval has passed publishes no Will [MQTT-3.1.3-9] v5",
    "A takeover within the session keeps a Will with Will Delay Interval back [MQTT-3.1.3-9] v5",
  ],
  "MQTT-3.1.3-10": ["User Properties of a Will keep their order [MQTT-3.1.3-10] v5"],
  "MQTT-3.1.3-11": ["CONNECT with a Will Topic that is not UTF-8 [MQTT-3.1.3-11] is refused v5"],
  "MQTT-3.1.3-12": ["CONNECT with a User Name that is not UTF-8 [MQTT-3.1.3-12] is refused v5"],
  "MQTT-3.1.4-1": [
    "A CONNECT of MQTT 5 that is malformed is refused with 0x81 [MQTT-3.1.4-1] v5",
    "decode CONNECT with a byte behind its last field [MQTT 2.1.4] v5",
  ],
  "MQTT-3.1.4-2": [
    "A client that the authenticator refuses is told, and its connection ends",
    "A Will that its client may not publish refuses CONNECT with 0x87, without an authenticator",
  ],
  "MQTT-3.1.4-3": ["The client that is taken over is told 0x8E [MQTT-3.1.4-3] v5"],
  "MQTT-3.1.4-4": [
    "Clean Start ends the session that was there [MQTT-3.1.2-4] [MQTT-3.2.2-2] v5",
    "A session is present when the client comes back [MQTT-3.2.2-3] v5",
  ],
  "MQTT-3.1.4-5": ["CONNECT is answered with CONNACK [MQTT-3.1.4-5] v5"],
  "MQTT-3.1.4-6": [
    "An authenticator that refuses lets nobody in, and what is pipelined is not looked at [MQTT-3.1.4-6]",
    "An authenticator that refuses late lets nobody in, and what is pipelined is not looked at [MQTT-3.1.4-6]",
    "CONNACK that refuses has no Session Present, and leaves the session alone [MQTT-3.2.2-6] [MQTT-3.2.2-7] v5",
  ],
  "MQTT-3.2.0-1": [
    "Packets pipelined behind CONNECT are served in order [MQTT-3.1.4-6] v5",
    "Messages with QoS 1 and 2 wait for the client in order, QoS 0 does not [MQTT-3.1.2-5] [MQTT-4.5.0-1] v5",
    "The first packet must be CONNECT [MQTT-3.1.0-1] v5",
    "A client that accepts not even CONNACK is not served [MQTT-3.1.2-24] [MQTT-3.2.0-1] v5",
  ],
  "MQTT-3.2.0-2": [
    "A second CONNECT ends the connection, MQTT 5 is told 0x82 [MQTT-3.1.0-2] v5",
    "A takeover while CONNACK waits for the storage: each client gets at most one CONNACK",
  ],
  "MQTT-3.2.2-1": [
    "CONNECT is answered with CONNACK [MQTT-3.1.4-5] v5",
    "A session is present when the client comes back [MQTT-3.2.2-3] v5",
  ],
  "MQTT-3.2.2-2": ["Clean Start ends the session that was there [MQTT-3.1.2-4] [MQTT-3.2.2-2] v5"],
  "MQTT-3.2.2-3": [
    "A session is present when the client comes back [MQTT-3.2.2-3] v5",
    "A session with Session Expiry Interval 0 ends with its connection [MQTT-4.1.0-2] v5",
  ],
  "MQTT-3.2.2-4": "client duty",
  "MQTT-3.2.2-5": "client duty",
  "MQTT-3.2.2-6": [
    "CONNACK that refuses has no Session Present, and leaves the session alone [MQTT-3.2.2-6] [MQTT-3.2.2-7] v5",
    "encode refuses CONNACK that refuses with Session Present [MQTT-3.2.2-6] v5",
  ],
  "MQTT-3.2.2-7": [
    "CONNACK that refuses has no Session Present, and leaves the session alone [MQTT-3.2.2-6] [MQTT-3.2.2-7] v5",
    "A CONNECT of MQTT 5 that is malformed is refused with 0x81 [MQTT-3.1.4-1] v5",
  ],
  "MQTT-3.2.2-8": [
    "encode refuses CONNACK with Reason Code 0x8b [MQTT-3.2.2-8] v5",
    "An exchange refuses with the Reason Code that it wants v5",
    "encode gives CONNACK the Reason Codes that it has, and refuses all others [MQTT-3.2.2-8]",
  ],
  "MQTT-3.2.2-9": [
    "Maximum QoS is announced, granted at most, and what is above it ends the connection with 0x9B [MQTT-3.2.2-9] [MQTT-3.2.2-10] v5",
  ],
  "MQTT-3.2.2-10": [
    "Maximum QoS is announced, granted at most, and what is above it ends the connection with 0x9B [MQTT-3.2.2-9] [MQTT-3.2.2-10] v5",
  ],
  "MQTT-3.2.2-11": "client duty",
  "MQTT-3.2.2-12": ["A Will with a QoS above Maximum QoS is refused with 0x9B [MQTT-3.2.2-12] v5"],
  "MQTT-3.2.2-13": ["Without retained messages a Will with RETAIN is refused with 0x9A [MQTT-3.2.2-13] v5"],
  "MQTT-3.2.2-14": "client duty",
  "MQTT-3.2.2-15": [
    "A packet above maximumPacketBytes ends the connection with 0x95 [MQTT-3.2.2-15] v5",
    "PacketDecoder takes a packet of exactly maximumPacketBytes, fixed header included [MQTT-3.2.2-15]",
  ],
  "MQTT-3.2.2-16": [
    "An empty Client Identifier with Clean Start 0 gets one that is new [MQTT-3.2.2-16] v5",
    "An empty Client Identifier with Clean Start 1 gets one that is new [MQTT-3.2.2-16] v5",
  ],
  "MQTT-3.2.2-17": ["A Topic Alias above the maximum ends the connection with 0x94 [MQTT-3.3.2-9] v5"],
  "MQTT-3.2.2-18": ["Topic Alias Maximum 0 allows none [MQTT-3.2.2-18] v5"],
  "MQTT-3.2.2-19": [
    "A Reason String that makes CONNACK too large is left out [MQTT-3.2.2-19] v5",
    "CONNACK has no Reason String that makes it larger than the client accepts [MQTT-3.2.2-19]",
  ],
  "MQTT-3.2.2-20": ["CONNACK has no User Property that makes it larger than the client accepts [MQTT-3.2.2-20]"],
  "MQTT-3.2.2-21": ["Server Keep Alive holds for the client [MQTT-3.2.2-21] v5"],
  "MQTT-3.2.2-22": [
    "Server Keep Alive is absent when the Keep Alive of the client holds [MQTT-3.2.2-22] v5",
    "One and a half times Keep Alive without a packet ends the connection within 500 ms, MQTT 5 is told 0x8D [MQTT-3.1.2-22] v5",
  ],
  "MQTT-3.3.1-1": [
    "PUBLISH without PUBACK is sent again with its Packet Identifier and DUP [MQTT-4.4.0-1] [MQTT-3.3.1-1] v5",
    "Messages in flight go to the connection that takes over v5",
  ],
  "MQTT-3.3.1-2": ["PUBLISH with DUP and QoS 0 [MQTT-3.3.1-2] ends the connection v5"],
  "MQTT-3.3.1-3": ["DUP is not passed on [MQTT-3.3.1-3] v5"],
  "MQTT-3.3.1-4": ["PUBLISH with QoS 3 [MQTT-3.3.1-4] ends the connection v5"],
  "MQTT-3.3.1-5": [
    "A retained message comes behind SUBACK with RETAIN [MQTT-3.3.1-5] v5",
    "A later retained message replaces the one that was there [MQTT-3.3.1-5] v5",
  ],
  "MQTT-3.3.1-6": [
    "An empty payload with RETAIN removes the retained message and is delivered [MQTT-3.3.1-6] [MQTT-3.3.1-7] v5",
  ],
  "MQTT-3.3.1-7": [
    "An empty payload with RETAIN removes the retained message and is delivered [MQTT-3.3.1-6] [MQTT-3.3.1-7] v5",
  ],
  "MQTT-3.3.1-8": ["A message without RETAIN leaves the retained one alone [MQTT-3.3.1-8] v5"],
  "MQTT-3.3.1-9": [
    "Retain Handling 0 brings them each time, 2 never, whatever was before [MQTT-3.3.1-9] [MQTT-3.3.1-11] v5",
    "Retained messages come for the filters of this SUBSCRIBE only [MQTT-3.3.1-9] v5",
  ],
  "MQTT-3.3.1-10": [
    "Retain Handling 1 brings them to a new subscription only [MQTT-3.3.1-10] v5",
    "Retain Handling 1 brings none to a subscription of the session that is resumed [MQTT-3.3.1-10] v5",
    "A SUBSCRIBE that is repeated with Retain Handling 1 leaves what waits to come [MQTT-3.8.4-4] [MQTT-3.3.1-10] v5",
  ],
  "MQTT-3.3.1-11": [
    "Retain Handling 2 brings none [MQTT-3.3.1-11] v5",
    "Retain Handling 0 brings them each time, 2 never, whatever was before [MQTT-3.3.1-9] [MQTT-3.3.1-11] v5",
  ],
  "MQTT-3.3.1-12": [
    "A message goes to those who are subscribed without RETAIN, and with it only by Retain As Published [MQTT-3.3.1-12] v5",
  ],
  "MQTT-3.3.1-13": ["Retain As Published keeps RETAIN as it was published [MQTT-3.3.1-13] v5"],
  "MQTT-3.3.2-1": [
    "A Topic Name that is not UTF-8 [MQTT-1.5.4-1] [MQTT-3.3.2-1] ends the connection v5",
    "decode PUBLISH that ends within its topic [MQTT-3.3.2-1] v5",
  ],
  "MQTT-3.3.2-2": [
    "A wildcard in a Topic Name [MQTT-3.3.2-2] [MQTT-4.7.0-1] ends the connection v5",
    "A wildcard in a topic with a Topic Alias [MQTT-3.3.2-2] ends the connection v5",
  ],
  "MQTT-3.3.2-3": [
    "`+` stands for one level, `#` for any number and the parent [MQTT-4.7.1-1] [MQTT-4.7.1-2] v5",
    "Topics match as they are written: no normal form, no case, no slash is added [MQTT-4.7.3-4] v5",
  ],
  "MQTT-3.3.2-4": [
    "Properties are passed on unaltered [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-20] v5",
    "A payload is passed on as it is, where its format is not checked [MQTT-3.3.2-4]",
  ],
  "MQTT-3.3.2-5": [
    "A message that expired does not leave the queue [MQTT-3.3.2-5] v5",
    "A message that waits for Receive Maximum expires [MQTT-3.3.2-5] v5",
    "A retained message expires, and comes with the time that is left [MQTT-3.3.2-5] [MQTT-3.3.2-6] v5",
    "A retained message that has expired does not come, also before the broker has looked at its clock [MQTT-3.3.2-5] v5",
  ],
  "MQTT-3.3.2-6": [
    "A message that expired does not leave the queue [MQTT-3.3.2-5] v5",
    "A message that is delivered at once keeps its Message Expiry Interval [MQTT-3.3.2-6] v5",
    "A retained message expires, and comes with the time that is left [MQTT-3.3.2-5] [MQTT-3.3.2-6] v5",
  ],
  "MQTT-3.3.2-7": [
    "Topic Aliases end with the connection [MQTT-3.3.2-7] v5",
    "Topic Aliases of the broker begin anew on each connection [MQTT-3.3.2-7] v5",
  ],
  "MQTT-3.3.2-8": [
    "Topic Alias 0 ends the connection with 0x94 [MQTT-3.3.2-8] v5",
    "The broker uses Topic Aliases up to the maximum of the client [MQTT-3.3.2-11] [MQTT-3.1.2-26] v5",
  ],
  "MQTT-3.3.2-9": ["A Topic Alias above the maximum ends the connection with 0x94 [MQTT-3.3.2-9] v5"],
  "MQTT-3.3.2-10": "client duty",
  "MQTT-3.3.2-11": ["The broker uses Topic Aliases up to the maximum of the client [MQTT-3.3.2-11] [MQTT-3.1.2-26] v5"],
  "MQTT-3.3.2-12": [
    "A Topic Alias of a client stands for its topic, and is not passed on [MQTT-3.3.2-12] [MQTT-3.3.2-7] v5",
  ],
  "MQTT-3.3.2-13": ["A Response Topic that is not UTF-8 [MQTT-3.3.2-13] ends the connection v5"],
  "MQTT-3.3.2-14": ["A Response Topic with a wildcard [MQTT-3.3.2-14] ends the connection v5"],
  "MQTT-3.3.2-15": [
    "Properties are passed on unaltered [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-20] v5",
    "Properties are unaltered behind a queue, and sent again unaltered [MQTT-3.3.2-15] [MQTT-3.3.2-17] [MQTT-3.3.2-18] v5",
  ],
  "MQTT-3.3.2-16": [
    "Properties are passed on unaltered [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-20] v5",
    "Properties are unaltered behind a queue, and sent again unaltered [MQTT-3.3.2-15] [MQTT-3.3.2-17] [MQTT-3.3.2-18] v5",
  ],
  "MQTT-3.3.2-17": [
    "Properties are passed on unaltered [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-20] v5",
    "Properties are unaltered behind a queue, and sent again unaltered [MQTT-3.3.2-15] [MQTT-3.3.2-17] [MQTT-3.3.2-18] v5",
  ],
  "MQTT-3.3.2-18": [
    "Properties are passed on unaltered [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-20] v5",
    "Properties are unaltered behind a queue, and sent again unaltered [MQTT-3.3.2-15] [MQTT-3.3.2-17] [MQTT-3.3.2-18] v5",
  ],
  "MQTT-3.3.2-19": ["A Content Type that is not UTF-8 [MQTT-3.3.2-19] ends the connection v5"],
  "MQTT-3.3.2-20": [
    "Properties are passed on unaltered [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-20] v5",
    "Properties are unaltered behind a queue, and sent again unaltered [MQTT-3.3.2-15] [MQTT-3.3.2-17] [MQTT-3.3.2-18] v5",
  ],
  "MQTT-3.3.4-1": [
    "QoS 0 is delivered and not answered [MQTT-4.3.1-1] v5",
    "QoS 1 is answered with PUBACK of the same Packet Identifier, and delivered [MQTT-4.3.2-4] [MQTT-2.2.1-5] v5",
    "QoS 2 goes PUBLISH, PUBREC, PUBREL, PUBCOMP on both sides [MQTT-4.3.3-8] [MQTT-4.3.3-11] v5",
  ],
  "MQTT-3.3.4-2": [
    "Overlapping filters deliver one copy with the highest QoS [MQTT-3.3.4-2] v5",
    "Each of several copies has the QoS and the Subscription Identifier of its own subscription [MQTT-3.3.4-5] v5",
  ],
  "MQTT-3.3.4-3": [
    "A Subscription Identifier comes with every message of its subscription, and ends with it [MQTT-3.3.4-3] v5",
    "A retained message comes with its Subscription Identifier [MQTT-3.3.4-3] v5",
    "Each member of a Shared Subscription gets its own Subscription Identifier [MQTT-3.3.4-3] v5",
  ],
  "MQTT-3.3.4-4": ["One copy has the Subscription Identifiers of all matching subscriptions [MQTT-3.3.4-4] v5"],
  "MQTT-3.3.4-5": [
    "Each of several copies has the QoS and the Subscription Identifier of its own subscription [MQTT-3.3.4-5] v5",
    "Each of several copies has the Subscription Identifier of its own subscription [MQTT-3.3.4-5] v5",
  ],
  "MQTT-3.3.4-6": ["A Subscription Identifier in PUBLISH of a client is a Protocol Error [MQTT-3.3.4-6] v5"],
  "MQTT-3.3.4-7": [
    "One message above Receive Maximum ends the connection with 0x93 [MQTT-3.3.4-7] v5",
    "A client may send as many messages as Receive Maximum of the broker [MQTT-3.3.4-7] v5",
    "QoS 0 does not count for Receive Maximum [MQTT-3.3.4-7] v5",
  ],
  "MQTT-3.3.4-8": "client duty",
  "MQTT-3.3.4-9": [
    "No more than Receive Maximum of the client is in flight, all else goes on [MQTT-3.3.4-9] [MQTT-3.3.4-10] v5",
    "What is sent again does not exceed Receive Maximum [MQTT-3.3.4-9] v5",
    "A message that is acknowledged before it is sent again is not sent again [MQTT-4.4.0-1] v5",
    "PUBREL that is sent again has a place of Receive Maximum [MQTT-3.3.4-9] v5",
  ],
  "MQTT-3.3.4-10": [
    "No more than Receive Maximum of the client is in flight, all else goes on [MQTT-3.3.4-9] [MQTT-3.3.4-10] v5",
  ],
  "MQTT-3.4.2-1": [
    "QoS 1 is answered with PUBACK of the same Packet Identifier, and delivered [MQTT-4.3.2-4] [MQTT-2.2.1-5] v5",
    "QoS 1 without a subscriber is answered with 0x10 in MQTT 5 (section 3.4.2.1) v5",
    "A client cannot publish to topics of the server: $SYS/ (section 4.7.2) v5",
    "A retained message above maximumRetainedMessages is refused with 0x97, one that replaces is not v5",
    "PUBACK and PUBREC refuse a message with the Reason Code of what is wrong [MQTT-3.4.2-1] [MQTT-3.5.2-1] v5",
    "encode gives PUBACK the Reason Codes that it has, and refuses all others [MQTT-3.4.2-1]",
  ],
  "MQTT-3.4.2-2": ["PUBACK has no Reason String that makes it larger than the client accepts [MQTT-3.4.2-2]"],
  "MQTT-3.4.2-3": ["PUBACK has no User Property that makes it larger than the client accepts [MQTT-3.4.2-3]"],
  "MQTT-3.5.2-1": [
    "QoS 2 goes PUBLISH, PUBREC, PUBREL, PUBCOMP on both sides [MQTT-4.3.3-8] [MQTT-4.3.3-11] v5",
    "A client cannot publish to topics of the server: $SYS/ (section 4.7.2) v5",
    "A retained message above maximumRetainedMessages is refused with 0x97, one that replaces is not v5",
    "PUBACK and PUBREC refuse a message with the Reason Code of what is wrong [MQTT-3.4.2-1] [MQTT-3.5.2-1] v5",
    "encode gives PUBREC the Reason Codes that it has, and refuses all others [MQTT-3.5.2-1]",
  ],
  "MQTT-3.5.2-2": ["PUBREC has no Reason String that makes it larger than the client accepts [MQTT-3.5.2-2]"],
  "MQTT-3.5.2-3": ["PUBREC has no User Property that makes it larger than the client accepts [MQTT-3.5.2-3]"],
  "MQTT-3.6.1-1": [
    "PUBREL with flags 0000 [MQTT-3.6.1-1] ends the connection v5",
    "decode PUBREL first byte 63 [MQTT-2.1.3-1] v5",
  ],
  "MQTT-3.6.2-1": [
    "PUBREC of an unknown Packet Identifier is answered with PUBREL, in MQTT 5 with 0x92 (section 3.6.2.1) v5",
    "encode refuses PUBREL with Reason Code 0x80 [MQTT-3.6.2-1] v5",
    "encode gives PUBREL the Reason Codes that it has, and refuses all others [MQTT-3.6.2-1]",
  ],
  "MQTT-3.6.2-2": ["PUBREL has no Reason String that makes it larger than the client accepts [MQTT-3.6.2-2]"],
  "MQTT-3.6.2-3": ["PUBREL has no User Property that makes it larger than the client accepts [MQTT-3.6.2-3]"],
  "MQTT-3.7.2-1": [
    "PUBREL of an unknown Packet Identifier is answered with PUBCOMP, in MQTT 5 with 0x92 [MQTT-4.3.3-11] v5",
    "QoS 2 goes PUBLISH, PUBREC, PUBREL, PUBCOMP on both sides [MQTT-4.3.3-8] [MQTT-4.3.3-11] v5",
    "encode gives PUBCOMP the Reason Codes that it has, and refuses all others [MQTT-3.7.2-1]",
  ],
  "MQTT-3.7.2-2": ["PUBCOMP has no Reason String that makes it larger than the client accepts [MQTT-3.7.2-2]"],
  "MQTT-3.7.2-3": ["PUBCOMP has no User Property that makes it larger than the client accepts [MQTT-3.7.2-3]"],
  "MQTT-3.8.1-1": [
    "SUBSCRIBE with flags 0000 [MQTT-3.8.1-1] [MQTT-2.2.2-2 of 3.1.1] ends the connection v5",
    "decode SUBSCRIBE first byte 83 [MQTT-2.1.3-1] v5",
  ],
  "MQTT-3.8.3-1": ["A Topic Filter that is not UTF-8 [MQTT-3.8.3-1] ends the connection v5"],
  "MQTT-3.8.3-2": ["SUBSCRIBE without a Topic Filter [MQTT-3.8.3-2] [MQTT-3.8.3-3 of 3.1.1] ends the connection v5"],
  "MQTT-3.8.3-3": [
    "No Local keeps messages from their publisher, not from others [MQTT-3.8.3-3] v5",
    "No Local of one filter leaves an overlapping one alone, with its QoS and identifier [MQTT-3.8.3-3] v5",
    "No Local holds for the Will and for retained messages of the same client too [MQTT-3.8.3-3] v5",
    "No Local keeps back only what its own subscription says of a message, with each [MQTT-3.8.3-3] v5",
    "No Local keeps back only what its own subscription says of a message, with once [MQTT-3.8.3-3] v5",
  ],
  "MQTT-3.8.3-4": ["No Local on a Shared Subscription is a Protocol Error [MQTT-3.8.3-4] v5"],
  "MQTT-3.8.3-5": [
    "Reserved bits of Subscription Options [MQTT-3.8.3-5] ends the connection v5",
    "decode SUBSCRIBE options 80 [MQTT-3.8.3-5] v5",
  ],
  "MQTT-3.8.4-1": [
    "SUBSCRIBE is answered with a code for each Topic Filter, in order [MQTT-3.8.4-6] [MQTT-3.9.3-1] v5",
  ],
  "MQTT-3.8.4-2": [
    "SUBSCRIBE is answered with a code for each Topic Filter, in order [MQTT-3.8.4-6] [MQTT-3.9.3-1] v5",
  ],
  "MQTT-3.8.4-3": ["A SUBSCRIBE to the same Topic Filter replaces the subscription [MQTT-3.8.4-3] v5"],
  "MQTT-3.8.4-4": [
    "A SUBSCRIBE that replaces a subscription brings the retained messages again [MQTT-3.8.4-4] v5",
    "A SUBSCRIBE that replaces a subscription loses no message [MQTT-3.8.4-4] [MQTT-3.8.4-3 of 3.1.1] v5",
    "A SUBSCRIBE that is repeated with Retain Handling 0 brings the rest, then all of them again [MQTT-3.8.4-4] v5",
    "A SUBSCRIBE that is repeated with Retain Handling 1 leaves what waits to come [MQTT-3.8.4-4] [MQTT-3.3.1-10] v5",
    "A SUBSCRIBE that is repeated with Retain Handling 2 leaves what waits to come [MQTT-3.8.4-4] [MQTT-3.3.1-10] v5",
    "What waits comes with QoS and Subscription Identifier of the subscription that replaces [MQTT-3.8.4-4] v5",
  ],
  "MQTT-3.8.4-5": [
    "A SUBSCRIBE with the same Topic Filter twice is two in a row [MQTT-3.8.4-5] [MQTT-3.8.4-4 of 3.1.1] v5",
    "One SUBSCRIBE with the same Topic Filter twice brings the retained messages twice [MQTT-3.8.4-5] v5",
    "One SUBSCRIBE with the same Topic Filter and Retain Handling 1 twice brings them once [MQTT-3.8.4-5] v5",
    "One SUBSCRIBE with Retain Handling 0 and then 2 for a Topic Filter brings them once [MQTT-3.8.4-5] v5",
    "SUBSCRIBE is answered with a code for each Topic Filter, in order [MQTT-3.8.4-6] [MQTT-3.9.3-1] v5",
  ],
  "MQTT-3.8.4-6": [
    "SUBSCRIBE is answered with a code for each Topic Filter, in order [MQTT-3.8.4-6] [MQTT-3.9.3-1] v5",
    "One subscription above the limit is refused with 0x97, in MQTT 3.1.1 with 0x80; 3.1 has no code for it v5",
  ],
  "MQTT-3.8.4-7": [
    "SUBSCRIBE is answered with a code for each Topic Filter, in order [MQTT-3.8.4-6] [MQTT-3.9.3-1] v5",
    "One subscription above the limit is refused with 0x97, in MQTT 3.1.1 with 0x80; 3.1 has no code for it v5",
    "A Topic Filter with too many levels is refused with 0x8F, in MQTT 3.1.1 with 0x80; 3.1 has no code for it v5",
  ],
  "MQTT-3.8.4-8": [
    "QoS is the lower one of message and subscription [MQTT-3.8.4-8] v5",
    "A retained message comes with the lower QoS of message and subscription [MQTT-3.8.4-8] v5",
  ],
  "MQTT-3.9.2-1": ["SUBACK has no Reason String that makes it larger than the client accepts [MQTT-3.9.2-1]"],
  "MQTT-3.9.2-2": ["SUBACK has no User Property that makes it larger than the client accepts [MQTT-3.9.2-2]"],
  "MQTT-3.9.3-1": [
    "SUBSCRIBE is answered with a code for each Topic Filter, in order [MQTT-3.8.4-6] [MQTT-3.9.3-1] v5",
  ],
  "MQTT-3.9.3-2": [
    "One subscription above the limit is refused with 0x97, in MQTT 3.1.1 with 0x80; 3.1 has no code for it v5",
    "A Topic Filter with too many levels is refused with 0x8F, in MQTT 3.1.1 with 0x80; 3.1 has no code for it v5",
    "encode gives SUBACK the Reason Codes that it has, and refuses all others [MQTT-3.9.3-2]",
  ],
  "MQTT-3.10.1-1": [
    "UNSUBSCRIBE with flags 0000 [MQTT-3.10.1-1] ends the connection v5",
    "decode UNSUBSCRIBE first byte a3 [MQTT-2.1.3-1] v5",
  ],
  "MQTT-3.10.3-1": ["A Topic Filter of UNSUBSCRIBE that is not UTF-8 [MQTT-3.10.3-1] ends the connection v5"],
  "MQTT-3.10.3-2": ["UNSUBSCRIBE without a Topic Filter [MQTT-3.10.3-2] ends the connection v5"],
  "MQTT-3.10.4-1": [
    "UNSUBSCRIBE compares character by character [MQTT-3.10.4-1] v5",
    "UNSUBSCRIBE stops delivery [MQTT-3.10.4-2] [MQTT-3.10.4-4] v5",
  ],
  "MQTT-3.10.4-2": [
    "UNSUBSCRIBE stops delivery [MQTT-3.10.4-2] [MQTT-3.10.4-4] v5",
    "UNSUBSCRIBE stops the retained messages that still wait [MQTT-3.10.4-2] v5",
    "What waits does not come after UNSUBSCRIBE, also where the client subscribes again [MQTT-3.10.4-2] v5",
  ],
  "MQTT-3.10.4-3": ["UNSUBSCRIBE does not stop a delivery that has begun [MQTT-3.10.4-3] v5"],
  "MQTT-3.10.4-4": ["UNSUBSCRIBE stops delivery [MQTT-3.10.4-2] [MQTT-3.10.4-4] v5"],
  "MQTT-3.10.4-5": [
    "UNSUBSCRIBE of several Topic Filters is answered once, also when none is deleted [MQTT-3.10.4-5] [MQTT-3.10.4-6] v5",
    "UNSUBSCRIBE compares character by character [MQTT-3.10.4-1] v5",
  ],
  "MQTT-3.10.4-6": [
    "UNSUBSCRIBE of several Topic Filters is answered once, also when none is deleted [MQTT-3.10.4-5] [MQTT-3.10.4-6] v5",
  ],
  "MQTT-3.11.2-1": ["UNSUBACK has no Reason String that makes it larger than the client accepts [MQTT-3.11.2-1]"],
  "MQTT-3.11.2-2": ["UNSUBACK has no User Property that makes it larger than the client accepts [MQTT-3.11.2-2]"],
  "MQTT-3.11.3-1": [
    "UNSUBSCRIBE of several Topic Filters is answered once, also when none is deleted [MQTT-3.10.4-5] [MQTT-3.10.4-6] v5",
    "UNSUBSCRIBE stops delivery [MQTT-3.10.4-2] [MQTT-3.10.4-4] v5",
  ],
  "MQTT-3.11.3-2": [
    "UNSUBSCRIBE of several Topic Filters is answered once, also when none is deleted [MQTT-3.10.4-5] [MQTT-3.10.4-6] v5",
    "UNSUBSCRIBE compares character by character [MQTT-3.10.4-1] v5",
    "encode gives UNSUBACK the Reason Codes that it has, and refuses all others [MQTT-3.11.3-2]",
  ],
  "MQTT-3.12.4-1": ["PINGREQ is answered with PINGRESP [MQTT-3.12.4-1] v5"],
  "MQTT-3.14.0-1": [
    "The first packet must be CONNECT [MQTT-3.1.0-1] v5",
    "A CONNECT of MQTT 5 that is malformed is refused with 0x81 [MQTT-3.1.4-1] v5",
    "Broker.close() while a session is restored ends that connection too",
  ],
  "MQTT-3.14.1-1": ["DISCONNECT with flags 0001 [MQTT-3.14.1-1] ends the connection v5"],
  "MQTT-3.14.2-1": [
    "DISCONNECT 0x8B says that the server shuts down, and has no Session Expiry Interval [MQTT-3.14.2-1] [MQTT-3.14.2-2] v5",
    "DISCONNECT 0x98 says that the operator ended the connection [MQTT-3.14.2-1] v5",
    "encode refuses DISCONNECT with Reason Code 0x84 [MQTT-3.14.2-1] v5",
    "A second CONNECT ends the connection, MQTT 5 is told 0x82 [MQTT-3.1.0-2] v5",
    "encode gives DISCONNECT the Reason Codes that it has, and refuses all others [MQTT-3.14.2-1]",
  ],
  "MQTT-3.14.2-2": [
    "DISCONNECT 0x8B says that the server shuts down, and has no Session Expiry Interval [MQTT-3.14.2-1] [MQTT-3.14.2-2] v5",
    "A second CONNECT ends the connection, MQTT 5 is told 0x82 [MQTT-3.1.0-2] v5",
  ],
  "MQTT-3.14.2-3": ["A Reason String that makes DISCONNECT too large is left out [MQTT-3.14.2-3] v5"],
  "MQTT-3.14.2-4": ["DISCONNECT has no User Property that makes it larger than the client accepts [MQTT-3.14.2-4]"],
  "MQTT-3.14.4-1": [
    "QoS 0 does not follow DISCONNECT [MQTT-3.14.4-1] v5",
    "The Will of a client that breaks the rules does not follow the DISCONNECT of another one [MQTT-3.14.4-1] v5",
    "The Will of the client that is taken over does not reach it [MQTT-3.14.4-1] v5",
    "Nothing follows the DISCONNECT of a server that is shutting down [MQTT-3.14.4-1] v5",
    "Nothing comes behind DISCONNECT of the server, which closes [MQTT-3.14.4-1] [MQTT-3.14.4-2] [MQTT-4.13.2-1] v5",
  ],
  "MQTT-3.14.4-2": [
    "Nothing comes behind DISCONNECT of the server, which closes [MQTT-3.14.4-1] [MQTT-3.14.4-2] [MQTT-4.13.2-1] v5",
    "DISCONNECT of a client ends the connection [MQTT-3.14.4-2] v5",
  ],
  "MQTT-3.14.4-3": ["DISCONNECT removes the Will [MQTT-3.14.4-3] [MQTT-3.1.2-10] v5"],
  "MQTT-3.15.1-1": [
    "AUTH with flags 0001 [MQTT-3.15.1-1] ends the connection v5",
    "decode AUTH first byte f8 [MQTT-2.1.3-1] v5",
  ],
  "MQTT-3.15.2-1": [
    "An exchange ends in CONNACK with method and data [MQTT-4.12.0-2] [MQTT-4.12.0-5] v5",
    "A client authenticates again [MQTT-4.12.1-1] v5",
    "encode gives AUTH the Reason Codes that it has, and refuses all others [MQTT-3.15.2-1]",
  ],
  "MQTT-3.15.2-2": ["AUTH has no Reason String that makes it larger than the client accepts [MQTT-3.15.2-2]"],
  "MQTT-3.15.2-3": ["AUTH has no User Property that makes it larger than the client accepts [MQTT-3.15.2-3]"],
  "MQTT-4.1.0-1": [
    "A session lasts while its connection is open, however long that is [MQTT-4.1.0-1] [MQTT-4.1.0-2 of 3.1.1] v5",
    "A session is there until its Session Expiry Interval has passed [MQTT-3.1.2-23] [MQTT-4.1.0-2] v5",
  ],
  "MQTT-4.1.0-2": [
    "A session is there until its Session Expiry Interval has passed [MQTT-3.1.2-23] [MQTT-4.1.0-2] v5",
    "A session expires with its subscriptions and messages [MQTT-4.1.0-2] v5",
    "A session with Session Expiry Interval 0 ends with its connection [MQTT-4.1.0-2] v5",
    "DISCONNECT sets another Session Expiry Interval (section 3.14.2.2.2) v5",
    "The Session Expiry Interval is that of the last CONNECT v5",
  ],
  "MQTT-4.2-1": [
    "TCP read gives the bytes of any pattern of writes, in chunks that stay as they were handed out",
    "TLS carries any pattern of writes both ways, in chunks that stay as they were handed out",
    "listenUnix() carries MQTT and names both ends",
    "One packet over many messages is one packet [MQTT-6.0.0-2]",
  ],
  "MQTT-4.3.1-1": [
    "QoS 0 is delivered and not answered [MQTT-4.3.1-1] v5",
    "QoS 0 is not answered, also where it is refused [MQTT-4.3.1-1] v5",
  ],
  "MQTT-4.3.2-1": [
    "All 65,535 Packet Identifiers can be in flight, and none is used twice [MQTT-2.2.1-4] [MQTT-4.3.2-1] v5",
    "Inflight.add() goes from 65,535 to 1 and passes over what is in use [MQTT-2.2.1-4]",
  ],
  "MQTT-4.3.2-2": [
    "QoS 1 is answered with PUBACK of the same Packet Identifier, and delivered [MQTT-4.3.2-4] [MQTT-2.2.1-5] v5",
    "DUP is not passed on [MQTT-3.3.1-3] v5",
  ],
  "MQTT-4.3.2-3": [
    "PUBLISH without PUBACK is sent again with its Packet Identifier and DUP [MQTT-4.4.0-1] [MQTT-3.3.1-1] v5",
    "No more than maximumInflight is in flight v5",
  ],
  "MQTT-4.3.2-4": [
    "QoS 1 is answered with PUBACK of the same Packet Identifier, and delivered [MQTT-4.3.2-4] [MQTT-2.2.1-5] v5",
  ],
  "MQTT-4.3.2-5": ["QoS 1 PUBLISH with the same Packet Identifier is a new message each time [MQTT-4.3.2-5] v5"],
  "MQTT-4.3.3-1": [
    "A message of 5 bytes goes to many, each with its own QoS and Packet Identifier [MQTT-2.2.1-4] v5",
    "Inflight.add() goes from 65,535 to 1 and passes over what is in use [MQTT-2.2.1-4]",
  ],
  "MQTT-4.3.3-2": ["QoS 2 goes PUBLISH, PUBREC, PUBREL, PUBCOMP on both sides [MQTT-4.3.3-8] [MQTT-4.3.3-11] v5"],
  "MQTT-4.3.3-3": ["PUBREL is sent again, not PUBLISH, once PUBREC came [MQTT-4.3.3-6] [MQTT-4.4.0-1] v5"],
  "MQTT-4.3.3-4": [
    "QoS 2 goes PUBLISH, PUBREC, PUBREL, PUBCOMP on both sides [MQTT-4.3.3-8] [MQTT-4.3.3-11] v5",
    "A PUBREC that is repeated is answered with PUBREL again [MQTT-4.3.3-4] [MQTT-4.3.3-5] v5",
    "PUBREC with an error ends the delivery: no PUBREL [MQTT-4.4.0-2] v5",
    "PUBREC with a Reason Code below 0x80 is answered with PUBREL, whatever it says [MQTT-4.3.3-4] v5",
    "PUBREL goes out in the order of PUBREC [MQTT-4.6.0-4] v5",
    "PUBREC of an unknown Packet Identifier is answered with PUBREL, in MQTT 5 with 0x92 (section 3.6.2.1) v5",
  ],
  "MQTT-4.3.3-5": ["PUBREL is sent again, not PUBLISH, once PUBREC came [MQTT-4.3.3-6] [MQTT-4.4.0-1] v5"],
  "MQTT-4.3.3-6": ["PUBREL is sent again, not PUBLISH, once PUBREC came [MQTT-4.3.3-6] [MQTT-4.4.0-1] v5"],
  "MQTT-4.3.3-7": [
    "A message that was sent does not expire when it is sent again [MQTT-4.3.3-7] v5",
    "QoS 2 goes its four steps also when the Message Expiry Interval has passed [MQTT-4.3.3-7] [MQTT-4.3.3-13] v5",
  ],
  "MQTT-4.3.3-8": [
    "QoS 2 goes PUBLISH, PUBREC, PUBREL, PUBCOMP on both sides [MQTT-4.3.3-8] [MQTT-4.3.3-11] v5",
    "PUBACK and PUBREC refuse a message with the Reason Code of what is wrong [MQTT-3.4.2-1] [MQTT-3.5.2-1] v5",
  ],
  "MQTT-4.3.3-9": [
    "A Packet Identifier that was refused with PUBREC is new at once [MQTT-4.3.3-9] v5",
    "A Packet Identifier that was refused with PUBREC is new when the session is resumed [MQTT-4.3.3-9] v5",
  ],
  "MQTT-4.3.3-10": [
    "QoS 2 PUBLISH that is repeated before PUBREL is answered and not delivered again [MQTT-4.3.3-10] v5",
    "A QoS 2 message of a durable session is known when its publisher comes back [MQTT-4.3.3-10] v5",
    "A message with QoS 2 is delivered once, however often PUBREL is repeated [MQTT-4.3.3-10] [MQTT-4.3.3-11] v5",
    "QoS 2 PUBLISH that is repeated without DUP is answered and not delivered again [MQTT-4.3.3-10] v5",
  ],
  "MQTT-4.3.3-11": [
    "QoS 2 goes PUBLISH, PUBREC, PUBREL, PUBCOMP on both sides [MQTT-4.3.3-8] [MQTT-4.3.3-11] v5",
    "PUBREL of an unknown Packet Identifier is answered with PUBCOMP, in MQTT 5 with 0x92 [MQTT-4.3.3-11] v5",
    "A Packet Identifier is new again behind PUBCOMP, whatever DUP says [MQTT-4.3.3-12] v5",
  ],
  "MQTT-4.3.3-12": ["A Packet Identifier is new again behind PUBCOMP, whatever DUP says [MQTT-4.3.3-12] v5"],
  "MQTT-4.3.3-13": [
    "QoS 2 goes its four steps also when the Message Expiry Interval has passed [MQTT-4.3.3-7] [MQTT-4.3.3-13] v5",
    "A message that is repeated when it has expired goes to nobody again [MQTT-4.3.3-13] v5",
    "A message that has expired when it comes is acknowledged as any other [MQTT-4.3.3-13] v5",
  ],
  "MQTT-4.4.0-1": [
    "PUBLISH without PUBACK is sent again with its Packet Identifier and DUP [MQTT-4.4.0-1] [MQTT-3.3.1-1] v5",
    "PUBREL is sent again, not PUBLISH, once PUBREC came [MQTT-4.3.3-6] [MQTT-4.4.0-1] v5",
    "Nothing is sent again on the same connection [MQTT-4.4.0-1] v5",
    "A message that is acknowledged before it is sent again is not sent again [MQTT-4.4.0-1] v5",
  ],
  "MQTT-4.4.0-2": [
    "A message whose PUBACK or PUBREC is an error is not sent again [MQTT-4.4.0-2] v5",
    "PUBREC with an error ends the delivery: no PUBREL [MQTT-4.4.0-2] v5",
  ],
  "MQTT-4.5.0-1": [
    "Messages with QoS 1 and 2 wait for the client in order, QoS 0 does not [MQTT-3.1.2-5] [MQTT-4.5.0-1] v5",
    "A message reaches its own publisher [MQTT-4.5.0-1] v5",
    "A message is added to the session of each client that has subscribed to it, there or not [MQTT-4.5.0-1] v5",
  ],
  "MQTT-4.5.0-2": "client duty",
  "MQTT-4.6.0-1": [
    "PUBLISH without PUBACK is sent again with its Packet Identifier and DUP [MQTT-4.4.0-1] [MQTT-3.3.1-1] v5",
  ],
  "MQTT-4.6.0-2": ["Messages with QoS 1 in one chunk, as many as Receive Maximum [MQTT-3.3.4-7] v5"],
  "MQTT-4.6.0-3": ["Messages of one publisher keep their order [MQTT-4.6.0-5] v5"],
  "MQTT-4.6.0-4": ["PUBREL goes out in the order of PUBREC [MQTT-4.6.0-4] v5"],
  "MQTT-4.6.0-5": [
    "Messages of one publisher keep their order [MQTT-4.6.0-5] v5",
    "Random clients over random connections get what a model says: QoS 1 at least once, QoS 2 once and in order",
    "Messages that wait come in the order in which they were published, each topic on its own [MQTT-4.6.0-6] v5",
    "A message that comes while a page is read goes behind it, though it could be sent [MQTT-4.6.0-6]",
  ],
  "MQTT-4.6.0-6": [
    "Messages of one publisher keep their order [MQTT-4.6.0-5] v5",
    "Random clients over random connections get what a model says: QoS 1 at least once, QoS 2 once and in order",
    "Messages that wait come in the order in which they were published, each topic on its own [MQTT-4.6.0-6] v5",
    "A message that comes while a page is read goes behind it, though it could be sent [MQTT-4.6.0-6]",
  ],
  "MQTT-4.7.0-1": [
    "A wildcard in a Topic Name [MQTT-3.3.2-2] [MQTT-4.7.0-1] ends the connection v5",
    "decode CONNECT with a wildcard in Will Topic [MQTT-4.7.0-1] v5",
  ],
  "MQTT-4.7.1-1": [
    "`+` stands for one level, `#` for any number and the parent [MQTT-4.7.1-1] [MQTT-4.7.1-2] v5",
    "An invalid Topic Filter ends the connection, MQTT 5 is told 0x8F [MQTT-4.7.1-1] v5",
    '"a/#/b" is not a Topic Filter [MQTT-4.7.1-1] [MQTT-4.7.3-1] [MQTT-4.8.2-1]',
    '"a#" is not a Topic Filter [MQTT-4.7.1-1] [MQTT-4.7.3-1] [MQTT-4.8.2-1]',
    '"#a" is not a Topic Filter [MQTT-4.7.1-1] [MQTT-4.7.3-1] [MQTT-4.8.2-1]',
    '"#/" is not a Topic Filter [MQTT-4.7.1-1] [MQTT-4.7.3-1] [MQTT-4.8.2-1]',
    '"##" is not a Topic Filter [MQTT-4.7.1-1] [MQTT-4.7.3-1] [MQTT-4.8.2-1]',
  ],
  "MQTT-4.7.1-2": [
    "`+` stands for one level, `#` for any number and the parent [MQTT-4.7.1-1] [MQTT-4.7.1-2] v5",
    '"a+" is not a Topic Filter [MQTT-4.7.1-1] [MQTT-4.7.3-1] [MQTT-4.8.2-1]',
    '"+" has `+` for a level of its own, wherever that is [MQTT-4.7.1-2] [MQTT-4.7.1-3 of 3.1.1] v5',
    '"+/b/c" has `+` for a level of its own, wherever that is [MQTT-4.7.1-2] [MQTT-4.7.1-3 of 3.1.1] v5',
    '"c/b/+" has `+` for a level of its own, wherever that is [MQTT-4.7.1-2] [MQTT-4.7.1-3 of 3.1.1] v5',
    '"e/+/c/+/e/+" has `+` for a level of its own, wherever that is [MQTT-4.7.1-2] [MQTT-4.7.1-3 of 3.1.1] v5',
    '"/+" has `+` for a level of its own, wherever that is [MQTT-4.7.1-2] [MQTT-4.7.1-3 of 3.1.1] v5',
    '"+a" has a wildcard beside others in a level: it ends the connection [MQTT-4.7.1-1] [MQTT-4.7.1-2] v5',
    '"b/+a" has a wildcard beside others in a level: it ends the connection [MQTT-4.7.1-1] [MQTT-4.7.1-2] v5',
    '"b/a+/c" has a wildcard beside others in a level: it ends the connection [MQTT-4.7.1-1] [MQTT-4.7.1-2] v5',
    '"++" has a wildcard beside others in a level: it ends the connection [MQTT-4.7.1-1] [MQTT-4.7.1-2] v5',
  ],
  "MQTT-4.7.2-1": [
    "A filter that starts with a wildcard does not match topics that start with $ [MQTT-4.7.2-1] v5",
    "A retained message of a topic that starts with $ does not match a filter that starts with a wildcard [MQTT-4.7.2-1] v5",
  ],
  "MQTT-4.7.3-1": [
    "An empty Topic Filter [MQTT-4.7.3-1] ends the connection v5",
    "A PUBLISH without topic and without Topic Alias ends the connection with 0x82 (section 3.3.2.1) v5",
  ],
  "MQTT-4.7.3-2": [
    "U+0000 in a Topic Name [MQTT-1.5.4-2] [MQTT-4.7.3-2] ends the connection v5",
    "U+0000 in a Topic Filter [MQTT-1.5.4-2] [MQTT-4.7.3-2] ends the connection v5",
  ],
  "MQTT-4.7.3-3": [
    "A Topic Name of 65,535 bytes is delivered [MQTT-4.7.3-3] v5",
    "broker.publish() refuses a topic longer than 65,535 bytes, and nobody notices",
  ],
  "MQTT-4.7.3-4": ["Topics match as they are written: no normal form, no case, no slash is added [MQTT-4.7.3-4] v5"],
  "MQTT-4.8.2-1": [
    'Topic Filter "$share/g" [MQTT-4.8.2-1] [MQTT-4.8.2-2] ends the connection v5',
    'Topic Filter "$share//x" [MQTT-4.8.2-1] [MQTT-4.8.2-2] ends the connection v5',
  ],
  "MQTT-4.8.2-2": [
    'Topic Filter "$share/+/x" [MQTT-4.8.2-1] [MQTT-4.8.2-2] ends the connection v5',
    'Topic Filter "$share/g#/x" [MQTT-4.8.2-1] [MQTT-4.8.2-2] ends the connection v5',
    'Topic Filter "$share/g/" [MQTT-4.8.2-1] [MQTT-4.8.2-2] ends the connection v5',
  ],
  "MQTT-4.8.2-3": ["A Shared Subscription brings each message to one member, in turns (section 4.8.2) v5"],
  "MQTT-4.8.2-4": [
    "A message that one member of a Shared Subscription did not acknowledge waits for it [MQTT-4.8.2-4] v5",
  ],
  "MQTT-4.8.2-5": [
    "A QoS 2 message that was sent to a member goes to no other one when its session ends [MQTT-4.8.2-5] v5",
    "A QoS 2 message that was sent goes to no other member when a session that lived on ends [MQTT-4.8.2-5] v5",
  ],
  "MQTT-4.8.2-6": ["A message that one member of a Shared Subscription refuses goes to no other [MQTT-4.8.2-6] v5"],
  "MQTT-4.9.0-1": [
    "No more than Receive Maximum of the client is in flight, all else goes on [MQTT-3.3.4-9] [MQTT-3.3.4-10] v5",
    "No more than maximumInflight is in flight v5",
    "PUBRELs that are sent again give back no more places than a lower Receive Maximum has [MQTT-3.3.4-9] v5",
  ],
  "MQTT-4.9.0-2": [
    "No more than Receive Maximum of the client is in flight, all else goes on [MQTT-3.3.4-9] [MQTT-3.3.4-10] v5",
    "What is sent again does not exceed Receive Maximum [MQTT-3.3.4-9] v5",
    "PUBREL that is sent again has a place of Receive Maximum [MQTT-3.3.4-9] v5",
  ],
  "MQTT-4.9.0-3": [
    "No more than Receive Maximum of the client is in flight, all else goes on [MQTT-3.3.4-9] [MQTT-3.3.4-10] v5",
  ],
  "MQTT-4.12.0-1": ["An unknown method is refused with 0x8C [MQTT-4.12.0-1] v5"],
  "MQTT-4.12.0-2": ["An exchange ends in CONNACK with method and data [MQTT-4.12.0-2] [MQTT-4.12.0-5] v5"],
  "MQTT-4.12.0-3": ["AUTH within an exchange that does not continue is a Protocol Error [MQTT-4.12.0-3] v5"],
  "MQTT-4.12.0-4": [
    "An exchange that refuses the client says 0x87 [MQTT-4.12.0-4] v5",
    "An exchange refuses with the Reason Code that it wants v5",
  ],
  "MQTT-4.12.0-5": [
    "An exchange ends in CONNACK with method and data [MQTT-4.12.0-2] [MQTT-4.12.0-5] v5",
    "AUTH with another method is a Protocol Error [MQTT-4.12.0-5] v5",
  ],
  "MQTT-4.12.0-6": ["A client without a method gets neither AUTH nor a method [MQTT-4.12.0-6] v5"],
  "MQTT-4.12.0-7": ["AUTH without a method in CONNECT is a Protocol Error [MQTT-4.12.0-7] v5"],
  "MQTT-4.12.1-1": [
    "A client authenticates again [MQTT-4.12.1-1] v5",
    "Authenticating again with another method is a Protocol Error [MQTT-4.12.1-1] v5",
    "AUTH 00 outside of an exchange is a Protocol Error [MQTT-4.12.1-1] v5",
    "AUTH 18 outside of an exchange is a Protocol Error [MQTT-4.12.1-1] v5",
  ],
  "MQTT-4.12.1-2": [
    "A client that fails to authenticate again is disconnected [MQTT-4.12.1-2] v5",
    "DISCONNECT says 0x87 when authenticating again fails with a code of CONNACK alone [MQTT-4.12.1-2] [MQTT-3.14.2-1] v5",
  ],
  "MQTT-4.13.1-1": [
    "What is malformed ends the connection, MQTT 5 is told 0x81 [MQTT-4.13.1-1] v5",
    "Packets that only a server sends are a Protocol Error [MQTT-4.13.1-1] v5",
  ],
  "MQTT-4.13.2-1": [
    "Nothing comes behind DISCONNECT of the server, which closes [MQTT-3.14.4-1] [MQTT-3.14.4-2] [MQTT-4.13.2-1] v5",
    "CONNACK that refuses has no Session Present, and leaves the session alone [MQTT-3.2.2-6] [MQTT-3.2.2-7] v5",
  ],
  "MQTT-6.0.0-1": [
    "A text frame closes with 1003, and what came before it counts, seed 1-14 [MQTT-6.0.0-1]",
    "A text frame ends with 1003, and the Will is published [MQTT-6.0.0-1]",
    "listener: a text frame closes with 1003, and the Will is published, seed 1-14 [MQTT-6.0.0-1]",
  ],
  "MQTT-6.0.0-2": [
    "One packet over many messages is one packet [MQTT-6.0.0-2]",
    "Many packets in one message are answered in order, in one message [MQTT-6.0.0-2]",
    "FrameDecoder gives the same payload however frames and chunks are cut",
  ],
  "MQTT-6.0.0-3": [
    "listener answers no subprotocol, seed 2-7 [MQTT-6.0.0-3] with 400",
    "listener answers a foreign subprotocol, seed 2-7 [MQTT-6.0.0-3] with 400",
    "broker.upgrade() answers no subprotocol with 400",
  ],
  "MQTT-6.0.0-4": [
    'listener answers the subprotocols "mqttv3.1, mqtt", seeds 1-3, 2-7 [MQTT-6.0.0-3] with 101',
    "listener answers the request of article 001, seed 1-1 with 101",
  ],
};
