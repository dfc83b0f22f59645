import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { encodePacket, type Packet, TopicInterner } from "../../src/codec/mod.ts";
import { packetIdentifierOffset } from "../../src/protocol/message.ts";
import { Outbox } from "../../src/protocol/outbox.ts";
import { toHex } from "../codec/hex.ts";
import { seededTest } from "../seeded.ts";

const PING: Packet = { type: "pingresp" };
const PING_HEX = "d000";
/** With QoS 1, Packet Identifier 1 and no payload. */
const PUBLISH_PACKET: Packet = {
  type: "publish",
  dup: false,
  qos: 1,
  retain: false,
  topic: "t",
  packetIdentifier: 1,
  payload: new Uint8Array(),
  properties: {},
};
const PUBLISH = encodePacket(PUBLISH_PACKET, 4);

Deno.test("Outbox.take() gives packets and frames in the order in which they were pushed", () => {
  const outbox = newOutbox();
  const shared = Uint8Array.of(9, 1, 2, 3, 9);
  outbox.push(PING);
  outbox.pushShared(shared.buffer, 1, 4);
  outbox.push(puback(7));
  assertEquals(outbox.bytes, 2 + 3 + 4);
  assertEquals(taken(outbox), `${PING_HEX}01020340020007`);
  assertEquals(outbox.bytes, 0);
  assertEquals(taken(outbox), "");
});

Deno.test("Outbox.push() gives the bytes of encodePacket(), with and without a buffer of its own", () => {
  const connack = { type: "connack", sessionPresent: false, reasonCode: 0x00, properties: {} } as const;
  const packets: readonly Packet[] = [
    PING,
    connack,
    { ...connack, sessionPresent: true },
    { ...connack, reasonCode: 0x87 },
  ];
  for (const version of [3, 4, 5] as const) {
    for (const packet of packets) {
      const outbox = newOutbox();
      outbox.version = version;
      const hex = toHex(encodePacket(packet, version));
      outbox.push(packet);
      outbox.push(puback(7));
      outbox.push(packet);
      assertEquals(taken(outbox), `${hex}40020007${hex}`);
    }
  }
});

Deno.test("Outbox.take() gives frames that lie side by side as one view, without a copy", () => {
  const outbox = newOutbox();
  const { buffer } = Uint8Array.of(0, 1, 2, 3, 4, 5);
  outbox.pushShared(buffer, 1, 3);
  outbox.pushShared(buffer, 3, 5);
  const bytes = outbox.take(0);
  assertStrictEquals(bytes?.buffer, buffer);
  assertEquals([bytes?.byteOffset, bytes?.length], [1, 4]);
});

Deno.test("Outbox.take() does not join frames of a buffer that do not lie side by side, or in another order", () => {
  const outbox = newOutbox();
  const { buffer } = Uint8Array.of(0, 1, 2, 3, 4, 5);
  outbox.pushShared(buffer, 3, 5);
  outbox.pushShared(buffer, 1, 3);
  outbox.pushShared(buffer, 4, 6);
  assertEquals(taken(outbox), "030401020405");
});

Deno.test("What Outbox.take() gave stays as it is when more is pushed", () => {
  const outbox = newOutbox();
  const views: Uint8Array[] = [];
  for (let identifier = 1; identifier <= 500; identifier++) {
    outbox.push(puback(identifier));
    views.push(outbox.take(0) ?? new Uint8Array());
  }
  assertEquals(views.map(toHex), views.map((_, index) => `4002${(index + 1).toString(16).padStart(4, "0")}`));
});

Deno.test("What is held leaves when its sequence is durable, and what is behind it with it", () => {
  const outbox = newOutbox();
  outbox.push(puback(1));
  outbox.push(puback(2), 5);
  outbox.push(PING);
  outbox.push(puback(3), 9);
  outbox.push(puback(4), 9);
  assertEquals(taken(outbox, 4), "40020001");
  assertEquals(taken(outbox, 4), "");
  assertEquals(taken(outbox, 5), `40020002${PING_HEX}`);
  assertEquals(taken(outbox, 8), "");
  outbox.push(PING);
  assertEquals(taken(outbox, 9), `4002000340020004${PING_HEX}`);
});

