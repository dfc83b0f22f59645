import { Broker, type BrokerOptions, listenTcp, listenTls, listenUnix, listenWebSocket } from "../../mod.ts";
import { authority, identity } from "../certificates/certificates.ts";
import { MosquittoBroker } from "../client/mosquitto_broker.ts";
import { within } from "../deadline.ts";
import { programTests } from "../interop/interop_tests.ts";
import { Lines } from "../interop/lines.ts";
import { ProgramInProcess } from "./program_in_process.ts";
import { TestIo } from "./test_io.ts";

const REPOSITORY = new URL("../../", import.meta.url);
const RUN_WITHIN_MS = 30_000;
const BROKER_KINDS = ["mosquitto", "Brooklet"] as const;
const MOSQUITTO_PROGRAMS = { pub: "mosquitto_pub", sub: "mosquitto_sub", request: "mosquitto_rr" } as const;

export type ToolCommand = keyof typeof MOSQUITTO_PROGRAMS;
export type ToolKind = "mosquitto" | "Brooklet";
type Scheme = "mqtt" | "mqtts" | "ws" | "unix";

/** How a client command ended. */
export interface ToolOutcome {
  readonly code: number;
  /** Bytes as Latin-1, so that a difference can be read. */
  readonly stdout: string;
  readonly stderr: string;
}

/** A broker, whichever it is, that clients of the command line can reach. */
export interface ToolBroker extends AsyncDisposable {
  url(scheme: Scheme): string;
}

/** mosquitto's clients, or the commands that take their options, which run in this process unless it says otherwise. */
export class ClientTools {
  readonly kind: ToolKind;

  constructor(kind: ToolKind) {
    this.kind = kind;
  }

  /** Runs one to its end. */
  async run(
    command: ToolCommand,
    args: readonly string[],
    input: string | Uint8Array<ArrayBuffer> = "",
    env: Readonly<Record<string, string>> = {},
  ): Promise<ToolOutcome> {
    if (this.kind === "mosquitto") return await this.runProcess(command, args, input, env);
    const io = new TestIo({ input, env });
    const ending = Promise.all([io.run([command, ...args]), io.stdout.bytes(), io.stderr.text()]);
    const [code, stdout, stderr] = await within(ending, `${command} ${args.join(" ")}`, RUN_WITHIN_MS);
    return { code, stdout: latin1(stdout), stderr };
  }

  /** The same in a process of its own, whose local time is that of India. */
  async runProcess(
    command: ToolCommand,
    args: readonly string[],
    input: string | Uint8Array<ArrayBuffer> = "",
    env: Readonly<Record<string, string>> = {},
  ): Promise<ToolOutcome> {
    const child = this.#spawn(command, args, env);
    const output = child.output();
    // A program that ends before it has read its input is judged by its exit code.
    const bytes = typeof input === "string" ? new TextEncoder().encode(input) : input;
    const fed = ReadableStream.from([bytes]).pipeTo(child.stdin).catch(() => {});
    try {
      const { code, stdout, stderr } = await within(output, `${command} ${args.join(" ")}`, RUN_WITHIN_MS);
      await fed;
      return { code, stdout: latin1(stdout), stderr: new TextDecoder().decode(stderr) };
    } catch (error) {
      child.kill("SIGKILL");
      await Promise.all([output, fed]);
      throw error;
    }
  }

  start(command: ToolCommand, args: readonly string[]): RunningTool {
    return this.kind === "mosquitto" ? this.startProcess(command, args) : new ToolInProcess([command, ...args]);
  }

