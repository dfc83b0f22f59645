import { assertEquals } from "@std/assert";
import { MessageLog } from "../../../src/admin/page/tool_messages.ts";
import { Message } from "../../../src/codec/message.ts";

function message(topic: string, bytes = 1): Message {
  return new Message({
    topic,
    payload: new Uint8Array(bytes),
    qos: 0,
    retain: false,
    properties: {},
  });
}

Deno.test("MessageLog keeps 500 messages, and counts those that go", () => {
  const log = new MessageLog();
  for (let number = 1; number <= 1_234; number++) {
    log.add(message(`t/${number}`), "t/#", number);
  }
  assertEquals([log.messages.length, log.count, log.dropped], [
    500,
    1_234,
    734,
  ]);
  assertEquals([log.messages[0]?.number, log.messages.at(-1)?.message.topic], [
    735,
    "t/1234",
  ]);
  log.clear();
  assertEquals([log.messages.length, log.count, log.dropped], [0, 0, 0]);
});

Deno.test("MessageLog keeps 4 MiB, and the last message in any case", () => {
  const log = new MessageLog();
  for (let number = 1; number <= 10; number++) {
    log.add(message("a", 1_000_000), "a", number);
  }
  assertEquals([log.messages.length, log.dropped], [4, 6]);
  log.add(message("a", 10_000_000), "a", 11);
  assertEquals([log.messages.length, log.messages[0]?.number], [1, 11]);
});
