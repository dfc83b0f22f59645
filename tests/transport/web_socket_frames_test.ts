import { assertEquals, assertLess } from "@std/assert";
import {
  encodeClose,
  encodeFrame,
  FrameDecoder,
  Masks,
  Opcode,
  Slab,
  type WebSocketEnd,
} from "../../src/transport/web_socket/frames.ts";
import { Seeded, seededTest } from "../seeded.ts";
import vectors from "../vectors.json" with { type: "json" };
import {
  BINARY,
  type ClientFrame,
  clientFrame,
  CLOSE,
  closeFrame,
  joined,
  PING,
  PONG,
  TEXT,
} from "./web_socket_client_frames.ts";

interface Decoded {
  readonly payload: string;
  readonly pings: readonly string[];
  readonly end: WebSocketEnd | undefined;
}

const NO_END = { pings: [], end: undefined };
const UNLIMITED = 268_435_460;

function decodeAll(chunks: readonly Uint8Array[], maximumMessageBytes = UNLIMITED): Decoded {
  const pings: string[] = [];
  const decoder = new FrameDecoder(maximumMessageBytes, (payload) => pings.push(payload.toHex()));
  let payload = "";
  for (const chunk of chunks) payload += decoder.decode(chunk)?.toHex() ?? "";
  return { payload, pings, end: decoder.end };
}

function oneByOne(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (byte) => Uint8Array.of(byte));
}

/** The same whole, byte by byte, and cut in two at every place. */
function assertDecodes(bytes: Uint8Array, expected: Decoded, maximumMessageBytes?: number): void {
  assertEquals(decodeAll([bytes], maximumMessageBytes), expected, "whole");
  assertEquals(decodeAll(oneByOne(bytes), maximumMessageBytes), expected, "byte by byte");
  for (let cut = 1; cut < bytes.length; cut++) {
    const halves = [bytes.subarray(0, cut), bytes.subarray(cut)];
    assertEquals(decodeAll(halves, maximumMessageBytes), expected, `cut at ${cut}`);
  }
}

const DATA: ClientFrame = { opcode: BINARY, payload: "c000" };

interface Violation {
  readonly name: string;
  readonly frames: readonly ClientFrame[];
  readonly code: number;
  readonly payload?: string;
  readonly maximumMessageBytes?: number;
}

const VIOLATIONS: readonly Violation[] = [
  { name: "a frame that is not masked [RFC 6455, 5.1]", frames: [{ ...DATA, mask: undefined }], code: 1002 },
  { name: "a Ping that is not masked [RFC 6455, 5.1]", frames: [{ opcode: PING, mask: undefined }], code: 1002 },
  ...[1, 2, 4].map((reservedBits) => ({
    name: `reserved bits ${reservedBits} of a data frame [RFC 6455, 5.2]`,
    frames: [DATA, { ...DATA, reservedBits }],
    code: 1002,
    payload: "c000",
  })),
  { name: "a reserved bit of a Ping [RFC 6455, 5.2]", frames: [{ opcode: PING, reservedBits: 4 }], code: 1002 },
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) => ({
    name: `reserved opcode ${opcode} [RFC 6455, 5.2]`,
    frames: [{ opcode }],
    code: 1002,
  })),
  {
    name: "a length of 16 bits where 7 would do [RFC 6455, 5.2]",
    frames: [{ ...DATA, length: "7e 007d" }],
    code: 1002,
  },
  {
    name: "a length of 64 bits where 16 would do [RFC 6455, 5.2]",
    frames: [{ ...DATA, length: "7f 000000000000ffff" }],
    code: 1002,
  },
  { name: "a length of 2^63 [RFC 6455, 5.2]", frames: [{ ...DATA, length: "7f 8000000000000000" }], code: 1002 },
  {
    name: "a length of 2^63 - 1 [RFC 6455, 10.4]",
    frames: [{ ...DATA, length: "7f 7fffffffffffffff" }],
    code: 1009,
  },
  { name: "a Ping of 126 bytes [RFC 6455, 5.5]", frames: [{ opcode: PING, length: "7e 007e" }], code: 1002 },
  { name: "a fragmented Ping [RFC 6455, 5.5]", frames: [{ opcode: PING, isFinal: false }], code: 1002 },
  { name: "a fragmented Close [RFC 6455, 5.5]", frames: [{ opcode: CLOSE, isFinal: false }], code: 1002 },
  { name: "a continuation of nothing [RFC 6455, 5.4]", frames: [{ ...DATA, opcode: 0 }], code: 1002 },
  {
    name: "a continuation behind the last frame [RFC 6455, 5.4]",
    frames: [{ ...DATA, isFinal: false }, { ...DATA, opcode: 0 }, { ...DATA, opcode: 0 }],
    code: 1002,
    payload: "c000c000",
  },
  {
    name: "a message within another one [RFC 6455, 5.4]",
    frames: [{ ...DATA, isFinal: false }, DATA],
    code: 1002,
    payload: "c000",
  },
  {
    name: "a text frame, seed 1-14 [MQTT-6.0.0-1]",
    frames: [DATA, { ...DATA, opcode: TEXT }],
    code: 1003,
    payload: "c000",
  },
  { name: "an empty text frame [MQTT-6.0.0-1]", frames: [{ opcode: TEXT }], code: 1003 },
  { name: "a Close of one byte [RFC 6455, 5.5.1]", frames: [{ opcode: CLOSE, payload: "03" }], code: 1002 },
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map((code) => ({
    name: `a Close with the code ${code} [RFC 6455, 7.4]`,
    frames: [{ opcode: CLOSE, payload: code.toString(16).padStart(4, "0") }],
    code: 1002,
  })),
  {
    name: "a Close whose reason is not UTF-8 [RFC 6455, 5.5.1]",
    frames: [{ opcode: CLOSE, payload: "03e8 cebae1bd" }],
    code: 1007,
  },
  { name: "a frame above the limit [RFC 6455, 7.4.1]", frames: [DATA], code: 1009, maximumMessageBytes: 1 },
  {
    name: "fragments that are above the limit together [RFC 6455, 7.4.1]",
    frames: [{ ...DATA, isFinal: false }, { ...DATA, opcode: 0 }],
    code: 1009,
    payload: "c000",
    maximumMessageBytes: 3,
  },
];

