/** Reason Strings that quote what a client sent, or come from a hook, are cut: they have to fit into a packet. */

import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { type Conversation, converse } from "../wire/conversation.ts";

const LONG_TEXTS = [
  { name: "of letters", text: "x".repeat(65_500) },
  { name: "whose Reason String would be cut within a character", text: "y" + "\u{1f41f}".repeat(16_000) },
  { name: "whose Reason String would be cut within a character, shifted", text: "\u{1f41f}".repeat(16_000) },
];
for (const { name, text } of LONG_TEXTS) {
  Deno.test(`A Topic Filter that is wrong and long, ${name}, ends the connection with 0x8F [MQTT-4.7.1-1]`, () =>
    converse(5, {}, async (conversation) => {
      for (const [client, packet] of [["s", `82 [ 0001 [] 'a#${text}' 00 ]`], ["t", `a2 [ 0001 [] 'a#${text}' ]`]]) {
        await conversation.run(`${client} connects`, `${client} > ${packet}`);
        await expectLongReason(conversation, client ?? "", 0xe0, [0x8f]);
      }
    }));

  Deno.test(`A Will with a long Topic Name, ${name}, that its client may not publish is refused with 0x87`, () =>
    converse(5, { authorizer: { authorize: () => false } }, async (conversation) => {
      await conversation.run(`s > 10 [ @ 06 0000 [] 's' [] '${text}' 'gone' ]`);
      await expectLongReason(conversation, "s", 0x20, [0x00, 0x87]);
    }));

  Deno.test(`A reason of an authenticator that is long, ${name}, is cut`, () => {
    const refusal = { isAccepted: false, reasonCode: 0x87, reason: text } as const;
    return converse(5, { authenticator: { authenticate: () => refusal } }, async (conversation) => {
      await conversation.run("s > 10 [ @ 02 0000 [] 's' ]");
      await expectLongReason(conversation, "s", 0x20, [0x00, 0x87]);
    });
  });
}

/** The last packet starts with these bytes, and has a Reason String that is not too long and has no broken character. */
async function expectLongReason(
  conversation: Conversation,
  name: string,
  firstByte: number,
  head: readonly number[],
): Promise<void> {
  const client = conversation.client(name);
  await client.ended;
  client.isConnected = false;
  let { unread } = client;
  if (unread[0] === 0x20 && firstByte === 0xe0) unread = unread.subarray(2 + (unread[1] ?? 0));
  let at = 1;
  const variableByteInteger = () => {
    const low = unread[at++] ?? 0;
    return low < 0x80 ? low : (low & 0x7f) + (unread[at++] ?? 0) * 0x80;
  };
  assertEquals(unread[0], firstByte);
  assertEquals(variableByteInteger(), unread.length - at);
  assertEquals([...unread.subarray(at, at + head.length)], [...head]);
  at += head.length;
  assertEquals(variableByteInteger(), unread.length - at);
  assertEquals([unread[at], (unread[at + 1] ?? 0) * 256 + (unread[at + 2] ?? 0)], [0x1f, unread.length - at - 3]);
  const reason = new TextDecoder("utf-8", { fatal: true }).decode(unread.subarray(at + 3));
  assertLess(reason.length, 300);
  assertGreater(reason.length, 100);
}
