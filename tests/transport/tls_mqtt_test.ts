import { assertEquals, assertNotEquals } from "@std/assert";
import { connect as connectSocket } from "node:net";
import { connect as connectTls } from "node:tls";
import { once } from "node:events";
import { Broker } from "../../src/broker/broker.ts";
import { listenTls, type TlsListener, type TlsListenOptions } from "../../src/transport/tls/tls.ts";
import { authority, certificatePath, identity } from "../certificates/certificates.ts";
import { within } from "../deadline.ts";
import { isInstalled, testsUnless } from "../installed.ts";

const CA = ["--cafile", certificatePath("authority.pem")];
const WITH_CERTIFICATE = { clientAuthority: authority(), requireCertificate: true };

const mosquittoTest = testsWithMosquitto();

mosquittoTest("seed 3-20: mosquitto_pub and mosquitto_sub over TLS with a private CA", async (open) => {
  await using server = await open({});
  await server.exchange(CA);
});

for (const version of ["tlsv1.2", "tlsv1.3"]) {
  mosquittoTest(`seed 3-17: mosquitto with a client certificate, ${version}`, async (open) => {
    await using server = await open(WITH_CERTIFICATE);
    await server.exchange([...CA, ...certificate("client"), "--tls-version", version]);
    assertEquals(server.names, ["sensor-1", "sensor-1"]);
  });
}

for (const name of [undefined, "client_expired", "client_foreign", "client_wrong_usage"]) {
  mosquittoTest(`mosquitto_pub with ${name ?? "no certificate"} is refused`, async (open) => {
    await using server = await open(WITH_CERTIFICATE);
    const { code } = await server.publish(name === undefined ? CA : [...CA, ...certificate(name)]);
    assertNotEquals(code, 0);
    assertEquals(server.failures.length, 1);
    assertEquals(server.names, []);
  });
}

mosquittoTest("seed 3-19: plain MQTT to the TLS port is told, and the connection ends", async (open) => {
  await using server = await open({});
  const { code } = await server.publish([]);
  assertNotEquals(code, 0);
  assertEquals(server.failures, ["client spoke plain MQTT to a TLS listener"]);
});

mosquittoTest("seed 3-17: mosquitto_pub that trusts another authority does not connect", async (open) => {
  await using server = await open({});
  const { code } = await server.publish(["--cafile", certificatePath("client_foreign.pem")]);
  assertNotEquals(code, 0);
  assertEquals(server.names, []);
});

Deno.test("a client that resets its TLS connection has its Will published [MQTT-3.1.2-8]", async () => {
  await using server = await Server.open({});
  const wills = server.broker.subscribe("will");
  const socket = connectSocket(server.listener.port, "127.0.0.1").on("error", () => {});
  const client = connectTls({ socket, servername: "localhost", ca: authority() }).on("error", () => {});
  client.write(Uint8Array.fromHex("101900044d515454040600000001" + "61" + "000477696c6c" + "0004" + "676f6e65"));
  const [connack] = await within(once(client, "data"), "CONNACK");
  assertEquals(new Uint8Array(connack), Uint8Array.of(0x20, 2, 0, 0));
  socket.resetAndDestroy();
  const { value } = await within(wills.next(), "the Will");
  assertEquals(new TextDecoder().decode(value?.payload), "gone");
});

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A broker on a TLS listener. */
class Server implements AsyncDisposable {
  readonly broker: Broker;
  readonly listener: TlsListener;
  /** Names in the certificates of the clients that came in. */
  readonly names: (string | undefined)[] = [];
  readonly failures: string[] = [];
  readonly #serving: Promise<void>;

  private constructor(broker: Broker, options: Partial<TlsListenOptions>) {
    this.broker = broker;
    this.listener = listenTls({
      ...identity("server"),
      port: 0,
      ...options,
      onHandshakeFailed: (_, reason) => this.failures.push(reason),
    });
    this.#serving = this.#serve();
  }

  static async open(options: Partial<TlsListenOptions>): Promise<Server> {
    return new Server(await Broker.open(), options);
  }

  publish(args: readonly string[]): Promise<Outcome> {
    return this.#run("mosquitto_pub", ["-t", "test", "-m", "over TLS", "-r", "-q", "1", ...args]);
  }

  /** One client publishes, another one gets it. */
  async exchange(args: readonly string[]): Promise<void> {
    assertEquals(await this.publish(args), { code: 0, stdout: "", stderr: "" });
    const subscribed = await this.#run("mosquitto_sub", ["-t", "test", "-C", "1", "-W", "5", ...args]);
    assertEquals(subscribed, { code: 0, stdout: "over TLS\n", stderr: "" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.listener.close();
    await this.broker.close();
    await this.#serving;
  }

  async #serve(): Promise<void> {
    for await (const transport of this.listener) {
      this.names.push(transport.peer.certificateName);
      this.broker.serve(transport);
    }
  }

  async #run(program: string, args: readonly string[]): Promise<Outcome> {
    const command = new Deno.Command(program, {
      args: ["-h", "127.0.0.1", "-p", `${this.listener.port}`, ...args],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
    const { code, stdout, stderr } = await within(command.output(), program, 10_000);
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  }
}

type RunWithServer = (open: (options: Partial<TlsListenOptions>) => Promise<Server>) => Promise<void>;

/** Where mosquitto is missing, tests are ignored with a line that says why; in continuous integration they fail. */
function testsWithMosquitto(): (name: string, run: RunWithServer) => void {
  const isMissing = ["mosquitto_pub", "mosquitto_sub"].some((program) => !isInstalled(program));
  const reason = "not installed: mosquitto_pub and mosquitto_sub (Debian: mosquitto-clients)";
  const register = testsUnless(isMissing ? reason : undefined);
  return (name, run) => register(name, () => run((options) => Server.open(options)));
}

function certificate(name: string): string[] {
  return ["--cert", certificatePath(`${name}.pem`), "--key", certificatePath(`${name}.key`)];
}
