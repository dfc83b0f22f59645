import { certificatePath } from "../certificates/certificates.ts";
import { within } from "../deadline.ts";
import { Lines } from "../interop/lines.ts";

const START_ATTEMPTS = 3;

type Scheme = "mqtt" | "mqtts" | "ws" | "unix";

/** mosquitto as a broker, on loopback, which keeps its sessions on disk while it is down. */
export class MosquittoBroker implements AsyncDisposable {
  readonly #folder: string;
  readonly #ports: { readonly mqtt: number; readonly mqtts: number; readonly ws: number };
  #child: Deno.ChildProcess | undefined;
  #stderr: Lines | undefined;

  private constructor(folder: string, ports: readonly number[]) {
    const [mqtt = 0, mqtts = 0, ws = 0] = ports;
    this.#folder = folder;
    this.#ports = { mqtt, mqtts, ws };
  }

  /** Starts it on ports that were free a moment ago, and on others when one was taken meanwhile. */
  static async start(): Promise<MosquittoBroker> {
    for (let attempt = 1;; attempt++) {
      const broker = new MosquittoBroker(await Deno.makeTempDir(), freePorts(3));
      try {
        await broker.run();
        return broker;
      } catch (error) {
        await broker[Symbol.asyncDispose]();
        if (attempt === START_ATTEMPTS) throw error;
      }
    }
  }

  url(scheme: Scheme): string {
    return scheme === "unix" ? `unix:${this.#folder}/socket` : `${scheme}://127.0.0.1:${this.#ports[scheme]}`;
  }

  /** Starts it, again on the same ports. */
  async run(): Promise<void> {
    await Deno.writeTextFile(`${this.#folder}/mosquitto.conf`, this.#configuration().join("\n"));
    this.#child = new Deno.Command("mosquitto", {
      args: ["-c", `${this.#folder}/mosquitto.conf`],
      env: { PATH: `${Deno.env.get("PATH")}:/usr/sbin` },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#stderr = new Lines(this.#child.stderr);
    await this.#stderr.matching(/mosquitto version \S+ running/, 1, 10_000);
  }

  /** Stops it as a service manager does; it writes down what it has to keep. */
  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    try {
      child.kill(signal);
    } catch {
      // It has ended by itself.
    }
    await within(child.status, "mosquitto to end");
    await this.#stderr?.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGKILL");
    await Deno.remove(this.#folder, { recursive: true });
  }

  #configuration(): string[] {
    const { mqtt, mqtts, ws } = this.#ports;
    return [
      "allow_anonymous true",
      "user root", // Where it is root it would become a user who cannot write to the folder.
      "log_dest stderr",
      "max_queued_messages 0", // Else it drops what a burst has too much, whatever its QoS.
      "persistence true",
      `persistence_location ${this.#folder}/`,
      `listener ${mqtt} 127.0.0.1`,
      `listener 0 ${this.#folder}/socket`,
      `listener ${mqtts} 127.0.0.1`,
      `cafile ${certificatePath("authority.pem")}`,
      `certfile ${certificatePath("server.pem")}`,
      `keyfile ${certificatePath("server.key")}`,
      "require_certificate true",
      `listener ${ws} 127.0.0.1`,
      "protocol websockets",
      "socket_domain ipv4", // Else it listens for WebSocket on all addresses.
    ];
  }
}

/** Ports of 127.0.0.1 that were free a moment ago. */
export function freePorts(count: number): number[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  return listeners.map((listener) => {
    const { port } = listener.addr;
    listener.close();
    return port;
  });
}
