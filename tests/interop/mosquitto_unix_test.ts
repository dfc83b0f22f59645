import { assertEquals } from "@std/assert";
import { withBroker } from "./broker_process.ts";
import { interopTests } from "./interop_tests.ts";
import { MosquittoSub, publish } from "./mosquitto_clients.ts";

const test = interopTests(["stdbuf", "mosquitto_pub", "mosquitto_sub"]);

for (const version of ["mqttv31", "mqttv311", "mqttv5"]) {
  test(`mosquitto_pub and mosquitto_sub use a Unix socket, ${version}`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      const path = `${folder}/mqtt`;
      await withBroker(async (broker) => {
        const args = ["--unix", path, "-V", version, "-t", "test", "-q", "1"];
        const lines = Array.from({ length: 1_000 }, (_, index) => `line ${index}`);
        await using local = await MosquittoSub.start(broker, args);
        await using remote = await MosquittoSub.start(broker, ["-t", "test", "-q", "1"]);
        await publish(broker, [...args, "-l"], lines.join("\n"));
        assertEquals(await local.messages(lines.length), lines);
        assertEquals(await remote.messages(lines.length), lines);
      }, ["--listen", `unix:${path}`]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}
