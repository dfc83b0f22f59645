import type {
  TraceConnection,
  TraceFacts,
  TracePage,
  TracePiece,
  TraceRecord,
} from "../../../src/admin/trace/trace_records.ts";
import vectors from "../../vectors.json" with { type: "json" };

/** Part of a record that a test gives; the rest is filled in. */
export type GivenRecord =
  & {
    readonly connection?: number;
    readonly timeMs?: number;
    readonly lostBefore?: number;
  }
  & (
    | {
      readonly sent?: string;
      readonly received?: string;
      readonly frames?: readonly string[];
    }
    | { readonly record: Partial<TraceRecord> & Pick<TraceRecord, "kind"> }
  );

/** Packets of an article, in the frames that it shows. */
export function article(
  name: keyof typeof vectors["vectors"],
): readonly string[] {
  const vector = vectors.vectors[name];
  return "frames" in vector ? vector.frames : "hex" in vector ? [vector.hex] : [];
}

/** Page of a trace, as the API gives it. */
export function tracePage(
  records: readonly GivenRecord[],
  { first = 1, lost = 0, missed = 0, connections = [connection()] }: {
    readonly first?: number;
    readonly lost?: number;
    readonly missed?: number;
    readonly connections?: readonly TraceConnection[];
  } = {},
): TracePage {
  const last = first + records.length - 1;
  return {
    records: records.map((record, index) => recordOf(record, first + index)),
    connections,
    after: last,
    missed,
    trace: facts({ records: last, lost }),
  };
}

export function connection(
  facts: Partial<TraceConnection> = {},
): TraceConnection {
  return {
    number: 1,
    clientId: "861694030142473",
    principal: undefined,
    address: "127.0.0.1:43078",
    listener: "ws://127.0.0.1:8083/mqtt",
    transport: "ws",
    protocolVersion: 4,
    connectedAtMs: 0,
    isFromStart: true,
    upgrade: undefined,
    ...facts,
  };
}

export function facts(facts: Partial<TraceFacts> = {}): TraceFacts {
  return {
    id: "t1",
    target: { clientId: "a" },
    name: 'client "a"',
    isWide: false,
    startedAtMs: 0,
    endsAtMs: 600_000,
    isActive: true,
    connections: 1,
    records: 0,
    first: 1,
    lost: 0,
    ...facts,
  };
}

function recordOf(given: GivenRecord, number: number): TraceRecord {
  const { connection = 1, timeMs = number * 10, lostBefore = 0 } = given;
  const base = { number, timeMs, connection, lostBefore, isSent: false };
  if ("record" in given) return { ...base, ...given.record } as TraceRecord; // The test gives what its kind has.
  const { sent, received, frames = [sent ?? received ?? ""] } = given;
  const hex = frames.join("").replaceAll(" ", "");
  return {
    ...base,
    isSent: sent !== undefined,
    kind: "packet",
    bytes: Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16))
      .toBase64(),
    wireBytes: hex.length / 2,
    pieces: piecesOf(frames),
  };
}

function piecesOf(frames: readonly string[]): TracePiece[] {
  let end = 0;
  return frames.map((frame, source) => {
    const start = end;
    const length = frame.replaceAll(" ", "").length / 2;
    end += length;
    return {
      source,
      start,
      end,
      frame: { opcode: 2, isFinal: true, isMasked: true, length },
    };
  });
}
