import { assertGreaterOrEqual, assertMatch } from "@std/assert";
import { RawClient, subscribe } from "../interop/raw_client.ts";
import { Program } from "./program.ts";

Deno.test("brooklet tells the memory that it uses at $SYS/broker/heap, and needs no permission for it", async () => {
  const permissions = ["--no-prompt", "--allow-net=127.0.0.1", "--allow-env"];
  await using program = await Program.listening(["--listen", "mqtt://127.0.0.1:0"], { permissions });
  using client = await RawClient.connect({ port: await program.port() }, { clientId: "reader" });
  const bytes: number[] = [];
  for (const name of ["current", "maximum"]) {
    const topic = `$SYS/broker/heap/${name}`;
    await client.send(subscribe(1, topic));
    await client.expect("90 03 0001 00");
    const said = new TextDecoder().decode(Uint8Array.fromHex(await client.packet()).subarray(4 + topic.length));
    assertMatch(said, /^\d{7,}$/); // The program alone takes some MB.
    bytes.push(Number(said));
  }
  assertGreaterOrEqual(bytes[1] ?? 0, bytes[0] ?? 0);
});