Deno.test("Outbox counts packets, PUBLISH among them and their payloads until its reader takes the counts", () => {
  const outbox = newOutbox();
  const counts = () => [outbox.packets, outbox.publishes, outbox.payloadBytes];
  assertEquals([...counts(), outbox.isCut], [0, 0, 0, false]);
  const publish: Packet = {
    type: "publish",
    dup: false,
    qos: 1,
    retain: false,
    topic: "t",
    packetIdentifier: 1,
    payload: new Uint8Array(5),
    properties: {},
  };
  const frame = encodePacket(publish, 4);
  outbox.push(PING);
  assertEquals(counts(), [1, 0, 0]);
  outbox.push(publish);
  assertEquals(counts(), [2, 1, 5]);
  outbox.pushShared(frame.buffer, 0, frame.length, 5);
  assertEquals(counts(), [3, 2, 10]);
  outbox.pushShared(frame.buffer, 0, frame.length);
  assertEquals(counts(), [4, 3, 10]);
  outbox.pushPublish(frame, 5, packetIdentifierOffset(frame), 9, false);
  assertEquals(counts(), [5, 4, 15]);
  outbox.close();
  outbox.push(PING);
  outbox.pushShared(frame.buffer, 0, frame.length, 5);
  outbox.pushPublish(frame, 5, packetIdentifierOffset(frame), 9, false);
  assertEquals(counts(), [5, 4, 15]);
});

Deno.test("Outbox waits for nothing where nothing is said of a change", () => {
  const outbox = newOutbox();
  const frame = encodePacket({ ...PING }, 4);
  outbox.push(puback(1));
  outbox.pushPublish(PUBLISH, 0, packetIdentifierOffset(PUBLISH), 9, false);
  outbox.pushShared(frame.buffer, frame.byteOffset, frame.byteOffset + frame.length);
  assertEquals(taken(outbox, 0), "4002000132050001740009d000");
});

Deno.test("Outbox keeps no buffer of its own for a connection that only gets CONNACK and PINGRESP", () => {
  const connack: Packet = { type: "connack", sessionPresent: false, reasonCode: 0x00, properties: {} };
  for (const packet of [connack, PING]) {
    const outbox = newOutbox();
    outbox.push(packet);
    assertEquals(outbox.take(0)?.buffer.byteLength, encodePacket(packet, 4).buffer.byteLength);
  }
  const outbox = newOutbox();
  outbox.push(puback(1));
  const first = outbox.take(0);
  outbox.push(PING);
  assertStrictEquals(outbox.take(0)?.buffer, first?.buffer);
});

Deno.test("Outbox.isHeldBetween() knows what waits", () => {
  const outbox = newOutbox();
  outbox.push(puback(1));
  outbox.push(puback(2), 5);
  assertEquals(outbox.isHeldBetween(4, 5), true);
  assertEquals(outbox.isHeldBetween(0, 9), true);
  assertEquals(outbox.isHeldBetween(5, 9), false);
  assertEquals(outbox.isHeldBetween(0, 4), false);
  outbox.take(9);
  assertEquals(outbox.isHeldBetween(0, 9), false);
});

Deno.test("Outbox.pushPublish() sets Packet Identifier and DUP without writing to the frame that others share", () => {
  for (const payloadBytes of [0, 10, 2_047, 2_048, 100_000]) {
    const outbox = newOutbox();
    const frame = publish(payloadBytes);
    const before = toHex(frame);
    const offset = packetIdentifierOffset(frame);
    outbox.pushPublish(frame, payloadBytes, offset, 0x1234, false);
    outbox.push(PING);
    outbox.pushPublish(frame, payloadBytes, offset, 0xffff, true, 3);
    const plain = frame.slice();
    plain.set([0x12, 0x34], offset);
    const repeated = frame.slice();
    repeated.set([0xff, 0xff], offset);
    repeated[0] = (repeated[0] ?? 0) | 0x08;
    assertEquals(taken(outbox, 2), toHex(plain) + PING_HEX, `${payloadBytes} bytes`);
    assertEquals(taken(outbox, 3), toHex(repeated), `${payloadBytes} bytes, DUP`);
    assertEquals(toHex(frame), before);
  }
});

