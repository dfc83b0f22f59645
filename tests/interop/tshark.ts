/** An MQTT packet as tshark shows it. */
export interface TsharkPacket {
  /** Fields in the order of the tree: `mqtt.kalive | Keep Alive: 60 | 10+2 | 60`. */
  readonly lines: readonly string[];
  readonly isMalformed: boolean;
}

const FIELD = /<field name="(mqtt\.[\w.]+)" showname="([^"]*)" size="(\d+)" pos="(\d+)"(?: show="([^"]*))?/;
const ENTITIES: Readonly<Record<string, string>> = { quot: '"', amp: "&", lt: "<", gt: ">", apos: "'" };

/** The MQTT packets that tshark finds in a capture, by the IP address of their sender. */
export async function capturedFields(capture: readonly Uint8Array[]): Promise<Map<string, TsharkPacket[]>> {
  const found = new Map<string, TsharkPacket[]>();
  let packets: TsharkPacket[] = [];
  let lines: string[] = [];
  let base = 0;
  for (const line of (await tshark(capture, ["-Y", "mqtt", "-T", "pdml", "-J", "mqtt"])).split("\n")) {
    const sender = /^ {2}<proto name="ip(?:v6)?" showname="[^"]*Src: ([^,]+)/.exec(line)?.[1];
    if (sender !== undefined) found.set(sender, packets = found.get(sender) ?? []);
    if (line.startsWith('  <proto name="mqtt"')) packets.push({ lines: lines = [], isMalformed: false });
    const last = packets.at(-1);
    if (line.startsWith('  <proto name="_ws.malformed"') && last !== undefined) {
      packets[packets.length - 1] = { ...last, isMalformed: true };
    }
    const [, name, shown = "", size, position, value] = FIELD.exec(line) ?? [];
    // Complaints of Wireshark are fields too.
    if (name === undefined || /illegal|unknown_version|unknown_topic/.test(name)) continue;
    if (name === "mqtt.hdrflags") base = Number(position);
    lines.push(`${name} | ${text(shown)} | ${Number(position) - base}+${size} | ${valueText(text(value ?? ""))}`);
  }
  return found;
}

/** Value of a field for a comparison: numbers in decimal, no long ones, and no characters that tshark writes in its own way. */
export function valueText(value: string): string {
  const number = /^0x[\da-f]+$/.test(value) ? `${Number(value)}` : value;
  return /^[\x20-\x5b\x5d-\x7e]{1,200}$/.test(number) ? number : "";
}

/** Output of tshark about a capture. */
export async function tshark(capture: readonly Uint8Array[], args: readonly string[]): Promise<string> {
  const path = await Deno.makeTempFile({ suffix: ".pcapng" });
  try {
    const file = await Deno.open(path, { write: true });
    for (const bytes of capture) await file.write(bytes);
    file.close();
    const { success, stdout, stderr } = await new Deno.Command("tshark", { args: ["-r", path, ...args] }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout);
  } finally {
    await Deno.remove(path);
  }
}

function text(xml: string): string {
  return xml.replace(/&(\w+);/g, (all, name) => ENTITIES[name] ?? all);
}