Deno.test("FrameDecoder takes any number of messages that have no more bytes than the limit each [RFC 6455, 7.4.1]", () => {
  const parts: ClientFrame[] = [{ ...DATA, isFinal: false }, { opcode: PING }, { opcode: 0, payload: "d0" }];
  const bytes = joined([DATA, DATA, DATA, ...parts, ...parts, DATA].map(clientFrame));
  const payload = `${"c000".repeat(3)}${"c000d0".repeat(2)}c000`;
  assertDecodes(bytes, { payload, pings: ["", ""], end: undefined }, 3);
  assertEquals(decodeAll([bytes], 2).end?.code, 1009);
  assertDecodes(joined([DATA, DATA].map(clientFrame)), { ...NO_END, payload: "c000c000" }, 2);
});

for (const { name, frames, code, payload = "", maximumMessageBytes = UNLIMITED } of VIOLATIONS) {
  Deno.test(`FrameDecoder ends with ${code} at ${name}`, () => {
    const bytes = joined([...frames, DATA].map(clientFrame)); // What follows is not looked at.
    const { end } = decodeAll([bytes], maximumMessageBytes);
    assertEquals({ code: end?.code, isByPeer: end?.isByPeer }, { code, isByPeer: false });
    assertDecodes(bytes, { payload, pings: [], end }, maximumMessageBytes);
  });
}

interface Sample {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly decoded: Decoded;
}

