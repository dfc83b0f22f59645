/** Options of a broker that change what clients hear. */

import { converse } from "../wire/conversation.ts";

Deno.test("A payload that is not UTF-8 as its indicator says is refused, where that is checked (section 3.3.2.3.2)", () =>
  converse(5, { checksPayloadFormat: true }, (conversation) =>
    conversation.run(
      "a connects",
      "b connects",
      "b > 82 [ 0001 {} 'x' 02 ]",
      "b < 90 [ 0001 {} 02 ]",
      "a > 32 [ 'x' 0001 { 01 01 } ff fe ]",
      "a < 40 [ 0001 99 ]",
      "a > 34 [ 'x' 0002 { 01 01 } ff fe ]",
      "a < 50 [ 0002 99 ]",
      "a > 32 [ 'x' 0003 { 01 00 } ff fe ]", // 0 says nothing of the payload.
      "a < 40 02 0003",
      "b < 32 [ 'x' 0001 { 01 00 } ff fe ]",
      "a > 30 [ 'x' { 01 01 } \"text\" ]",
      "b < 30 [ 'x' { 01 01 } \"text\" ]",
      "a > 30 [ 'x' { 01 01 } ff fe ]",
      "a told e0 99",
      "c > 10 [ @ 06 0000 {} 'c' { 01 01 } 'will' 0002 ff fe ]",
      "c told 20 00 99",
    )));

Deno.test("A payload is passed on as it is, where its format is not checked [MQTT-3.3.2-4]", () =>
  converse(5, {}, (conversation) =>
    conversation.run(
      "a connects",
      "a > 82 [ 0001 {} 'x' 00 ]",
      "a < 90 [ 0001 {} 00 ]",
      "a > 30 [ 'x' { 01 01 } ff fe ]",
      "a < 30 [ 'x' { 01 01 } ff fe ]",
    )));

Deno.test("Response Information goes to a client that asks for it, and to no other [MQTT-3.1.2-28]", () =>
  converse(5, { responseInformation: (clientId) => `responses/${clientId}` }, (conversation) =>
    conversation.run(
      "a > 10 [ @ 02 0000 { 19 01 } 'a' ]",
      "a < 20 [ 00 00 { 1a 'responses/a' LIMITS } ]",
      "b > 10 [ @ 02 0000 { 19 00 } 'b' ]",
      "b < 20 [ 00 00 { LIMITS } ]",
      "c > 10 [ @ 02 0000 {} 'c' ]",
      "c < 20 [ 00 00 { LIMITS } ]",
    )));
