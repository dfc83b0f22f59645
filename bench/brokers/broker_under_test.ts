import { freePorts } from "../../tests/client/mosquitto_broker.ts";
import { Lines } from "../../tests/interop/lines.ts";

const REPOSITORY = new URL("../../", import.meta.url);
const START_WITHIN_MS = 20_000;
const MOSQUITTO_FOLDERS = [...Deno.env.get("PATH")?.split(":") ?? [], "/usr/sbin", "/usr/local/sbin"];

/** A broker in a process of its own, on loopback ports. */
export interface RunningBroker extends AsyncDisposable {
  readonly pid: number;
  url(scheme: "mqtt" | "ws"): string;
}

/** A broker that can be started. */
export interface BrokerKind {
  readonly name: "Brooklet" | "mosquitto" | "Aedes";
  /** As it says itself, with what runs it. */
  readonly version: string;
  start(): Promise<RunningBroker>;
}

/** Brokers that are installed: mosquitto may be missing. */
export async function brokerKinds(): Promise<BrokerKind[]> {
  const deno = `Deno ${Deno.version.deno}`;
  const { version } = await jsonOf("deno.json");
  const { imports } = await jsonOf("tests/import_map.json");
  const aedes = String(imports.aedes).split("@").at(-1);
  const kinds: BrokerKind[] = [
    { name: "Brooklet", version: `${version}, ${deno}`, start: startBrooklet },
    { name: "Aedes", version: `${aedes}, ${deno}`, start: startAedes },
  ];
  const mosquitto = mosquittoPath();
  if (mosquitto === undefined) {
    console.error("mosquitto is not installed (Debian: mosquitto): it is left out");
    return kinds;
  }
  const { stdout } = new Deno.Command(mosquitto, { args: ["-h"] }).outputSync();
  const [, found = "?"] = /version (\S+)/.exec(new TextDecoder().decode(stdout)) ?? [];
  return [...kinds, { name: "mosquitto", version: found, start: () => startMosquitto(mosquitto) }];
}

async function jsonOf(path: string) {
  return JSON.parse(await Deno.readTextFile(new URL(path, REPOSITORY)));
}

async function startBrooklet(): Promise<RunningBroker> {
  const listen = ["--listen", "mqtt://127.0.0.1:0", "--listen", "ws://127.0.0.1:0/mqtt"];
  const child = spawn(Deno.execPath(), ["run", "-A", "mod.ts", "serve", "--no-admin", ...listen]);
  return await running(child, async ({ stderr }) => {
    const lines = await stderr.matching(/^.*listening on (?=(?:mqtt|ws):)/, 2, START_WITHIN_MS);
    const urlOf = (scheme: string) => lines.find((line) => line.startsWith(`${scheme}:`))?.split(" ")[0] ?? "";
    return { mqtt: urlOf("mqtt"), ws: urlOf("ws") };
  });
}

async function startAedes(): Promise<RunningBroker> {
  const child = spawn(Deno.execPath(), ["run", "-A", "bench/brokers/aedes_broker.ts"]);
  return await running(child, async ({ stdout }) => {
    const [line = ""] = await stdout.matching(/^(?=\{)/, 1, START_WITHIN_MS);
    const { mqtt, ws } = JSON.parse(line);
    return { mqtt: `mqtt://127.0.0.1:${mqtt}`, ws: `ws://127.0.0.1:${ws}/mqtt` };
  });
}

/** Set as fast as it can be: no delay of small packets, and no limit that makes it drop what the others keep. */
async function startMosquitto(path: string): Promise<RunningBroker> {
  const folder = await Deno.makeTempDir();
  const [mqtt, ws] = freePorts(2);
  const configuration = [
    "allow_anonymous true",
    "log_dest stderr",
    "set_tcp_nodelay true",
    "max_queued_messages 0",
    "max_inflight_messages 0",
    `listener ${mqtt} 127.0.0.1`,
    `listener ${ws} 127.0.0.1`,
    "protocol websockets",
    "socket_domain ipv4", // Else it listens for WebSocket on all addresses.
  ];
  await Deno.writeTextFile(`${folder}/mosquitto.conf`, configuration.join("\n"));
  const child = spawn(path, ["-c", `${folder}/mosquitto.conf`]);
  return await running(child, async ({ stderr }) => {
    await stderr.matching(/mosquitto version \S+ running/, 1, START_WITHIN_MS);
    await Deno.remove(folder, { recursive: true });
    return { mqtt: `mqtt://127.0.0.1:${mqtt}`, ws: `ws://127.0.0.1:${ws}/mqtt` };
  });
}

interface Outputs {
  readonly stdout: Lines;
  readonly stderr: Lines;
}

async function running(
  child: Deno.ChildProcess,
  listening: (outputs: Outputs) => Promise<{ mqtt: string; ws: string }>,
): Promise<RunningBroker> {
  const outputs = { stdout: new Lines(child.stdout), stderr: new Lines(child.stderr) };
  const end = async () => {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await Promise.all([child.status, outputs.stdout.ended, outputs.stderr.ended]);
  };
  try {
    const urls = await listening(outputs);
    return { pid: child.pid, url: (scheme) => urls[scheme], [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

function spawn(program: string, args: readonly string[]): Deno.ChildProcess {
  const command = new Deno.Command(program, {
    args: [...args],
    cwd: REPOSITORY,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  });
  return command.spawn();
}

function mosquittoPath(): string | undefined {
  return MOSQUITTO_FOLDERS.map((folder) => `${folder}/mosquitto`).find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false; // It is not there.
    }
  });
}