Deno.test("Outbox.pushPublish() copies a payload of less than 2,048 bytes, and shares a larger one", () => {
  for (const [payloadBytes, isShared] of [[2_047, false], [2_048, true]] as const) {
    const outbox = newOutbox();
    const frame = encodePacket({ ...PUBLISH_PACKET, payload: new Uint8Array(payloadBytes) }, 4);
    outbox.pushPublish(frame, payloadBytes, packetIdentifierOffset(frame), 9, false);
    outbox.take(0, outbox.bytes - payloadBytes); // Its head.
    const payload = outbox.take(0);
    assertEquals([payload?.length, payload?.buffer === frame.buffer], [payloadBytes, isShared]);
  }
});

Deno.test("Outbox.isClosed is false until it is closed", () => {
  const outbox = newOutbox();
  assertEquals(outbox.isClosed, false);
  outbox.close();
  assertEquals(outbox.isClosed, true);
});

Deno.test("Outbox.compact() and Outbox.take() leave all as it is while packets are set apart", () => {
  const outbox = newOutbox();
  outbox.push(puback(1));
  outbox.pushAfter(() => {
    outbox.push(puback(3));
    outbox.compact();
    assertEquals(outbox.take(0), undefined);
  }, () => outbox.push(puback(2)));
  assertEquals(taken(outbox), "400200014002000240020003");
});

Deno.test("Outbox.compact() copies what came after it was called last, once", () => {
  const outbox = newOutbox();
  const large = new ArrayBuffer(10_000);
  const views = () => {
    const taken: boolean[] = [];
    while (outbox.bytes > 0) taken.push(outbox.take(0, 1)?.buffer === large);
    return taken;
  };
  outbox.pushShared(large, 0, 1);
  outbox.compact();
  outbox.pushShared(large, 5, 6);
  assertEquals(views(), [false, true]);
  outbox.pushShared(large, 0, 1);
  outbox.compact();
  assertEquals(views(), [false]);
  outbox.pushShared(large, 7, 8);
  outbox.clear();
  outbox.pushShared(large, 9, 10);
  outbox.compact();
  assertEquals(views(), [false]);
});

Deno.test("Outbox.compact() lets go of a large buffer of which it holds a small part, and of no other", () => {
  const outbox = newOutbox();
  const large = new Uint8Array(10_000).fill(7);
  outbox.pushShared(large.buffer, 100, 110);
  outbox.compact();
  large.fill(8); // Whoever owns it may do so now.
  const bytes = outbox.take(0);
  assertEquals(bytes, new Uint8Array(10).fill(7));
  assert((bytes?.buffer.byteLength ?? 0) < 1_000);

  const whole = new Uint8Array(10_000);
  outbox.pushShared(whole.buffer, 0, 9_000);
  outbox.compact();
  assertStrictEquals(outbox.take(0)?.buffer, whole.buffer);
});

Deno.test("Outbox.clear() drops all that waits", () => {
  const outbox = newOutbox();
  outbox.push(puback(1), 5);
  outbox.clear();
  assertEquals([outbox.bytes, taken(outbox, 9), outbox.isHeldBetween(0, 9)], [0, "", false]);
  outbox.push(PING);
  assertEquals(taken(outbox), PING_HEX);
});

Deno.test("Outbox.push() of a packet that cannot be encoded throws and leaves nothing of it", () => {
  const outbox = newOutbox();
  outbox.push(PING);
  const wildcard: Packet = { ...publishPacket(0), topic: "a/#" };
  assertThrows(() => outbox.push(wildcard), RangeError);
  outbox.push(PING);
  assertEquals(taken(outbox), PING_HEX + PING_HEX);
});

