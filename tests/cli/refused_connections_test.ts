/** Connections that a listener of the program refuses, as events of its broker. */

import { assertEquals, assertMatch } from "@std/assert";
import { certificatePath } from "../certificates/certificates.ts";
import { ConfigurationFolder } from "./config/written_file.ts";
import { ProgramInProcess } from "./program_in_process.ts";

const SCHEMES = ["ws", "mqtts", "mqtt"];
const HELP = ["path", "tls-handshake", "too-many-connections"];
const REQUEST = new TextEncoder().encode("GET /other HTTP/1.1\r\nHost: localhost\r\n\r\n");

Deno.test("A connection that a listener refuses is logged as an event, with its listener and the entry about it", async () => {
  using folder = new ConfigurationFolder();
  const listeners = SCHEMES.map((scheme) => `{ url: ${scheme}://127.0.0.1:0, maximumConnections: 1 }`);
  const yaml = `listeners: [${listeners}]
tls: { certificate: ${certificatePath("server.pem")}, key: ${certificatePath("server.key")} }
logging: { format: json }
`;
  await using program = new ProgramInProcess(["--config", folder.write("a.yaml", yaml)]);
  const lines = await program.stderr.matching(/^.*istening on \w+:\/\/127\.0\.0\.1:/, SCHEMES.length);
  const ports = lines.map((line) => Number.parseInt(line));
  for (const [index, help] of HELP.entries()) {
    const port = ports[index] ?? 0;
    using one = await Deno.connect({ port });
    using _other = help === "too-many-connections" ? await Deno.connect({ port }) : undefined;
    if (help !== "too-many-connections") await one.write(REQUEST);
    const [line] = await program.stderr.matching(new RegExp(`^(?=.*"connectionRefused".*#${help}")`));
    const { area, listener }: Record<string, unknown> = JSON.parse(line ?? "");
    const path = help === "path" ? "/mqtt" : "";
    assertEquals([area, listener], [
      "connections",
      `${SCHEMES[index]}://127.0.0.1:${port}${path}`,
    ]);
  }
});

Deno.test("A connection that is too many of its address is an event of the listener that users know", async () => {
  using folder = new ConfigurationFolder();
  const yaml = `listeners: [{ url: wss://127.0.0.1:0 }]
tls: { certificate: ${certificatePath("server.pem")}, key: ${certificatePath("server.key")} }
connections: { maximumPerAddress: 1 }
logging: { format: json }
`;
  await using program = new ProgramInProcess(["--config", folder.write("a.yaml", yaml)]);
  const [line] = await program.stderr.matching(/^.*istening on \w+:\/\/127\.0\.0\.1:/);
  const port = Number.parseInt(line ?? "");
  using _first = await Deno.connect({ port });
  using second = await Deno.connect({ port });
  assertEquals(await second.read(new Uint8Array(1)), null);
  const [refused = ""] = await program.stderr.matching(/^(?=.*"connectionRefused")/);
  const { message, listener, help }: Record<string, unknown> = JSON.parse(refused);
  assertMatch(`${message}`, /^Connection from 127\.0\.0\.1:\d+ refused: its address has 1 connections already/);
  assertEquals([listener, help], [`wss://127.0.0.1:${port}/mqtt`, "docs/troubleshooting.md#too-many-connections"]);
});
