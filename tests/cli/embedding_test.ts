import { assertEquals } from "@std/assert";

const MOD = new URL("../../mod.ts", import.meta.url);
const ROOMS = ["auth", "client", "codec", "storage", "transport"];

/** An app elsewhere, which knows nothing of the names that deno.json gives to others' packages. */
const APP = `
import { Broker, listenTcp, type Message } from ${JSON.stringify(MOD.href)};
${
  ROOMS.map((room) => `import * as ${room} from ${JSON.stringify(new URL(`src/${room}/mod.ts`, MOD).href)};`).join("\n")
}

console.log([${ROOMS.join(", ")}].every((room) => Object.keys(room).length > 0));

await using broker = await Broker.open();
const listener = listenTcp({ port: 0 });
const accepting = (async () => {
  for await (const transport of listener) broker.serve(transport);
})();
const doors = broker.subscribe("door/+");
await broker.publish("door/1", "open");
const { value } = await doors.next();
const message: Message | undefined = value;
console.log(message?.topic, message?.text(), listener.port > 0);
listener.close();
await accepting;
`;

Deno.test("an app elsewhere imports mod.ts and the other exports, without our import map, checks its types and runs", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/deno.json`, "{}");
    await Deno.writeTextFile(`${folder}/app.ts`, APP);
    assertEquals(await deno(folder, "check", "app.ts"), { code: 0, stdout: "" });
    assertEquals(await deno(folder, "run", "--allow-net", "app.ts"), { code: 0, stdout: "true\ndoor/1 open true\n" });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

async function deno(folder: string, ...args: readonly string[]): Promise<{ code: number; stdout: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: folder,
    stdin: "null",
    env: { NO_COLOR: "1" },
  }).output();
  if (code !== 0) console.error(new TextDecoder().decode(stderr));
  return { code, stdout: new TextDecoder().decode(stdout) };
}
