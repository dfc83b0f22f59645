import { within } from "../deadline.ts";
import { Lines } from "./lines.ts";
import type { Address } from "./raw_client.ts";

/** Longer than the 23 characters of MQTT 3.1, as the names that mosquitto makes up itself often are. */
export const BRIDGE_CLIENT_ID = "bridge-of-a-host-with-a-long-name";

/** mosquitto, itself a broker on a Unix socket, with a bridge to another broker. */
export class BridgeMosquitto implements AsyncDisposable {
  /** What makes mosquitto's clients use this broker. */
  readonly here: readonly string[];
  readonly #folder: string;
  readonly #child: Deno.ChildProcess;
  readonly #stderr: Lines;
  readonly #incomingTopics: number;

  private constructor(folder: string, incomingTopics: number) {
    this.#folder = folder;
    this.#incomingTopics = incomingTopics;
    this.here = ["--unix", socketIn(folder)];
    this.#child = new Deno.Command("mosquitto", {
      args: ["-c", `${folder}/mosquitto.conf`],
      env: { PATH: `${Deno.env.get("PATH")}:/usr/sbin` },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#stderr = new Lines(this.#child.stderr);
  }

  /** Starts it with these lines of configuration, of which one at least is a topic that comes in. */
  static async start(
    remote: Address,
    settings: readonly string[],
    clientId = BRIDGE_CLIENT_ID,
  ): Promise<BridgeMosquitto> {
    const folder = await Deno.makeTempDir();
    const lines = [...configuration(folder, remote), `remote_clientid ${clientId}`, ...settings];
    await Deno.writeTextFile(`${folder}/mosquitto.conf`, lines.join("\n"));
    const incomingTopics = settings.filter((line) => /^topic \S+ (in|both)/.test(line)).length;
    const bridge = new BridgeMosquitto(folder, incomingTopics);
    try {
      await bridge.connected();
    } catch (error) {
      await bridge[Symbol.asyncDispose]();
      throw error;
    }
    return bridge;
  }

  /** It has connected so many times, and has all its subscriptions. */
  async connected(times = 1): Promise<void> {
    await this.#stderr.matching(/Received SUBACK from/, this.#incomingTopics * times, 10_000);
  }

  /** It has seen that its connection is lost. */
  async disconnected(): Promise<void> {
    await this.#stderr.matching(
      /Client local\.\S+ (closed its connection|disconnected)|Socket error on client local\./,
    );
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.kill();
    } catch {
      // It has ended by itself.
    }
    await within(this.#child.status, "mosquitto to end");
    await this.#stderr.ended;
    await Deno.remove(this.#folder, { recursive: true });
  }
}

function configuration(folder: string, { hostname = "127.0.0.1", port }: Address): string[] {
  return [
    `listener 0 ${socketIn(folder)}`,
    "allow_anonymous true",
    "user root", // Where it is root it would become a user who cannot write to the folder.
    "log_dest stderr",
    "log_type all",
    "connection bridge",
    `address ${hostname}:${port}`,
    "restart_timeout 1",
  ];
}

function socketIn(folder: string): string {
  return `${folder}/mqtt`;
}
