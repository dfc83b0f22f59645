/**
 * TCP segments of a capture that tcpdump, Wireshark or this broker wrote: pcap and pcapng of both byte orders, with the
 * link types that machines have. Anything else in the capture is passed over.
 */

/** TCP segment of a capture. */
export interface Segment {
  readonly timeMs: number;
  /** Address and port in text, such as `10.0.0.7:4431` and `[::1]:4431`. */
  readonly from: string;
  readonly to: string;
  readonly fromPort: number;
  readonly toPort: number;
  readonly sequence: number;
  readonly isSyn: boolean;
  readonly isAcknowledged: boolean;
  /** Bytes that were kept, and their number on the wire. */
  readonly payload: Uint8Array;
  readonly wireBytes: number;
}

interface Interface {
  readonly linkType: number;
  /** Units of time in a second. */
  readonly resolution: number;
}

const PCAPNG_MAGIC = 0x0a0d0d0a;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
/** Magic numbers of pcap, by their units of time in a second. */
const PCAP_MAGICS: ReadonlyMap<number, number> = new Map([[0xa1b2c3d4, 1e6], [0xa1b23c4d, 1e9]]);
const BlockType = { interface: 1, packet: 6 } as const;
const TIME_RESOLUTION_OPTION = 9;
const IPV4 = 0x0800;
const IPV6 = 0x86dd;
const VLAN = 0x8100;
const TCP_PROTOCOL = 6;
/** IPv6 extension headers that may stand before TCP: Hop-by-Hop, Routing, Destination Options. */
const EXTENSIONS: ReadonlySet<number> = new Set([0, 43, 60]);
/** Link types by their number: where the Ethertype stands, and where the network packet begins. */
const ETHERTYPE_LINKS: ReadonlyMap<number, readonly [type: number, packet: number]> = new Map([
  [1, [12, 14]], // Ethernet.
  [113, [14, 16]], // Linux "cooked", as of the interface "any".
  [276, [0, 20]], // The same, version 2.
]);
/** Link types whose packets begin after so many bytes, with IP alone in them. */
const IP_LINKS: ReadonlyMap<number, number> = new Map([[0, 4], [12, 0], [14, 0], [101, 0], [108, 4], [228, 0], [
  229,
  0,
]]);

/** Segments of a capture, in its order; `undefined` if the bytes are no capture. A capture that is cut ends early. */
export function readCapture(bytes: Uint8Array): Segment[] | undefined {
  if (bytes.length < 24) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(0) === PCAPNG_MAGIC) return readPcapng(bytes, view);
  for (const isLittle of [true, false]) {
    const resolution = PCAP_MAGICS.get(view.getUint32(0, isLittle));
    if (resolution !== undefined) return readPcap(bytes, view, isLittle, resolution);
  }
  return undefined;
}

function readPcap(bytes: Uint8Array, view: DataView, isLittle: boolean, resolution: number): Segment[] {
  const segments: Segment[] = [];
  const linkType = view.getUint32(20, isLittle) & 0xffff; // The upper bits say how long a frame check sequence is.
  for (let at = 24; at + 16 <= bytes.length;) {
    const length = view.getUint32(at + 8, isLittle);
    const timeMs = view.getUint32(at, isLittle) * 1000 + view.getUint32(at + 4, isLittle) / resolution * 1000;
    add(segments, timeMs, linkType, bytes.subarray(at + 16, at + 16 + length));
    at += 16 + length;
  }
  return segments;
}

function readPcapng(bytes: Uint8Array, view: DataView): Segment[] {
  const segments: Segment[] = [];
  let interfaces: Interface[] = [];
  let isLittle = false;
  for (let at = 0; at + 12 <= bytes.length;) {
    if (view.getUint32(at) === PCAPNG_MAGIC) { // Each section has its own byte order and interfaces.
      isLittle = view.getUint32(at + 8) !== BYTE_ORDER_MAGIC;
      interfaces = [];
    }
    const type = view.getUint32(at, isLittle);
    const length = view.getUint32(at + 4, isLittle);
    if (length < 12 || at + length > bytes.length) break;
    if (type === BlockType.interface && length >= 20) {
      interfaces.push({
        linkType: view.getUint16(at + 8, isLittle),
        resolution: resolutionOf(view, at + 16, at + length - 4, isLittle),
      });
    } else if (type === BlockType.packet && length >= 32) {
      const { linkType, resolution } = interfaces[view.getUint32(at + 8, isLittle)] ?? { linkType: -1, resolution: 1 };
      const units = view.getUint32(at + 12, isLittle) * 0x1_0000_0000 + view.getUint32(at + 16, isLittle);
      const captured = Math.min(view.getUint32(at + 20, isLittle), length - 32);
      add(segments, units / resolution * 1000, linkType, bytes.subarray(at + 28, at + 28 + captured));
    }
    at += length;
  }
  return segments;
}

