import type { CapturedItem } from "../admin/dissect/captured_connections.ts";
import type { TraceTarget } from "../admin/trace/trace_records.ts";
import { type Command, command } from "./command.ts";
import { ConfigError } from "./config_error.ts";
import { printLine } from "./program_io.ts";
import { traceLine, treeLines } from "./trace_lines.ts";

const USAGE = 'Write "brooklet trace FILE", such as "brooklet trace capture.pcapng", or whom to trace, such as ' +
  '"brooklet trace --client device-77"';

/** Command that prints the MQTT packets of a capture, or of a broker that runs. */
export const TRACE: Command = command({
  name: "trace",
  usage: [
    "trace [OPTION]... FILE",
    "trace (--client ID | --address ADDRESS | --user NAME | --topic FILTER | --next) [OPTION]...",
  ],
  text:
    "Prints MQTT packets, one line each: those of a capture by tcpdump or Wireshark (pcap, pcapng), or those that a " +
    "broker receives and sends now. Over TCP and over WebSocket, also where a packet came in several frames, which " +
    "Wireshark does not put together. Passwords are printed as asterisks.",
  options: {
    tree: { letter: "t", text: "print the fields of each packet, in the words of Wireshark" },
    client: {
      letter: "c",
      value: "CLIENT",
      text: "print the packets of this client only: its identifier, such as device-77, or in a capture its address, " +
        "such as 10.0.0.7 or 10.0.0.7:4431",
    },
    address: {
      heading: "Of a broker that runs",
      value: "ADDRESS",
      text: "trace the connections of an address, such as 10.0.0.7 or 10.0.0.7:4431",
    },
    user: { value: "NAME", text: "trace the clients of a user" },
    topic: { value: "FILTER", text: "trace what is published to these topics, and subscriptions that overlap them" },
    next: { text: "trace the connection that begins next" },
    wide: { text: "record 64 KiB of each packet, in place of 4 KiB" },
    pcapng: { value: "FILE", text: "write a capture for Wireshark too; - writes it to standard output, without lines" },
    wire: { text: "write WebSocket connections with their upgrade and frames, in place of plain MQTT" },
    url: {
      value: "URL",
      text: "address of the dashboard, or a one-time link; the broker of this user by default, else " +
        "http://127.0.0.1:18083",
    },
    link: { value: "FILE", text: "sign in with the one-time link in a file" },
    token: { value: "TOKEN", text: "sign in with a token of the configuration; BROOKLET_TOKEN in the environment" },
  },
  notes:
    `Lines have the number of the packet, seconds since the first, the client, ▸ to the broker or ◂ from it, the packet \
with its meaning, and in brackets its size, its WebSocket frames or TCP segments, and the packet that it answers.

A broker is traced for 10 minutes at most; brooklet trace --next --pcapng - | wireshark -k -i - shows it in Wireshark.`,
  async run({ values, operands: [file, ...others] }, io) {
    const target = targetOf(values);
    if (others.length > 0 || (file === undefined && target === undefined)) throw new ConfigError(USAGE);
    if (file === undefined && target !== undefined) {
      const { url, link, token = io.environment.get("BROOKLET_TOKEN"), wide, tree, pcapng, wire } = values;
      const { traceLive } = await import("./trace_live.ts");
      const access = { url, linkFile: link, token };
      return await traceLive({ access, target, isWide: wide, hasTrees: tree, captureFile: pcapng, isWire: wire }, io);
    }
    const { tree, client, address, user, topic, next, pcapng } = values;
    if ([address, user, topic, next || undefined, pcapng].some((value) => value !== undefined)) {
      throw new ConfigError("A capture can be printed, for one client; all other options are for a broker that runs");
    }
    const path = file ?? ""; // It is there, as there is no target alone.
    for await (const line of tracedLines(await readFile(path), path, { tree, client })) printLine(io.stdout, line);
    return 0;
  },
});

/** Target that options name; `undefined`: none. */
function targetOf({ client, address, user, topic, next }: {
  readonly client: string | undefined;
  readonly address: string | undefined;
  readonly user: string | undefined;
  readonly topic: string | undefined;
  readonly next: boolean;
}): TraceTarget | undefined {
  const given = Object.entries({ clientId: client, address, user, topic, next: next || undefined })
    .filter(([, value]) => value !== undefined);
  return given.length === 0 ? undefined : Object.fromEntries(given);
}

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
    const { connection, timeMs, isSent, entry, note } = item;
    if (client !== undefined && !isOf(client, connection)) continue;
    yield traceLine({
      number: index + 1,
      seconds: (timeMs - (items[0]?.timeMs ?? 0)) / 1000,
      client: connection.client,
      isSent,
      isWebSocket: connection.carrier === "webSocket",
      entry,
      note,
    }, (answered) => numbers.get(answered));
    if (tree && entry !== undefined) yield* treeLines(entry);
  }
}

/** Whether a connection is that of a client, named by its identifier or address. */
function isOf(client: string, { client: address, clientId }: CapturedItem["connection"]): boolean {
  return client === clientId || client === address || client === address.replace(/:\d+$/, "");
}
