/**
 * IP and TCP around the bytes of one connection, for captures: a broker reads streams, and a capture holds packets.
 *
 * ```text
 * SYN, SYN ACK, ACK      before the first bytes
 * PSH ACK                the bytes, at most 60,000 in each packet, with their sequence numbers and checksums
 * FIN ACK, FIN ACK, ACK  after the last
 * ```
 */

/** Address and port of one end of a connection. */
export interface Endpoint {
  /** IPv4 or IPv6 in text, without brackets; anything else, such as the path of a Unix socket, is written as loopback. */
  readonly address: string;
  readonly port: number;
}

/** One IP packet of a capture. */
export interface IpPacket {
  /** The packet from its IP header on, as far as it was kept. */
  readonly bytes: Uint8Array;
  /** Length of the packet on the wire. */
  readonly wireBytes: number;
  /** Whether the broker sent it. */
  readonly isSent: boolean;
}

/** Payload bytes in a packet: with the headers they fit the 65,535 bytes of an IPv4 packet. */
const LARGEST_SEGMENT_BYTES = 60_000;
const TCP_HEADER_BYTES = 20;
const TCP_PROTOCOL = 6;
const HOP_LIMIT = 64;
const WINDOW = 0xffff;
const Flag = { fin: 0x01, syn: 0x02, psh: 0x08, ack: 0x10 } as const;
const LOOPBACK_4 = [127, 0, 0, 1];
const NOTHING: Uint8Array = new Uint8Array(0);
const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** Packets of one TCP connection, in order; sequence numbers begin at 0, as Wireshark shows them. */
export class TcpPackets {
  readonly #client: { readonly address: readonly number[]; readonly port: number };
  readonly #broker: { readonly address: readonly number[]; readonly port: number };
  #clientSequence = 0;
  #brokerSequence = 0;

  constructor(client: Endpoint, broker: Endpoint) {
    const [clientAddress, brokerAddress] = ofOneFamily(addressBytes(client.address), addressBytes(broker.address));
    this.#client = { address: clientAddress, port: client.port };
    this.#broker = { address: brokerAddress, port: broker.port };
  }