function resolutionOf(view: DataView, from: number, end: number, isLittle: boolean): number {
  for (let at = from; at + 4 <= end;) {
    const [code, length] = [view.getUint16(at, isLittle), view.getUint16(at + 2, isLittle)];
    if (code === TIME_RESOLUTION_OPTION && at + 5 <= end) {
      const exponent = view.getUint8(at + 4);
      return exponent & 0x80 ? 2 ** (exponent & 0x7f) : 10 ** exponent;
    }
    if (code === 0) break;
    at += 4 + (length + 3 & ~3);
  }
  return 1e6;
}

function add(segments: Segment[], timeMs: number, linkType: number, frame: Uint8Array): void {
  const packet = networkPacket(linkType, frame);
  const segment = packet && readPacket(packet, timeMs);
  if (segment !== undefined) segments.push(segment);
}

function networkPacket(linkType: number, frame: Uint8Array): Uint8Array | undefined {
  const plain = IP_LINKS.get(linkType);
  if (plain !== undefined) return frame.subarray(plain);
  const link = ETHERTYPE_LINKS.get(linkType);
  if (link === undefined) return undefined;
  let [typeAt, packetAt] = link;
  let type = uint16(frame, typeAt);
  for (; type === VLAN; type = uint16(frame, typeAt)) [typeAt, packetAt] = [packetAt + 2, packetAt + 4];
  return type === IPV4 || type === IPV6 ? frame.subarray(packetAt) : undefined;
}

function readPacket(packet: Uint8Array, timeMs: number): Segment | undefined {
  const version = (packet[0] ?? 0) >> 4;
  let at = version === 4 ? ((packet[0] ?? 0) & 0x0f) * 4 : 40;
  let protocol = packet[version === 4 ? 9 : 6] ?? -1;
  if (version === 6) {
    for (; EXTENSIONS.has(protocol); at += 8 + (packet[at + 1] ?? 0) * 8) protocol = packet[at] ?? -1;
  }
  const isFragment = version === 4 && (uint16(packet, 6) & 0x1fff) !== 0;
  if ((version !== 4 && version !== 6) || protocol !== TCP_PROTOCOL || isFragment || packet.length < at + 20) {
    return undefined;
  }
  const end = version === 4 ? uint16(packet, 2) : 40 + uint16(packet, 4);
  const payloadAt = at + ((packet[at + 12] ?? 0) >> 4) * 4;
  const flags = packet[at + 13] ?? 0;
  const [fromPort, toPort] = [uint16(packet, at), uint16(packet, at + 2)];
  // A length of 0 is that of a packet that the network card was to cut into segments.
  const wireEnd = end === 0 || end === 40 ? packet.length : end;
  const addresses = version === 4 ? [packet.subarray(12, 16), packet.subarray(16, 20)] : [
    packet.subarray(8, 24),
    packet.subarray(24, 40),
  ];
  const [from = "", to = ""] = addresses.map(addressText);
  return {
    timeMs,
    from: `${from}:${fromPort}`,
    to: `${to}:${toPort}`,
    fromPort,
    toPort,
    sequence: uint16(packet, at + 4) * 0x1_0000 + uint16(packet, at + 6),
    isSyn: (flags & 0x02) !== 0,
    isAcknowledged: (flags & 0x10) !== 0,
    payload: packet.subarray(payloadAt, wireEnd),
    wireBytes: Math.max(0, wireEnd - payloadAt),
  };
}

/** Address in text; of IPv6 the short form (RFC 5952). */
function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, index) => uint16(bytes, index * 2));
  let [start, length] = [0, 1];
  for (let from = 0; from < 8; from++) {
    let end = from;
    while (groups[end] === 0) end += 1;
    if (end - from > length) [start, length] = [from, end - from];
  }
  const text = (some: readonly number[]) => some.map((group) => group.toString(16)).join(":");
  if (length < 2) return `[${text(groups)}]`;
  return `[${text(groups.slice(0, start))}::${text(groups.slice(start + length))}]`;
}

function uint16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) << 8 | (bytes[at + 1] ?? 0);
}
