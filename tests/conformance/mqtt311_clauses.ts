import type { Clauses } from "./ledger.ts";

/** What proves each statement of MQTT 3.1.1; tests whose clause is one of MQTT 5 run in this version too. */
export const MQTT_311_CLAUSES: Clauses = {
  "MQTT-1.4.0-1": [
    "A Topic Name that is not UTF-8 [MQTT-1.5.4-1] [MQTT-3.3.2-1] ends the connection v4",
    "A surrogate in a Topic Name [MQTT-1.5.4-1] ends the connection v4",
    "A Topic Filter that is not UTF-8 [MQTT-3.8.3-1] ends the connection v4",
  ],
  "MQTT-1.4.0-2": [
    "U+0000 in a Topic Name [MQTT-1.5.4-2] [MQTT-4.7.3-2] ends the connection v4",
    "U+0000 in a Topic Filter [MQTT-1.5.4-2] [MQTT-4.7.3-2] ends the connection v4",
  ],
  "MQTT-1.4.0-3": ["U+FEFF in a topic stays where it is [MQTT-1.5.4-3] [MQTT-1.4.0-3 of 3.1.1] v4"],
  "MQTT-2.2.2-1": [
    "PUBACK with flags 0001 [MQTT-2.1.3-1] [MQTT-2.2.2-1 of 3.1.1] ends the connection v4",
    "PINGREQ with flags 0001 [MQTT-2.1.3-1] ends the connection v4",
    "decode PUBREL first byte 60 [MQTT-2.1.3-1] v4",
  ],
  "MQTT-2.2.2-2": [
    "SUBSCRIBE with flags 0000 [MQTT-3.8.1-1] [MQTT-2.2.2-2 of 3.1.1] ends the connection v4",
    "PINGREQ with flags 0001 [MQTT-2.1.3-1] ends the connection v4",
  ],
  "MQTT-2.3.1-1": [
    "PUBLISH with Packet Identifier 0 [MQTT-2.2.1-3] [MQTT-2.3.1-1 of 3.1.1] ends the connection v4",
    "SUBSCRIBE with Packet Identifier 0 [MQTT-2.2.1-3] [MQTT-2.3.1-1 of 3.1.1] ends the connection v4",
    "UNSUBSCRIBE with Packet Identifier 0 [MQTT-2.2.1-3] [MQTT-2.3.1-1 of 3.1.1] ends the connection v4",
  ],
  "MQTT-2.3.1-2": "client duty",
  "MQTT-2.3.1-3": "client duty",
  "MQTT-2.3.1-4": [
    "Inflight.add() goes from 65,535 to 1 and passes over what is in use [MQTT-2.2.1-4]",
    "PUBLISH without PUBACK is sent again with its Packet Identifier and DUP [MQTT-4.4.0-1] [MQTT-3.3.1-1] v4",
    "A message of 5 bytes goes to many, each with its own QoS and Packet Identifier [MQTT-2.2.1-4] v4",
  ],
  "MQTT-2.3.1-5": ["QoS 0 is delivered and not answered [MQTT-4.3.1-1] v4"],
  "MQTT-2.3.1-6": [
    "QoS 1 is answered with PUBACK of the same Packet Identifier, and delivered [MQTT-4.3.2-4] [MQTT-2.2.1-5] v4",
    "QoS 2 goes PUBLISH, PUBREC, PUBREL, PUBCOMP on both sides [MQTT-4.3.3-8] [MQTT-4.3.3-11] v4",
  ],
  "MQTT-2.3.1-7": [
    "SUBSCRIBE is answered with a code for each Topic Filter, in order [MQTT-3.8.4-6] [MQTT-3.9.3-1] v4",
    "UNSUBSCRIBE stops delivery [MQTT-3.10.4-2] [MQTT-3.10.4-4] v4",
  ],
  "MQTT-3.1.0-1": [
    "The first packet must be CONNECT [MQTT-3.1.0-1] v4",
    "A packet behind one that is not CONNECT is not looked at [MQTT-3.1.0-1] v4",
  ],
  "MQTT-3.1.0-2": ["A second CONNECT ends the connection, MQTT 5 is told 0x82 [MQTT-3.1.0-2] v4"],
  "MQTT-3.1.2-1": ["A Protocol Name that is not MQTT ends the connection without a word [MQTT-3.1.2-1] v4"],
  "MQTT-3.1.2-2": ["An unsupported Protocol Level below 5 is refused with CONNACK 0x01 [MQTT-3.1.2-2] v4"],
  "MQTT-3.1.2-3": ["CONNECT with the reserved Connect Flag [MQTT-3.1.2-3] is refused v4"],
  "MQTT-3.1.2-4": [
    "A session of Clean Session 0 is there whether the connection was lost or not [MQTT-3.1.2-4 of 3.1.1] v4",
    "A session is present when the client comes back [MQTT-3.2.2-3] v4",
    "A session of Clean Session 0 before MQTT 5 does not expire v4",
    "Messages with QoS 1 and 2 wait for the client in order, QoS 0 does not [MQTT-3.1.2-5] [MQTT-4.5.0-1] v4",
    "PUBLISH without PUBACK is sent again with its Packet Identifier and DUP [MQTT-4.4.0-1] [MQTT-3.3.1-1] v4",
    "PUBREL is sent again, not PUBLISH, once PUBREC came [MQTT-4.3.3-6] [MQTT-4.4.0-1] v4",
    "A QoS 2 message of a durable session is known when its publisher comes back [MQTT-4.3.3-10] v4",
    "Retained messages that a session did not get before its connection was lost come when it is resumed v4",
  ],
  "MQTT-3.1.2-5": [
    "Messages with QoS 1 and 2 wait for the client in order, QoS 0 does not [MQTT-3.1.2-5] [MQTT-4.5.0-1] v4",
    "A message is added to the session of each client that has subscribed to it, there or not [MQTT-4.5.0-1] v4",
  ],
  "MQTT-3.1.2-6": [
    "Clean Session 1 on a session of Clean Session 0 begins a new one, and keeps nothing [MQTT-3.1.2-6 of 3.1.1] v4",
    "A session of Clean Session 1 ends with its connection (section 3.1.2.4) v4",
  ],
  "MQTT-3.1.2-7": ["A retained message outlives the session of its publisher [MQTT-3.1.2-7 of 3.1.1] v4"],
  "MQTT-3.1.2-8": [
    "The Will is published when the connection is lost [MQTT-3.1.2-8] v4",
    "The Will is published when the client sends what is malformed [MQTT-3.1.2-8] v4",
    "The Will is published when the session is taken over [MQTT-3.1.2-8] v4",
    "DISCONNECT removes the Will [MQTT-3.14.4-3] [MQTT-3.1.2-10] v4",
  ],
  "MQTT-3.1.2-9": [
    "CONNECT with a flag and no Will [MQTT-3.1.2-9] is refused v4",
    "The Will has its QoS and is answered as any message [MQTT-3.1.2-12] v4",
  ],
  "MQTT-3.1.2-10": [
    "The Will is published once [MQTT-3.1.2-10] v4",
    "DISCONNECT removes the Will [MQTT-3.14.4-3] [MQTT-3.1.2-10] v4",
  ],
  "MQTT-3.1.2-11": [
    "CONNECT with Will QoS and no Will [MQTT-3.1.2-11] [MQTT-3.1.2-13 of 3.1.1] is refused v4",
    "CONNECT with Will Retain and no Will [MQTT-3.1.2-13] [MQTT-3.1.2-15 of 3.1.1] is refused v4",
  ],
  "MQTT-3.1.2-12": ["Without a Will none is published [MQTT-3.1.2-12 of 3.1.1] v4"],
  "MQTT-3.1.2-13": ["CONNECT with Will QoS and no Will [MQTT-3.1.2-11] [MQTT-3.1.2-13 of 3.1.1] is refused v4"],
  "MQTT-3.1.2-14": [
    "The Will has its QoS and is answered as any message [MQTT-3.1.2-12] v4",
    "CONNECT with Will QoS 3 [MQTT-3.1.2-12] [MQTT-3.1.2-14 of 3.1.1] is refused v4",
    "decode CONNECT with Will QoS 3 [MQTT-3.1.2-12] v4",
  ],
  "MQTT-3.1.2-15": ["CONNECT with Will Retain and no Will [MQTT-3.1.2-13] [MQTT-3.1.2-15 of 3.1.1] is refused v4"],
  "MQTT-3.1.2-16": ["A Will without Will Retain is not kept [MQTT-3.1.2-14] v4"],
  "MQTT-3.1.2-17": ["A Will with Will Retain is kept [MQTT-3.1.2-15] v4"],
  "MQTT-3.1.2-18": [
    "CONNECT with a User Name and no flag for it [MQTT-3.1.2-16] [MQTT-3.1.2-18 of 3.1.1] is refused v4",
  ],
  "MQTT-3.1.2-19": ["CONNECT with a flag and no User Name [MQTT-3.1.2-17] [MQTT-3.1.2-19 of 3.1.1] is refused v4"],
  "MQTT-3.1.2-20": [
    "CONNECT with a Password and no flag for it [MQTT-3.1.2-18] [MQTT-3.1.2-20 of 3.1.1] is refused v4",
  ],
  "MQTT-3.1.2-21": ["CONNECT with a flag and no Password [MQTT-3.1.2-19] [MQTT-3.1.2-21 of 3.1.1] is refused v4"],
  "MQTT-3.1.2-22": ["A Password without a User Name is refused without a word [MQTT-3.1.2-22 of 3.1.1] v4"],
  "MQTT-3.1.2-23": "client duty",
  "MQTT-3.1.2-24": [
    "One and a half times Keep Alive without a packet ends the connection within 500 ms, MQTT 5 is told 0x8D [MQTT-3.1.2-22] v4",
    "The Will is published when Keep Alive has passed [MQTT-3.1.2-22] v4",
  ],
  "MQTT-3.1.3-1": ["decode CONNECT with every field [MQTT-3.1.3-1] v4"],
  "MQTT-3.1.3-2": [
    "A session is present when the client comes back [MQTT-3.2.2-3] v4",
    "Client Identifiers differ in case v4",
  ],
  "MQTT-3.1.3-3": ["CONNECT with no Client Identifier [MQTT-3.1.3-3] is refused v4"],
  "MQTT-3.1.3-4": ["CONNECT with a Client Identifier that is not UTF-8 [MQTT-3.1.3-4] is refused v4"],
  "MQTT-3.1.3-5": [
    "All letters and digits may stand in a Client Identifier, from 1 to 23 of them [MQTT-3.1.3-5] v4",
    "A Client Identifier of 23 characters is accepted [MQTT-3.1.3-5] v4",
  ],
  "MQTT-3.1.3-6": ["An empty Client Identifier with Clean Session 1 is accepted [MQTT-3.1.3-6] v4"],
  "MQTT-3.1.3-7": ["An empty Client Identifier with Clean Session 0 is refused with 0x02 [MQTT-3.1.3-8] v4"],
  "MQTT-3.1.3-8": ["An empty Client Identifier with Clean Session 0 is refused with 0x02 [MQTT-3.1.3-8] v4"],
  "MQTT-3.1.3-9": ["A Client Identifier that is too long is refused with 0x02 v4"],
  "MQTT-3.1.3-10": ["CONNECT with a Will Topic that is not UTF-8 [MQTT-3.1.3-11] is refused v4"],
  "MQTT-3.1.3-11": ["CONNECT with a User Name that is not UTF-8 [MQTT-3.1.3-12] is refused v4"],
  "MQTT-3.1.4-1": [
    "CONNECT with the reserved Connect Flag [MQTT-3.1.2-3] is refused v4",
    "CONNECT with a User Name and no flag for it [MQTT-3.1.2-16] [MQTT-3.1.2-18 of 3.1.1] is refused v4",
  ],
  "MQTT-3.1.4-2": [
    "A second connection with the same Client Identifier takes the session over [MQTT-3.1.4-3] v4",
    "A Client Identifier may be used again by a connection of another version [MQTT-3.1.4-3] [MQTT-3.1.4-2 of 3.1.1] v4",
  ],
  "MQTT-3.1.4-3": [
    "Clean Start ends the session that was there [MQTT-3.1.2-4] [MQTT-3.2.2-2] v4",
    "A session is present when the client comes back [MQTT-3.2.2-3] v4",
  ],
  "MQTT-3.1.4-4": ["CONNECT is answered with CONNACK [MQTT-3.1.4-5] v4"],
  "MQTT-3.1.4-5": [
    "An authenticator that refuses lets nobody in, and what is pipelined is not looked at [MQTT-3.1.4-6]",
    "CONNACK that refuses has no Session Present, and leaves the session alone [MQTT-3.2.2-6] [MQTT-3.2.2-7] v4",
  ],
  "MQTT-3.2.0-1": [
    "CONNECT is answered with CONNACK [MQTT-3.1.4-5] v4",
    "Packets pipelined behind CONNECT are served in order [MQTT-3.1.4-6] v4",
    "Messages with QoS 1 and 2 wait for the client in order, QoS 0 does not [MQTT-3.1.2-5] [MQTT-4.5.0-1] v4",
  ],
  "MQTT-3.2.2-1": ["Clean Start ends the session that was there [MQTT-3.1.2-4] [MQTT-3.2.2-2] v4"],
  "MQTT-3.2.2-2": ["A session is present when the client comes back [MQTT-3.2.2-3] v4"],
  "MQTT-3.2.2-3": [
    "A session is present when the client comes back [MQTT-3.2.2-3] v4",
    "A session of Clean Session 1 ends with its connection (section 3.1.2.4) v4",
  ],
  "MQTT-3.2.2-4": [
    "CONNACK that refuses has no Session Present, and leaves the session alone [MQTT-3.2.2-6] [MQTT-3.2.2-7] v4",
  ],
  "MQTT-3.2.2-5": [
    "CONNACK that refuses has no Session Present, and leaves the session alone [MQTT-3.2.2-6] [MQTT-3.2.2-7] v4",
    "A connection above the limit is refused with 0x03 v4",
  ],
  "MQTT-3.2.2-6": [
    "What no return code can say ends the connection without CONNACK [MQTT-3.2.2-6 of 3.1.1] v4",
    "connackReturnCode() of PacketTooLarge is none [MQTT-3.2.2-6]",
  ],
  "MQTT-3.3.1-1": [
    "PUBLISH without PUBACK is sent again with its Packet Identifier and DUP [MQTT-4.4.0-1] [MQTT-3.3.1-1] v4",
  ],
  "MQTT-3.3.1-2": [
    "PUBLISH with DUP and QoS 0 [MQTT-3.3.1-2] ends the connection v4",
    "encode refuses DUP with QoS 0 [MQTT-3.3.1-2] v4",
  ],
  "MQTT-3.3.1-3": ["DUP is not passed on [MQTT-3.3.1-3] v4"],
  "MQTT-3.3.1-4": [
    "PUBLISH with QoS 3 [MQTT-3.3.1-4] ends the connection v4",
    "decode PUBLISH QoS 3 [MQTT-3.3.1-4] v4",
  ],
  "MQTT-3.3.1-5": [
    "A retained message comes behind SUBACK with RETAIN [MQTT-3.3.1-5] v4",
    "A retained message comes with the lower QoS of message and subscription [MQTT-3.8.4-8] v4",
  ],
  "MQTT-3.3.1-6": [
    "A retained message comes behind SUBACK with RETAIN [MQTT-3.3.1-5] v4",
    "Retained messages come for the filters of this SUBSCRIBE only [MQTT-3.3.1-9] v4",
  ],
  "MQTT-3.3.1-7": ["A later retained message replaces the one that was there [MQTT-3.3.1-5] v4"],
  "MQTT-3.3.1-8": ["A retained message comes behind SUBACK with RETAIN [MQTT-3.3.1-5] v4"],
  "MQTT-3.3.1-9": [
    "A message goes to those who are subscribed without RETAIN, and with it only by Retain As Published [MQTT-3.3.1-12] v4",
  ],
  "MQTT-3.3.1-10": [
    "An empty payload with RETAIN removes the retained message and is delivered [MQTT-3.3.1-6] [MQTT-3.3.1-7] v4",
  ],
  "MQTT-3.3.1-11": [
    "An empty payload with RETAIN removes the retained message and is delivered [MQTT-3.3.1-6] [MQTT-3.3.1-7] v4",
  ],
  "MQTT-3.3.1-12": ["A message without RETAIN leaves the retained one alone [MQTT-3.3.1-8] v4"],
  "MQTT-3.3.2-1": [
    "A Topic Name that is not UTF-8 [MQTT-1.5.4-1] [MQTT-3.3.2-1] ends the connection v4",
    "decode PUBLISH that ends within its topic [MQTT-3.3.2-1] v4",
  ],
  "MQTT-3.3.2-2": [
    "A wildcard in a Topic Name [MQTT-3.3.2-2] [MQTT-4.7.0-1] ends the connection v4",
    '"+" is no Topic Name to publish to, and ends the connection [MQTT-3.3.2-2] [MQTT-4.7.0-1] v4',
    '"a+" is no Topic Name to publish to, and ends the connection [MQTT-3.3.2-2] [MQTT-4.7.0-1] v4',
    '"#" is no Topic Name to publish to, and ends the connection [MQTT-3.3.2-2] [MQTT-4.7.0-1] v4',
    '"a#b" is no Topic Name to publish to, and ends the connection [MQTT-3.3.2-2] [MQTT-4.7.0-1] v4',
  ],
  "MQTT-3.3.2-3": [
    "`+` stands for one level, `#` for any number and the parent [MQTT-4.7.1-1] [MQTT-4.7.1-2] v4",
    "Topics match as they are written: no normal form, no case, no slash is added [MQTT-4.7.3-4] v4",
  ],
  "MQTT-3.3.4-1": [
    "QoS 0 is delivered and not answered [MQTT-4.3.1-1] v4",
    "QoS 1 is answered with PUBACK of the same Packet Identifier, and delivered [MQTT-4.3.2-4] [MQTT-2.2.1-5] v4",
    "QoS 2 goes PUBLISH, PUBREC, PUBREL, PUBCOMP on both sides [MQTT-4.3.3-8] [MQTT-4.3.3-11] v4",
  ],
  "MQTT-3.3.5-1": ["Overlapping filters deliver one copy with the highest QoS [MQTT-3.3.4-2] v4"],
  "MQTT-3.3.5-2": [
    "A PUBLISH that is not allowed is answered with 40 [ 0001 ] and goes to nobody [MQTT-3.3.5-2 of 3.1.1] v4",
    "A PUBLISH that is not allowed is answered with 50 [ 0002 ] 70 [ 0002 ] and goes to nobody [MQTT-3.3.5-2 of 3.1.1] v4",
    "An authorizer that refuses, late: 0x87, in order, and nothing is delivered v4",
  ],
  "MQTT-3.6.1-1": ["PUBREL with flags 0000 [MQTT-3.6.1-1] ends the connection v4"],
  "MQTT-3.8.1-1": ["SUBSCRIBE with flags 0000 [MQTT-3.8.1-1] [MQTT-2.2.2-2 of 3.1.1] ends the connection v4"],
  "MQTT-3.8.3-1": ["A Topic Filter that is not UTF-8 [MQTT-3.8.3-1] ends the connection v4"],
  "MQTT-3.8.3-2": "not observable: Topic Filters with wildcards are supported",
  "MQTT-3.8.3-3": ["SUBSCRIBE without a Topic Filter [MQTT-3.8.3-2] [MQTT-3.8.3-3 of 3.1.1] ends the connection v4"],
  "MQTT-3.8.3-4": [
    "SUBSCRIBE with QoS 3 (section 3.8.3.1) [MQTT-3.8.3-4 of 3.1.1] ends the connection v4",
    "Reserved bits of Subscription Options are malformed [MQTT-3.8.3-5] v4",
    "The reserved bit 08 of Subscription Options ends the connection [MQTT-3.8.3-5] [MQTT-3.8.3-4 of 3.1.1] v4",
    "The reserved bit 10 of Subscription Options ends the connection [MQTT-3.8.3-5] [MQTT-3.8.3-4 of 3.1.1] v4",
    "The reserved bit 20 of Subscription Options ends the connection [MQTT-3.8.3-5] [MQTT-3.8.3-4 of 3.1.1] v4",
    "The reserved bit 40 of Subscription Options ends the connection [MQTT-3.8.3-5] [MQTT-3.8.3-4 of 3.1.1] v4",
    "The reserved bit 80 of Subscription Options ends the connection [MQTT-3.8.3-5] [MQTT-3.8.3-4 of 3.1.1] v4",
  ],
  "MQTT-3.8.4-1": [
    "SUBSCRIBE is answered with a code for each Topic Filter, in order [MQTT-3.8.4-6] [MQTT-3.9.3-1] v4",
  ],
  "MQTT-3.8.4-2": [
    "SUBSCRIBE is answered with a code for each Topic Filter, in order [MQTT-3.8.4-6] [MQTT-3.9.3-1] v4",
  ],
  "MQTT-3.8.4-3": [
    "A SUBSCRIBE to the same Topic Filter replaces the subscription [MQTT-3.8.4-3] v4",
    "A SUBSCRIBE that replaces a subscription brings the retained messages again [MQTT-3.8.4-4] v4",
    "A SUBSCRIBE that replaces a subscription loses no message [MQTT-3.8.4-4] [MQTT-3.8.4-3 of 3.1.1] v4",
    "Before MQTT 5 a SUBSCRIBE that is repeated brings the rest, then all again [MQTT-3.8.4-3 of 3.1.1] v4",
  ],
  "MQTT-3.8.4-4": [
    "A SUBSCRIBE with the same Topic Filter twice is two in a row [MQTT-3.8.4-5] [MQTT-3.8.4-4 of 3.1.1] v4",
    "One SUBSCRIBE with the same Topic Filter twice brings the retained messages twice [MQTT-3.8.4-5] v4",
    "SUBSCRIBE is answered with a code for each Topic Filter, in order [MQTT-3.8.4-6] [MQTT-3.9.3-1] v4",
  ],
  "MQTT-3.8.4-5": [
    "SUBACK has 0x80 for what is refused, and the QoS that is granted else [MQTT-3.9.3-2 of 3.1.1] [MQTT-3.8.4-5 of 3.1.1] v4",
  ],
  "MQTT-3.8.4-6": [
    "QoS is the lower one of message and subscription [MQTT-3.8.4-8] v4",
    "A retained message comes with the lower QoS of message and subscription [MQTT-3.8.4-8] v4",
  ],
  "MQTT-3.9.3-1": [
    "SUBSCRIBE is answered with a code for each Topic Filter, in order [MQTT-3.8.4-6] [MQTT-3.9.3-1] v4",
  ],
  "MQTT-3.9.3-2": [
    "SUBACK has 0x80 for what is refused, and the QoS that is granted else [MQTT-3.9.3-2 of 3.1.1] [MQTT-3.8.4-5 of 3.1.1] v4",
    "A Topic Filter with too many levels is refused with 0x8F, in MQTT 3.1.1 with 0x80 v4",
  ],
  "MQTT-3.10.1-1": ["UNSUBSCRIBE with flags 0000 [MQTT-3.10.1-1] ends the connection v4"],
  "MQTT-3.10.3-1": ["A Topic Filter of UNSUBSCRIBE that is not UTF-8 [MQTT-3.10.3-1] ends the connection v4"],
  "MQTT-3.10.3-2": ["UNSUBSCRIBE without a Topic Filter [MQTT-3.10.3-2] ends the connection v4"],
  "MQTT-3.10.4-1": [
    "UNSUBSCRIBE compares character by character [MQTT-3.10.4-1] v4",
    "UNSUBSCRIBE stops delivery [MQTT-3.10.4-2] [MQTT-3.10.4-4] v4",
  ],
  "MQTT-3.10.4-2": ["UNSUBSCRIBE stops delivery [MQTT-3.10.4-2] [MQTT-3.10.4-4] v4"],
  "MQTT-3.10.4-3": ["UNSUBSCRIBE does not stop a delivery that has begun [MQTT-3.10.4-3] v4"],
  "MQTT-3.10.4-4": ["UNSUBSCRIBE stops delivery [MQTT-3.10.4-2] [MQTT-3.10.4-4] v4"],
  "MQTT-3.10.4-5": [
    "UNSUBSCRIBE of several Topic Filters is answered once, also when none is deleted [MQTT-3.10.4-5] [MQTT-3.10.4-6] v4",
    "UNSUBSCRIBE compares character by character [MQTT-3.10.4-1] v4",
  ],
  "MQTT-3.10.4-6": [
    "UNSUBSCRIBE of several Topic Filters is answered once, also when none is deleted [MQTT-3.10.4-5] [MQTT-3.10.4-6] v4",
  ],
  "MQTT-3.12.4-1": ["PINGREQ is answered with PINGRESP [MQTT-3.12.4-1] v4"],
  "MQTT-3.14.1-1": ["DISCONNECT with flags 0001 [MQTT-3.14.1-1] ends the connection v4"],
  "MQTT-3.14.4-1": "client duty",
  "MQTT-3.14.4-2": ["A packet behind DISCONNECT is not looked at [MQTT-3.14.4-1] v4"],
  "MQTT-3.14.4-3": ["DISCONNECT removes the Will [MQTT-3.14.4-3] [MQTT-3.1.2-10] v4"],
  "MQTT-4.1.0-1": [
    "A session lasts while its connection is open, however long that is [MQTT-4.1.0-1] [MQTT-4.1.0-2 of 3.1.1] v4",
    "A session of Clean Session 0 is there whether the connection was lost or not [MQTT-3.1.2-4 of 3.1.1] v4",
    "A session of Clean Session 0 before MQTT 5 does not expire v4",
  ],
  "MQTT-4.1.0-2": [
    "A session lasts while its connection is open, however long that is [MQTT-4.1.0-1] [MQTT-4.1.0-2 of 3.1.1] v4",
  ],
  "MQTT-4.3.1-1": [
    "QoS 0 is delivered and not answered [MQTT-4.3.1-1] v4",
    "QoS 0 is not answered, also where it is refused [MQTT-4.3.1-1] v4",
  ],
  "MQTT-4.3.2-1": [
    "QoS 1 is answered with PUBACK of the same Packet Identifier, and delivered [MQTT-4.3.2-4] [MQTT-2.2.1-5] v4",
    "PUBLISH without PUBACK is sent again with its Packet Identifier and DUP [MQTT-4.4.0-1] [MQTT-3.3.1-1] v4",
    "Inflight.add() goes from 65,535 to 1 and passes over what is in use [MQTT-2.2.1-4]",
  ],
  "MQTT-4.3.2-2": [
    "QoS 1 is answered with PUBACK of the same Packet Identifier, and delivered [MQTT-4.3.2-4] [MQTT-2.2.1-5] v4",
    "QoS 1 PUBLISH with the same Packet Identifier is a new message each time [MQTT-4.3.2-5] v4",
  ],
  "MQTT-4.3.3-1": [
    "QoS 2 goes PUBLISH, PUBREC, PUBREL, PUBCOMP on both sides [MQTT-4.3.3-8] [MQTT-4.3.3-11] v4",
    "PUBREL is sent again, not PUBLISH, once PUBREC came [MQTT-4.3.3-6] [MQTT-4.4.0-1] v4",
    "A PUBREC that is repeated is answered with PUBREL again [MQTT-4.3.3-4] [MQTT-4.3.3-5] v4",
    "Inflight.add() goes from 65,535 to 1 and passes over what is in use [MQTT-2.2.1-4]",
  ],
  "MQTT-4.3.3-2": [
    "QoS 2 goes PUBLISH, PUBREC, PUBREL, PUBCOMP on both sides [MQTT-4.3.3-8] [MQTT-4.3.3-11] v4",
    "QoS 2 PUBLISH that is repeated before PUBREL is answered and not delivered again [MQTT-4.3.3-10] v4",
    "A Packet Identifier is new again behind PUBCOMP, whatever DUP says [MQTT-4.3.3-12] v4",
    "A message with QoS 2 is delivered once, however often PUBREL is repeated [MQTT-4.3.3-10] [MQTT-4.3.3-11] v4",
  ],
  "MQTT-4.4.0-1": [
    "PUBLISH without PUBACK is sent again with its Packet Identifier and DUP [MQTT-4.4.0-1] [MQTT-3.3.1-1] v4",
    "PUBREL is sent again, not PUBLISH, once PUBREC came [MQTT-4.3.3-6] [MQTT-4.4.0-1] v4",
  ],
  "MQTT-4.5.0-1": [
    "Messages with QoS 1 and 2 wait for the client in order, QoS 0 does not [MQTT-3.1.2-5] [MQTT-4.5.0-1] v4",
    "A message reaches its own publisher [MQTT-4.5.0-1] v4",
    "A message is added to the session of each client that has subscribed to it, there or not [MQTT-4.5.0-1] v4",
  ],
  "MQTT-4.5.0-2": "client duty",
  "MQTT-4.6.0-1": [
    "PUBLISH without PUBACK is sent again with its Packet Identifier and DUP [MQTT-4.4.0-1] [MQTT-3.3.1-1] v4",
  ],
  "MQTT-4.6.0-2": [
    "Messages with QoS 1 and 2 wait for the client in order, QoS 0 does not [MQTT-3.1.2-5] [MQTT-4.5.0-1] v4",
  ],
  "MQTT-4.6.0-3": ["Messages of one publisher keep their order [MQTT-4.6.0-5] v4"],
  "MQTT-4.6.0-4": ["PUBREL goes out in the order of PUBREC [MQTT-4.6.0-4] v4"],
  "MQTT-4.6.0-5": [
    "Messages of one publisher keep their order [MQTT-4.6.0-5] v4",
    "Random clients over random connections get what a model says: QoS 1 at least once, QoS 2 once and in order",
  ],
  "MQTT-4.6.0-6": [
    "Messages of one publisher keep their order [MQTT-4.6.0-5] v4",
    "PUBLISH without PUBACK is sent again with its Packet Identifier and DUP [MQTT-4.4.0-1] [MQTT-3.3.1-1] v4",
    "Messages that wait come in the order in which they were published, each topic on its own [MQTT-4.6.0-6] v4",
    "A message that comes while a page is read goes behind it, though it could be sent [MQTT-4.6.0-6]",
  ],
  "MQTT-4.7.1-1": [
    "A wildcard in a Topic Name [MQTT-3.3.2-2] [MQTT-4.7.0-1] ends the connection v4",
    "decode CONNECT with a wildcard in Will Topic [MQTT-4.7.0-1] v4",
    '"+" is no Topic Name to publish to, and ends the connection [MQTT-3.3.2-2] [MQTT-4.7.0-1] v4',
    '"a+" is no Topic Name to publish to, and ends the connection [MQTT-3.3.2-2] [MQTT-4.7.0-1] v4',
    '"#" is no Topic Name to publish to, and ends the connection [MQTT-3.3.2-2] [MQTT-4.7.0-1] v4',
    '"a#b" is no Topic Name to publish to, and ends the connection [MQTT-3.3.2-2] [MQTT-4.7.0-1] v4',
  ],
  "MQTT-4.7.1-2": [
    "`+` stands for one level, `#` for any number and the parent [MQTT-4.7.1-1] [MQTT-4.7.1-2] v4",
    '"a/#/b" is not a Topic Filter [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.8.2-1] [MQTT-4.8.2-2] v4',
    '"a/b#" is not a Topic Filter [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.8.2-1] [MQTT-4.8.2-2] v4',
    '"a#" is not a Topic Filter [MQTT-4.7.1-1] [MQTT-4.7.3-1] [MQTT-4.8.2-1]',
    '"#a" is not a Topic Filter [MQTT-4.7.1-1] [MQTT-4.7.3-1] [MQTT-4.8.2-1]',
    '"#/" is not a Topic Filter [MQTT-4.7.1-1] [MQTT-4.7.3-1] [MQTT-4.8.2-1]',
    '"##" is not a Topic Filter [MQTT-4.7.1-1] [MQTT-4.7.3-1] [MQTT-4.8.2-1]',
  ],
  "MQTT-4.7.1-3": [
    "`+` stands for one level, `#` for any number and the parent [MQTT-4.7.1-1] [MQTT-4.7.1-2] v4",
    '"a+" is not a Topic Filter [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.8.2-1] [MQTT-4.8.2-2] v4',
    '"+" has `+` for a level of its own, wherever that is [MQTT-4.7.1-2] [MQTT-4.7.1-3 of 3.1.1] v4',
    '"+/b/c" has `+` for a level of its own, wherever that is [MQTT-4.7.1-2] [MQTT-4.7.1-3 of 3.1.1] v4',
    '"c/b/+" has `+` for a level of its own, wherever that is [MQTT-4.7.1-2] [MQTT-4.7.1-3 of 3.1.1] v4',
    '"e/+/c/+/e/+" has `+` for a level of its own, wherever that is [MQTT-4.7.1-2] [MQTT-4.7.1-3 of 3.1.1] v4',
    '"/+" has `+` for a level of its own, wherever that is [MQTT-4.7.1-2] [MQTT-4.7.1-3 of 3.1.1] v4',
    '"+a" has a wildcard beside others in a level: it ends the connection [MQTT-4.7.1-1] [MQTT-4.7.1-2] v4',
    '"b/+a" has a wildcard beside others in a level: it ends the connection [MQTT-4.7.1-1] [MQTT-4.7.1-2] v4',
    '"b/a+/c" has a wildcard beside others in a level: it ends the connection [MQTT-4.7.1-1] [MQTT-4.7.1-2] v4',
    '"++" has a wildcard beside others in a level: it ends the connection [MQTT-4.7.1-1] [MQTT-4.7.1-2] v4',
  ],
  "MQTT-4.7.2-1": [
    "A filter that starts with a wildcard does not match topics that start with $ [MQTT-4.7.2-1] v4",
    "A retained message of a topic that starts with $ does not match a filter that starts with a wildcard [MQTT-4.7.2-1] v4",
  ],
  "MQTT-4.7.3-1": [
    "An empty Topic Filter [MQTT-4.7.3-1] ends the connection v4",
    "decode CONNECT with an empty Will Topic [MQTT-4.7.3-1] v4",
  ],
  "MQTT-4.7.3-2": [
    "U+0000 in a Topic Name [MQTT-1.5.4-2] [MQTT-4.7.3-2] ends the connection v4",
    "U+0000 in a Topic Filter [MQTT-1.5.4-2] [MQTT-4.7.3-2] ends the connection v4",
  ],
  "MQTT-4.7.3-3": [
    "A Topic Name of 65,535 bytes is delivered [MQTT-4.7.3-3] v4",
    "encode refuses a topic of 65,536 bytes [MQTT-4.7.3-3] v4",
  ],
  "MQTT-4.7.3-4": ["Topics match as they are written: no normal form, no case, no slash is added [MQTT-4.7.3-4] v4"],
  "MQTT-4.8.0-1": [
    "What is malformed ends the connection without a word before MQTT 5 v4",
    "A second CONNECT ends the connection, MQTT 5 is told 0x82 [MQTT-3.1.0-2] v4",
    "PUBACK for a message of QoS 2 ends the connection [MQTT-4.13.1-1] [MQTT-4.8.0-1 of 3.1.1] v4",
    "PUBCOMP before PUBREC for a message of QoS 2 ends the connection [MQTT-4.13.1-1] [MQTT-4.8.0-1 of 3.1.1] v4",
  ],
  "MQTT-4.8.0-2": [
    "What waits for a commit that fails never leaves: the connection is closed, MQTT 5 is told 0x83",
    "A session that cannot be read is refused with 0x88, and is there when it can",
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
  ],
  "MQTT-6.0.0-4": [
    'listener answers the subprotocols "mqttv3.1, mqtt", seeds 1-3, 2-7 [MQTT-6.0.0-3] with 101',
    "listener answers the request of article 001, seed 1-1 with 101",
  ],
  "MQTT-7.0.0-1": "not observable: the broker makes no outbound connections",
  "MQTT-7.0.0-2": "not observable: what needs no extension is shown by the clients of others in tests/interop",
  "MQTT-7.1.1-1": [
    "TCP read gives the bytes of any pattern of writes, in chunks that stay as they were handed out",
    "listenUnix() carries MQTT and names both ends",
    "One packet over many messages is one packet [MQTT-6.0.0-2]",
  ],
  "MQTT-7.1.2-1": "client duty",
};