  /** Handshake before the first bytes. */
  open(): IpPacket[] {
    const packets = [this.#packet(false, Flag.syn)];
    this.#clientSequence += 1;
    packets.push(this.#packet(true, Flag.syn | Flag.ack));
    this.#brokerSequence += 1;
    return [...packets, this.#packet(false, Flag.ack)];
  }

  /** Bytes of one side; `wireBytes` is their number on the wire when only the first of them were kept. */
  data(isSent: boolean, bytes: Uint8Array, wireBytes = bytes.length): IpPacket[] {
    const packets: IpPacket[] = [];
    for (let start = 0; start < wireBytes; start += LARGEST_SEGMENT_BYTES) {
      const segmentBytes = Math.min(LARGEST_SEGMENT_BYTES, wireBytes - start);
      packets.push(
        this.#packet(isSent, Flag.psh | Flag.ack, bytes.subarray(start, start + segmentBytes), segmentBytes),
      );
      this.#advance(isSent, segmentBytes);
    }
    return packets;
  }

  /** End of the connection, begun by one side. */
  close(isSent: boolean): IpPacket[] {
    const packets = [this.#packet(isSent, Flag.fin | Flag.ack)];
    this.#advance(isSent, 1);
    packets.push(this.#packet(!isSent, Flag.fin | Flag.ack));
    this.#advance(!isSent, 1);
    return [...packets, this.#packet(isSent, Flag.ack)];
  }

  #advance(isSent: boolean, count: number): void {
    if (isSent) this.#brokerSequence = (this.#brokerSequence + count) % 0x1_0000_0000;
    else this.#clientSequence = (this.#clientSequence + count) % 0x1_0000_0000;
  }

  #packet(isSent: boolean, flags: number, payload: Uint8Array = NOTHING, payloadBytes = payload.length): IpPacket {
    const [from, to] = isSent ? [this.#broker, this.#client] : [this.#client, this.#broker];
    const [sequence, acknowledged] = isSent
      ? [this.#brokerSequence, this.#clientSequence]
      : [this.#clientSequence, this.#brokerSequence];
    const ip = from.address.length === 4
      ? ipv4Header(from.address, to.address, TCP_HEADER_BYTES + payloadBytes)
      : ipv6Header(from.address, to.address, TCP_HEADER_BYTES + payloadBytes);
    const bytes = new Uint8Array(ip.length + TCP_HEADER_BYTES + payload.length);
    bytes.set(ip);
    const tcp = new DataView(bytes.buffer, ip.length);
    tcp.setUint16(0, from.port);
    tcp.setUint16(2, to.port);
    tcp.setUint32(4, sequence);
    tcp.setUint32(8, (flags & Flag.ack) === 0 ? 0 : acknowledged);
    tcp.setUint16(12, (TCP_HEADER_BYTES / 4) << 12 | flags);
    tcp.setUint16(14, WINDOW);
    bytes.set(payload, ip.length + TCP_HEADER_BYTES);
    const pseudoHeader = sum(Uint8Array.from([...from.address, ...to.address])) + TCP_PROTOCOL +
      TCP_HEADER_BYTES + payloadBytes;
    tcp.setUint16(16, checksum(pseudoHeader + sum(bytes.subarray(ip.length))));
    return { bytes, wireBytes: ip.length + TCP_HEADER_BYTES + payloadBytes, isSent };
  }
}

function ipv4Header(from: readonly number[], to: readonly number[], payloadBytes: number): Uint8Array {
  const header = new Uint8Array(20);
  const view = new DataView(header.buffer);
  view.setUint16(0, 0x4500);
  view.setUint16(2, header.length + payloadBytes);
  view.setUint16(6, 0x4000); // Don't Fragment.
  view.setUint8(8, HOP_LIMIT);
  view.setUint8(9, TCP_PROTOCOL);
  header.set(from, 12);
  header.set(to, 16);
  view.setUint16(10, checksum(sum(header)));
  return header;
}

function ipv6Header(from: readonly number[], to: readonly number[], payloadBytes: number): Uint8Array {
  const header = new Uint8Array(40);
  const view = new DataView(header.buffer);
  view.setUint32(0, 0x6000_0000);
  view.setUint16(4, payloadBytes);
  view.setUint8(6, TCP_PROTOCOL);
  view.setUint8(7, HOP_LIMIT);
  header.set(from, 8);
  header.set(to, 24);
  return header;
}

/** Sum of 16-bit words (RFC 1071); below 2^53 for every packet. */
function sum(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const even = bytes.length & ~1;
  let total = 0;
  for (let at = 0; at < even; at += 2) total += view.getUint16(at);
  return even === bytes.length ? total : total + (view.getUint8(even) << 8);
}

function checksum(total: number): number {
  let folded = total;
  while (folded > 0xffff) folded = Math.floor(folded / 0x1_0000) + folded % 0x1_0000;
  return ~folded & 0xffff;
}

/** Both addresses as IPv4, or both as IPv6, an IPv4 one mapped into it (RFC 4291, section 2.5.5.2). */
function ofOneFamily(first: readonly number[], second: readonly number[]): [readonly number[], readonly number[]] {
  if (first.length === second.length) return [first, second];
  return first.length === 4 ? [[...MAPPED, ...first], second] : [first, [...MAPPED, ...second]];
}

function addressBytes(address: string): readonly number[] {
  return ipv4Bytes(address) ?? ipv6Bytes(address) ?? LOOPBACK_4;
}

function ipv4Bytes(text: string): number[] | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)) return undefined;
  return parts.map(Number);
}

function ipv6Bytes(text: string): number[] | undefined {
  const [address = ""] = text.split("%"); // The zone belongs to one host.
  const [head = "", tail, ...more] = address.split("::");
  const [first, last] = [groupBytes(head), groupBytes(tail ?? "")];
  if (first === undefined || last === undefined || more.length > 0) return undefined;
  const missing = 16 - first.length - last.length;
  if (tail === undefined ? missing !== 0 : missing < 2) return undefined;
  return [...first, ...new Array<number>(missing).fill(0), ...last];
}

function groupBytes(text: string): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  for (const group of text.split(":")) {
    const dotted = ipv4Bytes(group);
    if (dotted !== undefined) bytes.push(...dotted);
    else if (/^[0-9a-f]{1,4}$/i.test(group)) bytes.push(parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff);
    else return undefined;
  }
  return bytes;
}
