import { assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { type PacketBatch, PacketDecoder, type PacketDecoderOptions } from "../../../src/codec/decoder.ts";
import { encodePacket } from "../../../src/codec/encoder.ts";
import { MqttError } from "../../../src/codec/mqtt_error.ts";
import type { Packet, ProtocolVersion } from "../../../src/codec/packet.ts";
import type { ReasonCode } from "../../../src/codec/reason_code.ts";
import { comparable, fusedBatches, pipedBatches } from "../batches.ts";
import { fromHex, toHex } from "../hex.ts";

/** What the decoder makes of some bytes: packets, or an error whose clause stands in the name of the row. */
export interface Row {
  /** Subject, what it does, clause in brackets. */
  readonly name: string;
  /** Versions of a connection on which the same is true. */
  readonly versions: readonly ProtocolVersion[];
  /** See `fromHex`. */
  readonly hex: string;
  /** One packet or several; `wireBytes` of PUBLISH is filled in when it is one. */
  readonly packet?: Packet | readonly Packet[];
  /** What comes instead of a packet. */
  readonly reasonCode?: ReasonCode;
  /** Whether the decoder has not seen CONNECT yet. */
  readonly isFirst?: boolean;
  /** Whether the encoder writes other bytes for the packet: the same said in a shorter way. */
  readonly isLongForm?: boolean;
}

export const ALL: readonly ProtocolVersion[] = [3, 4, 5];
export const V3: readonly ProtocolVersion[] = [3];
export const V4: readonly ProtocolVersion[] = [4];
export const V5: readonly ProtocolVersion[] = [5];
export const SINCE_V4: readonly ProtocolVersion[] = [4, 5];
export const BEFORE_V5: readonly ProtocolVersion[] = [3, 4];

const PINGREQ = Uint8Array.of(0xc0, 0x00);
/** Rows of up to so many bytes are cut at every byte; longer ones where their header and their end are. */
const LONGEST_CUT_EVERYWHERE = 1024;
const MOST_CUTS_IN_STREAMS = 40;

let collected: Row[] | undefined;

/** The rows of all files of this folder, without running their tests: another reader of packets can be held to them. */
export async function collectRows(): Promise<readonly Row[]> {
  const rows: Row[] = collected = [];
  const folder = new URL("./", import.meta.url);
  const names = Array.from(Deno.readDirSync(folder), ({ name }) => name).filter((name) => name.endsWith("_test.ts"));
  for (const name of names.sort()) await import(new URL(name, folder).href);
  collected = undefined;
  return rows;
}

/**
 * The tests of rows: whole, cut at every byte, byte by byte, behind and before another packet; in a pipe and in one that is
 * fused; encoded again.
 */
export function testRows(rows: readonly Row[]): void {
  if (collected !== undefined) return void collected.push(...rows);
  for (const row of rows) {
    for (const version of row.versions) {
      Deno.test(`decode ${row.name} v${version}`, () => checkDecoding(row, version));
      Deno.test(`decode in streams ${row.name} v${version}`, () => checkStreams(row, version));
      const { packet } = row;
      if (packet === undefined || row.isLongForm) continue;
      Deno.test(`encode ${row.name} v${version}`, () => {
        const frames = packetsOf(row).map((one) => toHex(encodePacket(one, version)));
        assertEquals(frames.join(""), toHex(fromHex(row.hex)));
      });
    }
  }
}

function checkDecoding(row: Row, version: ProtocolVersion): void {
  const bytes = fromHex(row.hex);
  const options: PacketDecoderOptions = row.isFirst ? {} : { protocolVersion: version };
  for (const chunks of cuts(bytes)) {
    checkChunks(row, bytes, chunks, options, []);
    checkChunks(row, bytes, [...chunks, PINGREQ], options, [{ type: "pingreq" }]);
  }
  if (!row.isFirst) {
    const decoder = new PacketDecoder(options);
    const [first, ...rest] = decoder.decode(joined(PINGREQ, bytes));
    assertEquals(first, { type: "pingreq" });
    checkItems(row, bytes, rest);
  }
  const together = new PacketDecoder(options).decode(joined(bytes, PINGREQ));
  checkItems(row, bytes, together, [{ type: "pingreq" }]);
}

async function checkStreams(row: Row, version: ProtocolVersion): Promise<void> {
  const options: PacketDecoderOptions = row.isFirst ? {} : { protocolVersion: version };
  for (const chunks of cuts(fromHex(row.hex)).slice(0, MOST_CUTS_IN_STREAMS)) {
    const decoder = new PacketDecoder(options);
    const batches: PacketBatch[] = [];
    for (const chunk of chunks) {
      const batch = decoder.decode(chunk.slice());
      if (batch.length > 0 || decoder.isWithinPacket) batches.push(batch);
    }
    const expected = batches.map(comparable);
    assertEquals((await fusedBatches(chunks, options)).map(comparable), expected);
    assertEquals((await pipedBatches(chunks, options)).map(comparable), expected);
  }
}

function checkChunks(
  row: Row,
  bytes: Uint8Array,
  chunks: readonly Uint8Array[],
  options: PacketDecoderOptions,
  following: readonly Packet[],
): void {
  const decoder = new PacketDecoder(options);
  // Copies: a view on a longer buffer behaves the same, and is tested by the whole row.
  checkItems(row, bytes, chunks.flatMap((chunk) => decoder.decode(chunk.slice())), following);
  assertEquals(decoder.isWithinPacket, false);
}

function checkItems(
  row: Row,
  bytes: Uint8Array,
  items: ReturnType<PacketDecoder["decode"]>,
  following: readonly Packet[] = [],
): void {
  if (row.reasonCode === undefined) {
    assertEquals<unknown>(items, [...expectedPackets(row, bytes), ...following]);
    return;
  }
  // Nothing behind it is decoded.
  assertEquals(items.map((item) => item.type), ["malformed"]);
  for (const item of items) {
    if (item.type !== "malformed") continue;
    assertInstanceOf(item.error, MqttError);
    assertEquals(item.error.reasonCode, row.reasonCode, item.error.message);
    assertStringIncludes(row.name, `[${item.error.clause}]`);
  }
}

function packetsOf({ packet }: Row): readonly Packet[] {
  if (packet === undefined) return [];
  return isList(packet) ? packet : [packet];
}

function isList(packet: Packet | readonly Packet[]): packet is readonly Packet[] {
  return Array.isArray(packet);
}

/** What the decoder adds to the packet of a row: its size on the wire. */
function expectedPackets(row: Row, bytes: Uint8Array): readonly Packet[] {
  const packets = packetsOf(row);
  return packets.map((packet) =>
    packet.type === "publish" && packets.length === 1 ? { ...packet, wireBytes: bytes.length } : packet
  );
}

function cuts(bytes: Uint8Array): Uint8Array[][] {
  const places = bytes.length <= LONGEST_CUT_EVERYWHERE
    ? Array.from({ length: bytes.length }, (_, place) => place)
    : [1, 2, 3, 4, 5, 6, 7, 8, 1000, bytes.length - 1];
  const pieceBytes = bytes.length <= LONGEST_CUT_EVERYWHERE ? 1 : 1024;
  const pieces: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; start += pieceBytes) {
    pieces.push(bytes.subarray(start, start + pieceBytes));
  }
  return [
    [bytes],
    pieces,
    ...places.map((place) => [bytes.subarray(0, place), bytes.subarray(place)]),
  ];
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