seededTest(
  "Whatever is pushed, taken and kept in whatever order: the bytes come once, in order, not before their hold",
  (random) => {
    const outbox = newOutbox();
    const expected: { readonly hex: string; readonly heldUntil: number }[] = [];
    let sequence = 0;
    let durable = 0;
    for (let step = 0; step < 200; step++) {
      const kind = random.integer(1, 6);
      if (kind === 1) {
        const heldUntil = random.oneIn(2) ? ++sequence : 0;
        const identifier = random.integer(1, 65_535);
        outbox.push(puback(identifier), heldUntil);
        expected.push({ hex: `4002${identifier.toString(16).padStart(4, "0")}`, heldUntil });
      } else if (kind === 2) {
        const bytes = random.bytes(random.integer(1, 3_000));
        const start = random.integer(0, bytes.length - 1);
        const end = random.integer(start + 1, bytes.length);
        const middle = random.integer(start, end);
        outbox.pushShared(bytes.buffer, start, middle);
        outbox.pushShared(bytes.buffer, middle, end);
        expected.push({ hex: toHex(bytes.subarray(start, end)), heldUntil: 0 });
      } else if (kind === 3) {
        const payloadBytes = random.pick([1, 100, 5_000]);
        const frame = publish(payloadBytes);
        const heldUntil = random.oneIn(2) ? ++sequence : 0;
        outbox.pushPublish(frame, payloadBytes, packetIdentifierOffset(frame), 1, false, heldUntil);
        expected.push({ hex: toHex(frame), heldUntil });
      } else if (kind === 4) {
        outbox.compact();
      } else {
        if (kind === 5) durable = random.integer(durable, sequence);
        let hex = "";
        while (expected[0] !== undefined && expected[0].heldUntil <= durable) hex += expected.shift()?.hex;
        assertEquals(taken(outbox, durable), hex);
      }
      assertEquals(outbox.bytes, expected.reduce((sum, { hex }) => sum + hex.length / 2, 0));
    }
  },
);

Deno.test("Outbox.pushAfter() puts what is pushed first behind what is pushed next, and both behind what waits", () => {
  const outbox = newOutbox();
  outbox.push(puback(1));
  outbox.pushAfter(() => {
    outbox.push(puback(3));
    assertEquals(taken(outbox), ""); // It would be ahead of all that waits.
    outbox.compact();
    outbox.push(puback(4));
    return 2;
  }, (packetIdentifier) => outbox.push(puback(packetIdentifier), 1));
  outbox.push(puback(5));
  assertEquals(outbox.bytes, 5 * 4);
  assertEquals(taken(outbox), "40020001"); // The next one is held, and all behind it with it.
  assertEquals(taken(outbox, 1), "40020002400200034002000440020005");
  assertEquals(outbox.bytes, 0);
});

Deno.test("Outbox.pushAfter() keeps all that was pushed when it fails", () => {
  const outbox = newOutbox();
  outbox.push(puback(1));
  const fails = () => {
    outbox.push(puback(2));
    throw new RangeError("fails");
  };
  assertThrows(() => outbox.pushAfter(fails, () => outbox.push(puback(3))), RangeError);
  assertEquals(outbox.bytes, 2 * 4);
  assertEquals(taken(outbox), "4002000140020002");
});

Deno.test("Outbox.close() lets what waits leave, held or not, and takes nothing more [MQTT-3.14.4-1]", () => {
  const outbox = newOutbox();
  outbox.push(puback(1), 5);
  outbox.push(PING);
  outbox.close();
  const { bytes, packets } = outbox;
  outbox.push(puback(2));
  outbox.pushShared(Uint8Array.of(1, 2, 3).buffer, 0, 3);
  const frame = publish(4);
  outbox.pushPublish(frame, 4, packetIdentifierOffset(frame), 1, false);
  outbox.pushAfter(() => outbox.push(puback(3)), () => outbox.push(puback(4)));
  assertEquals([outbox.bytes, outbox.packets], [bytes, packets]);
  outbox.compact();
  assertEquals(taken(outbox, 4), "");
  assertEquals(taken(outbox, 5), `40020001${PING_HEX}`);
});

