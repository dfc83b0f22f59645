import { assertEquals } from "@std/assert";
import { PacketAssembler } from "../../../src/admin/dissect/frames.ts";
import { TappedSide } from "../../../src/admin/trace/tapped_side.ts";
import type { TracePiece } from "../../../src/admin/trace/trace_records.ts";
import { encodePacket } from "../../../src/codec/encoder.ts";
import { concatenated } from "../../../src/transport/concatenated.ts";
import { randomPacket } from "../../codec/random_packet.ts";
import { inForm } from "../../form.ts";
import { seededTest } from "../../seeded.ts";

interface Told {
  readonly bytes: string;
  readonly wireBytes: number;
  readonly pieces: readonly TracePiece[];
}

seededTest("TappedSide gives the packets and pieces of any chunks and frames as PacketAssembler does", (random) => {
  const stream = concatenated(
    Array.from({ length: random.integer(1, 6) }, () => encodePacket(randomPacket(random, 5), 5)),
  );
  const told: Told[] = [];
  const side = new TappedSide((packet) => {
    const { bytes, start, end, wireBytes } = packet;
    const pieces = random.oneIn(3) ? undefined : packet.pieces(); // Mostly nobody asks for those of a lost packet.
    told.push({ bytes: bytes.subarray(start, end).toHex(), wireBytes, pieces: pieces ?? [] });
  }, () => Infinity);
  const assembler = new PacketAssembler();
  const hasFrames = random.oneIn(2);
  const expected: Told[] = [];
  let announced = 0;
  for (let at = 0; at < stream.length;) {
    const chunk = stream.subarray(at, at + random.integer(1, random.oneIn(3) ? 8 : 500));
    at += chunk.length;
    while (hasFrames && announced < at) {
      const length = random.oneIn(10) ? 0 : random.integer(1, 200);
      side.announce({ opcode: 2, isFinal: true, isMasked: true, length });
      assembler.announce(length);
      announced += length;
    }
    side.add(chunk);
    for (const { bytes, wireBytes, pieces } of assembler.add(chunk)) {
      expected.push({ bytes: bytes.toHex(), wireBytes, pieces });
    }
  }
  for (const [index, { pieces, ...packet }] of told.entries()) {
    const { pieces: expectedPieces, ...expectedPacket } = expected[index] as Told; // Their numbers are compared below.
    assertEquals(packet, expectedPacket);
    if (pieces.length > 0) assertEquals(pieces.map(({ frame: _, ...piece }) => piece), [...expectedPieces]);
  }
  assertEquals(told.length, expected.length);
}, inForm(300, 2_000));

Deno.test("TappedSide keeps the first bytes of a large packet in many chunks, and gives all of one whose length is malformed", () => {
  const told: string[] = [];
  const side = new TappedSide(({ bytes, start, end, wireBytes }) => {
    told.push(`${bytes.subarray(start, end).toHex()} of ${wireBytes}`);
  }, () => 8);
  for (const hex of ["30", "64"]) side.add(Uint8Array.fromHex(hex));
  for (let count = 0; count < 10; count++) side.add(new Uint8Array(10).fill(count));
  side.add(Uint8Array.fromHex("c00030ffffff"));
  side.add(Uint8Array.fromHex("ffff0102"));
  side.add(Uint8Array.fromHex("c000"));
  assertEquals(told, ["3064000000000000 of 102", "c000 of 2", "30ffffffffff0102 of 8"]);
  assertEquals(side.isOver, true);
});
