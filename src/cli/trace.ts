import type { CapturedItem } from "../admin/dissect/captured_connections.ts";
import { type Command, command } from "./command.ts";
import { ConfigError } from "./config_error.ts";
import { printable } from "../codec/printable.ts";
import { printLine } from "./program_io.ts";

/** Command that prints the MQTT packets of a capture. */
export const TRACE: Command = command({
  name: "trace",
  usage: ["trace [OPTION]... FILE"],
  text:
    "Prints the MQTT packets of a capture by tcpdump or Wireshark (pcap, pcapng), one line each: over TCP and over " +
    "WebSocket, also where a packet came in several frames, which Wireshark does not put together. " +
    "Passwords are printed as asterisks.",
  options: {
    tree: { letter: "t", text: "print the fields of each packet, in the words of Wireshark" },
    client: {
      letter: "c",
      value: "CLIENT",
      text:
        "print the packets of this client only: its identifier, such as device-77, or its address, such as 10.0.0.7 or 10.0.0.7:4431",
    },
  },
  notes:
    `Lines have the number of the packet, seconds since the first, the client, ▸ to the broker or ◂ from it, the packet \
with its meaning, and in brackets its size, its WebSocket frames or TCP segments, and the packet that it answers.`,
  async run({ values: { tree, client }, operands: [file, ...others] }, { stdout }) {
    if (file === undefined || others.length > 0) {
      throw new ConfigError('Write "brooklet trace FILE", such as "brooklet trace capture.pcapng"');
    }
    for await (const line of tracedLines(await readFile(file), file, { tree, client })) printLine(stdout, line);
    return 0;
  },
});

async function readFile(file: string): Promise<Uint8Array> {
  try {
    return await Deno.readFile(file);
  } catch (error) {
    throw new ConfigError(`Cannot read "${file}": ${error instanceof Error ? error.message : error}`);
  }
}

/** Lines about a capture. The dissector is loaded here, so that the broker starts without it. */
async function* tracedLines(
  bytes: Uint8Array,
  file: string,
  { tree, client }: { readonly tree: boolean; readonly client: string | undefined },
): AsyncIterable<string> {
  const { readCapture } = await import("../admin/dissect/capture_reader.ts");
  const { capturedItems } = await import("../admin/dissect/captured_connections.ts");
  const segments = readCapture(bytes);
  if (segments === undefined) throw new ConfigError(`Cannot trace "${file}": it is neither pcap nor pcapng`);
  const items = capturedItems(segments);
  const numbers = new Map(items.map((item, index) => [item.entry, index + 1]));
  for (const [index, item] of items.entries()) {
    if (client !== undefined && !isOf(client, item.connection)) continue;
    yield line(index + 1, (item.timeMs - (items[0]?.timeMs ?? 0)) / 1000, item, numbers);
    if (tree && item.entry !== undefined) yield* treeOf(item.entry);
  }
}

/** Whether a connection is that of a client, named by its identifier or address. */
function isOf(client: string, { client: address, clientId }: CapturedItem["connection"]): boolean {
  return client === clientId || client === address || client === address.replace(/:\d+$/, "");
}

async function* treeOf(entry: NonNullable<CapturedItem["entry"]>): AsyncIterable<string> {
  const { dissectEntry } = await import("../admin/dissect/conversation.ts");
  const { treeText } = await import("../admin/dissect/dissector.ts");
  const dissection = dissectEntry(entry);
  for (const line of treeText(dissection).trimEnd().split("\n")) yield `    ${printable(line)}`;
  const { flaw } = dissection;
  if (flaw === undefined) return;
  const bytes = Array.from(entry.bytes.subarray(flaw.start, flaw.end), (byte) => byte.toString(16).padStart(2, "0"));
  yield `    Malformed at byte ${flaw.start} (${bytes.slice(0, 16).join(" ")}): ${printable(flaw.message)}`;
  if (flaw.answer !== undefined) yield `    Answer of Brooklet: ${flaw.answer}`;
}

function line(
  number: number,
  seconds: number,
  { connection, isSent, entry, note }: CapturedItem,
  numbers: ReadonlyMap<CapturedItem["entry"], number>,
): string {
  const head = `${`${number}`.padStart(5)} ${seconds.toFixed(3).padStart(8)} ${connection.client} ${
    isSent ? "◂" : "▸"
  }`;
  if (entry === undefined) return `${head} ${printable(note ?? "")}`;
  const { summary, bytes, wireBytes = bytes.length, pieces = [], answers, timeMs } = entry;
  const count = pieces.length;
  const parts = [
    `${wireBytes} B${count > 1 ? ` in ${count} ${connection.carrier === "webSocket" ? "frames" : "segments"}` : ""}`,
    ...answers === undefined
      ? []
      : [`answers ${numbers.get(answers)} after ${(timeMs - answers.timeMs).toFixed(1)} ms`],
  ];
  return `${head} ${printable(`${summary.packet} ${summary.details}`.trimEnd())} [${parts.join(", ")}]`;
}