Deno.test("Outbox.take() gives as many bytes as it is told to, and all of them in the end", () => {
  for (let most = 1; most <= 10; most++) {
    const outbox = newOutbox();
    outbox.push(PING);
    outbox.pushShared(Uint8Array.of(1, 2, 3).buffer, 0, 3);
    outbox.push(puback(7), 5);
    const pieces: string[] = [];
    for (let piece = outbox.take(5, most); piece !== undefined; piece = outbox.take(5, most)) {
      outbox.compact();
      pieces.push(toHex(piece));
      assertEquals(piece.length, outbox.bytes > 0 ? most : 9 % most || most);
    }
    assertEquals(pieces.join(""), `${PING_HEX}01020340020007`);
    assertEquals(outbox.bytes, 0);
  }
});

Deno.test("Outbox.take() gives a piece of a shared part as a view, without a copy", () => {
  const outbox = newOutbox();
  const { buffer } = new Uint8Array(10);
  outbox.pushShared(buffer, 1, 9);
  for (const start of [1, 5]) {
    const piece = outbox.take(0, 4);
    assertStrictEquals(piece?.buffer, buffer);
    assertEquals([piece?.byteOffset, piece?.length], [start, 4]);
  }
});

Deno.test("Outbox.isCut tells whether what waits may begin within a packet", () => {
  const outbox = newOutbox();
  outbox.pushShared(new Uint8Array(8).buffer, 0, 8);
  outbox.push(puback(7), 5);
  outbox.take(0, 3);
  assertEquals(outbox.isCut, true);
  outbox.take(0, 5);
  assertEquals(outbox.isCut, true); // Parts of a packet lie side by side: nobody knows.
  outbox.clear();
  assertEquals(outbox.isCut, false);
  outbox.pushShared(new Uint8Array(8).buffer, 0, 8);
  outbox.push(puback(7), 5);
  outbox.take(0, 100);
  assertEquals(outbox.isCut, false); // What is held begins with a packet.
});

seededTest("Outbox.take() of whole packets ends with one, and gives a larger one alone", (random) => {
  const outbox = newOutbox();
  const expected: string[] = [];
  for (let count = random.integer(1, 60); count > 0; count--) {
    const payloadBytes = random.pick([0, 1, 100, 130, 3_000, 20_000]);
    const frame = publish(payloadBytes);
    if (random.oneIn(2)) outbox.pushShared(frame.buffer, frame.byteOffset, frame.byteOffset + frame.length);
    else outbox.pushPublish(frame, payloadBytes, packetIdentifierOffset(frame), 1, false);
    expected.push(toHex(frame));
    if (random.oneIn(4)) outbox.compact();
  }
  while (expected.length > 0) {
    const most = random.pick([1, 50, 200, 5_000, 30_000, Infinity]);
    let hex = "";
    do hex += expected.shift() ?? ""; while (
      hex.length + (expected[0] ?? "").length <= 2 * most && expected.length > 0
    );
    assertEquals(toHex(outbox.take(0, most, true) ?? new Uint8Array()), hex);
    assertEquals(outbox.isCut, false);
  }
  assertEquals(outbox.bytes, 0);
});

function newOutbox(): Outbox {
  return new Outbox(new TopicInterner(16));
}

function taken(outbox: Outbox, durableSequence = 0): string {
  return toHex(outbox.take(durableSequence) ?? new Uint8Array());
}

function puback(packetIdentifier: number): Packet {
  return { type: "puback", packetIdentifier, reasonCode: 0, properties: {} };
}

function publishPacket(payloadBytes: number): Packet & { type: "publish" } {
  return {
    type: "publish",
    dup: false,
    qos: 1,
    retain: false,
    topic: "topic",
    packetIdentifier: 1,
    properties: {},
    payload: new Uint8Array(payloadBytes).fill(5),
  };
}

function publish(payloadBytes: number): Uint8Array {
  return encodePacket(publishPacket(payloadBytes), 4);
}