const SAMPLES: readonly Sample[] = [
  { name: "an empty frame", bytes: clientFrame({ opcode: BINARY }), decoded: { payload: "", ...NO_END } },
  {
    name: "several packets in one frame, seed 1-13 [MQTT-6.0.0-2]",
    bytes: clientFrame({ opcode: BINARY, payload: "c000c000e000" }),
    decoded: { payload: "c000c000e000", ...NO_END },
  },
  {
    name: "a packet over fragments, one of them empty [RFC 6455, 5.4]",
    bytes: joined([
      clientFrame({ opcode: BINARY, payload: "30", isFinal: false, mask: "01020304" }),
      clientFrame({ opcode: 0, isFinal: false }),
      clientFrame({ opcode: 0, payload: "0d00062f576f726c64", isFinal: false, mask: "ff00ff00" }),
      clientFrame({ opcode: 0, payload: "68656c6c6f", mask: "00000000" }),
      clientFrame(DATA),
    ]),
    decoded: { payload: "300d00062f576f726c6468656c6c6fc000", ...NO_END },
  },
  {
    name: "control frames between fragments [RFC 6455, 5.4]",
    bytes: joined([
      clientFrame({ opcode: BINARY, payload: "c0", isFinal: false }),
      clientFrame({ opcode: PING, payload: "0102030405" }),
      clientFrame({ opcode: PONG, payload: "aa" }),
      clientFrame({ opcode: PING }),
      clientFrame({ opcode: 0, payload: "00" }),
    ]),
    decoded: { payload: "c000", pings: ["0102030405", ""], end: undefined },
  },
  {
    name: "a Ping of 125 bytes [RFC 6455, 5.5]",
    bytes: clientFrame({ opcode: PING, payload: "ab".repeat(125) }),
    decoded: { payload: "", pings: ["ab".repeat(125)], end: undefined },
  },
  {
    name: "a Close without a code, and nothing behind it [RFC 6455, 5.5.1]",
    bytes: joined([clientFrame(DATA), clientFrame({ opcode: CLOSE }), clientFrame(DATA)]),
    decoded: { payload: "c000", pings: [], end: { code: 1005, reason: "", isByPeer: true } },
  },
  ...[1000, 1001, 1003, 1007, 1011, 1014, 3000, 4999].map((code) => ({
    name: `a Close with the code ${code} [RFC 6455, 7.4]`,
    bytes: closeFrame(code, "grüß"),
    decoded: { payload: "", pings: [], end: { code, reason: "grüß", isByPeer: true } },
  })),
  ...(["001-connect", "002-connect", "001-subscribe", "001-publish"] as const).map((name) => ({
    name: `${name} in its frames, seeds 1-6, 1-10, 1-11, 2-4 [MQTT-6.0.0-2]`,
    bytes: joined(vectors.vectors[name].frames.map((payload) => clientFrame({ opcode: BINARY, payload }))),
    decoded: { payload: vectors.vectors[name].frames.join(""), ...NO_END },
  })),
];

for (const { name, bytes, decoded } of SAMPLES) {
  Deno.test(`FrameDecoder takes ${name}`, () => assertDecodes(bytes, decoded));
}

for (const length of [0, 1, 125, 126, 127, 65_535, 65_536, 65_537]) {
  Deno.test(`FrameDecoder takes a payload of ${length} bytes [RFC 6455, 5.2]`, () => {
    const payload = new Seeded(length).bytes(length);
    const bytes = clientFrame({ opcode: BINARY, payload });
    const expected: Decoded = { payload: payload.toHex(), ...NO_END };
    assertEquals(decodeAll([bytes]), expected);
    assertEquals(decodeAll([bytes.subarray(0, 7), bytes.subarray(7, 20), bytes.subarray(20)]), expected);
  });
}

Deno.test("FrameDecoder gives what one chunk carries as one piece", () => {
  const frames = Array.from({ length: 100 }, (_, index) => clientFrame({ ...DATA, mask: `0${index % 10}0203ff` }));
  const decoder = new FrameDecoder(UNLIMITED, () => {});
  assertEquals(decoder.decode(joined(frames))?.toHex(), "c000".repeat(100));
});

Deno.test("FrameDecoder leaves the chunk as it is", () => {
  const bytes = clientFrame(DATA);
  const before = bytes.toHex();
  new FrameDecoder(UNLIMITED, () => {}).decode(bytes);
  assertEquals(bytes.toHex(), before);
});

Deno.test("FrameDecoder reserves what came and not what a length claims [RFC 6455, 10.4]", () => {
  const header = clientFrame({ opcode: BINARY, length: "7f 000fffffffffffff" });
  const decoder = new FrameDecoder(Number.MAX_SAFE_INTEGER, () => {});
  assertEquals(decoder.decode(header), undefined);
  assertLess(decoder.decode(new Uint8Array(10_000))?.buffer.byteLength ?? Infinity, 10_001);
  assertEquals(decoder.end, undefined);
});

seededTest("FrameDecoder gives the same payload however frames and chunks are cut", (random) => {
  const payload = random.bytes(random.integer(0, 2_000));
  const pings: string[] = [];
  const frames: Uint8Array[] = [];
  let isWithinMessage = false;
  for (const piece of random.cut(payload, random.pick([1, 3, 40, 700]))) {
    if (random.oneIn(4)) {
      const ping = random.bytes(random.integer(0, 125));
      pings.push(ping.toHex());
      frames.push(clientFrame({ opcode: PING, payload: ping, mask: random.bytes(4).toHex() }));
    }
    const isFinal = random.oneIn(2);
    const opcode = isWithinMessage ? 0 : BINARY;
    frames.push(clientFrame({ opcode, payload: piece, isFinal, mask: random.bytes(4).toHex() }));
    isWithinMessage = !isFinal;
  }
  const chunks = random.cut(joined(frames), random.pick([1, 2, 10, 100, 5_000]));
  assertEquals(decodeAll(chunks), { payload: payload.toHex(), pings, end: undefined });
});