  /** The same as a process of its own, which can be killed. */
  startProcess(command: ToolCommand, args: readonly string[]): ToolProcess {
    return new ToolProcess(this.#spawn(command, args, {}));
  }

  /** As a word of a shell. */
  get programs(): Readonly<Record<ToolCommand, string>> {
    if (this.kind === "mosquitto") return MOSQUITTO_PROGRAMS;
    const program = `${Deno.execPath()} run -A ${new URL("mod.ts", REPOSITORY).pathname}`;
    return { pub: `${program} pub`, sub: `${program} sub`, request: `${program} request` };
  }

  #spawn(command: ToolCommand, args: readonly string[], env: Readonly<Record<string, string>>): Deno.ChildProcess {
    const [program, words] = this.kind === "mosquitto"
      ? [MOSQUITTO_PROGRAMS[command], args]
      : [Deno.execPath(), ["run", "-A", "mod.ts", command, ...args]];
    return new Deno.Command(program, {
      args: [...words],
      cwd: REPOSITORY,
      env: { NO_COLOR: "1", TZ: "Asia/Kolkata", ...env },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }
}

/** How a client command that was started ended. */
interface ToolEnding {
  readonly code: number;
  readonly signal: string | null;
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
}

/** A client command that is under way. */
export interface RunningTool extends AsyncDisposable {
  readonly stdout: Lines;
  readonly stderr: Lines;
  /** Says a line to it. */
  tell(line: string): Promise<void>;
  closeInput(): Promise<void>;
  signal(signal: "SIGINT" | "SIGTERM"): void;
  ended(): Promise<ToolEnding>;
}

/** A client command in this process. */
class ToolInProcess extends ProgramInProcess implements RunningTool {
  closeInput(): Promise<void> {
    this.io.stdin.close();
    return Promise.resolve();
  }

  signal(signal: "SIGINT" | "SIGTERM"): void {
    this.kill(signal);
  }

  override async ended(): Promise<ToolEnding> {
    return { ...await super.ended(RUN_WITHIN_MS), signal: null };
  }
}

/** A client command as a process. */
class ToolProcess implements RunningTool {
  readonly stdout: Lines;
  readonly stderr: Lines;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;

  constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.stdout = new Lines(child.stdout);
    this.stderr = new Lines(child.stderr);
    this.#input = child.stdin.getWriter();
    this.#input.closed.catch(() => {}); // It ends with the program.
  }

  async tell(line: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${line}\n`));
  }

  async closeInput(): Promise<void> {
    await this.#input.close();
  }

  signal(signal: "SIGINT" | "SIGTERM" | "SIGKILL"): void {
    this.#child.kill(signal);
  }

  async ended(): Promise<ToolEnding> {
    const { code, signal } = await within(this.#child.status, "the command to end", RUN_WITHIN_MS);
    await Promise.all([this.stdout.ended, this.stderr.ended]);
    return { code, signal, stdout: this.stdout.received, stderr: this.stderr.received };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.signal("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.ended();
    await this.#input.abort().catch(() => {}); // It may be broken already.
  }
}

/** Brooklet in this process, listening in all ways. */
export class BrookletBroker implements ToolBroker {
  readonly #urls: Readonly<Record<Scheme, string>>;
  readonly #end: () => Promise<void>;

  private constructor(urls: Readonly<Record<Scheme, string>>, end: () => Promise<void>) {
    this.#urls = urls;
    this.#end = end;
  }

  static async start(options: BrokerOptions = {}): Promise<BrookletBroker> {
    const folder = await Deno.makeTempDir();
    const broker = await Broker.open(options);
    const server = identity("server");
    const tls = { port: 0, ...server, clientAuthority: authority(), requireCertificate: true };
    const listeners = {
      mqtt: listenTcp({ port: 0 }),
      mqtts: listenTls(tls),
      ws: listenWebSocket(listenTcp({ port: 0 })),
      unix: await listenUnix({ path: `${folder}/mqtt` }),
    };
    const served: Promise<void>[] = [];
    const accepting = Object.values(listeners).map(async (listener) => {
      for await (const transport of listener) served.push(broker.serve(transport));
    });
    const { mqtt, mqtts, ws, unix } = listeners;
    return new BrookletBroker({ mqtt: mqtt.url, mqtts: mqtts.url, ws: ws.url, unix: unix.url }, async () => {
      for (const listener of Object.values(listeners)) listener.close();
      await Promise.all(accepting);
      await broker.close();
      await Promise.all(served);
      await Deno.remove(folder, { recursive: true });
    });
  }

  url(scheme: Scheme): string {
    return this.#urls[scheme];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
  }
}

const register = programTests(["mosquitto", "mosquitto_pub", "mosquitto_sub", "mosquitto_rr", "stdbuf"]);

/** A broker and what reaches it over TCP. */
export interface ToolSetting {
  readonly tools: ClientTools;
  readonly broker: ToolBroker;
  /** `-p PORT`. */
  readonly at: readonly string[];
  readonly port: number;
}

/** What is played with mosquitto's clients and with Brooklet's commands, and what each gives must be like the other. */
export interface Scenario {
  readonly name: string;
  /** Plays it with both at the same time, each with a broker of this kind of their own; gives what compares the two. */
  play(brokerKind: ToolKind): Promise<() => void>;
}

export function scenarioOf<T>(
  name: string,
  play: (setting: ToolSetting) => Promise<T>,
  compare: (brooklet: T, mosquitto: T) => void,
): Scenario {
  return {
    name,
    play: async (brokerKind) => {
      const playing = [playedAt(brokerKind, "Brooklet", play), playedAt(brokerKind, "mosquitto", play)] as const;
      await Promise.allSettled(playing); // What fails leaves nothing of the other one.
      const results = await Promise.all(playing);
      return () => compare(...results);
    },
  };
}

/** Registers a scenario twice, once for each broker. */
export function scenario<T>(...parts: Parameters<typeof scenarioOf<T>>): void {
  const { name, play } = scenarioOf(...parts);
  for (const brokerKind of BROKER_KINDS) {
    register(`${name}, as mosquitto's clients do, at ${brokerKind}`, async () => (await play(brokerKind))());
  }
}

/** Registers scenarios that wait, as steps of one test for each broker: all of them wait at the same time. */
export function scenarios(name: string, all: readonly Scenario[]): void {
  for (const brokerKind of BROKER_KINDS) {
    register(`${name}, as mosquitto's clients do, at ${brokerKind}`, async (test) => {
      const played = all.map(({ name, play }) => ({ name, playing: play(brokerKind) }));
      await Promise.allSettled(played.map(({ playing }) => playing));
      for (const { name, playing } of played) await test.step(name, async () => (await playing)());
    });
  }
}

async function playedAt<T>(
  brokerKind: ToolKind,
  tools: ToolKind,
  play: (setting: ToolSetting) => Promise<T>,
): Promise<T> {
  await using broker = brokerKind === "mosquitto" ? await MosquittoBroker.start() : await BrookletBroker.start();
  const { port } = new URL(broker.url("mqtt"));
  return await play({ tools: new ClientTools(tools), broker, at: ["-p", port], port: Number(port) });
}

function latin1(bytes: Uint8Array): string {
  return [...bytes].map((byte) => String.fromCharCode(byte)).join("");
}
