import type { Segment } from "./recording_proxy.ts";

const LINK_TYPE_RAW_IP = 101;
const HEADERS_BYTES = 40;
const LARGEST_SEGMENT_BYTES = 16_384;
const LOOPBACK = 0x7f000001;
const FIRST_CLIENT_PORT = 50_000;

/** The segments as a capture (pcap) of TCP over IPv4, to port `port` of the broker; checksums are left 0. */
export function captureFile(segments: readonly Segment[], port: number): Uint8Array<ArrayBuffer> {
  const sent = new Map<string, number>();
  const frames = segments.flatMap(inPieces).map((segment, index) => {
    const { connection, isByClient, bytes } = segment;
    const own = `${connection} ${isByClient}`;
    const sequence = sent.get(own) ?? 1;
    sent.set(own, sequence + bytes.length);
    const clientPort = FIRST_CLIENT_PORT + connection;
    const ports = isByClient ? [clientPort, port] : [port, clientPort];
    return frame(index, [...ports, sequence, sent.get(`${connection} ${!isByClient}`) ?? 1], bytes);
  });
  const parts = [fields([4, 0xa1b2c3d4], [2, 2], [2, 4], [8, 0], [4, 0xffff], [4, LINK_TYPE_RAW_IP]), ...frames];
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

function frame(
  index: number,
  [from = 0, to = 0, sequence = 0, acknowledged = 0]: number[],
  bytes: Uint8Array,
): number[] {
  const length = HEADERS_BYTES + bytes.length;
  return [
    ...fields([4, index], [4, 0], [4, length], [4, length]),
    ...fields([2, 0x4500], [2, length], [4, 0], [2, 0x4006], [2, 0], [4, LOOPBACK], [4, LOOPBACK]), // IPv4, TCP in it.
    ...fields([2, from], [2, to], [4, sequence], [4, acknowledged], [2, 0x5018], [2, 0xffff], [4, 0]), // PSH and ACK.
    ...bytes,
  ];
}

function inPieces(segment: Segment): Segment[] {
  const count = Math.ceil(segment.bytes.length / LARGEST_SEGMENT_BYTES);
  return Array.from({ length: count }, (_, index) => ({
    ...segment,
    bytes: segment.bytes.subarray(index * LARGEST_SEGMENT_BYTES, (index + 1) * LARGEST_SEGMENT_BYTES),
  }));
}

/** Numbers in network order, each behind the bytes that it takes. */
function fields(...numbers: readonly (readonly [bytes: number, value: number])[]): number[] {
  return numbers.flatMap(([bytes, value]) =>
    Array.from({ length: bytes }, (_, index) => Math.floor(value / 256 ** (bytes - 1 - index)) % 256)
  );
}
