/** `connections.maximumPerAddress` over all listeners, from the moment on at which a connection is accepted. */

import { assertEquals, assertLess } from "@std/assert";
import { certificatePath } from "../certificates/certificates.ts";
import { within } from "../deadline.ts";
import { bytes, connect } from "../interop/raw_client.ts";
import { HANDSHAKE } from "../transport/raw_web_socket.ts";
import { ConfigurationFolder } from "./config/written_file.ts";
import { type RunningProgram } from "./program.ts";
import { ProgramInProcess } from "./program_in_process.ts";

const MOST = 3;
const SCHEMES = ["mqtt", "mqtts", "ws", "wss"];
/** Of MQTT, of TLS and of HTTP. */
const FIRST_BYTES = [0x10, 0x16, 0x47, 0x16];
const REFUSED = new RegExp(
  `refused: its address has ${MOST} connections already\\. See docs/troubleshooting\\.md#too-many-connections$`,
);

Deno.test("maximumPerAddress counts connections that are still in a handshake, and no more when they are over", async () => {
  using folder = new ConfigurationFolder();
  const listeners = SCHEMES.map((scheme) => `{ url: ${scheme}://127.0.0.1:0 }`);
  const yaml = `listeners: [${listeners}]
tls: { certificate: ${certificatePath("server.pem")}, key: ${certificatePath("server.key")} }
connections: { maximumPerAddress: ${MOST} }
`;
  await using program = new ProgramInProcess(["--config", folder.write("a.yaml", yaml)]);
  const ports = await portsOf(program, listeners.length);
  for (const port of ports) {
    const silent: Deno.TcpConn[] = [];
    do {
      silent.push(await Deno.connect({ port }));
      await silent.at(-1)?.write(Uint8Array.of(FIRST_BYTES[ports.indexOf(port)] ?? 0)); // Begins it.
      assertLess(silent.length, 3 * MOST); // One that has just left counts until it is read that it has.
    } while (silent.length < MOST || await isServed(ports[0]));
    for (const connection of silent) connection.close();
    while (!await isServed(ports[0])); // Their ends are on the way.
  }
  await program.stderr.matching(REFUSED);
});

Deno.test("maximumPerAddress counts the clients of proxies by their own addresses", async () => {
  using folder = new ConfigurationFolder();
  const yaml = `listeners:
  - { url: ws://127.0.0.1:0, trustedProxies: [127.0.0.1] }
  - { url: mqtt://127.0.0.1:0, proxyProtocol: true }
authentication: { anonymous: true }
connections: { maximumPerAddress: ${MOST} }
`;
  await using program = new ProgramInProcess(["--config", folder.write("a.yaml", yaml)]);
  const [ws = 0, proxied = 0] = await portsOf(program, 2);
  using stack = new DisposableStack();
  const come = async (port: number, head: string, hex = "") => {
    const connection = stack.use(await Deno.connect({ port }));
    await connection.write(new TextEncoder().encode(head));
    if (hex !== "") await connection.write(bytes(hex));
    const answer = new Uint8Array(1);
    return await within(connection.read(answer), "an answer or the end").catch(() => null) === null
      ? "closed"
      : "served";
  };
  const upgrade = (address: string) =>
    come(ws, ["GET /mqtt HTTP/1.1", "Host: a", ...HANDSHAKE, `X-Forwarded-For: ${address}`, "", ""].join("\r\n"));
  const header = (address: string) =>
    come(proxied, `PROXY TCP4 ${address} 192.0.2.2 1 2\r\n`, connect({ clientId: "a" }));
  for (let count = 0; count < MOST + 2; count++) stack.use(await Deno.connect({ port: ws })); // Those of the proxy.
  for (let count = 0; count < MOST; count++) assertEquals(await upgrade("192.0.2.1"), "served");
  assertEquals([await upgrade("192.0.2.3"), await header("192.0.2.4")], ["served", "served"]);
  assertEquals(await header("192.0.2.1"), "closed");
  await upgrade("192.0.2.1");
  await program.stderr.matching(REFUSED, 2);
});

async function portsOf(program: RunningProgram, count: number): Promise<number[]> {
  const lines = await program.stderr.matching(/^.*listening on \w+:\/\/127\.0\.0\.1:/, count, 15_000);
  return lines.map((line) => parseInt(line));
}

/** Whether a client gets CONNACK. */
async function isServed(port = 0): Promise<boolean> {
  using connection = await Deno.connect({ port });
  const answer = new Uint8Array(1);
  try {
    await connection.write(bytes(connect({ clientId: "a" })));
    return await within(connection.read(answer), "an answer or the end") === 1;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe) return false;
    throw error;
  }
}
