/** Capture of a trace in the format pcapng, out of its pages: what the broker saves, and `brooklet trace` writes while it runs. */

import { encodePacket } from "../../codec/encoder.ts";
import { PacketType, type ProtocolVersion, unreachable } from "../../codec/packet.ts";
import { NO_PROPERTIES } from "../../codec/property.ts";
import { concatenated } from "../../transport/concatenated.ts";
import { Capture, type CapturedConnection } from "../dissect/pcapng.ts";
import type { TraceConnection, TraceFrame, TracePage, TraceRecord } from "./trace_records.ts";

/** CONNECT that stands for one that is not in the trace. */
const CONNECT = {
  type: "connect",
  isBridge: false,
  cleanStart: true,
  keepAliveSeconds: 0,
  will: undefined,
  userName: undefined,
  password: undefined,
  properties: NO_PROPERTIES,
} as const;

type PacketRecord = Extract<TraceRecord, { readonly kind: "packet" }>;

/** Frame of which the payload is not whole yet. */
interface OpenFrame {
  readonly source: number;
  readonly frame: TraceFrame;
  readonly parts: Uint8Array[];
  bytes: number;
}

interface OpenConnection {
  readonly captured: CapturedConnection & { clientId: string | undefined };
  hasPackets: boolean;
  /** Frames by side: received, sent. */
  readonly frames: [OpenFrame | undefined, OpenFrame | undefined];
}

/** Writes pages of a trace as one capture: every method gives the bytes to append. */
export class TraceCapture {
  readonly #isWire: boolean;
  readonly #capture: Capture;
  readonly #open = new Map<number, OpenConnection>();

  /** @param options.isWire whether WebSocket connections have their upgrade and their frames */
  constructor({ isWire = false }: { readonly isWire?: boolean | undefined } = {}) {
    this.#isWire = isWire;
    this.#capture = new Capture({ isWire });
  }

  /** Header, which a capture begins with. */
  begin(): Uint8Array {
    return this.#capture.begin();
  }

  /** Packets of the next page. */
  add({ records, connections }: TracePage): Uint8Array {
    const facts = new Map(connections.map((connection) => [connection.number, connection]));
    const parts: Uint8Array[] = [];
    for (const record of records) {
      const connection = facts.get(record.connection);
      if (connection !== undefined) this.#addRecord(record, connection, parts);
    }
    return concatenated(parts);
  }

  #addRecord(record: TraceRecord, facts: TraceConnection, parts: Uint8Array[]): void {
    if (record.kind === "opened" || record.kind === "refused") return; // These have no bytes.
    const { timeMs, isSent } = record;
    const open = this.#opened(facts);
    const { captured: connection } = open;
    switch (record.kind) {
      case "packet":
        if (!open.hasPackets) this.#begin(record, facts, open, parts);
        if (this.#isWire && record.pieces.every(({ frame }) => frame !== undefined)) {
          return this.#addFrames(record, open, parts);
        }
        parts.push(this.#capture.add({
          ...{ timeMs, connection, isSent, bytes: Uint8Array.fromBase64(record.bytes), wireBytes: record.wireBytes },
          comment: commentOf(record),
        }));
        return;
      case "frame": {
        const { opcode, isFinal, length } = record.frame;
        const bytes = Uint8Array.fromBase64(record.bytes);
        const frames = [{ opcode, isFinal, payloadBytes: length }];
        parts.push(this.#capture.add({ timeMs, connection, isSent, bytes, frames }));
        return;
      }
      case "closed":
        parts.push(this.#capture.end(connection, timeMs, isSent));
        this.#open.delete(record.connection);
        return;
      default:
        return unreachable(record);
    }
  }

  #opened(facts: TraceConnection): OpenConnection {
    let open = this.#open.get(facts.number);
    if (open === undefined) {
      const { listener, address, upgrade } = facts;
      const client = endpointOf(address);
      const captured = { listener, client, broker: brokerOf(listener, client), upgrade, clientId: undefined };
      this.#open.set(facts.number, open = { captured, hasPackets: false, frames: [undefined, undefined] });
    }
    open.captured.clientId ??= facts.clientId === "" ? undefined : facts.clientId;
    return open;
  }

  /** Writes a CONNECT before packets of a connection whose own is not in the trace: Wireshark takes the version from it. */
  #begin(record: PacketRecord, facts: TraceConnection, open: OpenConnection, parts: Uint8Array[]): void {
    const { timeMs } = record;
    const { captured: connection } = open;
    open.hasPackets = true;
    const isConnect = (Uint8Array.fromBase64(record.bytes)[0] ?? 0) >> 4 === PacketType.connect;
    const isWebSocket = this.#isWire && facts.upgrade !== undefined;
    const version = facts.protocolVersion;
    if (isConnect || isWebSocket || !isVersion(version)) return;
    const { clientId } = facts;
    const bytes = encodePacket({ ...CONNECT, protocolVersion: version, clientId }, version);
    const comment = "not on the wire: the CONNECT was before, and Wireshark takes the version of MQTT from it";
    parts.push(this.#capture.add({ timeMs, connection, isSent: false, bytes, comment }));
  }

  /** Adds the frames that are whole with a packet: a frame may have several packets, and a packet several frames. */
  #addFrames(record: PacketRecord, open: OpenConnection, parts: Uint8Array[]): void {
    const bytes = Uint8Array.fromBase64(record.bytes);
    const side = record.isSent ? 1 : 0;
    for (const { source, start, end, frame } of record.pieces) {
      if (frame === undefined) continue;
      let joining = open.frames[side];
      if (joining?.source !== source) joining = { source, frame, parts: [], bytes: 0 }; // One that is not whole is left out.
      joining.parts.push(bytes.subarray(start, end));
      joining.bytes += end - start;
      open.frames[side] = joining.bytes < frame.length ? joining : undefined;
      if (joining.bytes < frame.length) continue;
      const { opcode, isFinal, length } = frame;
      parts.push(this.#capture.add({
        ...{
          timeMs: record.timeMs,
          connection: open.captured,
          isSent: record.isSent,
          bytes: concatenated(joining.parts),
        },
        ...{ frames: [{ opcode, isFinal, payloadBytes: length }], comment: commentOf(record) },
      }));
    }
  }
}

function commentOf({ flaw, lostBefore }: PacketRecord): string | undefined {
  const parts = [
    flaw?.message,
    lostBefore > 0 ? `${lostBefore} packets before this one were too many for the trace` : undefined,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : parts.join("; ");
}

function isVersion(version: number | undefined): version is ProtocolVersion {
  return version === 3 || version === 4 || version === 5;
}

function endpointOf(address: string) {
  const [, host = address, port = "0"] = /^(.*):(\d+)$/.exec(address) ?? [];
  return { address: host.replace(/^\[(.*)\]$/, "$1"), port: Number(port) };
}

/** Address of a listener; one that listens at all addresses has none, so a client of this machine reached its own. */
function brokerOf(listener: string, client: { readonly address: string }) {
  const host = /^[a-z+]+:\/\/(\[[^\]]*\]|[^/:]*)/.exec(listener)?.[1]?.replace(/^\[(.*)\]$/, "$1") ?? "";
  const isAny = host === "0.0.0.0" || host === "::" || host === "";
  return { address: isAny ? client.address : host, port: 0 };
}