seededTest("FrameDecoder takes any bytes and ends at most once, without an error", (random) => {
  const bytes = random.bytes(random.integer(1, 200));
  const whole = decodeAll([bytes]);
  assertEquals(decodeAll(random.cut(bytes, random.integer(1, 30))), whole);
}, 1_000);

for (
  const [length, header] of [
    [0, "8200"],
    [4, "8204"],
    [125, "827d"],
    [126, "827e007e"],
    [65_535, "827effff"],
    [65_536, "827f0000000000010000"],
  ] as const
) {
  Deno.test(`encodeFrame() writes ${length} bytes in one frame that is not masked [RFC 6455, 5.1]`, () => {
    const payload = new Seeded(length).bytes(length);
    assertEquals(encodeFrame(Opcode.Binary, payload).toHex(), header + payload.toHex());
  });
}

Deno.test("FrameDecoder of a client gives the same bytes however frames and chunks are cut [RFC 6455, 5.1]", () => {
  const bytes = Uint8Array.from({ length: 500 }, (_, index) => index);
  const frames = joined([
    encodeFrame(Opcode.Binary, bytes.subarray(0, 60)),
    encodeFrame(Opcode.Ping, Uint8Array.of(1, 2, 3)),
    encodeFrame(Opcode.Binary, bytes.subarray(60, 300)),
    encodeFrame(Opcode.Ping, Uint8Array.of()),
    encodeFrame(Opcode.Binary, bytes.subarray(300)),
  ]);
  for (const size of [1, 2, 3, 5, 64, 100, 300, frames.length]) {
    const pings: string[] = [];
    const decoder = new FrameDecoder(UNLIMITED, (payload) => pings.push(payload.toHex()), { role: "client" });
    let decoded = "";
    for (let at = 0; at < frames.length; at += size) {
      decoded += decoder.decode(frames.slice(at, at + size))?.toHex() ?? "";
    }
    assertEquals([decoded, pings, decoder.end], [bytes.toHex(), ["010203", ""], undefined], `chunks of ${size}`);
  }
});

Deno.test("encodeFrame() masks a payload of any length anywhere in memory [RFC 6455, 5.3]", () => {
  const masks = new Masks();
  const slab = new Slab(); // Frames of all lengths begin at all places of its words.
  const decoder = new FrameDecoder(UNLIMITED, () => {});
  for (let length = 0; length < 300; length++) {
    const payload = Uint8Array.from({ length }, (_, index) => index * 7);
    const frame = encodeFrame(Opcode.Binary, payload, { masks, slab });
    assertEquals(decoder.decode(frame)?.toHex() ?? "", payload.toHex(), `${length} bytes`);
  }
});

Deno.test("Slab gives no byte out twice, and large chunks their own buffer", () => {
  const slab = new Slab();
  const chunks = Array.from({ length: 1_000 }, (_, index) => slab.take(index * 3).fill(index));
  for (const [index, chunk] of chunks.entries()) {
    assertEquals([chunk.length, chunk.every((byte) => byte === (index & 0xff))], [index * 3, true]);
  }
  assertEquals(slab.take(100_000).buffer.byteLength, 100_000);
});

Deno.test("Decoders of one listener share room, and not their bytes", () => {
  const slab = new Slab();
  const payloads = Array.from({ length: 500 }, (_, index) => {
    const payload = new Seeded(index).bytes(index % 100);
    const frame = clientFrame({ opcode: BINARY, payload });
    return { payload, decoded: new FrameDecoder(UNLIMITED, () => {}, { slab }).decode(frame) };
  });
  for (const { payload, decoded } of payloads) assertEquals(decoded?.toHex() ?? "", payload.toHex());
});

Deno.test("encodeClose() cuts a reason to 123 bytes between characters [RFC 6455, 5.5.1]", () => {
  assertEquals(encodeClose(1002, "ü".repeat(100)).toHex(), "887c03ea" + "c3bc".repeat(61));
  assertEquals(encodeClose(1002, "xü".repeat(41) + "y").toHex(), "887d03ea" + "78c3bc".repeat(41));
});

Deno.test("encodeClose() sends no code that must not be sent [RFC 6455, 7.4.1]", () => {
  for (const code of [1005, 1006, 1015]) assertEquals(encodeClose(code).toHex(), "8800");
});
