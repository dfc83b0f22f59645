import { assert, assertEquals } from "@std/assert";
import { Broker, listenTcp, type Storage, type Transport } from "../../mod.ts";
import { Client, type ClientSubscription } from "../../src/client/mod.ts";
import { MemoryStorage } from "../../src/storage/mod.ts";
import { within } from "../deadline.ts";
import { BrokerProcess } from "../interop/broker_process.ts";
import { programTests } from "../interop/interop_tests.ts";
import { freePorts, MosquittoBroker } from "./mosquitto_broker.ts";

const MESSAGES = 600;
const RESTARTS = 3;
const DEADLINE_MS = 30_000;
// mosquitto 2.0.11 keeps a session of MQTT 5 through a restart only without expiry and Clean Start.
const OPTIONS = { sessionExpirySeconds: 0xffff_ffff, reconnect: { minimumDelayMs: 20, maximumDelayMs: 100 } } as const;

/** A server that can be taken away in the middle of everything, and comes back at its address with what it kept. */
interface Restartable {
  readonly url: string;
  restart(): Promise<void>;
}

/** The broker behind TCP: it crashes, that is, nothing reaches its storage or its clients from one moment to the next. */
class CrashingBroker implements Restartable, AsyncDisposable {
  readonly #storage = new MemoryStorage();
  #port = 0;
  #crash = (): Promise<void> => Promise.resolve();

  static async start(): Promise<CrashingBroker> {
    const crashing = new CrashingBroker();
    await crashing.#start();
    return crashing;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.#port}`;
  }

  async restart(): Promise<void> {
    await this.#crash();
    await this.#start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#crash();
  }

  async #start(): Promise<void> {
    let isUp = true;
    const inner = this.#storage;
    const storage: Storage = {
      isDurable: true,
      restore: () => inner.restore(),
      restoreSession: (clientId) => inner.restoreSession(clientId),
      commit: (changes) => isUp ? inner.commit(changes) : undefined,
      close: () => Promise.resolve(),
    };
    const broker = await Broker.open({ storage });
    const listener = listenTcp({ port: this.#port });
    this.#port = listener.port;
    const transports = new Set<Transport>();
    const served: Promise<void>[] = [];
    const accepting = (async () => {
      for await (const transport of listener) {
        transports.add(transport);
        served.push(broker.serve(transport));
      }
    })();
    this.#crash = async () => {
      isUp = false;
      for (const transport of transports) transport.close();
      listener.close();
      await accepting;
      await broker.close();
      await Promise.all(served);
    };
  }
}

/** The command line program, which is killed, and keeps in a file what it has promised. */
class KilledBroker implements Restartable, AsyncDisposable {
  readonly #folder: string;
  readonly #port: number;
  #process: BrokerProcess | undefined;

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.#port = port;
  }

  static async start(): Promise<KilledBroker> {
    const [port = 0] = freePorts(1);
    const killed = new KilledBroker(await Deno.makeTempDir(), port);
    await killed.restart();
    return killed;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.#port}`;
  }

  async restart(): Promise<void> {
    await this.#process?.kill();
    this.#process = await BrokerProcess.start(["--storage", `kv:${this.#folder}/kept.kv`, "--listen", this.url]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.kill();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** Numbers as they come, up to the last one; with QoS 1 some may come twice. */
async function numbers(subscription: ClientSubscription): Promise<number[]> {
  const received: number[] = [];
  for await (const message of subscription) {
    received.push(Number(message.text()));
    if (received.at(-1) === MESSAGES - 1) break;
  }
  return received;
}

/** Publishes while the server is restarted again and again; all must be acknowledged, and arrive as their QoS says. */
async function publishThroughRestarts(server: Restartable, qos: 1 | 2, protocolVersion: 4 | 5): Promise<void> {
  const options = { ...OPTIONS, protocolVersion, cleanStart: false };
  await using subscriber = await Client.connect(server.url, { ...options, clientId: "subscriber" });
  await using publisher = await Client.connect(server.url, { ...options, clientId: "publisher" });
  const receiving = numbers(await subscriber.subscribe("numbers", { qos, maximumMessages: 10 }));
  let acknowledged = 0;
  let published = 0;
  const lane = async () => {
    while (published < MESSAGES) {
      await publisher.publish("numbers", `${published++}`, { qos });
      acknowledged += 1;
      if (acknowledged % (MESSAGES / (RESTARTS + 1)) === 0 && acknowledged < MESSAGES) await server.restart();
    }
  };
  await within(Promise.all(Array.from({ length: 20 }, lane)), "all messages to be acknowledged", DEADLINE_MS);
  assertEquals(acknowledged, MESSAGES);
  const received = await within(receiving, "the last message", DEADLINE_MS);
  const all = Array.from({ length: MESSAGES }, (_, index) => index);
  if (qos === 2) assertEquals(received, all, "each once, and in order");
  else assertEquals(received.filter((number, index) => received.indexOf(number) === index), all, "each, and in order");
  assert(received.length >= MESSAGES);
}

const mosquittoTest = programTests(["mosquitto"]);

for (const protocolVersion of [5, 4] as const) {
  for (const qos of [1, 2] as const) {
    Deno.test(`QoS ${qos} through crashes of Brooklet loses nothing that was promised, v${protocolVersion}`, async () => {
      await using server = await CrashingBroker.start();
      await publishThroughRestarts(server, qos, protocolVersion);
    });

    Deno.test(`QoS ${qos} through kill -9 of the program loses nothing that was promised, v${protocolVersion}`, async () => {
      await using server = await KilledBroker.start();
      await publishThroughRestarts(server, qos, protocolVersion);
    });

    mosquittoTest(`QoS ${qos} through restarts of mosquitto loses nothing, v${protocolVersion}`, async () => {
      await using mosquitto = await MosquittoBroker.start();
      const restart = async () => {
        await mosquitto.stop();
        await mosquitto.run();
      };
      await publishThroughRestarts({ url: mosquitto.url("mqtt"), restart }, qos, protocolVersion);
    });
  }
}
