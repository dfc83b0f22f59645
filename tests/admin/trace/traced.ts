import { assert } from "@std/assert";
import { type Broker, type BrokerOptions, memoryTransport } from "../../../mod.ts";
import type { Trace } from "../../../src/admin/trace/trace.ts";
import { type TraceItem, TraceReader } from "../../../src/admin/trace/trace_reader.ts";
import type { TraceOptions } from "../../../src/admin/trace/trace_records.ts";
import { Traces } from "../../../src/admin/trace/traces.ts";
import type { ProtocolVersion } from "../../../src/codec/mod.ts";
import { fromHex } from "../../codec/hex.ts";
import { within } from "../../deadline.ts";
import { converse, type Step } from "../../wire/conversation.ts";

/** Traces a conversation; gives the lines of its trace, which has ended. */
export async function traced(
  version: ProtocolVersion,
  { target, before = [], steps, options = {} }: {
    readonly target: TraceOptions;
    readonly before?: readonly Step[];
    readonly steps: readonly Step[];
    readonly options?: BrokerOptions;
  },
): Promise<{ readonly lines: string[]; readonly trace: Trace }> {
  const { promise, resolve } = Promise.withResolvers<Trace>();
  await converse(version, options, async (conversation) => {
    const traces = new Traces(conversation.broker);
    await conversation.run(...before);
    await settled();
    const trace = started(traces, target);
    await conversation.run(...steps);
    await settled();
    traces.close();
    resolve(trace);
  });
  const trace = await promise;
  return { lines: await linesOf(trace), trace };
}

/** Starts a trace that has a place. */
export function started(traces: Traces, target: TraceOptions): Trace {
  const trace = traces.start(target);
  assert(trace !== undefined, "there are too many traces");
  return trace;
}

/** Resolves when what has begun before is done: bytes are read, and connections that have ended have said so. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Sends bytes on a connection of its own, and waits for its end. */
export async function exchanged(broker: Broker, ...chunks: (string | Uint8Array)[]): Promise<void> {
  const { server, client } = memoryTransport();
  const served = broker.serve(server);
  const writer = client.writable.getWriter();
  for (const chunk of chunks) await writer.write(typeof chunk === "string" ? fromHex(chunk) : chunk);
  writer.close().catch(() => {}); // The broker may have closed it.
  for await (const _ of client.readable);
  client.close();
  await within(served, "the end of the connection");
  await settled();
}

/** All records of a trace. */
export async function itemsOf(trace: Trace): Promise<TraceItem[]> {
  return new TraceReader().add(await trace.records({ limit: 5_000 }));
}

/** All records of a trace in lines, each after the number of its connection: `1 ▸ CONNECT v3.1.1 "a" keep alive 0 s`. */
export async function linesOf(trace: Trace): Promise<string[]> {
  return (await itemsOf(trace)).map(({ record, entry, note }) => {
    const text = entry === undefined ? note : `${entry.summary.packet} ${entry.summary.details}`.trimEnd();
    return `${record.connection} ${record.isSent ? "◂" : "▸"} ${text}`;
  });
}
